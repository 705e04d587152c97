/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which pictures can be made of which mosaics: any format, of the same size or smaller. */
#ifndef GST_SOFTISP_CAPS_H
#define GST_SOFTISP_CAPS_H

#include <gst/gst.h>

/* What the other pad than that of `direction` may have, of its template. Transposed: the picture's
 * width is the mosaic's height. */
GstCaps *gst_softisp_other_caps(GstCaps *other_template, const GstCaps *caps,
    GstPadDirection direction, gboolean is_transposed);

/* What is in both, or the caps where `filter` is NULL; takes the caps. */
GstCaps *gst_softisp_filtered(GstCaps *caps, GstCaps *filter);

/* The picture's size where it is free: the mosaic's, or what keeps its ratio. */
void gst_softisp_fixate_size(
    GstStructure *picture, gint mosaic_width, gint mosaic_height, gboolean is_transposed);

#endif
