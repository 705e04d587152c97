/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The exposure loop, closed over a simulated sensor whose controls come two frames late. */
#include "base/prng.h"
#include "fixture.h"
#include "harness/test.h"

#define DELAY 2

struct sensor {
    double scene;     /* linear level of the grey parts at 10 ms, gain 1 */
    double highlight; /* level of a tenth of the picture, times the rest; 1: none */
    double noise;     /* of the scene's level from frame to frame, relative */
    float us[DELAY + 1], gain[DELAY + 1]; /* in force now, next, after that */
    struct base_prng prng;
};

static struct sisp_stats stats;
static struct sisp_raw_info info;
static struct sisp_params params;
static struct isp_auto_state state;
static struct sisp_coefficients out;
static struct isp_auto_input input;

static void start(struct sensor *sensor, double scene)
{
    memset(&info, 0, sizeof(info));
    memset(&state, 0, sizeof(state));
    info.white_level = 4095;
    params = sisp_params_default();
    input = (struct isp_auto_input){.info = &info, .params = &params, .is_live = 1};
    input.exposure_us_min = 20;
    input.exposure_us_max = 33000;
    input.analogue_gain_min = 1;
    input.analogue_gain_max = 16;
    *sensor = (struct sensor){.scene = scene, .highlight = 1, .prng = {7}};
    for (int i = 0; i <= DELAY; i++) {
        sensor->us[i] = 10000;
        sensor->gain[i] = 1;
    }
}

static double applied_log2(const struct sensor *sensor)
{
    return log2((double)sensor->us[0] * (double)sensor->gain[0]);
}

static void expose(const struct sensor *sensor, double level)
{
    double exposure = (double)sensor->us[0] * (double)sensor->gain[0] / 10000;
    double low = fmin(level * exposure, 1), high = fmin(low * sensor->highlight, 1);
    stats_flat(&stats, low, low, low);
    if (sensor->highlight == 1)
        return;
    for (int i = 0; i < 103; i++) { /* spread over the zones, a tenth of them */
        struct sisp_zone *zone = &stats.zones[i * 9 + i / 2];
        zone->count = high < 1 ? 100 : 0;
        zone->clipped = 100 - zone->count;
        for (int site = 0; site < SISP_SITE_COUNT; site++)
            zone->sum[site] = 100 * (uint32_t)(high * 4095) * (high < 1);
    }
    stats.histogram[1][(int)(low * 4095) / 16] = 2880;
    stats.histogram[1][(int)(high * 4095) / 16] += 320;
}

/* One frame: it is measured, then the answer goes on its way. */
static void frame(struct sensor *sensor)
{
    double wobble = 1 + sensor->noise * (base_prng_below(&sensor->prng, 2001) / 1000.0 - 1);
    expose(sensor, sensor->scene * wobble);
    info.exposure_us = input.stats_exposure_us = sensor->us[0];
    info.analogue_gain = input.stats_analogue_gain = sensor->gain[0];
    input.stats = &stats;
    struct isp_auto_state next;
    isp_auto_step(&input, &state, &next, &out);
    state = next;
    CHECK(coefficients_valid(&out));
    CHECK(state.exposure_us >= input.exposure_us_min && state.exposure_us <= input.exposure_us_max);
    CHECK(state.analogue_gain >= 1 && state.analogue_gain <= 16);
    for (int i = 0; i < DELAY; i++) {
        sensor->us[i] = sensor->us[i + 1];
        sensor->gain[i] = sensor->gain[i + 1];
    }
    sensor->us[DELAY] = state.exposure_us;
    sensor->gain[DELAY] = state.analogue_gain;
}

static double level_now(const struct sensor *sensor)
{
    return sensor->scene * (double)sensor->us[0] * (double)sensor->gain[0] / 10000;
}

TEST(settles_within_20_frames_from_4_stops_either_way)
{
    unsigned slowest = 0;
    for (int ev = -4; ev <= 4; ev++) {
        struct sensor sensor;
        start(&sensor, 0.16);
        for (int i = 0; i < 30; i++)
            frame(&sensor);
        CHECK_NEAR(log2(level_now(&sensor) / 0.16), 0, 0.06);
        sensor.scene = 0.16 * exp2(ev) * 0.999; /* the light changes */
        unsigned settled = 0;
        for (unsigned i = 0; i < 60; i++) {
            frame(&sensor);
            if (fabs(log2(level_now(&sensor) / 0.16)) > 0.1)
                settled = i + 1;
        }
        slowest = settled > slowest ? settled : slowest;
        CHECK(settled < 20);
    }
    printf("exposure: settled within 0.1 EV after at most %u frames of 4 EV change\n", slowest);
}

TEST(the_first_measurement_is_taken_whole)
{
    struct sensor sensor;
    start(&sensor, 0.02);
    frame(&sensor);
    CHECK_NEAR(log2((double)state.exposure_us * (double)state.analogue_gain / 80000), 0, 0.05);
}

TEST(neither_swings_nor_overshoots)
{
    for (int ev = -4; ev <= 4; ev += 8) {
        struct sensor sensor;
        start(&sensor, 0.16);
        for (int i = 0; i < 10; i++)
            frame(&sensor);
        sensor.scene *= exp2(ev);
        double last = applied_log2(&sensor);
        for (int i = 0; i < 60; i++) {
            frame(&sensor);
            double now = applied_log2(&sensor), moved = now - last;
            CHECK(ev < 0 ? moved >= -1e-4 : moved <= 1e-4); /* one way only */
            CHECK_NEAR(moved, 0, 2.0001);
            if (i > 30)
                CHECK_NEAR(moved, 0, 1e-4); /* and then at rest */
            last = now;
        }
    }
}

