/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The fast path on a band of output rows: rows go through unpack, demosaic and CCM, area mean,
 * tone and pack while they are in the first levels of cache.
 */
#include "isp/fast/finish.h"

#include <string.h>

/* ---- scratch --------------------------------------------------------------------------------- */

/* Rows of 16-bit lanes: rings, linear planes, pair means, scaled planes; then the
 * 32-bit sums of the area mean. All strides are whole cache lines. */
enum {
    RING_ROWS = FAST_RING * 2,
    FIXED_ROWS = FAST_RING * 2,
    GREEN_ROWS = FAST_RING,
    LINEAR_ROWS = 3 * 2,
    HALF_ROWS = 2 * 3,
    SCALED_ROWS = 3 * 2,
    SUM_ROWS = 3 * 2 * 2,
    LINE_ROWS = 2 * 2, /* one plane's sums, phases together */
    ALL_ROWS = RING_ROWS + FIXED_ROWS + GREEN_ROWS + LINEAR_ROWS + HALF_ROWS + SCALED_ROWS +
               SUM_ROWS + LINE_ROWS + FAST_FINISH_ROWS,
};

#define ZONES_SIZE (SISP_STATS_ZONES * sizeof(struct fast_zone)) /* before the rows */

size_t isp_fast_scratch_size(const struct isp_geometry *geometry)
{
    return ZONES_SIZE + ALL_ROWS * fast_stride(geometry->crop.width) * sizeof(int16_t);
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
    run->display = (int16_t *)run->scale_sums + (SUM_ROWS + LINE_ROWS) * stride;
    if (stats) {
        memset(run->zones, 0, ZONES_SIZE);
        isp_fast_stats_init(recipe, stats);
    }
}

/* ---- samples --------------------------------------------------------------------------------- */

void isp_fast_mirror_sides(int16_t *row, unsigned phase, uint32_t width)
{
    const int32_t last = (int32_t)(width + ((width ^ phase) & 1)); /* of width, width + 1 */
    row[-1] = row[fast_mirror((int32_t)phase - 2, width) >> 1];
    row[last >> 1] = row[fast_mirror(last, width) >> 1];
}

/* The mesh rows around row y, and the weight of the lower one. */
static void find_gains(const struct isp_fast_recipe *recipe, uint32_t y, struct fast_unpack *task,
    unsigned sequence, unsigned phase, uint32_t lead)
{
    const double place = ((y + 0.5) / recipe->geometry.crop.height - recipe->mesh_y);
    const uint32_t knot = fast_knot_place(place * recipe->mesh_scale, recipe->mesh_rows);
    const uint32_t above = knot >> 15, below = above + (above + 1 < recipe->mesh_rows);
    task->below_weight = knot & 32767;
    task->gain_above[sequence] =
        recipe->gains + fast_gain_offset(recipe, above, y & 1, phase) - lead;
    task->gain_below[sequence] =
        recipe->gains + fast_gain_offset(recipe, below, y & 1, phase) - lead;
}

/* Samples before a packed row's crop that its first group holds. */
static uint32_t group_lead(enum sisp_packing packing, uint32_t x)
{
    switch (packing) {
    case SISP_PACKING_10P:
    case SISP_PACKING_14P:
        return x % 4;
    case SISP_PACKING_12P:
        return x % 2;
    case SISP_PACKING_IPU3:
        return x % 25;
    case SISP_PACKING_8:
    case SISP_PACKING_16:
        break;
    }
    return 0;
}

void isp_fast_unpack_row(const struct fast_run *run, uint32_t y)
{
    const struct isp_fast_recipe *recipe = run->recipe;
    const struct isp_geometry *g = &recipe->geometry;
    const enum sisp_packing packing = recipe->raw->packing;
    const uint32_t lead = group_lead(packing, g->crop.x);
    const size_t begin = sisp_raw_row_bytes(packing, g->crop.x - lead);
    const uint32_t ahead = y + 2 < g->crop.height ? y + 2 : y;
    struct fast_unpack task = {
        .src = run->raw + (g->crop.y + y) * g->raw_stride_bytes + begin,
        .prefetch = run->raw + (g->crop.y + ahead) * g->raw_stride_bytes + begin,
        .src_bytes = sisp_raw_row_bytes(packing, lead + g->crop.width),
        .clip = recipe->clip,
        .word_max = (uint16_t)((1u << recipe->raw->bits) - 1),
        .shift = 16u - recipe->raw->bits,
        .pairs = ((size_t)lead + g->crop.width + 1) / 2,
    };
    for (unsigned sequence = 0; sequence < 2; sequence++) {
        const unsigned phase = (sequence + lead) % 2;
        const uint32_t before = (lead + phase) / 2;
        task.dst[sequence] = fast_ring_row(run, y, phase) - before;
        task.black[sequence] = recipe->black[y & 1][phase];
        task.span[sequence] = recipe->span[y & 1][phase];
        task.boost[sequence] = recipe->boost[y & 1][phase];
        find_gains(recipe, y, &task, sequence, phase, before);
    }
    recipe->kernels->unpack->row[packing](&task);
    isp_fast_mend_row(run, y);
    for (unsigned phase = 0; phase < 2; phase++)
        isp_fast_mirror_sides(fast_ring_row(run, y, phase), phase, g->crop.width);
}

