/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A capture node: what it is, and the format of its frames. Both APIs, of one plane and of many,
 * look alike from here; raw frames have one plane. */
#ifndef CAMERA_V4L2_DEVICE_H
#define CAMERA_V4L2_DEVICE_H

#include "camera/v4l2/io.h"

#include <linux/videodev2.h>
#include <softisp/format.h>
#include <stdbool.h>

struct v4l2_device {
    const struct v4l2_io *io;
    int fd;          /* -1: closed */
    uint32_t type;   /* V4L2_BUF_TYPE_VIDEO_CAPTURE, or that of many planes */
    uint64_t number; /* the kernel's, which the media graph knows it by */
    char driver[17], card[33], bus[33];
};

/** How the frames lie in memory. */
struct v4l2_layout {
    const struct sisp_raw_format *format; /* NULL: none that this library knows */
    uint32_t fourcc, width, height;
    size_t stride_bytes, size_bytes; /* of a buffer; more than the rows where the driver wants it */
};

/** Open a capture node, which `path` names. 0, or a negative errno and a sentence. */
int v4l2_device_open(struct v4l2_device *device, const struct v4l2_io *io, const char *path,
    struct v4l2_error *error);

void v4l2_device_close(struct v4l2_device *device);

/** Fourcc number `index` that the node offers; false past the last one. */
bool v4l2_device_fourcc(const struct v4l2_device *device, uint32_t index, uint32_t *fourcc);

/** What the node is set to. 0 or a negative errno. */
int v4l2_device_layout(const struct v4l2_device *device, struct v4l2_layout *layout);

/** Set the node to format and size of `layout`, which becomes what the driver says then.
 * Returns: 0, -EINVAL (it took another format, or rows or buffers cannot hold the frame), or the
 * driver's own errno; with a sentence. */
int v4l2_device_set_layout(
    const struct v4l2_device *device, struct v4l2_layout *layout, struct v4l2_error *error);

/** Ask for a frame rate; *interval_ns becomes what the driver keeps, 0: it does not say.
 * num 0: only what it keeps. */
void v4l2_device_set_rate(
    const struct v4l2_device *device, uint32_t num, uint32_t den, uint64_t *interval_ns);

#endif
