/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What drivers do not tell of sensors: what a gain code means, how late controls show, the black
 * level. */
#ifndef CAMERA_V4L2_SENSOR_H
#define CAMERA_V4L2_SENSOR_H

#include <stdbool.h>
#include <stdint.h>

enum v4l2_gain_model {
    GAIN_LINEAR,     /* code / unity */
    GAIN_RECIPROCAL, /* unity / (unity - code) */
    GAIN_DECIBEL,    /* 10^(code / unity / 20): unity codes are a decibel */
};

struct v4l2_sensor {
    const char *name;
    enum v4l2_gain_model model;
    float unity;
    /* Frames from the one during which a control is written to the first that shows it. */
    uint8_t exposure_delay, gain_delay;
    uint16_t black; /* of 65536; 0: unknown */
};

/** A known sensor by its name in small letters, or one whose gains are multiples of its least code
 * (min <= 0: which is not known, unity is 0 then). */
struct v4l2_sensor v4l2_sensor_find(const char *name, int64_t gain_code_min);

float v4l2_gain_of(const struct v4l2_sensor *sensor, int64_t code);

/** The nearest code, not limited to what the sensor has. */
int64_t v4l2_gain_code(const struct v4l2_sensor *sensor, float gain);

#endif
