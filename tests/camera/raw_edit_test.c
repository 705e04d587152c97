/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Variants of the tiny DNG, made by pointing tags to data appended to the file. */
#include "tests/camera/raw_common.h"

#include <errno.h>
#include <softisp/log.h>

enum { TYPE_SHORT = 3, TYPE_LONG = 4, TYPE_UNDEFINED = 7, TYPE_RATIONAL = 5 };

static uint8_t bytes[1 << 16];
static size_t size_bytes;
static unsigned warnings;

static void count_warning(void *user, enum sisp_log_level level, const char *sentence)
{
    warnings++;
}

static void restore(void)
{
    size_bytes = load_file(TINY_DNG, bytes, sizeof(bytes));
    warnings = 0;
}

static void store(size_t at, uint32_t value, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        bytes[at + i] = (uint8_t)(value >> 8 * i);
}

static void append_le(uint32_t value, unsigned count)
{
    store(size_bytes, value, count);
    size_bytes += count;
}

static void append_be(uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        bytes[size_bytes++] = (uint8_t)(value >> shift);
}

static void append_be_double(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, 8);
    append_be((uint32_t)(bits >> 32));
    append_be((uint32_t)bits);
}

static void append_be_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, 4);
    append_be(bits);
}

/** Make the entry of `tag` one of `new_tag` whose data begins at `at`. */
static void point(unsigned tag, unsigned new_tag, unsigned type, uint32_t count, size_t at)
{
    size_t entry = (size_t)(tiff_entry(bytes, size_bytes, tag) - bytes);
    store(entry, new_tag, 2);
    store(entry + 2, type, 2);
    store(entry + 4, count, 4);
    store(entry + 8, (uint32_t)at, 4);
}

static int open_edited(struct sisp_raw_file **file, char error[256])
{
    const struct sisp_raw_open_params params = {0};
    return open_bytes(file, bytes, size_bytes, &params, error);
}

/** One GainMap over the active area (60x44), its gains linear in both directions. */
static void append_map(uint32_t points_v, uint32_t points_h, uint32_t top, uint32_t pitch)
{
    append_be(9);
    append_be(0x01030000);
    append_be(0);
    append_be(76 + 4 * points_v * points_h);
    const uint32_t area[8] = {top, 0, 44, 60, 0, 1, pitch, pitch};
    for (unsigned i = 0; i < 8; i++)
        append_be(area[i]);
    append_be(points_v);
    append_be(points_h);
    append_be_double(1.0 / (points_v - 1));
    append_be_double(1.0 / (points_h - 1));
    append_be_double(0);
    append_be_double(0);
    append_be(1);
    for (uint32_t v = 0; v < points_v; v++) {
        for (uint32_t h = 0; h < points_h; h++)
            append_be_float(
                1 + (float)v / (float)(points_v - 1) + 2 * (float)h / (float)(points_h - 1));
    }
}

TEST(large_gain_map_is_resampled)
{
    struct sisp_raw_file *file;
    char error[256];
    restore();
    size_t at = size_bytes;
    append_be(1);
    append_map(50, 65, 0, 1);
    point(51009, 51009, TYPE_UNDEFINED, (uint32_t)(size_bytes - at), at);
    REQUIRE(open_edited(&file, error) == 0);
    const struct sisp_lsc_mesh *lsc = &sisp_raw_file_info(file)->lsc;
    CHECK_EQ(warnings, 0);
    CHECK_EQ(lsc->cols, 33);
    CHECK_EQ(lsc->rows, 33);
    CHECK_NEAR((double)lsc->step_x, 60.0 / 56 / 32, 1e-6);
    CHECK_NEAR((double)lsc->step_y, 44.0 / 40 / 32, 1e-6);
    for (unsigned v = 0; v < 33; v++) {
        for (unsigned h = 0; h < 33; h++)
            CHECK_NEAR((double)lsc->gain[SISP_SITE_GB][33 * v + h], 1 + v / 32.0 + h / 16.0, 1e-5);
    }
    sisp_raw_file_destroy(&file);
}

/* Maps of other shapes than the first are brought to its points; what covers only a part of the
 * picture cannot be said by a mesh, and is told. */
