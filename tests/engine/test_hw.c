/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Reclaim correctness with simulated FRAME_HW_DONE: a device with a thread of its own draws the
 * pictures of FastISP and answers in time, late, never, twice, for another slot or after the end.
 */
#include "engine/device.h"
#include "harness/test.h"

#include <errno.h>
#include <softisp/log.h>

static struct fixture fixture;
static struct eng_completion completion;

/* ---- start and finish -------------------------------------------------------------------------
 */

static void start(int (*hw_reset)(void *user))
{
    fixture_init(&fixture, 1);
    fixture.config.commands[FAST_ISP].ops = &device_ops;
    fixture.config.hw_reset = hw_reset;
    REQUIRE(fixture_start(&fixture) == 0);
    REQUIRE(device_start(fixture.runtime) == 0);
}

static void stop_device(void)
{
    device_stop();
    CHECK_EQ(device.disturbed, 0);
}

static void finish_all(void)
{
    stop_device();
    fixture_finish(&fixture);
}

static uint64_t in_ms(uint64_t ms)
{
    return eng_now_ns() + ms * MS;
}

static void set_manner(enum manner manner)
{
    atomic_store(&device.manner, manner);
}

static uint64_t events(enum eng_event_type type)
{
    struct eng_figures figures;
    eng_figures(fixture.runtime, &figures);
    return figures.events[type];
}

/* The next completion is that frame's, made by the device or else by the floor. */
static void check_next(uint64_t sequence, bool is_floor)
{
    REQUIRE(fixture_next(&fixture, &completion) == 0);
    CHECK_EQ(completion.row.sequence, sequence);
    CHECK_EQ(completion.row.outcome, ENG_DELIVERED);
    CHECK_STR(completion.row.worker, is_floor ? "RawISP" : "FastISP");
    CHECK(fixture_is_picture_of(&completion, sequence));
    eng_release(fixture.runtime, &completion);
}

static void deliver(void)
{
    uint64_t sequence = fixture.next_sequence;
    REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, in_ms(5000)) == 0);
    check_next(sequence, false);
}

/* Its worker lets go of the stolen frame as soon as it runs: until then the floor stands in. */
static void await_worker(void)
{
    do {
        REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, in_ms(5000)) == 0);
        REQUIRE(fixture_next(&fixture, &completion) == 0);
        CHECK_EQ(completion.row.outcome, ENG_DELIVERED);
        eng_release(fixture.runtime, &completion);
    } while (completion.row.fallback_reason == ENG_REASON_WORKER_HUNG);
    CHECK_STR(completion.row.worker, "FastISP");
}

/* A frame whose device does not answer by its deadline. On a loaded machine its worker may not even
 * come to start it. */
static void lose(enum manner manner)
{
    uint64_t taken = atomic_load(&device.taken);
    set_manner(manner);
    while (atomic_load(&device.taken) == taken) {
        REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, in_ms(200)) == 0);
        REQUIRE(fixture_next(&fixture, &completion) == 0);
        eng_release(fixture.runtime, &completion);
    }
    const struct eng_row *row = &completion.row; /* the floor may have been too late as well */
    CHECK_EQ(row->fallback_used ? row->fallback_reason : row->reason, ENG_REASON_WORKER_HUNG);
    set_manner(PROMPT);
    await_worker();
}

/* ---- cases ------------------------------------------------------------------------------------
 */

TEST(in_time)
{
    start(NULL);
    for (uint64_t i = 0; i < 20; i++)
        deliver();
    CHECK_EQ(events(ENG_EVENT_FRAME_RECLAIM_TRIGGERED), 0);
    CHECK_EQ(events(ENG_EVENT_LATE_COMPLETION_DROPPED), 0);
    finish_all();
    CHECK_EQ(device.answered, 20); /* counted behind the answer: read when the device has ended */
    CHECK_EQ(device.refused, 0);
}

