/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A camera behind a descriptor: it ends, stalls, or is cut at any byte. */
#include "single.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIDE        64u
#define FRAME_BYTES (SIDE * SIDE * 2u)

struct source {
    size_t bytes, piece_bytes;
    unsigned stall_ms; /* in the middle */
};

/* Another process, so that its end is the end of the pipe. */
static pid_t start_source(const struct source *source, int ends[2])
{
    static uint8_t bytes[FRAME_BYTES];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGPIPE, SIG_DFL);
        close(ends[0]);
        for (size_t done = 0; done < source->bytes;) {
            size_t left = source->bytes - done;
            size_t size = left < source->piece_bytes ? left : source->piece_bytes;
            if (source->stall_ms && done <= source->bytes / 2 && done + size > source->bytes / 2)
                single_sleep_ms(source->stall_ms);
            memset(bytes, (int)(done / FRAME_BYTES), sizeof(bytes));
            ssize_t written = write(ends[1], bytes, size);
            if (written < 0)
                _exit(1);
            done += (size_t)written;
        }
        _exit(0);
    }
    close(ends[1]);
    return pid;
}

/* Returns: how many whole frames came; *end is what came instead of the next one. */
static unsigned read_frames(int fd, int *end)
{
    static uint8_t samples[FRAME_BYTES];
    struct sisp_camera *camera;
    const struct sisp_camera_params params = {
        .width = SIDE, .height = SIDE, .fps_num = 30, .fps_den = 1, .fd = fd};
    unsigned count = 0;
    *end = sisp_camera_open_fd(&camera, &params);
    if (*end)
        return 0;
    while ((*end = sisp_camera_read(camera, samples, sizeof(samples))) == 0 && count < 1000)
        count++;
    CHECK_EQ(sisp_camera_read(camera, samples, sizeof(samples)), *end); /* it stays */
    sisp_camera_destroy(&camera);
    return count;
}

static void ends(struct scenario *scenario, const struct source *source, bool is_nonblocking)
{
    int pipe_ends[2], end, status;
    pid_t pid = start_source(source, pipe_ends);
    REQUIRE(pid > 0);
    if (is_nonblocking)
        REQUIRE(fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK) == 0);
    CHECK_EQ(read_frames(pipe_ends[0], &end), source->bytes / FRAME_BYTES);
    CHECK_EQ(end, source->bytes % FRAME_BYTES ? -EBADMSG : -ENODATA);
    close(pipe_ends[0]);
    waitpid(pid, &status, 0);
}

static void ends_anywhere(struct scenario *scenario)
{
    const struct source source = {
        .bytes = scenario->number * (FRAME_BYTES / 4 + scenario->number % 3),
        .piece_bytes = 1 + scenario->number * 997};
    ends(scenario, &source, scenario->number % 2);
}

static void stalls(struct scenario *scenario)
{
    const struct source source = {
        .bytes = 3 * FRAME_BYTES, .piece_bytes = 4000, .stall_ms = 20 + 40 * scenario->number};
    ends(scenario, &source, scenario->number % 2);
}

static void closed(struct scenario *scenario)
{
    int pipe_ends[2], end;
    REQUIRE(pipe2(pipe_ends, O_CLOEXEC) == 0);
    close(pipe_ends[1]);
    if (scenario->number % 2)
        close(pipe_ends[0]);
    CHECK_EQ(read_frames(pipe_ends[0], &end), 0);
    CHECK_EQ(end, scenario->number % 2 ? -EBADF : -ENODATA);
    close(pipe_ends[0]);
}

const struct single single_camera[] = {
    {"camera-ends-anywhere", ends_anywhere, 4},
    {"camera-stalls", stalls, 10},
    {"camera-closed", closed, 4},
    {0},
};
