/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tiny DNG of make_tiny_dng.py, read right, and refused with a clear sentence once spoilt. */
#include "tests/camera/raw_common.h"

#include <softisp/log.h>

#include <errno.h>

static uint8_t tiny[8192];
static size_t tiny_bytes;

static int open_tiny(struct sisp_raw_file **file, char error[256])
{
    const struct sisp_raw_open_params params = {0};
    return open_bytes(file, tiny, tiny_bytes, &params, error);
}

TEST(tiny_frame_is_read)
{
    struct sisp_raw_file *file;
    char error[256];
    CHECK_EQ(open_tiny(&file, error), 0);
    CHECK_STR(error, "");
    REQUIRE(file != NULL);
    const struct sisp_raw_info *info = sisp_raw_file_info(file);
    CHECK_STR(sisp_raw_info_format(info)->name, "SGBRG10");
    CHECK_EQ(info->width, 64);
    CHECK_EQ(info->height, 48);
    CHECK_EQ(info->stride_bytes, 128);
    CHECK_EQ(sisp_raw_info_size_bytes(info), 128 * 48);
    CHECK_EQ(info->crop.x, 4);
    CHECK_EQ(info->crop.y, 4);
    CHECK_EQ(info->crop.width, 56);
    CHECK_EQ(info->crop.height, 40);
    CHECK_EQ(info->orientation, 6);
    unsigned wrong = 0;
    const uint8_t *samples = sisp_raw_file_samples(file);
    for (unsigned y = 0; y < 48; y++) {
        for (unsigned x = 0; x < 64; x++)
            wrong += load_le(samples + 128 * y + 2 * x, 2) != (7 * x + 13 * y + x * y) % 960 + 64;
    }
    CHECK_EQ(wrong, 0);
    sisp_raw_file_destroy(&file);
    CHECK(file == NULL);
}

TEST(tiny_levels_and_color_are_read)
{
    struct sisp_raw_file *file;
    char error[256];
    REQUIRE(open_tiny(&file, error) == 0);
    const struct sisp_raw_info *info = sisp_raw_file_info(file);
    const float black[SISP_SITE_COUNT] = {63, 64, 61.5f, 62};
    for (unsigned i = 0; i < SISP_SITE_COUNT; i++)
        CHECK_NEAR((double)info->black_level[i], (double)black[i], 0);
    CHECK_NEAR((double)info->white_level, 1000, 0);
    CHECK_EQ(info->has_as_shot, 1);
    CHECK_NEAR((double)info->as_shot_gains[0], 2, 1e-6);
    CHECK_NEAR((double)info->as_shot_gains[2], 1.6, 1e-6);
    CHECK_NEAR((double)info->baseline_exposure_ev, 0.75, 1e-6);
    CHECK_NEAR((double)info->noise_shot, 0.002, 1e-9);
    CHECK_NEAR((double)info->noise_read, 0.00003, 1e-10);
    const struct sisp_color_profile *profile = &info->profile;
    CHECK_EQ(profile->count, 2);
    CHECK_EQ(profile->has_forward, 1);
    /* The file has D65 first: the warmest comes first here. */
    CHECK_NEAR((double)profile->cct_kelvin[0], 2856, 0);
    CHECK_NEAR((double)profile->cct_kelvin[1], 6504, 0);
    CHECK_NEAR((double)profile->color_matrix[0][4], 1.3, 1e-6);
    CHECK_NEAR((double)profile->color_matrix[1][4], 1.2, 1e-6);
    CHECK_NEAR((double)profile->forward_matrix[0][8], 0.8, 1e-6);
    CHECK_NEAR((double)profile->forward_matrix[1][8], 0.7, 1e-6);
    sisp_raw_file_destroy(&file);
}

