/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The source: a simulated camera's pictures, their times, its exposure, and what it is asked
 * wrongly. What it makes of devices, tests/vm shows. */
#include "common.h"

#include <gst/app/gstappsink.h>

#define SIM "softispsrc name=s raw-width=320 raw-height=240 raw-framerate=50/1 "

struct run {
    GstElement *pipeline, *source, *sink;
};

static struct run start(const char *text)
{
    struct run run = {.pipeline = gst_parse_launch(text, NULL)};
    run.source = gst_bin_get_by_name(GST_BIN(run.pipeline), "s");
    run.sink = gst_bin_get_by_name(GST_BIN(run.pipeline), "sink");
    gst_element_set_state(run.pipeline, GST_STATE_PLAYING);
    return run;
}

static void stop(struct run *run)
{
    gst_element_set_state(run->pipeline, GST_STATE_NULL);
    gst_object_unref(run->source);
    if (run->sink)
        gst_object_unref(run->sink);
    gst_object_unref(run->pipeline);
}

static GstSample *pull(struct run *run)
{
    return gst_app_sink_try_pull_sample(GST_APP_SINK(run->sink), 10 * GST_SECOND);
}

/* Pictures are at the camera's times, made in place, and each brings the sensor's settings. */
TEST(a_camera_gives_pictures)
{
    struct run run = start(SIM "num-buffers=20 ! video/x-raw,format=NV12,width=256,height=192 ! "
                               "appsink name=sink sync=false");
    GstClockTime before = GST_CLOCK_TIME_NONE;
    gdouble first_us = 0, last_us = 0;
    guint count = 0;
    GstSample *sample;
    while ((sample = pull(&run))) {
        GstBuffer *picture = gst_sample_get_buffer(sample);
        GstClockTime at = GST_BUFFER_PTS(picture);
        if (count)
            CHECK(at >= before + 20 * GST_MSECOND);
        CHECK_EQ(GST_BUFFER_DURATION(picture), 20 * GST_MSECOND);
        CHECK(is_zero_copy(picture));
        CHECK(gst_structure_get_double(about(picture), "exposure-us", &last_us));
        if (!count)
            first_us = last_us;
        before = at;
        count++;
        gst_sample_unref(sample);
    }
    CHECK(gst_app_sink_is_eos(GST_APP_SINK(run.sink)));
    CHECK_EQ(count, 20);
    CHECK(last_us > 0 && first_us > 0);
    CHECK(last_us != first_us); /* automatic exposure is at work */
    stop(&run);
}

/* Without a wish for its size it is the camera's; one side alone keeps the camera's shape. */
TEST(the_pictures_size_is_the_cameras_or_less)
{
    static const struct {
        const char *wish;
        gint width, height;
    } cases[] = {{"format=RGB", 320, 240}, {"format=RGB,width=160", 160, 120},
        {"format=RGB,width=64,height=64", 64, 64}, {"format=RGB,width=320,height=1", 320, 1},
        {"format=RGB,width=1,height=240", 1, 240}};
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree gchar *text = g_strdup_printf(
            SIM "num-buffers=1 ! video/x-raw,%s ! appsink name=sink sync=false", cases[i].wish);
        struct run run = start(text);
        GstSample *sample = pull(&run);
        REQUIRE(sample != NULL);
        const GstStructure *s = gst_caps_get_structure(gst_sample_get_caps(sample), 0);
        gint width = 0, height = 0;
        gst_structure_get_int(s, "width", &width);
        gst_structure_get_int(s, "height", &height);
        CHECK_EQ(width, cases[i].width);
        CHECK_EQ(height, cases[i].height);
        gst_sample_unref(sample);
        stop(&run);
    }
}

TEST(latency_is_one_interval)
{
    gboolean live = FALSE;
    GstClockTime min = 0, max = 0;
    struct run run = start(SIM "! appsink name=sink sync=false");
    GstSample *sample = pull(&run);
    REQUIRE(sample != NULL);
    GstQuery *query = gst_query_new_latency();
    CHECK(gst_element_query(run.source, query));
    gst_query_parse_latency(query, &live, &min, &max);
    CHECK(live);
    CHECK_EQ(min, 20 * GST_MSECOND);
    CHECK(max >= min);
    gst_query_unref(query);
    gst_sample_unref(sample);
    stop(&run);
}

/* Locked to one value by hand while it plays: the session and the camera follow. */
/* Of a quarter turn, and with one side given. */
TEST(a_turned_picture_has_the_other_shape)
{
    static const char *const texts[] = {SIM "num-buffers=1 orientation=rotate-90 ! "
                                            "video/x-raw,format=RGB ! appsink name=sink sync=false",
        SIM "num-buffers=1 orientation=transpose ! video/x-raw,format=NV12,width=120 ! appsink "
            "name=sink sync=false"};
    for (gint i = 0; i < 2; i++) {
        gint width = 0, height = 0;
        struct run run = start(texts[i]);
        GstSample *sample = pull(&run);
        REQUIRE(sample != NULL);
        const GstStructure *s = gst_caps_get_structure(gst_sample_get_caps(sample), 0);
        gst_structure_get_int(s, "width", &width);
        gst_structure_get_int(s, "height", &height);
        CHECK_EQ(width, i ? 120 : 240);
        CHECK_EQ(height, i ? 160 : 320);
        gst_sample_unref(sample);
        stop(&run);
    }
}

