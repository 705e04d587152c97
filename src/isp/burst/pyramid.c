/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <isp/burst/pyramid.h>

#include <base/base.h>

#include <stdbool.h>

#define SIZE_MIN  24 /* shorter side of the coarsest level */
#define GREY_BITS 14 /* of a cell, whatever the raw's: leaves signed 16-bit words some room */

size_t isp_pyramid_bytes(const struct isp_geometry *g)
{
    size_t cells = (size_t)(g->crop.width / 2) * (g->crop.height / 2);
    return base_align(cells * 4 / 3 * sizeof(int16_t) + 64, 64);
}

void isp_pyramid_place(struct pyramid *p, const struct isp_geometry *g, int16_t *cells)
{
    uint32_t width = g->crop.width / 2, height = g->crop.height / 2;
    p->count = 0;
    do {
        p->levels[p->count++] = (struct level){width, height, cells};
        cells += (size_t)width * height;
        width /= 2;
        height /= 2;
    } while (p->count < PYRAMID_LEVELS_MAX && width >= SIZE_MIN && height >= SIZE_MIN);
}

/* The sum of four samples is shifted up by .up, then down by .down. */
struct grey_shift {
    unsigned up, down;
};

static struct grey_shift grey_shift_of(const struct isp_geometry *g)
{
    unsigned bits = isp_geometry_format(g)->bits + 2U;
    return bits > GREY_BITS ? (struct grey_shift){0, bits - GREY_BITS}
                            : (struct grey_shift){GREY_BITS - bits, 0};
}

/* Grey units to a raw code. */
static float grey_unit(const struct isp_geometry *g)
{
    struct grey_shift s = grey_shift_of(g);
    return 4 * (float)(1U << s.up) / (float)(1U << s.down);
}

static float mean_black(const struct sisp_coefficients *c)
{
    const float *b = c->black_level;
    return (b[0] + b[1] + b[2] + b[3]) * 0.25F;
}

static void grey_row(int16_t *restrict out, const uint16_t *const rows[2], uint32_t count,
    struct grey_shift shift, uint32_t white)
{
    const uint16_t *restrict a = rows[0], *restrict b = rows[1];
    for (uint32_t k = 0; k < count; k++) {
        uint32_t w = a[2 * k], x = a[2 * k + 1], y = b[2 * k], z = b[2 * k + 1];
        bool is_clipped = (w >= white) | (x >= white) | (y >= white) | (z >= white);
        int32_t grey = (int32_t)(((w + x) + (y + z)) << shift.up >> shift.down);
        out[k] = (int16_t)(is_clipped ? PYRAMID_CLIPPED : grey);
    }
}

/* Mean of 2x2; clipped if any of the four is. */
static void halve_row(
    int16_t *restrict out, const int16_t *restrict a, const int16_t *restrict b, uint32_t count)
{
    for (uint32_t k = 0; k < count; k++) {
        int32_t any = a[2 * k] | a[2 * k + 1] | b[2 * k] | b[2 * k + 1];
        int32_t sum = a[2 * k] + a[2 * k + 1] + b[2 * k] + b[2 * k + 1];
        out[k] = (int16_t)(any < 0 ? PYRAMID_CLIPPED : (sum + 2) >> 2);
    }
}

static void halve(const struct level *from, struct level *to)
{
    for (uint32_t y = 0; y < to->height; y++) {
        const int16_t *a = from->cells + (size_t)2 * y * from->width;
        halve_row(to->cells + (size_t)y * to->width, a, a + from->width, to->width);
    }
}

void isp_pyramid_grey(struct pyramid *p, const struct burst_frame *frame, float white,
    const uint8_t *raw, uint16_t *words)
{
    struct level *base = &p->levels[0];
    const struct grey_shift shift = grey_shift_of(frame->geometry);
    uint16_t *more = words + frame->geometry->crop.width + UNPACK_SLACK;
    for (uint32_t y = 0; y < base->height; y++) {
        const uint16_t *const rows[2] = {
            isp_burst_row(frame, raw, 2 * y, words), isp_burst_row(frame, raw, 2 * y + 1, more)};
        grey_row(base->cells + (size_t)y * base->width, rows, base->width, shift, (uint32_t)white);
    }
}

void isp_pyramid_halve(struct pyramid *p)
{
    for (uint32_t i = 1; i < p->count; i++)
        halve(&p->levels[i - 1], &p->levels[i]);
}

void isp_pyramid_scale(const struct level *level, float gain, float black)
{
    const size_t count = (size_t)level->width * level->height;
    const float limit = (1 << GREY_BITS) * PYRAMID_GAIN_MAX;
    for (size_t k = 0; k < count; k++) {
        float value = ((float)level->cells[k] - black) * gain + (black + 0.5F);
        value = value > 0 ? value : 0;
        value = value < limit ? value : limit;
        level->cells[k] = (int16_t)(level->cells[k] < 0 ? PYRAMID_CLIPPED : (int32_t)value);
    }
}

float isp_pyramid_black(const struct isp_geometry *g, const struct sisp_coefficients *c)
{
    return mean_black(c) * grey_unit(g);
}

struct cell_noise isp_pyramid_noise(const struct isp_geometry *g, const struct sisp_coefficients *c,
    const struct isp_burst_transform *t)
{
    /* A cell is `unit` times its samples' mean x * range + black, which has a quarter of their
     * variance range^2 * (shot * x + read); a difference has twice that. */
    float black = mean_black(c), range = c->white_level - black, unit = grey_unit(g);
    float scale = 0.5F * range * range * unit * unit;
    float read = t->noise_read + burst_rounding_variance(c);
    return (struct cell_noise){scale * t->noise_shot / (range * unit),
        scale * (read - t->noise_shot * black / range), scale * read};
}
