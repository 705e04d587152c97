/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "camera/v4l2/controls.h"

#include <linux/videodev2.h>
#include <math.h>

#define UVC_UNIT_NS 100000 /* of V4L2_CID_EXPOSURE_ABSOLUTE */

/* ---- one control --------------------------------------------------------------------------- */

static int transfer(
    const struct v4l2_controls *c, unsigned long request, struct v4l2_ext_control *list, uint32_t n)
{
    struct v4l2_ext_controls all = {.which = V4L2_CTRL_WHICH_CUR_VAL, .count = n, .controls = list};
    return v4l2_call(c->io, c->fd, request, &all);
}

static bool is_wide(uint32_t id)
{
    return id == V4L2_CID_PIXEL_RATE;
}

static bool get(const struct v4l2_controls *c, struct v4l2_range *control)
{
    struct v4l2_ext_control one = {.id = control->id};
    if (transfer(c, VIDIOC_G_EXT_CTRLS, &one, 1))
        return false;
    control->value = is_wide(control->id) ? one.value64 : one.value;
    return true;
}

/* All but the pixel rate are written and read as 32 bits. */
static bool is_range(const struct v4l2_query_ext_ctrl *query)
{
    return query->minimum <= query->maximum &&
           (is_wide(query->id) || (query->minimum >= INT32_MIN && query->maximum <= INT32_MAX));
}

/* Range and value; id stays 0 if the device has it not, or has it switched off for good. */
static bool find(const struct v4l2_controls *c, uint32_t id, struct v4l2_range *control)
{
    struct v4l2_query_ext_ctrl query = {.id = id};
    *control = (struct v4l2_range){0};
    if (v4l2_call(c->io, c->fd, VIDIOC_QUERY_EXT_CTRL, &query) ||
        query.flags & V4L2_CTRL_FLAG_DISABLED || !is_range(&query))
        return false;
    *control = (struct v4l2_range){
        .id = id,
        .min = query.minimum,
        .max = query.maximum,
        .step = query.step && query.step <= INT32_MAX ? (int64_t)query.step : 1,
    };
    if (get(c, control))
        return true;
    control->id = 0;
    return false;
}

/* The nearest value of the control's grid. */
static int64_t on_grid(const struct v4l2_range *control, int64_t value)
{
    if (value < control->min)
        return control->min;
    int64_t steps = (value - control->min + control->step / 2) / control->step;
    int64_t last = (control->max - control->min) / control->step;
    return control->min + (steps < last ? steps : last) * control->step;
}

static void put(const struct v4l2_controls *c, uint32_t id, int64_t value)
{
    struct v4l2_range control;
    if (!find(c, id, &control) || control.value == value)
        return;
    struct v4l2_ext_control one = {.id = id, .value = (int32_t)on_grid(&control, value)};
    (void)transfer(c, VIDIOC_S_EXT_CTRLS, &one, 1);
}

/* ---- finding ------------------------------------------------------------------------------- */

/* Vertical blanking is the frame's length: with it the rate is set, and the range of exposures. */
static void set_blanking(struct v4l2_controls *c, const struct v4l2_readout *readout)
{
    struct v4l2_range rate, horizontal, vertical;
    if (!find(c, V4L2_CID_PIXEL_RATE, &rate) || !find(c, V4L2_CID_HBLANK, &horizontal) ||
        rate.value <= 0 || horizontal.value < 0)
        return;
    double line_ns = ((double)readout->width + (double)horizontal.value) * 1e9 / (double)rate.value;
    if (!(line_ns >= 1 && line_ns <= 1e8))
        return;
    c->line_ns = (uint32_t)(line_ns + 0.5);
    c->exposure_unit_ns = line_ns;
    if (!find(c, V4L2_CID_VBLANK, &vertical))
        return;
    if (readout->fps_num && readout->fps_den) {
        double lines = 1e9 * readout->fps_den / readout->fps_num / line_ns;
        put(c, V4L2_CID_VBLANK, (int64_t)(lines + 0.5) - readout->height);
        (void)get(c, &vertical);
    }
    if (vertical.value >= 0)
        c->interval_ns = (uint64_t)(line_ns * (double)(readout->height + vertical.value) + 0.5);
}

static void find_exposure(struct v4l2_controls *c)
{
    if (!c->line_ns || !find(c, V4L2_CID_EXPOSURE, &c->exposure)) {
        c->exposure_unit_ns = UVC_UNIT_NS;
        (void)find(c, V4L2_CID_EXPOSURE_ABSOLUTE, &c->exposure);
    }
    if (c->exposure.max < 1)
        c->exposure.id = 0;
    /* No exposure is none that automatic control could multiply. */
    if (c->exposure.min < 1)
        c->exposure.min = 1;
}

