/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Black level and lens shading refined from a burst. */
#include "tests/harness/test.h"
#include "tests/isp/burst/burst_fixture.h"

#define WIDTH  480
#define HEIGHT 360
#define COUNT  5

static const struct sisp_raw_format *format;

struct scene {
    float exposure[COUNT], black, falloff; /* black: above what is stated */
    int32_t step;                          /* samples from frame to frame */
};

static float shade(float falloff, uint32_t x, uint32_t y)
{
    const float u = (float)x - (WIDTH - 1) / 2.0F, v = (float)y - (HEIGHT - 1) / 2.0F;
    return expf(-falloff * 4 * (u * u + v * v) / (WIDTH * WIDTH + HEIGHT * HEIGHT));
}

static uint8_t *shoot(const struct isp_geometry *g, const struct scene *s, unsigned frame)
{
    struct burst_view v = {3, 70 + frame, (int32_t)frame * s->step, (int32_t)frame % 3 * s->step,
        1e-3F, 1e-5F, 1, {0}};
    struct base_prng prng = {v.draw};
    uint8_t *raw = calloc(g->raw_stride_bytes, g->raw_height);
    if (!raw)
        abort();
    for (uint32_t i = 0; i < WIDTH * HEIGHT; i++) {
        const uint32_t x = i % WIDTH, y = i / WIDTH;
        float light = burst_truth(&v, v.x + (int32_t)x, v.y + (int32_t)y) * s->exposure[frame] *
                      shade(s->falloff, x, y);
        light += sqrtf(v.shot * light + v.read) * burst_gauss(&prng);
        const float code = roundf(BURST_BLACK + s->black + light * BURST_RANGE);
        ((uint16_t *)(void *)raw)[i] = (uint16_t)(code < 0             ? 0
                                                  : code > BURST_WHITE ? BURST_WHITE
                                                                       : code);
    }
    return raw;
}

/* Aligned, and asked. c: what is known, and becomes known. Returns what was changed. */
static uint32_t refine(
    const struct scene *scene, struct sisp_coefficients *c, struct isp_burst_transform *t)
{
    const struct isp_geometry g = burst_geometry(format, WIDTH, HEIGHT);
    struct isp_burst_exposure exposures[COUNT];
    uint8_t *raws[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        raws[i] = shoot(&g, scene, i);
        exposures[i] = (struct isp_burst_exposure){1e4F * scene->exposure[i], 1};
    }
    struct isp_burst burst = burst_of(&g, c, raws, COUNT, 0);
    burst.exposures = exposures;
    void *scratch = burst_memory(
        base_max_size(isp_burst_align_scratch_size(&g), isp_burst_refine_scratch_size()));
    isp_burst_align_begin(&burst, t);
    for (uint32_t phase = 0; phase < isp_burst_align_phases(&burst); phase++) {
        for (uint32_t i = 0; i < isp_burst_align_tasks(&burst, phase); i++)
            isp_burst_align_run(&burst, t, scratch, &(struct isp_burst_task){phase, i});
    }
    for (uint32_t i = 0; i < COUNT; i++)
        isp_burst_refine_frame(&burst, t, i, scratch);
    const uint32_t done = isp_burst_refine(&burst, t, ISP_REFINE_BLACK | ISP_REFINE_SHADING, c);
    free(scratch);
    for (unsigned i = 0; i < COUNT; i++)
        free(raws[i]);
    return done;
}

TEST(a_bracket_tells_black)
{
    static const float offsets[] = {-16, -8, 0, 8, 16};
    for (unsigned i = 0; i < BASE_COUNT(offsets); i++) {
        const struct scene scene = {{0.4F, 1, 0.4F, 1, 0.2F}, offsets[i], 0, 4};
        struct sisp_coefficients c = burst_coefficients(1e-3F, 1e-5F);
        struct isp_burst_transform t;
        const uint32_t done = refine(&scene, &c, &t);
        printf("  black off by %.0f: found %.2f, known to %.2f\n", (double)offsets[i],
            (double)t.black_offset, (double)t.black_error);
        CHECK_NEAR((double)t.black_offset, (double)offsets[i], 1.5);
        CHECK(t.black_error > 0 && t.black_error < 1.5F);
        CHECK_EQ(done & ISP_REFINE_BLACK, offsets[i] != 0 ? ISP_REFINE_BLACK : 0);
        CHECK_NEAR((double)c.black_level[1], BURST_BLACK + (double)offsets[i], 1.5);
        CHECK(!done || fabsf(t.gain[1] - 0.4F) < 0.004F);
    }
}