TEST(noise_of_the_light_moves_the_exposure_less_than_itself)
{
    struct sensor sensor;
    start(&sensor, 0.16);
    sensor.noise = 0.02;
    double lowest = 1e9, highest = -1e9;
    for (int i = 0; i < 200; i++) {
        frame(&sensor);
        if (i > 30) {
            lowest = fmin(lowest, applied_log2(&sensor));
            highest = fmax(highest, applied_log2(&sensor));
        }
    }
    CHECK(highest - lowest < 2 * log2(1.02));
}

TEST(time_rises_before_gain)
{
    struct sensor sensor;
    start(&sensor, 0.16);
    for (int i = 0; i < 20; i++)
        frame(&sensor);
    CHECK(state.analogue_gain == 1);
    sensor.scene = 0.01;
    for (int i = 0; i < 40; i++)
        frame(&sensor);
    CHECK(state.exposure_us == 33000);
    CHECK_NEAR((double)state.analogue_gain, 160000.0 / 33000, 0.2);
    CHECK_NEAR((double)out.exposure_ev, 0, 0.01);
}

TEST(what_the_sensor_cannot_do_becomes_digital)
{
    struct sensor sensor;
    start(&sensor, 0.16);
    for (int i = 0; i < 20; i++)
        frame(&sensor);
    double full_scale = 33000.0 * 16 / 10000;
    sensor.scene = 0.08 / full_scale; /* one stop too dark at the end of both ranges */
    for (int i = 0; i < 60; i++)
        frame(&sensor);
    CHECK(state.exposure_us == 33000 && state.analogue_gain > 15.5f);
    CHECK_NEAR((double)out.exposure_ev, 1, 0.06);
    sensor.scene = 0; /* lens cap: at the ends, not beyond; then light again */
    for (int i = 0; i < 60; i++)
        frame(&sensor);
    CHECK_NEAR((double)out.exposure_ev, 2, 0.01);
    sensor.scene = 0.16;
    unsigned dark_frames = 0;
    for (int i = 0; i < 30; i++) {
        frame(&sensor);
        dark_frames += fabs(log2(level_now(&sensor) / 0.16)) > 0.1;
    }
    CHECK(dark_frames < 25); /* nothing had been wound up */
    CHECK_NEAR((double)out.exposure_ev, 0, 0.05);
}

TEST(highlights_pull_the_sensor_down_and_the_curve_up)
{
    struct sensor sensor;
    start(&sensor, 0.16);
    sensor.highlight = 12; /* a window: clips at the mean's exposure */
    double lowest = 1e9, highest = -1e9;
    for (int i = 0; i < 120; i++) {
        frame(&sensor);
        if (i > 60) {
            lowest = fmin(lowest, applied_log2(&sensor));
            highest = fmax(highest, applied_log2(&sensor));
        }
    }
    double window = level_now(&sensor) * sensor.highlight;
    CHECK(window > 0.8 && window < 1);
    CHECK(highest - lowest < 0.02);
    CHECK(out.exposure_ev > 0.2f && out.exposure_ev < 2);
    params.value[SISP_PARAM_AE_HIGHLIGHTS] = 0.2f; /* the window may clip */
    for (int i = 0; i < 60; i++)
        frame(&sensor);
    CHECK(level_now(&sensor) * sensor.highlight > 1);
}

TEST(manual_exposure_stays)
{
    struct sensor sensor;
    start(&sensor, 0.01);
    params.value[SISP_PARAM_AUTO_EXPOSURE] = 0;
    params.value[SISP_PARAM_EXPOSURE_EV] = 1.5f;
    for (int i = 0; i < 10; i++)
        frame(&sensor);
    CHECK_NEAR((double)state.exposure_us, 10000, 1);
    CHECK(state.analogue_gain == 1);
    CHECK_NEAR((double)out.exposure_ev, 1.5, 1e-6);
    CHECK_EQ(out.exposure_source, SISP_SOURCE_MANUAL);
}

TEST(files_are_brightened_by_the_curve_alone)
{
    struct sensor sensor;
    start(&sensor, 0);
    memset(&input.exposure_us_min, 0, 4 * sizeof(float));
    input.is_live = 0;
    input.stats = &stats;
    const double levels[] = {0.16, 0.04, 0.001, 0.8}, wanted[] = {0, 2, 4, -1};
    for (int i = 0; i < 4; i++) {
        stats_flat(&stats, levels[i], levels[i], levels[i]);
        struct isp_auto_state next;
        isp_auto_step(&input, &state, &next, &out);
        CHECK_NEAR((double)out.exposure_ev, wanted[i], 0.04); /* white is not quite grey */
        CHECK_EXACT(next.exposure_us, 0);
    }
    params.value[SISP_PARAM_AUTO_EXPOSURE] = 0;
    info.baseline_exposure_ev = 0.5f;
    isp_auto_step(&input, &state, &state, &out);
    CHECK_NEAR((double)out.exposure_ev, 0.5, 1e-6);
    CHECK_EQ(out.exposure_source, SISP_SOURCE_FILE);
}

int main(void)
{
    RUN(settles_within_20_frames_from_4_stops_either_way);
    RUN(the_first_measurement_is_taken_whole);
    RUN(neither_swings_nor_overshoots);
    RUN(noise_of_the_light_moves_the_exposure_less_than_itself);
    RUN(time_rises_before_gain);
    RUN(what_the_sensor_cannot_do_becomes_digital);
    RUN(highlights_pull_the_sensor_down_and_the_curve_up);
    RUN(manual_exposure_stays);
    RUN(files_are_brightened_by_the_curve_alone);
    return test_report();
}
