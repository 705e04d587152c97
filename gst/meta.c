/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "meta.h"

void gst_softisp_meta_register(void)
{
    static gsize is_registered;
    static const gchar *no_tags[] = {NULL};
    if (g_once_init_enter(&is_registered)) {
        gst_meta_register_custom(GST_SOFTISP_META, no_tags, NULL, NULL, NULL);
        g_once_init_leave(&is_registered, 1);
    }
}

static guint64 latency_ns(const struct sisp_record *record)
{
    return record->published_ns > record->capture_ns ? record->published_ns - record->capture_ns
                                                     : 0;
}

void gst_softisp_meta_add(GstBuffer *buffer, const struct gst_softisp_about *about)
{
    const struct sisp_record *record = about->record;
    GstCustomMeta *meta = gst_buffer_add_custom_meta(buffer, GST_SOFTISP_META);
    GstStructure *s = gst_custom_meta_get_structure(meta);
    gst_structure_set(s, "outcome", G_TYPE_STRING, sisp_outcome_name(record->outcome), "worker",
        G_TYPE_STRING, record->worker, "sequence", G_TYPE_UINT64, (guint64)record->sequence,
        "fallback-used", G_TYPE_BOOLEAN, record->fallback_used != 0, "zero-copy", G_TYPE_BOOLEAN,
        record->zero_copy != 0, "params-generation", G_TYPE_UINT, (guint)about->params_generation,
        "bytes-copied", G_TYPE_UINT64, (guint64)record->bytes_copied, "latency-ns", G_TYPE_UINT64,
        latency_ns(record), NULL);
    if (about->applied.exposure_us > 0)
        gst_structure_set(s, "exposure-us", G_TYPE_DOUBLE, (gdouble)about->applied.exposure_us,
            "analogue-gain", G_TYPE_DOUBLE, (gdouble)about->applied.analogue_gain, NULL);
    if (about->red_gain > 0)
        gst_structure_set(s, "red-gain", G_TYPE_DOUBLE, (gdouble)about->red_gain, "blue-gain",
            G_TYPE_DOUBLE, (gdouble)about->blue_gain, "exposure-ev", G_TYPE_DOUBLE,
            (gdouble)about->exposure_ev, "color-temperature", G_TYPE_DOUBLE, (gdouble)about->kelvin,
            NULL);
}
