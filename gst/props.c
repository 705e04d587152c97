/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "props.h"

enum {
    PROP_TUNING = 1,
    PROP_THREADS,
    PROP_ORIENTATION,
    PROP_INPUT_MEMORY,
    PROP_OUTPUT_MEMORY,
    PROP_TABLE, /* as many as the table has rows */
};

/* Downstream may keep pictures for as long as it is paused. */
#define LEASE "3600 s"

/* Without a rate to keep, a worker may take its time. */
#define PATIENCE "60 s"

static GType orientation_type(void)
{
    static gsize type;
    static const GEnumValue values[] = {
        {SISP_ORIENTATION_ROTATE_0, "as the sensor gives it", "rotate-0"},
        {SISP_ORIENTATION_MIRROR, "left and right change places", "mirror"},
        {SISP_ORIENTATION_FLIP, "top and bottom change places", "flip"},
        {SISP_ORIENTATION_ROTATE_180, "both", "rotate-180"},
        {SISP_ORIENTATION_TRANSPOSE, "rows become columns", "transpose"},
        {SISP_ORIENTATION_ROTATE_270, "a quarter turn to the left", "rotate-270"},
        {SISP_ORIENTATION_ROTATE_90, "a quarter turn to the right", "rotate-90"},
        {SISP_ORIENTATION_ROTATE_180_TRANSPOSE, "rows become columns, from the far corner",
            "rotate-180-transpose"},
        {0, NULL, NULL},
    };
    if (g_once_init_enter(&type))
        g_once_init_leave(&type, g_enum_register_static("GstSoftispOrientation", values));
    return type;
}

static GType memory_type(void)
{
    static gsize type;
    static const GEnumValue values[] = {
        {SISP_MEMORY_MEMFD, "a memfd", "memfd"},
        {SISP_MEMORY_UDMABUF, "a dmabuf of a memfd's pages", "udmabuf"},
        {SISP_MEMORY_DMA_HEAP, "a dmabuf of the system heap", "dma-heap"},
        {0, NULL, NULL},
    };
    if (g_once_init_enter(&type))
        g_once_init_leave(&type, g_enum_register_static("GstSoftispMemory", values));
    return type;
}

/* Time and gain are the sensor's, and only a source has one. */
static gboolean is_of_sensor(int param)
{
    switch (param) {
    case SISP_PARAM_AE_EXPOSURE_MODE:
    case SISP_PARAM_EXPOSURE_US:
    case SISP_PARAM_ANALOGUE_GAIN:
    case SISP_PARAM_EXPOSURE_MAX_US:
    case SISP_PARAM_FLICKER_MODE:
    case SISP_PARAM_FLICKER_PERIOD_US:
        return TRUE;
    default:
        return FALSE;
    }
}

/* g_object_class_install_property() takes names with '_' for the same with '-'. */
static void install_row(GObjectClass *class, int index)
{
    const struct sisp_param_row *row = &sisp_param_table[index];
    GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_NICK | GST_PARAM_MUTABLE_PLAYING |
                        GST_PARAM_CONTROLLABLE;
    g_autofree gchar *name = g_strdelimit(g_strdup(row->name), "_", '-');
    g_autofree gchar *blurb =
        row->unit[0] ? g_strdup_printf("%s [%s]", row->help, row->unit) : g_strdup(row->help);
    GParamSpec *spec = row->is_integer ? g_param_spec_int(name, row->name, blurb, (gint)row->min,
                                             (gint)row->max, (gint)row->value_default, flags)
                                       : g_param_spec_float(name, row->name, blurb, row->min,
                                             row->max, row->value_default, flags);
    g_object_class_install_property(class, PROP_TABLE + (guint)index, spec);
}

void gst_softisp_props_install(GObjectClass *class, enum gst_softisp_face face)
{
    GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;
    g_object_class_install_property(class, PROP_TUNING,
        g_param_spec_string("tuning", "tuning",
            "Tuning file of sensor and lens: Raspberry Pi's JSON, libcamera's YAML, DCP or DNG",
            NULL, flags));
    g_object_class_install_property(class, PROP_THREADS,
        g_param_spec_uint(
            "threads", "threads", "Threads of each team; 0: one for each CPU", 0, 64, 0, flags));
    g_object_class_install_property(class, PROP_ORIENTATION,
        g_param_spec_enum("orientation", "orientation", "How the picture is turned",
            orientation_type(), SISP_ORIENTATION_ROTATE_0, flags));
    g_object_class_install_property(class, PROP_OUTPUT_MEMORY,
        g_param_spec_enum("output-memory", "output-memory", "What pictures lie in", memory_type(),
            SISP_MEMORY_MEMFD, flags));
    if (face == GST_SOFTISP_FILTER)
        g_object_class_install_property(class, PROP_INPUT_MEMORY,
            g_param_spec_enum("input-memory", "input-memory",
                "What the buffers that are offered to upstream lie in", memory_type(),
                SISP_MEMORY_MEMFD, flags));
    gst_type_mark_as_plugin_api(orientation_type(), 0);
    gst_type_mark_as_plugin_api(memory_type(), 0);
    for (int i = 0; i < SISP_PARAM_COUNT; i++) {
        if (face == GST_SOFTISP_SOURCE || !is_of_sensor(i))
            install_row(class, i);
    }
}

void gst_softisp_settings_init(struct gst_softisp_settings *settings)
{
    *settings = (struct gst_softisp_settings){.params = sisp_params_default()};
}

void gst_softisp_settings_finish(struct gst_softisp_settings *settings)
{
    g_clear_pointer(&settings->tuning, g_free);
}

static float *table_value(const struct gst_softisp_settings *settings, guint id)
{
    return id >= PROP_TABLE && id < PROP_TABLE + SISP_PARAM_COUNT
               ? (float *)&settings->params.value[id - PROP_TABLE]
               : NULL;
}

