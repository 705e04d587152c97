/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "camera/v4l2/io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int system_open(void *user, const char *path)
{
    int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static void system_close(void *user, int fd)
{
    close(fd);
}

static int system_ioctl(void *user, int fd, unsigned long request, void *argument)
{
    int r;
    do
        r = ioctl(fd, request, argument);
    while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : 0;
}

static int system_poll(void *user, int fd, int timeout_ms)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};
    int r = poll(&pollfd, 1, timeout_ms);
    return r < 0 ? -errno : r == 0 ? 0 : pollfd.revents;
}

static int system_number(void *user, const char *path, uint64_t *number)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return -errno;
    *number = status.st_rdev;
    return S_ISCHR(status.st_mode) ? 0 : -ENODEV;
}

static uint64_t system_now_ns(void *user)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

const struct v4l2_io v4l2_system = {
    .open = system_open,
    .close = system_close,
    .ioctl = system_ioctl,
    .poll = system_poll,
    .number = system_number,
    .now_ns = system_now_ns,
};

int v4l2_fail(struct v4l2_error *error, int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof(error->text), format, arguments);
    va_end(arguments);
    return code;
}
