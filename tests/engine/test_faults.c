/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What happens to frames when workers are slow, hung or failing and lanes or consumers are full.
 */
#include "engine/fixture.h"
#include "harness/test.h"

#include <errno.h>

static struct fixture fixture;
static struct eng_completion completion;

static uint64_t in_ms(uint64_t ms)
{
    return eng_now_ns() + ms * MS;
}

static void deliver_one_fast(uint64_t sequence)
{
    REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, in_ms(5000)) == 0);
    REQUIRE(fixture_next(&fixture, &completion) == 0);
    CHECK_EQ(completion.row.outcome, ENG_DELIVERED);
    CHECK(!completion.row.fallback_used);
    CHECK(fixture_is_picture_of(&completion, sequence));
    eng_release(fixture.runtime, &completion);
}

static void check_floor(uint64_t sequence, enum eng_reason reason)
{
    REQUIRE(fixture_next(&fixture, &completion) == 0);
    CHECK_EQ(completion.row.outcome, ENG_DELIVERED);
    CHECK_EQ(completion.row.sequence, sequence);
    CHECK(completion.row.fallback_used);
    CHECK_EQ(completion.row.fallback_reason, reason);
    CHECK_STR(completion.row.fallback_from, "FastISP");
    CHECK_STR(completion.row.fallback_to, "RawISP");
    CHECK_STR(completion.row.worker, "RawISP");
    CHECK(fixture_is_picture_of(&completion, sequence));
}

TEST(a_slow_worker_costs_its_own_picture)
{
    fixture_init(&fixture, 2);
    fixture.config.knobs.floor_budget_ns = 500 * MS;
    REQUIRE(fixture_start(&fixture) == 0);
    deliver_one_fast(0);
    atomic_store(&fixture.commands[FAST_ISP].hold, 1);
    uint64_t deadline_ns = in_ms(1000);
    REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, deadline_ns) == 0);
    check_floor(1, ENG_REASON_WORKER_HUNG);
    CHECK(completion.row.published_ns <= deadline_ns);
    eng_release(fixture.runtime, &completion);
    /* While it is suspect, frames do not wait for it. */
    uint64_t before_ns = eng_now_ns();
    REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, in_ms(5000)) == 0);
    check_floor(2, ENG_REASON_WORKER_HUNG);
    CHECK(eng_now_ns() - before_ns < 2000 * MS);
    eng_release(fixture.runtime, &completion);
    FIXTURE_UNTIL(&fixture, figures.waitingq_depth == 1);
    atomic_store(&fixture.commands[FAST_ISP].hold, 0);
    FIXTURE_UNTIL(&fixture, figures.waitingq_depth == 0 && figures.late_completion_dropped == 1);
    deliver_one_fast(3);
    fixture_finish(&fixture);
    CHECK_EQ(fixture.rows, 4);
}

TEST(a_stolen_job_ends_at_the_next_task)
{
    fixture_init(&fixture, 1);
    REQUIRE(fixture_start(&fixture) == 0);
    atomic_store(&fixture.commands[FAST_ISP].task_wait_ns, 20 * MS);
    while (atomic_load(&fixture.commands[FAST_ISP].runs) == 0) { /* until one starts in time */
        REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, in_ms(100)) == 0);
        REQUIRE(fixture_next(&fixture, &completion) == 0);
        eng_release(fixture.runtime, &completion);
    }
    FIXTURE_UNTIL(&fixture, figures.late_completion_dropped == 1 && figures.waitingq_depth == 0);
    CHECK(fixture.commands[FAST_ISP].tasks < TASKS);
    fixture_finish(&fixture);
}

