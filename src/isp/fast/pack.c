/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Kernels: tone curve and picture formats. */
#include "isp/fast/kernels.h"
#include "isp/fast/tone.h"

/* Both phases of linear RGB -> 15-bit display values. */
VEC_INLINE void tone(const struct fast_pack *p, size_t i, vec_u16 out[3][2])
{
    for (int k = 0; k < 3; k++) {
        const vec_u16 x[2] = {vec_load(p->linear[k][0] + i), vec_load(p->linear[k][1] + i)};
        fast_tone_pair(p->tone, x, out[k]);
    }
}

/* What finishing made of 15-bit display values. */
VEC_INLINE void finished(const struct fast_pack *p, size_t i, vec_u16 out[3][2])
{
    for (int phase = 0; phase < 2; phase++) {
        const vec_u16 detail = vec_load(p->detail[phase] + i);
        for (int k = 0; k < 3; k++) {
            const vec_u16 sum = vec_adds(vec_load(p->linear[k][phase] + i), detail);
            out[k][phase] = vec_min(vec_max(sum, vec_set(0)), vec_set(FAST_TONE_MAX));
        }
    }
}

/* The same with the rounding that pictures of 8-bit RGB take from the curve's base. */
VEC_INLINE void finished_rounded(const struct fast_pack *p, size_t i, vec_u16 out[3][2])
{
    finished(p, i, out);
    for (int k = 0; k < 6; k++)
        out[k / 2][k % 2] += 64;
}

/* ---- formats: a step makes 2 * VEC_LANES pixels ------------------------------------------------
 */

typedef void values_fn(const struct fast_pack *p, size_t i, vec_u16 out[3][2]);
typedef void step_fn(const struct fast_pack *p, size_t i, vec_u16 c[4][2], uint8_t *dst);

/* Words of even and odd pixels, of which the bytes above the 7 lowest bits count, to bytes. */
VEC_INLINE vec_u16 to_bytes(const vec_u16 c[2])
{
    return c[0] >> 7 | (c[1] << 1 & 0xff00);
}

