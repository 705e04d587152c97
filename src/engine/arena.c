/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/arena.h"

#include "base/base.h"

int eng_arena_init(struct eng_arena *arena, uint32_t item_count, uint32_t worker_count)
{
    sisp_assert(item_count > 0 && worker_count > 0);
    size_t items_bytes = item_count * sizeof(struct eng_process_item);
    size_t workers_bytes = worker_count * sizeof(struct eng_worker_shared);
    *arena = (struct eng_arena){.item_count = item_count, .worker_count = worker_count};
    int error = plat_memory_create(&arena->memory, "softisp-arena",
        items_bytes + workers_bytes + sizeof(struct eng_arena_counts));
    if (error)
        return error;
    uint8_t *bytes = arena->memory.bytes;
    arena->items = (void *)bytes;
    arena->workers = (void *)(bytes + items_bytes);
    arena->counts = (void *)(bytes + items_bytes + workers_bytes);
    for (uint32_t i = 0; i < worker_count; i++)
        eng_ring_init(&arena->workers[i].ring, ENG_HINTS_MAX);
    return 0;
}

void eng_arena_finish(struct eng_arena *arena)
{
    plat_memory_destroy(&arena->memory);
}
