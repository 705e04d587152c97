/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Colour data of DCP and DNG files as a tuning. */
#include "fuzz/fuzz.h"
#include "tests/harness/test.h"

#include "base/prng.h"
#include "isp/auto/auto.h"
#include "tuning/check.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#define FILE_BYTES_MAX 4096

static struct sisp_tuning tuning;
static uint8_t bytes[FILE_BYTES_MAX];
static size_t size_bytes;
static char error[512];

/* ---- a DCP made here ------------------------------------------------------------------------ */

struct tag {
    uint16_t number, type; /* 2 ASCII, 3 SHORT, 10 SRATIONAL, 11 FLOAT */
    uint32_t count;
    double values[10];
    const char *text;
};

static bool is_big;

static void put(size_t at, uint32_t value, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        bytes[at + (is_big ? count - 1 - i : i)] = (uint8_t)(value >> 8 * i);
}

static size_t put_value(size_t at, const struct tag *tag, uint32_t i)
{
    float single = (float)tag->values[i];
    uint32_t bits;
    memcpy(&bits, &single, 4);
    switch (tag->type) {
    case 2:
        bytes[at] = (uint8_t)tag->text[i];
        return 1;
    case 3:
        put(at, (uint32_t)tag->values[i], 2);
        return 2;
    case 10:
        put(at, (uint32_t)(int32_t)lrint(tag->values[i] * 10000), 4);
        put(at + 4, 10000, 4);
        return 8;
    default:
        put(at, bits, 4);
        return 4;
    }
}

static void make_dcp(const struct tag *tags, unsigned count)
{
    size_t data = 8 + 2 + 12 * (size_t)count + 4;
    memset(bytes, 0, sizeof(bytes));
    memcpy(bytes, is_big ? "MM" : "II", 2);
    put(2, 0x4352, 2);
    put(4, 8, 4);
    put(8, count, 2);
    for (unsigned t = 0; t < count; t++) {
        const struct tag *tag = &tags[t];
        size_t entry = 10 + 12 * (size_t)t, one = tag->type == 2 ? 1 : tag->type == 3 ? 2 : 4;
        put(entry, tag->number, 2);
        put(entry + 2, tag->type, 2);
        put(entry + 4, tag->count, 4);
        bool is_inside = tag->type != 10 && one * tag->count <= 4;
        if (!is_inside)
            put(entry + 8, (uint32_t)data, 4);
        size_t at = is_inside ? entry + 8 : data;
        for (uint32_t i = 0; i < tag->count; i++)
            at += put_value(at, tag, i);
        data = is_inside ? data : at + (at & 1);
    }
    size_bytes = data;
}

static const struct tag whole[] = {
    {50708, 2, 8, {0}, "Camera 1"},
    {50721, 10, 9, {0.7, -0.1, 0, -0.4, 1.2, 0.1, -0.1, 0.2, 0.6}, NULL},
    {50722, 10, 9, {0.8, -0.2, 0, -0.4, 1.3, 0.1, -0.1, 0.2, 0.7}, NULL},
    {50778, 3, 1, {17}, NULL}, /* A */
    {50779, 3, 1, {21}, NULL}, /* D65 */
    {50940, 11, 6, {0, 0, 0.25, 0.5, 1, 1}, NULL},
    {50964, 10, 9, {0.6, 0.2, 0.1642, 0.2, 0.7, 0.1, 0, 0.1, 0.7252}, NULL},
    {50965, 10, 9, {0.6, 0.2, 0.1642, 0.2, 0.7, 0.1, 0, 0.1, 0.7252}, NULL},
    {50982, 11, 3, {0, 0, 0}, NULL},
    {51109, 10, 1, {0.5}, NULL},
};
#define WHOLE (sizeof(whole) / sizeof(whole[0]))

static int read_bytes(void)
{
    error[0] = '\0';
    return sisp_tuning_read(&tuning, "f", bytes, size_bytes, error, sizeof(error));
}

