/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The tone curve on vectors; its form is that of struct fast_tone. */
#ifndef ISP_FAST_TONE_H
#define ISP_FAST_TONE_H

#include "isp/fast/kernels.h"
#include "isp/fast/vec.h"

/* Lines of values, and the places in them as signed fractions. */
struct fast_tone_place {
    vec_u16 base[2], slope[2], fraction[2];
};

#if VEC_BYTES == 64
/* table[index % 32] */
VEC_INLINE vec_u16 fast_tone_word(const void *table, vec_u16 index)
{
    return (vec_u16)_mm512_permutexvar_epi16((VEC_RAW)index, (VEC_RAW)vec_load(table));
}

/* By x / 256: which power of two the lines are apart, and the first line less where it begins. */
static const _Alignas(64) uint16_t fast_tone_shift[32] = {4, 7, 7, 7, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,
    9, 9, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10};
static const _Alignas(64) uint16_t fast_tone_first[32] = {0, 14, 14, 14, 20, 20, 20, 20, 20, 20, 20,
    20, 20, 20, 20, 20, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24};

VEC_INLINE void fast_tone_find(
    const struct fast_tone *t, const vec_u16 x[2], struct fast_tone_place *out)
{
    for (int k = 0; k < 2; k++) {
        const vec_u16 zone = x[k] >> 8, shift = fast_tone_word(fast_tone_shift, zone);
        const vec_u16 line = (x[k] >> shift) + fast_tone_word(fast_tone_first, zone);
        out->base[k] = fast_tone_word(t->base, line);
        out->slope[k] = fast_tone_word(t->slope, line);
        out->fraction[k] = x[k] << (15 - shift);
    }
}
#else
/* Stretches the zones until all lines are 1024 long: by 8 below 256, by 4 below 1024 and by 2
 * below 4096. */
VEC_INLINE vec_u16 fast_tone_stretch(vec_u16 x)
{
    const vec_u16 a = vec_min_u(x << 3, x + 7 * 256);
    const vec_u16 b = vec_min_u(a << 2, a + 3 * (7 * 256 + 1024));
    return b + vec_min(b, vec_set(4 * (7 * 256 + 1024) + (4096 - 1024)));
}

#if !defined(VEC_GENERIC) && defined(__SSSE3__)
VEC_INLINE vec_u16 fast_tone_byte(const uint8_t table[2][16], vec_u16 low, vec_u16 high)
{
    return vec_lookup_bytes(vec_repeat(table[0]), low) |
           vec_lookup_bytes(vec_repeat(table[1]), high);
}

/* Look-ups of bytes, which serve two vectors at once. */
VEC_INLINE void fast_tone_lines(
    const struct fast_tone *t, const vec_u16 line[2], struct fast_tone_place *out)
{
    /* A look-up gives 0 where bit 7 is set: from line 16 on, and below. */
    const vec_u16 low = vec_pack_8(line[0], line[1]) + 0x7070, high = low ^ 0x8080;
    vec_u16 byte[4];
    for (int k = 0; k < 4; k++)
        byte[k] = fast_tone_byte(t->bytes[k], low, high);
    out->base[0] = vec_zip_low_8(byte[0], byte[1]);
    out->base[1] = vec_zip_high_8(byte[0], byte[1]);
    out->slope[0] = vec_zip_low_8(byte[2], byte[3]);
    out->slope[1] = vec_zip_high_8(byte[2], byte[3]);
}
#else
VEC_INLINE void fast_tone_lines(
    const struct fast_tone *t, const vec_u16 line[2], struct fast_tone_place *out)
{
    for (int k = 0; k < 2; k++) {
        uint16_t at[VEC_LANES], base[VEC_LANES], slope[VEC_LANES];
        vec_store(at, line[k]);
        for (int i = 0; i < VEC_LANES; i++) {
            base[i] = (uint16_t)t->base[at[i] % FAST_TONE_SEGS];
            slope[i] = (uint16_t)t->slope[at[i] % FAST_TONE_SEGS];
        }
        out->base[k] = vec_load(base);
        out->slope[k] = vec_load(slope);
    }
}
#endif

VEC_INLINE void fast_tone_find(
    const struct fast_tone *t, const vec_u16 x[2], struct fast_tone_place *out)
{
    const vec_u16 u[2] = {fast_tone_stretch(x[0]), fast_tone_stretch(x[1])};
    const vec_u16 line[2] = {u[0] >> 10, u[1] >> 10};
    fast_tone_lines(t, line, out);
    for (int k = 0; k < 2; k++)
        out->fraction[k] = u[k] << 5;
}
#endif

/** Linear values of 13 bits -> display values of 15 bits. */
VEC_INLINE void fast_tone_pair(const struct fast_tone *t, const vec_u16 x[2], vec_u16 out[2])
{
    struct fast_tone_place place;
    fast_tone_find(t, x, &place);
    for (int k = 0; k < 2; k++)
        out[k] = place.base[k] + vec_mulhrs(place.slope[k], place.fraction[k]);
}

#endif
