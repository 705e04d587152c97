/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Cameras and statistics that the tests of automatic control share. */
#ifndef TESTS_ISP_AUTO_FIXTURE_H
#define TESTS_ISP_AUTO_FIXTURE_H

#include "isp/auto/auto.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* DNG tags of ../shared/data/canon550d_colorchecker/colorchart.dng: one matrix, light unknown. */
static inline struct sisp_color_profile profile_canon_550d(void)
{
    return (struct sisp_color_profile){
        .count = 1,
        .color_matrix = {{0.6461f, -0.1164f, -0.0857f, -0.3825f, 1.1597f, 0.2534f, -0.0416f, 0.154f,
            0.6039f}},
    };
}

/* DNG tags of ../shared/data/gopro/HERO6_GOPR0024: tungsten and D50. */
static inline struct sisp_color_profile profile_hero6(void)
{
    return (struct sisp_color_profile){
        .count = 2,
        .cct_kelvin = {2856, 5003},
        .color_matrix = {{1.8331f, -0.8166f, -0.2478f, 0.1391f, 0.8961f, -0.0367f, 0.0822f, 0.0662f,
                             0.2597f},
            {1.0344f, -0.421f, -0.062f, -0.2315f, 1.0625f, 0.1948f, 0.0093f, 0.1058f, 0.5541f}},
    };
}

/* Every zone full of one colour, levels in [0,1] as the sensor sees them, gains in force 1. */
static inline void stats_flat(struct sisp_stats *stats, double red, double green, double blue)
{
    memset(stats, 0, sizeof(*stats));
    const double level[SISP_SITE_COUNT] = {red, green, green, blue};
    bool is_clipped = red >= 1 || green >= 1 || blue >= 1;
    for (int i = 0; i < SISP_STATS_ZONES * SISP_STATS_ZONES; i++) {
        struct sisp_zone *zone = &stats->zones[i];
        zone->count = is_clipped ? 0 : 100;
        zone->clipped = is_clipped ? 100 : 0;
        for (int site = 0; site < SISP_SITE_COUNT && !is_clipped; site++)
            zone->sum[site] = (uint32_t)(100 * (uint32_t)(level[site] * 4095));
    }
    int bin = green >= 1 ? 255 : (int)(green * 4095) / 16;
    stats->histogram[1][bin] = 3200;
    for (int c = 0; c < 3; c++)
        stats->wb_gains[c] = 1;
}

/* A file of the shared data, or NULL. */
static inline FILE *open_shared(const char *name)
{
    char path[1024];
    const char *shared = getenv("SOFTISP_SHARED");
    if (shared)
        snprintf(path, sizeof(path), "%s/data/%s", shared, name);
    else
        snprintf(path, sizeof(path), "%s/../shared/data/%s", SOURCE_ROOT, name);
    return fopen(path, "r");
}

static inline bool coefficients_valid(const struct sisp_coefficients *c)
{
    bool ok = c->white_level > 0 && c->white_level <= 65535;
    for (int i = 0; i < SISP_SITE_COUNT; i++)
        ok = ok && c->black_level[i] >= 0 && c->black_level[i] < c->white_level;
    for (int i = 0; i < 3; i++)
        ok = ok && c->wb_gains[i] > 0 && c->wb_gains[i] < 16;
    ok = ok && c->clip_level > 0 && c->clip_level <= 1;
    for (int i = 0; i < 9; i++)
        ok = ok && fabsf(c->ccm[i]) < 4;
    for (int i = 0; i < SISP_TONE_KNOTS; i++)
        ok = ok && c->tone[i] >= (i ? c->tone[i - 1] : 0) && c->tone[i] <= 1;
    ok = ok && c->lsc.cols <= SISP_LSC_KNOTS_MAX && c->lsc.rows <= SISP_LSC_KNOTS_MAX;
    for (int site = 0; site < SISP_SITE_COUNT; site++) {
        for (uint32_t i = 0; ok && i < c->lsc.cols * c->lsc.rows; i++)
            ok = c->lsc.gain[site][i] > 0 && c->lsc.gain[site][i] < 64;
    }
    ok = ok && c->noise_shot >= 0 && c->noise_shot <= 1;
    ok = ok && c->noise_read >= 0 && c->noise_read <= 1;
    ok = ok && c->demosaic <= SISP_DEMOSAIC_SMOOTH;
    ok = ok && c->sharpness >= 0 && c->sharpness <= 2;
    ok = ok && c->denoise_luma >= 0 && c->denoise_luma <= 2;
    ok = ok && c->denoise_chroma >= 0 && c->denoise_chroma <= 2;
    ok = ok && c->exposure_ev >= -20 && c->exposure_ev <= 20;
    ok = ok && c->color_temperature_kelvin >= 0 && c->color_temperature_kelvin <= 25000;
    ok = ok && c->wb_confidence >= 0 && c->wb_confidence <= 1;
    return ok;
}

#endif
