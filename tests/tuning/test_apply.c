/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a tuning does to coefficients, and what holds without one. */
#include "tests/harness/test.h"

#include "isp/auto/auto.h"
#include "isp/auto/elementary.h"
#include "tuning/check.h"

#include <math.h>

static struct sisp_tuning tuning;
static struct sisp_coefficients out;

static const char text[] =
    "{ \"rpi.black_level\": { \"black_level\": 4096 },\n"
    "\"rpi.awb\": { \"sensitivity_r\": 1.25, \"ct_curve\":\n"
    "  [ 2500, 1.25, 0.25, 5000, 0.625, 0.5, 10000, 0.5, 1.0 ] },\n"
    "\"rpi.noise\": { \"reference_constant\": 0, \"reference_slope\": 2.56 },\n"
    "\"rpi.ccm\": { \"ccms\": [ { \"ct\": 2500, \"ccm\": [ 2, -1, 0, 0, 1, 0, 0, 0, 1 ] },\n"
    "  { \"ct\": 5000, \"ccm\": [ 1, 0, 0, 0, 2, -1, 0, 0, 1.1 ] } ] },\n"
    "\"LensShadingCorrection\": { \"x-size\": [ 0.5 ], \"y-size\": [ 0.5 ], \"sets\": [\n"
    "{ \"ct\": 2500, \"r\": [2048,1024,2048, 1024,1024,1024, 2048,1024,2048],\n"
    "  \"gr\": [1536,1024,1536, 1024,1024,1024, 1536,1024,1536],\n"
    "  \"gb\": [1536,1024,1536, 1024,1024,1024, 1536,1024,1536],\n"
    "  \"b\": [1536,1024,1536, 1024,1024,1024, 1536,1024,1536] } ] } }";

static struct sisp_raw_info info_of_nothing(void)
{
    struct sisp_raw_info info = {.fourcc = sisp_raw_format_find("SRGGB10")->fourcc,
        .width = 200,
        .height = 100,
        .stride_bytes = 400,
        .crop = {50, 25, 100, 50},
        .orientation = 1};
    return info;
}

static bool read_tuning(void)
{
    char error[512] = "";
    int r = sisp_tuning_read(&tuning, "t", text, sizeof(text) - 1, error, sizeof(error));
    CHECK_STR(error, "");
    return r == 0 && tuning_is_sound(&tuning);
}

TEST(every_coefficient_says_tuning)
{
    struct sisp_raw_info info = info_of_nothing();
    struct sisp_params params = sisp_params_default();
    REQUIRE(read_tuning());
    info.analogue_gain = 4;
    isp_coefficients_init(&out, &info, &params, &tuning);
    CHECK_EQ(out.black_source, SISP_SOURCE_TUNING);
    CHECK_EQ(out.wb_source, SISP_SOURCE_TUNING);
    CHECK_EQ(out.ccm_source, SISP_SOURCE_TUNING);
    CHECK_EQ(out.lsc_source, SISP_SOURCE_TUNING);
    CHECK_EQ(out.noise_source, SISP_SOURCE_TUNING);
    CHECK_NEAR((double)out.black_level[SISP_SITE_GB], 64, 1e-6);
    CHECK_NEAR((double)out.color_temperature_kelvin, 5500, 1);
    CHECK_NEAR((double)out.noise_shot, 4 * 2.56 * 2.56 / 65535, 1e-9);
}

TEST(what_a_frame_says_of_its_black_level_wins)
{
    struct sisp_raw_info info = info_of_nothing();
    struct sisp_params params = sisp_params_default();
    REQUIRE(read_tuning());
    for (int i = 0; i < SISP_SITE_COUNT; i++)
        info.black_level[i] = 60;
    isp_coefficients_init(&out, &info, &params, &tuning);
    CHECK_EQ(out.black_source, SISP_SOURCE_FILE);
    CHECK_NEAR((double)out.black_level[0], 60, 0);
}

