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

int main(void)
{
    RUN(time_and_gain_that_take_unlike_times_hold_together);
    RUN(steps_of_light_settle_in_12_frames_and_rest);
    return test_report();
}
