/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The floor: a picture that needs no scratch, no recipe and no neighbour beyond a 2x2 cell.
 */
#include "isp/isp.h"

#define TONE_BITS 12
#define TONE_MAX  ((1 << TONE_BITS) - 1)

struct floor {
    const struct isp_geometry *geometry;
    const struct sisp_raw_format *raw;
    const uint8_t *samples;
    float black[4], gain[4]; /* by place in the cell, row by row; gain of green is halved */
    int color[4];
    float clip[3], ccm[9];
    uint16_t tone[TONE_MAX + 1];
};

struct rgb {
    uint16_t c[3];
};

static uint32_t sample(const struct floor *f, uint32_t x, uint32_t y)
{
    const uint8_t *row = f->samples + y * f->geometry->raw_stride_bytes, *p;
    unsigned k;
    switch (f->raw->packing) {
    case SISP_PACKING_8:
        return row[x];
    case SISP_PACKING_16:
        return (row[2 * x] | (uint32_t)row[2 * x + 1] << 8) & ((1u << f->raw->bits) - 1);
    case SISP_PACKING_10P:
        p = row + x / 4 * 5;
        k = x % 4;
        return (uint32_t)p[k] << 2 | (p[4] >> 2 * k & 3);
    case SISP_PACKING_12P:
        p = row + x / 2 * 3;
        k = x % 2;
        return (uint32_t)p[k] << 4 | (p[2] >> 4 * k & 15);
    case SISP_PACKING_14P:
        p = row + x / 4 * 7;
        k = x % 4;
        return (uint32_t)p[k] << 6 |
               ((p[4] | (uint32_t)p[5] << 8 | (uint32_t)p[6] << 16) >> 6 * k & 63);
    }
    return 0;
}

/* Between neighbouring knots, whose steps are 1/2048, 1/256 and 1/64. */
static float curve_at(const float *tone, float x)
{
    unsigned zone = x < 1.0f / 32 ? 0 : x < 1.0f / 4 ? 1 : 2;
    static const float per_unit[3] = {2048, 256, 64};
    static const unsigned first[3] = {0, 64 - 8, 120 - 16};
    float place = x * per_unit[zone];
    unsigned knot = (unsigned)place;
    float part = place - (float)knot;
    knot += first[zone];
    return knot + 1 < SISP_TONE_KNOTS ? tone[knot] + part * (tone[knot + 1] - tone[knot])
                                      : tone[SISP_TONE_KNOTS - 1];
}

static float clamp_float(float value, float max)
{
    return value > 0 ? value < max ? value : max : 0; /* NaN gives 0 */
}

static void floor_init(struct floor *f, const struct isp_geometry *g,
    const struct sisp_coefficients *c, const uint8_t *samples)
{
    static const int color[SISP_SITE_COUNT] = {0, 1, 1, 2};
    f->geometry = g;
    f->raw = isp_geometry_format(g);
    f->samples = samples;
    enum sisp_cfa cfa = sisp_cfa_shift(f->raw->cfa, g->crop.x, g->crop.y);
    for (unsigned k = 0; k < 4; k++) {
        int site = (int)sisp_cfa_shift(cfa, k % 2, k / 2);
        float span = c->white_level - c->black_level[site];
        f->color[k] = color[site];
        f->black[k] = c->black_level[site];
        f->gain[k] = c->wb_gains[color[site]] / (span > 1 ? span : 1);
        f->gain[k] *= color[site] == 1 ? 0.5f : 1;
    }
    for (int k = 0; k < 9; k++)
        f->ccm[k] = c->ccm[k] * TONE_MAX;
    f->clip[0] = f->clip[1] = f->clip[2] = c->clip_level;
    for (int i = 0; i <= TONE_MAX; i++) {
        float y = curve_at(c->tone, (float)i / TONE_MAX);
        f->tone[i] = (uint16_t)(clamp_float(y, 1) * 65535 + 0.5f);
    }
}

static uint32_t nearest_cell(uint32_t i, uint32_t in, uint32_t out)
{
    uint32_t cell = (uint32_t)((2ull * i + 1) * in / (4ull * out));
    return cell < in / 2 ? cell : in / 2 - 1;
}

