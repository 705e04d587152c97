/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/worker.h"

#include "base/base.h"
#include "engine/config.h"
#include "engine/hardware.h"
#include "platform/simulate.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define GATE_OPEN       (1u << 15)
#define GATE_INSIDE     (GATE_OPEN - 1)
#define GATE_GENERATION (1u << 16)

/* Of an overseen team: how often the leader looks, and when it takes over. */
#define LOOK_NS    UINT64_C(50000000)
#define STARVED_NS UINT64_C(250000000)

#define HANG_NS 3000000000u /* of a simulated worker that wakes after it was replaced */

/* A sign of life: the control thread detaches a worker that has work and gives none. */
static void beat(struct eng_worker *worker)
{
    atomic_fetch_add_explicit(&worker->shared->heartbeat, 1, memory_order_relaxed);
}

/* Whether somebody took the slot away or wants the job to end early. */
static bool is_lost(const struct eng_worker *worker)
{
    uint64_t word =
        atomic_load_explicit(&worker->arena->items[worker->slot].token, memory_order_relaxed);
    return eng_token_state(word) != ENG_TOKEN_WORKER || eng_token_grant(word) != worker->grant ||
           (word & ENG_TOKEN_CANCEL);
}

/* ---- the team ---------------------------------------------------------------------------------
 */

static bool has_task(const struct eng_worker *worker)
{
    return atomic_load_explicit(&worker->next_task, memory_order_relaxed) < worker->task_count &&
           !is_lost(worker);
}

/* While the gate has what is needed of it. */
static void run_tasks(struct eng_worker *worker, uint32_t thread, uint32_t needed)
{
    while ((atomic_load_explicit(&worker->gate, memory_order_relaxed) & needed) == needed) {
        uint32_t task = atomic_fetch_add_explicit(&worker->next_task, 1, memory_order_relaxed);
        if (task >= worker->task_count || is_lost(worker))
            return;
        PLAT_POINT(worker_task);
        worker->command->ops->run_task(
            worker->command->user, &worker->job, worker->phase, task, thread);
        beat(worker);
    }
}

static void open_gate(struct eng_worker *worker)
{
    uint32_t gate = atomic_load_explicit(&worker->gate, memory_order_relaxed);
    sisp_assert((gate & (GATE_OPEN | GATE_INSIDE)) == 0);
    atomic_store_explicit(
        &worker->gate, (gate + GATE_GENERATION) | GATE_OPEN, memory_order_release);
    plat_wake(&worker->gate, INT_MAX);
    PLAT_POINT(worker_gate_open);
}

static void close_gate(struct eng_worker *worker)
{
    uint32_t gate =
        atomic_fetch_and_explicit(&worker->gate, ~GATE_OPEN, memory_order_acq_rel) & ~GATE_OPEN;
    while (gate & GATE_INSIDE) {
        plat_wait(&worker->gate, gate, PLAT_FOREVER);
        gate = atomic_load_explicit(&worker->gate, memory_order_acquire);
    }
}

/* Until helpers have done all tasks, or none for a while. */
static void look_on(struct eng_worker *worker)
{
    uint64_t beats = 0, since_ns = 0;
    for (;;) {
        uint32_t gate = atomic_load_explicit(&worker->gate, memory_order_acquire);
        uint64_t now_ns = plat_now_ns();
        uint64_t now_beats = atomic_load_explicit(&worker->shared->heartbeat, memory_order_relaxed);
        if (!since_ns || now_beats != beats)
            since_ns = now_ns;
        beats = now_beats;
        if ((!(gate & GATE_INSIDE) && !has_task(worker)) || now_ns - since_ns >= STARVED_NS)
            return;
        plat_wait(&worker->gate, gate, now_ns + LOOK_NS);
    }
}

static void oversee_phase(struct eng_worker *worker)
{
    if (!worker->is_starved) {
        open_gate(worker);
        look_on(worker);
        close_gate(worker);
        worker->is_starved = has_task(worker);
    }
    run_tasks(worker, 0, 0);
}

/* Kernels that save power wake a helper on its leader's core, and the two share it for the whole
 * job while others idle. Nothing is lost: beside its leader a helper helps no one. A process of its
 * own may not say where threads run. */
static void spread_team(struct eng_worker *worker)
{
    uint32_t core = plat_core();
    bool is_whole =
        atomic_load_explicit(&worker->started, memory_order_acquire) == worker->team_size;
    if (worker->is_foreign || core == worker->core || !is_whole)
        return;
    worker->core = core;
    for (uint32_t i = 1; i < worker->team_size; i++)
        plat_keep_off_core(&worker->team[i].thread, core);
}

