/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The filter: right colours in every format, caps, latency, what it says of its pictures. */
#include "common.h"

#include <gst/app/gstappsink.h>

#define WIDTH  320
#define HEIGHT 240

static const guint8 bars[7][3] = {{255, 255, 255}, {255, 255, 0}, {0, 255, 255}, {0, 255, 0},
    {255, 0, 255}, {255, 0, 0}, {0, 0, 255}};

/* A picture of the bars that every television engineer knows, through a mosaic; NULL: no picture.
 */
static GstSample *bars_as(const char *order, const char *format)
{
    g_autofree gchar *text =
        g_strdup_printf("videotestsrc num-buffers=3 ! rgb2bayer ! "
                        "video/x-bayer,format=%s,width=%d,height=%d,framerate=30/1 ! softisp " PLAIN
                        " ! video/x-raw,format=%s ! appsink name=sink sync=false",
            order, WIDTH, HEIGHT, format);
    GstElement *pipeline = gst_parse_launch(text, NULL);
    GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GstSample *last = NULL, *next;
    while ((next = gst_app_sink_pull_sample(GST_APP_SINK(sink)))) {
        g_clear_pointer(&last, gst_sample_unref);
        last = next;
    }
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(sink);
    gst_object_unref(pipeline);
    return last;
}

/* Component `c` of the pixel at (x, y), in 8 bits: red, green, blue or Y, Cb, Cr. */
static guint component(GstVideoFrame *frame, guint c, guint x, guint y)
{
    guint depth = GST_VIDEO_FRAME_COMP_DEPTH(frame, c);
    /* GStreamer's table has P010's Cr one byte behind its Cb, in words of two. */
    guint wrong = GST_VIDEO_FRAME_FORMAT(frame) == GST_VIDEO_FORMAT_P010_10LE && c == 2;
    gint column = GST_VIDEO_FORMAT_INFO_SCALE_WIDTH(frame->info.finfo, c, (gint)x);
    gint row = GST_VIDEO_FORMAT_INFO_SCALE_HEIGHT(frame->info.finfo, c, (gint)y);
    const guint8 *at = (guint8 *)GST_VIDEO_FRAME_COMP_DATA(frame, c) +
                       row * GST_VIDEO_FRAME_COMP_STRIDE(frame, c) +
                       column * GST_VIDEO_FRAME_COMP_PSTRIDE(frame, c);
    return depth == 8 ? at[0] : at[1 + wrong];
}

/* BT.709, limited range. */
static void to_yuv(const guint8 rgb[3], double yuv[3])
{
    double luma = 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2];
    yuv[0] = 16 + luma * 219 / 255;
    yuv[1] = 128 + (rgb[2] - luma) / 1.8556 * 224 / 255;
    yuv[2] = 128 + (rgb[0] - luma) / 1.5748 * 224 / 255;
}

static void check_bars(const char *order, const char *format)
{
    GstVideoInfo info;
    GstVideoFrame frame;
    GstSample *sample = bars_as(order, format);
    REQUIRE(sample != NULL);
    REQUIRE(gst_video_info_from_caps(&info, gst_sample_get_caps(sample)));
    REQUIRE(gst_video_frame_map(&frame, &info, gst_sample_get_buffer(sample), GST_MAP_READ));
    gboolean is_yuv = GST_VIDEO_INFO_IS_YUV(&info);
    if (is_yuv)
        CHECK(gst_video_colorimetry_matches(&info.colorimetry, GST_VIDEO_COLORIMETRY_BT709));
    for (guint bar = 0; bar < G_N_ELEMENTS(bars); bar++) {
        guint x = (2 * bar + 1) * WIDTH / 14 & ~1u;
        double wanted[3] = {bars[bar][0], bars[bar][1], bars[bar][2]};
        if (is_yuv)
            to_yuv(bars[bar], wanted);
        for (guint c = 0; c < 3; c++)
            CHECK_NEAR(component(&frame, c, x, HEIGHT / 4), wanted[c], 1.5);
    }
    gst_video_frame_unmap(&frame);
    gst_sample_unref(sample);
}

