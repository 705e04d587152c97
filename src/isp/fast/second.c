/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A second picture from the linear rows of the first: its rows are scaled as they come and kept
 * until there are enough for the stages that look at rows above and below.
 */
#include "isp/fast/second.h"

#include <string.h>

enum {
    PLANE_ROWS = 3 * 2,
    KEPT = 32,  /* a power of two */
    CHUNK = 16, /* rows that go on together; even, for 4:2:0 */
    REACH = 4,  /* rows above and below that they may need */
};
_Static_assert(CHUNK + 2 * REACH <= KEPT, "rows are kept until they are used");

size_t isp_fast_pair_scratch_size(const struct isp_geometry geometries[2])
{
    const size_t stride = fast_stride(geometries[1].crop.width);
    return base_align(isp_fast_scratch_size(&geometries[0]), 64) +
           base_align(isp_fast_scratch_size(&geometries[1]), 64) +
           KEPT * PLANE_ROWS * stride * sizeof(int16_t);
}

int16_t *isp_fast_kept_row(const struct fast_run *run, uint32_t y)
{
    return run->kept + (size_t)(y % KEPT) * PLANE_ROWS * run->recipe->stride;
}

/* Rows of the second picture that go with those before row y of the first: even. */
static uint32_t rows_before(uint32_t y, const struct isp_geometry *first, uint32_t height)
{
    return y == first->height ? height : (uint32_t)((uint64_t)y * height / first->height) & ~1u;
}

void isp_fast_second_init(struct fast_second *second, const struct isp_fast_pair *pair, uint32_t y0,
    uint32_t y1, void *scratch)
{
    const struct isp_geometry *first = &pair->recipes[0]->geometry;
    const struct isp_geometry *g = &pair->recipes[1]->geometry;
    const size_t first_bytes = base_align(isp_fast_scratch_size(first), 64);
    const size_t own_bytes = base_align(isp_fast_scratch_size(g), 64);
    uint8_t *own = (uint8_t *)scratch + first_bytes;
    *second = (struct fast_second){
        .out = pair->outs[1],
        .next_put = rows_before(y0, first, g->height),
        .end = rows_before(y1, first, g->height),
        .begin_line = UINT32_MAX,
    };
    isp_fast_run_init(&second->run, pair->recipes[1], NULL, own, NULL);
    second->run.kept = (int16_t *)(void *)(own + own_bytes);
    if (second->next_put == second->end)
        return;
    second->run.turn_begin = second->next_put;
    second->run.turn_end = second->end;
    second->next = second->next_put > REACH ? second->next_put - REACH : 0;
    second->last = second->end + REACH < g->height ? second->end + REACH : g->height;
    second->begin_line = fast_first_row(second->next, g);
    second->end_line = fast_end_row(second->last - 1, g);
    if (fast_is_scaled(g))
        isp_fast_area_begin(&second->run);
}

/* What is complete, with all that it needs. */
static void put_chunks(struct fast_second *second)
{
    const uint32_t height = second->run.recipe->geometry.height;
    while (second->next_put < second->end) {
        const uint32_t left = second->end - second->next_put;
        const uint32_t end = second->next_put + (left < CHUNK ? left : CHUNK);
        const uint32_t needed = end + REACH < height ? end + REACH : height;
        if (second->next < needed)
            return;
        isp_fast_put_rows(&second->run, second->out, second->next_put, end);
        second->next_put = end;
    }
}

void isp_fast_second_take(struct fast_second *second, const int16_t *linear, uint32_t line)
{
    struct fast_run *run = &second->run;
    const bool is_scaled = fast_is_scaled(&run->recipe->geometry);
    while (second->next < second->last) {
        int16_t *row = isp_fast_kept_row(run, second->next);
        if (line < fast_first_row(second->next, &run->recipe->geometry))
            return;
        if (!is_scaled)
            memcpy(row, linear, PLANE_ROWS * run->recipe->stride * sizeof(*row));
        else if (!isp_fast_area_take(run, linear, line, second->next, row))
            return;
        second->next++;
        put_chunks(second);
    }
}
