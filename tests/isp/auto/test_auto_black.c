/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Black level of live pictures in closed loop with the simulated camera, whose black, 64 of 1024,
 * drifts, and which knows by how much. */
#include "base/base.h"
#include "camera/sim/sim.h"
#include "harness/test.h"
#include "loop.h"

#include <math.h>
#include <stdlib.h>

#define WIDTH  128
#define HEIGHT 96

static struct loop loop;

static bool open_black(const char *options, enum sisp_black_mode mode, float stated)
{
    struct sisp_camera_params params = {
        .width = WIDTH, .height = HEIGHT, .seed = 4, .options = options};
    if (!loop_open(&loop, &params))
        return false;
    loop.params.value[SISP_PARAM_BLACK_MODE] = (float)mode;
    for (int i = 0; i < SISP_SITE_COUNT; i++)
        loop.info.black_level[i] = stated;
    return true;
}

static double true_black(void)
{
    return 64 + 1024 * sim_truth_black_drift(loop.camera, sisp_camera_frame(loop.camera).sequence);
}

struct range {
    double min, max;
};

static void widen(struct range *range, double value)
{
    range->min = fmin(range->min, value);
    range->max = fmax(range->max, value);
}

struct followed {
    struct range error;   /* black in force, less the true one, in codes of 1024 */
    double moved_percent; /* the balance */
};

static struct followed follow(uint32_t frames)
{
    struct followed found = {.error = {1e9, -1e9}};
    struct range gain[2] = {{1e9, 0}, {1e9, 0}};
    for (uint32_t i = 0; i < frames; i++) {
        CHECK(loop_frame(&loop));
        for (int site = 0; site < SISP_SITE_COUNT; site++)
            widen(&found.error, (double)loop.coefficients.black_level[site] - true_black());
        for (int k = 0; k < 2; k++)
            widen(&gain[k], (double)loop.coefficients.wb_gains[2 * k]);
    }
    for (int k = 0; k < 2; k++)
        found.moved_percent = fmax(found.moved_percent, 100 * (gain[k].max / gain[k].min - 1));
    return found;
}

static struct followed follow_steady(
    const char *options, enum sisp_black_mode mode, float stated, uint32_t settle, uint32_t frames)
{
    CHECK(open_black(options, mode, stated) && loop_frames(&loop, settle));
    struct followed found = follow(frames);
    printf("%s, mode %d, stated %g: %+.2f to %+.2f codes off, balance moved by %.2f %%, "
           "confidence %.2f\n",
        options, (int)mode, (double)stated, found.error.min, found.error.max, found.moved_percent,
        (double)loop.coefficients.black_confidence);
    loop_close(&loop);
    return found;
}

TEST(dark_rows_are_followed_as_they_drift)
{
    static const struct {
        const char *options;
        float stated;
        double error;
    } cases[] = {
        {"dark-rows=16,motion=off", 40, 0.25}, {"dark-rows=16,motion=off,black-drift=8", 64, 0.25},
        {"dark-rows=16,motion=off,black-drift=32,drift-time=10", 64, 0.25},
        {"dark-rows=16,motion=off,black-drift=-8,light=-6", 0, 1}, /* noise of gain 14: 9 codes */
    };
    for (size_t i = 0; i < BASE_COUNT(cases); i++) {
        struct followed found =
            follow_steady(cases[i].options, SISP_BLACK_OPTICAL, cases[i].stated, 60, 600);
        CHECK(found.error.min > -cases[i].error && found.error.max < cases[i].error);
        CHECK(found.moved_percent < 0.5);
    }
}

