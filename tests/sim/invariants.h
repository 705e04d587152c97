/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What must hold, kept apart from the engine's own records: a shadow of the tokens and of the FIFO
 * built from the edges alone, who writes and reads each buffer, and each frame's one completion.
 */
#ifndef TESTS_SIM_INVARIANTS_H
#define TESTS_SIM_INVARIANTS_H

#include "engine/core.h"
#include <stdio.h>

#define SIM_WORKERS 3
#define SIM_STREAMS 4 /* two producers, and: */
#define SIM_GUEST   2 /* frames of the session that comes and goes */
#define SIM_PLANS   3
#define SIM_FRAMES  64

void sim_check_init(void);

/** The core that the control thread steps from now on; before the first step. */
void sim_check_core(struct eng_core *core);

/** Write every edge of the runs to come, for the model's replay (model/trace.h). */
void sim_write_edges(FILE *file);
const struct eng_core *sim_core(void);

/** After every step of any actor. */
void sim_check_step(void);

/** While everybody waits of his own will: nobody waits for what is already there. */
void sim_check_idle(void);

/** Bytes that an application's actor reads or writes from now on, or no longer. */
void sim_write_begin(const void *bytes);
void sim_write_end(const void *bytes);
void sim_read_begin(const void *bytes);
void sim_read_end(const void *bytes);

/** Bytes that the current worker's attempt reads or writes until it has finished, acknowledged or
 * abandoned it. */
void sim_attempt_writes(struct eng_span span);
void sim_attempt_reads(struct eng_span span);

/** A process writes anything anywhere in what it can write to. What is checked from here on is what
 * the control thread and the application see. */
void sim_scribble(void);

/** The worker's process has ended: it touches nothing any more. */
void sim_let_go(uint32_t worker);

/** A device works on the current worker's attempt, until the end: it reads and writes the same. */
void sim_device_begin(uint32_t slot);
void sim_device_end(uint32_t slot);

/** Whether a worker is between start and the end of an attempt. */
bool sim_is_working(uint32_t worker);

/** A frame is about to be submitted; then whether it was accepted. */
void sim_submitting(uint32_t stream, uint32_t number);
void sim_submitted(uint32_t stream, uint32_t number, bool is_accepted);
uint32_t sim_accepted(void);
uint32_t sim_completed(void);

/** The stream's session was closed: what was not read is given back. */
void sim_forgive(uint32_t stream);
uint64_t sim_cookie(uint32_t stream, uint32_t number);

/** A flush that began at that step has returned: nothing older is under way. */
void sim_check_flushed(uint32_t session, uint32_t start_step);

/** The consumer has read this. */
void sim_check_completion(const struct eng_completion *completion);
/** What is delivered was made of this frame, and is still that. */
void sim_check_picture(const struct eng_completion *completion);

/** All accepted frames have completed, all slots are in the FIFO or in quarantine. */
void sim_check_slots(void);
/** The consumer has given all back: so are the pins. */
void sim_check_pins(void);

#endif
