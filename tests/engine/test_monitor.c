/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The Monitor's timers, events and counters, one at a time, on a made-up clock. */
#include "engine/housekeeper.h"
#include "engine/stepped.h"
#include "harness/test.h"

#include <errno.h>

static struct stepped stepped;
static struct eng_completion completion;

static int never_called(void *user)
{
    return 0;
}

static void start(bool has_reset)
{
    fixture_init(&stepped.fixture, 1);
    stepped.fixture.config.hw_reset = has_reset ? never_called : NULL; /* the test is its thread */
    stepped.fixture.config.pools[POOL_PICTURE].count = 16;
    stepped.fixture.config.pools[POOL_COEFFICIENTS].count = 16;
    stepped.fixture.config.pools[POOL_STILL].count = 16;
    REQUIRE(stepped_init(&stepped) == 0);
}

static uint64_t events(enum eng_event_type type)
{
    return stepped.core.telemetry.events[type];
}

static const struct eng_worker_record *record_of(uint32_t worker)
{
    return &stepped.core.handoff.workers[worker];
}

static uint32_t slot_of(uint32_t worker)
{
    return stepped.actors[worker].hint.slot;
}

static void step_at(uint64_t now_ns)
{
    stepped.now_ns = now_ns;
    stepped_step(&stepped);
}

static void drain(void)
{
    while (stepped_next(&stepped, &completion))
        stepped_release(&stepped, &completion);
}

static uint64_t monitor_timer_ns(void)
{
    return eng_monitor_timer_ns(&stepped.core.monitor);
}

static struct eng_ticket ticket_of(uint32_t worker)
{
    return eng_hardware_ticket(slot_of(worker), stepped.actors[worker].hint.grant);
}

static void begin(uint32_t worker)
{
    enum eng_lane lane = worker == WORKER_FAST ? ENG_LANE_FAST : ENG_LANE_BACKGROUND;
    REQUIRE(stepped_submit(&stepped, lane, stepped.now_ns + 20 * MS) == 0);
    stepped_step(&stepped);
    REQUIRE(stepped_start(&stepped, worker));
}

static void begin_hw(uint32_t worker)
{
    begin(worker);
    REQUIRE(stepped_apply(&stepped, worker, ENG_EDGE_START_HW));
}

/* The frame's time passes. Returns: when its slot was stolen. */
static uint64_t steal(void)
{
    step_at(stepped.now_ns + 20 * MS);
    drain();
    return stepped.now_ns;
}

/* Work that was given to no purpose does not stay behind. */
static void finish(void)
{
    drain();
    stepped_step(&stepped);
    stepped_finish(&stepped);
}

TEST(an_acknowledgement_brings_the_slot_back)
{
    start(false);
    begin(WORKER_FAST);
    steal();
    CHECK_EQ(events(ENG_EVENT_PACKET_MOVED_TO_MONITOR), 1);
    CHECK_EQ(events(ENG_EVENT_WORKER_DETACHED), 1);
    CHECK_EQ(eng_monitor_waiting(&stepped.core.monitor), 1);
    CHECK(record_of(WORKER_FAST)->is_suspect && record_of(WORKER_FAST)->lost == 1);
    CHECK_EQ(stepped.core.telemetry.waitingq_depth, 1);
    CHECK(!stepped_end(&stepped, WORKER_FAST, 0));
    stepped_step(&stepped);
    CHECK_EQ(events(ENG_EVENT_PROCESSITEM_CONVERTED_TO_CONTROL), 1);
    CHECK_EQ(events(ENG_EVENT_PACKET_RETURNED_TO_FIFO), 1);
    CHECK_EQ(events(ENG_EVENT_FRAME_QUARANTINED), 0);
    CHECK_EQ(events(ENG_EVENT_FRAME_RECLAIM_TRIGGERED), 0);
    CHECK(!record_of(WORKER_FAST)->is_suspect && record_of(WORKER_FAST)->lost == 0);
    CHECK_EQ(eng_session_free_count(&stepped.core.sessions), 16);
    CHECK_EQ(monitor_timer_ns(), UINT64_MAX);
    finish();
}

