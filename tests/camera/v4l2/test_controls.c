/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Exposure and gain of devices in memory: units, ranges, and which frame shows what. */
#include "camera/v4l2/sensor.h"
#include "fake_graph.h"
#include "rig.h"

#define LINE_NS 18904 /* imx219 at 1640x1232: 3448 pixels at 182.4 MHz */

static struct fake_graph graph;

/* An imx219 as its driver shows it, two of its frames' lines a millisecond apart. */
static void add_imx219(struct fake *f)
{
    const struct fake_control controls[] = {
        {V4L2_CID_PIXEL_RATE, 182400000, 182400000, 1, 182400000, true, 0},
        {V4L2_CID_HBLANK, 2808, 2808, 1, 2808, false, 0},
        {V4L2_CID_VBLANK, 4, 64303, 1, 500, false, 0},
        {V4L2_CID_EXPOSURE, 4, 1759, 1, 1000, false, 0},
        {V4L2_CID_ANALOGUE_GAIN, 0, 232, 1, 128, false, 0},
    };
    memcpy(f->controls, controls, sizeof(controls));
}

static int open_sensor(const struct sisp_v4l2_params *params)
{
    struct sisp_v4l2_params named = *params;
    named.device = "/dev/video0";
    return v4l2_camera_open(&camera, &named, &graph.fake.io, &error);
}

/* Of 640x480: a line is 3448 pixels, as HBLANK says. */
static bool begin_sensor(const struct sisp_v4l2_params *params)
{
    fake_graph_init(&graph);
    graph.names[GRAPH_SENSOR] = "imx219 10-0010";
    add_imx219(&graph.fake);
    return open_sensor(params) == 0;
}

static int64_t value_of(uint32_t id)
{
    return fake_control(&graph.fake, id)->value;
}

TEST(lines_and_codes_become_microseconds_and_gains)
{
    REQUIRE(begin_sensor(&(struct sisp_v4l2_params){0}));
    struct sisp_camera_limits limits = sisp_camera_limits(camera);
    CHECK_EQ(limits.line_ns, LINE_NS);
    CHECK_FLOAT(limits.exposure_us_min, 4 * 18.9035, 0.01);
    CHECK_FLOAT(limits.exposure_us_max, 1759 * 18.9035, 1);
    CHECK_FLOAT(limits.analogue_gain_min, 1, 1e-6);
    CHECK_FLOAT(limits.analogue_gain_max, 256.0 / 24, 1e-4);
    CHECK_EQ(limits.exposure_delay_frames, 3);
    CHECK_EQ(limits.gain_delay_frames, 2);
    CHECK_EQ(limits.delay_frames, 3);
    CHECK_FLOAT((double)limits.frame_interval_ns, 980 * 18903.5, 100);
    CHECK_FLOAT(sisp_camera_info(camera)->black_level[SISP_SITE_GR], 64, 0);
    sisp_camera_set_controls(camera, &(struct sisp_camera_controls){10000, 4});
    CHECK_EQ(value_of(V4L2_CID_EXPOSURE), 529);
    CHECK_EQ(value_of(V4L2_CID_ANALOGUE_GAIN), 192);
    sisp_camera_set_controls(camera, &(struct sisp_camera_controls){1e9f, 1000});
    CHECK_EQ(value_of(V4L2_CID_EXPOSURE), 1759);
    CHECK_EQ(value_of(V4L2_CID_ANALOGUE_GAIN), 232);
    sisp_camera_set_controls(camera, &(struct sisp_camera_controls){0, 0});
    CHECK_EQ(value_of(V4L2_CID_EXPOSURE), 4);
    CHECK_EQ(value_of(V4L2_CID_ANALOGUE_GAIN), 0);
    sisp_camera_destroy(&camera);
}

