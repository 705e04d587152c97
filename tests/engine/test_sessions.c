/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Sessions beside each other on one runtime: opened, flushed, drained, cancelled, closed. */
#include "engine/several.h"

#include <errno.h>
#include <softisp/log.h>

TEST(streams_and_committed_roles_are_apart)
{
    start(2);
    uint32_t other = open_one();
    CHECK_EQ(other, 1);
    for (int i = 0; i < 6; i++) {
        submit_to(i % 3 ? other : 0, ENG_LANE_FAST);
        take_from(i % 3 ? other : 0);
        CHECK_EQ(completion.row.outcome, ENG_DELIVERED);
        CHECK_EQ(completion.row.sequence, i);
        /* How many versions were committed before, in its own session. */
        CHECK_EQ(completion.row.param.low, i % 3 ? 1 + (i / 3) * 2 + i % 3 - 1 : 1 + i / 3);
    }
    uint64_t token;
    CHECK_EQ(eng_plan_request(fixture.runtime, 0, 2, 0, &token), 0); /* its own two inputs */
    take_from(0);
    CHECK_EQ(completion.row.outcome, ENG_DELIVERED);
    CHECK_EQ(completion.row.sequence, 3);
    fixture_finish(&fixture);
}

/* One lane waits for a stuck frame; the other session's frames pass. */
TEST(one_session_does_not_hold_up_another)
{
    start(2);
    uint32_t other = open_one();
    atomic_store(&fixture.commands[SLOW_ISP].hold, 1);
    submit_to(0, ENG_LANE_BACKGROUND);
    submit_to(0, ENG_LANE_FAST);
    take_from(0);
    for (int i = 0; i < 20; i++) {
        submit_to(other, ENG_LANE_FAST);
        take_from(other);
        CHECK_EQ(completion.row.outcome, ENG_DELIVERED);
    }
    atomic_store(&fixture.commands[SLOW_ISP].hold, 0);
    take_from(0);
    fixture_finish(&fixture);
}

static void check_refuses(uint32_t session)
{
    uint64_t token;
    struct eng_submission submission = {.session = session, .lane = ENG_LANE_FAST};
    CHECK_EQ(eng_submit(fixture.runtime, &submission), -EBADF);
    CHECK_EQ(eng_plan_request(fixture.runtime, session, 1, 0, &token), -EBADF);
    CHECK_EQ(eng_flush(fixture.runtime, session), -EBADF);
    CHECK_EQ(eng_drain(fixture.runtime, session, MS), -EBADF);
    CHECK_EQ(eng_cancel(fixture.runtime, session, 0), -EBADF);
    CHECK_EQ(eng_session_close(fixture.runtime, session), -EBADF);
}

TEST(a_number_names_one_session_for_ever)
{
    start(ENG_SESSIONS_MAX);
    uint32_t sessions[ENG_SESSIONS_MAX] = {0}, extra;
    for (uint32_t i = 1; i < ENG_SESSIONS_MAX; i++)
        CHECK_EQ(sessions[i] = open_one(), i);
    struct eng_session_config any = {0};
    CHECK_EQ(eng_session_open(fixture.runtime, &any, &extra), -ENOSPC);
    check_refuses(ENG_SESSIONS_MAX);
    check_refuses(UINT32_MAX);
    CHECK_EQ(eng_next(fixture.runtime, UINT32_MAX, &completion, 0), -EBADF);
    CHECK_EQ(eng_session_close(fixture.runtime, 3), 0);
    check_refuses(3);
    CHECK_EQ(open_one(), 3 + ENG_SESSIONS_MAX);
    check_refuses(3);
    CHECK_EQ(eng_session_close(fixture.runtime, 0), 0); /* the first is one of them */
    check_refuses(0);
    submit_to(3 + ENG_SESSIONS_MAX, ENG_LANE_FAST);
    take_from(3 + ENG_SESSIONS_MAX);
    fixture_finish(&fixture);
}

TEST(what_cannot_be_promised_is_not_opened)
{
    uint32_t extra;
    struct eng_session_config any = {0}, greedy = {.slots_min = 20}, wrong = {9, 8};
    start(2);
    CHECK_EQ(eng_session_open(fixture.runtime, &greedy, &extra), -EAGAIN); /* of 24, 3 and 2 */
    CHECK_EQ(eng_session_open(fixture.runtime, &wrong, &extra), -EINVAL);
    fixture_finish(&fixture);
    fixture_init(&fixture, 1);
    fixture.config.pools[POOL_FLOOR].count = 3;
    REQUIRE(fixture_start(&fixture) == 0);
    CHECK_EQ(eng_session_open(fixture.runtime, &any, &extra), -EAGAIN);
    fixture_finish(&fixture);
    fixture_init(&fixture, 1);
    fixture.config.pools[POOL_INPUT].count = 8; /* two histories of 4 would be all */
    REQUIRE(fixture_start(&fixture) == 0);
    CHECK_EQ(eng_session_open(fixture.runtime, &any, &extra), -EAGAIN);
    eng_stop(fixture.runtime);
    CHECK_EQ(eng_session_open(fixture.runtime, &any, &extra), -ESHUTDOWN);
    fixture_finish(&fixture);
}

