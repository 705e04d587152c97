/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A session that lives as long as anybody holds one of its buffers: the element that made it, the
 * pool that upstream fills, pictures that are on their way downstream. */
#ifndef GST_SOFTISP_CORE_H
#define GST_SOFTISP_CORE_H

#include <gst/video/video.h>
#include <softisp/softisp.h>

/* Places for upstream's dmabufs; a pool has fewer, and what comes beyond is copied. */
#define GST_SOFTISP_IMPORTS 32

/* One of them: the session reads it, and upstream's buffer is kept meanwhile; or we have its input
 * until the same file comes again. */
struct gst_softisp_import {
    gboolean is_used;
    guint64 device, inode;
    gsize offset_bytes;
    GstBuffer *buffer;
    struct sisp_input input;
};

struct gst_softisp_core {
    gint refs;
    struct sisp_session *session;
    struct sisp_raw_info info;
    uint64_t sequence; /* of the next frame; the streaming thread's */
    gint lent;         /* pictures that downstream holds */
    GstAllocator *inputs, *pictures;
    struct gst_softisp_import imports[GST_SOFTISP_IMPORTS]; /* the streaming thread's */
};

/* NULL, and one sentence. */
struct gst_softisp_core *gst_softisp_core_create(
    const struct sisp_session_params *params, char *error, size_t error_size);
struct gst_softisp_core *gst_softisp_core_ref(struct gst_softisp_core *core);
void gst_softisp_core_unref(struct gst_softisp_core *core);

/* The same for a field that may be NULL. */
void gst_softisp_core_clear(struct gst_softisp_core **core);

/* An input, in memory that gives it back unless it was submitted; NULL: none is free. */
GstMemory *gst_softisp_core_input(struct gst_softisp_core *core);

/* That memory's input, if nobody else can still read or write it; NULL: it is other memory. */
struct sisp_input *gst_softisp_core_own_input(struct gst_softisp_core *core, GstBuffer *buffer);

/* The input of a frame in a dmabuf or sealed memfd of upstream's, to submit; NULL: it must be
 * copied. The buffer is kept until the session has read it. */
struct sisp_input *gst_softisp_core_import(struct gst_softisp_core *core, GstBuffer *buffer);

/* Let go of buffers that the session has read. */
void gst_softisp_core_reap(struct gst_softisp_core *core);

/* What downstream wants. */
struct gst_softisp_output {
    GstVideoInfo info;
    gboolean has_video_meta; /* it bears any stride */
};

/* From downstream's answer, in which no pool is left: the session has its own buffers. */
void gst_softisp_output_decide(struct gst_softisp_output *output, GstQuery *query);

/* What came of the frame that was submitted last. */
struct gst_softisp_taken {
    struct sisp_record record;
    struct sisp_camera_controls request;
    gboolean is_copied; /* the picture, since downstream bears no other */
};

/* Wait for it: its picture, with its meta, in place where downstream bears that, else copied.
 * 0, -ENODATA (no picture came of it), -ENOMEM, -ESHUTDOWN. */
int gst_softisp_core_take(struct gst_softisp_core *core, const struct gst_softisp_output *output,
    GstBuffer **picture, struct gst_softisp_taken *taken);

#endif
