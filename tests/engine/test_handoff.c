/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Workers' queues: filled by deadline, taken back newest first, watched for signs of life. */
#include "base/prng.h"
#include "engine/stepped.h"
#include "harness/test.h"

static struct stepped stepped;
static struct eng_completion completion;

static void start(uint32_t worker, uint32_t depth)
{
    fixture_init(&stepped.fixture, 1);
    stepped.fixture.config.workers[worker].queue_depth = depth;
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

/* ---- the same bits whatever the timing --------------------------------------------------------
 */

#define FRAMES 40

struct reads {
    struct eng_handle read[FRAMES], wrote[FRAMES]; /* of FastAlgo, by sequence */
    bool is_fast[FRAMES];
    uint64_t completions;
};

static void note(struct reads *reads, uint32_t slot)
{
    const struct eng_envelope *envelope = &stepped.core.arena.envelopes[slot];
    if (envelope->command != FAST_ALGO)
        return;
    reads->read[envelope->sequence] = envelope->committed[ROLE_COEFFICIENTS];
    reads->wrote[envelope->sequence] = envelope->writes[ROLE_COEFFICIENTS];
}

static void act_worker(struct reads *reads, uint32_t worker, struct base_prng *prng)
{
    if (stepped.actors[worker].is_working)
        stepped_end(&stepped, worker, base_prng_below(prng, 10) ? 0 : -5);
    else if (stepped_start(&stepped, worker))
        note(reads, stepped.actors[worker].hint.slot);
}

static void act(struct reads *reads, struct base_prng *prng)
{
    switch (base_prng_below(prng, 6)) {
    case 0:
        if (stepped.submitted < FRAMES && stepped.submitted - reads->completions < 12)
            stepped_submit(&stepped, ENG_LANE_FAST,
                base_prng_below(prng, 2) ? stepped.now_ns + (500 - stepped.submitted) * MS : 0);
        break;
    case 1:
        stepped_step(&stepped);
        break;
    case 2:
        if (!stepped_next(&stepped, &completion))
            break;
        reads->is_fast[completion.row.sequence] =
            completion.row.outcome == ENG_DELIVERED && !completion.row.fallback_used;
        reads->completions++;
        stepped_release(&stepped, &completion);
        break;
    default:
        act_worker(reads, base_prng_below(prng, WORKER_COUNT), prng);
        break;
    }
}

/* Each picture that the lane made is made of the state of the one made before it. Of a frame whose
 * FastAlgo failed nothing can be told. */
static uint32_t check_reads(const struct reads *reads)
{
    uint32_t checked = 0;
    struct eng_handle expected = {0};
    for (uint32_t i = 0; i < FRAMES; i++) {
        if (!reads->is_fast[i])
            continue;
        CHECK_EQ(reads->read[i].index, expected.index);
        CHECK_EQ(reads->read[i].generation, expected.generation);
        expected = reads->wrote[i];
        checked++;
    }
    return checked;
}

TEST(what_is_read_does_not_depend_on_who_is_faster)
{
    uint32_t checked = 0;
    for (uint64_t seed = 1; seed <= 200 && test_ok; seed++) {
        struct base_prng prng = {.state = seed};
        struct reads reads = {0};
        fixture_init(&stepped.fixture, 1);
        struct eng_config *config = &stepped.fixture.config;
        config->lanes[ENG_LANE_FAST].capacity = 8;
        config->commands[FAST_ISP].worker = WORKER_SLOW; /* stages of two frames can overlap */
        for (uint32_t w = 0; w < WORKER_COUNT; w++)
            config->workers[w].queue_depth = 1 + base_prng_below(&prng, 4);
        REQUIRE(stepped_init(&stepped) == 0);
        for (int i = 0; i < 20000 && reads.completions < FRAMES; i++)
            act(&reads, &prng);
        CHECK_EQ(reads.completions, FRAMES);
        checked += check_reads(&reads);
        stepped_finish(&stepped);
    }
    printf("%u pictures\n", checked);
    CHECK(checked > 2000);
}

int main(void)
{
    RUN(a_queue_fills_by_deadline);
    RUN(claims_take_the_newest_until_one_has_started);
    RUN(a_hung_worker_is_detached_by_its_silence);
    RUN(a_worker_that_does_not_start_gets_nothing_until_it_stirs);
    RUN(a_slow_worker_that_shows_life_is_left_alone);
    RUN(a_minute_of_sleep_is_nobodys_fault);
    RUN(what_waits_behind_a_late_frame_goes_to_the_floor);
    RUN(stop_drains_queues);
    RUN(what_is_read_does_not_depend_on_who_is_faster);
    return test_report();
}
