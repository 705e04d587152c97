/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/token.h"

#include "base/base.h"
#include "platform/simulate.h"

#define STATE(name) (1u << ENG_TOKEN_##name)
#define ANY_STATE   ((1u << ENG_TOKEN_STATE_COUNT) - 1)
#define KEEP        ENG_TOKEN_STATE_COUNT
#define ALL_BITS    (ENG_TOKEN_BUSY | ENG_TOKEN_CANCEL)

/** One row of the table: guard, then change. */
struct edge_rule {
    uint32_t states; /* bit s: allowed from state s */
    uint64_t bits_set, bits_clear, bits_any;
    bool match_holder, match_grant;
    enum eng_token_state to; /* KEEP: the state stays */
    uint64_t set, clear;
};

static const struct edge_rule rules[ENG_EDGE_COUNT] = {
    [ENG_EDGE_ACQUIRE] = {STATE(FREE), 0, ALL_BITS, 0, 0, 0, ENG_TOKEN_SESSION, 0, 0},
    [ENG_EDGE_DISPATCH] = {STATE(SESSION), 0, ALL_BITS, 0, 0, 0, ENG_TOKEN_QUEUED, 0, 0},
    [ENG_EDGE_START] = {STATE(QUEUED), 0, ALL_BITS, 0, 1, 1, ENG_TOKEN_WORKER, ENG_TOKEN_CPU_BUSY,
        0},
    [ENG_EDGE_START_HW] = {STATE(WORKER), ENG_TOKEN_CPU_BUSY, ENG_TOKEN_HW_BUSY, 0, 1, 1, KEEP,
        ENG_TOKEN_HW_BUSY, 0},
    [ENG_EDGE_HW_DONE] = {ANY_STATE, ENG_TOKEN_HW_BUSY, 0, 0, 0, 1, KEEP, 0, ENG_TOKEN_HW_BUSY},
    [ENG_EDGE_FINISH] = {STATE(WORKER), ENG_TOKEN_CPU_BUSY, ENG_TOKEN_HW_BUSY, 0, 1, 1,
        ENG_TOKEN_DONE, 0, ENG_TOKEN_CPU_BUSY},
    [ENG_EDGE_ABANDON] = {STATE(WORKER), ALL_BITS, 0, 0, 1, 1, ENG_TOKEN_MONITOR, 0,
        ENG_TOKEN_CPU_BUSY},
    [ENG_EDGE_ACKNOWLEDGE] = {ANY_STATE & ~STATE(WORKER), ENG_TOKEN_CPU_BUSY, 0, 0, 1, 1, KEEP, 0,
        ENG_TOKEN_CPU_BUSY},
    [ENG_EDGE_CANCEL] = {STATE(WORKER), 0, 0, 0, 0, 1, KEEP, ENG_TOKEN_CANCEL, 0},
    [ENG_EDGE_CLAIM] = {STATE(QUEUED), 0, 0, 0, 0, 1, ENG_TOKEN_SESSION, 0, 0},
    [ENG_EDGE_STEAL] = {STATE(WORKER), 0, 0, 0, 0, 1, ENG_TOKEN_MONITOR, 0, 0},
    [ENG_EDGE_ESCALATE] = {STATE(MONITOR), 0, 0, ENG_TOKEN_BUSY, 0, 0, ENG_TOKEN_QUARANTINE, 0, 0},
    [ENG_EDGE_REAP_CPU] = {STATE(MONITOR) | STATE(QUARANTINE), ENG_TOKEN_CPU_BUSY, 0, 0, 0, 1, KEEP,
        0, ENG_TOKEN_CPU_BUSY},
    [ENG_EDGE_REAP_HW] = {STATE(MONITOR) | STATE(QUARANTINE), ENG_TOKEN_HW_BUSY, ENG_TOKEN_CPU_BUSY,
        0, 0, 1, KEEP, 0, ENG_TOKEN_HW_BUSY},
    [ENG_EDGE_CONVERT] = {STATE(MONITOR) | STATE(QUARANTINE), 0, ENG_TOKEN_BUSY, 0, 0, 0,
        ENG_TOKEN_SESSION, 0, 0},
    [ENG_EDGE_ADVANCE] = {STATE(DONE), 0, 0, 0, 0, 0, ENG_TOKEN_SESSION, 0, 0},
    [ENG_EDGE_PUBLISH] = {STATE(DONE), 0, 0, 0, 0, 0, ENG_TOKEN_CONSUMER, 0, 0},
    [ENG_EDGE_RETURN] = {STATE(SESSION) | STATE(CONSUMER), 0, ENG_TOKEN_BUSY, 0, 0, 0,
        ENG_TOKEN_FREE, 0, ENG_TOKEN_CANCEL},
};

