/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "formats.h"

#include <stdio.h>
#include <string.h>

const struct sisp_raw_format *gst_softisp_bayer_find(const char *name)
{
    char order[5], end[3] = "", v4l2_name[16];
    unsigned bits = 8;
    int fields = name ? sscanf(name, "%4[a-z]%2u%2s", order, &bits, end) : 0;
    if (fields != 1 && (fields != 3 || strcmp(end, "le") != 0))
        return NULL;
    snprintf(v4l2_name, sizeof(v4l2_name), "S%s%u", order, bits);
    return sisp_raw_format_find(v4l2_name);
}

enum sisp_pixel_format gst_softisp_pixel_format(GstVideoFormat format)
{
    switch (format) {
    case GST_VIDEO_FORMAT_BGRx:
        return SISP_PIXEL_XRGB8888;
    case GST_VIDEO_FORMAT_RGB:
        return SISP_PIXEL_RGB24;
    case GST_VIDEO_FORMAT_NV12:
        return SISP_PIXEL_NV12;
    case GST_VIDEO_FORMAT_RGBA64_LE:
        return SISP_PIXEL_RGBA64;
    case GST_VIDEO_FORMAT_YUY2:
        return SISP_PIXEL_YUYV;
    case GST_VIDEO_FORMAT_P010_10LE:
        return SISP_PIXEL_P010;
    default:
        return SISP_PIXEL_FORMAT_COUNT;
    }
}

size_t gst_softisp_bayer_stride(const struct sisp_raw_format *format, uint32_t width)
{
    return sisp_raw_row_bytes(format->packing, GST_ROUND_UP_4(width));
}

gboolean gst_softisp_raw_info(struct sisp_raw_info *info, const GstCaps *caps)
{
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    const struct sisp_raw_format *format =
        gst_softisp_bayer_find(gst_structure_get_string(s, "format"));
    gint width, height;
    if (!format || !gst_structure_get_int(s, "width", &width) ||
        !gst_structure_get_int(s, "height", &height) || width < 1 || height < 1)
        return FALSE;
    *info = (struct sisp_raw_info){
        .fourcc = format->fourcc,
        .width = (uint32_t)width,
        .height = (uint32_t)height,
        .stride_bytes = gst_softisp_bayer_stride(format, (uint32_t)width),
        .crop = {.width = (uint32_t)width, .height = (uint32_t)height},
        .orientation = 1,
        .white_level = (float)((1u << format->bits) - 1),
    };
    return TRUE;
}

uint64_t gst_softisp_interval_ns(const GstCaps *caps)
{
    gint num, den;
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    if (!gst_structure_get_fraction(s, "framerate", &num, &den) || num <= 0 || den <= 0)
        return 0;
    return gst_util_uint64_scale_int(GST_SECOND, den, num);
}
