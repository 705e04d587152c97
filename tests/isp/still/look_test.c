/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Local tone mapping, sharpening and highlight recovery, on pictures whose answer is known. */
#include "still_fixture.h"

#include "tests/harness/test.h"

#include <errno.h>
#include <math.h>

#define WHITE 16383

/* A grey picture without noise, as a raw of 14 bits; tone curve: a square root. */
struct scene {
    uint32_t width, height;
    struct sisp_coefficients coefficients;
    uint8_t *raw;
    uint16_t *pixels; /* of the finished picture, R, G, B, 65535 */
};

typedef double level_fn(uint32_t x, uint32_t y);

static struct isp_geometry geometry_of(const struct scene *s)
{
    return (struct isp_geometry){.raw_fourcc = sisp_raw_format_find("SRGGB14")->fourcc,
        .raw_width = s->width,
        .raw_height = s->height,
        .raw_stride_bytes = (size_t)s->width * 2,
        .crop = {0, 0, s->width, s->height},
        .format = SISP_PIXEL_RGBA64,
        .width = s->width,
        .height = s->height};
}

static struct scene scene_make(uint32_t width, uint32_t height, level_fn *level)
{
    struct scene s = {width, height, still_neutral(WHITE), NULL, NULL};
    s.coefficients.noise_shot = 1e-5F;
    s.coefficients.noise_read = 1e-9F;
    for (unsigned i = 0; i < SISP_TONE_KNOTS; i++)
        s.coefficients.tone[i] = (float)sqrt((double)sisp_tone_knot(i));
    s.raw = still_alloc((size_t)width * height * 2);
    s.pixels = still_alloc((size_t)width * height * 8);
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++)
            still_reference_put(SISP_PACKING_16, s.raw + (size_t)y * width * 2, x,
                (unsigned)lround(level(x, y) * WHITE));
    }
    return s;
}

static void develop(struct scene *s, float local_tone, float local_contrast, float sharpness)
{
    const struct isp_geometry g = geometry_of(s);
    struct sisp_image image = {SISP_PIXEL_RGBA64, s->width, s->height, {(uint8_t *)s->pixels, NULL},
        {(size_t)s->width * 8, 0}};
    s->coefficients.local_tone = local_tone;
    s->coefficients.local_contrast = local_contrast;
    s->coefficients.still_sharpness = sharpness;
    CHECK_EQ(still_develop(&g, &s->coefficients, still_best_level(), s->raw, &image, 64), 0);
}

static double at(const struct scene *s, uint32_t x, uint32_t y)
{
    return s->pixels[4 * ((size_t)y * s->width + x) + 1] / 65535.0;
}

static void scene_finish(struct scene *s)
{
    free(s->raw);
    free(s->pixels);
}

/* ---- local tone mapping -------------------------------------------------------------------- */

#define EDGE_X 203 /* inside a cell */

static double edge(uint32_t x, uint32_t y)
{
    return x < EDGE_X ? 0.01 : 0.7;
}

/* Both sides of an edge of six stops are what they are far from it, up to the edge itself. */
TEST(an_edge_has_no_halo)
{
    struct scene s = scene_make(400, 240, edge);
    develop(&s, 0.4F, 0, 0);
    const double dark = at(&s, 8, 120), light = at(&s, 392, 120);
    printf("  0.01 and 0.7 become %.3f and %.3f\n", dark * dark, light * light);
    CHECK(dark > 1.5 * sqrt(0.01));                       /* lifted */
    CHECK(light <= sqrt(0.7) && light > 0.9 * sqrt(0.7)); /* held */
    double worst = 0;
    for (uint32_t x = 8; x < 392; x++) {
        const double far = fabs(at(&s, x, 120) / (x < EDGE_X ? dark : light) - 1);
        if ((x < EDGE_X - 2 || x >= EDGE_X + 2) && far > worst)
            worst = far;
    }
    printf("  worst halo: %.1f %%\n", worst * 100);
    CHECK(worst < 0.04);
    scene_finish(&s);
}