TEST(equal_exposures_say_nothing_of_black)
{
    const struct scene scene = {{1, 1, 1, 1, 1}, 16, 0, 0};
    struct sisp_coefficients c = burst_coefficients(1e-3F, 1e-5F);
    struct isp_burst_transform t;
    CHECK_EQ(refine(&scene, &c, &t), 0);
    CHECK(t.black_error == 0);
    CHECK(c.black_level[0] == BURST_BLACK && c.lsc.cols == 0);
}

static float mesh_corner(const struct sisp_lsc_mesh *mesh)
{
    const uint32_t middle = mesh->rows / 2 * mesh->cols + mesh->cols / 2;
    return mesh->gain[0][0] / mesh->gain[0][middle];
}

TEST(frames_apart_tell_shading)
{
    static const float falloffs[] = {0, 0.2F, 0.7F};
    for (unsigned i = 0; i < BASE_COUNT(falloffs); i++) {
        const struct scene scene = {{1, 1, 1, 1, 1}, 0, falloffs[i], 16};
        struct sisp_coefficients c = burst_coefficients(1e-3F, 1e-5F);
        struct isp_burst_transform t;
        const uint32_t done = refine(&scene, &c, &t);
        printf("  falloff %.1f: found %.3f, known to %.3f\n", (double)falloffs[i],
            (double)t.falloff, (double)t.falloff_error);
        CHECK_NEAR((double)t.falloff, (double)falloffs[i], 0.04);
        CHECK_EQ(done, falloffs[i] > 0 ? ISP_REFINE_SHADING : 0);
        if (!done)
            continue;
        CHECK_NEAR((double)mesh_corner(&c.lsc), exp((double)falloffs[i]), 0.06);
        const struct sisp_lsc_mesh known = c.lsc; /* what is corrected is not corrected again */
        CHECK_EQ(refine(&scene, &c, &t), 0);
        CHECK_NEAR((double)t.falloff, 0, 0.04);
        CHECK(memcmp(&known, &c.lsc, sizeof known) == 0);
    }
}

/* A mesh that corrects too much is flattened without a gain below 1. */
TEST(too_much_correction_is_taken_back)
{
    const struct scene dark = {{1, 1, 1, 1, 1}, 0, 0.7F, 16}, flat = {{1, 1, 1, 1, 1}, 0, 0, 16};
    struct sisp_coefficients c = burst_coefficients(1e-3F, 1e-5F);
    struct isp_burst_transform t;
    CHECK_EQ(refine(&dark, &c, &t), ISP_REFINE_SHADING);
    CHECK_EQ(refine(&flat, &c, &t), ISP_REFINE_SHADING);
    CHECK_NEAR((double)mesh_corner(&c.lsc), 1, 0.06);
    for (uint32_t i = 0; i < c.lsc.cols * c.lsc.rows; i++)
        CHECK(c.lsc.gain[0][i] >= 0.999F);
}

TEST(still_frames_say_nothing_of_shading)
{
    const struct scene scene = {{1, 1, 1, 1, 1}, 0, 0.7F, 0};
    struct sisp_coefficients c = burst_coefficients(1e-3F, 1e-5F);
    struct isp_burst_transform t;
    CHECK_EQ(refine(&scene, &c, &t), 0);
    CHECK(t.falloff_error == 0 && c.lsc.cols == 0);
}

int main(void)
{
    format = sisp_raw_format_find("SRGGB16");
    RUN(a_bracket_tells_black);
    RUN(equal_exposures_say_nothing_of_black);
    RUN(frames_apart_tell_shading);
    RUN(too_much_correction_is_taken_back);
    RUN(still_frames_say_nothing_of_shading);
    return test_report();
}
