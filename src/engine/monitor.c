/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/monitor.h"

#include "base/base.h"
#include "engine/attempt.h"
#include "platform/simulate.h"
#include <string.h>

#define FIRST_BACKOFF_NS 1000000u
#define RESEND_NS        1000000u

static void tell(struct eng_core *core, enum eng_event_type type, const struct eng_stolen *stolen)
{
    struct eng_event event = eng_event_at(type, core->now_ns);
    event.frame_id = stolen->frame_id;
    event.session = stolen->session;
    event.grant = stolen->grant;
    event.slot = stolen->slot;
    event.worker = stolen->worker;
    eng_telemetry_event(&core->telemetry, &event);
}

static bool apply(struct eng_core *core, uint32_t slot, enum eng_edge edge)
{
    struct eng_token_args none = {0};
    return eng_arena_apply(&core->arena, slot, edge, &none);
}

/* ---- what has been answered ------------------------------------------------------------------ */

static void look(struct eng_core *core, struct eng_stolen *stolen)
{
    uint64_t word = eng_attempt_token(core, stolen->slot);
    bool has_hw = word & ENG_TOKEN_HW_BUSY;
    if (stolen->has_cpu && !(word & ENG_TOKEN_CPU_BUSY)) {
        stolen->has_cpu = false;
        eng_handoff_acknowledged(core, stolen->worker);
    }
    if (has_hw != stolen->has_hw)
        tell(core, has_hw ? ENG_EVENT_FRAME_RECLAIM_TRIGGERED : ENG_EVENT_FRAME_RECLAIMED, stolen);
    stolen->has_hw = has_hw;
}

void eng_monitor_add(struct eng_core *core, const struct eng_frame *frame, uint32_t worker)
{
    struct eng_monitor *monitor = &core->monitor;
    sisp_assert(monitor->count < ENG_SLOTS_MAX);
    struct eng_stolen *stolen = &monitor->stolen[monitor->count++];
    *stolen = (struct eng_stolen){
        .slot = frame->slot,
        .worker = worker,
        .session = frame->row.session,
        .frame_id = frame->row.frame_id,
        .grant = frame->grant,
        .path = frame->path,
        .has_cpu = true,
        .since_ns = core->now_ns,
        .poll_ns = core->now_ns + FIRST_BACKOFF_NS,
        .backoff_ns = FIRST_BACKOFF_NS,
        .reclaim_ns = core->now_ns,
    };
    core->handoff.workers[worker].lost++;
    tell(core, ENG_EVENT_PACKET_MOVED_TO_MONITOR, stolen);
    look(core, stolen);
}

/* Nobody can write to it any more: the slot is clean memory again. */
static bool convert(struct eng_core *core, const struct eng_stolen *stolen)
{
    struct eng_monitor *monitor = &core->monitor;
    if (stolen->has_cpu || stolen->has_hw || monitor->outbox_count == ENG_CONTROL_WINDOW)
        return false;
    bool ok = apply(core, stolen->slot, ENG_EDGE_CONVERT);
    sisp_assert(ok); /* without a busy bit nobody else has an edge */
    tell(core, ENG_EVENT_PROCESSITEM_CONVERTED_TO_CONTROL, stolen);
    monitor->quarantined -= stolen->is_quarantined;
    eng_attempt_unpin(core, stolen->slot);
    monitor->outbox[monitor->outbox_count++] = (struct eng_control_item){
        .type = ENG_CONTROL_RETURN_SLOT,
        .slot = stolen->slot,
        .grant = stolen->grant,
        .origin = ENG_ORIGIN_MONITOR,
        .incarnation = 1,
        .sequence = ++monitor->sequence,
    };
    return true;
}

static void send_outbox(struct eng_core *core)
{
    struct eng_monitor *monitor = &core->monitor;
    if (monitor->outbox_count == 0)
        return;
    int error = eng_session_accept_batch(&core->sessions, monitor->outbox, monitor->outbox_count);
    sisp_assert(!error);
    monitor->resend_ns = core->now_ns + RESEND_NS;
    if (PLAT_FAULT(accept_reply_lost))
        return;
    for (uint32_t i = 0; i < monitor->outbox_count; i++) {
        struct eng_event event = eng_event_at(ENG_EVENT_PACKET_RETURNED_TO_FIFO, core->now_ns);
        event.slot = monitor->outbox[i].slot;
        event.grant = monitor->outbox[i].grant;
        eng_telemetry_event(&core->telemetry, &event);
    }
    monitor->outbox_count = 0;
}

/* ---- what has not -----------------------------------------------------------------------------
 */

static void escalate(struct eng_core *core, struct eng_stolen *stolen)
{
    if (!apply(core, stolen->slot, ENG_EDGE_ESCALATE))
        return; /* answered just now: the next step converts it */
    stolen->is_quarantined = true;
    core->monitor.quarantined++;
    eng_session_quarantine(&core->sessions, stolen->slot);
    if (stolen->has_cpu)
        core->handoff.workers[stolen->worker].is_quarantined = true;
    tell(core, ENG_EVENT_FRAME_QUARANTINED, stolen);
}

