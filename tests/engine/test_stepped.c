/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Exact orders of events that threads rarely meet, and many random ones by seed. */
#include "base/prng.h"
#include "engine/belief.h"
#include "engine/stepped.h"
#include "harness/test.h"

#include <errno.h>

static struct stepped stepped;
static struct eng_completion completion;

static void start(void)
{
    fixture_init(&stepped.fixture, 1);
    int error = stepped_init(&stepped);
    CHECK_EQ(error, 0);
}

static void run_worker(uint32_t worker)
{
    REQUIRE(stepped_start(&stepped, worker));
    REQUIRE(stepped_end(&stepped, worker, 0));
    stepped_step(&stepped);
}

TEST(what_has_not_started_is_claimed_and_its_hint_is_stale)
{
    start();
    REQUIRE(stepped_submit(&stepped, ENG_LANE_FAST, stepped.now_ns + 20 * MS) == 0);
    stepped_step(&stepped);
    CHECK_EQ(stepped.timer_ns, stepped.now_ns + 14 * MS); /* 6 ms are the floor's */
    stepped.now_ns += 14 * MS;
    stepped_step(&stepped);
    CHECK_EQ(stepped.core.monitor.count, 0);
    CHECK(!stepped_start(&stepped, WORKER_FAST)); /* stale */
    run_worker(WORKER_FLOOR);
    REQUIRE(stepped_next(&stepped, &completion));
    CHECK_EQ(completion.row.outcome, ENG_DELIVERED);
    CHECK_EQ(completion.row.fallback_reason, ENG_REASON_DEADLINE);
    stepped_finish(&stepped);
}

TEST(a_result_that_came_at_the_deadline_counts)
{
    start();
    uint64_t deadline_ns = stepped.now_ns + 20 * MS;
    REQUIRE(stepped_submit(&stepped, ENG_LANE_FAST, deadline_ns) == 0);
    stepped_step(&stepped);
    run_worker(WORKER_FAST);
    REQUIRE(stepped_start(&stepped, WORKER_FAST));
    stepped.now_ns = deadline_ns;
    REQUIRE(stepped_end(&stepped, WORKER_FAST, 0)); /* before the control thread looked */
    stepped.now_ns += 5 * MS;
    stepped_step(&stepped);
    REQUIRE(stepped_next(&stepped, &completion));
    CHECK_EQ(completion.row.outcome, ENG_DELIVERED);
    CHECK(!completion.row.fallback_used);
    stepped_finish(&stepped);
}

TEST(a_result_after_the_deadline_is_late)
{
    start();
    REQUIRE(stepped_submit(&stepped, ENG_LANE_BACKGROUND, stepped.now_ns + 20 * MS) == 0);
    stepped_step(&stepped);
    REQUIRE(stepped_start(&stepped, WORKER_SLOW));
    stepped.now_ns += 20 * MS + 1;
    REQUIRE(stepped_end(&stepped, WORKER_SLOW, 0));
    stepped_step(&stepped);
    REQUIRE(stepped_next(&stepped, &completion));
    CHECK_EQ(completion.row.outcome, ENG_LATE);
    CHECK(completion.delivered[ROLE_PICTURE].bytes == NULL);
    stepped_finish(&stepped);
}

/* The worker is done with the first stage between the control thread's cancel and its theft. */
TEST(a_stage_that_is_done_as_it_is_cancelled_is_followed_by_the_next)
{
    start();
    REQUIRE(stepped_submit(&stepped, ENG_LANE_FAST, 0) == 0);
    stepped_step(&stepped);
    REQUIRE(stepped_start(&stepped, WORKER_FAST));
    struct eng_hint hint = stepped.actors[WORKER_FAST].hint;
    struct eng_token_args args = {.grant = hint.grant};
    REQUIRE(eng_arena_apply(&stepped.core.arena, hint.slot, ENG_EDGE_CANCEL, &args));
    REQUIRE(stepped_end(&stepped, WORKER_FAST, 0));
    stepped_step(&stepped);
    run_worker(WORKER_FAST);
    REQUIRE(stepped_next(&stepped, &completion));
    CHECK_EQ(completion.row.outcome, ENG_DELIVERED);
    stepped_finish(&stepped);
}

