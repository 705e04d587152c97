/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Kernels: tone curve and picture formats. */
#include "isp/fast/pixels.h"
#include "isp/fast/tone.h"

/* Both phases of linear RGB -> 15-bit display values. */
VEC_INLINE void tone(
    const struct fast_pack *p, const struct fast_levels *levels, size_t i, vec_u16 out[3][2])
{
    for (int k = 0; k < 3; k++) {
        const vec_u16 x[2] = {vec_load(p->linear[k][0] + i), vec_load(p->linear[k][1] + i)};
        fast_tone_pair(p->tone, x, out[k]);
    }
}

/* What pictures of 8-bit RGB are made of: in out[k][0] the bytes of both phases. */
VEC_INLINE void tone_bytes(
    const struct fast_pack *p, const struct fast_levels *levels, size_t i, vec_u16 out[3][2])
{
    tone(p, levels, i, out);
    for (int k = 0; k < 3; k++)
        out[k][0] = fast_bytes(out[k][0], out[k][1]);
}

static void row_xrgb8888(const struct fast_pack *p)
{
    fast_row_xrgb8888(p, tone_bytes);
}

static void row_rgb24(const struct fast_pack *p)
{
    fast_row_rgb24(p, tone_bytes);
}

static void row_rgba64(const struct fast_pack *p)
{
    fast_row_rgba64(p, tone);
}

static void row_nv12(const struct fast_pack *p)
{
    fast_row(p, tone, fast_step_nv12, fast_step_nv12, 1);
}

static void row_p010(const struct fast_pack *p)
{
    fast_row(p, tone, fast_step_p010, fast_step_p010, 2);
}

static void row_yuyv(const struct fast_pack *p)
{
    fast_row_of_pairs(p, tone, fast_step_yuyv);
}

/* ---- finishing ---------------------------------------------------------------------------------
 */

/* ITU-R BT.709 luma of full range, Q15; sums to 1. */
enum { LUMA_R = 6966, LUMA_G = 23436, LUMA_B = 2366, LUMA_LIMITED = 28142 };

VEC_INLINE void tone_luma(const struct fast_pack *p, size_t i, vec_u16 c[3][2])
{
    tone(p, NULL, i, c);
    for (int phase = 0; phase < 2; phase++) {
        vec_store(p->luma[phase] + i, vec_mulhrs(c[0][phase], vec_set(LUMA_R)) +
                                          vec_mulhrs(c[1][phase], vec_set(LUMA_G)) +
                                          vec_mulhrs(c[2][phase], vec_set(LUMA_B)));
    }
}

VEC_INLINE void displays(const struct fast_pack *restrict p, int has_values, int has_halves)
{
    for (size_t i = 0; 2 * i < p->width; i += VEC_LANES) {
        vec_u16 c[3][2];
        tone_luma(p, i, c);
        for (int k = 0; k < 6 && has_values; k++)
            vec_store(p->display[k / 2][k % 2] + i, c[k / 2][k % 2]);
        for (int k = 0; k < 3 && has_halves; k++)
            vec_store(p->half[k] + i, vec_avg_u(c[k][0], c[k][1]));
    }
}

static void display(const struct fast_pack *p)
{
    displays(p, 1, 0);
}

static void display_yuv(const struct fast_pack *p)
{
    displays(p, 0, 1);
}

static void display_both(const struct fast_pack *p)
{
    displays(p, 1, 1);
}

/* What a turned picture is packed from. */
VEC_INLINE void fast_row_planes(const struct fast_pack *restrict p, fast_values_fn *values)
{
    const struct fast_levels levels = fast_load_levels(&p->detail);
    for (size_t i = 0; 2 * i < p->width; i += VEC_LANES) {
        vec_u16 c[3][2];
        values(p, &levels, i, c);
        for (int k = 0; k < 6; k++)
            vec_store(p->display[k / 2][k % 2] + i, c[k / 2][k % 2]);
    }
}

