/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What real cameras do to loops: black that drifts, colour shading, frames that are lost. */
#include "sim_test.h"
#include "base/base.h"

#include <math.h>

#define WIDTH  320
#define HEIGHT 240

static struct sim_test open_with(const char *options)
{
    return sim_open_params(&(struct sisp_camera_params){.width = WIDTH,
        .height = HEIGHT,
        .fps_num = 10,
        .fps_den = 1,
        .seed = 7,
        .raw_format = "SRGGB14",
        .options = options});
}

/* Mean of the dark rows, of which hot pixels are few, in codes of 14 bits. */
static double dark_level(const struct sim_test *test, uint32_t rows)
{
    double sum = 0, count = 0;
    for (uint32_t i = 0; i < rows * WIDTH; i++) {
        if (test->codes[i] > 1024 + 600)
            continue;
        sum += test->codes[i];
        count++;
    }
    return sum / count;
}

TEST(black_drifts_by_half_in_its_time)
{
    static const int drifts[] = {0, -8, 32};
    for (unsigned i = 0; i < 3; i++) {
        char options[64];
        snprintf(options, sizeof(options), "dark-rows=32,black-drift=%d,drift-time=2", drifts[i]);
        struct sim_test test = open_with(options);
        for (unsigned n = 0; n < 40; n++) {
            sim_read(&test);
            double time_s = (n + 1) / 10.0, drift = drifts[i] * time_s / (time_s + 2);
            CHECK_NEAR(sim_truth_black_drift(test.camera, n), drift / 1024, 1e-9);
            CHECK_NEAR(dark_level(&test, 32), 1024 + 16 * drift, 2);
        }
        CHECK_EXACT(test.info->black_level[0], 1024); /* what the maker says stays */
        sim_close(&test);
    }
}

/* The deepest noise at the highest gain does not wrap around. */
TEST(black_stays_above_zero)
{
    struct sim_test test = open_with("dark-rows=64,black-drift=-8,drift-time=0.1");
    unsigned low = 65535;
    for (unsigned n = 0; n < 6; n++) {
        sim_read_with(&test, 100, 16);
        for (uint32_t i = 0; i < 64 * WIDTH; i++)
            low = test.codes[i] < low ? test.codes[i] : low;
        double drift = sim_truth_black_drift(test.camera, test.next - 1);
        CHECK_NEAR(dark_level(&test, 64), 1024 + 16384 * drift, 10);
    }
    CHECK(low > 0 && low < 600);
    sim_close(&test);
}

TEST(dark_rows_lie_outside_the_picture)
{
    struct sim_test test = open_with("dark-rows=16");
    struct sim_test plain = sim_open_params(&(struct sisp_camera_params){
        .width = WIDTH, .height = HEIGHT + 16, .seed = 7, .raw_format = "SRGGB14"});
    CHECK_EQ(test.info->crop.y, 16);
    CHECK_EQ(test.info->crop.height, HEIGHT);
    CHECK_EQ(test.info->height, HEIGHT + 16);
    CHECK_EQ(plain.info->crop.y, 0);
    CHECK(!signbit(plain.info->lsc.origin_y)); /* telemetry would lose the sign of zero */
    sim_read(&test);
    sim_read(&plain);
    CHECK_NEAR(dark_level(&test, 16), 1024, 2);
    CHECK(memcmp(test.codes + 16 * WIDTH, plain.codes + 16 * WIDTH,
              HEIGHT * WIDTH * sizeof(uint16_t)) == 0);
    /* The mesh is that of the whole frame, in fractions of the picture. */
    const struct sisp_lsc_mesh *mesh = &test.info->lsc;
    double first = (double)mesh->origin_y * HEIGHT + 16;
    double last = first + (double)mesh->step_y * (mesh->rows - 1) * HEIGHT;
    CHECK_NEAR(first, 0, 1e-3);
    CHECK_NEAR(last, HEIGHT + 16, 1e-3);
    CHECK(memcmp(mesh->gain, plain.info->lsc.gain, sizeof(mesh->gain)) == 0);
    sim_close(&test);
    sim_close(&plain);
}

/* ---- shading ------------------------------------------------------------------------------ */

/* What an edge at 650 nm that moves by `shift_nm` leaves of a channel. */
static double filtered(const char *light_name, unsigned channel, double shift_nm)
{
    struct spectra_curves curves = spectra_curves(1);
    struct spectrum light;
    double all = 0, left = 0;
    if (!spectra_light(light_name, &light))
        abort();
    for (unsigned i = 0; i < SPECTRA_BANDS; i++) {
        double past = 400 + 10.0 * i - 650, seen = light.band[i] * curves.channel[channel][i];
        all += seen;
        left += seen * (1 + exp2(past / 4)) / (1 + exp2((past + shift_nm) / 4));
    }
    return left / all;
}

