/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What tests of sessions share: a fixture with room for several, and one session's steps. */
#ifndef TESTS_ENGINE_SEVERAL_H
#define TESTS_ENGINE_SEVERAL_H

#include "engine/fixture.h"
#include "harness/test.h"

static struct fixture fixture;
static struct eng_completion completion;

/* Pools that so many sessions fit in. */
static inline void fit(struct eng_config *config, uint32_t sessions)
{
    config->pools[POOL_INPUT].count = 12 * sessions;
    config->pools[POOL_COEFFICIENTS].count = 6 * sessions;
    config->pools[POOL_PICTURE].count = 6 * sessions;
    config->pools[POOL_FLOOR].count = 3 * sessions;
    config->knobs.slots = 16 + 4 * sessions;
    config->knobs.consumer_pins_max = 8;
}

static inline void start(uint32_t sessions)
{
    fixture_init(&fixture, 1);
    fit(&fixture.config, sessions);
    /* What is held stuck here is not given up however slow the machine is. */
    fixture.config.knobs.escalation_timeout_ns = 4000 * MS;
    fixture.config.knobs.hang_timeout_ns = 10000 * MS;
    REQUIRE(fixture_start(&fixture) == 0);
}

static inline uint32_t open_one(void)
{
    uint32_t session = ENG_NONE;
    int error = eng_session_open(fixture.runtime, &(struct eng_session_config){0}, &session);
    CHECK_EQ(error, 0);
    return session;
}

static inline void submit_to(uint32_t session, enum eng_lane lane)
{
    fixture.session = session;
    REQUIRE(fixture_submit(&fixture, lane, 0) == 0);
}

/* The next completion of a session within five seconds. */
static inline void take_from(uint32_t session)
{
    fixture.session = session;
    REQUIRE(fixture_next(&fixture, &completion) == 0);
    CHECK_EQ(completion.row.session, session);
    eng_release(fixture.runtime, &completion);
}

/* A session's close gives back all that it has. */
static inline void close_and_check_home(uint32_t session)
{
    CHECK_EQ(eng_session_close(fixture.runtime, session), 0);
    FIXTURE_UNTIL(&fixture, figures.waitingq_depth + figures.quarantined == 0);
    FIXTURE_UNTIL(&fixture, figures.pins == fixture.config.pools[POOL_INPUT].count);
    FIXTURE_UNTIL(&fixture, figures.reserved_bytes == 0);
}

#endif