TEST(no_time_for_the_fast_lane_goes_to_the_floor_at_once)
{
    start();
    REQUIRE(stepped_submit(&stepped, ENG_LANE_FAST, stepped.now_ns + 5 * MS) == 0);
    stepped_step(&stepped);
    CHECK(!stepped_start(&stepped, WORKER_FAST));
    run_worker(WORKER_FLOOR);
    REQUIRE(stepped_next(&stepped, &completion));
    CHECK_EQ(completion.row.fallback_reason, ENG_REASON_DEADLINE);
    CHECK_EQ(stepped.core.arena.counts->stale_hints, 0);
    stepped_finish(&stepped);
}

TEST(earliest_deadline_goes_first)
{
    start();
    for (uint64_t i = 0; i < 3; i++)
        REQUIRE(
            stepped_submit(&stepped, ENG_LANE_BACKGROUND, stepped.now_ns + (900 - i) * MS) == 0);
    static const uint64_t expected[] = {2, 1, 0};
    for (int i = 0; i < 3; i++) {
        stepped_step(&stepped);
        REQUIRE(stepped_start(&stepped, WORKER_SLOW));
        uint32_t slot = stepped.actors[WORKER_SLOW].hint.slot;
        CHECK_EQ(stepped.core.arena.envelopes[slot].sequence, expected[i]);
        REQUIRE(stepped_end(&stepped, WORKER_SLOW, 0));
    }
    stepped_step(&stepped);
    for (uint64_t i = 0; i < 3; i++) { /* and still leave in order */
        REQUIRE(stepped_next(&stepped, &completion));
        CHECK_EQ(completion.row.sequence, i);
    }
    stepped_finish(&stepped);
}

/* Frame 0 is published before frame 1 is dispatched, so that the state which 1 reads does not
 * depend on timing. */
TEST(the_next_frame_reads_what_the_last_one_committed)
{
    start();
    for (int i = 0; i < 2; i++)
        REQUIRE(stepped_submit(&stepped, ENG_LANE_FAST, 0) == 0);
    stepped_step(&stepped);
    run_worker(WORKER_FAST);
    REQUIRE(stepped_start(&stepped, WORKER_FAST));
    uint32_t slot = stepped.actors[WORKER_FAST].hint.slot;
    struct eng_handle read = stepped.core.arena.envelopes[slot].reads[ROLE_COEFFICIENTS];
    CHECK_EQ(stepped.core.arena.envelopes[slot].sequence, 0); /* its second stage */
    REQUIRE(stepped_end(&stepped, WORKER_FAST, 0));
    stepped_step(&stepped);
    REQUIRE(stepped_start(&stepped, WORKER_FAST));
    const struct eng_envelope *next =
        &stepped.core.arena.envelopes[stepped.actors[WORKER_FAST].hint.slot];
    CHECK_EQ(next->sequence, 1);
    CHECK_EQ(next->committed[ROLE_COEFFICIENTS].index, read.index);
    CHECK_EQ(next->committed[ROLE_COEFFICIENTS].generation, read.generation);
    stepped_finish(&stepped);
}

TEST(a_plan_that_ends_makes_room_in_the_same_step)
{
    fixture_init(&stepped.fixture, 1);
    stepped.fixture.config.lanes[ENG_LANE_BACKGROUND].capacity = 1;
    REQUIRE(stepped_init(&stepped) == 0);
    REQUIRE(stepped_submit(&stepped, ENG_LANE_FAST, 0) == 0);
    for (int i = 0; i < 2; i++)
        stepped_plan(&stepped, 1);
    stepped_step(&stepped);
    run_worker(WORKER_SLOW);
    CHECK(stepped_start(&stepped, WORKER_SLOW));
    stepped_finish(&stepped);
}

