/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burst_fixture.h"

#include <base/hash.h>

#include "tests/harness/test.h"

#define WIDTH  480
#define HEIGHT 360
#define SHOT   4e-4F
#define READ   1e-5F

static const struct sisp_raw_format *format;

static void free_all(uint8_t **raws, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        free(raws[i]);
}

/* Mean square error against the truth, `border` samples left out. */
static double mse(const struct isp_geometry *g, const struct burst_view *v, const uint16_t *merged,
    uint32_t border)
{
    double sum = 0, count = 0;
    for (uint32_t y = border; y < g->crop.height - border; y++) {
        for (uint32_t x = border; x < g->crop.width - border; x++) {
            double truth = (double)burst_truth(v, v->x + (int32_t)x, v->y + (int32_t)y);
            double d = burst_linear(merged[(size_t)y * g->crop.width + x]) - truth;
            sum += d * d;
            count++;
        }
    }
    return sum / count;
}

/* ---- align ---------------------------------------------------------------------------------- */

TEST(known_shifts_are_found_exactly)
{
    static const int32_t shifts[][2] = {
        {0, 0}, {2, -2}, {-64, 64}, {64, 38}, {-30, -64}, {100, -6}, {-126, 20}, {16, 0}};
    const uint32_t count = BASE_COUNT(shifts);
    struct isp_geometry g = burst_geometry(format, WIDTH, HEIGHT);
    struct sisp_coefficients c = burst_coefficients(SHOT, READ);
    uint8_t *raws[BASE_COUNT(shifts)];
    for (uint32_t i = 0; i < count; i++) {
        struct burst_view v = {1, 100 + i, shifts[i][0], shifts[i][1], SHOT, READ, 1, {0}};
        raws[i] = burst_shoot(&g, format, &v);
    }
    struct isp_burst_transform t = burst_moved(&g, &c, raws, count, 0);
    CHECK_EQ(t.used, (1U << count) - 1);
    for (uint32_t i = 1; i < count; i++) {
        CHECK_EQ(t.dx[i], shifts[i][0]);
        CHECK_EQ(t.dy[i], shifts[i][1]);
        CHECK_NEAR((double)t.residual[i], 0.8, 0.05);
    }
    t = burst_align(&g, &c, raws, count, 1); /* another reference, shifts still within reach */
    for (uint32_t i = 0; i < count; i++) {
        CHECK_EQ(t.dx[i], shifts[i][0] - shifts[1][0]);
        CHECK_EQ(t.dy[i], shifts[i][1] - shifts[1][1]);
    }
    free_all(raws, count);
}

/* Beyond what a hand moves by, as long as a quarter of the frame is left; brightness may change. */
TEST(far_shifts_are_found)
{
    static const int32_t shifts[][2] = {{0, 0}, {-334, 2}, {12, 240}, {150, -190}, {0, 2}};
    const uint32_t count = BASE_COUNT(shifts);
    struct isp_geometry g = burst_geometry(format, WIDTH, HEIGHT);
    struct sisp_coefficients c = burst_coefficients(SHOT, READ);
    uint8_t *raws[BASE_COUNT(shifts)];
    for (uint32_t i = 0; i < count; i++) {
        const float gain = i == 3 ? 0.93F : 1;
        struct burst_view v = {1, 100 + i, shifts[i][0], shifts[i][1], SHOT, READ, gain, {0}};
        raws[i] = burst_shoot(&g, format, &v);
    }
    struct isp_burst_transform t = burst_moved(&g, &c, raws, count, 0);
    CHECK_EQ(t.used, (1U << count) - 1);
    for (uint32_t i = 1; i < count; i++) {
        CHECK_EQ(t.dx[i], shifts[i][0]);
        CHECK_EQ(t.dy[i], shifts[i][1]);
        CHECK_NEAR((double)t.gain[i], i == 3 ? 1 / 0.93 : 1, 0.01);
        CHECK_NEAR((double)t.residual[i], 0.8, 0.05);
    }
    free_all(raws, count);
}

