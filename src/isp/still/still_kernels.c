/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Row kernels of the still path: one text, built once per instruction set level (ISA_NAME). Plain
 * loops over unit strides that compilers vectorise; every operation is IEEE single precision in a
 * fixed order, hence the same bits at every level.
 *
 * Demosaic: H. S. Malvar, L.-w. He, R. Cutler, "High-quality linear interpolation for demosaicing
 * of Bayer-patterned color images", ICASSP 2004.
 */
#include <isp/still/still.h>
#include <isp/still/unpack.h>

#include <stdbool.h>
#include <string.h>

/* Cells (pairs of pixels) developed at a time, so that all between rows and output stays in L1. */
#define TILE_CELLS  256
#define TILE_PIXELS (2 * TILE_CELLS)

struct tile {
    float half[2][3][TILE_CELLS]; /* by phase and channel, as demosaic writes them */
    float rgb[3][TILE_PIXELS];
    uint16_t code[3][TILE_PIXELS];
};

/* The same selection as SSE's minps and maxps: NaN gives the limit. */
static inline float clamp(float x, float low, float high)
{
    x = x > low ? x : low;
    return x < high ? x : high;
}

/* ---- linear rows ------------------------------------------------------------------------- */

/* Knots of one row of samples: gain, and how far it is to the next knot. */
struct knots {
    float gain[SISP_LSC_KNOTS_MAX], delta[SISP_LSC_KNOTS_MAX];
};

static void lsc_row(
    const struct isp_still_recipe *recipe, enum sisp_site site, uint32_t y, struct knots *out)
{
    const struct sisp_lsc_mesh *mesh = &recipe->lsc;
    float v = (float)y * recipe->lsc_scale[1] + recipe->lsc_offset[1];
    v = clamp(v, 0, (float)(mesh->rows - 1));
    uint32_t j = (uint32_t)v, next = j + 1 < mesh->rows ? j + 1 : j;
    const float *a = mesh->gain[site] + (size_t)j * mesh->cols;
    const float *b = mesh->gain[site] + (size_t)next * mesh->cols;
    for (uint32_t i = 0; i < mesh->cols; i++)
        out->gain[i] = a[i] + (v - (float)j) * (b[i] - a[i]);
    for (uint32_t i = 0; i + 1 < mesh->cols; i++)
        out->delta[i] = out->gain[i + 1] - out->gain[i];
    out->delta[mesh->cols - 1] = 0;
}

static void lsc_apply(const struct isp_still_recipe *recipe, enum sisp_site site, uint32_t y,
    unsigned phase, float *row)
{
    struct knots knots;
    lsc_row(recipe, site, y, &knots);
    const float scale = recipe->lsc_scale[0], offset = recipe->lsc_offset[0];
    const float last = (float)(recipe->lsc.cols - 1);
    const int32_t count = (int32_t)((recipe->geometry.crop.width + 1 - phase) / 2);
    for (int32_t k = 0; k < count; k++) {
        float u = clamp((float)(2 * k + (int32_t)phase) * scale + offset, 0, last);
        int32_t i = (int32_t)u;
        row[k] *= knots.gain[i] + (u - (float)i) * knots.delta[i];
    }
}

static void cap_row(float *restrict row, uint32_t count, float limit)
{
    for (uint32_t k = 0; k < count; k++)
        row[k] = row[k] < limit ? row[k] : limit;
}

/* Demosaic looks two samples beyond each end; the last cell may be half a cell. */
static void mirror_ends(const struct still_line *line, uint32_t width)
{
    const int64_t edges[] = {
        -2, -1, width, (int64_t)width + 1, (int64_t)width + 2, (int64_t)width + 3};
    for (unsigned i = 0; i < 6; i++) {
        uint32_t from = unpack_mirror(edges[i], width);
        line->phase[from & 1][(edges[i] + 2) / 2 - 1] = line->phase[from & 1][from / 2];
    }
}

