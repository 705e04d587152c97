/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Coefficients to recipe. All that is floating point in the fast path happens here, once. */
#include "isp/fast/finish.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define GAIN_MAX 65535 /* Q12 */
#define GAIN_STEP                                                                                  \
    32766 /* most between neighbouring mesh rows: the kernel's difference is int16                 \
           */
#define KNOTS_MAX (SISP_LSC_KNOTS_MAX * SISP_LSC_KNOTS_MAX)

/* ---- checks (all written so that NaN fails) ------------------------------------------------- */

static bool is_mesh_valid(const struct sisp_lsc_mesh *mesh)
{
    if (mesh->cols == 0 || mesh->rows == 0)
        return true;
    if (mesh->cols > SISP_LSC_KNOTS_MAX || mesh->rows > SISP_LSC_KNOTS_MAX)
        return false;
    if (!isfinite(mesh->origin_x) || !isfinite(mesh->origin_y))
        return false;
    if ((mesh->cols > 1 && !(mesh->step_x > 0)) || (mesh->rows > 1 && !(mesh->step_y > 0)))
        return false;
    for (int site = 0; site < SISP_SITE_COUNT; site++) {
        for (uint32_t i = 0; i < mesh->cols * mesh->rows; i++) {
            if (!(mesh->gain[site][i] > 0) || !isfinite(mesh->gain[site][i]))
                return false;
        }
    }
    return true;
}

static bool are_levels_valid(const struct sisp_coefficients *c, unsigned bits)
{
    if (!(c->white_level <= 65535) || !(c->clip_level > 0 && c->clip_level <= 1))
        return false;
    for (int site = 0; site < SISP_SITE_COUNT; site++) {
        if (!(c->black_level[site] >= 0) || !(c->black_level[site] <= (float)((1 << bits) - 1)) ||
            !(c->white_level >= c->black_level[site] + 1))
            return false;
    }
    return true;
}

static bool are_colors_valid(const struct sisp_coefficients *c)
{
    for (int i = 0; i < 3; i++) {
        if (!(c->wb_gains[i] > 0 && c->wb_gains[i] < 16))
            return false;
    }
    for (int i = 0; i < 9; i++) {
        if (!(c->ccm[i] > -4 && c->ccm[i] < 4))
            return false;
    }
    for (int i = 0; i < SISP_TONE_KNOTS; i++) {
        if (!isfinite(c->tone[i]))
            return false;
    }
    return c->demosaic <= SISP_DEMOSAIC_SMOOTH;
}

/* ---- gains -------------------------------------------------------------------------------------
 */

static uint16_t gain_code(double gain)
{
    if (gain >= GAIN_MAX)
        return GAIN_MAX;
    uint16_t code = (uint16_t)gain;
    return (uint16_t)(code + (code < gain)); /* up: raw white must reach the clip level */
}

/* Gains at the knots of one site. Gains that differ too much from one mesh row to the next are
 * raised to what the kernel can interpolate. */
static void find_knots(const struct sisp_lsc_mesh *mesh, int site, double scale, uint16_t *knots)
{
    const int cols = (int)mesh->cols, count = cols * (int)mesh->rows;
    for (int i = 0; i < count; i++)
        knots[i] = gain_code(scale * (double)mesh->gain[site][i]);
    for (int i = cols; i < count; i++) {
        if (knots[i] < knots[i - cols] - GAIN_STEP)
            knots[i] = (uint16_t)(knots[i - cols] - GAIN_STEP);
    }
    for (int i = count - cols - 1; i >= 0; i--) {
        if (knots[i] < knots[i + cols] - GAIN_STEP)
            knots[i] = (uint16_t)(knots[i + cols] - GAIN_STEP);
    }
}

/* All mesh rows at every column of one phase. The place among the knots is found once per column,
 * because all this is done for every change of white balance. */
