/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Scheduler: collects what workers finished, gives up attempts whose time has passed, and
 * dispatches: earliest deadline first, one dispatch a worker at a time. What waits, waits in the
 * control thread, so that a hung worker's queue is its one hint. Control thread only.
 */
#ifndef ENGINE_SCHEDULER_H
#define ENGINE_SCHEDULER_H

#include "engine/engine.h"
#include "engine/session_manager.h"

struct eng_core;
struct eng_frame;

struct eng_worker_record {
    uint32_t slot;       /* dispatched to it and not resolved; ENG_NONE: it is idle */
    bool is_suspect;     /* its slot was stolen, and it has not acknowledged although asked */
    bool is_quarantined; /* nor will it soon */
};

struct eng_scheduler {
    uint32_t worker_of_slot[ENG_SLOTS_MAX]; /* whom it was dispatched to last */
    struct eng_worker_record workers[ENG_WORKERS_MAX];
};

void eng_scheduler_init(struct eng_scheduler *scheduler);

/** Put an accepted frame in its lane, or at once on the floor, or end it. */
void eng_scheduler_admit(struct eng_core *core, struct eng_frame *frame);

/** The worker has let go of the slot that was stolen from it: it can be trusted with work again. */
void eng_scheduler_acknowledged(struct eng_core *core, uint32_t worker);

/** Collect, expire, dispatch. */
void eng_scheduler_step(struct eng_core *core);

/** Give one frame up, wherever it is. A result that came just now is not used. */
void eng_scheduler_give_up(struct eng_core *core, struct eng_frame *frame, enum eng_outcome outcome,
    enum eng_reason reason);

/** When it wants to be stepped next; UINT64_MAX: never. */
uint64_t eng_scheduler_timer_ns(const struct eng_core *core);

void eng_scheduler_check(const struct eng_core *core);

#endif
