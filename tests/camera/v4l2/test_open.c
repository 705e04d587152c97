/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening a V4L2 camera on a device in memory: formats, buffers, and drivers that lie. */
#include "rig.h"

TEST(format_and_size_are_the_devices)
{
    fake_init(&fake);
    fake.pad_bytes = 6;
    REQUIRE(open_camera(&(struct sisp_v4l2_params){0}) == 0);
    const struct sisp_raw_info *info = sisp_camera_info(camera);
    CHECK_EQ(info->fourcc, V4L2_PIX_FMT_SRGGB10);
    CHECK_EQ(info->width, 640);
    CHECK_EQ(info->height, 480);
    CHECK_EQ(info->stride_bytes, 1286);
    CHECK_FLOAT(info->white_level, 1023, 0);
    CHECK_FLOAT((double)sisp_camera_limits(camera).frame_interval_ns, 33333333, 1);
    end();
}

TEST(what_is_asked_for_is_set)
{
    fake_init(&fake);
    fake.is_many = true;
    REQUIRE(open_camera(&(struct sisp_v4l2_params){.width = 1280,
                .height = 720,
                .fps_num = 15,
                .fps_den = 1,
                .raw_format = "SRGGB10P",
                .black_count = 1,
                .black_level = {64}}) == 0);
    const struct sisp_raw_info *info = sisp_camera_info(camera);
    CHECK_EQ(info->fourcc, V4L2_PIX_FMT_SRGGB10P);
    CHECK_EQ(info->stride_bytes, 1600);
    CHECK_FLOAT(info->black_level[SISP_SITE_B], 64, 0);
    CHECK_EQ(fake.width, 1280);
    CHECK_EQ(fake.interval_den, 15);
    CHECK_FLOAT((double)sisp_camera_limits(camera).frame_interval_ns, 66666666, 1);
    end();
}

TEST(a_device_that_stands_at_video_is_set_to_its_best_raw_format)
{
    fake_init(&fake);
    fake.fourcc = V4L2_PIX_FMT_YUYV;
    REQUIRE(open_camera(&(struct sisp_v4l2_params){0}) == 0);
    CHECK_EQ(sisp_camera_info(camera)->fourcc, V4L2_PIX_FMT_SRGGB10);
    end();
}

static void check_refused(const struct sisp_v4l2_params *params, int code, const char *sentence)
{
    CHECK_EQ(open_camera(params), code);
    CHECK_STR(error.text, sentence);
    CHECK(!camera);
    CHECK_EQ(fake.opened, 0);
}

TEST(what_cannot_be_is_refused_with_a_sentence)
{
    fake_init(&fake);
    check_refused(&(struct sisp_v4l2_params){.device = "/dev/video7"}, -ENOENT,
        "/dev/video7: No such file or directory");
    check_refused(&(struct sisp_v4l2_params){.device = "/etc/passwd"}, -ENODEV,
        "/etc/passwd is not a device");
    check_refused(&(struct sisp_v4l2_params){.device = ""}, -EINVAL, "no device is named");
    check_refused(
        &(struct sisp_v4l2_params){.raw_format = "SRGGB9"}, -EINVAL, "'SRGGB9' is no raw format");
    check_refused(
        &(struct sisp_v4l2_params){.raw_format = "SGBRG10"}, -EINVAL, "the device has no SGBRG10");
    check_refused(&(struct sisp_v4l2_params){.width = 62, .height = 64}, -EINVAL,
        "frames of 62x64: sides are even, 64 to 8192");
    fake.width = 640;
    fake.height = 480;
    check_refused(&(struct sisp_v4l2_params){.black_count = 1, .black_level = {2000}}, -EINVAL,
        "black level, white level or dark edge do not fit SRGGB10");
    fake.open_error = -EACCES;
    check_refused(&(struct sisp_v4l2_params){0}, -EACCES, "/dev/video0: Permission denied");
    fake.open_error = 0;
    fake.fourccs[1] = 0;
    fake.fourcc = V4L2_PIX_FMT_YUYV;
    check_refused(&(struct sisp_v4l2_params){0}, -ENOTSUP, "/dev/video0 has no raw format");
}

static void short_rows(struct fake *f, unsigned long call, void *argument)
{
    if (call == VIDIOC_S_FMT)
        ((struct v4l2_format *)argument)->fmt.pix.bytesperline = 640;
}

static void small_image(struct fake *f, unsigned long call, void *argument)
{
    if (call == VIDIOC_S_FMT)
        ((struct v4l2_format *)argument)->fmt.pix.sizeimage = 640;
}

