/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <softisp/camera.h>

#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

/* 64 samples of 12P are 96 bytes. */
#define STRIDE 101
#define FRAME  ((size_t)STRIDE * 64)

static uint8_t bytes[3 * FRAME], frame[FRAME];

static struct sisp_camera_params params_for(int fd)
{
    return (struct sisp_camera_params){
        .width = 64, .height = 64, .raw_format = "SGBRG12P", .stride_bytes = STRIDE, .fd = fd};
}

/* A camera on the reading end of a pipe; *end is the writing end. */
static struct sisp_camera *open_pipe(int *end, int *reading)
{
    int fds[2];
    struct sisp_camera *camera;
    if (pipe(fds) < 0)
        abort();
    struct sisp_camera_params params = params_for(fds[0]);
    if (sisp_camera_open_fd(&camera, &params))
        abort();
    *end = fds[1];
    *reading = fds[0];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    return camera;
}

static void write_part(int fd, size_t from, size_t to)
{
    for (size_t done = from; done < to;) {
        ssize_t count = write(fd, bytes + done, to - done);
        if (count < 0)
            abort();
        done += (size_t)count;
    }
}

TEST(frames_come_whole_then_the_clean_end)
{
    int end, reading;
    struct sisp_camera *camera = open_pipe(&end, &reading);
    write_part(end, 0, 3 * FRAME);
    close(end);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(sisp_camera_read(camera, frame, FRAME), 0);
        CHECK(memcmp(frame, bytes + i * FRAME, FRAME) == 0);
    }
    CHECK_EQ(sisp_camera_read(camera, frame, FRAME), -ENODATA);
    CHECK_EQ(sisp_camera_read(camera, frame, FRAME), -ENODATA);
    sisp_camera_destroy(&camera);
    CHECK(camera == NULL);
    CHECK(fcntl(reading, F_GETFD) >= 0); /* it stays the caller's */
    close(reading);
}

TEST(an_end_inside_a_frame_is_told_from_a_clean_one)
{
    int end, reading;
    struct sisp_camera *camera = open_pipe(&end, &reading);
    write_part(end, 0, 2 * FRAME - 1);
    close(end);
    CHECK_EQ(sisp_camera_read(camera, frame, FRAME), 0);
    CHECK_EQ(sisp_camera_read(camera, frame, FRAME), -EBADMSG);
    CHECK_EQ(sisp_camera_read(camera, frame, FRAME), -EBADMSG);
    sisp_camera_destroy(&camera);
    close(reading);
}

struct writer {
    pthread_t reader;
    int fd;
    size_t before; /* bytes written before the signal */
};

static void on_signal(int signal_number)
{
    (void)signal_number;
}

static void *write_late(void *argument)
{
    struct writer *writer = argument;
    write_part(writer->fd, 0, writer->before);
    usleep(50000);
    pthread_kill(writer->reader, SIGUSR1);
    usleep(50000);
    write_part(writer->fd, writer->before, FRAME);
    return NULL;
}

/* The first answer of read where a signal comes after `before` bytes. */
static int read_through_signal(size_t before, bool is_nonblocking)
{
    int end, reading;
    struct sisp_camera *camera = open_pipe(&end, &reading);
    struct writer writer = {pthread_self(), end, before};
    struct sigaction action = {.sa_handler = on_signal};
    pthread_t thread;
    memset(frame, 0, sizeof(frame));
    sigaction(SIGUSR1, &action, NULL);
    if (is_nonblocking)
        fcntl(reading, F_SETFL, O_NONBLOCK);
    if (pthread_create(&thread, NULL, write_late, &writer))
        abort();
    int result = sisp_camera_read(camera, frame, FRAME);
    if (result == -EINTR && before == 0)
        CHECK_EQ(sisp_camera_read(camera, frame, FRAME), 0);
    CHECK(memcmp(frame, bytes, FRAME) == 0);
    pthread_join(thread, NULL);
    sisp_camera_destroy(&camera);
    close(end);
    close(reading);
    return result;
}

TEST(a_signal_interrupts_only_between_frames)
{
    CHECK_EQ(read_through_signal(0, false), -EINTR);
    CHECK_EQ(read_through_signal(100, false), 0);
    CHECK_EQ(read_through_signal(0, true), -EINTR);
    CHECK_EQ(read_through_signal(100, true), 0);
}

TEST(errors_of_read_pass_through)
{
    struct sisp_camera *camera;
    int fd = open("/", O_RDONLY | O_DIRECTORY);
    struct sisp_camera_params params = params_for(fd);
    REQUIRE(sisp_camera_open_fd(&camera, &params) == 0);
    CHECK_EQ(sisp_camera_read(camera, frame, FRAME), -EISDIR);
    CHECK_EQ(sisp_camera_read(camera, frame, FRAME - 1), -EINVAL);
    sisp_camera_destroy(&camera);
    close(fd);
}

