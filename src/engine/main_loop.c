/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/main_loop.h"

#include "base/base.h"
#include "engine/housekeeper.h"
#include <errno.h>
#include <string.h>

static size_t blob_bytes(const struct eng_config *config)
{
    size_t bytes = 0;
    for (uint32_t l = 0; l < ENG_LANE_COUNT && config->blob_role != ENG_NONE; l++) {
        uint32_t pool = config->lanes[l].role_pool[config->blob_role];
        if (config->lanes[l].stage_count && pool < config->pool_count)
            bytes = base_max_size(bytes, config->pools[pool].size_bytes);
    }
    return bytes;
}

/* Pushes never fail: each message holds a credit, or is one buffer's one return. */
static int init_queues(struct eng_core *core, uint32_t credits)
{
    uint32_t buffers = core->resources.buffer_count;
    int error = eng_inbox_init(&core->inbox,
        (credits + ENG_CANCELS_MAX) * ENG_SESSIONS_MAX + buffers + ENG_CALLS_MAX +
            2 * ENG_WORKERS_MAX,
        sizeof(struct eng_message));
    if (!error)
        error = eng_inbox_init(&core->supply, buffers, sizeof(struct eng_handle));
    if (!error)
        error = eng_lending_init(&core->lending, buffers);
    return error;
}

static int init_sessions(struct eng_core *core, uint32_t credits)
{
    int error = 0;
    for (uint32_t p = 0; p < ENG_SESSIONS_MAX && !error; p++) {
        error = eng_session_init(&core->places[p], credits);
        atomic_init(&core->places[p].gate, eng_session_word(p, ENG_SESSION_UNUSED));
    }
    if (!error)
        error = eng_session_admit(&core->sessions, 0, &(struct eng_session_config){0});
    atomic_init(&core->places[0].gate, eng_session_word(0, ENG_SESSION_OPEN));
    core->session_count = 1;
    return error;
}

int eng_core_init(struct eng_core *core, uint32_t credits)
{
    const struct eng_config *config = &core->config;
    int error = eng_arena_init(&core->arena, (uint32_t)config->knobs.slots, config->worker_count);
    if (error)
        return error;
    eng_session_manager_init(&core->sessions, &core->arena, &config->knobs);
    eng_hardware_init(&core->hardware, core->arena.item_count);
    eng_workforce_init(core);
    error = eng_resource_manager_init(&core->resources, config->pools, config->pool_count,
        config->input_pool, config->knobs.quota_bytes);
    if (!error)
        error = init_queues(core, credits);
    if (!error)
        error = eng_imports_init(&core->imports, config);
    if (!error)
        error = eng_frame_table_init(&core->frames, credits * ENG_SESSIONS_MAX);
    if (!error)
        error = init_sessions(core, credits);
    if (!error)
        error = eng_completion_dispatcher_init(&core->dispatcher, core->resources.buffer_count);
    if (!error)
        error = eng_telemetry_init(&core->telemetry, blob_bytes(config));
    if (error)
        eng_core_finish(core);
    return error;
}

/* Every part may be finished although it was not initialised: the core starts as zeros. */
void eng_core_finish(struct eng_core *core)
{
    eng_telemetry_finish(&core->telemetry);
    eng_completion_dispatcher_finish(&core->dispatcher);
    for (uint32_t p = 0; p < ENG_SESSIONS_MAX; p++)
        eng_session_finish(&core->places[p]);
    eng_frame_table_finish(&core->frames);
    eng_imports_finish(&core->imports);
    eng_lending_finish(&core->lending);
    eng_inbox_finish(&core->supply);
    eng_inbox_finish(&core->inbox);
    eng_resource_manager_finish(&core->resources);
    eng_arena_finish(&core->arena);
}

/* ---- messages ------------------------------------------------------------------------------- */

/* Whom the close of its session overtook between its credit and its message. */
static void end_if_closing(struct eng_core *core, struct eng_frame *frame)
{
    struct eng_session *session = eng_core_session(core, frame->row.session);
    uint64_t gate = atomic_load_explicit(&session->gate, memory_order_seq_cst);
    sisp_assert(eng_session_number(gate) == frame->row.session); /* its credit keeps the session */
    if (eng_session_phase(gate) != ENG_SESSION_OPEN && frame->state != ENG_FRAME_ENDED)
        eng_scheduler_give_up(core, frame, ENG_CANCELLED, ENG_REASON_FLUSHED);
}

