/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Kernels: tone curve and picture formats. */
#include "isp/fast/kernels.h"
#include "isp/fast/vec.h"

/* ---- tone ----------------------------------------------------------------------------------- */

/* Where values of 13 bits lie on the curve: y = base + slope * fraction, of 15 bits. */
struct place {
    vec_u16 base, slope, fraction;
};

#if !defined(VEC_GENERIC) && VEC_BYTES == 32
#define VEC_PSHUFB_TONE
#elif !defined(VEC_GENERIC) && VEC_BYTES == 16 && defined(__SSSE3__)
#define VEC_PSHUFB_TONE
#endif

#if defined(VEC_PSHUFB_TONE)
VEC_INLINE vec_u16 pack_bytes(vec_u16 a, vec_u16 b)
{
    return (vec_u16)VEC_DO(packus_epi16)((VEC_RAW)a, (VEC_RAW)b);
}

VEC_INLINE vec_u16 min_bytes(vec_u16 bytes, int max)
{
    return (vec_u16)VEC_DO(min_epu8)((VEC_RAW)bytes, VEC_DO(set1_epi8)((char)max));
}

/* Words of both vectors from their low and high bytes. */
VEC_INLINE void zip_bytes(vec_u16 low, vec_u16 high, vec_u16 *first, vec_u16 *second)
{
    *first = (vec_u16)VEC_DO(unpacklo_epi8)((VEC_RAW)low, (VEC_RAW)high);
    *second = (vec_u16)VEC_DO(unpackhi_epi8)((VEC_RAW)low, (VEC_RAW)high);
}

/*
 * Both vectors as bytes, so that one look-up serves twice as many lanes. Each zone has a table of
 * its own; its number stays at 15 in the zones above, and is without effect in those below. All
 * channels take turns at a table, since tables do not fit in the registers together.
 */
VEC_INLINE void find_places(
    const struct fast_tone *tone, const vec_u16 x[3][2], struct place out[3][2])
{
    static const uint8_t unit_low[16] = {0, 0, 0, 0, 0, 0, 0, 0, 64, 64, 64, 64, 64, 64, 64, 64};
    static const uint8_t unit_high[16] = {8, 1, 1, 1, 1, 1, 1, 1};
    vec_u16 at[3][3], byte[3][4], unit[2];
    for (int c = 0; c < 3; c++) {
        const vec_u16 by_256 = pack_bytes(x[c][0] >> 8, x[c][1] >> 8), zone = min_bytes(by_256, 15);
        at[c][0] = (pack_bytes(x[c][0], x[c][1]) >> 4) & 0x0f0f;
        at[c][1] = min_bytes(pack_bytes(x[c][0] >> 7, x[c][1] >> 7), 15);
        at[c][2] = (by_256 >> 1) & 0x0f0f;
        zip_bytes(vec_lookup_bytes(vec_repeat(unit_low), zone),
            vec_lookup_bytes(vec_repeat(unit_high), zone), &unit[0], &unit[1]);
        for (int i = 0; i < 2; i++)
            out[c][i].fraction = x[c][i] * unit[i] & 0x7fff;
    }
    for (int k = 0; k < 4; k++) {
        const vec_u16 table[3] = {vec_repeat(tone->bytes[k][0]), vec_repeat(tone->bytes[k][1]),
            vec_repeat(tone->bytes[k][2])};
        for (int c = 0; c < 3; c++) {
            byte[c][k] = vec_lookup_bytes(table[0], at[c][0]) ^
                         vec_lookup_bytes(table[1], at[c][1]) ^
                         vec_lookup_bytes(table[2], at[c][2]);
        }
    }
    for (int c = 0; c < 3; c++) {
        zip_bytes(byte[c][0], byte[c][1], &out[c][0].base, &out[c][1].base);
        zip_bytes(byte[c][2], byte[c][3], &out[c][0].slope, &out[c][1].slope);
    }
}
#else
/* base and slope of segments by number. */
VEC_INLINE void find_segments(const struct fast_tone *tone, vec_u16 segment, struct place *out)
{
#if !defined(VEC_GENERIC) && VEC_BYTES == 64
    out->base = (vec_u16)_mm512_permutex2var_epi16(
        (VEC_RAW)vec_load(tone->base), (VEC_RAW)segment, (VEC_RAW)vec_load(tone->base + VEC_LANES));
    out->slope = (vec_u16)_mm512_permutex2var_epi16((VEC_RAW)vec_load(tone->slope),
        (VEC_RAW)segment, (VEC_RAW)vec_load(tone->slope + VEC_LANES));
#else
    uint16_t at[VEC_LANES], base[VEC_LANES], slope[VEC_LANES];
    vec_store(at, segment);
    for (int k = 0; k < VEC_LANES; k++) {
        base[k] = (uint16_t)tone->base[at[k] & 63];
        slope[k] = (uint16_t)tone->slope[at[k] & 63];
    }
    out->base = vec_load(base);
    out->slope = vec_load(slope);
#endif
}

