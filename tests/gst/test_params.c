/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Properties while frames flow: by hand and under control, in the session that runs. */
#include "common.h"

#include <gst/controller/gstdirectcontrolbinding.h>
#include <gst/controller/gstinterpolationcontrolsource.h>

#define WIDTH  64
#define HEIGHT 32

static GstHarness *h;
static GstElement *element;

static void start(const char *text)
{
    h = patient_harness(text);
    element = gst_harness_find_element(h, "softisp");
    gst_harness_set_caps_str(h, "video/x-bayer,format=rggb,width=64,height=32,framerate=30/1",
        "video/x-raw,format=RGB,framerate=30/1");
}

static void stop(void)
{
    CHECK_EQ(stat_of(element, "dropped"), 0);
    gst_object_unref(element);
    gst_harness_teardown(h);
}

/* A grey card of that code under warm light: blue has half of it. */
static GstBuffer *develop(guint code, GstClockTime at)
{
    GstBuffer *frame = flat_frame(WIDTH, HEIGHT, 1, code);
    GstMapInfo map;
    if (!gst_buffer_map(frame, &map, GST_MAP_WRITE))
        abort();
    for (gsize i = 0; i < map.size; i++) {
        if (i / WIDTH % 2 && i % 2)
            map.data[i] = (guint8)(code / 2);
    }
    gst_buffer_unmap(frame, &map);
    GST_BUFFER_PTS(frame) = at;
    return gst_harness_push_and_pull(h, frame);
}

static gdouble number_of(GstBuffer *picture, const char *name)
{
    gdouble number = -1000;
    CHECK(gst_structure_get_double(about(picture), name, &number));
    return number;
}

/* Number 0 of a session tells of a new one. */
static void check_goes_on(GstBuffer *picture, guint64 sequence, guint generation)
{
    guint64 its_sequence = G_MAXUINT64;
    guint its_generation = G_MAXUINT;
    CHECK(gst_structure_get_uint64(about(picture), "sequence", &its_sequence));
    CHECK(gst_structure_get_uint(about(picture), "params-generation", &its_generation));
    CHECK_EQ(its_sequence, sequence);
    CHECK_EQ(its_generation, generation);
}

TEST(the_look_is_the_next_frames_and_nothing_else_moves)
{
    static const char *names[] = {"red-gain", "blue-gain", "exposure-ev"};
    gdouble before[G_N_ELEMENTS(names)] = {0};
    guint64 n = 0;
    start("softisp");
    for (; n < 40; n++) {
        GstBuffer *picture = develop(60, GST_CLOCK_TIME_NONE);
        REQUIRE(picture != NULL);
        for (guint i = 0; i < G_N_ELEMENTS(names); i++)
            before[i] = number_of(picture, names[i]);
        check_goes_on(picture, n, 0);
        gst_buffer_unref(picture);
    }
    CHECK(before[1] > before[0]);
    for (guint set = 1; set <= 20; set++, n++) {
        gdouble brightness = set / 40.0;
        g_object_set(element, "brightness", brightness, "saturation", 2 * brightness, NULL);
        GstBuffer *picture = develop(60, GST_CLOCK_TIME_NONE);
        REQUIRE(picture != NULL);
        for (guint i = 0; i < G_N_ELEMENTS(names); i++)
            CHECK_NEAR(number_of(picture, names[i]), before[i], 0);
        check_goes_on(picture, n, set);
        gst_buffer_unref(picture);
    }
    stop();
}

TEST(exposure_is_held_when_it_is_turned_off)
{
    gdouble before = 0;
    start("softisp");
    for (int n = 0; n < 60; n++) {
        GstBuffer *picture = develop(n < 40 ? 20 : 10, GST_CLOCK_TIME_NONE);
        REQUIRE(picture != NULL);
        gdouble ev = number_of(picture, "exposure-ev");
        if (n < 40)
            before = ev;
        else
            CHECK_NEAR(ev, before, 1e-6);
        gst_buffer_unref(picture);
        if (n == 39)
            g_object_set(element, "auto-exposure", 0, NULL);
    }
    CHECK(before > 0.5); /* of a dark card */
    stop();
}

/* Black, lifted by half of white within a second. */
TEST(a_property_under_control_follows_the_stream)
{
    start("softisp");
    GstControlSource *source = gst_interpolation_control_source_new();
    g_object_set(source, "mode", GST_INTERPOLATION_MODE_LINEAR, NULL);
    GstTimedValueControlSource *timed = GST_TIMED_VALUE_CONTROL_SOURCE(source);
    gst_timed_value_control_source_set(timed, 0, 0);
    gst_timed_value_control_source_set(timed, GST_SECOND, 0.5);
    GstControlBinding *binding =
        gst_direct_control_binding_new_absolute(GST_OBJECT(element), "brightness", source);
    CHECK(gst_object_add_control_binding(GST_OBJECT(element), binding));
    for (guint n = 0; n <= 10; n++) {
        GstBuffer *picture = develop(0, n * GST_SECOND / 10);
        REQUIRE(picture != NULL);
        CHECK_NEAR(byte_at(picture, 3000), 255 * 0.05 * n, 1.5);
        check_goes_on(picture, n, n);
        gst_buffer_unref(picture);
    }
    gst_object_unref(source);
    stop();
}

/* What is no parameter needs a session of its own, and has the parameters of the moment. */
TEST(a_turned_picture_is_a_new_sessions)
{
    start("softisp");
    for (guint n = 0; n < 4; n++) {
        GstBuffer *picture = develop(0, GST_CLOCK_TIME_NONE);
        REQUIRE(picture != NULL);
        check_goes_on(picture, n % 2, 0);
        CHECK_NEAR(byte_at(picture, 3000), n < 2 ? 0 : 51, 1.5);
        gst_buffer_unref(picture);
        if (n == 1)
            g_object_set(element, "brightness", 0.2, "orientation", 1, NULL);
    }
    stop();
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    RUN(the_look_is_the_next_frames_and_nothing_else_moves);
    RUN(exposure_is_held_when_it_is_turned_off);
    RUN(a_property_under_control_follows_the_stream);
    RUN(a_turned_picture_is_a_new_sessions);
    return test_report();
}
