/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Properties that both elements have: the parameter table's, and what a session is told. */
#ifndef GST_SOFTISP_PROPS_H
#define GST_SOFTISP_PROPS_H

#include <gst/gst.h>
#include <softisp/softisp.h>

/* Under the object's lock. */
struct gst_softisp_settings {
    struct sisp_params params;
    gchar *tuning;
    guint threads;
    gint orientation;
    gint input_memory, output_memory; /* enum sisp_memory */
};

enum gst_softisp_face {
    GST_SOFTISP_FILTER, /* controls no sensor */
    GST_SOFTISP_SOURCE,
};

/* Numbers from here on are the elements' own. */
#define GST_SOFTISP_PROP_OWN 1000

void gst_softisp_props_install(GObjectClass *class, enum gst_softisp_face face);
void gst_softisp_settings_init(struct gst_softisp_settings *settings);
void gst_softisp_settings_finish(struct gst_softisp_settings *settings);

/* FALSE: not one of these. */
gboolean gst_softisp_settings_set(
    struct gst_softisp_settings *settings, guint id, const GValue *value);
gboolean gst_softisp_settings_get(
    const struct gst_softisp_settings *settings, guint id, GValue *value);

/* Create a session of `session` with the settings of `object` applied, else post an error. */
struct gst_softisp_core *gst_softisp_settings_open(const struct gst_softisp_settings *settings,
    GstElement *element, struct sisp_session_params *session);

#endif
