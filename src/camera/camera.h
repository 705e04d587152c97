/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What every camera embeds as its first member, behind <softisp/camera.h>. */
#ifndef CAMERA_CAMERA_H
#define CAMERA_CAMERA_H

#include <softisp/camera.h>

struct camera_ops {
    int (*read)(struct sisp_camera *camera, uint8_t *samples);
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
};

/**
 * Format, sizes and crop of `info` from `params`, with their defaults; all else zero.
 * Returns: the format, or NULL for an unknown one or sizes outside the limits.
 */
const struct sisp_raw_format *camera_info_init(
    struct sisp_raw_info *info, const struct sisp_camera_params *params);

#endif
