/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * How much of the light reaches each place: the lens's cos^4, which differs a little by colour and
 * which the camera's mesh undoes, and the infrared filter, whose edge moves to shorter waves
 * towards the corners (as all interference filters' do off the axis), so that its colour depends on
 * the light; no mesh undoes this.
 */
#ifndef CAMERA_SIM_LENS_H
#define CAMERA_SIM_LENS_H

#include "camera/sim/spectra.h"

#include <softisp/raw.h>
#include <stdint.h>

#define LENS_STEPS 16

/** What the filter leaves of each channel, by the square of the distance from the middle. */
struct lens_filter {
    float factor[3][LENS_STEPS + 1];
};

/** `shift_nm` is how far the edge, at 650 nm, moves in the corners. */
struct lens_filter lens_filter(
    const struct spectra_curves *sensor, const struct spectrum *light, double shift_nm);

/** Square roots of transmission of every sample of the frame, 65535 is 1. */
void lens_fill(const struct sisp_raw_info *info, enum sisp_cfa cfa,
    const struct lens_filter *filter, uint16_t *shading);

/** The mesh that undoes the lens, in the frame's crop. */
void lens_fill_mesh(struct sisp_raw_info *info);

/** Transmission in a corner. */
void lens_corner(const struct lens_filter *filter, float transmission[3]);

#endif