static void linearise(const struct isp_still_recipe *recipe, const uint8_t *raw, uint32_t y,
    const struct still_line *line, uint16_t *words)
{
    const struct sisp_rect *crop = &recipe->geometry.crop;
    const uint8_t *row = raw + (size_t)(crop->y + y) * recipe->geometry.raw_stride_bytes;
    const uint16_t *samples = unpack_row(recipe->packing, row, crop->x, crop->width, words);
    for (unsigned phase = 0; phase < 2; phase++) {
        enum sisp_site site = unpack_site(recipe->cfa, phase, y);
        const float black = recipe->black[site], scale = recipe->scale[site];
        const uint32_t count = (crop->width + 1 - phase) / 2;
        float *restrict out = line->phase[phase];
        for (uint32_t k = 0; k < count; k++)
            out[k] = ((float)samples[2 * k + phase] - black) * scale;
        if (recipe->lsc.cols)
            lsc_apply(recipe, site, y, phase, out);
        cap_row(out, count, recipe->clip_level);
    }
    mirror_ends(line, crop->width);
}

/* ---- demosaic ---------------------------------------------------------------------------- */

/*
 * The neighbourhood of the sites of one phase, for five rows: own[r][k] is the site's column,
 * own[r][k - 1] and own[r][k + 1] lie two samples away, side[r][k] and side[r][k + 1] one sample.
 */
struct window {
    const float *own[5], *side[5];
    float limit;
};

static struct window window_at(
    const struct still_line lines[5], unsigned phase, uint32_t k, float limit)
{
    struct window w = {.limit = limit};
    for (unsigned r = 0; r < 5; r++) {
        w.own[r] = lines[r].phase[phase] + k;
        w.side[r] = phase ? lines[r].phase[0] + k : lines[r].phase[1] + k - 1;
    }
    return w;
}

/* Sites of red or blue: `green` and the opposite colour are interpolated. */
static void mhc_at_chroma(const struct window *w, uint32_t count, float *restrict same,
    float *restrict green, float *restrict opposite)
{
    const float *n2 = w->own[0], *n1 = w->own[1], *c = w->own[2], *s1 = w->own[3], *s2 = w->own[4];
    const float *nd = w->side[1], *e = w->side[2], *sd = w->side[3], limit = w->limit;
    for (uint32_t k = 0; k < count; k++) {
        float far = (n2[k] + s2[k]) + (c[(int64_t)k - 1] + c[k + 1]);
        float near = (n1[k] + s1[k]) + (e[k] + e[k + 1]);
        float corners = (nd[k] + nd[k + 1]) + (sd[k] + sd[k + 1]);
        same[k] = clamp(c[k], 0, limit);
        green[k] = clamp((4 * c[k] + 2 * near - far) * 0.125F, 0, limit);
        opposite[k] = clamp((6 * c[k] + 2 * corners - 1.5F * far) * 0.125F, 0, limit);
    }
}

/* Sites of green: one colour lies to the left and right, the other above and below. */
static void mhc_at_green(const struct window *w, uint32_t count, float *restrict across,
    float *restrict green, float *restrict down)
{
    const float *n2 = w->own[0], *n1 = w->own[1], *c = w->own[2], *s1 = w->own[3], *s2 = w->own[4];
    const float *nd = w->side[1], *e = w->side[2], *sd = w->side[3], limit = w->limit;
    for (uint32_t k = 0; k < count; k++) {
        float far_down = n2[k] + s2[k], far_across = c[(int64_t)k - 1] + c[k + 1];
        float corners = (nd[k] + nd[k + 1]) + (sd[k] + sd[k + 1]);
        float base = 5 * c[k] - corners;
        float near_across = 4 * (e[k] + e[k + 1]), near_down = 4 * (n1[k] + s1[k]);
        green[k] = clamp(c[k], 0, limit);
        across[k] = clamp((base + near_across - far_across + 0.5F * far_down) * 0.125F, 0, limit);
        down[k] = clamp((base + near_down - far_down + 0.5F * far_across) * 0.125F, 0, limit);
    }
}

