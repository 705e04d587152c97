/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Reclaim correctness with simulated FRAME_HW_DONE: a device with a thread of its own draws the
 * pictures of FastISP and answers in time, late, never, twice, for another slot or after the end.
 */
#include "engine/fixture.h"
#include "engine/inbox.h"
#include "harness/test.h"

#include <errno.h>
#include <softisp/log.h>
#include <string.h>

enum manner { PROMPT, HELD, TWICE, OTHER_SLOT, NEVER };

struct job {
    struct eng_ticket ticket;
    uint64_t *out, number;
    enum manner manner;
};

#define HELD_MAX 64

static struct device {
    struct eng_runtime *runtime;
    struct plat_thread thread;
    struct eng_inbox inbox;
    _Atomic uint32_t bell, is_quitting;
    _Atomic uint32_t manner;  /* of the next job */
    _Atomic uint32_t release; /* answer the held jobs */
    _Atomic uint64_t work_ns; /* a job takes so long */
    _Atomic uint64_t taken, answered, refused, disturbed;
    _Atomic uint32_t resets, reset_fails, reset_hold;
    struct eng_ticket first; /* job's */
    struct job held[HELD_MAX];
    uint32_t held_count;
} device;

static struct fixture fixture;
static struct eng_completion completion;

/* ---- the device ------------------------------------------------------------------------------ */

static void draw(const struct job *job)
{
    for (uint32_t i = 0; i < PICTURE_WORDS / 2; i++)
        job->out[i] = job->number * 31 + i;
    for (uint32_t i = 0; i < PICTURE_WORDS / 2; i++)
        job->out[PICTURE_WORDS / 2 + i] = job->out[PICTURE_WORDS / 2 - 1 - i] ^ job->number;
}

/* Nobody else may have written while the job was under way. */
static void check_drawn(const struct job *job)
{
    for (uint32_t i = 0; i < PICTURE_WORDS / 2; i++)
        if (job->out[i] != job->number * 31 + i)
            atomic_fetch_add(&device.disturbed, 1);
}

static void answer(struct eng_ticket ticket)
{
    int error = eng_hw_done(device.runtime, ticket);
    atomic_fetch_add(error ? &device.refused : &device.answered, 1);
}

static void finish(const struct job *job)
{
    check_drawn(job);
    draw(job);
    struct eng_ticket ticket = job->ticket;
    if (job->manner == OTHER_SLOT)
        ticket.slot = (ticket.slot + 1) % 16;
    answer(ticket);
    if (job->manner == TWICE)
        answer(ticket);
}

static void work(const struct job *job)
{
    draw(job);
    uint64_t work_ns = atomic_load(&device.work_ns);
    if (work_ns)
        plat_sleep_ns(work_ns);
    if (job->manner == HELD)
        device.held[device.held_count++] = *job;
    else if (job->manner != NEVER)
        finish(job);
}

static void run_device(void *argument)
{
    while (!atomic_load(&device.is_quitting)) {
        atomic_store(&device.bell, 0);
        struct job job;
        while (eng_inbox_pop(&device.inbox, &job))
            work(&job);
        while (atomic_load(&device.release) && device.held_count)
            finish(&device.held[--device.held_count]);
        plat_wait(&device.bell, 0, plat_now_ns() + MS);
    }
}

static int reset_device(void *user)
{
    atomic_fetch_add(&device.resets, 1);
    while (atomic_load(&device.reset_hold))
        plat_sleep_ns(MS);
    uint32_t fails = atomic_load(&device.reset_fails);
    atomic_store(&device.reset_fails, fails ? fails - 1 : 0);
    return fails ? -EIO : 0;
}

/* ---- a command that lets it work ------------------------------------------------------------- */

static int hw_begin(void *user, struct eng_job *job)
{
    struct fixture_command *command = user;
    atomic_fetch_add(&command->runs, 1);
    uint64_t wait_ns = atomic_exchange(&command->wait_ns, 0);
    if (wait_ns)
        plat_sleep_ns(wait_ns);
    struct job given = {
        .out = job->writes[ROLE_PICTURE].bytes, .manner = (enum manner)atomic_load(&device.manner)};
    memcpy(&given.number, job->inputs[0].bytes, sizeof(given.number));
    int error = eng_job_start_hw(job, &given.ticket);
    if (error)
        return error;
    if (atomic_fetch_add(&device.taken, 1) == 0)
        device.first = given.ticket;
    bool ok = eng_inbox_push(&device.inbox, &given);
    CHECK(ok);
    atomic_store(&device.bell, 1);
    plat_wake(&device.bell, 1);
    struct eng_ticket second;
    CHECK_EQ(eng_job_start_hw(job, &second), -EBUSY);
    return 0;
}

