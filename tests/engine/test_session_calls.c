/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Sessions' calls stepped with a made-up clock: exact orders that threads rarely meet. */
#include "engine/stepped.h"
#include "harness/test.h"

#include <errno.h>

static struct stepped stepped;
static struct eng_completion completion;

/* Pools that so many sessions fit in. */
static void fit(struct eng_config *config, uint32_t sessions)
{
    config->pools[POOL_INPUT].count = 12 * sessions;
    config->pools[POOL_COEFFICIENTS].count = 6 * sessions;
    config->pools[POOL_PICTURE].count = 6 * sessions;
    config->pools[POOL_FLOOR].count = 3 * sessions;
    config->knobs.slots = 16 + 4 * sessions;
}

static void start_stepped(uint32_t sessions)
{
    fixture_init(&stepped.fixture, 1);
    fit(&stepped.fixture.config, sessions);
    REQUIRE(stepped_init(&stepped) == 0);
}

static int result_now(struct eng_call *call)
{
    stepped_step(&stepped);
    int result = call->state == ENG_CALL_DONE ? call->result : -EINPROGRESS;
    if (call->state == ENG_CALL_DONE)
        call->state = ENG_CALL_FREE;
    return result;
}

TEST(a_hundred_thousand_sessions)
{
    start_stepped(2);
    uint32_t number = 1;
    for (int i = 0; i < 100000 && test_ok; i++) {
        struct eng_call *call = stepped_call(&stepped, ENG_CALL_OPEN, 0, 0);
        CHECK_EQ(result_now(call), 0);
        CHECK_EQ(call->session, number);
        call = stepped_call(&stepped, ENG_CALL_CLOSE, number, 0);
        CHECK_EQ(result_now(call), 0);
        number += ENG_SESSIONS_MAX;
    }
    CHECK_EQ(stepped.core.session_count, 1);
    CHECK_EQ(eng_session_free_count(&stepped.core.sessions), stepped.core.arena.item_count);
    CHECK_EQ(stepped.core.resources.pins, stepped.fixture.config.pools[POOL_INPUT].count);
    stepped_finish(&stepped);
}

static void run_worker(uint32_t worker)
{
    REQUIRE(stepped_start(&stepped, worker));
    REQUIRE(stepped_end(&stepped, worker, 0));
    stepped_step(&stepped);
}

/* Its result was there before the flush, but its turn had not come. */
TEST(a_result_of_an_earlier_epoch_is_not_published)
{
    start_stepped(1);
    REQUIRE(stepped_submit(&stepped, ENG_LANE_BACKGROUND, stepped.now_ns + 900 * MS) == 0);
    REQUIRE(stepped_submit(&stepped, ENG_LANE_BACKGROUND, stepped.now_ns + 800 * MS) == 0);
    stepped_step(&stepped);
    run_worker(WORKER_SLOW); /* the second one, by its deadline */
    CHECK(!stepped_next(&stepped, &completion));
    struct eng_call *call = stepped_call(&stepped, ENG_CALL_FLUSH, 0, 0);
    CHECK_EQ(result_now(call), 0);
    for (uint32_t i = 0; i < 2; i++) {
        REQUIRE(stepped_next(&stepped, &completion));
        CHECK_EQ(completion.row.sequence, i);
        CHECK_EQ(completion.row.outcome, ENG_CANCELLED);
        CHECK_EQ(completion.row.reason, ENG_REASON_FLUSHED);
        CHECK(completion.delivered[ROLE_PICTURE].bytes == NULL);
    }
    CHECK_EQ(stepped.core.telemetry.events[ENG_EVENT_PACKET_EPOCH_MISMATCH], 1);
    CHECK_EQ(eng_session_free_count(&stepped.core.sessions), stepped.core.arena.item_count);
    stepped_finish(&stepped);
}

TEST(flush_ends_when_the_last_slot_is_acknowledged_or_given_up)
{
    for (int is_hung = 0; is_hung < 2; is_hung++) {
        start_stepped(1);
        REQUIRE(stepped_submit(&stepped, ENG_LANE_FAST, 0) == 0);
        stepped_step(&stepped);
        REQUIRE(stepped_start(&stepped, WORKER_FAST));
        struct eng_call *call = stepped_call(&stepped, ENG_CALL_FLUSH, 0, 0);
        uint64_t start_ns = stepped.now_ns;
        CHECK_EQ(result_now(call), -EINPROGRESS);
        REQUIRE(stepped_next(&stepped, &completion)); /* the frame does not wait for its slot */
        if (!is_hung) {
            CHECK(!stepped_end(&stepped, WORKER_FAST, 0));
            CHECK_EQ(result_now(call), 0);
        }
        for (int i = 0; is_hung && call->state != ENG_CALL_FREE && i < 100; i++) {
            stepped.now_ns = stepped.timer_ns;
            CHECK(result_now(call) != -ETIMEDOUT);
        }
        CHECK_EQ(call->state, ENG_CALL_FREE);
        CHECK(stepped.now_ns - start_ns <= stepped.core.config.knobs.escalation_timeout_ns);
        CHECK_EQ(stepped.core.monitor.quarantined, is_hung);
        stepped_finish(&stepped);
    }
}

