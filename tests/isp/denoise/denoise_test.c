/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Noise reduction of mosaics: known scenes, noise of a known model. */
#include <isp/isp.h>

#include <base/base.h>
#include <base/prng.h>

#include <errno.h>
#include <math.h>

#include "tests/harness/test.h"

#define BLACK ISP_MERGED_BLACK
#define RANGE (65535 - BLACK)

static const struct isp_denoise_noise strong = {0.01F, 0.006F, -1.0F / 15};
static const struct isp_denoise_noise weak = {1e-4F, 1e-6F, -1.0F / 15};

struct mosaic {
    uint32_t width, height;
    uint16_t *samples;
};

static struct mosaic mosaic_make(uint32_t width, uint32_t height)
{
    return (struct mosaic){width, height, calloc((size_t)width * height, sizeof(uint16_t))};
}

static uint16_t code_of(double light)
{
    const double code = light * RANGE + BLACK + 0.5;
    return (uint16_t)(code < 0 ? 0 : code > 65535 ? 65535 : code);
}

static double light_of(uint16_t code)
{
    return ((double)code - BLACK) / RANGE;
}

/* Smooth shades in three colours, a disc with an edge, and a dark third. */
static double scene(uint32_t x, uint32_t y)
{
    static const double tint[4] = {0.5, 1, 1, 0.6};
    const double dx = (double)x - 90, dy = (double)y - 70;
    double light = 0.25 + 0.2 * sin(x * 0.021) * cos(y * 0.017);
    if (dx * dx + dy * dy < 50 * 50)
        light += 0.25;
    if (x > 200)
        light *= 0.05;
    return light * tint[(x & 1) + 2 * (y & 1)];
}

static double gauss(struct base_prng *prng)
{
    double sum = -6;
    for (unsigned i = 0; i < 12; i++)
        sum += base_prng_below(prng, 1u << 24) / (double)(1u << 24);
    return sum;
}

/* share: of the model's variance. */
static void add_noise(struct mosaic *m, const struct isp_denoise_noise *n, double share)
{
    struct base_prng prng = {7};
    for (size_t i = 0; i < (size_t)m->width * m->height; i++) {
        const double light = light_of(m->samples[i]);
        const double variance = (double)n->shot * (light > 0 ? light : 0) + (double)n->read;
        m->samples[i] = code_of(light + gauss(&prng) * sqrt(share * variance));
    }
}

static struct mosaic draw_scene(uint32_t width, uint32_t height, uint32_t x0, uint32_t y0)
{
    struct mosaic m = mosaic_make(width, height);
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++)
            m.samples[y * width + x] = code_of(scene(x + x0, y + y0));
    }
    return m;
}

struct denoiser {
    const struct isp_denoise_noise *noise;
    float strength;
    const uint16_t *map;
    enum isp_isa isa;
    bool is_backwards;
};

static struct isp_geometry geometry_of(const struct mosaic *m)
{
    return (struct isp_geometry){.raw_fourcc = sisp_raw_format_find("SRGGB16")->fourcc,
        .raw_width = m->width,
        .raw_height = m->height,
        .raw_stride_bytes = (size_t)m->width * 2,
        .crop = {0, 0, m->width, m->height}};
}

static struct sisp_coefficients coefficients_of(float strength)
{
    return (struct sisp_coefficients){
        .black_level = {BLACK, BLACK, BLACK, BLACK}, .white_level = 65535, .denoise = strength};
}

static struct mosaic denoise(const struct mosaic *in, const struct denoiser *d)
{
    struct isp_denoise_recipe *recipe = aligned_alloc(64, isp_denoise_recipe_size());
    void *scratch = aligned_alloc(64, isp_denoise_scratch_size());
    struct mosaic out = mosaic_make(in->width, in->height);
    const struct isp_denoise job = {(const uint8_t *)in->samples, out.samples, d->map};
    const struct isp_geometry g = geometry_of(in);
    const struct sisp_coefficients c = coefficients_of(d->strength);
    const uint32_t tiles = isp_denoise_tiles(&g);
    memset(scratch, d->is_backwards ? 0xff : 0, isp_denoise_scratch_size());
    CHECK_EQ(isp_denoise_compile(recipe, &g, &c, d->noise, d->isa), 0);
    for (uint32_t i = 0; i < tiles; i++)
        isp_denoise_tile(recipe, &job, d->is_backwards ? tiles - 1 - i : i, scratch);
    free(scratch);
    free(recipe);
    return out;
}

