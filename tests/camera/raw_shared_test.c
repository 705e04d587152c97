/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Real DNGs of the shared data, compared sample by sample with a naive reading of their bits. */
#include "tests/camera/raw_common.h"

#include <errno.h>
#include <math.h>

struct shared_case {
    const char *name;
    const char *format;
    uint32_t width, height;
    size_t samples_at; /* offset in the file */
    unsigned bits;     /* as stored; big endian bits but for 16 */
    double black, white;
    struct sisp_rect crop;
};

static const struct shared_case cases[] = {
    {"canon550d_colorchecker/colorchart.dng", "SRGGB14", 1888, 1182, 1536, 14, 2056, 15000,
        {152, 26, 1734, 1156}},
    {"pi_1920x1200/wheel_b.dng.xz", "SGRBG10", 1920, 1200, 760, 10, 32, 1023, {0, 0, 1920, 1200}},
    {"pi_imx296/static_a/frame_00.dng.xz", "SBGGR10", 1456, 1088, 748, 10, 60, 1023,
        {0, 0, 1456, 1088}},
    {"gopro/HERO6_GOPR0024.DNG.xz", "SRGGB14", 4000, 3000, 15148, 16, 0, 16383, {0, 0, 4000, 3000}},
};

#define FILE_BYTES_MAX (32u << 20)

static uint8_t *bytes;

static uint32_t stored_sample(const struct shared_case *c, uint32_t x, uint32_t y)
{
    size_t row_bytes = ((size_t)c->width * c->bits + 7) / 8;
    const uint8_t *row = bytes + c->samples_at + y * row_bytes;
    if (c->bits == 16)
        return load_le(row + 2 * (size_t)x, 2);
    uint32_t value = 0;
    for (size_t bit = (size_t)x * c->bits; bit < ((size_t)x + 1) * c->bits; bit++)
        value = value << 1 | (row[bit / 8] >> (7 - bit % 8) & 1);
    return value;
}

static void check_case(const struct shared_case *c, const struct sisp_raw_file *file)
{
    const struct sisp_raw_info *info = sisp_raw_file_info(file);
    CHECK_STR(sisp_raw_info_format(info)->name, c->format);
    CHECK_EQ(info->width, c->width);
    CHECK_EQ(info->height, c->height);
    CHECK_EQ(info->crop.x, c->crop.x);
    CHECK_EQ(info->crop.y, c->crop.y);
    CHECK_EQ(info->crop.width, c->crop.width);
    CHECK_EQ(info->crop.height, c->crop.height);
    for (unsigned i = 0; i < SISP_SITE_COUNT; i++)
        CHECK_NEAR((double)info->black_level[i], c->black, 0);
    CHECK_NEAR((double)info->white_level, c->white, 0);
    REQUIRE(test_ok);
    uint64_t wrong = 0;
    uint32_t max = (1u << sisp_raw_info_format(info)->bits) - 1;
    for (uint32_t y = 0; y<c->height; y += c->height> 2000 ? 7 : 3) {
        const uint8_t *row = sisp_raw_file_samples(file) + y * info->stride_bytes;
        for (uint32_t x = 0; x < c->width; x++) {
            uint32_t stored = stored_sample(c, x, y);
            wrong += load_le(row + 2 * (size_t)x, 2) != (stored < max ? stored : max);
        }
    }
    CHECK_EQ(wrong, 0);
}

TEST(real_dngs_are_read)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct sisp_raw_open_params params = {0};
        struct sisp_raw_file *file;
        char error[256];
        size_t size_bytes = load_shared(cases[i].name, bytes, FILE_BYTES_MAX);
        if (size_bytes == 0)
            SKIP("no shared data");
        CHECK_EQ(open_bytes(&file, bytes, size_bytes, &params, error), 0);
        CHECK_STR(error, "");
        REQUIRE(file != NULL);
        check_case(&cases[i], file);
        sisp_raw_file_destroy(&file);
    }
}

/* Canon patches: means of the raw by box, measured by somebody else's reader. */
static void check_patch(const struct sisp_raw_file *file, const char *line)
{
    unsigned patch, x0, y0, x1, y1;
    double expected[3], sum[3] = {0}, count[3] = {0};
    REQUIRE(sscanf(line, "%u,%u,%u,%u,%u,%lf,%lf,%lf", &patch, &x0, &y0, &x1, &y1, &expected[0],
                &expected[1], &expected[2]) == 8);
    const struct sisp_raw_info *info = sisp_raw_file_info(file);
    for (unsigned y = y0; y < y1; y++) {
        for (unsigned x = x0; x < x1; x++) {
            unsigned color = (x & 1) + (y & 1);
            sum[color] +=
                load_le(sisp_raw_file_samples(file) + y * info->stride_bytes + 2 * (size_t)x, 2);
            count[color]++;
        }
    }
    for (unsigned i = 0; i < 3; i++)
        CHECK_NEAR(sum[i] / count[i], expected[i], 0.001);
}

