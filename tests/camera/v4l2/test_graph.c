/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A camera behind a media graph in memory: the sensor is found, and one format set on the way. */
#include "camera/v4l2/camera.h"
#include "fake_graph.h"
#include "tests/harness/test.h"

#include <errno.h>

static struct fake_graph graph;
static struct v4l2_error error;
static struct sisp_camera *camera;

static int open_camera(struct sisp_v4l2_params params)
{
    params.device = "/dev/video0";
    error.text[0] = '\0';
    return v4l2_camera_open(&camera, &params, &graph.fake.io, &error);
}

static int start(void)
{
    int r = sisp_camera_attach(camera, NULL, 2);
    return r < 0 ? r : sisp_camera_start(camera);
}

static void end(void)
{
    sisp_camera_destroy(&camera);
    CHECK_EQ(graph.fake.opened, 0);
}

static void check_refused(struct sisp_v4l2_params params, int code, const char *sentence)
{
    CHECK_EQ(open_camera(params), code);
    CHECK_STR(error.text, sentence);
    CHECK_EQ(graph.fake.opened, 0);
}

TEST(one_format_goes_from_the_sensor_to_all_nodes)
{
    fake_graph_init(&graph);
    REQUIRE(open_camera((struct sisp_v4l2_params){
                .width = 1280, .height = 720, .raw_format = "SRGGB10"}) == 0);
    for (int i = 0; i < PADS - 2; i++) {
        CHECK_EQ(graph.pads[i].width, 1280);
        CHECK_EQ(graph.pads[i].height, 720);
    }
    CHECK_EQ(graph.pads[PAD_SENSOR].code, 0x300f);
    CHECK_EQ(graph.pads[PAD_DEBAYER_IN].code, 0x300f);
    CHECK_EQ(graph.pads[PAD_DEBAYER].code, 0x100a);
    CHECK_EQ(graph.video_width, 1280);
    CHECK_EQ(sisp_camera_info(camera)->fourcc, V4L2_PIX_FMT_SRGGB10);
    CHECK_EQ(start(), 0);
    end();
}

TEST(the_best_format_that_sensor_and_node_have_is_taken)
{
    fake_graph_init(&graph);
    REQUIRE(open_camera((struct sisp_v4l2_params){0}) == 0);
    CHECK_EQ(sisp_camera_info(camera)->fourcc, V4L2_PIX_FMT_SRGGB10);
    CHECK_EQ(sisp_camera_info(camera)->width, 640);
    CHECK_EQ(start(), 0);
    end();
    graph.codes[2] = 0;
    REQUIRE(open_camera((struct sisp_v4l2_params){0}) == 0);
    CHECK_EQ(sisp_camera_info(camera)->fourcc, V4L2_PIX_FMT_SRGGB8);
    end();
}

TEST(a_link_that_is_off_is_enabled)
{
    fake_graph_init(&graph);
    graph.link_flags[LINK_RAW] = 0;
    REQUIRE(open_camera((struct sisp_v4l2_params){0}) == 0);
    CHECK(graph.link_flags[LINK_RAW] & MEDIA_LNK_FL_ENABLED);
    CHECK_EQ(start(), 0);
    end();
}

TEST(sensors_have_names)
{
    fake_graph_init(&graph);
    graph.names[GRAPH_SENSOR] = "IMX219 10-0010";
    REQUIRE(open_camera((struct sisp_v4l2_params){0}) == 0);
    CHECK_STR(sisp_camera_sensor(camera), "imx219");
    end();
    graph.names[GRAPH_SENSOR] = "Sensor A";
    REQUIRE(open_camera((struct sisp_v4l2_params){0}) == 0);
    CHECK_STR(sisp_camera_sensor(camera), "sensor a");
    end();
}