static double ramp(uint32_t x, uint32_t y)
{
    return exp2((double)x / 512 * 9 - 9);
}

TEST(a_ramp_stays_a_ramp)
{
    struct scene s = scene_make(512, 96, ramp);
    develop(&s, 0.4F, 0, 0);
    for (uint32_t x = 3; x < 510; x++)
        CHECK(at(&s, x, 48) >= at(&s, x - 1, 48) - 2.0 / WHITE);
    CHECK(at(&s, 40, 48) > 1.2 * sqrt(ramp(40, 0)));
    scene_finish(&s);
}

static double middle_grey(uint32_t x, uint32_t y)
{
    return 0.2129; /* display 0.4614 by the square root */
}

static double white(uint32_t x, uint32_t y)
{
    return 1;
}

/* A still looks like its preview where nothing calls for more. */
TEST(middle_grey_and_white_stay)
{
    struct scene grey = scene_make(200, 160, middle_grey), bright = scene_make(200, 160, white);
    develop(&grey, 0.4F, 0.3F, 0.5F);
    develop(&bright, 0.4F, 0.3F, 0.5F);
    CHECK_NEAR(at(&grey, 100, 80), sqrt(middle_grey(0, 0)), 0.003);
    CHECK_EQ(bright.pixels[4 * (80 * 200 + 100)], 65535);
    scene_finish(&grey);
    scene_finish(&bright);
}

/* Stripes 24 samples wide, half a stop apart, in the dark half of the picture. */
static double stripes(uint32_t x, uint32_t y)
{
    const double base = y < 160 ? 0.5 : 0.01;
    return x / 24 % 2 ? base : base * 0.7;
}

static double contrast_of(const struct scene *s, uint32_t y)
{
    return log2(at(s, 156, y) / at(s, 132, y));
}

TEST(small_differences_stay_or_grow)
{
    struct scene s = scene_make(320, 320, stripes);
    develop(&s, 0, 0, 0);
    const double plain = fabs(contrast_of(&s, 260));
    develop(&s, 0.4F, 0, 0);
    const double natural = fabs(contrast_of(&s, 260));
    develop(&s, 0.4F, 0.5F, 0);
    const double vivid = fabs(contrast_of(&s, 260));
    printf("  stripes in the dark: %.3f stops of display, mapped %.3f, with contrast %.3f\n", plain,
        natural, vivid);
    CHECK(natural > 0.9 * plain && natural < 1.1 * plain);
    CHECK(vivid > 1.05 * natural);
    scene_finish(&s);
}

static double darkness(uint32_t x, uint32_t y)
{
    return x < 160 ? 0.002 : 0.7;
}

/* What is as dark as the noise is not brightened. */
TEST(noise_is_not_lifted)
{
    struct scene s = scene_make(320, 160, darkness);
    develop(&s, 0.4F, 0, 0);
    const double clean = at(&s, 40, 80);
    s.coefficients.noise_read = 0.002F * 0.002F * 8;
    develop(&s, 0.4F, 0, 0);
    const double noisy = at(&s, 40, 80);
    printf("  0.002 becomes %.4f, where noise is as strong %.4f\n", clean * clean, noisy * noisy);
    CHECK(clean * clean > 0.004);
    CHECK(noisy * noisy < 0.0024);
    scene_finish(&s);
}

/* ---- sharpening ---------------------------------------------------------------------------- */

static double soft_edge(uint32_t x, uint32_t y)
{
    const double t = ((double)x - 28) / 8;
    return 0.1 + 0.4 * (t < 0 ? 0 : t > 1 ? 1 : t * t * (3 - 2 * t));
}

