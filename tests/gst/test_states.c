/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A thousand seeded changes of state, caps and properties, with frames between them; afterwards
 * GStreamer's own tracer knows of no object that is left. Run: test_gst_states [SEED] */
#include "common.h"

#define CHANGES        1000
#define SOURCE_CHANGES 100

struct scenario {
    GRand *rand;
    GstHarness *h;
    GstElement *element;
    gint width, height;
    guint bytes_a_sample;
    GstBuffer *held[8]; /* pictures of sessions that may be gone */
    guint pictures;
};

static const char *pick(struct scenario *s, const char *const *names, gint count)
{
    return names[g_rand_int_range(s->rand, 0, count)];
}

static void renegotiate(struct scenario *s)
{
    static const char *const in[] = {
        "rggb", "bggr", "gbrg10le", "grbg12le", "rggb14le", "bggr16le"};
    static const char *const out[] = {"BGRx", "RGB", "RGBA64_LE", "NV12", "YUY2", "P010_10LE"};
    const char *format = pick(s, in, G_N_ELEMENTS(in));
    s->bytes_a_sample = strlen(format) > 4 ? 2 : 1;
    s->width = g_rand_int_range(s->rand, 2, 70);
    s->height = g_rand_int_range(s->rand, 2, 40);
    g_autofree gchar *src =
        g_strdup_printf("video/x-raw,format=%s,framerate=30/1", pick(s, out, G_N_ELEMENTS(out)));
    g_autofree gchar *sink = g_strdup_printf(
        "video/x-bayer,format=%s,width=%d,height=%d,framerate=30/1", format, s->width, s->height);
    gst_harness_set_sink_caps_str(s->h, src);
    gst_harness_set_src_caps_str(s->h, sink);
}

static void push(struct scenario *s)
{
    guint slot = g_rand_int_range(s->rand, 0, G_N_ELEMENTS(s->held));
    GstBuffer *frame = flat_frame((guint)s->width, (guint)s->height, s->bytes_a_sample, 100);
    if (gst_harness_push(s->h, frame) != GST_FLOW_OK)
        return;
    GstBuffer *picture = gst_harness_try_pull(s->h);
    if (!picture)
        return;
    s->pictures++;
    gst_clear_buffer(&s->held[slot]);
    s->held[slot] = picture;
}

static void flush(struct scenario *s)
{
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(s->h, gst_event_new_flush_start());
    gst_harness_push_event(s->h, gst_event_new_flush_stop(TRUE));
    gst_harness_push_event(s->h, gst_event_new_segment(&segment));
}

