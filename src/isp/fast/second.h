/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The second picture of a pass. */
#ifndef ISP_FAST_SECOND_H
#define ISP_FAST_SECOND_H

#include "isp/fast/recipe.h"

/** A band's share of the second picture; lines are those of the crop. */
struct fast_second {
    struct fast_run run; /* its recipe, and its part of the scratch */
    const struct sisp_image *out;
    uint32_t next, last;    /* row of the picture that is being scaled; end of those needed */
    uint32_t next_put, end; /* row that goes into the picture next; end of the band's share */
    uint32_t begin_line, end_line; /* lines that are needed; UINT32_MAX, 0: none */
};

void isp_fast_second_init(struct fast_second *second, const struct isp_fast_pair *pair, uint32_t y0,
    uint32_t y1, void *scratch);

/** Linear RGB of the crop's `line`; lines come in order. */
void isp_fast_second_take(struct fast_second *second, const int16_t *linear, uint32_t line);

#endif