/* Five looks after 1, 2, 4, 8 and 16 ms, then one at the timeout, then none. */
TEST(looks_back_off_until_the_timeout)
{
    start(false);
    begin(WORKER_FAST);
    uint64_t stolen_ns = steal();
    static const uint64_t expected_ms[] = {1, 3, 7, 15, 31, 500};
    for (int i = 0; i < 6; i++) {
        CHECK_EQ(monitor_timer_ns(), stolen_ns + expected_ms[i] * MS);
        CHECK_EQ(stepped.core.monitor.quarantined, 0);
        step_at(monitor_timer_ns() - 1);
        step_at(stepped.now_ns + 1);
    }
    CHECK_EQ(stepped.core.monitor.quarantined, 1);
    CHECK_EQ(events(ENG_EVENT_FRAME_QUARANTINED), 1);
    CHECK(record_of(WORKER_FAST)->is_quarantined);
    CHECK_EQ(monitor_timer_ns(), UINT64_MAX);
    CHECK(!stepped_end(&stepped, WORKER_FAST, 0));
    stepped_step(&stepped);
    CHECK_EQ(stepped.core.monitor.quarantined, 0);
    CHECK_EQ(events(ENG_EVENT_PACKET_RETURNED_TO_FIFO), 1);
    CHECK(!record_of(WORKER_FAST)->is_quarantined);
    finish();
}

TEST(a_device_has_the_grace_and_no_more)
{
    start(false);
    begin_hw(WORKER_FAST);
    uint64_t stolen_ns = steal();
    CHECK_EQ(events(ENG_EVENT_FRAME_RECLAIM_TRIGGERED), 1);
    CHECK(!record_of(WORKER_FAST)->is_suspect); /* it only waits */
    CHECK(!stepped_end(&stepped, WORKER_FAST, 0));
    stepped_step(&stepped);
    CHECK_EQ(record_of(WORKER_FAST)->lost, 0);
    CHECK_EQ(monitor_timer_ns(), stolen_ns + 100 * MS);
    step_at(stolen_ns + 100 * MS - 1);
    CHECK_EQ(stepped.core.monitor.quarantined, 0);
    step_at(stolen_ns + 100 * MS);
    CHECK_EQ(stepped.core.monitor.quarantined, 1);
    CHECK(!record_of(WORKER_FAST)->is_quarantined); /* it takes other work */
    CHECK_EQ(events(ENG_EVENT_FRAME_RECLAIMED), 0);
    CHECK_EQ(eng_hardware_post(&stepped.core.hardware, ticket_of(WORKER_FAST)), 0);
    stepped_step(&stepped);
    CHECK_EQ(events(ENG_EVENT_FRAME_RECLAIMED), 1);
    CHECK_EQ(events(ENG_EVENT_PACKET_RETURNED_TO_FIFO), 1);
    CHECK_EQ(stepped.core.monitor.count, 0);
    finish();
}

TEST(a_worker_that_waits_for_a_device_must_answer_all_the_same)
{
    start(false);
    begin_hw(WORKER_FAST);
    uint64_t stolen_ns = steal();
    step_at(monitor_timer_ns());
    CHECK(record_of(WORKER_FAST)->is_suspect);
    step_at(stolen_ns + 300 * MS);
    CHECK_EQ(stepped.core.monitor.quarantined, 0); /* the worker's time is longer */
    CHECK(!stepped_end(&stepped, WORKER_FAST, 0));
    stepped_step(&stepped);
    CHECK_EQ(stepped.core.monitor.quarantined, 1); /* the device's is over */
    CHECK(!record_of(WORKER_FAST)->is_suspect);
    finish();
}