TEST(the_rate_is_made_by_blanking)
{
    REQUIRE(begin_sensor(&(struct sisp_v4l2_params){.fps_num = 30, .fps_den = 1}));
    CHECK_EQ(value_of(V4L2_CID_VBLANK), 1763 - 480);
    CHECK_FLOAT((double)sisp_camera_limits(camera).frame_interval_ns, 1e9 / 30, LINE_NS);
    sisp_camera_destroy(&camera);
    REQUIRE(begin_sensor(&(struct sisp_v4l2_params){.fps_num = 1000, .fps_den = 1}));
    CHECK_EQ(value_of(V4L2_CID_VBLANK), 4);
    CHECK_FLOAT((double)sisp_camera_limits(camera).frame_interval_ns, 484 * 18903.5, 100);
    sisp_camera_destroy(&camera);
}

TEST(a_user_s_black_level_wins)
{
    REQUIRE(begin_sensor(&(struct sisp_v4l2_params){.black_count = 1, .black_level = {7}}));
    CHECK_FLOAT(sisp_camera_info(camera)->black_level[SISP_SITE_B], 7, 0);
    sisp_camera_destroy(&camera);
}

/* Queue all, start; frames come one interval apart by the fake's clock. */
static bool start_sensor(void)
{
    if (sisp_camera_attach(camera, NULL, BUFFERS) != BUFFERS)
        return false;
    for (uint32_t i = 0; i < BUFFERS; i++) {
        if (sisp_camera_queue(camera, i))
            return false;
    }
    return sisp_camera_start(camera) == 0;
}

static struct sisp_camera_controls next_shows(void)
{
    uint32_t index;
    if (sisp_camera_dequeue(camera, &index, WAIT_NS) || sisp_camera_queue(camera, index))
        return (struct sisp_camera_controls){0};
    return sisp_camera_applied(camera);
}

TEST(frames_tell_what_they_show_after_the_sensor_s_delays)
{
    const struct sisp_camera_controls one = {10000, 4};
    REQUIRE(begin_sensor(&(struct sisp_v4l2_params){.fps_num = 30, .fps_den = 1}));
    const float before_us = 1000 * 18.9035f, after_us = 529 * 18.9035f;
    REQUIRE(start_sensor());
    CHECK_FLOAT(next_shows().exposure_us, before_us, 0.1);
    sisp_camera_set_controls(camera, &one); /* frame 1 is being read out */
    for (unsigned n = 1; n < 6; n++) {
        struct sisp_camera_controls shown = next_shows();
        CHECK_FLOAT(shown.exposure_us, n < 3 ? before_us : after_us, 0.1);
        CHECK_FLOAT(shown.analogue_gain, n < 2 ? 2 : 4, 1e-5);
    }
    sisp_camera_destroy(&camera);
}

TEST(who_dequeues_late_is_told_so_too)
{
    REQUIRE(begin_sensor(&(struct sisp_v4l2_params){.fps_num = 30, .fps_den = 1}));
    REQUIRE(start_sensor());
    next_shows();
    graph.fake.now_ns += 2 * FAKE_INTERVAL_NS + FAKE_INTERVAL_NS / 2; /* 1 and 2 wait */
    sisp_camera_set_controls(camera, &(struct sisp_camera_controls){10000, 4});
    for (unsigned n = 1; n < 7; n++)
        CHECK_FLOAT(next_shows().analogue_gain, n < 4 ? 2 : 4, 1e-5);
    sisp_camera_destroy(&camera);
}

static bool is_start;

static void stamp(struct fake *f, unsigned long call, void *argument)
{
    if (call == VIDIOC_DQBUF && is_start)
        ((struct v4l2_buffer *)argument)->flags =
            V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC | V4L2_BUF_FLAG_TSTAMP_SRC_SOE;
}

/* When the first frame's readout began, after the fake's stamp, in microseconds. */
static double started_us(void)
{
    if (!begin_sensor(&(struct sisp_v4l2_params){.fps_num = 30, .fps_den = 1}))
        return -1;
    graph.fake.spoil = stamp;
    uint64_t stamp_ns = graph.fake.now_ns + FAKE_INTERVAL_NS;
    if (!start_sensor())
        return -1;
    next_shows();
    double us = ((double)sisp_camera_frame(camera).start_ns - (double)stamp_ns) / 1000;
    sisp_camera_destroy(&camera);
    return us;
}

