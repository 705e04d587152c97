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
    /* Of Gr samples of every eighth row of cells and fourth cell across, clipped ones included:
     * bin = 12-bit sample / 16. */
    uint32_t histogram[SISP_STATS_HISTOGRAM];
    float wb_gains[3]; /* that were in force, so that the sums can be divided by them */
    float lsc_applied; /* 1 if a mesh was in force, else 0 */
};

#ifdef __cplusplus
}
#endif
#endif
