/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Display values of 15 bits to rows of each picture format, for kernels that find the values. */
#ifndef ISP_FAST_PIXELS_H
#define ISP_FAST_PIXELS_H

#include "isp/fast/bytes.h"
#include "isp/fast/detail.h"
#include "isp/fast/yuv.h"

/* What stands at pixels 2 * i and on, for formats of 8-bit RGB bytes in out[k][0]; a step makes
 * 2 * VEC_LANES pixels of it. */
typedef void fast_values_fn(
    const struct fast_pack *p, const struct fast_levels *levels, size_t i, vec_u16 out[3][2]);
typedef void fast_step_fn(const struct fast_pack *p, size_t i, vec_u16 c[4][2], uint8_t *dst);

/* Bytes of channel `first`, green, the other one, 255. The curve's base includes rounding. */
VEC_INLINE void fast_step_bytes_4(vec_u16 c[4][2], uint8_t *dst, int first, int is_streamed)
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

VEC_INLINE void fast_step_xrgb8888(
    const struct fast_pack *p, size_t i, vec_u16 c[4][2], uint8_t *dst)
{
    fast_step_bytes_4(c, dst, 2, 0);
}

VEC_INLINE void fast_step_xrgb8888_streamed(
    const struct fast_pack *p, size_t i, vec_u16 c[4][2], uint8_t *dst)
{
    fast_step_bytes_4(c, dst, 2, 1);
}

