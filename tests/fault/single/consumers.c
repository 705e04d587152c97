/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Consumers that do not do their part: a slow one loses frames, nobody waits for it. */
#include "life.h"

#include "base/prng.h"
#include <errno.h>
#include <pthread.h>

#define READERS 64

static struct life life;

/* Frames come again: the bound is for three pictures. */
static void expect_pictures(struct scenario *scenario)
{
    unsigned before = life.delivered;
    scenario->bad_ns = single_now_ns();
    while (life.delivered < before + 3 && single_ok() &&
           CHECK(single_now_ns() < scenario->bad_ns + SINGLE_WAIT_NS))
        life_feed(&life, 1);
    scenario->end_ns = single_now_ns();
}

/* A frame that was dropped holds nothing, so giving it back twice is no mistake. */
static bool holds_any(const struct sisp_result *result)
{
    for (unsigned i = 0; i < sizeof(result->buffers) / sizeof(result->buffers[0]); i++)
        if (result->buffers[i])
            return true;
    return false;
}

static void stalls(struct scenario *scenario)
{
    life_init(&life, scenario);
    life_open(&life);
    life_feed(&life, 2);
    uint64_t end_ns = single_now_ns() + (100 + 30 * scenario->number) * UINT64_C(1000000);
    while (single_now_ns() < end_ns) {
        life_submit(&life);
        single_sleep_ms(life.interval_ms);
    }
    expect_pictures(scenario);
    life_close(&life);
}

/* Stop is what the bound is for: it must not wait for what is held. */
static void never_returns(struct scenario *scenario)
{
    life_init(&life, scenario);
    life_open(&life);
    life.is_held = true;
    life_feed(&life, 10 + scenario->number);
    CHECK(life.held_count > 0);
    life.held_count = 0;
    scenario->bad_ns = single_now_ns();
    life_close(&life);
    scenario->end_ns = single_now_ns();
}

static void holds_all(struct scenario *scenario)
{
    life_init(&life, scenario);
    CHECK_EQ(sisp_knobs_set(&life.knobs, "consumer_pins_max", "64"), 0);
    life_open(&life);
    life.is_held = true;
    life_feed(&life, 64);
    CHECK(life.held_count > 0);
    life.is_held = false;
    for (unsigned i = 0; i < life.held_count; i++)
        sisp_session_release(life.session, &life.held[i]);
    life.held_count = 0;
    expect_pictures(scenario);
    life_close(&life);
}

/* Copies of results that were given back, and handles of no result, at any time. */
static void returns_twice(struct scenario *scenario)
{
    static struct sisp_result copies[8];
    struct base_prng prng = {scenario->number};
    unsigned refused = 0;
    life_init(&life, scenario);
    life_open(&life);
    for (unsigned i = 0; i < 20 && single_ok(); i++) {
        life.is_held = true;
        life_feed(&life, 1);
        for (unsigned h = 0; h < life.held_count; h++) {
            copies[(i + h) % 8] = life.held[h];
            sisp_session_release(life.session, &life.held[h]);
        }
        life.held_count = 0;
        struct sisp_result again = copies[base_prng_below(&prng, 8)];
        if (base_prng_below(&prng, 3) == 0)
            again.buffers[base_prng_below(&prng, 8)] = base_prng_next(&prng);
        int r = sisp_session_release(life.session, &again);
        CHECK_EQ(r, holds_any(&again) ? -ESTALE : 0);
        refused += r == -ESTALE;
    }
    CHECK(refused > 10);
    life.is_held = false;
    expect_pictures(scenario);
    life_close(&life);
}

static void returns_after_stop(struct scenario *scenario)
{
    struct sisp_figures figures;
    life_init(&life, scenario);
    life_open(&life);
    life.is_held = true;
    life_feed(&life, 5 + scenario->number);
    /* On a busy machine the first result comes late. */
    for (unsigned more = 0; more < 200 && life.held_count == 0; more++)
        life_feed(&life, 1);
    CHECK(life.held_count > 0);
    sisp_session_stop(life.session);
    for (unsigned i = 0; i < life.held_count; i++) {
        struct sisp_result copy = life.held[i];
        single_sleep_ms(scenario->number % 3);
        CHECK_EQ(sisp_session_release(life.session, &life.held[i]), 0);
        CHECK_EQ(sisp_session_release(life.session, &copy), holds_any(&copy) ? -ESTALE : 0);
    }
    life.is_held = false;
    life.held_count = 0;
    life_close(&life);
    life_init(&life, scenario);
    life_open(&life);
    life_feed(&life, 2);
    sisp_session_figures(life.session, &figures);
    CHECK_EQ(figures.quarantined, 0);
    life_close(&life);
}

/* ---- many at once ------------------------------------------------------------------------------
 */

static atomic_bool is_over;
static atomic_uint ended, busy;

static void *read_results(void *user)
{
    while (!atomic_load(&is_over)) {
        struct sisp_result result;
        int r = sisp_session_next(life.session, &result, 2000000);
        if (r == 0) {
            ended++;
            CHECK_EQ(sisp_session_release(life.session, &result), 0);
        } else if (r == -EBUSY) {
            busy++;
            single_sleep_ms(1);
        } else {
            CHECK(r == -EAGAIN || r == -ESHUTDOWN);
        }
    }
    return NULL;
}

static void many_readers(struct scenario *scenario)
{
    pthread_t threads[READERS];
    life_init(&life, scenario);
    life_open(&life);
    for (unsigned i = 0; i < READERS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, read_results, NULL) == 0);
    for (unsigned i = 0; i < 20; i++) {
        life_submit(&life);
        single_sleep_ms(life.interval_ms);
    }
    sisp_session_stop(life.session);
    scenario->bad_ns = single_now_ns();
    while (atomic_load(&ended) < life.submitted &&
           CHECK(single_now_ns() < scenario->bad_ns + SINGLE_WAIT_NS))
        single_sleep_ms(1);
    scenario->end_ns = single_now_ns();
    atomic_store(&is_over, true);
    for (unsigned i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ(atomic_load(&ended), life.submitted);
    CHECK(atomic_load(&busy) > 0);
    life.ended = life.submitted;
    life_close(&life);
}

const struct single single_consumers[] = {
    {"consumer-stalls", stalls, 8},
    {"consumer-never-returns", never_returns, 4},
    {"consumer-holds-64", holds_all, 8},
    {"consumer-returns-twice", returns_twice, 8},
    {"consumer-returns-after-stop", returns_after_stop, 8},
    {"consumers-64-at-once", many_readers, 2},
    {0},
};
