/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The cosine transform of eight values, for eight of them side by side in a vector. */
#ifndef ISP_DENOISE_DCT_H
#define ISP_DENOISE_DCT_H

#include <isp/denoise/denoise.h>

#define LANES 8

typedef float lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));
typedef int32_t masks __attribute__((vector_size(LANES * sizeof(int32_t))));

#define AT(p) (*(const lanes *)(p))

/* Half the cosines of multiples of pi / 16, and the root of 1/8. */
#define C1 0.490392640F
#define C2 0.461939766F
#define C3 0.415734806F
#define C4 0.353553391F
#define C5 0.277785117F
#define C6 0.191341716F
#define C7 0.097545161F

static inline __attribute__((always_inline)) void dct_forward(lanes x[BLOCK])
{
    const lanes s0 = x[0] + x[7], s1 = x[1] + x[6], s2 = x[2] + x[5], s3 = x[3] + x[4];
    const lanes d0 = x[0] - x[7], d1 = x[1] - x[6], d2 = x[2] - x[5], d3 = x[3] - x[4];
    const lanes e0 = s0 + s3, e1 = s1 + s2, o0 = s0 - s3, o1 = s1 - s2;
    x[0] = (e0 + e1) * C4;
    x[4] = (e0 - e1) * C4;
    x[2] = o0 * C2 + o1 * C6;
    x[6] = o0 * C6 - o1 * C2;
    x[1] = d0 * C1 + d1 * C3 + d2 * C5 + d3 * C7;
    x[3] = d0 * C3 - d1 * C7 - d2 * C1 - d3 * C5;
    x[5] = d0 * C5 - d1 * C1 + d2 * C7 + d3 * C3;
    x[7] = d0 * C7 - d1 * C5 + d2 * C3 - d3 * C1;
}

static inline __attribute__((always_inline)) void dct_backward(lanes x[BLOCK])
{
    const lanes e0 = (x[0] + x[4]) * C4, e1 = (x[0] - x[4]) * C4;
    const lanes o0 = x[2] * C2 + x[6] * C6, o1 = x[2] * C6 - x[6] * C2;
    const lanes s0 = e0 + o0, s3 = e0 - o0, s1 = e1 + o1, s2 = e1 - o1;
    const lanes d0 = x[1] * C1 + x[3] * C3 + x[5] * C5 + x[7] * C7;
    const lanes d1 = x[1] * C3 - x[3] * C7 - x[5] * C1 - x[7] * C5;
    const lanes d2 = x[1] * C5 - x[3] * C1 + x[5] * C7 + x[7] * C3;
    const lanes d3 = x[1] * C7 - x[3] * C5 + x[5] * C3 - x[7] * C1;
    x[0] = s0 + d0;
    x[7] = s0 - d0;
    x[1] = s1 + d1;
    x[6] = s1 - d1;
    x[2] = s2 + d2;
    x[5] = s2 - d2;
    x[3] = s3 + d3;
    x[4] = s3 - d3;
}

#endif