/* Bytes of channel `first`, green, the other one, 255. The curve's base includes rounding. */
VEC_INLINE void step_bytes_4(vec_u16 c[4][2], uint8_t *dst, int first, int is_streamed)
{
    vec_u16 bytes[3], low[2], high[2];
    for (int k = 0; k < 3; k++)
        bytes[k] = vec_spread_32(to_bytes(c[k]));
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

/* ITU-R BT.709, limited range: 219 steps of Y, 224 of Cb and Cr; Q15 with 255 / 255 = 1. The rows
 * of Cb and Cr sum to 0: grey is 128 exactly. */
enum { Y_R = 5983, Y_G = 20127, Y_B = 2032 };
enum { CB_R = -3298, CB_G = -11094, CB_B = 14392 };
enum { CR_R = 14392, CR_G = -13073, CR_B = -1319 };

VEC_INLINE vec_u16 weigh(const vec_u16 c[3], const int weight[3], int offset)
{
    vec_u16 sum = vec_mulhrs(c[0], vec_set(weight[0])) + vec_mulhrs(c[1], vec_set(weight[1])) +
                  vec_mulhrs(c[2], vec_set(weight[2]));
    return (sum + (uint16_t)(offset * 128 + 64)) >> 7;
}

VEC_INLINE void step_nv12(const struct fast_pack *p, size_t i, vec_u16 c[4][2], uint8_t *dst)
{
    static const int luma[3] = {Y_R, Y_G, Y_B};
    vec_u16 even[3], odd[3];
    for (int k = 0; k < 3; k++) {
        even[k] = c[k][0];
        odd[k] = c[k][1];
        vec_store(p->half[k] + i, vec_avg_u(even[k], odd[k]));
    }
    vec_store(dst, weigh(even, luma, 16) | weigh(odd, luma, 16) << 8);
}

/* Whole steps go straight to the picture, the last one through a copy. */
VEC_INLINE void row(const struct fast_pack *task, values_fn *values, step_fn *step,
    step_fn *last_step, size_t pixel_bytes)
{
    const struct fast_pack own = *task, *p = &own; /* which no store can change */
    vec_u16 c[4][2];
    size_t x = 0;
    for (; x + 2 * VEC_LANES <= p->width; x += 2 * VEC_LANES) {
        values(p, x / 2, c);
        step(p, x / 2, c, p->dst + x * pixel_bytes);
    }
    if (x < p->width) {
        uint8_t last[2 * VEC_LANES * 8];
        values(p, x / 2, c);
        last_step(p, x / 2, c, last);
        __builtin_memcpy(p->dst + x * pixel_bytes, last, (p->width - x) * pixel_bytes);
    }
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

static void row_xrgb8888(const struct fast_pack *p)
{
    any_xrgb8888(p, tone);
}

static void row_rgb24(const struct fast_pack *p)
{
    row(p, tone, step_rgb24, step_rgb24, 3);
}

static void row_rgba64(const struct fast_pack *p)
{
    row(p, tone, step_rgba64, step_rgba64, 8);
}

static void row_nv12(const struct fast_pack *p)
{
    row(p, tone, step_nv12, step_nv12, 1);
}

/* ---- finishing ---------------------------------------------------------------------------------
 */

/* ITU-R BT.709 luma of full range, Q15; sums to 1. */
enum { LUMA_R = 6966, LUMA_G = 23436, LUMA_B = 2366, LUMA_LIMITED = 28142 };

VEC_INLINE void tone_luma(const struct fast_pack *p, size_t i, vec_u16 c[3][2])
{
    tone(p, i, c);
    for (int phase = 0; phase < 2; phase++) {
        vec_store(p->luma[phase] + i, vec_mulhrs(c[0][phase], vec_set(LUMA_R)) +
                                          vec_mulhrs(c[1][phase], vec_set(LUMA_G)) +
                                          vec_mulhrs(c[2][phase], vec_set(LUMA_B)));
    }
}

static void display(const struct fast_pack *task)
{
    const struct fast_pack own = *task, *p = &own;
    for (size_t i = 0; 2 * i < p->width; i += VEC_LANES) {
        vec_u16 c[3][2];
        tone_luma(p, i, c);
        for (int k = 0; k < 6; k++)
            vec_store(p->display[k / 2][k % 2] + i, c[k / 2][k % 2]);
    }
}

static void display_nv12(const struct fast_pack *task)
{
    const struct fast_pack own = *task, *p = &own;
    for (size_t i = 0; 2 * i < p->width; i += VEC_LANES) {
        vec_u16 c[3][2];
        tone_luma(p, i, c);
        for (int k = 0; k < 3; k++)
            vec_store(p->half[k] + i, vec_avg_u(c[k][0], c[k][1]));
    }
}

static void finish_xrgb8888(const struct fast_pack *p)
{
    any_xrgb8888(p, finished_rounded);
}

static void finish_rgb24(const struct fast_pack *p)
{
    row(p, finished_rounded, step_rgb24, step_rgb24, 3);
}

static void finish_rgba64(const struct fast_pack *p)
{
    row(p, finished, step_rgba64, step_rgba64, 8);
}

VEC_INLINE void finished_luma(const struct fast_pack *p, size_t i, vec_u16 out[3][2])
{
    for (int phase = 0; phase < 2; phase++) {
        const vec_u16 sum = vec_adds(vec_load(p->luma[phase] + i), vec_load(p->detail[phase] + i));
        out[0][phase] = vec_min(vec_max(sum, vec_set(0)), vec_set(FAST_TONE_MAX));
    }
}

/* Limited range: 219 of 255 steps, from 16. */
VEC_INLINE void step_luma(const struct fast_pack *p, size_t i, vec_u16 c[4][2], uint8_t *dst)
{
    vec_u16 byte[2];
    for (int phase = 0; phase < 2; phase++)
        byte[phase] = (vec_mulhrs(c[0][phase], vec_set(LUMA_LIMITED)) + 16 * 128 + 64) >> 7;
    vec_store(dst, byte[0] | byte[1] << 8);
}

static void finish_nv12(const struct fast_pack *p)
{
    row(p, finished_luma, step_luma, step_luma, 1);
}

static void flush(void)
{
    vec_stream_end();
}

static void chroma(const struct fast_chroma *task)
{
    static const int cb[3] = {CB_R, CB_G, CB_B}, cr[3] = {CR_R, CR_G, CR_B};
    for (size_t i = 0; i < task->pairs; i += VEC_LANES) {
        vec_u16 c[3];
        for (int k = 0; k < 3; k++)
            c[k] = vec_avg_u(vec_load(task->half[0][k] + i), vec_load(task->half[1][k] + i));
        vec_u16 out = weigh(c, cb, 128) | weigh(c, cr, 128) << 8;
        size_t left = 2 * (task->pairs - i);
        __builtin_memcpy(task->dst + 2 * i, &out, left < VEC_BYTES ? left : VEC_BYTES);
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
        },
    .display = display,
    .display_nv12 = display_nv12,
    .finish =
        {
            [SISP_PIXEL_XRGB8888] = finish_xrgb8888,
            [SISP_PIXEL_RGB24] = finish_rgb24,
            [SISP_PIXEL_NV12] = finish_nv12,
            [SISP_PIXEL_RGBA64] = finish_rgba64,
        },
    .chroma = chroma,
    .flush = flush,
};
