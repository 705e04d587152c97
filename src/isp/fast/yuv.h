/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Luma and chroma of display values: ITU-R BT.709, limited range. */
#ifndef ISP_FAST_YUV_H
#define ISP_FAST_YUV_H

#include "isp/fast/vec.h"

/* 219 steps of Y, 224 of Cb and Cr; Q15 with 255 / 255 = 1. The rows of Cb and Cr sum to 0: grey is
 * 128 exactly. */
static const int fast_yuv_luma[3] = {5983, 20127, 2032};
static const int fast_yuv_cb[3] = {-3298, -11094, 14392};
static const int fast_yuv_cr[3] = {14392, -13073, -1319};

/** In 1/128 of a step of 8 bits. */
VEC_INLINE vec_u16 fast_yuv_weigh(const vec_u16 c[3], const int weights[3])
{
    return vec_mulhrs(c[0], vec_set(weights[0])) + vec_mulhrs(c[1], vec_set(weights[1])) +
           vec_mulhrs(c[2], vec_set(weights[2]));
}

VEC_INLINE vec_u16 fast_yuv_code_8(vec_u16 sum, int offset)
{
    return (sum + (uint16_t)(offset * 128 + 64)) >> 7;
}

/** 10 bits, in the high bits of words. */
VEC_INLINE vec_u16 fast_yuv_code_10(vec_u16 sum, int offset)
{
    return (sum + (uint16_t)(offset * 128 + 16)) >> 5 << 6;
}

#endif
