/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Headerless frames from a descriptor: a pipe, a socket or a file. */
#include "camera/camera.h"
#include "base/base.h"
#include "camera/narrow.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

struct fd_camera {
    struct sisp_camera camera;
    int fd;
    bool is_clipped; /* samples may lie above the container that is said */
    int error;       /* ended the stream: after it, where frames begin is no longer known */
};

/* Somebody else who holds the same open file may have made it non-blocking. */
static int wait_readable(int fd)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};
    return poll(&pollfd, 1, -1) < 0 ? -errno : 0;
}

/** Bytes read, 0 at the end of the stream, or a negative errno. */
static ssize_t read_some(int fd, uint8_t *bytes, size_t size_bytes)
{
    ssize_t count;
    while ((count = read(fd, bytes, size_bytes)) < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK)
            return -errno;
        int error = wait_readable(fd);
        if (error)
            return error;
    }
    return count;
}

static int read_frame(struct sisp_camera *base, uint8_t *samples)
{
    struct fd_camera *camera = (struct fd_camera *)base;
    if (camera->error)
        return camera->error;
    size_t size_bytes = base->info.stride_bytes * base->info.height, done = 0;
    while (done < size_bytes) {
        ssize_t count = read_some(camera->fd, samples + done, size_bytes - done);
        if (count == -EINTR) {
            /* Inside a frame the caller could not take up again, so go on. */
            if (done == 0)
                return -EINTR;
        } else if (count <= 0) {
            camera->error = count < 0 ? (int)count : done == 0 ? -ENODATA : -EBADMSG;
            return camera->error;
        } else {
            done += (size_t)count;
        }
    }
    if (camera->is_clipped)
        camera_clip(&base->info, samples);
    base->frame.sequence = base->next++;
    return 0;
}

static void destroy(struct sisp_camera *base)
{
    free(base);
}

static const struct camera_ops fd_ops = {.read = read_frame, .destroy = destroy};

int sisp_camera_open_fd(struct sisp_camera **out, const struct sisp_camera_params *params)
{
    struct sisp_raw_info info;
    *out = NULL;
    if (!camera_info_init(&info, params))
        return -EINVAL;
    if (camera_info_layout(&info, params))
        return -EINVAL;
    if (fcntl(params->fd, F_GETFD) < 0)
        return -errno;
    struct fd_camera *camera = calloc(1, sizeof(*camera));
    if (!camera)
        return -ENOMEM;
    camera->is_clipped = camera_narrow(&info);
    camera->camera.ops = &fd_ops;
    camera->camera.info = info;
    camera->fd = params->fd;
    *out = &camera->camera;
    return 0;
}