static uint32_t no_tasks(void *user, const struct eng_job *job, uint32_t phase)
{
    return 0;
}

static void no_task(void *user, struct eng_job *job, uint32_t phase, uint32_t task, uint32_t thread)
{
}

static int end_well(void *user, struct eng_job *job)
{
    return 0;
}

static const struct eng_command_ops hw_ops = {hw_begin, no_tasks, no_task, end_well};

/* ---- start and finish -------------------------------------------------------------------------
 */

static void start(int (*hw_reset)(void *user))
{
    memset(&device, 0, sizeof(device));
    REQUIRE(eng_inbox_init(&device.inbox, 64, sizeof(struct job)) == 0);
    fixture_init(&fixture, 1);
    fixture.config.commands[FAST_ISP].ops = &hw_ops;
    fixture.config.hw_reset = hw_reset;
    REQUIRE(fixture_start(&fixture) == 0);
    device.runtime = fixture.runtime;
    device.thread = (struct plat_thread){.name = "device", .run = run_device};
    REQUIRE(plat_thread_create(&device.thread) == 0);
}

static void stop_device(void)
{
    atomic_store(&device.is_quitting, 1);
    plat_thread_join(&device.thread);
    eng_inbox_finish(&device.inbox);
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

static void deliver(uint64_t sequence)
{
    REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, in_ms(2000)) == 0);
    check_next(sequence, false);
}

/* A frame whose device does not answer by its deadline. */
static void lose(uint64_t sequence, enum manner manner)
{
    set_manner(manner);
    REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, in_ms(200)) == 0);
    REQUIRE(fixture_next(&fixture, &completion) == 0);
    CHECK_EQ(completion.row.sequence, sequence);
    CHECK_EQ(completion.row.reason, ENG_REASON_WORKER_HUNG);
    eng_release(fixture.runtime, &completion);
    set_manner(PROMPT);
}

/* ---- cases ------------------------------------------------------------------------------------
 */

TEST(in_time)
{
    start(NULL);
    for (uint64_t i = 0; i < 20; i++)
        deliver(i);
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
    lose(0, HELD);
    deliver(1);
    CHECK_EQ(events(ENG_EVENT_FRAME_RECLAIM_TRIGGERED), 1);
    CHECK_EQ(events(ENG_EVENT_FRAME_RECLAIMED), 0);
    atomic_store(&device.release, 1);
    FIXTURE_UNTIL(&fixture, figures.events[ENG_EVENT_FRAME_RECLAIMED] == 1 &&
                                figures.events[ENG_EVENT_PACKET_RETURNED_TO_FIFO] == 1 &&
                                figures.waitingq_depth == 0 && figures.quarantined == 0);
    CHECK_EQ(device.refused, 0); /* it was expected still */
    deliver(2);
    finish_all();
}

TEST(never)
{
    start(NULL);
    uint64_t before_ns = eng_now_ns();
    lose(0, NEVER);
    FIXTURE_UNTIL(&fixture, figures.quarantined == 1 && !figures.degraded);
    uint64_t took_ns = eng_now_ns() - before_ns;
    printf("quarantined after %" PRIu64 " ms\n", took_ns / MS);
    CHECK(took_ns >= 290 * MS);
    lose(1, NEVER);
    FIXTURE_UNTIL(&fixture, figures.quarantined == 2 && figures.degraded);
    CHECK_EQ(events(ENG_EVENT_DEGRADED), 1);
    for (uint64_t i = 2; i < 40; i++) /* every slot and buffer comes round */
        deliver(i);
    finish_all();
}

TEST(twice)
{
    start(NULL);
    set_manner(TWICE);
    for (uint64_t i = 0; i < 20; i++)
        deliver(i);
    FIXTURE_UNTIL(&fixture, figures.late_completion_dropped == 20);
    finish_all();
    CHECK_EQ(device.answered, 20);
    CHECK_EQ(device.refused, 20);
}

