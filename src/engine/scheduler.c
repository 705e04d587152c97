/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/scheduler.h"

#include "base/base.h"
#include "engine/attempt.h"
#include <string.h>

/* ---- falling back ------------------------------------------------------------------------- */

static const char *last_command_name(const struct eng_core *core, enum eng_lane path)
{
    const struct eng_lane_config *lane = &core->config.lanes[path];
    sisp_assert(lane->stage_count > 0);
    return core->config.commands[lane->stages[lane->stage_count - 1]].name;
}

static enum eng_outcome outcome_without_floor(enum eng_reason reason)
{
    switch (reason) {
    case ENG_REASON_DEADLINE:
    case ENG_REASON_WORKER_HUNG:
        return ENG_LATE;
    case ENG_REASON_WORKER_FAILED:
        return ENG_FAILED;
    default:
        return ENG_DROPPED;
    }
}

/* What the failed path left in the row is not what the result is made of. */
static void forget_path(struct eng_core *core, struct eng_frame *frame)
{
    struct eng_row *row = &frame->row;
    eng_completion_drop_roles(core, frame);
    row->started_ns = row->finished_ns = row->bytes_copied = 0;
    row->timing_count = row->isa = row->threads = 0;
    row->worker = "";
    row->input = row->param = row->output = (struct eng_digest){0};
}

/* The floor's queue holds one frame of each session, and the newest wins. */
static void supersede(struct eng_core *core, uint32_t session)
{
    struct eng_frame *newest = NULL;
    for (uint32_t i = 0; i < core->frames.active_count; i++) {
        struct eng_frame *frame = eng_frame_at(&core->frames, i);
        if (frame->path != ENG_LANE_FLOOR || frame->state != ENG_FRAME_WAITING || frame->stage ||
            frame->row.session != session)
            continue;
        if (newest)
            eng_completion_end(core, newest, ENG_DROPPED, ENG_REASON_SUPERSEDED);
        newest = frame; /* active frames stand oldest first */
    }
}

static void fall_back(struct eng_core *core, struct eng_frame *frame, enum eng_reason reason)
{
    sisp_assert(frame->state == ENG_FRAME_WAITING && frame->path == ENG_LANE_FAST);
    if (core->config.lanes[ENG_LANE_FLOOR].stage_count == 0) {
        eng_completion_end(core, frame, outcome_without_floor(reason), reason);
        return;
    }
    if (frame->slot != ENG_NONE)
        eng_attempt_return(core, frame);
    forget_path(core, frame);
    frame->row.fallback_used = true;
    frame->row.fallback_from = last_command_name(core, ENG_LANE_FAST);
    frame->row.fallback_to = last_command_name(core, ENG_LANE_FLOOR);
    frame->row.fallback_reason = reason;
    frame->path = ENG_LANE_FLOOR;
    frame->stage = 0;
    frame->attempt_deadline_ns = frame->row.deadline_ns;
    supersede(core, frame->row.session);
}

void eng_scheduler_admit(struct eng_core *core, struct eng_frame *frame)
{
    const struct eng_lane_config *lane = &core->config.lanes[frame->row.lane];
    uint64_t deadline_ns = frame->row.deadline_ns;
    uint64_t budget_ns =
        frame->row.lane == ENG_LANE_FAST && core->config.lanes[ENG_LANE_FLOOR].stage_count
            ? core->config.knobs.floor_budget_ns
            : 0;
    frame->path = frame->row.lane;
    frame->state = ENG_FRAME_WAITING;
    eng_completion_enlist(core, frame);
    if (deadline_ns)
        frame->attempt_deadline_ns = deadline_ns > budget_ns ? deadline_ns - budget_ns : 1;
    if (core->is_flushed)
        eng_completion_end(core, frame, ENG_CANCELLED, ENG_REASON_FLUSHED);
    else if (frame->path == ENG_LANE_FAST &&
             eng_frame_depth(&core->frames, frame->row.session, ENG_LANE_FAST) > lane->capacity)
        fall_back(core, frame, ENG_REASON_LANE_FULL);
    else if (eng_frame_depth(&core->frames, frame->row.session, frame->path) > lane->capacity)
        eng_completion_end(core, frame, ENG_DROPPED, ENG_REASON_LANE_FULL);
}

