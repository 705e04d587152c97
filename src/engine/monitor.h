/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Monitor: the waiting queue of stolen slots. Their frames have already gone elsewhere, so that
 * nothing waits here but memory: for the acknowledgement of the worker that lost it, asked for with
 * back-off, and for FRAME_HW_DONE of a device. What is not answered in time is quarantined, and
 * comes back when it is answered after all. Control thread only.
 */
#ifndef ENGINE_MONITOR_H
#define ENGINE_MONITOR_H

#include "engine/control_item.h"
#include "engine/engine.h"
#include "engine/session_manager.h"

struct eng_core;
struct eng_frame;

struct eng_stolen {
    uint32_t slot, worker, session;
    uint64_t frame_id, grant;
    enum eng_lane path; /* that the frame was on */
    bool has_cpu;       /* the worker has not acknowledged, when last seen */
    bool has_hw;        /* nor has the device */
    bool is_quarantined;
    uint64_t since_ns, poll_ns, backoff_ns;
    uint64_t reclaim_ns; /* when the wait for the device began */
    uint32_t polls;
};

struct eng_monitor {
    uint32_t count, quarantined;
    bool is_degraded;
    uint32_t dropped;                        /* frames, for what waits past the threshold */
    struct eng_stolen stolen[ENG_SLOTS_MAX]; /* oldest first */
    /* What the SessionManager has not answered; sent again until it has. */
    uint32_t outbox_count;
    struct eng_control_item outbox[ENG_CONTROL_WINDOW];
    uint64_t sequence, resend_ns;
};

/** Take over the slot of a frame whose attempt was stolen or abandoned. */
void eng_monitor_add(struct eng_core *core, const struct eng_frame *frame, uint32_t worker);

/** Convert what was answered, escalate what was not in time. */
void eng_monitor_step(struct eng_core *core);

/** Stolen, neither quarantined nor known to be back in the FIFO. */
uint32_t eng_monitor_waiting(const struct eng_monitor *monitor);

/** When it wants to be stepped next; UINT64_MAX: never. */
uint64_t eng_monitor_timer_ns(const struct eng_monitor *monitor);

void eng_monitor_check(const struct eng_core *core);

#endif
