/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/fences.h"

#include "base/base.h"
#include "engine/access.h"
#include "engine/bell.h"
#include "engine/core.h"
#include "engine/main_loop.h"
#include "platform/process.h"
#include "platform/simulate.h"
#include <errno.h>

static uint64_t bit(uint32_t place)
{
    return (uint64_t)1 << place;
}

static void free_place(struct eng_fences *fences, uint32_t place)
{
    atomic_fetch_and_explicit(&fences->taken, ~bit(place), memory_order_release);
}

/* ---- an input's fence -------------------------------------------------------------------------
 */

void eng_fences_begin(struct eng_core *core, struct eng_frame *frame, uint32_t place)
{
    struct eng_fences *fences = &core->fences;
    sisp_assert(place < ENG_FENCES_MAX && !(fences->awaited & bit(place)));
    int error = eng_resource_pin(&core->resources, frame->inputs[0], ENG_HOLDER_FENCE);
    sisp_assert(!error); /* the frame pins it */
    fences->awaited |= bit(place);
    fences->inputs[place] = (struct eng_awaited){
        .input = frame->inputs[0], .frame_id = frame->row.frame_id, .session = frame->row.session};
    frame->fence = place + 1;
}

static void tell(struct eng_core *core, enum eng_event_type type, const struct eng_awaited *input)
{
    struct eng_event event = eng_event_at(type, core->now_ns);
    event.frame_id = input->frame_id;
    event.session = input->session;
    eng_telemetry_event(&core->telemetry, &event);
}

void eng_fences_leave(struct eng_core *core, struct eng_frame *frame)
{
    struct eng_awaited *input = &core->fences.inputs[frame->fence - 1];
    frame->fence = 0;
    input->since_ns = core->now_ns;
    tell(core, ENG_EVENT_FRAME_RECLAIM_TRIGGERED, input);
}

static void start_frame(struct eng_core *core, uint32_t place)
{
    const struct eng_fences *fences = &core->fences;
    for (uint32_t i = 0; i < core->frames.active_count; i++) {
        struct eng_frame *frame = eng_frame_at(&core->frames, i);
        if (frame->fence != place + 1)
            continue;
        frame->fence = 0;
        if (fences->places[place].has_failed)
            eng_scheduler_give_up(core, frame, ENG_FAILED, ENG_REASON_FENCE_FAILED);
        else if (frame->row.lane == ENG_LANE_FAST && !core->is_flushed)
            eng_fusion_remember(core, frame);
        return;
    }
}

static void end_wait(struct eng_core *core, uint32_t place)
{
    struct eng_fences *fences = &core->fences;
    struct eng_awaited *input = &fences->inputs[place];
    if (input->since_ns)
        tell(core, ENG_EVENT_FRAME_RECLAIMED, input);
    else
        start_frame(core, place);
    fences->quarantined -= input->is_quarantined;
    fences->awaited &= ~bit(place);
    int error = eng_resource_unpin(&core->resources, input->input, ENG_HOLDER_FENCE);
    sisp_assert(!error);
    free_place(fences, place);
}

static void quarantine(struct eng_core *core, uint32_t place)
{
    struct eng_awaited *input = &core->fences.inputs[place];
    input->is_quarantined = true;
    core->fences.quarantined++;
    tell(core, ENG_EVENT_FRAME_QUARANTINED, input);
}

static uint64_t end_ns_of(const struct eng_core *core, uint32_t place)
{
    return core->fences.inputs[place].since_ns + core->config.knobs.drain_grace_period_ns;
}

void eng_fences_step(struct eng_core *core)
{
    struct eng_fences *fences = &core->fences;
    /* A frame whose message is still in the inbox takes its signal later. */
    uint64_t ended =
        atomic_load_explicit(&fences->signalled, memory_order_acquire) & fences->awaited;
    if (ended)
        atomic_fetch_and_explicit(&fences->signalled, ~ended, memory_order_acq_rel);
    for (; ended; ended &= ended - 1)
        end_wait(core, (uint32_t)__builtin_ctzll(ended));
    for (uint64_t left = eng_fences_waiting(core, ENG_NONE); left; left &= left - 1) {
        uint32_t place = (uint32_t)__builtin_ctzll(left);
        if (core->now_ns >= end_ns_of(core, place))
            quarantine(core, place);
    }
}