/* ---- collecting ----------------------------------------------------------------------------- */

/* Rows end in text files: a name is what a field of those can hold. */
static void take_timing(struct eng_timing *taken, const struct eng_timing *given)
{
    *taken = *given;
    taken->name[ENG_TIMING_NAME_BYTES - 1] = 0;
    for (char *c = taken->name; *c; c++)
        if (*c <= ' ' || *c > '~' || strchr(",;=\"\\", *c))
            *c = '?';
}

/* What a worker says is input: counts, codes and names are forced into their ranges. */
static void take_result(struct eng_frame *frame, const struct eng_command_config *command,
    struct eng_work_result *work, bool is_last)
{
    struct eng_row *row = &frame->row;
    struct eng_result *result = &work->result;
    if (result->timing_count > ENG_TIMINGS_MAX)
        result->timing_count = ENG_TIMINGS_MAX;
    for (uint32_t i = 0; i < result->timing_count && row->timing_count < ENG_TIMINGS_MAX; i++)
        take_timing(&row->timings[row->timing_count++], &result->timings[i]);
    if (!row->started_ns)
        row->started_ns = work->started_ns;
    row->finished_ns = work->finished_ns;
    row->bytes_copied += result->bytes_copied;
    if (result->input.high | result->input.low)
        row->input = result->input;
    if (result->param.high | result->param.low)
        row->param = result->param;
    if (result->output.high | result->output.low)
        row->output = result->output;
    row->isa = result->isa;
    row->threads = result->threads;
    if (is_last)
        row->worker = command->name;
}

static void stage_failed(struct eng_core *core, struct eng_frame *frame)
{
    eng_attempt_advance(core, frame);
    frame->state = ENG_FRAME_WAITING;
    if (frame->path == ENG_LANE_FAST)
        fall_back(core, frame, ENG_REASON_WORKER_FAILED);
    else
        eng_completion_end(core, frame, ENG_FAILED, ENG_REASON_WORKER_FAILED);
}

static void stage_done(struct eng_core *core, struct eng_frame *frame)
{
    const struct eng_command_config *command = eng_attempt_command(core, frame);
    struct eng_work_result work = core->arena.items[frame->slot].work;
    eng_handoff_resolve(core, frame->slot);
    if (work.result.status != 0) {
        stage_failed(core, frame);
        return;
    }
    bool is_last = frame->stage + 1 == core->config.lanes[frame->path].stage_count;
    take_result(frame, command, &work, is_last);
    if (!is_last) {
        eng_attempt_advance(core, frame);
        /* It was done just when it was asked to end: that mark goes with the slot. */
        if (eng_attempt_token(core, frame->slot) & ENG_TOKEN_CANCEL)
            eng_attempt_return(core, frame);
        frame->state = ENG_FRAME_WAITING;
        frame->stage++;
    } else if (frame->row.deadline_ns && work.finished_ns > frame->row.deadline_ns) {
        eng_attempt_advance(core, frame);
        eng_completion_end(core, frame, ENG_LATE, ENG_REASON_DEADLINE);
    } else {
        /* The slot stays DONE until the stream's order lets the dispatcher publish it. */
        eng_completion_end(core, frame, ENG_DELIVERED, frame->row.fallback_reason);
    }
}

static void collect(struct eng_core *core)
{
    for (uint32_t i = 0; i < core->frames.active_count; i++) {
        struct eng_frame *frame = eng_frame_at(&core->frames, i);
        if (frame->state != ENG_FRAME_RUNNING)
            continue;
        uint64_t word = eng_attempt_token(core, frame->slot);
        sisp_assert(eng_token_grant(word) == frame->grant);
        if (eng_token_state(word) == ENG_TOKEN_DONE)
            stage_done(core, frame);
    }
}

/* ---- detaching and expiring -------------------------------------------------------------------
 */

/* The path that the frame was on has failed it: to the floor, where there is time and one. */
static void leave_path(struct eng_core *core, struct eng_frame *frame, enum eng_reason reason)
{
    bool is_late = frame->row.deadline_ns && core->now_ns >= frame->row.deadline_ns;
    if (frame->path == ENG_LANE_FAST && !is_late)
        fall_back(core, frame, reason);
    else
        eng_completion_end(core, frame, is_late ? ENG_LATE : ENG_FAILED, reason);
}

