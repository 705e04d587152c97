/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * OwnershipToken: who owns a slot, in one 64-bit word. The token is the truth; queues carry hints.
 *
 * state 4 | cpu_busy | hw_busy | cancel | spare 1 | holder 16 | grant 40
 *
 * Control thread and workers change it through eng_token_apply() alone. Taking a token away stops
 * the old owner from publishing, not from writing: so cpu_busy stays until the loser acknowledges.
 */
#ifndef ENGINE_TOKEN_H
#define ENGINE_TOKEN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum eng_token_state {
    ENG_TOKEN_FREE,
    ENG_TOKEN_SESSION,
    ENG_TOKEN_QUEUED,
    ENG_TOKEN_WORKER,
    ENG_TOKEN_DONE,
    ENG_TOKEN_MONITOR,
    ENG_TOKEN_QUARANTINE,
    ENG_TOKEN_CONSUMER,
    ENG_TOKEN_STATE_COUNT,
};

enum eng_edge {
    ENG_EDGE_ACQUIRE,     /* control: FREE to SESSION */
    ENG_EDGE_DISPATCH,    /* control: SESSION to QUEUED; publishes the Envelope */
    ENG_EDGE_START,       /* worker: QUEUED to WORKER; may read the Envelope from here on */
    ENG_EDGE_START_HW,    /* worker: hardware will write too */
    ENG_EDGE_HW_DONE,     /* control: FRAME_HW_DONE */
    ENG_EDGE_FINISH,      /* worker: WORKER to DONE; publishes the WorkResult */
    ENG_EDGE_ABANDON,     /* worker: cancelled while hardware still writes */
    ENG_EDGE_ACKNOWLEDGE, /* worker: lost the slot and touches it no more */
    ENG_EDGE_CANCEL,      /* control: asks the holder to end early */
    ENG_EDGE_CLAIM,       /* control: QUEUED back to SESSION before it started */
    ENG_EDGE_STEAL,       /* control: WORKER to MONITOR */
    ENG_EDGE_ESCALATE,    /* control: MONITOR to QUARANTINE */
    ENG_EDGE_REAP_CPU,    /* control: the holder is proven dead */
    ENG_EDGE_REAP_HW,     /* control: a reset has returned, nobody can submit */
    ENG_EDGE_CONVERT,     /* control: acknowledged, back to SESSION */
    ENG_EDGE_ADVANCE,     /* control: DONE to SESSION */
    ENG_EDGE_PUBLISH,     /* control: DONE to CONSUMER */
    ENG_EDGE_RETURN,      /* control: to FREE */
    ENG_EDGE_COUNT,
};

#define ENG_TOKEN_GRANT_BITS  40
#define ENG_TOKEN_GRANT_MASK  (((uint64_t)1 << ENG_TOKEN_GRANT_BITS) - 1)
#define ENG_TOKEN_HOLDER_MASK ((uint64_t)0xffff << ENG_TOKEN_GRANT_BITS)
#define ENG_TOKEN_SPARE       ((uint64_t)1 << 56)
#define ENG_TOKEN_CANCEL      ((uint64_t)1 << 57)
#define ENG_TOKEN_HW_BUSY     ((uint64_t)1 << 58)
#define ENG_TOKEN_CPU_BUSY    ((uint64_t)1 << 59)
#define ENG_TOKEN_BUSY        (ENG_TOKEN_CPU_BUSY | ENG_TOKEN_HW_BUSY)
#define ENG_TOKEN_STATE_SHIFT 60

/** What the caller believes. Edges that name a grant or a holder fail when it is another one. */
struct eng_token_args {
    uint16_t holder;
    uint64_t grant;
    uint32_t pins; /* of what the consumer reads; return only */
};

/** Per edge, by any thread. */
struct eng_token_counts {
    _Atomic uint64_t applied[ENG_EDGE_COUNT], failed[ENG_EDGE_COUNT];
};

static inline enum eng_token_state eng_token_state(uint64_t word)
{
    return (enum eng_token_state)(word >> ENG_TOKEN_STATE_SHIFT);
}

static inline uint64_t eng_token_grant(uint64_t word)
{
    return word & ENG_TOKEN_GRANT_MASK;
}

static inline uint16_t eng_token_holder(uint64_t word)
{
    return (uint16_t)(word >> ENG_TOKEN_GRANT_BITS);
}

/** Whether a word is one that the table can produce. */
bool eng_token_is_valid(uint64_t word);

/** The word after an edge, or false where the guard forbids it. Pure. */
bool eng_token_next(
    uint64_t word, enum eng_edge edge, const struct eng_token_args *args, uint64_t *next);

/** Whether the holder's own edges lead from one word to the other. Pure. */
bool eng_token_can_become(uint64_t from, uint64_t to);

/** Change a token along one edge; the guard is checked again after each reload. Never waits.
 * Returns: whether it was changed. */
bool eng_token_apply(_Atomic uint64_t *token, enum eng_edge edge, const struct eng_token_args *args,
    struct eng_token_counts *counts);

#endif