uint64_t eng_fences_waiting(const struct eng_core *core, uint32_t session)
{
    const struct eng_fences *fences = &core->fences;
    uint64_t waiting = 0;
    for (uint64_t left = fences->awaited; left; left &= left - 1) {
        uint32_t place = (uint32_t)__builtin_ctzll(left);
        const struct eng_awaited *input = &fences->inputs[place];
        if (input->since_ns && !input->is_quarantined &&
            (session == ENG_NONE || input->session == session))
            waiting |= bit(place);
    }
    return waiting;
}

uint64_t eng_fences_timer_ns(const struct eng_core *core)
{
    uint64_t timer_ns = UINT64_MAX;
    for (uint64_t left = eng_fences_waiting(core, ENG_NONE); left; left &= left - 1) {
        uint64_t end_ns = end_ns_of(core, (uint32_t)__builtin_ctzll(left));
        timer_ns = end_ns < timer_ns ? end_ns : timer_ns;
    }
    return timer_ns;
}

void eng_fences_check(const struct eng_core *core)
{
    const struct eng_fences *fences = &core->fences;
    uint64_t open = 0, quarantined = 0;
    for (uint32_t i = 0; i < core->frames.active_count; i++) {
        const struct eng_frame *frame = eng_frame_at(&core->frames, i);
        sisp_assert(!frame->fence || frame->state == ENG_FRAME_WAITING);
        open |= frame->fence ? bit(frame->fence - 1) : 0;
    }
    sisp_assert(!(open & ~fences->awaited));
    for (uint64_t left = fences->awaited; left; left &= left - 1) {
        uint32_t place = (uint32_t)__builtin_ctzll(left);
        const struct eng_awaited *input = &fences->inputs[place];
        const struct eng_buffer *buffer = &core->resources.buffers[input->input.index];
        sisp_assert((input->since_ns == 0) == ((open & bit(place)) != 0));
        sisp_assert(buffer->generation == input->input.generation);
        sisp_assert(buffer->pins[ENG_HOLDER_FENCE] == 1);
        quarantined += input->is_quarantined;
    }
    sisp_assert(quarantined == fences->quarantined);
}

/* ---- places -------------------------------------------------------------------------------------
 */

int eng_fences_take(struct eng_fences *fences, const int *fd, const int dmabufs[2], uint32_t *place)
{
    int own = fd ? plat_fence_duplicate(*fd) : -1;
    if (fd && own < 0)
        return own;
    uint64_t taken = atomic_load_explicit(&fences->taken, memory_order_relaxed);
    do {
        if (taken == UINT64_MAX) {
            plat_close(own);
            return -EAGAIN;
        }
        *place = (uint32_t)__builtin_ctzll(~taken);
    } while (!atomic_compare_exchange_weak_explicit(
        &fences->taken, &taken, taken | bit(*place), memory_order_acquire, memory_order_relaxed));
    fences->places[*place] = (struct eng_fence){.fd = own, .dmabufs = {dmabufs[0], dmabufs[1]}};
    return 0;
}

void eng_fences_give(struct eng_fences *fences, uint32_t place)
{
    plat_close(fences->places[place].fd);
    free_place(fences, place);
}

void eng_fences_hand(struct eng_core *core, uint32_t place)
{
    PLAT_POINT(fence_wanted);
    atomic_fetch_or_explicit(&core->fences.handed, bit(place), memory_order_release);
    PLAT_POINT(fence_handed);
    plat_signal_ring(core->fences.signal);
}

/* First for the fence, then for whatever else works on the buffers. */
static struct plat_poll poll_of(const struct eng_fence *fence)
{
    bool is_explicit = fence->fd >= 0;
    return (struct plat_poll){.fd = is_explicit ? fence->fd : fence->dmabufs[0],
        .is_for_write = !is_explicit && fence->is_release};
}

/* What comes behind the one that has signalled. */
static void shift(struct eng_fence *fence)
{
    if (fence->fd < 0) {
        fence->dmabufs[0] = fence->dmabufs[1];
        fence->dmabufs[1] = -1;
    }
    fence->fd = -1;
}

