/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sensor against its own description: radiance, mesh and noise model predict every sample. */
#include "sim_test.h"
#include "base/base.h"

#include <math.h>

#define WIDTH  640
#define HEIGHT 480
#define BINS   12

/* The mesh's gain at a sample, as struct sisp_lsc_mesh defines it. */
static double mesh_gain(const struct sisp_raw_info *info, unsigned site, uint32_t x, uint32_t y)
{
    const struct sisp_lsc_mesh *mesh = &info->lsc;
    double u = (x + 0.5) / info->width / (double)mesh->step_x;
    double v = (y + 0.5) / info->height / (double)mesh->step_y;
    uint32_t i = (uint32_t)u, j = (uint32_t)v;
    const float *knot = mesh->gain[site] + j * mesh->cols + i;
    u -= i;
    v -= j;
    return ((double)knot[0] * (1 - u) + (double)knot[1] * u) * (1 - v) +
           ((double)knot[mesh->cols] * (1 - u) + (double)knot[mesh->cols + 1] * u) * v;
}

/* Linear signal, 1 at white, that a sample of the last frame should have without noise. */
static double expected(const struct sim_test *test, uint32_t x, uint32_t y)
{
    const struct sisp_raw_info *info = test->info;
    struct sisp_camera_controls applied = sisp_camera_applied(test->camera);
    unsigned site = (unsigned)sisp_cfa_shift(test->format->cfa, x, y);
    double level = test->radiance[(size_t)y * info->width + x] / 65536.0 *
                   (double)(applied.exposure_us * applied.analogue_gain) / SENSOR_FULL_US *
                   SENSOR_FULL / mesh_gain(info, site, x, y);
    double full = (double)(info->white_level - info->black_level[0]);
    return level / 32768 * (1u << test->format->bits) / full;
}

static double variance_at(const struct sim_test *test, double signal)
{
    double gain = (double)sisp_camera_applied(test->camera).analogue_gain;
    return (double)test->info->noise_shot * gain * signal +
           (double)test->info->noise_read * gain * gain;
}

static bool is_hot(const struct sim_test *test, uint32_t x, uint32_t y)
{
    uint32_t count;
    const struct sim_hot_pixel *hot = sim_truth_hot_pixels(test->camera, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (hot[i].x == x && hot[i].y == y)
            return true;
    }
    return false;
}

static double measured(const struct sim_test *test, uint32_t x, uint32_t y)
{
    const struct sisp_raw_info *info = test->info;
    return ((double)test->codes[(size_t)y * info->width + x] - (double)info->black_level[0]) /
           (double)(info->white_level - info->black_level[0]);
}

struct bin {
    double count, sum, squares; /* of the residual, in predicted sigmas */
    double error;               /* sum of the residual, in codes */
};

static void fill_bins(const struct sim_test *test, struct bin *bins)
{
    double full = (double)(test->info->white_level - test->info->black_level[0]);
    for (uint32_t y = 0; y < HEIGHT; y++) {
        for (uint32_t x = 0; x < WIDTH; x++) {
            double signal = expected(test, x, y), sigma = sqrt(variance_at(test, signal));
            if (signal + 5 * sigma > 1 || is_hot(test, x, y))
                continue;
            double residual = measured(test, x, y) - signal;
            struct bin *bin = &bins[(unsigned)(signal * BINS)];
            bin->count++;
            bin->sum += residual / sigma;
            bin->squares += residual / sigma * (residual / sigma);
            bin->error += residual * full;
        }
    }
}

/* Mean and variance of the noise at all levels of signal, at one setting. */
static void check_noise(struct sim_test *test, float exposure_us, float analogue_gain)
{
    struct bin bins[BINS] = {0};
    unsigned checked = 0;
    sim_read_with(test, exposure_us, analogue_gain);
    fill_bins(test, bins);
    for (unsigned i = 0; i < BINS; i++) {
        double count = bins[i].count, mean = bins[i].sum / count;
        if (count < 8000)
            continue;
        checked++;
        CHECK_NEAR(bins[i].squares / count - mean * mean, 1, 0.05);
        /* Rounding in the arithmetic may shift the mean by a part of a code. */
        CHECK_NEAR(
            bins[i].error / count, 0, 0.3 + 4 * fabs(bins[i].error / bins[i].sum) / sqrt(count));
    }
    CHECK(checked >= 1);
}

TEST(noise_and_mean_are_as_the_info_says)
{
    struct sim_test test = sim_open("SRGGB12", WIDTH, HEIGHT);
    check_noise(&test, 100, 1);
    check_noise(&test, 2000, 1);
    check_noise(&test, 10000, 1);
    check_noise(&test, 10000, 1.5f);
    check_noise(&test, 33333, 1);
    check_noise(&test, 2500, 4);
    check_noise(&test, 1250, 16);
    check_noise(&test, 10000, 16);
    sim_close(&test);
}

