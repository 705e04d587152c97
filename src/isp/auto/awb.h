/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the parts of white balance share. Chromaticities are log2(R / G) and log2(B / G) of the
 * camera. */
#ifndef ISP_AUTO_AWB_H
#define ISP_AUTO_AWB_H

#include "isp/auto/auto.h"

#define ISP_LOCUS_POINTS 17

/** The colours that light can have on this camera, warmest first. */
struct isp_locus {
    int count; /* 0: any colour; 1: one point; else ISP_LOCUS_POINTS */
    double point[ISP_LOCUS_POINTS][2];
    double mired[ISP_LOCUS_POINTS]; /* set where count > 1 */
    double nats[ISP_LOCUS_POINTS];  /* how likely before anything is seen, by isp_awb_expect() */
};

struct isp_zone_colors {
    int count, seen; /* usable; with any cell at all */
    double chroma[SISP_STATS_ZONES * SISP_STATS_ZONES][2];
    double level[SISP_STATS_ZONES * SISP_STATS_ZONES]; /* green, (0,1] */
    double weight[SISP_STATS_ZONES * SISP_STATS_ZONES];
};

/** Sets how likely each temperature is: by the tuning at this brightness, else by daylight. */
void isp_awb_expect(struct isp_locus *locus, const struct sisp_raw_info *info,
    const struct sisp_tuning *tuning, const struct isp_zone_colors *zones);

/** The most likely light, given at least one zone and a locus of more than one point. Changes the
 * weights. */
void isp_awb_search(struct isp_zone_colors *zones, const struct isp_locus *locus, double chroma[2]);

#endif
