/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Automatic exposure in closed loop with the simulated camera: whole lines, gain codes, noise,
 * shading, hot pixels, and requests that hold two frames later. */
#include "base/base.h"
#include "harness/test.h"
#include "loop.h"

#include <math.h>
#include <stdlib.h>

#define WIDTH  96
#define HEIGHT 72
#define STEP   45 /* the frame in which the light changes */
#define AFTER  70 /* frames: settling, a probe for flicker, rest */
#define REST   25 /* the last of them */

static struct loop loop;
static const char *const scenes[] = {"scene=park", "scene=stripes", "scene=wall"};

static bool open_scene(uint64_t seed, const char *options)
{
    struct sisp_camera_params params = {
        .width = WIDTH, .height = HEIGHT, .seed = seed, .options = options};
    return loop_open(&loop, &params);
}

struct settling {
    int frames; /* until within 5 % of the end for good */
    double overshoot;
    bool is_at_rest;
};

static struct settling settle(double step_ev)
{
    double log2_level[AFTER], us = 0, gain = 0;
    struct settling found = {.is_at_rest = true};
    for (int i = 0; i < AFTER; i++) {
        CHECK(loop_frame(&loop));
        log2_level[i] = loop_exposure_log2(&loop);
        if (i > AFTER - REST) {
            found.is_at_rest &=
                us == (double)loop.info.exposure_us && gain == (double)loop.info.analogue_gain;
        }
        us = (double)loop.info.exposure_us;
        gain = (double)loop.info.analogue_gain;
    }
    for (int i = 0; i < AFTER; i++) {
        double off = log2_level[i] - log2_level[AFTER - 1];
        if (fabs(off) > log2(1.05))
            found.frames = i + 1;
        found.overshoot = fmax(found.overshoot, exp2(step_ev > 0 ? -off : off) - 1);
    }
    return found;
}

static struct settling worst;

/* `camera`: its options but light. */
static void check_step(const char *camera, double light, double step_ev, int metering)
{
    char options[128];
    snprintf(options, sizeof(options), "%s,motion=off,light=%g,light-step=%d:%g", camera, light,
        STEP, light + step_ev);
    REQUIRE(open_scene(4, options));
    loop.params.value[SISP_PARAM_AE_METERING] = (float)metering;
    REQUIRE(loop_frames(&loop, STEP));
    double before = loop_exposure_log2(&loop);
    struct settling found = settle(step_ev);
    double moved = before - loop_exposure_log2(&loop);
    CHECK(found.frames <= 12);
    CHECK(found.overshoot <= 0.1);
    CHECK(found.is_at_rest);
    CHECK_NEAR(moved, step_ev, 0.15); /* nothing was at the end of its range */
    worst.frames = found.frames > worst.frames ? found.frames : worst.frames;
    worst.overshoot = fmax(worst.overshoot, found.overshoot);
    loop_close(&loop);
}

TEST(steps_of_light_settle_in_12_frames_and_rest)
{
    static const double lights[] = {-4.6, 2.1}, steps[] = {1, -1, 2, -2, 4, -4};
    worst = (struct settling){0};
    int count = 0;
    for (size_t s = 0; s < BASE_COUNT(scenes); s++) {
        for (size_t i = 0; i < BASE_COUNT(lights); i++) {
            for (size_t k = 0; k < BASE_COUNT(steps); k++) {
                double light = lights[i], end = light + steps[k];
                if (end > -6 && end < 6)
                    check_step(scenes[s], light, steps[k], count++ % (SISP_AE_AVERAGE + 1));
            }
        }
    }
    printf("%d steps of 1, 2, 4 EV: %d frames, %.1f %% beyond\n", count, worst.frames,
        100 * worst.overshoot);
}

/* The light goes past the end of the time's range, so that time and gain both move. */
TEST(time_and_gain_that_take_unlike_times_hold_together)
{
    static const char *const delays[] = {"exposure-delay=2,gain-delay=1",
        "exposure-delay=1,gain-delay=2", "exposure-delay=3,gain-delay=1",
        "exposure-delay=1,gain-delay=4"};
    worst = (struct settling){0};
    for (size_t i = 0; i < BASE_COUNT(delays); i++) {
        check_step(delays[i], -4.5, 4, SISP_AE_CENTRE_WEIGHTED);
        check_step(delays[i], 0, -3, SISP_AE_CENTRE_WEIGHTED);
    }
    printf("unlike delays: %d frames, %.1f %% beyond\n", worst.frames, 100 * worst.overshoot);
}

struct range {
    double min, max;
};

static void widen(struct range *range, double value, bool is_first)
{
    range->min = is_first || value < range->min ? value : range->min;
    range->max = is_first || value > range->max ? value : range->max;
}

/* What can be seen to move: in percent, of matrices in percent of 1. */
static double moved_percent(uint32_t frames)
{
    struct range gain[5] = {0}, ccm[9] = {0};
    double most = 0;
    for (uint32_t i = 0; i < frames; i++) {
        CHECK(loop_frame(&loop));
        const struct sisp_coefficients *now = &loop.coefficients;
        const double gains[5] = {(double)now->wb_gains[0], (double)now->wb_gains[2],
            exp2((double)now->exposure_ev), (double)loop.info.exposure_us,
            (double)loop.info.analogue_gain};
        for (int k = 0; k < 5; k++)
            widen(&gain[k], gains[k], i == 0);
        for (int k = 0; k < 9; k++)
            widen(&ccm[k], (double)now->ccm[k], i == 0);
    }
    for (int k = 0; k < 5; k++)
        most = fmax(most, 100 * (gain[k].max / gain[k].min - 1));
    for (int k = 0; k < 9; k++)
        most = fmax(most, 100 * (ccm[k].max - ccm[k].min));
    return most;
}

/* Noise of gain 14; black that drifts by 2 of 1024 unseen, and by 32 in dark rows; a lamp on
 * stripes like its bands. */
TEST(nothing_moves_in_600_frames_of_a_steady_scene)
{
    static const char *const cameras[] = {"light=-6", "scene=wall,light=-3,black-drift=2",
        "scene=wall,light=-3,black-drift=32,dark-rows=16",
        "scene=stripes,light=-4,lamp=60,line=440,sensor=canon-5d,illuminant=FL11"};
    for (size_t i = 0; i < BASE_COUNT(cameras); i++) {
        char options[128];
        snprintf(options, sizeof(options), "motion=off,%s", cameras[i]);
        REQUIRE(open_scene(4, options));
        loop.params.value[SISP_PARAM_BLACK_MODE] =
            loop.info.dark.width ? SISP_BLACK_OPTICAL : SISP_BLACK_STATED;
        REQUIRE(loop_frames(&loop, 60));
        double moved = moved_percent(600);
        printf("%s: %.2f %% moved\n", cameras[i], moved);
        CHECK(moved < 0.5);
        loop_close(&loop);
    }
}

int main(void)
{
    RUN(nothing_moves_in_600_frames_of_a_steady_scene);
    RUN(time_and_gain_that_take_unlike_times_hold_together);
    RUN(steps_of_light_settle_in_12_frames_and_rest);
    return test_report();
}
