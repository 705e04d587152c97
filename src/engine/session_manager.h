/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * SessionManager: owns the slots. Free ones stand in one global FIFO, numbered by free_seq as they
 * are appended; acquire takes the oldest. Control thread only.
 */
#ifndef ENGINE_SESSION_MANAGER_H
#define ENGINE_SESSION_MANAGER_H

#include "engine/arena.h"

struct eng_session_manager {
    struct eng_arena *arena;
    uint32_t slot_count;
    uint32_t fifo[ENG_SLOTS_MAX]; /* ring of free slots */
    uint64_t fifo_head, fifo_tail;
    uint64_t free_seq[ENG_SLOTS_MAX]; /* drawn when the slot was appended */
    uint64_t next_free_seq, last_popped_seq;
    bool is_free[ENG_SLOTS_MAX];
};

void eng_session_manager_init(struct eng_session_manager *manager, struct eng_arena *arena);

/** Take the oldest free slot, if more than `keep` are free: those are reserved for others.
 * Returns: 0, -EAGAIN. */
int eng_session_acquire(struct eng_session_manager *manager, uint32_t keep, uint32_t *slot);

/** Give a slot back. Its token must be SESSION, or CONSUMER with no pins. */
void eng_session_return(struct eng_session_manager *manager, uint32_t slot);

uint32_t eng_session_free_count(const struct eng_session_manager *manager);

/** Assert that each slot is FREE in the FIFO once, or held, and that the FIFO is in order. */
void eng_session_manager_check(const struct eng_session_manager *manager);

#endif