static void handle_submit(struct eng_core *core, const struct eng_message *message)
{
    const struct eng_submission *submission = &message->submission;
    struct eng_frame *frame = eng_frame_take(&core->frames);
    frame->cookie = submission->cookie;
    frame->core = message->core;
    frame->row.session = submission->session;
    frame->epoch = eng_core_session(core, submission->session)->epoch;
    frame->row.sequence = submission->sequence;
    frame->row.lane = submission->lane;
    frame->row.capture_ns = submission->capture_ns;
    frame->row.accepted_ns = message->accepted_ns;
    frame->row.deadline_ns = submission->deadline_ns;
    frame->row.seed = submission->seed;
    frame->input_count = 1;
    frame->inputs[0] = submission->input;
    memcpy(frame->meta[0], message->meta, ENG_META_BYTES);
    int error = eng_resource_pin(&core->resources, submission->input, ENG_HOLDER_FRAME);
    sisp_assert(!error); /* the producer's pin is still there */
    eng_resource_unpin(&core->resources, submission->input, ENG_HOLDER_PRODUCER);
    eng_telemetry_accept(&core->telemetry, submission->lane);
    if (message->fence)
        eng_fences_begin(core, frame, message->fence - 1);
    else if (submission->lane == ENG_LANE_FAST && !core->is_flushed)
        eng_fusion_remember(core, frame);
    eng_scheduler_admit(core, frame);
    end_if_closing(core, frame);
}

static void handle_plan(struct eng_core *core, const struct eng_message *message)
{
    struct eng_frame *frame = eng_frame_take(&core->frames);
    frame->cookie = message->submission.cookie;
    frame->row.session = message->submission.session;
    frame->epoch = eng_core_session(core, frame->row.session)->epoch;
    frame->row.lane = frame->path = ENG_LANE_BACKGROUND;
    frame->row.accepted_ns = frame->row.capture_ns = message->accepted_ns;
    frame->row.plan_token = frame->row.seed = message->plan_token;
    eng_telemetry_accept(&core->telemetry, ENG_LANE_BACKGROUND);
    eng_fusion_create(core, frame, message->input_count);
    end_if_closing(core, frame);
}

static void handle_cancel(struct eng_core *core, const struct eng_submission *named)
{
    atomic_fetch_sub_explicit(
        &eng_core_session(core, named->session)->cancels_in_flight, 1, memory_order_relaxed);
    for (uint32_t i = 0; i < core->frames.active_count; i++) {
        struct eng_frame *frame = eng_frame_at(&core->frames, i);
        if (frame->row.session == named->session && frame->cookie == named->cookie &&
            frame->state != ENG_FRAME_ENDED)
            eng_scheduler_give_up(core, frame, ENG_CANCELLED, ENG_REASON_CANCELLED);
    }
}

/* Frames are taken as they come, but so many control items at most before work is dispatched.
 * Returns: whether more may wait. */
static bool handle_messages(struct eng_core *core)
{
    struct eng_message message;
    uint32_t items = 0;
    while (items < core->config.knobs.max_cmds_before_frame) {
        if (!eng_inbox_pop(&core->inbox, &message))
            return false;
        items += message.type != ENG_MESSAGE_SUBMIT;
        switch (message.type) {
        case ENG_MESSAGE_SUBMIT:
            handle_submit(core, &message);
            break;
        case ENG_MESSAGE_CANCEL_INPUT:
            eng_resource_unpin(&core->resources, message.submission.input, ENG_HOLDER_PRODUCER);
            break;
        case ENG_MESSAGE_RELEASE:
            eng_completion_release(core, message.handles);
            break;
        case ENG_MESSAGE_PLAN:
            handle_plan(core, &message);
            break;
        case ENG_MESSAGE_WORKER_READY:
            eng_workforce_ready(core, message.worker, message.incarnation);
            break;
        case ENG_MESSAGE_WORKER_DIED:
            eng_workforce_died(core, message.worker, message.incarnation);
            break;
        case ENG_MESSAGE_CANCEL:
            handle_cancel(core, &message.submission);
            break;
        case ENG_MESSAGE_CALL:
            eng_calls_begin(core, message.call);
            break;
        }
    }
    return true;
}

/* ---- one step ----------------------------------------------------------------------------------
 */

/* Places of imports are taken one by one by who knows what is in them. */
static void stock_imports(struct eng_core *core)
{
    struct eng_handle handle;
    if (!core->imports.count)
        return;
    uint32_t pool = core->resources.buffers[core->imports.first].pool;
    while (!eng_resource_acquire(&core->resources, pool, ENG_HOLDER_PRODUCER, &handle))
        eng_lending_lend(&core->lending, handle, ENG_BORROWER_SUPPLY);
}

/* Free inputs wait in the supply, so that a producer takes one without asking. */
static void stock(struct eng_core *core)
{
    struct eng_handle handle;
    while (!eng_resource_acquire(
        &core->resources, core->config.input_pool, ENG_HOLDER_PRODUCER, &handle)) {
        eng_lending_lend(&core->lending, handle, ENG_BORROWER_SUPPLY);
        bool ok = eng_inbox_push(&core->supply, &handle);
        sisp_assert(ok); /* it holds every buffer */
    }
    stock_imports(core);
}

