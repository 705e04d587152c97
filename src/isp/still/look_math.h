/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Logarithm and power of two: polynomials that meet at the octaves, the same bits everywhere. */
#ifndef ISP_STILL_LOOK_MATH_H
#define ISP_STILL_LOOK_MATH_H

#include <stdint.h>
#include <string.h>

/* The same selection as SSE's minps and maxps: NaN gives the limit. */
static inline float look_clamp(float x, float low, float high)
{
    x = x > low ? x : low;
    return x < high ? x : high;
}

/** x: normal and above 0. Errs by less than 2e-5. */
static inline float look_log2(float x)
{
    int32_t bits;
    memcpy(&bits, &x, sizeof(bits));
    const int32_t mantissa = (bits & 0x7fffff) | 0x3f800000;
    float m;
    memcpy(&m, &mantissa, sizeof(m));
    const float f = m - 1;
    const float p = ((-0.04424374F * f + 0.14701877F) * f - 0.26653628F) * f + 0.44183587F;
    return (float)((bits >> 23) - 127) + f * ((1 - f) * p + 1);
}

/** x in [-60, 60]. Errs by less than 5e-6 of the result. */
static inline float look_exp2(float x)
{
    const int32_t whole = (int32_t)(x + 64) - 64;
    const float f = x - (float)whole;
    const float p = (-0.01368946F * f - 0.06545551F) * f - 0.30699512F;
    const int32_t bits = (whole + 127) * (1 << 23);
    float power;
    memcpy(&power, &bits, sizeof(power));
    return power * (f * ((1 - f) * p + 1) + 1);
}

#endif
