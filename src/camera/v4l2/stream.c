/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "camera/v4l2/stream.h"
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

/* A first number above this is where a driver's count stands, not frames that were lost. */
#define FIRST_MAX 1000

/* What a driver that counts backwards or leaps has not lost. */
#define GAP_MAX 100000

/* ---- buffers ------------------------------------------------------------------------------- */

/* One buffer in the words of either API. */
struct cell {
    struct v4l2_buffer buffer;
    struct v4l2_plane plane;
};

static bool is_many(const struct v4l2_stream *stream)
{
    return stream->device->type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
}

static void cell_init(struct cell *cell, const struct v4l2_stream *stream, uint32_t index)
{
    memset(cell, 0, sizeof(*cell));
    cell->buffer.type = stream->device->type;
    cell->buffer.memory = stream->memory;
    cell->buffer.index = index;
    if (is_many(stream)) {
        cell->buffer.m.planes = &cell->plane;
        cell->buffer.length = 1;
    }
}

static int call(const struct v4l2_stream *stream, unsigned long request, void *argument)
{
    return v4l2_call(stream->device->io, stream->device->fd, request, argument);
}

static void cell_point(struct cell *cell, const struct v4l2_stream *stream, uint32_t index)
{
    const struct sisp_buffer *b = &stream->buffers[index];
    struct v4l2_plane *plane = &cell->plane;
    if (stream->memory == V4L2_MEMORY_MMAP)
        return;
    plane->length = (uint32_t)b->size_bytes;
    if (stream->memory == V4L2_MEMORY_USERPTR)
        plane->m.userptr = (unsigned long)b->bytes;
    else
        plane->m.fd = b->fd;
    if (is_many(stream))
        return;
    cell->buffer.length = plane->length;
    if (stream->memory == V4L2_MEMORY_USERPTR)
        cell->buffer.m.userptr = plane->m.userptr;
    else
        cell->buffer.m.fd = plane->m.fd;
}

static int request_buffers(struct v4l2_stream *stream, uint32_t memory, uint32_t *count)
{
    struct v4l2_requestbuffers request = {
        .count = *count, .type = stream->device->type, .memory = memory};
    int r = call(stream, VIDIOC_REQBUFS, &request);
    if (r == 0)
        *count = request.count;
    return r;
}

static const char *memory_name(uint32_t memory)
{
    return memory == V4L2_MEMORY_MMAP      ? "buffers of its own (MMAP)"
           : memory == V4L2_MEMORY_USERPTR ? "buffers by their address (USERPTR)"
                                           : "dmabufs (DMABUF)";
}

static uint32_t memory_of(const struct sisp_buffer *buffers, uint32_t count)
{
    if (!buffers)
        return V4L2_MEMORY_MMAP;
    /* A memfd is no dmabuf; and V4L2 has no offset into one. */
    bool is_dmabuf = true;
    for (uint32_t i = 0; i < count; i++)
        is_dmabuf &= buffers[i].memory != SISP_MEMORY_MEMFD && buffers[i].fd >= 0 &&
                     buffers[i].offset_bytes == 0;
    return is_dmabuf ? V4L2_MEMORY_DMABUF : V4L2_MEMORY_USERPTR;
}

static int check_buffers(const struct v4l2_stream *stream, const struct sisp_buffer *buffers,
    uint32_t count, struct v4l2_error *error)
{
    bool is_mapped = memory_of(buffers, count) == V4L2_MEMORY_USERPTR;
    for (uint32_t i = 0; i < count; i++) {
        if (is_mapped && !buffers[i].bytes)
            return v4l2_fail(
                error, -EINVAL, "these buffers are neither all dmabufs nor all mapped");
        if (buffers[i].size_bytes < stream->buffer_bytes || buffers[i].size_bytes > UINT32_MAX)
            return v4l2_fail(error, -EINVAL,
                "the driver wants buffers of %zu bytes, but these have %zu", stream->buffer_bytes,
                buffers[i].size_bytes);
    }
    return 0;
}

