/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/workforce.h"

#include "base/base.h"
#include "engine/attempt.h"
#include "engine/scheduler.h"

/* One that died before it was ready may do so again at once. */
#define PAUSE_NS UINT64_C(20000000)

static void tell(struct eng_core *core, enum eng_event_type type, uint32_t worker)
{
    struct eng_event event = eng_event_at(type, core->now_ns);
    event.worker = worker;
    event.reason = type == ENG_EVENT_WORKER_RESTARTED ? ENG_REASON_NONE : ENG_REASON_WORKER_DIED;
    event.number = core->workforce.workers[worker].number;
    eng_telemetry_event(&core->telemetry, &event);
}

static bool is_named(const struct eng_core *core, uint16_t number)
{
    for (uint32_t w = 0; w < core->config.worker_count; w++)
        if (core->workforce.workers[w].number == number)
            return true;
    for (uint32_t slot = 0; slot < core->arena.item_count; slot++)
        if (eng_token_holder(eng_arena_token(&core->arena, slot)) == number)
            return true;
    return false;
}

/* A number that no token names any more, so that no late edge of a dead one can be mistaken. */
static uint16_t draw_number(struct eng_core *core)
{
    struct eng_workforce *force = &core->workforce;
    do
        force->last_number = force->last_number == UINT16_MAX ? 1 : force->last_number + 1;
    while (is_named(core, force->last_number));
    return force->last_number;
}

static void start(struct eng_core *core, uint32_t worker)
{
    struct eng_incarnation *one = &core->workforce.workers[worker];
    *one = (struct eng_incarnation){.state = ENG_WORKER_STARTING,
        .deaths = one->deaths,
        .number = draw_number(core),
        .start_ns = one->start_ns};
    eng_arena_restart_ring(&core->arena, worker);
    core->workforce.asks_start |= 1u << worker;
}

void eng_workforce_init(struct eng_core *core)
{
    core->arena.belief->is_foreign = core->config.knobs.isolation == ENG_ISOLATION_PROCESS;
    for (uint32_t w = 0; w < core->config.worker_count; w++) {
        start(core, w);
        if (!core->arena.belief->is_foreign)
            core->workforce.workers[w].state = ENG_WORKER_READY;
    }
}

bool eng_workforce_is_ready(const struct eng_core *core, uint32_t worker)
{
    return core->workforce.workers[worker].state == ENG_WORKER_READY;
}

bool eng_workforce_is_gone(const struct eng_core *core, uint32_t worker)
{
    return core->workforce.workers[worker].state == ENG_WORKER_GONE;
}

uint16_t eng_workforce_holder(const struct eng_core *core, uint32_t worker)
{
    return core->workforce.workers[worker].number;
}

void eng_workforce_ready(struct eng_core *core, uint32_t worker, uint16_t number)
{
    struct eng_incarnation *one = &core->workforce.workers[worker];
    if (one->number != number || one->state != ENG_WORKER_STARTING)
        return;
    one->state = ENG_WORKER_READY;
    one->was_ready = true;
    one->ready_since_ns = core->now_ns;
    if (one->deaths)
        tell(core, ENG_EVENT_WORKER_RESTARTED, worker);
}

/* ---- death ---------------------------------------------------------------------------------- */

/* It writes no more: that is proven, for slots that were stolen from it before, too. */
static void reap(struct eng_core *core, uint32_t worker)
{
    for (uint32_t i = 0; i < core->monitor.count; i++) {
        const struct eng_stolen *stolen = &core->monitor.stolen[i];
        struct eng_token_args args = {.grant = stolen->grant};
        if (stolen->worker == worker && stolen->has_cpu)
            eng_arena_apply(&core->arena, stolen->slot, ENG_EDGE_REAP_CPU, &args);
    }
    /* What was held against it is no fault of the next one. */
    struct eng_worker_record *record = &core->handoff.workers[worker];
    record->is_owed = false;
    if (record->lost == 0)
        record->is_suspect = record->is_silent = false;
}

static void plan_restart(struct eng_core *core, uint32_t worker)
{
    struct eng_incarnation *one = &core->workforce.workers[worker];
    const struct eng_knobs *knobs = &core->config.knobs;
    if (one->was_ready && core->now_ns - one->ready_since_ns >= knobs->restart_window_ns)
        one->deaths = 0;
    one->start_ns = core->now_ns + (one->was_ready ? 0 : PAUSE_NS);
    one->state = one->deaths++ < knobs->restart_budget ? ENG_WORKER_AWAY : ENG_WORKER_GONE;
    if (one->state == ENG_WORKER_GONE)
        tell(core, ENG_EVENT_DEGRADED, worker);
}

