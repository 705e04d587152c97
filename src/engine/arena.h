/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Arena: all that control thread and workers share, without pointers, so that a worker can be a
 * thread or a process. Two sealed mappings: Envelopes, which nobody but the control thread can
 * write, and the rest. No lock and no multi-producer queue lies here.
 */
#ifndef ENGINE_ARENA_H
#define ENGINE_ARENA_H

#include "engine/process_item.h"
#include "engine/ring.h"
#include "engine/token.h"
#include "platform/platform.h"

#define ENG_HINTS_MAX 64 /* more than a worker can be behind: one dispatch and claimed ones */

/** "Look at this slot": stale as soon as the grant has moved on. */
struct eng_hint {
    uint32_t slot;
    uint64_t grant;
};

struct eng_worker_shared {
    struct eng_ring ring;
    struct eng_hint hints[ENG_HINTS_MAX];
    alignas(64) _Atomic uint32_t bell; /* rung after each push */
    alignas(
        64) _Atomic uint64_t heartbeat; /* +1 at each step of a job, by any thread of the team */
};

/** Of the workers; the control thread counts in private. */
struct eng_arena_counts {
    struct eng_token_counts token;
    _Atomic uint64_t stale_hints, late_results;
};

struct eng_belief;

/** One side's view. A worker's has no belief, and its mappings are not its own to destroy. */
struct eng_arena {
    uint32_t item_count, worker_count;
    struct eng_envelope *envelopes; /* by slot; workers map them read-only */
    struct eng_process_item *items;
    struct eng_worker_shared *workers;
    struct eng_arena_counts *counts;
    _Atomic uint32_t *control_bell;
    struct plat_memory envelope_memory, shared_memory;
    struct eng_belief *belief; /* control thread's (belief.h) */
};

/** Returns: 0, -ENOMEM, errno. */
int eng_arena_init(struct eng_arena *arena, uint32_t item_count, uint32_t worker_count);
void eng_arena_finish(struct eng_arena *arena);

/** What the two mappings of so many slots and workers take. */
size_t eng_arena_envelope_bytes(uint32_t item_count);
size_t eng_arena_shared_bytes(uint32_t item_count, uint32_t worker_count);

/** Point the view into two mappings of at least those sizes; the counts are set. */
void eng_arena_view(struct eng_arena *arena, void *envelopes, void *shared);

#endif
