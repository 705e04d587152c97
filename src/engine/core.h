/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Core: all state of one runtime that the control thread steps. Everything in it but arena,
 * lending, imports, fences, inboxes, counters and what a session marks is private to that thread;
 * none of it waits or reads a clock.
 */
#ifndef ENGINE_CORE_H
#define ENGINE_CORE_H

#include "engine/arena.h"
#include "engine/belief.h"
#include "engine/calls.h"
#include "engine/completion_dispatcher.h"
#include "engine/fences.h"
#include "engine/frame_record.h"
#include "engine/fusion_manager.h"
#include "engine/handoff.h"
#include "engine/hardware.h"
#include "engine/imports.h"
#include "engine/inbox.h"
#include "engine/lending.h"
#include "engine/monitor.h"
#include "engine/resource_manager.h"
#include "engine/scheduler.h"
#include "engine/session.h"
#include "engine/session_manager.h"
#include "engine/telemetry.h"
#include "engine/workforce.h"

struct eng_core {
    struct eng_config config; /* knobs resolved */
    struct eng_arena arena;
    struct eng_resource_manager resources;
    struct eng_session_manager sessions;
    struct eng_frame_table frames;
    struct eng_lending lending;
    struct eng_imports imports;
    struct eng_handoff handoff;
    struct eng_workforce workforce;
    struct eng_monitor monitor;
    struct eng_hardware hardware;
    struct eng_fences fences;
    struct eng_completion_dispatcher dispatcher;
    struct eng_session places[ENG_SESSIONS_MAX];
    uint32_t session_count; /* that are not UNUSED */
    struct eng_calls calls;
    struct eng_telemetry telemetry;
    struct eng_inbox inbox;  /* struct eng_message, to the control thread */
    struct eng_inbox supply; /* struct eng_handle of free inputs, from it */
    uint64_t now_ns;         /* of the current step */
    uint64_t tick_ns;        /* the Housekeeper's next one */
    uint64_t stop_ns;        /* when eng_stop() was seen; 0: it was not */
    bool is_flushed;         /* the grace after stop is over */
    /* Whom the step woke; the runtime rings their bells, since waking is a system call. */
    uint32_t wake_workers;   /* bit w */
    uint32_t wake_consumers; /* bit p: of the session in that place */
    uint32_t wake_calls;     /* bit i */
    bool wake_reset;
};

/** The session with that number, or the one that is in its place now. */
static inline struct eng_session *eng_core_session(struct eng_core *core, uint32_t number)
{
    return &core->places[number % ENG_SESSIONS_MAX];
}

#endif