/* Down to a single cell; shifts never take the overlap away. */
TEST(small_crops_are_aligned)
{
    static const uint32_t sizes[][2] = {{2, 2}, {3, 5}, {5, 64}, {97, 4}, {49, 51}};
    for (unsigned i = 0; i < BASE_COUNT(sizes); i++) {
        const struct sisp_raw_format *f = sisp_raw_format_find(i % 2 ? "SGRBG12P" : "SBGGR16");
        struct isp_geometry g = burst_geometry(f, sizes[i][0] + 1, sizes[i][1] + 1);
        g.crop = (struct sisp_rect){1, 1, sizes[i][0], sizes[i][1]};
        struct sisp_coefficients c = burst_coefficients(0, 0);
        uint8_t *raws[2];
        for (unsigned n = 0; n < 2; n++) {
            struct burst_view v = {13, n, 0, 0, SHOT, READ, 1, {0}};
            raws[n] = burst_shoot(&g, f, &v);
        }
        struct isp_burst_transform t = burst_align(&g, &c, raws, 2, 1);
        CHECK(t.used >> 1 & 1);
        CHECK(abs(t.dx[0]) < (int)sizes[i][0] && abs(t.dy[0]) < (int)sizes[i][1]);
        CHECK_EQ(t.dx[1], 0);
        free(burst_merge(&g, &c, &t, raws, 2, 8));
        free_all(raws, 2);
    }
}

TEST(another_scene_takes_no_part)
{
    struct isp_geometry g = burst_geometry(format, WIDTH, HEIGHT);
    struct sisp_coefficients c = burst_coefficients(SHOT, READ);
    struct burst_view views[] = {{1, 1, 0, 0, SHOT, READ, 1, {0}}, {2, 2, 0, 0, SHOT, READ, 1, {0}},
        {1, 3, 6, 4, SHOT, READ, 1, {0}}};
    uint8_t *raws[3];
    for (unsigned i = 0; i < 3; i++)
        raws[i] = burst_shoot(&g, format, &views[i]);
    struct isp_burst_transform t = burst_moved(&g, &c, raws, 3, 0);
    CHECK_EQ(t.used, 5);
    CHECK(t.residual[1] > 2 * t.residual[2]);
    free_all(raws, 3);
}

TEST(clipped_light_does_not_mislead)
{
    struct isp_geometry g = burst_geometry(format, WIDTH, HEIGHT);
    struct sisp_coefficients c = burst_coefficients(SHOT, READ);
    uint8_t *raws[2];
    for (unsigned i = 0; i < 2; i++) {
        struct burst_view v = {4, i, i ? -22 : 0, i ? 46 : 0, SHOT, READ, 2.6F, {0}};
        raws[i] = burst_shoot(&g, format, &v);
    }
    struct isp_burst_transform t = burst_moved(&g, &c, raws, 2, 0);
    CHECK_EQ(t.dx[1], -22);
    CHECK_EQ(t.dy[1], 46);
    CHECK_EQ(t.used, 3);
    memset(raws[1], 0xff, g.raw_stride_bytes * g.raw_height); /* nothing left to compare */
    t = burst_moved(&g, &c, raws, 2, 0);
    CHECK_EQ(t.used, 1);
    free_all(raws, 2);
}

/* On faint content a brighter frame fits better where the content is darker: it must not move. */
TEST(flicker_is_not_motion)
{
    struct isp_geometry g = burst_geometry(format, WIDTH, HEIGHT);
    struct sisp_coefficients c = burst_coefficients(SHOT, READ);
    uint8_t *raws[4];
    for (unsigned i = 0; i < 4; i++) {
        float gain = 0.02F * (1 + 0.06F * (float)i);
        struct burst_view v = {10, 30 + i, (int32_t)i * 4, (int32_t)i * -6, 1e-5F, READ, gain, {0}};
        raws[i] = burst_shoot(&g, format, &v);
    }
    struct isp_burst_transform t = burst_moved(&g, &c, raws, 4, 0);
    for (int32_t i = 0; i < 4; i++) {
        CHECK_EQ(t.dx[i], i * 4);
        CHECK_EQ(t.dy[i], i * -6);
    }
    CHECK_EQ(t.used, 15);
    free_all(raws, 4);
}