static void other_size(struct fake *f, unsigned long call, void *argument)
{
    if (call == VIDIOC_S_FMT)
        ((struct v4l2_format *)argument)->fmt.pix.width = 800;
}

static void two_planes(struct fake *f, unsigned long call, void *argument)
{
    if (call == VIDIOC_S_FMT)
        ((struct v4l2_format *)argument)->fmt.pix_mp.num_planes = 2;
}

static void no_streaming(struct fake *f, unsigned long call, void *argument)
{
    if (call == VIDIOC_QUERYCAP)
        ((struct v4l2_capability *)argument)->device_caps = V4L2_CAP_VIDEO_CAPTURE;
}

static void an_output(struct fake *f, unsigned long call, void *argument)
{
    if (call == VIDIOC_QUERYCAP)
        ((struct v4l2_capability *)argument)->device_caps = V4L2_CAP_VIDEO_OUTPUT;
}

TEST(drivers_are_not_believed_what_cannot_be)
{
    const struct sisp_v4l2_params any = {0};
    fake_init(&fake);
    fake.spoil = short_rows;
    check_refused(
        &any, -EINVAL, "the driver says rows of 640 bytes, but 640 samples of SRGGB10 take 1280");
    fake.spoil = small_image;
    check_refused(
        &any, -EINVAL, "the driver says buffers of 640 bytes, but 480 rows of 1280 take more");
    fake.spoil = other_size;
    check_refused(&any, -EINVAL, "the device has no frames of 640x480; the nearest is 800x480");
    fake.spoil = no_streaming;
    check_refused(&any, -ENOTSUP,
        "/dev/video0 (cccccccccccccccccccccccccccccccc) does not stream into buffers");
    fake.spoil = an_output;
    check_refused(
        &any, -ENOTSUP, "/dev/video0 (cccccccccccccccccccccccccccccccc) does not capture video");
    fake.is_many = true;
    fake.spoil = two_planes;
    check_refused(&any, -ENOTSUP, "the driver spreads a frame over several planes");
}

TEST(dmabufs_go_as_such)
{
    struct sisp_buffer buffers[2] = {
        {.memory = SISP_MEMORY_UDMABUF, .fd = 7, .size_bytes = sizeof(memory[0])},
        {.memory = SISP_MEMORY_UDMABUF, .fd = 8, .size_bytes = sizeof(memory[0])},
    };
    fake_init(&fake);
    REQUIRE(open_camera(&(struct sisp_v4l2_params){0}) == 0);
    CHECK_EQ(sisp_camera_attach(camera, buffers, 2), 2);
    CHECK_EQ(fake.memory, V4L2_MEMORY_DMABUF);
    CHECK_EQ(sisp_camera_export(camera, 0, &buffers[0]), -EINVAL); /* it is no buffer of its own */
    CHECK_EQ(sisp_camera_queue(camera, 1), 0);
    CHECK_EQ(fake.addresses[1], 8);
    end();
}

/* V4L2 would fill both from the beginning of the one dmabuf. */
TEST(dmabufs_in_parts_go_by_their_address)
{
    struct sisp_buffer buffers[2] = {
        {.memory = SISP_MEMORY_DMA_HEAP, .fd = 7, .size_bytes = sizeof(memory[0])},
        {.memory = SISP_MEMORY_DMA_HEAP,
            .fd = 7,
            .offset_bytes = sizeof(memory[0]),
            .size_bytes = sizeof(memory[0])},
    };
    fake_init(&fake);
    REQUIRE(open_camera(&(struct sisp_v4l2_params){0}) == 0);
    CHECK_EQ(sisp_camera_attach(camera, buffers, 2), -EINVAL);
    buffers[0].bytes = memory[0];
    CHECK_EQ(sisp_camera_attach(camera, buffers, 2), -EINVAL);
    buffers[1].bytes = memory[1];
    CHECK_EQ(sisp_camera_attach(camera, buffers, 2), 2);
    CHECK_EQ(fake.memory, V4L2_MEMORY_USERPTR);
    CHECK_EQ(sisp_camera_queue(camera, 1), 0);
    CHECK_EQ(fake.addresses[1], (uintptr_t)memory[1]);
    end();
}

