/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "softisp.h"

#include "caps.h"
#include "core.h"
#include "formats.h"
#include "pool.h"
#include "props.h"

#include <errno.h>
#include <string.h>

GST_DEBUG_CATEGORY_STATIC(softisp_debug);
#define GST_CAT_DEFAULT softisp_debug

/* For an input to come back where all are on their way. */
#define INPUT_TRIES   2000
#define INPUT_LOOK_US 500

enum {
    PROP_BLACK_LEVEL = GST_SOFTISP_PROP_OWN,
    PROP_STATS,
};

struct _GstSoftisp {
    GstBaseTransform parent;
    struct gst_softisp_settings settings; /* this and what follows: under the object's lock */
    gfloat black_level;
    guint64 interval_ns; /* 0: not live */
    guint64 frames, pictures, copies_in, copies_out, dropped;

    /* The streaming thread's. */
    struct gst_softisp_core *core;
    struct gst_softisp_output output;
    GstCaps *caps, *picture_caps;
};

G_DEFINE_TYPE(GstSoftisp, gst_softisp, GST_TYPE_BASE_TRANSFORM)

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
        GST_STATIC_CAPS(
            "video/x-bayer, format = (string) " GST_SOFTISP_BAYER_FORMATS GST_SOFTISP_SIZES));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_SOFTISP_RAW_CAPS));

/* ---- session ------------------------------------------------------------------------------- */

/* Whether upstream has a clock to keep up with; else no frame may be lost. */
static gboolean is_live(GstBaseTransform *base)
{
    gboolean live = FALSE;
    GstQuery *query = gst_query_new_latency();
    if (gst_pad_peer_query(base->sinkpad, query))
        gst_query_parse_latency(query, &live, NULL, NULL);
    gst_query_unref(query);
    return live;
}

static gboolean open_core(GstSoftisp *self)
{
    struct sisp_session_params params = sisp_session_params_default();
    GstBaseTransform *base = GST_BASE_TRANSFORM(self);
    const GstVideoInfo *info = &self->output.info;
    if (!gst_softisp_raw_info(&params.info, self->caps))
        return FALSE;
    guint64 interval_ns = is_live(base) ? gst_softisp_interval_ns(self->caps) : 0;
    GST_OBJECT_LOCK(self);
    self->interval_ns = interval_ns;
    params.preview.orientation = (enum sisp_orientation)self->settings.orientation;
    for (int i = 0; self->black_level >= 0 && i < SISP_SITE_COUNT; i++) {
        params.info.black_level[i] = self->black_level;
        params.info.black_source = SISP_SOURCE_MANUAL;
    }
    GST_OBJECT_UNLOCK(self);
    if (params.info.black_level[0] >= params.info.white_level) {
        GST_ELEMENT_ERROR(self, LIBRARY, SETTINGS,
            ("The black level %g is not below the frames' white level %g.",
                (gdouble)params.info.black_level[0], (gdouble)params.info.white_level),
            (NULL));
        return FALSE;
    }
    params.preview.format = gst_softisp_pixel_format(GST_VIDEO_INFO_FORMAT(info));
    params.preview.width = (uint32_t)GST_VIDEO_INFO_WIDTH(info);
    params.preview.height = (uint32_t)GST_VIDEO_INFO_HEIGHT(info);
    params.is_live = 1;
    params.frame_interval_ns = interval_ns;
    params.imports_max = GST_SOFTISP_IMPORTS;
    gst_softisp_core_clear(&self->core);
    self->core = gst_softisp_settings_open(&self->settings, GST_ELEMENT(self), &params);
    return self->core != NULL;
}

static GstCaps *transform_caps(
    GstBaseTransform *base, GstPadDirection direction, GstCaps *caps, GstCaps *filter)
{
    GstPad *other = direction == GST_PAD_SINK ? base->srcpad : base->sinkpad;
    GstCaps *template = gst_pad_get_pad_template_caps(other);
    gboolean is_transposed = gst_softisp_is_transposed(&GST_SOFTISP(base)->settings, base);
    GstCaps *result = gst_softisp_other_caps(template, caps, direction, is_transposed);
    gst_caps_unref(template);
    return gst_softisp_filtered(result, filter);
}