/* In good light one per cent is more than the noise of a window's mean. */
TEST(flicker_costs_no_frames)
{
    struct isp_geometry g = burst_geometry(format, WIDTH, HEIGHT);
    struct sisp_coefficients c = burst_coefficients(1e-5F, 1e-7F);
    uint8_t *raws[4];
    struct burst_view first = {0};
    for (unsigned i = 0; i < 4; i++) {
        struct burst_view v = {11, i, 0, 0, 1e-5F, 1e-7F, 1 + 0.01F * (float)i, {0}};
        first = i ? first : v;
        raws[i] = burst_shoot(&g, format, &v);
    }
    struct isp_burst_transform t = burst_align(&g, &c, raws, 4, 0);
    CHECK_NEAR((double)t.gain[3], 1 / 1.03, 0.001);
    uint16_t *merged = burst_merge(&g, &c, &t, raws, 4, HEIGHT);
    uint16_t *single = burst_merge(&g, &c, &t, raws, 1, HEIGHT);
    double gain = 10 * log10(mse(&g, &first, single, 8) / mse(&g, &first, merged, 8));
    printf("  with flicker of 3 per cent: %.2f dB\n", gain);
    CHECK(gain > 5.4);
    free(merged);
    free(single);
    free_all(raws, 4);
}

TEST(unknown_noise_is_estimated)
{
    /* Of the last, black and white cut off a part. */
    const float models[][2] = {{SHOT, READ}, {1e-4F, 1e-6F}, {2e-3F, 1e-4F}, {2e-2F, 1.5e-2F}};
    struct isp_geometry g = burst_geometry(format, WIDTH, HEIGHT);
    struct sisp_coefficients c = burst_coefficients(0, 0);
    for (unsigned i = 0; i < 4; i++) {
        struct burst_view v = {5, i, 0, 0, models[i][0], models[i][1], 1, {0}};
        uint8_t *raws[2] = {burst_shoot(&g, format, &v), NULL};
        v.draw = 99;
        v.x = 8;
        raws[1] = burst_shoot(&g, format, &v);
        struct isp_burst_transform t = burst_align(&g, &c, raws, 2, 0);
        for (double x = 0.15; x < 0.5; x += 0.15) {
            double got = (double)t.noise_shot * x + (double)t.noise_read;
            double want = (double)models[i][0] * x + (double)models[i][1];
            printf("  variance at %.2f: %.3g, is %.3g\n", x, got, want);
            CHECK_NEAR(got / want, 1, 0.2);
        }
        free_all(raws, 2);
    }
}

/* ---- merge ---------------------------------------------------------------------------------- */

TEST(noise_falls_with_the_number_of_frames)
{
    struct isp_geometry g = burst_geometry(format, WIDTH, HEIGHT);
    struct sisp_coefficients c = burst_coefficients(SHOT, READ);
    uint8_t *raws[8];
    struct burst_view first = {0};
    for (unsigned i = 0; i < 8; i++) {
        int32_t step = (int32_t)i;
        struct burst_view v = {6, 50 + i, step * 4, step * -2, SHOT, READ, 1, {0}};
        first = i ? first : v;
        raws[i] = burst_shoot(&g, format, &v);
    }
    double before = 0;
    for (uint32_t count = 1; count <= 8; count *= 2) {
        struct isp_burst_transform t = burst_align(&g, &c, raws, count, 0);
        uint16_t *merged = burst_merge(&g, &c, &t, raws, count, HEIGHT);
        double after = mse(&g, &first, merged, 32);
        before = count == 1 ? after : before;
        double gain = 10 * log10(before / after), ideal = 10 * log10(count);
        printf("  %u frames: %.2f dB of %.2f dB\n", count, gain, ideal);
        CHECK(gain >= 0.9 * ideal);
        free(merged);
    }
    free_all(raws, 8);
}

static float noise_at(const uint16_t *merged, const struct isp_geometry *g, uint32_t x, uint32_t y)
{
    const uint16_t *map = merged + (size_t)g->crop.width * g->crop.height;
    return (float)map[y / 8 * isp_burst_blocks(g->crop.width) + x / 8] / ISP_BURST_NOISE_ONE;
}

/* What the map says is what is left, by the truth: where frames agree, and where a thing covers
 * the scene in all but the reference, which must then stand alone. */