/*
 * x lies in segment x / 16 below 256, 14 + x / 128 below 2048, else 26 + x / 512: the smallest of
 * the three, since each is the flattest from its zone on.
 */
VEC_INLINE void find_places(
    const struct fast_tone *tone, const vec_u16 x[3][2], struct place out[3][2])
{
    for (int i = 0; i < 6; i++) {
        const vec_u16 v = x[i / 2][i % 2];
        struct place *place = &out[i / 2][i % 2];
        vec_u16 is_fine = (vec_u16)((vec_i16)v < 256), is_middle = (vec_u16)((vec_i16)v < 2048);
        vec_u16 unit = (is_fine & (2048 - 256)) + (is_middle & (256 - 64)) + 64;
        find_segments(tone, vec_min(vec_min(v >> 4, (v >> 7) + 14), (v >> 9) + 26), place);
        place->fraction = v * unit & 0x7fff;
    }
}
#endif

/* Both phases of linear RGB -> 15-bit display values. */
VEC_INLINE void tone(const struct fast_pack *p, size_t i, vec_u16 out[3][2])
{
    vec_u16 x[3][2];
    struct place place[3][2];
    for (int k = 0; k < 6; k++)
        x[k / 2][k % 2] = vec_load(p->linear[k / 2][k % 2] + i);
    find_places(p->tone, (const vec_u16(*)[2])x, place);
    for (int k = 0; k < 6; k++) {
        const struct place *at = &place[k / 2][k % 2];
        out[k / 2][k % 2] = at->base + vec_mulhrs(at->slope, at->fraction);
    }
}

/* ---- formats: a step makes 2 * VEC_LANES pixels ------------------------------------------------
 */

typedef void step_fn(const struct fast_pack *p, size_t i, uint8_t *dst);

/* Words of two channels to pixels of 32 bits, in memory order, in 4 vectors. */
VEC_INLINE void zip_pixels(const vec_u16 low[2], const vec_u16 high[2], vec_u16 out[4])
{
    vec_u16 even0 = vec_zip_low_16(low[0], high[0]), even1 = vec_zip_high_16(low[0], high[0]);
    vec_u16 odd0 = vec_zip_low_16(low[1], high[1]), odd1 = vec_zip_high_16(low[1], high[1]);
    out[0] = vec_zip_low_32(even0, odd0);
    out[1] = vec_zip_high_32(even0, odd0);
    out[2] = vec_zip_low_32(even1, odd1);
    out[3] = vec_zip_high_32(even1, odd1);
    vec_gather_parts(out);
}

/* Bytes of channel `first`, green, the other one, 255. The curve's base includes rounding. */
VEC_INLINE void step_bytes_4(
    const struct fast_pack *p, size_t i, uint8_t *dst, int first, int is_streamed)
{
    vec_u16 c[3][2], low[2], high[2], out[4];
    tone(p, i, c);
    for (int k = 0; k < 2; k++) {
        low[k] = c[first][k] >> 7 | (c[1][k] << 1 & 0xff00);
        high[k] = c[2 - first][k] >> 7 | 0xff00;
    }
    zip_pixels(low, high, out);
    for (int k = 0; k < 4; k++) {
        if (is_streamed)
            vec_stream(dst + k * VEC_BYTES, out[k]);
        else
            vec_store(dst + k * VEC_BYTES, out[k]);
    }
}

VEC_INLINE void step_xrgb8888(const struct fast_pack *p, size_t i, uint8_t *dst)
{
    step_bytes_4(p, i, dst, 2, 0);
}

VEC_INLINE void step_xrgb8888_streamed(const struct fast_pack *p, size_t i, uint8_t *dst)
{
    step_bytes_4(p, i, dst, 2, 1);
}

