/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What every public header shares.
 *
 * Words used in all of them:
 *   Threads    any: callable from every thread at once. one at a time: from any thread, but the
 *              caller serialises the calls on one object. before start: not once frames flow.
 *   Real-time  safe: no heap, no file, no wait longer than a short lock. may block: all else.
 *   Returns    0 or a positive result, else a negative errno. The sentence that explains an error
 *              goes to the log (log.h); a frame's fate is data (telemetry.h), never an errno.
 *   Ownership  said where something changes hands; all else stays with the caller.
 */
#ifndef SOFTISP_API_H
#define SOFTISP_API_H

#if defined(__GNUC__)
#define SISP_API        __attribute__((visibility("default")))
#define SISP_MUST_CHECK __attribute__((warn_unused_result))
#else
#define SISP_API
#define SISP_MUST_CHECK
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** The version of the library at run time, such as "0.1.0". */
SISP_API const char *sisp_version(void);

#ifdef __cplusplus
}
#endif
#endif