/* The slot stays away as long as the device may write; the worker takes the next frame at once. */
TEST(late_after_the_slot_was_stolen)
{
    start(NULL);
    lose(HELD);
    deliver();
    CHECK_EQ(events(ENG_EVENT_FRAME_RECLAIM_TRIGGERED), 1);
    CHECK_EQ(events(ENG_EVENT_FRAME_RECLAIMED), 0);
    atomic_store(&device.release, 1);
    FIXTURE_UNTIL(&fixture, figures.events[ENG_EVENT_FRAME_RECLAIMED] == 1 &&
                                figures.events[ENG_EVENT_PACKET_RETURNED_TO_FIFO] == 1 &&
                                figures.waitingq_depth == 0 && figures.quarantined == 0);
    CHECK_EQ(device.refused, 0); /* it was expected still */
    deliver();
    finish_all();
}

TEST(never)
{
    start(NULL);
    uint64_t before_ns = eng_now_ns();
    lose(NEVER);
    FIXTURE_UNTIL(&fixture, figures.quarantined == 1 && !figures.degraded);
    uint64_t took_ns = eng_now_ns() - before_ns;
    printf("quarantined after %" PRIu64 " ms\n", took_ns / MS);
    CHECK(took_ns >= 290 * MS);
    lose(NEVER);
    FIXTURE_UNTIL(&fixture, figures.quarantined == 2 && figures.degraded);
    CHECK_EQ(events(ENG_EVENT_DEGRADED), 1);
    for (uint64_t i = 2; i < 40; i++) /* every slot and buffer comes round */
        deliver();
    finish_all();
}

TEST(twice)
{
    start(NULL);
    set_manner(TWICE);
    for (uint64_t i = 0; i < 20; i++)
        deliver();
    FIXTURE_UNTIL(&fixture, figures.late_completion_dropped == 20);
    finish_all();
    CHECK_EQ(device.answered, 20);
    CHECK_EQ(device.refused, 20);
}

TEST(for_another_slot)
{
    start(NULL);
    lose(OTHER_SLOT);
    CHECK_EQ(device.refused, 1);
    FIXTURE_UNTIL(&fixture, figures.quarantined == 1);
    deliver();
    uint64_t late = events(ENG_EVENT_LATE_COMPLETION_DROPPED);
    CHECK_EQ(eng_hw_done(fixture.runtime, (struct eng_ticket){.slot = 1000}), -ESTALE);
    CHECK_EQ(eng_hw_done(fixture.runtime, (struct eng_ticket){.grant = UINT64_MAX}), -ESTALE);
    FIXTURE_UNTIL(&fixture, figures.late_completion_dropped == late + 2);
    finish_all();
}

TEST(a_job_that_was_taken_away_does_not_start)
{
    start(NULL);
    while (atomic_load(&fixture.commands[FAST_ISP].runs) == 0) {
        atomic_store(&fixture.commands[FAST_ISP].wait_ns, 400 * MS);
        REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, in_ms(200)) == 0);
        REQUIRE(fixture_next(&fixture, &completion) == 0);
        eng_release(fixture.runtime, &completion);
    }
    FIXTURE_UNTIL(&fixture, figures.late_completion_dropped == 1 && figures.waitingq_depth == 0);
    CHECK_EQ(device.taken, 0);
    deliver();
    finish_all();
}

static uint64_t stop_ns(void)
{
    uint64_t before_ns = eng_now_ns();
    eng_stop(fixture.runtime);
    return eng_now_ns() - before_ns;
}

static uint64_t flush_ns(void)
{
    uint64_t before_ns = eng_now_ns();
    CHECK_EQ(eng_flush(fixture.runtime, 0), 0);
    return eng_now_ns() - before_ns;
}

/* A bound is one of the code: the best of so many, whatever else the machine does. */
#define TRIES 5

static void submit_some(int count)
{
    for (int i = 0; i < count; i++)
        REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, 0) == 0);
    REQUIRE(fixture_until_runs(&fixture, FAST_ISP, 1));
}

