/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SOFTISP_LOG_H
#define SOFTISP_LOG_H

#include <softisp/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Importance of a sentence. Nothing is logged per frame above SISP_LOG_DEBUG. */
enum sisp_log_level {
    SISP_LOG_ERROR,
    SISP_LOG_WARNING,
    SISP_LOG_INFO,
    SISP_LOG_DEBUG,
};

/** Receives one sentence without a newline. Called from any thread; must not block for long. */
typedef void (*sisp_log_fn)(void *user, enum sisp_log_level level, const char *sentence);

/**
 * Send every sentence of at least this importance to `fn`. The default is warnings and errors to
 * stderr. `fn` NULL restores the default.
 *
 * Threads: before any other call of the library.
 */
SISP_API void sisp_log_set(enum sisp_log_level level, sisp_log_fn fn, void *user);

#ifdef __cplusplus
}
#endif
#endif