/* 16-bit display values of the cell nearest to output pixel (x, y). */
static struct rgb pixel(const struct floor *f, uint32_t x, uint32_t y)
{
    const struct isp_geometry *g = f->geometry;
    uint32_t cx = g->crop.x + 2 * nearest_cell(x, g->crop.width, g->width);
    uint32_t cy = g->crop.y + 2 * nearest_cell(y, g->crop.height, g->height);
    float linear[3] = {0};
    struct rgb out;
    for (unsigned k = 0; k < 4; k++) {
        float v = (float)sample(f, cx + k % 2, cy + k / 2) - f->black[k];
        linear[f->color[k]] += clamp_float(v * f->gain[k], 16);
    }
    for (int k = 0; k < 3; k++)
        linear[k] = clamp_float(linear[k], f->clip[k]);
    for (int k = 0; k < 3; k++) {
        const float *m = f->ccm + 3 * k;
        float v = m[0] * linear[0] + m[1] * linear[1] + m[2] * linear[2];
        out.c[k] = f->tone[(int)(clamp_float(v, TONE_MAX) + 0.5f)];
    }
    return out;
}

static uint8_t to_8(uint16_t v)
{
    return (uint8_t)((v * 255u + 32767) / 65535);
}

static void put(const struct sisp_image *out, uint32_t x, uint32_t y, struct rgb p)
{
    uint8_t *row = out->planes[0] + y * out->stride_bytes[0];
    if (out->format == SISP_PIXEL_RGBA64) {
        const uint16_t words[4] = {p.c[0], p.c[1], p.c[2], 65535};
        __builtin_memcpy(row + (size_t)8 * x, words, 8);
    } else if (out->format == SISP_PIXEL_RGB24) {
        for (int k = 0; k < 3; k++)
            row[3 * x + (uint32_t)k] = to_8(p.c[k]);
    } else {
        const uint8_t bytes[4] = {to_8(p.c[2]), to_8(p.c[1]), to_8(p.c[0]), 255};
        __builtin_memcpy(row + (size_t)4 * x, bytes, 4);
    }
}

/* BT.709 limited range in Q15, as in the fast path. */
static uint8_t weigh(const uint32_t c[3], int r, int g, int b, int offset)
{
    int64_t sum = (int64_t)c[0] * r + (int64_t)c[1] * g + (int64_t)c[2] * b;
    return (uint8_t)(offset + ((sum * 255 + (int64_t)65535 * 16384) / 65535 >> 15));
}

/* Two rows (or the last one alone) of luma, and their row of chroma. */
static void nv12_rows(const struct floor *f, const struct sisp_image *out, uint32_t y, uint32_t end)
{
    for (uint32_t x = 0; x < out->width; x += 2) {
        uint32_t sum[3] = {0}, count = 0;
        for (uint32_t k = 0; k < 4; k++) {
            uint32_t px = x + k % 2, py = y + k / 2;
            if (px >= out->width || py >= end)
                continue;
            struct rgb p = pixel(f, px, py);
            const uint32_t c[3] = {p.c[0], p.c[1], p.c[2]};
            out->planes[0][py * out->stride_bytes[0] + px] = weigh(c, 5983, 20127, 2032, 16);
            for (int i = 0; i < 3; i++)
                sum[i] += c[i];
            count++;
        }
        for (int i = 0; i < 3; i++)
            sum[i] /= count;
        uint8_t *chroma = out->planes[1] + y / 2 * out->stride_bytes[1] + x;
        chroma[0] = weigh(sum, -3298, -11094, 14392, 128);
        chroma[1] = weigh(sum, 14392, -13073, -1319, 128);
    }
}

void isp_floor_band(const struct isp_geometry *geometry,
    const struct sisp_coefficients *coefficients, const uint8_t *raw, const struct sisp_image *out,
    uint32_t y0, uint32_t y1)
{
    struct floor f;
    floor_init(&f, geometry, coefficients, raw);
    if (out->format == SISP_PIXEL_NV12) {
        for (uint32_t y = y0; y < y1; y += 2)
            nv12_rows(&f, out, y, y1);
        return;
    }
    for (uint32_t y = y0; y < y1; y++) {
        for (uint32_t x = 0; x < out->width; x++)
            put(out, x, y, pixel(&f, x, y));
    }
}
