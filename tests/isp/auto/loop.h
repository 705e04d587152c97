/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The whole loop in one thread, frame by frame: simulated camera, automatic control, fast path,
 * whose statistics of a frame reach the control of the next, as in the pipeline. No clock. */
#ifndef TESTS_ISP_AUTO_LOOP_H
#define TESTS_ISP_AUTO_LOOP_H

#include "isp/auto/auto.h"

#include <softisp/camera.h>

struct loop {
    struct sisp_camera *camera;
    struct isp_geometry geometry;
    struct sisp_params params;
    struct isp_auto_state state;
    struct isp_auto_input input;
    struct sisp_coefficients coefficients; /* of the latest frame, as is all else */
    struct sisp_raw_info info;
    struct isp_black_sample black;
    struct sisp_stats stats;
    uint8_t *raw, *picture; /* RGB24 */
    void *recipe, *scratch;
    uint32_t frames;
};

/** False where the camera refuses. */
bool loop_open(struct loop *loop, const struct sisp_camera_params *camera);
void loop_close(struct loop *loop);

/** One frame. False where a part of the way refuses it. */
bool loop_frame(struct loop *loop);
bool loop_frames(struct loop *loop, uint32_t count);

/** As an exposure of the sensor that looks the same: time x gain x digital gain. */
double loop_exposure_log2(const struct loop *loop);

/** (Greatest - least) / (greatest + least) of the light on the rows of the latest frame. */
double loop_modulation(const struct loop *loop);

#endif
