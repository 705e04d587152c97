/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Caps of GStreamer and formats of the library. */
#ifndef GST_SOFTISP_FORMATS_H
#define GST_SOFTISP_FORMATS_H

#include <gst/video/video.h>
#include <softisp/softisp.h>

/* Names as GStreamer has them from 1.24 on; older ones know those of 8 bits alone. */
#define GST_SOFTISP_BAYER_FORMATS                                                                  \
    "{ rggb, grbg, gbrg, bggr, rggb10le, grbg10le, gbrg10le, bggr10le, "                           \
    "rggb12le, grbg12le, gbrg12le, bggr12le, rggb14le, grbg14le, gbrg14le, bggr14le, "             \
    "rggb16le, grbg16le, gbrg16le, bggr16le }"

#define GST_SOFTISP_RGB_FORMATS "{ BGRx, RGB, RGBA64_LE }"
#define GST_SOFTISP_YUV_FORMATS "{ NV12, YUY2, P010_10LE }"

#define GST_SOFTISP_SIDE_MAX 16384

#define GST_SOFTISP_SIZES                                                                          \
    ", width = (int) [ 1, 16384 ], height = (int) [ 1, 16384 ], "                                  \
    "framerate = (fraction) [ 0/1, MAX ]"

/* What luma and chroma of our pictures are; nothing else may be promised downstream. */
#define GST_SOFTISP_RAW_CAPS                                                                       \
    "video/x-raw, format = (string) " GST_SOFTISP_RGB_FORMATS GST_SOFTISP_SIZES                    \
    "; video/x-raw, format = (string) " GST_SOFTISP_YUV_FORMATS GST_SOFTISP_SIZES                  \
    ", colorimetry = (string) bt709"

/* The raw format of such a name, or NULL. */
const struct sisp_raw_format *gst_softisp_bayer_find(const char *name);

/* SISP_PIXEL_FORMAT_COUNT: none of ours. */
enum sisp_pixel_format gst_softisp_pixel_format(GstVideoFormat format);

/* A frame as GStreamer's elements lay it out: rows of four samples, rounded up. */
size_t gst_softisp_bayer_stride(const struct sisp_raw_format *format, uint32_t width);

/* Format, size, stride and crop of fixed bayer caps. */
gboolean gst_softisp_raw_info(struct sisp_raw_info *info, const GstCaps *caps);

/* A frame's time at the rate of these caps; 0: variable or unknown. */
uint64_t gst_softisp_interval_ns(const GstCaps *caps);

#endif