TEST(bars_have_their_colours_in_every_format)
{
    static const char *formats[] = {"BGRx", "RGB", "RGBA64_LE", "NV12", "YUY2", "P010_10LE"};
    if (!has_element("rgb2bayer"))
        SKIP("rgb2bayer is not installed (gstreamer1.0-plugins-bad)");
    for (guint i = 0; i < G_N_ELEMENTS(formats); i++)
        check_bars("rggb", formats[i]);
}

TEST(bars_have_their_colours_in_every_order)
{
    static const char *orders[] = {"grbg", "gbrg", "bggr"};
    if (!has_element("rgb2bayer"))
        SKIP("rgb2bayer is not installed (gstreamer1.0-plugins-bad)");
    for (guint i = 0; i < G_N_ELEMENTS(orders); i++)
        check_bars(orders[i], "RGB");
}

static GstHarness *plain_harness(const char *sink_caps, const char *src_caps)
{
    GstHarness *h = patient_harness("softisp name=s " PLAIN);
    gst_harness_set_caps_str(h, sink_caps, src_caps);
    return h;
}

/* Half of white must be half of white, whatever the depth; a black level is taken off. */
TEST(every_depth_has_its_own_white)
{
    static const guint depths[] = {8, 10, 12, 14, 16};
    for (guint i = 0; i < G_N_ELEMENTS(depths); i++) {
        guint white = (1u << depths[i]) - 1;
        g_autofree gchar *suffix =
            depths[i] == 8 ? g_strdup("") : g_strdup_printf("%ule", depths[i]);
        g_autofree gchar *caps =
            g_strdup_printf("video/x-bayer,format=gbrg%s,width=64,height=32,framerate=0/1", suffix);
        GstHarness *h =
            plain_harness(caps, "video/x-raw,format=RGB,width=64,height=32,framerate=0/1");
        GstBuffer *picture =
            gst_harness_push_and_pull(h, flat_frame(64, 32, depths[i] > 8 ? 2 : 1, white * 3 / 4));
        REQUIRE(picture != NULL);
        CHECK_NEAR(byte_at(picture, 64 * 3 * 16 + 99), 255 * 0.75, 1.5);
        gst_buffer_unref(picture);
        gst_harness_teardown(h);
    }
}

TEST(a_black_level_is_taken_off)
{
    GstHarness *h = patient_harness("softisp black-level=256 " PLAIN);
    gst_harness_set_caps_str(h, "video/x-bayer,format=rggb10le,width=64,height=32,framerate=0/1",
        "video/x-raw,format=RGB,width=64,height=32,framerate=0/1");
    GstBuffer *picture = gst_harness_push_and_pull(h, flat_frame(64, 32, 2, 256));
    REQUIRE(picture != NULL);
    CHECK_EQ(byte_at(picture, 64 * 3 * 16 + 99), 0);
    gst_buffer_unref(picture);
    gst_harness_teardown(h);
}

/* The size is free from the mosaic's down, and one side alone keeps the picture's shape. */
TEST(a_picture_may_be_smaller_never_larger)
{
    GstHarness *h = plain_harness("video/x-bayer,format=rggb,width=640,height=480,framerate=30/1",
        "video/x-raw,format=RGB,width=320,framerate=30/1");
    GstBuffer *picture = gst_harness_push_and_pull(h, flat_frame(640, 480, 1, 100));
    REQUIRE(picture != NULL);
    GstCaps *caps = gst_pad_get_current_caps(h->sinkpad);
    gint height = 0;
    gst_structure_get_int(gst_caps_get_structure(caps, 0), "height", &height);
    CHECK_EQ(height, 240);
    CHECK_EQ(gst_buffer_get_size(picture), 320 * 240 * 3);
    CHECK_EQ(byte_at(picture, 320 * 120 * 3 + 300), 100);
    gst_caps_unref(caps);
    gst_buffer_unref(picture);
    gst_harness_teardown(h);
    h = plain_harness("video/x-bayer,format=rggb,width=640,height=480,framerate=30/1",
        "video/x-raw,format=RGB,width=642,framerate=30/1");
    CHECK_EQ(gst_harness_push(h, flat_frame(640, 480, 1, 100)), GST_FLOW_NOT_NEGOTIATED);
    gst_harness_teardown(h);
}

