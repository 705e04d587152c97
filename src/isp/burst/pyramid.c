/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <isp/burst/pyramid.h>

#include <base/base.h>

#define PART     256 /* cells of a row at a time */
#define SIZE_MIN 24  /* shorter side of the coarsest level */

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

static struct grey_shift grey_shift_of(const struct isp_geometry *g)
{
    unsigned bits = isp_geometry_format(g)->bits + 2U;
    return bits > PYRAMID_BITS ? (struct grey_shift){0, bits - PYRAMID_BITS}
                               : (struct grey_shift){PYRAMID_BITS - bits, 0};
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

/* Rows of the levels above that row y of level 0 completes. */
static void halve_up(struct pyramid *p, const struct burst_frame *frame, uint32_t y)
{
    for (uint32_t i = 1; i < p->count && y % 2 == 1; i++) {
        const struct level *from = &p->levels[i - 1], *to = &p->levels[i];
        y /= 2;
        const int16_t *a = from->cells + (size_t)2 * y * from->width;
        if (y < to->height)
            frame->kernels->halve(to->cells + (size_t)y * to->width, a, a + from->width, to->width);
    }
}

/* In parts, so that their words need little memory. */
static void grey_row(const struct burst_frame *frame, const struct pyramid_source *source,
    uint32_t y, uint32_t width, int16_t *cells)
{
    const struct grey_shift shift = grey_shift_of(frame->geometry);
    for (uint32_t x = 0; x < width; x += PART) {
        const uint32_t count = width - x < PART ? width - x : PART;
        uint16_t words[2][2 * PART + UNPACK_SLACK];
        const uint16_t *const rows[2] = {
            isp_burst_part(
                frame, source->raw, (struct burst_part){2 * x, 2 * y, 2 * count}, words[0]),
            isp_burst_part(
                frame, source->raw, (struct burst_part){2 * x, 2 * y + 1, 2 * count}, words[1])};
        for (uint32_t j = 2; j < 4 && 2 * y + j < frame->geometry->crop.height; j++)
            isp_burst_prefetch(
                frame, source->raw, (struct burst_part){2 * x, 2 * y + j, 2 * count});
        frame->kernels->grey(cells + x, rows, count, shift, (uint32_t)source->white);
    }
}

void isp_pyramid_build(struct pyramid *p, const struct burst_frame *frame,
    const struct pyramid_source *source, uint32_t y0, uint32_t y1)
{
    const struct level *base = &p->levels[0];
    for (uint32_t y = y0; y < y1 && y < base->height; y++) {
        int16_t *cells = base->cells + (size_t)y * base->width;
        grey_row(frame, source, y, base->width, cells);
        if (source->gain < 1 || source->gain > 1)
            frame->kernels->scale(cells, base->width, source->gain, source->black);
        halve_up(p, frame, y);
    }
}

void isp_pyramid_scale(
    const struct burst_frame *frame, const struct level *level, float gain, float black)
{
    for (uint32_t y = 0; y < level->height; y++)
        frame->kernels->scale(level->cells + (size_t)y * level->width, level->width, gain, black);
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
    float read = burst_read_noise(c, t);
    return (struct cell_noise){scale * t->noise_shot / (range * unit),
        scale * (read - t->noise_shot * black / range), scale * read};
}
