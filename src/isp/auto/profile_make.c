/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Colour as a DNG states it (DNG specification 1.4, chapter 6), from whatever is known of it. */
#include "isp/auto/auto.h"
#include "isp/auto/elementary.h"
#include "isp/auto/matrix.h"
#include "isp/auto/profile.h"

/* CIE standard illuminants A and D65, which DNG files are usually calibrated for. */
static const struct {
    double kelvin, white[3];
} lights[2] = {{2856, {1.09850, 1, 0.35585}}, {6504, {0.95047, 1, 1.08883}}};

/* Which camera white gives and what makes linear sRGB of what it balances, under a light: the
 * ColorMatrix goes from XYZ under that light by sRGB back to the camera, the ForwardMatrix on from
 * sRGB to XYZ under D50. */
static bool add_light(
    struct sisp_color_profile *out, unsigned light, const double ccm[9], const double neutral[3])
{
    double to_d65[9], to_srgb[9], back[9], color[9], to_d50[9], forward[9];
    if (!isp_matrix_invert(ccm, back) || !isp_srgb_from_xyz(lights[light].white, to_srgb) ||
        !isp_srgb_from_xyz(isp_white_d50, to_d65) || !isp_matrix_invert(to_d65, to_d50))
        return false;
    isp_matrix_multiply(back, to_srgb, color);
    isp_matrix_multiply(to_d50, ccm, forward);
    for (unsigned i = 0; i < 9; i++) {
        out->color_matrix[out->count][i] = (float)(color[i] * neutral[i / 3]);
        out->forward_matrix[out->count][i] = (float)forward[i];
    }
    out->cct_kelvin[out->count++] = (float)lights[light].kelvin;
    out->has_forward = 1;
    return true;
}

static bool from_tuning(
    const struct sisp_tuning *tuning, const double neutral[3], struct sisp_color_profile *out)
{
    const bool has_white = isp_tuning_has(tuning, SISP_TUNING_WHITE);
    for (unsigned i = has_white ? 0 : 1; i < 2; i++) {
        double ccm[9], chroma[2], white[3] = {neutral[0], neutral[1], neutral[2]};
        if (!isp_tuning_ccm(tuning, lights[i].kelvin, ccm))
            return false;
        if (has_white && isp_tuning_white(tuning, lights[i].kelvin, chroma)) {
            white[0] = isp_exp2(chroma[0]);
            white[1] = 1;
            white[2] = isp_exp2(chroma[1]);
        }
        if (!add_light(out, i, ccm, white))
            return false;
    }
    return true;
}

void isp_profile_make(const struct sisp_raw_info *info, const struct sisp_tuning *tuning,
    const float wb_gains[3], struct sisp_color_profile *out)
{
    const double neutral[3] = {
        (double)wb_gains[1] / (double)wb_gains[0], 1, (double)wb_gains[1] / (double)wb_gains[2]};
    struct sisp_color_profile made = {0};
    if (isp_tuning_has(tuning, SISP_TUNING_COLOR) && from_tuning(tuning, neutral, &made)) {
        *out = made;
        return;
    }
    *out = *isp_tuning_profile(tuning, info);
    if (isp_profile_usable(out))
        return;
    made = (struct sisp_color_profile){0};
    add_light(&made, 1, isp_generic_ccm, neutral);
    *out = made;
}