TEST(what_is_given_back_twice_is_refused)
{
    start(1);
    struct eng_handle input;
    struct eng_span span;
    REQUIRE(eng_input_acquire(fixture.runtime, &input, &span) == 0);
    CHECK_EQ(eng_input_cancel(fixture.runtime, input), 0);
    CHECK_EQ(eng_input_cancel(fixture.runtime, input), -ESTALE);
    CHECK_EQ(eng_input_cancel(fixture.runtime, (struct eng_handle){1000, 1}), -ESTALE);
    submit_to(0, ENG_LANE_FAST);
    REQUIRE(fixture_next(&fixture, &completion) == 0);
    CHECK_EQ(eng_release(fixture.runtime, &completion), 0);
    CHECK_EQ(eng_release(fixture.runtime, &completion), -ESTALE);
    struct eng_completion none = {0};
    CHECK_EQ(eng_release(fixture.runtime, &none), 0);
    none.handles[0] = input;
    CHECK_EQ(eng_release(fixture.runtime, &none), -ESTALE);
    close_and_check_home(0);
    fixture_finish(&fixture);
}

/* ---- flush, drain, cancel ------------------------------------------------------------------- */

static _Atomic int flush_results;

static void flush_it(void *argument)
{
    int error = eng_flush(fixture.runtime, 0);
    atomic_fetch_add(&flush_results, error);
}

static void check_cancelled(uint32_t count, enum eng_reason reason)
{
    for (uint32_t i = 0; i < count; i++) {
        take_from(0);
        CHECK_EQ(completion.row.outcome, ENG_CANCELLED);
        CHECK_EQ(completion.row.reason, reason);
    }
    CHECK_EQ(eng_next(fixture.runtime, 0, &completion, 0), -EAGAIN);
}

TEST(flush_during_flush_ends_everything_and_waits_for_the_worker)
{
    start(1);
    struct plat_thread threads[4];
    uint64_t token;
    flush_results = 0;
    atomic_store(&fixture.commands[FAST_ALGO].hold, 1);
    for (int i = 0; i < 3; i++)
        submit_to(0, ENG_LANE_FAST);
    submit_to(0, ENG_LANE_BACKGROUND);
    REQUIRE(eng_plan_request(fixture.runtime, 0, 4, 0, &token) == 0);
    REQUIRE(fixture_until_runs(&fixture, FAST_ALGO, 1));
    for (int i = 0; i < 4; i++) {
        threads[i] = (struct plat_thread){.name = "flusher", .run = flush_it};
        REQUIRE(plat_thread_create(&threads[i]) == 0);
    }
    FIXTURE_UNTIL(&fixture, figures.waitingq_depth == 1);
    submit_to(0, ENG_LANE_FAST); /* after it: it goes to the floor, since the worker is stuck */
    plat_sleep_ns(20 * MS);
    atomic_store(&fixture.commands[FAST_ALGO].hold, 0);
    for (int i = 0; i < 4; i++)
        plat_thread_join(&threads[i]);
    CHECK_EQ(flush_results, 0);
    uint32_t cancelled = 0, delivered = 0;
    for (int i = 0; i < 6; i++) {
        take_from(0);
        cancelled += completion.row.outcome == ENG_CANCELLED;
        delivered += completion.row.outcome == ENG_DELIVERED;
    }
    /* Background frame and plan may have been done, the last one may be before the last flush. */
    CHECK(cancelled >= 3 && cancelled + delivered == 6);
    FIXTURE_UNTIL(&fixture, figures.waitingq_depth == 0);
    fixture_finish(&fixture);
}

static void ignore_log(void *user, enum sisp_log_level level, const char *sentence)
{
}

TEST(flush_keeps_its_bound_though_the_worker_never_answers)
{
    sisp_log_set(SISP_LOG_WARNING, ignore_log, NULL);
    fixture_init(&fixture, 1);
    fixture.config.knobs.escalation_timeout_ns = 100 * MS;
    REQUIRE(fixture_start(&fixture) == 0);
    atomic_store(&fixture.commands[FAST_ALGO].hold, 1);
    submit_to(0, ENG_LANE_FAST);
    REQUIRE(fixture_until_runs(&fixture, FAST_ALGO, 1));
    uint64_t before_ns = eng_now_ns();
    CHECK_EQ(eng_flush(fixture.runtime, 0), 0);
    CHECK(eng_now_ns() - before_ns >= 90 * MS);
    CHECK(eng_now_ns() - before_ns < 1000 * MS);
    FIXTURE_UNTIL(&fixture, figures.quarantined == 1);
    CHECK_EQ(eng_flush(fixture.runtime, 0), 0); /* nothing more to wait for */
    check_cancelled(1, ENG_REASON_FLUSHED);
    atomic_store(&fixture.commands[FAST_ALGO].hold, 0);
    FIXTURE_UNTIL(&fixture, figures.quarantined == 0);
    fixture_finish(&fixture);
    sisp_log_set(SISP_LOG_WARNING, NULL, NULL);
}