TEST(a_frame_begins_its_rows_before_its_end)
{
    is_start = false;
    CHECK_FLOAT(started_us(), -480 * 18.904, 2);
    is_start = true;
    CHECK_FLOAT(started_us(), 0, 2);
    is_start = false;
}

TEST(what_does_not_change_is_not_remembered)
{
    REQUIRE(begin_sensor(&(struct sisp_v4l2_params){.fps_num = 30, .fps_den = 1}));
    REQUIRE(start_sensor());
    next_shows();
    sisp_camera_set_controls(camera, &(struct sisp_camera_controls){10000, 4});
    for (unsigned n = 1; n < 60; n++) {
        sisp_camera_set_controls(camera, &(struct sisp_camera_controls){10000, 4});
        struct sisp_camera_controls shown = next_shows();
        CHECK_FLOAT(shown.analogue_gain, n < 2 ? 2 : 4, 1e-5);
    }
    sisp_camera_destroy(&camera);
}

static int refuse_writes(struct fake *f, int fd, unsigned long call, void *argument)
{
    return call == VIDIOC_S_EXT_CTRLS ? -EIO : FAKE_DEFAULT;
}

static void add_webcam(void)
{
    const struct fake_control controls[] = {
        {V4L2_CID_EXPOSURE_AUTO, 0, 3, 1, 3, false, 0},
        {V4L2_CID_EXPOSURE_AUTO_PRIORITY, 0, 1, 1, 1, false, 0},
        {V4L2_CID_EXPOSURE_ABSOLUTE, 0, 2000, 1, 156, false, 0},
        {V4L2_CID_AUTOGAIN, 0, 1, 1, 1, false, 0},
        {V4L2_CID_GAIN, 16, 128, 4, 16, false, 0},
    };
    fake_init(&fake);
    memcpy(fake.controls, controls, sizeof(controls));
}

TEST(a_webcam_s_automatics_are_off_and_its_units_known)
{
    add_webcam();
    REQUIRE(begin());
    struct sisp_camera_limits limits = sisp_camera_limits(camera);
    CHECK_EQ(fake_control(&fake, V4L2_CID_EXPOSURE_AUTO)->value, V4L2_EXPOSURE_MANUAL);
    CHECK_EQ(fake_control(&fake, V4L2_CID_EXPOSURE_AUTO_PRIORITY)->value, 0);
    CHECK_EQ(fake_control(&fake, V4L2_CID_AUTOGAIN)->value, 0);
    CHECK_FLOAT(limits.exposure_us_min, 100, 0);
    CHECK_FLOAT(limits.exposure_us_max, 200000, 0);
    CHECK_FLOAT(limits.analogue_gain_min, 1, 0);
    CHECK_FLOAT(limits.analogue_gain_max, 8, 0);
    CHECK_EQ(limits.line_ns, 0);
    sisp_camera_set_controls(camera, &(struct sisp_camera_controls){12345, 2.2f});
    CHECK_EQ(fake_control(&fake, V4L2_CID_EXPOSURE_ABSOLUTE)->value, 123);
    CHECK_EQ(fake_control(&fake, V4L2_CID_GAIN)->value, 36); /* steps of 4 */
    end();
}

TEST(a_write_that_fails_is_not_believed)
{
    uint32_t index;
    add_webcam();
    REQUIRE(begin());
    fake.hook = refuse_writes;
    sisp_camera_set_controls(camera, &(struct sisp_camera_controls){12345, 2});
    for (unsigned n = 0; n < 4; n++) {
        REQUIRE(next(&index) == 0);
        CHECK_FLOAT(sisp_camera_applied(camera).exposure_us, 15600, 0);
        CHECK_EQ(sisp_camera_queue(camera, index), 0);
    }
    end();
}

