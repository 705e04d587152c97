/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The fast path on a band of output rows: rows go through unpack, demosaic and CCM, area mean,
 * tone and pack while they are in the first levels of cache.
 */
#include "isp/fast/finish.h"
#include "isp/fast/second.h"

#include <string.h>

/* ---- scratch --------------------------------------------------------------------------------- */

/* Rows of 16-bit lanes: rings, linear planes, pair means, scaled planes; then the 32-bit sums of
 * the area mean and what else it needs. All strides are whole cache lines. */
enum {
    RING_ROWS = FAST_RING * 2,
    FIXED_ROWS = FAST_RING * 2,
    GREEN_ROWS = FAST_RING,
    LINEAR_ROWS = 3 * 2,
    HALF_ROWS = 2 * 3,
    SCALED_ROWS = 3 * 2,
    SUM_ROWS = 3 * 2 * 2,
    AREA_ROWS = 2 * (4 + 2 + 2), /* of pixels; taps of outputs; weights */
    ALL_ROWS = RING_ROWS + FIXED_ROWS + GREEN_ROWS + LINEAR_ROWS + HALF_ROWS + SCALED_ROWS +
               SUM_ROWS + AREA_ROWS + FAST_FINISH_ROWS,
};

#define ZONES_SIZE (SISP_STATS_ZONES * sizeof(struct fast_zone)) /* before the rows */

size_t isp_fast_scratch_size(const struct isp_geometry *geometry)
{
    const size_t rows = ALL_ROWS + (fast_is_transposed(geometry) ? FAST_TURN_ROWS * 3 * 2 : 0);
    return ZONES_SIZE + rows * fast_stride(geometry->crop.width) * sizeof(int16_t);
}

void isp_fast_run_init(struct fast_run *run, const struct isp_fast_recipe *recipe,
    const uint8_t *raw, void *scratch, struct sisp_stats *stats)
{
    const size_t stride = recipe->stride;
    *run = (struct fast_run){.recipe = recipe, .raw = raw, .stats = stats};
    run->has_defects = recipe->bayer.has_defects;
    run->has_balance = recipe->bayer.has_balance;
    run->zones = scratch;
    run->ring = (int16_t *)((uint8_t *)scratch + ZONES_SIZE);
    run->fixed = run->ring + RING_ROWS * stride;
    run->green = run->fixed + FIXED_ROWS * stride;
    run->linear = run->green + GREEN_ROWS * stride;
    run->half = run->linear + LINEAR_ROWS * stride;
    run->scaled = run->half + HALF_ROWS * stride;
    run->scale_sums = (uint32_t *)(run->scaled + SCALED_ROWS * stride);
    run->display = (int16_t *)run->scale_sums + (SUM_ROWS + AREA_ROWS) * stride;
    if (fast_is_transposed(&recipe->geometry))
        run->turned = run->display + FAST_FINISH_ROWS * stride;
    if (stats) {
        memset(run->zones, 0, ZONES_SIZE);
        isp_fast_stats_init(recipe, stats);
    }
}

/* ---- samples --------------------------------------------------------------------------------- */

/* Left and right of a row in the ring change places, and with them the phases of an even width. */
static void reverse_row(const struct fast_run *run, uint32_t y)
{
    const size_t width = run->recipe->geometry.crop.width;
    int16_t *const row[2] = {fast_ring_row(run, y, 0), fast_ring_row(run, y, 1)};
    void (*const reverse)(const struct fast_reverse *) = run->recipe->kernels->unpack->reverse;
    if (width % 2 == 0)
        reverse(&(struct fast_reverse){row[0], row[1] + width / 2, width / 2});
    for (size_t phase = 0; phase < 2 && width % 2 == 1; phase++) {
        const size_t count = (width + 1 - phase) / 2;
        reverse(&(struct fast_reverse){row[phase], row[phase] + count, count / 2});
    }
}

/* Samples of the group that the crop begins in come before its first: what their phase is, and how
 * many of it. */
static unsigned lead_phase(const struct isp_fast_recipe *recipe, unsigned sequence)
{
    return (sequence + recipe->raw_lead) % 2;
}

static uint32_t lead_of(const struct isp_fast_recipe *recipe, unsigned phase)
{
    return (recipe->raw_lead + phase) / 2;
}

/* The mesh rows around a line, and the weight of the lower one. */
static void find_gains(
    const struct isp_fast_recipe *recipe, uint32_t line, struct fast_unpack *task)
{
    const double place = ((line + 0.5) / recipe->geometry.crop.height - recipe->mesh_y);
    const uint32_t knot = fast_knot_place(place * recipe->mesh_scale, recipe->mesh_rows);
    const uint32_t above = knot >> 15, below = above + (above + 1 < recipe->mesh_rows);
    task->below_weight = knot & 32767;
    for (unsigned sequence = 0; sequence < 2; sequence++) {
        const unsigned phase = lead_phase(recipe, sequence);
        const uint16_t *gains = recipe->gains - lead_of(recipe, phase);
        task->gain_above[sequence] = gains + fast_gain_offset(recipe, above, line & 1, phase);
        task->gain_below[sequence] = gains + fast_gain_offset(recipe, below, line & 1, phase);
    }
}

