/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Stages after the tone curve, on rows of display values: noise reduction, sharpening. */
#ifndef ISP_FAST_FINISH_H
#define ISP_FAST_FINISH_H

#include "isp/fast/recipe.h"

#define FAST_FINISH_RING  8 /* rows of display values kept: a power of two */
#define FAST_FINISH_COLOR 4 /* rows of chroma kept, likewise */

/* Of each row in the ring R, G, B and luma, two phases each, and three means over pairs; U, V and
 * luma of each row of chroma; what is added to colours. */
#define FAST_FINISH_ROWS (FAST_FINISH_RING * 11 + FAST_FINISH_COLOR * 3 + 3)

bool isp_fast_finish_is_valid(const struct sisp_coefficients *c);
void isp_fast_finish_compile(struct fast_finish *finish, const struct sisp_coefficients *c);

/** Detail that may be noise, of sixteen levels of display values in [0,1]: the still path's. */
void isp_fast_coring(float coring[16], const struct sisp_coefficients *c);

/** The first row that rows from y0 on are made from. */
uint32_t isp_fast_finish_top(const struct fast_finish *finish, uint32_t y0);

/** Rows y0..y1-1 of the picture; run is set up for rows from isp_fast_finish_top() on. */
void isp_fast_finish_band(
    struct fast_run *run, const struct sisp_image *out, uint32_t y0, uint32_t y1);

#endif
