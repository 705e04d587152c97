/* SPDX-License-Identifier: GPL-3.0-or-later */
/* No descriptor, no thread, no memfd is to be had, at every place where one is asked for: the call
 * says so and leaves nothing behind. */
#include "actions.h"
#include "harness/test.h"
#include "output/folder.h"

#include <softisp/log.h>

#include <errno.h>

static void be_quiet(void *user, enum sisp_log_level level, const char *sentence)
{
}

/* Over all actions. */
static unsigned fail_each(enum fault_kind kind, int expected)
{
    unsigned before = action_problems(), failures = 0;
    for (const struct action *action = actions; action->name; action++)
        failures += action_fail_each(action, kind, expected);
    CHECK_EQ(action_problems() - before, 0);
    printf("%s: %u failures\n", test_name, failures);
    return failures;
}

TEST(each_descriptor_may_be_missing)
{
    CHECK(fail_each(FAULT_DESCRIPTOR, -EMFILE) >= 15); /* every file is opened, a session maps */
}

TEST(each_thread_may_be_missing)
{
    /* Of two sessions: control, telemetry, three teams of two or one. */
    CHECK(fail_each(FAULT_THREAD, -EAGAIN) >= 12);
}

TEST(each_memfd_may_be_missing)
{
    CHECK(fail_each(FAULT_MEMFD, -ENFILE) >= 3); /* two sessions and a DNG */
}

TEST(the_files_are_prepared)
{
    CHECK(actions_init());
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 4096);
    sisp_log_set(SISP_LOG_ERROR, be_quiet, NULL);
    fault_init();
    RUN(the_files_are_prepared);
    RUN(each_descriptor_may_be_missing);
    RUN(each_thread_may_be_missing);
    RUN(each_memfd_may_be_missing);
    folder_clear();
    folder_remove();
    return test_report();
}