TEST(drain_waits_for_what_was_accepted)
{
    start(1);
    CHECK_EQ(eng_drain(fixture.runtime, 0, 0), 0);
    atomic_store(&fixture.commands[FAST_ISP].hold, 1);
    submit_to(0, ENG_LANE_FAST);
    CHECK_EQ(eng_drain(fixture.runtime, 0, 10 * MS), -ETIMEDOUT);
    atomic_store(&fixture.commands[FAST_ISP].hold, 0);
    CHECK_EQ(eng_drain(fixture.runtime, 0, UINT64_MAX), 0);
    CHECK_EQ(eng_next(fixture.runtime, 0, &completion, 0), 0);
    CHECK_EQ(completion.row.outcome, ENG_DELIVERED);
    eng_release(fixture.runtime, &completion);
    fixture_finish(&fixture);
}

TEST(cancel_ends_what_has_the_cookie)
{
    start(1);
    uint64_t token;
    atomic_store(&fixture.commands[SLOW_ISP].hold, 1);
    submit_to(0, ENG_LANE_BACKGROUND); /* cookies 1000 and 1001 */
    submit_to(0, ENG_LANE_BACKGROUND);
    REQUIRE(fixture_until_runs(&fixture, SLOW_ISP, 1));
    REQUIRE(eng_plan_request(fixture.runtime, 0, 4, 1001, &token) == 0);
    CHECK_EQ(eng_cancel(fixture.runtime, 0, 1001), 0);
    CHECK_EQ(eng_cancel(fixture.runtime, 0, 77), 0); /* nobody's */
    take_from(0);                                    /* the plan is in no stream yet */
    CHECK(completion.row.plan_token != 0);
    CHECK_EQ(completion.row.reason, ENG_REASON_CANCELLED);
    CHECK_EQ(eng_next(fixture.runtime, 0, &completion, 5 * MS), -EAGAIN); /* in order */
    CHECK_EQ(eng_cancel(fixture.runtime, 0, 1000), 0);                    /* it runs */
    check_cancelled(2, ENG_REASON_CANCELLED);
    atomic_store(&fixture.commands[SLOW_ISP].hold, 0);
    close_and_check_home(0);
    fixture_finish(&fixture);
}

/* ---- close, stop
 * ---------------------------------------------------------------------------------
 */

static _Atomic int close_result;

static void close_it(void *argument)
{
    const uint32_t *session = argument;
    atomic_store(&close_result, eng_session_close(fixture.runtime, *session));
}

/* Frames that run, wait, have ended out of turn and lie unread, a plan that waits, a picture that
 * the consumer holds: close ends them all, and what is held comes home later. */
TEST(close_with_frames_in_all_queues)
{
    start(2);
    uint32_t other = open_one();
    uint64_t token;
    struct eng_completion held;
    submit_to(other, ENG_LANE_FAST);
    REQUIRE(fixture_next(&fixture, &held) == 0);
    submit_to(other, ENG_LANE_FAST); /* never read */
    CHECK_EQ(eng_drain(fixture.runtime, other, 5000 * MS), 0);
    atomic_store(&fixture.commands[FAST_ISP].hold, 1);
    atomic_store(&fixture.commands[SLOW_ISP].hold, 1);
    submit_to(other, ENG_LANE_BACKGROUND);
    REQUIRE(fixture_until_runs(&fixture, SLOW_ISP, 1)); /* what comes now waits behind it */
    REQUIRE(eng_plan_request(fixture.runtime, other, 4, 0, &token) == 0);
    for (int i = 0; i < 6; i++)
        submit_to(other, i < 5 ? ENG_LANE_FAST : ENG_LANE_BACKGROUND); /* one to the floor */
    submit_to(0, ENG_LANE_BACKGROUND);
    REQUIRE(fixture_until_runs(&fixture, FAST_ISP, 3));
    REQUIRE(fixture_until_runs(&fixture, RAW_ISP, 1));
    struct plat_thread closer = {.name = "closer", .run = close_it, .argument = &other};
    REQUIRE(plat_thread_create(&closer) == 0);
    FIXTURE_UNTIL(&fixture, figures.waitingq_depth == 2);
    check_refuses(other);
    atomic_store(&fixture.commands[FAST_ISP].hold, 0);
    atomic_store(&fixture.commands[SLOW_ISP].hold, 0);
    plat_thread_join(&closer);
    CHECK_EQ(close_result, 0);
    CHECK_EQ(eng_next(fixture.runtime, other, &completion, 0), -EBADF);
    CHECK(fixture_is_picture_of(&held, 0)); /* the consumer's own until it gives it back */
    CHECK_EQ(open_one(), other + ENG_SESSIONS_MAX);
    CHECK_EQ(eng_release(fixture.runtime, &held), 0);
    CHECK_EQ(eng_release(fixture.runtime, &held), -ESTALE);
    take_from(0);
    CHECK_EQ(completion.row.outcome, ENG_DELIVERED); /* the other session's close is not its own */
    submit_to(other + ENG_SESSIONS_MAX, ENG_LANE_FAST);
    take_from(other + ENG_SESSIONS_MAX);
    CHECK_EQ(eng_session_close(fixture.runtime, 0), 0);
    close_and_check_home(other + ENG_SESSIONS_MAX);
    fixture_finish(&fixture);
}

