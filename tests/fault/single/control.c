/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls that change what a session does, at the worst moment. */
#include "life.h"

#include "base/prng.h"
#include <errno.h>
#include <pthread.h>

#define STORM_NS UINT64_C(300000000)
#define CALLERS  4

static struct life life;
static atomic_bool is_over;
static _Atomic uint64_t worst_ns;

static void note_time(uint64_t start_ns)
{
    uint64_t taken_ns = single_now_ns() - start_ns, worst = atomic_load(&worst_ns);
    while (taken_ns > worst && !atomic_compare_exchange_weak(&worst_ns, &worst, taken_ns))
        ;
}

static void report_worst(struct scenario *scenario)
{
    scenario->bad_ns = 1;
    scenario->end_ns = 1 + atomic_load(&worst_ns);
}

/* ---- open and close ---------------------------------------------------------------------------
 */

/* Sessions that join the engine and leave it, while frames of another one pass. The bound is for
 * one open and close. */
static void open_close_storm(struct scenario *scenario)
{
    struct sisp_figures figures;
    unsigned rounds = 0;
    life_init(&life, scenario);
    life.params.sessions_max = 3;
    life_open(&life);
    if (!life.session)
        return;
    struct sisp_session_params joined = life.params;
    joined.share = life.session;
    joined.knobs = NULL;
    joined.telemetry = NULL;
    uint64_t end_ns = single_now_ns() + STORM_NS, now_ns;
    while ((now_ns = single_now_ns()) < end_ns && single_ok()) {
        struct sisp_session *other;
        char error[200] = "";
        int r = sisp_session_create(&other, &joined, error, sizeof(error));
        if (r)
            printf("%s\n", error);
        CHECK_EQ(r, 0);
        sisp_session_destroy(&other);
        note_time(now_ns);
        if (rounds++ % 64 == 0)
            life_feed(&life, 1);
    }
    printf("%u sessions opened and closed\n", rounds);
    CHECK(rounds > 0); /* a busy machine may take long for each */
    life_feed(&life, 3);
    sisp_session_figures(life.session, &figures);
    CHECK_EQ(figures.quarantined, 0);
    life_close(&life);
    report_worst(scenario);
}

/* ---- flush -------------------------------------------------------------------------------------
 */

static void *flush_often(void *user)
{
    while (!atomic_load(&is_over)) {
        uint64_t start_ns = single_now_ns();
        int r = sisp_session_flush(life.session);
        CHECK(r == 0 || r == -EAGAIN);
        note_time(start_ns);
        single_sleep_ms(1);
    }
    return NULL;
}

static void flush_during_flush(struct scenario *scenario)
{
    pthread_t threads[CALLERS];
    life_init(&life, scenario);
    life_open(&life);
    for (unsigned i = 0; i < CALLERS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, flush_often, NULL) == 0);
    life_feed(&life, 15);
    life_press(&life);
    life_feed(&life, 3);
    atomic_store(&is_over, true);
    for (unsigned i = 0; i < CALLERS; i++)
        pthread_join(threads[i], NULL);
    unsigned before = life.delivered;
    while (life.delivered == before && single_ok())
        life_feed(&life, 1);
    life_close(&life);
    report_worst(scenario);
}

/* ---- stop --------------------------------------------------------------------------------------
 */

static _Atomic(struct sisp_session *) started;

static void *stop_at_once(void *user)
{
    const struct scenario *scenario = user;
    struct sisp_session *session;
    while (!(session = atomic_load(&started)))
        ;
    if (scenario->number % 4)
        single_sleep_ms(scenario->number % 4 * 3);
    uint64_t start_ns = single_now_ns();
    sisp_session_stop(session);
    note_time(start_ns);
    return NULL;
}

/* The first moment at which there is a session, from three threads at once. */
static void stop_during_start(struct scenario *scenario)
{
    pthread_t threads[CALLERS];
    life_init(&life, scenario);
    for (unsigned i = 0; i < CALLERS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, stop_at_once, scenario) == 0);
    life_open(&life);
    REQUIRE(life.session);
    atomic_store(&started, life.session);
    for (unsigned i = 0; i < 8; i++)
        life_submit(&life);
    life_collect(&life, 30000000);
    for (unsigned i = 0; i < CALLERS; i++)
        pthread_join(threads[i], NULL);
    struct sisp_input input;
    CHECK_EQ(sisp_session_acquire(life.session, &input), -ESHUTDOWN);
    life_close(&life);
    report_worst(scenario);
}

static void *join_often(void *user)
{
    struct sisp_session_params *joined = user;
    while (!atomic_load(&is_over)) {
        struct sisp_session *other;
        int r = sisp_session_create(&other, joined, NULL, 0);
        CHECK(r == 0 || r == -EAGAIN || r == -ENOSPC || r == -ESHUTDOWN);
        if (r == 0)
            sisp_session_stop(other);
        sisp_session_destroy(&other);
    }
    return NULL;
}

/* The first session of an engine stops while others join it. */
static void stop_during_join(struct scenario *scenario)
{
    pthread_t threads[CALLERS];
    life_init(&life, scenario);
    life.params.sessions_max = 3;
    life_open(&life);
    REQUIRE(life.session);
    struct sisp_session_params joined = life.params;
    joined.share = life.session;
    joined.knobs = NULL;
    joined.telemetry = NULL;
    for (unsigned i = 0; i < CALLERS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, join_often, &joined) == 0);
    life_feed(&life, 2 + scenario->number % 5);
    uint64_t start_ns = single_now_ns();
    sisp_session_stop(life.session);
    note_time(start_ns);
    single_sleep_ms(10);
    atomic_store(&is_over, true);
    for (unsigned i = 0; i < CALLERS; i++)
        pthread_join(threads[i], NULL);
    life_close(&life);
    report_worst(scenario);
}

/* ---- all of them -------------------------------------------------------------------------------
 */

static void *call_at_random(void *user)
{
    struct base_prng prng = {(uintptr_t)user};
    while (!atomic_load(&is_over)) {
        uint64_t start_ns = single_now_ns();
        switch (base_prng_below(&prng, 4)) {
        case 0:
            CHECK(sisp_session_flush(life.session) <= 0);
            break;
        case 1:
            CHECK(sisp_session_drain(life.session, base_prng_below(&prng, 20000000)) <= 0);
            break;
        case 2:
            CHECK(sisp_session_cancel_frames(life.session, base_prng_below(&prng, 2)) <= 0);
            break;
        default:
            single_sleep_ms(base_prng_below(&prng, 5));
        }
        note_time(start_ns);
    }
    return NULL;
}

static void contradictions(struct scenario *scenario)
{
    pthread_t threads[CALLERS];
    life_init(&life, scenario);
    life_open(&life);
    for (uintptr_t i = 0; i < CALLERS; i++)
        REQUIRE(pthread_create(
                    &threads[i], NULL, call_at_random, (void *)(scenario->number * 8 + i)) == 0);
    life_feed(&life, 20);
    atomic_store(&is_over, true);
    for (unsigned i = 0; i < CALLERS; i++)
        pthread_join(threads[i], NULL);
    life_close(&life);
    report_worst(scenario);
}

const struct single single_control[] = {
    {"open-close-storm", open_close_storm, 2},
    {"flush-during-flush", flush_during_flush, 4},
    {"stop-during-start", stop_during_start, 4},
    {"stop-during-join", stop_during_join, 4},
    {"control-contradictions", contradictions, 4},
    {0},
};
