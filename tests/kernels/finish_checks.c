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

static bool displays(struct check *c, bool has_values, bool has_halves)
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
    (!has_halves     ? c->kernels->pack->display
        : has_values ? c->kernels->pack->display_both
                     : c->kernels->pack->display_yuv)(&task);
    for (uint32_t x = 0; x < c->width; x++) {
        int rgb[3];
        for (int k = 0; k < 3; k++) {
            rgb[k] = c->tone[task.linear[k][x % 2][x / 2]];
            const int other = c->tone[task.linear[k][1 - x % 2][x / 2]];
            const unsigned pair = (unsigned)((rgb[k] + other + 1) / 2);
            ok = ok &&
                 (!has_values || check_equal(c, "colour", x,
                                     (unsigned)task.display[k][x % 2][x / 2], (unsigned)rgb[k]));
            ok = ok &&
                 (!has_halves || check_equal(c, "half", x, (unsigned)task.half[k][x / 2], pair));
        }
        ok = ok &&
             check_equal(c, "luma", x, (unsigned)task.luma[x % 2][x / 2], (unsigned)ref_luma(rgb));
    }
    for (int k = 0; k < 6; k++) {
        ok = ok && row_guards_hold(c, &display[k / 2][k % 2], has_values ? pairs_of(c) : 0) &&
             row_guards_hold(c, &half[k / 2], has_halves ? pairs_of(c) : 0);
    }
    return ok && row_guards_hold(c, &luma[0], pairs_of(c)) &&
           row_guards_hold(c, &luma[1], pairs_of(c));
}

bool check_display(struct check *c)
{
    return displays(c, true, false);
}

bool check_display_yuv(struct check *c)
{
    return displays(c, false, true);
}

