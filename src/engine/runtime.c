/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/base.h"
#include "base/log.h"
#include "engine/bell.h"
#include "engine/config.h"
#include "engine/main_loop.h"
#include "engine/worker.h"
#include "platform/simulate.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES_IN_FLIGHT_MIN 64u

struct eng_runtime {
    struct eng_core core; /* control thread's; its inboxes, lending and counters are anybody's */
    uint32_t worker_count;
    struct eng_worker *workers;
    struct plat_thread control, telemetry;
    bool has_control, has_telemetry;
    uint64_t telemetry_head; /* up to which the telemetry thread was woken */
    _Atomic uint32_t control_bell, consumer_bell;
    _Atomic uint32_t is_closing, is_stopped, is_quitting, is_draining;
    uint32_t frames_max;
    _Atomic uint32_t frames_in_flight, plans_in_flight; /* credits taken */
    _Atomic uint64_t plan_tokens;
};

uint64_t eng_now_ns(void)
{
    return plat_now_ns();
}

/* ---- threads -------------------------------------------------------------------------------- */

static void ring_bells(struct eng_runtime *runtime)
{
    struct eng_core *core = &runtime->core;
    for (uint32_t w = 0; w < runtime->worker_count; w++)
        if (core->wake_workers >> w & 1)
            eng_bell_ring(&core->arena.workers[w].bell);
    core->wake_workers = 0;
    if (core->wake_consumer)
        eng_bell_ring(&runtime->consumer_bell);
    core->wake_consumer = false;
    /* Rows come with completions, events without. */
    uint64_t head = atomic_load_explicit(&core->telemetry.ring.head, memory_order_relaxed);
    if (head != runtime->telemetry_head)
        eng_bell_ring(&core->telemetry.bell);
    runtime->telemetry_head = head;
}

static void tell_stopped(struct eng_runtime *runtime)
{
    if (!eng_main_loop_is_stopped(&runtime->core) ||
        atomic_exchange_explicit(&runtime->is_stopped, 1, memory_order_acq_rel))
        return;
    plat_wake(&runtime->is_stopped, INT32_MAX);
    eng_bell_ring(&runtime->consumer_bell);
}

static void run_control(void *argument)
{
    struct eng_runtime *runtime = argument;
    struct eng_core *core = &runtime->core;
    while (!atomic_load_explicit(&runtime->is_quitting, memory_order_acquire)) {
        eng_bell_silence(&runtime->control_bell);
        uint64_t now_ns = plat_now_ns();
        if (!core->stop_ns && atomic_load_explicit(&runtime->is_closing, memory_order_seq_cst))
            core->stop_ns = now_ns;
        uint64_t timer_ns = eng_main_loop_step(core, now_ns);
        ring_bells(runtime);
        tell_stopped(runtime);
        eng_bell_wait(&runtime->control_bell, timer_ns);
    }
}

static void run_telemetry(void *argument)
{
    struct eng_runtime *runtime = argument;
    struct eng_telemetry *telemetry = &runtime->core.telemetry;
    bool is_draining;
    do {
        eng_bell_silence(&telemetry->bell);
        is_draining = atomic_load_explicit(&runtime->is_draining, memory_order_acquire);
        eng_telemetry_drain(telemetry, &runtime->core.config);
        if (!is_draining)
            eng_bell_wait(&telemetry->bell, PLAT_FOREVER);
    } while (!is_draining);
}

/* ---- create and destroy -----------------------------------------------------------------------
 */

static int start_workers(struct eng_runtime *runtime)
{
    struct eng_core *core = &runtime->core;
    for (uint32_t w = 0; w < core->config.worker_count; w++) {
        struct eng_worker *worker = &runtime->workers[w];
        worker->config = &core->config;
        worker->spans = core->resources.spans;
        worker->arena = &core->arena;
        worker->shared = &core->arena.workers[w];
        worker->control_bell = &runtime->control_bell;
        worker->index = w;
        runtime->worker_count = w + 1;
        int error = eng_worker_start(worker);
        if (error)
            return error;
    }
    return 0;
}

