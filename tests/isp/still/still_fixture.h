/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Random frames and coefficients, and one call that develops a frame in bands. */
#ifndef TESTS_ISP_STILL_FIXTURE_H
#define TESTS_ISP_STILL_FIXTURE_H

#include <isp/isp.h>
#include <base/base.h>
#include <base/prng.h>

#include <stdlib.h>
#include <string.h>

#include "tests/reference/still_reference.h"

static inline bool still_level_runs(enum isp_isa isa)
{
    return isp_isa_find(isp_isa_name(isa)) >= 0;
}

static inline enum isp_isa still_best_level(void)
{
    return (enum isp_isa)isp_isa_find("auto");
}

static inline void *still_alloc(size_t bytes)
{
    void *memory = aligned_alloc(64, base_align(bytes ? bytes : 1, 64));
    if (!memory)
        abort();
    return memory;
}

/** Linear curve, unit gains, identity matrix; black 0. */
static inline struct sisp_coefficients still_neutral(float white)
{
    struct sisp_coefficients c = {.white_level = white,
        .wb_gains = {1, 1, 1},
        .clip_level = 1,
        .ccm = {1, 0, 0, 0, 1, 0, 0, 0, 1}};
    for (unsigned i = 0; i < SISP_TONE_KNOTS; i++)
        c.tone[i] = sisp_tone_knot(i);
    return c;
}

static inline float still_random(struct base_prng *prng, float low, float high)
{
    return low + (high - low) * (float)base_prng_below(prng, 1U << 20) / (float)(1U << 20);
}

/** A camera's everything: black, shading, balance, matrix and a steep curve. */
static inline struct sisp_coefficients still_camera(struct base_prng *prng, float white)
{
    struct sisp_coefficients c = still_neutral(white);
    const float ccm[9] = {1.7F, -0.5F, -0.2F, -0.3F, 1.6F, -0.3F, 0, -0.6F, 1.6F};
    memcpy(c.ccm, ccm, sizeof ccm);
    for (unsigned s = 0; s < SISP_SITE_COUNT; s++)
        c.black_level[s] = white * still_random(prng, 0.02F, 0.07F);
    c.wb_gains[0] = still_random(prng, 1, 2.5F);
    c.wb_gains[2] = still_random(prng, 0.8F, 2);
    c.clip_level = c.wb_gains[2] < 1 ? c.wb_gains[2] : 1;
    for (unsigned i = 0; i < SISP_TONE_KNOTS; i++) {
        float x = sisp_tone_knot(i);
        c.tone[i] = x / (0.2F + 0.8F * x);
    }
    c.lsc.cols = 1 + base_prng_below(prng, SISP_LSC_KNOTS_MAX);
    c.lsc.rows = 1 + base_prng_below(prng, SISP_LSC_KNOTS_MAX);
    c.lsc.origin_x = still_random(prng, -0.1F, 0.2F);
    c.lsc.origin_y = still_random(prng, -0.1F, 0.2F);
    c.lsc.step_x = still_random(prng, 0.5F, 1.2F) / (float)c.lsc.cols;
    c.lsc.step_y = still_random(prng, 0.5F, 1.2F) / (float)c.lsc.rows;
    for (unsigned s = 0; s < SISP_SITE_COUNT; s++) {
        for (unsigned i = 0; i < c.lsc.cols * c.lsc.rows; i++)
            c.lsc.gain[s][i] = still_random(prng, 1, 3);
    }
    return c;
}

/** Uniform noise over all codes, a quarter of it at the very ends. */
static inline uint8_t *still_random_raw(
    struct base_prng *prng, const struct isp_geometry *g, const struct sisp_raw_format *format)
{
    uint8_t *raw = still_alloc(g->raw_stride_bytes * g->raw_height);
    memset(raw, 0xa5, g->raw_stride_bytes * g->raw_height);
    for (uint32_t y = 0; y < g->raw_height; y++) {
        for (uint32_t x = 0; x < g->raw_width; x++) {
            unsigned top = (1U << format->bits) - 1, pick = base_prng_below(prng, 8);
            unsigned value = pick == 0 ? 0 : pick == 1 ? top : base_prng_below(prng, top + 1);
            still_reference_put(format->packing, raw + y * g->raw_stride_bytes, x, value);
        }
    }
    return raw;
}

/** The pass over the whole frame, in bands of at least `band` rows, last first. */
static inline void *still_survey(struct isp_still_recipe *recipe, const struct isp_geometry *g,
    const uint8_t *raw, uint32_t band)
{
    const size_t bytes = isp_still_survey_size(g);
    const uint32_t cell = isp_still_survey_rows(g), rows = (band + cell - 1) / cell * cell;
    uint8_t *survey = still_alloc(bytes);
    memset(survey, 0xff, bytes);
    for (uint32_t y = (g->height - 1) / rows * rows + rows; y > 0; y -= rows)
        isp_still_survey_band(recipe, raw, y - rows, y < g->height ? y : g->height, survey);
    for (unsigned part = ISP_STILL_PLAN_PARTS; part-- > 0;)
        isp_still_plan(recipe, survey, part);
    return survey;
}

/** Develop in bands of `band` rows, each with scratch full of rubbish. Returns compile's result. */
static inline int still_develop(const struct isp_geometry *g, const struct sisp_coefficients *c,
    enum isp_isa isa, const uint8_t *raw, const struct sisp_image *out, uint32_t band)
{
    struct isp_still_recipe *recipe = still_alloc(isp_still_recipe_size(g));
    int result = isp_still_compile(recipe, g, c, isa);
    void *survey = NULL;
    if (result == 0)
        isp_still_find_clip(recipe, g, c, raw);
    if (result == 0 && isp_still_has_survey(recipe))
        survey = still_survey(recipe, g, raw, band);
    for (uint32_t y = 0; result == 0 && y < g->height; y += band) {
        size_t bytes = isp_still_scratch_size(g);
        void *scratch = still_alloc(bytes);
        memset(scratch, 0xff, bytes);
        isp_still_band(recipe, raw, out, y, y + band < g->height ? y + band : g->height, scratch);
        free(scratch);
    }
    free(survey);
    free(recipe);
    return result;
}

#endif
