/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Controls by libcamera's names: what each does to pictures of the simulated camera, and what the
 * frame says of it. */
#include "base/base.h"
#include "harness/test.h"
#include "loop.h"

#include <math.h>
#include <stdlib.h>

#define WIDTH  96
#define HEIGHT 72

/* Of the latest frame, once all has settled. */
struct look {
    double mean, deviation, chroma, detail; /* of the picture, in codes */
    double log2_exposure, us, gain;         /* in force */
    struct sisp_coefficients said;
};

static struct loop loop;

static void measure_picture(struct look *look)
{
    const int step = WIDTH * 3;
    double sum = 0, squares = 0, chroma = 0, detail = 0, count = (WIDTH - 2) * (HEIGHT - 2);
    for (int y = 1; y < HEIGHT - 1; y++) {
        for (int x = 1; x < WIDTH - 1; x++) {
            const uint8_t *p = loop.picture + y * step + x * 3;
            double green = p[1];
            sum += green;
            squares += green * green;
            chroma += abs(p[0] - p[1]) + abs(p[2] - p[1]);
            detail += fabs(4 * green - p[-2] - p[4] - p[1 - step] - p[1 + step]);
        }
    }
    look->mean = sum / count;
    look->deviation = sqrt(squares / count - look->mean * look->mean);
    look->chroma = chroma / count;
    look->detail = detail / count;
}

/* Of a control, and of another one unless it is NULL. */
static struct look look_at(const char *name, float value, const char *other, float other_value)
{
    struct sisp_camera_params params = {.width = WIDTH, .height = HEIGHT, .options = "motion=off"};
    struct look look = {0};
    CHECK(loop_open(&loop, &params));
    if (name)
        CHECK_EQ(sisp_params_set_control(&loop.params, name, &value, 1), 0);
    if (other)
        CHECK_EQ(sisp_params_set_control(&loop.params, other, &other_value, 1), 0);
    CHECK(loop_frames(&loop, 45));
    measure_picture(&look);
    look.log2_exposure = loop_exposure_log2(&loop);
    look.us = (double)loop.info.exposure_us;
    look.gain = (double)loop.info.analogue_gain;
    look.said = loop.coefficients;
    loop_close(&loop);
    return look;
}

static struct look with(const char *name, float value)
{
    return look_at(name, value, NULL, 0);
}

TEST(pictures_are_as_their_controls_say)
{
    struct look plain = with(NULL, 0);
    CHECK_NEAR(with("Brightness", 0.1f).mean, plain.mean + 25.5, 2);
    CHECK_NEAR(with("Brightness", -0.1f).mean, plain.mean - 25.5, 2);
    CHECK(with("Contrast", 1.5f).deviation > 1.15 * plain.deviation);
    CHECK(with("Saturation", 0).chroma < 1 && plain.chroma > 10);
    struct look sharp = with("Sharpness", 1);
    CHECK(sharp.detail > 1.15 * plain.detail);
    CHECK(sharp.said.sharpness == 1 && plain.said.sharpness == 0);
    CHECK_NEAR(sharp.mean, plain.mean, 1);
}

TEST(exposure_is_as_its_controls_say)
{
    struct look plain = with(NULL, 0), brief = with("AeExposureMode", 1);
    CHECK_NEAR(with("ExposureValue", 1).log2_exposure, plain.log2_exposure + 1, 0.1);
    CHECK(fabs(with("AeMeteringMode", 1).log2_exposure - plain.log2_exposure) > 0.1);
    CHECK(with("AeConstraintMode", 2).log2_exposure > plain.log2_exposure + 0.5);
    CHECK(brief.us < 0.7 * plain.us && brief.gain > 1.3 * plain.gain);
    CHECK_NEAR(brief.log2_exposure, plain.log2_exposure, 0.05);
    CHECK_EXACT(with("AeEnable", 0).us, 10000); /* as the camera starts */
    struct look manual = look_at("ExposureTime", 2000, "AnalogueGain", 2);
    CHECK(manual.us == 2000 && fabs(manual.gain - 2) < 0.01);
    CHECK_EQ(manual.said.exposure_source, SISP_SOURCE_MANUAL);
    CHECK_EQ(plain.said.exposure_source, SISP_SOURCE_AUTO);
}

TEST(light_is_as_its_controls_say)
{
    struct look plain = with(NULL, 0), warm = with("AwbMode", 1);
    CHECK_EQ(warm.said.wb_source, SISP_SOURCE_MANUAL);
    CHECK_NEAR((double)warm.said.color_temperature_kelvin, 2750, 60);
    CHECK(warm.said.wb_gains[0] < plain.said.wb_gains[0] && plain.said.wb_gains[2] > 0);
    CHECK_NEAR((double)with("ColourTemperature", 4000).said.color_temperature_kelvin, 4000, 60);
    struct look lamp = look_at("AeFlickerMode", 1, "AeFlickerPeriod", 3000);
    CHECK_EXACT(lamp.said.flicker_period_us, 3000);
    CHECK_EQ(lamp.said.flicker, SISP_FLICKER_AVOIDED);
    CHECK_EQ(lamp.said.flicker_source, SISP_SOURCE_MANUAL);
    CHECK_EXACT(fmod(lamp.us, 3000), 0);
    CHECK(plain.said.flicker == SISP_FLICKER_NONE && plain.said.flicker_period_us == 0);
}

int main(void)
{
    RUN(pictures_are_as_their_controls_say);
    RUN(exposure_is_as_its_controls_say);
    RUN(light_is_as_its_controls_say);
    return test_report();
}
