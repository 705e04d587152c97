/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Scheduler: collects what workers finished, detaches those that are hung, gives up attempts whose
 * time has passed, and dispatches: earliest deadline first, as many a worker as its queue holds.
 * What waits beyond that waits in the control thread. Control thread only.
 */
#ifndef ENGINE_SCHEDULER_H
#define ENGINE_SCHEDULER_H

#include "engine/engine.h"

struct eng_core;
struct eng_frame;

/** Put an accepted frame in its lane, or at once on the floor, or end it. */
void eng_scheduler_admit(struct eng_core *core, struct eng_frame *frame);

/** Take everything away from a worker that is hung or dead: what it has not started goes back to
 * its lane, what it has started to the Monitor. Its frames take their next choice. */
void eng_scheduler_detach(struct eng_core *core, uint32_t worker, enum eng_reason reason);

/** Collect, expire, dispatch. */
void eng_scheduler_step(struct eng_core *core);

/** Give one frame up, wherever it is. A result that came just now is not used. */
void eng_scheduler_give_up(struct eng_core *core, struct eng_frame *frame, enum eng_outcome outcome,
    enum eng_reason reason);

/** When it wants to be stepped next; UINT64_MAX: never. */
uint64_t eng_scheduler_timer_ns(const struct eng_core *core);

#endif
