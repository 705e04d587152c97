/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Automatic exposure in closed loop: a scene of many levels, a sensor that knows whole lines and
 * gain codes only and shows a request made after frame n in frame n + 2 (delay_frames of camera.h
 * is 2), statistics of the frame before. */
#include "base/base.h"
#include "base/prng.h"
#include "fixture.h"
#include "harness/test.h"

#define DELAY   1
#define LINE_US 29.6
#define ZONES   (SISP_STATS_ZONES * SISP_STATS_ZONES)

static struct sisp_raw_info info;
static struct sisp_params params;
static struct isp_auto_state state;
static struct isp_auto_input input;
static struct sisp_coefficients out;
static struct sisp_stats stats;

struct request {
    double us, gain;
};

static struct scene {
    double light;        /* of the whole scene */
    double level[ZONES]; /* at light 1 and 10 ms, gain 1 */
    double noise;        /* of a zone's mean, relative */
    struct base_prng prng;
    struct request way[DELAY + 1]; /* in force, on the way */
} scene;

/* Levels spread over `stops` to both sides of the middle. */
static void start(double light, double stops)
{
    memset(&info, 0, sizeof(info));
    memset(&state, 0, sizeof(state));
    info.white_level = 4095;
    params = sisp_params_default();
    params.value[SISP_PARAM_WB_MODE] = SISP_WB_MANUAL; /* exposure alone is looked at */
    input = (struct isp_auto_input){.info = &info, .params = &params, .is_live = 1};
    input.exposure_us_min = 59.2f;
    input.exposure_us_max = 33333.3f;
    input.analogue_gain_min = 1;
    input.analogue_gain_max = 16;
    scene.light = light;
    scene.noise = 0;
    scene.prng = (struct base_prng){11};
    for (int i = 0; i < ZONES; i++)
        scene.level[i] = 0.1 * exp2(stops * (base_prng_below(&scene.prng, 2001) / 1000.0 - 1));
    for (int i = 0; i <= DELAY; i++)
        scene.way[i] = (struct request){10000, 1};
}

/* What the sensor makes of a request: whole lines, gain 1024 / (1024 - code). */
static struct request quantised(double us, double gain)
{
    double lines = fmax(2, floor(us / LINE_US + 0.5));
    double code = floor(1024 - 1024 / gain + 0.5);
    return (struct request){lines * LINE_US, 1024 / (1024 - code)};
}

static double exposure_now(void)
{
    return scene.way[0].us * scene.way[0].gain / 10000;
}

static void measure(void)
{
    memset(&stats, 0, sizeof(stats));
    for (int c = 0; c < 3; c++)
        stats.wb_gains[c] = 1;
    for (int i = 0; i < ZONES; i++) {
        double random = base_prng_below(&scene.prng, 2001) / 1000.0 - 1;
        double level = scene.level[i] * scene.light * exposure_now() * (1 + scene.noise * random);
        struct sisp_zone *zone = &stats.zones[i];
        zone->count = level < 1 ? 100 : 0;
        zone->clipped = 100 - zone->count;
        for (int site = 0; site < SISP_SITE_COUNT; site++)
            zone->sum[site] = level < 1 ? (uint32_t)(100 * level * 4095) : 0;
        stats.histogram[1][level < 1 ? (int)(level * 4095) / 16 : 255] += 10;
    }
}

/* A frame: the algorithm has the statistics of the frame before, as in the pipeline. */
static void frame(void)
{
    struct isp_auto_state next;
    struct request shown = scene.way[0];
    isp_auto_step(&input, &state, &next, &out);
    state = next;
    CHECK(coefficients_valid(&out));
    measure();
    input.stats = &stats;
    input.stats_exposure_us = (float)shown.us;
    input.stats_analogue_gain = (float)shown.gain;
    memmove(scene.way, scene.way + 1, DELAY * sizeof(scene.way[0]));
    scene.way[DELAY] = quantised((double)state.exposure_us, (double)state.analogue_gain);
    info.exposure_us = (float)scene.way[0].us;
    info.analogue_gain = (float)scene.way[0].gain;
}

static void frames(int count)
{
    for (int i = 0; i < count; i++)
        frame();
}

struct settling {
    int frames;       /* until within 5 % of the end for good */
    double overshoot; /* beyond the end, as a ratio */
};

