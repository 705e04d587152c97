/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The best demosaic as src/isp/still/best.c's head reads: whole pictures, one sample at a time. */
#ifndef TESTS_REFERENCE_BEST_REFERENCE_H
#define TESTS_REFERENCE_BEST_REFERENCE_H

#include <isp/isp.h>

#include <stdbool.h>

struct best_reference {
    const float *samples; /* width * height of them, linear, 0 to 1 */
    int width, height;
    enum sisp_cfa cfa;
    bool is_rooted; /* by square roots */
    bool is_smooth; /* and medians of colour differences */
};

/** rgb: three floats a pixel, with the very bits of the kernels. */
void best_reference(const struct best_reference *in, float *rgb);

#endif