static struct denoiser usual(const struct isp_denoise_noise *noise)
{
    return (struct denoiser){noise, 1, NULL, (enum isp_isa)isp_isa_find("auto"), false};
}

/* Mean square of a - b in columns x0 to x1 - 1, and the mean of the difference. */
static double error_in(
    const struct mosaic *a, const struct mosaic *b, uint32_t x0, uint32_t x1, double *bias)
{
    double sum = 0, squares = 0;
    for (uint32_t y = 0; y < a->height; y++) {
        for (uint32_t x = x0; x < x1; x++) {
            const size_t i = (size_t)y * a->width + x;
            const double d = light_of(a->samples[i]) - light_of(b->samples[i]);
            sum += d;
            squares += d * d;
        }
    }
    const double count = (double)a->height * (x1 - x0);
    *bias = sum / count;
    return squares / count;
}

static int most_apart(const struct mosaic *a, const struct mosaic *b)
{
    int most = 0;
    for (size_t i = 0; i < (size_t)a->width * a->height; i++) {
        const int d = abs((int)a->samples[i] - (int)b->samples[i]);
        most = d > most ? d : most;
    }
    return most;
}

TEST(noise_goes_and_light_stays)
{
    const struct mosaic clean = draw_scene(301, 203, 0, 0);
    struct mosaic noisy = draw_scene(301, 203, 0, 0);
    add_noise(&noisy, &strong, 1);
    const struct denoiser d = usual(&strong);
    const struct mosaic out = denoise(&noisy, &d);
    double bias;
    const double before = error_in(&noisy, &clean, 0, 200, &bias);
    CHECK(error_in(&out, &clean, 0, 200, &bias) < before / 20);
    CHECK(fabs(bias) < 0.002);
    /* In the dark a quarter of the samples were cut off at the lowest code; none of that is left.
     */
    error_in(&noisy, &clean, 200, 301, &bias);
    CHECK(bias > 0.002);
    error_in(&out, &clean, 200, 301, &bias);
    CHECK(fabs(bias) < 0.001);
    free(clean.samples);
    free(noisy.samples);
    free(out.samples);
}

TEST(any_order_and_level_gives_the_same_bits)
{
    struct mosaic noisy = draw_scene(301, 203, 0, 0);
    add_noise(&noisy, &strong, 1);
    struct denoiser d = usual(&strong);
    const struct mosaic first = denoise(&noisy, &d);
    d.is_backwards = true;
    for (int isa = 0; isa < ISP_ISA_COUNT; isa++) {
        if (isp_isa_find(isp_isa_name((enum isp_isa)isa)) < 0)
            continue;
        d.isa = (enum isp_isa)isa;
        const struct mosaic other = denoise(&noisy, &d);
        CHECK_EQ(most_apart(&first, &other), 0);
        free(other.samples);
    }
    free(first.samples);
    free(noisy.samples);
}

/* The same picture cut 16 samples further on has its tiles elsewhere; only borders may differ. */
TEST(tiles_have_no_seams)
{
    struct mosaic whole = draw_scene(432, 96, 0, 0);
    add_noise(&whole, &strong, 1);
    struct mosaic part = mosaic_make(416, 96);
    for (uint32_t y = 0; y < 96; y++)
        memcpy(part.samples + (size_t)y * 416, whole.samples + (size_t)y * 432 + 16, 416 * 2);
    const struct denoiser d = usual(&strong);
    const struct mosaic a = denoise(&whole, &d), b = denoise(&part, &d);
    int most = 0;
    for (uint32_t y = 0; y < 96; y++) {
        for (uint32_t x = 64; x < 416; x++) {
            const int apart = abs((int)a.samples[y * 432 + x + 16] - (int)b.samples[y * 416 + x]);
            most = apart > most ? apart : most;
        }
    }
    CHECK(most <= 1);
    free(whole.samples);
    free(part.samples);
    free(a.samples);
    free(b.samples);
}

