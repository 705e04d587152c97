/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What tests may know of the simulated camera: the truth behind its frames. */
#ifndef CAMERA_SIM_SIM_H
#define CAMERA_SIM_SIM_H

#include "camera/sim/scene.h"
#include "camera/sim/sensor.h"

/** A site that leaks: its level above black grows by `level_per_ms` x gain, whatever it sees. */
struct sim_hot_pixel {
    uint16_t x, y;
    float level_per_ms; /* in units of sensor.h */
};

/** Where the frame's top left corner lies in the background, in samples; even. What stands still
 * in the scene moves by the negative difference from frame to frame. */
void sim_truth_origin(const struct sisp_camera *camera, uint64_t frame, int32_t *x, int32_t *y);

/** Radiance of every sample of frame n, width x height, 65535 is 1: no shading, no noise. Level
 * above black at a place of full transmission: radiance / 65536 * light * exposure_us x gain /
 * SENSOR_FULL_US * SENSOR_FULL. */
void sim_truth_scene(const struct sisp_camera *camera, uint64_t frame, uint16_t *radiance);

/** Light on row y of frame n, as options light, light-step, lamp, depth, wave say: its mean over
 * the row's exposure, which ends with the row's readout, `line_ns` after the row above. */
double sim_truth_light(
    const struct sisp_camera *camera, uint64_t frame, uint32_t y, float exposure_us);

/** When the first row of frame n is read out: (n + 1) frame intervals, rounded down. */
uint64_t sim_truth_start_ns(const struct sisp_camera *camera, uint64_t frame);

/** How far black lies from the info's level in frame n, 1 being all codes. */
double sim_truth_black_drift(const struct sisp_camera *camera, uint64_t frame);

/** Share of red, green and blue light that reaches a corner in frame n. */
void sim_truth_corner(const struct sisp_camera *camera, uint64_t frame, float transmission[3]);

/** How the sensor sees the light and the surfaces of frame n. */
const struct spectra_view *sim_truth_view(const struct sisp_camera *camera, uint64_t frame);

/** As scene_patch(); `color` is the patch's linear sRGB radiance under D65. */
bool sim_truth_patch(const struct sisp_camera *camera, uint64_t frame, unsigned index,
    struct sisp_rect *rect, float color[3]);

/** The hot pixels, sorted by y, then x. */
const struct sim_hot_pixel *sim_truth_hot_pixels(const struct sisp_camera *camera, uint32_t *count);

#endif
