/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/belief.h"

#include "base/base.h"
#include "platform/simulate.h"

#define TRIES_MAX 8 /* a holder has four edges at most; who interferes more often is broken */

static void report(struct eng_belief *belief)
{
    sisp_assert(belief->is_foreign); /* threads of this process keep to the table */
    belief->has_broken_words = true;
}

static uint64_t believe(struct eng_belief *belief, uint32_t slot, uint64_t word)
{
    if (word == belief->words[slot])
        return word;
    /* Hardware is this process's: no worker outside can have given it work. */
    bool has_hw = belief->is_foreign && (word & ENG_TOKEN_HW_BUSY);
    if (!has_hw && eng_token_can_become(belief->words[slot], word))
        belief->words[slot] = word;
    else
        report(belief);
    return belief->words[slot];
}

uint64_t eng_arena_token(const struct eng_arena *arena, uint32_t slot)
{
    sisp_assert(slot < arena->item_count);
    _Atomic uint64_t *token = &arena->items[slot].token;
    uint64_t word = atomic_load_explicit(token, memory_order_acquire);
    uint64_t believed = believe(arena->belief, slot, word);
    if (word != believed)
        atomic_compare_exchange_strong_explicit(
            token, &word, believed, memory_order_acq_rel, memory_order_relaxed);
    return believed;
}

bool eng_arena_apply(const struct eng_arena *arena, uint32_t slot, enum eng_edge edge,
    const struct eng_token_args *args)
{
    sisp_assert(slot < arena->item_count);
    struct eng_belief *belief = arena->belief;
    _Atomic uint64_t *token = &arena->items[slot].token;
    uint64_t word = atomic_load_explicit(token, memory_order_acquire), next, before;
    bool is_changed = false;
    for (uint32_t tries = 0; !is_changed; tries++) {
        before = believe(belief, slot, word);
        if (!eng_token_next(before, edge, args, &next)) {
            atomic_fetch_add_explicit(&belief->counts.failed[edge], 1, memory_order_relaxed);
            return false;
        }
        PLAT_POINT(token_loaded);
        /* Release: what was written under the old owner is seen by the next one. Acquire: the new
         * owner sees it. */
        if (tries < TRIES_MAX) {
            is_changed = atomic_compare_exchange_strong_explicit(
                token, &word, next, memory_order_acq_rel, memory_order_acquire);
        } else {
            report(belief);
            atomic_exchange_explicit(token, next, memory_order_acq_rel);
            is_changed = true;
        }
    }
    belief->words[slot] = next;
    PLAT_TRACE_TOKEN(token, edge, args, before, next);
    PLAT_POINT(token_applied);
    atomic_fetch_add_explicit(&belief->counts.applied[edge], 1, memory_order_relaxed);
    return true;
}

bool eng_arena_has_room(const struct eng_arena *arena, uint32_t worker)
{
    sisp_assert(worker < arena->worker_count);
    const struct eng_ring *ring = &arena->workers[worker].ring;
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    uint64_t behind = arena->belief->ring_heads[worker] - tail;
    if (behind > ENG_HINTS_MAX)
        report(arena->belief);
    return behind < ENG_HINTS_MAX;
}

void eng_arena_push_hint(const struct eng_arena *arena, uint32_t worker, struct eng_hint hint)
{
    struct eng_worker_shared *shared = &arena->workers[worker];
    uint64_t *head = &arena->belief->ring_heads[worker];
    shared->hints[*head % ENG_HINTS_MAX] = hint;
    PLAT_POINT(ring_push);
    atomic_store_explicit(&shared->ring.head, ++*head, memory_order_release);
}

void eng_arena_restart_ring(const struct eng_arena *arena, uint32_t worker)
{
    eng_ring_init(&arena->workers[worker].ring, ENG_HINTS_MAX);
    arena->belief->ring_heads[worker] = 0;
}
