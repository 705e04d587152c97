/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "softispsrc.h"

#include "camera.h"
#include "caps.h"
#include "formats.h"
#include "props.h"

#include <errno.h>

GST_DEBUG_CATEGORY_STATIC(softispsrc_debug);
#define GST_CAT_DEFAULT softispsrc_debug

/* How soon a waiting device is asked whether it should stop. */
#define WAIT_NS (50 * GST_MSECOND)

enum {
    PROP_CAMERA = GST_SOFTISP_PROP_OWN,
    PROP_RAW_FORMAT,
    PROP_RAW_WIDTH,
    PROP_RAW_HEIGHT,
    PROP_RAW_FRAMERATE,
    PROP_STATS,
};

struct _GstSoftispSrc {
    GstPushSrc parent;
    struct gst_softisp_settings settings; /* this and what follows: under the object's lock */
    gchar *name, *raw_format;
    guint raw_width, raw_height;
    gint fps_num, fps_den;
    guint64 pictures, copies_out, dropped;
    gint width, height; /* of the open camera; 0: it is not */
    guint64 interval_ns;
    gboolean is_flushing;
    GstClockID due;

    /* The streaming thread's, and of start and stop. */
    struct gst_softisp_camera camera;
    struct gst_softisp_core *core;
    struct gst_softisp_output output;
    GstCaps *picture_caps;
    GstClockTime next_at; /* running time of the simulated camera's next frame */
    guint64 sequence;     /* expected */
};

G_DEFINE_TYPE(GstSoftispSrc, gst_softisp_src, GST_TYPE_PUSH_SRC)

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_SOFTISP_RAW_CAPS));

/* ---- camera and session -------------------------------------------------------------------- */

static gboolean start(GstBaseSrc *base)
{
    char error[512] = "";
    GstSoftispSrc *self = GST_SOFTISP_SRC(base);
    GST_OBJECT_LOCK(self);
    g_autofree gchar *name = g_strdup(self->name);
    g_autofree gchar *raw_format = g_strdup(self->raw_format);
    struct gst_softisp_mode mode = {
        name, raw_format, self->raw_width, self->raw_height, self->fps_num, self->fps_den};
    GST_OBJECT_UNLOCK(self);
    if (gst_softisp_camera_open(&self->camera, &mode, error, sizeof(error)) != 0) {
        GST_ELEMENT_ERROR(self, RESOURCE, OPEN_READ, ("%s", error), (NULL));
        return FALSE;
    }
    const struct sisp_raw_info *info = sisp_camera_info(self->camera.camera);
    gint fps_num = self->camera.fps_num, fps_den = self->camera.fps_den;
    self->next_at = GST_CLOCK_TIME_NONE;
    self->sequence = 0;
    GST_OBJECT_LOCK(self);
    self->width = (gint)info->crop.width;
    self->height = (gint)info->crop.height;
    self->interval_ns = fps_num > 0 ? gst_util_uint64_scale_int(GST_SECOND, fps_den, fps_num) : 0;
    self->pictures = self->copies_out = self->dropped = 0;
    GST_OBJECT_UNLOCK(self);
    return TRUE;
}

static gboolean stop(GstBaseSrc *base)
{
    GstSoftispSrc *self = GST_SOFTISP_SRC(base);
    GST_OBJECT_LOCK(self);
    GST_INFO("pictures %" G_GUINT64_FORMAT ", dropped %" G_GUINT64_FORMAT
             ", copies out %" G_GUINT64_FORMAT,
        self->pictures, self->dropped, self->copies_out);
    self->width = 0;
    GST_OBJECT_UNLOCK(self);
    gst_softisp_camera_close(&self->camera);
    gst_softisp_core_clear(&self->core);
    gst_caps_replace(&self->picture_caps, NULL);
    return TRUE;
}

static gboolean open_core(GstSoftispSrc *self)
{
    struct sisp_session_params params = sisp_session_params_default();
    const GstVideoInfo *info = &self->output.info;
    params.preview.format = gst_softisp_pixel_format(GST_VIDEO_INFO_FORMAT(info));
    params.preview.width = (uint32_t)GST_VIDEO_INFO_WIDTH(info);
    params.preview.height = (uint32_t)GST_VIDEO_INFO_HEIGHT(info);
    params.preview.orientation = gst_softisp_orientation(&self->settings, self);
    gst_softisp_camera_describe(&self->camera, &params);
    gst_softisp_core_clear(&self->core);
    gst_softisp_camera_rebind(&self->camera);
    self->core = gst_softisp_settings_open(&self->settings, GST_ELEMENT(self), &params);
    return self->core != NULL;
}

