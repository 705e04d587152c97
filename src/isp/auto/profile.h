/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What profile.c shares with ccm.c. Profiles must be usable (isp_profile_usable()). */
#ifndef ISP_AUTO_PROFILE_H
#define ISP_AUTO_PROFILE_H

#include "isp/auto/auto.h"

/** The white that the gains balance, and the way from the camera to XYZ under it. */
struct isp_profile_solution {
    double camera_to_xyz[9];
    double white_xyz[3];
    double cct_kelvin;
};

/** False where the gains name no colour a light can have. */
bool isp_profile_solve(const struct sisp_color_profile *profile, const float wb_gains[3],
    struct isp_profile_solution *out);

/** Weight of the second illuminant at that temperature: linear in 1 / T. */
double isp_profile_weight(const struct sisp_color_profile *profile, double cct_kelvin);

/** XYZ under that white to linear sRGB. False for what is no white. */
bool isp_srgb_from_xyz(const double white[3], double out[9]);

/** The matrix of cameras of which nothing is known. */
extern const double isp_generic_ccm[9];

extern const double isp_white_d50[3];

void isp_profile_mix(const float matrices[2][9], double weight, double out[9]);

#endif
