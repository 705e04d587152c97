/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "caps.h"

#include "formats.h"

/* A picture's side is at most the mosaic's: the other pad's range for what this one has. */
static void set_side(
    GstStructure *to, const GstStructure *from, const char *name, GstPadDirection direction)
{
    const GValue *value = gst_structure_get_value(from, name);
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

static GstStructure *other_side(const GstStructure *from, GstPadDirection direction)
{
    GstStructure *to =
        gst_structure_new_empty(direction == GST_PAD_SINK ? "video/x-raw" : "video/x-bayer");
    set_side(to, from, "width", direction);
    set_side(to, from, "height", direction);
    const GValue *rate = gst_structure_get_value(from, "framerate");
    if (rate)
        gst_structure_set_value(to, "framerate", rate);
    return to;
}

GstCaps *gst_softisp_transform_caps(
    GstBaseTransform *base, GstPadDirection direction, GstCaps *caps, GstCaps *filter)
{
    GstCaps *wide = gst_caps_new_empty();
    for (guint i = 0; i < gst_caps_get_size(caps); i++)
        gst_caps_append_structure(wide, other_side(gst_caps_get_structure(caps, i), direction));
    GstPad *pad = direction == GST_PAD_SINK ? base->srcpad : base->sinkpad;
    GstCaps *template = gst_pad_get_pad_template_caps(pad);
    GstCaps *result = gst_caps_intersect_full(template, wide, GST_CAPS_INTERSECT_FIRST);
    gst_caps_unref(template);
    gst_caps_unref(wide);
    if (filter) {
        wide = result;
        result = gst_caps_intersect_full(filter, wide, GST_CAPS_INTERSECT_FIRST);
        gst_caps_unref(wide);
    }
    return result;
}

void gst_softisp_fixate_size(GstStructure *picture, gint width, gint height)
{
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

GstCaps *gst_softisp_fixate_caps(
    GstBaseTransform *base, GstPadDirection direction, GstCaps *caps, GstCaps *others)
{
    gint width, height;
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    others = gst_caps_make_writable(gst_caps_truncate(others));
    if (gst_structure_get_int(s, "width", &width) && gst_structure_get_int(s, "height", &height))
        gst_softisp_fixate_size(gst_caps_get_structure(others, 0), width, height);
    return gst_caps_fixate(others);
}