VEC_INLINE void step_rgb24(const struct fast_pack *p, size_t i, uint8_t *dst)
{
    uint8_t four[4 * VEC_BYTES], three[3 * VEC_BYTES + 4];
    step_bytes_4(p, i, four, 0, 0);
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

VEC_INLINE void step_rgba64(const struct fast_pack *p, size_t i, uint8_t *dst)
{
    vec_u16 c[4][2], half[2][4], pixels[2][4];
    tone(p, i, c);
    for (int k = 0; k < 3; k++) {
        c[k][0] = to_16_bits(c[k][0]);
        c[k][1] = to_16_bits(c[k][1]);
    }
    c[3][0] = c[3][1] = vec_set(0xffff);
    for (int k = 0; k < 2; k++) {
        vec_u16 rg0 = vec_zip_low_16(c[0][k], c[1][k]), rg1 = vec_zip_high_16(c[0][k], c[1][k]);
        vec_u16 ba0 = vec_zip_low_16(c[2][k], c[3][k]), ba1 = vec_zip_high_16(c[2][k], c[3][k]);
        half[k][0] = vec_zip_low_32(rg0, ba0);
        half[k][1] = vec_zip_high_32(rg0, ba0);
        half[k][2] = vec_zip_low_32(rg1, ba1);
        half[k][3] = vec_zip_high_32(rg1, ba1);
    }
    for (int k = 0; k < 4; k++) {
        pixels[k / 2][k % 2 * 2] = vec_zip_low_64(half[0][k], half[1][k]);
        pixels[k / 2][k % 2 * 2 + 1] = vec_zip_high_64(half[0][k], half[1][k]);
    }
    vec_gather_parts(pixels[0]);
    vec_gather_parts(pixels[1]);
    /* Parts 0 of all eight, then parts 1, ...: 64 bytes of each half in turn. */
    for (int k = 0; k < 4; k++) {
        int at = k / (4 / VEC_QUADS) * 2 * (4 / VEC_QUADS) + k % (4 / VEC_QUADS);
        vec_store(dst + at * VEC_BYTES, pixels[0][k]);
        vec_store(dst + (at + 4 / VEC_QUADS) * VEC_BYTES, pixels[1][k]);
    }
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

VEC_INLINE void step_nv12(const struct fast_pack *p, size_t i, uint8_t *dst)
{
    static const int luma[3] = {Y_R, Y_G, Y_B};
    vec_u16 c[3][2], even[3], odd[3];
    tone(p, i, c);
    for (int k = 0; k < 3; k++) {
        even[k] = c[k][0];
        odd[k] = c[k][1];
        vec_store(p->half[k] + i, vec_avg_u(even[k], odd[k]));
    }
    vec_store(dst, weigh(even, luma, 16) | weigh(odd, luma, 16) << 8);
}

/* Whole steps go straight to the picture, the last one through a copy. */
VEC_INLINE void row(
    const struct fast_pack *task, step_fn *step, step_fn *last_step, size_t pixel_bytes)
{
    const struct fast_pack own = *task, *p = &own; /* which no store can change */
    size_t x = 0;
    for (; x + 2 * VEC_LANES <= p->width; x += 2 * VEC_LANES)
        step(p, x / 2, p->dst + x * pixel_bytes);
    if (x < p->width) {
        uint8_t last[2 * VEC_LANES * 8];
        last_step(p, x / 2, last);
        __builtin_memcpy(p->dst + x * pixel_bytes, last, (p->width - x) * pixel_bytes);
    }
}

/* A picture is larger than the caches that it would be fetched into before it is written: stores
 * past them save a quarter of the traffic. */
static void row_xrgb8888(const struct fast_pack *p)
{
    if ((uintptr_t)p->dst % VEC_BYTES == 0) {
        row(p, step_xrgb8888_streamed, step_xrgb8888, 4);
        vec_stream_end();
    } else {
        row(p, step_xrgb8888, step_xrgb8888, 4);
    }
}

static void row_rgb24(const struct fast_pack *p)
{
    row(p, step_rgb24, step_rgb24, 3);
}

static void row_rgba64(const struct fast_pack *p)
{
    row(p, step_rgba64, step_rgba64, 8);
}

static void row_nv12(const struct fast_pack *p)
{
    row(p, step_nv12, step_nv12, 1);
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
    .chroma = chroma,
};
