/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/attempt.h"

#include "base/base.h"
#include "engine/floor.h"
#include <string.h>

const struct eng_command_config *eng_attempt_command(
    const struct eng_core *core, const struct eng_frame *frame)
{
    const struct eng_lane_config *lane = &core->config.lanes[frame->path];
    sisp_assert(frame->stage < lane->stage_count);
    return &core->config.commands[lane->stages[frame->stage]];
}

uint64_t eng_attempt_token(const struct eng_core *core, uint32_t slot)
{
    sisp_assert(slot < core->arena.item_count);
    return eng_arena_token(&core->arena, slot);
}

static bool apply(struct eng_core *core, uint32_t slot, enum eng_edge edge, uint64_t grant)
{
    struct eng_token_args args = {.grant = grant};
    return eng_arena_apply(&core->arena, slot, edge, &args);
}

static void drop_roles(struct eng_core *core, struct eng_frame *frame, uint32_t roles)
{
    for (uint32_t r = 0; r < ENG_ROLES_MAX; r++) {
        if (!(roles >> r & 1))
            continue;
        eng_resource_unpin(&core->resources, frame->roles[r], ENG_HOLDER_FRAME);
        frame->roles[r] = (struct eng_handle){0};
    }
}

/* All that this stage writes, or nothing: half of it would keep others waiting. */
static bool acquire_writes(struct eng_core *core, struct eng_frame *frame, uint32_t *taken)
{
    uint32_t writes = eng_attempt_command(core, frame)->writes;
    const uint32_t *pools = core->config.lanes[frame->path].role_pool;
    *taken = 0;
    for (uint32_t r = 0; r < ENG_ROLES_MAX; r++) {
        if (!(writes >> r & 1) || frame->roles[r].generation)
            continue;
        bool is_others = frame->path == ENG_LANE_FLOOR &&
                         !eng_floor_may_take(core, frame->row.session, pools[r]);
        if (is_others ||
            eng_resource_acquire(&core->resources, pools[r], ENG_HOLDER_FRAME, &frame->roles[r])) {
            drop_roles(core, frame, *taken);
            *taken = 0;
            return false;
        }
        *taken |= 1u << r;
    }
    return true;
}

/* The floor always finds a slot, whatever the other lanes hold. */
static uint32_t slots_kept_from(enum eng_lane path)
{
    static const uint32_t kept[] = {
        [ENG_LANE_FAST] = 1, [ENG_LANE_BACKGROUND] = 2, [ENG_LANE_FLOOR] = 0};
    return kept[path];
}

static struct eng_handle pinned(struct eng_core *core, struct eng_handle handle)
{
    if (handle.generation) {
        int error = eng_resource_pin(&core->resources, handle, ENG_HOLDER_ATTEMPT);
        sisp_assert(!error); /* the frame or the committed table holds it */
    }
    return handle;
}

static void fill_envelope(struct eng_core *core, const struct eng_frame *frame)
{
    const struct eng_command_config *command = eng_attempt_command(core, frame);
    struct eng_session *session = eng_core_session(core, frame->row.session);
    struct eng_envelope *envelope = &core->arena.envelopes[frame->slot];
    memset(envelope, 0, offsetof(struct eng_envelope, input_meta));
    envelope->frame_id = frame->row.frame_id;
    envelope->sequence = frame->row.sequence;
    envelope->seed = frame->row.seed;
    envelope->plan_token = frame->row.plan_token;
    envelope->capture_ns = frame->row.capture_ns;
    envelope->deadline_ns = frame->row.deadline_ns;
    envelope->grant = frame->grant;
    envelope->command = (uint32_t)(command - core->config.commands);
    envelope->input_count = frame->input_count;
    for (uint32_t i = 0; i < frame->input_count; i++)
        envelope->inputs[i] = pinned(core, frame->inputs[i]);
    memcpy(envelope->input_meta, frame->meta, (size_t)frame->input_count * ENG_META_BYTES);
    for (uint32_t r = 0; r < ENG_ROLES_MAX; r++) {
        if (command->reads >> r & 1)
            envelope->reads[r] = pinned(core, frame->roles[r]);
        if (command->reads_committed >> r & 1)
            envelope->committed[r] = pinned(core, session->committed[r]);
        if (command->writes >> r & 1)
            envelope->writes[r] = pinned(core, frame->roles[r]);
    }
}