/* Cancelled and abandoned before the control thread comes to steal it. */
TEST(a_worker_that_abandoned_is_not_suspect)
{
    start(false);
    begin_hw(WORKER_FAST);
    struct eng_token_args args = {.grant = stepped.actors[WORKER_FAST].hint.grant};
    uint32_t slot = slot_of(WORKER_FAST);
    REQUIRE(eng_arena_apply(&stepped.core.arena, slot, ENG_EDGE_CANCEL, &args));
    REQUIRE(stepped_apply(&stepped, WORKER_FAST, ENG_EDGE_ABANDON));
    stepped.actors[WORKER_FAST].is_working = false;
    steal();
    CHECK_EQ(stepped.core.monitor.count, 1);
    CHECK_EQ(record_of(WORKER_FAST)->lost, 0);
    CHECK(!record_of(WORKER_FAST)->is_suspect);
    CHECK_EQ(events(ENG_EVENT_FRAME_RECLAIM_TRIGGERED), 1);
    CHECK_EQ(eng_hardware_post(&stepped.core.hardware, ticket_of(WORKER_FAST)), 0);
    stepped_step(&stepped);
    CHECK_EQ(stepped.core.monitor.count, 0);
    finish();
}

TEST(answers_nobody_waits_for_are_counted)
{
    start(false);
    struct eng_hardware *hardware = &stepped.core.hardware;
    begin(WORKER_SLOW);
    struct eng_ticket ticket = ticket_of(WORKER_SLOW), wrong = ticket;
    wrong.grant++;
    CHECK_EQ(eng_hardware_post(hardware, wrong), -ESTALE);
    wrong = (struct eng_ticket){.slot = ticket.slot + 1, .grant = ticket.grant};
    CHECK_EQ(eng_hardware_post(hardware, wrong), -ESTALE);
    CHECK_EQ(hardware->late, 2);
    /* Said done without a job: taken once, and without effect. */
    CHECK_EQ(eng_hardware_post(hardware, ticket), 0);
    CHECK_EQ(eng_hardware_post(hardware, ticket), -ESTALE);
    CHECK_EQ(hardware->late, 3);
    stepped_step(&stepped);
    CHECK_EQ(hardware->late, 4);
    CHECK_EQ(events(ENG_EVENT_LATE_COMPLETION_DROPPED), 4);
    REQUIRE(stepped_end(&stepped, WORKER_SLOW, 0));
    stepped_step(&stepped);
    finish();
}

/* An answer for the last grant that nobody has looked at does not count for the next. */
TEST(an_answer_is_good_for_its_grant_only)
{
    start(false);
    struct eng_hardware *hardware = &stepped.core.hardware;
    eng_hardware_arm(hardware, 3, 7);
    CHECK_EQ(eng_hardware_post(hardware, eng_hardware_ticket(3, 7)), 0);
    eng_hardware_arm(hardware, 3, 8);
    CHECK_EQ(hardware->late, 1);
    stepped_step(&stepped);
    CHECK_EQ(hardware->late, 1);
    CHECK_EQ(eng_hardware_post(hardware, eng_hardware_ticket(3, 7)), -ESTALE);
    CHECK_EQ(eng_hardware_post(hardware, eng_hardware_ticket(3, 8)), 0);
    finish();
}

TEST(what_a_worker_may_yet_submit_is_not_reset)
{
    start(true);
    struct eng_reset *reset = &stepped.core.hardware.reset;
    begin_hw(WORKER_FAST);
    uint64_t stolen_ns = steal();
    for (uint64_t ms = 1; ms <= 500; ms += 10)
        step_at(stolen_ns + ms * MS);
    step_at(stolen_ns + 500 * MS);
    CHECK_EQ(stepped.core.monitor.quarantined, 1);
    CHECK_EQ(reset->asked, 0);
    CHECK(!stepped_end(&stepped, WORKER_FAST, 0)); /* now it is with the device for certain */
    stepped_step(&stepped);
    CHECK_EQ(reset->asked, 1);
    CHECK_EQ(reset->slots, (uint64_t)1 << slot_of(WORKER_FAST));
    eng_hardware_returned(reset, 1, 0);
    stepped_step(&stepped);
    CHECK_EQ(stepped.core.monitor.count, 0);
    CHECK_EQ(events(ENG_EVENT_FRAME_RECLAIMED), 1);
    CHECK_EQ(events(ENG_EVENT_PACKET_RETURNED_TO_FIFO), 1);
    finish();
}