/* Busy bits that a state may carry; WORKER must carry cpu_busy. */
static uint64_t bits_allowed(enum eng_token_state state)
{
    switch (state) {
    case ENG_TOKEN_WORKER:
    case ENG_TOKEN_MONITOR:
    case ENG_TOKEN_QUARANTINE:
        return ALL_BITS;
    case ENG_TOKEN_SESSION:
    case ENG_TOKEN_DONE:
    case ENG_TOKEN_CONSUMER:
        return ENG_TOKEN_CANCEL;
    case ENG_TOKEN_FREE:
    case ENG_TOKEN_QUEUED:
    case ENG_TOKEN_STATE_COUNT:
        break;
    }
    return 0;
}

bool eng_token_is_valid(uint64_t word)
{
    enum eng_token_state state = eng_token_state(word);
    if (state >= ENG_TOKEN_STATE_COUNT || (word & ENG_TOKEN_SPARE))
        return false;
    if (state == ENG_TOKEN_WORKER && !(word & ENG_TOKEN_CPU_BUSY))
        return false;
    return !(word & ALL_BITS & ~bits_allowed(state));
}

static bool is_allowed(
    uint64_t word, const struct edge_rule *rule, const struct eng_token_args *args)
{
    if (!(rule->states >> eng_token_state(word) & 1))
        return false;
    if ((word & rule->bits_set) != rule->bits_set || (word & rule->bits_clear))
        return false;
    if (rule->bits_any && !(word & rule->bits_any))
        return false;
    if (rule->match_holder && eng_token_holder(word) != args->holder)
        return false;
    return !rule->match_grant || eng_token_grant(word) == args->grant;
}

bool eng_token_next(
    uint64_t word, enum eng_edge edge, const struct eng_token_args *args, uint64_t *next)
{
    sisp_assert(edge < ENG_EDGE_COUNT);
    const struct edge_rule *rule = &rules[edge];
    /* A worker process may have written anything: no edge leaves a word that none leads to. */
    if (!eng_token_is_valid(word) || !is_allowed(word, rule, args))
        return false;
    if (edge == ENG_EDGE_RETURN && eng_token_state(word) == ENG_TOKEN_CONSUMER && args->pins)
        return false;
    uint64_t to = (word & ~rule->clear) | rule->set;
    if (rule->to != KEEP)
        to = (to << 4 >> 4) | (uint64_t)rule->to << ENG_TOKEN_STATE_SHIFT;
    if (edge == ENG_EDGE_DISPATCH) {
        uint64_t grant = (eng_token_grant(word) + 1) & ENG_TOKEN_GRANT_MASK;
        to &= ~(ENG_TOKEN_HOLDER_MASK | ENG_TOKEN_GRANT_MASK);
        to |= (uint64_t)args->holder << ENG_TOKEN_GRANT_BITS | grant;
    }
    sisp_assert(eng_token_is_valid(to));
    *next = to;
    return true;
}

bool eng_token_apply(_Atomic uint64_t *token, enum eng_edge edge, const struct eng_token_args *args,
    struct eng_token_counts *counts)
{
    uint64_t word = atomic_load_explicit(token, memory_order_acquire), next = 0;
    do {
        if (!eng_token_next(word, edge, args, &next)) {
            atomic_fetch_add_explicit(&counts->failed[edge], 1, memory_order_relaxed);
            PLAT_POINT(token_refused);
            return false;
        }
        PLAT_POINT(token_loaded);
        /* Release: what was written under the old owner is seen by the next one (publish, finish,
         * acknowledge). Acquire: the new owner sees it (start, convert, advance). */
    } while (!atomic_compare_exchange_weak_explicit(
        token, &word, next, memory_order_acq_rel, memory_order_acquire));
    PLAT_TRACE_TOKEN(token, edge, args, word, next);
    PLAT_POINT(token_applied);
    atomic_fetch_add_explicit(&counts->applied[edge], 1, memory_order_relaxed);
    return true;
}

/* Ends by itself: none of these edges leads back. */
static bool leads_to(uint64_t from, uint64_t to)
{
    static const enum eng_edge edges[] = {
        ENG_EDGE_START, ENG_EDGE_FINISH, ENG_EDGE_ACKNOWLEDGE, ENG_EDGE_START_HW, ENG_EDGE_ABANDON};
    const struct eng_token_args args = {
        .holder = eng_token_holder(from), .grant = eng_token_grant(from)};
    uint64_t next;
    for (uint32_t i = 0; i < BASE_COUNT(edges); i++)
        if (eng_token_next(from, edges[i], &args, &next) && (next == to || leads_to(next, to)))
            return true;
    return false;
}

bool eng_token_can_become(uint64_t from, uint64_t to)
{
    return from == to || leads_to(from, to);
}