static GstCaps *fixate_caps(
    GstBaseTransform *base, GstPadDirection direction, GstCaps *caps, GstCaps *others)
{
    gint width, height;
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    others = gst_caps_make_writable(gst_caps_truncate(others));
    if (gst_structure_get_int(s, "width", &width) && gst_structure_get_int(s, "height", &height))
        gst_softisp_fixate_size(gst_caps_get_structure(others, 0), width, height,
            gst_softisp_is_transposed(&GST_SOFTISP(base)->settings, base));
    return gst_caps_fixate(others);
}

static gboolean set_caps(GstBaseTransform *base, GstCaps *in, GstCaps *out)
{
    GstSoftisp *self = GST_SOFTISP(base);
    if (self->core && gst_caps_is_equal(in, self->caps) &&
        gst_caps_is_equal(out, self->picture_caps))
        return TRUE; /* automatic control goes on from where it is */
    if (!gst_video_info_from_caps(&self->output.info, out))
        return FALSE;
    gst_caps_replace(&self->caps, in);
    gst_caps_replace(&self->picture_caps, out);
    if (!open_core(self))
        return FALSE;
    gst_element_post_message(GST_ELEMENT(self), gst_message_new_latency(GST_OBJECT(self)));
    return TRUE;
}

static gboolean stop(GstBaseTransform *base)
{
    GstSoftisp *self = GST_SOFTISP(base);
    GST_OBJECT_LOCK(self);
    GST_INFO("frames %" G_GUINT64_FORMAT ", pictures %" G_GUINT64_FORMAT
             ", copies in %" G_GUINT64_FORMAT ", copies out %" G_GUINT64_FORMAT,
        self->frames, self->pictures, self->copies_in, self->copies_out);
    GST_OBJECT_UNLOCK(self);
    gst_softisp_core_clear(&self->core);
    gst_caps_replace(&self->caps, NULL);
    gst_caps_replace(&self->picture_caps, NULL);
    return TRUE;
}

/* ---- memory -------------------------------------------------------------------------------- */

static gboolean propose_allocation(GstBaseTransform *base, GstQuery *decided, GstQuery *query)
{
    GstSoftisp *self = GST_SOFTISP(base);
    GstCaps *caps;
    gst_query_parse_allocation(query, &caps, NULL);
    if (!self->core || !caps || !gst_caps_is_equal(caps, self->caps))
        return FALSE;
    guint size = (guint)sisp_raw_info_size_bytes(&self->core->info);
    GstBufferPool *pool = gst_softisp_pool_new(self->core);
    GstStructure *config = gst_buffer_pool_get_config(pool);
    gst_buffer_pool_config_set_params(config, caps, size, 1, GST_SOFTISP_POOL_BUFFERS);
    if (gst_buffer_pool_set_config(pool, config))
        gst_query_add_allocation_pool(query, pool, size, 1, GST_SOFTISP_POOL_BUFFERS);
    gst_object_unref(pool);
    gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL);
    return TRUE;
}

static gboolean decide_allocation(GstBaseTransform *base, GstQuery *query)
{
    gst_softisp_output_decide(&GST_SOFTISP(base)->output, query);
    return TRUE;
}

/* ---- a frame ------------------------------------------------------------------------------- */

/* Rows as they lie in the buffer; 0: it is too small. */
static size_t source_stride(GstSoftisp *self, GstBuffer *buffer, gsize size_bytes)
{
    const struct sisp_raw_info *info = &self->core->info;
    const struct sisp_raw_format *format = sisp_raw_info_format(info);
    size_t row_bytes = sisp_raw_row_bytes(format->packing, info->width);
    size_t stride_bytes = info->stride_bytes;
    GstVideoMeta *meta = gst_buffer_get_video_meta(buffer);
    if (meta && meta->n_planes == 1 && meta->stride[0] > 0)
        stride_bytes = (size_t)meta->stride[0];
    else if (size_bytes == row_bytes * info->height)
        stride_bytes = row_bytes; /* a file without padding */
    gboolean fits = stride_bytes >= row_bytes && size_bytes >= row_bytes &&
                    (size_bytes - row_bytes) / stride_bytes >= info->height - 1;
    return fits ? stride_bytes : 0;
}

