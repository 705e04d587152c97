/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The noise model of frames that state none. */
#include "tests/harness/test.h"
#include "tests/isp/burst/burst_fixture.h"

#define WIDTH  416
#define HEIGHT 352

static const struct sisp_raw_format *format;

static struct isp_noise estimate(const struct isp_geometry *g, const struct sisp_coefficients *c,
    uint8_t *const *raws, uint32_t count, float gain)
{
    const struct isp_burst_exposure exposures[2] = {{0, gain}, {0, gain}};
    const struct isp_burst_transform t = {0};
    struct isp_burst burst = burst_of(g, c, raws, count, 0);
    burst.exposures = exposures;
    void *scratch = burst_memory(isp_noise_scratch_size());
    struct isp_noise noise;
    isp_noise_estimate(&burst, &t, (1U << count) - 1, scratch, &noise);
    free(scratch);
    return noise;
}

static double at(float shot, float read, double level)
{
    return (double)shot * level + (double)read;
}

/* Of the last, black cuts off a third of the noise in the dark. */
static const float models[][2] = {{1e-3F, 1e-5F}, {5e-3F, 1e-3F}, {2e-2F, 1.5e-2F}};

TEST(one_frame_tells_its_noise)
{
    struct isp_geometry g = burst_geometry(format, WIDTH, HEIGHT);
    struct sisp_coefficients c = burst_coefficients(0, 0);
    for (unsigned i = 0; i < BASE_COUNT(models); i++) {
        struct burst_view v = {5, i, 0, 0, models[i][0], models[i][1], 1, {0}};
        uint8_t *raw = burst_shoot(&g, format, &v);
        const struct isp_noise n = estimate(&g, &c, &raw, 1, 0);
        for (double x = 0.1; x < 0.5; x += 0.15) {
            const double want =
                at(models[i][0], models[i][1] + 1 / 12.0F / BURST_RANGE / BURST_RANGE, x);
            printf("  one frame, variance at %.2f: %.3f of the truth\n", x,
                at(n.shot, n.read, x) / want);
            CHECK_NEAR(at(n.shot, n.read, x) / want, 1, 0.2);
        }
        CHECK(n.error > 0 && n.error < 0.15F);
        printf("  known to %.3f, confidence %.2f\n", (double)n.error, (double)n.confidence);
        CHECK(n.confidence > 0.3F && n.confidence <= 1);
        free(raw);
    }
}

/* What both frames show is no noise, though in one it looks like it. */
TEST(two_frames_tell_noise_from_grain)
{
    struct isp_geometry g = burst_geometry(format, WIDTH, HEIGHT);
    struct sisp_coefficients c = burst_coefficients(0, 0);
    struct burst_view v = {5, 3, 0, 0, 1e-3F, 1e-5F, 1, {0}};
    uint8_t *raws[2];
    for (unsigned i = 0; i < 2; i++) {
        v.draw = 40 + i;
        raws[i] = burst_shoot(&g, format, &v);
        for (uint32_t k = 0; k < WIDTH * HEIGHT; k++) {
            uint16_t *sample = (uint16_t *)(void *)raws[i] + k;
            *sample = (uint16_t)(*sample + (int)(200 * burst_hash(7, k, 0)));
        }
    }
    const struct isp_noise one = estimate(&g, &c, raws, 1, 0), two = estimate(&g, &c, raws, 2, 0);
    CHECK(at(one.shot, one.read, 0.3) > 1.5 * at(1e-3F, 1e-5F, 0.3));
    CHECK_NEAR(at(two.shot, two.read, 0.3) / at(1e-3F, 1e-5F, 0.3), 1, 0.15);
    for (unsigned i = 0; i < 2; i++)
        free(raws[i]);
}

/* Rough all over: octaves down to two samples of a colour. */
TEST(texture_is_not_trusted)
{
    struct isp_geometry g = burst_geometry(format, WIDTH, HEIGHT);
    struct sisp_coefficients c = burst_coefficients(0, 0);
    uint8_t *raw = calloc(g.raw_stride_bytes, g.raw_height);
    REQUIRE(raw);
    for (int32_t y = 0; y < HEIGHT; y++) {
        for (int32_t x = 0; x < WIDTH; x++)
            ((uint16_t *)(void *)raw)[y * WIDTH + x] =
                (uint16_t)(BURST_BLACK + 1000 + 800 * burst_octave(1, x, y, 16) +
                           400 * burst_octave(2, x, y, 8) + 200 * burst_octave(3, x, y, 4));
    }
    const struct isp_noise n = estimate(&g, &c, &raw, 1, 0);
    printf("  texture: confidence %.3f\n", (double)n.confidence);
    CHECK(n.confidence < 0.2F);
    free(raw);
}

TEST(no_sensor_is_that_noisy)
{
    struct isp_geometry g = burst_geometry(format, WIDTH, HEIGHT);
    struct sisp_coefficients c = burst_coefficients(0, 0);
    struct burst_view v = {5, 1, 0, 0, 1e-2F, 1e-5F, 1, {0}};
    uint8_t *raw = burst_shoot(&g, format, &v);
    const struct isp_noise base = estimate(&g, &c, &raw, 1, 1),
                           high = estimate(&g, &c, &raw, 1, 16);
    CHECK(base.shot <= 1e-3F && base.confidence < 0.2F);
    CHECK(high.shot > 8e-3F && high.confidence > 0.7F);
    free(raw);
}

TEST(nothing_is_seen_in_nothing)
{
    struct isp_geometry g = burst_geometry(format, WIDTH, HEIGHT);
    struct sisp_coefficients c = burst_coefficients(0, 0);
    uint8_t *raw = calloc(g.raw_stride_bytes, g.raw_height);
    REQUIRE(raw);
    for (int value = 0; value < 256; value += 255) {
        memset(raw, value, g.raw_stride_bytes * g.raw_height);
        const struct isp_noise n = estimate(&g, &c, &raw, 1, 0);
        CHECK(n.shot == 0 && n.read == 0 && n.confidence == 0);
    }
    g = burst_geometry(format, 14, 40); /* narrower than a window */
    const struct isp_noise n = estimate(&g, &c, &raw, 1, 0);
    CHECK(n.shot == 0 && n.read == 0 && n.confidence == 0);
    free(raw);
}

int main(void)
{
    format = sisp_raw_format_find("SRGGB16");
    RUN(one_frame_tells_its_noise);
    RUN(two_frames_tell_noise_from_grain);
    RUN(texture_is_not_trusted);
    RUN(no_sensor_is_that_noisy);
    RUN(nothing_is_seen_in_nothing);
    return test_report();
}