static int no_reads(struct fake *f, int fd, unsigned long call, void *argument)
{
    return call == VIDIOC_G_EXT_CTRLS ? -EACCES : FAKE_DEFAULT;
}

static void disabled(struct fake *f, unsigned long call, void *argument)
{
    if (call == VIDIOC_QUERY_EXT_CTRL)
        ((struct v4l2_query_ext_ctrl *)argument)->flags = V4L2_CTRL_FLAG_DISABLED;
}

TEST(controls_that_cannot_be_used_are_none)
{
    add_webcam();
    fake.hook = no_reads;
    REQUIRE(begin());
    CHECK_FLOAT(sisp_camera_limits(camera).exposure_us_max, 0, 0);
    end();
    add_webcam();
    fake.spoil = disabled;
    REQUIRE(begin());
    CHECK_FLOAT(sisp_camera_limits(camera).exposure_us_max, 0, 0);
    end();
}

TEST(a_pixel_rate_of_nothing_makes_no_lines)
{
    fake_graph_init(&graph);
    add_imx219(&graph.fake);
    fake_control(&graph.fake, V4L2_CID_PIXEL_RATE)->value = 0;
    REQUIRE(open_sensor(&(struct sisp_v4l2_params){.fps_num = 30, .fps_den = 1}) == 0);
    CHECK_EQ(sisp_camera_limits(camera).line_ns, 0);
    CHECK_FLOAT(sisp_camera_limits(camera).exposure_us_max, 0, 0);
    CHECK_EQ(fake_control(&graph.fake, V4L2_CID_VBLANK)->writes, 0);
    sisp_camera_destroy(&camera);
}

TEST(what_codes_mean_is_not_guessed)
{
    fake_init(&fake);
    fake.controls[0] = (struct fake_control){V4L2_CID_EXPOSURE, 1, 500, 1, 100, false, 0};
    fake.controls[1] = (struct fake_control){V4L2_CID_GAIN, 0, 255, 1, 100, false, 0};
    REQUIRE(begin());
    CHECK_FLOAT(sisp_camera_limits(camera).exposure_us_max, 0, 0);
    sisp_camera_set_controls(camera, &(struct sisp_camera_controls){1000, 2});
    CHECK_EQ(fake.controls[0].writes + fake.controls[1].writes, 0);
    CHECK_FLOAT(sisp_camera_applied(camera).exposure_us, 0, 0);
    end();
}

/* What it says of one control is out of its mind. */
static void add_imx219_with(uint32_t id, int64_t min, int64_t max, int64_t step, int64_t value)
{
    fake_graph_init(&graph);
    add_imx219(&graph.fake);
    struct fake_control *control = fake_control(&graph.fake, id);
    *control = (struct fake_control){id, min, max, step, value, control->is_wide, 0};
}

TEST(ranges_that_cannot_be_are_none)
{
    const struct sisp_v4l2_params any = {.fps_num = 30, .fps_den = 1};
    add_imx219_with(V4L2_CID_EXPOSURE, INT64_MIN, INT64_MAX, 1, 5);
    REQUIRE(open_sensor(&any) == 0);
    CHECK_FLOAT(sisp_camera_limits(camera).exposure_us_max, 0, 0);
    sisp_camera_destroy(&camera);
    add_imx219_with(V4L2_CID_EXPOSURE, 4, 1000, INT64_MIN, 5); /* a step of 2^63 */
    REQUIRE(open_sensor(&any) == 0);
    sisp_camera_set_controls(camera, &(struct sisp_camera_controls){1e9f, 1});
    CHECK_EQ(value_of(V4L2_CID_EXPOSURE), 1000);
    sisp_camera_destroy(&camera);
    add_imx219_with(V4L2_CID_VBLANK, -100000, 5, 1, -100000);
    REQUIRE(open_sensor(&(struct sisp_v4l2_params){0}) == 0);
    CHECK_EQ(sisp_camera_limits(camera).frame_interval_ns, 33333333); /* the node's */
    sisp_camera_destroy(&camera);
}