/* Whether its rows are where the session's are. */
static gboolean is_laid_out(GstSoftisp *self, GstBuffer *buffer)
{
    gsize size_bytes = gst_buffer_get_size(buffer);
    return size_bytes >= sisp_raw_info_size_bytes(&self->core->info) &&
           source_stride(self, buffer, size_bytes) == self->core->info.stride_bytes;
}

static gboolean copy_frame(GstSoftisp *self, GstBuffer *buffer, struct sisp_input *input)
{
    GstMapInfo map;
    const struct sisp_raw_info *info = &self->core->info;
    size_t row_bytes = sisp_raw_row_bytes(sisp_raw_info_format(info)->packing, info->width);
    if (!gst_buffer_map(buffer, &map, GST_MAP_READ))
        return FALSE;
    size_t stride_bytes = source_stride(self, buffer, map.size);
    for (uint32_t y = 0; stride_bytes && y < info->height; y++)
        memcpy(input->samples + y * info->stride_bytes, map.data + y * stride_bytes, row_bytes);
    if (!stride_bytes)
        GST_ELEMENT_ERROR(self, STREAM, FORMAT,
            ("A buffer of %zu bytes holds no frame of %ux%u.", (size_t)map.size, info->width,
                info->height),
            (NULL));
    gst_buffer_unmap(buffer, &map);
    return stride_bytes != 0;
}

/* All inputs are in use for the moments that a worker takes to let go, or a slow reader upstream
 * to let go of what it shares with us. */
static int acquire_input(GstSoftisp *self, struct sisp_input *input)
{
    int r = sisp_session_acquire(self->core->session, input);
    for (int i = 0; r == -EAGAIN && i < INPUT_TRIES; i++) {
        g_usleep(INPUT_LOOK_US);
        r = sisp_session_acquire(self->core->session, input);
    }
    return r;
}

static int submit(GstSoftisp *self, struct sisp_input *input, uint64_t bytes_copied)
{
    struct sisp_submission submission = {
        .lane = SISP_LANE_FAST,
        .sequence = self->core->sequence++,
        .bytes_copied = bytes_copied,
    };
    int r = sisp_session_submit(self->core->session, input, &submission);
    if (r == 0)
        *input = (struct sisp_input){0};
    return r;
}

/* GST_FLOW_OK: one result will follow. */
static GstFlowReturn submit_buffer(GstSoftisp *self, GstBuffer *buffer)
{
    struct sisp_input input, *own = NULL;
    int r = 0;
    if (is_laid_out(self, buffer)) {
        own = gst_softisp_core_own_input(self->core, buffer);
        own = own ? own : gst_softisp_core_import(self->core, buffer);
    }
    if (own)
        return submit(self, own, 0) == 0 ? GST_FLOW_OK : GST_BASE_TRANSFORM_FLOW_DROPPED;
    if (acquire_input(self, &input) != 0)
        return GST_BASE_TRANSFORM_FLOW_DROPPED;
    gboolean is_copied = copy_frame(self, buffer, &input);
    if (is_copied)
        r = submit(self, &input, sisp_raw_info_size_bytes(&self->core->info));
    if (!is_copied || r)
        sisp_session_cancel(self->core->session, &input);
    GST_OBJECT_LOCK(self);
    self->copies_in += is_copied;
    GST_OBJECT_UNLOCK(self);
    return !is_copied ? GST_FLOW_ERROR : r ? GST_BASE_TRANSFORM_FLOW_DROPPED : GST_FLOW_OK;
}

static GstFlowReturn take_picture(GstSoftisp *self, GstBuffer *in, GstBuffer **out)
{
    struct gst_softisp_taken taken;
    int r = gst_softisp_core_take(self->core, &self->output, out, &taken);
    gst_softisp_core_reap(self->core);
    if (r == -ENODATA) {
        GST_WARNING_OBJECT(self, "frame %" G_GUINT64_FORMAT " was %s: %s",
            (guint64)taken.record.sequence, sisp_outcome_name(taken.record.outcome),
            sisp_reason_name(taken.record.reason));
        return GST_BASE_TRANSFORM_FLOW_DROPPED;
    }
    if (r)
        return GST_FLOW_ERROR;
    GST_BASE_TRANSFORM_GET_CLASS(self)->copy_metadata(GST_BASE_TRANSFORM(self), in, *out);
    GST_OBJECT_LOCK(self);
    self->pictures++;
    self->copies_out += taken.is_copied;
    GST_OBJECT_UNLOCK(self);
    return GST_FLOW_OK;
}

