/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PGM and headerless frames. */
#include "tests/camera/raw_common.h"

#include <softisp/log.h>

#include <errno.h>
#include <sys/stat.h>

static unsigned warnings;

static void count_warning(void *user, enum sisp_log_level level, const char *sentence)
{
    warnings++;
}

static int open_text(struct sisp_raw_file **file, const char *header, const uint8_t *samples,
    size_t sample_bytes, const struct sisp_raw_open_params *params, char error[256])
{
    uint8_t bytes[512];
    size_t length = strlen(header);
    memcpy(bytes, header, length);
    memcpy(bytes + length, samples, sample_bytes);
    return open_bytes(file, bytes, length + sample_bytes, params, error);
}

TEST(pgm_of_8_bits)
{
    const uint8_t samples[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 200, 201, 12};
    struct sisp_raw_open_params params = {.has_cfa = 1, .cfa = SISP_CFA_GBRG};
    struct sisp_raw_file *file;
    char error[256];
    warnings = 0;
    REQUIRE(open_text(&file, "P5 # CFA\n4\t3\n# white\n200\n", samples, 12, &params, error) == 0);
    CHECK_EQ(warnings, 0);
    const struct sisp_raw_info *info = sisp_raw_file_info(file);
    CHECK_STR(sisp_raw_info_format(info)->name, "SGBRG8");
    CHECK_EQ(info->width, 4);
    CHECK_EQ(info->height, 3);
    CHECK_EQ(info->crop.width, 4);
    CHECK_EQ(info->orientation, 1);
    CHECK_NEAR((double)info->white_level, 200, 0);
    CHECK_NEAR((double)info->black_level[0], 0, 0);
    CHECK_EQ(sisp_raw_file_samples(file)[0], 1);
    CHECK_EQ(sisp_raw_file_samples(file)[9], 200);
    CHECK_EQ(sisp_raw_file_samples(file)[10], 200); /* above maxval: clipped */
    sisp_raw_file_destroy(&file);
}

TEST(pgm_of_16_bits)
{
    const uint8_t samples[8] = {0x01, 0x02, 0x0f, 0xff, 0x00, 0x40, 0xff, 0xff};
    struct sisp_raw_open_params params = {.black_count = 1, .black_level = {16}};
    struct sisp_raw_file *file;
    char error[256];
    warnings = 0;
    REQUIRE(open_text(&file, "P5\n2 2\n4095\n", samples, 8, &params, error) == 0);
    CHECK_EQ(warnings, 1); /* the CFA order is a guess */
    const struct sisp_raw_info *info = sisp_raw_file_info(file);
    CHECK_STR(sisp_raw_info_format(info)->name, "SRGGB12");
    CHECK_NEAR((double)info->white_level, 4095, 0);
    CHECK_NEAR((double)info->black_level[SISP_SITE_B], 16, 0);
    const uint32_t expected[4] = {0x102, 0xfff, 0x40, 0xfff};
    for (unsigned i = 0; i < 4; i++)
        CHECK_EQ(load_le(sisp_raw_file_samples(file) + 2 * i, 2), expected[i]);
    sisp_raw_file_destroy(&file);
}

static void check_refused(const char *header, size_t sample_bytes, int status, const char *sentence)
{
    const uint8_t samples[64] = {0};
    const struct sisp_raw_open_params params = {.has_cfa = 1};
    struct sisp_raw_file *file;
    char error[256];
    CHECK_EQ(open_text(&file, header, samples, sample_bytes, &params, error), status);
    CHECK_STR(error, sentence);
    CHECK(file == NULL);
}

