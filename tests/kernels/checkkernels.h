/* SPDX-License-Identifier: GPL-3.0-or-later */
/** One kernel's check: its inputs, what the reference says, and the comparison. */
#ifndef TESTS_CHECKKERNELS_H
#define TESTS_CHECKKERNELS_H

#include "base/prng.h"
#include "isp/fast/recipe.h"

#define CHECK_WIDTH_MAX 1024
#define CHECK_LANES     (FAST_PAD + CHECK_WIDTH_MAX / 2 + 16 + 3 * FAST_PAD)

enum check_input {
    CHECK_RANDOM,
    CHECK_MIN,
    CHECK_MAX,
    CHECK_NEAR_MIN,
    CHECK_NEAR_MAX,
    CHECK_INPUT_COUNT,
};

struct check {
    const struct fast_kernels *kernels;
    const struct isp_fast_recipe *recipe; /* for its tone curve */
    const int *tone; /* what the reference makes of 0 to FAST_LINEAR by that curve */
    struct base_prng prng;
    uint32_t width;
    unsigned offset; /* of pointers: bytes in raw rows and pictures, lanes elsewhere */
    enum check_input input;
    const char *what; /* of the first difference, and where, and both sides */
    size_t where;
    unsigned got, expected;
};

/** A value of 0..max (max + 1 is a power of two) of the check's kind of input. */
unsigned check_value(struct check *c, unsigned max);

/** Compare; false and a note of it where they differ. */
bool check_equal(struct check *c, const char *what, size_t where, unsigned got, unsigned expected);

/** Checks of bayer_checks.c. */
bool check_defects(struct check *c);
bool check_balance_0(struct check *c);
bool check_balance_1(struct check *c);

struct check_kernel {
    const char *name;
    bool (*run)(struct check *c);
};

/** Those of finishing. */
bool check_display(struct check *c);
bool check_display_yuv(struct check *c);
bool check_display_both(struct check *c);
bool check_color_split(struct check *c);
bool check_color_shift(struct check *c);
bool check_color_nv12(struct check *c);
bool check_color_p010(struct check *c);
bool check_finish_xrgb8888(struct check *c);
bool check_finish_rgb24(struct check *c);
bool check_finish_nv12(struct check *c);
bool check_finish_rgba64(struct check *c);
bool check_finish_yuyv(struct check *c);
bool check_finish_p010(struct check *c);
bool check_finish_planes(struct check *c);

/** Those of transposed pictures. */
bool check_planes(struct check *c);
bool check_turn_xrgb8888(struct check *c);
bool check_turn_rgb24(struct check *c);
bool check_turn_nv12(struct check *c);
bool check_turn_rgba64(struct check *c);
bool check_turn_yuyv(struct check *c);
bool check_turn_p010(struct check *c);

/** Those of the area mean. */
bool check_area_sum(struct check *c);
bool check_area_mean(struct check *c);

/** All kernels, ended by a NULL name. */
extern const struct check_kernel check_kernels[];

#endif