TEST(a_dcp_of_either_byte_order_is_read)
{
    for (int big = 0; big < 2; big++) {
        is_big = big;
        make_dcp(whole, WHOLE);
        CHECK_EQ(read_bytes(), 0);
        CHECK_STR(error, "");
        CHECK(tuning_is_sound(&tuning));
        CHECK_EQ(tuning.parts, 1u << SISP_TUNING_PROFILE | 1u << SISP_TUNING_TONE);
        CHECK_STR(tuning.target, "Camera 1");
        CHECK_STR(tuning.unused, "ProfileLookTableData");
        CHECK_EQ(tuning.profile.count, 2);
        CHECK_EQ(tuning.profile.has_forward, 1);
        CHECK_NEAR((double)tuning.profile.cct_kelvin[0], 2856, 0);
        CHECK_NEAR((double)tuning.profile.cct_kelvin[1], 6504, 0);
        CHECK_NEAR((double)tuning.profile.color_matrix[1][4], 1.3, 1e-6);
        CHECK_NEAR((double)tuning.profile.forward_matrix[0][2], 0.1642, 1e-6);
        CHECK_NEAR((double)tuning.exposure_ev, 0.5, 1e-6);
        CHECK_EQ(tuning.has_exposure, 0);
    }
    is_big = false;
}

/* Half of the light at a quarter is what a display shows of 0.5: sRGB 0.7354. */
TEST(tone_curve_is_made_for_the_display)
{
    struct sisp_params params = sisp_params_default();
    float tone[SISP_TONE_KNOTS];
    make_dcp(whole, WHOLE);
    REQUIRE(read_bytes() == 0);
    isp_tone(tone, &params, &tuning, 0);
    for (unsigned i = 0; i < SISP_TONE_KNOTS; i++) {
        double x = (double)sisp_tone_knot(i), y = 2 * x;
        if (x <= 0.18) { /* the shoulder of exposure begins there */
            double want = y <= 0.0031308 ? 12.92 * y : 1.055 * pow(y, 1 / 2.4) - 0.055;
            CHECK_NEAR((double)tone[i], want, 0.003);
        }
    }
}

TEST(profile_stands_for_the_files_own)
{
    static struct sisp_coefficients own, tuned;
    struct sisp_params params = sisp_params_default();
    struct sisp_raw_info info = {.fourcc = sisp_raw_format_find("SRGGB10")->fourcc,
        .width = 200,
        .height = 100,
        .stride_bytes = 400,
        .crop = {0, 0, 200, 100},
        .white_level = 1023,
        .orientation = 1};
    make_dcp(whole, WHOLE - 3); /* with neither tone curve nor exposure of its own */
    memmove(&bytes[10 + 12 * 5], &bytes[10 + 12 * 6], 12);
    put(8, WHOLE - 4, 2);
    REQUIRE(read_bytes() == 0 && tuning.parts == 1u << SISP_TUNING_PROFILE);
    isp_coefficients_init(&tuned, &info, &params, &tuning);
    info.profile = tuning.profile;
    isp_coefficients_init(&own, &info, &params, NULL);
    CHECK_EQ(own.ccm_source, SISP_SOURCE_FILE);
    CHECK_EQ(tuned.ccm_source, SISP_SOURCE_TUNING);
    CHECK(memcmp(own.ccm, tuned.ccm, sizeof(own.ccm)) == 0);
    CHECK(memcmp(own.wb_gains, tuned.wb_gains, sizeof(own.wb_gains)) == 0);
    CHECK(memcmp(own.tone, tuned.tone, sizeof(own.tone)) == 0);
    /* It wins over another one in the file, and its exposure is added. */
    memset(info.profile.color_matrix, 0, sizeof(info.profile.color_matrix));
    for (int i = 0; i < 9; i += 4)
        info.profile.color_matrix[0][i] = info.profile.color_matrix[1][i] = 1;
    params.value[SISP_PARAM_AUTO_EXPOSURE] = 0;
    info.baseline_exposure_ev = 1;
    tuning.exposure_ev = 0.25f;
    isp_coefficients_init(&tuned, &info, &params, &tuning);
    CHECK(memcmp(own.ccm, tuned.ccm, sizeof(own.ccm)) == 0);
    CHECK_NEAR((double)tuned.exposure_ev, 1.25, 1e-6);
    tuning.has_exposure = 1;
    isp_coefficients_init(&tuned, &info, &params, &tuning);
    CHECK_NEAR((double)tuned.exposure_ev, 0.25, 1e-6);
}

