/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A stop that comes between a submitter's credit and its second look: the mark there is where this
 * program lets everything else happen. */
#include "engine/runtime.h"
#include "engine/several.h"
#include "platform/simulate.h"

#include <errno.h>
#include <sys/eventfd.h>

#define PATIENCE_NS (10000 * MS)

static struct plat_thread reader;
static _Atomic int read_result;
static bool is_armed;

static void read_to_the_end(void *argument)
{
    static struct eng_completion last;
    atomic_store(&read_result, eng_next(fixture.runtime, 0, &last, PATIENCE_NS));
}

void plat_point(struct plat_site *site)
{
    if (!is_armed || strcmp(site->name, "credit_taken") != 0)
        return;
    is_armed = false;
    eng_stop(fixture.runtime);
    reader = (struct plat_thread){.name = "reader", .run = read_to_the_end};
    CHECK_EQ(plat_thread_create(&reader), 0);
    plat_sleep_ns(20 * MS); /* it waits by then, since a frame may yet come */
}

TEST(a_reader_learns_that_the_last_submitter_was_refused)
{
    start(1);
    struct eng_submission submission = {.lane = ENG_LANE_FAST};
    struct eng_span span;
    REQUIRE(eng_input_acquire(fixture.runtime, &submission.input, &span) == 0);
    is_armed = true;
    uint64_t start_ns = eng_now_ns();
    CHECK_EQ(eng_submit(fixture.runtime, &submission), -ESHUTDOWN);
    REQUIRE(!is_armed);
    plat_thread_join(&reader);
    CHECK_EQ(read_result, -ESHUTDOWN);
    CHECK(eng_now_ns() - start_ns < PATIENCE_NS);
    fixture_finish(&fixture);
}

/* A device may fill it again where it is, so its next read begins anew. An eventfd that was
 * signalled stands for a dmabuf that nobody works on. */
TEST(a_refused_input_is_read_no_more)
{
    start(1);
    struct eng_submission submission = {.lane = ENG_LANE_FAST};
    struct eng_span span;
    REQUIRE(eng_input_acquire(fixture.runtime, &submission.input, &span) == 0);
    struct eng_backing *backing = &fixture.runtime->core.resources.backings[submission.input.index];
    backing->dmabuf = eventfd(1, EFD_CLOEXEC);
    CHECK_EQ(eng_input_span(fixture.runtime, submission.input, &span), 0);
    CHECK(backing->is_begun);
    eng_stop(fixture.runtime);
    CHECK_EQ(eng_submit(fixture.runtime, &submission), -ESHUTDOWN);
    CHECK(!backing->is_begun);
    CHECK_EQ(
        eng_input_cancel(fixture.runtime, submission.input), 0); /* it was the caller's still */
    fixture_finish(&fixture);
}

int main(void)
{
    RUN(a_refused_input_is_read_no_more);
    RUN(a_reader_learns_that_the_last_submitter_was_refused);
    return test_report();
}
