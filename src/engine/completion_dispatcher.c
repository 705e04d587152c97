/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/completion_dispatcher.h"

#include "base/base.h"
#include "engine/attempt.h"
#include "engine/floor.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int eng_completion_dispatcher_init(
    struct eng_completion_dispatcher *dispatcher, uint32_t buffer_count)
{
    *dispatcher = (struct eng_completion_dispatcher){0};
    dispatcher->handouts = calloc(buffer_count, sizeof(*dispatcher->handouts));
    dispatcher->handout_of = calloc(buffer_count, sizeof(*dispatcher->handout_of));
    return dispatcher->handouts && dispatcher->handout_of ? 0 : -ENOMEM;
}

void eng_completion_dispatcher_finish(struct eng_completion_dispatcher *dispatcher)
{
    free(dispatcher->handouts);
    free(dispatcher->handout_of);
    dispatcher->handouts = NULL;
    dispatcher->handout_of = NULL;
}

static struct eng_session *session_of(struct eng_core *core, const struct eng_frame *frame)
{
    return eng_core_session(core, frame->row.session);
}

void eng_completion_enlist(struct eng_core *core, struct eng_frame *frame)
{
    sisp_assert(frame->order == ENG_ORDER_NONE);
    frame->order = session_of(core, frame)->enlisted[frame->row.lane]++;
}

void eng_completion_drop_roles(struct eng_core *core, struct eng_frame *frame)
{
    for (uint32_t r = 0; r < ENG_ROLES_MAX; r++) {
        if (!frame->roles[r].generation)
            continue;
        int error = eng_resource_unpin(&core->resources, frame->roles[r], ENG_HOLDER_FRAME);
        sisp_assert(!error);
        frame->roles[r] = (struct eng_handle){0};
    }
}

/* Until it is published, to be handed out. Who cancels wants nothing of the frame, and a device
 * that has not signalled still writes, or never has. Several frames of a burst have been handed out
 * each by itself, and once only: so an input is with one consumer at most. */
static bool keeps_input(
    const struct eng_core *core, const struct eng_frame *frame, enum eng_outcome outcome)
{
    return core->config.input_roles && outcome != ENG_CANCELLED && !frame->is_plan &&
           !frame->fence && frame->row.reason != ENG_REASON_FENCE_FAILED;
}

static void drop_inputs(struct eng_core *core, struct eng_frame *frame)
{
    enum eng_holder holder = frame->is_plan ? ENG_HOLDER_PLAN : ENG_HOLDER_FRAME;
    for (uint32_t i = 0; i < frame->input_count; i++) {
        int error = eng_resource_unpin(&core->resources, frame->inputs[i], holder);
        sisp_assert(!error);
    }
    frame->input_count = 0;
}

void eng_completion_end(struct eng_core *core, struct eng_frame *frame, enum eng_outcome outcome,
    enum eng_reason reason)
{
    sisp_assert(frame->state != ENG_FRAME_UNUSED && frame->state != ENG_FRAME_ENDED);
    sisp_assert((outcome == ENG_DELIVERED) <= (frame->slot != ENG_NONE));
    frame->state = ENG_FRAME_ENDED;
    frame->row.outcome = outcome;
    frame->row.reason = reason;
    if (!keeps_input(core, frame, outcome))
        drop_inputs(core, frame);
    if (frame->fence)
        eng_fences_leave(core, frame);
    if (outcome != ENG_DELIVERED) {
        eng_completion_drop_roles(core, frame);
        if (frame->slot != ENG_NONE)
            eng_attempt_return(core, frame);
    }
    if (frame->is_plan)
        eng_fusion_complete(core, frame);
}

/* ---- handing out ---------------------------------------------------------------------------- */

static bool is_handed_out(const struct eng_core *core, const struct eng_frame *frame, uint32_t role)
{
    return (core->config.deliver_roles >> role & 1) && frame->roles[role].generation;
}

/* A consumer may hold so many pictures, and never the floor's last buffer of its session. */
static bool has_consumer_room(struct eng_core *core, const struct eng_frame *frame)
{
    bool hands_out = false;
    for (uint32_t r = 0; r < ENG_ROLES_MAX; r++) {
        if (!is_handed_out(core, frame, r))
            continue;
        hands_out = true;
        uint32_t pool = core->config.lanes[frame->path].role_pool[r];
        if (frame->path == ENG_LANE_FLOOR &&
            !eng_floor_may_hand_out(core, frame->row.session, pool))
            return false;
    }
    return !hands_out ||
           session_of(core, frame)->written_held < core->config.knobs.consumer_pins_max;
}