TEST(stop_with_hardware_that_answers)
{
    uint64_t best_ns = UINT64_MAX;
    for (int i = 0; i < TRIES && best_ns > 50 * MS; i++) {
        start(NULL);
        atomic_store(&device.work_ns, 5 * MS);
        submit_some(4);
        uint64_t took_ns = stop_ns();
        best_ns = took_ns < best_ns ? took_ns : best_ns;
        for (uint64_t f = 0; f < 4; f++)
            REQUIRE(fixture_next(&fixture, &completion) == 0);
        CHECK_EQ(fixture_next(&fixture, &completion), -ESHUTDOWN);
        finish_all();
    }
    printf("stop took %" PRIu64 " us\n", best_ns / 1000);
    CHECK(best_ns <= 100 * MS);
}

/* More is queued than stop may wait for: the device answers for what it has, the rest is cancelled.
 */
TEST(stop_with_more_work_than_time)
{
    uint64_t best_ns = UINT64_MAX;
    for (int i = 0; i < TRIES && best_ns > 80 * MS; i++) {
        start(NULL);
        atomic_store(&device.work_ns, 20 * MS);
        submit_some(10);
        uint64_t took_ns = stop_ns();
        best_ns = took_ns < best_ns ? took_ns : best_ns;
        for (uint64_t f = 0; f < 10; f++)
            REQUIRE(fixture_next(&fixture, &completion) == 0);
        FIXTURE_UNTIL(&fixture, figures.quarantined == 0 && figures.waitingq_depth == 0);
        finish_all();
    }
    printf("stop took %" PRIu64 " us\n", best_ns / 1000);
    CHECK(best_ns <= 100 * MS);
}

TEST(flush_with_hardware_that_answers)
{
    uint64_t best_ns = UINT64_MAX;
    start(NULL);
    atomic_store(&device.work_ns, 20 * MS);
    for (int i = 0; i < TRIES && best_ns > 50 * MS; i++) {
        submit_some(4);
        uint64_t took_ns = flush_ns();
        best_ns = took_ns < best_ns ? took_ns : best_ns;
        for (uint64_t f = 0; f < 4; f++) {
            REQUIRE(fixture_next(&fixture, &completion) == 0);
            eng_release(fixture.runtime, &completion);
        }
    }
    printf("flush took %" PRIu64 " us\n", best_ns / 1000);
    CHECK(best_ns <= 100 * MS);
    FIXTURE_UNTIL(&fixture, figures.quarantined == 0 && figures.waitingq_depth == 0);
    finish_all();
}

/* It answers after the flush: expected still, but not of this session's time any more. */
TEST(flush_with_dead_hardware_and_an_answer_after)
{
    start(NULL);
    set_manner(HELD);
    submit_some(2);
    FIXTURE_UNTIL(&fixture, atomic_load(&device.taken) == 1 && figures.lanes[0].accepted == 2);
    uint64_t took_ns = flush_ns();
    printf("flush took %" PRIu64 " us\n", took_ns / 1000);
    CHECK(took_ns <= 1000 * MS);
    for (uint64_t i = 0; i < 2; i++) {
        REQUIRE(fixture_next(&fixture, &completion) == 0);
        CHECK_EQ(completion.row.outcome, ENG_CANCELLED);
    }
    FIXTURE_UNTIL(&fixture, figures.quarantined == 1);
    set_manner(PROMPT);
    deliver();
    atomic_store(&device.release, 1);
    FIXTURE_UNTIL(&fixture, figures.quarantined == 0 && figures.waitingq_depth == 0);
    CHECK_EQ(device.refused, 0);
    CHECK_EQ(eng_next(fixture.runtime, 0, &completion, 0), -EAGAIN);
    deliver();
    finish_all();
}

