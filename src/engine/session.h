/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Session: what keeps the streams of one application apart from another's that is served by the
 * same runtime: gate and credits for any thread, all else for the control thread.
 *
 * A session's number is its place plus ENG_SESSIONS_MAX times how often the place was used before,
 * so that a number outlives its session without ever naming the next one in its place.
 */
#ifndef ENGINE_SESSION_H
#define ENGINE_SESSION_H

#include "engine/engine.h"
#include "engine/ring.h"

#define ENG_PLANS_MAX   4 /* of one session */
#define ENG_CANCELS_MAX 8 /* messages of one session */

enum eng_session_phase {
    ENG_SESSION_UNUSED,
    ENG_SESSION_OPEN,
    ENG_SESSION_CLOSING, /* takes no more frames; its completions can be read */
    ENG_SESSION_CLOSED,  /* nothing is delivered any more; waits until its reader has left */
};

struct eng_history_entry {
    struct eng_handle input;
    uint64_t sequence, capture_ns;
    uint8_t meta[ENG_META_BYTES];
};

struct eng_session {
    /* Any thread's. */
    _Atomic uint64_t gate;                              /* number << 2 | phase */
    _Atomic uint32_t bell;                              /* wakes its consumer */
    _Atomic uint32_t is_reading;                        /* a thread is inside eng_next() */
    _Atomic uint32_t frames_in_flight, plans_in_flight; /* credits taken */
    _Atomic uint32_t cancels_in_flight;
    /* The control thread pushes, the consumer pops. */
    struct eng_ring ring;
    struct eng_completion *completions;
    /* The control thread's. */
    uint64_t epoch; /* what was accepted in an earlier one is not delivered */
    uint64_t enlisted[ENG_LANE_COUNT], published[ENG_LANE_COUNT]; /* the streams' orders */
    struct eng_handle committed[ENG_ROLES_MAX];
    uint32_t written_held, inputs_held; /* completions that its consumer holds, by what they have */
    uint32_t history_count;             /* entries in use */
    struct eng_history_entry history[ENG_INPUTS_MAX]; /* oldest first */
};

/** capacity: completions that can wait for the consumer; as many as there are credits. Returns: 0,
 * -ENOMEM. */
int eng_session_init(struct eng_session *session, uint32_t capacity);
void eng_session_finish(struct eng_session *session);

static inline uint64_t eng_session_word(uint32_t number, enum eng_session_phase phase)
{
    return (uint64_t)number << 2 | (uint64_t)phase;
}

static inline uint32_t eng_session_number(uint64_t gate)
{
    return (uint32_t)(gate >> 2);
}

static inline enum eng_session_phase eng_session_phase(uint64_t gate)
{
    return (enum eng_session_phase)(gate & 3);
}

#endif
