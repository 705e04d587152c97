/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/base.h"
#include "base/log.h"
#include "engine/config.h"
#include "engine/runtime.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES_IN_FLIGHT_MIN 64u
#define BACKGROUND_PATIENCE  10

uint64_t eng_now_ns(void)
{
    return plat_now_ns();
}

void eng_figures(struct eng_runtime *runtime, struct eng_figures *figures)
{
    const struct eng_core *core = &runtime->core;
    memset(figures, 0, sizeof(*figures));
    eng_telemetry_figures(&core->telemetry, figures);
    figures->quota_bytes = core->resources.quota_bytes;
    figures->broken_protocols =
        atomic_load_explicit(&core->arena.belief->broken, memory_order_relaxed);
}

void *eng_worker_blob(struct eng_runtime *runtime)
{
    return runtime->keeper.blob.bytes;
}

/* ---- threads -------------------------------------------------------------------------------- */

static void ring_bells(struct eng_runtime *runtime)
{
    struct eng_core *core = &runtime->core;
    for (uint32_t w = 0; w < core->config.worker_count; w++)
        if (core->wake_workers >> w & 1)
            eng_arena_ring(&core->arena, &core->arena.workers[w].bell);
    core->wake_workers = 0;
    if (core->arena.belief->is_foreign)
        eng_keeper_ask(&runtime->keeper, &core->workforce);
    for (uint32_t p = 0; p < ENG_SESSIONS_MAX; p++)
        if (core->wake_consumers >> p & 1)
            eng_bell_ring(&core->places[p].bell);
    core->wake_consumers = 0;
    for (uint32_t i = 0; i < ENG_CALLS_MAX; i++)
        if (core->wake_calls >> i & 1)
            plat_wake(&core->calls.table[i].state, 1);
    core->wake_calls = 0;
    if (core->wake_reset)
        eng_bell_ring(&core->hardware.reset.bell);
    core->wake_reset = false;
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
    for (uint32_t p = 0; p < ENG_SESSIONS_MAX; p++)
        eng_bell_ring(&runtime->core.places[p].bell);
}