static void bilinear_at_chroma(const struct window *w, uint32_t count, float *restrict same,
    float *restrict green, float *restrict opposite)
{
    const float *n1 = w->own[1], *c = w->own[2], *s1 = w->own[3];
    const float *nd = w->side[1], *e = w->side[2], *sd = w->side[3], limit = w->limit;
    for (uint32_t k = 0; k < count; k++) {
        same[k] = clamp(c[k], 0, limit);
        green[k] = clamp(((n1[k] + s1[k]) + (e[k] + e[k + 1])) * 0.25F, 0, limit);
        opposite[k] = clamp(((nd[k] + nd[k + 1]) + (sd[k] + sd[k + 1])) * 0.25F, 0, limit);
    }
}

static void bilinear_at_green(const struct window *w, uint32_t count, float *restrict across,
    float *restrict green, float *restrict down)
{
    const float *n1 = w->own[1], *c = w->own[2], *s1 = w->own[3], *e = w->side[2];
    const float limit = w->limit;
    for (uint32_t k = 0; k < count; k++) {
        green[k] = clamp(c[k], 0, limit);
        across[k] = clamp((e[k] + e[k + 1]) * 0.5F, 0, limit);
        down[k] = clamp((n1[k] + s1[k]) * 0.5F, 0, limit);
    }
}

static void grey(const struct window *w, uint32_t count, float (*half)[TILE_CELLS])
{
    const float *c = w->own[2];
    for (uint32_t k = 0; k < count; k++)
        half[0][k] = half[1][k] = half[2][k] = clamp(c[k], 0, w->limit);
}

/* Cells k.. of row y into tile->half. */
static void demosaic(const struct isp_still_recipe *recipe, const struct still_line lines[5],
    uint32_t y, uint32_t k, uint32_t count, struct tile *tile)
{
    for (unsigned phase = 0; phase < 2; phase++) {
        float(*half)[TILE_CELLS] = tile->half[phase];
        struct window w = window_at(lines, phase, k, recipe->clip_level);
        unsigned channel = unpack_channel(unpack_site(recipe->cfa, phase, y));
        unsigned beside = unpack_channel(unpack_site(recipe->cfa, phase + 1, y));
        bool is_mhc = recipe->demosaic == SISP_DEMOSAIC_MHC;
        if (recipe->is_mono)
            grey(&w, count, half);
        else if (channel == 1)
            (is_mhc ? mhc_at_green : bilinear_at_green)(
                &w, count, half[beside], half[1], half[2 - beside]);
        else
            (is_mhc ? mhc_at_chroma : bilinear_at_chroma)(
                &w, count, half[channel], half[1], half[2 - channel]);
    }
}

static void zip(struct tile *tile, uint32_t count)
{
    for (unsigned c = 0; c < 3; c++) {
        for (uint32_t k = 0; k < count; k++) {
            tile->rgb[c][2 * k] = tile->half[0][c][k];
            tile->rgb[c][2 * k + 1] = tile->half[1][c][k];
        }
    }
}

/* ---- colour and tone ---------------------------------------------------------------------- */

/* Position on the curve in knots (see SISP_TONE_KNOTS), x in [0,1]. Choices are between constants:
 * compilers may not vectorise arithmetic that only one side would do. */
static inline float tone_position(float x)
{
    float scale = x < 0.25F ? 256 : 64, offset = x < 0.25F ? 56 : 104;
    scale = x < 0.03125F ? 2048 : scale;
    offset = x < 0.03125F ? 0 : offset;
    return x * scale + offset;
}

static void matrix_row(
    const float *restrict m, struct tile *tile, uint32_t count, float *restrict out)
{
    const float *r = tile->rgb[0], *g = tile->rgb[1], *b = tile->rgb[2];
    for (uint32_t i = 0; i < count; i++)
        out[i] = clamp(m[0] * r[i] + m[1] * g[i] + m[2] * b[i], 0, 1);
}