/* ---- linear RGB ------------------------------------------------------------------------------ */

static void demosaic_row(const struct fast_run *run, uint32_t y)
{
    const struct isp_fast_recipe *recipe = run->recipe;
    const struct fast_demosaic_kernels *kernels = recipe->kernels->demosaic;
    const uint32_t width = recipe->geometry.crop.width, height = recipe->geometry.crop.height;
    const unsigned own_phase = fast_row_own_phase(recipe, y);
    struct fast_demosaic task = {.pairs = ((size_t)width + 1) / 2};
    for (unsigned phase = 0; phase < 2; phase++) {
        for (int k = 0; k < 5; k++)
            task.rows[k][phase] =
                isp_fast_sample_row(run, fast_mirror((int64_t)y + k - 2, height), phase);
        for (int k = 0; k < 3; k++)
            task.dst[k][phase] = fast_plane_row(run->linear, recipe->stride, k, phase);
    }
    memcpy(task.ccm, recipe->ccm[fast_row_is_blue(recipe, y)], sizeof(task.ccm));
    if (recipe->raw->is_mono)
        kernels->mono(&task);
    else if (recipe->demosaic == SISP_DEMOSAIC_MHC)
        kernels->mhc[own_phase](&task);
    else
        kernels->bilinear[own_phase](&task);
}

/* Rows come in order; those up to two below y are brought. */
static void develop_row(struct fast_run *run, uint32_t y)
{
    const uint32_t height = run->recipe->geometry.crop.height;
    isp_fast_bring_rows(run, y + 3 < height ? y + 3 : height);
    if (run->stats && y % 2 == 0 && y >= run->stats_begin && y < run->stats_end && y + 1 < height)
        isp_fast_stats_row(run, y / 2);
    demosaic_row(run, y);
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
    run->recipe->kernels->pack->chroma(&task);
}

static void pack_row(
    const struct fast_run *run, int16_t *linear, const struct sisp_image *out, uint32_t y)
{
    const struct isp_fast_recipe *recipe = run->recipe;
    const bool is_nv12 = recipe->geometry.format == SISP_PIXEL_NV12;
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
    recipe->kernels->pack->row[recipe->geometry.format](&task);
    if (is_nv12 && (y % 2 == 1 || y + 1 == recipe->geometry.height))
        pack_chroma(run, out, y);
}

/* ---- area mean --------------------------------------------------------------------------------
 */

/* In units of 1 / out, input sample i covers [i * out, (i + 1) * out), output sample j covers
 * [j * in, (j + 1) * in): all edges are whole numbers, and the weights of an output sum to in. */
static uint32_t first_row(uint32_t row, const struct isp_geometry *g)
{
    return (uint32_t)((uint64_t)row * g->crop.height / g->height);
}

static void sum_row(const struct fast_run *run, uint32_t weight)
{
    const size_t stride = run->recipe->stride;
    for (size_t k = 0; k < LINEAR_ROWS; k++) {
        run->recipe->kernels->sum->scale(&(struct fast_scale){
            .row = run->linear + k * stride + FAST_PAD,
            .sum = run->scale_sums + k * stride + FAST_PAD,
            .weight = (uint16_t)weight,
            .count = ((size_t)run->recipe->geometry.crop.width + 1) / 2,
        });
    }
}

struct divisor {
    uint64_t value, reciprocal; /* 2^64 / value, rounded down */
};

/* Rounded quotient. The estimate is exact or one too small, since it lacks less than
 * sum / 2^64 + 1. */