static gboolean set_caps(GstBaseSrc *base, GstCaps *caps)
{
    GstSoftispSrc *self = GST_SOFTISP_SRC(base);
    if (self->core && gst_caps_is_equal(caps, self->picture_caps))
        return TRUE; /* automatic control goes on from where it is */
    if (!gst_video_info_from_caps(&self->output.info, caps))
        return FALSE;
    gst_caps_replace(&self->picture_caps, caps);
    return open_core(self);
}

/* What the open camera can give. */
static GstCaps *get_caps(GstBaseSrc *base, GstCaps *filter)
{
    GstSoftispSrc *self = GST_SOFTISP_SRC(base);
    GstCaps *caps = gst_pad_get_pad_template_caps(GST_BASE_SRC_PAD(base));
    GST_OBJECT_LOCK(self);
    const gboolean is_transposed = self->settings.orientation & SISP_ORIENTATION_TRANSPOSE;
    gint width = is_transposed ? self->height : self->width;
    gint height = is_transposed ? self->width : self->height;
    GST_OBJECT_UNLOCK(self);
    if (width) {
        caps = gst_caps_make_writable(caps);
        gst_caps_set_simple(caps, "width", GST_TYPE_INT_RANGE, 1, width, "height",
            GST_TYPE_INT_RANGE, 1, height, NULL);
        gst_caps_set_simple(caps, "framerate", GST_TYPE_FRACTION, self->camera.fps_num,
            MAX(self->camera.fps_den, 1), NULL);
    }
    return gst_softisp_filtered(caps, filter);
}

static GstCaps *fixate(GstBaseSrc *base, GstCaps *caps)
{
    GstSoftispSrc *self = GST_SOFTISP_SRC(base);
    caps = gst_caps_make_writable(gst_caps_truncate(caps));
    gst_softisp_fixate_size(gst_caps_get_structure(caps, 0), self->width, self->height,
        gst_softisp_is_transposed(&self->settings, self));
    return GST_BASE_SRC_CLASS(gst_softisp_src_parent_class)->fixate(base, caps);
}

static gboolean decide_allocation(GstBaseSrc *base, GstQuery *query)
{
    gst_softisp_output_decide(&GST_SOFTISP_SRC(base)->output, query);
    return TRUE;
}

/* ---- frames -------------------------------------------------------------------------------- */

static gboolean is_flushing(GstSoftispSrc *self)
{
    GST_OBJECT_LOCK(self);
    gboolean flushing = self->is_flushing;
    GST_OBJECT_UNLOCK(self);
    return flushing;
}

static gboolean unlock(GstBaseSrc *base)
{
    GstSoftispSrc *self = GST_SOFTISP_SRC(base);
    GST_OBJECT_LOCK(self);
    self->is_flushing = TRUE;
    if (self->due)
        gst_clock_id_unschedule(self->due);
    GST_OBJECT_UNLOCK(self);
    return TRUE;
}

static gboolean unlock_stop(GstBaseSrc *base)
{
    GstSoftispSrc *self = GST_SOFTISP_SRC(base);
    GST_OBJECT_LOCK(self);
    self->is_flushing = FALSE;
    GST_OBJECT_UNLOCK(self);
    return TRUE;
}

/* NONE: there is no clock. */
static GstClockTime running_time(GstSoftispSrc *self)
{
    GstClock *clock = gst_element_get_clock(GST_ELEMENT(self));
    if (!clock)
        return GST_CLOCK_TIME_NONE;
    GstClockTime now = gst_clock_get_time(clock) - gst_element_get_base_time(GST_ELEMENT(self));
    gst_object_unref(clock);
    return now;
}