static void spread_rows(struct isp_fast_recipe *recipe, const struct sisp_lsc_mesh *mesh,
    const uint16_t *knots, unsigned phase, uint16_t *gains)
{
    const uint32_t width = recipe->geometry.crop.width, count = (width + 1 - phase) / 2;
    const size_t row_lanes = 4 * recipe->stride;
    const double knot = mesh->cols > 1 ? 1 / (double)mesh->step_x : 0;
    for (uint32_t i = 0; i < count; i++) {
        const double x = (2 * i + phase + 0.5) / width;
        const uint32_t place = fast_knot_place((x - (double)mesh->origin_x) * knot, mesh->cols);
        const uint16_t *left = knots + (place >> 15);
        const uint16_t *right = left + ((place >> 15) + 1 < mesh->cols);
        const int32_t weight = place & 32767;
        for (uint32_t row = 0; row < mesh->rows; row++) {
            const uint32_t k = row * mesh->cols;
            const int32_t step = right[k] - left[k];
            gains[row * row_lanes + i] = (uint16_t)(left[k] + ((step * weight + 16384) >> 15));
        }
    }
}

static const struct sisp_lsc_mesh no_mesh = {.cols = 1, .rows = 1, .gain = {{1}, {1}, {1}, {1}}};

/* Left-justified, rounded up: raw white must reach the clip level. */
static uint16_t span_code(double span)
{
    if (span >= UINT16_MAX)
        return UINT16_MAX;
    const uint16_t code = (uint16_t)span;
    return (uint16_t)(code + (code < span));
}

/* A short span, such as 10 bits of signal in a 14-bit file, would ask for gains out of range. */
static uint16_t boost_of(uint16_t span)
{
    uint16_t boost = 0;
    while (boost < 15 && (uint32_t)span << (boost + 1) <= UINT16_MAX)
        boost++;
    return boost;
}

static void compile_gains(struct isp_fast_recipe *recipe, const struct sisp_coefficients *c)
{
    static const int color[SISP_SITE_COUNT] = {0, 1, 1, 2};
    const bool has_mesh = c->lsc.cols && c->lsc.rows;
    const struct sisp_lsc_mesh *mesh = has_mesh ? &c->lsc : &no_mesh;
    const unsigned shift = 16 - recipe->raw->bits;
    const struct sisp_rect *crop = &recipe->geometry.crop;
    const enum sisp_cfa cfa = sisp_cfa_shift(recipe->raw->cfa, crop->x, crop->y);
    recipe->mesh_rows = mesh->rows;
    recipe->mesh_y = (double)mesh->origin_y;
    recipe->mesh_scale = mesh->rows > 1 ? 1 / (double)mesh->step_y : 0;
    recipe->lsc_applied = has_mesh;
    for (unsigned k = 0; k < 4; k++) {
        const unsigned parity = k / 2, phase = k % 2;
        const int site = (int)sisp_cfa_shift(cfa, phase, parity);
        /* Left-justified as samples are, so that a measured level need not go by whole codes. */
        const uint16_t black = (uint16_t)((double)c->black_level[site] * (1 << shift) + 0.5);
        const double span = (double)c->white_level * (1 << shift) - black;
        const uint16_t code = span_code(span), boost = boost_of(code);
        const double range = span * (1 << boost);
        const double scale = 65536.0 * FAST_WHITE / range * (double)c->wb_gains[color[site]];
        uint16_t knots[KNOTS_MAX];
        recipe->black[parity][phase] = black;
        recipe->span[parity][phase] = code;
        recipe->boost[parity][phase] = boost;
        find_knots(mesh, site, scale, knots);
        spread_rows(
            recipe, mesh, knots, phase, recipe->gains + fast_gain_offset(recipe, 0, parity, phase));
    }
}

/* ---- CCM and tone
 * -------------------------------------------------------------------------------- */

static int16_t clamp_16(long value)
{
    return (int16_t)(value > 32767 ? 32767 : value < -32767 ? -32767 : value);
}

/* Codes of a row sum to the rounded code of the row's sum, so that grey stays grey. */
static void compile_ccm(struct isp_fast_recipe *recipe, const float *ccm)
{
    for (int k = 0; k < 3; k++) {
        const float *m = ccm + 3 * k;
        long code[3], greatest = 0, sum = 0;
        for (int i = 0; i < 3; i++) {
            code[i] = lround((double)m[i] * FAST_CCM_ONE);
            sum += code[i];
            greatest = fabsf(m[i]) > fabsf(m[greatest]) ? i : greatest;
        }
        code[greatest] += lround(((double)m[0] + (double)m[1] + (double)m[2]) * FAST_CCM_ONE) - sum;
        for (int i = 0; i < 3; i++) {
            recipe->ccm[0][k][i] = clamp_16(code[i]);
            recipe->ccm[1][k][2 - i] = clamp_16(code[i]);
        }
    }
}

