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

struct gst_softisp_about {
    const struct sisp_record *record; /* with what the element copied */
    struct sisp_camera_controls applied;
    guint params_generation;
    float red_gain, blue_gain, exposure_ev, kelvin; /* 0: unknown */
};

void gst_softisp_meta_add(GstBuffer *buffer, const struct gst_softisp_about *about);

#endif
