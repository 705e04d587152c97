/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Streaming from a V4L2 device in memory, and drivers that lie. */
#include "rig.h"

#include <poll.h>

static void check_frames(bool is_many)
{
    fake_init(&fake);
    fake.is_many = is_many;
    REQUIRE(begin());
    CHECK_EQ(fake.memory, V4L2_MEMORY_USERPTR);
    for (unsigned n = 0; n < 10; n++) {
        uint32_t index = 99;
        REQUIRE(next(&index) == 0);
        CHECK_EQ(index, n % BUFFERS);
        CHECK_EQ(fake.addresses[index], (uintptr_t)memory[index]);
        CHECK_EQ(sisp_camera_frame(camera).sequence, n);
        CHECK_EQ(sisp_camera_frame(camera).start_ns / 1000,
            (5000000000 + (n + 1) * (uint64_t)FAKE_INTERVAL_NS) / 1000);
        CHECK_EQ(sisp_camera_frame(camera).capture_ns, sisp_camera_frame(camera).start_ns);
        CHECK_EQ(sisp_camera_queue(camera, index), 0);
    }
    sisp_camera_stop(camera);
    CHECK(!fake.is_on);
    end();
}

TEST(frames_come_in_the_callers_memory)
{
    check_frames(false);
    check_frames(true);
}

static uint32_t numbers[] = {0, 0, 1, 4, 3, 4000000000u, 4000000001u};

static void numbered(struct fake *f, unsigned long call, void *argument)
{
    if (call == VIDIOC_DQBUF)
        ((struct v4l2_buffer *)argument)->sequence = numbers[f->dequeued - 1];
}

TEST(sequences_only_grow_and_gaps_are_seen)
{
    /* Twice the same, a gap of two, backwards, a leap that is none. */
    const uint64_t expected[] = {0, 1, 2, 5, 6, 7, 8};
    fake_init(&fake);
    fake.spoil = numbered;
    REQUIRE(begin());
    for (unsigned n = 0; n < 7; n++) {
        uint32_t index;
        REQUIRE(next(&index) == 0);
        CHECK_EQ(sisp_camera_frame(camera).sequence, expected[n]);
        CHECK_EQ(sisp_camera_queue(camera, index), 0);
    }
    end();
}

TEST(sequences_wrap)
{
    fake_init(&fake);
    fake.sequence = UINT32_MAX - 1;
    REQUIRE(begin());
    for (unsigned n = 0; n < 4; n++) {
        uint32_t index;
        REQUIRE(next(&index) == 0);
        CHECK_EQ(sisp_camera_frame(camera).sequence, n);
    }
    end();
}

TEST(frames_lost_before_the_first_are_counted)
{
    uint32_t index;
    fake_init(&fake);
    fake.sequence = 3;
    REQUIRE(begin());
    REQUIRE(next(&index) == 0);
    CHECK_EQ(sisp_camera_frame(camera).sequence, 3);
    end();
}

static void damaged(struct fake *f, unsigned long call, void *argument)
{
    if (call == VIDIOC_DQBUF && f->dequeued == 2)
        ((struct v4l2_buffer *)argument)->flags |= V4L2_BUF_FLAG_ERROR;
    if (call == VIDIOC_DQBUF && f->dequeued == 3)
        ((struct v4l2_buffer *)argument)->bytesused -= 1;
}

TEST(damaged_and_short_frames_come_back_as_buffers_only)
{
    const int expected[] = {0, -EBADMSG, -EBADMSG, 0};
    fake_init(&fake);
    fake.spoil = damaged;
    REQUIRE(begin());
    for (unsigned n = 0; n < 4; n++) {
        uint32_t index = 99;
        CHECK_EQ(next(&index), expected[n]);
        CHECK_EQ(index, n);
        CHECK_EQ(sisp_camera_frame(camera).sequence, n);
        CHECK_EQ(sisp_camera_queue(camera, index), 0);
    }
    end();
}

static void strange_index(struct fake *f, unsigned long call, void *argument)
{
    if (call == VIDIOC_DQBUF)
        ((struct v4l2_buffer *)argument)->index = f->dequeued == 1 ? BUFFERS : 0;
}

TEST(a_buffer_that_the_driver_has_not_ends_the_stream)
{
    uint32_t index;
    fake_init(&fake);
    fake.spoil = strange_index;
    REQUIRE(begin());
    CHECK_EQ(next(&index), -EPROTO);
    CHECK_EQ(next(&index), 0);
    CHECK_EQ(next(&index), -EPROTO); /* 0 is ours already */
    end();
}

