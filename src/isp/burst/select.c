/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <isp/burst/fit.h>
#include <isp/burst/follow.h>
#include <isp/burst/merge.h>
#include <isp/burst/rows.h>

#define DECLARE(level)                                                                             \
    extern const struct fit_kernels fit_kernels_##level;                                           \
    extern const struct follow_kernels follow_kernels_##level;                                     \
    extern const struct merge_kernels merge_kernels_##level;                                       \
    extern const struct row_kernels row_kernels_##level
#define ENTRY(level)                                                                               \
    {                                                                                              \
        &fit_kernels_##level, &follow_kernels_##level, &merge_kernels_##level,                     \
            &row_kernels_##level                                                                   \
    }

struct kernels {
    const struct fit_kernels *fit;
    const struct follow_kernels *follow;
    const struct merge_kernels *merge;
    const struct row_kernels *rows;
};

#if defined(__x86_64__)
DECLARE(base);
DECLARE(v2);
DECLARE(v3);
DECLARE(v4);
static const struct kernels tables[ISP_ISA_COUNT] = {
    [ISP_ISA_BASE] = ENTRY(base),
    [ISP_ISA_V2] = ENTRY(v2),
    [ISP_ISA_V3] = ENTRY(v3),
    [ISP_ISA_V4] = ENTRY(v4),
};
#elif defined(__aarch64__)
DECLARE(neon);
static const struct kernels tables[ISP_ISA_COUNT] = {[ISP_ISA_NEON] = ENTRY(neon)};
#else
DECLARE(base);
static const struct kernels tables[ISP_ISA_COUNT] = {[ISP_ISA_BASE] = ENTRY(base)};
#endif

const struct fit_kernels *isp_fit_kernels(enum isp_isa isa)
{
    return tables[isa].fit;
}

const struct follow_kernels *isp_follow_kernels(enum isp_isa isa)
{
    return tables[isa].follow;
}

const struct merge_kernels *isp_merge_kernels(enum isp_isa isa)
{
    return tables[isa].merge;
}

const struct row_kernels *isp_row_kernels(enum isp_isa isa)
{
    return tables[isa].rows;
}
