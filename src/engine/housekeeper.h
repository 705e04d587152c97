/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Housekeeper: timers that belong to no frame, and the sweep of tokens against FrameRecords: each
 * slot that is not free has exactly one that answers for it. Control thread only.
 */
#ifndef ENGINE_HOUSEKEEPER_H
#define ENGINE_HOUSEKEEPER_H

#include <stdint.h>

struct eng_core;

/** Sweep when a tick is due. Returns: when it wants to be stepped next, or UINT64_MAX. */
uint64_t eng_housekeeper_step(struct eng_core *core);

/** Assert every invariant of the core. */
void eng_housekeeper_check(const struct eng_core *core);

#endif