TEST(without_a_floor_it_is_late)
{
    fixture_init(&fixture, 1);
    fixture.config.lanes[ENG_LANE_FLOOR].stage_count = 0;
    REQUIRE(fixture_start(&fixture) == 0);
    atomic_store(&fixture.commands[FAST_ALGO].hold, 1);
    uint64_t deadline_ns = in_ms(100);
    for (int i = 0; i < 2; i++)
        REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, deadline_ns) == 0);
    REQUIRE(fixture_until_runs(&fixture, FAST_ALGO, 1));
    for (int i = 0; i < 2; i++) {
        REQUIRE(fixture_next(&fixture, &completion) == 0);
        CHECK_EQ(completion.row.sequence, i);
        CHECK_EQ(completion.row.outcome, ENG_LATE);
        CHECK_EQ(completion.row.reason, i ? ENG_REASON_DEADLINE : ENG_REASON_WORKER_HUNG);
        CHECK(completion.delivered[ROLE_PICTURE].bytes == NULL);
    }
    atomic_store(&fixture.commands[FAST_ALGO].hold, 0);
    FIXTURE_UNTIL(&fixture, figures.waitingq_depth == 0);
    deliver_one_fast(2);
    fixture_finish(&fixture);
}

TEST(a_slow_floor_is_late_too)
{
    fixture_init(&fixture, 1);
    REQUIRE(fixture_start(&fixture) == 0);
    atomic_store(&fixture.commands[FAST_ALGO].fail, -EIO);
    atomic_store(&fixture.commands[RAW_ISP].hold, 1);
    REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, in_ms(1000)) == 0); /* time enough to fail */
    REQUIRE(fixture_next(&fixture, &completion) == 0);
    CHECK_EQ(completion.row.outcome, ENG_LATE);
    CHECK(completion.row.fallback_used);
    CHECK_EQ(completion.row.fallback_reason, ENG_REASON_WORKER_FAILED);
    CHECK_STR(completion.row.worker, "");
    /* While the floor is suspect the next one waits: in vain until its deadline... */
    atomic_store(&fixture.commands[FAST_ALGO].fail, -EIO);
    REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, in_ms(30)) == 0);
    REQUIRE(fixture_next(&fixture, &completion) == 0);
    CHECK_EQ(completion.row.outcome, ENG_LATE);
    /* ... or for as long as the floor takes to answer. */
    atomic_store(&fixture.commands[FAST_ALGO].fail, -EIO);
    REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, in_ms(5000)) == 0);
    atomic_store(&fixture.commands[RAW_ISP].hold, 0);
    REQUIRE(fixture_next(&fixture, &completion) == 0);
    CHECK_EQ(completion.row.outcome, ENG_DELIVERED);
    CHECK_STR(completion.row.worker, "RawISP");
    eng_release(fixture.runtime, &completion);
    fixture_finish(&fixture);
}

TEST(a_failing_command_falls_back)
{
    fixture_init(&fixture, 1);
    REQUIRE(fixture_start(&fixture) == 0);
    deliver_one_fast(0);
    atomic_store(&fixture.commands[FAST_ISP].fail, -EIO);
    REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, 0) == 0);
    check_floor(1, ENG_REASON_WORKER_FAILED);
    CHECK_EQ(completion.row.reason, ENG_REASON_WORKER_FAILED);
    CHECK_EQ(completion.row.timing_count, 1); /* what the fast lane did is not in the picture */
    eng_release(fixture.runtime, &completion);
    deliver_one_fast(2);
    atomic_store(&fixture.commands[SLOW_ISP].fail, -EIO);
    REQUIRE(fixture_submit(&fixture, ENG_LANE_BACKGROUND, 0) == 0);
    REQUIRE(fixture_next(&fixture, &completion) == 0);
    CHECK_EQ(completion.row.outcome, ENG_FAILED);
    CHECK_EQ(completion.row.reason, ENG_REASON_WORKER_FAILED);
    fixture_finish(&fixture);
}

/* Six frames at once in a lane for two: 0 and 1 stay, 2 and 3 have fallen to the floor, where 3
 * supersedes what waits. All leave in order. */