static int32_t tone_code(float value)
{
    return value <= 0 ? 0 : value >= 1 ? FAST_TONE_MAX : (int32_t)lroundf(value * FAST_TONE_MAX);
}

/* Where line `i` of the curve begins, in 1/8192. */
static unsigned line_begin(unsigned i)
{
    if (i < 16)
        return 16 * i;
    if (i < 22)
        return 256 + 128 * (i - 16);
    return i < 28 ? 1024 + 512 * (i - 22) : 4096 + 1024 * (i - 28);
}

/* The curve at one of its knots. */
static int32_t curve_at(const float *curve, unsigned x)
{
    return tone_code(curve[x <= 256 ? x / 4 : x <= 2048 ? 56 + x / 32 : 104 + x / 128]);
}

static int32_t min_32(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static int32_t max_32(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/*
 * Ends of the lines. A line from knot to knot lies on one side of a bent curve, so each inner end
 * is moved by half of the mean distance that its two lines have in their middles: that halves the
 * greatest error. It stays between those middles, so that a rising curve still rises.
 */
static void find_ends(const float *curve, int32_t end[FAST_TONE_SEGS + 1])
{
    int32_t knot[FAST_TONE_SEGS + 1], bend[FAST_TONE_SEGS], middle[FAST_TONE_SEGS];
    for (unsigned i = 0; i <= FAST_TONE_SEGS; i++)
        knot[i] = curve_at(curve, line_begin(i));
    for (unsigned i = 0; i < FAST_TONE_SEGS; i++) {
        const unsigned at = (line_begin(i) + line_begin(i + 1)) / 2;
        middle[i] = (knot[i] + knot[i + 1]) / 2;
        bend[i] = 2 * curve_at(curve, at) - knot[i] - knot[i + 1];
    }
    end[0] = knot[0];
    end[FAST_TONE_SEGS] = knot[FAST_TONE_SEGS];
    for (unsigned i = 1; i < FAST_TONE_SEGS; i++) {
        const int32_t low = min_32(middle[i - 1], middle[i]);
        const int32_t high = max_32(middle[i - 1], middle[i]);
        const int32_t moved = knot[i] + ((bend[i - 1] + bend[i] + 4) >> 3);
        end[i] = min_32(max_32(moved, low), high);
    }
}

static uint8_t byte_of(int16_t word, int which)
{
    return (uint8_t)((uint16_t)word >> 8 * which);
}

static void compile_tone_bytes(struct fast_tone *tone)
{
    for (int i = 0; i < FAST_TONE_SEGS; i++) {
        for (int k = 0; k < 2; k++) {
            tone->bytes[k][i / 16][i % 16] = byte_of(tone->base[i], k);
            tone->bytes[2 + k][i / 16][i % 16] = byte_of(tone->slope[i], k);
        }
    }
}

static void compile_tone(struct fast_tone *tone, const float *curve, int rounding)
{
    int32_t end[FAST_TONE_SEGS + 1];
    find_ends(curve, end);
    for (int i = 0; i < FAST_TONE_SEGS; i++) {
        int32_t rise = end[i + 1] - end[i];
        if (i == FAST_TONE_SEGS - 1) /* the greatest input is 1/1024 short of the end: reach it */
            rise = (int32_t)lround(rise * 1024 / 1023.0);
        tone->base[i] = (int16_t)(end[i] + rounding + (i % 2 ? rise : 0));
        tone->slope[i] = (int16_t)rise;
    }
    compile_tone_bytes(tone);
}

/* Pictures of 8-bit RGB are rounded by the curve, unless finishing comes after it. */
static int rounding_of(const struct isp_fast_recipe *recipe)
{
    const enum sisp_pixel_format format = recipe->geometry.format;
    const bool is_rgb8 = format == SISP_PIXEL_XRGB8888 || format == SISP_PIXEL_RGB24;
    return is_rgb8 && !recipe->finish.is_on ? 64 : 0;
}

/* ---- lines of the raw frame --------------------------------------------------------------------
 */

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

static void compile_sides(struct isp_fast_recipe *recipe)
{
    const uint32_t width = recipe->geometry.crop.width;
    for (uint32_t phase = 0; phase < 2; phase++) {
        const uint32_t last = width + ((width ^ phase) & 1); /* of width, width + 1 */
        recipe->side[phase] = (struct fast_side){
            .left = fast_mirror((int32_t)phase - 2, width) >> 1,
            .last = last >> 1,
            .right = fast_mirror(last, width) >> 1,
        };
    }
}

static void compile_lines(struct isp_fast_recipe *recipe)
{
    const struct sisp_rect *crop = &recipe->geometry.crop;
    const enum sisp_packing packing = recipe->raw->packing;
    const uint32_t lead = group_lead(packing, crop->x);
    recipe->raw_lead = lead;
    recipe->raw_begin =
        crop->y * recipe->geometry.raw_stride_bytes + sisp_raw_row_bytes(packing, crop->x - lead);
    recipe->raw_bytes = sisp_raw_row_bytes(packing, lead + crop->width);
}

/* ---- public
 * -------------------------------------------------------------------------------------- */

size_t isp_fast_recipe_size(const struct isp_geometry *geometry)
{
    size_t lanes = (size_t)SISP_LSC_KNOTS_MAX * 4 * fast_stride(geometry->crop.width);
    return base_align(sizeof(struct isp_fast_recipe) + lanes * sizeof(uint16_t), 64);
}

/* Of a transposed picture, before it is: all stages are those of its lines. */
static struct isp_geometry lying(const struct isp_geometry *g)
{
    struct isp_geometry geometry = *g;
    if (fast_is_transposed(g)) {
        geometry.width = g->height;
        geometry.height = g->width;
        geometry.format = SISP_PIXEL_RGBA64;
    }
    return geometry;
}

uint32_t isp_fast_lines(const struct isp_geometry *geometry)
{
    return lying(geometry).height;
}

int isp_fast_compile(struct isp_fast_recipe *recipe, const struct isp_geometry *geometry,
    const struct sisp_coefficients *c, enum isp_isa isa)
{
    const struct fast_kernels *kernels = isp_fast_kernels(isa);
    const int error = isp_geometry_check(geometry);
    if (error)
        return error;
    const struct sisp_raw_format *raw = isp_geometry_format(geometry);
    if (!kernels || !are_levels_valid(c, raw->bits) || !are_colors_valid(c) ||
        !is_mesh_valid(&c->lsc) || !isp_fast_finish_is_valid(c))
        return -EINVAL;
    struct sisp_coefficients mono;
    if (raw->is_mono) {
        isp_mono_coefficients(&mono, c);
        c = &mono;
    }
    *recipe = (struct isp_fast_recipe){
        .kernels = kernels,
        .geometry = lying(geometry),
        .format = geometry->format,
        .raw = raw,
        .cfa = sisp_cfa_turned(raw->cfa, &geometry->crop, geometry->orientation),
        .demosaic = (enum sisp_demosaic)c->demosaic,
        .clip = (uint16_t)((double)c->clip_level * FAST_WHITE),
        .wb_gains = {c->wb_gains[0], c->wb_gains[1], c->wb_gains[2]},
        .stride = fast_stride(geometry->crop.width),
    };
    for (uint32_t z = 0; z <= SISP_STATS_ZONES; z++)
        recipe->zone_edge[z] =
            (z * (geometry->crop.width / 2) + SISP_STATS_ZONES - 1) / SISP_STATS_ZONES;
    compile_lines(recipe);
    compile_sides(recipe);
    compile_gains(recipe, c);
    compile_ccm(recipe, c->ccm);
    isp_fast_finish_compile(&recipe->finish, c);
    compile_tone(&recipe->tone, c->tone, rounding_of(recipe));
    return isp_fast_compile_bayer(recipe, c);
}

int isp_fast_compile_second(struct isp_fast_recipe *second, const struct isp_fast_recipe *first,
    const struct isp_geometry *geometry, const struct sisp_coefficients *c)
{
    const struct isp_geometry *g = &first->geometry;
    const int error = isp_geometry_check(geometry);
    if (error)
        return error;
    if (memcmp(&geometry->crop, &g->crop, sizeof(g->crop)) != 0 ||
        geometry->raw_fourcc != g->raw_fourcc || geometry->orientation != g->orientation)
        return -EINVAL;
    *second = *first; /* but for the gains: samples are the first's */
    second->geometry = lying(geometry);
    second->format = geometry->format;
    compile_tone(&second->tone, c->tone, rounding_of(second));
    return 0;
}
