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
    REQUIRE(sisp_video_writer_open(&writer, path,
                &(struct sisp_video_params){SISP_PIXEL_NV12, 7, 5, 30000, 1001}, error,
                sizeof(error)) == 0);
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

/* Of one row of an image to what a plane of the video has: every step-th sample from `first` on. */
static bool plane_equals(const uint8_t *got, const void *row, unsigned first, unsigned step,
    unsigned count, bool is_wide)
{
    for (unsigned i = 0; i < count; i++) {
        const unsigned place = first + i * step;
        const unsigned wanted =
            is_wide ? ((const uint16_t *)row)[place] >> 6 : ((const uint8_t *)row)[place];
        const unsigned found = is_wide ? got[2 * i] | got[2 * i + 1] << 8 : got[i];
        if (found != wanted)
            return false;
    }
    return true;
}

/* Number of bytes; 0 after a failure that was said. */
static size_t write_one(const char *name, const struct sisp_image *image, uint8_t bytes[500])
{
    struct sisp_video_writer *writer = NULL;
    const struct sisp_video_params params = {image->format, image->width, image->height, 30, 1};
    if (sisp_video_writer_open(&writer, folder_path(name), &params, NULL, 0) == 0)
        CHECK_EQ(sisp_video_writer_write(writer, image), 0);
    CHECK_EQ(sisp_video_writer_close(&writer), 0);
    FILE *file = fopen(folder_path(name), "rb");
    const size_t size = file ? fread(bytes, 1, 500, file) : 0;
    if (file)
        fclose(file);
    return size;
}

/* 3x2: chroma is 2x2. */
TEST(yuyv_becomes_422)
{
    uint8_t samples[2][12], bytes[500];
    struct sisp_image image = {SISP_PIXEL_YUYV, 3, 2, {samples[0]}, {12}};
    for (unsigned i = 0; i < 24; i++)
        samples[i / 12][i % 12] = (uint8_t)(100 + i);
    const size_t size = write_one("g.y4m", &image, bytes);
    REQUIRE(size > 6 + 14);
    const uint8_t *frame = bytes + size - 14;
    CHECK(memcmp(frame - 6, "FRAME\n", 6) == 0);
    CHECK(strstr((char *)bytes, " C422 "));
    for (unsigned y = 0; y < 2; y++) {
        CHECK(plane_equals(frame + 3 * y, samples[y], 0, 2, 3, false));
        CHECK(plane_equals(frame + 6 + 2 * y, samples[y], 1, 4, 2, false));
        CHECK(plane_equals(frame + 10 + 2 * y, samples[y], 3, 4, 2, false));
    }
}

/* 3x1: chroma is 2x1. */
TEST(p010_becomes_420_of_low_bits)
{
    uint16_t bright[3] = {64 << 6, 940 << 6, 513 << 6}, pairs[4];
    uint8_t bytes[500];
    struct sisp_image image = {
        SISP_PIXEL_P010, 3, 1, {(uint8_t *)bright, (uint8_t *)pairs}, {6, 8}};
    for (unsigned i = 0; i < 4; i++)
        pairs[i] = (uint16_t)((100 + 257 * i) << 6);
    const size_t size = write_one("h.y4m", &image, bytes);
    REQUIRE(size > 6 + 14);
    const uint8_t *frame = bytes + size - 14;
    CHECK(memcmp(frame - 6, "FRAME\n", 6) == 0);
    CHECK(strstr((char *)bytes, " C420p10 "));
    CHECK(plane_equals(frame, bright, 0, 1, 3, true));
    CHECK(plane_equals(frame + 6, pairs, 0, 2, 2, true));
    CHECK(plane_equals(frame + 10, pairs, 1, 2, 2, true));
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
    REQUIRE(sisp_video_writer_open(&writer, path,
                &(struct sisp_video_params){SISP_PIXEL_NV12, 7, 5, 30, 1}, NULL, 0) == 0);
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
    CHECK_EQ(sisp_video_writer_open(&writer, path,
                 &(struct sisp_video_params){SISP_PIXEL_NV12, 0, 5, 30, 1}, error, 100),
        -EINVAL);
    CHECK(!writer && strstr(error, "0x5"));
    CHECK_EQ(sisp_video_writer_open(&writer, path,
                 &(struct sisp_video_params){SISP_PIXEL_NV12, 5, 65536, 30, 1}, NULL, 0),
        -EINVAL);
    CHECK_EQ(sisp_video_writer_open(
                 &writer, path, &(struct sisp_video_params){SISP_PIXEL_NV12, 5, 5, 0, 1}, NULL, 0),
        -EINVAL);
    CHECK_EQ(sisp_video_writer_open(
                 &writer, path, &(struct sisp_video_params){SISP_PIXEL_NV12, 5, 5, 30, 0}, NULL, 0),
        -EINVAL);
    CHECK_EQ(sisp_video_writer_open(&writer, "/",
                 &(struct sisp_video_params){SISP_PIXEL_NV12, 5, 5, 30, 1}, error, 100),
        -EISDIR);
    CHECK(strstr(error, "Is a directory"));
    CHECK_EQ(sisp_video_writer_open(&writer, path,
                 &(struct sisp_video_params){SISP_PIXEL_RGB24, 5, 5, 30, 1}, error, 100),
        -EINVAL);
    CHECK(strstr(error, "NV12, YUYV or P010"));
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
    int opened = sisp_video_writer_open(
        &writer, "-", &(struct sisp_video_params){SISP_PIXEL_NV12, 7, 5, 30000, 1001}, NULL, 0);
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
    REQUIRE(sisp_video_writer_open(&writer, folder_path("d.y4m"),
                &(struct sisp_video_params){SISP_PIXEL_NV12, 7, 5, 30, 1}, NULL, 0) == 0);
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
    static uint8_t zeros[4 * 5 * 2];
    const struct {
        struct sisp_image image;
        const char *name;
    } cases[] = {
        {nv12_make(0), "yuvj\\?420p"},
        {{SISP_PIXEL_YUYV, 4, 5, {zeros}, {8}}, "yuv422p"},
        {{SISP_PIXEL_P010, 4, 5, {zeros, zeros}, {8, 8}}, "yuv420p10le"},
    };
    for (unsigned i = 0; i < 3; i++) {
        uint8_t bytes[500];
        char command[600];
        write_one("e.y4m", &cases[i].image, bytes);
        snprintf(command, sizeof(command),
            "ffprobe -v error -show_entries stream=width,height,pix_fmt -of csv=p=0 %s | "
            "grep -q '^%u,5,%s'",
            folder_path("e.y4m"), cases[i].image.width, cases[i].name);
        CHECK_EQ(system(command), 0);
    }
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    RUN(a_video_of_odd_size_has_header_and_planes);
    RUN(pictures_that_do_not_fit_are_refused_and_change_nothing);
    RUN(a_video_of_no_size_is_refused);
    RUN(each_frame_reaches_a_pipe_at_once_and_a_closed_one_is_told);
    RUN(an_unfinished_video_is_abandoned);
    RUN(yuyv_becomes_422);
    RUN(p010_becomes_420_of_low_bits);
    RUN(ffprobe_understands_it);
    folder_remove();
    return test_report();
}