static struct settling settle(double ev)
{
    double level[60];
    scene.light *= exp2(ev);
    for (int i = 0; i < 60; i++) {
        double sensor = exposure_now();
        frame(); /* whose curve has the digital part */
        level[i] = sensor * exp2((double)out.exposure_ev);
    }
    struct settling found = {0};
    for (int i = 0; i < 60; i++) {
        double ratio = level[i] / level[59];
        if (ratio > 1.05 || ratio < 1 / 1.05)
            found.frames = i + 1;
        double beyond = ev > 0 ? 1 / ratio : ratio;
        found.overshoot = beyond - 1 > found.overshoot ? beyond - 1 : found.overshoot;
    }
    return found;
}

/* Of a scene of `stops` to both sides, 4 stops of light more and less, in every metering mode. */
static struct settling worst_of(double stops)
{
    static const double steps[] = {4, -4, -4, 4, 1, -1};
    struct settling worst = {0};
    for (int metering = 0; metering <= SISP_AE_AVERAGE; metering++) {
        start(1, stops);
        params.value[SISP_PARAM_AE_METERING] = (float)metering;
        frames(40);
        for (size_t k = 0; k < BASE_COUNT(steps); k++) {
            struct settling found = settle(steps[k]);
            worst.frames = found.frames > worst.frames ? found.frames : worst.frames;
            worst.overshoot = fmax(found.overshoot, worst.overshoot);
        }
    }
    printf("%g stops to both sides, steps of 4: %d frames, %.1f %% beyond\n", stops, worst.frames,
        100 * worst.overshoot);
    return worst;
}

/* The widest scene has to be measured four times, since so much of it is clipped at first. */
TEST(four_stops_either_way_settle_in_12_frames)
{
    for (double stops = 0; stops <= 4; stops++) {
        struct settling worst = worst_of(stops);
        CHECK(worst.frames <= 12);
        CHECK(worst.overshoot <= 0.1);
    }
}

/* At every brightness, with every step of lines and codes: at rest, or it would move by itself. */
TEST(a_steady_scene_has_a_steady_exposure)
{
    for (double ev = -6; ev <= 6; ev += 0.37) {
        start(exp2(ev), 3);
        scene.noise = 0.02;
        frames(30);
        struct request rest = scene.way[0];
        double digital = (double)out.exposure_ev;
        for (int i = 0; i < 600; i++) {
            frame();
            CHECK(scene.way[0].us == rest.us && scene.way[0].gain == rest.gain);
            CHECK_NEAR((double)out.exposure_ev, digital, 0.005 * 1.4427);
        }
    }
}

TEST(time_gain_and_both_can_be_fixed)
{
    start(1, 2);
    params.value[SISP_PARAM_EXPOSURE_US] = 5000;
    frames(30);
    double total = (double)state.exposure_us * (double)state.analogue_gain;
    CHECK_EXACT(state.exposure_us, 5000);
    params.value[SISP_PARAM_EXPOSURE_US] = 0;
    params.value[SISP_PARAM_ANALOGUE_GAIN] = 4;
    frames(30);
    CHECK_EXACT(state.analogue_gain, 4);
    CHECK_NEAR(log2((double)state.exposure_us * 4 / total), 0, 0.1);
    params.value[SISP_PARAM_EXPOSURE_US] = 1000;
    frames(5);
    CHECK(state.exposure_us == 1000 && state.analogue_gain == 4);
    CHECK_EQ(out.exposure_source, SISP_SOURCE_MANUAL);
    CHECK_EXACT(out.exposure_ev, 0);
    params.value[SISP_PARAM_ANALOGUE_GAIN] = 999; /* beyond the sensor */
    frames(1);
    CHECK_EXACT(state.analogue_gain, 16);
}

TEST(time_goes_as_far_as_it_may)
{
    start(0.05, 2);
    params.value[SISP_PARAM_EXPOSURE_MAX_US] = 8000;
    frames(40);
    CHECK_EXACT(state.exposure_us, 8000);
    CHECK(state.analogue_gain > 2);
}

TEST(a_lock_holds_what_was_found)
{
    start(1, 2);
    frames(30);
    float us = state.exposure_us, gain = state.analogue_gain;
    params.value[SISP_PARAM_AE_LOCK] = 1;
    scene.light = 8;
    frames(30);
    CHECK(state.exposure_us == us && state.analogue_gain == gain);
    params.value[SISP_PARAM_AE_LOCK] = 0;
    frames(20);
    CHECK(state.exposure_us * state.analogue_gain < us * gain / 4);
}

