/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Hand-off: what has been dispatched to each worker and not resolved, oldest first, and whether the
 * worker can be trusted with more. Workers start in the order of dispatch, so that what can be
 * taken back is always the newest part of a queue. Control thread only.
 */
#ifndef ENGINE_HANDOFF_H
#define ENGINE_HANDOFF_H

#include "engine/engine.h"
#include "engine/session_manager.h"

struct eng_core;
struct eng_frame;

struct eng_worker_record {
    uint32_t queue[ENG_QUEUE_MAX]; /* slots, oldest first */
    uint32_t count;
    uint32_t lost;       /* slots that it lost and has not acknowledged */
    bool is_suspect;     /* it did not answer when asked: it gets nothing new */
    bool is_silent;      /* it did not even start; its next heartbeat ends that */
    bool is_quarantined; /* nor will it answer soon */
    bool is_owed;        /* a sign of life, for work it was given, even if that was claimed back */
    uint64_t heartbeat;  /* as last seen */
    uint64_t unchanged_ns; /* how long the control thread has watched it unchanged while owed */
};

/** Whom a slot was dispatched to last, and for which frame. */
struct eng_dispatched {
    uint32_t worker;
    struct eng_frame *frame; /* while it stands in a queue */
};

struct eng_handoff {
    struct eng_worker_record workers[ENG_WORKERS_MAX];
    struct eng_dispatched slots[ENG_SLOTS_MAX];
    uint64_t watched_ns; /* when the workers were looked at last */
};

/** Whether the worker can be given one more. */
bool eng_handoff_has_room(const struct eng_core *core, uint32_t worker);

/** The frame's slot was dispatched to the worker. */
void eng_handoff_push(struct eng_core *core, struct eng_frame *frame, uint32_t worker);

/** The slot is out of the worker's hands: finished, claimed or stolen. */
void eng_handoff_resolve(struct eng_core *core, uint32_t slot);

/** The frame of the oldest slot of the queue, or NULL. */
struct eng_frame *eng_handoff_oldest(const struct eng_core *core, uint32_t worker);

/** Take back, newest first, what the worker has not started: the first that cannot be claimed has
 * started, and so have all before it. Returns: how many. */
uint32_t eng_handoff_claim(struct eng_core *core, uint32_t worker);

/** The worker has let go of a slot that it had lost. */
void eng_handoff_acknowledged(struct eng_core *core, uint32_t worker);

/** See who works. Returns: bit w, workers that have been given work and have not shown a sign of
 * life for the knob's time, while this thread looked. */
uint32_t eng_handoff_watch(struct eng_core *core);

void eng_handoff_check(const struct eng_core *core);

#endif
