/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Display values to the bytes of 8-bit pictures. */
#ifndef ISP_FAST_BYTES_H
#define ISP_FAST_BYTES_H

#include "isp/fast/vec.h"

/** Words of even and odd pixels, of which the bytes above the 7 lowest bits count, to bytes. */
VEC_INLINE vec_u16 fast_bytes(vec_u16 even, vec_u16 odd)
{
    return vec_shift_right(even, 7) | ((odd + odd) & 0xff00);
}

/** The same of signed words: what is below 0 becomes 0. */
VEC_INLINE vec_u16 fast_bytes_clamped(vec_u16 even, vec_u16 odd)
{
#if !defined(VEC_GENERIC) && defined(__SSSE3__)
    static const uint8_t in_turn[16] = {0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15};
    const vec_u16 packed =
        vec_pack_8(vec_shift_right_signed(even, 7), vec_shift_right_signed(odd, 7));
    return vec_lookup_bytes(packed, vec_repeat(in_turn));
#else
    return fast_bytes(vec_positive(even), vec_positive(odd));
#endif
}

#endif