/* The picture's brightness in stops, as it is before the wish of a viewer. */
static double picture_log2(void)
{
    double sensor = exposure_now();
    frame(); /* whose curve has the digital part */
    return log2(sensor) + (double)out.exposure_ev;
}

/* In the dark, where a part is digital, and in the light; the wish is in what is held. */
TEST(turned_off_it_stays_where_it_was)
{
    for (int i = 0; i < 2; i++) {
        start(i ? 1 : 0.01, 2);
        params.value[SISP_PARAM_EXPOSURE_EV] = 0.5f;
        frames(40);
        double before = picture_log2();
        float us = state.exposure_us, gain = state.analogue_gain;
        params.value[SISP_PARAM_AUTO_EXPOSURE] = 0;
        scene.light *= 4;
        for (int n = 0; n < 10; n++)
            CHECK_NEAR(picture_log2(), before, 0.01);
        params.value[SISP_PARAM_EXPOSURE_EV] = 1.5f;
        CHECK_NEAR(picture_log2(), before + 1, 0.01);
        CHECK(state.exposure_us == us && state.analogue_gain == gain);
        params.value[SISP_PARAM_EXPOSURE_EV] = 0.5f;
        params.value[SISP_PARAM_AUTO_EXPOSURE] = 1;
        frames(40);
        CHECK_NEAR(picture_log2(), before - 2, 0.1);
    }
}

/* Without a sensor to tell, the curve alone is held. */
TEST(a_curve_is_held_too)
{
    start(0.2, 1);
    memset(&input.exposure_us_min, 0, 4 * sizeof(float));
    frames(40);
    float ev = out.exposure_ev;
    CHECK(ev > 0.5f);
    params.value[SISP_PARAM_AUTO_EXPOSURE] = 0;
    params.value[SISP_PARAM_EXPOSURE_EV] = 0.25f;
    scene.light = 0.1;
    frames(10);
    CHECK_NEAR((double)out.exposure_ev, (double)ev + 0.25, 1e-5);
}

TEST(a_stop_more_is_a_stop_more)
{
    start(0.2, 0);
    frames(30);
    double before = log2(exposure_now());
    params.value[SISP_PARAM_EXPOSURE_EV] = 1;
    frames(20);
    CHECK_NEAR(log2(exposure_now()) - before, 1, 0.1);
}

/* The left half is three stops brighter; a bright spot lies in the middle. */
static double level_metered(enum sisp_ae_metering metering)
{
    start(0.5, 0);
    for (int i = 0; i < ZONES; i++) {
        int x = i % SISP_STATS_ZONES, y = i / SISP_STATS_ZONES;
        bool is_spot = abs(2 * x - 31) < 7 && abs(2 * y - 31) < 7;
        scene.level[i] = is_spot ? 0.4 : x < 16 && y < 8 ? 0.8 : 0.1;
    }
    params.value[SISP_PARAM_AE_METERING] = (float)metering;
    params.value[SISP_PARAM_AE_HIGHLIGHTS] = 0.2f;
    frames(40);
    return log2(exposure_now());
}

TEST(metering_modes_look_where_they_say)
{
    double centre = level_metered(SISP_AE_CENTRE_WEIGHTED), spot = level_metered(SISP_AE_SPOT);
    double matrix = level_metered(SISP_AE_MATRIX), average = level_metered(SISP_AE_AVERAGE);
    /* Of the spot alone: 0.5 * 0.4 * exposure = 0.16. */
    CHECK_NEAR(spot, log2(0.8), 0.1);
    /* Mean level: 1/8 of 0.8, 36 zones of 0.4, the rest 0.1. */
    CHECK_NEAR(average, log2(0.16 / 0.5 / (0.1 + 0.7 / 8 + 0.3 * 36 / 1024)), 0.1);
    CHECK(matrix > centre && centre > average && average > spot);
}

/* Of the darker half of all levels, as the histogram has them. */
static double dark_level(void)
{
    double sum = 0, count = 0, total = 0;
    for (int i = 0; i < SISP_STATS_HISTOGRAM; i++)
        total += stats.histogram[1][i];
    for (int i = 0; i < SISP_STATS_HISTOGRAM && count < total / 2; i++) {
        count += stats.histogram[1][i];
        sum += stats.histogram[1][i] * (i + 0.5) / SISP_STATS_HISTOGRAM;
    }
    return sum / count;
}