/* One frame runs and two have left the floor but wait behind it: of four slots one is free, and a
 * spare. */
TEST(the_last_slot_is_the_floors)
{
    fixture_init(&stepped.fixture, 1);
    stepped.fixture.config.knobs.slots = 5;
    stepped.fixture.config.knobs.spare_slots = 1;
    stepped.fixture.config.lanes[ENG_LANE_FAST].capacity = 1;
    REQUIRE(stepped_init(&stepped) == 0);
    REQUIRE(stepped_submit(&stepped, ENG_LANE_FAST, 0) == 0);
    stepped_step(&stepped);
    for (int i = 0; i < 2; i++) {
        REQUIRE(stepped_submit(&stepped, ENG_LANE_FAST, 0) == 0);
        stepped_step(&stepped);
        run_worker(WORKER_FLOOR);
    }
    CHECK_EQ(eng_session_free_count(&stepped.core.sessions), 2);
    REQUIRE(stepped_submit(&stepped, ENG_LANE_BACKGROUND, 0) == 0);
    stepped_step(&stepped);
    CHECK(!stepped_start(&stepped, WORKER_SLOW));
    REQUIRE(stepped_submit(&stepped, ENG_LANE_FAST, 0) == 0);
    stepped_step(&stepped);
    CHECK(stepped_start(&stepped, WORKER_FLOOR));
    CHECK(!stepped_next(&stepped, &completion));
    stepped_finish(&stepped);
}

TEST(control_items_do_not_hold_up_frames)
{
    start();
    REQUIRE(stepped_submit(&stepped, ENG_LANE_BACKGROUND, 0) == 0);
    stepped_step(&stepped);
    run_worker(WORKER_SLOW);
    REQUIRE(stepped_next(&stepped, &completion));
    for (int i = 0; i < 4; i++) /* the knob's default; the first one gives something back */
        stepped_release(&stepped, &completion);
    REQUIRE(stepped_submit(&stepped, ENG_LANE_FAST, 0) == 0);
    stepped_step(&stepped);
    CHECK_EQ(stepped.timer_ns, stepped.now_ns); /* dispatch, wake, come back at once */
    CHECK(!stepped_start(&stepped, WORKER_FAST));
    stepped_step(&stepped);
    CHECK(stepped_start(&stepped, WORKER_FAST));
    stepped_finish(&stepped);
}

/* A stolen slot is polled with back-off, then quarantined at exactly the timeout. */
TEST(escalation_keeps_its_time)
{
    start();
    REQUIRE(stepped_submit(&stepped, ENG_LANE_FAST, stepped.now_ns + 20 * MS) == 0);
    stepped_step(&stepped);
    REQUIRE(stepped_start(&stepped, WORKER_FAST));
    stepped.now_ns += 14 * MS;
    stepped_step(&stepped);
    CHECK_EQ(eng_monitor_waiting(&stepped.core.monitor), 1);
    uint64_t stolen_ns = stepped.now_ns, steps = 0;
    while (stepped.core.monitor.quarantined == 0 && steps++ < 200) {
        stepped.now_ns = stepped.timer_ns;
        stepped_step(&stepped);
    }
    CHECK_EQ(stepped.now_ns, stolen_ns + 500 * MS);
    CHECK(!stepped_end(&stepped, WORKER_FAST, 0));
    stepped_step(&stepped);
    CHECK_EQ(stepped.core.monitor.count, 0);
    CHECK_EQ(eng_session_free_count(&stepped.core.sessions), 16);
    stepped_finish(&stepped);
}

