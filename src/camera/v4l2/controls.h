/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Exposure and gain of a device: its units become ours here and nowhere else, and what is written
 * is remembered until the frames that show it. */
#ifndef CAMERA_V4L2_CONTROLS_H
#define CAMERA_V4L2_CONTROLS_H

#include "camera/v4l2/io.h"
#include "camera/v4l2/sensor.h"

#include <softisp/camera.h>
#include <stdbool.h>

#define CONTROLS_HISTORY 32 /* more than are written within the longest delay */

struct v4l2_range {
    uint32_t id; /* 0: the device has none */
    int64_t min, max, step, value;
};

/** What was written, and the first frame that shows it. */
struct v4l2_written {
    uint64_t sequence;
    float value; /* in our units */
};

struct v4l2_history {
    struct v4l2_written written[CONTROLS_HISTORY];
    uint32_t count; /* ever written */
};

struct v4l2_controls {
    const struct v4l2_io *io;
    int fd; /* of the sensor, else of the node */
    struct v4l2_sensor sensor;
    struct v4l2_range exposure, gain;
    double exposure_unit_ns; /* of one code */
    uint32_t line_ns;        /* 0: unknown */
    uint64_t interval_ns;    /* that blanking says; 0: unknown */
    struct v4l2_history exposures, gains;
};

/** How the sensor is read out. */
struct v4l2_readout {
    uint32_t width, height;
    uint32_t fps_num, fps_den; /* 0: as it is set */
};

/** Find the controls; `io` and `fd` are set. With a rate the blanking is set for it, else nothing.
 * A device without is no error. */
void v4l2_controls_find(
    struct v4l2_controls *controls, const char *sensor_name, const struct v4l2_readout *readout);

/** The same, but take them from the driver's automatics before. */
void v4l2_controls_init(
    struct v4l2_controls *controls, const char *sensor_name, const struct v4l2_readout *readout);

/** All zero where there is nothing to control. */
struct sisp_camera_limits v4l2_controls_limits(const struct v4l2_controls *controls);

/** Write what is nearest; `frame` is being read out now (0: none is). Values are within the limits.
 */
void v4l2_controls_set(
    struct v4l2_controls *controls, const struct sisp_camera_controls *wanted, uint64_t frame);

/** What frame `sequence` shows. */
struct sisp_camera_controls v4l2_controls_applied(
    const struct v4l2_controls *controls, uint64_t sequence);

#endif
