/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A DNG says what its struct sisp_raw_info says, to this project's own reader of tags. */
#include "folder.h"

#include <softisp/writer.h>

#include "base/dng_profile.h"
#include "harness/test.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WIDTH = 40, HEIGHT = 30, X = 3, Y = 4 };

static uint16_t samples[HEIGHT][WIDTH];
static struct sisp_raw_info info;
static uint8_t file_bytes[200000];

static void prepare(void)
{
    for (unsigned y = 0; y < HEIGHT; y++) {
        for (unsigned x = 0; x < WIDTH; x++)
            samples[y][x] = (uint16_t)(1000 * y + x);
    }
    info = (struct sisp_raw_info){
        .fourcc = sisp_raw_format_unpacked(SISP_CFA_GRBG, 16)->fourcc,
        .width = WIDTH,
        .height = HEIGHT,
        .stride_bytes = WIDTH * 2,
        .crop = {X, Y, 32, 24},
        .orientation = 6,
        .black_level = {100, 101, 102, 103.5F},
        .white_level = 60000,
        .has_as_shot = 1,
        .as_shot_gains = {2, 1, 1.6F},
        .baseline_exposure_ev = -0.5F,
        .noise_shot = 1.5e-4F,
        .noise_read = 2.5e-7F,
        .profile = {.count = 2, .cct_kelvin = {2856, 6504}, .has_forward = 1},
        .exif = {.make = "Maker",
            .model = "Maker One",
            .lens = "Glass",
            .date_time = "2026:01:02 03:04:05",
            .exposure_us = 1e6 / 60,
            .iso = 400,
            .f_number = 2.8,
            .focal_length_mm = 35},
    };
    for (unsigned i = 0; i < 9; i++) {
        for (unsigned k = 0; k < 2; k++) {
            info.profile.color_matrix[k][i] = (i % 4 ? -0.125F : 1) + 0.01F * (float)(i + 9 * k);
            info.profile.forward_matrix[k][i] = 0.3F - 0.02F * (float)(i + 9 * k);
        }
    }
    info.lsc = (struct sisp_lsc_mesh){
        .cols = 3, .rows = 2, .origin_x = -0.25F, .origin_y = 0, .step_x = 0.75F, .step_y = 1};
    for (unsigned site = 0; site < SISP_SITE_COUNT; site++) {
        for (unsigned i = 0; i < 6; i++)
            info.lsc.gain[site][i] = 1 + 0.125F * (float)(i + site);
    }
}

static int write_file(const char *path, const struct sisp_image *preview)
{
    char error[200] = "";
    int r = sisp_write_dng(path, &info, (const uint8_t *)samples, preview, error, sizeof(error));
    CHECK((r == 0) == (error[0] == 0));
    return r;
}

/* The file, and where its raw picture's tags are. */
static size_t read_file(struct tiff *tiff, size_t *main_ifd)
{
    int fd = open(folder_path("a.dng"), O_RDONLY | O_CLOEXEC);
    ssize_t size = read(fd, file_bytes, sizeof(file_bytes));
    close(fd);
    if (size <= 0 || !tiff_open(tiff, file_bytes, (size_t)size, TIFF_PICTURE, main_ifd))
        return 0;
    return (size_t)tiff_value(tiff, *main_ifd, 330, (double)*main_ifd);
}

static void check_numbers(
    const struct tiff *tiff, size_t ifd, uint16_t tag, unsigned count, const double *wanted)
{
    struct tiff_field field = tiff_find(tiff, ifd, tag);
    CHECK_EQ(field.count, count);
    for (unsigned i = 0; i < count; i++)
        CHECK_NEAR(tiff_number(tiff, &field, i), wanted[i], 1e-6 * (1 + fabs(wanted[i])));
}

static void check_camera(const struct tiff *tiff, size_t ifd)
{
    char text[64];
    const size_t exif = (size_t)tiff_value(tiff, ifd, 34665, 0);
    check_numbers(tiff, ifd, 50706, 4, (const double[]){1, 4, 0, 0});
    check_numbers(tiff, ifd, 274, 1, (const double[]){6});
    check_numbers(tiff, ifd, 50728, 3, (const double[]){0.5, 1, 0.625});
    check_numbers(tiff, ifd, 50730, 1, (const double[]){-0.5});
    tiff_text(tiff, ifd, 50708, text, sizeof(text));
    CHECK(strcmp(text, "Maker One") == 0);
    check_numbers(tiff, exif, 33434, 1, (const double[]){1.0 / 60});
    check_numbers(tiff, exif, 33437, 1, (const double[]){2.8});
    check_numbers(tiff, exif, 34855, 1, (const double[]){400});
    check_numbers(tiff, exif, 37386, 1, (const double[]){35});
    tiff_text(tiff, exif, 42036, text, sizeof(text));
    CHECK(strcmp(text, "Glass") == 0);
    tiff_text(tiff, exif, 36867, text, sizeof(text));
    CHECK(strcmp(text, "2026:01:02 03:04:05") == 0);
    struct sisp_color_profile found;
    REQUIRE(dng_profile_read(tiff, ifd, &found));
    CHECK(found.count == 2 && found.has_forward == 1);
    for (unsigned k = 0; k < 2; k++) {
        CHECK_NEAR((double)found.cct_kelvin[k], (double)info.profile.cct_kelvin[k], 0);
        for (unsigned i = 0; i < 9; i++) {
            CHECK_NEAR(
                (double)found.color_matrix[k][i], (double)info.profile.color_matrix[k][i], 1e-6);
            CHECK_NEAR((double)found.forward_matrix[k][i],
                (double)info.profile.forward_matrix[k][i], 1e-6);
        }
    }
}