/* FALSE: flushed meanwhile. */
static gboolean wait_until(GstSoftispSrc *self, GstClock *clock, GstClockTime at)
{
    GST_OBJECT_LOCK(self);
    gboolean flushing = self->is_flushing;
    if (!flushing)
        self->due = gst_clock_new_single_shot_id(clock, at);
    GST_OBJECT_UNLOCK(self);
    if (flushing)
        return FALSE;
    GstClockReturn r = gst_clock_id_wait(self->due, NULL);
    GST_OBJECT_LOCK(self);
    g_clear_pointer(&self->due, gst_clock_id_unref);
    GST_OBJECT_UNLOCK(self);
    return r != GST_CLOCK_UNSCHEDULED;
}

/* The simulated camera delivers when it is asked: at its rate, and where downstream keeps it
 * waiting for longer than a device has buffers, frames are lost as a device's would be. */
static gboolean wait_for_frame(GstSoftispSrc *self, GstClockTime *at)
{
    gboolean is_awake = TRUE;
    GstClock *clock = gst_element_get_clock(GST_ELEMENT(self));
    if (!clock)
        return TRUE;
    GstClockTime base = gst_element_get_base_time(GST_ELEMENT(self));
    GstClockTime now = gst_clock_get_time(clock) - base;
    if (!GST_CLOCK_TIME_IS_VALID(self->next_at) ||
        now > self->next_at + GST_SOFTISP_CAMERA_BUFFERS * self->interval_ns)
        self->next_at = now;
    *at = self->next_at;
    self->next_at += self->interval_ns;
    if (*at > now)
        is_awake = wait_until(self, clock, base + *at);
    gst_object_unref(clock);
    return is_awake;
}

/* A device says on the monotonic clock when its frame began. */
static GstClockTime device_time(GstSoftispSrc *self)
{
    GstClockTime now = running_time(self);
    if (!GST_CLOCK_TIME_IS_VALID(now))
        return now;
    guint64 began_ns = sisp_camera_frame(self->camera.camera).start_ns;
    guint64 monotonic_ns = (guint64)g_get_monotonic_time() * GST_USECOND;
    guint64 age_ns = began_ns && monotonic_ns > began_ns ? monotonic_ns - began_ns : 0;
    return now > age_ns && age_ns < GST_SECOND ? now - age_ns : now;
}

/* Downstream must know that nothing comes for this time, and the application why. */
static void tell_of_gap(GstSoftispSrc *self, GstClockTime at)
{
    GST_OBJECT_LOCK(self);
    guint64 dropped = ++self->dropped, pictures = self->pictures;
    GST_OBJECT_UNLOCK(self);
    if (!GST_CLOCK_TIME_IS_VALID(at))
        return;
    GstMessage *qos = gst_message_new_qos(GST_OBJECT(self), TRUE, at, at, at, self->interval_ns);
    gst_message_set_qos_stats(qos, GST_FORMAT_BUFFERS, pictures, dropped);
    gst_element_post_message(GST_ELEMENT(self), qos);
    gst_pad_push_event(GST_BASE_SRC_PAD(self), gst_event_new_gap(at, self->interval_ns));
}

static int capture(GstSoftispSrc *self, GstClockTime *at)
{
    if (!self->camera.is_device && !wait_for_frame(self, at))
        return -EAGAIN;
    int r = gst_softisp_camera_capture(&self->camera, self->core, WAIT_NS);
    if (self->camera.is_device && r == 0)
        *at = device_time(self);
    return r;
}

static void finish_picture(
    GstSoftispSrc *self, GstBuffer *picture, GstClockTime at, const struct gst_softisp_taken *taken)
{
    GST_BUFFER_PTS(picture) = at;
    GST_BUFFER_DURATION(picture) = self->interval_ns ? self->interval_ns : GST_CLOCK_TIME_NONE;
    if (taken->record.sequence != self->sequence)
        GST_BUFFER_FLAG_SET(picture, GST_BUFFER_FLAG_DISCONT);
    self->sequence = taken->record.sequence + 1;
    if (taken->request.exposure_us > 0)
        sisp_camera_set_controls(self->camera.camera, &taken->request);
    GST_OBJECT_LOCK(self);
    self->pictures++;
    self->copies_out += taken->is_copied;
    GST_OBJECT_UNLOCK(self);
}

