/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lamps on alternating current, in closed loop: simulated camera, fast path, automatic control. */
#include "base/base.h"
#include "fixture.h"
#include "harness/test.h"
#include "loop.h"

#define WIDTH  64
#define HEIGHT 540

static struct loop loop;

static bool open_camera(uint32_t fps_num, uint32_t fps_den, const char *options)
{
    struct sisp_camera_params params = {.width = WIDTH,
        .height = HEIGHT,
        .fps_num = fps_num,
        .fps_den = fps_den,
        .options = options};
    return loop_open(&loop, &params);
}

/* The frame in which a lamp was found; 0: not within `count` frames. */
static uint32_t find(uint32_t count)
{
    while (loop.frames < count) {
        CHECK(loop_frame(&loop));
        if (loop.coefficients.flicker_period_us > 0)
            return loop.frames;
    }
    return 0;
}

static const uint32_t rates[][2] = {{24, 1}, {25, 1}, {30000, 1001}, {30, 1}};

/* Light such that exposure has less than a period, about one, or more. */
static void check_lamp(const uint32_t rate[2], int mains_hz, double light_ev, int line_us)
{
    char options[128];
    snprintf(options, sizeof(options), "line=%d,lamp=%d,light=%g", line_us, mains_hz, light_ev);
    REQUIRE(open_camera(rate[0], rate[1], options));
    uint32_t found = find(60);
    REQUIRE(loop_frames(&loop, 30));
    float rest_us = loop.info.exposure_us;
    for (int i = 0; i < 10; i++) {
        REQUIRE(loop_frame(&loop));
        CHECK_EXACT(loop.info.exposure_us, rest_us);
    }
    double period_us = 1e6 / (2 * mains_hz), left = loop_modulation(&loop);
    bool is_avoided = loop.coefficients.flicker == SISP_FLICKER_AVOIDED;
    if (!found && left < 0.01) {
        loop_close(&loop); /* exposed for whole periods by chance: nothing was there to see */
        return;
    }
    printf("%g fps, %d Hz, %+g EV: frame %u, %.0f us, %.2f %% left, %s\n",
        (double)rate[0] / rate[1], mains_hz, light_ev, found, (double)loop.info.exposure_us,
        100 * left, sisp_flicker_name((enum sisp_flicker)loop.coefficients.flicker));
    CHECK(found > 0 && found <= 30);
    CHECK_NEAR((double)loop.coefficients.flicker_period_us, period_us, 0.01);
    CHECK_EQ(loop.coefficients.flicker_source, SISP_SOURCE_AUTO);
    CHECK(is_avoided == ((double)loop.info.exposure_us > 0.99 * period_us));
    CHECK(!is_avoided || left <= 0.01);
    loop_close(&loop);
}

TEST(lamps_are_found_in_30_frames_and_go)
{
    static const double lights[] = {2, -1, -2, -4};
    for (size_t i = 0; i < BASE_COUNT(rates); i++) {
        for (size_t k = 0; k < BASE_COUNT(lights); k++) {
            check_lamp(rates[i], 50, lights[k], 45);
            check_lamp(rates[i], 60, lights[k], 45);
        }
    }
}

/* Less than half a period in a frame: its mean flickers, and exposure must not follow. */
TEST(lamps_are_found_in_fast_readouts_and_exposure_rests)
{
    static const double lights[] = {1.5, -1.5};
    for (size_t i = 0; i < BASE_COUNT(rates); i++) {
        for (size_t k = 0; k < BASE_COUNT(lights); k++)
            check_lamp(rates[i], i % 2 ? 60 : 50, lights[k], 8);
    }
    check_lamp(rates[3], 50, 1.5, 8);
}

TEST(steady_light_is_no_lamp)
{
    for (size_t i = 0; i < BASE_COUNT(rates); i++) {
        for (int light = -4; light <= 2; light += 3) {
            char options[64];
            snprintf(options, sizeof(options), "line=45,light=%d", light);
            REQUIRE(open_camera(rates[i][0], rates[i][1], options));
            CHECK_EQ(find(100), 0);
            CHECK_EQ(loop.coefficients.flicker, SISP_FLICKER_NONE);
            loop_close(&loop);
        }
    }
}

/* ---- stripes as wide as the bands of a lamp ---------------------------------------------- */

#define STRIPE_ROWS 270 /* sums of two lines of 45 us */
#define STRIPE_MS   (2 * 0.045)

static struct stripes {
    double hz;    /* of the stripes, as a lamp would make them */
    double speed; /* rows a frame */
    double lamp_hz, depth, fps;
} stripes;

static double lamp_light(double end_ms, double exposure_ms)
{
    double w = 2 * M_PI * stripes.lamp_hz / 1000, from = end_ms - exposure_ms;
    return 1 + stripes.depth * (sin(w * end_ms) - sin(w * from)) / (w * exposure_ms);
}

/* Statistics of the frame that `applied` exposes. */
static void stripe_stats(uint32_t sequence, const struct sisp_camera_controls *applied)
{
    double start_ms = (sequence + 1) * 1000 / stripes.fps, us = (double)applied->exposure_us;
    double level = 0.16 * us * (double)applied->analogue_gain / 12000;
    stats_flat(&loop.stats, level, level, level);
    loop.stats.row_count = STRIPE_ROWS;
    loop.stats.row_lines = 2;
    for (int y = 0; y < STRIPE_ROWS; y++) {
        double ms = y * STRIPE_MS, place = (y + stripes.speed * sequence) * STRIPE_MS;
        double paint = 1 + 0.8 * sin(2 * M_PI * stripes.hz / 1000 * place);
        double light = lamp_light(start_ms + ms, us / 1000);
        loop.stats.row_green[y] = (uint32_t)(4e6 * level * paint * light);
    }
    loop.input.stats = &loop.stats;
    loop.input.stats_exposure_us = applied->exposure_us;
    loop.input.stats_analogue_gain = applied->analogue_gain;
    loop.input.stats_start_ns = (uint64_t)(start_ms * 1e6);
}