TEST(tiny_exif_is_read)
{
    struct sisp_raw_file *file;
    char error[256];
    REQUIRE(open_tiny(&file, error) == 0);
    const struct sisp_exif *exif = &sisp_raw_file_info(file)->exif;
    CHECK_STR(exif->make, "SoftISP");
    CHECK_STR(exif->model, "Tiny camera");
    CHECK_STR(exif->software, "make_tiny_dng");
    CHECK_STR(exif->date_time, "2024:05:06 07:08:09");
    CHECK_STR(exif->lens, "");
    CHECK_NEAR(exif->exposure_us, 20000, 1e-6);
    CHECK_NEAR(exif->iso, 200, 0);
    CHECK_NEAR(exif->f_number, 2.8, 1e-9);
    CHECK_NEAR(exif->focal_length_mm, 3.6, 1e-9);
    sisp_raw_file_destroy(&file);
}

TEST(tiny_gain_maps_become_a_mesh)
{
    struct sisp_raw_file *file;
    char error[256];
    REQUIRE(open_tiny(&file, error) == 0);
    const struct sisp_lsc_mesh *lsc = &sisp_raw_file_info(file)->lsc;
    CHECK_EQ(lsc->cols, 3);
    CHECK_EQ(lsc->rows, 2);
    /* Active area 60x44, crop 56x40 at (2, 2) of it. */
    CHECK_NEAR((double)lsc->origin_x, -2.0 / 56, 1e-6);
    CHECK_NEAR((double)lsc->origin_y, -2.0 / 40, 1e-6);
    CHECK_NEAR((double)lsc->step_x, 30.0 / 56, 1e-6);
    CHECK_NEAR((double)lsc->step_y, 44.0 / 40, 1e-6);
    const double every[6] = {1.5, 1, 1.5, 1.25, 1, 1.25}, red[6] = {2, 1.5, 1, 1, 1, 1};
    for (unsigned i = 0; i < 6; i++) {
        CHECK_NEAR((double)lsc->gain[SISP_SITE_R][i], every[i] * red[i], 1e-6);
        CHECK_NEAR((double)lsc->gain[SISP_SITE_GR][i], every[i], 1e-6);
        CHECK_NEAR((double)lsc->gain[SISP_SITE_GB][i], every[i], 1e-6);
        CHECK_NEAR((double)lsc->gain[SISP_SITE_B][i], every[i], 1e-6);
    }
    sisp_raw_file_destroy(&file);
}

/* All but the way it is stored is the tiny frame. */
static void check_twin(const char *path)
{
    const struct sisp_raw_open_params params = {0};
    struct sisp_raw_file *little, *big;
    char error[256];
    REQUIRE(open_tiny(&little, error) == 0);
    CHECK_EQ(sisp_raw_file_open(&big, path, &params, error, sizeof(error)), 0);
    REQUIRE(big != NULL);
    const struct sisp_raw_info *a = sisp_raw_file_info(little), *b = sisp_raw_file_info(big);
    CHECK(memcmp(sisp_raw_file_samples(little), sisp_raw_file_samples(big),
              sisp_raw_info_size_bytes(a)) == 0);
    CHECK_EQ(a->fourcc, b->fourcc);
    CHECK_EQ(a->orientation, b->orientation);
    CHECK(memcmp(&a->crop, &b->crop, sizeof(a->crop)) == 0);
    CHECK(memcmp(a->black_level, b->black_level, sizeof(a->black_level)) == 0);
    CHECK(memcmp(&a->profile, &b->profile, sizeof(a->profile)) == 0);
    CHECK(memcmp(&a->lsc, &b->lsc, sizeof(a->lsc)) == 0);
    CHECK(memcmp(&a->exif, &b->exif, sizeof(a->exif)) == 0);
    CHECK_NEAR((double)a->noise_read, (double)b->noise_read, 0);
    sisp_raw_file_destroy(&little);
    sisp_raw_file_destroy(&big);
}

TEST(big_endian_twin_is_the_same)
{
    check_twin(SOURCE_ROOT "/tests/camera/tiny_mm.dng");
}

