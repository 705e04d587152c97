/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The source's camera: the simulated one, or a V4L2 device whose own buffers the session reads. */
#ifndef GST_SOFTISP_CAMERA_H
#define GST_SOFTISP_CAMERA_H

#include "core.h"

/* Buffers of a device; a session may keep them all. */
#define GST_SOFTISP_CAMERA_BUFFERS 6

struct gst_softisp_mode {
    const gchar *name;       /* "sim", "sim:KEY=VALUE,...", "v4l2:/dev/videoN" */
    const gchar *raw_format; /* V4L2 name; NULL: the camera's choice */
    guint width, height;     /* 0: the camera's choice */
    gint fps_num, fps_den;   /* 0/1: the camera's choice */
};

struct gst_softisp_camera {
    struct sisp_camera *camera;
    gboolean is_device;
    gint fps_num, fps_den; /* 0/1: unknown */
    guint count;           /* of the device's buffers */
    struct {
        struct sisp_buffer buffer;
        struct sisp_input input; /* samples not NULL: ours to submit */
        gint place;              /* the input's index in the session; -1: it has none yet */
    } buffers[GST_SOFTISP_CAMERA_BUFFERS];
};

/* 0, or a negative errno and one sentence. */
int gst_softisp_camera_open(struct gst_softisp_camera *camera, const struct gst_softisp_mode *mode,
    char *error, size_t error_size);
void gst_softisp_camera_close(struct gst_softisp_camera *camera);

/* What a session of this camera must be told beside the picture, whose size is there. */
void gst_softisp_camera_describe(
    const struct gst_softisp_camera *camera, struct sisp_session_params *params);

/* Frames go to a new session. */
void gst_softisp_camera_rebind(struct gst_softisp_camera *camera);

/* Hand the next frame in. 0: one result will follow; -EAGAIN: none came in time; -ENOBUFS: it came
 * and was lost; else there will be no more. */
int gst_softisp_camera_capture(
    struct gst_softisp_camera *camera, struct gst_softisp_core *core, uint64_t timeout_ns);

#endif
