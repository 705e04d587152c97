/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Calls: what a thread asks of the control thread and waits for: open, close, flush, drain. Each
 * takes one of a few places, so that the messages under way are bounded; the control thread looks
 * after each step whether the call has come to its end.
 */
#ifndef ENGINE_CALLS_H
#define ENGINE_CALLS_H

#include "engine/engine.h"
#include "engine/session.h"

#define ENG_CALLS_MAX 16 /* under way at a time; more are refused */

struct eng_core;

enum eng_call_type {
    ENG_CALL_OPEN,
    ENG_CALL_CLOSE, /* the gate is CLOSING already */
    ENG_CALL_FLUSH,
    ENG_CALL_DRAIN,
};

enum eng_call_state {
    ENG_CALL_FREE,
    ENG_CALL_TAKEN, /* the caller's until its message is posted, then the control thread's */
    ENG_CALL_DONE,  /* the caller's again */
};

struct eng_call {
    _Atomic uint32_t state; /* the caller waits on it */
    enum eng_call_type type;
    uint32_t session; /* open: the answer */
    struct eng_session_config config;
    uint64_t deadline_ns;
    int result;
    /* The control thread's. */
    uint64_t last_id; /* newest frame when the call came */
    uint64_t stolen;  /* bit s: slot s waits for an acknowledgement */
    uint64_t fences;  /* bit p: the input of fence p waits for it */
};

struct eng_calls {
    uint32_t active; /* bit i: the control thread has it */
    struct eng_call table[ENG_CALLS_MAX];
};

/** End every frame of the session that has not ended, as flushed. */
void eng_calls_end_frames(struct eng_core *core, struct eng_session *session);

/** The message of a call has come. */
void eng_calls_begin(struct eng_core *core, uint32_t index);

/** End what can be ended; whom that wakes is marked. Returns: when to look again at the latest. */
uint64_t eng_calls_step(struct eng_core *core);

/** Assert that gates, shares, frames and handouts tell the same story of each session. */
void eng_calls_check(const struct eng_core *core);

#endif