TEST(lossless_jpeg_twin_is_the_same)
{
    check_twin(SOURCE_ROOT "/tests/camera/tiny_jpeg.dng");
}

TEST(overrides_win_over_the_file)
{
    struct sisp_raw_file *file;
    char error[256];
    struct sisp_raw_open_params params = {
        .black_count = 4, .black_level = {1, 2, 3, 4}, .white_level = 3000};
    REQUIRE(open_bytes(&file, tiny, tiny_bytes, &params, error) == 0);
    const struct sisp_raw_info *info = sisp_raw_file_info(file);
    CHECK_NEAR((double)info->black_level[SISP_SITE_GB], 3, 0);
    CHECK_NEAR((double)info->white_level, 3000, 0);
    /* 3000 needs 12 bits. */
    CHECK_STR(sisp_raw_info_format(info)->name, "SGBRG12");
    sisp_raw_file_destroy(&file);
    params = (struct sisp_raw_open_params){.black_count = 1, .black_level = {1000}};
    CHECK_EQ(open_bytes(&file, tiny, tiny_bytes, &params, error), -EINVAL);
    CHECK_STR(error, "black level 1000 is not below white level 1000");
    params.black_count = 2;
    CHECK_EQ(open_bytes(&file, tiny, tiny_bytes, &params, error), -EINVAL);
    CHECK(file == NULL);
}

struct spoiling {
    unsigned tag, value;
    int status;
    const char *sentence;
};

/* Each with the first value of one tag replaced. */
static const struct spoiling spoilings[] = {
    {259, 9, -ENOTSUP,
        "the file uses GoPro's VC-5 compression, which is not supported; gpr_tools converts it to "
        "DNG"},
    {262, 34892, -ENOTSUP, "the file holds a demosaiced (linear) picture, not a raw mosaic"},
    {262, 2, -ENOTSUP, "the DNG holds no raw mosaic"},
    {33421, 6 | 6 << 16, -ENOTSUP, "X-Trans sensors are not supported"},
    {33421, 4 | 4 << 16, -ENOTSUP, "the mosaic is not a 2x2 Bayer pattern"},
    {33422, 0x02030100, -ENOTSUP, "the mosaic is not a 2x2 Bayer pattern of R, G and B"},
    {277, 3, -ENOTSUP, "several samples per pixel are not supported"},
    {257, 5000, -EBADMSG, "the file is cut short: 400000 bytes of samples expected, 5098 found"},
    {50717, 63, -EBADMSG, "the file is corrupt: black level 63, white level 63"},
    {50717, 70000, -EBADMSG, "the file is corrupt: white level 70000"},
    {273, 0, -EBADMSG, "the file is corrupt: it has no samples"},
};

TEST(spoilt_files_are_refused_with_a_sentence)
{
    for (size_t i = 0; i < sizeof(spoilings) / sizeof(spoilings[0]); i++) {
        struct sisp_raw_file *file;
        char error[256];
        uint8_t *entry = tiff_entry(tiny, tiny_bytes, spoilings[i].tag), saved[4];
        REQUIRE(entry != NULL);
        memcpy(saved, entry + 8, 4);
        for (unsigned k = 0; k < 4; k++)
            entry[8 + k] = (uint8_t)(spoilings[i].value >> 8 * k);
        CHECK_EQ(open_tiny(&file, error), spoilings[i].status);
        CHECK_STR(error, spoilings[i].sentence);
        CHECK(file == NULL);
        memcpy(entry + 8, saved, 4);
    }
}

