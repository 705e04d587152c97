/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Properties that both elements have: the parameter table's, and what a session is told. */
#ifndef GST_SOFTISP_PROPS_H
#define GST_SOFTISP_PROPS_H

#include "core.h"

#include <gst/gst.h>
#include <softisp/softisp.h>

/* Under the object's lock. */
struct gst_softisp_settings {
    struct sisp_params params;
    gchar *tuning;
    guint threads;
    gint orientation;
    gint input_memory, output_memory; /* enum sisp_memory */
    gboolean is_changed;              /* the session is not of these settings */
    gboolean are_wishes_changed;      /* not of these params, which it can take over */
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

/* FALSE: not one of these. Where it changes the picture's shape, caps of `pad` are to be agreed
 * upon before the next frame. */
gboolean gst_softisp_settings_set(
    struct gst_softisp_settings *settings, guint id, const GValue *value, GstPad *pad);
gboolean gst_softisp_settings_get(
    const struct gst_softisp_settings *settings, guint id, GValue *value);

/* What is set now; whether pictures' widths are heights of the mosaic. They take the lock. */
enum sisp_orientation gst_softisp_orientation(
    const struct gst_softisp_settings *settings, gpointer element);
gboolean gst_softisp_is_transposed(const struct gst_softisp_settings *settings, gpointer element);

/* Create a session of `session`, whose orientation its caps and crop go with, with the other
 * settings of `element` applied, else post an error. */
struct gst_softisp_core *gst_softisp_settings_open(struct gst_softisp_settings *settings,
    GstElement *element, struct sisp_session_params *session);

/* Before a frame of that stream time: properties under control get its values, and what was set
 * since the last one goes to the session. FALSE: what was set needs a session of its own. */
gboolean gst_softisp_settings_follow(struct gst_softisp_settings *settings, GstElement *element,
    const struct gst_softisp_core *core, GstClockTime at);

#endif