static void find_gain(struct v4l2_controls *c, const char *sensor_name)
{
    if (!find(c, V4L2_CID_ANALOGUE_GAIN, &c->gain))
        (void)find(c, V4L2_CID_GAIN, &c->gain);
    c->sensor = v4l2_sensor_find(sensor_name, c->gain.id ? c->gain.min : 0);
    if (c->sensor.unity == 0)
        c->gain.id = 0; /* what its codes mean is anybody's guess */
    if (c->gain.id && !(v4l2_gain_of(&c->sensor, c->gain.min) >= 1))
        c->gain.min = on_grid(&c->gain, v4l2_gain_code(&c->sensor, 1));
}

static float exposure_us(const struct v4l2_controls *c, int64_t code)
{
    return (float)((double)code * c->exposure_unit_ns / 1000);
}

static float gain_of(const struct v4l2_controls *c, int64_t code)
{
    return c->gain.id ? v4l2_gain_of(&c->sensor, code) : 1;
}

static void note(struct v4l2_history *history, uint64_t sequence, float value)
{
    history->written[history->count++ % CONTROLS_HISTORY] = (struct v4l2_written){sequence, value};
}

void v4l2_controls_find(
    struct v4l2_controls *controls, const char *sensor_name, const struct v4l2_readout *readout)
{
    const struct v4l2_io *io = controls->io;
    *controls = (struct v4l2_controls){.io = io, .fd = controls->fd};
    set_blanking(controls, readout);
    find_exposure(controls);
    find_gain(controls, sensor_name);
    if (!controls->exposure.id)
        return;
    note(&controls->exposures, 0, exposure_us(controls, controls->exposure.value));
    note(&controls->gains, 0, gain_of(controls, controls->gain.value));
}

void v4l2_controls_init(
    struct v4l2_controls *controls, const char *sensor_name, const struct v4l2_readout *readout)
{
    put(controls, V4L2_CID_EXPOSURE_AUTO, V4L2_EXPOSURE_MANUAL);
    put(controls, V4L2_CID_EXPOSURE_AUTO_PRIORITY, 0); /* an exposure may not lengthen frames */
    put(controls, V4L2_CID_AUTOGAIN, 0);
    v4l2_controls_find(controls, sensor_name, readout);
}

struct sisp_camera_limits v4l2_controls_limits(const struct v4l2_controls *controls)
{
    const struct v4l2_controls *c = controls;
    /* A frame's readout begins while the write is under way at the earliest. */
    unsigned exposure = c->sensor.exposure_delay + 1u, gain = c->sensor.gain_delay + 1u;
    struct sisp_camera_limits limits = {.line_ns = c->line_ns};
    if (!c->exposure.id)
        return limits;
    limits.exposure_us_min = exposure_us(c, c->exposure.min);
    limits.exposure_us_max = exposure_us(c, c->exposure.max);
    limits.analogue_gain_min = gain_of(c, c->gain.min);
    limits.analogue_gain_max = gain_of(c, c->gain.max);
    limits.delay_frames = exposure > gain ? exposure : gain;
    limits.exposure_delay_frames = exposure;
    limits.gain_delay_frames = gain;
    return limits;
}

/* ---- writing ------------------------------------------------------------------------------- */

void v4l2_controls_set(
    struct v4l2_controls *controls, const struct sisp_camera_controls *wanted, uint64_t frame)
{
    struct v4l2_controls *c = controls;
    if (!c->exposure.id)
        return;
    int64_t lines =
        on_grid(&c->exposure, llrint((double)wanted->exposure_us * 1000 / c->exposure_unit_ns));
    int64_t code =
        c->gain.id ? on_grid(&c->gain, v4l2_gain_code(&c->sensor, wanted->analogue_gain)) : 0;
    struct v4l2_ext_control list[] = {
        {.id = c->exposure.id, .value = (int32_t)lines},
        {.id = c->gain.id, .value = (int32_t)code},
    };
    if (transfer(c, VIDIOC_S_EXT_CTRLS, list, c->gain.id ? 2 : 1))
        return;
    if (lines != c->exposure.value)
        note(&c->exposures, frame ? frame + c->sensor.exposure_delay : 0, exposure_us(c, lines));
    if (c->gain.id && code != c->gain.value)
        note(&c->gains, frame ? frame + c->sensor.gain_delay : 0, gain_of(c, code));
    c->exposure.value = lines;
    c->gain.value = code;
}

static float shown(const struct v4l2_history *history, uint64_t sequence)
{
    float value = 0;
    for (uint32_t i = 0; i < CONTROLS_HISTORY && i < history->count; i++) {
        const struct v4l2_written *written =
            &history->written[(history->count - 1 - i) % CONTROLS_HISTORY];
        value = written->value;
        if (written->sequence <= sequence)
            break;
    }
    return value;
}

struct sisp_camera_controls v4l2_controls_applied(
    const struct v4l2_controls *controls, uint64_t sequence)
{
    return (struct sisp_camera_controls){
        shown(&controls->exposures, sequence), shown(&controls->gains, sequence)};
}
