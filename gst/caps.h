/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which pictures can be made of which mosaics: any format, of the same size or smaller. */
#ifndef GST_SOFTISP_CAPS_H
#define GST_SOFTISP_CAPS_H

#include <gst/base/gstbasetransform.h>

/* As GstBaseTransformClass has them. */
GstCaps *gst_softisp_transform_caps(
    GstBaseTransform *base, GstPadDirection direction, GstCaps *caps, GstCaps *filter);
GstCaps *gst_softisp_fixate_caps(
    GstBaseTransform *base, GstPadDirection direction, GstCaps *caps, GstCaps *others);

/* The picture's size where it is free: width x height, or what keeps the ratio of these. */
void gst_softisp_fixate_size(GstStructure *picture, gint width, gint height);

#endif
