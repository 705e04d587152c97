/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames under lamps against the same frames under steady light, and both against theory. */
#include "sim_test.h"
#include "base/base.h"
#include "camera/sim/lamp.h"

#include <math.h>

#define WIDTH  320
#define HEIGHT 240
#define PI     3.14159265358979323846

TEST(functions_are_those_of_mathematics)
{
    for (double x = 0; x < 2; x += 0.00917)
        CHECK_NEAR(lamp_sine(x), sin(2 * PI * x), 1e-12);
    for (double x = -20; x < 20; x += 0.31)
        CHECK_NEAR(lamp_exp2(x) / exp2(x), 1, 1e-13);
}

/* Mean of the light by adding up many moments. */
static double summed(const struct lamp *lamp, double start_s, double duration_s)
{
    double sum = 0;
    for (int i = 0; i < 4000; i++) {
        double t = start_s + duration_s * (i + 0.5) / 4000;
        double phase = 2 * PI * t * lamp->mains_mhz / 1000;
        double wave = lamp->wave == LAMP_ABS ? PI / 2 * fabs(sin(phase)) : 1 - cos(2 * phase);
        sum += 1 - lamp->depth + lamp->depth * wave;
    }
    return sum / 4000;
}

TEST(light_is_the_mean_over_the_exposure)
{
    static const uint32_t mains_mhz[] = {50000, 60000, 49870};
    for (unsigned i = 0; i < 6; i++) {
        struct lamp lamp = {mains_mhz[i % 3], i < 3 ? LAMP_SINE : LAMP_ABS, 0.7};
        for (uint64_t start_ns = 0; start_ns < 40000000; start_ns += 3141593) {
            for (uint64_t length_ns = 100000; length_ns < 40000000; length_ns *= 3)
                CHECK_NEAR(lamp_mean(&lamp, start_ns, length_ns),
                    summed(&lamp, (double)start_ns / 1e9, (double)length_ns / 1e9), 2e-4);
        }
        /* True time, days later, too: 1000 s are whole periods. */
        CHECK_NEAR(lamp_mean(&lamp, UINT64_C(900000123456789), 2000000),
            lamp_mean(&lamp, 123456789, 2000000), 1e-12);
    }
}

struct pair {
    struct sim_test lamp, steady; /* the same but for the lamp */
};

static struct pair open_pair(const char *options, uint32_t fps_num, uint32_t fps_den)
{
    struct sisp_camera_params params = {.width = WIDTH,
        .height = HEIGHT,
        .fps_num = fps_num,
        .fps_den = fps_den,
        .seed = 7,
        .raw_format = "SRGGB14",
        .options = options};
    struct pair pair = {.lamp = sim_open_params(&params)};
    params.options = "line=60";
    pair.steady = sim_open_params(&params);
    return pair;
}

static void close_pair(struct pair *pair)
{
    sim_close(&pair->lamp);
    sim_close(&pair->steady);
}

static void read_pair(struct pair *pair, float exposure_us)
{
    sim_read_with(&pair->lamp, exposure_us, 1);
    sim_read_with(&pair->steady, exposure_us, 1);
}

/* Light of row y of the frames last read, by what the rows hold. */
static double row_light(const struct pair *pair, uint32_t y)
{
    double sums[2] = {0, 0};
    for (uint32_t x = 0; x < WIDTH; x++) {
        sums[0] += pair->lamp.codes[y * WIDTH + x] - 1024.0;
        sums[1] += pair->steady.codes[y * WIDTH + x] - 1024.0;
    }
    return sums[0] / sums[1];
}

static const struct rate {
    uint32_t num, den;
} rates[] = {{24, 1}, {25, 1}, {30000, 1001}, {30, 1}};

TEST(bands_are_those_of_theory)
{
    for (unsigned i = 0; i < 16; i++) {
        struct rate rate = rates[i % 4];
        double mains = i & 4 ? 60 : 50, exposure_s = i & 8 ? 0.0141 : 0.0018;
        struct pair pair = open_pair(
            i & 4 ? "line=60,lamp=60,depth=0.5" : "line=60,lamp=50,depth=0.5", rate.num, rate.den);
        double worst = 0, low = 2, high = 0, k = 2 * PI * mains;
        for (unsigned n = 0; n < 3; n++)
            read_pair(&pair, (float)(exposure_s * 1e6));
        double start_s = (double)pair.lamp.next * rate.den / rate.num;
        double got_s = (double)(sisp_camera_applied(pair.lamp.camera).exposure_us / 1e6f);
        for (uint32_t y = 0; y < HEIGHT; y++) {
            double middle = start_s + y * 60e-6 - got_s / 2;
            double theory = 1 - 0.5 * cos(2 * k * middle) * sin(k * got_s) / (k * got_s);
            double light = row_light(&pair, y);
            worst = fmax(worst, fabs(light - theory));
            low = fmin(low, light);
            high = fmax(high, light);
        }
        CHECK(worst < 0.01); /* noise and clipping */
        /* More than a period of bands fits the frame. */
        CHECK_NEAR((high - low) / (high + low), 0.5 * fabs(sin(k * got_s) / (k * got_s)), 0.01);
        close_pair(&pair);
    }
}

