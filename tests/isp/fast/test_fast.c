/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The fast path on whole frames, against the naive reference. */
#include "frame.h"

#include "../../harness/test.h"
#include "../../reference/fast.h"

#include "base/base.h"

static struct sisp_coefficients c;
static struct sisp_stats stats, expected_stats;

static bool has_level(enum isp_isa isa)
{
    return isp_isa_find(isp_isa_name(isa)) == (int)isa;
}

static enum isp_isa best_level(void)
{
    return (enum isp_isa)isp_isa_find("auto");
}

/* Frame of random samples, with `c`: picture and statistics are the reference's. */
static bool is_as_defined(
    const struct isp_geometry *g, enum isp_isa isa, uint32_t band, struct base_prng *prng)
{
    struct picture got, expected;
    uint8_t *raw = frame_random_raw(g, prng);
    picture_create(&got, g);
    picture_create(&expected, g);
    ref_fast_frame(g, &c, raw, &expected.image, &expected_stats);
    bool ok = frame_develop(g, &c, isa, raw, &got.image, band, &stats) == 0 &&
              picture_is_same(&got, &expected);
    if (memcmp(&stats, &expected_stats, sizeof(stats)) != 0) {
        printf("statistics differ\n");
        ok = false;
    }
    picture_destroy(&got);
    picture_destroy(&expected);
    free(raw);
    return ok;
}

TEST(every_raw_format_and_pixel_format_is_as_defined)
{
    struct base_prng prng = {1};
    unsigned pixel = 0;
    for (const struct sisp_raw_format *f = sisp_raw_formats; f->name; f++) {
        for (int k = 0; k < 2; k++) {
            struct isp_geometry g = frame_geometry(
                f->name, 150, 40, (enum sisp_pixel_format)(pixel++ % SISP_PIXEL_FORMAT_COUNT));
            frame_coefficients(&c, f->bits, &prng);
            c.demosaic = (uint32_t)k;
            CHECK(is_as_defined(&g, best_level(), 0, &prng));
        }
    }
}

TEST(every_level_every_small_size_is_as_defined)
{
    struct base_prng prng = {2};
    static const char *const names[] = {
        "SRGGB10", "SGRBG10P", "SGBRG12P", "SBGGR14P", "IPU3_SGBRG10", "SRGGB8", "Y12"};
    for (unsigned i = 0; i < 24 * ISP_ISA_COUNT; i++) {
        const enum isp_isa isa = (enum isp_isa)(i % ISP_ISA_COUNT);
        if (!has_level(isa))
            continue;
        for (unsigned format = 0; format < SISP_PIXEL_FORMAT_COUNT; format++) {
            const char *name = names[(i + format) % BASE_COUNT(names)];
            struct isp_geometry g = frame_geometry(
                name, 2 + i % 24, 2 + i / ISP_ISA_COUNT % 24, (enum sisp_pixel_format)format);
            frame_coefficients(&c, sisp_raw_format_find(name)->bits, &prng);
            CHECK(is_as_defined(&g, isa, 0, &prng));
        }
    }
}

TEST(crops_at_any_corner_are_as_defined)
{
    struct base_prng prng = {3};
    uint32_t count = 0;
    while (sisp_raw_formats[count].name)
        count++;
    for (unsigned i = 0; i < 150; i++) {
        const struct sisp_raw_format *f = &sisp_raw_formats[base_prng_below(&prng, count)];
        struct isp_geometry g = frame_geometry(f->name, 151, 33, SISP_PIXEL_XRGB8888);
        g.raw_stride_bytes += base_prng_below(&prng, 9);
        g.crop.x = base_prng_below(&prng, i % 2 ? 9 : 60);
        g.crop.y = base_prng_below(&prng, 5);
        g.crop.width = g.width = 2 + base_prng_below(&prng, 150 - g.crop.x);
        g.crop.height = g.height = 2 + base_prng_below(&prng, 27);
        frame_coefficients(&c, f->bits, &prng);
        CHECK(is_as_defined(&g, best_level(), 0, &prng));
    }
}