/* 0, -EAGAIN or -ENOBUFS: no picture this time; else an error that ends the stream. */
static int next_picture(GstSoftispSrc *self, GstBuffer **picture)
{
    GstClockTime at = GST_CLOCK_TIME_NONE;
    struct gst_softisp_taken taken = {0};
    int r = capture(self, &at);
    if (r == 0)
        r = gst_softisp_core_take(self->core, &self->output, picture, &taken);
    if (r == 0)
        finish_picture(self, *picture, at, &taken);
    if (r == -ENODATA || r == -ENOBUFS)
        tell_of_gap(self, at);
    return r == -ENODATA ? -ENOBUFS : r;
}

/* A property was set while playing: the session takes it over, or a new one begins. A new shape of
 * the picture is agreed upon first, before the next frame. */
static gboolean follow_settings(GstSoftispSrc *self)
{
    return gst_softisp_settings_follow(
               &self->settings, GST_ELEMENT(self), self->core, running_time(self)) ||
           gst_pad_needs_reconfigure(GST_BASE_SRC_PAD(self)) || open_core(self);
}

static GstFlowReturn create(GstPushSrc *push, GstBuffer **picture)
{
    GstSoftispSrc *self = GST_SOFTISP_SRC(push);
    int r = -EAGAIN;
    while (r == -EAGAIN || r == -ENOBUFS) {
        if (is_flushing(self))
            return GST_FLOW_FLUSHING;
        if (!self->core || !follow_settings(self))
            return GST_FLOW_NOT_NEGOTIATED;
        r = next_picture(self, picture);
    }
    if (r == 0)
        return GST_FLOW_OK;
    const char *why = sisp_camera_error(self->camera.camera);
    GST_ELEMENT_ERROR(self, RESOURCE, READ,
        ("The camera gives no more frames: %s.", why[0] ? why : g_strerror(-r)), (NULL));
    return GST_FLOW_ERROR;
}

/* A frame has its picture within the interval: from the fast lane, else from the floor. */
static gboolean query(GstBaseSrc *base, GstQuery *query)
{
    GstSoftispSrc *self = GST_SOFTISP_SRC(base);
    if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY)
        return GST_BASE_SRC_CLASS(gst_softisp_src_parent_class)->query(base, query);
    GST_OBJECT_LOCK(self);
    guint64 interval_ns = self->interval_ns;
    GST_OBJECT_UNLOCK(self);
    gst_query_set_latency(query, TRUE, interval_ns, GST_SOFTISP_CAMERA_BUFFERS * interval_ns);
    return TRUE;
}

/* ---- properties and the type --------------------------------------------------------------- */

static void replace(gchar **text, const GValue *value)
{
    g_free(*text);
    *text = g_value_dup_string(value);
}

