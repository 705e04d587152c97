/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "folder.h"

#include <softisp/log.h>
#include <softisp/writer.h>

#include "harness/test.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

static uint8_t luma[8][16], chroma[4][16];

/* 7x5 of 8x5: chroma is 4x3 pairs. Each sample has a value of its own. */
static struct sisp_image nv12_make(unsigned seed)
{
    for (unsigned i = 0; i < sizeof(luma); i++)
        (&luma[0][0])[i] = (uint8_t)(i + seed);
    for (unsigned i = 0; i < sizeof(chroma); i++)
        (&chroma[0][0])[i] = (uint8_t)(128 + i + seed);
    return (struct sisp_image){SISP_PIXEL_NV12, 7, 5, {luma[0], chroma[0]}, {16, 16}};
}

static const char header[] =
    "YUV4MPEG2 W7 H5 F30000:1001 Ip A1:1 C420jpeg XCOLORRANGE=LIMITED XCOLORMATRIX=BT709\n";

static bool frame_equals(const uint8_t *frame, unsigned seed)
{
    if (memcmp(frame, "FRAME\n", 6) != 0)
        return false;
    frame += 6;
    bool same = true;
    for (unsigned y = 0; y < 5; y++) {
        for (unsigned x = 0; x < 7; x++)
            same = same && *frame++ == (uint8_t)(16 * y + x + seed);
    }
    for (unsigned plane = 0; plane < 2; plane++) {
        for (unsigned y = 0; y < 3; y++) {
            for (unsigned x = 0; x < 4; x++)
                same = same && *frame++ == (uint8_t)(128 + 16 * y + 2 * x + plane + seed);
        }
    }
    return same;
}

#define FRAME_BYTES  (6 + 35 + 2 * 12)
#define HEADER_BYTES (sizeof(header) - 1)

TEST(a_video_of_odd_size_has_header_and_planes)
{
    char error[100] = "";
    const char *path = folder_path("a.y4m");
    struct sisp_video_writer *writer;
    REQUIRE(sisp_video_writer_open(&writer, path, 7, 5, 30000, 1001, error, sizeof(error)) == 0);
    for (unsigned i = 0; i < 3; i++) {
        struct sisp_image image = nv12_make(i);
        CHECK_EQ(sisp_video_writer_write(writer, &image), 0);
    }
    CHECK(access(path, F_OK) < 0);
    CHECK_EQ(sisp_video_writer_close(&writer), 0);
    CHECK(!writer);
    CHECK_EQ(sisp_video_writer_close(&writer), 0);
    CHECK_EQ(folder_count(), 1);

    uint8_t bytes[1000];
    FILE *file = fopen(path, "rb");
    REQUIRE(file);
    size_t size = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    REQUIRE(size == HEADER_BYTES + 3 * FRAME_BYTES);
    CHECK(memcmp(bytes, header, HEADER_BYTES) == 0);
    for (unsigned i = 0; i < 3; i++)
        CHECK(frame_equals(bytes + HEADER_BYTES + i * FRAME_BYTES, i));
}

static void ignore_log(void *user, enum sisp_log_level level, const char *sentence)
{
    unsigned *count = user;
    (*count)++;
}

TEST(pictures_that_do_not_fit_are_refused_and_change_nothing)
{
    struct sisp_video_writer *writer;
    const char *path = folder_path("b.y4m");
    REQUIRE(sisp_video_writer_open(&writer, path, 7, 5, 30, 1, NULL, 0) == 0);
    struct sisp_image good = nv12_make(0), bad[7];
    for (unsigned i = 0; i < 7; i++)
        bad[i] = good;
    bad[0].format = SISP_PIXEL_RGB24;
    bad[1].width = 8;
    bad[2].height = 4;
    bad[3].planes[1] = NULL;
    bad[4].stride_bytes[0] = 6;
    bad[5].stride_bytes[1] = 7;
    bad[6].planes[0] = NULL;
    unsigned sentences = 0;
    sisp_log_set(SISP_LOG_ERROR, ignore_log, &sentences);
    for (unsigned i = 0; i < 7; i++)
        CHECK_EQ(sisp_video_writer_write(writer, &bad[i]), -EINVAL);
    CHECK_EQ(sisp_video_writer_write(writer, NULL), -EINVAL);
    sisp_log_set(SISP_LOG_WARNING, NULL, NULL);
    CHECK_EQ(sentences, 8);
    CHECK_EQ(sisp_video_writer_write(writer, &good), 0);
    CHECK_EQ(sisp_video_writer_close(&writer), 0);
}

