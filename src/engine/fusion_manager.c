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

void eng_fusion_remember(struct eng_core *core, const struct eng_frame *frame)
{
    struct eng_session *session = eng_core_session(core, frame->row.session);
    uint32_t capacity = core->config.history_count;
    if (capacity == 0)
        return;
    if (session->history_count == capacity)
        drop_oldest(core, session);
    struct eng_history_entry *entry = &session->history[session->history_count++];
    sisp_assert(frame->input_count == 1 && session->history_count <= capacity);
    entry->input = frame->inputs[0];
    entry->sequence = frame->row.sequence;
    entry->capture_ns = frame->row.capture_ns;
    memcpy(entry->meta, frame->meta[0], ENG_META_BYTES);
    int error = eng_resource_pin(&core->resources, entry->input, ENG_HOLDER_HISTORY);
    sisp_assert(!error); /* the frame pins it */
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

void eng_fusion_create(struct eng_core *core, struct eng_frame *frame, uint32_t input_count)
{
    struct eng_plan *plans = eng_core_session(core, frame->row.session)->plans, *plan = plans;
    for (; plan->frame; plan++)
        sisp_assert(plan + 1 < plans + ENG_PLANS_MAX); /* credits bound them */
    sisp_assert(input_count > 0 && input_count <= core->config.history_count);
    frame->state = ENG_FRAME_PLANNED;
    *plan = (struct eng_plan){
        .frame = frame,
        .input_count = input_count,
        .expires_ns = core->now_ns + core->config.knobs.plan_ttl_ns,
    };
}

static void select_inputs(
    struct eng_core *core, const struct eng_session *session, const struct eng_plan *plan)
{
    struct eng_frame *frame = plan->frame;
    sisp_assert(session->history_count >= plan->input_count);
    uint32_t first = session->history_count - plan->input_count;
    for (uint32_t i = 0; i < plan->input_count; i++) {
        const struct eng_history_entry *entry = &session->history[first + i];
        frame->inputs[i] = entry->input;
        memcpy(frame->meta[i], entry->meta, ENG_META_BYTES);
        int error = eng_resource_pin(&core->resources, entry->input, ENG_HOLDER_FRAME);
        sisp_assert(!error); /* the ring pins it */
        frame->row.sequence = entry->sequence;
        frame->row.capture_ns = entry->capture_ns;
    }
    frame->input_count = plan->input_count;
}

static void schedule(
    struct eng_core *core, const struct eng_session *session, struct eng_plan *plan)
{
    const struct eng_lane_config *lane = &core->config.lanes[ENG_LANE_BACKGROUND];
    struct eng_frame *frame = plan->frame;
    select_inputs(core, session, plan);
    uint32_t roles = written_roles(core);
    for (uint32_t r = 0; r < ENG_ROLES_MAX; r++)
        if (roles >> r & 1)
            frame->roles[r] =
                eng_resource_allocate(&core->resources, lane->role_pool[r], ENG_HOLDER_FRAME);
    plan->is_reserved = false;
    eng_scheduler_admit(core, frame);
}

static void expire(
    struct eng_core *core, const struct eng_session *session, const struct eng_plan *plan)
{
    bool is_short =
        plan->frame->state == ENG_FRAME_PLANNED && session->history_count < plan->input_count;
    eng_scheduler_give_up(core, plan->frame, ENG_DROPPED,
        is_short ? ENG_REASON_NOT_ENOUGH_FRAMES : ENG_REASON_PLAN_EXPIRED);
}

static void step_plan(
    struct eng_core *core, const struct eng_session *session, struct eng_plan *plan)
{
    if (core->now_ns >= plan->expires_ns) {
        expire(core, session, plan);
        return;
    }
    if (plan->frame->state != ENG_FRAME_PLANNED)
        return;
    if (core->stop_ns) {
        /* No more inputs will come. */
        eng_scheduler_give_up(core, plan->frame, ENG_CANCELLED, ENG_REASON_FLUSHED);
        return;
    }
    if (!plan->is_reserved)
        plan->is_reserved = reserve(core);
    bool has_room = eng_frame_depth(&core->frames, plan->frame->row.session, ENG_LANE_BACKGROUND) <
                    core->config.lanes[ENG_LANE_BACKGROUND].capacity;
    if (plan->is_reserved && has_room && session->history_count >= plan->input_count)
        schedule(core, session, plan);
}

void eng_fusion_step(struct eng_core *core)
{
    for (uint32_t p = 0; p < ENG_SESSIONS_MAX; p++) {
        struct eng_session *session = &core->places[p];
        for (uint32_t i = 0; i < ENG_PLANS_MAX; i++)
            if (session->plans[i].frame)
                step_plan(core, session, &session->plans[i]);
    }
}

void eng_fusion_complete(struct eng_core *core, const struct eng_frame *frame)
{
    struct eng_plan *plans = eng_core_session(core, frame->row.session)->plans, *plan = plans;
    for (; plan->frame != frame; plan++)
        sisp_assert(plan + 1 < plans + ENG_PLANS_MAX);
    if (plan->is_reserved)
        unreserve(core, written_roles(core));
    *plan = (struct eng_plan){0};
}

uint64_t eng_fusion_timer_ns(const struct eng_core *core)
{
    uint64_t timer_ns = UINT64_MAX;
    for (uint32_t p = 0; p < ENG_SESSIONS_MAX; p++)
        for (uint32_t i = 0; i < ENG_PLANS_MAX; i++) {
            const struct eng_plan *plan = &core->places[p].plans[i];
            if (plan->frame && plan->expires_ns < timer_ns)
                timer_ns = plan->expires_ns;
        }
    return timer_ns;
}

static uint64_t check_plans(const struct eng_core *core, const struct eng_session *session)
{
    uint64_t reserved = 0;
    for (uint32_t i = 0; i < ENG_PLANS_MAX; i++) {
        const struct eng_plan *plan = &session->plans[i];
        sisp_assert(!plan->is_reserved || plan->frame->state == ENG_FRAME_PLANNED);
        reserved += plan->is_reserved ? (uint64_t)__builtin_popcount(written_roles(core)) : 0;
    }
    return reserved;
}

void eng_fusion_manager_check(const struct eng_core *core)
{
    uint64_t reserved = 0;
    for (uint32_t p = 0; p < ENG_SESSIONS_MAX; p++) {
        reserved += check_plans(core, &core->places[p]);
        sisp_assert(core->places[p].history_count <= core->config.history_count);
    }
    for (uint32_t i = 0; i < core->resources.pool_count; i++)
        reserved -= core->resources.pools[i].reserved;
    sisp_assert(reserved == 0);
}