TEST(bad_pgms_are_refused)
{
    check_refused("P5\n4 4\n255\n", 15, -EBADMSG,
        "the file is too short: 16 bytes of samples expected, 15 found");
    check_refused("P5\n4 4\n256\n", 31, -EBADMSG,
        "the file is too short: 32 bytes of samples expected, 31 found");
    check_refused("P5\n4 -4\n255\n", 16, -EBADMSG, "the header of the PGM file is corrupt");
    check_refused("P5\n4 4\n65536\n", 32, -EBADMSG, "maxval 65536 of the PGM is not 1 to 65535");
    check_refused("P5\n4 4\n0\n", 32, -EBADMSG, "maxval 0 of the PGM is not 1 to 65535");
    check_refused(
        "P5\n4 99999999999999999999\n255\n", 16, -EBADMSG, "the header of the PGM file is corrupt");
    check_refused("P5\n1 16\n255\n", 16, -EBADMSG, "1 x 16 is not a size of a raw frame");
    check_refused(
        "P5\n65535 65535\n255\n", 16, -EFBIG, "65535 x 65535 is more than 256 million samples");
    check_refused("P6\n2 2\n255\n", 12, -ENOTSUP,
        "of the Netpbm files only binary PGM (P5) can hold a raw frame, this is P6");
}

TEST(headerless_first_frame_with_padding)
{
    uint8_t bytes[2 * 6 * 4];
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)i;
    struct sisp_raw_open_params params = {
        .raw_format = "sbggr10p", .width = 4, .height = 4, .stride_bytes = 6, .white_level = 1000};
    struct sisp_raw_file *file;
    char error[256];
    REQUIRE(open_bytes(&file, bytes, sizeof(bytes), &params, error) == 0);
    const struct sisp_raw_info *info = sisp_raw_file_info(file);
    CHECK_STR(sisp_raw_info_format(info)->name, "SBGGR10P");
    CHECK_EQ(info->stride_bytes, 6);
    CHECK_EQ(sisp_raw_info_size_bytes(info), 24);
    CHECK_NEAR((double)info->white_level, 1000, 0);
    CHECK(memcmp(sisp_raw_file_samples(file), bytes, 24) == 0);
    sisp_raw_file_destroy(&file);
    CHECK_EQ(open_bytes(&file, bytes, 23, &params, error), -EBADMSG);
    CHECK_STR(error, "the file is too short: 24 bytes of samples expected, 23 found");
    params.stride_bytes = 4;
    CHECK_EQ(open_bytes(&file, bytes, sizeof(bytes), &params, error), -EINVAL);
    CHECK_STR(error, "a row of 4 samples takes 5 bytes, not 4");
    params = (struct sisp_raw_open_params){.raw_format = "SRGGB11", .width = 4, .height = 4};
    CHECK_EQ(open_bytes(&file, bytes, sizeof(bytes), &params, error), -EINVAL);
    params = (struct sisp_raw_open_params){
        .raw_format = "SRGGB8", .width = 4, .height = 4, .white_level = 256};
    CHECK_EQ(open_bytes(&file, bytes, sizeof(bytes), &params, error), -EINVAL);
    CHECK_STR(error, "white level 256 does not fit the samples of SRGGB8");
}

TEST(what_is_no_file_is_refused)
{
    const struct sisp_raw_open_params params = {0};
    struct sisp_raw_file *file;
    char error[256], path[PATH_MAX];
    CHECK_EQ(
        sisp_raw_file_open(&file, "/nonexistent/x.dng", &params, error, sizeof(error)), -ENOENT);
    CHECK(strstr(error, "/nonexistent") == NULL && error[0]);
    CHECK_EQ(sisp_raw_file_open(&file, "/", &params, error, sizeof(error)), -EISDIR);
    CHECK_EQ(sisp_raw_file_open(&file, "/dev/null", &params, NULL, 0), -EBADMSG);
    REQUIRE(save_temporary(path, "", 0));
    CHECK_EQ(sisp_raw_file_open(&file, path, &params, error, sizeof(error)), -EBADMSG);
    CHECK_STR(error, "the file is too short: a raw file has at least 8 bytes, this one 0");
    /* A FIFO without a writer must not hold up the caller. */
    unlink(path);
    REQUIRE(mkfifo(path, 0600) == 0);
    CHECK_EQ(sisp_raw_file_open(&file, path, &params, error, sizeof(error)), -EBADMSG);
    unlink(path);
    CHECK(file == NULL);
}

int main(void)
{
    sisp_log_set(SISP_LOG_WARNING, count_warning, NULL);
    RUN(pgm_of_8_bits);
    RUN(pgm_of_16_bits);
    RUN(bad_pgms_are_refused);
    RUN(headerless_first_frame_with_padding);
    RUN(what_is_no_file_is_refused);
    return test_report();
}