TEST(exposure_may_be_set_while_playing)
{
    struct run run = start(SIM "! appsink name=sink sync=false");
    gdouble us = 0;
    for (int n = 0; n < 60 && !(us > 990 && us < 1010); n++) {
        GstSample *sample = pull(&run);
        REQUIRE(sample != NULL);
        CHECK(gst_structure_get_double(about(gst_sample_get_buffer(sample)), "exposure-us", &us));
        gst_sample_unref(sample);
        if (n == 3)
            g_object_set(run.source, "exposure-us", 1000.0, NULL);
    }
    CHECK_NEAR(us, 1000, 10);
    stop(&run);
}

/* A lock holds what is in force, and only in the session that it is in force in. */
TEST(white_balance_is_held_when_it_is_locked_while_playing)
{
    struct run run = start("softispsrc name=s raw-width=320 raw-height=240 raw-framerate=50/1 "
                           "wb-mode=2 wb-red=3 wb-blue=0.5 ! appsink name=sink sync=false");
    guint generation = 0;
    for (int n = 0; n < 200 && generation < 2; n++) {
        gdouble red = 0, blue = 1;
        GstSample *sample = pull(&run);
        REQUIRE(sample != NULL);
        const GstStructure *s = about(gst_sample_get_buffer(sample));
        CHECK(gst_structure_get_uint(s, "params-generation", &generation));
        CHECK(gst_structure_get_double(s, "red-gain", &red));
        CHECK(gst_structure_get_double(s, "blue-gain", &blue));
        CHECK_NEAR(red / blue, 6, 1e-3);
        gst_sample_unref(sample);
        if (n == 3)
            g_object_set(run.source, "wb-lock", 1, "wb-mode", 0, NULL);
        if (n == 6)
            g_object_set(run.source, "contrast", 1.5, NULL);
    }
    CHECK(generation >= 2);
    stop(&run);
}

/* A consumer that pauses loses frames, and nothing waits for it when the camera goes on. */
TEST(it_pauses_stops_and_starts_again)
{
    struct run run = start(SIM "! appsink name=sink sync=false max-buffers=2 drop=true");
    for (int n = 0; n < 5; n++) {
        GstSample *sample = pull(&run);
        REQUIRE(sample != NULL);
        gst_sample_unref(sample);
        gst_element_set_state(run.pipeline, GST_STATE_PAUSED);
        gst_element_set_state(run.pipeline, n % 2 ? GST_STATE_READY : GST_STATE_PLAYING);
        gst_element_set_state(run.pipeline, GST_STATE_PLAYING);
    }
    stop(&run);
}

static void check_error(const char *text, const char *wanted)
{
    GstElement *pipeline = gst_parse_launch(text, NULL);
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GstBus *bus = gst_element_get_bus(pipeline);
    GstMessage *message = gst_bus_timed_pop_filtered(bus, 10 * GST_SECOND, GST_MESSAGE_ERROR);
    CHECK(message != NULL);
    if (message) {
        GError *error = NULL;
        gst_message_parse_error(message, &error, NULL);
        CHECK(strstr(error->message, wanted) != NULL);
        if (!strstr(error->message, wanted))
            printf("said: %s\n", error->message);
        g_error_free(error);
        gst_message_unref(message);
    }
    gst_object_unref(bus);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
}

TEST(what_is_wrong_is_said)
{
    check_error("softispsrc camera=nonsense ! fakesink", "nonsense");
    check_error("softispsrc camera=sim:lamp=never ! fakesink", "lamp");
    check_error("softispsrc raw-width=63 raw-height=64 ! fakesink", "64");
    check_error("softispsrc raw-format=SRGGB99 ! fakesink", "V4L2");
    check_error("softispsrc camera=v4l2:/dev/no-such-video ! fakesink", "no-such-video");
    check_error("softispsrc camera=v4l2:/dev/null ! fakesink", "/dev/null");
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    RUN(a_camera_gives_pictures);
    RUN(the_pictures_size_is_the_cameras_or_less);
    RUN(latency_is_one_interval);
    RUN(a_turned_picture_has_the_other_shape);
    RUN(exposure_may_be_set_while_playing);
    RUN(white_balance_is_held_when_it_is_locked_while_playing);
    RUN(it_pauses_stops_and_starts_again);
    RUN(what_is_wrong_is_said);
    return test_report();
}
