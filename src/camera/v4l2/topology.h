/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A media device's entities, pads and links, and the way from a sensor to a video node. */
#ifndef CAMERA_V4L2_TOPOLOGY_H
#define CAMERA_V4L2_TOPOLOGY_H

#include "camera/v4l2/io.h"

#include <linux/media.h>
#include <stdbool.h>

#define TOPOLOGY_MAX   512 /* of each kind; boards have some dozens */
#define PATH_MAX_LINKS 16

struct v4l2_topology {
    uint32_t entity_count, interface_count, pad_count, link_count;
    struct media_v2_entity *entities;
    struct media_v2_interface *interfaces;
    struct media_v2_pad *pads;
    struct media_v2_link *links;
};

/** Read it off a media device. Returns: 0, -E2BIG, -ENOMEM, errno of the driver. */
int v4l2_topology_read(struct v4l2_topology *topology, const struct v4l2_io *io, int fd);

void v4l2_topology_finish(struct v4l2_topology *topology);

/** The entity of a device node with that number, or NULL. */
const struct media_v2_entity *v4l2_topology_entity(
    const struct v4l2_topology *topology, uint64_t number);

/** The number of an entity's device node; false: it has none. */
bool v4l2_topology_number(
    const struct v4l2_topology *topology, uint32_t entity_id, uint64_t *number);

const struct media_v2_pad *v4l2_topology_pad(const struct v4l2_topology *topology, uint32_t id);

const struct media_v2_entity *v4l2_topology_entity_of(
    const struct v4l2_topology *topology, const struct media_v2_pad *pad);

bool v4l2_is_data_link(const struct media_v2_link *link);

/** The links from a camera sensor to an entity, sensor first, enabled ones preferred.
 * Returns: how many, 0: no sensor is connected. */
uint32_t v4l2_topology_path(const struct v4l2_topology *topology, uint32_t entity_id,
    struct media_v2_link *path[PATH_MAX_LINKS]);

#endif