TEST(gain_map_over_the_end_is_ignored)
{
    struct sisp_raw_file *file;
    char error[256];
    uint8_t *entry = tiff_entry(tiny, tiny_bytes, 51009);
    REQUIRE(entry != NULL);
    /* Points of the first map, big endian, at byte 4 + 16 + 32 of the list: 2 x 3 becomes 66 x 3.
     */
    uint8_t *points = tiny + load_le(entry + 8, 4) + 4 + 16 + 32 + 3;
    *points += 64;
    CHECK_EQ(open_tiny(&file, error), 0);
    *points -= 64;
    REQUIRE(file != NULL);
    const struct sisp_lsc_mesh *lsc = &sisp_raw_file_info(file)->lsc;
    CHECK_EQ(lsc->cols, 2);
    CHECK_NEAR((double)lsc->gain[SISP_SITE_R][0], 2, 1e-6);
    CHECK_NEAR((double)lsc->gain[SISP_SITE_B][0], 1, 1e-6);
    sisp_raw_file_destroy(&file);
}

static unsigned warnings;
static char last_warning[512];

static void note_warning(void *user, enum sisp_log_level level, const char *sentence)
{
    warnings++;
    snprintf(last_warning, sizeof(last_warning), "%s", sentence);
}

/* What is no DNG goes by LibRaw's word; this one it knows by its size: 1024x768 at 8 bits. */
TEST(headerless_file_of_known_size_is_a_guess)
{
    static uint8_t frame[1024 * 768];
    const struct sisp_raw_open_params params = {0};
    struct sisp_raw_file *file;
    char error[256];
    for (unsigned i = 0; i < sizeof(frame); i++)
        frame[i] = (uint8_t)(i * 7 + i / 1024 + 1);
    warnings = 0;
    REQUIRE(open_bytes(&file, frame, sizeof(frame), &params, error) == 0);
    CHECK_EQ(warnings, 1);
    CHECK(strstr(last_warning, "from its size alone") != NULL);
    const struct sisp_raw_info *info = sisp_raw_file_info(file);
    CHECK_STR(sisp_raw_info_format(info)->name, "SRGGB10");
    CHECK_EQ(info->width, 1024);
    CHECK_EQ(info->crop.height, 768);
    CHECK_NEAR((double)info->white_level, 255, 0);
    unsigned wrong = 0;
    for (unsigned i = 0; i < sizeof(frame); i++)
        wrong += load_le(sisp_raw_file_samples(file) + 2 * (size_t)i, 2) != frame[i];
    CHECK_EQ(wrong, 0);
    sisp_raw_file_destroy(&file);
}

TEST(good_file_gives_no_warning)
{
    struct sisp_raw_file *file;
    char error[256];
    warnings = 0;
    CHECK_EQ(open_tiny(&file, error), 0);
    CHECK_EQ(warnings, 0);
    sisp_raw_file_destroy(&file);
}

TEST(missing_decoder_is_said)
{
    struct sisp_raw_file *file;
    const char *folder = getenv("SOFTISP_LIBEXECDIR");
    char error[256], saved[PATH_MAX];
    snprintf(saved, sizeof(saved), "%s", folder ? folder : "");
    setenv("SOFTISP_LIBEXECDIR", "/nonexistent", 1);
    CHECK_EQ(open_tiny(&file, error), -ENOTSUP);
    CHECK(strstr(error, "softisp-rawdec") != NULL);
    if (folder)
        setenv("SOFTISP_LIBEXECDIR", saved, 1);
    else
        unsetenv("SOFTISP_LIBEXECDIR");
}

int main(void)
{
    tiny_bytes = load_file(TINY_DNG, tiny, sizeof(tiny));
    sisp_log_set(SISP_LOG_WARNING, note_warning, NULL);
    RUN(tiny_frame_is_read);
    RUN(tiny_levels_and_color_are_read);
    RUN(tiny_exif_is_read);
    RUN(tiny_gain_maps_become_a_mesh);
    RUN(big_endian_twin_is_the_same);
    RUN(lossless_jpeg_twin_is_the_same);
    RUN(overrides_win_over_the_file);
    RUN(spoilt_files_are_refused_with_a_sentence);
    RUN(gain_map_over_the_end_is_ignored);
    RUN(headerless_file_of_known_size_is_a_guess);
    RUN(good_file_gives_no_warning);
    RUN(missing_decoder_is_said);
    return test_report();
}
