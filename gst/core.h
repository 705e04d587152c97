/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A session that lives as long as anybody holds one of its buffers: the element that made it, the
 * pool that upstream fills, pictures that are on their way downstream. */
#ifndef GST_SOFTISP_CORE_H
#define GST_SOFTISP_CORE_H

#include <gst/video/video.h>
#include <softisp/softisp.h>

struct gst_softisp_core {
    gint refs;
    struct sisp_session *session;
    struct sisp_raw_info info;
    uint64_t sequence; /* of the next frame; the streaming thread's */
    gint lent;         /* pictures that downstream holds */
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

/* The one result of the frame that was submitted last. FALSE: the session is gone. */
gboolean gst_softisp_core_next(struct gst_softisp_core *core, struct sisp_result *result);

/* What downstream wants. */
struct gst_softisp_output {
    GstVideoInfo info;
    gboolean has_video_meta; /* it bears any stride */
};

/* The result's picture, and it takes the result over: in place where downstream bears that, else
 * copied. *bytes_copied counts. */
GstBuffer *gst_softisp_core_picture(struct gst_softisp_core *core, struct sisp_result *result,
    const struct gst_softisp_output *output, size_t *bytes_copied);

#endif
