/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "camera/sim/control.h"
#include "camera/sim/sensor.h"

#define LINE_NS         10000
#define EXPOSURE_MIN_NS 100000
#define START_US        10000
#define GAIN_MAX        16
#define UNITY           1024 /* of reciprocal codes */
#define LINEAR_STEPS    16

static float exposure_of(const struct control *control, uint32_t lines)
{
    return (float)((double)lines * control->line_ns / 1000);
}

static float nearest_exposure(const struct control *control, float exposure_us)
{
    double lines = (double)exposure_us * 1000 / control->line_ns + 0.5;
    if (lines < control->lines_min)
        lines = control->lines_min;
    if (lines > control->lines_max)
        lines = control->lines_max;
    return exposure_of(control, (uint32_t)lines);
}

static float nearest_gain(const struct control *control, float gain)
{
    if (control->is_linear)
        return (float)(int)(gain * LINEAR_STEPS + 0.5f) / LINEAR_STEPS;
    int below_unity = (int)(UNITY / gain + 0.5f); /* 1024 - code */
    return UNITY / (float)below_unity;
}

bool control_init(
    struct control *control, const struct sim_options *options, uint32_t height, double interval_us)
{
    double row_ns = interval_us * 1000 / height, line_ns = options->line_us * 1000;
    if (line_ns > row_ns)
        return false;
    if (line_ns < 1)
        line_ns = row_ns < LINE_NS ? row_ns : LINE_NS;
    double longest_us = interval_us < SENSOR_EXPOSURE_MAX_US ? interval_us : SENSOR_EXPOSURE_MAX_US;
    *control = (struct control){
        .line_ns = (uint32_t)line_ns,
        .is_linear = options->gains == 1,
        .exposure_delay = options->exposure_delay,
        .gain_delay = options->gain_delay,
    };
    control->lines_max = (uint32_t)(longest_us * 1000 / control->line_ns);
    control->lines_min = (EXPOSURE_MIN_NS + control->line_ns - 1) / control->line_ns;
    if (control->lines_min > control->lines_max)
        control->lines_min = control->lines_max;
    control_request(control, &(struct sisp_camera_controls){START_US, 1});
    for (unsigned i = 0; i < CONTROL_HISTORY; i++)
        control->asked[i] = control->requested;
    return true;
}

struct sisp_camera_limits control_limits(const struct control *control)
{
    unsigned exposure = control->exposure_delay, gain = control->gain_delay;
    return (struct sisp_camera_limits){
        .exposure_us_min = exposure_of(control, control->lines_min),
        .exposure_us_max = exposure_of(control, control->lines_max),
        .analogue_gain_min = 1,
        .analogue_gain_max = GAIN_MAX,
        .delay_frames = exposure > gain ? exposure : gain,
        .exposure_delay_frames = exposure,
        .gain_delay_frames = gain,
        .line_ns = control->line_ns,
    };
}

void control_request(struct control *control, const struct sisp_camera_controls *controls)
{
    control->requested = (struct sisp_camera_controls){
        nearest_exposure(control, controls->exposure_us),
        nearest_gain(control, controls->analogue_gain),
    };
}

struct sisp_camera_controls control_frame(struct control *control, uint64_t frame)
{
    /* A delay of one frame is the frame now to come, the first after the request. */
    uint64_t exposed = frame - (control->exposure_delay - 1);
    uint64_t amplified = frame - (control->gain_delay - 1);
    control->asked[frame % CONTROL_HISTORY] = control->requested;
    return (struct sisp_camera_controls){
        control->asked[exposed % CONTROL_HISTORY].exposure_us,
        control->asked[amplified % CONTROL_HISTORY].analogue_gain,
    };
}
