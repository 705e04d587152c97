/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What tests of the elements have in common: frames, and what a picture says of itself. */
#ifndef TESTS_GST_COMMON_H
#define TESTS_GST_COMMON_H

#include "harness/test.h"

#include <gst/check/gstharness.h>
#include <gst/video/video.h>

/* Samples go through unchanged but for the demosaic. */
#define PLAIN "tone=1 color=1 wb-mode=2 auto-exposure=0"

/* Frames of a file: none is late, however slow the machine. (A harness is live unless told.) */
static inline GstHarness *patient_harness(const char *element)
{
    GstHarness *h = gst_harness_new_parse(element);
    gst_harness_set_live(h, FALSE);
    return h;
}

static inline gboolean has_element(const char *name)
{
    GstElementFactory *factory = gst_element_factory_find(name);
    if (factory)
        gst_object_unref(factory);
    return factory != NULL;
}

/* A frame all of one code; stride as GStreamer's elements have it. */
static inline GstBuffer *flat_frame(guint width, guint height, guint bytes_a_sample, guint code)
{
    gsize samples = (gsize)GST_ROUND_UP_4(width) * height;
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, samples * bytes_a_sample, NULL);
    GstMapInfo map;
    if (!gst_buffer_map(buffer, &map, GST_MAP_WRITE))
        abort();
    for (gsize i = 0; i < samples; i++) {
        map.data[i * bytes_a_sample] = (guint8)code;
        if (bytes_a_sample == 2)
            map.data[2 * i + 1] = (guint8)(code >> 8);
    }
    gst_buffer_unmap(buffer, &map);
    return buffer;
}

static inline const GstStructure *about(GstBuffer *picture)
{
    GstCustomMeta *meta = gst_buffer_get_custom_meta(picture, "softisp-frame");
    return meta ? gst_custom_meta_get_structure(meta) : NULL;
}

static inline gboolean is_zero_copy(GstBuffer *picture)
{
    gboolean zero_copy = FALSE;
    const GstStructure *s = about(picture);
    return s && gst_structure_get_boolean(s, "zero-copy", &zero_copy) && zero_copy;
}

static inline guint8 byte_at(GstBuffer *picture, gsize offset)
{
    guint8 byte = 0;
    gst_buffer_extract(picture, offset, &byte, 1);
    return byte;
}

static inline guint64 stat_of(GstElement *element, const char *name)
{
    GstStructure *stats;
    guint64 number = 0;
    g_object_get(element, "stats", &stats, NULL);
    gst_structure_get_uint64(stats, name, &number);
    gst_structure_free(stats);
    return number;
}

#endif