static void quarantine_hw(uint32_t worker)
{
    begin_hw(worker);
    uint64_t stolen_ns = steal();
    CHECK(!stepped_end(&stepped, worker, 0));
    step_at(stolen_ns + 100 * MS);
}

TEST(a_failed_reset_is_asked_for_again)
{
    start(true);
    struct eng_reset *reset = &stepped.core.hardware.reset;
    quarantine_hw(WORKER_FAST);
    CHECK_EQ(reset->asked, 1);
    CHECK(stepped.core.wake_reset);
    eng_hardware_returned(reset, 1, -EIO);
    stepped_step(&stepped);
    uint64_t failed_ns = stepped.now_ns;
    CHECK_EQ(stepped.core.monitor.quarantined, 1);
    CHECK_EQ(eng_hardware_timer_ns(&stepped.core), failed_ns + 500 * MS);
    step_at(failed_ns + 500 * MS - 1);
    CHECK_EQ(reset->asked, 1);
    step_at(failed_ns + 500 * MS);
    CHECK_EQ(reset->asked, 2);
    eng_hardware_returned(reset, 2, 0);
    stepped_step(&stepped);
    CHECK_EQ(stepped.core.monitor.count, 0);
    CHECK_EQ(eng_hardware_timer_ns(&stepped.core), UINT64_MAX);
    finish();
}

/* A job that began after the reset is not ended by it. */
TEST(a_reset_is_good_for_what_was_there_before)
{
    start(true);
    struct eng_reset *reset = &stepped.core.hardware.reset;
    quarantine_hw(WORKER_FAST);
    quarantine_hw(WORKER_SLOW);
    CHECK_EQ(reset->asked, 1);
    eng_hardware_returned(reset, 1, 0);
    stepped_step(&stepped);
    CHECK_EQ(stepped.core.monitor.count, 1);
    CHECK_EQ(stepped.core.monitor.stolen[0].slot, slot_of(WORKER_SLOW));
    CHECK_EQ(reset->asked, 2); /* one of its own */
    CHECK_EQ(eng_hardware_post(&stepped.core.hardware, ticket_of(WORKER_FAST)), 0);
    stepped_step(&stepped); /* the first job's answer comes after all */
    CHECK_EQ(stepped.core.hardware.late, 1);
    eng_hardware_returned(reset, 2, 0);
    stepped_step(&stepped);
    CHECK_EQ(stepped.core.monitor.count, 0);
    finish();
}

TEST(degraded_is_said_when_it_begins)
{
    start(false);
    for (int round = 0; round < 2; round++) {
        quarantine_hw(WORKER_FAST);
        struct eng_ticket first = ticket_of(WORKER_FAST);
        CHECK_EQ(events(ENG_EVENT_DEGRADED), round);
        quarantine_hw(WORKER_SLOW);
        stepped_step(&stepped);
        CHECK_EQ(events(ENG_EVENT_DEGRADED), round + 1);
        CHECK(stepped.core.telemetry.is_degraded);
        CHECK_EQ(stepped.core.telemetry.quarantined, 2);
        CHECK_EQ(eng_hardware_post(&stepped.core.hardware, first), 0);
        CHECK_EQ(eng_hardware_post(&stepped.core.hardware, ticket_of(WORKER_SLOW)), 0);
        stepped_step(&stepped);
        CHECK(!stepped.core.telemetry.is_degraded);
    }
    finish();
}