/* A device answers within the grace or not at all; a worker may be slow, so it is asked several
 * times. */
static void wait_longer(struct eng_core *core, struct eng_stolen *stolen)
{
    const struct eng_knobs *knobs = &core->config.knobs;
    if (core->now_ns >= stolen->poll_ns) {
        stolen->polls++;
        stolen->backoff_ns *= 2;
        stolen->poll_ns = core->now_ns + stolen->backoff_ns;
        core->handoff.workers[stolen->worker].is_suspect |= stolen->has_cpu;
    }
    if (stolen->has_cpu && stolen->polls < knobs->cancel_retry_count)
        return;
    uint64_t end_ns = stolen->has_cpu ? stolen->since_ns + knobs->escalation_timeout_ns
                                      : stolen->reclaim_ns + knobs->drain_grace_period_ns;
    stolen->poll_ns = end_ns > core->now_ns ? end_ns : core->now_ns;
    if (core->now_ns >= end_ns)
        escalate(core, stolen);
}

static struct eng_frame *oldest_waiting(struct eng_core *core, enum eng_lane path)
{
    for (uint32_t i = 0; i < core->frames.active_count; i++) {
        struct eng_frame *frame = eng_frame_at(&core->frames, i);
        if (frame->state == ENG_FRAME_WAITING && frame->path == path)
            return frame;
    }
    return NULL;
}

/* Each theft past the threshold ends one frame that waits for the same: what comes behind it would
 * only be stolen, too, and cost a slot more. */
static void drop_frames(struct eng_core *core)
{
    struct eng_monitor *monitor = &core->monitor;
    uint64_t waiting = eng_monitor_waiting(monitor), threshold = core->config.knobs.drop_threshold;
    uint64_t excess = waiting > threshold ? waiting - threshold : 0;
    if (monitor->dropped > excess)
        monitor->dropped = (uint32_t)excess;
    for (uint32_t i = 0; i < monitor->count && monitor->dropped < excess;) {
        struct eng_frame *frame = oldest_waiting(core, monitor->stolen[i].path);
        if (!monitor->stolen[i].is_quarantined && frame) {
            eng_completion_end(core, frame, ENG_DROPPED, ENG_REASON_WORKER_HUNG);
            monitor->dropped++;
        } else {
            i++;
        }
    }
}

static void watch_degraded(struct eng_core *core)
{
    struct eng_monitor *monitor = &core->monitor;
    uint32_t quarantined = monitor->quarantined + core->fences.quarantined;
    bool is_degraded = quarantined >= core->config.knobs.spare_slots;
    if (is_degraded && !monitor->is_degraded) {
        struct eng_event event = eng_event_at(ENG_EVENT_DEGRADED, core->now_ns);
        event.number = quarantined;
        eng_telemetry_event(&core->telemetry, &event);
    }
    monitor->is_degraded = is_degraded;
}

void eng_monitor_step(struct eng_core *core)
{
    struct eng_monitor *monitor = &core->monitor;
    for (uint32_t i = 0; i < monitor->count;) {
        struct eng_stolen *stolen = &monitor->stolen[i];
        look(core, stolen);
        if (convert(core, stolen)) {
            monitor->count--;
            memmove(stolen, stolen + 1, (monitor->count - i) * sizeof(*stolen));
            continue;
        }
        if (!stolen->is_quarantined)
            wait_longer(core, stolen);
        i++;
    }
    send_outbox(core);
    drop_frames(core);
    watch_degraded(core);
    eng_hardware_ask(core);
}

uint32_t eng_monitor_waiting(const struct eng_monitor *monitor)
{
    sisp_assert(monitor->quarantined <= monitor->count);
    return monitor->count - monitor->quarantined + monitor->outbox_count;
}

uint64_t eng_monitor_timer_ns(const struct eng_monitor *monitor)
{
    uint64_t timer_ns = monitor->outbox_count ? monitor->resend_ns : UINT64_MAX;
    for (uint32_t i = 0; i < monitor->count; i++)
        if (!monitor->stolen[i].is_quarantined && monitor->stolen[i].poll_ns < timer_ns)
            timer_ns = monitor->stolen[i].poll_ns;
    return timer_ns;
}

void eng_monitor_check(const struct eng_core *core)
{
    uint32_t quarantined = 0, lost = 0;
    for (uint32_t i = 0; i < core->monitor.count; i++) {
        const struct eng_stolen *stolen = &core->monitor.stolen[i];
        enum eng_token_state state =
            eng_token_state(eng_arena_last_token(&core->arena, stolen->slot));
        sisp_assert(state == (stolen->is_quarantined ? ENG_TOKEN_QUARANTINE : ENG_TOKEN_MONITOR));
        quarantined += stolen->is_quarantined;
        lost += stolen->has_cpu;
    }
    for (uint32_t w = 0; w < core->config.worker_count; w++)
        lost -= core->handoff.workers[w].lost;
    sisp_assert(quarantined == core->monitor.quarantined && lost == 0);
}
