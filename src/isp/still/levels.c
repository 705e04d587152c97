/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The still path's row kernels of every level that this processor's family has. */
#include <isp/still/kernels.h>

#define LEVEL(level)                                                                               \
    STILL_KERNELS(level)                                                                           \
    static const struct still_kernels level = {                                                    \
        STILL_SYMBOL(still_linearise, level),                                                      \
        STILL_SYMBOL(still_malvar, level),                                                         \
        STILL_SYMBOL(still_colour, level),                                                         \
        STILL_SYMBOL(still_best, level),                                                           \
        STILL_SYMBOL(still_smooth, level),                                                         \
        STILL_SYMBOL(still_finish, level),                                                         \
        STILL_SYMBOL(still_sum, level),                                                            \
        {STILL_SYMBOL(still_gains, level), STILL_SYMBOL(still_ratios, level)},                     \
    };

#if defined(__x86_64__)
LEVEL(base)
LEVEL(v2)
LEVEL(v3)
LEVEL(v4)
const struct still_kernels *const still_levels[ISP_ISA_COUNT] = {
    [ISP_ISA_BASE] = &base, [ISP_ISA_V2] = &v2, [ISP_ISA_V3] = &v3, [ISP_ISA_V4] = &v4};
#elif defined(__aarch64__)
LEVEL(neon)
const struct still_kernels *const still_levels[ISP_ISA_COUNT] = {[ISP_ISA_NEON] = &neon};
#else
LEVEL(base)
const struct still_kernels *const still_levels[ISP_ISA_COUNT] = {[ISP_ISA_BASE] = &base};
#endif