/* Of three that wait two may; while the third does, one frame is dropped for it, and only one. */
TEST(past_the_threshold_the_oldest_waiting_frame_is_dropped)
{
    fixture_init(&stepped.fixture, 1);
    stepped.fixture.config.knobs.drop_threshold = 2;
    stepped.fixture.config.lanes[ENG_LANE_BACKGROUND].capacity = 8;
    stepped.fixture.config.pools[POOL_STILL].count = 16;
    REQUIRE(stepped_init(&stepped) == 0);
    struct eng_ticket tickets[3];
    for (int i = 0; i < 3; i++) {
        begin_hw(WORKER_SLOW);
        tickets[i] = ticket_of(WORKER_SLOW);
        steal();
        CHECK(!stepped_end(&stepped, WORKER_SLOW, 0));
        stepped_step(&stepped);
    }
    CHECK_EQ(eng_monitor_waiting(&stepped.core.monitor), 3);
    for (int i = 0; i < 4; i++)
        REQUIRE(stepped_submit(&stepped, ENG_LANE_BACKGROUND, 0) == 0);
    stepped_step(&stepped);
    stepped_step(&stepped);
    REQUIRE(stepped_next(&stepped, &completion));
    CHECK_EQ(completion.row.sequence, 3);
    CHECK_EQ(completion.row.outcome, ENG_DROPPED);
    CHECK_EQ(completion.row.reason, ENG_REASON_WORKER_HUNG);
    for (int i = 0; i < 5; i++)
        stepped_step(&stepped);
    CHECK(!stepped_next(&stepped, &completion));
    CHECK_EQ(stepped.core.monitor.dropped, 1);
    CHECK_EQ(eng_hardware_post(&stepped.core.hardware, tickets[0]), 0);
    stepped_step(&stepped);
    stepped_step(&stepped);
    CHECK_EQ(stepped.core.monitor.dropped, 0);
    CHECK(!stepped_next(&stepped, &completion));
    finish();
}

/* The oldest theft is in quarantine and the next one's lane has nobody waiting. */
TEST(frames_are_dropped_for_the_lane_they_wait_in)
{
    fixture_init(&stepped.fixture, 1);
    stepped.fixture.config.knobs.drop_threshold = 1;
    stepped.fixture.config.pools[POOL_STILL].count = 16;
    REQUIRE(stepped_init(&stepped) == 0);
    quarantine_hw(WORKER_SLOW);
    REQUIRE(stepped_submit(&stepped, ENG_LANE_FAST, 0) == 0);
    stepped_step(&stepped);
    REQUIRE(stepped_start(&stepped, WORKER_FAST));
    REQUIRE(stepped_end(&stepped, WORKER_FAST, -EIO));
    stepped_step(&stepped);
    REQUIRE(stepped_start(&stepped, WORKER_FLOOR)); /* what runs does not wait */
    begin_hw(WORKER_FAST);
    begin_hw(WORKER_SLOW);
    steal();
    CHECK_EQ(eng_monitor_waiting(&stepped.core.monitor), 2);
    CHECK_EQ(stepped.core.monitor.dropped, 0);
    for (int i = 0; i < 2; i++)
        REQUIRE(stepped_submit(&stepped, ENG_LANE_BACKGROUND, 0) == 0);
    stepped_step(&stepped);
    stepped_step(&stepped);
    CHECK_EQ(stepped.core.monitor.dropped, 1);
    REQUIRE(stepped_next(&stepped, &completion));
    CHECK_EQ(completion.row.outcome, ENG_DROPPED);
    CHECK_EQ(completion.row.lane, ENG_LANE_BACKGROUND);
    CHECK(!stepped_next(&stepped, &completion));
    REQUIRE(stepped_end(&stepped, WORKER_FLOOR, 0));
    stepped_step(&stepped);
    REQUIRE(stepped_next(&stepped, &completion));
    CHECK_EQ(completion.row.outcome, ENG_DELIVERED);
    finish();
}

