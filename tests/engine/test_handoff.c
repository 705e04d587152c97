/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Workers' queues: filled by deadline, taken back newest first, watched for signs of life. */
#include "engine/stepped.h"
#include "harness/test.h"

#include <errno.h>

static struct stepped stepped;
static struct eng_completion completion;

static void start(uint32_t worker, uint32_t depth)
{
    fixture_init(&stepped.fixture, 1);
    stepped.fixture.config.workers[worker].queue_depth = depth;
    stepped.fixture.config.workers[worker].is_background = false;
    stepped.fixture.config.lanes[ENG_LANE_FAST].capacity = 8;
    stepped.fixture.config.lanes[ENG_LANE_BACKGROUND].capacity = 8;
    stepped.fixture.config.pools[POOL_STILL].count = 8;
    stepped.fixture.config.knobs.consumer_pins_max = 8;
    REQUIRE(stepped_init(&stepped) == 0);
}

static void submit(enum eng_lane lane, uint64_t deadline_ms)
{
    uint64_t deadline_ns = deadline_ms ? stepped.now_ns + deadline_ms * MS : 0;
    REQUIRE(stepped_submit(&stepped, lane, deadline_ns) == 0);
}

static uint64_t events(enum eng_event_type type)
{
    return stepped.core.telemetry.events[type];
}

static const struct eng_worker_record *record_of(uint32_t worker)
{
    return &stepped.core.handoff.workers[worker];
}

static uint64_t sequence_at(uint32_t worker, uint32_t place)
{
    return stepped.core.arena.envelopes[record_of(worker)->queue[place]].sequence;
}

/* Time passes as the Housekeeper's ticks make it pass. */
static void pass_ms(uint64_t ms)
{
    uint64_t end_ns = stepped.now_ns + ms * MS;
    while (stepped.now_ns < end_ns) {
        stepped.now_ns += 10 * MS;
        stepped_step(&stepped);
    }
}

static void run_worker(uint32_t worker)
{
    REQUIRE(stepped_start(&stepped, worker));
    REQUIRE(stepped_end(&stepped, worker, 0));
    stepped_step(&stepped);
}

static void expect(uint64_t sequence, enum eng_outcome outcome, enum eng_reason reason)
{
    REQUIRE(stepped_next(&stepped, &completion));
    CHECK_EQ(completion.row.sequence, sequence);
    CHECK_EQ(completion.row.outcome, outcome);
    CHECK_EQ(completion.row.reason, reason);
    stepped_release(&stepped, &completion);
}

static void finish(void)
{
    stepped_step(&stepped);
    CHECK(!stepped_next(&stepped, &completion)); /* one completion each */
    CHECK_EQ(eng_session_free_count(&stepped.core.sessions), stepped.core.arena.item_count);
    stepped_finish(&stepped);
}

TEST(a_queue_fills_by_deadline)
{
    start(WORKER_SLOW, 3);
    for (uint64_t i = 0; i < 5; i++)
        submit(ENG_LANE_BACKGROUND, 900 - i);
    stepped_step(&stepped);
    CHECK_EQ(record_of(WORKER_SLOW)->count, 3);
    for (uint32_t i = 0; i < 3; i++)
        CHECK_EQ(sequence_at(WORKER_SLOW, i), 4 - i);
    run_worker(WORKER_SLOW);
    CHECK_EQ(record_of(WORKER_SLOW)->count, 3);
    CHECK_EQ(sequence_at(WORKER_SLOW, 2), 1);
    for (int i = 0; i < 4; i++)
        run_worker(WORKER_SLOW);
    for (uint64_t i = 0; i < 5; i++) /* and still leave in order */
        expect(i, ENG_DELIVERED, ENG_REASON_NONE);
    finish();
}

/* Whatever has started when the claim comes: what is claimed is the rest, and nothing is lost or
 * doubled. */
