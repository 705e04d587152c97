/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What softisp info says of a V4L2 device. Nothing is set: somebody may be streaming from it. */
#include "base/base.h"
#include "base/format.h"
#include "camera/v4l2/camera.h"
#include "camera/v4l2/controls.h"
#include "camera/v4l2/graph.h"

#include <softisp/buffer.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SIZES_SHOWN 12

struct text {
    char *at;
    size_t left;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text->at, text->left, format, arguments);
    va_end(arguments);
    size_t room = text->left ? text->left - 1 : 0;
    size_t taken = length < 0 ? 0 : base_min_size((size_t)length, room);
    text->at += taken;
    text->left -= taken;
}

static void add_node(struct text *text, const char *path, const struct v4l2_device *device)
{
    bool is_many = device->type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
    add(text, "%s: %s, driver %s, at %s%s\n", path, device->card, device->driver, device->bus,
        is_many ? ", by the multi-planar API" : "");
}

static void add_layout(struct text *text, const struct v4l2_device *device)
{
    struct v4l2_layout layout;
    uint64_t interval_ns;
    if (v4l2_device_layout(device, &layout))
        return;
    add(text, "set to: %ux%u, ", layout.width, layout.height);
    if (layout.format)
        add(text, "%s, rows of %zu bytes", layout.format->name, layout.stride_bytes);
    else
        add(text, "'%.4s', which is not raw", (const char *)&layout.fourcc);
    v4l2_device_set_rate(device, 0, 0, &interval_ns);
    if (interval_ns)
        add(text, ", %.4g frames a second", 1e9 / (double)interval_ns);
    add(text, "\n");
}

static void add_sizes(struct text *text, const struct v4l2_device *device, uint32_t fourcc)
{
    struct v4l2_frmsizeenum size = {.pixel_format = fourcc};
    for (; size.index < SIZES_SHOWN; size.index++) {
        if (v4l2_call(device->io, device->fd, VIDIOC_ENUM_FRAMESIZES, &size))
            return;
        if (size.type != V4L2_FRMSIZE_TYPE_DISCRETE) {
            add(text, " %ux%u to %ux%u", size.stepwise.min_width, size.stepwise.min_height,
                size.stepwise.max_width, size.stepwise.max_height);
            return;
        }
        add(text, " %ux%u", size.discrete.width, size.discrete.height);
    }
    add(text, " ...");
}

static void add_formats(
    struct text *text, const struct v4l2_device *device, const struct v4l2_graph *graph)
{
    uint32_t fourcc, others = 0, raw = 0;
    for (uint32_t i = 0; i < 256 && v4l2_device_fourcc(device, i, &fourcc); i++) {
        const struct sisp_raw_format *format = base_raw_format(fourcc);
        if (!format || !v4l2_graph_has_code(graph, v4l2_bus_code(format))) {
            others++;
            continue;
        }
        add(text, "raw format: %s", format->name);
        add_sizes(text, device, fourcc);
        add(text, "\n");
        raw++;
    }
    if (!raw)
        add(text, "raw formats: none; softisp cannot use this device\n");
    if (others)
        add(text, "other formats: %u, of no use here\n", others);
}

/* Asked for no buffers, the kernel still says what it could do. */
static void add_memories(struct text *text, const struct v4l2_device *device)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } kinds[] = {{V4L2_BUF_CAP_SUPPORTS_MMAP, "mmap"}, {V4L2_BUF_CAP_SUPPORTS_USERPTR, "userptr"},
        {V4L2_BUF_CAP_SUPPORTS_DMABUF, "dmabuf"}};
    struct v4l2_create_buffers request = {
        .count = 0, .memory = V4L2_MEMORY_MMAP, .format = {.type = device->type}};
    if (v4l2_call(device->io, device->fd, VIDIOC_G_FMT, &request.format) ||
        v4l2_call(device->io, device->fd, VIDIOC_CREATE_BUFS, &request) || !request.capabilities)
        return;
    add(text, "buffers:");
    for (unsigned i = 0; i < 3; i++) {
        if (request.capabilities & kinds[i].bit)
            add(text, " %s", kinds[i].name);
    }
    add(text, "\n");
}

static void add_graph(struct text *text, const struct v4l2_graph *graph)
{
    struct v4l2_mbus_framefmt format;
    if (graph->media_fd < 0) {
        add(text, "media graph: none; the driver sets the sensor itself\n");
        return;
    }
    add(text, "media graph: %s:", graph->media_path);
    for (uint32_t i = 0; i <= graph->path_count; i++)
        add(text, "%s '%s'", i ? " ->" : "", v4l2_graph_name(graph, i));
    add(text, "\nsensor: %s", graph->sensor);
    if (v4l2_graph_sensor_format(graph, &format) == 0)
        add(text, ", set to %ux%u, media bus code 0x%04x", format.width, format.height,
            format.code);
    add(text, "\n");
}

static void add_controls(
    struct text *text, const struct v4l2_device *device, const struct v4l2_graph *graph)
{
    struct v4l2_layout layout = {0};
    struct v4l2_controls controls = {
        .io = device->io, .fd = graph->sensor_fd >= 0 ? graph->sensor_fd : device->fd};
    (void)v4l2_device_layout(device, &layout);
    const struct v4l2_readout readout = {.width = layout.width, .height = layout.height};
    v4l2_controls_find(&controls, graph->sensor, &readout);
    struct sisp_camera_limits limits = v4l2_controls_limits(&controls);
    if (!controls.exposure.id) {
        add(text, "exposure and gain: no controls whose units are known\n");
        return;
    }
    add(text, "exposure: %.6g to %.6g us", (double)limits.exposure_us_min,
        (double)limits.exposure_us_max);
    if (limits.line_ns)
        add(text, ", in lines of %u ns", limits.line_ns);
    add(text, "; in force from the frame %u on\n", limits.exposure_delay_frames);
    if (controls.gain.id)
        add(text, "gain: %.4g to %.4g (%s); in force from the frame %u on\n",
            (double)limits.analogue_gain_min, (double)limits.analogue_gain_max,
            controls.sensor.name ? "the sensor is known" : "multiples of the least code",
            limits.gain_delay_frames);
    else
        add(text, "gain: no control whose codes are known\n");
}

int v4l2_describe(const char *path, const struct v4l2_io *io, char *text, size_t text_size,
    struct v4l2_error *error)
{
    struct v4l2_device device;
    struct v4l2_graph graph;
    struct text out = {text, text_size};
    int r = v4l2_device_open(&device, io, path, error);
    if (r)
        return r;
    add_node(&out, path, &device);
    r = v4l2_graph_open(&graph, &device, error);
    if (r == 0) {
        add_graph(&out, &graph);
        add_layout(&out, &device);
        add_formats(&out, &device, &graph);
        add_memories(&out, &device);
        add_controls(&out, &device, &graph);
        v4l2_graph_close(&graph);
    }
    v4l2_device_close(&device);
    return r;
}

int sisp_v4l2_describe(
    const char *device, char *text, size_t text_size, char *error, size_t error_size)
{
    struct v4l2_error sentence = {.text = ""};
    int r = v4l2_describe(device, &v4l2_system, text, text_size, &sentence);
    if (r && error)
        snprintf(error, error_size, "%s", sentence.text);
    return r;
}
