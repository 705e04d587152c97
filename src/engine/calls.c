/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/calls.h"

#include "base/base.h"
#include "engine/config.h"
#include "engine/core.h"
#include "engine/floor.h"
#include <errno.h>

#define POLL_NS 500000u /* where a thread that leaves rings no bell */

static uint64_t gate_of(const struct eng_session *session)
{
    return atomic_load_explicit(&session->gate, memory_order_seq_cst);
}

static void set_gate(struct eng_session *session, uint32_t number, enum eng_session_phase phase)
{
    atomic_store_explicit(&session->gate, eng_session_word(number, phase), memory_order_seq_cst);
}

/* ---- open ----------------------------------------------------------------------------------- */

/* Each session keeps its newest inputs and what its consumer holds, and has its own two buffers on
 * the floor. */
static bool has_buffers(const struct eng_core *core, uint32_t sessions)
{
    const struct eng_config *config = &core->config;
    const struct eng_lane_config *lane = &config->lanes[ENG_LANE_FLOOR];
    if (config->pools[config->input_pool].count <= eng_config_inputs_kept(config) * sessions)
        return false;
    for (uint32_t s = 0; s < lane->stage_count; s++)
        for (uint32_t r = 0; r < ENG_ROLES_MAX; r++)
            if ((config->commands[lane->stages[s]].writes & config->deliver_roles) >> r & 1 &&
                config->pools[lane->role_pool[r]].count < ENG_FLOOR_BUFFERS_MIN * sessions)
                return false;
    return true;
}

static int open_session(struct eng_core *core, struct eng_call *call)
{
    uint32_t place = 0;
    while (place < ENG_SESSIONS_MAX &&
           eng_session_phase(gate_of(&core->places[place])) != ENG_SESSION_UNUSED)
        place++;
    if (core->stop_ns)
        return -ESHUTDOWN;
    if (place == ENG_SESSIONS_MAX)
        return -ENOSPC;
    struct eng_session *session = &core->places[place];
    uint32_t number = eng_session_number(gate_of(session));
    int error = has_buffers(core, core->session_count + 1) ? 0 : -EAGAIN;
    if (!error)
        error = eng_session_admit(&core->sessions, number, &call->config);
    if (error)
        return error;
    core->session_count++;
    call->session = number;
    set_gate(session, number, ENG_SESSION_OPEN);
    return 0;
}

/* ---- flush ------------------------------------------------------------------------------------
 */

/* Newest first, before a worker comes to what it has not started. */
static void flush_queue(struct eng_core *core, const struct eng_worker_record *worker,
    const struct eng_session *session)
{
    for (uint32_t i = worker->count; i-- > 0;) {
        struct eng_frame *frame = core->handoff.slots[worker->queue[i]].frame;
        if (eng_core_session(core, frame->row.session) == session)
            eng_scheduler_give_up(core, frame, ENG_CANCELLED, ENG_REASON_FLUSHED);
    }
}

void eng_calls_end_frames(struct eng_core *core, struct eng_session *session)
{
    for (uint32_t w = 0; w < core->config.worker_count; w++)
        flush_queue(core, &core->handoff.workers[w], session);
    for (uint32_t i = 0; i < core->frames.active_count; i++) {
        struct eng_frame *frame = eng_frame_at(&core->frames, i);
        if (eng_core_session(core, frame->row.session) == session &&
            frame->state != ENG_FRAME_ENDED)
            eng_scheduler_give_up(core, frame, ENG_CANCELLED, ENG_REASON_FLUSHED);
    }
}

/* Of the session in that place, and neither acknowledged nor in quarantine. */
static uint64_t stolen_slots(const struct eng_core *core, uint32_t place)
{
    uint64_t slots = 0;
    for (uint32_t i = 0; i < core->monitor.count; i++) {
        const struct eng_stolen *stolen = &core->monitor.stolen[i];
        if (!stolen->is_quarantined && core->sessions.slots[stolen->slot].owner == place)
            slots |= (uint64_t)1 << stolen->slot;
    }
    return slots;
}

