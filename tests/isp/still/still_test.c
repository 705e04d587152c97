/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "still_fixture.h"

#include <base/hash.h>

#include "tests/harness/test.h"
#include "tests/reference/best_reference.h"

#include <errno.h>

#define GUARD 0x5a

struct trial {
    struct isp_geometry geometry;
    struct sisp_coefficients coefficients;
    const struct sisp_raw_format *format;
    uint8_t *raw;
    size_t out_bytes;
};

static struct trial trial_make(struct base_prng *prng, const struct sisp_raw_format *format,
    uint32_t width, uint32_t height, enum sisp_pixel_format out)
{
    struct trial t = {.format = format};
    struct isp_geometry *g = &t.geometry;
    *g = (struct isp_geometry){.raw_fourcc = format->fourcc,
        .crop = {base_prng_below(prng, 6), base_prng_below(prng, 4), width, height},
        .format = out,
        .width = width,
        .height = height};
    if (format->packing == SISP_PACKING_IPU3)
        g->crop.x += 21; /* around the border of two blocks of 25 */
    g->raw_width = g->crop.x + width + base_prng_below(prng, 6);
    g->raw_height = g->crop.y + height + base_prng_below(prng, 3);
    g->raw_stride_bytes =
        sisp_raw_row_bytes(format->packing, g->raw_width) + base_prng_below(prng, 5);
    t.coefficients = still_camera(prng, (float)((1U << format->bits) - 1));
    t.raw = still_random_raw(prng, g, format);
    t.out_bytes = (sisp_pixel_row_bytes(out, 0, width) + 3) * height;
    return t;
}

/* Rows three bytes apart from each other, filled with a guard first. */
static uint8_t *trial_run(const struct trial *t, enum isp_isa isa, uint32_t band)
{
    uint8_t *pixels = still_alloc(t->out_bytes);
    memset(pixels, GUARD, t->out_bytes);
    const struct isp_geometry *g = &t->geometry;
    struct sisp_image image = {g->format, g->width, g->height, {pixels, NULL},
        {sisp_pixel_row_bytes(g->format, 0, g->width) + 3, 0}};
    CHECK_EQ(still_develop(g, &t->coefficients, isa, t->raw, &image, band), 0);
    return pixels;
}

static unsigned code_at(const struct trial *t, const uint8_t *pixels, uint32_t x, uint32_t y, int c)
{
    const struct isp_geometry *g = &t->geometry;
    const uint8_t *row = pixels + y * (sisp_pixel_row_bytes(g->format, 0, g->width) + 3);
    uint16_t word;
    if (g->format == SISP_PIXEL_RGB24)
        return row[3 * x + (uint32_t)c];
    if (g->format == SISP_PIXEL_XRGB8888)
        return row[4 * x + 2 - (uint32_t)c];
    memcpy(&word, row + (size_t)8 * x + (size_t)2 * (size_t)c, 2);
    return word;
}

static void guards_hold(const struct trial *t, const uint8_t *pixels)
{
    size_t row = sisp_pixel_row_bytes(t->geometry.format, 0, t->geometry.width);
    for (uint32_t y = 0; y < t->geometry.height; y++) {
        for (unsigned i = 0; i < 3; i++)
            CHECK_EQ(pixels[y * (row + 3) + row + i], GUARD);
    }
}

/* Greatest distance to the reference, in codes. */
static double distance(const struct trial *t, const uint8_t *pixels)
{
    const struct isp_geometry *g = &t->geometry;
    double *rgb = still_alloc(sizeof(double) * 3 * g->width * g->height), worst = 0;
    still_reference(g, &t->coefficients, t->raw, rgb);
    double max = g->format == SISP_PIXEL_RGBA64 ? 65535 : 255;
    for (uint32_t i = 0; i < g->width * g->height; i++) {
        for (int c = 0; c < 3; c++) {
            double code = code_at(t, pixels, i % g->width, i / g->width, c);
            double d = code - rgb[3 * (size_t)i + (size_t)c] * max;
            worst = d > worst ? d : -d > worst ? -d : worst;
        }
    }
    free(rgb);
    return worst;
}

static double worst_16_bit;

