/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/fusion_manager.h"

#include "base/base.h"
#include "engine/core.h"
#include <string.h>

/* ---- the ring of newest inputs ------------------------------------------------------------- */

static void drop_oldest(struct eng_core *core, struct eng_session *session)
{
    sisp_assert(session->history_count > 0);
    eng_resource_unpin(&core->resources, session->history[0].input, ENG_HOLDER_HISTORY);
    session->history_count--;
    memmove(&session->history[0], &session->history[1],
        session->history_count * sizeof(session->history[0]));
}

/* Whether ring, plans or what a worker has not let go keep it from being filled again. */
static bool is_kept(const struct eng_buffer *buffer)
{
    return buffer->pins[ENG_HOLDER_HISTORY] || buffer->pins[ENG_HOLDER_PLAN] ||
           (buffer->pins[ENG_HOLDER_ATTEMPT] && !buffer->pins[ENG_HOLDER_FRAME]);
}

/* Plans hold on to their inputs while they last, so meanwhile the ring gives way: a preview is
 * worth more than the next burst's length. */
static void leave_inputs(struct eng_core *core, struct eng_session *session, uint32_t index)
{
    const struct eng_resource_manager *resources = &core->resources;
    const struct eng_pool *pool = &resources->pools[resources->buffers[index].pool];
    uint32_t beside =
        pool->count - (uint32_t)base_min_size(pool->count, core->config.history_count);
    uint32_t wanted = (uint32_t)base_min_size(core->config.inputs_left, beside);
    for (;;) {
        uint32_t left = 0;
        for (uint32_t i = pool->first; i < pool->first + pool->count; i++)
            left += !is_kept(&resources->buffers[i]);
        if (left >= wanted || session->history_count == 0)
            return;
        drop_oldest(core, session);
    }
}

/* Frames stand as they were taken, in whatever order they came. */
static struct eng_history_entry *make_room(struct eng_session *session, uint64_t capture_ns)
{
    uint32_t at = session->history_count++;
    for (; at > 0 && session->history[at - 1].capture_ns > capture_ns; at--)
        session->history[at] = session->history[at - 1];
    return &session->history[at];
}

void eng_fusion_remember(struct eng_core *core, const struct eng_frame *frame)
{
    struct eng_session *session = eng_core_session(core, frame->row.session);
    uint32_t capacity = core->config.history_count;
    if (capacity == 0)
        return;
    if (session->history_count == capacity)
        drop_oldest(core, session);
    struct eng_history_entry *entry = make_room(session, frame->row.capture_ns);
    sisp_assert(frame->input_count == 1 && session->history_count <= capacity);
    entry->input = frame->inputs[0];
    entry->sequence = frame->row.sequence;
    entry->capture_ns = frame->row.capture_ns;
    memcpy(entry->meta, frame->meta[0], ENG_META_BYTES);
    int error = eng_resource_pin(&core->resources, entry->input, ENG_HOLDER_HISTORY);
    sisp_assert(!error); /* the frame pins it */
    leave_inputs(core, session, entry->input.index);
}

void eng_fusion_forget(struct eng_core *core, struct eng_session *session)
{
    while (session->history_count > 0)
        drop_oldest(core, session);
}

/* ---- reservations --------------------------------------------------------------------------- */

/* Roles that the background lane writes, each once. */
static uint32_t written_roles(const struct eng_core *core)
{
    const struct eng_lane_config *lane = &core->config.lanes[ENG_LANE_BACKGROUND];
    uint32_t roles = 0;
    for (uint32_t s = 0; s < lane->stage_count; s++)
        roles |= core->config.commands[lane->stages[s]].writes;
    return roles;
}

static void unreserve(struct eng_core *core, uint32_t roles)
{
    for (uint32_t r = 0; r < ENG_ROLES_MAX; r++)
        if (roles >> r & 1)
            eng_resource_unreserve(
                &core->resources, core->config.lanes[ENG_LANE_BACKGROUND].role_pool[r], 1);
}

static bool reserve(struct eng_core *core)
{
    uint32_t roles = written_roles(core), reserved = 0;
    for (uint32_t r = 0; r < ENG_ROLES_MAX; r++) {
        if (!(roles >> r & 1))
            continue;
        if (eng_resource_reserve(
                &core->resources, core->config.lanes[ENG_LANE_BACKGROUND].role_pool[r], 1)) {
            unreserve(core, reserved);
            return false;
        }
        reserved |= 1u << r;
    }
    return true;
}

/* ---- plans ------------------------------------------------------------------------------------
 */

/* From the press on they are the plan's, whatever comes next. */
static void select_inputs(
    struct eng_core *core, const struct eng_session *session, struct eng_frame *frame)
{
    uint32_t count = (uint32_t)base_min_size(frame->plan.wanted, session->history_count);
    uint32_t first = session->history_count - count;
    for (uint32_t i = 0; i < count; i++) {
        const struct eng_history_entry *entry = &session->history[first + i];
        frame->inputs[i] = entry->input;
        memcpy(frame->meta[i], entry->meta, ENG_META_BYTES);
        int error = eng_resource_pin(&core->resources, entry->input, ENG_HOLDER_PLAN);
        sisp_assert(!error); /* the ring pins it */
        frame->row.sequence = entry->sequence;
        frame->row.capture_ns = entry->capture_ns;
    }
    frame->input_count = count;
}