TEST(a_picture_says_what_it_is)
{
    GstHarness *h = plain_harness("video/x-bayer,format=rggb,width=64,height=32,framerate=30/1",
        "video/x-raw,format=RGB,framerate=30/1");
    for (guint64 n = 0; n < 3; n++) {
        GstBuffer *frame = flat_frame(64, 32, 1, 50);
        guint64 sequence = 99;
        GST_BUFFER_PTS(frame) = n * 40 * GST_MSECOND;
        GstBuffer *picture = gst_harness_push_and_pull(h, frame);
        REQUIRE(picture != NULL && about(picture) != NULL);
        CHECK_STR(gst_structure_get_string(about(picture), "outcome"), "delivered");
        CHECK(gst_structure_get_uint64(about(picture), "sequence", &sequence));
        CHECK_EQ(sequence, n);
        CHECK_EQ(GST_BUFFER_PTS(picture), n * 40 * GST_MSECOND);
        gst_buffer_unref(picture);
    }
    gst_harness_teardown(h);
}

/* What comes out must come in the end: a live frame has an interval, a file all the time. */
TEST(latency_is_one_interval_and_only_of_live_frames)
{
    for (int live = 0; live < 2; live++) {
        GstClockTime min = 0, max;
        gboolean is_live = FALSE;
        GstHarness *h = gst_harness_new("softisp");
        gst_harness_set_live(h, live);
        gst_harness_set_upstream_latency(h, 5 * GST_MSECOND);
        gst_harness_set_caps_str(h, "video/x-bayer,format=rggb,width=64,height=32,framerate=50/1",
            "video/x-raw,format=RGB,framerate=50/1");
        CHECK_EQ(gst_harness_push(h, flat_frame(64, 32, 1, 50)), GST_FLOW_OK);
        GstQuery *query = gst_query_new_latency();
        CHECK(gst_pad_peer_query(h->sinkpad, query));
        gst_query_parse_latency(query, &is_live, &min, &max);
        CHECK_EQ(is_live, live);
        CHECK_EQ(min, (live ? 25 : 5) * GST_MSECOND);
        gst_query_unref(query);
        gst_harness_teardown(h);
    }
}

/* A wish that changes while frames flow is in force for the next one. */
TEST(a_property_may_change_while_playing)
{
    GstHarness *h = plain_harness("video/x-bayer,format=rggb,width=64,height=32,framerate=30/1",
        "video/x-raw,format=RGB,framerate=30/1");
    GstElement *element = gst_harness_find_element(h, "softisp");
    GstBuffer *before = gst_harness_push_and_pull(h, flat_frame(64, 32, 1, 100));
    g_object_set(element, "wb-red", 0.5, NULL);
    GstBuffer *after = gst_harness_push_and_pull(h, flat_frame(64, 32, 1, 100));
    REQUIRE(before != NULL && after != NULL);
    CHECK_EQ(byte_at(before, 3000), 100);
    CHECK_NEAR(byte_at(after, 3000), 50, 1.5);
    CHECK_EQ(byte_at(after, 3001), 100);
    gst_buffer_unref(before);
    gst_buffer_unref(after);
    gst_object_unref(element);
    gst_harness_teardown(h);
}

