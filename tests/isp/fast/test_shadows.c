/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Shadows are not posterised: a ramp of 12-bit codes gives as many different output codes as the
 * ideal curve does, where a pipeline that cuts to 8 bits first gives a few steps.
 */
#include "frame.h"

#include "../../harness/test.h"

#include "base/base.h"

#include <math.h>

#define SIDE    8
#define BLACK   256
#define WHITE   4095
#define SHADOWS ((WHITE - BLACK) / 16) /* four stops below white */

static struct sisp_coefficients c;

/* IEC 61966-2-1. */
static double srgb(double x)
{
    return x <= 0.0031308 ? 12.92 * x : 1.055 * pow(x, 1 / 2.4) - 0.055;
}

static void set_coefficients(unsigned bits, const float gains[3])
{
    frame_identity(&c, bits);
    for (int site = 0; site < SISP_SITE_COUNT; site++)
        c.black_level[site] = (float)(BLACK >> (12 - bits));
    for (unsigned i = 0; i < SISP_TONE_KNOTS; i++)
        c.tone[i] = (float)srgb((double)sisp_tone_knot(i));
    memcpy(c.wb_gains, gains, sizeof(c.wb_gains));
}

struct lane {
    struct isp_geometry geometry;
    struct isp_fast_recipe *recipe;
    void *scratch;
    unsigned bits;
};

static struct lane lane_open(unsigned bits, const float gains[3])
{
    struct lane l = {frame_geometry(bits == 8 ? "SRGGB8" : "SRGGB12", SIDE, SIDE, SISP_PIXEL_RGB24),
        .bits = bits};
    set_coefficients(bits, gains);
    l.recipe = aligned_alloc(64, isp_fast_recipe_size(&l.geometry));
    l.scratch = aligned_alloc(64, base_align(isp_fast_scratch_size(&l.geometry), 64));
    sisp_assert(
        isp_fast_compile(l.recipe, &l.geometry, &c, (enum isp_isa)isp_isa_find("auto")) == 0);
    return l;
}

static void lane_close(struct lane *l)
{
    free(l->recipe);
    free(l->scratch);
}

/* The colour of a flat frame of that 12-bit code. */
static void develop(const struct lane *l, unsigned code, uint8_t rgb[3])
{
    uint8_t raw[2 * SIDE * SIDE], out[3 * SIDE * SIDE];
    struct sisp_image image = {SISP_PIXEL_RGB24, SIDE, SIDE, {out}, {3 * SIDE}};
    for (size_t i = 0; i < sizeof(raw) / 2; i++) {
        raw[l->bits == 8 ? i : 2 * i] = (uint8_t)(l->bits == 8 ? code >> 4 : code);
        if (l->bits == 12)
            raw[2 * i + 1] = (uint8_t)(code >> 8);
    }
    isp_fast_band(l->recipe, raw, &image, 0, SIDE, l->scratch, NULL);
    memcpy(rgb, out + 3 * (SIDE * SIDE / 2 + SIDE / 2), 3);
}

struct counts {
    unsigned ideal, got, cut; /* different output codes */
};

static void count_codes(const float gains[3], int channel, struct counts *n)
{
    struct lane whole = lane_open(12, gains), cut = lane_open(8, gains);
    int last_ideal = -1, last_got = -1, last_cut = -1;
    *n = (struct counts){0};
    for (unsigned code = BLACK; code < BLACK + SHADOWS; code++) {
        const double linear = (double)(code - BLACK) / (WHITE - BLACK) * (double)gains[channel];
        const int ideal = (int)(255 * srgb(linear < 1 ? linear : 1) + 0.5);
        uint8_t rgb[3], rgb_cut[3];
        develop(&whole, code, rgb);
        develop(&cut, code, rgb_cut);
        CHECK_NEAR(rgb[channel], ideal, 1);
        CHECK(rgb[channel] >= last_got); /* a ramp stays one */
        n->ideal += ideal != last_ideal;
        n->got += rgb[channel] != last_got;
        n->cut += rgb_cut[channel] != last_cut;
        last_ideal = ideal;
        last_got = rgb[channel];
        last_cut = rgb_cut[channel];
    }
    lane_close(&whole);
    lane_close(&cut);
}

TEST(a_ramp_of_12_bits_keeps_the_codes_of_the_ideal_curve)
{
    static const float gains[][3] = {{1, 1, 1}, {1.9f, 1, 1.6f}, {4, 1, 3}};
    for (unsigned i = 0; i < BASE_COUNT(gains); i++) {
        for (int channel = 0; channel < 3; channel++) {
            struct counts n;
            count_codes(gains[i], channel, &n);
            printf("  gain %.1f: %u codes, ideal %u, cut to 8 bits first %u\n",
                (double)gains[i][channel], n.got, n.ideal, n.cut);
            CHECK(n.got + 1 >= n.ideal); /* the last one may begin a step later */
            CHECK(n.cut * 3 < n.ideal);  /* the test can tell */
        }
    }
}

int main(void)
{
    RUN(a_ramp_of_12_bits_keeps_the_codes_of_the_ideal_curve);
    return test_report();
}
