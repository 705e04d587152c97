/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who asks for more than frames: plans, flushes, drains, cancels; and a guest session that comes
 * and goes beside the first one. */
#include "sim/scenario.h"
#include "sim/sim.h"

#include <errno.h>
#include <string.h>

#define TRIES_MAX 8

/* ---- the operator --------------------------------------------------------------------------- */

static void ask_for_plan(uint32_t number)
{
    uint64_t token;
    sim_submitting(SIM_PLANS, number);
    int error = eng_plan_request(sim_scenario.runtime, 0, 1 + sim_choose(SIM_SCENARIO, 4),
        sim_cookie(SIM_PLANS, number), &token);
    SIM_CHECK(error == 0 || error == -EAGAIN || error == -ESHUTDOWN);
    sim_submitted(SIM_PLANS, number, error == 0);
}

static void flush(uint32_t session)
{
    uint32_t start_step = sim.steps;
    for (uint32_t i = 0; i < sim_core()->monitor.count; i++)
        if (!sim_core()->monitor.stolen[i].is_quarantined)
            sim_sometimes_in_run(SIM_FLUSH_WITH_STOLEN);
    int error = eng_flush(sim_scenario.runtime, session);
    SIM_CHECK(error == 0 || error == -EAGAIN || (error == -ETIMEDOUT && sim.has_faults));
    if (error == 0) {
        sim_check_flushed(session, start_step);
        sim_sometimes(SIM_FLUSH_RETURNED);
    } else if (error == -ETIMEDOUT) {
        sim_sometimes(SIM_FLUSH_TIMED_OUT);
    }
}

static void drain(uint32_t session)
{
    uint32_t start_step = sim.steps;
    int error = eng_drain(sim_scenario.runtime, session, sim_choose(SIM_TIME, 80) * SIM_MS);
    SIM_CHECK(error == 0 || error == -EAGAIN || error == -ETIMEDOUT);
    if (error == 0) {
        sim_check_flushed(session, start_step);
        sim_sometimes(SIM_DRAINED);
    } else if (error == -ETIMEDOUT) {
        sim_sometimes(SIM_DRAIN_TIMED_OUT);
    }
}

static void cancel(void)
{
    uint32_t stream = sim_choose(SIM_SCENARIO, 2), number = sim_choose(SIM_SCENARIO, 24);
    for (uint32_t i = 0; i < 3; i++) {
        int error = eng_cancel(sim_scenario.runtime, 0, sim_cookie(stream, number + i));
        SIM_CHECK(error == 0 || error == -EAGAIN);
    }
    SIM_CHECK(eng_cancel(sim_scenario.runtime, 0, sim_cookie(SIM_PLANS, 0)) != -EBADF);
}

void sim_operate(void *argument)
{
    for (uint32_t number = 0; number < sim_scenario.plans; number++) {
        sim_sleep(sim_choose(SIM_TIME, 250) * SIM_MS);
        ask_for_plan(number);
        switch (sim_choose(SIM_SCENARIO, 6)) {
        case 0:
            flush(0);
            break;
        case 1:
            drain(0);
            break;
        case 2:
            cancel();
            break;
        default:
            break;
        }
    }
    sim_scenario.at_work--;
    sim_tell();
}

/* ---- the guest --------------------------------------------------------------------------------
 */

static void read_some(uint32_t session)
{
    static struct eng_completion completion;
    for (uint32_t i = sim_choose(SIM_SCENARIO, 6); i > 0; i--) {
        int error =
            eng_next(sim_scenario.runtime, session, &completion, sim_choose(SIM_TIME, 40) * SIM_MS);
        SIM_CHECK(error == 0 || error == -EAGAIN || error == -ESHUTDOWN);
        if (error)
            continue;
        SIM_CHECK(completion.row.session == session);
        sim_check_completion(&completion);
        sim_hold(&completion);
        sim_sleep(sim_choose(SIM_TIME, 20) * SIM_MS);
        sim_give_back(&completion);
    }
}

static void close_session(uint32_t session)
{
    uint32_t start_step = sim.steps;
    int error;
    while ((error = eng_session_close(sim_scenario.runtime, session)) == -EAGAIN)
        sim_sleep(SIM_MS);
    SIM_CHECK(error == 0);
    sim_check_flushed(session, start_step);
    static struct eng_completion none;
    SIM_CHECK(eng_next(sim_scenario.runtime, session, &none, 0) == -EBADF);
    SIM_CHECK(eng_session_close(sim_scenario.runtime, session) == -EBADF);
    SIM_CHECK(eng_flush(sim_scenario.runtime, session) == -EBADF);
    uint32_t before = sim_completed();
    sim_forgive(SIM_GUEST);
    if (sim_completed() != before)
        sim_sometimes(SIM_SESSION_CLOSED_FULL);
}

static void visit(uint32_t *number)
{
    struct eng_session_config config = {
        .slots_min = sim_choose(SIM_SCENARIO, 2), .slots_max = sim_choose(SIM_SCENARIO, 3) * 2};
    uint32_t session;
    int error = eng_session_open(sim_scenario.runtime, &config, &session);
    SIM_CHECK(error == 0 || error == -EAGAIN || error == -ESHUTDOWN);
    if (error) {
        sim_sometimes(SIM_SESSION_REFUSED);
        return;
    }
    sim_sometimes(SIM_SESSION_OPENED);
    SIM_CHECK(session != 0);
    uint32_t frames = sim_choose(SIM_SCENARIO, 6);
    for (uint32_t tries = 0; frames > 0 && tries < TRIES_MAX; tries++) {
        error = sim_try_frame(session, SIM_GUEST, *number);
        *number += error == 0;
        frames -= error == 0;
        sim_sleep(sim_choose(SIM_TIME, 20000) * 1000);
    }
    read_some(session);
    if (sim_one_in(SIM_SCENARIO, 3))
        flush(session);
    read_some(session);
    close_session(session);
}

void sim_visit(void *argument)
{
    uint32_t number = 0;
    for (uint32_t i = 0; i < sim_scenario.visits; i++) {
        sim_sleep(sim_choose(SIM_TIME, 200) * SIM_MS);
        visit(&number);
    }
    sim_scenario.at_work--;
    sim_tell();
}