TEST(the_map_tells_the_noise)
{
    struct isp_geometry g = burst_geometry(format, WIDTH, HEIGHT);
    struct sisp_coefficients c = burst_coefficients(SHOT, READ);
    const struct burst_square thing = {200, 152, 56, 0.3F};
    uint8_t *raws[4];
    struct burst_view first = {0};
    for (unsigned i = 0; i < 4; i++) {
        struct burst_view v = {
            6, 70 + i, 0, 0, SHOT, READ, 1, i ? thing : (struct burst_square){0}};
        first = i ? first : v;
        raws[i] = burst_shoot(&g, format, &v);
    }
    const struct isp_burst burst = burst_of(&g, &c, raws, 4, 0);
    const struct isp_burst_transform t = {

        .gain = {1, 1, 1, 1},
        .noise = {1, 1, 1, 1},
        .used = 15,
        .noise_shot = SHOT,
        .noise_read = READ};
    struct isp_burst_vector *still = burst_memory(isp_burst_field_size(&g, 4));
    memset(still, 0, isp_burst_field_size(&g, 4));
    uint16_t *merged = burst_merge_along(&burst, &t, still, HEIGHT);
    double found[2] = {0}, told[2] = {0};
    for (uint32_t y = 160; y < 200; y++) {
        for (uint32_t x = 8; x < 248; x++) {
            if (x >= 176 && x < 208)
                continue;
            const float truth = burst_truth(&first, (int32_t)x, (int32_t)y);
            const double d = burst_linear(merged[(size_t)y * WIDTH + x]) - (double)truth;
            found[x >= 208] += d * d;
            told[x >= 208] += (double)(noise_at(merged, &g, x, y) * (SHOT * truth + READ));
        }
    }
    printf(
        "  noise found / told: %.3f, where covered %.3f\n", found[0] / told[0], found[1] / told[1]);
    CHECK_NEAR(found[0] / told[0], 1, 0.1);
    CHECK_NEAR(found[1] / told[1], 1, 0.05);
    /* A quarter, but for what a fit takes from samples around. */
    CHECK_NEAR((double)noise_at(merged, &g, 80, 160), 0.22, 0.04);
    CHECK_NEAR((double)noise_at(merged, &g, 228, 180), 1, 0.05);
    free(still);
    free(merged);
    free_all(raws, 4);
}

/* Mean error over what the square covers in any frame, in sigmas of one frame, over some draws. */
static double ghost_bias(float sigmas)
{
    enum { SIZE = 40, DRAWS = 4, FRAMES = 4, SIDE = 160 };
    struct isp_geometry g = burst_geometry(format, SIDE, SIDE);
    struct sisp_coefficients c = burst_coefficients(SHOT, READ);
    const float sigma = sqrtf(SHOT * 0.3F + READ);
    double sum = 0, count = 0;
    for (unsigned draw = 0; draw < DRAWS; draw++) {
        uint8_t *raws[FRAMES];
        struct burst_view views[FRAMES];
        for (unsigned i = 0; i < FRAMES; i++) {
            int32_t step = (int32_t)i;
            views[i] = (struct burst_view){7, draw * 10 + i, step * 2, 0, SHOT, READ, 1,
                {30 + step * 14, 60, SIZE, sigmas * sigma}};
            raws[i] = burst_shoot(&g, format, &views[i]);
        }
        struct isp_burst_transform t = burst_align(&g, &c, raws, FRAMES, 0);
        CHECK_EQ(t.dx[3], 6);
        uint16_t *merged = burst_merge(&g, &c, &t, raws, FRAMES, SIDE);
        for (int32_t y = 60; y < 60 + SIZE; y++) {
            for (int32_t x = 30 + SIZE; x < 30 + SIZE + 42; x++) {
                double truth = (double)burst_truth(&views[0], x, y);
                sum += burst_linear(merged[y * SIDE + x]) - truth;
                count++;
            }
        }
        free(merged);
        free_all(raws, FRAMES);
    }
    return fabs(sum / count) / (double)sigma;
}

/* The hardest contrast is near the cut; a strong one must vanish altogether. */
TEST(what_moves_does_not_ghost)
{
    const float contrasts[] = {0.5F, 1, 1.5F, 2, 4, 8, 20};
    for (unsigned i = 0; i < BASE_COUNT(contrasts); i++) {
        double bias = ghost_bias(contrasts[i]);
        printf("  square of %.1f sigmas: bias %.3f sigmas\n", (double)contrasts[i], bias);
        CHECK_NEAR(bias, 0, contrasts[i] < 4 ? 0.5 : 0.1);
    }
}