TEST(a_full_monitor_drops_the_oldest_that_waits)
{
    fixture_init(&stepped.fixture, 1);
    stepped.fixture.config.knobs.drop_threshold = 1;
    REQUIRE(stepped_init(&stepped) == 0);
    for (int i = 0; i < 2; i++) {
        enum eng_lane lane = i ? ENG_LANE_BACKGROUND : ENG_LANE_FAST;
        REQUIRE(stepped_submit(&stepped, lane, stepped.now_ns + 20 * MS) == 0);
        stepped_step(&stepped);
        REQUIRE(stepped_start(&stepped, i ? WORKER_SLOW : WORKER_FAST));
    }
    stepped.now_ns += 20 * MS;
    stepped_step(&stepped);
    stepped_step(&stepped);
    CHECK_EQ(stepped.core.monitor.count, 2);
    CHECK_EQ(stepped.core.monitor.quarantined, 0);
    while (stepped_next(&stepped, &completion))
        continue;
    for (int i = 0; i < 2; i++)
        REQUIRE(stepped_submit(&stepped, ENG_LANE_BACKGROUND, 0) == 0);
    stepped_step(&stepped);
    stepped_step(&stepped);
    REQUIRE(stepped_next(&stepped, &completion));
    CHECK_EQ(completion.row.outcome, ENG_DROPPED);
    CHECK_EQ(completion.row.sequence, 2);
    CHECK(!stepped_next(&stepped, &completion)); /* one for the one too many */
    stepped_finish(&stepped);
}

TEST(without_a_history_no_input_is_kept)
{
    fixture_init(&stepped.fixture, 1);
    stepped.fixture.config.history_count = 0;
    REQUIRE(stepped_init(&stepped) == 0);
    REQUIRE(stepped_submit(&stepped, ENG_LANE_FAST, 0) == 0);
    stepped_step(&stepped);
    for (int stage = 0; stage < 2; stage++) {
        REQUIRE(stepped_start(&stepped, WORKER_FAST));
        REQUIRE(stepped_end(&stepped, WORKER_FAST, 0));
        stepped_step(&stepped);
    }
    REQUIRE(stepped_next(&stepped, &completion));
    CHECK_EQ(completion.row.outcome, ENG_DELIVERED);
    stepped_release(&stepped, &completion);
    stepped_step(&stepped);
    /* Of what is not free for the producer only the committed coefficients remain. */
    CHECK_EQ(stepped.core.resources.pins, stepped.fixture.config.pools[POOL_INPUT].count + 1);
    stepped_finish(&stepped);
}

TEST(a_lease_is_reported_once)
{
    start();
    REQUIRE(stepped_submit(&stepped, ENG_LANE_BACKGROUND, 0) == 0);
    stepped_step(&stepped);
    run_worker(WORKER_SLOW);
    REQUIRE(stepped_next(&stepped, &completion));
    CHECK_EQ(stepped.timer_ns, stepped.now_ns + 2000 * MS);
    uint64_t before = stepped.core.telemetry.ring.head;
    for (int i = 0; i < 3; i++) {
        stepped.now_ns += 1999 * MS;
        stepped_step(&stepped);
        CHECK_EQ(stepped.core.telemetry.ring.head - before, i > 0);
    }
    stepped_release(&stepped, &completion);
    stepped_step(&stepped);
    CHECK_EQ(stepped.timer_ns, PLAT_FOREVER);
    stepped_finish(&stepped);
}

/* ---- random orders --------------------------------------------------------------------------- */

struct seen {
    uint64_t completions, plans, outcomes[ENG_OUTCOME_COUNT], reasons[ENG_REASON_COUNT];
    uint64_t fallbacks, last_id, flushes;
    bool is_background_only;
    uint32_t held_count;
    struct eng_completion held[8];
};

static void consume(struct seen *seen, struct base_prng *prng)
{
    if (seen->held_count && base_prng_below(prng, 4) == 0)
        stepped_release(&stepped, &seen->held[--seen->held_count]);
    if (!stepped_next(&stepped, &completion))
        return;
    seen->completions++;
    seen->plans += completion.row.plan_token != 0;
    seen->outcomes[completion.row.outcome]++;
    seen->reasons[completion.row.reason]++;
    seen->fallbacks += completion.row.fallback_used;
    if (completion.row.lane == ENG_LANE_FAST) {
        /* Fast frames have ids in order of acceptance, and leave in it. */
        CHECK(completion.row.frame_id > seen->last_id);
        seen->last_id = completion.row.frame_id;
    }
    if (completion.row.outcome != ENG_DELIVERED)
        return;
    REQUIRE(seen->held_count < 8);
    seen->held[seen->held_count++] = completion;
}