TEST(claims_take_the_newest_until_one_has_started)
{
    for (uint32_t started = 0; started <= 4; started++) {
        start(WORKER_SLOW, 4);
        for (int i = 0; i < 4; i++)
            submit(ENG_LANE_BACKGROUND, 0);
        stepped_step(&stepped);
        for (uint32_t i = 0; i < started; i++) {
            REQUIRE(stepped_start(&stepped, WORKER_SLOW));
            if (i + 1 < started) /* all but the last have finished unseen */
                REQUIRE(stepped_end(&stepped, WORKER_SLOW, 0));
        }
        CHECK_EQ(eng_handoff_claim(&stepped.core, WORKER_SLOW), 4 - started);
        CHECK_EQ(record_of(WORKER_SLOW)->count, started);
        for (uint32_t i = 0; i < started; i++)
            CHECK_EQ(sequence_at(WORKER_SLOW, i), i);
        CHECK_EQ(events(ENG_EVENT_HANDOFF_FAST_FORWARDED), 4 - started);
        if (started)
            REQUIRE(stepped_end(&stepped, WORKER_SLOW, 0));
        stepped_step(&stepped); /* dispatches the claimed ones again */
        uint32_t stale = 0, ran = 0;
        for (int i = 0; i < 16 && ran < 4 - started; i++) {
            if (!stepped_start(&stepped, WORKER_SLOW)) {
                stale++;
                continue;
            }
            ran++;
            REQUIRE(stepped_end(&stepped, WORKER_SLOW, 0));
            stepped_step(&stepped);
        }
        CHECK_EQ(stale, 4 - started);
        for (uint64_t i = 0; i < 4; i++)
            expect(i, ENG_DELIVERED, ENG_REASON_NONE);
        finish();
    }
}

TEST(a_hung_worker_is_detached_by_its_silence)
{
    start(WORKER_SLOW, 3);
    for (int i = 0; i < 3; i++)
        submit(ENG_LANE_BACKGROUND, 0);
    stepped_step(&stepped);
    REQUIRE(stepped_start(&stepped, WORKER_SLOW));
    pass_ms(990);
    CHECK_EQ(events(ENG_EVENT_WORKER_DETACHED), 0);
    pass_ms(30);
    CHECK_EQ(events(ENG_EVENT_WORKER_DETACHED), 1);
    CHECK_EQ(events(ENG_EVENT_HANDOFF_FAST_FORWARDED), 2);
    CHECK_EQ(events(ENG_EVENT_PACKET_MOVED_TO_MONITOR), 1);
    CHECK(record_of(WORKER_SLOW)->is_suspect && record_of(WORKER_SLOW)->count == 0);
    expect(0, ENG_FAILED, ENG_REASON_WORKER_HUNG); /* never tried there again */
    CHECK(!stepped_next(&stepped, &completion));   /* the claimed ones wait for the lane */
    CHECK(!stepped_end(&stepped, WORKER_SLOW, 0)); /* it wakes up */
    stepped_step(&stepped);
    CHECK(!record_of(WORKER_SLOW)->is_suspect);
    CHECK(!stepped_start(&stepped, WORKER_SLOW)); /* stale */
    CHECK(!stepped_start(&stepped, WORKER_SLOW));
    run_worker(WORKER_SLOW);
    run_worker(WORKER_SLOW);
    expect(1, ENG_DELIVERED, ENG_REASON_NONE);
    expect(2, ENG_DELIVERED, ENG_REASON_NONE);
    finish();
}

TEST(a_worker_that_does_not_start_gets_nothing_until_it_stirs)
{
    start(WORKER_FAST, 2);
    submit(ENG_LANE_FAST, 0);
    stepped_step(&stepped);
    pass_ms(1020);
    CHECK_EQ(events(ENG_EVENT_WORKER_DETACHED), 1);
    CHECK_EQ(events(ENG_EVENT_HANDOFF_FAST_FORWARDED), 1);
    CHECK_EQ(stepped.core.monitor.count, 0);
    run_worker(WORKER_FLOOR);
    expect(0, ENG_DELIVERED, ENG_REASON_WORKER_HUNG);
    submit(ENG_LANE_FAST, 0);
    stepped_step(&stepped);
    run_worker(WORKER_FLOOR);
    expect(1, ENG_DELIVERED, ENG_REASON_WORKER_HUNG);
    CHECK(!stepped_start(&stepped, WORKER_FAST)); /* stale, and a sign of life */
    submit(ENG_LANE_FAST, 0);
    stepped_step(&stepped);
    run_worker(WORKER_FAST);
    run_worker(WORKER_FAST);
    expect(2, ENG_DELIVERED, ENG_REASON_NONE);
    finish();
}

/* Each frame is claimed back at its deadline, long before the worker is given up. */
TEST(a_worker_that_hangs_between_frames_is_detached)
{
    start(WORKER_FAST, 1);
    for (uint64_t sequence = 0; sequence < 10; sequence++) {
        submit(ENG_LANE_FAST, 155);
        pass_ms(150);
        run_worker(WORKER_FLOOR);
        expect(
            sequence, ENG_DELIVERED, sequence < 6 ? ENG_REASON_DEADLINE : ENG_REASON_WORKER_HUNG);
    }
    CHECK_EQ(events(ENG_EVENT_WORKER_DETACHED), 1);
    CHECK(record_of(WORKER_FAST)->is_silent);
    CHECK_EQ(stepped.core.monitor.count, 0);
    finish();
}

