/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "camera/v4l2/camera.h"
#include "base/base.h"
#include "base/format.h"
#include "camera/camera.h"
#include "camera/v4l2/controls.h"
#include "camera/v4l2/graph.h"
#include "camera/v4l2/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct v4l2_camera {
    struct sisp_camera camera;
    struct v4l2_device device;
    struct v4l2_graph graph;
    struct v4l2_layout layout;
    struct v4l2_stream stream;
    struct v4l2_controls controls;
    struct v4l2_error error;
};

static struct v4l2_camera *of(struct sisp_camera *base)
{
    return (struct v4l2_camera *)base;
}

/* ---- its calls ----------------------------------------------------------------------------- */

static int attach(struct sisp_camera *base, const struct sisp_buffer *buffers, uint32_t count)
{
    return v4l2_stream_attach(&of(base)->stream, buffers, count, &of(base)->error);
}

static int export(struct sisp_camera *base, uint32_t index, struct sisp_buffer *buffer)
{
    return v4l2_stream_export(&of(base)->stream, index, buffer, &of(base)->error);
}

static int queue(struct sisp_camera *base, uint32_t index)
{
    return v4l2_stream_queue(&of(base)->stream, index, &of(base)->error);
}

static int start(struct sisp_camera *base)
{
    return v4l2_stream_start(&of(base)->stream, &of(base)->error);
}

static void stop(struct sisp_camera *base)
{
    v4l2_stream_stop(&of(base)->stream);
}

/* A frame's stamp is of its end, or of its beginning. */
static uint64_t end_ns(const struct v4l2_camera *camera)
{
    const struct v4l2_stream *stream = &camera->stream;
    return stream->stamp_ns +
           (stream->is_stamp_start ? camera->camera.limits.frame_interval_ns : 0);
}

/* When the readout of the first row began, as far as the driver lets one know. */
static uint64_t start_ns(const struct v4l2_camera *camera)
{
    const struct v4l2_stream *stream = &camera->stream;
    uint64_t rows_ns = (uint64_t)camera->controls.line_ns * camera->layout.height;
    return stream->is_stamp_start || stream->stamp_ns < rows_ns ? stream->stamp_ns
                                                                : stream->stamp_ns - rows_ns;
}

/* What is stamped with a time to come was not. */
static uint64_t capture_ns(const struct v4l2_camera *camera)
{
    const struct v4l2_io *io = camera->device.io;
    uint64_t stamp_ns = camera->stream.stamp_ns;
    return stamp_ns <= io->now_ns(io->user) ? stamp_ns : 0;
}

/* The frame that the sensor reads out now: who dequeues late has older ones in hand. */
static uint64_t frame_now(const struct v4l2_camera *camera)
{
    const struct v4l2_stream *stream = &camera->stream;
    const struct v4l2_io *io = camera->device.io;
    uint64_t interval_ns = camera->camera.limits.frame_interval_ns;
    if (!stream->has_sequence || !stream->stamp_ns || !interval_ns)
        return stream->next;
    uint64_t now_ns = io->now_ns(io->user), ended_ns = end_ns(camera);
    return stream->next + (now_ns > ended_ns ? (now_ns - ended_ns) / interval_ns : 0);
}

static void set_controls(struct sisp_camera *base, const struct sisp_camera_controls *controls)
{
    struct v4l2_camera *camera = of(base);
    v4l2_controls_set(&camera->controls, controls, frame_now(camera));
}

static int dequeue(struct sisp_camera *base, uint32_t *index, uint64_t timeout_ns)
{
    struct v4l2_camera *camera = of(base);
    int r = v4l2_stream_dequeue(&camera->stream, index, timeout_ns, &camera->error);
    if (r && r != -EBADMSG)
        return r;
    base->frame = (struct sisp_camera_frame){
        .sequence = camera->stream.sequence,
        .start_ns = start_ns(camera),
        .capture_ns = capture_ns(camera),
    };
    base->applied = v4l2_controls_applied(&camera->controls, camera->stream.sequence);
    return r;
}

static void destroy(struct sisp_camera *base)
{
    struct v4l2_camera *camera = of(base);
    v4l2_stream_detach(&camera->stream);
    v4l2_graph_close(&camera->graph);
    v4l2_device_close(&camera->device);
    free(camera);
}

