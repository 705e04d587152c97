/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What sessions may take of what they share: buffers, credits, calls. */
#include "engine/runtime.h"
#include "engine/several.h"

#include <errno.h>

/* A session whose floor pictures wait for their turn leaves the other its own. */
TEST(each_session_has_its_own_buffers_of_the_floor)
{
    start(2);
    uint32_t other = open_one();
    atomic_store(&fixture.commands[FAST_ALGO].hold, 1);
    for (uint32_t i = 0; i < 12; i++) {
        submit_to(0, ENG_LANE_FAST); /* 4 wait for the lane, the others go to the floor */
        if (i >= 4)
            CHECK_EQ(fixture_until_runs(&fixture, RAW_ISP, i < 9 ? i - 3 : 5), true);
    }
    CHECK_EQ(atomic_load(&fixture.commands[RAW_ISP].runs), 5); /* of 6 buffers one is kept */
    for (uint32_t i = 0; i < 5; i++)
        submit_to(other, ENG_LANE_FAST);
    CHECK(fixture_until_runs(&fixture, RAW_ISP, 6));
    atomic_store(&fixture.commands[FAST_ALGO].hold, 0);
    for (uint32_t i = 0; i < 5; i++)
        take_from(other);
    CHECK_EQ(completion.row.outcome, ENG_DELIVERED);
    CHECK_EQ(completion.row.fallback_reason, ENG_REASON_LANE_FULL);
    for (uint32_t i = 0; i < 12; i++)
        take_from(0);
    CHECK_EQ(completion.row.reason, ENG_REASON_NO_BUFFER);
    CHECK_EQ(eng_session_close(fixture.runtime, 0), 0);
    close_and_check_home(other);
    fixture_finish(&fixture);
}

/* Frames that nobody reads take their session's credits and no more. */
TEST(a_session_that_nobody_reads_is_bounded)
{
    start(2);
    uint32_t other = open_one(), accepted = 0;
    fixture.session = other;
    for (int i = 0; i < 5000 && accepted < 64; i++) {
        if (fixture_submit(&fixture, ENG_LANE_FAST, 0) == 0)
            accepted++;
        else
            plat_sleep_ns(MS); /* for an input */
    }
    CHECK_EQ(accepted, 64);
    for (int i = 0; i < 500; i++) {
        int error = fixture_submit(&fixture, ENG_LANE_FAST, 0);
        accepted += !error;
        CHECK(!error || error == -EAGAIN);
        plat_sleep_ns(MS / 50);
    }
    CHECK(accepted <= 72);
    for (int i = 0; i < 20; i++) {
        submit_to(0, ENG_LANE_FAST);
        take_from(0);
    }
    CHECK_EQ(eng_session_close(fixture.runtime, 0), 0);
    close_and_check_home(other);
    fixture_finish(&fixture);
}

static void drain_it(void *argument)
{
    int error = eng_drain(fixture.runtime, 0, UINT64_MAX);
    CHECK_EQ(error, 0);
}

/* Threads that wait take places, and there are so many. */
TEST(too_many_calls_are_refused)
{
    start(1);
    struct plat_thread threads[ENG_CALLS_MAX];
    uint32_t session;
    struct eng_session_config any = {0};
    atomic_store(&fixture.commands[FAST_ISP].hold, 1);
    submit_to(0, ENG_LANE_FAST);
    for (uint32_t i = 0; i < ENG_CALLS_MAX; i++) {
        threads[i] = (struct plat_thread){.name = "drainer", .run = drain_it};
        REQUIRE(plat_thread_create(&threads[i]) == 0);
    }
    for (uint32_t i = 0; i < ENG_CALLS_MAX; i++)
        while (atomic_load(&fixture.runtime->core.calls.table[i].state) == ENG_CALL_FREE)
            plat_sleep_ns(MS);
    CHECK_EQ(eng_session_open(fixture.runtime, &any, &session), -EAGAIN);
    CHECK_EQ(eng_session_close(fixture.runtime, 0), -EAGAIN);
    CHECK_EQ(eng_flush(fixture.runtime, 0), -EAGAIN);
    atomic_fetch_add(&fixture.runtime->core.places[0].cancels_in_flight, ENG_CANCELS_MAX);
    CHECK_EQ(eng_cancel(fixture.runtime, 0, 0), -EAGAIN);
    atomic_fetch_sub(&fixture.runtime->core.places[0].cancels_in_flight, ENG_CANCELS_MAX);
    atomic_store(&fixture.commands[FAST_ISP].hold, 0);
    for (uint32_t i = 0; i < ENG_CALLS_MAX; i++)
        plat_thread_join(&threads[i]);
    take_from(0);
    CHECK_EQ(completion.row.outcome, ENG_DELIVERED);
    close_and_check_home(0);
    fixture_finish(&fixture);
}

int main(void)
{
    RUN(each_session_has_its_own_buffers_of_the_floor);
    RUN(a_session_that_nobody_reads_is_bounded);
    RUN(too_many_calls_are_refused);
    return test_report();
}