TEST(a_slow_worker_that_shows_life_is_left_alone)
{
    start(WORKER_SLOW, 1);
    submit(ENG_LANE_BACKGROUND, 0);
    stepped_step(&stepped);
    REQUIRE(stepped_start(&stepped, WORKER_SLOW));
    for (int i = 0; i < 10; i++) {
        pass_ms(900);
        atomic_fetch_add(&stepped.core.arena.workers[WORKER_SLOW].heartbeat, 1);
    }
    REQUIRE(stepped_end(&stepped, WORKER_SLOW, 0));
    stepped_step(&stepped);
    expect(0, ENG_DELIVERED, ENG_REASON_NONE);
    CHECK_EQ(events(ENG_EVENT_WORKER_DETACHED), 0);
    finish();
}

TEST(a_minute_of_sleep_is_nobodys_fault)
{
    start(WORKER_SLOW, 1);
    submit(ENG_LANE_BACKGROUND, 0);
    stepped_step(&stepped);
    REQUIRE(stepped_start(&stepped, WORKER_SLOW));
    for (int i = 0; i < 10; i++) {
        stepped.now_ns += 60000 * MS;
        stepped_step(&stepped);
    }
    CHECK_EQ(events(ENG_EVENT_WORKER_DETACHED), 0);
    REQUIRE(stepped_end(&stepped, WORKER_SLOW, 0));
    stepped_step(&stepped);
    expect(0, ENG_DELIVERED, ENG_REASON_NONE);
    finish();
}

TEST(a_worker_in_the_background_is_given_more_time)
{
    start(WORKER_SLOW, 1);
    stepped.core.config.workers[WORKER_SLOW].is_background = true;
    submit(ENG_LANE_BACKGROUND, 0);
    stepped_step(&stepped);
    REQUIRE(stepped_start(&stepped, WORKER_SLOW));
    pass_ms(9900);
    CHECK_EQ(events(ENG_EVENT_WORKER_DETACHED), 0);
    pass_ms(120);
    CHECK_EQ(events(ENG_EVENT_WORKER_DETACHED), 1);
    expect(0, ENG_FAILED, ENG_REASON_WORKER_HUNG);
    CHECK(!stepped_end(&stepped, WORKER_SLOW, 0));
    finish();
}

/* The first frame's worker misses its deadline: what waits behind it goes to the floor, too, where
 * the newest wins. */
TEST(what_waits_behind_a_late_frame_goes_to_the_floor)
{
    fixture_init(&stepped.fixture, 1);
    stepped.fixture.config.workers[WORKER_FAST].queue_depth = 3;
    stepped.fixture.config.lanes[ENG_LANE_FAST].capacity = 8;
    stepped.fixture.config.commands[FAST_ALGO].reads_committed = 0;
    REQUIRE(stepped_init(&stepped) == 0);
    for (uint64_t i = 0; i < 3; i++)
        submit(ENG_LANE_FAST, 35 + 20 * i);
    stepped_step(&stepped);
    CHECK_EQ(record_of(WORKER_FAST)->count, 3);
    REQUIRE(stepped_start(&stepped, WORKER_FAST));
    pass_ms(30);
    CHECK_EQ(events(ENG_EVENT_HANDOFF_FAST_FORWARDED), 2);
    CHECK(!stepped_end(&stepped, WORKER_FAST, 0));
    stepped_step(&stepped);
    while (stepped_start(&stepped, WORKER_FLOOR)) {
        REQUIRE(stepped_end(&stepped, WORKER_FLOOR, 0));
        stepped_step(&stepped);
    }
    expect(0, ENG_DROPPED, ENG_REASON_SUPERSEDED);
    expect(1, ENG_DROPPED, ENG_REASON_SUPERSEDED);
    expect(2, ENG_DELIVERED, ENG_REASON_WORKER_HUNG);
    finish();
}

/* Claimed attempts leave their hints behind: a worker that never looks gets no more than fit. */
TEST(a_full_ring_keeps_frames_waiting)
{
    start(WORKER_FAST, 1);
    for (int i = 0; i < ENG_HINTS_MAX; i++) {
        submit(ENG_LANE_FAST, 20);
        stepped_step(&stepped);
        CHECK_EQ(record_of(WORKER_FAST)->count, 1);
        pass_ms(20);
        REQUIRE(stepped_next(&stepped, &completion));
        CHECK_EQ(completion.row.reason, ENG_REASON_DEADLINE);
        /* Signs of life, but it takes nothing. */
        atomic_fetch_add(&stepped.core.arena.workers[WORKER_FAST].heartbeat, 1);
        atomic_store(&stepped.core.arena.workers[WORKER_FLOOR].ring.tail,
            stepped.core.arena.workers[WORKER_FLOOR].ring.head);
    }
    submit(ENG_LANE_FAST, 40);
    stepped_step(&stepped);
    CHECK_EQ(record_of(WORKER_FAST)->count, 0);
    CHECK(!stepped_start(&stepped, WORKER_FAST)); /* makes room */
    stepped_step(&stepped);
    CHECK_EQ(record_of(WORKER_FAST)->count, 1);
    pass_ms(40);
    REQUIRE(stepped_next(&stepped, &completion));
    finish();
}