/* Helpers that come while the gate is open take part; the leader waits only for those inside, so
 * that one which the system has not scheduled costs nothing. */
static void lead_phase(struct eng_worker *worker)
{
    atomic_store_explicit(&worker->next_task, 0, memory_order_relaxed);
    if (worker->is_overseen) {
        oversee_phase(worker);
    } else if (worker->team_size == 1 || worker->task_count <= 1) {
        run_tasks(worker, 0, 0);
    } else {
        spread_team(worker);
        open_gate(worker);
        run_tasks(worker, 0, 0);
        close_gate(worker);
    }
}

static bool enter_gate(struct eng_worker *worker, uint32_t gate)
{
    return atomic_compare_exchange_strong_explicit(
        &worker->gate, &gate, gate + 1, memory_order_acq_rel, memory_order_relaxed);
}

static void leave_gate(struct eng_worker *worker)
{
    uint32_t before = atomic_fetch_sub_explicit(&worker->gate, 1, memory_order_acq_rel);
    bool is_awaited = worker->is_overseen || !(before & GATE_OPEN);
    if (is_awaited && (before & GATE_INSIDE) == 1)
        plat_wake(&worker->gate, INT_MAX);
    PLAT_POINT(worker_gate_left);
}

static void enter_team(struct eng_worker *worker)
{
    atomic_fetch_add_explicit(&worker->entered, 1, memory_order_release);
    plat_wake(&worker->entered, INT_MAX);
}

static void help(void *argument)
{
    struct eng_helper *helper = argument;
    struct eng_worker *worker = helper->worker;
    enter_team(worker);
    uint32_t last = 0; /* the gate of the phase that this thread has been in */
    for (;;) {
        uint32_t gate = atomic_load_explicit(&worker->gate, memory_order_acquire);
        if (atomic_load_explicit(&worker->is_stopping, memory_order_acquire))
            break;
        if (!(gate & GATE_OPEN) || gate / GATE_GENERATION == last) {
            plat_wait(&worker->gate, gate, PLAT_FOREVER);
        } else if (enter_gate(worker, gate)) {
            last = gate / GATE_GENERATION;
            PLAT_POINT(worker_gate_entered);
            run_tasks(worker, helper->index, GATE_OPEN);
            leave_gate(worker);
        }
    }
    atomic_fetch_add_explicit(&worker->exited, 1, memory_order_release);
    plat_wake(&worker->exited, INT_MAX);
}

/* ---- one job ------------------------------------------------------------------------------------
 */

static struct eng_span span_of(const struct eng_worker *worker, struct eng_handle handle)
{
    return handle.generation ? worker->spans[handle.index] : (struct eng_span){0};
}

static void read_envelope(struct eng_worker *worker, const struct eng_envelope *envelope)
{
    struct eng_job *job = &worker->job;
    job->frame_id = envelope->frame_id;
    job->sequence = envelope->sequence;
    job->seed = envelope->seed;
    job->plan_token = envelope->plan_token;
    job->capture_ns = envelope->capture_ns;
    job->deadline_ns = envelope->deadline_ns;
    job->input_count = envelope->input_count;
    for (uint32_t i = 0; i < ENG_INPUTS_MAX; i++)
        job->inputs[i] = span_of(worker, envelope->inputs[i]);
    memcpy(job->input_meta, envelope->input_meta, (size_t)job->input_count * ENG_META_BYTES);
    for (uint32_t r = 0; r < ENG_ROLES_MAX; r++) {
        job->reads[r] = span_of(worker, envelope->reads[r]);
        job->committed[r] = span_of(worker, envelope->committed[r]);
        job->writes[r] = span_of(worker, envelope->writes[r]);
    }
    worker->command = &worker->config->commands[envelope->command];
}

static int run_job(struct eng_worker *worker)
{
    const struct eng_command_ops *ops = worker->command->ops;
    void *user = worker->command->user;
    worker->is_starved = false;
    int phases = ops->begin(user, &worker->job);
    beat(worker);
    if (phases < 0)
        return phases;
    for (int phase = 0; phase < phases; phase++) {
        worker->phase = (uint32_t)phase;
        worker->task_count = ops->task_count(user, &worker->job, worker->phase);
        lead_phase(worker);
        if (is_lost(worker))
            return -ECANCELED;
    }
    return ops->end(user, &worker->job);
}

