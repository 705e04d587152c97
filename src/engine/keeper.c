/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/keeper.h"

#include "base/base.h"
#include "base/log.h"
#include "engine/bell.h"
#include "engine/config.h"
#include "engine/main_loop.h"
#include <errno.h>
#include <string.h>

#define READY_NS UINT64_C(10000000000) /* a program that is not there by then will not come */

static void post(struct eng_keeper *keeper, enum eng_message_type type, uint32_t worker)
{
    struct eng_message message = {
        .type = type, .worker = worker, .incarnation = keeper->kept[worker].number};
    bool ok = eng_inbox_push(&keeper->core->inbox, &message);
    sisp_assert(ok); /* two at most for each incarnation, and the next one is asked for after */
    eng_bell_ring_surely(keeper->core->arena.control_bell);
}

/* Of the first incarnations, only. */
static void tell_creator(struct eng_keeper *keeper, int error)
{
    int32_t before = atomic_load_explicit(&keeper->first, memory_order_relaxed);
    if (before <= 0)
        return;
    atomic_store_explicit(&keeper->first, error ? error : before - 1, memory_order_release);
    plat_wake((_Atomic uint32_t *)&keeper->first, INT32_MAX);
}

/* ---- one process ---------------------------------------------------------------------------- */

static int greet(struct eng_keeper *keeper, uint32_t worker)
{
    const struct eng_core *core = keeper->core;
    const struct eng_resource_manager *resources = &core->resources;
    struct eng_hello hello = {.magic = ENG_HELLO_MAGIC,
        .size_bytes = sizeof(hello),
        .worker = worker,
        .incarnation = keeper->kept[worker].number,
        .priority = eng_config_priority(&core->config),
        .item_count = core->arena.item_count,
        .worker_count = core->arena.worker_count,
        .pool_count = resources->pool_count,
        .input_pool = core->config.input_pool,
        .blob_bytes = core->config.worker_blob_bytes};
    int fds[3 + ENG_POOLS_MAX] = {
        core->arena.envelope_memory.fd, core->arena.shared_memory.fd, keeper->blob.fd};
    for (uint32_t i = 0; i < resources->pool_count; i++) {
        hello.pools[i].size_bytes = resources->pools[i].size_bytes;
        hello.pools[i].count = resources->pools[i].count;
        fds[3 + i] = resources->pools[i].memory.fd;
    }
    return plat_socket_send(
        keeper->kept[worker].process.socket, &hello, sizeof(hello), fds, 3 + resources->pool_count);
}

static void bury(struct eng_keeper *keeper, uint32_t worker, int error)
{
    struct eng_kept *kept = &keeper->kept[worker];
    plat_process_close(&kept->process);
    if (!kept->was_ready)
        tell_creator(keeper, error);
    post(keeper, ENG_MESSAGE_WORKER_DIED, worker);
    kept->number = 0;
    kept->is_ready = false;
}

static void spawn(struct eng_keeper *keeper, uint32_t worker, uint16_t number)
{
    struct eng_kept *kept = &keeper->kept[worker];
    sisp_assert(kept->number == 0); /* the last one is proven dead */
    kept->number = number;
    int error = plat_process_spawn(&kept->process, keeper->core->config.worker_program);
    if (!error) {
        error = greet(keeper, worker);
        if (error)
            plat_process_kill(&kept->process); /* its end is seen like any other */
    } else {
        bury(keeper, worker, error);
    }
    if (error)
        base_log(SISP_LOG_WARNING, "a worker process cannot be started: %s", strerror(-error));
}

static void take_orders(struct eng_keeper *keeper)
{
    for (uint32_t w = 0; w < keeper->core->config.worker_count; w++) {
        struct eng_kept *kept = &keeper->kept[w];
        uint32_t number = atomic_exchange_explicit(&kept->asked_start, 0, memory_order_acquire);
        if (number)
            spawn(keeper, w, (uint16_t)number);
        number = atomic_exchange_explicit(&kept->asked_kill, 0, memory_order_acquire);
        if (number && number == kept->number)
            plat_process_kill(&kept->process);
    }
}

/* Any word from it says that it is ready; what it is does not matter. */
static void listen(struct eng_keeper *keeper, uint32_t worker)
{
    struct eng_kept *kept = &keeper->kept[worker];
    uint32_t word, fd_count;
    if (plat_socket_receive(kept->process.socket, &word, sizeof(word), NULL, 0, &fd_count) <= 0) {
        plat_process_kill(&kept->process); /* it has hung up: of no more use */
        return;
    }
    kept->is_ready = true;
    /* Before the creator goes on: its first frame must find the worker ready. */
    post(keeper, ENG_MESSAGE_WORKER_READY, worker);
    if (!kept->was_ready)
        tell_creator(keeper, 0);
    kept->was_ready = true;
}

/* ---- the thread -------------------------------------------------------------------------------
 */

