/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a DNG colour profile says of white: DNG specification 1.4, chapter 6. */
#include "isp/auto/auto.h"
#include "isp/auto/elementary.h"
#include "isp/auto/matrix.h"
#include "isp/auto/profile.h"

#define CCT_MIN_KELVIN 1700
#define CCT_MAX_KELVIN 20000

static bool matrix_sane(const float m[9])
{
    double wide[9], inverse[9];
    for (int i = 0; i < 9; i++) {
        if (!isp_within((double)m[i], -20, 20))
            return false;
        wide[i] = (double)m[i];
    }
    return isp_matrix_invert(wide, inverse);
}

bool isp_profile_usable(const struct sisp_color_profile *profile)
{
    if (profile->count < 1 || profile->count > 2)
        return false;
    for (uint32_t i = 0; i < profile->count; i++) {
        if (!matrix_sane(profile->color_matrix[i]))
            return false;
        if (profile->has_forward && !matrix_sane(profile->forward_matrix[i]))
            return false;
    }
    return true;
}

double isp_profile_weight(const struct sisp_color_profile *profile, double cct_kelvin)
{
    double t0 = (double)profile->cct_kelvin[0], t1 = (double)profile->cct_kelvin[1];
    if (profile->count < 2)
        return 0;
    if (!isp_within(t0, 1000, 50000) || !isp_within(t1, 1000, 50000) || t0 == t1)
        return 1; /* unknown: DNG writers put daylight second */
    return isp_clamp((1 / cct_kelvin - 1 / t0) / (1 / t1 - 1 / t0), 0, 1);
}

void isp_profile_mix(const float matrices[2][9], double weight, double out[9])
{
    for (int i = 0; i < 9; i++)
        out[i] = weight > 0
                     ? (1 - weight) * (double)matrices[0][i] + weight * (double)matrices[1][i]
                     : (double)matrices[0][i];
}

/* McCamy, Correlated color temperature as an explicit function of chromaticity coordinates, Color
 * Research and Application 17, 1992. */
static double mccamy_kelvin(double x, double y)
{
    double below = 0.1858 - y;
    if (below > -0.01) /* beyond every light source; also keeps the division sane */
        below = -0.01;
    double n = (x - 0.3320) / below;
    double kelvin = ((449 * n + 3525) * n + 6823.3) * n + 5520.33;
    return isp_clamp(kelvin, CCT_MIN_KELVIN, CCT_MAX_KELVIN);
}

bool isp_profile_solve(const struct sisp_color_profile *profile, const float wb_gains[3],
    struct isp_profile_solution *out)
{
    double neutral[3], mixed[9];
    for (int c = 0; c < 3; c++)
        neutral[c] = 1 / (double)wb_gains[c];
    /* The matrix depends on the temperature and the temperature on the matrix; the mapping
     * contracts in a few rounds for real cameras, and the count ends it for all others. */
    double kelvin = 5000;
    for (int round = 0; round < 30; round++) {
        isp_profile_mix(profile->color_matrix, isp_profile_weight(profile, kelvin), mixed);
        if (!isp_matrix_invert(mixed, out->camera_to_xyz))
            return false;
        isp_matrix_apply(out->camera_to_xyz, neutral, out->white_xyz);
        const double *w = out->white_xyz;
        double sum = w[0] + w[1] + w[2];
        /* No light has a chromaticity outside this box. */
        if (!(sum > 0) || !isp_within(w[0] / sum, 0.05, 0.75) || !isp_within(w[1] / sum, 0.05, 0.8))
            return false;
        double next = mccamy_kelvin(w[0] / sum, w[1] / sum);
        double change = next - kelvin;
        kelvin = next;
        if (isp_within(change, -0.5, 0.5))
            break;
    }
    out->cct_kelvin = kelvin;
    return true;
}

/* Planckian locus: Kim et al., US patent 7024034 (2006). */
static void planckian_xy(double t, double *x, double *y)
{
    double r = 1000 / t;
    if (t < 4000)
        *x = ((-0.2661239 * r - 0.2343589) * r + 0.8776956) * r + 0.179910;
    else
        *x = ((-3.0258469 * r + 2.1070379) * r + 0.2226347) * r + 0.240390;
    if (t < 2222)
        *y = ((-1.1063814 * *x - 1.34811020) * *x + 2.18555832) * *x - 0.20219683;
    else if (t < 4000)
        *y = ((-0.9549476 * *x - 1.37418593) * *x + 2.09137015) * *x - 0.16748867;
    else
        *y = ((3.0817580 * *x - 5.87338670) * *x + 3.75112997) * *x - 0.37001483;
}

/* Daylight locus: CIE 15:2004. */
static void daylight_xy(double t, double *x, double *y)
{
    double r = 1000 / t;
    if (t < 7000)
        *x = ((-4.6070 * r + 2.9678) * r + 0.09911) * r + 0.244063;
    else
        *x = ((-2.0064 * r + 1.9018) * r + 0.24748) * r + 0.237040;
    *y = (-3 * *x + 2.870) * *x - 0.275;
}

bool isp_profile_white(
    const struct sisp_color_profile *profile, double cct_kelvin, double log2_chroma[2])
{
    double px, py, dx, dy, mixed[9], camera[3];
    double t = isp_clamp(cct_kelvin, CCT_MIN_KELVIN, CCT_MAX_KELVIN);
    planckian_xy(t, &px, &py);
    daylight_xy(t < 4000 ? 4000 : t, &dx, &dy);
    double day = isp_clamp((t - 4000) / 1000, 0, 1); /* lamps below, sky above */
    double x = (1 - day) * px + day * dx, y = (1 - day) * py + day * dy;
    double white[3] = {x / y, 1, (1 - x - y) / y};
    isp_profile_mix(profile->color_matrix, isp_profile_weight(profile, t), mixed);
    isp_matrix_apply(mixed, white, camera);
    if (!(camera[0] > 1e-3 && camera[1] > 1e-3 && camera[2] > 1e-3))
        return false;
    log2_chroma[0] = isp_log2(camera[0] / camera[1]);
    log2_chroma[1] = isp_log2(camera[2] / camera[1]);
    return true;
}

double isp_profile_cct(const struct sisp_color_profile *profile, const float wb_gains[3])
{
    struct isp_profile_solution solution;
    if (!isp_profile_usable(profile) || !isp_profile_solve(profile, wb_gains, &solution))
        return 0;
    return solution.cct_kelvin;
}