TEST(what_is_stated_is_never_overruled)
{
    static struct sisp_tuning tuning = {
        .parts = 1u << SISP_TUNING_BLACK, .black_level = {0.0625f, 0.0625f, 0.0625f, 0.0625f}};
    for (int k = 0; k < 3; k++) {
        REQUIRE(
            open_black("dark-rows=16,motion=off,black-drift=32", SISP_BLACK_STATED, k ? 0 : 64));
        loop.info.black_source = k == 1 ? SISP_SOURCE_MANUAL : SISP_SOURCE_NEUTRAL;
        loop.input.tuning = k == 0 ? NULL : &tuning;
        for (int i = 0; i < 20; i++) {
            CHECK(loop_frame(&loop));
            CHECK_EQ(loop.black.mode, SISP_BLACK_STATED); /* nothing was looked at */
            CHECK_EXACT(loop.coefficients.black_level[2], k == 1 ? 0 : 64);
        }
        const uint32_t sources[] = {SISP_SOURCE_FILE, SISP_SOURCE_MANUAL, SISP_SOURCE_TUNING};
        CHECK_EQ(loop.coefficients.black_source, sources[k]);
        CHECK_EXACT(loop.coefficients.black_confidence, 1);
        loop_close(&loop);
    }
}

TEST(where_nobody_states_it_dark_rows_are_asked)
{
    REQUIRE(open_black("dark-rows=8", SISP_BLACK_STATED, 0));
    REQUIRE(loop_frame(&loop));
    CHECK_NEAR((double)loop.coefficients.black_level[0], 64, 0.5);
    CHECK_EQ(loop.coefficients.black_source, SISP_SOURCE_AUTO);
    /* A shutter that opens late, or light that leaks in: the last good level stays. */
    struct isp_auto_state next;
    loop.black = (struct isp_black_sample){0};
    isp_auto_step(&loop.input, &loop.state, &next, &loop.coefficients);
    CHECK_NEAR((double)loop.coefficients.black_level[0], 64, 0.5);
    CHECK_EQ(loop.coefficients.black_source, SISP_SOURCE_FALLBACK);
    loop_close(&loop);
}

/* ---- learned --------------------------------------------------------------------------------- */

/* From a stated level that is wrong, or from nothing. First exposures differ from what is chosen;
 * where things move the line through two frames is uncertain, and says so. */
TEST(black_is_learned_as_exposure_moves)
{
    static const struct {
        const char *options;
        float stated;
        double error;
    } cases[] = {
        {"scene=park,motion=off", 40, 2},
        {"scene=park,motion=off", 0, 2},
        {"scene=park,motion=off,light=2", 100, 4},
        {"scene=stripes,motion=off", 100, 2},
        {"scene=wall", 64, 2}, /* no dark parts: 80 codes above black at least */
        {"scene=wall", 0, 2},
        {"scene=park,light=-6", 0, 2},
        {"scene=park", 0, 12},
        {"scene=park,light=2", 0, 12},
    };
    for (size_t i = 0; i < BASE_COUNT(cases); i++) {
        struct followed found =
            follow_steady(cases[i].options, SISP_BLACK_LEARNED, cases[i].stated, 30, 70);
        CHECK(found.error.min > -cases[i].error && found.error.max < cases[i].error);
    }
}

/* Nothing stated, no dark rows, and exposure at rest. */
TEST(a_drift_in_steady_light_is_followed)
{
    static const struct {
        const char *options;
        double error;
    } cases[] = {
        {"scene=park,motion=off,black-drift=8", 1.5}, {"scene=park,motion=off,black-drift=32", 3.5},
        {"scene=stripes,motion=off,black-drift=-8", 4}, /* the darkest: 40 codes above black */
    };
    for (size_t i = 0; i < BASE_COUNT(cases); i++) {
        struct followed found = follow_steady(cases[i].options, SISP_BLACK_LEARNED, 0, 30, 600);
        CHECK(found.error.min > -cases[i].error && found.error.max < cases[i].error);
        CHECK(found.moved_percent < 0.5);
    }
}

/* A gray wall without and with light: the darkest lies 25 and 0 codes above black. */
TEST(where_nothing_tells_nothing_is_learned)
{
    REQUIRE(open_black("scene=wall,light=-8", SISP_BLACK_STATED, 0));
    for (int i = 0; i < 40; i++) {
        CHECK(loop_frame(&loop));
        CHECK_EQ(loop.black.mode, SISP_BLACK_LEARNED);
        CHECK_EXACT(loop.coefficients.black_level[0], 0);
        CHECK_EXACT(loop.coefficients.black_confidence, 0);
        CHECK_EQ(loop.coefficients.black_source, SISP_SOURCE_NEUTRAL);
    }
    loop_close(&loop);
}

