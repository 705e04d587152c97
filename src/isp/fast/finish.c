/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Finishing a band: a ring of rows of display values and luma. Pixels outside the picture are the
 * nearest in it. */
#include "isp/fast/finish.h"

enum { LUMA = 3, DETAIL_ROW = FAST_FINISH_RING * 4 * 2 };

/* Column 0 of one phase; planes: R, G, B (YUV: their means over pairs, in phase 0), luma. */
static int16_t *display_row(const struct fast_run *run, uint32_t y, int plane, unsigned phase)
{
    const size_t rows = (y % FAST_FINISH_RING) * 4 * 2, stride = run->recipe->stride;
    return fast_plane_row(run->display + rows * stride, stride, plane, phase);
}

static int16_t *detail_row(const struct fast_run *run, unsigned phase)
{
    const size_t stride = run->recipe->stride;
    return fast_plane_row(run->display + DETAIL_ROW * stride, stride, 0, phase);
}

static void extend_sides(int16_t *const row[2], uint32_t width)
{
    const uint32_t last = width - 1;
    row[1][-1] = row[0][0];
    row[width & 1][width >> 1] = row[last & 1][last >> 1];
}

static void make_display(struct fast_run *run, uint32_t y)
{
    const struct isp_fast_recipe *recipe = run->recipe;
    const uint32_t width = recipe->geometry.width;
    int16_t *linear = isp_fast_linear_row(run, y);
    struct fast_pack task = {.tone = &recipe->tone, .width = width};
    for (int k = 0; k < 3; k++) {
        int16_t *even = fast_plane_row(linear, recipe->stride, k, 0);
        int16_t *odd = fast_plane_row(linear, recipe->stride, k, 1);
        if (width % 2 == 1)
            odd[width / 2] = even[width / 2]; /* the last pair of pixels is one */
        task.linear[k][0] = even;
        task.linear[k][1] = odd;
        task.display[k][0] = task.half[k] = display_row(run, y, k, 0);
        task.display[k][1] = display_row(run, y, k, 1);
    }
    task.luma[0] = display_row(run, y, LUMA, 0);
    task.luma[1] = display_row(run, y, LUMA, 1);
    if (fast_is_yuv(recipe->geometry.format))
        recipe->kernels->pack->display_yuv(&task);
    else
        recipe->kernels->pack->display(&task);
    extend_sides(task.luma, width);
}

static void find_detail(const struct fast_run *run, uint32_t y)
{
    const struct isp_fast_recipe *recipe = run->recipe;
    const uint32_t last = recipe->geometry.height - 1;
    const uint32_t rows[3] = {y > 0 ? y - 1 : 0, y, y < last ? y + 1 : last};
    struct fast_detail task = {
        .coring = recipe->finish.coring,
        .noise = recipe->finish.noise,
        .sharpness = recipe->finish.sharpness,
        .pairs = ((size_t)recipe->geometry.width + 1) / 2,
    };
    for (unsigned phase = 0; phase < 2; phase++) {
        for (int k = 0; k < 3; k++)
            task.rows[k][phase] = display_row(run, rows[k], LUMA, phase);
        task.dst[phase] = detail_row(run, phase);
    }
    if (recipe->finish.is_denoised)
        recipe->kernels->detail->denoise(&task);
    else
        recipe->kernels->detail->sharpen(&task);
}

static void pack_chroma(const struct fast_run *run, const struct sisp_image *out, uint32_t y)
{
    struct fast_chroma task = {
        .dst = out->planes[1] + y / 2 * out->stride_bytes[1],
        .pairs = ((size_t)out->width + 1) / 2,
    };
    for (int k = 0; k < 3; k++) {
        task.half[0][k] = display_row(run, y & ~1u, k, 0);
        task.half[1][k] = display_row(run, y, k, 0); /* the last row of an odd height is alone */
    }
    run->recipe->kernels->pack->chroma[out->format](&task);
}

static void finish_row(const struct fast_run *run, const struct sisp_image *out, uint32_t y)
{
    const struct isp_geometry *g = &run->recipe->geometry;
    struct fast_pack task = {
        .dst = out->planes[0] + y * out->stride_bytes[0],
        .width = g->width,
    };
    for (int k = 0; k < 3; k++)
        task.half[k] = display_row(run, y, k, 0);
    find_detail(run, y);
    for (unsigned phase = 0; phase < 2; phase++) {
        for (int k = 0; k < 3; k++)
            task.linear[k][phase] = display_row(run, y, k, phase);
        task.luma[phase] = display_row(run, y, LUMA, phase);
        task.detail[phase] = detail_row(run, phase);
    }
    run->recipe->kernels->pack->finish[g->format](&task);
    if (sisp_pixel_plane_count(g->format) == 2 && (y % 2 == 1 || y + 1 == g->height))
        pack_chroma(run, out, y);
}

uint32_t isp_fast_finish_top(uint32_t y0)
{
    return y0 > FAST_FINISH_REACH ? y0 - FAST_FINISH_REACH : 0;
}

void isp_fast_finish_band(
    struct fast_run *run, const struct sisp_image *out, uint32_t y0, uint32_t y1)
{
    const uint32_t height = run->recipe->geometry.height;
    uint32_t next = isp_fast_finish_top(y0);
    for (uint32_t y = y0; y < y1; y++) {
        for (; next < height && next <= y + FAST_FINISH_REACH; next++)
            make_display(run, next);
        finish_row(run, out, y);
    }
}