TEST(exposure_times_gain_scales_the_mean_until_it_clips)
{
    struct sim_test test = sim_open("SRGGB14", WIDTH, HEIGHT);
    struct sisp_rect rect;
    float color[3];
    double mean[4];
    static const struct sisp_camera_controls settings[4] = {
        {2000, 1}, {8000, 1}, {2000, 4}, {33333, 16}};
    for (unsigned i = 0; i < 4; i++) {
        sim_read_with(&test, settings[i].exposure_us, settings[i].analogue_gain);
        REQUIRE(sim_truth_patch(test.camera, test.next - 1, 18, &rect, color));
        mean[i] = sim_mean(&test, test.codes, rect, SISP_SITE_GR) - 1024;
        if (i < 3) /* the frame moves, and with it the shading */
            mean[i] *= mesh_gain(
                test.info, SISP_SITE_GR, rect.x + rect.width / 2, rect.y + rect.height / 2);
    }
    CHECK_NEAR(mean[1] / mean[0], 4, 0.03);
    CHECK_NEAR(mean[2] / mean[1], 1, 0.01);
    CHECK_EXACT(mean[3] + 1024, 16383); /* every sample: nothing noisy is left of white */
    sim_close(&test);
}

TEST(darkness_lies_at_the_black_level)
{
    static const char *const names[] = {"SRGGB10", "SRGGB12", "SRGGB14", "SRGGB16"};
    for (unsigned i = 0; i < BASE_COUNT(names); i++) {
        struct sim_test test = sim_open(names[i], WIDTH, HEIGHT);
        double code = 65536.0 / (1u << test.format->bits), sum = 0, light = 0, count = 0;
        sim_read_with(&test, 100, 1);
        for (uint32_t y = 0; y < HEIGHT; y++) {
            for (uint32_t x = 0; x < WIDTH; x++) {
                double signal = expected(&test, x, y);
                if (signal > 0.001 || is_hot(&test, x, y))
                    continue;
                sum += test.codes[y * WIDTH + x];
                light += signal;
                count++;
            }
        }
        double full = (double)(test.info->white_level - test.info->black_level[0]);
        REQUIRE(count > 10000);
        /* 64 of 1024 in every depth, to a tenth of a 10-bit code. */
        CHECK_NEAR((sum - light * full) / count * code, 4096, 6.4);
        sim_close(&test);
    }
}

/* The mesh is checked against the frames above; here, that there is something to undo. */
TEST(corners_are_darker_and_not_neutral)
{
    struct sim_test test = sim_open("SRGGB10", 64, 64);
    double red = mesh_gain(test.info, SISP_SITE_R, 0, 0);
    double green = mesh_gain(test.info, SISP_SITE_GB, 0, 0);
    double blue = mesh_gain(test.info, SISP_SITE_B, 0, 0);
    CHECK_NEAR(1 / green, 0.65, 0.02);
    CHECK(red > green * 1.01 && green > blue * 1.01);
    CHECK_NEAR(mesh_gain(test.info, SISP_SITE_R, 32, 32), 1, 0.002);
    sim_close(&test);
}

TEST(hot_pixels_stay_where_they_are)
{
    struct sim_test test = sim_open("SRGGB10", WIDTH, HEIGHT);
    uint32_t count;
    const struct sim_hot_pixel *hot = sim_truth_hot_pixels(test.camera, &count);
    CHECK(count >= 4);
    sisp_camera_set_controls(test.camera, &(struct sisp_camera_controls){20000, 1});
    sim_read(&test);
    for (unsigned n = 0; n < 3; n++) {
        unsigned outliers = 0;
        sim_read(&test);
        for (uint32_t i = 0; i < count; i++) {
            double signal = expected(&test, hot[i].x, hot[i].y);
            double leak = (double)hot[i].level_per_ms * 20 / 30720;
            double least = fmin(1, signal + leak - 5 * sqrt(variance_at(&test, signal)));
            CHECK(measured(&test, hot[i].x, hot[i].y) >= least - 0.001);
        }
        for (uint32_t y = 0; y < HEIGHT; y++) {
            for (uint32_t x = 0; x < WIDTH; x++) {
                double signal = fmin(1, expected(&test, x, y));
                double error = fabs(measured(&test, x, y) - signal);
                outliers += error > 6 * sqrt(variance_at(&test, signal)) + 0.002;
            }
        }
        CHECK(outliers >= 4 && outliers <= count);
    }
    sim_close(&test);
}

int main(void)
{
    RUN(noise_and_mean_are_as_the_info_says);
    RUN(exposure_times_gain_scales_the_mean_until_it_clips);
    RUN(darkness_lies_at_the_black_level);
    RUN(corners_are_darker_and_not_neutral);
    RUN(hot_pixels_stay_where_they_are);
    return test_report();
}