static int start_threads(struct eng_runtime *runtime)
{
    int error = start_workers(runtime);
    if (error)
        return error;
    /* The first step stocks the supply, so that an input can be taken right after create. */
    eng_main_loop_step(&runtime->core, plat_now_ns());
    runtime->telemetry =
        (struct plat_thread){.name = "telemetry", .run = run_telemetry, .argument = runtime};
    error = plat_thread_create(&runtime->telemetry);
    if (error)
        return error;
    runtime->has_telemetry = true;
    runtime->control = (struct plat_thread){.name = "control",
        .run = run_control,
        .argument = runtime,
        .priority = eng_config_priority(&runtime->core.config)};
    error = plat_thread_create(&runtime->control);
    if (!error)
        runtime->has_control = true;
    return error;
}

static void *allocate_zeroed(size_t size_bytes)
{
    size_bytes = base_align(size_bytes, 64);
    void *bytes = aligned_alloc(64, size_bytes);
    if (bytes)
        memset(bytes, 0, size_bytes);
    return bytes;
}

int eng_runtime_create(struct eng_runtime **runtime, const struct eng_config *config)
{
    *runtime = NULL;
    struct eng_runtime *made = allocate_zeroed(sizeof(*made));
    if (!made)
        return -ENOMEM;
    struct eng_config *resolved = &made->core.config;
    int error = eng_config_resolve(resolved, config);
    if (!error) {
        made->frames_max = FRAMES_IN_FLIGHT_MIN + resolved->lanes[ENG_LANE_FAST].capacity +
                           resolved->lanes[ENG_LANE_BACKGROUND].capacity;
        made->workers = allocate_zeroed(resolved->worker_count * sizeof(*made->workers));
        error = made->workers ? 0 : -ENOMEM;
    }
    if (!error)
        error = eng_core_init(&made->core, made->frames_max + ENG_PLANS_MAX);
    if (error) {
        free(made->workers);
        free(made);
        return error;
    }
    error = start_threads(made);
    if (error)
        eng_runtime_destroy(&made);
    *runtime = made;
    return error;
}

static void stop_control(struct eng_runtime *runtime)
{
    if (runtime->has_control) {
        eng_stop(runtime);
        atomic_store_explicit(&runtime->is_quitting, 1, memory_order_release);
        eng_bell_ring(&runtime->control_bell);
        plat_thread_join(&runtime->control);
    }
    if (runtime->has_telemetry) {
        atomic_store_explicit(&runtime->is_draining, 1, memory_order_release);
        eng_bell_ring(&runtime->core.telemetry.bell);
        plat_thread_join(&runtime->telemetry);
    }
}

static bool join_workers(struct eng_runtime *runtime)
{
    const struct eng_core *core = &runtime->core;
    bool all = true;
    /* A suspect one has had the time of eng_stop() already. */
    uint64_t deadline_ns = plat_now_ns() + core->config.knobs.drain_grace_period_ns;
    for (uint32_t w = 0; w < runtime->worker_count; w++)
        eng_worker_stop(&runtime->workers[w]);
    for (uint32_t w = 0; w < runtime->worker_count; w++)
        /* An idle worker always answers, however late the system schedules it. */
        all &= eng_worker_join(&runtime->workers[w],
            core->scheduler.workers[w].is_suspect ? deadline_ns : PLAT_FOREVER);
    return all;
}

bool eng_runtime_destroy(struct eng_runtime **runtime)
{
    struct eng_runtime *gone = *runtime;
    *runtime = NULL;
    if (!gone)
        return true;
    stop_control(gone);
    if (!join_workers(gone)) {
        base_log(SISP_LOG_WARNING,
            "a worker does not answer: its thread and the session's memory are left behind");
        return false;
    }
    eng_core_finish(&gone->core);
    free(gone->workers);
    free(gone);
    return true;
}

