/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Floor: how the sessions share the floor's buffers. Each is sure of two of every pool that the
 * floor delivers from: one that its consumer may hold and one to write the next picture to. What a
 * pool has beyond that goes to whoever comes. Control thread only.
 */
#ifndef ENGINE_FLOOR_H
#define ENGINE_FLOOR_H

#include <stdbool.h>
#include <stdint.h>

#define ENG_FLOOR_BUFFERS_MIN 2u /* of a session */

struct eng_core;

/** Whether a frame of that session may take a buffer to write to. */
bool eng_floor_may_take(struct eng_core *core, uint32_t session, uint32_t pool);

/** Whether its consumer may be handed one. */
bool eng_floor_may_hand_out(const struct eng_core *core, uint32_t session, uint32_t pool);

#endif
