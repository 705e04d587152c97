/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include "engine/engine.h"
#include "workers/pipeline.h"

#include <softisp/session.h>

_Static_assert(ENG_ROLES_MAX == sizeof(((struct sisp_result *)0)->buffers) / sizeof(uint64_t),
    "a result carries a handle for each role");
_Static_assert(sizeof(struct frame_meta) <= ENG_META_BYTES, "meta travels with each input");

struct sisp_session {
    struct pipeline pipeline;
    struct eng_runtime *runtime;
    uint32_t burst_frames;
    uint64_t frame_interval_ns; /* 0: frames have no deadline of their own */
    uint64_t overload_first;
    uint32_t overload_count;
};

#endif
