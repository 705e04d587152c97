/* SPDX-License-Identifier: GPL-3.0-or-later */
/* White balance, sources, hostile input: isp_auto_step() as a whole. */
#include "base/prng.h"
#include "fixture.h"
#include "harness/test.h"

#include <errno.h>

static struct sisp_stats stats;
static struct sisp_raw_info info;
static struct sisp_params params;
static struct isp_auto_state state;
static struct sisp_coefficients out;

static struct isp_auto_input start(void)
{
    memset(&info, 0, sizeof(info));
    memset(&state, 0, sizeof(state));
    info.fourcc = sisp_raw_format_find("SRGGB12")->fourcc;
    info.white_level = 4095;
    params = sisp_params_default();
    return (struct isp_auto_input){.info = &info, .params = &params, .stats = &stats};
}

/* Both paths take them. */
static bool coefficients_compile(const struct sisp_coefficients *c)
{
    const struct isp_geometry g = {.raw_fourcc = sisp_raw_format_find("SRGGB16")->fourcc,
        .raw_width = 4,
        .raw_height = 4,
        .raw_stride_bytes = 8,
        .crop = {0, 0, 4, 4},
        .width = 4,
        .height = 4};
    const enum isp_isa isa = (enum isp_isa)isp_isa_find("auto");
    struct isp_fast_recipe *fast = aligned_alloc(64, isp_fast_recipe_size(&g));
    struct isp_still_recipe *still = aligned_alloc(64, isp_still_recipe_size(&g));
    const bool ok =
        isp_fast_compile(fast, &g, c, isa) == 0 && isp_still_compile(still, &g, c, isa) == 0;
    free(fast);
    free(still);
    return ok;
}

static void step(const struct isp_auto_input *input)
{
    struct isp_auto_state next;
    isp_auto_step(input, &state, &next, &out);
    state = next;
    CHECK(coefficients_valid(&out) && coefficients_compile(&out));
}

TEST(every_field_has_a_source_and_levels_are_the_files)
{
    struct isp_auto_input input = start();
    stats_flat(&stats, 0.1, 0.2, 0.125);
    for (int i = 0; i < SISP_SITE_COUNT; i++)
        info.black_level[i] = (float)(64 + i);
    info.noise_shot = 1e-4f;
    info.lsc = (struct sisp_lsc_mesh){.cols = 2, .rows = 2, .step_x = 1, .step_y = 1};
    for (int i = 0; i < SISP_SITE_COUNT; i++) {
        for (int k = 0; k < 4; k++)
            info.lsc.gain[i][k] = 1.5f;
    }
    params.value[SISP_PARAM_LENS_SHADING] = 0.5f;
    step(&input);
    CHECK_EXACT(out.black_level[3], 67);
    CHECK_EXACT(out.white_level, 4095);
    CHECK_EQ(out.black_source, SISP_SOURCE_FILE);
    const uint32_t chosen[] = {SISP_SOURCE_AUTO, SISP_SOURCE_MANUAL};
    for (int i = 0; i < 2; i++) {
        info.black_source = chosen[i];
        step(&input);
        CHECK_EQ(out.black_source, chosen[i]);
    }
    CHECK_EQ(out.noise_source, SISP_SOURCE_FILE);
    CHECK_EQ(out.lsc_source, SISP_SOURCE_FILE);
    CHECK_EQ(out.wb_source, SISP_SOURCE_AUTO);
    CHECK_EQ(out.exposure_source, SISP_SOURCE_AUTO);
    CHECK_EQ(out.ccm_source, SISP_SOURCE_NEUTRAL);
    CHECK_NEAR((double)out.lsc.gain[1][3], 1.25, 1e-6);
    info.lsc.gain[2][1] = 0.6f; /* at half strength 0.8: clipped samples must still reach white */
    isp_coefficients_init(&out, &info, &params, NULL);
    CHECK_NEAR((double)out.lsc.gain[2][1], 1, 1e-6);
    CHECK_NEAR((double)out.lsc.gain[1][3], 1.25 / 0.8, 1e-6);
    CHECK_NEAR((double)out.noise_shot, 1e-4, 1e-9);
}