VEC_INLINE void fast_step_rgb24(const struct fast_pack *p, size_t i, vec_u16 c[4][2], uint8_t *dst)
{
    uint8_t four[4 * VEC_BYTES], three[3 * VEC_BYTES + 4];
    fast_step_bytes_4(c, four, 0, 0);
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
VEC_INLINE vec_u16 fast_to_16_bits(vec_u16 v)
{
    return v + v + ((v + 64) >> 7);
}

VEC_INLINE void fast_step_rgba64(const struct fast_pack *p, size_t i, vec_u16 c[4][2], uint8_t *dst)
{
    for (int k = 0; k < 3; k++) {
        c[k][0] = fast_to_16_bits(c[k][0]);
        c[k][1] = fast_to_16_bits(c[k][1]);
    }
    c[3][0] = c[3][1] = vec_set(0xffff);
    vec_store_quads(dst, c);
}

struct fast_luma {
    vec_u16 sum[2];
};

/* Luma of both phases; and the means of pairs, which chroma is made from. */
VEC_INLINE struct fast_luma fast_split(vec_u16 c[4][2], vec_u16 half[3])
{
    struct fast_luma luma;
    for (int phase = 0; phase < 2; phase++) {
        const vec_u16 rgb[3] = {c[0][phase], c[1][phase], c[2][phase]};
        luma.sum[phase] = fast_yuv_weigh(rgb, fast_yuv_luma);
    }
    for (int k = 0; k < 3; k++)
        half[k] = vec_avg_u(c[k][0], c[k][1]);
    return luma;
}

VEC_INLINE void fast_store_halves(const struct fast_pack *p, size_t i, const vec_u16 half[3])
{
    for (int k = 0; k < 3; k++)
        vec_store(p->half[k] + i, half[k]);
}

VEC_INLINE void fast_put_nv12(struct fast_luma luma, uint8_t *dst)
{
    vec_store(dst, fast_yuv_code_8(luma.sum[0], 16) | fast_yuv_code_8(luma.sum[1], 16) << 8);
}

/* Words of two phases, in turn. */
VEC_INLINE void fast_put_words(vec_u16 even, vec_u16 odd, uint8_t *dst)
{
    vec_u16 first, second;
    vec_zip_16(even, odd, &first, &second);
    vec_store(dst, first);
    vec_store(dst + VEC_BYTES, second);
}

VEC_INLINE void fast_put_p010(struct fast_luma luma, uint8_t *dst)
{
    fast_put_words(fast_yuv_code_10(luma.sum[0], 16), fast_yuv_code_10(luma.sum[1], 16), dst);
}

VEC_INLINE void fast_put_yuyv(struct fast_luma luma, const vec_u16 half[3], uint8_t *dst)
{
    const vec_u16 cb = fast_yuv_code_8(fast_yuv_weigh(half, fast_yuv_cb), 128);
    const vec_u16 cr = fast_yuv_code_8(fast_yuv_weigh(half, fast_yuv_cr), 128);
    fast_put_words(fast_yuv_code_8(luma.sum[0], 16) | cb << 8,
        fast_yuv_code_8(luma.sum[1], 16) | cr << 8, dst);
}

VEC_INLINE void fast_step_nv12(const struct fast_pack *p, size_t i, vec_u16 c[4][2], uint8_t *dst)
{
    vec_u16 half[3];
    const struct fast_luma luma = fast_split(c, half);
    fast_store_halves(p, i, half);
    fast_put_nv12(luma, dst);
}

VEC_INLINE void fast_step_p010(const struct fast_pack *p, size_t i, vec_u16 c[4][2], uint8_t *dst)
{
    vec_u16 half[3];
    const struct fast_luma luma = fast_split(c, half);
    fast_store_halves(p, i, half);
    fast_put_p010(luma, dst);
}

VEC_INLINE void fast_step_yuyv(const struct fast_pack *p, size_t i, vec_u16 c[4][2], uint8_t *dst)
{
    vec_u16 half[3];
    const struct fast_luma luma = fast_split(c, half);
    fast_put_yuyv(luma, half, dst);
}

/* Whole steps go straight to the picture, the last one through a copy. */
VEC_INLINE void fast_row(const struct fast_pack *restrict p, fast_values_fn *values,
    fast_step_fn *step, fast_step_fn *last_step, size_t pixel_bytes)
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
VEC_INLINE void fast_row_of_pairs(
    const struct fast_pack *task, fast_values_fn *values, fast_step_fn *step)
{
    struct fast_pack pairs = *task;
    pairs.width += pairs.width % 2;
    fast_row(&pairs, values, step, step, 2);
    if (pairs.width > task->width)
        task->dst[2 * task->width] = task->dst[2 * task->width - 2];
}

/* A picture is larger than the caches that it would be fetched into before it is written: stores
 * past them save a quarter of the traffic. */
VEC_INLINE void fast_row_xrgb8888(const struct fast_pack *p, fast_values_fn *values)
{
    if ((uintptr_t)p->dst % VEC_BYTES == 0) {
        fast_row(p, values, fast_step_xrgb8888_streamed, fast_step_xrgb8888, 4);
    } else {
        fast_row(p, values, fast_step_xrgb8888, fast_step_xrgb8888, 4);
    }
}

VEC_INLINE void fast_row_rgb24(const struct fast_pack *p, fast_values_fn *values)
{
    fast_row(p, values, fast_step_rgb24, fast_step_rgb24, 3);
}

VEC_INLINE void fast_row_rgba64(const struct fast_pack *p, fast_values_fn *values)
{
    fast_row(p, values, fast_step_rgba64, fast_step_rgba64, 8);
}

VEC_INLINE void fast_load_chroma(const struct fast_chroma *task, size_t i, vec_u16 sum[2])
{
    vec_u16 c[3];
    for (int k = 0; k < 3; k++)
        c[k] = vec_avg_u(vec_load(task->half[0][k] + i), vec_load(task->half[1][k] + i));
    sum[0] = fast_yuv_weigh(c, fast_yuv_cb);
    sum[1] = fast_yuv_weigh(c, fast_yuv_cr);
}

VEC_INLINE void fast_chroma_nv12(const struct fast_chroma *task)
{
    for (size_t i = 0; i < task->pairs; i += VEC_LANES) {
        vec_u16 sum[2];
        fast_load_chroma(task, i, sum);
        const vec_u16 out = fast_yuv_code_8(sum[0], 128) | fast_yuv_code_8(sum[1], 128) << 8;
        const size_t left = 2 * (task->pairs - i);
        __builtin_memcpy(task->dst + 2 * i, &out, left < VEC_BYTES ? left : VEC_BYTES);
    }
}

VEC_INLINE void fast_chroma_p010(const struct fast_chroma *task)
{
    for (size_t i = 0; i < task->pairs; i += VEC_LANES) {
        vec_u16 sum[2];
        uint8_t out[2 * VEC_BYTES];
        fast_load_chroma(task, i, sum);
        fast_put_words(fast_yuv_code_10(sum[0], 128), fast_yuv_code_10(sum[1], 128), out);
        const size_t left = 4 * (task->pairs - i);
        __builtin_memcpy(task->dst + 4 * i, out, left < sizeof(out) ? left : sizeof(out));
    }
}

#endif
