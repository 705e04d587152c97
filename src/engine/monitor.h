/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Monitor: stolen slots that wait for their loser's acknowledgement. Their frames have already gone
 * elsewhere, so that nothing waits here but memory. Control thread only.
 */
#ifndef ENGINE_MONITOR_H
#define ENGINE_MONITOR_H

#include "engine/session_manager.h"

struct eng_core;

struct eng_stolen {
    uint32_t slot, worker;
    uint64_t since_ns, poll_ns, backoff_ns;
    uint32_t polls;
    bool is_quarantined;
};

struct eng_monitor {
    uint32_t count, quarantined;
    struct eng_stolen stolen[ENG_SLOTS_MAX]; /* oldest first */
};

void eng_monitor_add(struct eng_core *core, uint32_t slot, uint32_t worker);

/** Convert what was acknowledged, escalate what was not in time. */
void eng_monitor_step(struct eng_core *core);

/** Stolen and not yet quarantined. */
uint32_t eng_monitor_waiting(const struct eng_monitor *monitor);

/** The quarantine has used up the spare slots. */
bool eng_monitor_is_degraded(const struct eng_core *core);

/** When it wants to be stepped next; UINT64_MAX: never. */
uint64_t eng_monitor_timer_ns(const struct eng_monitor *monitor);

void eng_monitor_check(const struct eng_core *core);

#endif