TEST(a_mesh_that_does_not_go_on_is_left_out)
{
    struct isp_auto_input input = start();
    stats_flat(&stats, 0.1, 0.2, 0.125);
    info.lsc = (struct sisp_lsc_mesh){.cols = 2, .rows = 1, .step_x = 1};
    for (int i = 0; i < SISP_SITE_COUNT; i++)
        info.lsc.gain[i][0] = info.lsc.gain[i][1] = 1.5f;
    step(&input);
    CHECK_EQ(out.lsc_source, SISP_SOURCE_FILE);
    info.lsc.step_x = 0;
    step(&input);
    CHECK_EQ(out.lsc_source, SISP_SOURCE_NEUTRAL);
    CHECK_EQ(out.lsc.cols, 0);
}

/* Of an unknown camera what is expected of light and surfaces counts, too: by some hundredths. */
TEST(a_grey_picture_is_balanced)
{
    struct isp_auto_input input = start();
    stats_flat(&stats, 0.1, 0.2, 0.125);
    step(&input);
    CHECK_NEAR((double)out.wb_gains[0], 2.0, 0.05);
    CHECK_NEAR((double)out.wb_gains[1], 1.0, 0.001);
    CHECK_NEAR((double)out.wb_gains[2], 1.6, 0.05);
    CHECK_NEAR((double)out.wb_confidence, 1, 0);
}

TEST(gains_in_force_are_divided_out)
{
    struct isp_auto_input input = start();
    stats_flat(&stats, 0.2, 0.2, 0.2); /* as seen after these gains: balanced already */
    stats.wb_gains[0] = 2.1f;
    stats.wb_gains[2] = 1.7f;
    step(&input);
    CHECK_NEAR((double)out.wb_gains[0], 2.1, 0.05);
    CHECK_NEAR((double)out.wb_gains[2], 1.7, 0.05);
}

/* Log gains of red and blue for flat colour on which every other zone is lighter by grey. */
static void balance_of_texture(double lighter, double log2_gain[2])
{
    struct isp_auto_input input = start();
    const double light[3] = {0.5, 1, 0.6}, surface[3] = {0.25, 0.2, 0.16};
    stats_flat(&stats, 0, 0, 0);
    for (int i = 0; i < SISP_STATS_ZONES * SISP_STATS_ZONES; i++) {
        for (int site = 0; site < SISP_SITE_COUNT; site++) {
            int c = (site + 1) / 2;
            double seen = light[c] * (surface[c] + ((i + i / SISP_STATS_ZONES) % 2) * lighter);
            stats.zones[i].sum[site] = (uint32_t)(4095 * seen * stats.zones[i].count);
        }
    }
    step(&input);
    for (int i = 0; i < 2; i++)
        log2_gain[i] = log2((double)(out.wb_gains[2 * i] / out.wb_gains[1]));
}

TEST(edges_tell_the_light)
{
    const double truth[2] = {1, log2(1 / 0.6)};
    double plain[2], textured[2];
    balance_of_texture(0, plain);
    balance_of_texture(0.02, textured); /* zones' mean colour is nearly as before */
    double before = hypot(plain[0] - truth[0], plain[1] - truth[1]);
    double after = hypot(textured[0] - truth[0], textured[1] - truth[1]);
    CHECK(before > 0.2);
    CHECK(after < before - 0.03);
}

/* Six tenths of the picture are a saturated red and a green; plain grey world would be far off. */
TEST(large_coloured_areas_move_white_little)
{
    struct isp_auto_input input = start();
    info.profile = profile_hero6();
    double chroma[2];
    REQUIRE(isp_profile_white(&info.profile, 5000, chroma));
    double r = 0.2 * exp2(chroma[0]), b = 0.2 * exp2(chroma[1]);
    stats_flat(&stats, r, 0.2, b);
    for (int i = 0; i < 600; i++) {
        stats.zones[i].sum[i % 3 ? SISP_SITE_R : SISP_SITE_GR] *= 3;
        stats.zones[i].sum[i % 3 ? SISP_SITE_R : SISP_SITE_GB] *= 3;
    }
    step(&input);
    CHECK_NEAR(log2((double)out.wb_gains[0] / (double)out.wb_gains[1]), -chroma[0], 0.1);
    CHECK_NEAR(log2((double)out.wb_gains[2] / (double)out.wb_gains[1]), -chroma[1], 0.1);
}