static uint32_t fill_polls(const struct eng_keeper *keeper, struct plat_poll *polls)
{
    uint32_t count = 0;
    polls[count++] = (struct plat_poll){.fd = keeper->signal};
    for (uint32_t w = 0; w < keeper->core->config.worker_count; w++) {
        const struct eng_kept *kept = &keeper->kept[w];
        polls[count++] = (struct plat_poll){.fd = kept->number ? kept->process.pidfd : -1};
        polls[count++] =
            (struct plat_poll){.fd = kept->number && !kept->is_ready ? kept->process.socket : -1};
    }
    return count;
}

static void watch(struct eng_keeper *keeper, uint64_t deadline_ns)
{
    struct plat_poll polls[1 + 2 * ENG_WORKERS_MAX];
    uint32_t count = fill_polls(keeper, polls);
    plat_poll(polls, count, deadline_ns);
    if (polls[0].is_ready)
        plat_signal_silence(keeper->signal);
    for (uint32_t w = 0; w < keeper->core->config.worker_count; w++) {
        if (polls[2 + 2 * w].is_ready)
            listen(keeper, w);
        if (polls[1 + 2 * w].is_ready && plat_process_has_ended(&keeper->kept[w].process))
            bury(keeper, w, -ECHILD);
    }
}

static bool has_any(const struct eng_keeper *keeper)
{
    for (uint32_t w = 0; w < keeper->core->config.worker_count; w++)
        if (keeper->kept[w].number)
            return true;
    return false;
}

/* They leave when their sockets end; who does not, is killed. */
static void dismiss(struct eng_keeper *keeper)
{
    uint32_t count = keeper->core->config.worker_count;
    uint64_t end_ns = plat_now_ns() + keeper->core->config.knobs.drain_grace_period_ns;
    for (uint32_t w = 0; w < count; w++) {
        if (keeper->kept[w].number)
            plat_process_hang_up(&keeper->kept[w].process);
        keeper->kept[w].is_ready = true; /* its socket has no more to say */
    }
    while (has_any(keeper) && plat_now_ns() < end_ns)
        watch(keeper, end_ns);
    for (uint32_t w = 0; w < count; w++)
        if (keeper->kept[w].number)
            plat_process_kill(&keeper->kept[w].process);
    while (has_any(keeper))
        watch(keeper, PLAT_FOREVER);
}

static void keep(void *argument)
{
    struct eng_keeper *keeper = argument;
    while (!atomic_load_explicit(&keeper->is_leaving, memory_order_acquire)) {
        take_orders(keeper);
        watch(keeper, PLAT_FOREVER);
    }
    dismiss(keeper);
}

int eng_keeper_start(struct eng_keeper *keeper, struct eng_core *core)
{
    const struct eng_config *config = &core->config;
    keeper->core = core;
    keeper->signal = -1;
    atomic_store_explicit(&keeper->first, (int32_t)config->worker_count, memory_order_relaxed);
    for (uint32_t w = 0; w < ENG_WORKERS_MAX; w++)
        keeper->kept[w].process = (struct plat_process){-1, -1, -1};
    int error = plat_memory_create_one_writer(
        &keeper->blob, "softisp-blob", base_max_size(config->worker_blob_bytes, 1));
    if (error)
        return error;
    memcpy(keeper->blob.bytes, config->worker_blob, config->worker_blob_bytes);
    keeper->signal = plat_signal_create();
    error = keeper->signal < 0 ? keeper->signal : 0;
    if (!error) {
        keeper->thread = (struct plat_thread){.name = "keeper",
            .run = keep,
            .argument = keeper,
            .priority = eng_config_priority(config)};
        error = plat_thread_create(&keeper->thread);
        keeper->has_thread = error == 0;
    }
    return error;
}

void eng_keeper_finish(struct eng_keeper *keeper)
{
    if (!keeper->core)
        return;
    if (keeper->has_thread) {
        atomic_store_explicit(&keeper->is_leaving, 1, memory_order_release);
        plat_signal_ring(keeper->signal);
        plat_thread_join(&keeper->thread);
    }
    plat_close(keeper->signal);
    plat_memory_destroy(&keeper->blob);
}

void eng_keeper_ask(struct eng_keeper *keeper, struct eng_workforce *force)
{
    if (!(force->asks_start | force->asks_kill))
        return;
    for (uint32_t w = 0; w < ENG_WORKERS_MAX; w++) {
        uint32_t number = force->workers[w].number;
        if (force->asks_start >> w & 1)
            atomic_store_explicit(&keeper->kept[w].asked_start, number, memory_order_release);
        if (force->asks_kill >> w & 1)
            atomic_store_explicit(&keeper->kept[w].asked_kill, number, memory_order_release);
    }
    force->asks_start = force->asks_kill = 0;
    plat_signal_ring(keeper->signal);
}

int eng_keeper_await(struct eng_keeper *keeper)
{
    uint64_t end_ns = plat_now_ns() + READY_NS;
    for (;;) {
        int32_t first = atomic_load_explicit(&keeper->first, memory_order_acquire);
        if (first <= 0)
            return first;
        if (plat_now_ns() >= end_ns)
            return -ETIMEDOUT;
        plat_wait((_Atomic uint32_t *)&keeper->first, (uint32_t)first, end_ns);
    }
}