TEST(maps_of_different_shapes_are_joined)
{
    struct sisp_raw_file *file;
    char error[256];
    restore();
    size_t at = size_bytes;
    append_be(3);
    append_map(3, 3, 0, 1);
    append_map(2, 2, 1, 2); /* GBRG: the row of R, at the column of R */
    append_map(2, 2, 20, 1);
    point(51009, 51009, TYPE_UNDEFINED, (uint32_t)(size_bytes - at), at);
    REQUIRE(open_edited(&file, error) == 0);
    const struct sisp_lsc_mesh *lsc = &sisp_raw_file_info(file)->lsc;
    CHECK_EQ(warnings, 1);
    CHECK_EQ(lsc->cols, 3);
    for (unsigned i = 0; i < 9; i++) {
        double expected = 1 + i / 3 / 2.0 + i % 3;
        CHECK_NEAR((double)lsc->gain[SISP_SITE_GR][i], expected, 1e-5);
        CHECK_NEAR((double)lsc->gain[SISP_SITE_R][i], expected * expected, 1e-5);
    }
    sisp_raw_file_destroy(&file);
}

TEST(linearization_table_is_applied)
{
    struct sisp_raw_file *file;
    char error[256];
    restore();
    size_t at = size_bytes;
    for (uint32_t i = 0; i < 1024; i++)
        append_le(i * 3, 2);
    point(50727, 50712, TYPE_SHORT, 1024, at);
    point(50717, 50717, TYPE_LONG, 1, 3000);
    REQUIRE(open_edited(&file, error) == 0);
    const struct sisp_raw_info *info = sisp_raw_file_info(file);
    CHECK_STR(sisp_raw_info_format(info)->name, "SGBRG12");
    CHECK_NEAR((double)info->white_level, 3000, 0);
    CHECK_NEAR((double)info->black_level[SISP_SITE_R], 63, 0);
    for (unsigned x = 0; x < 64; x++)
        CHECK_EQ(load_le(sisp_raw_file_samples(file) + 128 + 2 * x, 2),
            3 * ((7 * x + 13 + x) % 960 + 64));
    sisp_raw_file_destroy(&file);
}

static void use_two_strips(uint32_t second)
{
    restore();
    size_t at = size_bytes;
    append_le(8, 4);
    append_le(second, 4);
    point(273, 273, TYPE_LONG, 2, at);
    point(278, 278, TYPE_LONG, 1, 24);
}

TEST(strips_are_read_if_they_follow_each_other)
{
    struct sisp_raw_file *file;
    char error[256];
    use_two_strips(8 + 24 * 80);
    CHECK_EQ(open_edited(&file, error), 0);
    REQUIRE(file != NULL);
    CHECK_EQ(load_le(sisp_raw_file_samples(file) + 47 * 128, 2), 47 * 13 + 64);
    sisp_raw_file_destroy(&file);
    use_two_strips(8 + 20 * 80);
    CHECK_EQ(open_edited(&file, error), -ENOTSUP);
    CHECK_STR(error, "uncompressed samples in scattered strips are not supported");
}

TEST(several_frames_are_refused)
{
    struct sisp_raw_file *file;
    char error[256];
    restore();
    size_t ifd = load_le(bytes + 4, 4), length = 2 + 12 * load_le(bytes + ifd, 2);
    store(ifd + length, (uint32_t)size_bytes, 4);
    memcpy(bytes + size_bytes, bytes + ifd, length);
    size_bytes += length;
    append_le(0, 4);
    CHECK_EQ(open_edited(&file, error), -ENOTSUP);
    CHECK_STR(error, "files of several raw frames are not supported, this one has 2");
}

TEST(calibration_and_balance_enter_the_matrix)
{
    struct sisp_raw_file *file;
    char error[256];
    restore();
    size_t at = size_bytes;
    const uint32_t calibration[9] = {11, 0, 0, 0, 10, 0, 0, 0, 9}, balance[3] = {2, 1, 1};
    for (unsigned i = 0; i < 9; i++) {
        append_le(calibration[i], 4);
        append_le(10, 4);
    }
    for (unsigned i = 0; i < 3; i++) {
        append_le(balance[i], 4);
        append_le(1, 4);
    }
    point(37386, 50723, TYPE_RATIONAL, 9, at);
    point(50727, 50727, TYPE_RATIONAL, 3, at + 72);
    REQUIRE(open_edited(&file, error) == 0);
    /* CameraCalibration1 belongs to the first matrix of the file, D65, which comes last here. */
    const struct sisp_color_profile *profile = &sisp_raw_file_info(file)->profile;
    CHECK_NEAR((double)profile->color_matrix[1][0], 0.8 * 1.1 * 2, 1e-6);
    CHECK_NEAR((double)profile->color_matrix[1][4], 1.2, 1e-6);
    CHECK_NEAR((double)profile->color_matrix[1][8], 0.6 * 0.9, 1e-6);
    CHECK_NEAR((double)profile->color_matrix[0][0], 0.7 * 2, 1e-6);
    CHECK_NEAR((double)profile->color_matrix[0][8], 0.5, 1e-6);
    sisp_raw_file_destroy(&file);
}

