/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What every camera embeds as its first member, behind <softisp/camera.h>. */
#ifndef CAMERA_CAMERA_H
#define CAMERA_CAMERA_H

#include <softisp/camera.h>

/* A camera either is read from, or fills buffers. */
struct camera_ops {
    int (*read)(struct sisp_camera *camera, uint8_t *samples);
    int (*attach)(struct sisp_camera *camera, const struct sisp_buffer *buffers, uint32_t count);
    int (*export)(struct sisp_camera *camera, uint32_t index, struct sisp_buffer *buffer);
    int (*queue)(struct sisp_camera *camera, uint32_t index);
    int (*start)(struct sisp_camera *camera);
    void (*stop)(struct sisp_camera *camera);
    int (*dequeue)(struct sisp_camera *camera, uint32_t *index, uint64_t timeout_ns);
    /* `controls` are within the limits; NULL where there is nothing to control. */
    void (*set_controls)(struct sisp_camera *camera, const struct sisp_camera_controls *controls);
    void (*destroy)(struct sisp_camera *camera);
};

struct sisp_camera {
    const struct camera_ops *ops;
    struct sisp_raw_info info;
    struct sisp_camera_limits limits;
    struct sisp_camera_controls applied;
    struct sisp_camera_frame frame; /* the last one */
    uint64_t next;                  /* sequence of the next one */
    const char *sensor;             /* its name; NULL: unknown */
    const char *error;              /* the last sentence; NULL: it says none */
};

/**
 * Format, sizes and crop of `info` from `params`, with their defaults; all else zero.
 * Returns: the format, or NULL for an unknown one or sizes outside the limits.
 */
const struct sisp_raw_format *camera_info_init(
    struct sisp_raw_info *info, const struct sisp_camera_params *params);

/** Row stride and levels of `params` into `info`, which camera_info_init() made of them. 0, or
 * -EINVAL: they do not fit. */
int camera_info_layout(struct sisp_raw_info *info, const struct sisp_camera_params *params);

#endif
