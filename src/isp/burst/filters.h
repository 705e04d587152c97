/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Filters that read a mosaic between its samples: filters.c. */
#ifndef ISP_BURST_FILTERS_H
#define ISP_BURST_FILTERS_H

#include <isp/isp.h>

#define FILTER_SIDE 7
#define FILTER_TAPS (FILTER_SIDE * FILTER_SIDE)
#define FILTER_PAIRS                                                                               \
    ((FILTER_SIDE + 1) / 2) /* of taps that stand above each other, the last 0                     \
                             */
#define FILTER_ONE    16384
#define FILTER_STEPS  16 /* to a sample */
#define FILTER_PLACES (FILTER_STEPS + 1)
_Static_assert(FILTER_PLACES == ISP_BURST_FILTER_TASKS, "a task makes a row of places");

/** The filters of one place between samples, for each row and column of the sample that is wanted
 * in the crop's mosaic. */
struct filter_place {
    /* [pair of the tap's row][tap's column][row][column][tap of the pair] */
    _Alignas(64) int16_t taps[FILTER_PAIRS][FILTER_SIDE][2][2][2];
    float noise; /* variance of a filtered sample over that of a sample: the mean of the four */
};

/** What a picture does around a place. */
enum filter_detail {
    FILTER_ANY,
    FILTER_ALONG_ROWS, /* it changes little along rows, more across them */
    FILTER_ALONG_COLUMNS,
    FILTER_DETAILS,
};

#define FIT_ORDER  4 /* of the polynomial that blocks are fitted by */
#define FIT_SIDE   4 /* samples of a frame around a place, both ways */
#define FIT_WIDTHS 4 /* of windows; the last is the narrowest */

/* Where struct fit_axis has sums over samples an even or an odd way from the nearest, and each
 * sample's. */
#define FIT_SUMS             (2 * FIT_ORDER + 1)
#define FIT_SUM(odd, order)  ((odd)*FIT_SUMS + (order))
#define FIT_WINDOW(i, order) (2 * FIT_SUMS + (i) * (FIT_ORDER + 1) + (order))
#define FIT_VALUES           40 /* and some of 0 */

/** Samples of a row or column around a place in a fit (fit.h): the window times the distance to the
 * power of an order, distances in widths of the window. */
struct fit_axis {
    int32_t first; /* sample, from the nearest one on */
    float of[FIT_VALUES];
};

struct isp_burst_filters {
    /* [detail][whole displacement: odd rows, odd columns][down][across, from -1/2 to 1/2 sample] */
    struct filter_place places[FILTER_DETAILS][4][FILTER_PLACES][FILTER_PLACES];
    struct fit_axis axes[FIT_WIDTHS][FILTER_PLACES]; /* at places of a row or column */
};

#endif
