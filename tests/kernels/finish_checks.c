/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The kernels after the tone curve. */
#include "rows.h"

#include "../reference/fast.h"

/* Display values, of which the greatest is no power of two less one. */
static void fill_display(struct check *c, struct row *row)
{
    row_fill(c, row, 32767);
    for (int i = 0; i < CHECK_LANES; i++)
        row->lanes[i] = row->lanes[i] < FAST_TONE_MAX ? row->lanes[i] : FAST_TONE_MAX;
}

static bool displays(struct check *c, bool is_yuv)
{
    static struct row linear[3][2], display[3][2], half[3], luma[2];
    struct fast_pack task = {.tone = &c->recipe[1].tone, .width = c->width};
    bool ok = true;
    for (int k = 0; k < 8; k++) {
        struct row *out = k < 6 ? &display[k / 2][k % 2] : &luma[k % 2];
        row_clear(out);
        *(k < 6 ? &task.display[k / 2][k % 2] : &task.luma[k % 2]) = row_start(c, out);
    }
    for (int k = 0; k < 6; k++) {
        row_fill(c, &linear[k / 2][k % 2], FAST_LINEAR);
        task.linear[k / 2][k % 2] = row_start(c, &linear[k / 2][k % 2]);
        row_clear(&half[k / 2]);
        task.half[k / 2] = row_start(c, &half[k / 2]);
    }
    (is_yuv ? c->kernels->pack->display_yuv : c->kernels->pack->display)(&task);
    for (uint32_t x = 0; x < c->width; x++) {
        int rgb[3];
        for (int k = 0; k < 3; k++) {
            rgb[k] = c->tone[task.linear[k][x % 2][x / 2]];
            const int other = c->tone[task.linear[k][1 - x % 2][x / 2]];
            const int got = is_yuv ? task.half[k][x / 2] : task.display[k][x % 2][x / 2];
            const int expected = is_yuv ? (rgb[k] + other + 1) / 2 : rgb[k];
            ok = ok && check_equal(c, "colour", x, (unsigned)got, (unsigned)expected);
        }
        ok = ok &&
             check_equal(c, "luma", x, (unsigned)task.luma[x % 2][x / 2], (unsigned)ref_luma(rgb));
    }
    for (int k = 0; k < 6; k++) {
        ok = ok && row_guards_hold(c, &display[k / 2][k % 2], is_yuv ? 0 : pairs_of(c)) &&
             row_guards_hold(c, &half[k / 2], is_yuv ? pairs_of(c) : 0);
    }
    return ok && row_guards_hold(c, &luma[0], pairs_of(c)) &&
           row_guards_hold(c, &luma[1], pairs_of(c));
}

bool check_display(struct check *c)
{
    return displays(c, false);
}

bool check_display_yuv(struct check *c)
{
    return displays(c, true);
}

/* ---- detail ------------------------------------------------------------------------------- */

static int luma_at(const struct fast_detail *task, int row, int64_t x)
{
    return task->rows[row][x & 1][x >> 1];
}

static bool details(struct check *c, bool is_denoised)
{
    static struct row rows[3][2], dst[2];
    uint8_t coring[16], noise[16] = {0};
    struct fast_detail task = {.coring = coring,
        .noise = noise,
        .sharpness = (int16_t)base_prng_below(&c->prng, 32768),
        .pairs = pairs_of(c)};
    for (int k = 0; k < 16; k++)
        coring[k] = (uint8_t)base_prng_below(&c->prng, 256);
    for (int k = 0; k < 16 && is_denoised; k++)
        noise[k] = (uint8_t)base_prng_below(&c->prng, 256);
    for (int k = 0; k < 6; k++) {
        fill_display(c, &rows[k / 2][k % 2]);
        task.rows[k / 2][k % 2] = row_start(c, &rows[k / 2][k % 2]);
    }
    for (int phase = 0; phase < 2; phase++) {
        row_clear(&dst[phase]);
        task.dst[phase] = row_start(c, &dst[phase]);
    }
    (is_denoised ? c->kernels->detail->denoise : c->kernels->detail->sharpen)(&task);
    for (int64_t x = 0; x < c->width; x++) {
        int v[3][3];
        for (int k = 0; k < 9; k++)
            v[k / 3][k % 3] = luma_at(&task, k / 3, x + k % 3 - 1);
        const int level = v[1][1] / 2048;
        const int expected = ref_detail(v, coring[level] * 16, noise[level] * 16, task.sharpness);
        if (!check_equal(
                c, "detail", (size_t)x, (unsigned)task.dst[x & 1][x >> 1], (unsigned)expected))
            return false;
    }
    return row_guards_hold(c, &dst[0], task.pairs) && row_guards_hold(c, &dst[1], task.pairs);
}

