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

static int luma_at(const struct fast_detail *d, int row, int64_t x)
{
    return d->rows[row][x & 1][x >> 1];
}

static int detail_at(const struct fast_detail *d, int64_t x)
{
    int v[3][3];
    for (int k = 0; k < 9; k++)
        v[k / 3][k % 3] = luma_at(d, k / 3, x + k % 3 - 1);
    const int level = v[1][1] / 2048, noise = d->is_denoised ? d->noise[level] : 0;
    return ref_detail(v, d->coring[level] * 16, noise * 16, d->sharpness);
}

/* Random rows of everything that the kernel may take. */
struct finish {
    struct row display[3][2], luma[3][2], half[3], shift[3];
    struct fast_pack task;
};

static void finish_init(struct check *c, struct finish *f, bool is_shifted, bool is_denoised)
{
    struct fast_detail *detail = &f->task.detail;
    f->task = (struct fast_pack){.width = c->width, .detail.is_denoised = is_denoised};
    detail->sharpness = (int16_t)base_prng_below(&c->prng, 32768);
    for (int k = 0; k < 16; k++) {
        detail->coring[k] = (uint8_t)base_prng_below(&c->prng, 256);
        detail->noise[k] = (uint8_t)base_prng_below(&c->prng, 256);
    }
    for (int k = 0; k < 6; k++) {
        fill_display(c, &f->display[k / 2][k % 2]);
        f->task.linear[k / 2][k % 2] = row_start(c, &f->display[k / 2][k % 2]);
        fill_display(c, &f->luma[k / 2][k % 2]);
        detail->rows[k / 2][k % 2] = row_start(c, &f->luma[k / 2][k % 2]);
    }
    for (int k = 0; k < 3; k++) {
        fill_display(c, &f->half[k]);
        f->task.half[k] = row_start(c, &f->half[k]);
        row_fill(c, &f->shift[k], 8191);
        f->task.shift[k] = is_shifted ? row_start(c, &f->shift[k]) : NULL;
    }
}

static bool finishes_by(
    struct check *c, enum sisp_pixel_format format, bool is_shifted, bool is_denoised)
{
    static struct finish f;
    static _Alignas(64) uint8_t got[CHECK_WIDTH_MAX * 8 + 256], expected[sizeof(got)];
    finish_init(c, &f, is_shifted, is_denoised);
    f.task.dst = got + 64 + c->offset;
    memset(got, GUARD, sizeof(got));
    memset(expected, GUARD, sizeof(expected));
    if (format == SISP_PIXEL_YUYV) {
        for (int k = 0; k < 3 * CHECK_LANES; k++) /* no colour differs by more */
            f.shift[k / CHECK_LANES].lanes[k % CHECK_LANES] &= 127;
    }
    c->kernels->pack->finish[format](&f.task);
    for (uint32_t x = 0; x < c->width; x++) {
        int rgb[3], add[3] = {0};
        for (int k = 0; k < 3; k++) {
            rgb[k] = f.task.linear[k][x % 2][x / 2];
            add[k] = is_shifted ? f.task.shift[k][x / 2] : 0;
        }
        ref_put_finished(format, expected + 64 + c->offset, x,
            &(struct ref_finished){
                rgb, add, luma_at(&f.task.detail, 1, x), detail_at(&f.task.detail, x)});
    }
    if (format == SISP_PIXEL_YUYV)
        expect_chroma(c, &f.task, expected + 64 + c->offset);
    return bytes_are(c, got, expected, sizeof(got), "byte + 64");
}

static bool finishes_planes_by(struct check *c, bool is_shifted, bool is_denoised)
{
    static struct finish f;
    static struct row out[3][2];
    finish_init(c, &f, is_shifted, is_denoised);
    for (int k = 0; k < 6; k++) {
        row_clear(&out[k / 2][k % 2]);
        f.task.display[k / 2][k % 2] = row_start(c, &out[k / 2][k % 2]);
    }
    c->kernels->pack->finish_planes(&f.task);
    bool ok = true;
    for (size_t i = 0; ok && i < 3 * (size_t)c->width; i++) {
        const size_t k = i % 3, x = i / 3;
        const int sum =
            ref_shifted(f.task.linear[k][x % 2][x / 2], is_shifted ? f.task.shift[k][x / 2] : 0) +
            detail_at(&f.task.detail, (int64_t)x);
        const int wanted = sum < 0 ? 0 : sum > FAST_TONE_MAX ? FAST_TONE_MAX : sum;
        ok = check_equal(
            c, "sample", x, (unsigned)f.task.display[k][x % 2][x / 2], (unsigned)wanted);
    }
    for (int k = 0; k < 6; k++)
        ok = ok && row_guards_hold(c, &out[k / 2][k % 2], pairs_of(c));
    return ok;
}

bool check_finish_planes(struct check *c)
{
    bool ok = true;
    for (int k = 0; k < 4; k++)
        ok = ok && finishes_planes_by(c, k / 2, k % 2);
    return ok;
}

static bool finishes(struct check *c, enum sisp_pixel_format format)
{
    bool ok = true;
    for (int k = 0; k < 4; k++)
        ok = ok && finishes_by(c, format, k / 2, k % 2);
    return ok;
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