static void check_mosaic(const struct tiff *tiff, size_t ifd)
{
    check_numbers(tiff, ifd, 254, 1, (const double[]){0});
    check_numbers(tiff, ifd, 262, 1, (const double[]){32803});
    /* GRBG from its third column and fourth row on is RGGB. */
    check_numbers(tiff, ifd, 33422, 4, (const double[]){0, 1, 1, 2});
    check_numbers(tiff, ifd, 50714, 4, (const double[]){100, 101, 102, 103.5});
    check_numbers(tiff, ifd, 50717, 1, (const double[]){60000});
    check_numbers(tiff, ifd, 50829, 4, (const double[]){0, 0, 24, 32});
    check_numbers(tiff, ifd, 50720, 2, (const double[]){32, 24});
    check_numbers(
        tiff, ifd, 51041, 2, (const double[]){(double)info.noise_shot, (double)info.noise_read});
    const size_t at = (size_t)tiff_value(tiff, ifd, 273, 0);
    REQUIRE(at > 0 && at + 24 * 64 <= tiff->size_bytes);
    for (unsigned y = 0; y < 24; y++)
        CHECK(memcmp(tiff->bytes + at + (size_t)y * 64, &samples[Y + y][X], 64) == 0);
}

TEST(all_that_is_known_is_in_the_file)
{
    struct sisp_image preview = image_make(SISP_PIXEL_RGB24, 300, 200, 0);
    for (unsigned with = 0; with < 2; with++) {
        struct tiff tiff;
        size_t main_ifd;
        folder_clear();
        REQUIRE(write_file(folder_path("a.dng"), with ? &preview : NULL) == 0);
        CHECK_EQ(folder_count(), 1);
        const size_t raw = read_file(&tiff, &main_ifd);
        REQUIRE(raw > 0);
        CHECK((raw != main_ifd) == (with == 1));
        check_camera(&tiff, main_ifd);
        check_mosaic(&tiff, raw);
    }
    image_finish(&preview);
}

/* The words of `samples` that fit, packed by their definition in format.h. */
static void pack(uint8_t *out, size_t stride_bytes, unsigned bits)
{
    const unsigned group = bits == 8 ? 1 : bits == 12 ? 2 : 4, low = bits - 8;
    memset(out, 0, stride_bytes * HEIGHT);
    for (unsigned y = 0; y < HEIGHT; y++) {
        for (unsigned x = 0; x < WIDTH; x++) {
            const unsigned value = samples[y][x] & ((1U << bits) - 1), at = x % group;
            uint8_t *bytes = out + y * stride_bytes + x / group * (group * bits / 8);
            bytes[at] = (uint8_t)(value >> low);
            for (unsigned b = 0; b < low; b++)
                bytes[group + (at * low + b) / 8] |=
                    (uint8_t)((value >> b & 1) << (at * low + b) % 8);
        }
    }
}

TEST(packed_samples_are_unpacked)
{
    static const char *const formats[] = {"SGRBG8", "SGRBG10P", "SGRBG12P", "SGRBG14P"};
    static uint8_t packed[HEIGHT * WIDTH * 2];
    const struct sisp_raw_info good = info;
    for (unsigned i = 0; i < 4; i++) {
        const unsigned bits = sisp_raw_format_find(formats[i])->bits;
        struct tiff tiff;
        size_t ifd;
        char error[200];
        info.fourcc = sisp_raw_format_find(formats[i])->fourcc;
        info.stride_bytes = WIDTH * bits / 8 + 3;
        info.white_level = (float)((1U << bits) - 1);
        pack(packed, info.stride_bytes, bits);
        folder_clear();
        REQUIRE(
            sisp_write_dng(folder_path("a.dng"), &info, packed, NULL, error, sizeof(error)) == 0);
        REQUIRE(read_file(&tiff, &ifd) > 0);
        const uint8_t *at = tiff.bytes + (size_t)tiff_value(&tiff, ifd, 273, 0);
        for (unsigned k = 0; k < 24 * 32; k++)
            CHECK_EQ(at[2 * k] | at[2 * k + 1] << 8,
                samples[Y + k / 32][X + k % 32] & ((1 << bits) - 1));
    }
    info = good;
}

