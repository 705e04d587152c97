/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Which levels this CPU has. Read from the CPU itself: __builtin_cpu_supports() cannot test a whole
 * x86-64 level in every compiler that builds this, and the compiler may use all of a level.
 * Levels: x86-64 psABI, table 3.1; state of the OS: Intel SDM volume 1, 13.3 and 15.2.
 */
#include "isp/isp.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static const char *const names[ISP_ISA_COUNT] = {
    [ISP_ISA_BASE] = "base",
    [ISP_ISA_V2] = "v2",
    [ISP_ISA_V3] = "v3",
    [ISP_ISA_V4] = "v4",
    [ISP_ISA_NEON] = "neon",
};

const char *isp_isa_name(enum isp_isa isa)
{
    return names[isa];
}

#if defined(__x86_64__)
#include <cpuid.h>

#define BIT(n) (1u << (n))

struct leaf {
    uint32_t a, b, c, d;
};

static struct leaf cpuid(uint32_t number)
{
    struct leaf l = {0};
    if (!__get_cpuid_count(number, 0, &l.a, &l.b, &l.c, &l.d))
        return (struct leaf){0};
    return l;
}

/* The registers that the OS saves: XCR0. Only valid where OSXSAVE is set. */
static uint32_t saved_state(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static bool has_all(uint32_t value, uint32_t bits)
{
    return (value & bits) == bits;
}

static bool has_level(enum isp_isa isa)
{
    const struct leaf one = cpuid(1), seven = cpuid(7), extended = cpuid(0x80000001);
    /* SSE3, SSSE3, CMPXCHG16B, SSE4.1, SSE4.2, POPCNT; LAHF. */
    const bool v2 = has_all(one.c, BIT(0) | BIT(9) | BIT(13) | BIT(19) | BIT(20) | BIT(23)) &&
                    has_all(extended.c, BIT(0));
    /* FMA, MOVBE, OSXSAVE, AVX, F16C; BMI1, AVX2, BMI2; LZCNT; XMM and YMM are saved. */
    const bool v3 = v2 && has_all(one.c, BIT(12) | BIT(22) | BIT(27) | BIT(28) | BIT(29)) &&
                    has_all(seven.b, BIT(3) | BIT(5) | BIT(8)) && has_all(extended.c, BIT(5)) &&
                    has_all(saved_state(), 0x06);
    /* AVX-512 F, DQ, CD, BW, VL; masks and ZMM are saved too. */
    const bool v4 = v3 && has_all(seven.b, BIT(16) | BIT(17) | BIT(28) | BIT(30) | BIT(31)) &&
                    has_all(saved_state(), 0xe6);
    return isa == ISP_ISA_BASE || (isa == ISP_ISA_V2 && v2) || (isa == ISP_ISA_V3 && v3) ||
           (isa == ISP_ISA_V4 && v4);
}
#elif defined(__aarch64__)
static bool has_level(enum isp_isa isa)
{
    return isa == ISP_ISA_NEON;
}
#else
static bool has_level(enum isp_isa isa)
{
    return isa == ISP_ISA_BASE;
}
#endif

int isp_isa_find(const char *name)
{
    for (int isa = ISP_ISA_COUNT - 1; isa >= 0; isa--) {
        const bool is_auto = strcmp(name, "auto") == 0;
        if (is_auto && has_level((enum isp_isa)isa))
            return isa;
        if (!is_auto && strcmp(name, names[isa]) == 0)
            return has_level((enum isp_isa)isa) ? isa : -ENOTSUP;
    }
    return -EINVAL;
}