TEST(for_another_slot)
{
    start(NULL);
    lose(0, OTHER_SLOT);
    CHECK_EQ(device.refused, 1);
    FIXTURE_UNTIL(&fixture, figures.quarantined == 1);
    deliver(1);
    uint64_t late = events(ENG_EVENT_LATE_COMPLETION_DROPPED);
    CHECK_EQ(eng_hw_done(fixture.runtime, (struct eng_ticket){.slot = 1000}), -ESTALE);
    CHECK_EQ(eng_hw_done(fixture.runtime, (struct eng_ticket){.grant = UINT64_MAX}), -ESTALE);
    FIXTURE_UNTIL(&fixture, figures.late_completion_dropped == late + 2);
    finish_all();
}

TEST(a_job_that_was_taken_away_does_not_start)
{
    start(NULL);
    atomic_store(&fixture.commands[FAST_ISP].wait_ns, 120 * MS);
    REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, in_ms(60)) == 0);
    REQUIRE(fixture_next(&fixture, &completion) == 0);
    eng_release(fixture.runtime, &completion);
    FIXTURE_UNTIL(&fixture, figures.late_completion_dropped == 1 && figures.waitingq_depth == 0);
    CHECK_EQ(device.taken, 0);
    deliver(1);
    finish_all();
}

static uint64_t stop_ns(void)
{
    uint64_t before_ns = eng_now_ns();
    eng_stop(fixture.runtime);
    return eng_now_ns() - before_ns;
}

TEST(stop_with_hardware_that_answers)
{
    start(NULL);
    atomic_store(&device.work_ns, 5 * MS);
    for (int i = 0; i < 4; i++)
        REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, 0) == 0);
    uint64_t took_ns = stop_ns();
    printf("stop took %" PRIu64 " us\n", took_ns / 1000);
    CHECK(took_ns <= 100 * MS);
    for (uint64_t i = 0; i < 4; i++)
        check_next(i, false);
    CHECK_EQ(fixture_next(&fixture, &completion), -ESHUTDOWN);
    finish_all();
}

/* Four frames; one is with the device, which answers only after the end. */
TEST(stop_with_dead_hardware_and_an_answer_after)
{
    start(NULL);
    set_manner(HELD);
    for (int i = 0; i < 4; i++)
        REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, 0) == 0);
    REQUIRE(fixture_until_runs(&fixture, FAST_ISP, 1));
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
    start(reset_device);
    lose(0, NEVER);
    FIXTURE_UNTIL(&fixture, figures.events[ENG_EVENT_FRAME_QUARANTINED] == 1 &&
                                figures.quarantined == 0 &&
                                figures.events[ENG_EVENT_PACKET_RETURNED_TO_FIFO] == 1);
    CHECK_EQ(device.resets, 1);
    deliver(1);
    uint64_t late = events(ENG_EVENT_LATE_COMPLETION_DROPPED);
    answer(device.first); /* it was under way when the device was reset */
    FIXTURE_UNTIL(&fixture, figures.late_completion_dropped == late + 1);
    deliver(2);
    finish_all();
}

TEST(a_reset_that_fails_is_tried_again)
{
    start(reset_device);
    atomic_store(&device.reset_fails, 1);
    uint64_t before_ns = eng_now_ns();
    lose(0, NEVER);
    FIXTURE_UNTIL(&fixture, figures.events[ENG_EVENT_FRAME_QUARANTINED] == 1 &&
                                figures.events[ENG_EVENT_PACKET_RETURNED_TO_FIFO] == 1);
    CHECK(eng_now_ns() - before_ns >= 500 * MS);
    CHECK_EQ(device.resets, 2);
    deliver(1);
    finish_all();
}

static void ignore_log(void *user, enum sisp_log_level level, const char *sentence)
{
}

/* Last: its thread and memory live on. */
TEST(a_reset_that_hangs_is_left_behind)
{
    start(reset_device);
    atomic_store(&device.reset_hold, 1);
    lose(0, NEVER);
    FIXTURE_UNTIL(&fixture, atomic_load(&device.resets) == 1 && figures.quarantined == 1);
    deliver(1);
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
    RUN(stop_with_dead_hardware_and_an_answer_after);
    RUN(a_reset_brings_slots_back);
    RUN(a_reset_that_fails_is_tried_again);
    RUN(a_reset_that_hangs_is_left_behind);
    return test_report();
}