/* Every raw format (hence CFA order and packing), odd and even sizes, both demosaics. */
TEST(agrees_with_the_reference)
{
    const uint32_t sizes[][2] = {{2, 2}, {3, 2}, {2, 5}, {5, 3}, {17, 9}, {66, 20}, {131, 21}};
    const enum sisp_pixel_format outs[] = {
        SISP_PIXEL_RGBA64, SISP_PIXEL_RGB24, SISP_PIXEL_XRGB8888};
    struct base_prng prng = {1};
    for (const struct sisp_raw_format *f = sisp_raw_formats; f->name; f++) {
        for (unsigned i = 0; i < BASE_COUNT(sizes); i++) {
            struct trial t = trial_make(&prng, f, sizes[i][0], sizes[i][1], outs[i % 3]);
            t.coefficients.demosaic = base_prng_below(&prng, 2);
            uint8_t *pixels = trial_run(&t, still_best_level(), t.geometry.height);
            double worst = distance(&t, pixels);
            /* Half a code is the rounding itself. */
            if (t.geometry.format == SISP_PIXEL_RGBA64) {
                CHECK_NEAR(worst, 0, 1.0);
                worst_16_bit = worst > worst_16_bit ? worst : worst_16_bit;
            } else {
                CHECK_NEAR(worst, 0, 0.5 + 2.0 / 257);
            }
            guards_hold(&t, pixels);
            free(pixels);
            free(t.raw);
        }
    }
    printf("  largest distance to the reference: %.3f codes of 16 bits\n", worst_16_bit);
}

TEST(same_bits_at_every_level_and_in_any_bands)
{
    const enum sisp_pixel_format outs[] = {
        SISP_PIXEL_RGBA64, SISP_PIXEL_RGB24, SISP_PIXEL_XRGB8888};
    const uint32_t bands[] = {1, 2, 3, 7, 64};
    struct base_prng prng = {2};
    for (uint32_t width = 2; width < 2200; width = width < 70 ? width + 2 : width * 3) {
        const struct sisp_raw_format *format = &sisp_raw_formats[width % 32];
        struct trial t = trial_make(&prng, format, width, 2 + width % 13, outs[width % 3]);
        t.coefficients.demosaic = width % 4;
        uint8_t *expected = trial_run(&t, still_best_level(), t.geometry.height);
        for (int isa = 0; isa < ISP_ISA_COUNT; isa++) {
            if (!still_level_runs((enum isp_isa)isa))
                continue;
            uint8_t *pixels = trial_run(&t, (enum isp_isa)isa, bands[(width + (uint32_t)isa) % 5]);
            CHECK(memcmp(pixels, expected, t.out_bytes) == 0);
            free(pixels);
        }
        free(expected);
        free(t.raw);
    }
}

/* A crop moved by one sample is another CFA order over the same colours. */
TEST(crop_moved_by_one_is_another_order)
{
    struct base_prng prng = {3};
    struct trial t = trial_make(&prng, sisp_raw_format_find("SRGGB12"), 40, 30, SISP_PIXEL_RGBA64);
    t.coefficients.demosaic = SISP_DEMOSAIC_BEST;
    t.geometry.crop.x = 1;
    t.geometry.crop.y = 1;
    uint8_t *a = trial_run(&t, still_best_level(), 30);
    struct trial u = t;
    u.raw = t.raw + t.geometry.raw_stride_bytes + 2;
    u.geometry.crop.x = u.geometry.crop.y = 0;
    u.geometry.raw_fourcc = sisp_raw_format_find("SBGGR12")->fourcc;
    uint8_t *b = trial_run(&u, still_best_level(), 30);
    CHECK(memcmp(a, b, t.out_bytes) == 0);
    free(a);
    free(b);
    free(t.raw);
}

/* As the matrix of one and the straight curve leave it. */
static unsigned code_of(const struct sisp_coefficients *c, float x)
{
    const float edges[] = {0.03125F, 0.25F}, scales[] = {2048, 256, 64}, offsets[] = {0, 56, 104};
    const unsigned part = (x >= edges[0]) + (x >= edges[1]);
    const float value = x < 1 ? x : 1, place = value * scales[part] + offsets[part];
    const unsigned knot = (unsigned)place;
    const float step = knot + 1 < SISP_TONE_KNOTS ? c->tone[knot + 1] - c->tone[knot] : 0;
    return (unsigned)((c->tone[knot] + (place - (float)knot) * step) * 65535 + 0.5F);
}