bool check_sharpen(struct check *c)
{
    return details(c, false);
}

bool check_denoise(struct check *c)
{
    return details(c, true);
}

/* ---- pictures ----------------------------------------------------------------------------- */

static void expect_chroma(const struct check *c, const struct fast_pack *task, uint8_t *row)
{
    for (size_t i = 0; i < pairs_of(c); i++) {
        int rgb[2][2][3];
        for (int k = 0; k < 12; k++)
            rgb[k / 6][k / 3 % 2][k % 3] = task->half[k % 3][i];
        ref_put_chroma(SISP_PIXEL_YUYV, row + 4 * i, rgb);
    }
    if (c->width % 2 == 1)
        row[2 * c->width] = row[2 * c->width - 2];
}

static bool finishes(struct check *c, enum sisp_pixel_format format)
{
    static struct row display[3][2], luma[2], detail[2], half[3];
    static _Alignas(64) uint8_t got[CHECK_WIDTH_MAX * 8 + 256], expected[sizeof(got)];
    struct fast_pack task = {.dst = got + 64 + c->offset, .width = c->width};
    memset(got, GUARD, sizeof(got));
    memset(expected, GUARD, sizeof(expected));
    for (int phase = 0; phase < 2; phase++) {
        for (int k = 0; k < 3; k++) {
            fill_display(c, &display[k][phase]);
            task.linear[k][phase] = row_start(c, &display[k][phase]);
        }
        for (int k = 0; k < 3; k++) {
            fill_display(c, &half[k]);
            task.half[k] = row_start(c, &half[k]);
        }
        fill_display(c, &luma[phase]);
        row_fill(c, &detail[phase], 65535);
        task.luma[phase] = row_start(c, &luma[phase]);
        task.detail[phase] = row_start(c, &detail[phase]);
    }
    c->kernels->pack->finish[format](&task);
    for (uint32_t x = 0; x < c->width; x++) {
        int rgb[3];
        for (int k = 0; k < 3; k++)
            rgb[k] = task.linear[k][x % 2][x / 2];
        ref_put_finished(format, expected + 64 + c->offset, x, rgb, task.luma[x % 2][x / 2],
            task.detail[x % 2][x / 2]);
    }
    if (format == SISP_PIXEL_YUYV)
        expect_chroma(c, &task, expected + 64 + c->offset);
    return bytes_are(c, got, expected, sizeof(got), "byte + 64");
}

bool check_finish_xrgb8888(struct check *c)
{
    return finishes(c, SISP_PIXEL_XRGB8888);
}

bool check_finish_rgb24(struct check *c)
{
    return finishes(c, SISP_PIXEL_RGB24);
}

bool check_finish_nv12(struct check *c)
{
    return finishes(c, SISP_PIXEL_NV12);
}

bool check_finish_rgba64(struct check *c)
{
    return finishes(c, SISP_PIXEL_RGBA64);
}

bool check_finish_yuyv(struct check *c)
{
    return finishes(c, SISP_PIXEL_YUYV);
}

bool check_finish_p010(struct check *c)
{
    return finishes(c, SISP_PIXEL_P010);
}
