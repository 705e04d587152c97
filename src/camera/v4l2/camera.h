/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The V4L2 camera behind <softisp/camera.h>. */
#ifndef CAMERA_V4L2_CAMERA_H
#define CAMERA_V4L2_CAMERA_H

#include "camera/v4l2/io.h"

#include <softisp/camera.h>

/** As sisp_camera_open_v4l2(), with other system calls. */
int v4l2_camera_open(struct sisp_camera **camera, const struct sisp_v4l2_params *params,
    const struct v4l2_io *io, struct v4l2_error *error);

/** As sisp_v4l2_describe(), with other system calls. */
int v4l2_describe(const char *path, const struct v4l2_io *io, char *text, size_t text_size,
    struct v4l2_error *error);

#endif