int v4l2_stream_attach(struct v4l2_stream *stream, const struct sisp_buffer *buffers,
    uint32_t count, struct v4l2_error *error)
{
    if (stream->memory)
        return v4l2_fail(error, -EBUSY, "the camera has its buffers");
    if (count == 0 || count > V4L2_BUFFERS_MAX)
        return v4l2_fail(
            error, -EINVAL, "a device has 1 to %d buffers, not %u", V4L2_BUFFERS_MAX, count);
    int r = buffers ? check_buffers(stream, buffers, count, error) : 0;
    if (r)
        return r;
    uint32_t memory = memory_of(buffers, count), granted = count;
    r = request_buffers(stream, memory, &granted);
    if (r == -EBUSY)
        return v4l2_fail(error, r, "the device is in use by another program");
    if (r)
        return v4l2_fail(error, r == -EINVAL ? -ENOTSUP : r, "the device does not take %s%s%s",
            memory_name(memory), r == -EINVAL ? "" : ": ", r == -EINVAL ? "" : strerror(-r));
    stream->memory = memory;
    stream->count = granted < V4L2_BUFFERS_MAX ? granted : V4L2_BUFFERS_MAX;
    if (granted == 0 || (buffers && granted < count)) {
        v4l2_stream_detach(stream);
        return v4l2_fail(
            error, -ENOMEM, "the driver has %u buffers for us, not %u", granted, count);
    }
    for (uint32_t i = 0; buffers && i < count; i++)
        stream->buffers[i] = buffers[i];
    if (buffers)
        stream->count = count; /* more, which it may have, would have no memory */
    return (int)stream->count;
}

/* Real drivers round up to pages, lying ones forget the frame. */
static int check_own(
    const struct v4l2_stream *stream, uint32_t index, size_t *size_bytes, struct v4l2_error *error)
{
    struct cell cell;
    cell_init(&cell, stream, index);
    int r = call(stream, VIDIOC_QUERYBUF, &cell.buffer);
    if (r)
        return v4l2_fail(error, r, "buffer %u: %s", index, strerror(-r));
    *size_bytes = is_many(stream) ? cell.plane.length : cell.buffer.length;
    if (*size_bytes < stream->frame_bytes)
        return v4l2_fail(error, -EPROTO, "the driver made buffers of %zu bytes for frames of %zu",
            *size_bytes, stream->frame_bytes);
    return 0;
}

int v4l2_stream_export(const struct v4l2_stream *stream, uint32_t index, struct sisp_buffer *buffer,
    struct v4l2_error *error)
{
    size_t size_bytes = 0;
    if (stream->memory != V4L2_MEMORY_MMAP || index >= stream->count)
        return v4l2_fail(error, -EINVAL, "the driver has no buffer %u of its own", index);
    int r = check_own(stream, index, &size_bytes, error);
    if (r)
        return r;
    struct v4l2_exportbuffer request = {
        .type = stream->device->type, .index = index, .flags = O_CLOEXEC | O_RDWR};
    r = call(stream, VIDIOC_EXPBUF, &request);
    if (r)
        return v4l2_fail(error, r == -ENOTTY ? -ENOTSUP : r,
            "the driver does not export its buffers: %s", strerror(-r));
    *buffer = (struct sisp_buffer){
        .memory = SISP_MEMORY_IMPORTED, .fd = request.fd, .size_bytes = size_bytes};
    return 0;
}

/* ---- the stream ---------------------------------------------------------------------------- */

static int gone(struct v4l2_error *error)
{
    return v4l2_fail(error, -ENODEV, "the device is gone");
}

int v4l2_stream_queue(struct v4l2_stream *stream, uint32_t index, struct v4l2_error *error)
{
    if (index >= stream->count || stream->is_queued[index])
        return v4l2_fail(error, -EINVAL, "buffer %u is not there, or queued already", index);
    struct cell cell;
    cell_init(&cell, stream, index);
    cell_point(&cell, stream, index);
    int r = call(stream, VIDIOC_QBUF, &cell.buffer);
    if (r == -ENODEV)
        return gone(error);
    if (r)
        return v4l2_fail(error, r, "the driver does not take a buffer: %s", strerror(-r));
    stream->is_queued[index] = true;
    return 0;
}

int v4l2_stream_start(struct v4l2_stream *stream, struct v4l2_error *error)
{
    int type = (int)stream->device->type;
    if (stream->is_on)
        return 0;
    int r = call(stream, VIDIOC_STREAMON, &type);
    if (r == -ENODEV)
        return gone(error);
    if (r == -EPIPE)
        return v4l2_fail(error, r, "the formats along the media graph do not agree");
    if (r)
        return v4l2_fail(error, r, "the stream does not start: %s", strerror(-r));
    stream->is_on = true;
    stream->has_sequence = false;
    return 0;
}

void v4l2_stream_stop(struct v4l2_stream *stream)
{
    int type = (int)stream->device->type;
    /* Also where it was never started: what is queued comes back by it alone. Of a device that is
     * gone the kernel has let them go. */
    (void)call(stream, VIDIOC_STREAMOFF, &type);
    stream->is_on = false;
    memset(stream->is_queued, 0, sizeof(stream->is_queued));
}

void v4l2_stream_detach(struct v4l2_stream *stream)
{
    uint32_t none = 0;
    if (!stream->memory)
        return;
    v4l2_stream_stop(stream);
    (void)request_buffers(stream, stream->memory, &none);
    stream->memory = 0;
    stream->count = 0;
}

/* ---- what comes ---------------------------------------------------------------------------- */