TEST(temperature_is_found_on_the_curve_and_beside_it)
{
    REQUIRE(read_tuning());
    for (double kelvin = 2500; kelvin <= 10000; kelvin += 500) {
        double chroma[2];
        CHECK(isp_tuning_white(&tuning, kelvin, chroma));
        float gains[3] = {(float)isp_exp2(-chroma[0]), 1, (float)isp_exp2(-chroma[1])};
        CHECK_NEAR(isp_tuning_cct(&tuning, gains), kelvin, 1);
    }
    /* The module's sensitivity is in the curve: at 5000 K red is 0.625 / 1.25 of green. */
    const float gains[3] = {2, 1, 2}, warmer[3] = {0.25f, 1, 8};
    CHECK_NEAR(isp_tuning_cct(&tuning, gains), 5000, 1);
    CHECK_NEAR(isp_tuning_cct(&tuning, warmer), 2500, 1);
    CHECK_NEAR(isp_tuning_cct(NULL, gains), 0, 0);
}

TEST(matrices_between_two_temperatures)
{
    double ccm[9];
    REQUIRE(read_tuning());
    REQUIRE(isp_tuning_ccm(&tuning, 1e4 / 3, ccm)); /* halfway in reciprocal temperature */
    CHECK_NEAR(ccm[0], 1.5, 1e-6);
    CHECK_NEAR(ccm[1], -0.5, 1e-6);
    CHECK_NEAR(ccm[5], -0.5, 1e-6);
    CHECK_NEAR(ccm[8], 1, 1e-6); /* the file's row sums to 1.1 there */
    REQUIRE(isp_tuning_ccm(&tuning, 1800, ccm));
    CHECK_NEAR(ccm[0], 2, 1e-6);
    REQUIRE(isp_tuning_ccm(&tuning, 9000, ccm));
    CHECK_NEAR(ccm[4], 2, 1e-6);
}

TEST(mesh_lies_over_the_frame_not_the_crop)
{
    static struct sisp_lsc_mesh mesh;
    struct sisp_raw_info info = info_of_nothing();
    REQUIRE(read_tuning());
    REQUIRE(isp_tuning_mesh(&tuning, &info, 4000, &mesh));
    /* The crop is the middle half: the frame's left edge lies half a crop before it. */
    CHECK_NEAR((double)mesh.origin_x, -0.5, 1e-6);
    CHECK_NEAR((double)mesh.origin_y, -0.5, 1e-6);
    CHECK_NEAR((double)mesh.step_x, 1, 1e-6);
    CHECK_NEAR((double)mesh.gain[SISP_SITE_R][0], 2, 1e-6);
    CHECK_NEAR((double)mesh.gain[SISP_SITE_GR][0], 1.5, 1e-6);
    CHECK_NEAR((double)mesh.gain[SISP_SITE_B][0], 1.5, 1e-6);
    CHECK_NEAR((double)mesh.gain[SISP_SITE_R][4], 1, 1e-6);
    tuning.shading.strength = 0.5f;
    REQUIRE(isp_tuning_mesh(&tuning, &info, 4000, &mesh));
    CHECK_NEAR((double)mesh.gain[SISP_SITE_GR][0], 1.25, 1e-6);
    CHECK_NEAR((double)mesh.gain[SISP_SITE_R][0], 1.25 * 4 / 3, 1e-6);
}

TEST(tone_follows_the_files_curve)
{
    struct sisp_params params = sisp_params_default();
    float tone[SISP_TONE_KNOTS];
    tuning = (struct sisp_tuning){.parts = 1u << SISP_TUNING_TONE,
        .tone_count = 3,
        .tone_x = {0, 0.25f, 1},
        .tone_y = {0, 0.75f, 1}};
    REQUIRE(tuning_is_sound(&tuning));
    isp_tone(tone, &params, &tuning, 0);
    for (unsigned i = 0; i < SISP_TONE_KNOTS; i++) {
        double x = (double)sisp_tone_knot(i);
        double want = x < 0.25 ? 3 * x : 0.75 + (x - 0.25) / 3;
        if (x <= 0.18) /* the shoulder of exposure begins there */
            CHECK_NEAR((double)tone[i], want, 1e-5);
        CHECK(i == 0 || tone[i] >= tone[i - 1]);
    }
    CHECK_NEAR((double)tone[SISP_TONE_KNOTS - 1], 1, 0);
}