TEST(what_the_sensor_has_not_is_refused)
{
    fake_graph_init(&graph);
    check_refused((struct sisp_v4l2_params){.raw_format = "SGBRG10"}, -EINVAL,
        "the sensor 'sensor a' has no SGBRG10");
    check_refused((struct sisp_v4l2_params){.width = 650, .height = 480}, -EINVAL,
        "'Sensor A' has no such frames; the nearest are 640x480 of media bus code 0x300f");
    graph.codes[1] = 0;
    check_refused((struct sisp_v4l2_params){0}, -ENOTSUP, "/dev/video0 has no raw format");
}

TEST(a_graph_that_cannot_be_read_is_none)
{
    fake_graph_init(&graph);
    graph.entity_count = 1u << 30;
    graph.fake.fourcc = V4L2_PIX_FMT_SRGGB10;
    REQUIRE(open_camera((struct sisp_v4l2_params){0}) == 0);
    CHECK_STR(sisp_camera_sensor(camera), "");
    end();
}

TEST(a_graph_that_is_to_be_looked_at_only_is_left_alone)
{
    fake_graph_init(&graph);
    graph.names[GRAPH_SENSOR] = "Camera 1"; /* as a webcam's driver shows it */
    graph.is_without_nodes = true;
    graph.fake.fourcc = V4L2_PIX_FMT_SRGGB10;
    REQUIRE(open_camera((struct sisp_v4l2_params){0}) == 0);
    CHECK_STR(sisp_camera_sensor(camera), "camera 1");
    end();
    graph.is_without_nodes = false;
    graph.is_read_only = true;
    REQUIRE(open_camera((struct sisp_v4l2_params){.width = 1280, .height = 720}) == 0);
    CHECK_EQ(graph.pads[PAD_SENSOR].width, 640);
    CHECK_EQ(graph.fake.width, 1280);
    CHECK_STR(sisp_camera_error(camera), "");
    end();
}

TEST(a_device_is_described_and_nothing_is_set)
{
    char text[4096], few[32];
    fake_graph_init(&graph);
    graph.names[GRAPH_SENSOR] = "imx219 10-0010";
    CHECK_EQ(v4l2_describe("/dev/video0", &graph.fake.io, text, sizeof(text), &error), 0);
    CHECK_STR(text, "/dev/video0: cccccccccccccccccccccccccccccccc, driver fake, at \n"
                    "media graph: /dev/media3: 'imx219 10-0010' -> 'Raw Capture 0'\n"
                    "sensor: imx219, set to 640x480, media bus code 0x100a\n"
                    "set to: 640x480, 'RGB3', which is not raw, 30 frames a second\n"
                    "raw format: SRGGB8\n"
                    "raw format: SRGGB10\n"
                    "raw format: SRGGB10P\n"
                    "other formats: 2, of no use here\n"
                    "exposure and gain: no controls whose units are known\n");
    CHECK_EQ(graph.pads[PAD_SENSOR].code, 0x100a);
    CHECK_EQ(graph.fake.fourcc, V4L2_PIX_FMT_RGB24);
    CHECK_EQ(v4l2_describe("/dev/video0", &graph.fake.io, few, sizeof(few), &error), 0);
    CHECK_EQ(strlen(few), sizeof(few) - 1);
    few[0] = few[1] = 'x';
    CHECK_EQ(v4l2_describe("/dev/video0", &graph.fake.io, few + 1, 0, &error), 0);
    CHECK(few[0] == 'x' && few[1] == 'x');
    graph.fake.is_gone = true;
    CHECK_EQ(v4l2_describe("/dev/video0", &graph.fake.io, text, sizeof(text), &error), -ENOTTY);
    CHECK_EQ(graph.fake.opened, 0);
}

int main(void)
{
    RUN(one_format_goes_from_the_sensor_to_all_nodes);
    RUN(the_best_format_that_sensor_and_node_have_is_taken);
    RUN(a_link_that_is_off_is_enabled);
    RUN(sensors_have_names);
    RUN(what_the_sensor_has_not_is_refused);
    RUN(a_graph_that_cannot_be_read_is_none);
    RUN(a_graph_that_is_to_be_looked_at_only_is_left_alone);
    RUN(a_device_is_described_and_nothing_is_set);
    return test_report();
}