/* The samples of a crop, and no others: whatever is around it, however the raw is packed. */
TEST(a_crop_of_packed_samples_is_what_it_holds)
{
    struct mosaic m = mosaic_make(70, 50);
    struct base_prng prng = {5};
    uint8_t *packed = calloc(56, 100); /* SRGGB10P, 80x56 */
    for (uint32_t y = 0; y < 50; y++) {
        for (uint32_t x = 0; x < 70; x++) {
            const uint32_t code = 300 + base_prng_below(&prng, 200), at = x + 6;
            uint8_t *group = packed + (size_t)(y + 4) * 100 + at / 4 * 5;
            m.samples[y * 70 + x] = (uint16_t)code;
            group[at % 4] = (uint8_t)(code >> 2);
            group[4] |= (uint8_t)((code & 3) << 2 * (at % 4));
        }
    }
    struct isp_geometry g = geometry_of(&m);
    struct sisp_coefficients c = {
        .black_level = {64, 64, 64, 64}, .white_level = 1023, .denoise = 1};
    const struct denoiser d = usual(&strong);
    struct isp_denoise_recipe *recipe = aligned_alloc(64, isp_denoise_recipe_size());
    void *scratch = aligned_alloc(64, isp_denoise_scratch_size());
    struct mosaic out[2] = {mosaic_make(70, 50), mosaic_make(70, 50)};
    for (unsigned k = 0; k < 2; k++) {
        CHECK_EQ(isp_denoise_compile(recipe, &g, &c, &strong, d.isa), 0);
        const struct isp_denoise job = {
            k ? packed : (const uint8_t *)m.samples, out[k].samples, NULL};
        isp_denoise_tile(recipe, &job, 0, scratch);
        g = (struct isp_geometry){.raw_fourcc = sisp_raw_format_find("SRGGB10P")->fourcc,
            .raw_width = 80,
            .raw_height = 56,
            .raw_stride_bytes = 100,
            .crop = {6, 4, 70, 50}};
    }
    CHECK_EQ(most_apart(&out[0], &out[1]), 0);
    CHECK(most_apart(&out[0], &m) > 1000);
    free(out[0].samples);
    free(out[1].samples);
    free(m.samples);
    free(packed);
    free(recipe);
    free(scratch);
}

TEST(what_has_no_noise_stays)
{
    static const uint32_t sizes[][2] = {{2, 2}, {3, 5}, {17, 2}, {249, 9}, {64, 251}};
    for (unsigned k = 0; k < 5; k++) {
        struct mosaic m = mosaic_make(sizes[k][0], sizes[k][1]);
        for (uint32_t i = 0; i < m.width * m.height; i++)
            m.samples[i] = (i % m.width & 1) ? 30000 : 21000;
        const struct denoiser d = usual(&weak);
        const struct mosaic out = denoise(&m, &d);
        CHECK(most_apart(&m, &out) <= 8); /* a hundredth of a sigma */
        free(m.samples);
        free(out.samples);
    }
}

TEST(black_and_white_stay)
{
    struct mosaic m = mosaic_make(96, 64);
    for (uint32_t i = 0; i < m.width * m.height; i++)
        m.samples[i] = i % m.width < 48 ? BLACK : 65535;
    const struct denoiser d = usual(&weak);
    const struct mosaic out = denoise(&m, &d);
    CHECK(most_apart(&m, &out) <= 8);
    CHECK_EQ(out.samples[32 * 96 + 80], 65535);
    free(m.samples);
    free(out.samples);
}

TEST(a_hot_sample_goes_and_a_point_of_light_stays)
{
    struct mosaic m = mosaic_make(96, 64);
    for (uint32_t i = 0; i < m.width * m.height; i++)
        m.samples[i] = 20000;
    m.samples[30 * 96 + 31] = 50000;
    m.samples[20 * 96 + 21] = 6000;
    for (uint32_t i = 0; i < 4; i++)
        m.samples[(40 + i / 2) * 96 + 60 + i % 2] = 50000;
    const struct denoiser d = usual(&weak);
    const struct mosaic out = denoise(&m, &d);
    CHECK_NEAR(out.samples[30 * 96 + 31], 20000, 100);
    CHECK_NEAR(out.samples[20 * 96 + 21], 20000, 100);
    for (uint32_t i = 0; i < 4; i++)
        CHECK(out.samples[(40 + i / 2) * 96 + 60 + i % 2] > 45000);
    free(m.samples);
    free(out.samples);
}

/* The same faint stripes: noise where one frame's is left, a picture where 64 frames were merged.
 */
TEST(the_map_says_how_much_is_noise)
{
    struct mosaic m = mosaic_make(256, 96);
    for (uint32_t i = 0; i < m.width * m.height; i++)
        m.samples[i] = code_of(0.3 + 0.008 * ((i % m.width / 4 & 1) ? 1 : -1));
    uint16_t map[32 * 12];
    for (uint32_t i = 0; i < 32 * 12; i++)
        map[i] = i % 32 < 16 ? 65535 : 1024;
    struct denoiser d = usual(&strong);
    d.map = map;
    const struct mosaic out = denoise(&m, &d);
    double bias;
    struct mosaic flat = mosaic_make(256, 96);
    for (uint32_t i = 0; i < m.width * m.height; i++)
        flat.samples[i] = code_of(0.3);
    const double left = error_in(&out, &flat, 16, 96, &bias);
    CHECK(left - bias * bias < 0.000064 / 20);
    CHECK(error_in(&out, &flat, 160, 240, &bias) > 0.000064 / 1.5);
    free(m.samples);
    free(out.samples);
    free(flat.samples);
}

