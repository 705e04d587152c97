/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * SessionManager: owns the slots. Free ones stand in one global FIFO, numbered by free_seq as they
 * are appended; acquire takes the oldest. Each session has a minimum, which the others leave free,
 * and a cap. Spare slots stay free until the quarantine has used them up. Control thread only.
 *
 * Per-core caches: a slot that was taken for a frame submitted on core c comes back to cache c and
 * is taken first, newest first, by the next frame from there. It is FREE with location 'cache c'.
 * Before anybody is refused for want of slots the caches are emptied into the FIFO. So the FIFO's
 * own order stays strict, and at most caches x size slots stand outside of it at a time.
 * They gain nothing where one control thread takes and returns all slots: with caches of 4 a frame
 * of two empty stages takes 14.3 to 14.9 us, without 13.8 to 14.3. So they are off by default.
 */
#ifndef ENGINE_SESSION_MANAGER_H
#define ENGINE_SESSION_MANAGER_H

#include "engine/arena.h"
#include "engine/control_item.h"

/** The background lane leaves one slot to the fast lane and one to the floor, and needs one. */
#define ENG_SLOTS_TO_GET_ON 3u

#define ENG_CORES_MAX      64 /* caches; a higher core shares one */
#define ENG_CORE_CACHE_MAX 8  /* slots of one */

/** One session's part of the slots. */
struct eng_session_share {
    bool is_open;
    uint32_t min, max; /* max 0: all */
    uint32_t held;     /* also stolen ones, until they are quarantined */
};

struct eng_core_cache {
    uint32_t count;
    uint32_t slots[ENG_CORE_CACHE_MAX]; /* newest last */
};

/** What is known of one slot beside its token. */
struct eng_slot_record {
    bool is_free, is_quarantined;
    uint32_t cache;    /* the one that it is in; ENG_NONE: none */
    uint32_t home;     /* cache that it returns to; ENG_NONE: the FIFO */
    uint32_t owner;    /* place of the session that holds it; ENG_NONE: none */
    uint64_t free_seq; /* drawn when it was appended */
};

struct eng_session_manager {
    struct eng_arena *arena;
    uint32_t slot_count, spare_count, quarantined;
    uint32_t fifo[ENG_SLOTS_MAX]; /* ring of free slots */
    uint64_t fifo_head, fifo_tail;
    uint64_t next_free_seq, last_popped_seq;
    struct eng_slot_record slots[ENG_SLOTS_MAX];
    struct eng_session_share shares[ENG_SESSIONS_MAX]; /* by place */
    uint32_t cache_size, cached;                       /* slots a core, 0: off; in all caches */
    struct eng_core_cache caches[ENG_CORES_MAX];
    uint64_t recalls;
    struct eng_control_window windows[ENG_ORIGIN_COUNT];
    uint64_t items_applied, items_repeated;
};

/** knobs: spare_slots, core_cache and strict_fifo are used. */
void eng_session_manager_init(
    struct eng_session_manager *manager, struct eng_arena *arena, const struct eng_knobs *knobs);

/** Give a session its share. Returns: 0, -EINVAL (min above max), -EAGAIN (minima, spares and what
 * each session needs to get on do not fit). */
int eng_session_admit(
    struct eng_session_manager *manager, uint32_t session, const struct eng_session_config *config);

/** Take the share back; what the session still holds is nobody's until it returns. */
void eng_session_dismiss(struct eng_session_manager *manager, uint32_t session);

/** Take a slot for a session and leave `keep` more than the others' minima and the spares need.
 * core: where the frame was submitted; ENG_NONE: unknown. Returns: 0, -EAGAIN. */
int eng_session_acquire(struct eng_session_manager *manager, uint32_t session, uint32_t keep,
    uint32_t core, uint32_t *slot);

/** Give a slot back. Its token must be SESSION, or CONSUMER with no pins. */
void eng_session_return(struct eng_session_manager *manager, uint32_t slot);

/** The slot's token has become QUARANTINE: a spare stands in for it, and its session does not
 * answer for it any more. It ends with its return. */
void eng_session_quarantine(struct eng_session_manager *manager, uint32_t slot);

/** Apply control items in order, each once. Returns: 0 (all are applied, now or before), -EINVAL
 * (an item names no type, origin or slot), -ESTALE (the slot is not in SESSION under that grant);
 * then what stands before that item is applied and the rest is not. */
int eng_session_accept_batch(
    struct eng_session_manager *manager, struct eng_control_item *items, uint32_t count);

/** In the FIFO and in the caches. */
uint32_t eng_session_free_count(const struct eng_session_manager *manager);

/** Assert that each slot is FREE in one place, or held by one session, that the FIFO is in order
 * and that minima can be met. */
void eng_session_manager_check(const struct eng_session_manager *manager);

#endif