TEST(same_bits_in_any_bands)
{
    const char *formats[] = {"SRGGB12", "SGBRG12P", "SBGGR12P", "SGRBG14"};
    const uint32_t sizes[][2] = {{2, 2}, {3, 5}, {64, 33}, {51, 60}};
    const uint32_t bands[] = {8, 8, 16, 24};
    struct sisp_coefficients c = burst_coefficients(SHOT, READ);
    for (unsigned i = 0; i < 16; i++) {
        const struct sisp_raw_format *f = sisp_raw_format_find(formats[i / 4]);
        struct isp_geometry g = burst_geometry(f, sizes[i % 4][0] + 3, sizes[i % 4][1] + 2);
        g.crop = (struct sisp_rect){i % 3, i % 2, sizes[i % 4][0], sizes[i % 4][1]};
        uint8_t *raws[3];
        for (unsigned n = 0; n < 3; n++) {
            struct burst_view v = {8, n, 0, 0, SHOT, READ, 1, {0}};
            raws[n] = burst_shoot(&g, f, &v);
        }
        /* Shifts in each direction, larger than the smallest crops. */
        struct isp_burst_transform t = {.dx = {4, 0, -2},
            .dy = {-2, 0, 0},
            .used = 7,
            .reference = 1,
            .noise_shot = 0.01F,
            .noise_read = 0.1F};
        uint16_t *whole = burst_merge(&g, &c, &t, raws, 3, 1024);
        uint16_t *parts = burst_merge(&g, &c, &t, raws, 3, bands[i % 4]);
        CHECK(memcmp(whole, parts,
                  (size_t)2 * g.crop.width * g.crop.height + isp_burst_noise_map_size(&g)) == 0);
        free(whole);
        free(parts);
        free_all(raws, 3);
    }
}

/* Frames of 10 bits, stored as another format that has room for them. */
static void repack(const struct isp_geometry *from, const struct sisp_raw_format *to,
    struct isp_geometry *g, uint8_t *const raws[3], uint8_t *out[3])
{
    *g = burst_geometry(to, from->raw_width, from->raw_height);
    g->crop = from->crop;
    for (unsigned n = 0; n < 3; n++) {
        out[n] = burst_memory(g->raw_stride_bytes * g->raw_height);
        for (uint32_t i = 0; i < g->raw_width * g->raw_height; i++) {
            const uint32_t x = i % g->raw_width, y = i / g->raw_width;
            const unsigned code = still_reference_get(
                SISP_PACKING_16, raws[n] + (size_t)y * from->raw_stride_bytes, x);
            still_reference_put(to->packing, out[n] + (size_t)y * g->raw_stride_bytes, x,
                code >> 2 << (to->bits - 10));
        }
    }
}

TEST(same_bits_in_any_depth_and_packing)
{
    static const char *const formats[] = {
        "SRGGB10", "SRGGB10P", "SRGGB12", "SRGGB12P", "SRGGB14", "SRGGB14P", "SRGGB16"};
    struct isp_geometry first = burst_geometry(format, 203, 61), g;
    first.crop = (struct sisp_rect){3, 1, 200, 60};
    uint8_t *raws[3], *packed[3];
    uint16_t *merged[BASE_COUNT(formats)];
    for (unsigned n = 0; n < 3; n++) {
        struct burst_view v = {8, n, (int32_t)n * 4, (int32_t)n * -2, SHOT, READ, 1, {0}};
        raws[n] = burst_shoot(&first, format, &v);
    }
    for (unsigned i = 0; i < BASE_COUNT(formats); i++) {
        const struct sisp_raw_format *f = sisp_raw_format_find(formats[i]);
        struct sisp_coefficients c = burst_coefficients(SHOT, READ);
        for (unsigned k = 0; k < 4; k++)
            c.black_level[k] = (float)(BURST_BLACK / 4 << (f->bits - 10));
        c.white_level = (float)(BURST_WHITE / 4 << (f->bits - 10));
        repack(&first, f, &g, raws, packed);
        struct isp_burst_transform t = burst_align(&g, &c, packed, 3, 0);
        merged[i] = burst_merge(&g, &c, &t, packed, 3, 16);
        CHECK(memcmp(merged[i], merged[0], (size_t)2 * 200 * 60) == 0);
        free_all(packed, 3);
    }
    for (unsigned i = 0; i < BASE_COUNT(formats); i++)
        free(merged[i]);
    free_all(raws, 3);
}

