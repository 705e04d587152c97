/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Rows of lanes with guards around them, for the checks. */
#ifndef TESTS_ROWS_H
#define TESTS_ROWS_H

#include "checkkernels.h"

#include <string.h>

#define GUARD    0xa5 /* of bytes */
#define GUARD_16 0x5a5a

/* A row that begins at sample `offset`, with guards after the whole vectors that may be written. */
struct row {
    int16_t lanes[CHECK_LANES];
};

static inline int16_t *row_start(const struct check *c, struct row *row)
{
    return row->lanes + FAST_PAD + c->offset;
}

static inline void row_clear(struct row *row)
{
    for (int i = 0; i < CHECK_LANES; i++)
        row->lanes[i] = GUARD_16;
}

static inline void row_fill(struct check *c, struct row *row, unsigned max)
{
    for (int i = 0; i < CHECK_LANES; i++)
        row->lanes[i] = (int16_t)check_value(c, max);
}

/* Nothing before the row, nor beyond its last whole vector of the widest level, was written. */
static inline bool row_guards_hold(struct check *c, struct row *row, size_t pairs)
{
    const size_t begin = FAST_PAD + c->offset, end = begin + base_align(pairs, FAST_PAD);
    for (size_t i = 0; i < CHECK_LANES; i++) {
        if ((i < begin || i >= end) &&
            !check_equal(c, "guard lane", i, (uint16_t)row->lanes[i], GUARD_16))
            return false;
    }
    return true;
}

static inline size_t pairs_of(const struct check *c)
{
    return (c->width + 1) / 2;
}

/* Column x of a phase-planar row; x may be -2 to width + 1. */
static inline int at(const int16_t *const row[2], int64_t x)
{
    return row[x & 1][x >> 1];
}

static inline bool bytes_are(
    struct check *c, const uint8_t *got, const uint8_t *expected, size_t size, const char *what)
{
    for (size_t i = 0; i < size; i++) {
        if (!check_equal(c, what, i, got[i], expected[i]))
            return false;
    }
    return true;
}

#endif
