/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Levels, geometry, refused coefficients, and the floor. */
#include "frame.h"

#include "../../harness/test.h"
#include "base/base.h"

#include <errno.h>
#include <math.h>

static struct sisp_coefficients c;

TEST(levels_have_names_and_auto_is_the_best)
{
    const int best = isp_isa_find("auto");
    CHECK(best >= 0);
    CHECK_EQ(isp_isa_find("v5"), -EINVAL);
    CHECK_EQ(isp_isa_find(""), -EINVAL);
    for (int isa = 0; isa < ISP_ISA_COUNT; isa++) {
        const int found = isp_isa_find(isp_isa_name((enum isp_isa)isa));
        CHECK(found == isa || found == -ENOTSUP);
        CHECK(isa <= best || found == -ENOTSUP);
    }
}

TEST(geometry_that_does_not_fit_is_refused)
{
    const struct isp_geometry good = frame_geometry("SRGGB10P", 65, 33, SISP_PIXEL_NV12);
    struct isp_geometry g = good;
    CHECK_EQ(isp_geometry_check(&g), 0);
    g.raw_fourcc = 0;
    CHECK_EQ(isp_geometry_check(&g), -EINVAL);
    g = good;
    g.raw_stride_bytes--;
    CHECK_EQ(isp_geometry_check(&g), -EINVAL);
    g = good;
    g.format = SISP_PIXEL_FORMAT_COUNT;
    CHECK_EQ(isp_geometry_check(&g), -EINVAL);
    g = good;
    g.orientation = SISP_ORIENTATION_COUNT;
    CHECK_EQ(isp_geometry_check(&g), -EINVAL);
    g = good;
    g.crop.x = 1;
    CHECK_EQ(isp_geometry_check(&g), -EINVAL);
    g = good;
    g.crop.y = UINT32_MAX; /* y + height wraps */
    CHECK_EQ(isp_geometry_check(&g), -EINVAL);
    g = good;
    g.crop.width = g.width = 1;
    CHECK_EQ(isp_geometry_check(&g), -EINVAL);
    g = good;
    g.height = 0;
    CHECK_EQ(isp_geometry_check(&g), -EINVAL);
    g = good;
    g.width = 66;
    CHECK_EQ(isp_geometry_check(&g), -ENOTSUP);
}

static int compile(const struct isp_geometry *g)
{
    struct isp_fast_recipe *recipe = aligned_alloc(64, isp_fast_recipe_size(g));
    int error = isp_fast_compile(recipe, g, &c, (enum isp_isa)isp_isa_find("auto"));
    free(recipe);
    return error;
}

TEST(coefficients_outside_their_ranges_are_refused)
{
    const struct isp_geometry g = frame_geometry("SRGGB10", 8, 8, SISP_PIXEL_NV12);
    float *const spoilt[] = {&c.black_level[2], &c.white_level, &c.wb_gains[1], &c.clip_level,
        &c.ccm[5], &c.tone[100], &c.noise_shot, &c.sharpness, &c.denoise_luma, &c.denoise_chroma,
        &c.lsc.gain[3][2], &c.lsc.origin_x, &c.lsc.step_y};
    struct base_prng prng = {1};
    for (unsigned i = 0; i < BASE_COUNT(spoilt); i++) {
        frame_coefficients(&c, 10, &prng);
        c.lsc.cols = c.lsc.rows = 2;
        CHECK_EQ(compile(&g), 0);
        *spoilt[i] = NAN;
        CHECK_EQ(compile(&g), -EINVAL);
        *spoilt[i] = INFINITY;
        CHECK(spoilt[i] == &c.lsc.step_y ||
              compile(&g) == -EINVAL); /* a step may be as wide as it likes */
        *spoilt[i] = -INFINITY;
        CHECK_EQ(compile(&g), -EINVAL);
    }
    frame_identity(&c, 10);
    c.lsc.cols = c.lsc.rows = SISP_LSC_KNOTS_MAX + 1;
    CHECK_EQ(compile(&g), -EINVAL);
    frame_identity(&c, 10);
    c.wb_gains[0] = 16;
    CHECK_EQ(compile(&g), -EINVAL);
    frame_identity(&c, 10);
    c.demosaic = SISP_DEMOSAIC_SMOOTH + 1;
    CHECK_EQ(compile(&g), -EINVAL);
    frame_identity(&c, 10);
    c.black_level[0] = c.white_level;
    CHECK_EQ(compile(&g), -EINVAL);
}

/* Within four steps of 8 bits: the fast path has 12 bits before a steep curve, and of the curve
 * fewer lines. */