TEST(an_unplug_is_told_while_idle_streaming_and_stopping)
{
    uint32_t index;
    fake_init(&fake);
    REQUIRE(begin());
    REQUIRE(next(&index) == 0);
    fake.is_gone = true;
    CHECK_EQ(sisp_camera_queue(camera, index), -ENODEV);
    CHECK_EQ(next(&index), -ENODEV);
    CHECK_STR(sisp_camera_error(camera), "the device is gone");
    sisp_camera_stop(camera);
    CHECK_EQ(sisp_camera_start(camera), -ENODEV);
    sisp_camera_destroy(&camera);
    CHECK_EQ(fake.opened, 0);

    fake_init(&fake);
    REQUIRE(open_camera(&(struct sisp_v4l2_params){0}) == 0);
    fake.is_gone = true;
    CHECK_EQ(attach_own(), -ENODEV);
    sisp_camera_destroy(&camera);
    CHECK_EQ(fake.opened, 0);
}

static int give_up(struct fake *f, int fd, unsigned long call, void *argument)
{
    return call == VIDIOC_DQBUF && f->dequeued == 1 ? -EIO : FAKE_DEFAULT;
}

TEST(a_driver_that_gives_up_is_told)
{
    uint32_t index;
    fake_init(&fake);
    fake.hook = give_up;
    REQUIRE(begin());
    CHECK_EQ(next(&index), 0);
    CHECK_EQ(next(&index), -EIO);
    sisp_camera_stop(camera);
    CHECK_EQ(next(&index), -EIO); /* not started: no wait either */
    end();
}

static int nothing_there(struct fake *f, int fd, unsigned long call, void *argument)
{
    return call == VIDIOC_DQBUF ? -EAGAIN : FAKE_DEFAULT;
}

TEST(an_error_of_the_poll_alone_ends_the_stream_too)
{
    uint32_t index;
    fake_init(&fake);
    fake.hook = nothing_there;
    REQUIRE(begin());
    fake.poll_answer = POLLERR;
    CHECK_EQ(next(&index), -EIO);
    fake.poll_answer = POLLERR | POLLHUP;
    CHECK_EQ(next(&index), -ENODEV);
    fake.poll_answer = POLLIN;
    CHECK_EQ(next(&index), -EAGAIN);
    end();
}

static unsigned asked;

static int count_dequeues(struct fake *f, int fd, unsigned long call, void *argument)
{
    asked += call == VIDIOC_DQBUF;
    return nothing_there(f, fd, call, argument);
}

TEST(a_driver_that_is_always_ready_and_never_has_a_frame_ends_in_time)
{
    uint32_t index;
    fake_init(&fake);
    fake.hook = count_dequeues;
    fake.is_ready_always = true;
    REQUIRE(begin());
    asked = 0;
    uint64_t before_ns = fake.now_ns;
    CHECK_EQ(next(&index), -EAGAIN);
    CHECK(fake.now_ns - before_ns < WAIT_NS + 2000000);
    CHECK(asked <= 101); /* once a millisecond */
    end();
}

TEST(no_frame_in_time_is_no_error)
{
    uint32_t index;
    fake_init(&fake);
    REQUIRE(begin());
    CHECK_EQ(sisp_camera_dequeue(camera, &index, 1000000), -EAGAIN);
    CHECK_EQ(next(&index), 0);
    CHECK_EQ(sisp_camera_dequeue(camera, &index, UINT64_MAX), 0); /* for ever */
    end();
}

TEST(a_stopped_stream_starts_again_and_goes_on_counting)
{
    uint32_t index;
    fake_init(&fake);
    REQUIRE(begin());
    CHECK_EQ(next(&index), 0);
    CHECK_EQ(sisp_camera_queue(camera, 1), -EINVAL); /* the driver has it */
    CHECK_EQ(sisp_camera_queue(camera, BUFFERS), -EINVAL);
    CHECK_EQ(sisp_camera_queue(camera, UINT32_MAX), -EINVAL);
    sisp_camera_stop(camera);
    fake.sequence = 0;
    for (uint32_t i = 0; i < BUFFERS; i++)
        CHECK_EQ(sisp_camera_queue(camera, i), 0);
    CHECK_EQ(sisp_camera_start(camera), 0);
    CHECK_EQ(next(&index), 0);
    CHECK_EQ(sisp_camera_frame(camera).sequence, 1);
    end();
}

TEST(cameras_are_read_or_fill_buffers_not_both)
{
    struct sisp_camera *sim;
    uint32_t index;
    fake_init(&fake);
    REQUIRE(open_camera(&(struct sisp_v4l2_params){0}) == 0);
    CHECK_EQ(sisp_camera_read(camera, memory[0], sizeof(memory[0])), -ENOTSUP);
    end();
    REQUIRE(sisp_camera_open_sim(&sim, &(struct sisp_camera_params){0}) == 0);
    CHECK_EQ(sisp_camera_attach(sim, NULL, 2), -ENOTSUP);
    CHECK_EQ(sisp_camera_dequeue(sim, &index, 0), -ENOTSUP);
    CHECK_STR(sisp_camera_error(sim), "");
    sisp_camera_destroy(&sim);
}

