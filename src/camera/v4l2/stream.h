/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Buffers that a capture node fills, in whatever memory, and the stream of them. */
#ifndef CAMERA_V4L2_STREAM_H
#define CAMERA_V4L2_STREAM_H

#include "camera/v4l2/device.h"

#include <softisp/buffer.h>

#define V4L2_BUFFERS_MAX VIDEO_MAX_FRAME

struct v4l2_stream {
    const struct v4l2_device *device;
    size_t frame_bytes;  /* that a whole frame has at least */
    size_t buffer_bytes; /* that the driver wants of a buffer */
    uint32_t memory;     /* V4L2_MEMORY_*; 0: no buffers */
    uint32_t count;
    struct sisp_buffer buffers[V4L2_BUFFERS_MAX];
    bool is_queued[V4L2_BUFFERS_MAX]; /* the driver has it */
    bool is_on;
    bool has_sequence;
    uint32_t raw_sequence;   /* the driver's, of the last frame */
    uint64_t sequence, next; /* ours, of the last frame and the next: they only grow */
    uint64_t stamp_ns;       /* CLOCK_MONOTONIC of the last frame; 0: unknown */
    bool is_stamp_start;     /* of its first row, else of its end */
};

/** Have `count` buffers of the caller's, or, with NULL, of the driver's own.
 * Returns: how many, or a negative errno and a sentence. */
int v4l2_stream_attach(struct v4l2_stream *stream, const struct sisp_buffer *buffers,
    uint32_t count, struct v4l2_error *error);

/** A dmabuf of one of the driver's own buffers; the descriptor becomes the caller's. */
int v4l2_stream_export(const struct v4l2_stream *stream, uint32_t index, struct sisp_buffer *buffer,
    struct v4l2_error *error);

int v4l2_stream_queue(struct v4l2_stream *stream, uint32_t index, struct v4l2_error *error);

int v4l2_stream_start(struct v4l2_stream *stream, struct v4l2_error *error);

/** The driver fills nothing more, and has none of the buffers. Safe after an unplug. */
void v4l2_stream_stop(struct v4l2_stream *stream);

/** Stop and let all buffers go. */
void v4l2_stream_detach(struct v4l2_stream *stream);

/**
 * Take the next filled buffer. A sentence goes with all errors but -EAGAIN and -EINTR.
 * Returns: 0, -EBADMSG (*index is the caller's again, but holds no whole frame), -EAGAIN (none in
 * time), -EINTR, -ENODEV (the device is gone), -EIO (the driver gave up), -EPROTO (it says what
 * cannot be).
 */
int v4l2_stream_dequeue(
    struct v4l2_stream *stream, uint32_t *index, uint64_t timeout_ns, struct v4l2_error *error);

#endif
