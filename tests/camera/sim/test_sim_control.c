/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim_test.h"
#include "base/base.h"

#include <math.h>

static struct sim_test open_with(const char *options)
{
    return sim_open_params(&(struct sisp_camera_params){
        .width = 64, .height = 64, .raw_format = "SRGGB12", .options = options});
}

/* What holds after a request, in force for long. */
static struct sisp_camera_controls settled(struct sim_test *test, float exposure_us, float gain)
{
    sisp_camera_set_controls(test->camera, &(struct sisp_camera_controls){exposure_us, gain});
    for (unsigned i = 0; i < 8; i++)
        sim_read(test);
    return sisp_camera_applied(test->camera);
}

TEST(exposures_are_the_nearest_whole_lines)
{
    struct sim_test test = open_with("line=18.5");
    struct sisp_camera_limits limits = sisp_camera_limits(test.camera);
    CHECK_EQ(limits.line_ns, 18500);
    CHECK_NEAR((double)limits.exposure_us_min, 6 * 18.5, 1e-3);
    CHECK_NEAR((double)limits.exposure_us_max, 1801 * 18.5, 1e-2);
    for (float ask = 50; ask < 40000; ask *= 1.37f) {
        double got = (double)settled(&test, ask, 1).exposure_us, lines = got / 18.5;
        double wish = fmin(fmax((double)ask, 6 * 18.5), 1801 * 18.5);
        CHECK_NEAR(lines, round(lines), 1e-4);
        CHECK(fabs(got - wish) <= 18.5 / 2 + 0.01);
    }
    sim_close(&test);
}

TEST(gains_are_the_nearest_codes)
{
    static const char *const options[] = {"", "gains=linear"};
    for (unsigned i = 0; i < 2; i++) {
        struct sim_test test = open_with(options[i]);
        for (double ask = 0.9; ask < 18; ask *= 1.21) {
            double got = (double)settled(&test, 1000, (float)ask).analogue_gain;
            double wish = fmin(fmax(ask, 1), 16);
            double code = i ? got * 16 : 1024 - 1024 / got;
            CHECK_NEAR(code, round(code), 1e-3);
            /* Half the distance to the next code. */
            CHECK(fabs(got - wish) <= (i ? 1.0 / 32 : wish * wish / 1024 / 2 * 1.02) + 1e-6);
        }
        CHECK_EXACT(settled(&test, 1000, 16).analogue_gain, 16);
        CHECK_EXACT(settled(&test, 1000, 1).analogue_gain, 1);
        sim_close(&test);
    }
}

/* Mean green code above black, of light that is the same in each frame. */
static double brightness(struct sim_test *test)
{
    struct sisp_rect whole = {0, 0, 64, 64};
    return (sim_mean(test, test->codes, whole, SISP_SITE_GR) - 256) /
           sim_mean(test, test->radiance, whole, SISP_SITE_GR);
}

/* Steps of exposure and gain, each by half: pictures and metadata show them in the frame that the
 * delay says, and neither before. */
TEST(steps_come_as_many_frames_later_as_the_delay_says)
{
    for (unsigned delays = 0; delays < 36; delays++) {
        unsigned exposure = 1 + delays % 6, gain = 1 + delays / 6;
        char options[64];
        snprintf(options, sizeof(options), "exposure-delay=%u,gain-delay=%u", exposure, gain);
        struct sim_test test = open_with(options);
        struct sisp_camera_limits limits = sisp_camera_limits(test.camera);
        CHECK_EQ(limits.exposure_delay_frames, exposure);
        CHECK_EQ(limits.gain_delay_frames, gain);
        CHECK_EQ(limits.delay_frames, exposure > gain ? exposure : gain);
        struct sisp_camera_controls start = settled(&test, 1000, 2), now;
        double before = brightness(&test);
        sisp_camera_set_controls(test.camera, &(struct sisp_camera_controls){2000, 4});
        for (unsigned n = 1; n <= 7; n++) {
            sim_read(&test);
            now = sisp_camera_applied(test.camera);
            CHECK_EXACT(now.exposure_us, n < exposure ? 1000 : 2000);
            CHECK_EXACT(now.analogue_gain, n < gain ? 2 : 4);
            double product = (double)(now.exposure_us * now.analogue_gain / 1000 / 2);
            CHECK_NEAR(brightness(&test) / before / product, 1, 0.03);
        }
        CHECK_EXACT(start.exposure_us, 1000);
        sim_close(&test);
    }
}

