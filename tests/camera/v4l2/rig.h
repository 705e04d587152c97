/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A camera on the fake device, for tests. */
#ifndef TESTS_CAMERA_V4L2_RIG_H
#define TESTS_CAMERA_V4L2_RIG_H

#include "camera/v4l2/camera.h"
#include "fake.h"
#include "tests/harness/test.h"

#include <errno.h>
#include <softisp/camera.h>

#define BUFFERS 4
#define WAIT_NS 100000000

/* clang warns of floats that become doubles unasked. */
#define CHECK_FLOAT(a, b, tolerance) CHECK_NEAR((double)(a), (double)(b), tolerance)

static struct fake fake;
static struct v4l2_error error;
static struct sisp_camera *camera;
static uint8_t memory[BUFFERS][640 * 480 * 2];

static inline int open_camera(const struct sisp_v4l2_params *params)
{
    struct sisp_v4l2_params named = *params;
    if (!named.device)
        named.device = "/dev/video0";
    error.text[0] = '\0';
    return v4l2_camera_open(&camera, &named, &fake.io, &error);
}

static inline int attach_own(void)
{
    struct sisp_buffer buffers[BUFFERS];
    for (unsigned i = 0; i < BUFFERS; i++)
        buffers[i] =
            (struct sisp_buffer){.fd = -1, .size_bytes = sizeof(memory[i]), .bytes = memory[i]};
    return sisp_camera_attach(camera, buffers, BUFFERS);
}

/* Open, with all buffers queued, streaming. */
static inline bool begin(void)
{
    if (open_camera(&(struct sisp_v4l2_params){0}) || attach_own() != BUFFERS)
        return false;
    for (uint32_t i = 0; i < BUFFERS; i++) {
        if (sisp_camera_queue(camera, i))
            return false;
    }
    return sisp_camera_start(camera) == 0;
}

static inline int next(uint32_t *index)
{
    return sisp_camera_dequeue(camera, index, WAIT_NS);
}

static inline void end(void)
{
    sisp_camera_destroy(&camera);
    CHECK_EQ(fake.opened, 0);
    CHECK_EQ(fake.count, 0);
}

#endif
