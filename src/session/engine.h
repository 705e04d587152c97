/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What sessions can share: a runtime with its tables, workers, buffers and telemetry. */
#ifndef SESSION_ENGINE_H
#define SESSION_ENGINE_H

#include "engine/engine.h"
#include "workers/pipeline.h"

#include <limits.h>
#include <softisp/session.h>
#include <stdatomic.h>

struct session_engine {
    struct pipeline pipeline;
    char worker_program[PATH_MAX]; /* with workers in processes */
    struct eng_runtime *runtime;
    struct sisp_telemetry *telemetry;
    void (*event)(void *user, const struct sisp_event *event);
    void *event_user;
    uint32_t burst_frames, sessions_max, imports_max, raws_max;
    uint32_t input_count, import_count; /* buffers of all sessions together */
    enum sisp_memory input_memory, output_memory;
    uint64_t drain_grace_ns;
    _Atomic uint32_t sessions;  /* that use it now */
    _Atomic uint32_t is_tuned;  /* somebody is inside sisp_session_set_tuning() */
    _Atomic uint32_t is_wished; /* and inside sisp_session_set_params() */
};

/** Its first user is the caller. Returns: as sisp_session_create(). */
int session_engine_create(struct session_engine **engine, const struct sisp_session_params *params,
    char *error, size_t error_size);

/** One more user, if what it wants is what the engine makes. Returns: 0, -EINVAL, -ENOSPC. */
int session_engine_join(struct session_engine *engine, const struct sisp_session_params *params,
    char *error, size_t error_size);

/** The last user's leaving destroys it. */
void session_engine_leave(struct session_engine *engine);

/** Put the sentence where there is room for it. Returns: result. */
int session_fail(char *error, size_t error_size, int result, const char *sentence);

#endif