TEST(turned_pictures_are_as_defined)
{
    struct base_prng prng = {10};
    uint32_t count = 0;
    while (sisp_raw_formats[count].name)
        count++;
    for (unsigned i = 0; i < 240; i++) {
        const struct sisp_raw_format *f = &sisp_raw_formats[base_prng_below(&prng, count)];
        struct isp_geometry g = frame_geometry(f->name, 151, 88,
            (enum sisp_pixel_format)(i / SISP_ORIENTATION_COUNT % SISP_PIXEL_FORMAT_COUNT));
        g.crop.x = base_prng_below(&prng, 9);
        g.crop.y = base_prng_below(&prng, 5);
        g.crop.width = g.width = 2 + base_prng_below(&prng, 150 - g.crop.x);
        g.crop.height = g.height = 2 + base_prng_below(&prng, i % 3 ? 27 : 82);
        if (i % 5 == 0) {
            g.width = 1 + g.width / 2;
            g.height = 1 + g.height / 3;
        }
        frame_turn(&g, (enum sisp_orientation)(i % SISP_ORIENTATION_COUNT));
        frame_coefficients(&c, f->bits, &prng);
        const enum isp_isa isa = (enum isp_isa)(i / 7 % ISP_ISA_COUNT);
        CHECK(is_as_defined(
            &g, has_level(isa) ? isa : best_level(), 2 * base_prng_below(&prng, 9), &prng));
    }
}

/* A flat colour through all orders, orientations and parities of crop and size: with a wrong order
 * it would be another colour. */
TEST(a_turned_crop_keeps_its_colours)
{
    static const uint8_t level[SISP_SITE_COUNT] = {200, 120, 120, 40};
    uint8_t raw[64], out[64 * 3];
    for (unsigned i = 0; i < 4 * 4 * 16; i++) {
        const enum sisp_cfa cfa = (enum sisp_cfa)(i % 4);
        static const char *const names[4] = {"SRGGB8", "SGRBG8", "SGBRG8", "SBGGR8"};
        struct isp_geometry g = frame_geometry(names[cfa], 8, 8, SISP_PIXEL_RGB24);
        g.crop = (struct sisp_rect){i / 16 % 2, i / 32 % 2, 5 + i / 64 % 2, 5 + i / 128 % 2};
        g.width = g.crop.width;
        g.height = g.crop.height;
        g.orientation = (enum sisp_orientation)(i / 4 % 4);
        struct sisp_image image = {SISP_PIXEL_RGB24, g.width, g.height, {out}, {g.width * 3}};
        for (unsigned k = 0; k < 64; k++)
            raw[k] = level[sisp_cfa_shift(cfa, k % 8, k / 8)];
        frame_identity(&c, 8);
        REQUIRE(frame_develop(&g, &c, best_level(), raw, &image, 0, NULL) == 0);
        const enum sisp_cfa seen = sisp_cfa_turned(cfa, &g.crop, g.orientation);
        const uint32_t right = g.orientation & SISP_ORIENTATION_MIRROR ? g.width - 1 : 0;
        const uint32_t below = g.orientation & SISP_ORIENTATION_FLIP ? g.height - 1 : 0;
        CHECK_EQ(level[seen], raw[(g.crop.y + below) * 8 + g.crop.x + right]);
        for (unsigned k = 0; k < g.width * g.height * 3; k++)
            CHECK_EQ(out[k], level[k % 3 ? k % 3 + 1 : 0]);
    }
}

TEST(area_means_are_as_defined)
{
    struct base_prng prng = {4};
    for (unsigned i = 0; i < 80; i++) {
        struct isp_geometry g = frame_geometry("SRGGB10", 2 + base_prng_below(&prng, 120),
            2 + base_prng_below(&prng, 60), (enum sisp_pixel_format)(i % SISP_PIXEL_FORMAT_COUNT));
        g.width = 1 + base_prng_below(&prng, g.crop.width);
        g.height = 1 + base_prng_below(&prng, g.crop.height);
        frame_coefficients(&c, 10, &prng);
        CHECK(is_as_defined(&g, best_level(), 2 * base_prng_below(&prng, 9), &prng));
    }
}