static const uint8_t *raw_line(const struct fast_run *run, uint32_t line)
{
    const struct isp_fast_recipe *recipe = run->recipe;
    return run->raw + line * recipe->geometry.raw_stride_bytes + recipe->raw_begin;
}

void isp_fast_unpack_row(const struct fast_run *run, uint32_t y)
{
    const struct isp_fast_recipe *recipe = run->recipe;
    const struct isp_geometry *g = &recipe->geometry;
    const uint32_t line = fast_line_of(g, y);
    struct fast_unpack task = {
        .src = raw_line(run, line),
        .src_bytes = recipe->raw_bytes,
        .clip = recipe->clip,
        .word_max = (uint16_t)((1u << recipe->raw->bits) - 1),
        .shift = 16u - recipe->raw->bits,
        .pairs = ((size_t)recipe->raw_lead + g->crop.width + 1) / 2,
    };
    for (unsigned sequence = 0; sequence < 2; sequence++) {
        const unsigned phase = lead_phase(recipe, sequence);
        task.dst[sequence] = fast_ring_row(run, y, phase) - lead_of(recipe, phase);
        task.black[sequence] = recipe->black[line & 1][phase];
        task.span[sequence] = recipe->span[line & 1][phase];
        task.boost[sequence] = recipe->boost[line & 1][phase];
    }
    find_gains(recipe, line, &task);
    recipe->kernels->unpack->row[recipe->raw->packing](&task);
    isp_fast_mend_row(run, y, line);
    if (g->orientation & SISP_ORIENTATION_MIRROR)
        reverse_row(run, y);
    for (unsigned phase = 0; phase < 2; phase++)
        fast_mirror_sides(recipe, fast_ring_row(run, y, phase), phase);
}

/* ---- linear RGB ------------------------------------------------------------------------------ */

/* The row after the one that is unpacked next. */
static void prefetch_raw(const struct fast_run *run, struct fast_demosaic *task)
{
    const struct isp_geometry *g = &run->recipe->geometry;
    const uint32_t y = run->next_row + 1;
    if (y >= g->crop.height)
        return;
    task->prefetch = raw_line(run, fast_line_of(g, y));
    task->prefetch_bytes = run->recipe->raw_bytes;
}

static void demosaic_row(const struct fast_run *run, uint32_t y)
{
    const struct isp_fast_recipe *recipe = run->recipe;
    const struct fast_demosaic_kernels *kernels = recipe->kernels->demosaic;
    const uint32_t width = recipe->geometry.crop.width, height = recipe->geometry.crop.height;
    const unsigned own_phase = fast_row_own_phase(recipe, y);
    struct fast_demosaic task = {.pairs = ((size_t)width + 1) / 2};
    for (int k = 0; k < 5; k++) {
        const uint32_t from = fast_mirror((int64_t)y + k - 2, height);
        for (unsigned phase = 0; phase < 2; phase++)
            task.rows[k][phase] = fast_sample_row(run, from, phase);
    }
    for (int k = 0; k < 6; k++)
        task.dst[k / 2][k % 2] = fast_plane_row(run->linear, recipe->stride, k / 2, k % 2);
    prefetch_raw(run, &task);
    memcpy(task.ccm, recipe->ccm[fast_row_is_blue(recipe, y)], sizeof(task.ccm));
    if (recipe->raw->is_mono)
        kernels->mono(&task);
    else if (recipe->demosaic != SISP_DEMOSAIC_BILINEAR)
        kernels->mhc[own_phase](&task);
    else
        kernels->bilinear[own_phase](&task);
}

/* Rows come in order; those up to two below y are brought. */
void isp_fast_develop_row(struct fast_run *run, uint32_t y)
{
    const uint32_t height = run->recipe->geometry.crop.height;
    isp_fast_bring_rows(run, y + 3 < height ? y + 3 : height);
    if (run->stats && y % 2 == 0 && y >= run->stats_begin && y < run->stats_end && y + 1 < height)
        isp_fast_stats_row(run, y / 2);
    demosaic_row(run, y);
    run->next_line = y + 1;
    if (run->second)
        isp_fast_second_take(run->second, run->linear, y);
}

/* ---- pictures -------------------------------------------------------------------------------- */

static int16_t *half_row(const struct fast_run *run, uint32_t y, int plane)
{
    return run->half + ((y % 2) * 3 + (size_t)plane) * run->recipe->stride + FAST_PAD;
}

