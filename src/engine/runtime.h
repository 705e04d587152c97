/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Runtime: the threads around a core, and what the calls of any thread share with them. */
#ifndef ENGINE_RUNTIME_H
#define ENGINE_RUNTIME_H

#include "engine/bell.h"
#include "engine/keeper.h"
#include "engine/main_loop.h"
#include "engine/worker.h"

struct eng_runtime {
    struct eng_core core; /* control thread's; its inboxes, lending and counters are anybody's */
    uint32_t worker_count;
    struct eng_worker *workers; /* with thread isolation */
    struct eng_keeper keeper;   /* with process isolation */
    struct plat_thread control, telemetry;
    bool has_control, has_telemetry;
    _Atomic uint32_t telemetry_exited;
    uint64_t telemetry_head; /* up to which the telemetry thread was woken */
    _Atomic uint32_t is_closing, is_stopped, is_quitting, is_draining;
    uint32_t frames_max; /* of one session, in flight */
    _Atomic uint64_t plan_tokens;
};

#endif
