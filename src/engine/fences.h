/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Fences: what devices outside still do with buffers. A frame whose input is not filled waits for
 * its fence in its lane, without a slot; what its consumer gives back with a fence is free when
 * that signals. A thread of its own polls them, since fences may never signal.
 *
 * An input in the hands of a device has a pin of its own until its fence signals, whatever becomes
 * of the frame. Where the frame has ended and the fence does not follow within DRAIN_GRACE_PERIOD,
 * the input is quarantined: nobody waits for it any more, and it comes back when it signals.
 */
#ifndef ENGINE_FENCES_H
#define ENGINE_FENCES_H

#include "engine/engine.h"
#include "platform/platform.h"
#include <stdalign.h>
#include <stdatomic.h>

#define ENG_FENCES_MAX 64

struct eng_core;
struct eng_frame;

/** Belongs to who took the place, then to the thread. */
struct eng_fence {
    int fd;          /* our own; -1: signalled, or none */
    int dmabufs[2];  /* of buffers whose devices must be done, too; -1: none, and then no second */
    bool is_release; /* of `handles`, else the input of a frame */
    bool has_failed; /* an error was signalled */
    uint32_t input;
    struct eng_handle handles[ENG_ROLES_MAX];
};

/** What the control thread knows of an input that a device still fills. */
struct eng_awaited {
    struct eng_handle input;
    uint64_t frame_id;
    uint32_t session;
    uint64_t since_ns; /* when the frame ended without it; 0: it has not */
    bool is_quarantined;
};

struct eng_fences {
    /* Any thread's. */
    alignas(64) _Atomic uint64_t taken; /* bit p: place p is in use */
    _Atomic uint64_t handed;            /* to the thread */
    _Atomic uint64_t signalled;         /* to the control thread */
    struct eng_fence places[ENG_FENCES_MAX];
    /* The control thread's. */
    uint64_t awaited; /* bit p: place p is of an input */
    uint32_t quarantined;
    struct eng_awaited inputs[ENG_FENCES_MAX];
    /* The thread's. */
    int signal;
    bool has_thread;
    _Atomic uint32_t is_leaving;
    uint64_t watched;
    struct plat_thread thread;
};

/* ---- any thread -------------------------------------------------------------------------------
 */

/** Take a place for a fence (a duplicate is made; NULL: none) and for the devices of dmabufs.
 * Returns: 0, -EAGAIN (no place), -EBADF, -EINVAL (it is no fence). */
int eng_fences_take(
    struct eng_fences *fences, const int *fd, const int dmabufs[2], uint32_t *place);

/** Whether there is nothing to wait for. */
bool eng_fences_is_signalled(const struct eng_fence *fence);

/** Whether what has signalled was an error: the input is not filled. */
bool eng_fences_has_failed(const struct eng_fence *fence);

/** Give back a place that was not handed over. */
void eng_fences_give(struct eng_fences *fences, uint32_t place);

/** Hand the place to the thread. The message of its frame has been posted. */
void eng_fences_hand(struct eng_core *core, uint32_t place);

/* ---- the control thread -----------------------------------------------------------------------
 */

/** The frame's input is pinned until the fence in this place signals. */
void eng_fences_begin(struct eng_core *core, struct eng_frame *frame, uint32_t place);

/** The frame has ended, and its fence has not signalled. */
void eng_fences_leave(struct eng_core *core, struct eng_frame *frame);

void eng_fences_step(struct eng_core *core);

/** Bit p: an ended frame's input, of that session (ENG_NONE: of any), is neither free nor in
 * quarantine. */
uint64_t eng_fences_waiting(const struct eng_core *core, uint32_t session);

/** When it wants to be stepped next; UINT64_MAX: never. */
uint64_t eng_fences_timer_ns(const struct eng_core *core);

void eng_fences_check(const struct eng_core *core);

/* ---- the runtime ------------------------------------------------------------------------------
 */

/** Start the thread. Returns: 0, -EAGAIN, errno. */
int eng_fences_start(struct eng_core *core);

/** End the thread; what has not signalled is forgotten. */
void eng_fences_finish(struct eng_fences *fences);

#endif