int eng_job_start_hw(struct eng_job *job, struct eng_ticket *ticket)
{
    struct eng_worker *worker =
        (struct eng_worker *)(void *)((char *)job - offsetof(struct eng_worker, job));
    if (worker->is_foreign)
        return -ENOTSUP;
    if (atomic_exchange_explicit(&worker->has_hardware, 1, memory_order_relaxed))
        return -EBUSY;
    struct eng_token_args args = {.holder = worker->incarnation, .grant = worker->grant};
    if (is_lost(worker) || !eng_token_apply(&worker->arena->items[worker->slot].token,
                               ENG_EDGE_START_HW, &args, &worker->arena->counts->token))
        return -ECANCELED;
    *ticket = eng_hardware_ticket(worker->slot, worker->grant);
    return 0;
}

/* Until the device is done or the slot is taken away; the control thread rings for both. */
static void await_hardware(struct eng_worker *worker)
{
    const _Atomic uint64_t *token = &worker->arena->items[worker->slot].token;
    if (!atomic_load_explicit(&worker->has_hardware, memory_order_relaxed))
        return;
    eng_bell_silence(&worker->shared->bell);
    while ((atomic_load_explicit(token, memory_order_acquire) & ENG_TOKEN_HW_BUSY) &&
           !is_lost(worker)) {
        eng_bell_wait(&worker->shared->bell, PLAT_FOREVER);
        eng_bell_silence(&worker->shared->bell);
    }
}

void eng_result_time(struct eng_result *result, const char *name, uint64_t ns)
{
    if (result->timing_count >= ENG_TIMINGS_MAX)
        return;
    struct eng_timing *timing = &result->timings[result->timing_count++];
    snprintf(timing->name, sizeof(timing->name), "%s", name);
    timing->ns = ns;
}

static void finish_result(struct eng_worker *worker, struct eng_work_result *work, int status)
{
    struct eng_result *result = &work->result;
    work->finished_ns = plat_now_ns();
    result->status = status;
    if (!result->threads)
        result->threads = worker->team_size;
    eng_result_time(result, worker->command->name, work->finished_ns - work->started_ns);
}

/* Leave the slot by the one edge that its token allows now. Returns: false if it moved meanwhile.
 */
static bool leave(struct eng_worker *worker, const struct eng_token_args *args)
{
    _Atomic uint64_t *token = &worker->arena->items[worker->slot].token;
    struct eng_arena_counts *counts = worker->arena->counts;
    uint64_t word = atomic_load_explicit(token, memory_order_acquire);
    if (eng_token_state(word) == ENG_TOKEN_WORKER && (word & ENG_TOKEN_HW_BUSY))
        return eng_token_apply(token, ENG_EDGE_ABANDON, args, &counts->token);
    PLAT_POINT(worker_finishing);
    if (eng_token_apply(token, ENG_EDGE_FINISH, args, &counts->token))
        return true;
    PLAT_POINT(worker_lost);
    if (!eng_token_apply(token, ENG_EDGE_ACKNOWLEDGE, args, &counts->token))
        return false;
    /* Stolen meanwhile: nobody reads what was written; say that no more will be. */
    atomic_fetch_add_explicit(&counts->late_results, 1, memory_order_relaxed);
    return true;
}

static void work_on(struct eng_worker *worker, struct eng_hint hint)
{
    struct eng_process_item *item = &worker->arena->items[hint.slot];
    struct eng_arena_counts *counts = worker->arena->counts;
    struct eng_token_args args = {.holder = worker->incarnation, .grant = hint.grant};
    beat(worker);
    if (PLAT_FAULT(worker_hang_before_start))
        plat_sleep_ns(HANG_NS);
    if (!eng_token_apply(&item->token, ENG_EDGE_START, &args, &counts->token)) {
        atomic_fetch_add_explicit(&counts->stale_hints, 1, memory_order_relaxed);
        return;
    }
    PLAT_POINT(worker_started);
    worker->slot = hint.slot;
    worker->grant = hint.grant;
    atomic_store_explicit(&worker->has_hardware, 0, memory_order_relaxed);
    memset(&item->work, 0, sizeof(item->work));
    item->work.started_ns = plat_now_ns();
    worker->job.result = &item->work.result;
    read_envelope(worker, &worker->arena->envelopes[hint.slot]);
    int status = run_job(worker);
    beat(worker);
    await_hardware(worker);
    finish_result(worker, &item->work, status);
    if (PLAT_FAULT(worker_hang_before_finish))
        plat_sleep_ns(HANG_NS);
    while (!leave(worker, &args))
        await_hardware(worker);
    if (PLAT_FAULT(worker_finishes_twice))
        leave(worker, &args);
    eng_bell_ring(worker->arena->control_bell);
}