#define DRAIN_POLL_NS 500000

void eng_stop(struct eng_runtime *runtime)
{
    atomic_store_explicit(&runtime->is_closing, 1, memory_order_seq_cst);
    eng_bell_ring(&runtime->control_bell);
    while (!atomic_load_explicit(&runtime->is_stopped, memory_order_acquire))
        plat_wait(&runtime->is_stopped, 0, PLAT_FOREVER);
    /* Figures that are read now should know the last rows; a stuck reader is not waited for. */
    uint64_t end_ns = plat_now_ns() + runtime->core.config.knobs.drain_grace_period_ns;
    while (!eng_telemetry_is_drained(&runtime->core.telemetry) && plat_now_ns() < end_ns)
        plat_sleep_ns(DRAIN_POLL_NS);
}

/* ---- calls from any thread ----------------------------------------------------------------------
 */

static bool take_credit(_Atomic uint32_t *used, uint32_t limit)
{
    uint32_t now = atomic_load_explicit(used, memory_order_relaxed);
    do {
        if (now >= limit)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(
        used, &now, now + 1, memory_order_seq_cst, memory_order_relaxed));
    return true;
}

/* A credit first, then the look at is_closing: whoever got past it is counted as in flight, so
 * that eng_next() does not say the end before that frame's completion. */
static int enter(struct eng_runtime *runtime, _Atomic uint32_t *credits, uint32_t limit)
{
    if (atomic_load_explicit(&runtime->is_closing, memory_order_seq_cst))
        return -ESHUTDOWN;
    if (!take_credit(credits, limit)) {
        atomic_fetch_add_explicit(&runtime->core.telemetry.refused, 1, memory_order_relaxed);
        return -EAGAIN;
    }
    PLAT_POINT(credit_taken);
    if (!atomic_load_explicit(&runtime->is_closing, memory_order_seq_cst))
        return 0;
    atomic_fetch_sub_explicit(credits, 1, memory_order_seq_cst);
    return -ESHUTDOWN;
}

static void post(struct eng_runtime *runtime, const struct eng_message *message)
{
    bool ok = eng_inbox_push(&runtime->core.inbox, message);
    sisp_assert(ok); /* credits and lending words bound what is under way */
    eng_bell_ring(&runtime->control_bell);
}

int eng_input_acquire(struct eng_runtime *runtime, struct eng_handle *handle, struct eng_span *span)
{
    struct eng_core *core = &runtime->core;
    if (!eng_inbox_pop(&core->supply, handle))
        return -EAGAIN;
    int error =
        eng_lending_pass(&core->lending, *handle, ENG_BORROWER_SUPPLY, ENG_BORROWER_PRODUCER);
    sisp_assert(!error);
    *span = core->resources.spans[handle->index];
    return 0;
}

void eng_input_cancel(struct eng_runtime *runtime, struct eng_handle handle)
{
    if (eng_lending_pass(&runtime->core.lending, handle, ENG_BORROWER_PRODUCER, ENG_BORROWER_NONE))
        return;
    struct eng_message message = {
        .type = ENG_MESSAGE_CANCEL_INPUT, .submission = {.input = handle}};
    post(runtime, &message);
}

static bool is_usable(const struct eng_runtime *runtime, enum eng_lane lane)
{
    return (lane == ENG_LANE_FAST || lane == ENG_LANE_BACKGROUND) &&
           runtime->core.config.lanes[lane].stage_count > 0;
}