static void run_control(void *argument)
{
    struct eng_runtime *runtime = argument;
    struct eng_core *core = &runtime->core;
    for (;;) {
        eng_bell_silence(runtime->core.arena.control_bell);
        if (atomic_load_explicit(&runtime->is_quitting, memory_order_acquire))
            break; /* asked after the silence, or its ring would be lost */
        uint64_t now_ns = plat_now_ns();
        if (!core->stop_ns && atomic_load_explicit(&runtime->is_closing, memory_order_seq_cst))
            core->stop_ns = now_ns;
        uint64_t timer_ns = eng_main_loop_step(core, now_ns);
        ring_bells(runtime);
        tell_stopped(runtime);
        eng_bell_wait(runtime->core.arena.control_bell, timer_ns);
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
    atomic_store_explicit(&runtime->telemetry_exited, 1, memory_order_release);
    plat_wake(&runtime->telemetry_exited, INT32_MAX);
}

/* ---- create and destroy -----------------------------------------------------------------------
 */

static int start_workers(struct eng_runtime *runtime)
{
    struct eng_core *core = &runtime->core;
    if (core->arena.belief->is_foreign)
        return eng_keeper_start(&runtime->keeper, core);
    for (uint32_t w = 0; w < core->config.worker_count; w++) {
        struct eng_worker *worker = &runtime->workers[w];
        worker->config = &core->config;
        worker->spans = core->resources.spans;
        worker->arena = &core->arena;
        worker->shared = &core->arena.workers[w];
        worker->index = w;
        worker->incarnation = eng_workforce_holder(core, w);
        worker->priority = eng_config_priority(&core->config);
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
    error = eng_hardware_start(
        &runtime->core.hardware, &runtime->core.config, runtime->core.arena.control_bell);
    if (error)
        return error;
    error = eng_fences_start(&runtime->core);
    if (error)
        return error;
    runtime->control = (struct plat_thread){.name = "control",
        .run = run_control,
        .argument = runtime,
        .priority = eng_config_priority(&runtime->core.config)};
    error = plat_thread_create(&runtime->control);
    if (error)
        return error;
    runtime->has_control = true;
    return runtime->core.arena.belief->is_foreign ? eng_keeper_await(&runtime->keeper) : 0;
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
        eng_arena_ring(&runtime->core.arena, runtime->core.arena.control_bell);
        plat_thread_join(&runtime->control);
    }
}

/* It calls what is not ours, which may never come back; a slow disk is given some time. */
#define TELEMETRY_PATIENCE_NS UINT64_C(2000000000)

static bool join_telemetry(struct eng_runtime *runtime)
{
    if (!runtime->has_telemetry)
        return true;
    uint64_t deadline_ns = plat_now_ns() + TELEMETRY_PATIENCE_NS;
    atomic_store_explicit(&runtime->is_draining, 1, memory_order_release);
    eng_bell_ring(&runtime->core.telemetry.bell);
    while (!atomic_load_explicit(&runtime->telemetry_exited, memory_order_acquire)) {
        /* An idle one always answers, however late the system schedules it. */
        bool is_idle = eng_telemetry_is_drained(&runtime->core.telemetry);
        if (!is_idle && plat_now_ns() >= deadline_ns)
            return false;
        plat_wait(&runtime->telemetry_exited, 0, is_idle ? PLAT_FOREVER : deadline_ns);
    }
    plat_thread_join(&runtime->telemetry);
    return true;
}

static bool join_workers(struct eng_runtime *runtime)
{
    struct eng_core *core = &runtime->core;
    bool all = true;
    /* A suspect one has had the time of eng_stop() already; in the background, where it may have to
     * wait for everybody else's work to come to the end of a task, that is not much. */
    const uint64_t now_ns = plat_now_ns(), grace_ns = core->config.knobs.drain_grace_period_ns;
    const uint64_t deadline_ns = now_ns + grace_ns;
    for (uint32_t w = 0; w < runtime->worker_count; w++)
        eng_worker_stop(&runtime->workers[w]);
    for (uint32_t w = 0; w < runtime->worker_count; w++) {
        const uint64_t patience = core->config.workers[w].is_background ? BACKGROUND_PATIENCE : 1;
        /* An idle worker always answers, however late the system schedules it. */
        all &= eng_worker_join(&runtime->workers[w],
            core->handoff.workers[w].is_suspect ? now_ns + patience * grace_ns : PLAT_FOREVER);
    }
    return eng_hardware_join(&core->hardware, deadline_ns) && all;
}

uint32_t eng_runtime_destroy(struct eng_runtime **runtime)
{
    struct eng_runtime *gone = *runtime;
    *runtime = NULL;
    if (!gone)
        return 0;
    stop_control(gone);
    eng_keeper_finish(&gone->keeper);
    eng_fences_finish(&gone->core.fences);
    uint32_t left = join_telemetry(gone) ? 0 : ENG_LEFT_TELEMETRY;
    left |= join_workers(gone) ? 0 : ENG_LEFT_WORKER;
    if (left) {
        base_log(SISP_LOG_WARNING,
            "a %s does not answer: its thread and the session's memory are left behind",
            left & ENG_LEFT_WORKER ? "worker or a device" : "reader of telemetry");
        return left;
    }
    eng_core_finish(&gone->core);
    free(gone->workers);
    free(gone);
    return 0;
}

#define DRAIN_POLL_NS 500000

void eng_stop(struct eng_runtime *runtime)
{
    atomic_store_explicit(&runtime->is_closing, 1, memory_order_seq_cst);
    eng_arena_ring(&runtime->core.arena, runtime->core.arena.control_bell);
    while (!atomic_load_explicit(&runtime->is_stopped, memory_order_acquire))
        plat_wait(&runtime->is_stopped, 0, PLAT_FOREVER);
    /* Figures that are read now should know the last rows; a stuck reader is not waited for. */
    uint64_t end_ns = plat_now_ns() + runtime->core.config.knobs.drain_grace_period_ns;
    while (!eng_telemetry_is_drained(&runtime->core.telemetry) && plat_now_ns() < end_ns)
        plat_sleep_ns(DRAIN_POLL_NS);
}