/** Sample (x, y) of the strip: 10 bits, the highest first, from byte 8 on. */
static void store_sample(unsigned x, unsigned y, unsigned value)
{
    for (unsigned i = 0; i < 10; i++) {
        size_t bit = 8 * (8 + 80 * y) + 10 * x + i;
        uint8_t mask = (uint8_t)(0x80 >> bit % 8);
        bytes[bit / 8] =
            (uint8_t)(value >> (9 - i) & 1 ? bytes[bit / 8] | mask : bytes[bit / 8] & ~mask);
    }
}

/** 40 columns that saw no light: about 40, 42, 44, 46 for G and B, R and G in GBRG, some hot. */
static void darken_columns(void)
{
    restore();
    for (unsigned y = 0; y < 48; y++) {
        for (unsigned x = 0; x < 40; x++) {
            unsigned noise = (x / 2 + y / 2) % 3, is_hot = x == 12 && y % 8 == 0;
            store_sample(x, y, is_hot ? 900 : 39 + 2 * (x & 1) + 4 * (y & 1) + noise);
        }
    }
}

static void check_optical(const struct sisp_raw_info *info)
{
    const double black[SISP_SITE_COUNT] = {44, 46, 40, 42};
    CHECK_EQ(info->has_optical_black, 1);
    for (unsigned i = 0; i < SISP_SITE_COUNT; i++)
        CHECK_NEAR((double)info->optical_black[i], black[i], 0.1);
}

static void check_black(const struct sisp_raw_open_params *params, uint32_t source, double red)
{
    struct sisp_raw_file *file;
    char error[256];
    REQUIRE(open_bytes(&file, bytes, size_bytes, params, error) == 0);
    const struct sisp_raw_info *info = sisp_raw_file_info(file);
    check_optical(info);
    CHECK_EQ(info->black_source, source);
    CHECK_NEAR((double)info->black_level[SISP_SITE_R], red, 0.1);
    sisp_raw_file_destroy(&file);
}

TEST(masked_areas_tell_the_black_level)
{
    const struct sisp_raw_open_params plain = {0}, optical = {.use_optical_black = 1},
                                      manual = {.black_count = 1, .black_level = {5}};
    darken_columns();
    size_t at = size_bytes;
    append_le(0, 4);
    append_le(0, 4);
    append_le(48, 4);
    append_le(40, 4);
    point(50727, 50830, TYPE_LONG, 4, at);
    check_black(&plain, SISP_SOURCE_FILE, 63);
    check_black(&optical, SISP_SOURCE_AUTO, 44);
    check_black(&manual, SISP_SOURCE_MANUAL, 5);
    point(50714, 50727, TYPE_RATIONAL, 1, at); /* no BlackLevel: measured unasked */
    check_black(&plain, SISP_SOURCE_AUTO, 44);
}

TEST(columns_outside_the_active_area_tell_the_black_level)
{
    const struct sisp_raw_open_params optical = {.use_optical_black = 1};
    darken_columns();
    size_t at = size_bytes;
    append_le(0, 4);
    append_le(40, 4);
    append_le(48, 4);
    append_le(64, 4);
    point(50829, 50829, TYPE_LONG, 4, at);
    check_black(&optical, SISP_SOURCE_AUTO, 44);
}

TEST(what_saw_light_is_no_optical_black)
{
    const struct sisp_raw_open_params optical = {.use_optical_black = 1};
    struct sisp_raw_file *file;
    char error[256];
    for (unsigned k = 0; k < 2; k++) {
        restore();
        size_t at = size_bytes;
        append_le(0, 4);
        append_le(0, 4);
        append_le(48, 4);
        append_le(k ? 70 : 64, 4); /* lit, or beyond the frame */
        point(50727, 50830, TYPE_LONG, 4, at);
        REQUIRE(open_edited(&file, error) == 0);
        CHECK_EQ(sisp_raw_file_info(file)->has_optical_black, 0);
        sisp_raw_file_destroy(&file);
        CHECK_EQ(open_bytes(&file, bytes, size_bytes, &optical, error), -EINVAL);
        CHECK_STR(error, "it has no optical black: no samples that are kept dark");
    }
}

int main(void)
{
    sisp_log_set(SISP_LOG_WARNING, count_warning, NULL);
    RUN(large_gain_map_is_resampled);
    RUN(maps_of_different_shapes_are_joined);
    RUN(linearization_table_is_applied);
    RUN(strips_are_read_if_they_follow_each_other);
    RUN(several_frames_are_refused);
    RUN(calibration_and_balance_enter_the_matrix);
    RUN(masked_areas_tell_the_black_level);
    RUN(columns_outside_the_active_area_tell_the_black_level);
    RUN(what_saw_light_is_no_optical_black);
    return test_report();
}
