/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Bursts with known truth: one mosaic scene seen through moved windows, noise of a known model. */
#ifndef TESTS_ISP_BURST_FIXTURE_H
#define TESTS_ISP_BURST_FIXTURE_H

#include <isp/isp.h>
#include <base/base.h>
#include <base/prng.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/reference/still_reference.h"

#define BURST_BLACK 256
#define BURST_WHITE 4095
#define BURST_RANGE (BURST_WHITE - BURST_BLACK)

struct burst_square {
    int32_t x, y, size;
    float contrast; /* added to the scene inside */
};

struct burst_view {
    uint64_t scene, draw;      /* seeds of content and of noise */
    int32_t x, y;              /* where the frame's corner lies in the scene; even */
    float shot, read;          /* noise */
    float gain;                /* brightness of the scene; 1: from 0.05 to 0.65 */
    struct burst_square thing; /* in scene coordinates; size 0: none */
};

static inline float burst_hash(uint64_t seed, int64_t a, int64_t b)
{
    struct base_prng prng = {seed ^ (uint64_t)a * 0x9e3779b97f4a7c15U ^ (uint64_t)b << 40};
    return (float)(base_prng_next(&prng) >> 40) / (float)(1 << 24);
}

/* Smooth noise of one octave: bilinear between random knots `step` samples apart. */
static inline float burst_octave(uint64_t seed, int32_t x, int32_t y, int32_t step)
{
    int32_t i = (x + (1 << 20)) / step, j = (y + (1 << 20)) / step;
    float fx = (float)((x + (1 << 20)) % step) / (float)step;
    float fy = (float)((y + (1 << 20)) % step) / (float)step;
    float a = burst_hash(seed, i, j), b = burst_hash(seed, i + 1, j);
    float c = burst_hash(seed, i, j + 1), d = burst_hash(seed, i + 1, j + 1);
    return (a + (b - a) * fx) * (1 - fy) + (c + (d - c) * fx) * fy;
}

/** Linear truth at a scene position; the four kinds of site differ as under a coloured light. */
static inline float burst_truth(const struct burst_view *v, int32_t x, int32_t y)
{
    static const float tint[4] = {0.7F, 1, 1, 0.8F};
    float light = 0.5F * burst_octave(v->scene, x, y, 61) +
                  0.35F * burst_octave(v->scene, x, y, 13) +
                  0.15F * burst_octave(v->scene, x, y, 4);
    light = (0.05F + 0.6F * light) * v->gain * tint[(x & 1) + 2 * (y & 1)];
    const struct burst_square *s = &v->thing;
    if (x >= s->x && x < s->x + s->size && y >= s->y && y < s->y + s->size)
        light += s->contrast;
    return light;
}

static inline float burst_gauss(struct base_prng *prng)
{
    float sum = -6;
    for (int i = 0; i < 12; i++)
        sum += (float)(base_prng_next(prng) >> 40) / (float)(1 << 24);
    return sum;
}

static inline uint8_t *burst_shoot(const struct isp_geometry *g,
    const struct sisp_raw_format *format, const struct burst_view *view)
{
    uint8_t *raw = calloc(g->raw_stride_bytes, g->raw_height);
    struct base_prng prng = {view->draw};
    if (!raw)
        abort();
    for (uint32_t y = 0; y < g->raw_height; y++) {
        for (uint32_t x = 0; x < g->raw_width; x++) {
            float light = burst_truth(view, view->x + (int32_t)x, view->y + (int32_t)y);
            light += sqrtf(view->shot * light + view->read) * burst_gauss(&prng);
            float code = roundf(BURST_BLACK + light * BURST_RANGE);
            code = code < 0 ? 0 : code > BURST_WHITE ? BURST_WHITE : code;
            still_reference_put(format->packing, raw + y * g->raw_stride_bytes, x, (unsigned)code);
        }
    }
    return raw;
}

static inline struct isp_geometry burst_geometry(
    const struct sisp_raw_format *format, uint32_t width, uint32_t height)
{
    return (struct isp_geometry){format->fourcc, width, height,
        sisp_raw_row_bytes(format->packing, width), {0, 0, width, height}, SISP_PIXEL_RGBA64, width,
        height, SISP_ORIENTATION_ROTATE_0};
}

static inline struct sisp_coefficients burst_coefficients(float shot, float read)
{
    return (struct sisp_coefficients){
        .black_level = {BURST_BLACK, BURST_BLACK, BURST_BLACK, BURST_BLACK},
        .white_level = BURST_WHITE,
        .wb_gains = {1, 1, 1},
        .clip_level = 1,
        .noise_shot = shot,
        .noise_read = read};
}

static inline void *burst_memory(size_t bytes)
{
    void *memory = aligned_alloc(64, base_align(bytes, 64));
    if (!memory)
        abort();
    memset(memory, 0xff, bytes);
    return memory;
}