TEST(the_mean_gives_way_to_highlights_or_shadows)
{
    double look[3];
    for (int constraint = 0; constraint < 3; constraint++) {
        start(1, 4);
        params.value[SISP_PARAM_AE_CONSTRAINT] = (float)constraint;
        frames(60);
        look[constraint] = log2(exposure_now()) + (double)out.exposure_ev;
        double clipped = stats.histogram[1][255] / 10.0 / ZONES;
        if (constraint == SISP_AE_CONSTRAINT_HIGHLIGHT)
            CHECK(clipped <= 0.01 && out.exposure_ev < 0.03f);
        if (constraint == SISP_AE_CONSTRAINT_SHADOWS)
            CHECK_NEAR(dark_level(), 0.16, 0.16 * 0.06);
    }
    CHECK(look[SISP_AE_CONSTRAINT_HIGHLIGHT] < look[SISP_AE_CONSTRAINT_NORMAL] - 0.5);
    CHECK(look[SISP_AE_CONSTRAINT_SHADOWS] > look[SISP_AE_CONSTRAINT_NORMAL] + 0.5);
}

/* Where there is a lamp its period comes first. */
TEST(short_times_are_half_of_the_stops)
{
    for (double ev = -5; ev <= 5; ev++) {
        start(exp2(ev), 1);
        params.value[SISP_PARAM_AE_EXPOSURE_MODE] = SISP_AE_EXPOSURE_SHORT;
        frames(40);
        double total = (double)state.exposure_us * (double)state.analogue_gain;
        double wanted = total > 2500 ? sqrt(2500 * total) : total;
        wanted = wanted > 33333.3 ? 33333.3 : wanted;
        CHECK_NEAR((double)state.exposure_us / wanted, 1, 0.03);
        params.value[SISP_PARAM_FLICKER_MODE] = SISP_FLICKER_MODE_MANUAL;
        frames(40);
        CHECK(total < 10100 || fabs(remainder((double)state.exposure_us, 10000)) < 0.01);
    }
}

/* Half periods of 50 Hz mains: 10, 20, 30 ms, as long as there is light for one. */
TEST(exposures_are_whole_periods_of_the_light)
{
    for (double ev = -6; ev <= 6; ev += 0.5) {
        start(exp2(ev), 1);
        params.value[SISP_PARAM_FLICKER_MODE] = SISP_FLICKER_MODE_MANUAL;
        frames(40);
        double periods = (double)state.exposure_us / 10000;
        CHECK_NEAR((double)out.flicker_period_us, 10000, 0);
        CHECK_EQ(out.flicker_source, SISP_SOURCE_MANUAL);
        if (periods > 0.999) {
            CHECK_NEAR(periods, floor(periods + 0.5), 1e-6);
            CHECK_EQ(out.flicker, SISP_FLICKER_AVOIDED);
        } else {
            CHECK_EQ(out.flicker, SISP_FLICKER_UNAVOIDABLE);
            CHECK_EXACT(state.analogue_gain, 1); /* no darker without giving up the period */
        }
        double total = log2((double)state.exposure_us * (double)state.analogue_gain);
        params.value[SISP_PARAM_FLICKER_MODE] = SISP_FLICKER_MODE_OFF;
        frames(40);
        CHECK_EQ(out.flicker, SISP_FLICKER_NONE);
        if (total < log2(30000 * 16) - 0.01) /* not at the end of the range */
            CHECK_NEAR(log2((double)state.exposure_us * (double)state.analogue_gain), total, 0.1);
    }
}

int main(void)
{
    RUN(four_stops_either_way_settle_in_12_frames);
    RUN(a_steady_scene_has_a_steady_exposure);
    RUN(time_gain_and_both_can_be_fixed);
    RUN(time_goes_as_far_as_it_may);
    RUN(a_lock_holds_what_was_found);
    RUN(turned_off_it_stays_where_it_was);
    RUN(a_curve_is_held_too);
    RUN(a_stop_more_is_a_stop_more);
    RUN(metering_modes_look_where_they_say);
    RUN(the_mean_gives_way_to_highlights_or_shadows);
    RUN(short_times_are_half_of_the_stops);
    RUN(exposures_are_whole_periods_of_the_light);
    return test_report();
}