/* Marks weaker than the noise, seen because there are many: single blocks leave a fifth of it. */
TEST(detail_that_repeats_stays)
{
    static const uint8_t mark[6] = {0x04, 0x0e, 0x15, 0x04, 0x1f, 0x00};
    struct mosaic clean = mosaic_make(192, 96), noisy = mosaic_make(192, 96);
    for (uint32_t i = 0; i < clean.width * clean.height; i++) {
        const uint32_t x = i % clean.width % 6, y = i / clean.width % 6;
        clean.samples[i] = noisy.samples[i] = code_of(0.3 + (mark[y] >> x & 1 ? 0.06 : -0.06));
    }
    add_noise(&noisy, &strong, 1);
    const struct denoiser d = usual(&strong);
    const struct mosaic out = denoise(&noisy, &d);
    double bias;
    const double before = error_in(&noisy, &clean, 0, 192, &bias);
    CHECK(error_in(&out, &clean, 0, 192, &bias) < before / 5.8);
    free(clean.samples);
    free(noisy.samples);
    free(out.samples);
}

TEST(more_strength_leaves_less)
{
    const struct mosaic clean = draw_scene(160, 96, 0, 0);
    struct mosaic noisy = draw_scene(160, 96, 0, 0);
    add_noise(&noisy, &strong, 1);
    struct denoiser d = usual(&strong);
    double left[3], bias;
    for (unsigned k = 0; k < 3; k++) {
        d.strength = 0.25F + 0.25F * (float)k;
        const struct mosaic out = denoise(&noisy, &d);
        left[k] = error_in(&out, &clean, 0, 160, &bias);
        free(out.samples);
    }
    CHECK(left[0] > left[1] && left[1] > left[2]);
    free(clean.samples);
    free(noisy.samples);
}

/* One over its square is no float. */
TEST(hardly_any_strength_changes_hardly_anything)
{
    struct mosaic noisy = draw_scene(160, 96, 0, 0);
    add_noise(&noisy, &weak, 1);
    struct denoiser d = usual(&weak);
    d.strength = 1e-25F;
    const struct mosaic out = denoise(&noisy, &d);
    double bias;
    CHECK(error_in(&out, &noisy, 0, 160, &bias) < 1e-8);
    free(out.samples);
    free(noisy.samples);
}

TEST(what_is_no_model_is_refused)
{
    struct isp_denoise_recipe *recipe = aligned_alloc(64, isp_denoise_recipe_size());
    const struct mosaic m = {2, 2, NULL};
    const struct isp_geometry g = geometry_of(&m);
    const struct sisp_coefficients c = coefficients_of(1), off = coefficients_of(0),
                                   more = coefficients_of(2.1F);
    const struct isp_denoise_noise models[] = {{-1, 1e-6F, -0.1F}, {0.1F, 0, -0.1F},
        {0.1F, 1e-6F, 0.1F}, {NAN, 1e-6F, -0.1F}, {0.1F, NAN, -0.1F}, {2, 1e-6F, -0.1F}};
    for (unsigned i = 0; i < 6; i++)
        CHECK_EQ(isp_denoise_compile(recipe, &g, &c, &models[i], ISP_ISA_BASE), -EINVAL);
    CHECK_EQ(isp_denoise_compile(recipe, &g, &off, &weak, ISP_ISA_BASE), -EINVAL);
    CHECK_EQ(isp_denoise_compile(recipe, &g, &more, &weak, ISP_ISA_BASE), -EINVAL);
    free(recipe);
}

int main(void)
{
    RUN(noise_goes_and_light_stays);
    RUN(any_order_and_level_gives_the_same_bits);
    RUN(tiles_have_no_seams);
    RUN(a_crop_of_packed_samples_is_what_it_holds);
    RUN(what_has_no_noise_stays);
    RUN(black_and_white_stay);
    RUN(a_hot_sample_goes_and_a_point_of_light_stays);
    RUN(the_map_says_how_much_is_noise);
    RUN(detail_that_repeats_stays);
    RUN(more_strength_leaves_less);
    RUN(hardly_any_strength_changes_hardly_anything);
    RUN(what_is_no_model_is_refused);
    return test_report();
}