static void act_worker(uint32_t worker, struct base_prng *prng)
{
    struct stepped_actor *actor = &stepped.actors[worker];
    if (stepped.core.config.knobs.isolation && base_prng_below(prng, 200) == 0)
        stepped_die(&stepped, worker);
    if (!actor->is_working) {
        uint64_t ms = base_prng_below(prng, 12);
        actor->until_ns =
            base_prng_below(prng, 150) ? stepped.now_ns + ms * MS : stepped.now_ns + 1500 * MS;
        stepped_start(&stepped, worker);
    } else if (stepped.now_ns >= actor->until_ns) {
        stepped_end(&stepped, worker, base_prng_below(prng, 20) ? 0 : -EIO);
    }
}

static void flush(struct seen *seen)
{
    struct eng_call *call = stepped_call(&stepped, ENG_CALL_FLUSH, 0, 0);
    for (int i = 0; i < 30 && call->state != ENG_CALL_DONE && !stepped.core.calls.active; i++)
        stepped_step(&stepped); /* so many control items at a time */
    /* What it ends has ended at once; it may wait for slots. */
    CHECK(call->state == ENG_CALL_DONE || stepped.core.monitor.count > 0);
    seen->flushes++;
}

static void act(struct seen *seen, struct base_prng *prng)
{
    if (base_prng_below(prng, 3) == 0)
        stepped.now_ns += base_prng_below(prng, 3) * MS;
    switch (base_prng_below(prng, 8)) {
    case 0: {
        bool is_fast = !seen->is_background_only && base_prng_below(prng, 5);
        enum eng_lane lane = is_fast ? ENG_LANE_FAST : ENG_LANE_BACKGROUND;
        uint64_t ms = base_prng_below(prng, 80);
        stepped_submit(&stepped, lane, ms ? stepped.now_ns + ms * MS : 0);
        break;
    }
    case 1:
        if (base_prng_below(prng, 20) == 0 && stepped.planned - seen->plans < 4)
            stepped_plan(&stepped, 1 + base_prng_below(prng, 4));
        if (base_prng_below(prng, 20) == 0 && stepped.submitted &&
            stepped.core.places[0].cancels_in_flight < ENG_CANCELS_MAX)
            stepped_cancel(&stepped, stepped.submitted - 1 - base_prng_below(prng, 2));
        if (base_prng_below(prng, 200) == 0)
            flush(seen);
        break;
    case 2:
        consume(seen, prng);
        break;
    case 3:
    case 4:
        stepped_step(&stepped);
        break;
    default:
        act_worker(base_prng_below(prng, WORKER_COUNT), prng);
        break;
    }
}

/* Credits: never more on their way than a runtime would let in. */
static bool has_credit(const struct seen *seen)
{
    return stepped.submitted + stepped.planned - seen->completions < 60;
}

static void settle(struct seen *seen, struct base_prng *prng)
{
    stepped.core.stop_ns = stepped.now_ns;
    for (int i = 0; i < 20000; i++) {
        stepped.now_ns += MS;
        for (uint32_t w = 0; w < WORKER_COUNT; w++)
            act_worker(w, prng);
        stepped_step(&stepped);
        consume(seen, prng);
        if (eng_main_loop_is_stopped(&stepped.core) && stepped.core.monitor.count == 0 &&
            seen->held_count == 0 && seen->completions == stepped.submitted + stepped.planned)
            break;
    }
    stepped_step(&stepped);
}

