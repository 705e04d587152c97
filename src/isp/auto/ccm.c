/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "isp/auto/auto.h"
#include "isp/auto/matrix.h"
#include "isp/auto/profile.h"

/* The contract says |value| < 4. */
#define CCM_LIMIT 3.99

static const double identity[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};

/* Stated default for cameras without a profile: about the middle of what phone sensors are
 * calibrated to in daylight. Neutral stays neutral; hues are only roughly right. */
const double isp_generic_ccm[9] = {
    1.60,
    -0.45,
    -0.15,
    -0.25,
    1.50,
    -0.25,
    -0.05,
    -0.55,
    1.60,
};

/* IEC 61966-2-1, white D65. */
static const double xyz_to_srgb[9] = {
    3.2404542,
    -1.5371385,
    -0.4985314,
    -0.9692660,
    1.8760108,
    0.0415560,
    0.0556434,
    -0.2040259,
    1.0572252,
};

/* Lam, Metamerism and colour constancy, thesis, University of Bradford, 1985. */
static const double bradford[9] = {
    0.8951,
    0.2664,
    -0.1614,
    -0.7502,
    1.7135,
    0.0367,
    0.0389,
    -0.0685,
    1.0296,
};

const double isp_white_d50[3] = {0.96422, 1, 0.82521};
static const double white_d65[3] = {0.95047, 1, 1.08883};

/* XYZ as seen under white `from` to XYZ as seen under D65. */
static bool adapt_to_d65(const double from[3], double out[9])
{
    double cone_from[3], cone_to[3], back[9], scaled[9];
    isp_matrix_apply(bradford, from, cone_from);
    isp_matrix_apply(bradford, white_d65, cone_to);
    if (!isp_matrix_invert(bradford, back))
        return false;
    for (int i = 0; i < 9; i++) {
        if (!(cone_from[i / 3] > 1e-6))
            return false;
        scaled[i] = bradford[i] * cone_to[i / 3] / cone_from[i / 3];
    }
    isp_matrix_multiply(back, scaled, out);
    return true;
}

bool isp_srgb_from_xyz(const double white[3], double out[9])
{
    double adapt[9];
    if (!adapt_to_d65(white, adapt))
        return false;
    isp_matrix_multiply(xyz_to_srgb, adapt, out);
    return true;
}

/* White-balanced camera to XYZ, and the white of that XYZ. */
static void balanced_to_xyz(const struct sisp_color_profile *profile,
    const struct isp_profile_solution *solution, const float wb_gains[3], double out[9],
    double white[3])
{
    if (profile->has_forward) {
        double weight = isp_profile_weight(profile, solution->cct_kelvin);
        isp_profile_mix(profile->forward_matrix, weight, out);
        for (int i = 0; i < 3; i++)
            white[i] = isp_white_d50[i];
        return;
    }
    for (int i = 0; i < 9; i++)
        out[i] = solution->camera_to_xyz[i] / (double)wb_gains[i % 3];
    for (int i = 0; i < 3; i++)
        white[i] = solution->white_xyz[i];
}

/* White (1, 1, 1) stays white: each row sums to 1. */
static bool normalise_rows(double m[9])
{
    double size = 0;
    for (int i = 0; i < 9; i++)
        size += m[i] < 0 ? -m[i] : m[i];
    for (int i = 0; i < 9; i += 3) {
        double sum = m[i] + m[i + 1] + m[i + 2];
        if (!(sum > 0.02 * size) || !(size < 1e9))
            return false;
        for (int j = 0; j < 3; j++)
            m[i + j] /= sum;
    }
    return true;
}

static bool from_profile(
    double ccm[9], const struct sisp_color_profile *profile, const float wb_gains[3])
{
    struct isp_profile_solution solution;
    double to_xyz[9], white[3], adapt[9], to_d65[9];
    if (!isp_profile_usable(profile) || !isp_profile_solve(profile, wb_gains, &solution))
        return false;
    balanced_to_xyz(profile, &solution, wb_gains, to_xyz, white);
    if (!adapt_to_d65(white, adapt))
        return false;
    isp_matrix_multiply(adapt, to_xyz, to_d65);
    isp_matrix_multiply(xyz_to_srgb, to_d65, ccm);
    if (!normalise_rows(ccm))
        return false;
    for (int i = 0; i < 9; i++) {
        if (!isp_within(ccm[i], -8, 8)) /* no camera is that far from sRGB */
            return false;
    }
    return true;
}

/* Mixes in the identity, which keeps the row sums, until every value is inside the limit. */
static void limit(double m[9])
{
    double keep = 1;
    for (int i = 0; i < 9; i++) {
        double change = m[i] - identity[i];
        double room = m[i] < 0 ? -CCM_LIMIT - identity[i] : CCM_LIMIT - identity[i];
        if (!isp_within(m[i], -CCM_LIMIT, CCM_LIMIT) && room / change < keep)
            keep = room / change;
    }
    for (int i = 0; i < 9; i++)
        m[i] = identity[i] + keep * (m[i] - identity[i]);
}

/* Between luma (ITU-R BT.709) and the colour itself. */
static void saturation_matrix(double saturation, double out[9])
{
    static const double luma[3] = {0.2126, 0.7152, 0.0722};
    for (int i = 0; i < 9; i++)
        out[i] = (1 - saturation) * luma[i % 3] + saturation * identity[i];
}

void isp_ccm_finish(float ccm[9], const double base[9], const struct sisp_params *params)
{
    double saturate[9], product[9];
    saturation_matrix(isp_look_saturation(params), saturate);
    isp_matrix_multiply(saturate, base, product);
    limit(product);
    for (int i = 0; i < 9; i++)
        ccm[i] = (float)product[i];
}

enum sisp_source isp_ccm(float ccm[9], const struct sisp_color_profile *profile,
    const float wb_gains[3], const struct sisp_params *params)
{
    double base[9];
    enum sisp_source source = SISP_SOURCE_FILE;
    const double *stated = NULL;
    if (isp_param(params, SISP_PARAM_COLOR) != 0) {
        stated = identity;
        source = SISP_SOURCE_MANUAL;
    } else if (!from_profile(base, profile, wb_gains)) {
        stated = isp_generic_ccm;
        source = SISP_SOURCE_NEUTRAL;
    }
    isp_ccm_finish(ccm, stated ? stated : base, params);
    return source;
}