static void push_hint(struct eng_core *core, uint32_t worker, struct eng_hint hint)
{
    eng_arena_push_hint(&core->arena, worker, hint); /* the scheduler looked for room before */
    core->wake_workers |= 1u << worker;
}

enum eng_reason eng_attempt_dispatch(struct eng_core *core, struct eng_frame *frame)
{
    sisp_assert(frame->state == ENG_FRAME_WAITING);
    uint32_t taken, worker = eng_attempt_command(core, frame)->worker;
    if (!acquire_writes(core, frame, &taken))
        return ENG_REASON_NO_BUFFER;
    if (frame->slot == ENG_NONE && eng_session_acquire(&core->sessions, frame->row.session,
                                       slots_kept_from(frame->path), frame->core, &frame->slot)) {
        drop_roles(core, frame, taken);
        return ENG_REASON_NO_SLOT;
    }
    uint64_t word = eng_attempt_token(core, frame->slot);
    frame->grant = (eng_token_grant(word) + 1) & ENG_TOKEN_GRANT_MASK;
    fill_envelope(core, frame);
    struct eng_token_args args = {.holder = eng_workforce_holder(core, worker)};
    bool ok = eng_arena_apply(&core->arena, frame->slot, ENG_EDGE_DISPATCH, &args);
    sisp_assert(ok);
    frame->state = ENG_FRAME_RUNNING;
    eng_handoff_push(core, frame, worker);
    eng_hardware_arm(&core->hardware, frame->slot, frame->grant);
    push_hint(core, worker, (struct eng_hint){.slot = frame->slot, .grant = frame->grant});
    return ENG_REASON_NONE;
}

static void unpin(struct eng_core *core, struct eng_handle *handle)
{
    if (handle->generation) {
        int error = eng_resource_unpin(&core->resources, *handle, ENG_HOLDER_ATTEMPT);
        sisp_assert(!error);
    }
    *handle = (struct eng_handle){0};
}

void eng_attempt_unpin(struct eng_core *core, uint32_t slot)
{
    struct eng_envelope *envelope = &core->arena.envelopes[slot];
    for (uint32_t i = 0; i < envelope->input_count; i++)
        unpin(core, &envelope->inputs[i]);
    for (uint32_t r = 0; r < ENG_ROLES_MAX; r++) {
        unpin(core, &envelope->reads[r]);
        unpin(core, &envelope->committed[r]);
        unpin(core, &envelope->writes[r]);
    }
}

void eng_attempt_return(struct eng_core *core, struct eng_frame *frame)
{
    sisp_assert(frame->slot != ENG_NONE);
    eng_attempt_unpin(core, frame->slot);
    eng_session_return(&core->sessions, frame->slot);
    frame->slot = ENG_NONE;
}

void eng_attempt_advance(struct eng_core *core, struct eng_frame *frame)
{
    bool ok = apply(core, frame->slot, ENG_EDGE_ADVANCE, frame->grant);
    sisp_assert(ok);
    eng_attempt_unpin(core, frame->slot);
}

bool eng_attempt_claim(struct eng_core *core, struct eng_frame *frame)
{
    sisp_assert(frame->state == ENG_FRAME_RUNNING && frame->slot != ENG_NONE);
    if (!apply(core, frame->slot, ENG_EDGE_CLAIM, frame->grant))
        return false;
    eng_handoff_resolve(core, frame->slot);
    eng_attempt_return(core, frame);
    frame->state = ENG_FRAME_WAITING;
    return true;
}

bool eng_attempt_steal(struct eng_core *core, struct eng_frame *frame)
{
    sisp_assert(frame->state == ENG_FRAME_RUNNING && frame->slot != ENG_NONE);
    uint32_t worker = core->handoff.slots[frame->slot].worker;
    /* Tell a worker that looks between tasks or waits for hardware to stop early, then take the
     * slot away. One that has abandoned it in between has let go already. */
    apply(core, frame->slot, ENG_EDGE_CANCEL, frame->grant);
    core->wake_workers |= 1u << worker;
    if (!apply(core, frame->slot, ENG_EDGE_STEAL, frame->grant) &&
        eng_token_state(eng_attempt_token(core, frame->slot)) == ENG_TOKEN_DONE)
        return false;
    eng_handoff_resolve(core, frame->slot);
    eng_monitor_add(core, frame, worker);
    frame->slot = ENG_NONE;
    frame->state = ENG_FRAME_WAITING;
    return true;
}