TEST(colour_shading_depends_on_the_light)
{
    static const char *const lights[] = {"A", "D65", "FL11"};
    static const enum sisp_site sites[3] = {SISP_SITE_R, SISP_SITE_GR, SISP_SITE_B};
    static const double tan2[3] = {0.255, 0.240, 0.228};
    float corner[3][3];
    for (unsigned i = 0; i < 3; i++) {
        char options[80];
        snprintf(options, sizeof(options), "sensor=canon-5d,ir-shift=30,illuminant=%s", lights[i]);
        struct sim_test test = open_with(options);
        struct sisp_rect rect = {0, 0, 16, 16};
        double sums[3] = {0}, light[3] = {0};
        for (unsigned n = 0; n < 12; n++) {
            sim_read(&test);
            for (unsigned c = 0; n >= 2 && c < 3; c++) {
                sums[c] += sim_mean(&test, test.codes, rect, sites[c]) - 1024;
                light[c] += sim_mean(&test, test.radiance, rect, sites[c]) / 65536 * 15360;
            }
        }
        double r2 = (152.0 * 152 + 112 * 112) / (160.0 * 160 + 120 * 120);
        for (unsigned c = 0; c < 3; c++) {
            double root = 1 / (1 + tan2[c] * r2);
            double theory = root * root * filtered(lights[i], c, 30 * r2);
            CHECK_NEAR(sums[c] / light[c] * 8000 / 10000 / theory, 1, 0.02);
        }
        sim_truth_corner(test.camera, 0, corner[i]);
        for (unsigned c = 0; c < 3; c++)
            CHECK_NEAR((double)corner[i][c],
                filtered(lights[i], c, 30) / ((1 + tan2[c]) * (1 + tan2[c])), 1e-4);
        sim_close(&test);
    }
}

/* ---- lost frames -------------------------------------------------------------------------- */

TEST(a_gap_is_seen_in_sequence_and_time)
{
    struct sim_test gap = open_with("gap=3:4,exposure-delay=3"),
                    whole = open_with("exposure-delay=3");
    for (unsigned n = 0; n < 12; n++) {
        struct sisp_camera_controls ask = {1000 + 100 * (float)n, 1};
        sisp_camera_set_controls(whole.camera, &ask);
        CHECK_EQ(sisp_camera_read(whole.camera, whole.bytes, whole.size_bytes), 0);
        if (n >= 3 && n < 7)
            continue;
        sisp_camera_set_controls(gap.camera, &ask);
        CHECK_EQ(sisp_camera_read(gap.camera, gap.bytes, gap.size_bytes), 0);
        if (n < 3) {
            CHECK(memcmp(gap.bytes, whole.bytes, gap.size_bytes) == 0);
            continue;
        }
        struct sisp_camera_frame frame = sisp_camera_frame(gap.camera);
        CHECK_EQ(frame.sequence, n);
        CHECK_EQ(frame.start_ns, (n + 1) * UINT64_C(100000000));
        /* A request before the gap is in force after it. */
        CHECK_EXACT(sisp_camera_applied(gap.camera).exposure_us,
            n == 7 || n == 8 ? 1700 : 1000 + 100 * (float)(n - 2));
    }
    sim_close(&gap);
    sim_close(&whole);
}

TEST(as_many_frames_are_lost_as_told)
{
    struct sisp_camera *cameras[2];
    struct sisp_camera_params params = {.width = 64, .height = 64, .seed = 9, .options = "drop=20"};
    static uint8_t bytes[2][64 * 64 * 2];
    uint64_t last = 0, gaps = 0;
    for (unsigned i = 0; i < 2; i++)
        REQUIRE(sisp_camera_open_sim(&cameras[i], &params) == 0);
    for (unsigned n = 0; n < 2000; n++) {
        for (unsigned i = 0; i < 2; i++)
            CHECK_EQ(sisp_camera_read(cameras[i], bytes[i], sizeof(bytes[i])), 0);
        struct sisp_camera_frame frame = sisp_camera_frame(cameras[0]);
        CHECK_EQ(frame.sequence, sisp_camera_frame(cameras[1]).sequence);
        CHECK(memcmp(bytes[0], bytes[1], sizeof(bytes[0])) == 0);
        gaps += n && frame.sequence > last + 1;
        last = frame.sequence;
    }
    CHECK_NEAR(2000.0 / (double)(last + 1), 0.8, 0.03);
    CHECK(gaps > 250); /* apart from each other, not one long gap */
    for (unsigned i = 0; i < 2; i++)
        sisp_camera_destroy(&cameras[i]);
}

int main(void)
{
    RUN(black_drifts_by_half_in_its_time);
    RUN(black_stays_above_zero);
    RUN(dark_rows_lie_outside_the_picture);
    RUN(colour_shading_depends_on_the_light);
    RUN(a_gap_is_seen_in_sequence_and_time);
    RUN(as_many_frames_are_lost_as_told);
    return test_report();
}
