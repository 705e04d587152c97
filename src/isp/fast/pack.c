/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Kernels: tone curve and picture formats. */
#include "isp/fast/bytes.h"
#include "isp/fast/detail.h"
#include "isp/fast/tone.h"
#include "isp/fast/yuv.h"

/* Both phases of linear RGB -> 15-bit display values. */
VEC_INLINE void tone(
    const struct fast_pack *p, const struct fast_levels *levels, size_t i, vec_u16 out[3][2])
{
    for (int k = 0; k < 3; k++) {
        const vec_u16 x[2] = {vec_load(p->linear[k][0] + i), vec_load(p->linear[k][1] + i)};
        fast_tone_pair(p->tone, x, out[k]);
    }
}

/* ---- formats: a step makes 2 * VEC_LANES pixels ------------------------------------------------
 */

typedef void values_fn(
    const struct fast_pack *p, const struct fast_levels *levels, size_t i, vec_u16 out[3][2]);
typedef void step_fn(const struct fast_pack *p, size_t i, vec_u16 c[4][2], uint8_t *dst);

/* What pictures of 8-bit RGB are made of: in out[k][0] the bytes of both phases. */
VEC_INLINE void tone_bytes(
    const struct fast_pack *p, const struct fast_levels *levels, size_t i, vec_u16 out[3][2])
{
    tone(p, levels, i, out);
    for (int k = 0; k < 3; k++)
        out[k][0] = fast_bytes(out[k][0], out[k][1]);
}

/* Bytes of channel `first`, green, the other one, 255. The curve's base includes rounding. */
VEC_INLINE void step_bytes_4(vec_u16 c[4][2], uint8_t *dst, int first, int is_streamed)
{
    vec_u16 bytes[3], low[2], high[2];
    for (int k = 0; k < 3; k++)
        bytes[k] = vec_spread_32(c[k][0]);
    low[0] = vec_zip_low_8(bytes[first], bytes[1]);
    low[1] = vec_zip_high_8(bytes[first], bytes[1]);
    high[0] = vec_zip_low_8(bytes[2 - first], vec_set(0xffff));
    high[1] = vec_zip_high_8(bytes[2 - first], vec_set(0xffff));
    for (int k = 0; k < 4; k++) {
        const vec_u16 out = k % 2 ? vec_zip_high_16(low[k / 2], high[k / 2])
                                  : vec_zip_low_16(low[k / 2], high[k / 2]);
        if (is_streamed)
            vec_stream(dst + k * VEC_BYTES, out);
        else
            vec_store(dst + k * VEC_BYTES, out);
    }
}

VEC_INLINE void step_xrgb8888(const struct fast_pack *p, size_t i, vec_u16 c[4][2], uint8_t *dst)
{
    step_bytes_4(c, dst, 2, 0);
}

VEC_INLINE void step_xrgb8888_streamed(
    const struct fast_pack *p, size_t i, vec_u16 c[4][2], uint8_t *dst)
{
    step_bytes_4(c, dst, 2, 1);
}

VEC_INLINE void step_rgb24(const struct fast_pack *p, size_t i, vec_u16 c[4][2], uint8_t *dst)
{
    uint8_t four[4 * VEC_BYTES], three[3 * VEC_BYTES + 4];
    step_bytes_4(c, four, 0, 0);
#if !defined(VEC_GENERIC) && defined(__SSSE3__)
    const __m128i table = _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
    for (int k = 0; k < 4 * VEC_QUADS; k++) {
        __m128i quad = _mm_loadu_si128((const __m128i *)(four + 16 * k));
        _mm_storeu_si128((__m128i *)(three + 12 * k), _mm_shuffle_epi8(quad, table));
    }
#else
    for (int k = 0; k < 2 * VEC_LANES; k++)
        __builtin_memcpy(three + 3 * k, four + 4 * k, 3);
#endif
    __builtin_memcpy(dst, three, 3 * VEC_BYTES);
}

/* 0..32640 to 0..65535: 65535 / 32640 is 2 + 1/128. */
VEC_INLINE vec_u16 to_16_bits(vec_u16 v)
{
    return v + v + ((v + 64) >> 7);
}

VEC_INLINE void step_rgba64(const struct fast_pack *p, size_t i, vec_u16 c[4][2], uint8_t *dst)
{
    for (int k = 0; k < 3; k++) {
        c[k][0] = to_16_bits(c[k][0]);
        c[k][1] = to_16_bits(c[k][1]);
    }
    c[3][0] = c[3][1] = vec_set(0xffff);
    vec_store_quads(dst, c);
}

struct luma {
    vec_u16 sum[2];
};