/* Downstream must know that nothing comes for this time, and the application why. */
static void tell_of_gap(GstSoftisp *self, GstBuffer *in)
{
    GstBaseTransform *base = GST_BASE_TRANSFORM(self);
    GstClockTime at = GST_BUFFER_PTS(in), duration = GST_BUFFER_DURATION(in);
    GST_OBJECT_LOCK(self);
    guint64 dropped = ++self->dropped, pictures = self->pictures;
    GST_OBJECT_UNLOCK(self);
    if (!GST_CLOCK_TIME_IS_VALID(at) || base->segment.format != GST_FORMAT_TIME)
        return;
    GstMessage *qos = gst_message_new_qos(GST_OBJECT(self), self->interval_ns != 0,
        gst_segment_to_running_time(&base->segment, GST_FORMAT_TIME, at),
        gst_segment_to_stream_time(&base->segment, GST_FORMAT_TIME, at), at, duration);
    gst_message_set_qos_stats(qos, GST_FORMAT_BUFFERS, pictures, dropped);
    gst_element_post_message(GST_ELEMENT(self), qos);
    gst_pad_push_event(base->srcpad, gst_event_new_gap(at, duration));
}

/* A property was set while playing: the session takes it over, or a new one begins, whose pool
 * upstream asks for. A new shape of the picture is agreed upon first, before the next frame. */
static gboolean follow_settings(GstSoftisp *self, GstBuffer *in)
{
    const GstSegment *segment = &GST_BASE_TRANSFORM(self)->segment;
    GstClockTime at = GST_CLOCK_TIME_NONE;
    if (segment->format == GST_FORMAT_TIME)
        at = gst_segment_to_stream_time(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(in));
    if (gst_softisp_settings_follow(&self->settings, GST_ELEMENT(self), self->core, at) ||
        gst_pad_needs_reconfigure(GST_BASE_TRANSFORM(self)->srcpad))
        return TRUE;
    gst_base_transform_reconfigure_sink(GST_BASE_TRANSFORM(self));
    return open_core(self);
}

static GstFlowReturn generate_output(GstBaseTransform *base, GstBuffer **out)
{
    GstSoftisp *self = GST_SOFTISP(base);
    GstBuffer *in = g_steal_pointer(&base->queued_buf);
    *out = NULL;
    if (!in)
        return GST_FLOW_OK;
    GstFlowReturn flow = GST_FLOW_NOT_NEGOTIATED;
    if (self->core && follow_settings(self, in))
        flow = submit_buffer(self, in);
    if (flow == GST_FLOW_OK)
        flow = take_picture(self, in, out);
    GST_OBJECT_LOCK(self);
    self->frames++;
    GST_OBJECT_UNLOCK(self);
    if (flow == GST_BASE_TRANSFORM_FLOW_DROPPED)
        tell_of_gap(self, in);
    gst_buffer_unref(in);
    return flow;
}

/* The base class takes an element without this for one that changes nothing, and asks downstream
 * nothing; generate_output has done all. */
static GstFlowReturn transform(GstBaseTransform *base, GstBuffer *in, GstBuffer *out)
{
    return GST_FLOW_NOT_SUPPORTED;
}

/* ---- queries and properties ---------------------------------------------------------------- */

/* A live frame has its picture within the interval: from the fast lane, else from the floor. */
static gboolean add_latency(GstSoftisp *self, GstQuery *query)
{
    gboolean live;
    GstClockTime min, max;
    if (!gst_pad_peer_query(GST_BASE_TRANSFORM(self)->sinkpad, query))
        return FALSE;
    gst_query_parse_latency(query, &live, &min, &max);
    GST_OBJECT_LOCK(self);
    guint64 interval_ns = live ? self->interval_ns : 0;
    GST_OBJECT_UNLOCK(self);
    gst_query_set_latency(
        query, live, min + interval_ns, GST_CLOCK_TIME_IS_VALID(max) ? max + interval_ns : max);
    return TRUE;
}