static const struct camera_ops v4l2_ops = {
    .attach = attach,
    .export = export,
    .queue = queue,
    .set_controls = set_controls,
    .start = start,
    .stop = stop,
    .dequeue = dequeue,
    .destroy = destroy,
};

/* ---- opening ------------------------------------------------------------------------------- */

/* Ten bits are what most sensors have to say; words are read faster than packed bits. */
static unsigned rank(const struct sisp_raw_format *format)
{
    static const uint8_t bits[] = {10, 12, 14, 16, 8};
    unsigned place = 0;
    while (bits[place] != format->bits)
        place++;
    return 4 * place + (format->packing != SISP_PACKING_16) + 2 * format->is_mono;
}

/* Whether the sensor, where there is one, sends what the node would put into memory. */
static bool is_sent(const struct v4l2_camera *camera, const struct sisp_raw_format *format)
{
    return v4l2_graph_has_code(&camera->graph, v4l2_bus_code(format));
}

static const struct sisp_raw_format *best_format(const struct v4l2_camera *camera)
{
    const struct sisp_raw_format *best = NULL;
    uint32_t fourcc;
    for (uint32_t i = 0; i < 256 && v4l2_device_fourcc(&camera->device, i, &fourcc); i++) {
        const struct sisp_raw_format *format = base_raw_format(fourcc);
        if (format && (!best || rank(format) < rank(best)) && is_sent(camera, format))
            best = format;
    }
    return best;
}

static int choose_format(struct v4l2_camera *camera, const struct sisp_v4l2_params *params)
{
    struct v4l2_layout *layout = &camera->layout;
    if (params->raw_format) {
        layout->format = sisp_raw_format_find(params->raw_format);
        if (!layout->format)
            return v4l2_fail(&camera->error, -EINVAL, "'%s' is no raw format", params->raw_format);
        if (!is_sent(camera, layout->format))
            return v4l2_fail(&camera->error, -EINVAL, "the sensor '%s' has no %s",
                camera->graph.sensor, layout->format->name);
    } else if (!layout->format || !is_sent(camera, layout->format)) {
        layout->format = best_format(camera);
    }
    if (!layout->format)
        return v4l2_fail(&camera->error, -ENOTSUP, "%s has no raw format", params->device);
    layout->fourcc = layout->format->fourcc;
    return 0;
}

static int choose(struct v4l2_camera *camera, const struct sisp_v4l2_params *params)
{
    struct v4l2_layout *layout = &camera->layout;
    struct v4l2_mbus_framefmt sensor;
    int r = v4l2_device_layout(&camera->device, layout);
    if (r)
        return v4l2_fail(
            &camera->error, r, "%s: it says no format: %s", params->device, strerror(-r));
    if (camera->graph.sensor_fd >= 0 && v4l2_graph_sensor_format(&camera->graph, &sensor) == 0) {
        layout->width = sensor.width;
        layout->height = sensor.height;
    }
    if (params->width)
        layout->width = params->width;
    if (params->height)
        layout->height = params->height;
    return choose_format(camera, params);
}

static int set_formats(struct v4l2_camera *camera)
{
    const struct v4l2_layout *layout = &camera->layout;
    int r = 0;
    if (camera->graph.sensor_fd >= 0)
        r = v4l2_graph_set(&camera->graph, v4l2_bus_code(layout->format), layout->width,
            layout->height, &camera->error);
    /* Nodes for reading only: the driver hands on itself what its video node is set to. */
    if (r == -EPERM) {
        r = 0;
        camera->error.text[0] = '\0';
    }
    return r ? r : v4l2_device_set_layout(&camera->device, &camera->layout, &camera->error);
}

static int levels_do_not_fit(struct v4l2_camera *camera)
{
    return v4l2_fail(&camera->error, -EINVAL, "black level, white level or dark edge do not fit %s",
        camera->layout.format->name);
}

