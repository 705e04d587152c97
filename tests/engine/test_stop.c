/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Stop and destroy, at any moment and with workers that do not answer. */
#include "engine/fixture.h"
#include "harness/test.h"

#include <errno.h>
#include <softisp/log.h>

static struct fixture fixture;
static struct eng_completion completion;

TEST(stop_lets_frames_finish)
{
    fixture_init(&fixture, 1);
    fixture.config.knobs.drain_grace_period_ns = 10000 * MS; /* for a slow machine */
    REQUIRE(fixture_start(&fixture) == 0);
    atomic_store(&fixture.commands[FAST_ISP].wait_ns, 20 * MS);
    for (int i = 0; i < 3; i++)
        REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, 0) == 0);
    eng_stop(fixture.runtime);
    CHECK_EQ(fixture_submit(&fixture, ENG_LANE_FAST, 0), -ESHUTDOWN);
    for (uint64_t i = 0; i < 3; i++) {
        REQUIRE(fixture_next(&fixture, &completion) == 0);
        CHECK_EQ(completion.row.outcome, ENG_DELIVERED);
        CHECK(fixture_is_picture_of(&completion, i));
    }
    CHECK_EQ(fixture_next(&fixture, &completion), -ESHUTDOWN);
    fixture_finish(&fixture);
}

TEST(stop_cancels_what_does_not_finish)
{
    fixture_init(&fixture, 1);
    fixture.config.knobs.drain_grace_period_ns = 20 * MS;
    fixture.config.knobs.escalation_timeout_ns = 50 * MS;
    REQUIRE(fixture_start(&fixture) == 0);
    atomic_store(&fixture.commands[SLOW_ISP].hold, 1);
    for (int i = 0; i < 3; i++)
        REQUIRE(fixture_submit(&fixture, ENG_LANE_BACKGROUND, 0) == 0);
    REQUIRE(fixture_until_runs(&fixture, SLOW_ISP, 1)); /* else it would only be claimed */
    uint64_t before_ns = eng_now_ns();
    eng_stop(fixture.runtime);
    uint64_t took_ns = eng_now_ns() - before_ns;
    CHECK(took_ns >= 60 * MS && took_ns < 1000 * MS);
    for (uint64_t i = 0; i < 3; i++) {
        REQUIRE(fixture_next(&fixture, &completion) == 0);
        CHECK_EQ(completion.row.sequence, i);
        CHECK_EQ(completion.row.outcome, ENG_CANCELLED);
        CHECK_EQ(completion.row.reason, ENG_REASON_FLUSHED);
    }
    CHECK_EQ(fixture_next(&fixture, &completion), -ESHUTDOWN);
    struct eng_figures after;
    eng_figures(fixture.runtime, &after);
    CHECK_EQ(after.quarantined, 1);
    CHECK_EQ(after.lanes[ENG_LANE_BACKGROUND].outcomes[ENG_CANCELLED], 3);
    atomic_store(&fixture.commands[SLOW_ISP].hold, 0);
    FIXTURE_UNTIL(&fixture, figures.quarantined == 0);
    fixture_finish(&fixture);
    CHECK_EQ(fixture.rows, 3);
}

/* A fast frame and a background one hang at once: two slots are lost, the spare ones are used up.
 */
TEST(quarantine_says_degraded_and_ends_when_answered)
{
    fixture_init(&fixture, 1);
    fixture.config.knobs.escalation_timeout_ns = 30 * MS;
    fixture.config.workers[WORKER_SLOW].is_background = false;
    REQUIRE(fixture_start(&fixture) == 0);
    atomic_store(&fixture.commands[FAST_ALGO].hold, 1);
    atomic_store(&fixture.commands[SLOW_ISP].hold, 1);
    uint64_t deadline_ns = eng_now_ns() + 1000 * MS; /* both have started by then */
    REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, deadline_ns) == 0);
    REQUIRE(fixture_submit(&fixture, ENG_LANE_BACKGROUND, deadline_ns) == 0);
    FIXTURE_UNTIL(&fixture, figures.quarantined == 2 && figures.degraded);
    for (int i = 0; i < 2; i++)
        REQUIRE(fixture_next(&fixture, &completion) == 0);
    /* What only a lost worker could do fails at once. */
    REQUIRE(fixture_submit(&fixture, ENG_LANE_BACKGROUND, 0) == 0);
    REQUIRE(fixture_next(&fixture, &completion) == 0);
    CHECK_EQ(completion.row.outcome, ENG_FAILED);
    CHECK_EQ(completion.row.reason, ENG_REASON_WORKER_HUNG);
    atomic_store(&fixture.commands[FAST_ALGO].hold, 0);
    atomic_store(&fixture.commands[SLOW_ISP].hold, 0);
    FIXTURE_UNTIL(&fixture, figures.quarantined == 0 && !figures.degraded);
    REQUIRE(fixture_submit(&fixture, ENG_LANE_BACKGROUND, 0) == 0);
    REQUIRE(fixture_next(&fixture, &completion) == 0);
    CHECK_EQ(completion.row.outcome, ENG_DELIVERED);
    fixture_finish(&fixture);
}

static void ignore_log(void *user, enum sisp_log_level level, const char *sentence)
{
}

static void *seen_user;

