/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is known of a picture, as a custom GstMeta named "softisp-frame": a structure that any
 * language can read without a header of ours. doc/gstreamer.md lists its fields. */
#ifndef GST_SOFTISP_META_H
#define GST_SOFTISP_META_H

#include <gst/gst.h>
#include <softisp/softisp.h>

#define GST_SOFTISP_META "softisp-frame"

/* Once, before any picture. */
void gst_softisp_meta_register(void);

/* record: the result's, with what the element copied added. coefficients may be NULL. */
void gst_softisp_meta_add(GstBuffer *buffer, const struct sisp_record *record,
    const struct sisp_camera_controls *applied, const struct sisp_coefficients *coefficients);

#endif
