/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "caps.h"

#include "formats.h"

/* A picture's side is at most the mosaic's: the other pad's range for what this one has. */
static void set_side(
    GstStructure *to, const char *name, const GValue *value, GstPadDirection direction)
{
    gint min = 1, max = GST_SOFTISP_SIDE_MAX;
    if (value && G_VALUE_HOLDS_INT(value))
        min = max = g_value_get_int(value);
    else if (value && GST_VALUE_HOLDS_INT_RANGE(value)) {
        min = gst_value_get_int_range_min(value);
        max = gst_value_get_int_range_max(value);
    }
    if (direction == GST_PAD_SINK)
        min = 1;
    else
        max = GST_SOFTISP_SIDE_MAX;
    if (min < max)
        gst_structure_set(to, name, GST_TYPE_INT_RANGE, min, max, NULL);
    else
        gst_structure_set(to, name, G_TYPE_INT, max, NULL);
}

static GstStructure *other_side(
    const GstStructure *from, GstPadDirection direction, gboolean is_transposed)
{
    static const char *const sides[] = {"width", "height"};
    GstStructure *to =
        gst_structure_new_empty(direction == GST_PAD_SINK ? "video/x-raw" : "video/x-bayer");
    for (int i = 0; i < 2; i++)
        set_side(to, sides[i], gst_structure_get_value(from, sides[is_transposed ? 1 - i : i]),
            direction);
    const GValue *rate = gst_structure_get_value(from, "framerate");
    if (rate)
        gst_structure_set_value(to, "framerate", rate);
    return to;
}

GstCaps *gst_softisp_other_caps(
    GstCaps *other_template, const GstCaps *caps, GstPadDirection direction, gboolean is_transposed)
{
    GstCaps *wide = gst_caps_new_empty();
    for (guint i = 0; i < gst_caps_get_size(caps); i++)
        gst_caps_append_structure(
            wide, other_side(gst_caps_get_structure(caps, i), direction, is_transposed));
    GstCaps *result = gst_caps_intersect_full(other_template, wide, GST_CAPS_INTERSECT_FIRST);
    gst_caps_unref(wide);
    return result;
}

GstCaps *gst_softisp_filtered(GstCaps *caps, GstCaps *filter)
{
    if (!filter)
        return caps;
    GstCaps *result = gst_caps_intersect_full(filter, caps, GST_CAPS_INTERSECT_FIRST);
    gst_caps_unref(caps);
    return result;
}

void gst_softisp_fixate_size(
    GstStructure *picture, gint mosaic_width, gint mosaic_height, gboolean is_transposed)
{
    gint width = is_transposed ? mosaic_height : mosaic_width;
    gint height = is_transposed ? mosaic_width : mosaic_height;
    gint fixed;
    if (gst_structure_get_int(picture, "width", &fixed))
        height = MAX(
            1, (gint)gst_util_uint64_scale_round((guint64)fixed, (guint64)height, (guint64)width));
    else if (gst_structure_get_int(picture, "height", &fixed))
        width = MAX(
            1, (gint)gst_util_uint64_scale_round((guint64)fixed, (guint64)width, (guint64)height));
    gst_structure_fixate_field_nearest_int(picture, "width", width);
    gst_structure_fixate_field_nearest_int(picture, "height", height);
}