static void row_planes(const struct fast_pack *p)
{
    fast_row_planes(p, tone);
}

struct finishing {
    int is_8_bit, is_shifted, is_denoised;
};

/* Bytes: of the sum only the bits above the 7 lowest count, so that saturation at 32767 is the
 * greatest value. The half step of rounding cannot wrap: detail is at most 32767 less the luma, and
 * little where luma is near 0. */
VEC_INLINE void finished(const struct fast_pack *p, const struct fast_levels *levels, size_t i,
    vec_u16 out[3][2], struct finishing how)
{
    vec_u16 detail[2];
    fast_detail_pair(&p->detail, levels, i, how.is_denoised, detail);
    for (int k = 0; k < 6; k++) {
        vec_u16 sum = vec_load(p->linear[k / 2][k % 2] + i);
        if (how.is_shifted)
            sum = vec_adds(sum, vec_load(p->shift[k / 2] + i));
        sum = vec_adds(sum, detail[k % 2] + (uint16_t)(how.is_8_bit ? 64 : 0));
        out[k / 2][k % 2] = how.is_8_bit ? sum : vec_min(vec_positive(sum), vec_set(FAST_TONE_MAX));
    }
    for (int k = 0; k < 3 && how.is_8_bit; k++)
        out[k][0] = fast_bytes_clamped(out[k][0], out[k][1]);
}

#define FINISHED(name, ...)                                                                        \
    VEC_INLINE void name(                                                                          \
        const struct fast_pack *p, const struct fast_levels *levels, size_t i, vec_u16 out[3][2])  \
    {                                                                                              \
        finished(p, levels, i, out, (struct finishing){__VA_ARGS__});                              \
    }
FINISHED(sharp_8, .is_8_bit = 1)
FINISHED(shifted_8, .is_8_bit = 1, .is_shifted = 1)
FINISHED(denoised_8, .is_8_bit = 1, .is_denoised = 1)
FINISHED(shifted_denoised_8, .is_8_bit = 1, .is_shifted = 1, .is_denoised = 1)
FINISHED(sharp_16, .is_8_bit = 0)
FINISHED(shifted_16, .is_shifted = 1)
FINISHED(denoised_16, .is_denoised = 1)
FINISHED(shifted_denoised_16, .is_shifted = 1, .is_denoised = 1)

#define FINISH(format, bits)                                                                       \
    static void finish_##format(const struct fast_pack *p)                                         \
    {                                                                                              \
        if (p->detail.is_denoised && p->shift[0])                                                  \
            fast_row_##format(p, shifted_denoised_##bits);                                         \
        else if (p->detail.is_denoised)                                                            \
            fast_row_##format(p, denoised_##bits);                                                 \
        else if (p->shift[0])                                                                      \
            fast_row_##format(p, shifted_##bits);                                                  \
        else                                                                                       \
            fast_row_##format(p, sharp_##bits);                                                    \
    }
FINISH(xrgb8888, 8)
FINISH(rgb24, 8)
FINISH(rgba64, 16)
FINISH(planes, 16)

VEC_INLINE void finished_luma(const struct fast_pack *p, const struct fast_levels *levels, size_t i,
    vec_u16 out[3][2], int is_denoised)
{
    vec_u16 detail[2];
    fast_detail_pair(&p->detail, levels, i, is_denoised, detail);
    for (int phase = 0; phase < 2; phase++) {
        const vec_u16 sum = vec_adds(vec_load(p->detail.rows[1][phase] + i), detail[phase]);
        out[0][phase] = vec_min(vec_max(sum, vec_set(0)), vec_set(FAST_TONE_MAX));
    }
}

VEC_INLINE void sharp_luma(
    const struct fast_pack *p, const struct fast_levels *levels, size_t i, vec_u16 out[3][2])
{
    finished_luma(p, levels, i, out, 0);
}

