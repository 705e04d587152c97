/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * CompletionDispatcher: turns ended frames into exactly one completion each, in the order in which
 * their stream accepted them, errors included. It alone commits roles and hands buffers out; a
 * consumer that holds too many loses frames, nobody waits for it. Control thread pushes, the
 * consumer pops.
 */
#ifndef ENGINE_COMPLETION_DISPATCHER_H
#define ENGINE_COMPLETION_DISPATCHER_H

#include "engine/engine.h"

struct eng_core;
struct eng_frame;
struct eng_session;

/** What a consumer holds of one completion. It outlives its session. */
struct eng_handout {
    uint32_t session;
    uint32_t pins; /* buffers not given back; at least 1 */
    uint64_t since_ns;
    bool is_reported; /* past its lease */
    bool has_written, has_input;
    struct eng_handle handles[ENG_ROLES_MAX];
};

struct eng_completion_dispatcher {
    uint64_t completed; /* of all sessions */
    uint32_t handout_count;
    struct eng_handout *handouts; /* in any order; each holds a buffer at least */
    uint32_t *handout_of;         /* by buffer: index in handouts, where it is handed out */
};

/** Returns: 0, -ENOMEM. */
int eng_completion_dispatcher_init(
    struct eng_completion_dispatcher *dispatcher, uint32_t buffer_count);
void eng_completion_dispatcher_finish(struct eng_completion_dispatcher *dispatcher);

/** Give the frame its place in its stream. */
void eng_completion_enlist(struct eng_core *core, struct eng_frame *frame);

/** Decide the frame's fate, once. Delivered: its slot stays DONE until it is published; else it
 * gives back all that it holds now. */
void eng_completion_end(struct eng_core *core, struct eng_frame *frame, enum eng_outcome outcome,
    enum eng_reason reason);

/** Give back the buffers that the frame's stages wrote. */
void eng_completion_drop_roles(struct eng_core *core, struct eng_frame *frame);

/** Publish every ended frame whose turn has come. */
void eng_completion_step(struct eng_core *core);

/** A consumer gave these back. */
void eng_completion_release(struct eng_core *core, const struct eng_handle handles[ENG_ROLES_MAX]);

/** Drop a session's committed versions. */
void eng_completion_forget(struct eng_core *core, struct eng_session *session);

/** Report what consumers hold past their lease. Returns: the next lease's end, or UINT64_MAX. */
uint64_t eng_completion_leases(struct eng_core *core);

#endif