enum sisp_orientation gst_softisp_orientation(
    const struct gst_softisp_settings *settings, gpointer element)
{
    GST_OBJECT_LOCK(element);
    gint orientation = settings->orientation;
    GST_OBJECT_UNLOCK(element);
    return (enum sisp_orientation)orientation;
}

gboolean gst_softisp_is_transposed(const struct gst_softisp_settings *settings, gpointer element)
{
    return (gst_softisp_orientation(settings, element) & SISP_ORIENTATION_TRANSPOSE) != 0;
}

static void set_orientation(struct gst_softisp_settings *settings, gint orientation, GstPad *pad)
{
    if ((settings->orientation ^ orientation) & SISP_ORIENTATION_TRANSPOSE)
        gst_pad_mark_reconfigure(pad);
    settings->orientation = orientation;
}

static gboolean set_of_session(
    struct gst_softisp_settings *settings, guint id, const GValue *value, GstPad *pad)
{
    if (id == PROP_TUNING) {
        g_free(settings->tuning);
        settings->tuning = g_value_dup_string(value);
    } else if (id == PROP_THREADS)
        settings->threads = g_value_get_uint(value);
    else if (id == PROP_ORIENTATION)
        set_orientation(settings, g_value_get_enum(value), pad);
    else if (id == PROP_INPUT_MEMORY)
        settings->input_memory = g_value_get_enum(value);
    else if (id == PROP_OUTPUT_MEMORY)
        settings->output_memory = g_value_get_enum(value);
    else
        return FALSE;
    settings->is_changed = TRUE;
    return TRUE;
}

gboolean gst_softisp_settings_set(
    struct gst_softisp_settings *settings, guint id, const GValue *value, GstPad *pad)
{
    float *number = table_value(settings, id);
    if (!number)
        return set_of_session(settings, id, value, pad);
    float wanted =
        G_VALUE_HOLDS_INT(value) ? (float)g_value_get_int(value) : g_value_get_float(value);
    settings->are_wishes_changed |= *number != wanted;
    *number = wanted;
    return TRUE;
}

gboolean gst_softisp_settings_get(
    const struct gst_softisp_settings *settings, guint id, GValue *value)
{
    const float *number = table_value(settings, id);
    if (number && G_VALUE_HOLDS_INT(value))
        g_value_set_int(value, (gint)*number);
    else if (number)
        g_value_set_float(value, *number);
    else if (id == PROP_TUNING)
        g_value_set_string(value, settings->tuning);
    else if (id == PROP_THREADS)
        g_value_set_uint(value, settings->threads);
    else if (id == PROP_ORIENTATION)
        g_value_set_enum(value, settings->orientation);
    else if (id == PROP_INPUT_MEMORY)
        g_value_set_enum(value, settings->input_memory);
    else if (id == PROP_OUTPUT_MEMORY)
        g_value_set_enum(value, settings->output_memory);
    else
        return FALSE;
    return TRUE;
}

/* A copy, so that nothing that blocks is done under the lock. An orientation that was set since its
 * caps and crop were chosen is followed with the next frame. */
static void copy_settings(struct gst_softisp_settings *copy, struct gst_softisp_settings *settings,
    gpointer object, enum sisp_orientation orientation)
{
    GST_OBJECT_LOCK(object);
    *copy = *settings;
    copy->tuning = g_strdup(settings->tuning);
    settings->is_changed = settings->orientation != (gint)orientation;
    settings->are_wishes_changed = FALSE;
    GST_OBJECT_UNLOCK(object);
}

struct gst_softisp_core *gst_softisp_settings_open(
    struct gst_softisp_settings *settings, GstElement *element, struct sisp_session_params *session)
{
    char error[512] = "";
    struct gst_softisp_settings copy;
    struct gst_softisp_core *core = NULL;
    struct sisp_knobs knobs = {0};
    g_autofree struct sisp_tuning *tuning = g_new0(struct sisp_tuning, 1);
    copy_settings(&copy, settings, element, session->preview.orientation);
    session->params = copy.params;
    session->threads = copy.threads;
    session->input_memory = (enum sisp_memory)copy.input_memory;
    session->output_memory = (enum sisp_memory)copy.output_memory;
    session->knobs = &knobs;
    session->tuning = copy.tuning ? tuning : NULL;
    int r = sisp_knobs_set(&knobs, "lease", LEASE);
    if (r == 0 && !session->frame_interval_ns)
        r = sisp_knobs_set(&knobs, "hang_timeout", PATIENCE);
    if (r == 0 && copy.tuning)
        r = sisp_tuning_load(tuning, copy.tuning, error, sizeof(error));
    if (r == 0)
        core = gst_softisp_core_create(session, error, sizeof(error));
    if (!core)
        GST_ELEMENT_ERROR(element, LIBRARY, SETTINGS, ("%s", error), (NULL));
    gst_softisp_settings_finish(&copy);
    return core;
}

gboolean gst_softisp_settings_follow(struct gst_softisp_settings *settings, GstElement *element,
    const struct gst_softisp_core *core, GstClockTime at)
{
    if (GST_CLOCK_TIME_IS_VALID(at))
        gst_object_sync_values(GST_OBJECT(element), at);
    GST_OBJECT_LOCK(element);
    gboolean is_changed = settings->is_changed;
    gboolean are_wishes_changed = settings->are_wishes_changed && !is_changed;
    struct sisp_params params = settings->params;
    if (are_wishes_changed)
        settings->are_wishes_changed = FALSE;
    GST_OBJECT_UNLOCK(element);
    return !is_changed &&
           (!are_wishes_changed || sisp_session_set_params(core->session, &params) == 0);
}
