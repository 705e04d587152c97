/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The row kernels by name: each file of them is built once per level, which ISA_NAME names. */
#ifndef ISP_STILL_KERNELS_H
#define ISP_STILL_KERNELS_H

#include <isp/still/still.h>

/* Before a loop whose rows do not overlap: compilers lose sight of it among many rows. */
#ifdef __clang__
#define STILL_APART _Pragma("clang loop vectorize(assume_safety)")
#else
#define STILL_APART _Pragma("GCC ivdep")
#endif

#define STILL_SYMBOL_(name, level) name##_##level
#define STILL_SYMBOL(name, level)  STILL_SYMBOL_(name, level)

/* What they do, struct still_kernels says. */
#define STILL_KERNELS(level)                                                                       \
    void STILL_SYMBOL(still_linearise, level)(const struct still_strip *strip, const uint8_t *raw, \
        uint32_t y, const struct still_line *line, uint16_t *words);                               \
    void STILL_SYMBOL(still_malvar, level)(const struct still_strip *strip,                        \
        const struct still_line lines[5], int64_t y, const struct still_rgb *rgb);                 \
    void STILL_SYMBOL(still_best, level)(const struct still_strip *strip, still_row *lines,        \
        struct still_best *best, int64_t line, int64_t first, const struct still_rgb *rgb);        \
    void STILL_SYMBOL(still_smooth, level)(const struct still_strip *strip,                        \
        const struct still_rgb rows[3], int64_t y, const struct still_rgb *out);                   \
    void STILL_SYMBOL(still_finish, level)(                                                        \
        const struct still_strip *strip, const struct still_rgb *rows, uint8_t *out);              \
    void STILL_SYMBOL(still_colour, level)(                                                        \
        const struct still_strip *strip, int64_t y, const struct still_rgb *rgb);                  \
    void STILL_SYMBOL(still_gain, level)(const struct still_strip *strip, int64_t y, int64_t x,    \
        uint32_t count, float *const rgb[3]);                                                      \
    void STILL_SYMBOL(still_sum, level)(                                                           \
        const float *row, uint32_t count, float clip_level, float *sum, float *clipped);           \
    void STILL_SYMBOL(still_gains, level)(                                                         \
        const struct look_style *style, const struct look_map *map);                               \
    void STILL_SYMBOL(still_ratios, level)(                                                        \
        const struct look_style *style, const struct look_map *map);

#ifdef ISA_NAME
STILL_KERNELS(ISA_NAME)
#endif

#endif