static gboolean answer(GstBaseTransform *base, GstPadDirection direction, GstQuery *query)
{
    if (direction == GST_PAD_SRC && GST_QUERY_TYPE(query) == GST_QUERY_LATENCY)
        return add_latency(GST_SOFTISP(base), query);
    return GST_BASE_TRANSFORM_CLASS(gst_softisp_parent_class)->query(base, direction, query);
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
    GstSoftisp *self = GST_SOFTISP(object);
    gboolean is_known = TRUE;
    GST_OBJECT_LOCK(self);
    if (id == PROP_BLACK_LEVEL) {
        self->black_level = g_value_get_float(value);
        self->settings.is_changed = TRUE;
    } else {
        is_known =
            gst_softisp_settings_set(&self->settings, id, value, GST_BASE_TRANSFORM(self)->srcpad);
    }
    GST_OBJECT_UNLOCK(self);
    if (!is_known)
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static GstStructure *stats(const GstSoftisp *self)
{
    return gst_structure_new("softisp-stats", "frames", G_TYPE_UINT64, self->frames, "pictures",
        G_TYPE_UINT64, self->pictures, "dropped", G_TYPE_UINT64, self->dropped, "copies-in",
        G_TYPE_UINT64, self->copies_in, "copies-out", G_TYPE_UINT64, self->copies_out, NULL);
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    GstSoftisp *self = GST_SOFTISP(object);
    gboolean is_known = TRUE;
    GST_OBJECT_LOCK(self);
    if (id == PROP_BLACK_LEVEL)
        g_value_set_float(value, self->black_level);
    else if (id == PROP_STATS)
        g_value_take_boxed(value, stats(self));
    else
        is_known = gst_softisp_settings_get(&self->settings, id, value);
    GST_OBJECT_UNLOCK(self);
    if (!is_known)
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

/* ---- the type ------------------------------------------------------------------------------ */

static void finalize(GObject *object)
{
    GstSoftisp *self = GST_SOFTISP(object);
    gst_softisp_settings_finish(&self->settings);
    G_OBJECT_CLASS(gst_softisp_parent_class)->finalize(object);
}

static void install_properties(GObjectClass *class)
{
    g_object_class_install_property(class, PROP_BLACK_LEVEL,
        g_param_spec_float("black-level", "black-level",
            "What the sensor gives without light, in its codes; -1: as the tuning says, else as "
            "learned",
            -1, 65534, -1, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
    g_object_class_install_property(class, PROP_STATS,
        g_param_spec_boxed("stats", "stats",
            "Frames in, pictures out, frames without a picture, frames that were copied",
            GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
    gst_softisp_props_install(class, GST_SOFTISP_FILTER);
}

static void gst_softisp_class_init(GstSoftispClass *class)
{
    GObjectClass *object_class = G_OBJECT_CLASS(class);
    GstElementClass *element_class = GST_ELEMENT_CLASS(class);
    GstBaseTransformClass *base_class = GST_BASE_TRANSFORM_CLASS(class);
    GST_DEBUG_CATEGORY_INIT(softisp_debug, "softisp", 0, "SoftISP");
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    object_class->finalize = finalize;
    install_properties(object_class);
    gst_element_class_set_static_metadata(element_class, "SoftISP camera ISP",
        "Filter/Converter/Video", "Raw Bayer frames become finished pictures",
        "the SoftISP project");
    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    base_class->passthrough_on_same_caps = FALSE;
    base_class->transform_caps = transform_caps;
    base_class->fixate_caps = fixate_caps;
    base_class->set_caps = set_caps;
    base_class->stop = stop;
    base_class->propose_allocation = propose_allocation;
    base_class->decide_allocation = decide_allocation;
    base_class->generate_output = generate_output;
    base_class->transform = transform;
    base_class->query = answer;
}

static void gst_softisp_init(GstSoftisp *self)
{
    gst_softisp_settings_init(&self->settings);
    self->black_level = -1;
    gst_base_transform_set_qos_enabled(GST_BASE_TRANSFORM(self), TRUE);
}