/* A dark frame of a camera without a profile: in 4 zones of 1024 hot pixels stand above the black.
 */
TEST(hot_pixels_in_the_dark_are_not_white)
{
    struct isp_auto_input input = start();
    stats_flat(&stats, 0.001, 0.001, 0.001);
    for (int i = 0; i < 4; i++) {
        stats.zones[i].sum[SISP_SITE_GR] *= 10;
        stats.zones[i].sum[SISP_SITE_GB] *= 10;
    }
    step(&input);
    CHECK(out.wb_confidence > 0 && out.wb_confidence < 0.1f);
    for (int c = 0; c < 3; c++)
        CHECK_NEAR(log2((double)out.wb_gains[c] / (double)out.wb_gains[1]), 0, 0.5);
}

TEST(a_profile_keeps_white_near_the_lights_there_are)
{
    struct isp_auto_input input = start();
    info.profile = profile_hero6();
    stats_flat(&stats, 0.05, 0.6, 0.05); /* nothing but a leaf */
    step(&input);
    CHECK(out.wb_gains[0] / out.wb_gains[1] < 4);
    CHECK(out.color_temperature_kelvin > 2000 && out.color_temperature_kelvin < 10000);
}

TEST(manual_gains_stay_as_given)
{
    struct isp_auto_input input = start();
    input.is_live = 1;
    params.value[SISP_PARAM_WB_MODE] = SISP_WB_MANUAL;
    params.value[SISP_PARAM_WB_RED] = 0.8f;
    params.value[SISP_PARAM_WB_BLUE] = 2.5f;
    params.value[SISP_PARAM_TONE] = 1;
    for (int i = 0; i < 5; i++) {
        stats_flat(&stats, 0.1 + 0.1 * i, 0.2, 0.3);
        step(&input);
        CHECK_NEAR((double)out.wb_gains[0], 0.8, 1e-6);
        CHECK_NEAR((double)out.wb_gains[1], 1, 0);
        CHECK_NEAR((double)out.wb_gains[2], 2.5, 1e-6);
        CHECK_NEAR((double)out.clip_level, 0.8, 1e-6);
        CHECK_EQ(out.wb_source, SISP_SOURCE_MANUAL);
    }
    params.value[SISP_PARAM_TONE] = 0;
    step(&input);
    CHECK_NEAR((double)out.wb_gains[0], 1, 1e-6);
    CHECK_NEAR((double)out.wb_gains[1], 1.25, 1e-6);
    CHECK_NEAR((double)out.clip_level, 1, 0);
    params.value[SISP_PARAM_WB_RED] = 0.0625f;
    params.value[SISP_PARAM_WB_BLUE] = 15.9f;
    step(&input);
}

TEST(camera_balance_is_the_files_or_else_auto)
{
    struct isp_auto_input input = start();
    stats_flat(&stats, 0.1, 0.2, 0.125);
    params.value[SISP_PARAM_WB_MODE] = SISP_WB_CAMERA;
    step(&input);
    CHECK_EQ(out.wb_source, SISP_SOURCE_AUTO);
    info.has_as_shot = 1;
    const float as_shot[3] = {1.914f, 1, 1.75f};
    memcpy(info.as_shot_gains, as_shot, sizeof(as_shot));
    step(&input);
    CHECK_EQ(out.wb_source, SISP_SOURCE_FILE);
    CHECK_NEAR((double)out.wb_gains[0], 1.914, 1e-5);
    isp_coefficients_init(&out, &info, &params, NULL);
    CHECK_NEAR((double)out.wb_gains[2], 1.75, 1e-5);
    info.as_shot_gains[0] = 0;
    step(&input);
    CHECK_EQ(out.wb_source, SISP_SOURCE_AUTO);
}