bool eng_fences_is_signalled(const struct eng_fence *fence)
{
    struct eng_fence left = *fence;
    for (; left.fd >= 0 || left.dmabufs[0] >= 0; shift(&left)) {
        struct plat_poll poll = poll_of(&left);
        plat_poll(&poll, 1, 0);
        if (!poll.is_ready)
            return false;
    }
    return true;
}

bool eng_fences_has_failed(const struct eng_fence *fence)
{
    return fence->fd >= 0 && plat_fence_has_failed(fence->fd);
}

/* ---- the thread ---------------------------------------------------------------------------------
 */

static void ring(struct eng_core *core)
{
    eng_arena_ring(&core->arena, core->arena.control_bell);
}

static void finish(struct eng_core *core, uint32_t place)
{
    struct eng_fences *fences = &core->fences;
    struct eng_fence *fence = &fences->places[place];
    fences->watched &= ~bit(place);
    if (!fence->is_release) {
        eng_access_begin_read(&core->resources, fence->input);
        atomic_fetch_or_explicit(&fences->signalled, bit(place), memory_order_acq_rel);
        PLAT_POINT(fence_signalled);
        ring(core);
        return;
    }
    struct eng_message message = {.type = ENG_MESSAGE_RELEASE};
    for (uint32_t r = 0; r < ENG_ROLES_MAX; r++) {
        message.handles[r] = fence->handles[r];
        if (fence->handles[r].generation)
            eng_access_take_back(&core->resources, fence->handles[r]);
    }
    PLAT_POINT(fence_releases);
    free_place(fences, place);
    bool ok = eng_inbox_push(&core->inbox, &message);
    sisp_assert(ok); /* the buffers' one message */
    ring(core);
}

static void advance(struct eng_core *core, uint32_t place)
{
    struct eng_fence *fence = &core->fences.places[place];
    fence->has_failed |= eng_fences_has_failed(fence);
    plat_close(fence->fd);
    shift(fence);
    if (eng_fences_is_signalled(fence))
        finish(core, place);
}

static void watch(struct eng_core *core)
{
    struct eng_fences *fences = &core->fences;
    struct plat_poll polls[1 + ENG_FENCES_MAX] = {{.fd = fences->signal}};
    uint32_t count = 1, places[ENG_FENCES_MAX];
    fences->watched |= atomic_exchange_explicit(&fences->handed, 0, memory_order_acquire);
    for (uint64_t left = fences->watched; left; left &= left - 1) {
        uint32_t place = (uint32_t)__builtin_ctzll(left);
        places[count - 1] = place;
        polls[count++] = poll_of(&fences->places[place]);
    }
    plat_poll(polls, count, PLAT_FOREVER);
    if (polls[0].is_ready)
        plat_signal_silence(fences->signal);
    for (uint32_t i = 1; i < count; i++)
        if (polls[i].is_ready)
            advance(core, places[i - 1]);
}

static void run(void *argument)
{
    struct eng_core *core = argument;
    while (!atomic_load_explicit(&core->fences.is_leaving, memory_order_acquire))
        watch(core);
}

int eng_fences_start(struct eng_core *core)
{
    struct eng_fences *fences = &core->fences;
    fences->signal = plat_signal_create();
    if (fences->signal < 0)
        return fences->signal;
    fences->thread = (struct plat_thread){.name = "fences", .run = run, .argument = core};
    int error = plat_thread_create(&fences->thread);
    fences->has_thread = error == 0;
    if (error)
        plat_close(fences->signal);
    return error;
}

void eng_fences_finish(struct eng_fences *fences)
{
    if (!fences->has_thread)
        return;
    atomic_store_explicit(&fences->is_leaving, 1, memory_order_release);
    plat_signal_ring(fences->signal);
    plat_thread_join(&fences->thread);
    plat_close(fences->signal);
    fences->has_thread = false;
    for (uint64_t left = fences->watched | fences->handed; left; left &= left - 1)
        plat_close(fences->places[__builtin_ctzll(left)].fd);
}