void eng_workforce_died(struct eng_core *core, uint32_t worker, uint16_t number)
{
    struct eng_incarnation *one = &core->workforce.workers[worker];
    if (one->number != number || one->state == ENG_WORKER_AWAY || one->state == ENG_WORKER_GONE)
        return;
    eng_scheduler_detach(core, worker, ENG_REASON_WORKER_DIED);
    reap(core, worker);
    plan_restart(core, worker);
}

/* ---- justice ----------------------------------------------------------------------------------
 */

static bool can_be_killed(const struct eng_incarnation *one)
{
    return one->state == ENG_WORKER_READY || one->state == ENG_WORKER_STARTING;
}

static void kill(struct eng_core *core, uint32_t worker)
{
    struct eng_incarnation *one = &core->workforce.workers[worker];
    if (!can_be_killed(one))
        return;
    one->state = ENG_WORKER_DYING;
    core->workforce.asks_kill |= 1u << worker;
}

/* Nobody knows who wrote it, as all of them can. Once they are dead, words are what we believe. */
static void kill_breakers(struct eng_core *core)
{
    struct eng_belief *belief = core->arena.belief;
    if (!belief->has_broken_words)
        return;
    bool is_anybody_left = false;
    for (uint32_t w = 0; w < core->config.worker_count; w++) {
        is_anybody_left |= can_be_killed(&core->workforce.workers[w]);
        kill(core, w);
    }
    if (is_anybody_left)
        atomic_fetch_add_explicit(&belief->broken, 1, memory_order_relaxed);
    for (uint32_t w = 0; w < core->config.worker_count; w++)
        if (core->workforce.workers[w].state == ENG_WORKER_DYING)
            return;
    for (uint32_t slot = 0; slot < core->arena.item_count; slot++)
        eng_arena_token(&core->arena, slot);
    belief->has_broken_words = false;
}

/* When a stolen slot's process has had half of the time to let go. */
static uint64_t patience_end_ns(const struct eng_core *core, const struct eng_stolen *stolen)
{
    bool is_mute = stolen->has_cpu && can_be_killed(&core->workforce.workers[stolen->worker]);
    return is_mute ? stolen->since_ns + core->config.knobs.escalation_timeout_ns / 2 : UINT64_MAX;
}

/* A process can be killed, so its slots need not be lost. */
static void kill_mutes(struct eng_core *core)
{
    for (uint32_t i = 0; i < core->monitor.count; i++)
        if (core->now_ns >= patience_end_ns(core, &core->monitor.stolen[i]))
            kill(core, core->monitor.stolen[i].worker);
    for (uint32_t w = 0; w < core->config.worker_count; w++)
        if (core->handoff.workers[w].is_silent)
            kill(core, w);
}

/* Bit w: nobody empties its ring. Sees what is impossible in it, too. */
static uint32_t full_rings(const struct eng_core *core)
{
    uint32_t full = 0;
    for (uint32_t w = 0; w < core->config.worker_count; w++)
        if (can_be_killed(&core->workforce.workers[w]) && !eng_arena_has_room(&core->arena, w))
            full |= 1u << w;
    return full;
}

void eng_workforce_step(struct eng_core *core)
{
    if (!core->arena.belief->is_foreign)
        return;
    uint32_t full = full_rings(core);
    kill_breakers(core);
    kill_mutes(core);
    for (; full; full &= full - 1)
        kill(core, (uint32_t)__builtin_ctz(full));
    if (core->arena.belief->has_broken_words || core->stop_ns)
        return;
    for (uint32_t w = 0; w < core->config.worker_count; w++) {
        struct eng_incarnation *one = &core->workforce.workers[w];
        if (one->state == ENG_WORKER_AWAY && core->now_ns >= one->start_ns)
            start(core, w);
    }
}

bool eng_workforce_is_short(const struct eng_core *core)
{
    for (uint32_t w = 0; w < core->config.worker_count; w++)
        if (eng_workforce_is_gone(core, w))
            return true;
    return false;
}

uint64_t eng_workforce_timer_ns(const struct eng_core *core)
{
    uint64_t timer_ns = UINT64_MAX;
    if (!core->arena.belief->is_foreign || core->arena.belief->has_broken_words)
        return timer_ns;
    for (uint32_t w = 0; w < core->config.worker_count; w++) {
        const struct eng_incarnation *one = &core->workforce.workers[w];
        if (one->state == ENG_WORKER_AWAY && !core->stop_ns && one->start_ns < timer_ns)
            timer_ns = one->start_ns;
    }
    for (uint32_t i = 0; i < core->monitor.count; i++) {
        uint64_t end_ns = patience_end_ns(core, &core->monitor.stolen[i]);
        timer_ns = end_ns < timer_ns ? end_ns : timer_ns;
    }
    return timer_ns;
}