TEST(info_is_what_the_parameters_say)
{
    struct sisp_camera *camera;
    struct sisp_camera_params params = params_for(0);
    params.black_count = 4;
    for (unsigned i = 0; i < 4; i++)
        params.black_level[i] = 60 + (float)i;
    params.white_level = 4000;
    REQUIRE(sisp_camera_open_fd(&camera, &params) == 0);
    const struct sisp_raw_info *info = sisp_camera_info(camera);
    CHECK_EQ(info->fourcc, sisp_raw_format_find("SGBRG12P")->fourcc);
    CHECK_EQ(info->stride_bytes, STRIDE);
    CHECK_EQ(info->crop.width * 1000 + info->crop.height, 64064);
    CHECK_EXACT(info->black_level[3], 63);
    CHECK_EQ(info->black_source, SISP_SOURCE_MANUAL);
    CHECK_EXACT(info->white_level, 4000);
    CHECK_EQ(info->orientation, 1);
    struct sisp_camera_limits limits = sisp_camera_limits(camera);
    CHECK(limits.exposure_us_max == 0 && limits.analogue_gain_max == 0);
    sisp_camera_set_controls(camera, &(struct sisp_camera_controls){1000, 2});
    CHECK_EXACT(sisp_camera_applied(camera).exposure_us, 0);
    sisp_camera_destroy(&camera);

    params = (struct sisp_camera_params){.black_count = 1, .black_level = {64}};
    REQUIRE(sisp_camera_open_fd(&camera, &params) == 0);
    info = sisp_camera_info(camera);
    CHECK_EQ(info->stride_bytes, 3840);
    CHECK_EXACT(info->black_level[3], 64);
    CHECK_EXACT(info->white_level, 1023);
    sisp_camera_destroy(&camera);
}

TEST(a_dark_edge_is_no_part_of_the_picture)
{
    static const struct {
        struct sisp_rect dark, crop;
    } wanted[] = {{{0, 0, 96, 6}, {0, 6, 96, 58}}, {{0, 58, 96, 6}, {0, 0, 96, 58}},
        {{0, 0, 6, 64}, {6, 0, 90, 64}}, {{90, 0, 6, 64}, {0, 0, 90, 64}}};
    for (int edge = SISP_EDGE_TOP; edge <= SISP_EDGE_RIGHT; edge++) {
        struct sisp_camera *camera;
        struct sisp_camera_params params = {
            .width = 96, .height = 64, .dark = {(enum sisp_edge)edge, 6}};
        REQUIRE(sisp_camera_open_fd(&camera, &params) == 0);
        const struct sisp_raw_info *info = sisp_camera_info(camera);
        CHECK(memcmp(&info->dark, &wanted[edge].dark, sizeof(info->dark)) == 0);
        CHECK(memcmp(&info->crop, &wanted[edge].crop, sizeof(info->crop)) == 0);
        sisp_camera_destroy(&camera);
    }
}

static int try_open(struct sisp_camera_params params)
{
    struct sisp_camera *camera;
    int error = sisp_camera_open_fd(&camera, &params);
    CHECK((camera != NULL) == (error == 0));
    sisp_camera_destroy(&camera);
    return error;
}

TEST(bad_parameters_are_refused)
{
    CHECK_EQ(try_open((struct sisp_camera_params){.width = 63}), -EINVAL);
    CHECK_EQ(try_open((struct sisp_camera_params){.height = 62}), -EINVAL);
    CHECK_EQ(try_open((struct sisp_camera_params){.width = 8194}), -EINVAL);
    CHECK_EQ(try_open((struct sisp_camera_params){.raw_format = "NV12"}), -EINVAL);
    CHECK_EQ(try_open((struct sisp_camera_params){.stride_bytes = 3839}), -EINVAL);
    CHECK_EQ(try_open((struct sisp_camera_params){.stride_bytes = SIZE_MAX}), -EINVAL);
    CHECK_EQ(try_open((struct sisp_camera_params){.black_count = 2}), -EINVAL);
    CHECK_EQ(try_open((struct sisp_camera_params){.white_level = 1024}), -EINVAL);
    CHECK_EQ(try_open((struct sisp_camera_params){.white_level = NAN}), -EINVAL);
    CHECK_EQ(
        try_open((struct sisp_camera_params){.black_count = 1, .black_level = {1023}}), -EINVAL);
    CHECK_EQ(
        try_open((struct sisp_camera_params){.black_count = 1, .black_level = {NAN}}), -EINVAL);
    CHECK_EQ(try_open((struct sisp_camera_params){.dark = {SISP_EDGE_TOP, 3}}), -EINVAL);
    CHECK_EQ(try_open((struct sisp_camera_params){.dark = {SISP_EDGE_LEFT, 962}}), -EINVAL);
    CHECK_EQ(try_open((struct sisp_camera_params){.dark = {(enum sisp_edge)4, 2}}), -EINVAL);
    CHECK_EQ(try_open((struct sisp_camera_params){.fd = -1}), -EBADF);
}

int main(void)
{
    RUN(frames_come_whole_then_the_clean_end);
    RUN(an_end_inside_a_frame_is_told_from_a_clean_one);
    RUN(a_signal_interrupts_only_between_frames);
    RUN(errors_of_read_pass_through);
    RUN(info_is_what_the_parameters_say);
    RUN(a_dark_edge_is_no_part_of_the_picture);
    RUN(bad_parameters_are_refused);
    return test_report();
}
