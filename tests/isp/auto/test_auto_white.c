/* SPDX-License-Identifier: GPL-3.0-or-later */
/* White balance in closed loop: what the gains in force clip is missing in the statistics that the
 * next gains come from. Colour temperature by hand, lock. */
#include "base/base.h"
#include "base/prng.h"
#include "fixture.h"
#include "harness/test.h"

#define ZONES (SISP_STATS_ZONES * SISP_STATS_ZONES)

static struct sisp_raw_info info;
static struct sisp_params params;
static struct isp_auto_state state;
static struct isp_auto_input input;
static struct sisp_coefficients out;
static struct sisp_stats stats;
static double level[ZONES][3]; /* as the sensor sees them */
static struct base_prng prng;

static double spread(double amplitude)
{
    return amplitude * (base_prng_below(&prng, 2001) / 1000.0 - 1);
}

/* Surfaces from dark to beyond clipping, most of them near grey, under light of that colour. */
static void start(double log2_red, double log2_blue)
{
    const double light[3] = {log2_red, 0, log2_blue};
    memset(&info, 0, sizeof(info));
    memset(&state, 0, sizeof(state));
    memset(&out, 0, sizeof(out));
    info.white_level = 4095;
    params = sisp_params_default();
    input = (struct isp_auto_input){.info = &info, .params = &params, .stats = &stats};
    input.is_live = 1;
    prng = (struct base_prng){7};
    for (int c = 0; c < 3; c++)
        out.wb_gains[c] = 1;
    out.clip_level = 1;
    for (int i = 0; i < ZONES; i++) {
        double brightness = exp2(spread(3) - 2.5);
        for (int c = 0; c < 3; c++)
            level[i][c] = fmin(1, brightness * exp2(light[c] + spread(i % 4 ? 0.1 : 0.8)));
    }
}

/* Cells of 100 in a zone, statistics under the last frame's coefficients. */
static void measure(double noise)
{
    memset(&stats, 0, sizeof(stats));
    memcpy(stats.wb_gains, out.wb_gains, sizeof(stats.wb_gains));
    for (int i = 0; i < ZONES; i++) {
        struct sisp_zone *zone = &stats.zones[i];
        double seen[3];
        bool is_clipped = false;
        for (int c = 0; c < 3; c++) {
            seen[c] = level[i][c] * (1 + spread(noise)) * (double)out.wb_gains[c];
            is_clipped |= seen[c] >= (double)out.clip_level;
        }
        zone->count = is_clipped ? 0 : 100;
        zone->clipped = 100 - zone->count;
        for (int site = 0; site < SISP_SITE_COUNT && !is_clipped; site++)
            zone->sum[site] = (uint32_t)(409500 * seen[site == 3 ? 2 : site ? 1 : 0]);
    }
}

static void frame(double noise)
{
    struct isp_auto_state next;
    measure(noise);
    isp_auto_step(&input, &state, &next, &out);
    state = next;
    CHECK(coefficients_valid(&out));
}

static double red(void)
{
    return (double)(out.wb_gains[0] / out.wb_gains[1]);
}

static double blue(void)
{
    return (double)(out.wb_gains[2] / out.wb_gains[1]);
}

/* Largest over smallest gain of 600 noisy frames after it has settled, as a share. */
static void check_rest(const char *what)
{
    for (int i = 0; i < 60; i++)
        frame(0.02);
    double least[2] = {red(), blue()}, most[2] = {red(), blue()}, moved = 0;
    float ccm[9], ccm_moved = 0;
    memcpy(ccm, out.ccm, sizeof(ccm));
    for (int i = 0; i < 600; i++) {
        frame(0.02);
        const double now[2] = {red(), blue()};
        for (int c = 0; c < 2; c++) {
            least[c] = fmin(least[c], now[c]);
            most[c] = fmax(most[c], now[c]);
            moved = fmax(moved, most[c] / least[c] - 1);
        }
        for (int k = 0; k < 9; k++)
            ccm_moved = fmaxf(ccm_moved, fabsf(out.ccm[k] - ccm[k]));
    }
    printf("600 noisy frames, %s: gains move %.3f %%, matrix %.4f\n", what, 100 * moved,
        (double)ccm_moved);
    CHECK(moved < 0.005);
    CHECK(ccm_moved < 0.01f);
}

