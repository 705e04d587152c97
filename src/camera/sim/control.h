/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Exposure and gain as a sensor has them: whole lines, whole codes, and in force some frames after
 * they were asked for. Reciprocal codes are those of Sony's IMX sensors, linear ones of
 * OmniVision's, as their Linux drivers document them.
 */
#ifndef CAMERA_SIM_CONTROL_H
#define CAMERA_SIM_CONTROL_H

#include "camera/sim/options.h"

#include <softisp/camera.h>

#define CONTROL_HISTORY 8 /* more frames than the longest delay */

struct control {
    uint32_t line_ns, lines_min, lines_max;
    bool is_linear; /* gain codes */
    unsigned exposure_delay, gain_delay;
    struct sisp_camera_controls requested;              /* on the codes' grid */
    struct sisp_camera_controls asked[CONTROL_HISTORY]; /* what was requested before frame n */
};

/** False where the rows do not fit the interval. All frames begin with a request of 10 ms. */
bool control_init(struct control *control, const struct sim_options *options, uint32_t height,
    double interval_us);

struct sisp_camera_limits control_limits(const struct control *control);

/** `controls` are within the limits; they go to the nearest line and code. */
void control_request(struct control *control, const struct sisp_camera_controls *controls);

/** What is in force in frame n; call for each frame in turn. */
struct sisp_camera_controls control_frame(struct control *control, uint64_t frame);

#endif
