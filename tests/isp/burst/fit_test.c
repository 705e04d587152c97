/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Detail that frames show together, with their motion given: errors are in sigmas of a frame's
 * noise, of which there is none in the samples. */
#include "burst_fixture.h"

#include <isp/still/unpack.h>

#include "tests/harness/test.h"

#define WIDTH  120
#define HEIGHT 88
#define FRAMES 8
#define BORDER 16
#define SHOT   4e-4
#define READ   1e-5

/* Light at (x, y) of the scene, the same for all colours. */
typedef double scene(double x, double y);

/* Waves of 2.9 to 6.4 samples in all directions: too fine for samples of one colour. */
static double fine(double x, double y)
{
    double sum = 0;
    for (int i = 0; i < 6; i++) {
        const double turn = 6.2831853 / (2.9 + 0.7 * i), angle = 2.4 * i;
        sum += sin(turn * (x * cos(angle) + y * sin(angle)) + i);
    }
    return 0.25 + 0.035 * sum;
}

/* Everything that a fit can be: more is left to its window. */
static double bent(double x, double y)
{
    const double u = (x - WIDTH / 2.0) / 40, v = (y - HEIGHT / 2.0) / 40;
    return 0.3 + 0.06 * u + 0.04 * u * v * v - 0.05 * v * v * v + 0.02 * u * u * u * u;
}

struct burst {
    enum sisp_cfa cfa;
    struct isp_geometry g;
    struct sisp_coefficients c;
    uint8_t *raws[FRAMES];
    struct isp_burst_vector *field;
};

static double tint(const struct burst *b, int x, int y)
{
    static const double tints[3] = {0.55, 1, 0.7};
    return tints[unpack_channel(unpack_site(b->cfa, (uint32_t)x & 1, (uint32_t)y & 1))];
}

/* Places between samples, whole and odd ways among them. */
static void motion(int frame, int *x, int *y)
{
    static const int places[FRAMES][2] = {
        {0, 0}, {21, -6}, {-12, 43}, {7, 9}, {-35, -27}, {16, 3}, {-5, 20}, {40, -41}};
    *x = places[frame][0];
    *y = places[frame][1];
}

static uint8_t *shoot(const struct burst *b, scene *of, int frame)
{
    uint16_t *raw = burst_memory((size_t)2 * WIDTH * HEIGHT);
    int dx, dy;
    motion(frame, &dx, &dy);
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            const double light = tint(b, x, y) * of(x - dx / 16.0, y - dy / 16.0);
            raw[y * WIDTH + x] = (uint16_t)(light * BURST_RANGE * 16 + BURST_BLACK * 16 + 0.5);
        }
    }
    return (uint8_t *)raw;
}

static struct burst take(enum sisp_cfa cfa, scene *of)
{
    static const char *const formats[] = {"SRGGB16", "SGRBG16", "SGBRG16", "SBGGR16"};
    const struct sisp_raw_format *format = NULL;
    for (unsigned i = 0; i < BASE_COUNT(formats); i++) {
        const struct sisp_raw_format *f = sisp_raw_format_find(formats[i]);
        format = f->cfa == cfa ? f : format;
    }
    struct burst b = {.cfa = cfa,
        .g = burst_geometry(format, WIDTH, HEIGHT),
        .c = burst_coefficients((float)SHOT, (float)READ)};
    for (unsigned k = 0; k < 4; k++)
        b.c.black_level[k] = BURST_BLACK * 16;
    b.c.white_level = BURST_WHITE * 16;
    b.field = burst_memory(isp_burst_field_size(&b.g, FRAMES));
    const uint32_t blocks = isp_burst_blocks(WIDTH) * isp_burst_blocks(HEIGHT);
    for (int i = 0; i < FRAMES; i++) {
        int dx, dy;
        motion(i, &dx, &dy);
        b.raws[i] = shoot(&b, of, i);
        for (uint32_t k = 0; k < blocks; k++)
            b.field[(uint32_t)i * blocks + k] = (struct isp_burst_vector){(int16_t)dx, (int16_t)dy};
    }
    return b;
}

static void give_back(struct burst *b)
{
    for (int i = 0; i < FRAMES; i++)
        free(b->raws[i]);
    free(b->field);
}

/* Root mean square error of the first frames' merge. */
static double error_of(const struct burst *b, scene *of, uint32_t frames)
{
    const struct isp_burst burst = burst_of(&b->g, &b->c, b->raws, frames, 0);
    struct isp_burst_transform t = {
        .used = (1U << frames) - 1, .noise_shot = (float)SHOT, .noise_read = (float)READ};
    for (uint32_t i = 0; i < frames; i++)
        t.gain[i] = t.noise[i] = 1;
    uint16_t *merged = burst_merge_along(&burst, &t, b->field, 24);
    double sum = 0, count = 0;
    for (int y = BORDER; y < HEIGHT - BORDER; y++) {
        for (int x = BORDER; x < WIDTH - BORDER; x++) {
            const double light = tint(b, x, y) * of(x, y);
            const double error = burst_linear(merged[y * WIDTH + x]) - light;
            sum += error * error / (SHOT * light + READ);
            count++;
        }
    }
    free(merged);
    return sqrt(sum / count);
}

TEST(what_polynomials_are_comes_out)
{
    struct burst b = take(SISP_CFA_RGGB, bent);
    const double error = error_of(&b, bent, FRAMES);
    printf("  bent: %.4f sigmas\n", error);
    CHECK(error < 0.01);
    give_back(&b);
}

/* Frames that are read one by one leave 0.48. */
TEST(fine_detail_is_resolved_in_any_order_of_colours)
{
    const enum sisp_cfa orders[] = {SISP_CFA_RGGB, SISP_CFA_GRBG, SISP_CFA_GBRG, SISP_CFA_BGGR};
    for (unsigned i = 0; i < BASE_COUNT(orders); i++) {
        struct burst b = take(orders[i], fine);
        const double error = error_of(&b, fine, FRAMES);
        printf("  order %u: %.3f sigmas\n", i, error);
        CHECK(error < 0.12);
        give_back(&b);
    }
}

static double other(double x, double y)
{
    return fine(y + 30, 0.6 * x);
}

TEST(a_frame_that_differs_takes_no_part)
{
    struct burst b = take(SISP_CFA_RGGB, fine);
    for (unsigned i = 2; i < 5; i++) {
        free(b.raws[i]);
        b.raws[i] = shoot(&b, other, (int)i);
    }
    const double error = error_of(&b, fine, FRAMES);
    printf("  with three of eight frames that differ: %.3f sigmas\n", error);
    CHECK(error < 0.15);
    give_back(&b);
}

int main(void)
{
    RUN(what_polynomials_are_comes_out);
    RUN(fine_detail_is_resolved_in_any_order_of_colours);
    RUN(a_frame_that_differs_takes_no_part);
    return test_report();
}