static int describe(struct v4l2_camera *camera, const struct sisp_v4l2_params *params)
{
    const struct v4l2_layout *layout = &camera->layout;
    const struct sisp_camera_params same = {
        .width = layout->width,
        .height = layout->height,
        .raw_format = layout->format->name,
        .stride_bytes = layout->stride_bytes,
        .black_count = params->black_count,
        .black_level = {params->black_level[0], params->black_level[1], params->black_level[2],
            params->black_level[3]},
        .white_level = params->white_level,
        .dark = params->dark,
    };
    struct sisp_raw_info *info = &camera->camera.info;
    if (!camera_info_init(info, &same))
        return v4l2_fail(&camera->error, -EINVAL, "frames of %ux%u: sides are even, 64 to 8192",
            layout->width, layout->height);
    return camera_info_layout(info, &same) ? levels_do_not_fit(camera) : 0;
}

/* Either the node keeps a rate, or the sensor's blanking makes it. */
static void set_rate(struct v4l2_camera *camera, const struct sisp_v4l2_params *params)
{
    const struct v4l2_readout readout = {
        camera->layout.width, camera->layout.height, params->fps_num, params->fps_den};
    uint64_t interval_ns;
    v4l2_device_set_rate(&camera->device, params->fps_num, params->fps_den, &interval_ns);
    camera->controls.io = camera->device.io;
    camera->controls.fd =
        camera->graph.sensor_fd >= 0 ? camera->graph.sensor_fd : camera->device.fd;
    v4l2_controls_init(&camera->controls, camera->graph.sensor, &readout);
    camera->camera.limits = v4l2_controls_limits(&camera->controls);
    camera->camera.limits.frame_interval_ns =
        camera->controls.interval_ns ? camera->controls.interval_ns : interval_ns;
}

/* No driver tells it; the data sheet does. */
static int set_black(struct v4l2_camera *camera, const struct sisp_v4l2_params *params)
{
    struct sisp_raw_info *info = &camera->camera.info;
    float scale = (float)(1u << camera->layout.format->bits) / 65536;
    for (unsigned i = 0; !params->black_count && i < SISP_SITE_COUNT; i++)
        info->black_level[i] = camera->controls.sensor.black * scale;
    return info->black_level[0] < info->white_level ? 0 : levels_do_not_fit(camera);
}

static int set_up(struct v4l2_camera *camera, const struct sisp_v4l2_params *params)
{
    int r = v4l2_graph_open(&camera->graph, &camera->device, &camera->error);
    if (r == 0)
        r = choose(camera, params);
    if (r == 0)
        r = set_formats(camera);
    if (r == 0)
        r = describe(camera, params);
    if (r)
        return r;
    set_rate(camera, params);
    r = set_black(camera, params);
    if (r)
        return r;
    camera->stream = (struct v4l2_stream){
        .device = &camera->device,
        .frame_bytes = sisp_raw_info_size_bytes(&camera->camera.info),
        .buffer_bytes = camera->layout.size_bytes,
    };
    return 0;
}

int v4l2_camera_open(struct sisp_camera **out, const struct sisp_v4l2_params *params,
    const struct v4l2_io *io, struct v4l2_error *error)
{
    *out = NULL;
    if (!params->device || !*params->device)
        return v4l2_fail(error, -EINVAL, "no device is named");
    struct v4l2_camera *camera = calloc(1, sizeof(*camera));
    if (!camera)
        return v4l2_fail(error, -ENOMEM, "not enough memory");
    camera->camera.ops = &v4l2_ops;
    camera->graph = (struct v4l2_graph){.media_fd = -1, .sensor_fd = -1};
    int r = v4l2_device_open(&camera->device, io, params->device, &camera->error);
    if (r == 0)
        r = set_up(camera, params);
    if (r) {
        *error = camera->error;
        v4l2_graph_close(&camera->graph);
        v4l2_device_close(&camera->device);
        free(camera);
        return r;
    }
    camera->camera.error = camera->error.text;
    camera->camera.sensor = camera->graph.sensor;
    *out = &camera->camera;
    return 0;
}

int sisp_camera_open_v4l2(
    struct sisp_camera **out, const struct sisp_v4l2_params *params, char *error, size_t error_size)
{
    struct v4l2_error sentence = {.text = ""};
    int r = v4l2_camera_open(out, params, &v4l2_system, &sentence);
    if (r && error)
        snprintf(error, error_size, "%s", sentence.text);
    return r;
}