static void tell_detached(
    struct eng_core *core, uint32_t worker, enum eng_reason reason, uint32_t claimed)
{
    struct eng_event event = eng_event_at(ENG_EVENT_WORKER_DETACHED, core->now_ns);
    event.worker = worker;
    event.reason = reason;
    event.number = claimed;
    eng_telemetry_event(&core->telemetry, &event);
}

void eng_scheduler_detach(struct eng_core *core, uint32_t worker, enum eng_reason reason)
{
    struct eng_worker_record *record = &core->handoff.workers[worker];
    tell_detached(core, worker, reason, eng_handoff_claim(core, worker));
    if (record->lost == 0 && record->count == 0)
        record->is_suspect = record->is_silent = true; /* it has not even started */
    for (struct eng_frame *frame; (frame = eng_handoff_oldest(core, worker));) {
        /* Never so with a worker that keeps the order; a broken process may not. */
        if (eng_attempt_claim(core, frame))
            continue;
        bool has_hw = eng_attempt_token(core, frame->slot) & ENG_TOKEN_HW_BUSY;
        if (eng_attempt_steal(core, frame)) {
            /* While hardware works its worker only waits, and answers at once. */
            record->is_suspect |= !has_hw && record->lost > 0;
            leave_path(core, frame, reason);
        } else {
            stage_done(core, frame);
        }
    }
}

void eng_scheduler_give_up(struct eng_core *core, struct eng_frame *frame, enum eng_outcome outcome,
    enum eng_reason reason)
{
    if (frame->state == ENG_FRAME_RUNNING && !eng_attempt_claim(core, frame) &&
        !eng_attempt_steal(core, frame)) {
        eng_handoff_resolve(core, frame->slot);
        eng_attempt_advance(core, frame);
        frame->state = ENG_FRAME_WAITING;
    }
    eng_completion_end(core, frame, outcome, reason);
}

/* The attempt's time has passed. A worker that has started it is late or hung. */
static void expire_frame(struct eng_core *core, struct eng_frame *frame)
{
    if (frame->state == ENG_FRAME_RUNNING && !eng_attempt_claim(core, frame))
        eng_scheduler_detach(core, core->handoff.slots[frame->slot].worker, ENG_REASON_WORKER_HUNG);
    if (eng_frame_is_open(frame) && core->now_ns >= frame->attempt_deadline_ns)
        leave_path(core, frame, ENG_REASON_DEADLINE);
}

static bool has_expired(const struct eng_core *core, const struct eng_frame *frame)
{
    return eng_frame_is_open(frame) && frame->attempt_deadline_ns &&
           core->now_ns >= frame->attempt_deadline_ns;
}

static void expire(struct eng_core *core)
{
    for (uint32_t hung = eng_handoff_watch(core); hung; hung &= hung - 1)
        eng_scheduler_detach(core, (uint32_t)__builtin_ctz(hung), ENG_REASON_WORKER_HUNG);
    for (uint32_t i = 0; i < core->frames.active_count; i++) {
        struct eng_frame *frame = eng_frame_at(&core->frames, i);
        if (has_expired(core, frame))
            expire_frame(core, frame);
    }
}

/* ---- dispatching ------------------------------------------------------------------------------
 */

static uint32_t written_roles(const struct eng_core *core, enum eng_lane path)
{
    const struct eng_lane_config *lane = &core->config.lanes[path];
    uint32_t roles = 0;
    for (uint32_t s = 0; s < lane->stage_count; s++)
        roles |= core->config.commands[lane->stages[s]].writes;
    return roles;
}

/* Whether an earlier frame of the stream may yet commit what this one would read: then it waits,
 * so that what it reads does not depend on who was faster. */