TEST(live_balance_moves_smoothly_and_holds_in_the_dark)
{
    struct isp_auto_input input = start();
    input.is_live = 1;
    stats_flat(&stats, 0.1, 0.2, 0.125);
    step(&input);
    CHECK_NEAR((double)out.wb_gains[0], 2.0, 0.05); /* the first one whole */
    stats_flat(&stats, 0.15, 0.2, 0.1);
    float last = out.wb_gains[0];
    for (int i = 0; i < 40; i++) {
        step(&input);
        CHECK(out.wb_gains[0] <= last && fabs(log2((double)(out.wb_gains[0] / last))) <= 0.2501);
        last = out.wb_gains[0];
    }
    CHECK_NEAR((double)out.wb_gains[0], 1.333, 0.06);
    stats_flat(&stats, 0, 0, 0);
    step(&input);
    CHECK_NEAR((double)out.wb_gains[0], (double)last, 1e-5);
    CHECK_EQ(out.wb_source, SISP_SOURCE_FALLBACK);
    CHECK_NEAR((double)out.wb_confidence, 0, 0);
    /* One hot sample in a frame of zeros: less than a code a row. */
    input.line_us = 20;
    input.stats_exposure_us = 10000;
    input.stats_analogue_gain = 1;
    stats.row_count = 540;
    stats.row_lines = 2;
    stats.row_green[100] = 1;
    for (uint64_t i = 1; i < 4; i++) {
        input.stats_start_ns = i * 33000000;
        step(&input);
        CHECK_NEAR((double)out.wb_gains[0], (double)last, 1e-5);
    }
    CHECK_EQ(state.frames, 45);
}

TEST(a_curve_that_no_camera_has_is_followed_within_reason)
{
    static struct sisp_tuning tuning = {.parts = 1u << SISP_TUNING_WHITE,
        .white_count = 2,
        .white = {{3000, 0.01f, 0.005f}, {6000, 0.005f, 0.01f}}};
    struct isp_auto_input input = start();
    input.is_live = 1;
    input.tuning = &tuning;
    stats_flat(&stats, 0.1, 0.2, 0.125);
    for (uint32_t i = 1; i < 4; i++) {
        step(&input);
        CHECK_EQ(state.frames, i);
    }
}

TEST(auto_balance_of_a_file_leans_to_as_shot)
{
    struct isp_auto_input input = start();
    stats_flat(&stats, 0.1, 0.2, 0.125);
    step(&input);
    const double alone[2] = {(double)out.wb_gains[0], (double)out.wb_gains[2]};
    info.has_as_shot = 1;
    const float as_shot[3] = {1.9f, 1, 1.75f};
    memcpy(info.as_shot_gains, as_shot, sizeof(as_shot));
    step(&input);
    CHECK_EQ(out.wb_source, SISP_SOURCE_AUTO);
    CHECK((double)out.wb_gains[0] < alone[0] - 0.01 && out.wb_gains[0] > 1.9f);
    CHECK((double)out.wb_gains[2] > alone[1] + 0.01 && out.wb_gains[2] < 1.75f);
    const float placeholder[3] = {1, 1, 4};
    memcpy(info.as_shot_gains, placeholder, sizeof(placeholder));
    step(&input);
    CHECK_NEAR((double)out.wb_gains[0], alone[0], 0.06);
    CHECK_NEAR((double)out.wb_gains[2], alone[1], 0.06);
    memcpy(info.as_shot_gains, as_shot, sizeof(as_shot));
    stats_flat(&stats, 0, 0, 0);
    step(&input);
    CHECK_EQ(out.wb_source, SISP_SOURCE_FILE);
    CHECK_NEAR((double)out.wb_gains[0], 1.9, 1e-5);
}

static void check_without_information(double level)
{
    struct isp_auto_input input = start();
    stats_flat(&stats, level, level, level);
    step(&input);
    CHECK_NEAR((double)out.wb_confidence, 0, 0);
    for (int c = 0; c < 3; c++)
        CHECK_NEAR((double)out.wb_gains[c], 1, 1e-6);
}

TEST(black_white_and_missing_statistics_are_neutral)
{
    check_without_information(0);
    check_without_information(1);
    struct isp_auto_input input = start();
    input.stats = NULL;
    step(&input);
    CHECK_NEAR((double)out.wb_gains[2], 1, 1e-6);
    CHECK_NEAR((double)out.exposure_ev, 0, 0);
    stats_flat(&stats, 0.1, 0.2, 0.1);
    stats.wb_gains[1] = NAN;
    input.stats = &stats;
    step(&input);
    CHECK_NEAR((double)out.wb_gains[2], 1, 1e-6);
    CHECK_EQ(state.frames, 0);
}