TEST(a_video_of_no_size_is_refused)
{
    struct sisp_video_writer *writer;
    char error[100] = "";
    const char *path = folder_path("c.y4m");
    CHECK_EQ(sisp_video_writer_open(&writer, path, 0, 5, 30, 1, error, 100), -EINVAL);
    CHECK(!writer && strstr(error, "0x5"));
    CHECK_EQ(sisp_video_writer_open(&writer, path, 5, 65536, 30, 1, NULL, 0), -EINVAL);
    CHECK_EQ(sisp_video_writer_open(&writer, path, 5, 5, 0, 1, NULL, 0), -EINVAL);
    CHECK_EQ(sisp_video_writer_open(&writer, path, 5, 5, 30, 0, NULL, 0), -EINVAL);
    CHECK_EQ(sisp_video_writer_open(&writer, "/", 5, 5, 30, 1, error, 100), -EISDIR);
    CHECK(strstr(error, "Is a directory"));
    CHECK(access(path, F_OK) < 0);
}

/* Let "-" be a pipe for a while. Returns its reading end and what stdout was. */
static bool stdout_to_pipe(int *reader, int *saved)
{
    int ends[2];
    fflush(stdout);
    *saved = dup(STDOUT_FILENO);
    if (*saved < 0 || pipe(ends) < 0 || dup2(ends[1], STDOUT_FILENO) < 0)
        return false;
    close(ends[1]);
    *reader = ends[0];
    return true;
}

static void stdout_restore(int saved)
{
    dup2(saved, STDOUT_FILENO);
    close(saved);
}

TEST(each_frame_reaches_a_pipe_at_once_and_a_closed_one_is_told)
{
    int reader, saved;
    uint8_t bytes[1000];
    REQUIRE(stdout_to_pipe(&reader, &saved));
    struct sisp_video_writer *writer;
    struct sisp_image image = nv12_make(9);
    int opened = sisp_video_writer_open(&writer, "-", 7, 5, 30000, 1001, NULL, 0);
    int written = opened ? opened : sisp_video_writer_write(writer, &image);
    ssize_t got = read(reader, bytes, sizeof(bytes));
    close(reader);
    int closed_pipe = sisp_video_writer_write(writer, &image);
    int again = sisp_video_writer_write(writer, &image);
    int closed = sisp_video_writer_close(&writer);
    stdout_restore(saved);
    CHECK_EQ(opened, 0);
    CHECK_EQ(written, 0);
    CHECK_EQ(got, HEADER_BYTES + FRAME_BYTES);
    CHECK(frame_equals(bytes + HEADER_BYTES, 9));
    CHECK_EQ(closed_pipe, -EPIPE);
    CHECK_EQ(again, -EPIPE);
    CHECK_EQ(closed, -EPIPE);
}

TEST(an_unfinished_video_is_abandoned)
{
    folder_clear();
    struct sisp_video_writer *writer;
    struct sisp_image image = nv12_make(0);
    REQUIRE(sisp_video_writer_open(&writer, folder_path("d.y4m"), 7, 5, 30, 1, NULL, 0) == 0);
    CHECK_EQ(sisp_video_writer_write(writer, &image), 0);
    CHECK_EQ(folder_count(), 1);
    sisp_writer_abandon_all();
    CHECK_EQ(folder_count(), 0);
    CHECK_EQ(sisp_video_writer_close(&writer), -ENOENT);
    CHECK_EQ(folder_count(), 0);
}

TEST(ffprobe_understands_it)
{
    if (system("ffprobe -version >/dev/null 2>&1") != 0)
        SKIP("no ffprobe");
    struct sisp_video_writer *writer;
    struct sisp_image image = nv12_make(0);
    REQUIRE(sisp_video_writer_open(&writer, folder_path("e.y4m"), 7, 5, 30, 1, NULL, 0) == 0);
    CHECK_EQ(sisp_video_writer_write(writer, &image), 0);
    CHECK_EQ(sisp_video_writer_close(&writer), 0);
    char command[600];
    snprintf(command, sizeof(command),
        "ffprobe -v error -show_entries stream=width,height,pix_fmt -of csv=p=0 %s | "
        "grep -q '^7,5,yuv'",
        folder_path("e.y4m"));
    CHECK_EQ(system(command), 0);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    RUN(a_video_of_odd_size_has_header_and_planes);
    RUN(pictures_that_do_not_fit_are_refused_and_change_nothing);
    RUN(a_video_of_no_size_is_refused);
    RUN(each_frame_reaches_a_pipe_at_once_and_a_closed_one_is_told);
    RUN(an_unfinished_video_is_abandoned);
    RUN(ffprobe_understands_it);
    folder_remove();
    return test_report();
}
