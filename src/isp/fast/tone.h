/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The tone curve on vectors; its form is that of struct fast_tone. */
#ifndef ISP_FAST_TONE_H
#define ISP_FAST_TONE_H

#include "isp/fast/kernels.h"
#include "isp/fast/vec.h"

#if !defined(VEC_GENERIC) && VEC_BYTES < 64 && defined(__SSSE3__)
#define FAST_TONE_BYTES /* look-ups of bytes, which serve two vectors at once */
#endif

/* Place along the curve, of 14 bits. */
VEC_INLINE vec_u16 fast_tone_place(vec_u16 x)
{
    const vec_u16 fine = (vec_min(x, vec_set(128)) << 2) + vec_min(x, vec_set(512));
    return x + vec_min(x, vec_set(2048)) + fine * 6;
}

#if defined(FAST_TONE_BYTES)
VEC_INLINE vec_u16 fast_tone_byte(const uint8_t table[2][16], vec_u16 low, vec_u16 high)
{
    return vec_lookup_bytes(vec_repeat(table[0]), low) |
           vec_lookup_bytes(vec_repeat(table[1]), high);
}

VEC_INLINE void fast_tone_lines(
    const struct fast_tone *t, const vec_u16 u[2], vec_u16 base[2], vec_u16 slope[2])
{
    const vec_u16 line = vec_pack_8(u[0] >> 9, u[1] >> 9);
    /* A look-up gives 0 where bit 7 is set: from line 16 on, and below. */
    const vec_u16 low = line + 0x7070, high = low ^ 0x8080;
    vec_u16 byte[4];
    for (int k = 0; k < 4; k++)
        byte[k] = fast_tone_byte(t->bytes[k], low, high);
    base[0] = vec_zip_low_8(byte[0], byte[1]);
    base[1] = vec_zip_high_8(byte[0], byte[1]);
    slope[0] = vec_zip_low_8(byte[2], byte[3]);
    slope[1] = vec_zip_high_8(byte[2], byte[3]);
}
#else
VEC_INLINE vec_u16 fast_tone_word(const int16_t table[FAST_TONE_SEGS], vec_u16 line)
{
#if !defined(VEC_GENERIC) && VEC_BYTES == 64
    return (vec_u16)_mm512_permutexvar_epi16((VEC_RAW)line, (VEC_RAW)vec_load(table));
#else
    uint16_t word[VEC_LANES];
    vec_store(word, line);
    for (int k = 0; k < VEC_LANES; k++)
        word[k] = (uint16_t)table[word[k] % FAST_TONE_SEGS];
    return vec_load(word);
#endif
}

VEC_INLINE void fast_tone_lines(
    const struct fast_tone *t, const vec_u16 u[2], vec_u16 base[2], vec_u16 slope[2])
{
    for (int k = 0; k < 2; k++) {
        base[k] = fast_tone_word(t->base, u[k] >> 9);
        slope[k] = fast_tone_word(t->slope, u[k] >> 9);
    }
}
#endif

/** Linear values of 13 bits -> display values of 15 bits. */
VEC_INLINE void fast_tone_pair(const struct fast_tone *t, const vec_u16 x[2], vec_u16 out[2])
{
    const vec_u16 u[2] = {fast_tone_place(x[0]), fast_tone_place(x[1])};
    vec_u16 base[2], slope[2];
    fast_tone_lines(t, u, base, slope);
    for (int k = 0; k < 2; k++)
        out[k] = base[k] + vec_mulhrs(slope[k], u[k] << 6);
}

#endif
