/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Rows of a level's cells at a place between them; in a header so that each kernel level builds
 * its own. */
#ifndef ISP_BURST_FOLLOW_READ_H
#define ISP_BURST_FOLLOW_READ_H

#include <isp/burst/words.h>

#define ROW_AT(p) ((row_words) * (const row_words_unaligned *)(p))

#define STEP_BITS  7
#define CELL_STEPS (1 << STEP_BITS)

/** Cells from some place on, in steps. */
struct place {
    int32_t x, y;
};

static inline int32_t floor_of(float v)
{
    int32_t i = (int32_t)v;
    return (float)i > v ? i - 1 : i;
}

static inline struct place place_of(float x, float y)
{
    return (struct place){floor_of(x * CELL_STEPS + 0.5F), floor_of(y * CELL_STEPS + 0.5F)};
}

/* Weights of four cells as words of 15 bits, whose sum is all of them. */
struct weights {
    row_words of[4];
};

/* Catmull-Rom: cells -1, 0, 1, 2 at a place from 0 to 1 between 0 and 1. In whole numbers, as each
 * round of refining waits for them. */
static inline struct weights weights_of(int32_t steps)
{
    const int32_t t = steps & (CELL_STEPS - 1), u = CELL_STEPS - t;
    const int32_t before = -(t * u * u >> STEP_BITS), after = -(u * t * t >> STEP_BITS);
    const int32_t next = t * (CELL_STEPS * CELL_STEPS + (4 * CELL_STEPS - 3 * t) * t) >> STEP_BITS;
    struct weights out;
    out.of[0] = (row_words){0} + (uint16_t)before;
    out.of[1] = (row_words){0} + (uint16_t)(INT16_MAX - before - next - after);
    out.of[2] = (row_words){0} + (uint16_t)next;
    out.of[3] = (row_words){0} + (uint16_t)after;
    return out;
}

#define WEIGHED(w, a, b, c, d)                                                                     \
    ((MULTIPLY(a, (w).of[0]) + MULTIPLY(b, (w).of[1])) +                                           \
        (MULTIPLY(c, (w).of[2]) + MULTIPLY(d, (w).of[3])))

/** Reads one row after the other. */
struct reader {
    const int16_t *at;
    size_t stride;
    struct weights across, down;
    row_words lines[4];
};

static inline void read_line(struct reader *r)
{
    r->lines[0] = r->lines[1];
    r->lines[1] = r->lines[2];
    r->lines[2] = r->lines[3];
    r->lines[3] =
        WEIGHED(r->across, ROW_AT(r->at), ROW_AT(r->at + 1), ROW_AT(r->at + 2), ROW_AT(r->at + 3));
    r->at += r->stride;
}

/** `cells`: those of the place's whole part; rows and columns from one before it on are read. */
static inline struct reader reader_at(const int16_t *cells, size_t stride, struct place place)
{
    struct reader r = {.at = cells - stride - 1,
        .stride = stride,
        .across = weights_of(place.x),
        .down = weights_of(place.y)};
    for (int32_t j = 0; j < 3; j++)
        read_line(&r);
    return r;
}

static inline row_words read_row(struct reader *r)
{
    read_line(r);
    return WEIGHED(r->down, r->lines[0], r->lines[1], r->lines[2], r->lines[3]);
}

#endif