static void commit(struct eng_core *core, const struct eng_frame *frame)
{
    struct eng_session *session = session_of(core, frame);
    for (uint32_t r = 0; r < ENG_ROLES_MAX; r++) {
        if (!(core->config.commit_roles >> r & 1) || !frame->roles[r].generation)
            continue;
        struct eng_handle *committed = &session->committed[r];
        if (committed->generation)
            eng_resource_unpin(&core->resources, *committed, ENG_HOLDER_COMMITTED);
        int error = eng_resource_pin(&core->resources, frame->roles[r], ENG_HOLDER_COMMITTED);
        sisp_assert(!error);
        *committed = frame->roles[r];
    }
}

static void lend(struct eng_core *core, struct eng_completion *completion,
    struct eng_handout *handout, uint32_t role, struct eng_handle handle)
{
    struct eng_completion_dispatcher *dispatcher = &core->dispatcher;
    int error = eng_resource_pin(&core->resources, handle, ENG_HOLDER_CONSUMER);
    sisp_assert(!error);
    completion->delivered[role] = eng_resource_span(&core->resources, handle);
    completion->handles[role] = handout->handles[role] = handle;
    dispatcher->handout_of[handle.index] = dispatcher->handout_count;
    handout->pins++;
    eng_lending_lend(&core->lending, handle, ENG_BORROWER_CONSUMER);
}

/* What its stages wrote, if it is delivered, and its own input. */
static void hand_out(
    struct eng_core *core, const struct eng_frame *frame, struct eng_completion *completion)
{
    struct eng_completion_dispatcher *dispatcher = &core->dispatcher;
    struct eng_session *session = session_of(core, frame);
    struct eng_handout handout = {.session = frame->row.session, .since_ns = core->now_ns};
    for (uint32_t r = 0; r < ENG_ROLES_MAX && frame->row.outcome == ENG_DELIVERED; r++)
        if (is_handed_out(core, frame, r))
            lend(core, completion, &handout, r, frame->roles[r]);
    handout.has_written = handout.pins > 0;
    handout.has_input = frame->input_count > 0 && frame->epoch == session->epoch &&
                        session->inputs_held < core->config.inputs_held_max;
    if (handout.has_input)
        lend(core, completion, &handout, (uint32_t)__builtin_ctz(core->config.input_roles),
            frame->inputs[0]);
    if (!handout.pins)
        return;
    sisp_assert(dispatcher->handout_count < core->resources.buffer_count);
    dispatcher->handouts[dispatcher->handout_count++] = handout;
    session->written_held += handout.has_written;
    session->inputs_held += handout.has_input;
}

/* ---- publishing -------------------------------------------------------------------------------
 */

/* What the result was made with: written by the frame, or committed before. */
static struct eng_span blob_of(const struct eng_core *core, const struct eng_frame *frame)
{
    uint32_t role = core->config.blob_role;
    if (role == ENG_NONE || frame->row.outcome != ENG_DELIVERED)
        return (struct eng_span){0};
    struct eng_handle handle = frame->roles[role];
    if (!handle.generation)
        handle = core->arena.envelopes[frame->slot].committed[role];
    return eng_resource_span(&core->resources, handle);
}

static void leave_slot(struct eng_core *core, struct eng_frame *frame, enum eng_edge edge)
{
    struct eng_token_args args = {.grant = frame->grant};
    bool ok = eng_arena_apply(&core->arena, frame->slot, edge, &args);
    sisp_assert(ok);
}

static void deliver(struct eng_core *core, struct eng_frame *frame)
{
    if (!has_consumer_room(core, frame)) {
        frame->row.outcome = ENG_DROPPED;
        frame->row.reason = ENG_REASON_CONSUMER_FULL;
        leave_slot(core, frame, ENG_EDGE_ADVANCE);
        return;
    }
    leave_slot(core, frame, ENG_EDGE_PUBLISH);
    commit(core, frame);
}

/* Its session was flushed while it waited for its turn. */
static void refuse_epoch(struct eng_core *core, struct eng_frame *frame)
{
    frame->row.outcome = ENG_CANCELLED;
    frame->row.reason = ENG_REASON_FLUSHED;
    leave_slot(core, frame, ENG_EDGE_ADVANCE);
    struct eng_event event = eng_event_at(ENG_EVENT_PACKET_EPOCH_MISMATCH, core->now_ns);
    event.session = frame->row.session;
    event.frame_id = frame->row.frame_id;
    event.grant = frame->grant;
    event.slot = frame->slot;
    event.reason = ENG_REASON_FLUSHED;
    eng_telemetry_event(&core->telemetry, &event);
}