bool check_display_both(struct check *c)
{
    return displays(c, true, true);
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

/* ---- chroma ------------------------------------------------------------------------------- */

bool check_color_split(struct check *c)
{
    static struct row half[2][3], dst[3];
    struct fast_color task = {.pairs = pairs_of(c)};
    for (int k = 0; k < 6; k++) {
        fill_display(c, &half[k / 3][k % 3]);
        task.half[k / 3][k % 3] = row_start(c, &half[k / 3][k % 3]);
    }
    for (int k = 0; k < 3; k++) {
        row_clear(&dst[k]);
        *(k < 2 ? &task.uv[k] : &task.luma) = row_start(c, &dst[k]);
    }
    c->kernels->color->split(&task);
    for (size_t i = 0; i < task.pairs; i++) {
        int rgb[2][2][3], uvl[3];
        for (int k = 0; k < 12; k++)
            rgb[k / 6][k / 3 % 2][k % 3] = task.half[k / 6][k % 3][i];
        ref_color_split(rgb, uvl);
        for (int k = 0; k < 3; k++) {
            const int got = (k < 2 ? task.uv[k] : task.luma)[i];
            if (!check_equal(c, "plane", i, (unsigned)got, (unsigned)uvl[k]))
                return false;
        }
    }
    return row_guards_hold(c, &dst[0], task.pairs) && row_guards_hold(c, &dst[1], task.pairs) &&
           row_guards_hold(c, &dst[2], task.pairs);
}

/* Random planes of 3 rows and luma, and what is expected of both. */
struct color {
    struct row rows[2][3], luma, shift[3];
    uint8_t noise[16];
    struct fast_color_noise task;
};

static void color_init(struct check *c, struct color *color)
{
    color->task = (struct fast_color_noise){.noise = color->noise, .pairs = pairs_of(c)};
    for (int k = 0; k < 16; k++)
        color->noise[k] = (uint8_t)base_prng_below(&c->prng, 256);
    for (int k = 0; k < 6; k++) {
        fill_display(c, &color->rows[k / 3][k % 3]);
        for (int i = 0; i < CHECK_LANES; i++) { /* no colour has less or more */
            int16_t *lane = &color->rows[k / 3][k % 3].lanes[i];
            *lane = *lane < 3470 ? 3470 : *lane > 29170 ? 29170 : *lane;
        }
        color->task.rows[k / 3][k % 3] = row_start(c, &color->rows[k / 3][k % 3]);
    }
    fill_display(c, &color->luma);
    color->task.luma = row_start(c, &color->luma);
    for (int k = 0; k < 3; k++) {
        row_clear(&color->shift[k]);
        color->task.shift[k] = row_start(c, &color->shift[k]);
    }
}

static int color_change(const struct color *color, int plane, size_t i)
{
    int v[3][5];
    for (int k = 0; k < 15; k++)
        v[k / 5][k % 5] = (color->task.rows[plane][k / 5] + i)[k % 5 - 2];
    return ref_color_smooth(v, color->noise[color->task.luma[i] / 2048] * 8);
}

bool check_color_shift(struct check *c)
{
    static struct color color;
    color_init(c, &color);
    c->kernels->color->shift(&color.task);
    bool ok = true;
    for (size_t i = 0; i < color.task.pairs; i++) {
        int rgb[3];
        ref_color_shift(color_change(&color, 0, i), color_change(&color, 1, i), rgb);
        for (int k = 0; k < 3; k++)
            ok = ok &&
                 check_equal(c, "shift", i, (unsigned)color.task.shift[k][i], (unsigned)rgb[k]);
    }
    for (int k = 0; k < 3; k++)
        ok = ok && row_guards_hold(c, &color.shift[k], color.task.pairs);
    return ok;
}

static bool color_picture(struct check *c, enum sisp_pixel_format format, size_t pair_bytes)
{
    static struct color color;
    static uint8_t got[2 * CHECK_WIDTH_MAX + 256], expected[sizeof(got)];
    color_init(c, &color);
    color.task.dst = got + 64 + c->offset;
    memset(got, GUARD, sizeof(got));
    memset(expected, GUARD, sizeof(expected));
    c->kernels->color->chroma[format](&color.task);
    for (size_t i = 0; i < color.task.pairs; i++)
        ref_put_uv(format, expected + 64 + c->offset + pair_bytes * i,
            color.task.rows[0][1][i] + color_change(&color, 0, i),
            color.task.rows[1][1][i] + color_change(&color, 1, i));
    return bytes_are(c, got, expected, sizeof(got), "byte + 64");
}

bool check_color_nv12(struct check *c)
{
    return color_picture(c, SISP_PIXEL_NV12, 2);
}

bool check_color_p010(struct check *c)
{
    return color_picture(c, SISP_PIXEL_P010, 4);
}

/* ---- pictures ----------------------------------------------------------------------------- */

static void expect_chroma(const struct check *c, const struct fast_pack *task, uint8_t *row)
{
    for (size_t i = 0; i < pairs_of(c); i++) {
        int rgb[2][2][3];
        for (int k = 0; k < 12; k++)
            rgb[k / 6][k / 3 % 2][k % 3] =
                ref_shifted(task->half[k % 3][i], task->shift[0] ? task->shift[k % 3][i] : 0);
        ref_put_chroma(SISP_PIXEL_YUYV, row + 4 * i, rgb);
    }
    if (c->width % 2 == 1)
        row[2 * c->width] = row[2 * c->width - 2];
}

static bool finishes_by(struct check *c, enum sisp_pixel_format format, bool is_shifted)
{
    static struct row display[3][2], luma[2], detail[2], half[3], shift[3];
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
    for (int k = 0; k < 3 && is_shifted; k++) {
        row_fill(c, &shift[k], format == SISP_PIXEL_YUYV ? 127 : 8191);
        task.shift[k] = row_start(c, &shift[k]);
    }
    c->kernels->pack->finish[format](&task);
    for (uint32_t x = 0; x < c->width; x++) {
        int rgb[3], add[3] = {0};
        for (int k = 0; k < 3; k++) {
            rgb[k] = task.linear[k][x % 2][x / 2];
            add[k] = is_shifted ? task.shift[k][x / 2] : 0;
        }
        ref_put_finished(format, expected + 64 + c->offset, x,
            &(struct ref_finished){rgb, add, task.luma[x % 2][x / 2], task.detail[x % 2][x / 2]});
    }
    if (format == SISP_PIXEL_YUYV)
        expect_chroma(c, &task, expected + 64 + c->offset);
    return bytes_are(c, got, expected, sizeof(got), "byte + 64");
}

static bool finishes(struct check *c, enum sisp_pixel_format format)
{
    return finishes_by(c, format, false) && finishes_by(c, format, true);
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