static int16_t divide(uint64_t sum, const struct divisor *by)
{
    sum += by->value / 2;
    uint64_t quotient = (uint64_t)(((unsigned __int128)sum * by->reciprocal) >> 64);
    return (int16_t)(quotient + (sum - quotient * by->value >= by->value));
}

static void zip_sums(uint32_t *restrict line, const uint32_t *restrict even,
    const uint32_t *restrict odd, size_t pairs)
{
    for (size_t i = 0; i < pairs; i++) {
        line[2 * i] = even[i];
        line[2 * i + 1] = odd[i];
    }
}

/* Sums of a row's columns -> means. */
static void reduce_line(const struct isp_geometry *g, const uint32_t *line, int16_t *const dst[2],
    const struct divisor *by)
{
    const uint32_t in = g->crop.width, out = g->width;
    uint32_t left = out; /* what is left of the width of *line */
    for (uint32_t i = 0; i < out; i++) {
        uint32_t want = in - left; /* left <= out <= in */
        uint64_t sum = (uint64_t)left * *line++, whole = 0;
        for (; want >= out; want -= out)
            whole += *line++;
        sum += whole * out;
        left = out - want;
        if (want > 0)
            sum += (uint64_t)want * *line;
        dst[i % 2][i / 2] = divide(sum, by);
    }
}

static void reduce_rows(const struct fast_run *run)
{
    const struct isp_geometry *g = &run->recipe->geometry;
    const size_t stride = run->recipe->stride;
    const uint64_t area = (uint64_t)g->crop.width * g->crop.height;
    const struct divisor by = {area, UINT64_MAX / area};
    uint32_t *line = run->scale_sums + LINEAR_ROWS * stride;
    for (int k = 0; k < 3; k++) {
        const uint32_t *sums = run->scale_sums + (size_t)k * 2 * stride + FAST_PAD;
        int16_t *const dst[2] = {
            fast_plane_row(run->scaled, stride, k, 0), fast_plane_row(run->scaled, stride, k, 1)};
        zip_sums(line, sums, sums + stride, ((size_t)g->crop.width + 1) / 2);
        reduce_line(g, line, dst, &by);
    }
    memset(run->scale_sums, 0, LINEAR_ROWS * stride * sizeof(*run->scale_sums));
}

static void scale_row(struct fast_run *run, uint32_t y)
{
    const struct isp_geometry *g = &run->recipe->geometry;
    const uint64_t in = g->crop.height, step = g->height, begin = y * in, end = begin + in;
    for (uint64_t row = begin / step; row * step < end; row++) {
        const uint64_t top = row * step > begin ? row * step : begin;
        const uint64_t bottom = (row + 1) * step < end ? (row + 1) * step : end;
        if (run->developed != row)
            develop_row(run, (uint32_t)row);
        run->developed = (uint32_t)row;
        sum_row(run, (uint32_t)(bottom - top));
    }
    reduce_rows(run);
}

static bool is_scaled(const struct isp_geometry *g)
{
    return g->width != g->crop.width || g->height != g->crop.height;
}

int16_t *isp_fast_linear_row(struct fast_run *run, uint32_t y)
{
    if (is_scaled(&run->recipe->geometry)) {
        scale_row(run, y);
        return run->scaled;
    }
    develop_row(run, y);
    return run->linear;
}

/* ---- public ------------------------------------------------------------------------------------
 */

void isp_fast_band(const struct isp_fast_recipe *recipe, const uint8_t *raw,
    const struct sisp_image *out, uint32_t y0, uint32_t y1, void *scratch, struct sisp_stats *stats)
{
    const struct isp_geometry *g = &recipe->geometry;
    const bool is_finished = recipe->finish.is_on;
    const uint32_t top = is_finished ? isp_fast_finish_top(y0) : y0, begin = first_row(top, g);
    struct fast_run run;
    isp_fast_run_init(&run, recipe, raw, scratch, stats);
    run.stats_begin = first_row(y0, g);
    run.stats_end = first_row(y1, g);
    isp_fast_bayer_begin(&run, begin > 2 ? begin - 2 : 0);
    run.developed = UINT32_MAX;
    if (is_scaled(g))
        memset(run.scale_sums, 0, LINEAR_ROWS * recipe->stride * sizeof(*run.scale_sums));
    if (is_finished)
        isp_fast_finish_band(&run, out, y0, y1);
    for (uint32_t y = y0; y < y1 && !is_finished; y++)
        pack_row(&run, isp_fast_linear_row(&run, y), out, y);
    recipe->kernels->pack->flush();
    if (stats)
        isp_fast_stats_finish(&run);
}