static void count_log(void *user, enum sisp_log_level level, const char *sentence)
{
    printf("%s\n", sentence);
    seen_user = user;
    (*(_Atomic uint32_t *)user)++;
}

TEST(a_worker_that_never_answers_is_left_behind_and_said)
{
    static struct fixture stuck; /* its thread lives on */
    static _Atomic uint32_t sentences;
    sisp_log_set(SISP_LOG_WARNING, count_log, (void *)&sentences);
    fixture_init(&stuck, 1);
    stuck.config.knobs.drain_grace_period_ns = 10 * MS;
    stuck.config.knobs.escalation_timeout_ns = 20 * MS;
    REQUIRE(fixture_start(&stuck) == 0);
    atomic_store(&stuck.commands[FAST_ISP].hold, 1);
    REQUIRE(fixture_submit(&stuck, ENG_LANE_FAST, 0) == 0);
    REQUIRE(fixture_until_runs(&stuck, FAST_ISP, 1));
    uint64_t before_ns = eng_now_ns();
    fixture_finish(&stuck);
    CHECK(eng_now_ns() - before_ns < 500 * MS);
    CHECK_EQ(sentences, 2); /* quarantined; left behind */
    CHECK_EQ(stuck.rows, 1);
    CHECK(stuck.runtime == NULL && seen_user == (void *)&sentences);
    sisp_log_set(SISP_LOG_WARNING, NULL, NULL);
}

TEST(a_reader_that_never_returns_is_left_behind_and_said)
{
    static struct fixture stuck; /* its thread lives on */
    static struct eng_runtime *runtime;
    static _Atomic uint32_t sentences;
    sisp_log_set(SISP_LOG_WARNING, count_log, (void *)&sentences);
    fixture_init(&stuck, 1);
    atomic_store(&stuck.telemetry_hold, 1);
    REQUIRE(fixture_start(&stuck) == 0);
    runtime = stuck.runtime;
    for (int i = 0; i < 3; i++) {
        REQUIRE(fixture_submit(&stuck, ENG_LANE_FAST, 0) == 0);
        REQUIRE(fixture_next(&stuck, &completion) == 0);
        eng_release(stuck.runtime, &completion);
    }
    uint64_t before_ns = eng_now_ns();
    eng_stop(stuck.runtime);
    uint64_t stopped_ns = eng_now_ns();
    CHECK_EQ(eng_runtime_destroy(&stuck.runtime), ENG_LEFT_TELEMETRY);
    CHECK(stopped_ns - before_ns < 500 * MS);
    CHECK(eng_now_ns() - before_ns < 3000 * MS);
    CHECK_EQ(sentences, 1);
    CHECK(runtime && stuck.runtime == NULL);
    sisp_log_set(SISP_LOG_WARNING, NULL, NULL);
}

/* A note comes without a completion, and still at once. */
TEST(a_lease_that_ends_is_said)
{
    static _Atomic uint32_t sentences;
    sisp_log_set(SISP_LOG_WARNING, count_log, (void *)&sentences);
    fixture_init(&fixture, 1);
    fixture.config.knobs.lease_ns = 10 * MS;
    REQUIRE(fixture_start(&fixture) == 0);
    REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, 0) == 0);
    REQUIRE(fixture_next(&fixture, &completion) == 0);
    for (int i = 0; i < 5000 && !sentences; i++)
        plat_sleep_ns(MS);
    CHECK_EQ(sentences, 1);
    CHECK(fixture_is_picture_of(&completion, 0)); /* reported, not taken away */
    eng_release(fixture.runtime, &completion);
    fixture_finish(&fixture);
    sisp_log_set(SISP_LOG_WARNING, ignore_log, NULL);
}

/* On a loaded machine threads at the lowest priority come late: that is no hang. */
TEST(an_idle_worker_is_never_left_behind)
{
    static _Atomic uint32_t sentences;
    sisp_log_set(SISP_LOG_WARNING, count_log, (void *)&sentences);
    for (int i = 0; i < 20; i++) {
        fixture_init(&fixture, 4);
        fixture.config.knobs.drain_grace_period_ns = 1;
        REQUIRE(fixture_start(&fixture) == 0);
        fixture_finish(&fixture);
    }
    CHECK_EQ(sentences, 0);
    sisp_log_set(SISP_LOG_WARNING, NULL, NULL);
}

TEST(destroy_takes_null_and_an_unused_session)
{
    struct eng_runtime *none = NULL;
    eng_runtime_destroy(&none);
    fixture_init(&fixture, 4);
    REQUIRE(fixture_start(&fixture) == 0);
    fixture_finish(&fixture);
    CHECK(fixture.runtime == NULL);
}

int main(void)
{
    sisp_log_set(SISP_LOG_WARNING, ignore_log, NULL);
    RUN(stop_lets_frames_finish);
    RUN(stop_cancels_what_does_not_finish);
    RUN(quarantine_says_degraded_and_ends_when_answered);
    RUN(a_lease_that_ends_is_said);
    RUN(an_idle_worker_is_never_left_behind);
    RUN(destroy_takes_null_and_an_unused_session);
    RUN(a_worker_that_never_answers_is_left_behind_and_said);
    RUN(a_reader_that_never_returns_is_left_behind_and_said);
    return test_report();
}
