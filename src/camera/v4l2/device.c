/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "camera/v4l2/device.h"
#include "base/base.h"
#include "base/format.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Names in the kernel's answers need not end. */
static void copy_name(char *to, const void *from, size_t size)
{
    memcpy(to, from, size);
    to[size] = '\0';
}

static int take_capabilities(struct v4l2_device *device, const char *path, struct v4l2_error *error)
{
    struct v4l2_capability capability = {0};
    int r = v4l2_call(device->io, device->fd, VIDIOC_QUERYCAP, &capability);
    if (r)
        return v4l2_fail(error, -ENOTTY, "%s is not a V4L2 device", path);
    uint32_t caps = capability.capabilities & V4L2_CAP_DEVICE_CAPS ? capability.device_caps
                                                                   : capability.capabilities;
    copy_name(device->driver, capability.driver, sizeof(capability.driver));
    copy_name(device->card, capability.card, sizeof(capability.card));
    copy_name(device->bus, capability.bus_info, sizeof(capability.bus_info));
    if (!(caps & (V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_VIDEO_CAPTURE_MPLANE)))
        return v4l2_fail(error, -ENOTSUP, "%s (%s) does not capture video", path, device->card);
    if (!(caps & V4L2_CAP_STREAMING))
        return v4l2_fail(
            error, -ENOTSUP, "%s (%s) does not stream into buffers", path, device->card);
    device->type = caps & V4L2_CAP_VIDEO_CAPTURE ? V4L2_BUF_TYPE_VIDEO_CAPTURE
                                                 : V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
    return 0;
}

int v4l2_device_open(struct v4l2_device *device, const struct v4l2_io *io, const char *path,
    struct v4l2_error *error)
{
    *device = (struct v4l2_device){.io = io, .fd = -1};
    int r = io->number(io->user, path, &device->number);
    if (r == -ENODEV)
        return v4l2_fail(error, r, "%s is not a device", path);
    if (r == 0)
        device->fd = io->open(io->user, path);
    if (r || device->fd < 0)
        return v4l2_fail(error, r ? r : device->fd, "%s: %s", path, strerror(r ? -r : -device->fd));
    r = take_capabilities(device, path, error);
    if (r)
        v4l2_device_close(device);
    return r;
}

void v4l2_device_close(struct v4l2_device *device)
{
    if (device->fd >= 0)
        device->io->close(device->io->user, device->fd);
    device->fd = -1;
}

bool v4l2_device_fourcc(const struct v4l2_device *device, uint32_t index, uint32_t *fourcc)
{
    struct v4l2_fmtdesc entry = {.index = index, .type = device->type};
    if (v4l2_call(device->io, device->fd, VIDIOC_ENUM_FMT, &entry))
        return false;
    *fourcc = entry.pixelformat;
    return true;
}

/** False: more planes than a raw frame has. */
static bool take_layout(const struct v4l2_format *format, struct v4l2_layout *layout)
{
    bool is_many = format->type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
    const struct v4l2_pix_format *pix = &format->fmt.pix;
    const struct v4l2_pix_format_mplane *many = &format->fmt.pix_mp;
    *layout = (struct v4l2_layout){
        .fourcc = is_many ? many->pixelformat : pix->pixelformat,
        .width = is_many ? many->width : pix->width,
        .height = is_many ? many->height : pix->height,
        .stride_bytes = is_many ? many->plane_fmt[0].bytesperline : pix->bytesperline,
        .size_bytes = is_many ? many->plane_fmt[0].sizeimage : pix->sizeimage,
    };
    layout->format = base_raw_format(layout->fourcc);
    return !is_many || many->num_planes == 1;
}

int v4l2_device_layout(const struct v4l2_device *device, struct v4l2_layout *layout)
{
    struct v4l2_format format = {.type = device->type};
    int r = v4l2_call(device->io, device->fd, VIDIOC_G_FMT, &format);
    if (r == 0 && !take_layout(&format, layout))
        layout->format = NULL;
    return r;
}

static struct v4l2_format wish(const struct v4l2_device *device, const struct v4l2_layout *layout)
{
    struct v4l2_format format = {.type = device->type};
    if (device->type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE)
        format.fmt.pix_mp = (struct v4l2_pix_format_mplane){.width = layout->width,
            .height = layout->height,
            .pixelformat = layout->fourcc,
            .field = V4L2_FIELD_NONE,
            .num_planes = 1};
    else
        format.fmt.pix = (struct v4l2_pix_format){.width = layout->width,
            .height = layout->height,
            .pixelformat = layout->fourcc,
            .field = V4L2_FIELD_NONE};
    return format;
}

/* Drivers are believed in what can be checked only. */
static int check_layout(const struct v4l2_layout *layout, struct v4l2_error *error)
{
    size_t row_bytes = sisp_raw_row_bytes(layout->format->packing, layout->width), rows_bytes;
    if (layout->stride_bytes < row_bytes || layout->stride_bytes > INT32_MAX)
        return v4l2_fail(error, -EINVAL,
            "the driver says rows of %zu bytes, but %u samples of %s take %zu",
            layout->stride_bytes, layout->width, layout->format->name, row_bytes);
    if (!base_mul_size(layout->stride_bytes, layout->height, &rows_bytes) ||
        layout->size_bytes < rows_bytes)
        return v4l2_fail(error, -EINVAL,
            "the driver says buffers of %zu bytes, but %u rows of %zu take more",
            layout->size_bytes, layout->height, layout->stride_bytes);
    return 0;
}

int v4l2_device_set_layout(
    const struct v4l2_device *device, struct v4l2_layout *layout, struct v4l2_error *error)
{
    const struct v4l2_layout asked = *layout;
    struct v4l2_format format = wish(device, &asked);
    int r = v4l2_call(device->io, device->fd, VIDIOC_S_FMT, &format);
    if (r == -EBUSY)
        return v4l2_fail(error, r, "the device is in use by another program");
    if (r)
        return v4l2_fail(error, r, "the driver refuses %s: %s", asked.format->name, strerror(-r));
    if (!take_layout(&format, layout))
        return v4l2_fail(error, -ENOTSUP, "the driver spreads a frame over several planes");
    if (layout->fourcc != asked.fourcc)
        return v4l2_fail(error, -EINVAL, "the device has no %s", asked.format->name);
    if (layout->width != asked.width || layout->height != asked.height)
        return v4l2_fail(error, -EINVAL, "the device has no frames of %ux%u; the nearest is %ux%u",
            asked.width, asked.height, layout->width, layout->height);
    return check_layout(layout, error);
}

void v4l2_device_set_rate(
    const struct v4l2_device *device, uint32_t num, uint32_t den, uint64_t *interval_ns)
{
    struct v4l2_streamparm parm = {.type = device->type};
    struct v4l2_captureparm *capture = &parm.parm.capture;
    *interval_ns = 0;
    if (v4l2_call(device->io, device->fd, VIDIOC_G_PARM, &parm))
        return;
    if (num && den && capture->capability & V4L2_CAP_TIMEPERFRAME) {
        capture->timeperframe = (struct v4l2_fract){den, num};
        if (v4l2_call(device->io, device->fd, VIDIOC_S_PARM, &parm))
            return;
    }
    const struct v4l2_fract *interval = &capture->timeperframe;
    if (interval->numerator && interval->denominator)
        *interval_ns = (uint64_t)interval->numerator * 1000000000 / interval->denominator;
}