TEST(sharpening_overshoots_little)
{
    struct scene s = scene_make(64, 32, soft_edge);
    develop(&s, 0, 0, 0);
    const double low = at(&s, 8, 16), high = at(&s, 56, 16);
    const double slope = at(&s, 33, 16) - at(&s, 31, 16);
    develop(&s, 0, 0, 2);
    CHECK(at(&s, 33, 16) - at(&s, 31, 16) >= slope);
    double least = 1, most = 0;
    for (uint32_t x = 4; x < 60; x++) {
        least = at(&s, x, 16) < least ? at(&s, x, 16) : least;
        most = at(&s, x, 16) > most ? at(&s, x, 16) : most;
    }
    CHECK(least > low - 0.05 * (high - low) && most < high + 0.05 * (high - low));
    CHECK(least < low - 1e-4 || most > high + 1e-4);
    scene_finish(&s);
}

static double luma_at(const struct scene *s, uint32_t x, uint32_t y)
{
    const uint16_t *p = s->pixels + 4 * ((size_t)y * s->width + x);
    return (0.2126 * p[0] + 0.7152 * p[1] + 0.0722 * p[2]) / 65535;
}

static double lines(uint32_t x, uint32_t y)
{
    return x % 16 < 8 ? 0.1 : y % 16 < 8 ? 0.25 : 0.5;
}

/* By an eighth of what a pixel and its four neighbours span, and where there is contrast by that.
 */
TEST(sharpening_overshoots_by_an_eighth)
{
    struct scene plain = scene_make(64, 64, lines), sharp = scene_make(64, 64, lines);
    develop(&plain, 0, 0, 0);
    develop(&sharp, 0, 0, 2);
    double used = 0;
    for (uint32_t y = 4; y < 60; y++) {
        for (uint32_t x = 4; x < 60; x++) {
            const double near[] = {luma_at(&plain, x - 1, y), luma_at(&plain, x + 1, y),
                luma_at(&plain, x, y - 1), luma_at(&plain, x, y + 1), luma_at(&plain, x, y)};
            double least = 1, most = 0;
            for (unsigned i = 0; i < BASE_COUNT(near); i++) {
                least = near[i] < least ? near[i] : least;
                most = near[i] > most ? near[i] : most;
            }
            const double now = luma_at(&sharp, x, y), room = (most - least) / 8;
            CHECK(now > least - room - 1e-4 && now < most + room + 1e-4);
            if (room > 0.01 && (now - most) / room > used)
                used = (now - most) / room;
        }
    }
    CHECK_NEAR(used, 1, 0.01);
    scene_finish(&plain);
    scene_finish(&sharp);
}

static double noise(uint32_t x, uint32_t y)
{
    struct base_prng prng = {x * 7919 + y * 104729 + 1};
    double sum = 0;
    for (int i = 0; i < 12; i++)
        sum += base_prng_below(&prng, 4096) / 4096.0;
    return 0.2 + 0.02 * (sum - 6);
}

static double spread(const struct scene *s)
{
    double sum = 0, squares = 0;
    for (uint32_t y = 4; y < 92; y++) {
        for (uint32_t x = 4; x < 92; x++) {
            sum += at(s, x, y);
            squares += at(s, x, y) * at(s, x, y);
        }
    }
    return sqrt(squares / (88 * 88) - sum / (88 * 88) * (sum / (88 * 88)));
}

/* Noise that the model knows is left as it is. */
TEST(noise_is_not_sharpened)
{
    struct scene s = scene_make(96, 96, noise);
    s.coefficients.noise_shot = 2e-3F; /* sigma 0.02 at 0.2 */
    develop(&s, 0, 0, 0);
    const double before = spread(&s);
    develop(&s, 0, 0, 1);
    const double known = spread(&s);
    s.coefficients.noise_shot = 1e-8F;
    develop(&s, 0, 0, 1);
    printf("  noise %.5f, sharpened %.5f, had it been detail %.5f\n", before, known, spread(&s));
    CHECK(known < 1.05 * before);
    CHECK(spread(&s) > 1.15 * before);
    scene_finish(&s);
}

/* ---- highlight recovery -------------------------------------------------------------------- */

