/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The few system calls that a V4L2 camera makes, so that a test can answer them from memory. */
#ifndef CAMERA_V4L2_IO_H
#define CAMERA_V4L2_IO_H

#include <stddef.h>
#include <stdint.h>

struct v4l2_io {
    void *user;
    /* For reading and writing; its calls never wait. A descriptor, or a negative errno. */
    int (*open)(void *user, const char *path);
    void (*close)(void *user, int fd);
    /* 0 or a negative errno; what a signal interrupted is called again. */
    int (*ioctl)(void *user, int fd, unsigned long request, void *argument);
    /* POLL* bits of a descriptor that frames come from, 0: none in time, or a negative errno. */
    int (*poll)(void *user, int fd, int timeout_ms);
    /* What the kernel calls the device behind a path. 0 or a negative errno. */
    int (*number)(void *user, const char *path, uint64_t *number);
    uint64_t (*now_ns)(void *user); /* CLOCK_MONOTONIC */
};

extern const struct v4l2_io v4l2_system;

static inline int v4l2_call(const struct v4l2_io *io, int fd, unsigned long request, void *argument)
{
    return io->ioctl(io->user, fd, request, argument);
}

/** Where a sentence of what went wrong goes. */
struct v4l2_error {
    char text[256];
};

/** Write the sentence and return `code`. */
__attribute__((format(printf, 3, 4))) int v4l2_fail(
    struct v4l2_error *error, int code, const char *format, ...);

#endif