TEST(a_thumbnail_is_the_picture_small)
{
    struct tiff tiff;
    size_t ifd;
    folder_clear();
    struct sisp_image preview = image_make(SISP_PIXEL_RGBA64, 512, 300, 0);
    REQUIRE(write_file(folder_path("a.dng"), &preview) == 0 && read_file(&tiff, &ifd) > 0);
    check_numbers(&tiff, ifd, 256, 1, (const double[]){256});
    check_numbers(&tiff, ifd, 257, 1, (const double[]){150});
    const uint8_t *pixels = tiff.bytes + (size_t)tiff_value(&tiff, ifd, 273, 0);
    for (unsigned i = 0; i < 256 * 150; i += 97) {
        for (unsigned c = 0; c < 3; c++) {
            unsigned sum = 0;
            for (unsigned k = 0; k < 4; k++)
                sum += image_sample(&preview, i % 256 * 2 + k % 2, i / 256 * 2 + k / 2, c) >> 8;
            CHECK_EQ(pixels[i * 3 + c], (sum + 2) / 4);
        }
    }
    image_finish(&preview);
}

/* Places and gains of each map, which the reader of raw files checks again in tests/cli. */
TEST(shading_is_four_maps)
{
    struct tiff tiff;
    size_t ifd;
    folder_clear();
    REQUIRE(write_file(folder_path("a.dng"), NULL) == 0 && read_file(&tiff, &ifd) > 0);
    struct tiff_field list = tiff_find(&tiff, ifd, 51009);
    REQUIRE(list.count == 4 + 4 * (16 + 76 + 6 * 4));
    CHECK_EQ(list.data[3], 4);
    for (unsigned corner = 0; corner < 4; corner++) {
        const uint8_t *map = list.data + 4 + corner * (16 + 76 + 6 * 4);
        CHECK_EQ(map[3], 9);
        CHECK(map[19] == corner >> 1 && map[23] == (corner & 1)); /* top, left */
        float gain;
        uint32_t bits =
            (uint32_t)map[92] << 24 | (uint32_t)map[93] << 16 | (uint32_t)map[94] << 8 | map[95];
        memcpy(&gain, &bits, 4);
        CHECK_NEAR((double)gain, (double)info.lsc.gain[SISP_CFA_RGGB ^ corner][0], 0);
    }
}

TEST(a_file_is_there_whole_or_not_at_all)
{
    folder_clear();
    CHECK_EQ(write_file("/dev/null", NULL), 0);
    CHECK_EQ(write_file("/dev/full", NULL), -ENOSPC);
    CHECK_EQ(write_file(folder_path("none/a.dng"), NULL), -ENOENT);
    CHECK_EQ(folder_count(), 0);
}

TEST(what_cannot_be_is_refused)
{
    const struct sisp_raw_info good = info;
    folder_clear();
    const char *path = folder_path("a.dng");
    info.crop.width = WIDTH;
    CHECK_EQ(write_file(path, NULL), -EINVAL);
    info = good;
    info.black_level[2] = 60000;
    CHECK_EQ(write_file(path, NULL), -EINVAL);
    info.black_level[2] = NAN;
    CHECK_EQ(write_file(path, NULL), -EINVAL);
    info = good;
    info.fourcc = sisp_raw_format_find("IPU3_SRGGB10")->fourcc;
    CHECK_EQ(write_file(path, NULL), -ENOTSUP);
    info.fourcc = sisp_raw_format_find("Y16")->fourcc;
    CHECK_EQ(write_file(path, NULL), -ENOTSUP);
    info = good;
    info.orientation = 9;
    CHECK_EQ(write_file(path, NULL), -EINVAL);
    info = good;
    struct sisp_image preview = image_make(SISP_PIXEL_RGB24, 32, 24, 0);
    preview.format = SISP_PIXEL_NV12;
    CHECK_EQ(write_file(path, &preview), -EINVAL);
    image_finish(&preview);
    CHECK_EQ(folder_count(), 0);
}

int main(void)
{
    prepare();
    RUN(all_that_is_known_is_in_the_file);
    RUN(packed_samples_are_unpacked);
    RUN(a_thumbnail_is_the_picture_small);
    RUN(shading_is_four_maps);
    RUN(a_file_is_there_whole_or_not_at_all);
    RUN(what_cannot_be_is_refused);
    folder_remove();
    return test_report();
}