int eng_submit(struct eng_runtime *runtime, const struct eng_submission *submission)
{
    if (!is_usable(runtime, submission->lane))
        return -EINVAL;
    int error = enter(runtime, &runtime->frames_in_flight, runtime->frames_max);
    if (error)
        return error;
    error = eng_lending_pass(
        &runtime->core.lending, submission->input, ENG_BORROWER_PRODUCER, ENG_BORROWER_NONE);
    if (error) {
        atomic_fetch_sub_explicit(&runtime->frames_in_flight, 1, memory_order_seq_cst);
        return error;
    }
    struct eng_message message = {
        .type = ENG_MESSAGE_SUBMIT, .accepted_ns = plat_now_ns(), .submission = *submission};
    message.submission.meta = NULL;
    if (submission->meta)
        memcpy(message.meta, submission->meta, ENG_META_BYTES);
    post(runtime, &message);
    return 0;
}

int eng_plan_request(struct eng_runtime *runtime, uint32_t count, uint64_t cookie, uint64_t *token)
{
    if (count == 0 || count > runtime->core.config.history_count ||
        !is_usable(runtime, ENG_LANE_BACKGROUND))
        return -EINVAL;
    int error = enter(runtime, &runtime->plans_in_flight, ENG_PLANS_MAX);
    if (error)
        return error;
    *token = atomic_fetch_add_explicit(&runtime->plan_tokens, 1, memory_order_relaxed) + 1;
    struct eng_message message = {.type = ENG_MESSAGE_PLAN,
        .accepted_ns = plat_now_ns(),
        .plan_token = *token,
        .cookie = cookie,
        .input_count = count};
    post(runtime, &message);
    return 0;
}

static bool pop_completion(struct eng_runtime *runtime, struct eng_completion *completion)
{
    struct eng_completion_dispatcher *dispatcher = &runtime->core.dispatcher;
    uint32_t cell;
    if (!eng_ring_peek(&dispatcher->ring, &cell))
        return false;
    *completion = dispatcher->completions[cell];
    eng_ring_pop(&dispatcher->ring);
    PLAT_POINT(completion_popped);
    atomic_fetch_sub_explicit(
        completion->row.plan_token ? &runtime->plans_in_flight : &runtime->frames_in_flight, 1,
        memory_order_seq_cst);
    return true;
}

static bool is_drained(struct eng_runtime *runtime)
{
    return atomic_load_explicit(&runtime->is_stopped, memory_order_seq_cst) &&
           atomic_load_explicit(&runtime->frames_in_flight, memory_order_seq_cst) == 0 &&
           atomic_load_explicit(&runtime->plans_in_flight, memory_order_seq_cst) == 0;
}

int eng_next(struct eng_runtime *runtime, struct eng_completion *completion, uint64_t timeout_ns)
{
    uint64_t now_ns = timeout_ns ? plat_now_ns() : 0;
    uint64_t deadline_ns = timeout_ns > PLAT_FOREVER - now_ns ? PLAT_FOREVER : now_ns + timeout_ns;
    for (;;) {
        eng_bell_silence(&runtime->consumer_bell);
        if (pop_completion(runtime, completion))
            return 0;
        if (is_drained(runtime))
            return -ESHUTDOWN;
        if (timeout_ns == 0 || plat_now_ns() >= deadline_ns)
            return -EAGAIN;
        eng_bell_wait(&runtime->consumer_bell, deadline_ns);
    }
}

void eng_release(struct eng_runtime *runtime, const struct eng_completion *completion)
{
    struct eng_message message = {.type = ENG_MESSAGE_RELEASE};
    bool has_any = false;
    for (uint32_t r = 0; r < ENG_ROLES_MAX; r++) {
        if (eng_lending_pass(&runtime->core.lending, completion->handles[r], ENG_BORROWER_CONSUMER,
                ENG_BORROWER_NONE))
            continue;
        message.handles[r] = completion->handles[r];
        has_any = true;
    }
    if (has_any)
        post(runtime, &message);
}

void eng_figures(struct eng_runtime *runtime, struct eng_figures *figures)
{
    const struct eng_core *core = &runtime->core;
    memset(figures, 0, sizeof(*figures));
    eng_telemetry_figures(&core->telemetry, figures);
    figures->quota_bytes = core->resources.quota_bytes;
}
