/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * ProcessItem: one slot, one attempt at a frame. It lies in the arena and names buffers by handle,
 * never by pointer. The Envelope is written by the control thread before dispatch and immutable
 * after, so it lies where workers can only read; the WorkResult belongs to the holder between start
 * and finish.
 */
#ifndef ENGINE_PROCESS_ITEM_H
#define ENGINE_PROCESS_ITEM_H

#include "engine/engine.h"
#include <stdalign.h>
#include <stdatomic.h>

#define ENG_SLOTS_MAX 64

/** Everything a worker is told. Handles with generation 0 name nothing. */
struct eng_envelope {
    uint64_t frame_id, sequence, seed, plan_token;
    uint64_t capture_ns, deadline_ns, grant;
    uint32_t command; /* index of the command to run */
    uint32_t input_count;
    struct eng_handle inputs[ENG_INPUTS_MAX];
    struct eng_handle reads[ENG_ROLES_MAX], committed[ENG_ROLES_MAX], writes[ENG_ROLES_MAX];
    uint8_t input_meta[ENG_INPUTS_MAX][ENG_META_BYTES];
};

struct eng_work_result {
    uint64_t started_ns, finished_ns;
    struct eng_result result;
};

struct eng_process_item {
    alignas(64) _Atomic uint64_t token;
    alignas(64) struct eng_work_result work;
};

#endif