static void pack_chroma(const struct fast_run *run, const struct sisp_image *out, uint32_t y)
{
    struct fast_chroma task = {
        .dst = out->planes[1] + y / 2 * out->stride_bytes[1],
        .pairs = ((size_t)out->width + 1) / 2,
    };
    for (int k = 0; k < 3; k++) {
        task.half[0][k] = half_row(run, y & ~1u, k);
        task.half[1][k] = half_row(run, y, k); /* the last row of an odd height is alone */
    }
    run->recipe->kernels->pack->chroma[out->format](&task);
}

static void pack_row(
    struct fast_run *run, int16_t *linear, const struct sisp_image *out, uint32_t y)
{
    const struct isp_fast_recipe *recipe = run->recipe;
    const bool has_chroma = sisp_pixel_plane_count(recipe->geometry.format) == 2;
    struct fast_pack task = {
        .tone = &recipe->tone,
        .dst = out->planes[0] + y * out->stride_bytes[0],
        .width = recipe->geometry.width,
    };
    for (int k = 0; k < 3; k++) {
        int16_t *even = fast_plane_row(linear, recipe->stride, k, 0);
        int16_t *odd = fast_plane_row(linear, recipe->stride, k, 1);
        if (task.width % 2 == 1)
            odd[task.width / 2] = even[task.width / 2]; /* the last pair of pixels is one */
        task.linear[k][0] = even;
        task.linear[k][1] = odd;
        task.half[k] = half_row(run, y, k);
    }
    if (run->turned) {
        isp_fast_set_turned(run, &task, y);
        recipe->kernels->pack->planes(&task);
        isp_fast_turn_row(run, out, y);
        return;
    }
    recipe->kernels->pack->row[recipe->geometry.format](&task);
    if (has_chroma && (y % 2 == 1 || y + 1 == recipe->geometry.height))
        pack_chroma(run, out, y);
}

int16_t *isp_fast_linear_row(struct fast_run *run, uint32_t y)
{
    if (run->kept)
        return isp_fast_kept_row(run, y);
    if (fast_is_scaled(&run->recipe->geometry))
        return isp_fast_scaled_row(run, y);
    isp_fast_develop_row(run, y);
    return run->linear;
}

void isp_fast_put_rows(struct fast_run *run, const struct sisp_image *out, uint32_t y0, uint32_t y1)
{
    const bool is_finished = run->recipe->finish.is_on;
    if (is_finished)
        isp_fast_finish_band(run, out, y0, y1);
    for (uint32_t y = y0; y < y1 && !is_finished; y++)
        pack_row(run, isp_fast_linear_row(run, y), out, y);
}

/* ---- public ------------------------------------------------------------------------------------
 */

/* The first line of the crop that rows from y0 on are made from. */
static uint32_t find_first_line(const struct isp_fast_recipe *recipe, uint32_t y0)
{
    const uint32_t top = recipe->finish.is_on ? isp_fast_finish_top(&recipe->finish, y0) : y0;
    return fast_first_row(top, &recipe->geometry);
}

static void begin_run(struct fast_run *run, uint32_t y0, uint32_t y1, uint32_t first_line)
{
    const struct isp_geometry *g = &run->recipe->geometry;
    run->stats_begin = fast_first_row(y0, g);
    run->stats_end = fast_first_row(y1, g);
    run->turn_begin = y0;
    run->turn_end = y1;
    isp_fast_bayer_begin(run, first_line > 2 ? first_line - 2 : 0);
    if (fast_is_scaled(g))
        isp_fast_area_begin(run);
}

static void end_run(struct fast_run *run)
{
    run->recipe->kernels->pack->flush();
    if (run->stats)
        isp_fast_stats_finish(run);
}

void isp_fast_band(const struct isp_fast_recipe *recipe, const uint8_t *raw,
    const struct sisp_image *out, uint32_t y0, uint32_t y1, void *scratch, struct sisp_stats *stats)
{
    struct fast_run run;
    isp_fast_run_init(&run, recipe, raw, scratch, stats);
    begin_run(&run, y0, y1, find_first_line(recipe, y0));
    isp_fast_put_rows(&run, out, y0, y1);
    end_run(&run);
}

void isp_fast_band_pair(const struct isp_fast_pair *pair, const uint8_t *raw, uint32_t y0,
    uint32_t y1, void *scratch, struct sisp_stats *stats)
{
    const uint32_t own_begin = find_first_line(pair->recipes[0], y0);
    struct fast_run run;
    struct fast_second second;
    isp_fast_second_init(&second, pair, y0, y1, scratch);
    isp_fast_run_init(&run, pair->recipes[0], raw, scratch, stats);
    run.second = &second;
    const uint32_t begin = second.begin_line < own_begin ? second.begin_line : own_begin;
    begin_run(&run, y0, y1, begin);
    for (uint32_t line = begin; line < own_begin; line++)
        isp_fast_develop_row(&run, line);
    isp_fast_put_rows(&run, pair->outs[0], y0, y1);
    for (uint32_t line = run.next_line; line < second.end_line; line++)
        isp_fast_develop_row(&run, line);
    end_run(&run);
}
