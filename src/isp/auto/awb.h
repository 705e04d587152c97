/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the parts of white balance share. Chromaticities are log2(R / G) and log2(B / G) of the
 * camera. */
#ifndef ISP_AUTO_AWB_H
#define ISP_AUTO_AWB_H

#include "isp/auto/auto.h"

#define ISP_LOCUS_POINTS 17

/** The colours that light can have on this camera, warmest first. */
struct isp_locus {
    int count;     /* ISP_LOCUS_POINTS */
    bool is_known; /* of this camera; else of many */
    double point[ISP_LOCUS_POINTS][2];
    double mired[ISP_LOCUS_POINTS];
    double nats[ISP_LOCUS_POINTS]; /* how likely before anything is seen, by isp_awb_expect() */
    int side_count;                /* lights beside each point */
    double side_step, side_sigma;  /* between them; how far lights lie from the locus, in stops */
};

/** Something else than zones that tells the light. */
struct isp_awb_hint {
    double chroma[2], nats, width; /* nats lost far from there; half of them at that distance */
};

#define ISP_AWB_HINTS 3

struct isp_zone_colors {
    int count, seen; /* usable; with any cell at all */
    double chroma[SISP_STATS_ZONES * SISP_STATS_ZONES][2];
    double level[SISP_STATS_ZONES * SISP_STATS_ZONES]; /* green, (0,1] */
    double weight[SISP_STATS_ZONES * SISP_STATS_ZONES];
    int hint_count;
    struct isp_awb_hint hint[ISP_AWB_HINTS];
};

/** Mean colour of a zone as the sensor saw it, the gains in force divided out, in 12-bit codes.
 * False where it says nothing of colour. */
bool isp_awb_zone(const struct sisp_zone *zone, const float gains[3], double rgb[3]);

/** What edges, highlights and the camera's own balance (NULL: unknown) tell of the light. */
void isp_awb_hint(
    struct isp_zone_colors *zones, const struct sisp_stats *stats, const struct isp_white *as_shot);

/** Sets how likely each temperature is: by the tuning at this brightness, else by daylight. */
void isp_awb_expect(struct isp_locus *locus, const struct sisp_raw_info *info,
    const struct sisp_tuning *tuning, const struct isp_zone_colors *zones);

/** The most likely light, given at least one zone. Changes the weights. */
void isp_awb_search(struct isp_zone_colors *zones, const struct isp_locus *locus, double chroma[2]);

#endif