static bool has_frames(const struct eng_core *core, const struct eng_call *call)
{
    for (uint32_t i = 0; i < core->frames.active_count; i++) {
        const struct eng_frame *frame = eng_frame_at(&core->frames, i);
        if (frame->row.session == call->session && frame->row.frame_id <= call->last_id)
            return true;
    }
    return false;
}

static int flush_result(struct eng_core *core, struct eng_call *call)
{
    call->stolen &= stolen_slots(core, call->session % ENG_SESSIONS_MAX);
    sisp_assert(!has_frames(core, call)); /* they ended at once, and so each had its turn */
    call->fences &= eng_fences_waiting(core, call->session);
    if (!call->stolen && !call->fences)
        return 0;
    return core->now_ns < call->deadline_ns ? -EINPROGRESS : -ETIMEDOUT;
}

static int drain_result(const struct eng_core *core, const struct eng_call *call)
{
    if (!has_frames(core, call))
        return 0;
    return core->now_ns < call->deadline_ns ? -EINPROGRESS : -ETIMEDOUT;
}

/* ---- close ------------------------------------------------------------------------------------
 */

/* Whether all credits are those of completions that nobody has read: no thread is between its
 * credit and its message. The credits are read first, since a reader gives its one back last. */
static bool is_quiet(const struct eng_session *session)
{
    uint32_t credits = atomic_load_explicit(&session->frames_in_flight, memory_order_seq_cst) +
                       atomic_load_explicit(&session->plans_in_flight, memory_order_seq_cst);
    uint64_t head = atomic_load_explicit(&session->ring.head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&session->ring.tail, memory_order_seq_cst);
    return credits == head - tail;
}

/* Nobody reads any more: what was not read goes home. */
static void discard_completions(struct eng_core *core, struct eng_session *session)
{
    uint32_t cell;
    while (eng_ring_peek(&session->ring, &cell)) {
        const struct eng_completion *completion = &session->completions[cell];
        struct eng_handle handles[ENG_ROLES_MAX] = {{0}};
        for (uint32_t r = 0; r < ENG_ROLES_MAX; r++)
            if (!eng_lending_pass(&core->lending, completion->handles[r], ENG_BORROWER_CONSUMER,
                    ENG_BORROWER_NONE))
                handles[r] = completion->handles[r];
        eng_completion_release(core, handles);
        atomic_fetch_sub_explicit(
            completion->row.plan_token ? &session->plans_in_flight : &session->frames_in_flight, 1,
            memory_order_seq_cst);
        eng_ring_pop(&session->ring);
    }
}

static void end_session(struct eng_core *core, struct eng_session *session, uint32_t number)
{
    discard_completions(core, session);
    eng_fusion_forget(core, session);
    eng_completion_forget(core, session);
    eng_session_dismiss(&core->sessions, number);
    session->written_held = session->inputs_held = 0; /* what is still held is in the handouts */
    core->session_count--;
    set_gate(session, number + ENG_SESSIONS_MAX, ENG_SESSION_UNUSED);
}

static int close_result(struct eng_core *core, struct eng_call *call)
{
    struct eng_session *session = eng_core_session(core, call->session);
    call->last_id = core->frames.next_id; /* also of those who were past the gate */
    if (eng_session_phase(gate_of(session)) == ENG_SESSION_CLOSING) {
        if (flush_result(core, call) == -EINPROGRESS || !is_quiet(session))
            return -EINPROGRESS;
        set_gate(session, call->session, ENG_SESSION_CLOSED);
        core->wake_consumers |= 1u << call->session % ENG_SESSIONS_MAX;
    }
    if (atomic_load_explicit(&session->is_reading, memory_order_seq_cst))
        return -EINPROGRESS;
    end_session(core, session, call->session);
    return 0;
}

/* ---- all ----------------------------------------------------------------------------------------
 */