/* Four frames; one is with the device, which answers only after the end. */
TEST(stop_with_dead_hardware_and_an_answer_after)
{
    start(NULL);
    set_manner(HELD);
    submit_some(4);
    FIXTURE_UNTIL(&fixture, atomic_load(&device.taken) == 1);
    uint64_t took_ns = stop_ns();
    printf("stop took %" PRIu64 " us\n", took_ns / 1000);
    CHECK(took_ns <= 1000 * MS);
    for (uint64_t i = 0; i < 4; i++) {
        REQUIRE(fixture_next(&fixture, &completion) == 0);
        CHECK_EQ(completion.row.sequence, i);
        CHECK_EQ(completion.row.outcome, ENG_CANCELLED);
    }
    FIXTURE_UNTIL(&fixture, figures.quarantined == 1);
    atomic_store(&device.release, 1);
    FIXTURE_UNTIL(&fixture, figures.quarantined == 0 && figures.waitingq_depth == 0);
    CHECK_EQ(device.refused, 0);
    CHECK_EQ(events(ENG_EVENT_FRAME_RECLAIMED), 1);
    finish_all();
}

TEST(a_reset_brings_slots_back)
{
    start(device_reset);
    lose(NEVER);
    FIXTURE_UNTIL(&fixture, figures.events[ENG_EVENT_FRAME_QUARANTINED] == 1 &&
                                figures.quarantined == 0 &&
                                figures.events[ENG_EVENT_PACKET_RETURNED_TO_FIFO] == 1);
    CHECK_EQ(device.resets, 1);
    deliver();
    uint64_t late = events(ENG_EVENT_LATE_COMPLETION_DROPPED);
    device_answer(device.first); /* it was under way when the device was reset */
    FIXTURE_UNTIL(&fixture, figures.late_completion_dropped == late + 1);
    deliver();
    finish_all();
}

TEST(a_reset_that_fails_is_tried_again)
{
    start(device_reset);
    atomic_store(&device.reset_fails, 1);
    uint64_t before_ns = eng_now_ns();
    lose(NEVER);
    FIXTURE_UNTIL(&fixture, figures.events[ENG_EVENT_FRAME_QUARANTINED] == 1 &&
                                figures.events[ENG_EVENT_PACKET_RETURNED_TO_FIFO] == 1);
    CHECK(eng_now_ns() - before_ns >= 500 * MS);
    CHECK_EQ(device.resets, 2);
    deliver();
    finish_all();
}

static void ignore_log(void *user, enum sisp_log_level level, const char *sentence)
{
}

/* Last: its thread and memory live on. */
TEST(a_reset_that_hangs_is_left_behind)
{
    start(device_reset);
    atomic_store(&device.reset_hold, 1);
    lose(NEVER);
    FIXTURE_UNTIL(&fixture, atomic_load(&device.resets) == 1 && figures.quarantined == 1);
    deliver();
    uint64_t took_ns = stop_ns();
    printf("stop took %" PRIu64 " us\n", took_ns / 1000);
    CHECK(took_ns <= 1000 * MS);
    stop_device();
    static struct eng_runtime *stuck;
    stuck = fixture.runtime;
    CHECK_EQ(eng_runtime_destroy(&fixture.runtime), ENG_LEFT_WORKER);
    CHECK(stuck != NULL);
}

int main(void)
{
    sisp_log_set(SISP_LOG_WARNING, ignore_log, NULL);
    RUN(in_time);
    RUN(late_after_the_slot_was_stolen);
    RUN(never);
    RUN(twice);
    RUN(for_another_slot);
    RUN(a_job_that_was_taken_away_does_not_start);
    RUN(stop_with_hardware_that_answers);
    RUN(stop_with_more_work_than_time);
    RUN(flush_with_hardware_that_answers);
    RUN(flush_with_dead_hardware_and_an_answer_after);
    RUN(stop_with_dead_hardware_and_an_answer_after);
    RUN(a_reset_brings_slots_back);
    RUN(a_reset_that_fails_is_tried_again);
    RUN(a_reset_that_hangs_is_left_behind);
    return test_report();
}
