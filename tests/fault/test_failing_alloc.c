/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every allocation of every call that sets something up fails once, wherever in the process: it
 * succeeds all the same or says -ENOMEM (a thread: -EAGAIN), and leaves nothing behind. */
#include "actions.h"
#include "harness/test.h"
#include "output/folder.h"

#include <softisp/log.h>

#include <errno.h>

static void be_quiet(void *user, enum sisp_log_level level, const char *sentence)
{
}

TEST(each_allocation_may_fail)
{
    REQUIRE(actions_init());
    for (const struct action *action = actions; action->name; action++) {
        unsigned failures = action_fail_each(action, FAULT_ALLOCATION, -ENOMEM);
        CHECK(failures > 0);
        printf("%s: %u\n", action->name, failures);
    }
    CHECK_EQ(action_problems(), 0);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 4096);
    sisp_log_set(SISP_LOG_ERROR, be_quiet, NULL);
    fault_init();
    RUN(each_allocation_may_fail);
    folder_clear();
    folder_remove();
    return test_report();
}