TEST(each_request_arrives_by_itself)
{
    struct sim_test test = open_with("exposure-delay=3,gain-delay=1");
    float asked[20];
    for (unsigned n = 0; n < 20; n++) {
        asked[n] = 1000 + 100 * (float)n;
        sisp_camera_set_controls(
            test.camera, &(struct sisp_camera_controls){asked[n], 1 + (float)(n % 2)});
        sim_read(&test);
        struct sisp_camera_controls now = sisp_camera_applied(test.camera);
        CHECK_EXACT(now.exposure_us, n < 2 ? 10000 : asked[n - 2]);
        CHECK_EXACT(now.analogue_gain, 1 + (float)(n % 2));
    }
    sim_close(&test);
}

TEST(frames_have_numbers_and_exact_times)
{
    struct sisp_camera *camera;
    struct sisp_camera_params params = {
        .width = 64, .height = 64, .fps_num = 30000, .fps_den = 1001};
    static uint8_t bytes[64 * 64 * 2];
    REQUIRE(sisp_camera_open_sim(&camera, &params) == 0);
    for (uint64_t n = 0; n < 50; n++) {
        CHECK_EQ(sisp_camera_read(camera, bytes, sizeof(bytes)), 0);
        struct sisp_camera_frame frame = sisp_camera_frame(camera);
        CHECK_EQ(frame.sequence, n);
        CHECK_EQ(frame.start_ns, (n + 1) * 1001000000000 / 30000);
    }
    sisp_camera_destroy(&camera);
}

/* As many rows as fit the frame at most. */
TEST(lines_fit_the_frame)
{
    struct sisp_camera *camera;
    struct sisp_camera_params params = {.width = 64, .height = 4000, .fps_num = 50, .fps_den = 1};
    char error[128];
    REQUIRE(sisp_camera_open_sim(&camera, &params) == 0);
    CHECK_EQ(sisp_camera_limits(camera).line_ns, 5000);
    sisp_camera_destroy(&camera);
    params.options = "line=5";
    CHECK_EQ(sisp_camera_sim_check(&params, error, sizeof(error)), 0);
    params.options = "line=5.1";
    CHECK_EQ(sisp_camera_open_sim(&camera, &params), -22);
    CHECK_EQ(sisp_camera_sim_check(&params, error, sizeof(error)), -22);
    CHECK_STR(error, "line: 4000 rows at this pace take longer than a frame");
}

static void check_refusal(const char *options, const char *sentence)
{
    char error[256] = "";
    struct sisp_camera_params params = {.options = options};
    CHECK_EQ(sisp_camera_sim_check(&params, error, sizeof(error)), sentence ? -22 : 0);
    CHECK_STR(error, sentence ? sentence : "");
}

TEST(options_are_read_or_refused_in_one_sentence)
{
    check_refusal("", NULL);
    check_refusal("lamp=59.94,wave=abs,depth=.25,light=-2,light-step=30:4", NULL);
    check_refusal("fog=1", "the simulated camera has no option 'fog'");
    check_refusal("lamp", "lamp=: it is 0 to 100 Hz (0)");
    check_refusal("depth=0.1,lamp=101", "lamp=101: it is 0 to 100 Hz (0)");
    check_refusal("lamp=5e1", "lamp=5e1: it is 0 to 100 Hz (0)");
    check_refusal("light=nan", "light=nan: it is -8 to 8 EV (0)");
    check_refusal("light=-", "light=-: it is -8 to 8 EV (0)");
    check_refusal("lamp=50,,", "the simulated camera has no option ''");
    check_refusal(
        "depth=1234567890123456", "depth=1234567890123456: it is 0 to 1 of the light (0.4)");
    check_refusal("gains=lin", "gains=lin: it is reciprocal|linear");
    check_refusal("gain-delay=1.5", "gain-delay=1.5: it is a whole number, 1 to 6 frames (2)");
    check_refusal("illuminant=candle",
        "illuminant=candle: it is 1500K..20000K|D40..D250|A|E|FL2|FL4|"
        "FL7|FL11|FL12|HP1|LED-B1|LED-B3|LED-B5|LED-RGB1|LED-V1 (D65)");
    check_refusal("illuminant-step=4:D4", "illuminant-step=4:D4: it is FRAME:LIGHT");
    check_refusal("illuminant=3200K,illuminant-step=4:FL11,sensor=canon-5d,tint=-0.2", NULL);
    check_refusal("light-step=4", "light-step=4: it is FRAME:-8 to 8 EV");
    check_refusal("light-step=1.5:4", "light-step=1.5:4: it is FRAME:-8 to 8 EV");
    check_refusal("light-step=3:9", "light-step=3:9: it is FRAME:-8 to 8 EV");
}

int main(void)
{
    RUN(exposures_are_the_nearest_whole_lines);
    RUN(gains_are_the_nearest_codes);
    RUN(steps_come_as_many_frames_later_as_the_delay_says);
    RUN(each_request_arrives_by_itself);
    RUN(frames_have_numbers_and_exact_times);
    RUN(lines_fit_the_frame);
    RUN(options_are_read_or_refused_in_one_sentence);
    return test_report();
}