static bool awaits_commit(const struct eng_core *core, const struct eng_frame *frame)
{
    uint32_t roles = eng_attempt_command(core, frame)->reads_committed & core->config.commit_roles;
    if (!(roles & written_roles(core, frame->path)))
        return false;
    for (uint32_t i = 0; i < core->frames.active_count; i++) {
        const struct eng_frame *other = eng_frame_at(&core->frames, i);
        bool may_commit = eng_frame_is_open(other) ||
                          (other->state == ENG_FRAME_ENDED && other->row.outcome == ENG_DELIVERED);
        if (may_commit && other->row.session == frame->row.session &&
            other->row.lane == frame->row.lane && other->order < frame->order &&
            (roles & written_roles(core, other->path)))
            return true;
    }
    return false;
}

static bool can_go(const struct eng_core *core, const struct eng_frame *frame, enum eng_lane path)
{
    return frame->state == ENG_FRAME_WAITING && frame->path == path && !frame->fence &&
           eng_handoff_has_room(core, eng_attempt_command(core, frame)->worker) &&
           !awaits_commit(core, frame);
}

static uint64_t urgency(const struct eng_frame *frame)
{
    return frame->row.deadline_ns ? frame->row.deadline_ns : UINT64_MAX;
}

/* Earliest deadline first; among equals the oldest. */
static struct eng_frame *pick(struct eng_core *core, enum eng_lane path)
{
    struct eng_frame *best = NULL;
    for (uint32_t i = 0; i < core->frames.active_count; i++) {
        struct eng_frame *frame = eng_frame_at(&core->frames, i);
        if (can_go(core, frame, path) && (!best || urgency(frame) < urgency(best)))
            best = frame;
    }
    return best;
}

/* A suspect worker gets nothing: its frames take the next choice at once. There is none after the
 * floor: there a frame waits until its deadline, while it is the newest. */
static void leave_suspects(struct eng_core *core)
{
    for (uint32_t i = 0; i < core->frames.active_count; i++) {
        struct eng_frame *frame = eng_frame_at(&core->frames, i);
        if (frame->state != ENG_FRAME_WAITING)
            continue;
        uint32_t index = eng_attempt_command(core, frame)->worker;
        const struct eng_worker_record *worker = &core->handoff.workers[index];
        if (worker->is_suspect && frame->path == ENG_LANE_FAST)
            fall_back(core, frame, ENG_REASON_WORKER_HUNG);
        else if (frame->path == ENG_LANE_FAST && !eng_workforce_is_ready(core, index))
            fall_back(core, frame, ENG_REASON_WORKER_DIED);
        else if (eng_workforce_is_gone(core, index))
            eng_completion_end(core, frame, ENG_FAILED, ENG_REASON_WORKER_DIED);
        else if (worker->is_quarantined)
            eng_completion_end(core, frame, ENG_FAILED, ENG_REASON_WORKER_HUNG);
    }
}

static void dispatch(struct eng_core *core, enum eng_lane path)
{
    for (struct eng_frame *frame; (frame = pick(core, path));) {
        enum eng_reason reason = eng_attempt_dispatch(core, frame);
        if (reason == ENG_REASON_NONE)
            continue;
        if (path == ENG_LANE_FAST)
            fall_back(core, frame, reason);
        else if (path == ENG_LANE_FLOOR)
            eng_completion_end(core, frame, ENG_DROPPED, reason);
        else
            break; /* a batch waits until something is given back */
    }
}

void eng_scheduler_step(struct eng_core *core)
{
    collect(core);
    expire(core);
    leave_suspects(core);
    /* What the stream's order allows leaves first, so that the next dispatch reads the newest
     * committed versions, whatever the timing. */
    eng_completion_step(core);
    dispatch(core, ENG_LANE_FAST);
    dispatch(core, ENG_LANE_FLOOR);
    dispatch(core, ENG_LANE_BACKGROUND);
}

uint64_t eng_scheduler_timer_ns(const struct eng_core *core)
{
    uint64_t timer_ns = UINT64_MAX;
    for (uint32_t i = 0; i < core->frames.active_count; i++) {
        const struct eng_frame *frame = eng_frame_at(&core->frames, i);
        if (eng_frame_is_open(frame) && frame->attempt_deadline_ns &&
            frame->attempt_deadline_ns < timer_ns)
            timer_ns = frame->attempt_deadline_ns;
    }
    return timer_ns;
}