/* The SessionManager's answer is lost: the item is sent again, and counts once. */
TEST(an_item_is_sent_until_it_is_answered)
{
    start(false);
    struct eng_monitor *monitor = &stepped.core.monitor;
    begin(WORKER_FAST);
    steal();
    CHECK(!stepped_end(&stepped, WORKER_FAST, 0));
    stepped_step(&stepped);
    CHECK_EQ(monitor->outbox_count, 0);
    uint32_t slot = monitor->outbox[0].slot;
    for (int i = 0; i < 3; i++) {
        monitor->outbox_count = 1;
        monitor->resend_ns = stepped.now_ns + MS;
        eng_housekeeper_check(&stepped.core); /* the slot is home although the item is here */
        CHECK_EQ(monitor_timer_ns(), stepped.now_ns + MS);
        CHECK_EQ(eng_monitor_waiting(monitor), 1);
        step_at(stepped.now_ns + MS);
        CHECK_EQ(monitor->outbox_count, 0);
        CHECK_EQ(stepped.core.sessions.items_repeated, i + 1);
    }
    CHECK_EQ(stepped.core.sessions.items_applied, 1);
    CHECK_EQ(monitor->outbox[0].slot, slot);
    CHECK_EQ(eng_session_free_count(&stepped.core.sessions), 16);
    finish();
}

/* No more items can be unanswered than the SessionManager remembers: the rest waits as stolen. */
TEST(a_full_outbox_keeps_slots_in_the_monitor)
{
    start(false);
    struct eng_monitor *monitor = &stepped.core.monitor;
    begin(WORKER_FAST);
    steal();
    CHECK(!stepped_end(&stepped, WORKER_FAST, 0));
    stepped_step(&stepped);
    for (uint32_t i = 1; i < ENG_CONTROL_WINDOW; i++)
        monitor->outbox[i] = monitor->outbox[0];
    begin(WORKER_FAST);
    steal();
    CHECK(!stepped_end(&stepped, WORKER_FAST, 0));
    monitor->outbox_count = ENG_CONTROL_WINDOW;
    stepped_step(&stepped);
    CHECK_EQ(monitor->count, 1);
    CHECK_EQ(monitor->outbox_count, 0);
    stepped_step(&stepped);
    CHECK_EQ(monitor->count, 0);
    finish();
}

TEST(quarantine_does_not_hold_up_the_end)
{
    start(false);
    quarantine_hw(WORKER_FAST);
    stepped.core.stop_ns = stepped.now_ns;
    step_at(stepped.now_ns + 100 * MS);
    drain();
    stepped_step(&stepped);
    CHECK(eng_main_loop_is_stopped(&stepped.core));
    CHECK_EQ(stepped.core.monitor.count, 1);
    finish();
}

int main(void)
{
    RUN(an_acknowledgement_brings_the_slot_back);
    RUN(looks_back_off_until_the_timeout);
    RUN(a_device_has_the_grace_and_no_more);
    RUN(a_worker_that_waits_for_a_device_must_answer_all_the_same);
    RUN(a_worker_that_abandoned_is_not_suspect);
    RUN(answers_nobody_waits_for_are_counted);
    RUN(an_answer_is_good_for_its_grant_only);
    RUN(what_a_worker_may_yet_submit_is_not_reset);
    RUN(a_failed_reset_is_asked_for_again);
    RUN(a_reset_is_good_for_what_was_there_before);
    RUN(degraded_is_said_when_it_begins);
    RUN(past_the_threshold_the_oldest_waiting_frame_is_dropped);
    RUN(frames_are_dropped_for_the_lane_they_wait_in);
    RUN(an_item_is_sent_until_it_is_answered);
    RUN(a_full_outbox_keeps_slots_in_the_monitor);
    RUN(quarantine_does_not_hold_up_the_end);
    return test_report();
}
