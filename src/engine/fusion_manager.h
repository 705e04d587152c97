/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * FusionManager: plans over the newest inputs: create, reserve, allocate (from the reservation),
 * schedule, then complete or expire. No allocation without a reservation; every end gives all
 * back. It also keeps the ring of newest inputs. Control thread only.
 */
#ifndef ENGINE_FUSION_MANAGER_H
#define ENGINE_FUSION_MANAGER_H

#include "engine/resource_manager.h"

#define ENG_PLANS_MAX 4

struct eng_core;
struct eng_frame;

struct eng_history_entry {
    struct eng_handle input;
    uint64_t sequence, capture_ns;
    uint8_t meta[ENG_META_BYTES];
};

struct eng_plan {
    struct eng_frame *frame; /* NULL: the place is not used */
    uint32_t input_count;
    uint64_t expires_ns;
    bool is_reserved;
};

struct eng_fusion_manager {
    struct eng_plan plans[ENG_PLANS_MAX];
    uint32_t history_count;                           /* entries in use */
    struct eng_history_entry history[ENG_INPUTS_MAX]; /* oldest first */
};

/** Keep this frame's input in the ring; the oldest leaves. */
void eng_fusion_remember(struct eng_core *core, const struct eng_frame *frame);

/** Drop the ring's pins. */
void eng_fusion_forget(struct eng_core *core);

/** Start a plan; the frame is its record. Credits bound their number. */
void eng_fusion_create(struct eng_core *core, struct eng_frame *frame, uint32_t input_count);

/** Reserve, schedule and expire. */
void eng_fusion_step(struct eng_core *core);

/** The plan's frame has ended: give back what it still holds. */
void eng_fusion_complete(struct eng_core *core, const struct eng_frame *frame);

/** When it wants to be stepped next; UINT64_MAX: never. */
uint64_t eng_fusion_timer_ns(const struct eng_fusion_manager *manager);

void eng_fusion_manager_check(const struct eng_core *core);

#endif
