/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Squares of a level's cells, also beyond the picture; in a header so that each kernel level
 * builds its own. */
#ifndef ISP_BURST_FOLLOW_VIEW_H
#define ISP_BURST_FOLLOW_VIEW_H

#include <isp/burst/follow.h>

#include <stdbool.h>

#define VIEW_SIDE  24 /* cells, of the largest square: FOLLOW_REACH more than a window, each way */
#define VIEW_CELLS (VIEW_SIDE * VIEW_SIDE)

/** Cells of a picture from some place on. */
struct view {
    const int16_t *at;
    size_t stride;
};

static int32_t inside(int32_t i, uint32_t n)
{
    return i < 0 ? 0 : i < (int32_t)n ? i : (int32_t)n - 1;
}

static void fill(int16_t *cells, int32_t from, int32_t to, int16_t value)
{
    for (int32_t i = from; i < to; i++)
        cells[i] = value;
}

static __attribute__((noinline)) void copy_of(const struct level *l, const int32_t at[2],
    int32_t size, bool is_repeated, int16_t copy[VIEW_CELLS])
{
    const int32_t w = (int32_t)l->width, h = (int32_t)l->height;
    const int32_t from = at[0] >= 0 ? 0 : at[0] + size > 0 ? -at[0] : size;
    const int32_t to = at[0] + size <= w ? size : at[0] < w ? w - at[0] : 0;
    for (int32_t j = 0; j < size; j++) {
        const int32_t y = at[1] + j;
        const int16_t *row = l->cells + (size_t)inside(y, l->height) * l->width;
        const int32_t end = is_repeated || (y >= 0 && y < h) ? to : 0; /* of what is copied */
        int16_t *out = copy + (size_t)j * (size_t)size;
        fill(out, 0, from, is_repeated ? row[0] : PYRAMID_CLIPPED);
        for (int32_t i = from; i < end; i++)
            out[i] = row[at[0] + i];
        fill(out, from > end ? from : end, size, is_repeated ? row[w - 1] : PYRAMID_CLIPPED);
    }
}

/** A square of `size` cells; beyond the picture there are its last cells, or clipped ones. */
static inline struct view view_of(const struct level *l, int32_t x, int32_t y, int32_t size,
    bool is_repeated, int16_t copy[VIEW_CELLS])
{
    const int32_t w = (int32_t)l->width, h = (int32_t)l->height;
    if (x >= 0 && y >= 0 && x + size <= w && y + size <= h)
        return (struct view){l->cells + (size_t)y * l->width + x, l->width};
    copy_of(l, (const int32_t[2]){x, y}, size, is_repeated, copy);
    return (struct view){copy, (size_t)size};
}

#endif
