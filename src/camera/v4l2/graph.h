/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The sensor in front of a video node, and one format from it to the node. */
#ifndef CAMERA_V4L2_GRAPH_H
#define CAMERA_V4L2_GRAPH_H

#include "camera/v4l2/device.h"
#include "camera/v4l2/topology.h"

#include <linux/v4l2-subdev.h>

struct v4l2_graph {
    const struct v4l2_io *io;
    struct v4l2_topology topology;
    int media_fd; /* -1: there is no graph, or no sensor in it */
    struct media_v2_link *path[PATH_MAX_LINKS];
    uint32_t path_count;
    int sensor_fd; /* -1: as media_fd */
    uint32_t sensor_pad;
    char sensor[32];     /* such as "imx219"; "": unknown */
    char media_path[16]; /* such as "/dev/media0" */
};

/** Find the media device of a video node, and its sensor. A node without is no error: media_fd is
 * -1 then. Returns: 0 or a negative errno with a sentence. */
int v4l2_graph_open(
    struct v4l2_graph *graph, const struct v4l2_device *device, struct v4l2_error *error);

void v4l2_graph_close(struct v4l2_graph *graph);

/** The media bus code that a sensor sends for such samples; 0: none. */
uint32_t v4l2_bus_code(const struct sisp_raw_format *format);

/** Whether the sensor has that code; without one, any is. */
bool v4l2_graph_has_code(const struct v4l2_graph *graph, uint32_t code);

/** What the sensor is set to. 0 or a negative errno. */
int v4l2_graph_sensor_format(const struct v4l2_graph *graph, struct v4l2_mbus_framefmt *format);

/** The name of an entity on the path: 0 is the sensor, path_count the node. */
const char *v4l2_graph_name(const struct v4l2_graph *graph, uint32_t index);

/**
 * Enable the links from the sensor to the node and set all pads on the way to this code and size.
 * What else hangs on the sensor is set to what fits it, as far as it goes: some drivers start only
 * a graph that agrees as a whole.
 */
int v4l2_graph_set(const struct v4l2_graph *graph, uint32_t code, uint32_t width, uint32_t height,
    struct v4l2_error *error);

#endif