static void offset(struct fake *f, unsigned long call, void *argument)
{
    if (call == VIDIOC_DQBUF && f->dequeued == 1)
        ((struct v4l2_buffer *)argument)->m.planes[0].data_offset = 64;
    if (call == VIDIOC_DQBUF && f->dequeued == 2)
        ((struct v4l2_buffer *)argument)->m.planes[0].bytesused--;
}

TEST(of_planes_too_a_frame_must_be_whole_and_begin_where_its_buffer_does)
{
    const int expected[] = {-EBADMSG, -EBADMSG, 0};
    fake_init(&fake);
    fake.is_many = true;
    fake.spoil = offset;
    REQUIRE(begin());
    for (unsigned n = 0; n < 3; n++) {
        uint32_t index = 99;
        CHECK_EQ(next(&index), expected[n]);
        CHECK_EQ(index, n);
    }
    end();
}

static void other_clock(struct fake *f, unsigned long call, void *argument)
{
    if (call == VIDIOC_DQBUF)
        ((struct v4l2_buffer *)argument)->flags = V4L2_BUF_FLAG_TIMESTAMP_UNKNOWN;
}

TEST(a_stamp_of_another_clock_is_none)
{
    uint32_t index;
    fake_init(&fake);
    fake.spoil = other_clock;
    REQUIRE(begin());
    CHECK_EQ(next(&index), 0);
    CHECK_EQ(sisp_camera_frame(camera).start_ns, 0);
    CHECK_EQ(sisp_camera_frame(camera).capture_ns, 0);
    end();
}

static void hurry(struct fake *f, unsigned long call, void *argument)
{
    if (call == VIDIOC_DQBUF)
        ((struct v4l2_buffer *)argument)->timestamp.tv_sec++;
}

TEST(a_stamp_of_a_time_to_come_is_no_capture)
{
    uint32_t index;
    fake_init(&fake);
    fake.spoil = hurry;
    REQUIRE(begin());
    CHECK_EQ(next(&index), 0);
    CHECK(sisp_camera_frame(camera).start_ns > fake.now_ns);
    CHECK_EQ(sisp_camera_frame(camera).capture_ns, 0);
    end();
}

TEST(a_signal_ends_the_wait_and_nothing_else)
{
    uint32_t index;
    fake_init(&fake);
    REQUIRE(begin());
    fake.poll_answer = -EINTR;
    CHECK_EQ(next(&index), -EINTR);
    CHECK_EQ(next(&index), 0);
    fake.poll_answer = -ENOMEM;
    CHECK_EQ(next(&index), -EIO);
    end();
}

static int start_error;

static int no_start(struct fake *f, int fd, unsigned long call, void *argument)
{
    return call == VIDIOC_STREAMON ? start_error : FAKE_DEFAULT;
}

TEST(a_stream_that_does_not_start_says_why)
{
    fake_init(&fake);
    fake.hook = no_start;
    start_error = -EPIPE;
    CHECK(!begin());
    CHECK_STR(sisp_camera_error(camera), "the formats along the media graph do not agree");
    start_error = -ENOSPC;
    CHECK_EQ(sisp_camera_start(camera), -ENOSPC);
    CHECK_STR(sisp_camera_error(camera), "the stream does not start: No space left on device");
    start_error = FAKE_DEFAULT;
    CHECK_EQ(sisp_camera_start(camera), 0);
    end();
}

int main(void)
{
    RUN(frames_come_in_the_callers_memory);
    RUN(sequences_only_grow_and_gaps_are_seen);
    RUN(sequences_wrap);
    RUN(frames_lost_before_the_first_are_counted);
    RUN(damaged_and_short_frames_come_back_as_buffers_only);
    RUN(a_buffer_that_the_driver_has_not_ends_the_stream);
    RUN(an_unplug_is_told_while_idle_streaming_and_stopping);
    RUN(a_driver_that_gives_up_is_told);
    RUN(an_error_of_the_poll_alone_ends_the_stream_too);
    RUN(a_driver_that_is_always_ready_and_never_has_a_frame_ends_in_time);
    RUN(no_frame_in_time_is_no_error);
    RUN(a_stopped_stream_starts_again_and_goes_on_counting);
    RUN(cameras_are_read_or_fill_buffers_not_both);
    RUN(of_planes_too_a_frame_must_be_whole_and_begin_where_its_buffer_does);
    RUN(a_stamp_of_another_clock_is_none);
    RUN(a_stamp_of_a_time_to_come_is_no_capture);
    RUN(a_signal_ends_the_wait_and_nothing_else);
    RUN(a_stream_that_does_not_start_says_why);
    return test_report();
}