/* It lost one, let go, started the next and lost that, too, all between two looks. */
TEST(two_slots_lost_between_two_looks)
{
    start(WORKER_SLOW, 2);
    for (int i = 0; i < 2; i++)
        submit(ENG_LANE_BACKGROUND, 0);
    stepped_step(&stepped);
    for (uint32_t i = 0; i < 2; i++) {
        REQUIRE(stepped_start(&stepped, WORKER_SLOW));
        eng_scheduler_give_up(&stepped.core, eng_handoff_oldest(&stepped.core, WORKER_SLOW),
            ENG_CANCELLED, ENG_REASON_CANCELLED);
        CHECK_EQ(record_of(WORKER_SLOW)->lost, i + 1);
        CHECK(!record_of(WORKER_SLOW)->is_suspect); /* it was no fault of its own */
        CHECK(!stepped_end(&stepped, WORKER_SLOW, 0));
    }
    stepped_step(&stepped);
    CHECK_EQ(record_of(WORKER_SLOW)->lost, 0);
    for (uint64_t i = 0; i < 2; i++)
        expect(i, ENG_CANCELLED, ENG_REASON_CANCELLED);
    finish();
}

TEST(a_silent_background_worker_keeps_its_frames_waiting)
{
    start(WORKER_SLOW, 1);
    submit(ENG_LANE_BACKGROUND, 0);
    stepped_step(&stepped);
    pass_ms(1020);
    CHECK(record_of(WORKER_SLOW)->is_silent);
    pass_ms(3000);
    CHECK(!stepped_next(&stepped, &completion));
    CHECK(!stepped_start(&stepped, WORKER_SLOW)); /* stale, and a sign of life */
    stepped_step(&stepped);
    run_worker(WORKER_SLOW);
    expect(0, ENG_DELIVERED, ENG_REASON_NONE);
    finish();
}

static void start_without_floor(void)
{
    fixture_init(&stepped.fixture, 1);
    stepped.fixture.config.lanes[ENG_LANE_FLOOR].stage_count = 0;
    stepped.fixture.config.lanes[ENG_LANE_FAST].capacity = 1;
    REQUIRE(stepped_init(&stepped) == 0);
}

TEST(without_a_floor_each_fate_has_its_name)
{
    start_without_floor();
    submit(ENG_LANE_FAST, 20);
    submit(ENG_LANE_FAST, 0);
    stepped_step(&stepped); /* the second finds the lane full */
    REQUIRE(stepped_start(&stepped, WORKER_FAST));
    REQUIRE(stepped_end(&stepped, WORKER_FAST, -5));
    stepped_step(&stepped);
    expect(0, ENG_FAILED, ENG_REASON_WORKER_FAILED);
    expect(1, ENG_DROPPED, ENG_REASON_LANE_FULL);
    submit(ENG_LANE_FAST, 20);
    stepped_step(&stepped);
    REQUIRE(stepped_start(&stepped, WORKER_FAST));
    pass_ms(20);
    expect(2, ENG_LATE, ENG_REASON_WORKER_HUNG);
    submit(ENG_LANE_FAST, 0); /* while it is suspect */
    stepped_step(&stepped);
    expect(3, ENG_LATE, ENG_REASON_WORKER_HUNG);
    CHECK(!stepped_end(&stepped, WORKER_FAST, 0));
    finish();
}

TEST(a_deadline_before_all_time_is_late_at_once)
{
    start(WORKER_FAST, 1);
    REQUIRE(stepped_submit(&stepped, ENG_LANE_FAST, 1) == 0);
    stepped_step(&stepped);
    expect(0, ENG_LATE, ENG_REASON_DEADLINE);
    stepped.core.stop_ns = stepped.now_ns;
    stepped_step(&stepped);
    submit(ENG_LANE_FAST, 0); /* was past the gate when the end came */
    stepped_step(&stepped);
    expect(1, ENG_CANCELLED, ENG_REASON_FLUSHED);
    finish();
}

