/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/foreign.h"

#include "base/base.h"
#include <errno.h>
#include <stdlib.h>

static bool is_sound(const struct eng_hello *hello, uint32_t fd_count)
{
    return hello->magic == ENG_HELLO_MAGIC && hello->size_bytes == sizeof(*hello) &&
           hello->item_count > 0 && hello->item_count <= ENG_SLOTS_MAX &&
           hello->worker_count <= ENG_WORKERS_MAX && hello->worker < hello->worker_count &&
           hello->pool_count <= ENG_POOLS_MAX && fd_count == 3 + hello->pool_count;
}

static int map_arena(struct eng_foreign *foreign, const int *fds)
{
    const struct eng_hello *hello = &foreign->hello;
    struct eng_arena *arena = &foreign->arena;
    arena->item_count = hello->item_count;
    arena->worker_count = hello->worker_count;
    int error = plat_memory_map(
        &foreign->envelopes, fds[0], eng_arena_envelope_bytes(arena->item_count), false);
    if (!error)
        error = plat_memory_map(&foreign->shared, fds[1],
            eng_arena_shared_bytes(arena->item_count, arena->worker_count), true);
    if (!error)
        error = plat_memory_map(&foreign->blob, fds[2], base_max_size(hello->blob_bytes, 1), false);
    if (!error)
        eng_arena_view(arena, foreign->envelopes.bytes, foreign->shared.bytes);
    return error;
}

/* Buffers lie as the ResourceManager laid them out, one pool after the other. */
static int map_pools(struct eng_foreign *foreign, const int *fds)
{
    const struct eng_hello *hello = &foreign->hello;
    uint32_t buffers = 0, next = 0;
    for (uint32_t p = 0; p < hello->pool_count; p++)
        buffers += hello->pools[p].count;
    foreign->spans = calloc(base_max_size(buffers, 1), sizeof(*foreign->spans));
    if (!foreign->spans)
        return -ENOMEM;
    for (uint32_t p = 0; p < hello->pool_count; p++) {
        size_t step_bytes = eng_pool_step_bytes(hello->pools[p].size_bytes);
        int error = plat_memory_map(&foreign->pools[p], fds[3 + p],
            step_bytes * hello->pools[p].count, p != hello->input_pool);
        if (error)
            return error;
        for (uint32_t i = 0; i < hello->pools[p].count; i++)
            foreign->spans[next++] = (struct eng_span){
                .bytes = (uint8_t *)foreign->pools[p].bytes + i * step_bytes,
                .size_bytes = hello->pools[p].size_bytes,
            };
    }
    return 0;
}

int eng_foreign_open(struct eng_foreign *foreign)
{
    int fds[PLAT_DESCRIPTORS_MAX];
    uint32_t fd_count;
    int got = plat_socket_receive(PLAT_CHILD_SOCKET, &foreign->hello, sizeof(foreign->hello), fds,
        PLAT_DESCRIPTORS_MAX, &fd_count);
    int error = got < 0 ? got : 0;
    if (!error && (got != sizeof(foreign->hello) || !is_sound(&foreign->hello, fd_count)))
        error = -EPROTO;
    if (!error)
        error = map_arena(foreign, fds);
    if (!error)
        error = map_pools(foreign, fds);
    /* The mappings stay. */
    for (uint32_t i = 0; i < fd_count; i++)
        plat_close(fds[i]);
    return error;
}

int eng_foreign_run(
    struct eng_foreign *foreign, const struct eng_config *config, int (*confine)(void))
{
    struct eng_worker *worker = &foreign->worker;
    worker->config = config;
    worker->spans = foreign->spans;
    worker->arena = &foreign->arena;
    worker->shared = &foreign->arena.workers[foreign->hello.worker];
    worker->index = foreign->hello.worker;
    worker->incarnation = (uint16_t)foreign->hello.incarnation;
    worker->priority = (enum plat_priority)foreign->hello.priority;
    worker->is_foreign = true;
    int error = eng_worker_start(worker);
    if (!error) {
        eng_worker_await_team(worker);
        error = confine();
    }
    char word = 1;
    if (!error)
        error = plat_socket_send(PLAT_CHILD_SOCKET, &word, 1, NULL, 0);
    uint32_t fd_count;
    while (!error && plat_socket_receive(PLAT_CHILD_SOCKET, &word, 1, NULL, 0, &fd_count) > 0)
        ;
    return error;
}