TEST(gains_rest_in_noise)
{
    double chroma[2];
    start(-0.9, -0.7);
    check_rest("unknown camera");
    for (double kelvin = 2600; kelvin < 9000; kelvin *= 1.5) {
        struct sisp_color_profile profile = profile_hero6();
        REQUIRE(isp_profile_white(&profile, kelvin, chroma));
        start(chroma[0], chroma[1]);
        info.profile = profile;
        check_rest("known camera");
        CHECK_NEAR(log2(red()), -chroma[0], 0.12);
        CHECK_NEAR(log2(blue()), -chroma[1], 0.12);
    }
}

/* The light changes: the gains go there, and neither cycle nor stop half-way. */
TEST(gains_follow_the_light_without_a_cycle)
{
    struct sisp_color_profile profile = profile_hero6();
    double warm[2], cold[2];
    REQUIRE(isp_profile_white(&profile, 3000, warm) && isp_profile_white(&profile, 6500, cold));
    start(cold[0], cold[1]);
    info.profile = profile;
    for (int i = 0; i < 40; i++)
        frame(0);
    struct isp_auto_state settled = state;
    struct sisp_coefficients before = out;
    start(warm[0], warm[1]);
    info.profile = profile;
    state = settled;
    out = before;
    double last = red();
    int turns = 0;
    for (int i = 0; i < 80; i++) {
        frame(0);
        turns += red() > last * 1.002; /* the way leads down */
        last = red();
    }
    CHECK_EQ(turns, 0);
    CHECK_NEAR(log2(last), -warm[0], 0.12);
    frame(0);
    CHECK_NEAR(red() / last, 1, 1e-4);
}

TEST(kelvin_by_hand_lies_on_the_curve)
{
    double chroma[2];
    start(-0.5, -0.5);
    params.value[SISP_PARAM_WB_MODE] = SISP_WB_KELVIN;
    params.value[SISP_PARAM_WB_KELVIN] = 3200;
    info.profile = profile_hero6();
    REQUIRE(isp_profile_white(&info.profile, 3200, chroma));
    frame(0);
    CHECK_NEAR(log2(red()), -chroma[0], 1e-5);
    CHECK_NEAR(log2(blue()), -chroma[1], 1e-5);
    CHECK_NEAR((double)out.color_temperature_kelvin, 3200, 150);
    CHECK_EQ(out.wb_source, SISP_SOURCE_MANUAL);
    memset(&info.profile, 0, sizeof(info.profile)); /* a mean of cameras */
    double last_red = 0, last_blue = 100;
    for (float kelvin = 2000; kelvin <= 10000; kelvin += 100) {
        params.value[SISP_PARAM_WB_KELVIN] = kelvin;
        frame(0);
        CHECK(red() >= last_red && blue() <= last_blue);
        last_red = red();
        last_blue = blue();
    }
    CHECK(last_red > 2.2 && last_red < 2.8 && last_blue > 1 && last_blue < 1.3);
}

/* A curve of three lights; lamps are expected in the dark, daylight in the sun. */
static const struct sisp_tuning *lamps_and_sun(void)
{
    static struct sisp_tuning tuning;
    memset(&tuning, 0, sizeof(tuning));
    tuning.parts = 1u << SISP_TUNING_WHITE | 1u << SISP_TUNING_PRIOR | 1u << SISP_TUNING_LUX;
    tuning.white_count = 3;
    tuning.white[0] = (struct sisp_tuning_white){2500, 0.9f, 0.3f};
    tuning.white[1] = (struct sisp_tuning_white){4000, 0.6f, 0.5f};
    tuning.white[2] = (struct sisp_tuning_white){8000, 0.4f, 0.8f};
    tuning.prior_count = 2;
    tuning.priors[0] = (struct sisp_tuning_prior){
        .lux = 10, .count = 2, .kelvin = {2500, 8000}, .log_likelihood = {30, 0}};
    tuning.priors[1] = (struct sisp_tuning_prior){
        .lux = 1000, .count = 2, .kelvin = {2500, 8000}, .log_likelihood = {0, 30}};
    tuning.lux = (struct sisp_tuning_lux){10000, 1, 1, 400, 0.2f};
    return &tuning;
}