void eng_calls_begin(struct eng_core *core, uint32_t index)
{
    struct eng_call *call = &core->calls.table[index];
    struct eng_session *session = eng_core_session(core, call->session);
    const struct eng_knobs *knobs = &core->config.knobs;
    core->calls.active |= 1u << index;
    call->last_id = core->frames.next_id;
    call->stolen = call->fences = 0;
    if (call->type != ENG_CALL_FLUSH && call->type != ENG_CALL_CLOSE)
        return;
    call->deadline_ns = core->now_ns + knobs->drain_grace_period_ns + knobs->escalation_timeout_ns;
    if (eng_session_number(gate_of(session)) != call->session)
        return; /* closed meanwhile: there is nothing to flush */
    session->epoch++;
    eng_calls_end_frames(core, session);
    call->stolen = stolen_slots(core, call->session % ENG_SESSIONS_MAX);
    call->fences = eng_fences_waiting(core, call->session);
}

static int result_of(struct eng_core *core, struct eng_call *call)
{
    switch (call->type) {
    case ENG_CALL_OPEN:
        return open_session(core, call);
    case ENG_CALL_CLOSE:
        return close_result(core, call);
    case ENG_CALL_FLUSH:
        return flush_result(core, call);
    case ENG_CALL_DRAIN:
        break;
    }
    return drain_result(core, call);
}

static uint64_t timer_of(const struct eng_core *core, const struct eng_call *call)
{
    return call->type == ENG_CALL_CLOSE ? core->now_ns + POLL_NS : call->deadline_ns;
}

uint64_t eng_calls_step(struct eng_core *core)
{
    struct eng_calls *calls = &core->calls;
    uint64_t timer_ns = UINT64_MAX;
    for (uint32_t active = calls->active; active; active &= active - 1) {
        uint32_t i = (uint32_t)__builtin_ctz(active);
        struct eng_call *call = &calls->table[i];
        call->result = result_of(core, call);
        uint64_t again_ns = core->now_ns; /* what it gave back may be waited for */
        if (call->result == -EINPROGRESS) {
            again_ns = timer_of(core, call);
        } else {
            calls->active &= ~(1u << i);
            core->wake_calls |= 1u << i;
            atomic_store_explicit(&call->state, ENG_CALL_DONE, memory_order_release);
        }
        timer_ns = again_ns < timer_ns ? again_ns : timer_ns;
    }
    return timer_ns;
}

static void check_session(const struct eng_core *core, uint32_t place)
{
    const struct eng_session *session = &core->places[place];
    uint32_t written_held = 0, inputs_held = 0;
    uint64_t gate = gate_of(session);
    bool is_used = eng_session_phase(gate) != ENG_SESSION_UNUSED;
    sisp_assert(eng_session_number(gate) % ENG_SESSIONS_MAX == place);
    sisp_assert(core->sessions.shares[place].is_open == is_used);
    sisp_assert(session->history_count <= (is_used ? core->config.history_count : 0));
    for (uint32_t l = 0; l < ENG_LANE_COUNT; l++)
        sisp_assert(session->published[l] <= session->enlisted[l]);
    for (uint32_t i = 0; i < core->dispatcher.handout_count; i++) {
        const struct eng_handout *handout = &core->dispatcher.handouts[i];
        if (handout->session != eng_session_number(gate))
            continue;
        written_held += handout->has_written;
        inputs_held += handout->has_input;
    }
    sisp_assert(written_held == session->written_held && inputs_held == session->inputs_held);
    sisp_assert(inputs_held <= core->config.inputs_held_max);
}

void eng_calls_check(const struct eng_core *core)
{
    uint32_t used = 0;
    for (uint32_t p = 0; p < ENG_SESSIONS_MAX; p++) {
        check_session(core, p);
        used += eng_session_phase(gate_of(&core->places[p])) != ENG_SESSION_UNUSED;
    }
    sisp_assert(used == core->session_count);
    for (uint32_t i = 0; i < core->frames.active_count; i++) {
        const struct eng_frame *frame = eng_frame_at(&core->frames, i);
        const struct eng_session *session = &core->places[frame->row.session % ENG_SESSIONS_MAX];
        sisp_assert(eng_session_number(gate_of(session)) == frame->row.session);
        sisp_assert(frame->epoch <= session->epoch);
        /* Of an earlier epoch only what has ended and waits for its turn is left. */
        sisp_assert(frame->epoch == session->epoch || frame->state == ENG_FRAME_ENDED);
    }
}
