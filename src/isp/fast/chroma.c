/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Noise reduction of chroma at half the size each way, where it costs a quarter: each of U and V
 * (blue and red less luma) by the diffusion of noise.h over 3 rows and 5 columns, which are 6 rows
 * and 10 columns of pixels. A coloured edge differs by more than noise in the plane that shows it,
 * and so does not bleed.
 */
#include "isp/fast/noise.h"

/* ITU-R BT.709. Luma, Q15; what green has to give for a step of blue or red, so that luma stays;
 * Cb and Cr of limited range, for steps of twice U and V. */
enum { LUMA_R = 6966, LUMA_G = 23436, LUMA_B = 2366 };
enum { GREEN_U = 3308, GREEN_V = 9741 };
enum { CB_U = 15512, CR_V = 18278 };

static void split(const struct fast_color *task)
{
    const struct fast_color own = *task, *p = &own; /* which no store can change */
    for (size_t i = 0; i < p->pairs; i += VEC_LANES) {
        vec_u16 c[3];
        for (int k = 0; k < 3; k++)
            c[k] = vec_avg_u(vec_load(p->half[0][k] + i), vec_load(p->half[1][k] + i));
        const vec_u16 luma = vec_mulhrs(c[0], vec_set(LUMA_R)) + vec_mulhrs(c[1], vec_set(LUMA_G)) +
                             vec_mulhrs(c[2], vec_set(LUMA_B));
        const vec_u16 rest = vec_set(FAST_TONE_MAX + 1) - luma;
        vec_store(p->luma + i, luma);
        vec_store(p->uv[0] + i, vec_avg_u(c[2], rest));
        vec_store(p->uv[1] + i, vec_avg_u(c[0], rest));
    }
}

/* Columns two apart: noise of neighbours is alike, so that it takes width to reduce it. */
VEC_INLINE vec_u16 smooth(const int16_t *const rows[3], size_t i, vec_u16 limit)
{
    struct fast_diffusion d = {.here = vec_load(rows[1] + i), .twice_limit = limit + limit};
    for (int k = 0; k < 9; k++) {
        if (k != 4)
            fast_diffuse(&d, vec_load(rows[k / 3] + i + k % 3 * 2 - 2));
    }
    return fast_diffused(&d);
}

VEC_INLINE vec_u16 limit_at(const struct fast_color_noise *p, size_t i)
{
    return fast_threshold(fast_thresholds(p->noise), vec_load(p->luma + i)) >> 1;
}

static void shift(const struct fast_color_noise *task)
{
    const struct fast_color_noise own = *task, *p = &own;
    for (size_t i = 0; i < p->pairs; i += VEC_LANES) {
        const vec_u16 limit = limit_at(p, i);
        const vec_u16 u = smooth(p->rows[0], i, limit) << 1, v = smooth(p->rows[1], i, limit) << 1;
        vec_store(p->shift[0] + i, v);
        vec_store(p->shift[1] + i,
            vec_set(0) - vec_mulhrs(u, vec_set(GREEN_U)) - vec_mulhrs(v, vec_set(GREEN_V)));
        vec_store(p->shift[2] + i, u);
    }
}

/* Cb and Cr less those of grey, in 1/128 of a step of 8 bits. */
VEC_INLINE void reduce(const struct fast_color_noise *p, size_t i, vec_u16 out[2])
{
    static const int weight[2] = {CB_U, CR_V};
    const vec_u16 limit = limit_at(p, i);
    for (int k = 0; k < 2; k++) {
        const vec_u16 plane = vec_load(p->rows[k][1] + i) + smooth(p->rows[k], i, limit);
        out[k] = vec_mulhrs((plane - (FAST_TONE_MAX / 2)) << 1, vec_set(weight[k]));
    }
}

static void nv12(const struct fast_color_noise *task)
{
    const struct fast_color_noise own = *task, *p = &own;
    for (size_t i = 0; i < p->pairs; i += VEC_LANES) {
        vec_u16 c[2];
        reduce(p, i, c);
        const vec_u16 cb = (c[0] + (128 * 128 + 64)) >> 7, cr = (c[1] + (128 * 128 + 64)) >> 7;
        const vec_u16 out = cb | cr << 8;
        const size_t left = 2 * (p->pairs - i);
        __builtin_memcpy(p->dst + 2 * i, &out, left < VEC_BYTES ? left : VEC_BYTES);
    }
}

/* 10 bits, in the high bits of words. */
static void p010(const struct fast_color_noise *task)
{
    const struct fast_color_noise own = *task, *p = &own;
    for (size_t i = 0; i < p->pairs; i += VEC_LANES) {
        vec_u16 c[2], out[2];
        reduce(p, i, c);
        for (int k = 0; k < 2; k++)
            c[k] = (c[k] + (128 * 128 + 16)) >> 5 << 6;
        vec_zip_16(c[0], c[1], &out[0], &out[1]);
        const size_t left = 4 * (p->pairs - i);
        __builtin_memcpy(p->dst + 4 * i, out, left < sizeof(out) ? left : sizeof(out));
    }
}

extern const struct fast_color_kernels FAST_KERNELS(fast_color_kernels);
const struct fast_color_kernels FAST_KERNELS(fast_color_kernels) = {
    .split = split,
    .shift = shift,
    .chroma = {[SISP_PIXEL_NV12] = nv12, [SISP_PIXEL_P010] = p010},
};
