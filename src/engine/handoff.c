/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/handoff.h"

#include "base/base.h"
#include "engine/attempt.h"
#include <string.h>

/* What one look can add to a silence: after the whole process stood still, nobody is to blame. */
#define LOOK_NS_MAX 50000000u

/* The lowest priority may have to wait for everybody else's work. */
#define BACKGROUND_PATIENCE 10

bool eng_handoff_has_room(const struct eng_core *core, uint32_t worker)
{
    const struct eng_worker_record *record = &core->handoff.workers[worker];
    /* Hints of claimed attempts pile up while a worker does not run; it has no room then. */
    return record->count < core->config.workers[worker].queue_depth && record->lost == 0 &&
           !record->is_suspect && eng_workforce_is_ready(core, worker) &&
           eng_arena_has_room(&core->arena, worker);
}

void eng_handoff_push(struct eng_core *core, struct eng_frame *frame, uint32_t worker)
{
    struct eng_worker_record *record = &core->handoff.workers[worker];
    sisp_assert(record->count < ENG_QUEUE_MAX);
    record->queue[record->count++] = frame->slot;
    core->handoff.slots[frame->slot] = (struct eng_dispatched){.worker = worker, .frame = frame};
}

void eng_handoff_resolve(struct eng_core *core, uint32_t slot)
{
    struct eng_dispatched *taken = &core->handoff.slots[slot];
    struct eng_worker_record *record = &core->handoff.workers[taken->worker];
    uint32_t place = 0;
    for (; record->queue[place] != slot; place++)
        sisp_assert(place + 1 < record->count);
    record->count--;
    memmove(&record->queue[place], &record->queue[place + 1],
        (record->count - place) * sizeof(record->queue[0]));
    taken->frame = NULL;
}

struct eng_frame *eng_handoff_oldest(const struct eng_core *core, uint32_t worker)
{
    const struct eng_worker_record *record = &core->handoff.workers[worker];
    return record->count ? core->handoff.slots[record->queue[0]].frame : NULL;
}

static void tell_claimed(
    struct eng_core *core, const struct eng_frame *frame, uint32_t worker, uint32_t slot)
{
    struct eng_event event = eng_event_at(ENG_EVENT_HANDOFF_FAST_FORWARDED, core->now_ns);
    event.frame_id = frame->row.frame_id;
    event.session = frame->row.session;
    event.grant = frame->grant;
    event.slot = slot;
    event.worker = worker;
    eng_telemetry_event(&core->telemetry, &event);
}

uint32_t eng_handoff_claim(struct eng_core *core, uint32_t worker)
{
    const struct eng_worker_record *record = &core->handoff.workers[worker];
    uint32_t claimed = 0;
    while (record->count > 0) {
        uint32_t slot = record->queue[record->count - 1];
        struct eng_frame *frame = core->handoff.slots[slot].frame;
        if (!eng_attempt_claim(core, frame))
            break;
        tell_claimed(core, frame, worker, slot);
        claimed++;
    }
    return claimed;
}

void eng_handoff_acknowledged(struct eng_core *core, uint32_t worker)
{
    struct eng_worker_record *record = &core->handoff.workers[worker];
    sisp_assert(record->lost > 0);
    if (--record->lost == 0)
        record->is_suspect = record->is_silent = record->is_quarantined = false;
}

static bool is_unchanged(struct eng_core *core, uint32_t worker, uint64_t elapsed_ns)
{
    struct eng_worker_record *record = &core->handoff.workers[worker];
    uint64_t heartbeat =
        atomic_load_explicit(&core->arena.workers[worker].heartbeat, memory_order_relaxed);
    bool is_alive = heartbeat != record->heartbeat;
    record->heartbeat = heartbeat;
    if (is_alive && record->is_silent)
        record->is_suspect = record->is_silent = false;
    /* A frame that was claimed back at its deadline leaves a hint, and taking that is a sign, too:
     * else a worker that hangs between frames would get one after the other. */
    record->is_owed = !is_alive && (record->is_owed || record->count > 0);
    record->unchanged_ns = record->is_owed ? record->unchanged_ns + elapsed_ns : 0;
    uint64_t patience = core->config.workers[worker].is_background ? BACKGROUND_PATIENCE : 1;
    if (record->unchanged_ns < patience * core->config.knobs.hang_timeout_ns)
        return false;
    record->is_owed = false; /* it is said once */
    return true;
}

uint32_t eng_handoff_watch(struct eng_core *core)
{
    struct eng_handoff *handoff = &core->handoff;
    uint64_t elapsed_ns = core->now_ns - handoff->watched_ns;
    if (elapsed_ns > LOOK_NS_MAX)
        elapsed_ns = LOOK_NS_MAX;
    handoff->watched_ns = core->now_ns;
    uint32_t hung = 0;
    for (uint32_t w = 0; w < core->config.worker_count; w++)
        hung |= (uint32_t)is_unchanged(core, w, elapsed_ns) << w;
    return hung;
}

void eng_handoff_check(const struct eng_core *core)
{
    uint32_t queued = 0, running = 0;
    for (uint32_t w = 0; w < core->config.worker_count; w++) {
        const struct eng_worker_record *record = &core->handoff.workers[w];
        sisp_assert(!record->is_suspect || record->lost || record->is_silent);
        sisp_assert(!record->is_quarantined || record->lost);
        sisp_assert(record->count <= core->config.workers[w].queue_depth);
        for (uint32_t i = 0; i < record->count; i++) {
            const struct eng_dispatched *slot = &core->handoff.slots[record->queue[i]];
            sisp_assert(slot->worker == w && slot->frame->slot == record->queue[i]);
            sisp_assert(slot->frame->state == ENG_FRAME_RUNNING);
        }
        queued += record->count;
    }
    for (uint32_t i = 0; i < core->frames.active_count; i++)
        running += eng_frame_at(&core->frames, i)->state == ENG_FRAME_RUNNING;
    sisp_assert(queued == running);
}