/* So many looks at the worker that its slot is not given up within the bound. */
TEST(flush_that_waits_in_vain_says_so_and_close_does_not_wait_longer)
{
    fixture_init(&stepped.fixture, 1);
    fit(&stepped.fixture.config, 2);
    stepped.fixture.config.knobs.cancel_retry_count = 20;
    REQUIRE(stepped_init(&stepped) == 0);
    REQUIRE(stepped_submit(&stepped, ENG_LANE_FAST, 0) == 0);
    stepped_step(&stepped);
    REQUIRE(stepped_start(&stepped, WORKER_FAST));
    struct eng_call *flush = stepped_call(&stepped, ENG_CALL_FLUSH, 0, 0);
    CHECK_EQ(result_now(flush), -EINPROGRESS);
    struct eng_call *close = stepped_call(&stepped, ENG_CALL_CLOSE, 0, 0);
    CHECK_EQ(result_now(close), -EINPROGRESS);
    stepped.now_ns += 600 * MS; /* grace and escalation */
    CHECK_EQ(result_now(flush), -ETIMEDOUT);
    CHECK_EQ(close->state, ENG_CALL_DONE);
    CHECK_EQ(close->result, 0);
    close->state = ENG_CALL_FREE;
    CHECK(!stepped_end(&stepped, WORKER_FAST, 0)); /* the slot is nobody's, and still comes home */
    stepped.now_ns += 5000 * MS;
    stepped_step(&stepped);
    CHECK_EQ(eng_session_free_count(&stepped.core.sessions), stepped.core.arena.item_count);
    stepped_finish(&stepped);
}

TEST(a_flush_that_comes_after_the_close_has_nothing_to_do)
{
    start_stepped(2);
    struct eng_call *close = stepped_call(&stepped, ENG_CALL_CLOSE, 0, 0);
    CHECK_EQ(result_now(close), 0);
    uint64_t epoch = stepped.core.places[0].epoch;
    struct eng_call *flush = stepped_call(&stepped, ENG_CALL_FLUSH, 0, 0);
    CHECK_EQ(result_now(flush), 0);
    CHECK_EQ(stepped.core.places[0].epoch, epoch);
    stepped_finish(&stepped);
}

/* A thread that has its credit but not yet posted keeps the session. */
TEST(close_waits_for_a_submitter_and_cancels_its_frame)
{
    start_stepped(2);
    struct eng_session *session = &stepped.core.places[0];
    REQUIRE(stepped_submit(&stepped, ENG_LANE_FAST, 0) == 0);
    stepped_step(&stepped);
    atomic_fetch_add(&session->frames_in_flight, 1);
    struct eng_call *call = stepped_call(&stepped, ENG_CALL_CLOSE, 0, 0);
    CHECK_EQ(result_now(call), -EINPROGRESS);
    CHECK(stepped.timer_ns > stepped.now_ns && stepped.timer_ns < stepped.now_ns + MS);
    stepped.now_ns += 5000 * MS;
    CHECK_EQ(result_now(call), -EINPROGRESS);
    CHECK(stepped.timer_ns > stepped.now_ns);
    REQUIRE(stepped_submit(&stepped, ENG_LANE_FAST, 0) == 0);
    atomic_fetch_sub(&session->frames_in_flight, 1); /* stepped_submit() takes its own */
    CHECK_EQ(result_now(call), 0);
    CHECK_EQ(stepped.core.telemetry.lanes[ENG_LANE_FAST].reasons[ENG_REASON_FLUSHED], 2);
    CHECK_EQ(session->frames_in_flight, 0);
    CHECK_EQ(eng_session_number(session->gate), ENG_SESSIONS_MAX);
    stepped_finish(&stepped);
}

int main(void)
{
    RUN(a_hundred_thousand_sessions);
    RUN(a_result_of_an_earlier_epoch_is_not_published);
    RUN(flush_ends_when_the_last_slot_is_acknowledged_or_given_up);
    RUN(flush_that_waits_in_vain_says_so_and_close_does_not_wait_longer);
    RUN(a_flush_that_comes_after_the_close_has_nothing_to_do);
    RUN(close_waits_for_a_submitter_and_cancels_its_frame);
    return test_report();
}