TEST(any_cutting_into_bands_gives_the_same)
{
    struct base_prng prng = {5};
    for (uint32_t band = 1; band < 45; band += 1 + band / 8) {
        struct isp_geometry g = frame_geometry("SGBRG10", 70, 43, SISP_PIXEL_RGB24);
        frame_coefficients(&c, 10, &prng);
        CHECK(is_as_defined(&g, best_level(), band, &prng));
        g.width = 31;
        g.height = 17;
        CHECK(is_as_defined(&g, best_level(), band, &prng));
        g.format = SISP_PIXEL_NV12;
        CHECK(is_as_defined(&g, best_level(), 2 * band, &prng));
    }
}

TEST(a_crop_moved_by_one_is_another_cfa_order)
{
    struct base_prng prng = {6};
    struct isp_geometry g = frame_geometry("SRGGB10", 66, 34, SISP_PIXEL_RGB24), moved = g;
    struct picture a, b;
    g.crop = (struct sisp_rect){1, 1, 65, 33};
    g.width = 65;
    g.height = 33;
    moved = g;
    moved.raw_fourcc = sisp_raw_format_find("SBGGR10")->fourcc;
    moved.crop.x = moved.crop.y = 0;
    moved.raw_width--;
    moved.raw_height--;
    frame_coefficients(&c, 10, &prng);
    c.defect_count = 0; /* places in the raw frame, which is moved */
    uint8_t *raw = frame_random_raw(&g, &prng);
    picture_create(&a, &g);
    picture_create(&b, &g);
    CHECK_EQ(frame_develop(&g, &c, best_level(), raw, &a.image, 0, NULL), 0);
    CHECK_EQ(
        frame_develop(&moved, &c, best_level(), raw + g.raw_stride_bytes + 2, &b.image, 0, NULL),
        0);
    CHECK(picture_is_same(&a, &b));
    picture_destroy(&a);
    picture_destroy(&b);
    free(raw);
}

/* Grey of every 8-bit level goes in and comes out, with a flat mesh of 1 and without a mesh. */
TEST(identity_gives_the_raw_back)
{
    for (unsigned grey = 0; grey < 256; grey++) {
        struct isp_geometry g = frame_geometry("SRGGB8", 6, 2, SISP_PIXEL_RGB24);
        uint8_t raw[12], out[36];
        struct sisp_image image = {SISP_PIXEL_RGB24, 6, 2, {out}, {18}};
        frame_identity(&c, 8);
        c.lsc = (struct sisp_lsc_mesh){.cols = grey % 3, .rows = 2, .step_x = 1, .step_y = 1};
        for (int i = 0; i < 16; i++)
            c.lsc.gain[i / 4][i % 4] = 1;
        c.demosaic = grey % 2;
        memset(raw, (int)grey, sizeof(raw));
        REQUIRE(frame_develop(&g, &c, best_level(), raw, &image, 0, NULL) == 0);
        for (int i = 0; i < 36; i++)
            CHECK_EQ(out[i], grey);
    }
}

/* White stays white through any balanced matrix, and clipped highlights stay neutral. */
TEST(white_is_exactly_full_scale)
{
    struct base_prng prng = {7};
    for (unsigned i = 0; i < 200; i++) {
        struct isp_geometry g = frame_geometry("SRGGB10", 4, 2, SISP_PIXEL_RGBA64);
        uint16_t raw[8], out[32];
        struct sisp_image image = {SISP_PIXEL_RGBA64, 4, 2, {(uint8_t *)out}, {32}};
        frame_coefficients(&c, 10, &prng);
        c.clip_level = 1;
        for (int k = 0; k < 3; k++) {
            c.wb_gains[k] = 1 + c.wb_gains[k] / 3;
            c.ccm[4 * k] = 1 - c.ccm[3 * k + (k + 1) % 3] - c.ccm[3 * k + (k + 2) % 3];
        }
        for (int site = 0; site < SISP_SITE_COUNT; site++) {
            for (uint32_t k = 0; k < c.lsc.cols * c.lsc.rows; k++)
                c.lsc.gain[site][k] = 1 + c.lsc.gain[site][k] / 4;
        }
        for (int k = 0; k < 8; k++)
            raw[k] = 1023;
        REQUIRE(frame_develop(&g, &c, best_level(), (uint8_t *)raw, &image, 0, &stats) == 0);
        for (int k = 0; k < 32; k++)
            CHECK_EQ(out[k], 65535);
        CHECK_EQ(stats.zones[0].clipped, 1);
    }
}

