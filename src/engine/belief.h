/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Belief: what the control thread knows of the shared part of the arena by itself. A worker process
 * can write anything there at any time, so each word is compared with what the last one could have
 * become by its holder's edges; any other is repaired, reported and never acted on. Control thread
 * only; it changes tokens through eng_arena_apply() alone.
 */
#ifndef ENGINE_BELIEF_H
#define ENGINE_BELIEF_H

#include "engine/arena.h"
#include "engine/bell.h"

struct eng_belief {
    uint64_t words[ENG_SLOTS_MAX];
    uint64_t ring_heads[ENG_WORKERS_MAX]; /* hints pushed */
    struct eng_token_counts counts;
    bool is_foreign;         /* workers are processes: what they break is input, not our mistake */
    bool has_broken_words;   /* since somebody last cleared it */
    _Atomic uint64_t broken; /* times that workers were killed for it */
};

/** A slot's token, as far as it can be believed. */
uint64_t eng_arena_token(const struct eng_arena *arena, uint32_t slot);

/** What its token was when it was last looked at. */
static inline uint64_t eng_arena_last_token(const struct eng_arena *arena, uint32_t slot)
{
    return arena->belief->words[slot];
}

/** Change a slot's token along one of the control thread's edges. Returns: whether it was changed;
 * what only the control thread may change cannot fail. */
bool eng_arena_apply(const struct eng_arena *arena, uint32_t slot, enum eng_edge edge,
    const struct eng_token_args *args);

/** Whether a hint can be pushed for the worker. */
bool eng_arena_has_room(const struct eng_arena *arena, uint32_t worker);
void eng_arena_push_hint(const struct eng_arena *arena, uint32_t worker, struct eng_hint hint);

/** Any thread of this process: ring a bell of the arena. */
static inline void eng_arena_ring(const struct eng_arena *arena, _Atomic uint32_t *bell)
{
    if (arena->belief->is_foreign)
        eng_bell_ring_surely(bell);
    else
        eng_bell_ring(bell);
}

/** The ring of a worker that is proven dead starts anew. */
void eng_arena_restart_ring(const struct eng_arena *arena, uint32_t worker);

#endif