/* A neutral ramp that green, then blue, then red clips: red and blue need gains of 2 and 1.6. */
static double glare(uint32_t x, uint32_t y)
{
    const double light = 0.4 + (double)x / 384 * 2.2;
    const double level = y % 2 == 0 && x % 2 == 0 ? light / 2
                         : y % 2 && x % 2         ? light / 1.6
                                                  : light;
    return level < 1 ? level : 1;
}

static double colour_cast(const struct scene *s, uint32_t x, uint32_t y)
{
    const uint16_t *p = s->pixels + 4 * ((size_t)y * s->width + x);
    const int most = p[0] > p[1] ? p[0] > p[2] ? p[0] : p[2] : p[1] > p[2] ? p[1] : p[2];
    const int least = p[0] < p[1] ? p[0] < p[2] ? p[0] : p[2] : p[1] < p[2] ? p[1] : p[2];
    return (most - least) / 65535.0;
}

static struct scene glare_make(level_fn *level)
{
    struct scene s = scene_make(384, 96, level);
    s.coefficients.wb_gains[0] = 2;
    s.coefficients.wb_gains[2] = 1.6F;
    s.coefficients.highlight_recovery = 1;
    return s;
}

TEST(clipped_highlights_come_back_without_a_cast)
{
    struct scene s = glare_make(glare);
    develop(&s, 0, 0, 0);
    double worst = 0;
    for (uint32_t x = 8; x < 376; x++) {
        const double cast = colour_cast(&s, x, 48);
        worst = cast > worst ? cast : worst;
        CHECK(at(&s, x, 48) >= at(&s, x - 1, 48) - 0.01);
    }
    printf("  worst cast: %.2f %% of white\n", worst * 100);
    CHECK(worst < 0.012);
    /* Green clips at x = 105; what comes back is told apart, and the end is white. */
    CHECK(at(&s, 240, 48) > at(&s, 120, 48) + 0.02);
    CHECK(at(&s, 375, 48) > 0.999);
    scene_finish(&s);
}

/* A sensor that saturates earlier than it states. */
static double early_glare(uint32_t x, uint32_t y)
{
    const double level = glare(x, y);
    return level < 0.94 ? level : 0.94;
}

TEST(a_sensor_may_saturate_early)
{
    struct scene s = glare_make(early_glare);
    develop(&s, 0, 0, 0);
    double worst = 0;
    for (uint32_t x = 8; x < 376; x++) {
        const double cast = colour_cast(&s, x, 48);
        worst = cast > worst ? cast : worst;
    }
    printf("  worst cast: %.2f %% of white\n", worst * 100);
    CHECK(worst < 0.05);
    scene_finish(&s);
}

/* Noisy white whose green is just below the white level, green posts, and a lamp. */
static double paper(uint32_t x, uint32_t y)
{
    const double noise = 0.03 * ((x * 7919 + y * 104729 + x * y * 31) % 64 / 31.5 - 1);
    if (x < 288 && x % 96 >= 72)
        return y % 2 == x % 2 ? 0.2 : 0.8;
    const double light = x < 288 ? 0.93 + noise : 9;
    const double level = y % 2 == 0 && x % 2 == 0 ? light / 2
                         : y % 2 && x % 2         ? light / 1.02
                                                  : light;
    return level < 1 ? level : 1;
}

TEST(white_that_is_not_clipped_stays_white)
{
    struct scene s = glare_make(paper);
    s.coefficients.wb_gains[2] = 1.02F;
    develop(&s, 0, 0, 0);
    double sum[3] = {0}, jump = 0;
    for (uint32_t x = 112; x < 152; x++) {
        for (uint32_t y = 16; y < 80; y++) {
            for (unsigned c = 0; c < 3; c++)
                sum[c] += s.pixels[4 * ((size_t)y * s.width + x) + c] / 65535.0 / 40 / 64;
            const double off = colour_cast(&s, x, y);
            jump = off > jump ? off : jump;
        }
    }
    printf("  means %.3f %.3f %.3f, worst cast of a pixel %.3f\n", sum[0], sum[1], sum[2], jump);
    CHECK(fabs(sum[0] - sum[1]) < 0.01 && fabs(sum[2] - sum[1]) < 0.01);
    CHECK(jump < 0.08);
    scene_finish(&s);
}

