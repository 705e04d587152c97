/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Transposed pictures: rows of display values wait in a block until there are as many as make
 * whole stores of columns. Blocks begin at multiples of their size, so that those are aligned.
 */
#include "isp/fast/recipe.h"

_Static_assert(ISP_FAST_TURNED % FAST_TURN_ROWS == 0, "bands cut no block");

void isp_fast_set_turned(const struct fast_run *run, struct fast_pack *task, uint32_t y)
{
    int16_t *row = fast_turned_row(run, y);
    for (unsigned k = 0; k < 6; k++)
        task->display[k / 2][k % 2] = row + k * run->recipe->stride;
}

void isp_fast_turn_row(struct fast_run *run, const struct sisp_image *out, uint32_t y)
{
    const struct isp_fast_recipe *recipe = run->recipe;
    const struct fast_turn_kernels *kernels = recipe->kernels->turn;
    if ((y + 1) % kernels->rows != 0 && y + 1 != run->turn_end)
        return;
    struct fast_turn task = {
        .rows = fast_turned_row(run, run->turn_begin),
        .stride = recipe->stride,
        .count = y + 1 - run->turn_begin,
        .width = recipe->geometry.width,
    };
    for (unsigned k = 0; k < sisp_pixel_plane_count(recipe->format); k++) {
        /* Of chroma a pair of pixels takes what two take in a row of luma. */
        task.dst[k] = out->planes[k] + sisp_pixel_row_bytes(recipe->format, 0, run->turn_begin);
        task.dst_stride_bytes[k] = out->stride_bytes[k];
    }
    kernels->turn[recipe->format](&task);
    run->turn_begin = y + 1;
}
