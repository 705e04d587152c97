/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The stages on the mosaic, between levels and demosaic. */
#include "fast.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* ---- one sample --------------------------------------------------------------------------------
 */

struct ref_noise ref_noise_lines(double slope, double base, double sigmas)
{
    static const double touch[2] = {1.0 / 64, 3.0 / 8};
    struct ref_noise noise;
    for (int k = 0; k < 2; k++) {
        double x = touch[k];
        /* d/dx sigmas * sqrt(slope x + base) is at most 1 */
        if (sigmas * slope > 2 * sqrt(slope * x + base))
            x = (pow(sigmas * slope / 2, 2) - base) / slope;
        const double sigma = sqrt(slope * x + base), rise = slope / (2 * sigma);
        noise.base[k] = (unsigned)lround(fmin(sigmas * (sigma - rise * x) * 4095, 8190));
        noise.slope[k] = (unsigned)lround(fmin(sigmas * rise * 65536, 65535));
    }
    return noise;
}

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

int ref_defect(int v[5][5], const struct ref_noise *noise)
{
    const int c = v[2][2];
    int cross[4] = {v[0][2], v[2][0], v[2][4], v[4][2]};
    int all[8] = {v[0][0], v[0][2], v[0][4], v[2][0], v[2][4], v[4][0], v[4][2], v[4][4]};
    qsort(cross, 4, sizeof(int), compare);
    qsort(all, 8, sizeof(int), compare);
    int margin = INT16_MAX;
    for (int k = 0; k < 2; k++) {
        const int n = (int)(noise->base[k] + (unsigned)cross[2] * noise->slope[k] / 65536);
        margin = n < margin ? n : margin;
    }
    margin += (all[6] - all[1]) / 2;
    const int middle = (cross[1] + cross[2] + 1) / 2;
    const int near = v[1][2] + v[2][1] + v[2][3] + v[3][2];
    const int far = v[0][1] + v[0][3] + v[1][0] + v[1][4] + v[3][0] + v[3][4] + v[4][1] + v[4][3];
    const int others = near - far / 2;
    if (c > all[6] + margin && others <= c - middle)
        return middle;
    if (c < all[1] - margin && -others <= middle - c)
        return middle;
    return c;
}

int ref_balance(int v[5][5], unsigned base, unsigned slope, int clip)
{
    const int own = 4 * v[2][2] + v[0][2] + v[2][0] + v[2][4] + v[4][2];
    const int other = v[1][1] + v[1][3] + v[3][1] + v[3][3];
    const int difference = 2 * other - own, size = abs(difference);
    const int limit = (int)(base + (unsigned)own * slope / 65536);
    int taken = size < limit - size ? size : limit - size;
    taken = taken < 0 ? 0 : difference < 0 ? -taken : taken;
    const int out = v[2][2] + ((taken + 8) >> 4);
    return out < 0 ? 0 : out > clip ? clip : out;
}

/* ---- the frame ---------------------------------------------------------------------------------
 */

static int mirrored(int i, int size)
{
    while (i < 0 || i >= size)
        i = i < 0 ? -i : 2 * (size - 1) - i;
    return i;
}

static bool is_known(const struct sisp_coefficients *c, int x, int y)
{
    bool is_found = false;
    for (uint32_t i = 0; i < c->defect_count; i++)
        is_found |= c->defects[i].x == x && c->defects[i].y == y;
    return is_found;
}

void ref_mend(const struct ref_mosaic *m)
{
    const int width = (int)m->g->crop.width, height = (int)m->g->crop.height;
    const int left = (int)m->g->crop.x, top = (int)m->g->crop.y;
    for (int i = 0; i < width * height; i++) {
        const int x = i % width, y = i / width;
        int side[2], sides = 0;
        if (!is_known(m->c, left + x, top + y))
            continue;
        for (int step = -2; step <= 2; step += 4) {
            int at = x + step;
            while (at >= 0 && at < width && is_known(m->c, left + at, top + y))
                at += step;
            if (at >= 0 && at < width)
                side[sides++] = m->levels[y * width + at];
        }
        if (sides)
            m->levels[i] = (side[0] + side[sides - 1] + 1) / 2;
    }
}

static void variance_of(const struct ref_mosaic *m, enum sisp_site site, double out[2])
{
    const struct sisp_coefficients *c = m->c;
    const float wb = c->wb_gains[site == SISP_SITE_R ? 0 : site == SISP_SITE_B ? 2 : 1];
    const bool is_known_noise = c->noise_shot > 0 || c->noise_read > 0;
    const double step = 1 / ((double)c->white_level - (double)c->black_level[site]);
    const uint32_t knots = c->lsc.cols * c->lsc.rows;
    double gain = 0;
    for (uint32_t i = 0; i < knots; i++)
        gain = fmax(gain, (double)c->lsc.gain[site][i]);
    gain = (double)wb * (knots ? gain : 1);
    out[0] = gain * (is_known_noise ? (double)c->noise_shot : 1e-3);
    out[1] = gain * gain * ((is_known_noise ? (double)c->noise_read : 1e-6) + step * step / 12);
}

typedef int stage_fn(const struct ref_mosaic *m, enum sisp_site site, int v[5][5]);

static int without_defect(const struct ref_mosaic *m, enum sisp_site site, int v[5][5])
{
    double variance[2];
    variance_of(m, site, variance);
    const struct ref_noise noise =
        ref_noise_lines(variance[0], variance[1], 4 / (double)m->c->defect_correction);
    return ref_defect(v, &noise);
}

static int with_balance(const struct ref_mosaic *m, enum sisp_site site, int v[5][5])
{
    double variance[2];
    if (site != SISP_SITE_GR && site != SISP_SITE_GB)
        return v[2][2];
    variance_of(m, site, variance);
    const double base = 32 * sqrt(variance[0] / 64 + variance[1]) * 4095;
    const double slope = 2 * (double)m->c->green_balance * 65536;
    return ref_balance(
        v, (unsigned)lround(fmin(base, 8190)), (unsigned)lround(fmin(slope, 65535)), m->clip);
}

static void run_stage(const struct ref_mosaic *m, stage_fn *stage)
{
    const int width = (int)m->g->crop.width, height = (int)m->g->crop.height;
    int *before = malloc(sizeof(int) * (size_t)(width * height));
    memcpy(before, m->levels, sizeof(int) * (size_t)(width * height));
    for (int i = 0; i < width * height; i++) {
        const uint32_t x = (uint32_t)(i % width), y = (uint32_t)(i / width);
        int v[5][5];
        for (int k = 0; k < 25; k++)
            v[k / 5][k % 5] = before[mirrored((int)y + k / 5 - 2, height) * width +
                                     mirrored((int)x + k % 5 - 2, width)];
        m->levels[i] = stage(m, (enum sisp_site)sisp_cfa_shift(m->cfa, x & 1, y & 1), v);
    }
    free(before);
}

void ref_bayer(const struct ref_mosaic *m)
{
    if (m->c->defect_correction > 0)
        run_stage(m, without_defect);
    if (m->c->green_balance > 0)
        run_stage(m, with_balance);
}
