/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include "session/engine.h"

#include <unistd.h>

_Static_assert(ENG_ROLES_MAX == sizeof(((struct sisp_result *)0)->buffers) / sizeof(uint64_t),
    "a result carries a handle for each role");
_Static_assert(sizeof(struct frame_meta) <= ENG_META_BYTES, "meta travels with each input");

/* The first frames of a camera whose CFA order is checked: exposure has settled by then. */
#define SESSION_LOOKS 60

struct sisp_session {
    struct session_engine *engine;
    uint32_t number;            /* the engine's for it */
    uint64_t frame_interval_ns; /* 0: frames have no deadline of their own */
    uint64_t overload_first;
    uint32_t overload_count;
    pid_t owner; /* a forked child has neither the threads nor a right to the buffers */
    _Atomic uint32_t is_stopped;
    _Atomic uint32_t in_flight;  /* accepted and not yet read */
    _Atomic uint32_t looks;      /* frames whose CFA order is still to be checked */
    _Atomic uint32_t doubts;     /* frames that looked otherwise */
    _Atomic uint32_t is_doubted; /* `check` holds and stays */
    struct sisp_cfa_check check;
};

static inline uint64_t session_handle_word(struct eng_handle handle)
{
    return (uint64_t)handle.generation << 32 | handle.index;
}

static inline struct eng_handle session_word_handle(uint64_t word)
{
    return (struct eng_handle){(uint32_t)word, (uint32_t)(word >> 32)};
}

/** Whether parameters can be those of a session; it makes previews or only stills. Returns: 0,
 * -EINVAL and one sentence. */
int session_check_wishes(
    const struct sisp_params *params, bool has_preview, char *error, size_t error_size);

/** The raw input of a result, if it comes with it. */
void session_show_raw(const struct sisp_session *session, const struct eng_completion *completion,
    struct sisp_result *result);

/** What a burst's still brings beside its picture. */
void session_show_fusion(const struct sisp_session *session,
    const struct eng_completion *completion, struct sisp_result *result);

/** Where the pictures of a result lie. */
void session_locate(const struct sisp_session *session, const struct eng_completion *completion,
    struct sisp_result *result);

static inline bool session_is_inherited(const struct sisp_session *session)
{
    return session->owner != getpid();
}

#endif