static void lead(void *argument)
{
    struct eng_worker *worker = ((struct eng_helper *)argument)->worker;
    struct eng_worker_shared *shared = worker->shared;
    enter_team(worker);
    while (!atomic_load_explicit(&worker->is_stopping, memory_order_acquire)) {
        eng_bell_silence(&shared->bell);
        uint32_t cell;
        while (eng_ring_peek(&shared->ring, &cell)) {
            struct eng_hint hint = shared->hints[cell % ENG_HINTS_MAX];
            eng_ring_pop(&shared->ring);
            if (hint.slot < worker->arena->item_count) /* another process may have written it */
                work_on(worker, hint);
        }
        if (!atomic_load_explicit(&worker->is_stopping, memory_order_acquire))
            eng_bell_wait(&shared->bell, PLAT_FOREVER);
    }
    /* A changed gate wakes the helpers, which then see that it is over. */
    atomic_fetch_add_explicit(&worker->gate, GATE_GENERATION, memory_order_release);
    plat_wake(&worker->gate, INT_MAX);
    atomic_fetch_add_explicit(&worker->exited, 1, memory_order_release);
    plat_wake(&worker->exited, INT_MAX);
}

/* ---- start and stop -----------------------------------------------------------------------------
 */

static enum plat_priority priority_of(const struct eng_worker *worker, bool is_leader)
{
    if (!worker->config->workers[worker->index].is_background)
        return worker->priority;
    return worker->is_overseen && !is_leader ? PLAT_PRIORITY_BACKGROUND : PLAT_PRIORITY_LOW;
}

static int start_thread(struct eng_worker *worker, uint32_t number)
{
    const char *name = worker->config->workers[worker->index].name;
    struct eng_helper *helper = &worker->team[number];
    helper->worker = worker;
    helper->index = number - (worker->is_overseen && number);
    helper->thread = (struct plat_thread){.run = number ? help : lead,
        .argument = helper,
        .priority = priority_of(worker, number == 0)};
    if (number)
        snprintf(
            helper->thread.name, sizeof(helper->thread.name), "%.11s/%u", name, (uint8_t)number);
    else
        snprintf(helper->thread.name, sizeof(helper->thread.name), "%.15s", name);
    return plat_thread_create(&helper->thread);
}

int eng_worker_start(struct eng_worker *worker)
{
    const struct eng_worker_config *config = &worker->config->workers[worker->index];
    worker->team_size = config->threads;
    worker->core = UINT32_MAX;
    sisp_assert(worker->team_size > 0 && worker->team_size <= ENG_TEAM_MAX);
    /* A process must not be starved, or it could not be killed in time. */
    worker->is_overseen = config->is_background && !worker->is_foreign;
    uint32_t count = worker->team_size + worker->is_overseen;
    atomic_store_explicit(&worker->started, 0, memory_order_relaxed);
    for (uint32_t number = 0; number < count; number++) {
        int error = start_thread(worker, number);
        if (error)
            return error;
        atomic_store_explicit(&worker->started, number + 1, memory_order_release);
    }
    return 0;
}

void eng_worker_await_team(struct eng_worker *worker)
{
    uint32_t entered, started = atomic_load_explicit(&worker->started, memory_order_relaxed);
    while ((entered = atomic_load_explicit(&worker->entered, memory_order_acquire)) < started)
        plat_wait(&worker->entered, entered, PLAT_FOREVER);
}

void eng_worker_stop(struct eng_worker *worker)
{
    atomic_store_explicit(&worker->is_stopping, 1, memory_order_release);
    eng_bell_ring(&worker->shared->bell);
}

bool eng_worker_join(struct eng_worker *worker, uint64_t deadline_ns)
{
    uint32_t started = atomic_load_explicit(&worker->started, memory_order_relaxed);
    for (;;) {
        uint32_t exited = atomic_load_explicit(&worker->exited, memory_order_acquire);
        if (exited == started)
            break;
        if (plat_now_ns() >= deadline_ns)
            return false;
        plat_wait(&worker->exited, exited, deadline_ns);
    }
    for (uint32_t i = 0; i < started; i++)
        plat_thread_join(&worker->team[i].thread);
    return true;
}
