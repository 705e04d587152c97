/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/monitor.h"

#include "base/base.h"
#include "engine/attempt.h"
#include <string.h>

#define FIRST_BACKOFF_NS 1000000u

void eng_monitor_add(struct eng_core *core, uint32_t slot, uint32_t worker)
{
    struct eng_monitor *monitor = &core->monitor;
    sisp_assert(monitor->count < ENG_SLOTS_MAX);
    sisp_assert(eng_token_state(eng_attempt_token(core, slot)) == ENG_TOKEN_MONITOR);
    monitor->stolen[monitor->count++] = (struct eng_stolen){
        .slot = slot,
        .worker = worker,
        .since_ns = core->now_ns,
        .poll_ns = core->now_ns + FIRST_BACKOFF_NS,
        .backoff_ns = FIRST_BACKOFF_NS,
    };
}

static bool apply(struct eng_core *core, uint32_t slot, enum eng_edge edge)
{
    struct eng_token_args none = {0};
    return eng_arena_apply(&core->arena, slot, edge, &none);
}

/* The loser has let go: the slot is clean memory again and the worker can be trusted with work. */
static void convert(struct eng_core *core, const struct eng_stolen *stolen)
{
    eng_attempt_unpin(core, stolen->slot);
    eng_session_return(&core->sessions, stolen->slot);
    struct eng_worker_record *worker = &core->scheduler.workers[stolen->worker];
    sisp_assert(worker->is_suspect && worker->slot == stolen->slot);
    *worker = (struct eng_worker_record){.slot = ENG_NONE};
    core->monitor.quarantined -= stolen->is_quarantined;
}

static void escalate(struct eng_core *core, struct eng_stolen *stolen)
{
    if (!apply(core, stolen->slot, ENG_EDGE_ESCALATE))
        return; /* acknowledged just now: the next poll converts it */
    stolen->is_quarantined = true;
    core->monitor.quarantined++;
    core->scheduler.workers[stolen->worker].is_quarantined = true;
    struct eng_event event = eng_event_at(ENG_EVENT_FRAME_QUARANTINED, core->now_ns);
    event.slot = stolen->slot;
    event.worker = stolen->worker;
    event.grant = eng_token_grant(eng_attempt_token(core, stolen->slot));
    eng_telemetry_event(&core->telemetry, &event);
}

static void wait_longer(struct eng_core *core, struct eng_stolen *stolen)
{
    const struct eng_knobs *knobs = &core->config.knobs;
    if (core->now_ns >= stolen->poll_ns) {
        stolen->polls++;
        stolen->backoff_ns *= 2;
        stolen->poll_ns = core->now_ns + stolen->backoff_ns;
    }
    if (stolen->polls >= knobs->cancel_retry_count) {
        uint64_t end_ns = stolen->since_ns + knobs->escalation_timeout_ns;
        stolen->poll_ns = end_ns > core->now_ns ? end_ns : core->now_ns;
        if (core->now_ns >= end_ns)
            escalate(core, stolen);
    }
}

void eng_monitor_step(struct eng_core *core)
{
    struct eng_monitor *monitor = &core->monitor;
    for (uint32_t i = 0; i < monitor->count;) {
        struct eng_stolen *stolen = &monitor->stolen[i];
        if (apply(core, stolen->slot, ENG_EDGE_CONVERT)) {
            convert(core, stolen);
            monitor->count--;
            memmove(stolen, stolen + 1, (monitor->count - i) * sizeof(*stolen));
            continue;
        }
        if (!stolen->is_quarantined)
            wait_longer(core, stolen);
        i++;
    }
    /* Too many wait: give up the oldest at once, so that the state is said and not hidden. */
    uint64_t threshold = core->config.knobs.drop_threshold;
    for (uint32_t i = 0; i < monitor->count && eng_monitor_waiting(monitor) > threshold; i++)
        if (!monitor->stolen[i].is_quarantined)
            escalate(core, &monitor->stolen[i]);
}

uint32_t eng_monitor_waiting(const struct eng_monitor *monitor)
{
    sisp_assert(monitor->quarantined <= monitor->count);
    return monitor->count - monitor->quarantined;
}

bool eng_monitor_is_degraded(const struct eng_core *core)
{
    return core->monitor.quarantined >= core->config.knobs.spare_slots;
}

uint64_t eng_monitor_timer_ns(const struct eng_monitor *monitor)
{
    uint64_t timer_ns = UINT64_MAX;
    for (uint32_t i = 0; i < monitor->count; i++)
        if (!monitor->stolen[i].is_quarantined && monitor->stolen[i].poll_ns < timer_ns)
            timer_ns = monitor->stolen[i].poll_ns;
    return timer_ns;
}

void eng_monitor_check(const struct eng_core *core)
{
    uint32_t quarantined = 0;
    for (uint32_t i = 0; i < core->monitor.count; i++) {
        const struct eng_stolen *stolen = &core->monitor.stolen[i];
        enum eng_token_state state = eng_token_state(eng_attempt_token(core, stolen->slot));
        sisp_assert(state == (stolen->is_quarantined ? ENG_TOKEN_QUARANTINE : ENG_TOKEN_MONITOR));
        sisp_assert(core->scheduler.workers[stolen->worker].is_suspect);
        quarantined += stolen->is_quarantined;
    }
    sisp_assert(quarantined == core->monitor.quarantined);
}