TEST(stats_measure_is_as_defined)
{
    struct base_prng prng = {8};
    for (unsigned i = 0; i < 40; i++) {
        struct isp_geometry g = frame_geometry("SGRBG12P", 2 + base_prng_below(&prng, 150),
            2 + base_prng_below(&prng, 150), SISP_PIXEL_NV12);
        frame_coefficients(&c, 12, &prng);
        uint8_t *raw = frame_random_raw(&g, &prng);
        struct isp_fast_recipe *recipe = aligned_alloc(64, isp_fast_recipe_size(&g));
        void *scratch = aligned_alloc(64, base_align(isp_fast_scratch_size(&g), 64));
        REQUIRE(isp_fast_compile(recipe, &g, &c, best_level()) == 0);
        isp_stats_measure(recipe, raw, scratch, &stats);
        ref_stats_measure(&g, &c, raw, &expected_stats);
        CHECK(memcmp(&stats, &expected_stats, sizeof(stats)) == 0);
        free(raw);
        free(recipe);
        free(scratch);
    }
}

/* More rows of cells than sums: what comes after the first 4096 lines makes two or more share one.
 */
TEST(rows_of_tall_frames_share_sums)
{
    struct base_prng prng = {9};
    const uint32_t heights[] = {4096, 4097, 4098, 8202};
    for (unsigned i = 0; i < BASE_COUNT(heights); i++) {
        struct isp_geometry g = frame_geometry("SGRBG8", 4, heights[i], SISP_PIXEL_XRGB8888);
        frame_coefficients(&c, 8, &prng);
        CHECK(is_as_defined(&g, best_level(), 7, &prng));
        CHECK(stats.row_count <= SISP_STATS_ROWS);
        CHECK_EQ(stats.row_lines, 2 * ((heights[i] / 2 + 2047) / 2048));
    }
}

TEST(statistics_of_bands_add_up)
{
    static struct sisp_stats sum, parts[3];
    struct base_prng prng = {10};
    struct isp_geometry g = frame_geometry("SRGGB10", 70, 44, SISP_PIXEL_RGB24);
    struct picture p;
    frame_coefficients(&c, 10, &prng);
    uint8_t *raw = frame_random_raw(&g, &prng);
    picture_create(&p, &g);
    REQUIRE(frame_develop(&g, &c, best_level(), raw, &p.image, 0, &stats) == 0);
    struct isp_fast_recipe *recipe = aligned_alloc(64, isp_fast_recipe_size(&g));
    void *scratch = aligned_alloc(64, base_align(isp_fast_scratch_size(&g), 64));
    REQUIRE(isp_fast_compile(recipe, &g, &c, best_level()) == 0);
    isp_fast_band(recipe, raw, &p.image, 0, 14, scratch, &parts[1]);
    isp_fast_band(recipe, raw, &p.image, 14, 44, scratch, &parts[2]);
    for (int i = 0; i < 3; i++) /* the first thread had no band */
        isp_stats_add(&sum, &parts[i]);
    CHECK(memcmp(&sum, &stats, sizeof(sum)) == 0);
    picture_destroy(&p);
    free(raw);
    free(recipe);
    free(scratch);
}

int main(void)
{
    RUN(every_raw_format_and_pixel_format_is_as_defined);
    RUN(every_level_every_small_size_is_as_defined);
    RUN(crops_at_any_corner_are_as_defined);
    RUN(turned_pictures_are_as_defined);
    RUN(a_turned_crop_keeps_its_colours);
    RUN(area_means_are_as_defined);
    RUN(any_cutting_into_bands_gives_the_same);
    RUN(a_crop_moved_by_one_is_another_cfa_order);
    RUN(identity_gives_the_raw_back);
    RUN(white_is_exactly_full_scale);
    RUN(stats_measure_is_as_defined);
    RUN(rows_of_tall_frames_share_sums);
    RUN(statistics_of_bands_add_up);
    return test_report();
}
