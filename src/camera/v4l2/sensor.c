/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "camera/v4l2/sensor.h"
#include "base/base.h"

#include <math.h>
#include <string.h>

/* From data sheets and drivers of the Linux kernel. */
static const struct v4l2_sensor sensors[] = {
    {"gc05a2", GAIN_LINEAR, 10.24f, 2, 2, 4096},
    {"gc08a3", GAIN_LINEAR, 10.24f, 2, 2, 4096},
    {"imx214", GAIN_RECIPROCAL, 512, 2, 1, 4096},
    {"imx219", GAIN_RECIPROCAL, 256, 2, 1, 4096},
    {"imx258", GAIN_RECIPROCAL, 512, 2, 1, 4096},
    {"imx283", GAIN_RECIPROCAL, 2048, 2, 1, 3200},
    {"imx290", GAIN_DECIBEL, 1 / 0.3f, 2, 2, 3840},
    {"imx296", GAIN_DECIBEL, 10, 2, 2, 3840},
    {"imx327", GAIN_DECIBEL, 1 / 0.3f, 2, 2, 3840},
    {"imx335", GAIN_DECIBEL, 1 / 0.3f, 2, 1, 3200},
    {"imx378", GAIN_RECIPROCAL, 1024, 2, 2, 4096},
    {"imx415", GAIN_DECIBEL, 1 / 0.3f, 2, 2, 3200},
    {"imx462", GAIN_DECIBEL, 1 / 0.3f, 2, 2, 3840},
    {"imx477", GAIN_RECIPROCAL, 1024, 2, 2, 4096},
    {"imx519", GAIN_RECIPROCAL, 1024, 2, 2, 4096},
    {"imx708", GAIN_RECIPROCAL, 1024, 2, 2, 4096},
    {"ov01a10", GAIN_LINEAR, 256, 2, 1, 4096},
    {"ov13858", GAIN_LINEAR, 128, 2, 1, 0},
    {"ov2685", GAIN_LINEAR, 128, 2, 1, 0},
    {"ov2740", GAIN_LINEAR, 128, 2, 1, 0},
    {"ov4689", GAIN_LINEAR, 128, 2, 1, 1024},
    {"ov5640", GAIN_LINEAR, 16, 2, 1, 1024},
    {"ov5647", GAIN_LINEAR, 16, 2, 2, 1024},
    {"ov5670", GAIN_LINEAR, 128, 2, 1, 0},
    {"ov5675", GAIN_LINEAR, 128, 2, 1, 4096},
    {"ov5693", GAIN_LINEAR, 16, 2, 1, 0},
    {"ov64a40", GAIN_LINEAR, 128, 2, 2, 0},
    {"ov7251", GAIN_LINEAR, 16, 2, 2, 0},
    {"ov8858", GAIN_LINEAR, 128, 2, 1, 0},
    {"ov8865", GAIN_LINEAR, 128, 2, 1, 0},
    {"ov9281", GAIN_LINEAR, 16, 2, 2, 4096},
};

struct v4l2_sensor v4l2_sensor_find(const char *name, int64_t gain_code_min)
{
    for (unsigned i = 0; i < BASE_COUNT(sensors); i++) {
        if (strcmp(sensors[i].name, name) == 0)
            return sensors[i];
    }
    return (struct v4l2_sensor){.model = GAIN_LINEAR,
        .unity = gain_code_min > 0 ? (float)gain_code_min : 0,
        .exposure_delay = 2,
        .gain_delay = 1};
}

float v4l2_gain_of(const struct v4l2_sensor *sensor, int64_t code)
{
    float value = (float)code;
    switch (sensor->model) {
    case GAIN_LINEAR:
        return value / sensor->unity;
    case GAIN_RECIPROCAL:
        /* A driver's range may end where the gain does. */
        return sensor->unity / fmaxf(sensor->unity - value, 1);
    case GAIN_DECIBEL:
        return powf(10, value / sensor->unity / 20);
    }
    return 1;
}

int64_t v4l2_gain_code(const struct v4l2_sensor *sensor, float gain)
{
    switch (sensor->model) {
    case GAIN_LINEAR:
        return llrintf(gain * sensor->unity);
    case GAIN_RECIPROCAL:
        return llrintf(sensor->unity - sensor->unity / gain);
    case GAIN_DECIBEL:
        return llrintf(20 * log10f(gain) * sensor->unity);
    }
    return 0;
}