static bool are_rows_near(
    enum sisp_pixel_format format, const uint8_t *a, const uint8_t *b, size_t size)
{
    const bool is_wide = format == SISP_PIXEL_RGBA64 || format == SISP_PIXEL_P010;
    for (size_t i = 0; i < size; i += is_wide ? 2 : 1) {
        uint16_t x = a[i], y = b[i];
        if (is_wide) {
            memcpy(&x, a + i, 2);
            memcpy(&y, b + i, 2);
        }
        if (abs(x - y) > (is_wide ? 4 * 257 : 4)) {
            printf("%s: byte %zu: %u and %u\n", sisp_pixel_format_name(format), i, x, y);
            return false;
        }
    }
    return true;
}

static bool is_near(const struct picture *a, const struct picture *b)
{
    const struct sisp_image *p = &a->image, *q = &b->image;
    for (unsigned k = 0; k < sisp_pixel_plane_count(p->format); k++) {
        const size_t size = sisp_pixel_row_bytes(p->format, k, p->width);
        for (uint32_t y = 0; y < sisp_pixel_plane_rows(p->format, k, p->height); y++) {
            const size_t at = y * p->stride_bytes[k];
            if (!are_rows_near(p->format, p->planes[k] + at, q->planes[k] + at, size))
                return false;
        }
    }
    return true;
}

/* Black, gains, matrix and curve agree on flat colours, in every raw and pixel format. */
TEST(floor_gives_the_fast_paths_colours)
{
    struct base_prng prng = {2};
    unsigned pixel = 0;
    for (const struct sisp_raw_format *f = sisp_raw_formats; f->name; f++) {
        struct isp_geometry g = frame_geometry(
            f->name, 40, 24, (enum sisp_pixel_format)(pixel++ % SISP_PIXEL_FORMAT_COUNT));
        g.crop = (struct sisp_rect){pixel % 3, pixel % 2, 37, 23};
        g.width = 37 - pixel % 2;
        g.height = 23 - pixel % 4;
        struct picture a, b;
        frame_coefficients(&c, f->bits, &prng);
        c.lsc.cols = 0;
        c.black_level[SISP_SITE_GB] = c.black_level[SISP_SITE_GR]; /* else green is not flat */
        memset(c.ccm, 0, sizeof(c.ccm));
        c.ccm[0] = c.ccm[4] = c.ccm[8] = 1;
        for (int k = 0; k < 3; k++) /* as the coefficients' header has it */
            c.clip_level = fminf(c.clip_level, c.wb_gains[k]);
        uint8_t *raw = frame_random_raw(&g, &prng);
        memset(raw, f->packing == SISP_PACKING_16 ? 1 << (f->bits - 10) : 0x55,
            g.raw_stride_bytes * g.raw_height);
        picture_create(&a, &g);
        picture_create(&b, &g);
        for (int i = 0; i < 2; i++) {
            isp_floor_band(&g, &c, raw, &a.image, 0, g.height);
            REQUIRE(frame_develop(
                        &g, &c, (enum isp_isa)isp_isa_find("auto"), raw, &b.image, 0, NULL) == 0);
            CHECK(is_near(&a, &b));
            /* Of words, codes that the format has not: white. Not all bits, so that none is cut. */
            memset(raw, f->packing == SISP_PACKING_16 ? 0xf0 : 0xff,
                g.raw_stride_bytes * g.raw_height);
        }
        picture_destroy(&a);
        picture_destroy(&b);
        free(raw);
    }
}

struct place {
    unsigned x, y, width, height; /* of a picture of that size */
};

/* Where EXIF's orientation shows a pixel: by the sides at which row 0 and column 0 appear. */
static struct place shown_at(struct place p, unsigned exif)
{
    static const char sides[9][3] = {"", "tl", "tr", "br", "bl", "lt", "rt", "rb", "lb"};
    const char row = sides[exif][0], column = sides[exif][1];
    const unsigned along = column == 'l' || column == 't' ? p.x : p.width - 1 - p.x;
    const unsigned across = row == 'l' || row == 't' ? p.y : p.height - 1 - p.y;
    return exif >= 5 ? (struct place){across, along, p.height, p.width}
                     : (struct place){along, across, p.width, p.height};
}

/* As the header says it: left and right, top and bottom, then rows and columns. */
static struct place turned_to(struct place p, unsigned orientation)
{
    const unsigned x = orientation & SISP_ORIENTATION_MIRROR ? p.width - 1 - p.x : p.x;
    const unsigned y = orientation & SISP_ORIENTATION_FLIP ? p.height - 1 - p.y : p.y;
    return orientation & SISP_ORIENTATION_TRANSPOSE ? (struct place){y, x, p.height, p.width}
                                                    : (struct place){x, y, p.width, p.height};
}