/* Through any states, and back to work. */
static void change_state(struct scenario *s)
{
    static const GstState states[] = {
        GST_STATE_NULL, GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_PLAYING};
    for (int n = g_rand_int_range(s->rand, 1, 4); n > 0; n--) {
        GstState state = states[g_rand_int_range(s->rand, 0, G_N_ELEMENTS(states))];
        CHECK_EQ(gst_element_set_state(s->element, state), GST_STATE_CHANGE_SUCCESS);
    }
    CHECK_EQ(gst_element_set_state(s->element, GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
    renegotiate(s);
}

static void change(struct scenario *s)
{
    switch (g_rand_int_range(s->rand, 0, 6)) {
    case 0:
        change_state(s);
        break;
    case 1:
        renegotiate(s);
        break;
    case 2:
        g_object_set(s->element, "saturation", g_rand_double_range(s->rand, 0, 3), NULL);
        break;
    case 3:
        gst_harness_push_upstream_event(s->h, gst_event_new_reconfigure());
        break;
    case 4:
        flush(s);
        break;
    default:
        g_object_set(
            s->element, "orientation", g_rand_int_range(s->rand, 0, 8), "threads", 1, NULL);
    }
    push(s);
}

static guint32 seed = 1;

TEST(any_order_of_changes_works)
{
    struct scenario s = {.rand = g_rand_new_with_seed(seed), .h = patient_harness("softisp")};
    s.element = gst_harness_find_element(s.h, "softisp");
    gst_harness_add_propose_allocation_meta(s.h, GST_VIDEO_META_API_TYPE, NULL);
    gst_harness_play(s.h);
    renegotiate(&s);
    for (int n = 0; n < CHANGES && test_ok; n++)
        change(&s);
    /* Every frame had its picture: none of these changes is a reason to lose one. */
    CHECK_EQ(s.pictures, CHANGES);
    for (guint i = 0; i < G_N_ELEMENTS(s.held); i++)
        gst_clear_buffer(&s.held[i]);
    gst_object_unref(s.element);
    gst_harness_teardown(s.h);
    g_rand_free(s.rand);
}

static void note_end(gpointer flag, GObject *object)
{
    g_atomic_int_set((gint *)flag, 1);
}

/* GStreamer's own threads that change states hold the pipeline until they end: what is left can be
 * said only then. */
static void drop_pipeline(GstElement *pipeline)
{
    static gint is_gone;
    g_object_weak_ref(G_OBJECT(pipeline), note_end, &is_gone);
    gst_object_unref(pipeline);
    for (int n = 0; n < 1000 && !g_atomic_int_get(&is_gone); n++)
        g_usleep(10000);
    CHECK(g_atomic_int_get(&is_gone));
}

/* The source in a pipeline, its thread at work meanwhile. */
TEST(a_source_comes_and_goes)
{
    static const GstState states[] = {
        GST_STATE_NULL, GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_PLAYING};
    GRand *rand = g_rand_new_with_seed(seed);
    GstElement *pipeline = gst_parse_launch(
        "softispsrc name=s raw-width=64 raw-height=64 raw-framerate=1000/1 threads=1 ! "
        /* Else any source that is just negotiating ends with an error, videotestsrc, too. */
        "capsfilter name=c caps-change-mode=delayed ! queue max-size-buffers=9 ! "
        "fakesink sync=false",
        NULL);
    GstElement *source = gst_bin_get_by_name(GST_BIN(pipeline), "s");
    GstElement *filter = gst_bin_get_by_name(GST_BIN(pipeline), "c");
    for (int n = 0; n < SOURCE_CHANGES && test_ok; n++) {
        g_autofree gchar *text = g_strdup_printf("video/x-raw,format=%s,width=%d",
            g_rand_boolean(rand) ? "NV12" : "RGB", g_rand_int_range(rand, 2, 65));
        GstCaps *caps = gst_caps_from_string(text);
        g_object_set(filter, "caps", caps, NULL);
        gst_caps_unref(caps);
        g_object_set(source, "contrast", g_rand_double(rand), NULL);
        GstState state = states[g_rand_int_range(rand, 0, G_N_ELEMENTS(states))];
        CHECK(gst_element_set_state(pipeline, state) != GST_STATE_CHANGE_FAILURE);
        g_usleep((gulong)g_rand_int_range(rand, 0, 2000));
    }
    GstBus *bus = gst_element_get_bus(pipeline);
    CHECK(gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR) == NULL);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(bus);
    gst_object_unref(source);
    gst_object_unref(filter);
    drop_pipeline(pipeline);
    g_rand_free(rand);
}

static void print_left(const GValue *list)
{
    for (guint i = 0; i < gst_value_list_get_size(list); i++) {
        g_autofree gchar *text = gst_value_serialize(gst_value_list_get_value(list, i));
        printf("left: %s\n", text);
    }
}

/* The tracer's list takes the references of what it names from their owners, so only an empty one
 * is freed: threads that end may still hold some. */
static guint count_left(GObject *tracer, gboolean is_last)
{
    static GList *kept;
    GstStructure *live = NULL;
    g_signal_emit_by_name(tracer, "get-live-objects", &live);
    const GValue *list = live ? gst_structure_get_value(live, "live-objects-list") : NULL;
    guint count = list ? gst_value_list_get_size(list) : 0;
    if (count && is_last)
        print_left(list);
    if (count)
        kept = g_list_prepend(kept, live);
    else if (live)
        gst_structure_free(live);
    return count;
}

TEST(nothing_is_left)
{
    gst_task_cleanup_all(); /* threads of pads let go of their tasks as they end */
    GList *tracers = gst_tracing_get_active_tracers();
    REQUIRE(tracers != NULL);
    guint left = count_left(tracers->data, FALSE);
    for (int n = 0; n < 100 && left; n++) {
        g_usleep(100000);
        left = count_left(tracers->data, n == 99);
    }
    CHECK_EQ(left, 0);
    g_list_free_full(tracers, gst_object_unref);
}

int main(int argc, char **argv)
{
    g_setenv("GST_TRACERS", "leaks", TRUE);
    gst_init(&argc, &argv);
    if (argc > 1)
        seed = (guint32)atoi(argv[1]);
    RUN(any_order_of_changes_works);
    RUN(a_source_comes_and_goes);
    RUN(nothing_is_left);
    return test_report();
}
