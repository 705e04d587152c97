/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "frame.h"

#include "base/base.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUARD 0xa5

static float uniform(struct base_prng *prng, float min, float max)
{
    return min + (max - min) * (float)base_prng_below(prng, 1 << 20) / (1 << 20);
}

void frame_identity(struct sisp_coefficients *c, unsigned bits)
{
    memset(c, 0, sizeof(*c));
    c->white_level = (float)((1 << bits) - 1);
    c->clip_level = 1;
    for (int k = 0; k < 3; k++)
        c->wb_gains[k] = c->ccm[4 * k] = 1;
    for (unsigned i = 0; i < SISP_TONE_KNOTS; i++)
        c->tone[i] = sisp_tone_knot(i);
}

/* In clusters, so that beside some of them lie others. */
static void known_defects(struct sisp_coefficients *c, struct base_prng *prng)
{
    struct sisp_defect at = {
        (uint16_t)base_prng_below(prng, 8), (uint16_t)base_prng_below(prng, 8)};
    while (c->defect_count < SISP_DEFECTS_MAX) {
        c->defects[c->defect_count++] = at;
        at.x = (uint16_t)(at.x + 1 + base_prng_below(prng, 3));
        if (base_prng_below(prng, 5) == 0)
            at = (struct sisp_defect){(uint16_t)base_prng_below(prng, 64),
                (uint16_t)(at.y + 1 + base_prng_below(prng, 3))};
    }
}

void frame_coefficients(struct sisp_coefficients *c, unsigned bits, struct base_prng *prng)
{
    frame_identity(c, bits);
    for (int site = 0; site < SISP_SITE_COUNT; site++)
        c->black_level[site] = uniform(prng, 0, c->white_level / 8);
    c->white_level *= uniform(prng, 0.8f, 1);
    c->clip_level = uniform(prng, 0.7f, 1);
    for (int k = 0; k < 3; k++) {
        c->wb_gains[k] = uniform(prng, 0.7f, 3);
        for (int i = 0; i < 3; i++)
            c->ccm[3 * k + i] = i == k ? uniform(prng, 1, 2.5f) : uniform(prng, -1, 0.2f);
    }
    const float gamma = uniform(prng, 0.4f, 1.2f);
    for (unsigned i = 0; i < SISP_TONE_KNOTS; i++)
        c->tone[i] = powf(sisp_tone_knot(i), gamma);
    c->lsc.cols = 1 + base_prng_below(prng, SISP_LSC_KNOTS_MAX);
    c->lsc.rows = 1 + base_prng_below(prng, SISP_LSC_KNOTS_MAX);
    c->lsc.origin_x = uniform(prng, -0.1f, 0.1f);
    c->lsc.origin_y = uniform(prng, -0.1f, 0.1f);
    c->lsc.step_x = 1.0f / (float)c->lsc.cols;
    c->lsc.step_y = 1.0f / (float)c->lsc.rows;
    for (int site = 0; site < SISP_SITE_COUNT; site++) {
        for (uint32_t i = 0; i < c->lsc.cols * c->lsc.rows; i++)
            c->lsc.gain[site][i] = uniform(prng, 0.9f, 4);
    }
    c->demosaic = base_prng_below(prng, 2);
    c->noise_shot = uniform(prng, 0, 0.01f);
    c->noise_read = uniform(prng, 0, 0.0001f);
    c->defect_correction = fmaxf(uniform(prng, -1, 1), 0);
    c->green_balance = fmaxf(uniform(prng, -0.25f, 0.25f), 0);
    if (base_prng_below(prng, 2))
        known_defects(c, prng);
    c->sharpness = base_prng_below(prng, 2) ? uniform(prng, 0, 2) : 0;
    c->denoise_luma = base_prng_below(prng, 2) ? uniform(prng, 0, 2) : 0;
    c->denoise_chroma = base_prng_below(prng, 2) ? uniform(prng, 0, 2) : 0;
    if (base_prng_below(prng, 8) == 0)
        c->noise_shot = c->noise_read = 0; /* unknown */
}

struct isp_geometry frame_geometry(
    const char *raw_format, uint32_t width, uint32_t height, enum sisp_pixel_format format)
{
    const struct sisp_raw_format *raw = sisp_raw_format_find(raw_format);
    return (struct isp_geometry){
        .raw_fourcc = raw->fourcc,
        .raw_width = width,
        .raw_height = height,
        .raw_stride_bytes = sisp_raw_row_bytes(raw->packing, width),
        .crop = {0, 0, width, height},
        .format = format,
        .width = width,
        .height = height,
    };
}

void frame_turn(struct isp_geometry *g, enum sisp_orientation orientation)
{
    const uint32_t width = g->width, height = g->height;
    const bool is_transposed = orientation & SISP_ORIENTATION_TRANSPOSE;
    g->orientation = orientation;
    g->width = is_transposed ? height : width;
    g->height = is_transposed ? width : height;
}

uint8_t *frame_random_raw(const struct isp_geometry *g, struct base_prng *prng)
{
    const size_t size = g->raw_stride_bytes * g->raw_height;
    uint8_t *raw = malloc(size);
    for (size_t i = 0; i < size; i++)
        raw[i] = (uint8_t)base_prng_next(prng);
    return raw;
}

void picture_create(struct picture *p, const struct isp_geometry *g)
{
    size_t size[2] = {0};
    p->image = (struct sisp_image){.format = g->format, .width = g->width, .height = g->height};
    for (unsigned k = 0; k < sisp_pixel_plane_count(g->format); k++) {
        p->image.stride_bytes[k] = sisp_pixel_row_bytes(g->format, k, g->width) + 5;
        size[k] = p->image.stride_bytes[k] * sisp_pixel_plane_rows(g->format, k, g->height);
    }
    p->size_bytes = size[0] + size[1] + 128;
    p->memory = malloc(p->size_bytes);
    memset(p->memory, GUARD, p->size_bytes);
    p->image.planes[0] = p->memory + 64;
    p->image.planes[1] = p->memory + 64 + size[0];
}

void picture_destroy(struct picture *p)
{
    free(p->memory);
}

bool picture_is_same(const struct picture *a, const struct picture *b)
{
    const size_t stride = a->image.stride_bytes[0];
    for (size_t i = 0; i < a->size_bytes; i++) {
        if (a->memory[i] == b->memory[i])
            continue;
        printf("%ux%u %s: byte %zu of row %zu (or of plane 1): %u, but %u\n", a->image.width,
            a->image.height, sisp_pixel_format_name(a->image.format), (i - 64) % stride,
            (i - 64) / stride, a->memory[i], b->memory[i]);
        return false;
    }
    return true;
}

int frame_develop(const struct isp_geometry *g, const struct sisp_coefficients *c, enum isp_isa isa,
    const uint8_t *raw, const struct sisp_image *out, uint32_t band, struct sisp_stats *stats)
{
    struct isp_fast_recipe *recipe = aligned_alloc(64, isp_fast_recipe_size(g));
    void *scratch = aligned_alloc(64, base_align(isp_fast_scratch_size(g), 64));
    int error = isp_fast_compile(recipe, g, c, isa);
    if (stats)
        memset(stats, 0, sizeof(*stats));
    const uint32_t lines = isp_fast_lines(g);
    for (uint32_t y = 0; y < lines && !error; y += band ? band : lines) {
        uint32_t end = band && y + band < lines ? y + band : lines;
        isp_fast_band(recipe, raw, out, y, end, scratch, stats);
    }
    free(recipe);
    free(scratch);
    return error;
}