/* Luma of both phases; and the means of pairs, which chroma is made from. */
VEC_INLINE struct luma split(vec_u16 c[4][2], vec_u16 half[3])
{
    struct luma luma;
    for (int phase = 0; phase < 2; phase++) {
        const vec_u16 rgb[3] = {c[0][phase], c[1][phase], c[2][phase]};
        luma.sum[phase] = fast_yuv_weigh(rgb, fast_yuv_luma);
    }
    for (int k = 0; k < 3; k++)
        half[k] = vec_avg_u(c[k][0], c[k][1]);
    return luma;
}

VEC_INLINE void store_halves(const struct fast_pack *p, size_t i, const vec_u16 half[3])
{
    for (int k = 0; k < 3; k++)
        vec_store(p->half[k] + i, half[k]);
}

VEC_INLINE void put_nv12(struct luma luma, uint8_t *dst)
{
    vec_store(dst, fast_yuv_code_8(luma.sum[0], 16) | fast_yuv_code_8(luma.sum[1], 16) << 8);
}

/* Words of two phases, in turn. */
VEC_INLINE void put_words(vec_u16 even, vec_u16 odd, uint8_t *dst)
{
    vec_u16 first, second;
    vec_zip_16(even, odd, &first, &second);
    vec_store(dst, first);
    vec_store(dst + VEC_BYTES, second);
}

VEC_INLINE void put_p010(struct luma luma, uint8_t *dst)
{
    put_words(fast_yuv_code_10(luma.sum[0], 16), fast_yuv_code_10(luma.sum[1], 16), dst);
}

VEC_INLINE void put_yuyv(struct luma luma, const vec_u16 half[3], uint8_t *dst)
{
    const vec_u16 cb = fast_yuv_code_8(fast_yuv_weigh(half, fast_yuv_cb), 128);
    const vec_u16 cr = fast_yuv_code_8(fast_yuv_weigh(half, fast_yuv_cr), 128);
    put_words(fast_yuv_code_8(luma.sum[0], 16) | cb << 8,
        fast_yuv_code_8(luma.sum[1], 16) | cr << 8, dst);
}

VEC_INLINE void step_nv12(const struct fast_pack *p, size_t i, vec_u16 c[4][2], uint8_t *dst)
{
    vec_u16 half[3];
    const struct luma luma = split(c, half);
    store_halves(p, i, half);
    put_nv12(luma, dst);
}

VEC_INLINE void step_p010(const struct fast_pack *p, size_t i, vec_u16 c[4][2], uint8_t *dst)
{
    vec_u16 half[3];
    const struct luma luma = split(c, half);
    store_halves(p, i, half);
    put_p010(luma, dst);
}

VEC_INLINE void step_yuyv(const struct fast_pack *p, size_t i, vec_u16 c[4][2], uint8_t *dst)
{
    vec_u16 half[3];
    const struct luma luma = split(c, half);
    put_yuyv(luma, half, dst);
}

/* Whole steps go straight to the picture, the last one through a copy. */
VEC_INLINE void row(const struct fast_pack *restrict p, values_fn *values, step_fn *step,
    step_fn *last_step, size_t pixel_bytes)
{
    const struct fast_levels levels = fast_load_levels(&p->detail);
    vec_u16 c[4][2];
    size_t x = 0;
    for (; x + 2 * VEC_LANES <= p->width; x += 2 * VEC_LANES) {
        values(p, &levels, x / 2, c);
        step(p, x / 2, c, p->dst + x * pixel_bytes);
    }
    if (x < p->width) {
        uint8_t last[2 * VEC_LANES * 8];
        values(p, &levels, x / 2, c);
        last_step(p, x / 2, c, last);
        __builtin_memcpy(p->dst + x * pixel_bytes, last, (p->width - x) * pixel_bytes);
    }
}

/* Whole pairs: what an odd width lacks is the last pixel again. */
VEC_INLINE void row_of_pairs(const struct fast_pack *task, values_fn *values, step_fn *step)
{
    struct fast_pack pairs = *task;
    pairs.width += pairs.width % 2;
    row(&pairs, values, step, step, 2);
    if (pairs.width > task->width)
        task->dst[2 * task->width] = task->dst[2 * task->width - 2];
}

/* A picture is larger than the caches that it would be fetched into before it is written: stores
 * past them save a quarter of the traffic. */
VEC_INLINE void any_xrgb8888(const struct fast_pack *p, values_fn *values)
{
    if ((uintptr_t)p->dst % VEC_BYTES == 0) {
        row(p, values, step_xrgb8888_streamed, step_xrgb8888, 4);
    } else {
        row(p, values, step_xrgb8888, step_xrgb8888, 4);
    }
}

VEC_INLINE void any_rgb24(const struct fast_pack *p, values_fn *values)
{
    row(p, values, step_rgb24, step_rgb24, 3);
}

VEC_INLINE void any_rgba64(const struct fast_pack *p, values_fn *values)
{
    row(p, values, step_rgba64, step_rgba64, 8);
}