TEST(own_buffers_are_exported)
{
    struct sisp_buffer buffer;
    fake_init(&fake);
    REQUIRE(open_camera(&(struct sisp_v4l2_params){0}) == 0);
    CHECK_EQ(sisp_camera_attach(camera, NULL, 3), 3);
    CHECK_EQ(sisp_camera_export(camera, 2, &buffer), 0);
    CHECK_EQ(buffer.fd, 1000);
    CHECK_EQ(buffer.size_bytes, sizeof(memory[0]));
    CHECK_EQ(buffer.memory, SISP_MEMORY_IMPORTED);
    CHECK_EQ(sisp_camera_export(camera, 3, &buffer), -EINVAL);
    CHECK_EQ(sisp_camera_attach(camera, NULL, 3), -EBUSY);
    end();
}

TEST(buffers_that_do_not_fit_are_refused)
{
    struct sisp_buffer small = {.fd = -1, .size_bytes = 1000, .bytes = memory[0]};
    struct sisp_buffer nowhere = {.fd = -1, .size_bytes = sizeof(memory[0])};
    fake_init(&fake);
    REQUIRE(open_camera(&(struct sisp_v4l2_params){0}) == 0);
    CHECK_EQ(sisp_camera_attach(camera, &small, 1), -EINVAL);
    CHECK_STR(
        sisp_camera_error(camera), "the driver wants buffers of 614400 bytes, but these have 1000");
    CHECK_EQ(sisp_camera_attach(camera, &nowhere, 1), -EINVAL);
    CHECK_EQ(sisp_camera_attach(camera, NULL, 0), -EINVAL);
    CHECK_EQ(sisp_camera_attach(camera, NULL, 33), -EINVAL);
    fake.memories = 1u << V4L2_MEMORY_MMAP;
    CHECK_EQ(attach_own(), -ENOTSUP);
    CHECK_STR(
        sisp_camera_error(camera), "the device does not take buffers by their address (USERPTR)");
    end();
}

static void fewer(struct fake *f, unsigned long call, void *argument)
{
    struct v4l2_requestbuffers *asked = argument;
    if (call == VIDIOC_REQBUFS && asked->count)
        asked->count = 2;
}

static void small_own(struct fake *f, unsigned long call, void *argument)
{
    if (call == VIDIOC_QUERYBUF)
        ((struct v4l2_buffer *)argument)->length = 4096;
}

TEST(a_driver_may_make_fewer_buffers_of_its_own_but_not_take_fewer)
{
    struct sisp_buffer buffer;
    fake_init(&fake);
    fake.spoil = fewer;
    REQUIRE(open_camera(&(struct sisp_v4l2_params){0}) == 0);
    CHECK_EQ(attach_own(), -ENOMEM);
    CHECK_EQ(sisp_camera_attach(camera, NULL, 4), 2);
    fake.spoil = small_own;
    CHECK_EQ(sisp_camera_export(camera, 0, &buffer), -EPROTO);
    end();
}

static int busy(struct fake *f, int fd, unsigned long call, void *argument)
{
    return call == VIDIOC_S_FMT || call == VIDIOC_REQBUFS ? -EBUSY : FAKE_DEFAULT;
}

static int no_export(struct fake *f, int fd, unsigned long call, void *argument)
{
    return call == VIDIOC_EXPBUF ? -ENOTTY : FAKE_DEFAULT;
}

TEST(what_another_program_holds_or_a_driver_lacks_is_said)
{
    struct sisp_buffer buffer;
    fake_init(&fake);
    fake.hook = busy;
    check_refused(&(struct sisp_v4l2_params){0}, -EBUSY, "the device is in use by another program");
    fake.hook = NULL;
    REQUIRE(open_camera(&(struct sisp_v4l2_params){0}) == 0);
    fake.hook = busy;
    CHECK_EQ(attach_own(), -EBUSY);
    CHECK_STR(sisp_camera_error(camera), "the device is in use by another program");
    fake.hook = no_export;
    CHECK_EQ(sisp_camera_attach(camera, NULL, 2), 2);
    CHECK_EQ(sisp_camera_export(camera, 0, &buffer), -ENOTSUP);
    end();
}

int main(void)
{
    RUN(format_and_size_are_the_devices);
    RUN(what_is_asked_for_is_set);
    RUN(a_device_that_stands_at_video_is_set_to_its_best_raw_format);
    RUN(what_cannot_be_is_refused_with_a_sentence);
    RUN(drivers_are_not_believed_what_cannot_be);
    RUN(dmabufs_go_as_such);
    RUN(dmabufs_in_parts_go_by_their_address);
    RUN(own_buffers_are_exported);
    RUN(buffers_that_do_not_fit_are_refused);
    RUN(a_driver_may_make_fewer_buffers_of_its_own_but_not_take_fewer);
    RUN(what_another_program_holds_or_a_driver_lacks_is_said);
    return test_report();
}
