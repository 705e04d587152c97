/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/session_manager.h"

#include "base/base.h"
#include "engine/belief.h"
#include <errno.h>

static void append(struct eng_session_manager *manager, uint32_t slot)
{
    sisp_assert(slot < manager->slot_count && !manager->is_free[slot]);
    sisp_assert(eng_session_free_count(manager) < manager->slot_count);
    manager->is_free[slot] = true;
    manager->free_seq[slot] = ++manager->next_free_seq;
    manager->fifo[manager->fifo_head++ % ENG_SLOTS_MAX] = slot;
}

void eng_session_manager_init(struct eng_session_manager *manager, struct eng_arena *arena)
{
    sisp_assert(arena->item_count > 0 && arena->item_count <= ENG_SLOTS_MAX);
    *manager = (struct eng_session_manager){.arena = arena, .slot_count = arena->item_count};
    for (uint32_t i = 0; i < manager->slot_count; i++)
        append(manager, i);
}

uint32_t eng_session_free_count(const struct eng_session_manager *manager)
{
    sisp_assert(manager->fifo_head >= manager->fifo_tail);
    return (uint32_t)(manager->fifo_head - manager->fifo_tail);
}

int eng_session_acquire(struct eng_session_manager *manager, uint32_t keep, uint32_t *slot)
{
    if (eng_session_free_count(manager) <= keep)
        return -EAGAIN;
    uint32_t taken = manager->fifo[manager->fifo_tail++ % ENG_SLOTS_MAX];
    sisp_assert(manager->is_free[taken]);
    sisp_assert(manager->free_seq[taken] > manager->last_popped_seq);
    manager->is_free[taken] = false;
    manager->last_popped_seq = manager->free_seq[taken];
    struct eng_token_args none = {0};
    /* No other thread changes a FREE token, so a refusal is a broken invariant. */
    bool ok = eng_arena_apply(manager->arena, taken, ENG_EDGE_ACQUIRE, &none);
    sisp_assert(ok);
    *slot = taken;
    return 0;
}

void eng_session_return(struct eng_session_manager *manager, uint32_t slot)
{
    sisp_assert(slot < manager->slot_count && !manager->is_free[slot]);
    struct eng_token_args none = {0};
    bool ok = eng_arena_apply(manager->arena, slot, ENG_EDGE_RETURN, &none);
    sisp_assert(ok);
    append(manager, slot);
}

void eng_session_manager_check(const struct eng_session_manager *manager)
{
    uint32_t free_count = 0;
    uint64_t seq = manager->last_popped_seq;
    for (uint64_t i = manager->fifo_tail; i < manager->fifo_head; i++) {
        uint32_t slot = manager->fifo[i % ENG_SLOTS_MAX];
        sisp_assert(slot < manager->slot_count && manager->is_free[slot]);
        sisp_assert(manager->free_seq[slot] > seq);
        seq = manager->free_seq[slot];
    }
    for (uint32_t i = 0; i < manager->slot_count; i++) {
        uint64_t word = eng_arena_token(manager->arena, i);
        sisp_assert(manager->is_free[i] == (eng_token_state(word) == ENG_TOKEN_FREE));
        free_count += manager->is_free[i];
    }
    sisp_assert(free_count == eng_session_free_count(manager));
}