static void row_xrgb8888(const struct fast_pack *p)
{
    any_xrgb8888(p, tone_bytes);
}

static void row_rgb24(const struct fast_pack *p)
{
    any_rgb24(p, tone_bytes);
}

static void row_rgba64(const struct fast_pack *p)
{
    any_rgba64(p, tone);
}

static void row_nv12(const struct fast_pack *p)
{
    row(p, tone, step_nv12, step_nv12, 1);
}

static void row_p010(const struct fast_pack *p)
{
    row(p, tone, step_p010, step_p010, 2);
}

static void row_yuyv(const struct fast_pack *p)
{
    row_of_pairs(p, tone, step_yuyv);
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
            any_##format(p, shifted_denoised_##bits);                                              \
        else if (p->detail.is_denoised)                                                            \
            any_##format(p, denoised_##bits);                                                      \
        else if (p->shift[0])                                                                      \
            any_##format(p, shifted_##bits);                                                       \
        else                                                                                       \
            any_##format(p, sharp_##bits);                                                         \
    }
FINISH(xrgb8888, 8)
FINISH(rgb24, 8)
FINISH(rgba64, 16)

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
VEC_INLINE struct luma to_limited(vec_u16 c[4][2])
{
    return (struct luma){
        {vec_mulhrs(c[0][0], vec_set(LUMA_LIMITED)), vec_mulhrs(c[0][1], vec_set(LUMA_LIMITED))}};
}

VEC_INLINE void step_luma_nv12(const struct fast_pack *p, size_t i, vec_u16 c[4][2], uint8_t *dst)
{
    put_nv12(to_limited(c), dst);
}

VEC_INLINE void step_luma_p010(const struct fast_pack *p, size_t i, vec_u16 c[4][2], uint8_t *dst)
{
    put_p010(to_limited(c), dst);
}

VEC_INLINE void step_luma_yuyv(const struct fast_pack *p, size_t i, vec_u16 c[4][2], uint8_t *dst)
{
    vec_u16 half[3];
    for (int k = 0; k < 3; k++) {
        half[k] = vec_load(p->half[k] + i);
        if (p->shift[0])
            half[k] = vec_adds(half[k], vec_load(p->shift[k] + i));
    }
    put_yuyv(to_limited(c), half, dst);
}

static void finish_nv12(const struct fast_pack *p)
{
    if (p->detail.is_denoised)
        row(p, denoised_luma, step_luma_nv12, step_luma_nv12, 1);
    else
        row(p, sharp_luma, step_luma_nv12, step_luma_nv12, 1);
}

static void finish_p010(const struct fast_pack *p)
{
    if (p->detail.is_denoised)
        row(p, denoised_luma, step_luma_p010, step_luma_p010, 2);
    else
        row(p, sharp_luma, step_luma_p010, step_luma_p010, 2);
}

static void finish_yuyv(const struct fast_pack *p)
{
    if (p->detail.is_denoised)
        row_of_pairs(p, denoised_luma, step_luma_yuyv);
    else
        row_of_pairs(p, sharp_luma, step_luma_yuyv);
}

static void flush(void)
{
    vec_stream_end();
}

VEC_INLINE void load_chroma(const struct fast_chroma *task, size_t i, vec_u16 sum[2])
{
    vec_u16 c[3];
    for (int k = 0; k < 3; k++)
        c[k] = vec_avg_u(vec_load(task->half[0][k] + i), vec_load(task->half[1][k] + i));
    sum[0] = fast_yuv_weigh(c, fast_yuv_cb);
    sum[1] = fast_yuv_weigh(c, fast_yuv_cr);
}

static void chroma_nv12(const struct fast_chroma *task)
{
    for (size_t i = 0; i < task->pairs; i += VEC_LANES) {
        vec_u16 sum[2];
        load_chroma(task, i, sum);
        const vec_u16 out = fast_yuv_code_8(sum[0], 128) | fast_yuv_code_8(sum[1], 128) << 8;
        const size_t left = 2 * (task->pairs - i);
        __builtin_memcpy(task->dst + 2 * i, &out, left < VEC_BYTES ? left : VEC_BYTES);
    }
}

static void chroma_p010(const struct fast_chroma *task)
{
    for (size_t i = 0; i < task->pairs; i += VEC_LANES) {
        vec_u16 sum[2];
        uint8_t out[2 * VEC_BYTES];
        load_chroma(task, i, sum);
        put_words(fast_yuv_code_10(sum[0], 128), fast_yuv_code_10(sum[1], 128), out);
        const size_t left = 4 * (task->pairs - i);
        __builtin_memcpy(task->dst + 4 * i, out, left < sizeof(out) ? left : sizeof(out));
    }
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
    .chroma = {[SISP_PIXEL_NV12] = chroma_nv12, [SISP_PIXEL_P010] = chroma_p010},
    .flush = flush,
};