static void scramble(struct base_prng *prng, void *bytes, size_t size, uint32_t one_in)
{
    for (size_t i = 0; i < size; i++) {
        if (base_prng_below(prng, one_in) == 0)
            ((uint8_t *)bytes)[i] = (uint8_t)base_prng_next(prng);
    }
}

/* Random bytes over everything that comes from a file or another process. */
TEST(random_input_gives_valid_coefficients)
{
    struct base_prng prng = {1};
    for (int round = 0; round < 400; round++) {
        struct isp_auto_input input = start();
        uint32_t one_in = round % 2 ? 1 : 50;
        stats_flat(&stats, 0.1, 0.2, 0.125);
        info.profile = round % 3 ? profile_hero6() : profile_canon_550d();
        info.lsc = (struct sisp_lsc_mesh){.cols = 3, .rows = 3, .step_x = 0.5f, .step_y = 0.5f};
        info.has_as_shot = 1;
        scramble(&prng, &stats, sizeof(stats), one_in);
        scramble(&prng, &info.black_level, sizeof(info.black_level), one_in);
        scramble(&prng, &info.white_level, sizeof(info.white_level), one_in);
        scramble(&prng, &info.as_shot_gains, sizeof(info.as_shot_gains), one_in);
        scramble(&prng, &info.baseline_exposure_ev, 4 * sizeof(float), one_in);
        scramble(&prng, &info.noise_shot, 2 * sizeof(float), one_in);
        scramble(&prng, &info.profile, sizeof(info.profile), one_in);
        info.profile.count = round % 3;
        scramble(&prng, &info.lsc, 64, one_in);
        scramble(&prng, &params, sizeof(params), one_in);
        scramble(&prng, &state, sizeof(state), one_in);
        scramble(&prng, &input.exposure_us_min, 4 * sizeof(float), one_in);
        input.is_live = round % 5 != 0;
        for (int i = 0; i < 3; i++) {
            step(&input);
            CHECK(isfinite(state.exposure_us) && isfinite(state.analogue_gain));
        }
    }
}

TEST(parameters_are_in_the_order_of_their_names)
{
    CHECK_EQ(sisp_param_find("exposure_ev"), SISP_PARAM_EXPOSURE_EV);
    CHECK_EQ(sisp_param_find("auto_exposure"), SISP_PARAM_AUTO_EXPOSURE);
    CHECK_EQ(sisp_param_find("wb_mode"), SISP_PARAM_WB_MODE);
    CHECK_EQ(sisp_param_find("wb_red"), SISP_PARAM_WB_RED);
    CHECK_EQ(sisp_param_find("wb_blue"), SISP_PARAM_WB_BLUE);
    CHECK_EQ(sisp_param_find("color"), SISP_PARAM_COLOR);
    CHECK_EQ(sisp_param_find("tone"), SISP_PARAM_TONE);
    CHECK_EQ(sisp_param_find("lens_shading"), SISP_PARAM_LENS_SHADING);
    CHECK_EQ(sisp_param_find("saturation"), SISP_PARAM_SATURATION);
    CHECK_EQ(sisp_param_find("contrast"), SISP_PARAM_CONTRAST);
    CHECK_EQ(sisp_param_find("demosaic"), SISP_PARAM_DEMOSAIC);
    CHECK_EQ(sisp_param_find("ae_target"), SISP_PARAM_AE_TARGET);
    CHECK_EQ(sisp_param_find("ae_highlights"), SISP_PARAM_AE_HIGHLIGHTS);
    CHECK_EQ(sisp_param_find("smoothing"), SISP_PARAM_SMOOTHING);
}