/* Any machine and compiler must make these bits. */
TEST(same_bits_on_every_machine)
{
    struct isp_geometry g = burst_geometry(format, 201, 151);
    struct sisp_coefficients c = burst_coefficients(0, 0);
    uint8_t *raws[4];
    for (unsigned i = 0; i < 4; i++) {
        struct burst_view v = {
            12, i, (int32_t)i * 2, 0, SHOT, READ, 1, {(int32_t)i * 20, 9, 30, 1}};
        raws[i] = burst_shoot(&g, format, &v);
    }
    struct isp_burst_transform t = burst_align(&g, &c, raws, 4, 0);
    uint16_t *merged = burst_merge(&g, &c, &t, raws, 4, 32);
    char text[BASE_HASH_TEXT];
    base_hash_text(base_hash_bytes(merged, (size_t)2 * 201 * 151), text);
    CHECK_STR(text, "fc8305865d71b05c910333964aea01f3");
    free(merged);
    free_all(raws, 4);
}

/* What SlowAlgo and SlowISP hold for a burst of 12 MP beside its frames, on two threads: aligning,
 * following and the merged frame in one place, and where the blocks lie. Beside a preview there is
 * a second such field, for the next burst while the last still is looked at. */
TEST(memory_is_under_two_frames)
{
    const struct isp_geometry g = burst_geometry(format, 4000, 3000);
    const double frame = (double)g.raw_stride_bytes * g.raw_height;
    const size_t motion =
        base_max_size(isp_burst_align_scratch_size(&g), isp_burst_follow_scratch_size(&g));
    for (uint32_t count = 2; count <= ISP_BURST_MAX; count *= 2) {
        const size_t field = isp_burst_field_size(&g, count);
        const size_t bytes = base_max_size(motion, (size_t)2 * g.crop.width * g.crop.height) +
                             field + isp_burst_filters_size() +
                             2 * isp_burst_merge_scratch_size(&g) + isp_burst_noise_map_size(&g);
        printf("  %u frames: %.2f more, %.2f live\n", count, (double)bytes / frame,
            (double)(bytes + field) / frame);
        CHECK((double)bytes < 2 * frame);
        CHECK((double)(bytes + field) < 3 * frame);
    }
}

TEST(one_frame_is_only_rescaled)
{
    struct isp_geometry g = burst_geometry(format, 37, 21);
    struct sisp_coefficients c = burst_coefficients(0, 0);
    struct burst_view v = {9, 9, 0, 0, SHOT, 0.5F, 1, {0}}; /* beyond black and white, too */
    uint8_t *raw = burst_shoot(&g, format, &v);
    struct isp_burst_transform t = burst_align(&g, &c, &raw, 1, 0);
    uint16_t *merged = burst_merge(&g, &c, &t, &raw, 1, 8);
    for (uint32_t i = 0; i < 37 * 21; i++) {
        double code =
            still_reference_get(format->packing, raw + i / 37 * g.raw_stride_bytes, i % 37);
        double want = (code - BURST_BLACK) / BURST_RANGE * (65535 - ISP_MERGED_BLACK);
        want = floor(want + ISP_MERGED_BLACK + 0.5);
        CHECK_NEAR((double)merged[i], want < 0 ? 0 : want, 1);
    }
    free(merged);
    free(raw);
}

int main(void)
{
    format = sisp_raw_format_find("SRGGB12");
    RUN(known_shifts_are_found_exactly);
    RUN(far_shifts_are_found);
    RUN(small_crops_are_aligned);
    RUN(another_scene_takes_no_part);
    RUN(clipped_light_does_not_mislead);
    RUN(flicker_is_not_motion);
    RUN(flicker_costs_no_frames);
    RUN(unknown_noise_is_estimated);
    RUN(noise_falls_with_the_number_of_frames);
    RUN(the_map_tells_the_noise);
    RUN(what_moves_does_not_ghost);
    RUN(same_bits_in_any_bands);
    RUN(same_bits_in_any_depth_and_packing);
    RUN(same_bits_on_every_machine);
    RUN(memory_is_under_two_frames);
    RUN(one_frame_is_only_rescaled);
    return test_report();
}
