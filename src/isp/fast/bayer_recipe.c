/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Coefficients to recipe: thresholds of the Bayer stages, and the known defects. */
#include "isp/fast/recipe.h"

#include <errno.h>
#include <math.h>

/* Variance is a line, so sigma is below each of its tangents: the lesser of two is within a third
 * of it over the whole range. Where they touch: */
#define TOUCH_DARK  (1.0 / 64)
#define TOUCH_LIGHT (3.0 / 8)

#define SHOT_UNKNOWN 1e-3
#define READ_UNKNOWN 1e-6
#define SIGMAS_LEAST 4.0

/* ---- noise -------------------------------------------------------------------------------------
 */

/* variance = slope * x + base, x in [0,1] after gains. */
struct variance {
    double slope, base;
};

static double mesh_gain(const struct sisp_lsc_mesh *mesh, int site)
{
    const uint32_t count = mesh->cols * mesh->rows;
    double most = count ? 0 : 1;
    for (uint32_t i = 0; i < count; i++)
        most = fmax(most, (double)mesh->gain[site][i]);
    return most;
}

/* The greatest gain of the frame counts, and the steps of the raw code are noise as well. */
static struct variance variance_of(const struct sisp_coefficients *c, int site)
{
    static const int color[SISP_SITE_COUNT] = {0, 1, 1, 2};
    const bool is_known = c->noise_shot > 0 || c->noise_read > 0;
    const double shot = is_known ? (double)c->noise_shot : SHOT_UNKNOWN;
    const double read = is_known ? (double)c->noise_read : READ_UNKNOWN;
    const double gain = (double)c->wb_gains[color[site]] * mesh_gain(&c->lsc, site);
    const double step = 1 / ((double)c->white_level - (double)c->black_level[site]);
    return (struct variance){gain * shot, gain * gain * (read + step * step / 12)};
}

static uint16_t limited(double value, uint16_t max)
{
    return value < max ? (uint16_t)(value + 0.5) : max;
}

/* The tangent at x, or farther up where it would be steeper than 1. */
static void tangent(
    const struct variance *v, double sigmas, double x, uint16_t *base, uint16_t *slope)
{
    const double steep = sigmas * v->slope / 2;
    if (v->slope * x + v->base < steep * steep)
        x = (steep * steep - v->base) / v->slope;
    const double sigma = sqrt(v->slope * x + v->base), rise = v->slope / (2 * sigma);
    *base = limited(sigmas * (sigma - rise * x) * FAST_WHITE, 2 * FAST_WHITE);
    *slope = limited(sigmas * rise * 65536, UINT16_MAX);
}

static void compile_thresholds(struct isp_fast_recipe *recipe, const struct sisp_coefficients *c)
{
    struct fast_bayer *bayer = &recipe->bayer;
    for (unsigned k = 0; k < 4 && bayer->has_defects; k++) {
        const unsigned parity = k / 2, phase = k % 2;
        const struct variance v = variance_of(c, (int)sisp_cfa_shift(recipe->cfa, phase, parity));
        const double sigmas = SIGMAS_LEAST / (double)c->defect_correction;
        uint16_t *base = bayer->defect_base[parity][phase];
        uint16_t *slope = bayer->defect_slope[parity][phase];
        tangent(&v, sigmas, TOUCH_DARK, &base[0], &slope[0]);
        tangent(&v, sigmas, TOUCH_LIGHT, &base[1], &slope[1]);
    }
    /* Full correction up to half of the threshold. In the dark noise makes up most differences. */
    for (unsigned parity = 0; parity < 2 && bayer->has_balance; parity++) {
        const unsigned phase = !fast_row_own_phase(recipe, parity);
        const struct variance v = variance_of(c, (int)sisp_cfa_shift(recipe->cfa, phase, parity));
        const double dark = sqrt(v.slope * TOUCH_DARK + v.base);
        bayer->balance_base[parity] = limited(8 * 4 * dark * FAST_WHITE, 2 * FAST_WHITE);
    }
    bayer->balance_slope = limited(2 * (double)c->green_balance * 65536, UINT16_MAX);
}

/* ---- known defects -----------------------------------------------------------------------------
 */

static bool is_listed(const struct sisp_coefficients *c, uint32_t x, uint32_t y)
{
    for (uint32_t i = 0; i < c->defect_count; i++) {
        if (c->defects[i].x == x && c->defects[i].y == y)
            return true;
    }
    return false;
}

/* The nearest sample of that colour in the row which is not itself a defect; x where there is
 * none. */
static uint32_t find_sound(
    const struct sisp_coefficients *c, const struct sisp_rect *crop, uint32_t x, uint32_t y, int by)
{
    for (int64_t i = (int64_t)x + by; i >= crop->x && i < (int64_t)crop->x + crop->width; i += by) {
        if (!is_listed(c, (uint32_t)i, y))
            return (uint32_t)i;
    }
    return x;
}

static void compile_known(struct isp_fast_recipe *recipe, const struct sisp_coefficients *c)
{
    const struct sisp_rect *crop = &recipe->geometry.crop;
    for (uint32_t k = 0; k < c->defect_count; k++) {
        const uint32_t x = c->defects[k].x, y = c->defects[k].y;
        if (x < crop->x || y < crop->y || x - crop->x >= crop->width || y - crop->y >= crop->height)
            continue;
        uint32_t left = find_sound(c, crop, x, y, -2), right = find_sound(c, crop, x, y, 2);
        if (left == x)
            left = right;
        if (right == x)
            right = left;
        recipe->bayer.known[recipe->bayer.known_count++] =
            (struct fast_defect){(uint16_t)(x - crop->x), (uint16_t)(y - crop->y),
                (uint16_t)(left - crop->x), (uint16_t)(right - crop->x)};
    }
}

static bool are_known_valid(const struct sisp_coefficients *c)
{
    if (c->defect_count > SISP_DEFECTS_MAX)
        return false;
    for (uint32_t i = 1; i < c->defect_count; i++) {
        const struct sisp_defect *a = &c->defects[i - 1], *b = &c->defects[i];
        if (a->y > b->y || (a->y == b->y && a->x >= b->x))
            return false;
    }
    return true;
}

/* ---- public ------------------------------------------------------------------------------------
 */

int isp_fast_compile_bayer(struct isp_fast_recipe *recipe, const struct sisp_coefficients *c)
{
    /* Written so that NaN fails. */
    if (!(c->defect_correction >= 0 && c->defect_correction <= 1) ||
        !(c->green_balance >= 0 && c->green_balance <= 0.25f) || !are_known_valid(c))
        return -EINVAL;
    recipe->bayer.has_defects = c->defect_correction > 0;
    recipe->bayer.has_balance = c->green_balance > 0;
    compile_thresholds(recipe, c);
    compile_known(recipe, c);
    return 0;
}