static void publish(struct eng_core *core, struct eng_frame *frame)
{
    struct eng_session *session = session_of(core, frame);
    uint32_t cell;
    bool ok = eng_ring_reserve(&session->ring, &cell);
    sisp_assert(ok); /* a credit is held until the consumer has popped */
    struct eng_completion *completion = &session->completions[cell];
    memset(completion, 0, sizeof(*completion));
    if (frame->row.outcome == ENG_DELIVERED && frame->epoch != session->epoch)
        refuse_epoch(core, frame);
    else if (frame->row.outcome == ENG_DELIVERED)
        deliver(core, frame);
    hand_out(core, frame, completion);
    drop_inputs(core, frame);
    frame->row.zero_copy = frame->row.outcome == ENG_DELIVERED && frame->row.bytes_copied == 0;
    frame->row.published_ns = core->now_ns;
    eng_telemetry_emit(&core->telemetry, &frame->row, blob_of(core, frame));
    completion->row = frame->row;
    completion->cookie = frame->cookie;
    eng_completion_drop_roles(core, frame);
    if (frame->slot != ENG_NONE)
        eng_attempt_return(core, frame);
    if (frame->order != ENG_ORDER_NONE)
        session->published[frame->row.lane]++;
    eng_frame_give(&core->frames, frame);
    eng_ring_push(&session->ring);
    core->dispatcher.completed++;
    core->wake_consumers |= 1u << (session - core->places);
}

static bool has_turn(struct eng_core *core, const struct eng_frame *frame)
{
    return frame->state == ENG_FRAME_ENDED &&
           (frame->order == ENG_ORDER_NONE ||
               frame->order == session_of(core, frame)->published[frame->row.lane]);
}

void eng_completion_step(struct eng_core *core)
{
    for (uint32_t i = 0; i < core->frames.active_count;) {
        struct eng_frame *frame = eng_frame_at(&core->frames, i);
        if (has_turn(core, frame)) {
            publish(core, frame);
            i = 0; /* a plan enlists later than it was created: look at all again */
        } else {
            i++;
        }
    }
}

/* ---- giving back ------------------------------------------------------------------------------
 */

/* Whoever gives back may have put the handle of one role in another's place. */
static void drop_handle(struct eng_handout *handout, struct eng_handle handle)
{
    for (uint32_t r = 0; r < ENG_ROLES_MAX; r++)
        if (handout->handles[r].index == handle.index && handout->handles[r].generation)
            handout->handles[r] = (struct eng_handle){0};
}

/* The last handout takes the place of the one that ended. */
static void end_handout(struct eng_core *core, uint32_t index)
{
    struct eng_completion_dispatcher *dispatcher = &core->dispatcher;
    struct eng_handout *handout = &dispatcher->handouts[index];
    struct eng_session *session = eng_core_session(core, handout->session);
    /* What a closed session's consumer holds is not counted against the next one in its place. */
    if (eng_session_number(session->gate) == handout->session) {
        session->written_held -= handout->has_written;
        session->inputs_held -= handout->has_input;
    }
    *handout = dispatcher->handouts[--dispatcher->handout_count];
    for (uint32_t r = 0; r < ENG_ROLES_MAX; r++)
        if (handout->handles[r].generation)
            dispatcher->handout_of[handout->handles[r].index] = index;
}

void eng_completion_release(struct eng_core *core, const struct eng_handle handles[ENG_ROLES_MAX])
{
    struct eng_completion_dispatcher *dispatcher = &core->dispatcher;
    for (uint32_t r = 0; r < ENG_ROLES_MAX; r++) {
        if (!handles[r].generation)
            continue;
        uint32_t index = dispatcher->handout_of[handles[r].index];
        struct eng_handout *handout = &dispatcher->handouts[index];
        /* The lending word let it through once. */
        sisp_assert(index < dispatcher->handout_count && handout->pins > 0);
        int error = eng_resource_unpin(&core->resources, handles[r], ENG_HOLDER_CONSUMER);
        sisp_assert(!error);
        drop_handle(handout, handles[r]);
        if (--handout->pins == 0)
            end_handout(core, index);
    }
}

void eng_completion_forget(struct eng_core *core, struct eng_session *session)
{
    for (uint32_t r = 0; r < ENG_ROLES_MAX; r++) {
        struct eng_handle *committed = &session->committed[r];
        if (committed->generation)
            eng_resource_unpin(&core->resources, *committed, ENG_HOLDER_COMMITTED);
        *committed = (struct eng_handle){0};
    }
}

uint64_t eng_completion_leases(struct eng_core *core)
{
    uint64_t timer_ns = UINT64_MAX;
    for (uint32_t i = 0; i < core->dispatcher.handout_count; i++) {
        struct eng_handout *handout = &core->dispatcher.handouts[i];
        uint64_t end_ns = handout->since_ns + core->config.knobs.lease_ns;
        if (handout->is_reported)
            continue;
        if (core->now_ns < end_ns) {
            timer_ns = end_ns < timer_ns ? end_ns : timer_ns;
            continue;
        }
        handout->is_reported = true;
        struct eng_event event = eng_event_at(ENG_EVENT_LEASE_EXPIRED, core->now_ns);
        event.session = handout->session;
        event.number = handout->pins;
        eng_telemetry_event(&core->telemetry, &event);
    }
    return timer_ns;
}
