/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Knobs of the engine, from one table (src/engine/knobs.def), and the configuration file. */
#ifndef SOFTISP_KNOBS_H
#define SOFTISP_KNOBS_H

#include <softisp/api.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Room for knobs to come; sisp_knob_row() says which are there. */
#define SISP_KNOBS_MAX 32

/** One row of the table. Range and default are in `unit`, such as "ms"; a unit with | in it names
 * the values 0, 1 and so on. */
struct sisp_knob_row {
    const char *name, *unit, *help;
    uint64_t min, max, value_default;
};

/** Rows by number from 0 on; NULL past the last. Threads: any. Real-time: safe. */
SISP_API const struct sisp_knob_row *sisp_knob_row(unsigned index);

/** Values, in the order of the rows and in their units. 0: the default, so {0} is valid. */
struct sisp_knobs {
    uint64_t value[SISP_KNOBS_MAX];
};

/** Index of that name, or -ENOENT. Threads: any. Real-time: safe. */
SISP_API int sisp_knob_find(const char *name);

/**
 * Set one value from text: a whole number in the row's unit, a number with a unit of its own such
 * as "100 ms" or "2 s", or the name of a value. Threads: any. Real-time: safe.
 * Returns: 0, -ENOENT (no such name), -EINVAL (no such value), -ERANGE.
 */
SISP_API SISP_MUST_CHECK int sisp_knobs_set(
    struct sisp_knobs *knobs, const char *name, const char *text);

/** What a value of that row looks like, for sentences: "a whole number from 4 to 64". */
SISP_API void sisp_knob_describe(unsigned index, char *text, size_t text_size);

/**
 * Set what a configuration file says: YAML, a mapping `engine:` of names and values; at most 64
 * KiB. Others keep their values. On failure nothing is changed.
 * error: on failure, one sentence that names file, line and knob, if not NULL.
 * Returns: 0, -EINVAL, -ENOMEM, errno of open and read. Threads: any. Real-time: may block.
 */
SISP_API SISP_MUST_CHECK int sisp_knobs_load(
    struct sisp_knobs *knobs, const char *path, char *error, size_t error_size);

#ifdef __cplusplus
}
#endif
#endif
