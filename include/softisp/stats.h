/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Statistics of one frame, taken before the CCM, while its rows are in cache. */
#ifndef SOFTISP_STATS_H
#define SOFTISP_STATS_H

#include <softisp/format.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SISP_STATS_ZONES     32 /* across, and down; a small picture leaves some empty */
#define SISP_STATS_HISTOGRAM 256
#define SISP_STATS_ROWS      2048

/**
 * Zones: 32 x 32 rectangles of 2x2 cells; cell (cx, cy) of cells_x x cells_y belongs to zone
 * (cx * 32 / cells_x, cy * 32 / cells_y). A cell counts as clipped, and is left out of the sums, if
 * any of its four samples is at the clip level. Samples are 12-bit, after black level, LSC and WB.
 */
struct sisp_zone {
    uint32_t sum[SISP_SITE_COUNT]; /* over the unclipped cells */
    uint32_t count;                /* unclipped cells */
    uint32_t clipped;              /* clipped cells */
};

/** All sums are integers, so that no order of bands or threads can change them. */
struct sisp_stats {
    struct sisp_zone zones[SISP_STATS_ZONES * SISP_STATS_ZONES]; /* row by row */
    /* R, Gr, B samples of every eighth row of cells and fourth cell across, clipped ones included:
     * bin = 12-bit sample / 16. */
    uint32_t histogram[3][SISP_STATS_HISTOGRAM];
    /* Green (Gr + Gb) of whole rows of cells, clipped ones included: for flicker. Sum cy / n, where
     * n rows of cells (the fewest that make do with SISP_STATS_ROWS sums) share one. Always in the
     * order in which the sensor reads them, while all else here is turned as the picture is. */
    uint32_t row_green[SISP_STATS_ROWS];
    uint32_t row_count; /* sums in use */
    uint32_t row_lines; /* lines of the sensor in one sum: 2 n */
    /* Focus figure: sum of |a - b| over every green sample in an odd column and its two diagonal
     * neighbours in the other row of its cell. Roberts, Machine perception of three-dimensional
     * solids, 1965. */
    uint64_t focus;
    float wb_gains[3]; /* that were in force, so that the sums can be divided by them */
    float lsc_applied; /* 1 if a mesh was in force, else 0 */
};

#ifdef __cplusplus
}
#endif
#endif
