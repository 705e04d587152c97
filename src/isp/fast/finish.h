/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Stages after the tone curve, on rows of display values: sharpening. */
#ifndef ISP_FAST_FINISH_H
#define ISP_FAST_FINISH_H

#include "isp/fast/recipe.h"

#define FAST_FINISH_REACH 1 /* rows above and below that a row is made from */
#define FAST_FINISH_RING  4 /* rows of display values kept: a power of two */

/* R, G, B and luma of each row in the ring, and one row of what is added; two phases each. */
#define FAST_FINISH_ROWS (FAST_FINISH_RING * 4 * 2 + 2)

bool isp_fast_finish_is_valid(const struct sisp_coefficients *c);
void isp_fast_finish_compile(struct fast_finish *finish, const struct sisp_coefficients *c);

/** The first row that rows from y0 on are made from. */
uint32_t isp_fast_finish_top(uint32_t y0);

/** Rows y0..y1-1 of the picture; run is set up for rows from isp_fast_finish_top(y0) on. */
void isp_fast_finish_band(
    struct fast_run *run, const struct sisp_image *out, uint32_t y0, uint32_t y1);

#endif