VEC_INLINE void denoised_luma(
    const struct fast_pack *p, const struct fast_levels *levels, size_t i, vec_u16 out[3][2])
{
    finished_luma(p, levels, i, out, 1);
}

/* 219 of 255 steps. */
VEC_INLINE struct fast_luma to_limited(vec_u16 c[4][2])
{
    return (struct fast_luma){
        {vec_mulhrs(c[0][0], vec_set(LUMA_LIMITED)), vec_mulhrs(c[0][1], vec_set(LUMA_LIMITED))}};
}

VEC_INLINE void step_luma_nv12(const struct fast_pack *p, size_t i, vec_u16 c[4][2], uint8_t *dst)
{
    fast_put_nv12(to_limited(c), dst);
}

VEC_INLINE void step_luma_p010(const struct fast_pack *p, size_t i, vec_u16 c[4][2], uint8_t *dst)
{
    fast_put_p010(to_limited(c), dst);
}

VEC_INLINE void step_luma_yuyv(const struct fast_pack *p, size_t i, vec_u16 c[4][2], uint8_t *dst)
{
    vec_u16 half[3];
    for (int k = 0; k < 3; k++) {
        half[k] = vec_load(p->half[k] + i);
        if (p->shift[0])
            half[k] = vec_adds(half[k], vec_load(p->shift[k] + i));
    }
    fast_put_yuyv(to_limited(c), half, dst);
}

static void finish_nv12(const struct fast_pack *p)
{
    if (p->detail.is_denoised)
        fast_row(p, denoised_luma, step_luma_nv12, step_luma_nv12, 1);
    else
        fast_row(p, sharp_luma, step_luma_nv12, step_luma_nv12, 1);
}

static void finish_p010(const struct fast_pack *p)
{
    if (p->detail.is_denoised)
        fast_row(p, denoised_luma, step_luma_p010, step_luma_p010, 2);
    else
        fast_row(p, sharp_luma, step_luma_p010, step_luma_p010, 2);
}

static void finish_yuyv(const struct fast_pack *p)
{
    if (p->detail.is_denoised)
        fast_row_of_pairs(p, denoised_luma, step_luma_yuyv);
    else
        fast_row_of_pairs(p, sharp_luma, step_luma_yuyv);
}

static void flush(void)
{
    vec_stream_end();
}

static void chroma_nv12(const struct fast_chroma *task)
{
    fast_chroma_nv12(task);
}

static void chroma_p010(const struct fast_chroma *task)
{
    fast_chroma_p010(task);
}

extern const struct fast_pack_kernels FAST_KERNELS(fast_pack_kernels);
const struct fast_pack_kernels FAST_KERNELS(fast_pack_kernels) = {
    .row =
        {
            [SISP_PIXEL_XRGB8888] = row_xrgb8888,
            [SISP_PIXEL_RGB24] = row_rgb24,
            [SISP_PIXEL_NV12] = row_nv12,
            [SISP_PIXEL_RGBA64] = row_rgba64,
            [SISP_PIXEL_YUYV] = row_yuyv,
            [SISP_PIXEL_P010] = row_p010,
        },
    .planes = row_planes,
    .display = display,
    .display_yuv = display_yuv,
    .display_both = display_both,
    .finish =
        {
            [SISP_PIXEL_XRGB8888] = finish_xrgb8888,
            [SISP_PIXEL_RGB24] = finish_rgb24,
            [SISP_PIXEL_NV12] = finish_nv12,
            [SISP_PIXEL_RGBA64] = finish_rgba64,
            [SISP_PIXEL_YUYV] = finish_yuyv,
            [SISP_PIXEL_P010] = finish_p010,
        },
    .finish_planes = finish_planes,
    .chroma = {[SISP_PIXEL_NV12] = chroma_nv12, [SISP_PIXEL_P010] = chroma_p010},
    .flush = flush,
};
