/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Two pictures from one pass: each is what a pass of its own makes, in any cutting. */
#include "frame.h"

#include "../../harness/test.h"

#include "base/base.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct sisp_coefficients c;
static struct sisp_stats alone_stats, stats;

static enum isp_isa best_level(void)
{
    return (enum isp_isa)isp_isa_find("auto");
}

static int develop_pair(const struct isp_geometry g[2], const uint8_t *raw,
    const struct picture pictures[2], uint32_t band)
{
    struct isp_fast_recipe *first = aligned_alloc(64, isp_fast_recipe_size(&g[0]));
    struct isp_fast_recipe *second = aligned_alloc(64, isp_fast_recipe_size(&g[1]));
    void *scratch = aligned_alloc(64, base_align(isp_fast_pair_scratch_size(g), 64));
    const struct isp_fast_pair pair = {{first, second}, {&pictures[0].image, &pictures[1].image}};
    int error = isp_fast_compile(first, &g[0], &c, best_level());
    if (error == 0)
        error = isp_fast_compile_second(second, first, &g[1], &c);
    memset(&stats, 0, sizeof(stats));
    const uint32_t lines = isp_fast_lines(&g[0]);
    for (uint32_t y = 0; y < lines && !error; y += band) {
        const uint32_t end = y + band < lines ? y + band : lines;
        isp_fast_band_pair(&pair, raw, y, end, scratch, &stats);
    }
    free(first);
    free(second);
    free(scratch);
    return error;
}

static bool is_as_alone(const struct isp_geometry g[2], uint32_t band, struct base_prng *prng)
{
    struct picture alone[2], both[2];
    uint8_t *raw = frame_random_raw(&g[0], prng);
    bool ok = true;
    for (int k = 0; k < 2; k++) {
        picture_create(&alone[k], &g[k]);
        picture_create(&both[k], &g[k]);
        ok = ok && frame_develop(&g[k], &c, best_level(), raw, &alone[k].image, 0,
                       k == 0 ? &alone_stats : NULL) == 0;
    }
    ok = ok && develop_pair(g, raw, both, band) == 0;
    ok = ok && memcmp(&stats, &alone_stats, sizeof(stats)) == 0;
    for (int k = 0; k < 2; k++) {
        ok = ok && picture_is_same(&both[k], &alone[k]);
        picture_destroy(&alone[k]);
        picture_destroy(&both[k]);
    }
    free(raw);
    return ok;
}

static void random_size(struct isp_geometry *g, struct base_prng *prng)
{
    g->format = (enum sisp_pixel_format)base_prng_below(prng, SISP_PIXEL_FORMAT_COUNT);
    g->width = g->crop.width;
    g->height = g->crop.height;
    if (base_prng_below(prng, 3) > 0) {
        g->width = 1 + base_prng_below(prng, g->crop.width);
        g->height = 1 + base_prng_below(prng, g->crop.height);
    }
}

TEST(each_is_what_a_pass_of_its_own_makes)
{
    struct base_prng prng = {1};
    for (unsigned i = 0; i < 300; i++) {
        struct isp_geometry g[2];
        g[0] = frame_geometry("SGRBG10P", 2 + base_prng_below(&prng, 100),
            2 + base_prng_below(&prng, 150), SISP_PIXEL_NV12);
        g[1] = g[0];
        for (int k = 0; k < 2; k++) {
            random_size(&g[k], &prng);
            frame_turn(&g[k], (enum sisp_orientation)(i % SISP_ORIENTATION_COUNT));
        }
        frame_coefficients(&c, 10, &prng);
        CHECK(is_as_alone(g, 2 + 2 * base_prng_below(&prng, 40), &prng));
    }
}

TEST(pictures_that_have_not_the_crop_in_common_are_refused)
{
    struct isp_geometry g[2];
    g[0] = g[1] = frame_geometry("SGRBG10P", 40, 30, SISP_PIXEL_NV12);
    const struct isp_geometry good = g[1];
    struct picture pictures[2];
    struct base_prng prng = {2};
    frame_coefficients(&c, 10, &prng);
    uint8_t *raw = frame_random_raw(&g[0], &prng);
    picture_create(&pictures[0], &g[0]);
    picture_create(&pictures[1], &g[1]);
    CHECK_EQ(develop_pair(g, raw, pictures, 30), 0);
    g[1].orientation = SISP_ORIENTATION_FLIP;
    CHECK_EQ(develop_pair(g, raw, pictures, 30), -EINVAL);
    g[1] = good;
    g[1].crop.x = 2;
    g[1].crop.width = g[1].width = 38;
    CHECK_EQ(develop_pair(g, raw, pictures, 30), -EINVAL);
    g[1] = good;
    g[1].width = 41;
    CHECK_EQ(develop_pair(g, raw, pictures, 30), -ENOTSUP);
    g[1] = good;
    g[1].raw_fourcc = sisp_raw_format_find("SRGGB10P")->fourcc;
    CHECK_EQ(develop_pair(g, raw, pictures, 30), -EINVAL);
    picture_destroy(&pictures[0]);
    picture_destroy(&pictures[1]);
    free(raw);
}

int main(void)
{
    RUN(each_is_what_a_pass_of_its_own_makes);
    RUN(pictures_that_have_not_the_crop_in_common_are_refused);
    return test_report();
}