/* ---- one frame ------------------------------------------------------------------------------- */

#define SIDE 64

static uint16_t samples[SIDE * SIDE];

static struct sisp_raw_info draw(enum sisp_cfa cfa, const struct sisp_rect *dark)
{
    struct sisp_raw_info info = {.fourcc = sisp_raw_format_unpacked(cfa, 12)->fourcc,
        .width = SIDE,
        .height = SIDE,
        .stride_bytes = SIDE * 2,
        .crop = {0, 0, SIDE, SIDE},
        .white_level = 4095,
        .dark = *dark};
    for (uint32_t i = 0; i < SIDE * SIDE; i++) {
        const uint32_t x = i % SIDE, y = i / SIDE;
        const bool is_dark =
            x >= dark->x && y >= dark->y && x < dark->x + dark->width && y < dark->y + dark->height;
        const unsigned level = 200 + 10 * sisp_cfa_shift(cfa, x, y);
        samples[i] = (uint16_t)(is_dark ? level : 3000);
    }
    return info;
}

static struct isp_black_sample measured(const struct sisp_raw_info *info)
{
    struct isp_black_sample sample;
    isp_black_measure(info, SISP_BLACK_OPTICAL, (const uint8_t *)samples, &sample);
    return sample;
}

/* Also from odd places, and where a part is hot or lit. */
TEST(each_site_has_its_own_level)
{
    static const struct sisp_rect darks[] = {
        {0, 0, SIDE, 4}, {0, 57, SIDE, 7}, {51, 0, 13, SIDE}, {0, 0, 2, SIDE}, {3, 5, 40, 21}};
    for (unsigned cfa = SISP_CFA_RGGB; cfa <= SISP_CFA_BGGR; cfa++) {
        for (size_t i = 0; i < BASE_COUNT(darks); i++) {
            struct sisp_raw_info info = draw((enum sisp_cfa)cfa, &darks[i]);
            CHECK(isp_black_has_dark(&info));
            samples[darks[i].y * SIDE + darks[i].x] = 4095;
            const struct isp_black_sample sample = measured(&info);
            CHECK_EQ(sample.mode, SISP_BLACK_OPTICAL);
            for (int site = 0; site < SISP_SITE_COUNT; site++)
                CHECK_EXACT(sample.level[site], 200 + 10 * site);
        }
    }
}

TEST(what_saw_light_is_not_black)
{
    const struct sisp_rect dark = {0, 0, SIDE, 8};
    struct sisp_raw_info info = draw(SISP_CFA_RGGB, &dark);
    for (uint32_t i = 0; i < 8 * SIDE; i++)
        samples[i] = (uint16_t)(200 + 20 * (i % SIDE)); /* a leak at one side */
    CHECK_EQ(measured(&info).mode, SISP_BLACK_STATED);
    info = draw(SISP_CFA_RGGB, &dark);
    for (uint32_t i = 0; i < 8 * SIDE; i++)
        samples[i] = 2500; /* no dark place at all */
    CHECK_EQ(measured(&info).mode, SISP_BLACK_STATED);
}

TEST(too_few_dark_samples_are_none)
{
    static const struct sisp_rect darks[] = {{0, 0, 0, 0}, {0, 0, 1, SIDE}, {0, 0, SIDE, 1},
        {0, 0, 8, 8}, {1, 0, SIDE, 4}, {0, UINT32_MAX - 2, SIDE, 4}};
    struct sisp_raw_info info = {.width = SIDE, .height = SIDE};
    for (size_t i = 0; i < BASE_COUNT(darks); i++) {
        info.dark = darks[i];
        CHECK(!isp_black_has_dark(&info));
    }
}

int main(void)
{
    RUN(each_site_has_its_own_level);
    RUN(what_saw_light_is_not_black);
    RUN(too_few_dark_samples_are_none);
    RUN(what_is_stated_is_never_overruled);
    RUN(where_nobody_states_it_dark_rows_are_asked);
    RUN(dark_rows_are_followed_as_they_drift);
    RUN(black_is_learned_as_exposure_moves);
    RUN(a_drift_in_steady_light_is_followed);
    RUN(where_nothing_tells_nothing_is_learned);
    return test_report();
}
