/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "session/lines.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LINE_BYTES_MAX (256u << 10) /* a mesh of lens shading takes a quarter of it */

int lines_open(struct lines *lines, const char *path)
{
    *lines = (struct lines){.fd = -1, .buffer = malloc(LINE_BYTES_MAX)};
    if (!lines->buffer)
        return -ENOMEM;
    lines->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (lines->fd >= 0)
        return 0;
    int error = -errno;
    free(lines->buffer);
    lines->buffer = NULL;
    return error;
}

void lines_add(struct lines *lines, const char *format, ...)
{
    size_t room = LINE_BYTES_MAX - lines->fill_bytes;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(lines->buffer + lines->fill_bytes, room, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= room)
        lines->error = lines->error ? lines->error : -EMSGSIZE;
    else
        lines->fill_bytes += (size_t)length;
}

static int write_all(struct lines *lines)
{
    for (size_t done = 0; done < lines->fill_bytes;) {
        ssize_t written = write(lines->fd, lines->buffer + done, lines->fill_bytes - done);
        if (written >= 0) {
            done += (size_t)written;
        } else if (errno == EAGAIN) {
            /* A pipe may have been made non-blocking by whoever shares it. */
            poll(&(struct pollfd){.fd = lines->fd, .events = POLLOUT}, 1, -1);
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

void lines_end(struct lines *lines)
{
    if (!lines->error) {
        lines->error = write_all(lines);
        if (!lines->error)
            lines->whole_bytes += (off_t)lines->fill_bytes;
        else if (ftruncate(lines->fd, lines->whole_bytes) < 0 && errno != EINVAL) /* not a file */
            base_log(SISP_LOG_WARNING, "the last line of a telemetry file may not be whole");
    }
    lines->fill_bytes = 0;
}

int lines_close(struct lines *lines)
{
    if (!lines->buffer)
        return 0;
    if (close(lines->fd) < 0 && !lines->error)
        lines->error = -errno;
    free(lines->buffer);
    lines->buffer = NULL;
    return lines->error;
}