static double below(uint32_t x, uint32_t y)
{
    return 0.2 + 0.15 * (x % 7) / 6;
}

TEST(nothing_else_changes)
{
    struct scene s = glare_make(below);
    develop(&s, 0, 0, 0);
    const size_t bytes = (size_t)384 * 96 * 8;
    uint16_t *with = still_alloc(bytes);
    memcpy(with, s.pixels, bytes);
    s.coefficients.highlight_recovery = 0;
    develop(&s, 0, 0, 0);
    CHECK(memcmp(with, s.pixels, bytes) == 0);
    free(with);
    scene_finish(&s);
}

/* ---- any cutting, any level ---------------------------------------------------------------- */

TEST(same_bits_at_every_level_and_in_any_bands)
{
    const uint32_t sizes[][2] = {{2, 2}, {17, 9}, {131, 70}, {700, 90}, {1100, 33}};
    struct base_prng prng = {11};
    for (unsigned i = 0; i < BASE_COUNT(sizes); i++) {
        const struct sisp_raw_format *format = sisp_raw_format_find(i % 2 ? "SGBRG10P" : "SRGGB12");
        const uint32_t width = sizes[i][0], height = sizes[i][1];
        const struct isp_geometry g = {.raw_fourcc = format->fourcc,
            .raw_width = width + 4,
            .raw_height = height,
            .raw_stride_bytes = sisp_raw_row_bytes(format->packing, width + 4),
            .crop = {i % 3, 0, width, height},
            .format = SISP_PIXEL_RGB24,
            .width = width,
            .height = height};
        struct sisp_coefficients c = still_camera(&prng, (float)((1U << format->bits) - 1));
        c.local_tone = 0.5F;
        c.local_contrast = 0.4F;
        c.still_sharpness = 1;
        c.highlight_recovery = 1;
        c.wb_gains[2] = 1.5F;
        c.clip_level = 1;
        uint8_t *raw = still_random_raw(&prng, &g, format);
        const size_t bytes = (size_t)3 * width * height;
        uint8_t *expected = still_alloc(bytes), *pixels = still_alloc(bytes);
        struct sisp_image image = {
            SISP_PIXEL_RGB24, width, height, {expected, NULL}, {(size_t)3 * width, 0}};
        CHECK_EQ(still_develop(&g, &c, still_best_level(), raw, &image, height), 0);
        image.planes[0] = pixels;
        for (int isa = 0; isa < ISP_ISA_COUNT; isa++) {
            if (!still_level_runs((enum isp_isa)isa))
                continue;
            CHECK_EQ(
                still_develop(&g, &c, (enum isp_isa)isa, raw, &image, 1 + 5 * (uint32_t)isa), 0);
            CHECK(memcmp(pixels, expected, bytes) == 0);
        }
        free(raw);
        free(expected);
        free(pixels);
    }
}

int main(void)
{
    RUN(an_edge_has_no_halo);
    RUN(a_ramp_stays_a_ramp);
    RUN(middle_grey_and_white_stay);
    RUN(small_differences_stay_or_grow);
    RUN(noise_is_not_lifted);
    RUN(sharpening_overshoots_little);
    RUN(sharpening_overshoots_by_an_eighth);
    RUN(noise_is_not_sharpened);
    RUN(clipped_highlights_come_back_without_a_cast);
    RUN(a_sensor_may_saturate_early);
    RUN(white_that_is_not_clipped_stays_white);
    RUN(nothing_else_changes);
    RUN(same_bits_at_every_level_and_in_any_bands);
    return test_report();
}