static gboolean set_own(GstSoftispSrc *self, guint id, const GValue *value)
{
    switch (id) {
    case PROP_CAMERA:
        replace(&self->name, value);
        if (!self->name)
            self->name = g_strdup("sim");
        return TRUE;
    case PROP_RAW_FORMAT:
        replace(&self->raw_format, value);
        return TRUE;
    case PROP_RAW_WIDTH:
        self->raw_width = g_value_get_uint(value);
        return TRUE;
    case PROP_RAW_HEIGHT:
        self->raw_height = g_value_get_uint(value);
        return TRUE;
    case PROP_RAW_FRAMERATE:
        self->fps_num = gst_value_get_fraction_numerator(value);
        self->fps_den = gst_value_get_fraction_denominator(value);
        return TRUE;
    default:
        return gst_softisp_settings_set(&self->settings, id, value, GST_BASE_SRC_PAD(self));
    }
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    GstSoftispSrc *self = GST_SOFTISP_SRC(object);
    GST_OBJECT_LOCK(self);
    gboolean is_known = set_own(self, id, value);
    GST_OBJECT_UNLOCK(self);
    if (!is_known)
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static GstStructure *stats(const GstSoftispSrc *self)
{
    return gst_structure_new("softisp-stats", "pictures", G_TYPE_UINT64, self->pictures, "dropped",
        G_TYPE_UINT64, self->dropped, "copies-out", G_TYPE_UINT64, self->copies_out, NULL);
}

static gboolean get_own(GstSoftispSrc *self, guint id, GValue *value)
{
    switch (id) {
    case PROP_CAMERA:
        g_value_set_string(value, self->name);
        return TRUE;
    case PROP_RAW_FORMAT:
        g_value_set_string(value, self->raw_format);
        return TRUE;
    case PROP_RAW_WIDTH:
        g_value_set_uint(value, self->raw_width);
        return TRUE;
    case PROP_RAW_HEIGHT:
        g_value_set_uint(value, self->raw_height);
        return TRUE;
    case PROP_RAW_FRAMERATE:
        gst_value_set_fraction(value, self->fps_num, self->fps_den);
        return TRUE;
    case PROP_STATS:
        g_value_take_boxed(value, stats(self));
        return TRUE;
    default:
        return gst_softisp_settings_get(&self->settings, id, value);
    }
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    GstSoftispSrc *self = GST_SOFTISP_SRC(object);
    GST_OBJECT_LOCK(self);
    gboolean is_known = get_own(self, id, value);
    GST_OBJECT_UNLOCK(self);
    if (!is_known)
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void finalize(GObject *object)
{
    GstSoftispSrc *self = GST_SOFTISP_SRC(object);
    gst_softisp_settings_finish(&self->settings);
    g_free(self->name);
    g_free(self->raw_format);
    G_OBJECT_CLASS(gst_softisp_src_parent_class)->finalize(object);
}

static void install_properties(GObjectClass *class)
{
    GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;
    g_object_class_install_property(class, PROP_CAMERA,
        g_param_spec_string("camera", "camera",
            "sim, sim:KEY=VALUE,... or v4l2:DEVICE, such as v4l2:/dev/video0", "sim", flags));
    g_object_class_install_property(class, PROP_RAW_FORMAT,
        g_param_spec_string("raw-format", "raw-format",
            "Raw format by its V4L2 name, such as SRGGB10; none: the camera's choice", NULL,
            flags));
    g_object_class_install_property(class, PROP_RAW_WIDTH,
        g_param_spec_uint("raw-width", "raw-width", "Width of the camera's frames; 0: its choice",
            0, GST_SOFTISP_SIDE_MAX, 0, flags));
    g_object_class_install_property(class, PROP_RAW_HEIGHT,
        g_param_spec_uint("raw-height", "raw-height",
            "Height of the camera's frames; 0: its choice", 0, GST_SOFTISP_SIDE_MAX, 0, flags));
    g_object_class_install_property(class, PROP_RAW_FRAMERATE,
        gst_param_spec_fraction("raw-framerate", "raw-framerate",
            "Rate of the camera's frames; 0: its choice", 0, 1, 1000, 1, 0, 1, flags));
    g_object_class_install_property(class, PROP_STATS,
        g_param_spec_boxed("stats", "stats",
            "Pictures, frames without a picture, pictures that were copied", GST_TYPE_STRUCTURE,
            G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
    gst_softisp_props_install(class, GST_SOFTISP_SOURCE);
}

static void gst_softisp_src_class_init(GstSoftispSrcClass *class)
{
    GObjectClass *object_class = G_OBJECT_CLASS(class);
    GstElementClass *element_class = GST_ELEMENT_CLASS(class);
    GstBaseSrcClass *base_class = GST_BASE_SRC_CLASS(class);
    GST_DEBUG_CATEGORY_INIT(softispsrc_debug, "softispsrc", 0, "SoftISP camera");
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    object_class->finalize = finalize;
    install_properties(object_class);
    gst_element_class_set_static_metadata(element_class, "SoftISP camera", "Source/Video",
        "A raw camera under automatic exposure and white balance", "the SoftISP project");
    gst_element_class_add_static_pad_template(element_class, &src_template);
    base_class->start = start;
    base_class->stop = stop;
    base_class->get_caps = get_caps;
    base_class->fixate = fixate;
    base_class->set_caps = set_caps;
    base_class->decide_allocation = decide_allocation;
    base_class->unlock = unlock;
    base_class->unlock_stop = unlock_stop;
    base_class->query = query;
    GST_PUSH_SRC_CLASS(class)->create = create;
}

static void gst_softisp_src_init(GstSoftispSrc *self)
{
    gst_softisp_settings_init(&self->settings);
    self->name = g_strdup("sim");
    self->fps_den = 1;
    gst_base_src_set_live(GST_BASE_SRC(self), TRUE);
    gst_base_src_set_format(GST_BASE_SRC(self), GST_FORMAT_TIME);
}
