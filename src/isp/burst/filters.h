/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Filters that read a mosaic between its samples: filters.c. */
#ifndef ISP_BURST_FILTERS_H
#define ISP_BURST_FILTERS_H

#include <stddef.h>

#define FILTER_SIDE   7
#define FILTER_TAPS   (FILTER_SIDE * FILTER_SIDE)
#define FILTER_STEPS  16 /* to a sample */
#define FILTER_PLACES (FILTER_STEPS + 1)

/* Variance of a filtered sample over that of a sample: the mean over places, sites and colours. */
#define FILTER_NOISE 0.65F

struct isp_burst_filters {
    /* [whole displacement: odd rows, odd columns][down][across, from -1/2 to 1/2 sample]
     * [row][tap][column] of the sample that is wanted, in an RGGB mosaic. */
    float taps[4][FILTER_PLACES][FILTER_PLACES][2][FILTER_TAPS][2];
};

#endif
