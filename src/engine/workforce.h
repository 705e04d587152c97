/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Workforce: which incarnation of each worker there is, and what becomes of its work when it dies.
 * Threads have one incarnation each. Processes are started, watched and killed by the Keeper, which
 * this part only asks and hears from. A dead one is started again within a budget. Control thread
 * only.
 */
#ifndef ENGINE_WORKFORCE_H
#define ENGINE_WORKFORCE_H

#include "engine/engine.h"

struct eng_core;

enum eng_worker_state {
    ENG_WORKER_AWAY,     /* to be started when its time has come */
    ENG_WORKER_STARTING, /* asked for, not heard from yet */
    ENG_WORKER_READY,
    ENG_WORKER_DYING, /* asked to be killed; not proven dead */
    ENG_WORKER_GONE,  /* its budget is used up */
};

struct eng_incarnation {
    enum eng_worker_state state;
    uint16_t number; /* what tokens call it */
    bool was_ready;
    uint32_t deaths;                   /* that count against the budget */
    uint64_t start_ns, ready_since_ns; /* AWAY: not before that */
};

struct eng_workforce {
    uint16_t last_number;
    struct eng_incarnation workers[ENG_WORKERS_MAX];
    /* What the step asks of the Keeper; the runtime passes it on, since that is a system call. */
    uint32_t asks_start, asks_kill; /* bit w */
};

/** The first incarnation of each: threads are there, processes are asked for. */
void eng_workforce_init(struct eng_core *core);

/** Whether the worker can be given work; whether it will ever be. */
bool eng_workforce_is_ready(const struct eng_core *core, uint32_t worker);
bool eng_workforce_is_gone(const struct eng_core *core, uint32_t worker);

/** What tokens that it holds say. */
uint16_t eng_workforce_holder(const struct eng_core *core, uint32_t worker);

/** The Keeper's news. One about another incarnation is old. */
void eng_workforce_ready(struct eng_core *core, uint32_t worker, uint16_t number);
void eng_workforce_died(struct eng_core *core, uint32_t worker, uint16_t number);

/** Kill who breaks the rules or does not answer; start who is away. */
void eng_workforce_step(struct eng_core *core);

/** Some worker will not come back. */
bool eng_workforce_is_short(const struct eng_core *core);

/** When it wants to be stepped next; UINT64_MAX: never. */
uint64_t eng_workforce_timer_ns(const struct eng_core *core);

#endif
