/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Rows of the scaled picture, by the area mean of area.c. */
#include "isp/fast/recipe.h"

#include <string.h>

enum { SUM_ROWS = 3 * 2 }; /* planes and phases */

/* What lies in scratch after the sums. */
struct area_scratch {
    uint16_t *pixels, *weights;
    struct fast_taps *taps;
};

static struct area_scratch scratch_of(const struct fast_run *run)
{
    const size_t stride = run->recipe->stride; /* of half a row */
    uint16_t *pixels = (uint16_t *)(run->scale_sums + SUM_ROWS * stride);
    return (struct area_scratch){
        pixels, pixels + 12 * stride, (struct fast_taps *)(void *)(pixels + 8 * stride)};
}

/* Of `in` samples `out` are made. In units of 1 / out, input sample i begins at i * out, output
 * sample j covers [j * in, (j + 1) * in). How much of j lies before i, rounded. */
static uint32_t share_before(uint64_t i, uint64_t j, uint32_t in, uint32_t out)
{
    const uint64_t begin = j * in, place = i * out;
    const uint64_t inside = place <= begin ? 0 : place - begin < in ? place - begin : in;
    return (uint32_t)((inside * FAST_AREA_ONE + in / 2) / in);
}

void isp_fast_area_begin(struct fast_run *run)
{
    const struct isp_geometry *g = &run->recipe->geometry;
    const uint32_t in = g->crop.width, out = g->width;
    const struct area_scratch area = scratch_of(run);
    uint16_t *weight = area.weights;
    for (uint32_t j = 0; j < out; j++) {
        const uint32_t first = (uint32_t)((uint64_t)j * in / out), end = fast_end_of(j, in, out);
        area.taps[j] = (struct fast_taps){(uint16_t)first, (uint16_t)(end - first)};
        uint32_t before = 0;
        for (uint32_t i = first; i < end; i++) {
            const uint32_t share = share_before((uint64_t)i + 1, j, in, out);
            *weight++ = (uint16_t)(share - before);
            before = share;
        }
    }
    memset(run->scale_sums, 0, SUM_ROWS * run->recipe->stride * sizeof(*run->scale_sums));
    run->developed = UINT32_MAX;
}

static void add_row(const struct fast_run *run, const int16_t *linear, uint32_t weight)
{
    const size_t stride = run->recipe->stride;
    for (size_t k = 0; k < SUM_ROWS; k++) {
        run->recipe->kernels->area->sum(&(struct fast_area_sum){
            .row = linear + k * stride + FAST_PAD,
            .sum = run->scale_sums + k * stride + FAST_PAD,
            .weight = (uint16_t)weight,
            .count = ((size_t)run->recipe->geometry.crop.width + 1) / 2,
        });
    }
}

static void reduce_sums(const struct fast_run *run, int16_t *dst)
{
    const struct isp_geometry *g = &run->recipe->geometry;
    const size_t stride = run->recipe->stride;
    const struct area_scratch area = scratch_of(run);
    struct fast_area_mean task = {
        .pixels = area.pixels,
        .taps = area.taps,
        .weights = area.weights,
        .pairs = ((size_t)g->crop.width + 1) / 2,
        .width = g->width,
    };
    for (unsigned k = 0; k < SUM_ROWS; k++) {
        task.sum[k / 2][k % 2] = run->scale_sums + k * stride + FAST_PAD;
        task.dst[k / 2][k % 2] = fast_plane_row(dst, stride, (int)k / 2, k % 2);
    }
    run->recipe->kernels->area->mean(&task);
}

bool isp_fast_area_take(
    const struct fast_run *run, const int16_t *linear, uint32_t line, uint32_t y, int16_t *dst)
{
    const struct isp_geometry *g = &run->recipe->geometry;
    const uint32_t in = g->crop.height, out = g->height;
    add_row(
        run, linear, share_before((uint64_t)line + 1, y, in, out) - share_before(line, y, in, out));
    if (line + 1 < fast_end_row(y, g))
        return false;
    reduce_sums(run, dst);
    return true;
}

int16_t *isp_fast_scaled_row(struct fast_run *run, uint32_t y)
{
    const struct isp_geometry *g = &run->recipe->geometry;
    for (uint32_t row = fast_first_row(y, g); row < fast_end_row(y, g); row++) {
        if (run->developed != row)
            isp_fast_develop_row(run, row);
        run->developed = row;
        isp_fast_area_take(run, run->linear, row, y, run->scaled);
    }
    return run->scaled;
}
