/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/arena.h"

#include "base/base.h"
#include "engine/belief.h"
#include <errno.h>
#include <stdlib.h>

/* What lies behind items and workers in the shared mapping. */
struct shared_tail {
    struct eng_arena_counts counts;
    alignas(64) _Atomic uint32_t control_bell;
};

size_t eng_arena_envelope_bytes(uint32_t item_count)
{
    return item_count * sizeof(struct eng_envelope);
}

size_t eng_arena_shared_bytes(uint32_t item_count, uint32_t worker_count)
{
    return item_count * sizeof(struct eng_process_item) +
           worker_count * sizeof(struct eng_worker_shared) + sizeof(struct shared_tail);
}

void eng_arena_view(struct eng_arena *arena, void *envelopes, void *shared)
{
    uint8_t *bytes = shared;
    arena->envelopes = envelopes;
    arena->items = (void *)bytes;
    bytes += arena->item_count * sizeof(struct eng_process_item);
    arena->workers = (void *)bytes;
    bytes += arena->worker_count * sizeof(struct eng_worker_shared);
    struct shared_tail *tail = (void *)bytes;
    arena->counts = &tail->counts;
    arena->control_bell = &tail->control_bell;
}

int eng_arena_init(struct eng_arena *arena, uint32_t item_count, uint32_t worker_count)
{
    sisp_assert(item_count > 0 && item_count <= ENG_SLOTS_MAX);
    sisp_assert(worker_count > 0 && worker_count <= ENG_WORKERS_MAX);
    *arena = (struct eng_arena){.item_count = item_count, .worker_count = worker_count};
    arena->belief = calloc(1, sizeof(*arena->belief));
    int error = arena->belief ? 0 : -ENOMEM;
    if (!error)
        error = plat_memory_create_one_writer(
            &arena->envelope_memory, "softisp-envelopes", eng_arena_envelope_bytes(item_count));
    if (!error)
        error = plat_memory_create(&arena->shared_memory, "softisp-arena",
            eng_arena_shared_bytes(item_count, worker_count));
    if (error) {
        eng_arena_finish(arena);
        return error;
    }
    eng_arena_view(arena, arena->envelope_memory.bytes, arena->shared_memory.bytes);
    for (uint32_t i = 0; i < worker_count; i++)
        eng_ring_init(&arena->workers[i].ring, ENG_HINTS_MAX);
    return 0;
}

void eng_arena_finish(struct eng_arena *arena)
{
    plat_memory_destroy(&arena->shared_memory);
    plat_memory_destroy(&arena->envelope_memory);
    free(arena->belief);
    arena->belief = NULL;
}