TEST(a_tunings_priors_follow_the_brightness)
{
    double found[4];
    const float exposure_us[4] = {1e6f, 0, 100, 1e-3f};
    for (int i = 0; i < 4; i++) {
        start(log2(0.6), log2(0.5));
        input.tuning = lamps_and_sun();
        info.exposure_us = exposure_us[i];
        info.analogue_gain = 1;
        frame(0);
        found[i] = red();
    }
    CHECK(found[0] < found[1] * 0.99 && found[1] < found[2] * 0.98);
    CHECK_NEAR(found[2], found[3], 1e-6); /* brighter than the brightest prior */
    params.value[SISP_PARAM_WB_MODE] = SISP_WB_KELVIN;
    params.value[SISP_PARAM_WB_KELVIN] = 4000;
    for (int i = 0; i < 30; i++)
        frame(0);
    CHECK_NEAR(red(), 1 / 0.6, 1e-3);
    CHECK_NEAR(blue(), 2, 1e-3);
}

/* Red's way from here, in steps that a viewer does not see as jumps, and never back. */
static void check_way(int frames, double wanted_log2)
{
    double last = log2(red()), sign = wanted_log2 > last ? 1 : -1;
    for (int i = 0; i < frames; i++) {
        frame(0);
        double step = (log2(red()) - last) * sign;
        CHECK(step > -1e-5 && step < 0.2501);
        last = log2(red());
    }
    CHECK_NEAR(last, wanted_log2, 0.02);
}

TEST(a_light_that_is_named_is_reached_in_steps)
{
    start(-0.2, -0.9);
    input.tuning = lamps_and_sun();
    for (int i = 0; i < 30; i++)
        frame(0);
    double measured = log2(red());
    params.value[SISP_PARAM_WB_MODE] = SISP_WB_KELVIN;
    params.value[SISP_PARAM_WB_KELVIN] = 8000;
    check_way(40, -log2(0.4));
    CHECK_NEAR(red(), 1 / 0.4, 1e-4); /* exactly, in the end */
    params.value[SISP_PARAM_WB_MODE] = SISP_WB_AUTO;
    check_way(60, measured);
    params.value[SISP_PARAM_WB_MODE] = SISP_WB_MANUAL; /* a number is a number */
    params.value[SISP_PARAM_WB_RED] = 2.5f;
    frame(0);
    CHECK_NEAR(red(), 2.5, 1e-5);
}

TEST(a_lock_holds_the_balance)
{
    start(-0.9, -0.7);
    for (int i = 0; i < 10; i++)
        frame(0);
    double held[2] = {red(), blue()};
    float confidence = out.wb_confidence;
    params.value[SISP_PARAM_WB_LOCK] = 1;
    for (int i = 0; i < ZONES; i++)
        level[i][0] /= 2;
    for (int i = 0; i < 10; i++)
        frame(0);
    CHECK_NEAR(red() / held[0], 1, 1e-5);
    CHECK_NEAR(blue() / held[1], 1, 1e-5);
    CHECK_EQ(out.wb_source, SISP_SOURCE_AUTO);
    CHECK_NEAR((double)out.wb_confidence, (double)confidence, 1e-6);
    params.value[SISP_PARAM_WB_LOCK] = 0;
    for (int i = 0; i < 30; i++)
        frame(0);
    CHECK(red() / held[0] > 1.5);
}

int main(void)
{
    RUN(gains_rest_in_noise);
    RUN(gains_follow_the_light_without_a_cycle);
    RUN(kelvin_by_hand_lies_on_the_curve);
    RUN(a_tunings_priors_follow_the_brightness);
    RUN(a_light_that_is_named_is_reached_in_steps);
    RUN(a_lock_holds_the_balance);
    return test_report();
}
