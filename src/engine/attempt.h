/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Attempt: one dispatch of a frame to a worker, in one slot. While it lasts it pins all that its
 * worker may read or write, even when the frame itself has gone elsewhere. Control thread only.
 */
#ifndef ENGINE_ATTEMPT_H
#define ENGINE_ATTEMPT_H

#include "engine/core.h"

/** Dispatch the frame's current stage. Returns: ENG_REASON_NONE, or why not (NO_SLOT, NO_BUFFER);
 * then nothing has changed. */
enum eng_reason eng_attempt_dispatch(struct eng_core *core, struct eng_frame *frame);

/** Take back what its worker has not started: nothing is owed, the frame waits again without a
 * slot. Returns: false if it has started. */
bool eng_attempt_claim(struct eng_core *core, struct eng_frame *frame);

/** Take away what has started: the slot is the Monitor's until the worker has let go, the frame has
 * none and must not be dispatched on this path again. Returns: false if the result is there. */
bool eng_attempt_steal(struct eng_core *core, struct eng_frame *frame);

/** The token of a slot. */
uint64_t eng_attempt_token(const struct eng_core *core, uint32_t slot);

/** DONE to SESSION: the frame keeps the slot, the attempt's pins are dropped. */
void eng_attempt_advance(struct eng_core *core, struct eng_frame *frame);

/** Drop what a slot's attempt pins; its worker is known to have let go. */
void eng_attempt_unpin(struct eng_core *core, uint32_t slot);

/** Give the frame's slot (SESSION or CONSUMER) back to the SessionManager. */
void eng_attempt_return(struct eng_core *core, struct eng_frame *frame);

/** The command of the frame's current stage. */
const struct eng_command_config *eng_attempt_command(
    const struct eng_core *core, const struct eng_frame *frame);

#endif