static inline struct isp_burst burst_of(const struct isp_geometry *g,
    const struct sisp_coefficients *c, uint8_t *const *raws, uint32_t count, uint32_t reference)
{
    int isa = isp_isa_find("auto");
    return (struct isp_burst){
        g, c, (const uint8_t *const *)raws, count, reference, (enum isp_isa)isa, NULL};
}

/* A phase's tasks from the last on. */
static inline void burst_align_in(
    const struct isp_burst *burst, void *scratch, struct isp_burst_transform *t)
{
    isp_burst_align_begin(burst, t);
    for (uint32_t phase = 0; phase < isp_burst_align_phases(burst); phase++) {
        for (uint32_t i = isp_burst_align_tasks(burst, phase); i-- > 0;) {
            const struct isp_burst_task task = {phase, i};
            isp_burst_align_run(burst, t, scratch, &task);
        }
    }
}

static inline struct isp_burst_transform burst_align(const struct isp_geometry *g,
    const struct sisp_coefficients *c, uint8_t *const *raws, uint32_t count, uint32_t reference)
{
    struct isp_burst burst = burst_of(g, c, raws, count, reference);
    struct isp_burst_transform t;
    void *scratch = burst_memory(isp_burst_align_scratch_size(g));
    burst_align_in(&burst, scratch, &t);
    free(scratch);
    return t;
}

static inline void burst_follow_in(const struct isp_burst *burst, struct isp_burst_transform *t,
    void *scratch, struct isp_burst_vector *field)
{
    isp_burst_follow_begin(burst, t, scratch, field);
    for (uint32_t phase = 0; phase < isp_burst_follow_phases(burst->count); phase++) {
        for (uint32_t i = isp_burst_follow_tasks(burst->geometry, phase); i-- > 0;) {
            const struct isp_burst_task task = {phase, i};
            isp_burst_follow_run(burst, t, scratch, &task, field);
        }
    }
}

static inline struct isp_burst_vector *burst_follow(
    const struct isp_burst *burst, struct isp_burst_transform *t)
{
    struct isp_burst_vector *field =
        burst_memory(isp_burst_field_size(burst->geometry, burst->count));
    void *scratch = burst_memory(isp_burst_follow_scratch_size(burst->geometry));
    burst_follow_in(burst, t, scratch, field);
    free(scratch);
    return field;
}

/** Aligned, and followed for what that says of whole frames. */
static inline struct isp_burst_transform burst_moved(const struct isp_geometry *g,
    const struct sisp_coefficients *c, uint8_t *const *raws, uint32_t count, uint32_t reference)
{
    const struct isp_burst burst = burst_of(g, c, raws, count, reference);
    struct isp_burst_transform t = burst_align(g, c, raws, count, reference);
    free(burst_follow(&burst, &t));
    return t;
}

static inline struct isp_burst_filters *burst_filters(
    const struct isp_geometry *g, const struct isp_burst_transform *t)
{
    struct isp_burst_filters *filters = burst_memory(isp_burst_filters_size());
    for (uint32_t i = ISP_BURST_FILTER_TASKS; i-- > 0;)
        isp_burst_filters_make(g, isp_burst_filters_kind(t), i, filters);
    return filters;
}

/** Merge along a field in bands of `band` rows, each with scratch full of rubbish; behind the
 * samples is the map of noise. */
static inline uint16_t *burst_merge_along(const struct isp_burst *burst,
    const struct isp_burst_transform *t, const struct isp_burst_vector *field, uint32_t band)
{
    const struct sisp_rect *crop = &burst->geometry->crop;
    const size_t samples = (size_t)crop->width * crop->height;
    uint16_t *merged = burst_memory(2 * samples + isp_burst_noise_map_size(burst->geometry));
    struct isp_burst_filters *filters = burst_filters(burst->geometry, t);
    struct isp_burst_merge merge = {t, field, filters, merged, merged + samples};
    struct isp_burst_shares shares = {0};
    for (uint32_t y = 0; y < crop->height; y += band) {
        void *scratch = burst_memory(isp_burst_merge_scratch_size(burst->geometry));
        uint32_t y1 = y + band < crop->height ? y + band : crop->height;
        isp_burst_merge_band(burst, &merge, y, y1, scratch, &shares);
        free(scratch);
    }
    free(filters);
    return merged;
}

static inline uint16_t *burst_merge(const struct isp_geometry *g, const struct sisp_coefficients *c,
    struct isp_burst_transform *t, uint8_t *const *raws, uint32_t count, uint32_t band)
{
    struct isp_burst burst = burst_of(g, c, raws, count, t->reference);
    struct isp_burst_vector *field = burst_follow(&burst, t);
    uint16_t *merged = burst_merge_along(&burst, t, field, band);
    free(field);
    return merged;
}

/** A merged sample in linear units. */
static inline double burst_linear(uint16_t code)
{
    return ((double)code - ISP_MERGED_BLACK) / (65535 - ISP_MERGED_BLACK);
}

#endif
