/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What the kernels of noise reduction share: one step of robust diffusion (Black, Sapiro, Marimont,
 * Heeger, "Robust anisotropic diffusion", IEEE TIP 1998). It adds the mean of the differences to
 * the neighbours, where a difference counts whole up to a threshold and ever less up to twice that:
 * what lies across an edge has no say.
 */
#ifndef ISP_FAST_NOISE_H
#define ISP_FAST_NOISE_H

#include "isp/fast/kernels.h"
#include "isp/fast/vec.h"

/** Sixteen thresholds by luma, since that many are looked up in one instruction. */
VEC_INLINE vec_u16 fast_thresholds(const uint8_t codes[16])
{
#if VEC_BYTES == 64
    const __m128i bytes = _mm_loadu_si128((const __m128i *)codes);
    return (vec_u16)_mm512_cvtepu8_epi16(_mm256_broadcastsi128_si256(bytes)) << 4;
#else
    return vec_repeat(codes);
#endif
}

VEC_INLINE vec_u16 fast_threshold(vec_u16 table, vec_u16 luma)
{
#if VEC_BYTES == 64
    return (vec_u16)_mm512_permutexvar_epi16((VEC_RAW)vec_shift_right(luma, 11), (VEC_RAW)table);
#else
    return vec_lookup_bytes(table, luma >> 11 | 0x8000) << 4;
#endif
}

VEC_INLINE vec_u16 fast_clamp(vec_u16 v, vec_u16 least, vec_u16 most)
{
    return vec_min(vec_max(v, least), most);
}

/** Sum of what counts of differences: they themselves up to the limit, less and less up to twice
 * that. Eight of them cannot wrap. */
struct fast_diffusion {
    vec_u16 here, twice_limit, sum;
};

VEC_INLINE void fast_diffuse(struct fast_diffusion *d, vec_u16 near)
{
    const vec_u16 difference = near - d->here, size = vec_abs(difference);
    d->sum += vec_sign(vec_min(size, vec_subs_u(d->twice_limit, size)), difference);
}

/** The mean over eight neighbours and the middle itself. */
VEC_INLINE vec_u16 fast_diffused(const struct fast_diffusion *d)
{
    return vec_mulhrs(d->sum, vec_set(3641)); /* a ninth */
}

#endif