TEST(what_is_no_profile_is_one_sentence)
{
    static const struct {
        const char *what;
        size_t at;
        uint8_t value;
    } spoilt[] = {
        {"f: there is no ColorMatrix1", 10 + 12 * 1, 0}, {"f: this TIFF file is neither", 2, 42}};
    for (size_t i = 0; i < 2; i++) {
        make_dcp(whole, 2);
        bytes[spoilt[i].at] = spoilt[i].value;
        if (spoilt[i].value == 42)
            bytes[3] = 0;
        CHECK_EQ(read_bytes(), -EINVAL);
        CHECK(strncmp(error, spoilt[i].what, strlen(spoilt[i].what)) == 0);
    }
}

/* Cut at every byte, and spoilt in seeded ways; the fuzz target judges. */
TEST(spoilt_profiles_are_read_or_refused)
{
    struct base_prng prng = {7};
    make_dcp(whole, WHOLE);
    size_t all = size_bytes;
    for (size_bytes = 0; size_bytes < all; size_bytes++) {
        uint8_t *copy = malloc(size_bytes + 1); /* its own: a sanitizer sees its end */
        REQUIRE(copy != NULL);
        memcpy(copy, bytes, size_bytes);
        LLVMFuzzerTestOneInput(copy, size_bytes);
        free(copy);
    }
    for (unsigned round = 0; round < 4000; round++) {
        make_dcp(whole, WHOLE);
        uint8_t *copy = malloc(all);
        REQUIRE(copy != NULL);
        memcpy(copy, bytes, all);
        for (uint32_t i = 0; i <= base_prng_below(&prng, 6); i++)
            copy[base_prng_below(&prng, (uint32_t)all)] = (uint8_t)base_prng_below(&prng, 256);
        LLVMFuzzerTestOneInput(copy, all);
        free(copy);
    }
}

TEST(a_real_dcp_is_read)
{
    char path[PATH_MAX], text[1024];
    const char *shared = getenv("SOFTISP_SHARED");
    snprintf(path, sizeof(path), "%s/data/canon550d_colorchecker/Canon_EOS_550D.dcp",
        shared ? shared : SOURCE_ROOT "/../shared");
    if (access(path, R_OK) != 0)
        SKIP("no shared data");
    REQUIRE(sisp_tuning_load(&tuning, path, error, sizeof(error)) == 0);
    CHECK_STR(tuning.target, "EOS 550D");
    CHECK_EQ(tuning.profile.count, 1);
    CHECK_NEAR((double)tuning.profile.cct_kelvin[0], 5003, 0);
    CHECK_NEAR((double)tuning.profile.color_matrix[0][0], 0.6519, 1e-4);
    bool says_map = false;
    for (unsigned i = 0; sisp_tuning_finding(&tuning, i, text, sizeof(text)) >= 0; i++)
        says_map |= strcmp(text, "not used: ProfileHueSatMapData1") == 0;
    CHECK(says_map);
}

int main(void)
{
    RUN(a_dcp_of_either_byte_order_is_read);
    RUN(tone_curve_is_made_for_the_display);
    RUN(profile_stands_for_the_files_own);
    RUN(what_is_no_profile_is_one_sentence);
    RUN(spoilt_profiles_are_read_or_refused);
    RUN(a_real_dcp_is_read);
    return test_report();
}
