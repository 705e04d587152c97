/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A V4L2 device in memory: it answers the calls of struct v4l2_io, and tests make it lie. */
#ifndef TESTS_CAMERA_V4L2_FAKE_H
#define TESTS_CAMERA_V4L2_FAKE_H

#include "camera/v4l2/io.h"

#include <linux/videodev2.h>
#include <stdbool.h>

#define FAKE_DEFAULT     1   /* a hook leaves the answer to the fake */
#define FAKE_VIDEO       100 /* the descriptor of /dev/video0 */
#define FAKE_INTERVAL_NS 33333333

struct fake_control {
    uint32_t id; /* 0: ends the list */
    int64_t min, max, step, value;
    bool is_wide;
    unsigned writes;
};

struct fake {
    struct v4l2_io io;
    struct fake_control controls[10]; /* of the node, or of the sensor behind it */
    bool is_many;                     /* planes API */
    uint32_t fourccs[8];              /* that it offers; ended by 0 */
    uint32_t fourcc, width, height;
    uint32_t pad_bytes; /* of each row */
    uint32_t memories;  /* bits 1 << V4L2_MEMORY_*: that it takes */
    uint32_t memory, count, queued[VIDEO_MAX_FRAME], queued_count;
    uint64_t addresses[VIDEO_MAX_FRAME]; /* or descriptors, of what was queued last */
    bool is_on;
    uint32_t sequence;         /* of the next frame */
    uint64_t now_ns, frame_ns; /* the next frame is there then */
    uint32_t interval_num, interval_den;
    int opened, dequeued, exported;
    /* Asked before each call: FAKE_DEFAULT, or what it returns. */
    int (*hook)(struct fake *fake, int fd, unsigned long request, void *argument);
    /* After an answer, which it may spoil. */
    void (*spoil)(struct fake *fake, unsigned long request, void *argument);
    bool is_gone;    /* unplugged: all calls answer ENODEV */
    int poll_answer; /* of the next poll: events or a negative errno; 0: the truth */
    int open_error;
    bool is_ready_always; /* poll says so, whatever is there */
};

struct fake_control *fake_control(struct fake *fake, uint32_t id);

/** Answer a call about controls; -ENOTTY: it is about something else. */
int fake_controls(struct fake *fake, unsigned long call, void *argument);

/** SRGGB10 of 640x480 at 30 frames a second; all kinds of memory. */
void fake_init(struct fake *fake);

#endif