static void run_seed(uint64_t seed, struct seen *total)
{
    struct base_prng prng = {.state = seed};
    struct seen seen = {.is_background_only = seed % 10 == 0};
    fixture_init(&stepped.fixture, 1);
    stepped.fixture.config.knobs.plan_ttl_ns = 300 * MS;
    stepped.fixture.config.inputs_left = (uint32_t)(seed % 7);
    stepped.fixture.config.knobs.isolation = seed % 2;
    stepped.fixture.config.knobs.restart_budget = 3;
    stepped.fixture.config.knobs.restart_window_ns = 300 * MS;
    stepped.fixture.config.worker_program = "none"; /* this test keeps the processes */
    stepped.fixture.config.pools[POOL_PICTURE].count = 2 + base_prng_below(&prng, 6);
    stepped.fixture.config.knobs.slots = 5 + base_prng_below(&prng, 12);
    for (uint32_t w = 0; w < WORKER_COUNT; w++)
        stepped.fixture.config.workers[w].queue_depth = 1 + base_prng_below(&prng, 4);
    REQUIRE(stepped_init(&stepped) == 0);
    for (int i = 0; i < 1500; i++)
        if (has_credit(&seen))
            act(&seen, &prng);
        else
            consume(&seen, &prng);
    settle(&seen, &prng);
    /* Every frame one completion; every slot home; nothing pinned but free inputs. */
    CHECK_EQ(seen.completions, stepped.submitted + stepped.planned);
    CHECK_EQ(seen.plans, stepped.planned);
    CHECK_EQ(stepped.core.telemetry.emitted, seen.completions);
    CHECK_EQ(eng_session_free_count(&stepped.core.sessions), stepped.core.arena.item_count);
    CHECK_EQ(stepped.core.resources.pins, stepped.fixture.config.pools[POOL_INPUT].count);
    CHECK_EQ(stepped.core.resources.reserved_bytes, 0);
    CHECK_EQ(stepped.core.resources.stale, 0);
    stepped_finish(&stepped);
    total->completions += seen.completions;
    total->fallbacks += seen.fallbacks;
    for (int i = 0; i < ENG_OUTCOME_COUNT; i++)
        total->outcomes[i] += seen.outcomes[i];
    for (int i = 0; i < ENG_REASON_COUNT; i++)
        total->reasons[i] += seen.reasons[i];
}

TEST(any_order_of_events_keeps_every_invariant)
{
    struct seen total = {0};
    for (uint64_t seed = 1; seed <= 150 && test_ok; seed++) {
        run_seed(seed, &total);
        if (!test_ok)
            printf("seed %" PRIu64 "\n", seed);
    }
    printf("%" PRIu64 " completions, %" PRIu64 " by fallback:", total.completions, total.fallbacks);
    for (int i = 0; i < ENG_OUTCOME_COUNT; i++) {
        printf(" %s %" PRIu64, eng_outcome_name(i), total.outcomes[i]);
        CHECK(total.outcomes[i] > 0);
    }
    printf(";");
    for (int i = 0; i < ENG_REASON_COUNT; i++) {
        printf(" %s %" PRIu64, eng_reason_name(i), total.reasons[i]);
        /* Devices outside, whose fences fail, are the simulator's (tests/sim/fencer.c). */
        CHECK((total.reasons[i] > 0) == (i != ENG_REASON_FENCE_FAILED));
    }
    printf("\n");
}

int main(void)
{
    RUN(what_has_not_started_is_claimed_and_its_hint_is_stale);
    RUN(a_result_that_came_at_the_deadline_counts);
    RUN(a_result_after_the_deadline_is_late);
    RUN(a_stage_that_is_done_as_it_is_cancelled_is_followed_by_the_next);
    RUN(no_time_for_the_fast_lane_goes_to_the_floor_at_once);
    RUN(earliest_deadline_goes_first);
    RUN(the_next_frame_reads_what_the_last_one_committed);
    RUN(a_plan_that_ends_makes_room_in_the_same_step);
    RUN(the_last_slot_is_the_floors);
    RUN(control_items_do_not_hold_up_frames);
    RUN(escalation_keeps_its_time);
    RUN(a_full_monitor_drops_the_oldest_that_waits);
    RUN(without_a_history_no_input_is_kept);
    RUN(a_lease_is_reported_once);
    RUN(any_order_of_events_keeps_every_invariant);
    return test_report();
}