TEST(orientations_are_exifs_one_after_the_other)
{
    for (unsigned i = 0; i < 8 * SISP_ORIENTATION_COUNT * 12; i++) {
        const enum sisp_orientation orientation = (enum sisp_orientation)(i % 8);
        const unsigned exif = 1 + i / 8 % 8;
        const struct place pixel = {i / 64 % 4, i / 256, 4, 3};
        const struct place seen = shown_at(turned_to(pixel, orientation), exif);
        const struct place direct = shown_at(pixel, sisp_orientation_exif(orientation, exif));
        CHECK(memcmp(&seen, &direct, sizeof(seen)) == 0);
        CHECK_EQ(sisp_orientation_find(sisp_orientation_name(orientation)), (int)orientation);
    }
    CHECK_EQ(sisp_orientation_exif(SISP_ORIENTATION_ROTATE_90, 1), 6);
}

/* Pixel by pixel the floor's own picture, only turned. */
TEST(floor_turns_pictures)
{
    struct base_prng prng = {9};
    for (unsigned orientation = 0; orientation < SISP_ORIENTATION_COUNT; orientation++) {
        struct isp_geometry g = frame_geometry("SGRBG10", 41, 27, SISP_PIXEL_XRGB8888);
        g.width = 33;
        g.height = 20;
        uint32_t as_seen[20][33], turned[20 * 33];
        const struct sisp_image a = {g.format, 33, 20, {(uint8_t *)as_seen}, {33 * 4}};
        frame_coefficients(&c, 10, &prng);
        uint8_t *raw = frame_random_raw(&g, &prng);
        isp_floor_band(&g, &c, raw, &a, 0, g.height);
        frame_turn(&g, (enum sisp_orientation)orientation);
        const struct sisp_image b = {
            g.format, g.width, g.height, {(uint8_t *)turned}, {(size_t)g.width * 4}};
        isp_floor_band(&g, &c, raw, &b, 0, 7);
        isp_floor_band(&g, &c, raw, &b, 7, g.height);
        for (unsigned i = 0; i < 20 * 33; i++) {
            const unsigned column = i % g.width, row = i / g.width;
            const unsigned x = orientation & 4 ? row : column, y = orientation & 4 ? column : row;
            CHECK_EQ(
                turned[i], as_seen[orientation & 2 ? 19 - y : y][orientation & 1 ? 32 - x : x]);
        }
        free(raw);
    }
}

TEST(floor_gives_the_same_in_bands)
{
    struct base_prng prng = {3};
    for (int format = 0; format < SISP_PIXEL_FORMAT_COUNT; format++) {
        struct isp_geometry g = frame_geometry("SBGGR12P", 151, 63, (enum sisp_pixel_format)format);
        struct picture a, b;
        g.width = 71;
        g.height = 35;
        frame_coefficients(&c, 12, &prng);
        uint8_t *raw = frame_random_raw(&g, &prng);
        picture_create(&a, &g);
        picture_create(&b, &g);
        isp_floor_band(&g, &c, raw, &a.image, 0, g.height);
        for (uint32_t y = 0; y < g.height; y += 6)
            isp_floor_band(&g, &c, raw, &b.image, y, y + 6 < g.height ? y + 6 : g.height);
        CHECK(picture_is_same(&a, &b));
        picture_destroy(&a);
        picture_destroy(&b);
        free(raw);
    }
}

/* The floor may be called with anything: it cannot fail. */
TEST(floor_survives_bad_coefficients)
{
    const struct isp_geometry g = frame_geometry("SRGGB16", 2, 2, SISP_PIXEL_XRGB8888);
    const float bad[] = {NAN, INFINITY, -INFINITY, 1e30f, 0, -1};
    for (unsigned i = 0; i < BASE_COUNT(bad); i++) {
        struct picture p;
        float *values = (float *)&c;
        uint16_t raw[4] = {0, 1, 65535, 30000};
        for (size_t k = 0; k < offsetof(struct sisp_coefficients, lsc) / sizeof(float); k++)
            values[k] = bad[i];
        picture_create(&p, &g);
        isp_floor_band(&g, &c, (const uint8_t *)raw, &p.image, 0, 2);
        CHECK_EQ(p.image.planes[0][3], 255);
        picture_destroy(&p);
    }
}

int main(void)
{
    RUN(levels_have_names_and_auto_is_the_best);
    RUN(geometry_that_does_not_fit_is_refused);
    RUN(coefficients_outside_their_ranges_are_refused);
    RUN(floor_gives_the_fast_paths_colours);
    RUN(orientations_are_exifs_one_after_the_other);
    RUN(floor_turns_pictures);
    RUN(floor_gives_the_same_in_bands);
    RUN(floor_survives_bad_coefficients);
    return test_report();
}