static uint64_t step_stop(struct eng_core *core)
{
    if (!core->stop_ns || core->is_flushed)
        return PLAT_FOREVER;
    /* Half of the grace for work to end by itself; workers that are told to end early and devices
     * need the other half. */
    uint64_t end_ns = core->stop_ns + core->config.knobs.drain_grace_period_ns / 2;
    if (core->now_ns < end_ns && core->frames.active_count > 0)
        return end_ns;
    core->is_flushed = true;
    for (uint32_t w = 0; w < core->config.worker_count; w++)
        eng_handoff_claim(core, w); /* newest first, before a worker comes to it */
    for (uint32_t p = 0; p < ENG_SESSIONS_MAX; p++)
        eng_calls_end_frames(core, &core->places[p]);
    eng_completion_step(core);
    for (uint32_t p = 0; p < ENG_SESSIONS_MAX; p++) {
        eng_fusion_forget(core, &core->places[p]);
        eng_completion_forget(core, &core->places[p]);
    }
    return PLAT_FOREVER;
}

static uint64_t get(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void watch_counts(struct eng_core *core)
{
    const struct eng_arena_counts *counts = core->arena.counts;
    struct eng_telemetry *telemetry = &core->telemetry;
    eng_telemetry_total(telemetry, ENG_EVENT_TOKEN_TRANSFER_FAIL,
        get(&core->arena.belief->counts.failed[ENG_EDGE_STEAL]) +
            get(&counts->token.failed[ENG_EDGE_FINISH]),
        core->now_ns);
    eng_telemetry_total(
        telemetry, ENG_EVENT_PACKET_EPOCH_MISMATCH, get(&counts->stale_hints), core->now_ns);
    eng_telemetry_total(telemetry, ENG_EVENT_LATE_COMPLETION_DROPPED,
        get(&counts->late_results) + get(&core->hardware.late), core->now_ns);
}

static void mirror_depths(struct eng_core *core)
{
    uint64_t depths[ENG_LANE_COUNT] = {0};
    for (uint32_t i = 0; i < core->frames.active_count; i++) {
        const struct eng_frame *frame = eng_frame_at(&core->frames, i);
        depths[frame->path] += eng_frame_is_open(frame);
    }
    for (uint32_t l = 0; l < ENG_LANE_COUNT; l++)
        atomic_store_explicit(&core->telemetry.lanes[l].depth, depths[l], memory_order_relaxed);
}

static void mirror(struct eng_core *core)
{
    struct eng_telemetry *telemetry = &core->telemetry;
    const struct eng_resource_manager *resources = &core->resources;
    atomic_store_explicit(&telemetry->used_bytes, resources->used_bytes, memory_order_relaxed);
    atomic_store_explicit(
        &telemetry->reserved_bytes, resources->reserved_bytes, memory_order_relaxed);
    atomic_store_explicit(&telemetry->pins, resources->pins, memory_order_relaxed);
    atomic_store_explicit(&telemetry->waitingq_depth,
        eng_monitor_waiting(&core->monitor) +
            (uint32_t)__builtin_popcountll(eng_fences_waiting(core, ENG_NONE)),
        memory_order_relaxed);
    atomic_store_explicit(&telemetry->quarantined,
        core->monitor.quarantined + core->fences.quarantined, memory_order_relaxed);
    atomic_store_explicit(&telemetry->is_degraded,
        core->monitor.is_degraded || eng_workforce_is_short(core), memory_order_relaxed);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t eng_main_loop_step(struct eng_core *core, uint64_t now_ns)
{
    core->now_ns = now_ns;
    bool has_more, has_published;
    do {
        uint64_t completed = core->dispatcher.completed;
        has_more = handle_messages(core);
        eng_hardware_step(core);
        eng_fences_step(core);
        eng_monitor_step(core);
        eng_fusion_step(core);
        eng_scheduler_step(core);
        eng_completion_step(core);
        /* A completion makes room that a plan may wait for. */
        has_published = core->dispatcher.completed != completed;
    } while (has_published);
    uint64_t timer_ns = earlier(step_stop(core), has_more ? now_ns : PLAT_FOREVER);
    eng_workforce_step(core);
    timer_ns = earlier(timer_ns, eng_calls_step(core));
    stock(core);
    mirror(core);
    mirror_depths(core);
    watch_counts(core);
    timer_ns = earlier(timer_ns, eng_scheduler_timer_ns(core));
    timer_ns = earlier(timer_ns, eng_monitor_timer_ns(&core->monitor));
    timer_ns = earlier(timer_ns, eng_hardware_timer_ns(core));
    timer_ns = earlier(timer_ns, eng_fences_timer_ns(core));
    timer_ns = earlier(timer_ns, eng_workforce_timer_ns(core));
    timer_ns = earlier(timer_ns, eng_fusion_timer_ns(core));
    return earlier(timer_ns, eng_housekeeper_step(core));
}

bool eng_main_loop_is_stopped(const struct eng_core *core)
{
    return core->is_flushed && core->frames.active_count == 0 &&
           eng_monitor_waiting(&core->monitor) == 0 && !eng_fences_waiting(core, ENG_NONE);
}