static void compare_best(const struct trial *t)
{
    const uint32_t width = t->geometry.width, height = t->geometry.height;
    const struct sisp_rect *crop = &t->geometry.crop;
    float *samples = still_alloc(sizeof(float) * width * height);
    float *rgb = still_alloc(sizeof(float) * 3 * width * height);
    for (uint32_t i = 0; i < width * height; i++) {
        const uint8_t *row = t->raw + (crop->y + i / width) * t->geometry.raw_stride_bytes;
        const unsigned code = still_reference_get(t->format->packing, row, crop->x + i % width);
        samples[i] = ((float)code - t->coefficients.black_level[0]) *
                     (float)(1 / ((double)t->coefficients.white_level -
                                     (double)t->coefficients.black_level[0]));
        samples[i] = samples[i] < 1 ? samples[i] : 1;
    }
    const struct best_reference in = {samples, (int)width, (int)height,
        sisp_cfa_shift(t->format->cfa, crop->x, crop->y), t->coefficients.noise_shot > 0,
        t->coefficients.demosaic == SISP_DEMOSAIC_SMOOTH};
    best_reference(&in, rgb);
    uint8_t *pixels = trial_run(t, still_best_level(), 7);
    unsigned different = 0;
    for (uint32_t i = 0; i < 3 * width * height; i++)
        different += code_at(t, pixels, i / 3 % width, i / 3 / width, (int)(i % 3)) !=
                     code_of(&t->coefficients, rgb[i]);
    CHECK_EQ(different, 0);
    free(pixels);
    free(rgb);
    free(samples);
}

/* All four orders, odd and even sizes, on roots and not, with medians and without. */
TEST(best_has_the_bits_of_the_reference)
{
    const char *formats[] = {"SRGGB12", "SGRBG12", "SGBRG12", "SBGGR12"};
    const uint32_t sizes[][2] = {{2, 2}, {5, 3}, {8, 17}, {31, 12}};
    struct base_prng prng = {9};
    for (unsigned i = 0; i < 4 * BASE_COUNT(formats) * BASE_COUNT(sizes); i++) {
        const uint32_t *size = sizes[i / BASE_COUNT(formats) % BASE_COUNT(sizes)];
        struct trial t = trial_make(&prng, sisp_raw_format_find(formats[i % BASE_COUNT(formats)]),
            size[0], size[1], SISP_PIXEL_RGBA64);
        t.coefficients = still_neutral(4000);
        for (unsigned s = 0; s < SISP_SITE_COUNT; s++)
            t.coefficients.black_level[s] = 100;
        t.coefficients.demosaic = i < 32 ? SISP_DEMOSAIC_BEST : SISP_DEMOSAIC_SMOOTH;
        t.coefficients.noise_shot = i & 16 ? 1e-4F : 0;
        t.coefficients.noise_read = 1e-6F;
        compare_best(&t);
        free(t.raw);
    }
}

/* Lines at every angle through samples of one colour: what does not change, no method may change.
 */
TEST(grey_ramps_stay_grey)
{
    struct base_prng prng = {8};
    struct trial t = trial_make(&prng, sisp_raw_format_find("SGBRG12"), 60, 50, SISP_PIXEL_RGBA64);
    const struct sisp_coefficients neutral = still_neutral(4095);
    const int slopes[][2] = {{20, 0}, {0, 30}, {17, 11}, {15, -9}};
    for (unsigned i = 0; i < BASE_COUNT(slopes); i++) {
        for (uint32_t y = 0; y < t.geometry.raw_height; y++) {
            for (uint32_t x = 0; x < t.geometry.raw_width; x++)
                still_reference_put(SISP_PACKING_16, t.raw + y * t.geometry.raw_stride_bytes, x,
                    (unsigned)(1000 + slopes[i][0] * (int)x + slopes[i][1] * (int)y));
        }
        t.coefficients = neutral;
        t.coefficients.demosaic = SISP_DEMOSAIC_BEST;
        uint8_t *pixels = trial_run(&t, still_best_level(), 50);
        for (uint32_t y = 17; y < 33; y++) {
            for (uint32_t x = 17; x < 43; x++) {
                unsigned value = (unsigned)(1000 + slopes[i][0] * (int)(x + t.geometry.crop.x) +
                                            slopes[i][1] * (int)(y + t.geometry.crop.y));
                for (int c = 0; c < 3; c++)
                    CHECK_NEAR(code_at(&t, pixels, x, y, c), value * 65535.0 / 4095, 2);
            }
        }
        free(pixels);
    }
    free(t.raw);
}