TEST(controls_by_libcameras_names_are_parameters)
{
    const float gains[2] = {1.5f, 2.5f}, one[1] = {1}, none[1] = {0}, large[2] = {99, 1};
    const float half[1] = {0.5f}, warm[1] = {3000};
    struct sisp_params p = sisp_params_default(), before;
    unsigned count;
    const struct sisp_control_row *rows = sisp_control_table(&count);
    for (unsigned i = 0; i < count; i++) { /* both ends, and not beyond */
        unsigned values = rows[i].params[1] < 0 ? 1 : 2;
        float low[2] = {rows[i].min, rows[i].min}, high[2] = {rows[i].max, rows[i].max};
        const float beyond[2] = {rows[i].max * 2 + 1, rows[i].max};
        CHECK_EQ(sisp_params_set_control(&p, rows[i].name, low, values), 0);
        CHECK_EQ(sisp_params_set_control(&p, rows[i].name, high, values), 0);
        before = p;
        CHECK_EQ(sisp_params_set_control(&p, rows[i].name, beyond, values), -ERANGE);
        CHECK_EQ(sisp_params_set_control(&p, rows[i].name, high, 3 - values), -EINVAL);
        CHECK(memcmp(&p, &before, sizeof(p)) == 0);
    }
    CHECK_EQ(sisp_params_set_control(&p, "ColourGains", gains, 2), 0);
    CHECK_EXACT(p.value[SISP_PARAM_WB_MODE], SISP_WB_MANUAL);
    CHECK(p.value[SISP_PARAM_WB_RED] == 1.5f && p.value[SISP_PARAM_WB_BLUE] == 2.5f);
    CHECK_EQ(sisp_params_set_control(&p, "AwbEnable", one, 1), 0);
    CHECK_EXACT(p.value[SISP_PARAM_WB_MODE], SISP_WB_AUTO);
    CHECK_EQ(sisp_params_set_control(&p, "AwbEnable", none, 1), 0);
    CHECK(p.value[SISP_PARAM_WB_MODE] == SISP_WB_AUTO && p.value[SISP_PARAM_WB_LOCK] == 1);
    CHECK_EQ(sisp_params_set_control(&p, "AwbEnable", half, 1), -ERANGE);
    CHECK_EQ(sisp_params_set_control(&p, "AwbMode", one, 1), 0);
    CHECK_EXACT(p.value[SISP_PARAM_WB_MODE], SISP_WB_KELVIN);
    CHECK_EXACT(p.value[SISP_PARAM_WB_KELVIN], 2750);
    CHECK_EQ(sisp_params_set_control(&p, "AwbMode", none, 1), 0);
    CHECK_EXACT(p.value[SISP_PARAM_WB_MODE], SISP_WB_AUTO);
    CHECK_EQ(sisp_params_set_control(&p, "ColourTemperature", warm, 1), 0);
    CHECK(p.value[SISP_PARAM_WB_MODE] == SISP_WB_KELVIN && p.value[SISP_PARAM_WB_KELVIN] == 3000);
    CHECK_EQ(sisp_params_set_control(&p, "ExposureTime", large, 1), 0);
    CHECK_EXACT(p.value[SISP_PARAM_EXPOSURE_US], 99);
    CHECK_EQ(sisp_params_set_control(&p, "exposuretime", one, 1), -ENOENT);
}

int main(void)
{
    RUN(every_field_has_a_source_and_levels_are_the_files);
    RUN(a_mesh_that_does_not_go_on_is_left_out);
    RUN(a_grey_picture_is_balanced);
    RUN(edges_tell_the_light);
    RUN(gains_in_force_are_divided_out);
    RUN(large_coloured_areas_move_white_little);
    RUN(hot_pixels_in_the_dark_are_not_white);
    RUN(a_profile_keeps_white_near_the_lights_there_are);
    RUN(manual_gains_stay_as_given);
    RUN(camera_balance_is_the_files_or_else_auto);
    RUN(a_curve_that_no_camera_has_is_followed_within_reason);
    RUN(auto_balance_of_a_file_leans_to_as_shot);
    RUN(live_balance_moves_smoothly_and_holds_in_the_dark);
    RUN(black_white_and_missing_statistics_are_neutral);
    RUN(random_input_gives_valid_coefficients);
    RUN(parameters_are_in_the_order_of_their_names);
    RUN(controls_by_libcameras_names_are_parameters);
    return test_report();
}