TEST(a_row_takes_so_many_timings)
{
    start(WORKER_FAST, 1);
    submit(ENG_LANE_FAST, 0);
    stepped_step(&stepped);
    for (int stage = 0; stage < 2; stage++) {
        REQUIRE(stepped_start(&stepped, WORKER_FAST));
        uint32_t slot = stepped.actors[WORKER_FAST].hint.slot;
        REQUIRE(stepped_end(&stepped, WORKER_FAST, 0));
        struct eng_result *result = &stepped.core.arena.items[slot].work.result;
        for (int i = 0; i < ENG_TIMINGS_MAX + 1; i++)
            eng_result_time(result, "a, name", 1);
        result->timing_count = stage ? UINT32_MAX : 8; /* a worker may say anything */
        stepped_step(&stepped);
    }
    expect(0, ENG_DELIVERED, ENG_REASON_NONE);
    CHECK_EQ(completion.row.timing_count, ENG_TIMINGS_MAX);
    CHECK_STR(completion.row.timings[0].name, "a??name");
    finish();
}

/* Only what has not begun is superseded: the floor's second stage is as good as done. */
TEST(the_newest_does_not_win_over_what_has_begun)
{
    fixture_init(&stepped.fixture, 1);
    struct eng_lane_config *lane = &stepped.fixture.config.lanes[ENG_LANE_FLOOR];
    lane->stage_count = 2;
    lane->stages[1] = RAW_ISP;
    REQUIRE(stepped_init(&stepped) == 0);
    for (int i = 0; i < 2; i++) {
        REQUIRE(stepped_submit(&stepped, ENG_LANE_FAST, 0) == 0);
        stepped_step(&stepped);
        REQUIRE(stepped_start(&stepped, WORKER_FAST));
        REQUIRE(stepped_end(&stepped, WORKER_FAST, -EIO));
        if (i) /* in the same step the first frame's first stage is done */
            REQUIRE(stepped_end(&stepped, WORKER_FLOOR, 0));
        stepped_step(&stepped);
        if (!i)
            REQUIRE(stepped_start(&stepped, WORKER_FLOOR));
    }
    for (int i = 0; i < 3; i++) {
        REQUIRE(stepped_start(&stepped, WORKER_FLOOR));
        REQUIRE(stepped_end(&stepped, WORKER_FLOOR, 0));
        stepped_step(&stepped);
    }
    for (uint64_t i = 0; i < 2; i++) {
        REQUIRE(stepped_next(&stepped, &completion));
        CHECK_EQ(completion.row.sequence, i);
        CHECK_EQ(completion.row.outcome, ENG_DELIVERED);
        stepped_release(&stepped, &completion);
    }
    stepped_finish(&stepped);
}

TEST(stop_drains_queues)
{
    start(WORKER_SLOW, 4);
    for (int i = 0; i < 4; i++)
        submit(ENG_LANE_BACKGROUND, 0);
    stepped_step(&stepped);
    REQUIRE(stepped_start(&stepped, WORKER_SLOW));
    stepped.core.stop_ns = stepped.now_ns;
    pass_ms(110);
    CHECK_EQ(events(ENG_EVENT_HANDOFF_FAST_FORWARDED), 3);
    CHECK_EQ(stepped.core.monitor.count, 1);
    for (uint64_t i = 0; i < 4; i++)
        expect(i, ENG_CANCELLED, ENG_REASON_FLUSHED);
    CHECK(!stepped_end(&stepped, WORKER_SLOW, 0));
    finish();
}

int main(void)
{
    RUN(a_queue_fills_by_deadline);
    RUN(claims_take_the_newest_until_one_has_started);
    RUN(a_hung_worker_is_detached_by_its_silence);
    RUN(a_worker_that_does_not_start_gets_nothing_until_it_stirs);
    RUN(a_worker_that_hangs_between_frames_is_detached);
    RUN(a_slow_worker_that_shows_life_is_left_alone);
    RUN(a_worker_in_the_background_is_given_more_time);
    RUN(a_minute_of_sleep_is_nobodys_fault);
    RUN(what_waits_behind_a_late_frame_goes_to_the_floor);
    RUN(a_full_ring_keeps_frames_waiting);
    RUN(two_slots_lost_between_two_looks);
    RUN(a_silent_background_worker_keeps_its_frames_waiting);
    RUN(without_a_floor_each_fate_has_its_name);
    RUN(a_deadline_before_all_time_is_late_at_once);
    RUN(a_row_takes_so_many_timings);
    RUN(the_newest_does_not_win_over_what_has_begun);
    RUN(stop_drains_queues);
    return test_report();
}