void eng_fusion_create(struct eng_core *core, struct eng_frame *frame, uint32_t input_count)
{
    sisp_assert(input_count > 0 && input_count <= core->config.history_count);
    frame->is_plan = true;
    frame->state = ENG_FRAME_PLANNED;
    frame->plan = (struct eng_plan){
        .wanted = input_count,
        .expires_ns = core->now_ns + core->config.knobs.plan_ttl_ns,
    };
    select_inputs(core, eng_core_session(core, frame->row.session), frame);
}

static void schedule(struct eng_core *core, struct eng_frame *frame)
{
    const struct eng_lane_config *lane = &core->config.lanes[ENG_LANE_BACKGROUND];
    uint32_t roles = written_roles(core);
    for (uint32_t r = 0; r < ENG_ROLES_MAX; r++)
        if (roles >> r & 1)
            frame->roles[r] =
                eng_resource_allocate(&core->resources, lane->role_pool[r], ENG_HOLDER_FRAME);
    frame->plan.is_reserved = false;
    eng_scheduler_admit(core, frame);
}

/* What a slow machine works on does not stall: its life begins anew with each sign of life. */
static void prolong(struct eng_core *core, struct eng_frame *frame)
{
    uint32_t worker = core->handoff.slots[frame->slot].worker;
    uint64_t heartbeat =
        atomic_load_explicit(&core->arena.workers[worker].heartbeat, memory_order_relaxed);
    if (heartbeat == frame->plan.heartbeat)
        return;
    frame->plan.heartbeat = heartbeat;
    frame->plan.expires_ns = core->now_ns + core->config.knobs.plan_ttl_ns;
}

static void step_plan(struct eng_core *core, struct eng_frame *frame)
{
    struct eng_plan *plan = &frame->plan;
    const struct eng_session *session = eng_core_session(core, frame->row.session);
    if (frame->state == ENG_FRAME_RUNNING)
        prolong(core, frame);
    if (core->now_ns >= plan->expires_ns) {
        bool is_short = frame->state == ENG_FRAME_PLANNED && frame->input_count == 0;
        eng_scheduler_give_up(core, frame, ENG_DROPPED,
            is_short ? ENG_REASON_NOT_ENOUGH_FRAMES : ENG_REASON_PLAN_EXPIRED);
        return;
    }
    if (frame->state != ENG_FRAME_PLANNED)
        return;
    if (frame->input_count == 0)
        select_inputs(core, session, frame);
    if (core->stop_ns && frame->input_count == 0) {
        /* No more inputs will come. */
        eng_scheduler_give_up(core, frame, ENG_CANCELLED, ENG_REASON_FLUSHED);
        return;
    }
    if (!plan->is_reserved)
        plan->is_reserved = reserve(core);
    bool has_room = eng_frame_depth(&core->frames, frame->row.session, ENG_LANE_BACKGROUND) <
                    core->config.lanes[ENG_LANE_BACKGROUND].capacity;
    if (plan->is_reserved && has_room && frame->input_count > 0)
        schedule(core, frame);
}

static bool is_live_plan(const struct eng_frame *frame)
{
    return frame->is_plan && frame->state != ENG_FRAME_ENDED;
}

void eng_fusion_step(struct eng_core *core)
{
    for (uint32_t i = 0; i < core->frames.active_count; i++) {
        struct eng_frame *frame = eng_frame_at(&core->frames, i);
        if (is_live_plan(frame))
            step_plan(core, frame);
    }
}

void eng_fusion_complete(struct eng_core *core, struct eng_frame *frame)
{
    if (frame->plan.is_reserved)
        unreserve(core, written_roles(core));
    frame->plan.is_reserved = false;
}

uint64_t eng_fusion_timer_ns(const struct eng_core *core)
{
    uint64_t timer_ns = UINT64_MAX;
    for (uint32_t i = 0; i < core->frames.active_count; i++) {
        const struct eng_frame *frame = eng_frame_at(&core->frames, i);
        if (is_live_plan(frame) && frame->plan.expires_ns < timer_ns)
            timer_ns = frame->plan.expires_ns;
    }
    return timer_ns;
}

void eng_fusion_manager_check(const struct eng_core *core)
{
    uint64_t reserved = 0;
    uint32_t role_count = (uint32_t)__builtin_popcount(written_roles(core));
    for (uint32_t i = 0; i < core->frames.active_count; i++) {
        const struct eng_frame *frame = eng_frame_at(&core->frames, i);
        sisp_assert(!frame->plan.is_reserved || frame->state == ENG_FRAME_PLANNED);
        sisp_assert(frame->is_plan || frame->state != ENG_FRAME_PLANNED);
        reserved += frame->plan.is_reserved ? role_count : 0;
    }
    for (uint32_t i = 0; i < core->resources.pool_count; i++)
        reserved -= core->resources.pools[i].reserved;
    sisp_assert(reserved == 0);
}