TEST(canon_patches_have_the_known_means)
{
    const struct sisp_raw_open_params params = {0};
    struct sisp_raw_file *file;
    char path[PATH_MAX], error[256], line[256];
    if (!shared_path(path, "canon550d_colorchecker/colorchart.dng"))
        SKIP("no shared data");
    REQUIRE(sisp_raw_file_open(&file, path, &params, error, sizeof(error)) == 0);
    const struct sisp_raw_info *info = sisp_raw_file_info(file);
    CHECK_NEAR((double)info->as_shot_gains[0], 2.477, 1e-5);
    CHECK_NEAR(info->exif.exposure_us, 0, 0);
    CHECK_STR(info->exif.model, "Canon EOS Kiss X4");
    REQUIRE(shared_path(path, "canon550d_colorchecker/colorchart_patches.csv"));
    FILE *table = fopen(path, "re");
    REQUIRE(table != NULL);
    unsigned patches = 0;
    CHECK(fgets(line, sizeof(line), table) != NULL);
    for (; fgets(line, sizeof(line), table); patches++)
        check_patch(file, line);
    CHECK_EQ(patches, 24);
    fclose(table);
    sisp_raw_file_destroy(&file);
}

/** The number after the next "key": of the text, which moves behind it; -1: none. */
static double json_number(const char **text, const char *key)
{
    char quoted[32];
    snprintf(quoted, sizeof(quoted), "\"%s\":", key);
    const char *found = strstr(*text, quoted);
    if (!found)
        return -1;
    *text = found + strlen(quoted);
    return strtod(*text, NULL);
}

static double json_next_gain(const char **text)
{
    *text += strspn(*text, " [],\n");
    char *end;
    double value = strtod(*text, &end);
    *text = end;
    return value;
}

TEST(hero_gain_maps_are_those_of_the_list)
{
    const struct sisp_raw_open_params params = {0};
    static char json[1 << 18];
    struct sisp_raw_file *file;
    char path[PATH_MAX], error[256];
    size_t size_bytes = load_shared("gopro/HERO6_GOPR0024.DNG.xz", bytes, FILE_BYTES_MAX);
    if (size_bytes == 0 || !shared_path(path, "gopro/HERO6_GOPR0024_gainmaps.json"))
        SKIP("no shared data");
    REQUIRE(load_file(path, (uint8_t *)json, sizeof(json) - 1) > 0);
    REQUIRE(open_bytes(&file, bytes, size_bytes, &params, error) == 0);
    const struct sisp_raw_info *info = sisp_raw_file_info(file);
    CHECK_EQ(info->lsc.cols, 23);
    CHECK_EQ(info->lsc.rows, 23);
    CHECK_NEAR((double)info->lsc.step_x, 1.0 / 22, 1e-6);
    CHECK_EQ(info->orientation, 2);
    CHECK_NEAR((double)info->profile.cct_kelvin[0], 2850, 0);
    CHECK_NEAR((double)info->profile.cct_kelvin[1], 5003, 0);
    CHECK_NEAR((double)info->noise_shot, 0.000156201, 1e-8);
    CHECK_NEAR(info->exif.exposure_us, 1e6 / 455, 1e-3);
    unsigned maps = 0;
    for (const char *text = json;; maps++) {
        double top = json_number(&text, "top");
        if (top < 0)
            break;
        /* The frame is RGGB, so that the order of sites is that of a 2x2 cell. */
        unsigned site = 2 * ((unsigned)top & 1) + ((unsigned)json_number(&text, "left") & 1);
        json_number(&text, "gains");
        for (unsigned i = 0; i < 23 * 23; i++)
            CHECK_NEAR((double)info->lsc.gain[site][i], json_next_gain(&text), 2e-6);
    }
    CHECK_EQ(maps, 4);
    sisp_raw_file_destroy(&file);
}

TEST(gpr_is_refused)
{
    const struct sisp_raw_open_params params = {0};
    struct sisp_raw_file *file;
    char path[PATH_MAX], error[256];
    if (!shared_path(path, "gopro/HERO6_GOPR0024.GPR"))
        SKIP("no shared data");
    CHECK_EQ(sisp_raw_file_open(&file, path, &params, error, sizeof(error)), -ENOTSUP);
    CHECK(strstr(error, "GoPro's VC-5 compression") != NULL);
}

int main(void)
{
    bytes = malloc(FILE_BYTES_MAX);
    if (!bytes)
        return 1;
    RUN(real_dngs_are_read);
    RUN(canon_patches_have_the_known_means);
    RUN(hero_gain_maps_are_those_of_the_list);
    RUN(gpr_is_refused);
    free(bytes);
    return test_report();
}