TEST(an_exposure_has_a_line_at_least)
{
    add_imx219_with(V4L2_CID_EXPOSURE, 0, 1000, 1, 5);
    REQUIRE(open_sensor(&(struct sisp_v4l2_params){0}) == 0);
    CHECK_FLOAT(sisp_camera_limits(camera).exposure_us_min, 18.9035, 0.01);
    sisp_camera_destroy(&camera);
    add_imx219_with(V4L2_CID_EXPOSURE, 0, 0, 1, 0);
    REQUIRE(open_sensor(&(struct sisp_v4l2_params){0}) == 0);
    CHECK_FLOAT(sisp_camera_limits(camera).exposure_us_max, 0, 0);
    sisp_camera_destroy(&camera);
}

TEST(white_is_above_the_sensor_s_black)
{
    fake_graph_init(&graph);
    graph.names[GRAPH_SENSOR] = "imx219 10-0010";
    CHECK_EQ(open_sensor(&(struct sisp_v4l2_params){.white_level = 64}), -EINVAL);
    CHECK_STR(error.text, "black level, white level or dark edge do not fit SRGGB10");
    REQUIRE(open_sensor(&(struct sisp_v4l2_params){.white_level = 65}) == 0);
    sisp_camera_destroy(&camera);
}

TEST(a_sensor_has_no_gain_below_one)
{
    fake_graph_init(&graph);
    graph.names[GRAPH_SENSOR] = "ov5647 10-0036";
    add_imx219(&graph.fake); /* whose codes begin at 0 */
    REQUIRE(open_sensor(&(struct sisp_v4l2_params){0}) == 0);
    CHECK_FLOAT(sisp_camera_limits(camera).analogue_gain_min, 1, 0);
    CHECK_FLOAT(sisp_camera_limits(camera).analogue_gain_max, 14.5, 0);
    sisp_camera_destroy(&camera);
}

TEST(gains_and_codes_agree_both_ways)
{
    const struct {
        const char *name;
        int64_t code;
        double gain;
    } known[] = {{"imx219", 0, 1}, {"imx219", 232, 10.6667}, {"imx477", 512, 2},
        {"ov5647", 40, 2.5}, {"imx290", 20, 1.99526}, {"imx296", 200, 10}, {"gc05a2", 1024, 100}};
    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        struct v4l2_sensor sensor = v4l2_sensor_find(known[i].name, 0);
        CHECK_STR(sensor.name, known[i].name);
        CHECK_FLOAT(v4l2_gain_of(&sensor, known[i].code), known[i].gain, 1e-4);
        for (int64_t code = 0; code < 200; code++)
            CHECK_EQ(v4l2_gain_code(&sensor, v4l2_gain_of(&sensor, code)), code);
    }
    struct v4l2_sensor unknown = v4l2_sensor_find("nobody", 0);
    CHECK_FLOAT(unknown.unity, 0, 0);
}

int main(void)
{
    RUN(lines_and_codes_become_microseconds_and_gains);
    RUN(the_rate_is_made_by_blanking);
    RUN(a_user_s_black_level_wins);
    RUN(frames_tell_what_they_show_after_the_sensor_s_delays);
    RUN(who_dequeues_late_is_told_so_too);
    RUN(a_frame_begins_its_rows_before_its_end);
    RUN(what_does_not_change_is_not_remembered);
    RUN(a_webcam_s_automatics_are_off_and_its_units_known);
    RUN(a_write_that_fails_is_not_believed);
    RUN(controls_that_cannot_be_used_are_none);
    RUN(a_pixel_rate_of_nothing_makes_no_lines);
    RUN(what_codes_mean_is_not_guessed);
    RUN(ranges_that_cannot_be_are_none);
    RUN(an_exposure_has_a_line_at_least);
    RUN(white_is_above_the_sensor_s_black);
    RUN(a_sensor_has_no_gain_below_one);
    RUN(gains_and_codes_agree_both_ways);
    return test_report();
}