TEST(a_full_lane_falls_back_and_the_newest_wins)
{
    fixture_init(&fixture, 1);
    fixture.config.lanes[ENG_LANE_FAST].capacity = 2;
    REQUIRE(fixture_start(&fixture) == 0);
    atomic_store(&fixture.commands[FAST_ALGO].hold, 1);
    atomic_store(&fixture.commands[RAW_ISP].hold, 1);
    for (int i = 0; i < 3; i++)
        REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, 0) == 0);
    REQUIRE(fixture_until_runs(&fixture, RAW_ISP, 1));
    for (int i = 3; i < 6; i++)
        REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, 0) == 0);
    FIXTURE_UNTIL(&fixture, figures.lanes[ENG_LANE_FAST].accepted == 6);
    CHECK_EQ(eng_next(fixture.runtime, 0, &completion, 0), -EAGAIN); /* in order: 0 is not done */
    atomic_store(&fixture.commands[FAST_ALGO].hold, 0);
    atomic_store(&fixture.commands[RAW_ISP].hold, 0);
    static const enum eng_reason reasons[] = {ENG_REASON_NONE, ENG_REASON_NONE,
        ENG_REASON_LANE_FULL, ENG_REASON_SUPERSEDED, ENG_REASON_SUPERSEDED, ENG_REASON_LANE_FULL};
    for (uint64_t i = 0; i < 6; i++) {
        REQUIRE(fixture_next(&fixture, &completion) == 0);
        CHECK_EQ(completion.row.sequence, i);
        CHECK_EQ(completion.row.reason, reasons[i]);
        bool is_dropped = reasons[i] == ENG_REASON_SUPERSEDED;
        CHECK_EQ(completion.row.outcome, is_dropped ? ENG_DROPPED : ENG_DELIVERED);
        CHECK_EQ(fixture_is_picture_of(&completion, i), !is_dropped);
        eng_release(fixture.runtime, &completion);
    }
    fixture_finish(&fixture);
}

TEST(a_slow_consumer_loses_frames)
{
    fixture_init(&fixture, 1);
    fixture.config.knobs.consumer_pins_max = 2;
    REQUIRE(fixture_start(&fixture) == 0);
    struct eng_completion held[2];
    for (int i = 0; i < 4; i++) {
        REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, 0) == 0);
        REQUIRE(fixture_next(&fixture, &completion) == 0);
        CHECK_EQ(completion.row.outcome, i < 2 ? ENG_DELIVERED : ENG_DROPPED);
        CHECK_EQ(completion.row.reason, i < 2 ? ENG_REASON_NONE : ENG_REASON_CONSUMER_FULL);
        if (i < 2)
            held[i] = completion;
    }
    CHECK(fixture_is_picture_of(&held[0], 0));
    CHECK(fixture_is_picture_of(&held[1], 1));
    eng_release(fixture.runtime, &held[0]);
    eng_release(fixture.runtime, &held[0]); /* a second one is not counted */
    REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, 0) == 0);
    REQUIRE(fixture_next(&fixture, &completion) == 0);
    CHECK_EQ(completion.row.outcome, ENG_DELIVERED);
    REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, 0) == 0);
    REQUIRE(fixture_next(&fixture, &completion) == 0);
    CHECK_EQ(completion.row.reason, ENG_REASON_CONSUMER_FULL);
    fixture_finish(&fixture);
}

TEST(no_fast_buffer_goes_to_the_floor_which_keeps_its_last)
{
    fixture_init(&fixture, 1);
    fixture.config.pools[POOL_PICTURE].count = 1;
    fixture.config.pools[POOL_FLOOR].count = 2;
    REQUIRE(fixture_start(&fixture) == 0);
    for (uint64_t i = 0; i < 3; i++)
        REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, 0) == 0);
    REQUIRE(fixture_next(&fixture, &completion) == 0);
    CHECK(!completion.row.fallback_used);
    check_floor(1, ENG_REASON_NO_BUFFER);
    REQUIRE(fixture_next(&fixture, &completion) == 0);
    CHECK_EQ(completion.row.reason, ENG_REASON_CONSUMER_FULL);
    fixture_finish(&fixture);
}