/* How far the rows' light moves from one frame to the next. */
static double movement(const char *options, struct rate rate, float exposure_us)
{
    struct pair pair = open_pair(options, rate.num, rate.den);
    double first[HEIGHT], most = 0;
    read_pair(&pair, exposure_us);
    for (uint32_t y = 0; y < HEIGHT; y++)
        first[y] = row_light(&pair, y);
    sim_read(&pair.lamp);
    sim_read(&pair.steady);
    for (uint32_t y = 0; y < HEIGHT; y++)
        most = fmax(most, fabs(row_light(&pair, y) - first[y]));
    close_pair(&pair);
    return most;
}

TEST(bands_stand_still_where_the_frame_rate_divides_the_flicker)
{
    for (unsigned i = 0; i < BASE_COUNT(rates); i++) {
        double at_50 = movement("line=60,lamp=50,depth=0.5", rates[i], 2000);
        double at_60 = movement("line=60,lamp=60,depth=0.5", rates[i], 2000);
        /* 25 fps holds 4 periods of 100 Hz; 24 and 30 fps hold 5 and 4 of 120 Hz. At 29.97 fps
         * the phase moves by 4 per mille of a period. */
        CHECK(rates[i].num == 25 ? at_50 < 0.01 : at_50 > 0.3);
        if (rates[i].num == 25)
            CHECK(at_60 > 0.3);
        else
            CHECK(rates[i].den == 1 ? at_60 < 0.01 : at_60 > 0.01 && at_60 < 0.03);
    }
}

TEST(whole_periods_and_steady_light_have_no_bands)
{
    static const struct {
        const char *options;
        float exposure_us;
    } cases[] = {
        {"line=60,lamp=0,depth=1", 2000},
        {"line=60,lamp=50,depth=0", 2000},
        {"line=100,lamp=50,depth=1", 10000},
        {"line=100,lamp=50,depth=1,wave=abs", 20000},
        {"line=62.5,lamp=60,depth=1", 1e6f / 60},
    };
    for (unsigned i = 0; i < BASE_COUNT(cases); i++) {
        struct sim_test test = sim_open_params(&(struct sisp_camera_params){
            .width = 64, .height = 64, .raw_format = "SRGGB10", .options = cases[i].options});
        sim_read_with(&test, cases[i].exposure_us, 1);
        float us = sisp_camera_applied(test.camera).exposure_us;
        for (uint32_t y = 0; y < 64; y++)
            CHECK_NEAR(sim_truth_light(test.camera, 1, y, us), 1, i == 4 ? 0.005 : 1e-9);
        sim_close(&test);
    }
    double still = movement("line=60,lamp=0,depth=1", rates[3], 2000);
    CHECK_EXACT(still, 0);
}

TEST(light_is_set_and_steps_at_its_frame)
{
    struct pair pair = open_pair("line=60,light=-1.5,light-step=6:2", 30, 1);
    for (unsigned n = 0; n < 5; n++) {
        read_pair(&pair, 1000);
        uint64_t frame = sisp_camera_frame(pair.lamp.camera).sequence;
        double wish = exp2(frame < 6 ? -1.5 : 2), light = 0;
        for (uint32_t y = 0; y < HEIGHT; y++)
            light += row_light(&pair, y) / HEIGHT;
        CHECK_NEAR(sim_truth_light(pair.lamp.camera, frame, 9, 1000), wish, 1e-9);
        CHECK_NEAR(light / wish, 1, 0.01);
    }
    CHECK_NEAR(sim_truth_light(pair.lamp.camera, 5, 0, 1000), exp2(-1.5), 1e-9);
    CHECK_NEAR(sim_truth_light(pair.lamp.camera, 6, 0, 1000), 4, 1e-9);
    close_pair(&pair);
}

int main(void)
{
    RUN(functions_are_those_of_mathematics);
    RUN(light_is_the_mean_over_the_exposure);
    RUN(bands_are_those_of_theory);
    RUN(bands_stand_still_where_the_frame_rate_divides_the_flicker);
    RUN(whole_periods_and_steady_light_have_no_bands);
    RUN(light_is_set_and_steps_at_its_frame);
    return test_report();
}
