/* SPDX-License-Identifier: GPL-3.0-or-later */
/** vimc's media graph in memory, with the fake device as its raw capture node. */
#ifndef TESTS_CAMERA_V4L2_FAKE_GRAPH_H
#define TESTS_CAMERA_V4L2_FAKE_GRAPH_H

#include "fake.h"

#include <linux/media.h>
#include <linux/v4l2-subdev.h>

enum { GRAPH_SENSOR, GRAPH_DEBAYER, GRAPH_SCALER, GRAPH_RAW, GRAPH_VIDEO, GRAPH_ENTITIES };
enum {
    PAD_SENSOR,
    PAD_DEBAYER_IN,
    PAD_DEBAYER,
    PAD_SCALER_IN,
    PAD_SCALER,
    PAD_RAW,
    PAD_VIDEO,
    PADS
};
enum { LINK_DEBAYER, LINK_RAW, LINK_SCALER, LINK_VIDEO, LINKS };

struct fake_graph {
    struct fake fake; /* first: it is the user of its calls */
    const char *names[GRAPH_ENTITIES];
    uint32_t codes[4]; /* of the sensor; ended by 0 */
    uint32_t link_flags[LINKS];
    struct v4l2_mbus_framefmt pads[PADS];
    uint32_t video_width, video_height; /* of the side branch's node */
    uint32_t steps;                     /* the sensor's sizes are multiples of it */
    bool is_without_nodes;              /* entities but the video nodes have none */
    bool is_read_only;                  /* formats of pads cannot be set */
    uint32_t entity_count;              /* that it says; 0: the truth */
};

/** As vimc is after it was loaded: its sensor sends RGB, 640x480. */
void fake_graph_init(struct fake_graph *graph);

#endif