TEST(clipped_highlights_are_neutral)
{
    struct base_prng prng = {4};
    struct trial t = trial_make(&prng, sisp_raw_format_find("SGBRG10"), 16, 16, SISP_PIXEL_RGBA64);
    const float ccm[9] = {1.8F, -0.6F, -0.2F, -0.2F, 1.5F, -0.3F, 0.1F, -0.7F, 1.6F};
    memcpy(t.coefficients.ccm, ccm, sizeof ccm);
    t.coefficients.demosaic = SISP_DEMOSAIC_BEST;
    for (uint32_t y = 0; y < t.geometry.raw_height; y++) {
        for (uint32_t x = 0; x < t.geometry.raw_width; x++)
            still_reference_put(SISP_PACKING_16, t.raw + y * t.geometry.raw_stride_bytes, x, 1023);
    }
    uint8_t *pixels = trial_run(&t, still_best_level(), 16);
    int r = (int)code_at(&t, pixels, 7, 8, 0);
    CHECK_NEAR(r, (int)code_at(&t, pixels, 7, 8, 1), 1);
    CHECK_NEAR(r, (int)code_at(&t, pixels, 7, 8, 2), 1);
    CHECK(r > 60000);
    free(pixels);
    free(t.raw);
}

/* Any machine, compiler and level must make these bits. A change of them is a change of pictures:
 * it needs a reason in its commit. */
TEST(same_bits_on_every_machine)
{
    const char *expected[] = {"71d8a8add936139920fa7b75836ec842",
        "a076c9d6fd5d7c2b2d069031ca7dcb22", "549783b281bdff03f1f1666af73aa6b6",
        "d4aaac88262d9c4652810f92e8da847f"};
    struct base_prng prng = {6};
    for (unsigned i = 0; i < BASE_COUNT(expected); i++) {
        struct trial t =
            trial_make(&prng, sisp_raw_format_find("SGRBG10P"), 257, 63, SISP_PIXEL_RGBA64);
        t.coefficients.demosaic = i;
        uint8_t *pixels = trial_run(&t, still_best_level(), 16);
        char text[BASE_HASH_TEXT];
        base_hash_text(base_hash_bytes(pixels, t.out_bytes), text);
        CHECK_STR(text, expected[i]);
        free(pixels);
        free(t.raw);
    }
}

static int compile_with(struct trial *t, float *field, float value)
{
    struct isp_still_recipe *recipe = still_alloc(isp_still_recipe_size(&t->geometry));
    float kept = *field;
    *field = value;
    int result = isp_still_compile(recipe, &t->geometry, &t->coefficients, still_best_level());
    *field = kept;
    free(recipe);
    return result;
}

TEST(coefficients_outside_their_ranges_are_refused)
{
    struct base_prng prng = {5};
    struct trial t = trial_make(&prng, sisp_raw_format_find("SRGGB8"), 8, 8, SISP_PIXEL_RGB24);
    struct sisp_coefficients *c = &t.coefficients;
    float *fields[] = {&c->black_level[2], &c->white_level, &c->wb_gains[1], &c->clip_level,
        &c->ccm[4], &c->tone[100], &c->lsc.gain[3][0], &c->lsc.step_x, &c->lsc.origin_y};
    c->lsc.cols = 2; /* a step is needed from two knots on */
    for (unsigned i = 0; i < BASE_COUNT(fields); i++) {
        CHECK_EQ(compile_with(&t, fields[i], *fields[i]), 0);
        CHECK_EQ(compile_with(&t, fields[i], -1e9F), -EINVAL);
        CHECK_EQ(compile_with(&t, fields[i], 1e9F), -EINVAL);
        CHECK_EQ(compile_with(&t, fields[i], __builtin_nanf("")), -EINVAL);
    }
    CHECK_EQ(compile_with(&t, &c->black_level[0], c->white_level), -EINVAL);
    const struct isp_geometry fits = t.geometry;
    t.geometry.format = SISP_PIXEL_NV12;
    CHECK_EQ(compile_with(&t, &c->white_level, c->white_level), -EINVAL);
    t.geometry = fits;
    t.geometry.crop.x = t.geometry.raw_width;
    CHECK_EQ(compile_with(&t, &c->white_level, c->white_level), -EINVAL);
    t.geometry = fits;
    t.geometry.raw_stride_bytes = 4;
    CHECK_EQ(compile_with(&t, &c->white_level, c->white_level), -EINVAL);
    free(t.raw);
}

int main(void)
{
    RUN(agrees_with_the_reference);
    RUN(same_bits_at_every_level_and_in_any_bands);
    RUN(crop_moved_by_one_is_another_order);
    RUN(best_has_the_bits_of_the_reference);
    RUN(grey_ramps_stay_grey);
    RUN(clipped_highlights_are_neutral);
    RUN(same_bits_on_every_machine);
    RUN(coefficients_outside_their_ranges_are_refused);
    return test_report();
}