/* The stated default: white is kept, and greens and greys do not take over. */
TEST(an_unknown_sensor_is_neither_green_nor_grey)
{
    struct sisp_raw_info info = info_of_nothing();
    struct sisp_params params = sisp_params_default();
    isp_coefficients_init(&out, &info, &params, NULL);
    CHECK_EQ(out.ccm_source, SISP_SOURCE_NEUTRAL);
    for (int row = 0; row < 9; row += 3) {
        CHECK_NEAR((double)(out.ccm[row] + out.ccm[row + 1] + out.ccm[row + 2]), 1, 1e-5);
        CHECK(out.ccm[row + row / 3] > 1.2f);
    }
    /* A sensor that sees a grey wall with twice as much green as red and blue. */
    static struct sisp_stats stats;
    struct isp_auto_state start = {0}, next;
    struct isp_auto_input input = {.info = &info, .params = &params, .stats = &stats};
    for (int i = 0; i < SISP_STATS_ZONES * SISP_STATS_ZONES; i++)
        stats.zones[i] = (struct sisp_zone){.sum = {50000, 100000, 100000, 50000}, .count = 100};
    for (int c = 0; c < 3; c++)
        stats.wb_gains[c] = 1;
    isp_auto_step(&input, &start, &next, &out);
    CHECK_NEAR((double)(out.wb_gains[0] / out.wb_gains[1]), 2, 0.1);
    CHECK_NEAR((double)(out.wb_gains[2] / out.wb_gains[1]), 2, 0.1);
}

TEST(a_tuning_that_cannot_be_is_not_sound)
{
    REQUIRE(read_tuning());
    static struct sisp_tuning bad;
    bad = tuning;
    bad.color_count = SISP_TUNING_COLORS_MAX + 1;
    CHECK(!tuning_is_sound(&bad));
    bad = tuning;
    bad.white[1].kelvin = NAN;
    CHECK(!tuning_is_sound(&bad));
    bad = tuning;
    bad.shading.cols = 34;
    CHECK(!tuning_is_sound(&bad));
    bad = tuning;
    bad.shading.luminance[8] = 0;
    CHECK(!tuning_is_sound(&bad));
    bad = tuning;
    bad.colors[1].kelvin = bad.colors[0].kelvin;
    CHECK(!tuning_is_sound(&bad));
    bad = tuning;
    bad.parts |= 1u << SISP_TUNING_TONE;
    CHECK(!tuning_is_sound(&bad));
    const struct sisp_tuning_prior prior = {.count = 2, .kelvin = {2000, 3000}};
    bad = (struct sisp_tuning){
        .parts = 1u << SISP_TUNING_PRIOR, .prior_count = 2, .priors = {prior, prior}};
    CHECK(!tuning_is_sound(&bad)); /* of the same brightness */
    bad.priors[1].lux = 1;
    CHECK(tuning_is_sound(&bad));
    bad.priors[1].kelvin[1] = 2000;
    CHECK(!tuning_is_sound(&bad));
    bad = (struct sisp_tuning){
        .parts = 1u << SISP_TUNING_LUX, .lux = {10000, 1, 1, .lux = 400, .luma = 1}};
    CHECK(tuning_is_sound(&bad));
    bad.lux.luma = 0;
    CHECK(!tuning_is_sound(&bad));
}

int main(void)
{
    RUN(every_coefficient_says_tuning);
    RUN(what_a_frame_says_of_its_black_level_wins);
    RUN(temperature_is_found_on_the_curve_and_beside_it);
    RUN(matrices_between_two_temperatures);
    RUN(mesh_lies_over_the_frame_not_the_crop);
    RUN(tone_follows_the_files_curve);
    RUN(an_unknown_sensor_is_neither_green_nor_grey);
    RUN(a_tuning_that_cannot_be_is_not_sound);
    return test_report();
}