static struct sisp_camera_controls way[3]; /* in force, on the way */

static void open_stripes(void)
{
    memset(&loop, 0, sizeof(loop));
    loop.info.white_level = 4095;
    loop.params = sisp_params_default();
    loop.params.value[SISP_PARAM_WB_MODE] = SISP_WB_MANUAL; /* exposure alone is looked at */
    loop.input = (struct isp_auto_input){.info = &loop.info,
        .params = &loop.params,
        .exposure_us_min = 90,
        .exposure_us_max = (float)(1e6 / stripes.fps),
        .analogue_gain_min = 1,
        .analogue_gain_max = 16,
        .line_us = 45,
        .is_live = 1};
    for (size_t i = 0; i < BASE_COUNT(way); i++)
        way[i] = (struct sisp_camera_controls){12000, 1};
}

static void stripe_frame(void)
{
    struct isp_auto_state next;
    loop.info.exposure_us = way[0].exposure_us;
    loop.info.analogue_gain = way[0].analogue_gain;
    isp_auto_step(&loop.input, &loop.state, &next, &loop.coefficients);
    loop.state = next;
    stripe_stats(loop.frames++, &way[0]);
    memmove(way, way + 1, sizeof(way[0]) * 2);
    way[2] = (struct sisp_camera_controls){next.exposure_us, next.analogue_gain};
}

/* Frames until a lamp is found; 0: none in `count`. */
static uint32_t find_in_stripes(uint32_t count)
{
    open_stripes();
    while (loop.frames < count) {
        stripe_frame();
        if (loop.coefficients.flicker_period_us > 0)
            return loop.frames;
    }
    return 0;
}

TEST(lamps_are_found_among_stripes_of_their_width)
{
    for (size_t i = 0; i < BASE_COUNT(rates); i++) {
        for (int hz = 100; hz <= 120; hz += 20) {
            stripes = (struct stripes){hz, 0, hz, 0.2, (double)rates[i][0] / rates[i][1]};
            uint32_t found = find_in_stripes(60);
            CHECK(found > 0 && found <= 30);
            CHECK_NEAR((double)loop.coefficients.flicker_period_us, 1e6 / hz, 0.01);
            CHECK_EQ(loop.coefficients.flicker, SISP_FLICKER_AVOIDED);
        }
    }
}

TEST(stripes_are_no_lamp_standing_or_moving)
{
    static const double speeds[] = {0, 0.3, 1, 3.7, 10, 25};
    for (size_t i = 0; i < BASE_COUNT(rates) * BASE_COUNT(speeds); i++) {
        const uint32_t *rate = rates[i % BASE_COUNT(rates)];
        for (int hz = 100; hz <= 120; hz += 20) {
            double speed = speeds[i / BASE_COUNT(rates)];
            stripes = (struct stripes){hz, speed, 100, 0, (double)rate[0] / rate[1]};
            CHECK_EQ(find_in_stripes(200), 0);
        }
    }
}

/* Taken for a lamp, until whole periods do not make them go. Then nothing is made of them. */
TEST(stripes_as_fast_as_bands_are_found_out)
{
    for (size_t i = 0; i < 2 * BASE_COUNT(rates); i++) {
        double hz = i % 2 ? 120 : 100, fps = (double)rates[i / 2][0] / rates[i / 2][1];
        double turns = remainder(hz / fps, 1), rows = 1000 / hz / STRIPE_MS;
        stripes = (struct stripes){hz, turns * rows, 100, 0, fps};
        open_stripes();
        uint32_t last = 0;
        for (int k = 0; k < 200; k++) {
            stripe_frame();
            if (loop.coefficients.flicker_period_us > 0)
                last = loop.frames;
        }
        printf("%g fps, stripes as of %g Hz: a lamp until frame %u\n", fps, hz, last);
        CHECK(last <= 60);
    }
}

/* The probe has an end: then the exposure is the same from frame to frame. */
TEST(a_steady_scene_is_probed_once)
{
    stripes = (struct stripes){100, 0, 100, 0, 30};
    CHECK_EQ(find_in_stripes(50), 0);
    float us = loop.state.exposure_us, gain = loop.state.analogue_gain;
    for (uint32_t i = 50; i < 650; i++) {
        struct isp_auto_state next;
        struct sisp_camera_controls applied = {us, gain};
        stripe_stats(i, &applied);
        isp_auto_step(&loop.input, &loop.state, &next, &loop.coefficients);
        loop.state = next;
        CHECK(next.exposure_us == us && next.analogue_gain == gain);
    }
}

int main(void)
{
    RUN(lamps_are_found_in_30_frames_and_go);
    RUN(lamps_are_found_in_fast_readouts_and_exposure_rests);
    RUN(steady_light_is_no_lamp);
    RUN(lamps_are_found_among_stripes_of_their_width);
    RUN(stripes_are_no_lamp_standing_or_moving);
    RUN(stripes_as_fast_as_bands_are_found_out);
    RUN(a_steady_scene_is_probed_once);
    return test_report();
}