/* The left half becomes the upper one; the new shape is agreed upon before the next picture. */
TEST(a_quarter_turn_changes_the_pictures_shape)
{
    GstHarness *h = plain_harness("video/x-bayer,format=rggb,width=64,height=32,framerate=30/1",
        "video/x-raw,format=RGB,framerate=30/1");
    GstElement *element = gst_harness_find_element(h, "softisp");
    for (int turned = 0; turned < 3; turned++) {
        GstBuffer *frame = flat_frame(64, 32, 1, 50);
        for (gsize y = 0; y < 32; y++)
            gst_buffer_memset(frame, 64 * y + 32, 100, 32);
        g_object_set(element, "orientation", turned % 2 ? 6 : 0, NULL); /* rotate-90 */
        GstBuffer *picture = gst_harness_push_and_pull(h, frame);
        REQUIRE(picture != NULL);
        GstCaps *caps = gst_pad_get_current_caps(h->sinkpad);
        gint width = 0;
        gst_structure_get_int(gst_caps_get_structure(caps, 0), "width", &width);
        CHECK_EQ(width, turned % 2 ? 32 : 64);
        const gsize left_below = (gsize)(64 * 32 - width), right_above = (gsize)width - 1;
        CHECK_EQ(byte_at(picture, 0), 50);
        CHECK_EQ(byte_at(picture, 3 * (64 * 32 - 1)), 100);
        CHECK_EQ(byte_at(picture, 3 * right_above), turned % 2 ? 50 : 100);
        CHECK_EQ(byte_at(picture, 3 * left_below), turned % 2 ? 100 : 50);
        gst_caps_unref(caps);
        gst_buffer_unref(picture);
    }
    gst_object_unref(element);
    gst_harness_teardown(h);
}

/* The table's ranges are the properties', and each name is there with '-'. */
TEST(properties_are_the_tables)
{
    GstElement *element = gst_element_factory_make("softisp", NULL);
    GParamSpec *spec = g_object_class_find_property(G_OBJECT_GET_CLASS(element), "ae-target");
    REQUIRE(spec && G_IS_PARAM_SPEC_FLOAT(spec));
    CHECK_NEAR((double)G_PARAM_SPEC_FLOAT(spec)->minimum, 0.02, 1e-6);
    CHECK_NEAR((double)G_PARAM_SPEC_FLOAT(spec)->maximum, 0.5, 1e-6);
    CHECK(!g_object_class_find_property(G_OBJECT_GET_CLASS(element), "exposure-us"));
    gst_object_unref(element);
}

static void check_refused(const char *property, const char *value, const char *wanted)
{
    GstHarness *h = gst_harness_new("softisp");
    GstElement *element = gst_harness_find_element(h, "softisp");
    GstBus *bus = gst_bus_new();
    gst_element_set_bus(element, bus);
    gst_util_set_object_arg(G_OBJECT(element), property, value);
    gst_harness_set_caps_str(h, "video/x-bayer,format=rggb,width=64,height=32,framerate=30/1",
        "video/x-raw,format=RGB,framerate=30/1");
    CHECK_EQ(gst_harness_push(h, flat_frame(64, 32, 1, 50)), GST_FLOW_NOT_NEGOTIATED);
    GstMessage *message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
    REQUIRE(message != NULL);
    GError *error = NULL;
    gst_message_parse_error(message, &error, NULL);
    CHECK(strstr(error->message, wanted) != NULL);
    g_error_free(error);
    gst_message_unref(message);
    gst_element_set_bus(element, NULL);
    gst_object_unref(bus);
    gst_object_unref(element);
    gst_harness_teardown(h);
}

TEST(what_cannot_be_is_named)
{
    check_refused("tuning", "no-such-tuning.json", "no-such-tuning.json");
    check_refused("black-level", "255", "black level 255 is not below");
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    RUN(bars_have_their_colours_in_every_format);
    RUN(bars_have_their_colours_in_every_order);
    RUN(every_depth_has_its_own_white);
    RUN(a_black_level_is_taken_off);
    RUN(a_picture_may_be_smaller_never_larger);
    RUN(a_picture_says_what_it_is);
    RUN(latency_is_one_interval_and_only_of_live_frames);
    RUN(a_property_may_change_while_playing);
    RUN(a_quarter_turn_changes_the_pictures_shape);
    RUN(properties_are_the_tables);
    RUN(what_cannot_be_is_named);
    return test_report();
}