TEST(inputs_are_given_once)
{
    fixture_init(&fixture, 1);
    REQUIRE(fixture_start(&fixture) == 0);
    struct eng_submission submission = {.lane = ENG_LANE_FAST};
    struct eng_span span;
    REQUIRE(eng_input_acquire(fixture.runtime, &submission.input, &span) == 0);
    eng_input_cancel(fixture.runtime, submission.input);
    CHECK_EQ(eng_submit(fixture.runtime, &submission), -ESTALE);
    REQUIRE(eng_input_acquire(fixture.runtime, &submission.input, &span) == 0);
    CHECK_EQ(eng_submit(fixture.runtime, &submission), 0);
    CHECK_EQ(eng_submit(fixture.runtime, &submission), -ESTALE);
    submission.lane = ENG_LANE_FLOOR;
    CHECK_EQ(eng_submit(fixture.runtime, &submission), -EINVAL);
    REQUIRE(fixture_next(&fixture, &completion) == 0);
    submission.lane = ENG_LANE_FAST;
    submission.input = completion.handles[ROLE_PICTURE];
    CHECK_EQ(eng_submit(fixture.runtime, &submission), -ESTALE);
    CHECK_EQ(eng_next(fixture.runtime, 0, &completion, MS), -EAGAIN);
    fixture_finish(&fixture);
}

TEST(inputs_run_out_and_come_back)
{
    fixture_init(&fixture, 1);
    REQUIRE(fixture_start(&fixture) == 0);
    struct eng_handle handles[17];
    struct eng_span span;
    for (int i = 0; i < 16; i++)
        REQUIRE(eng_input_acquire(fixture.runtime, &handles[i], &span) == 0);
    CHECK_EQ(eng_input_acquire(fixture.runtime, &handles[16], &span), -EAGAIN);
    for (int i = 0; i < 16; i++)
        eng_input_cancel(fixture.runtime, handles[i]);
    int error = -EAGAIN;
    for (int i = 0; i < 5000 && error; i++) {
        plat_sleep_ns(MS);
        error = eng_input_acquire(fixture.runtime, &handles[0], &span);
    }
    CHECK_EQ(error, 0);
    fixture_finish(&fixture);
}

TEST(a_stuck_reader_of_telemetry_stops_nobody)
{
    fixture_init(&fixture, 1);
    REQUIRE(fixture_start(&fixture) == 0);
    atomic_store(&fixture.telemetry_hold, 1);
    for (uint64_t i = 0; i < 600; i++)
        deliver_one_fast(i);
    struct eng_figures stuck;
    eng_figures(fixture.runtime, &stuck);
    CHECK(stuck.telemetry_dropped > 100);
    atomic_store(&fixture.telemetry_hold, 0);
    FIXTURE_UNTIL(&fixture, figures.telemetry_written + figures.telemetry_dropped == 600);
    fixture_finish(&fixture);
    CHECK_EQ(fixture.rows + stuck.telemetry_dropped, 600);
}

int main(void)
{
    RUN(a_slow_worker_costs_its_own_picture);
    RUN(a_stolen_job_ends_at_the_next_task);
    RUN(without_a_floor_it_is_late);
    RUN(a_slow_floor_is_late_too);
    RUN(a_failing_command_falls_back);
    RUN(a_full_lane_falls_back_and_the_newest_wins);
    RUN(a_slow_consumer_loses_frames);
    RUN(no_fast_buffer_goes_to_the_floor_which_keeps_its_last);
    RUN(inputs_are_given_once);
    RUN(inputs_run_out_and_come_back);
    RUN(a_stuck_reader_of_telemetry_stops_nobody);
    return test_report();
}
