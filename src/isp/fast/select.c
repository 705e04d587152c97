/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "isp/fast/recipe.h"

#if defined(__x86_64__)
extern const struct fast_kernels fast_kernels_base, fast_kernels_v2, fast_kernels_v3,
    fast_kernels_v4;

static const struct fast_kernels *const tables[ISP_ISA_COUNT] = {
    [ISP_ISA_BASE] = &fast_kernels_base,
    [ISP_ISA_V2] = &fast_kernels_v2,
    [ISP_ISA_V3] = &fast_kernels_v3,
    [ISP_ISA_V4] = &fast_kernels_v4,
};
#elif defined(__aarch64__)
extern const struct fast_kernels fast_kernels_neon;

static const struct fast_kernels *const tables[ISP_ISA_COUNT] = {
    [ISP_ISA_NEON] = &fast_kernels_neon,
};
#else
extern const struct fast_kernels fast_kernels_base;

static const struct fast_kernels *const tables[ISP_ISA_COUNT] = {
    [ISP_ISA_BASE] = &fast_kernels_base,
};
#endif

const struct fast_kernels *isp_fast_kernels(enum isp_isa isa)
{
    return (unsigned)isa < ISP_ISA_COUNT ? tables[isa] : NULL;
}