static _Atomic int read_result;

static void read_until_closed(void *argument)
{
    struct eng_completion own;
    int result;
    do { /* the other thread, which looks whether this one is inside, may be inside just then */
        result = eng_next(fixture.runtime, 0, &own, UINT64_MAX);
    } while (result == -EBUSY);
    atomic_store(&read_result, result);
}

TEST(close_sends_the_reader_away)
{
    start(1);
    struct plat_thread reader = {.name = "reader", .run = read_until_closed};
    read_result = 0;
    REQUIRE(plat_thread_create(&reader) == 0);
    for (int i = 0; eng_next(fixture.runtime, 0, &completion, 0) != -EBUSY && i < 5000; i++)
        plat_sleep_ns(MS);
    CHECK_EQ(eng_next(fixture.runtime, 0, &completion, 0), -EBUSY);
    CHECK_EQ(eng_session_close(fixture.runtime, 0), 0);
    plat_thread_join(&reader);
    CHECK_EQ(read_result, -EBADF);
    fixture_finish(&fixture);
}

#define LIVES 2000

static _Atomic uint32_t is_over;

static void open_and_close(void *argument)
{
    uint32_t session;
    struct eng_session_config any = {0};
    while (!atomic_load(&is_over))
        if (eng_session_open(fixture.runtime, &any, &session) == 0)
            CHECK_EQ(eng_session_close(fixture.runtime, session), 0);
}

TEST(stop_during_start)
{
    for (int i = 0; i < 20; i++) {
        start(4);
        struct plat_thread opener = {.name = "opener", .run = open_and_close};
        atomic_store(&is_over, 0);
        REQUIRE(plat_thread_create(&opener) == 0);
        if (i % 2)
            plat_sleep_ns((uint64_t)i * MS / 10);
        eng_stop(fixture.runtime);
        struct eng_submission submission = {.lane = ENG_LANE_FAST};
        CHECK_EQ(eng_submit(fixture.runtime, &submission), -ESHUTDOWN);
        atomic_store(&is_over, 1);
        plat_thread_join(&opener);
        fixture_finish(&fixture);
    }
}

TEST(sessions_come_and_go_under_threads)
{
    start(2);
    uint64_t start_ns = eng_now_ns();
    for (int i = 0; i < LIVES && test_ok; i++) {
        uint32_t session = open_one();
        CHECK_EQ(session, 1 + (uint32_t)i * ENG_SESSIONS_MAX);
        if (i % 4 == 0)
            submit_to(session, i % 8 ? ENG_LANE_FAST : ENG_LANE_BACKGROUND);
        CHECK_EQ(eng_session_close(fixture.runtime, session), 0);
    }
    printf("%d sessions opened and closed in %.0f ms\n", LIVES,
        (double)(eng_now_ns() - start_ns) / 1e6);
    close_and_check_home(0);
    fixture_finish(&fixture);
}

int main(void)
{
    RUN(streams_and_committed_roles_are_apart);
    RUN(one_session_does_not_hold_up_another);
    RUN(a_number_names_one_session_for_ever);
    RUN(what_cannot_be_promised_is_not_opened);
    RUN(what_is_given_back_twice_is_refused);
    RUN(flush_during_flush_ends_everything_and_waits_for_the_worker);
    RUN(flush_keeps_its_bound_though_the_worker_never_answers);
    RUN(drain_waits_for_what_was_accepted);
    RUN(cancel_ends_what_has_the_cookie);
    RUN(close_with_frames_in_all_queues);
    RUN(close_sends_the_reader_away);
    RUN(stop_during_start);
    RUN(sessions_come_and_go_under_threads);
    return test_report();
}
