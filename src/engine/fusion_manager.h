/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * FusionManager: plans over the newest inputs: create, reserve, allocate (from the reservation),
 * schedule, then complete or expire. No allocation without a reservation; every end gives all
 * back. It also keeps each session's ring of newest inputs. Control thread only.
 */
#ifndef ENGINE_FUSION_MANAGER_H
#define ENGINE_FUSION_MANAGER_H

#include "engine/session.h"

struct eng_core;
struct eng_frame;

/** Keep this frame's input in the ring; the oldest leaves. */
void eng_fusion_remember(struct eng_core *core, const struct eng_frame *frame);

/** Drop the pins of a session's ring. */
void eng_fusion_forget(struct eng_core *core, struct eng_session *session);

/** Start a plan; the frame is its record. Credits bound their number. */
void eng_fusion_create(struct eng_core *core, struct eng_frame *frame, uint32_t input_count);

/** Reserve, schedule and expire. */
void eng_fusion_step(struct eng_core *core);

/** The plan's frame has ended: give back what it still holds. */
void eng_fusion_complete(struct eng_core *core, struct eng_frame *frame);

/** When it wants to be stepped next; UINT64_MAX: never. */
uint64_t eng_fusion_timer_ns(const struct eng_core *core);

void eng_fusion_manager_check(const struct eng_core *core);

#endif