/* The driver's 32 bits wrap, start anywhere, stand still or leap; ours grow. */
static void count_frame(struct v4l2_stream *stream, uint32_t raw)
{
    uint32_t lost = raw - stream->raw_sequence - 1;
    if (!stream->has_sequence)
        lost = stream->next == 0 && raw <= FIRST_MAX ? raw : 0;
    else if (lost > GAP_MAX)
        lost = 0;
    stream->sequence = stream->next + lost;
    stream->next = stream->sequence + 1;
    stream->has_sequence = true;
    stream->raw_sequence = raw;
}

static void stamp_frame(struct v4l2_stream *stream, const struct v4l2_buffer *buffer)
{
    bool is_monotonic =
        (buffer->flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) == V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    stream->is_stamp_start =
        (buffer->flags & V4L2_BUF_FLAG_TSTAMP_SRC_MASK) == V4L2_BUF_FLAG_TSTAMP_SRC_SOE;
    stream->stamp_ns = 0;
    if (is_monotonic && buffer->timestamp.tv_sec >= 0)
        stream->stamp_ns = (uint64_t)buffer->timestamp.tv_sec * 1000000000 +
                           (uint64_t)buffer->timestamp.tv_usec * 1000;
}

static int take_frame(
    struct v4l2_stream *stream, const struct cell *cell, uint32_t *index, struct v4l2_error *error)
{
    const struct v4l2_buffer *buffer = &cell->buffer;
    if (buffer->index >= stream->count || !stream->is_queued[buffer->index])
        return v4l2_fail(
            error, -EPROTO, "the driver gives buffer %u, which it has not", buffer->index);
    *index = buffer->index;
    stream->is_queued[*index] = false;
    count_frame(stream, buffer->sequence);
    stamp_frame(stream, buffer);
    size_t used_bytes = is_many(stream) ? cell->plane.bytesused : buffer->bytesused;
    size_t head_bytes = is_many(stream) ? cell->plane.data_offset : 0;
    if (buffer->flags & V4L2_BUF_FLAG_ERROR)
        return v4l2_fail(error, -EBADMSG, "the driver says that a frame is damaged");
    if (head_bytes)
        return v4l2_fail(error, -EBADMSG, "a frame does not begin where its buffer does");
    if (used_bytes < stream->frame_bytes)
        return v4l2_fail(
            error, -EBADMSG, "a frame of %zu bytes has %zu only", stream->frame_bytes, used_bytes);
    return 0;
}

/* 0, -EAGAIN: nothing there now, or an error with its sentence. */
static int try_dequeue(struct v4l2_stream *stream, uint32_t *index, struct v4l2_error *error)
{
    struct cell cell;
    cell_init(&cell, stream, 0);
    int r = call(stream, VIDIOC_DQBUF, &cell.buffer);
    if (r == 0)
        return take_frame(stream, &cell, index, error);
    if (r == -EAGAIN)
        return r;
    if (r == -ENODEV)
        return gone(error);
    return v4l2_fail(error, -EIO, "the driver gave the stream up: %s", strerror(-r));
}

/* What a poll that reports an error means, the driver tells when it is asked for a frame. */
static int after_poll(
    struct v4l2_stream *stream, int events, uint32_t *index, struct v4l2_error *error)
{
    int r = try_dequeue(stream, index, error);
    if (r != -EAGAIN || !(events & (POLLERR | POLLHUP | POLLNVAL)))
        return r;
    if (events & POLLHUP)
        return gone(error);
    return v4l2_fail(error, -EIO, "the driver gave the stream up");
}

int v4l2_stream_dequeue(
    struct v4l2_stream *stream, uint32_t *index, uint64_t timeout_ns, struct v4l2_error *error)
{
    const struct v4l2_io *io = stream->device->io;
    uint64_t now_ns = io->now_ns(io->user);
    uint64_t until_ns = timeout_ns < UINT64_MAX - now_ns ? now_ns + timeout_ns : UINT64_MAX;
    for (;;) {
        uint64_t left_ns = until_ns > now_ns ? until_ns - now_ns : 0;
        uint64_t left_ms = (left_ns + 999999) / 1000000;
        int events = io->poll(io->user, stream->device->fd, left_ms < 60000 ? (int)left_ms : 60000);
        if (events == -EINTR)
            return -EINTR;
        if (events < 0)
            return v4l2_fail(error, -EIO, "waiting for a frame: %s", strerror(-events));
        int r = events ? after_poll(stream, events, index, error) : -EAGAIN;
        now_ns = io->now_ns(io->user);
        if (r != -EAGAIN || now_ns >= until_ns)
            return r;
        /* A driver that says ready and has nothing must not be asked in a hot loop. */
        if (events && io->poll(io->user, -1, 1) == -EINTR)
            return -EINTR;
    }
}