/* Piecewise linear between knots, then round to a code in 0..max. */
static void tone_row(const struct isp_still_recipe *recipe, const float *restrict x, float max,
    uint32_t count, uint16_t *restrict code)
{
    const float *restrict knot = recipe->tone, *restrict delta = recipe->tone_delta;
    for (uint32_t i = 0; i < count; i++) {
        float t = tone_position(x[i]);
        int32_t j = (int32_t)t;
        float y = knot[j] + (t - (float)j) * delta[j];
        code[i] = (uint16_t)(int32_t)(y * max + 0.5F);
    }
}

static void colour(const struct isp_still_recipe *recipe, struct tile *tile, uint32_t count)
{
    float linear[TILE_PIXELS];
    float max = recipe->geometry.format == SISP_PIXEL_RGBA64 ? 65535.0F : 255.0F;
    for (unsigned c = 0; c < 3; c++) {
        matrix_row(recipe->ccm + 3 * c, tile, count, linear);
        tone_row(recipe, linear, max, count, tile->code[c]);
    }
}

/* ---- output formats ------------------------------------------------------------------------ */

static void pack_rgb24(const struct tile *tile, uint32_t count, uint8_t *restrict out)
{
    for (uint32_t i = 0; i < count; i++) {
        out[3 * i] = (uint8_t)tile->code[0][i];
        out[3 * i + 1] = (uint8_t)tile->code[1][i];
        out[3 * i + 2] = (uint8_t)tile->code[2][i];
    }
}

static void pack_xrgb8888(const struct tile *tile, uint32_t count, uint8_t *restrict out)
{
    for (uint32_t i = 0; i < count; i++) {
        out[4 * i] = (uint8_t)tile->code[2][i];
        out[4 * i + 1] = (uint8_t)tile->code[1][i];
        out[4 * i + 2] = (uint8_t)tile->code[0][i];
        out[4 * i + 3] = 255;
    }
}

static void pack_rgba64(const struct tile *tile, uint32_t count, uint8_t *out)
{
    uint16_t words[4 * TILE_PIXELS]; /* rows of the picture may lie at odd addresses */
    for (uint32_t i = 0; i < count; i++) {
        words[4 * i] = tile->code[0][i];
        words[4 * i + 1] = tile->code[1][i];
        words[4 * i + 2] = tile->code[2][i];
        words[4 * i + 3] = 65535;
    }
    memcpy(out, words, (size_t)8 * count);
}

static void develop(const struct isp_still_recipe *recipe, const struct still_line lines[5],
    uint32_t y, uint8_t *out)
{
    struct tile tile;
    const uint32_t width = recipe->geometry.crop.width, cells = (width + 1) / 2;
    for (uint32_t k = 0; k < cells; k += TILE_CELLS) {
        uint32_t count = cells - k < TILE_CELLS ? cells - k : TILE_CELLS;
        uint32_t pixels = width - 2 * k < 2 * count ? width - 2 * k : 2 * count;
        demosaic(recipe, lines, y, k, count, &tile);
        zip(&tile, count);
        colour(recipe, &tile, pixels);
        if (recipe->geometry.format == SISP_PIXEL_RGB24)
            pack_rgb24(&tile, pixels, out + (size_t)6 * k);
        else if (recipe->geometry.format == SISP_PIXEL_XRGB8888)
            pack_xrgb8888(&tile, pixels, out + (size_t)8 * k);
        else
            pack_rgba64(&tile, pixels, out + (size_t)16 * k);
    }
}

#define SYMBOL_(name) still_kernels_##name
#define SYMBOL(name)  SYMBOL_(name)

extern const struct still_kernels SYMBOL(ISA_NAME);
const struct still_kernels SYMBOL(ISA_NAME) = {linearise, develop};
