/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "isp/auto/awb.h"
#include "isp/auto/elementary.h"

/* 420 to 100 mired: 2400 K to 10000 K. */
#define LOCUS_MIRED_MAX  420
#define LOCUS_MIRED_STEP 20

/* To 120 mired, as far as the generic curve goes. */
#define GENERIC_MIRED_STEP 18.75

/* How far white may lie from the locus, in stops of gain: fluorescent tubes and foliage shade. */
#define LOCUS_TINT_MAX 0.4

/* A tuning may claim any colours; beyond these gains the next step would take no state. */
#define KNOWN_GAIN_LOG2 4.9

/* Zones darker than this 12-bit mean say more of the black level than of colour. */
#define DARK_CODES 24.0

/* Widths, in stops, of the weights around what white can be and around the estimate. */
#define LOCUS_WIDTH 0.4
#define NEAR_WIDTH  0.5

/* This share of the picture near the estimate makes it certain. */
#define SURE_SHARE 0.12

/* Without any knowledge of the camera even a doubtful measurement beats none; below this confidence
 * what was measured is hot pixels and noise. */
#define TRUSTED_CONFIDENCE 0.25

/* Of the light beside the locus, in stops: real lights around a known one; sensors nobody knows
 * around their mean, which also has to reach pictures that are balanced already. */
#define KNOWN_SIDE_COUNT   7
#define KNOWN_SIDE_STEP    0.1
#define KNOWN_SIDE_SIGMA   0.12
#define UNKNOWN_SIDE_COUNT 15
#define UNKNOWN_SIDE_STEP  0.15
#define UNKNOWN_SIDE_SIGMA 0.3

static double square(double x)
{
    return x * x;
}

/* ---- what is known beforehand ------------------------------------------------------------ */

/* Mean of 44 cameras' measured sensitivities, linear in mired from 420 to 120
 * (AcademySoftwareFoundation/rawtoaces-data, Apache-2.0). They spread by 0.3 and 0.2 stops. */
static void generic_white(double kelvin, double log2_chroma[2])
{
    static const double chroma[7][2] = {{-0.14, -1.59}, {-0.33, -1.37}, {-0.53, -1.15},
        {-0.73, -0.91}, {-0.94, -0.70}, {-1.17, -0.48}, {-1.36, -0.24}};
    double place = isp_clamp((420 - 1e6 / kelvin) / 50, 0, 6);
    int i = place < 6 ? (int)place : 5;
    for (int c = 0; c < 2; c++)
        log2_chroma[c] = chroma[i][c] + (place - i) * (chroma[i + 1][c] - chroma[i][c]);
}

static void locus_of_profile(struct isp_locus *locus, const struct sisp_color_profile *profile)
{
    locus->count = 0;
    if (!isp_profile_usable(profile))
        return;
    for (int i = 0; i < ISP_LOCUS_POINTS; i++) {
        double *point = locus->point[i];
        locus->mired[i] = LOCUS_MIRED_MAX - i * LOCUS_MIRED_STEP;
        if (!isp_profile_white(profile, 1e6 / locus->mired[i], point))
            return;
        if (!isp_within(point[0], -4, 4) || !isp_within(point[1], -4, 4))
            return;
    }
    locus->count = ISP_LOCUS_POINTS;
}

/* For a camera that nobody knows. A tuning may know one point of its curve. */
static void generic_locus(struct isp_locus *locus, const struct sisp_tuning *tuning)
{
    double shift[2] = {0, 0}, known[2];
    if (isp_tuning_has(tuning, SISP_TUNING_WHITE)) {
        isp_tuning_white(tuning, (double)tuning->white[0].kelvin, known);
        generic_white((double)tuning->white[0].kelvin, shift);
        for (int i = 0; i < 2; i++)
            shift[i] = known[i] - shift[i];
    }
    locus->count = ISP_LOCUS_POINTS;
    for (int i = 0; i < locus->count; i++) {
        locus->mired[i] = LOCUS_MIRED_MAX - i * GENERIC_MIRED_STEP;
        generic_white(1e6 / locus->mired[i], locus->point[i]);
        for (int c = 0; c < 2; c++)
            locus->point[i][c] += shift[c];
    }
}

/* The curve at equal steps; false without one. */
static bool locus_of_tuning(struct isp_locus *locus, const struct sisp_tuning *tuning)
{
    if (!isp_tuning_has(tuning, SISP_TUNING_WHITE) || tuning->white_count < 2)
        return false;
    double warm = 1e6 / (double)tuning->white[0].kelvin;
    double cold = 1e6 / (double)tuning->white[tuning->white_count - 1].kelvin;
    locus->count = ISP_LOCUS_POINTS;
    for (int i = 0; i < locus->count; i++) {
        locus->mired[i] = warm + (cold - warm) * i / (ISP_LOCUS_POINTS - 1);
        isp_tuning_white(tuning, 1e6 / locus->mired[i], locus->point[i]);
    }
    return true;
}

static void choose_locus(
    struct isp_locus *locus, const struct sisp_raw_info *info, const struct sisp_tuning *tuning)
{
    if (!locus_of_tuning(locus, tuning))
        locus_of_profile(locus, isp_tuning_profile(tuning, info));
    locus->is_known = locus->count > 0;
    locus->side_count = locus->is_known ? KNOWN_SIDE_COUNT : UNKNOWN_SIDE_COUNT;
    locus->side_step = locus->is_known ? KNOWN_SIDE_STEP : UNKNOWN_SIDE_STEP;
    locus->side_sigma = locus->is_known ? KNOWN_SIDE_SIGMA : UNKNOWN_SIDE_SIGMA;
    if (!locus->is_known)
        generic_locus(locus, tuning);
}

/* Nearest place on the polyline; returns the squared distance. */
static double nearest(const struct isp_locus *locus, const double chroma[2], double place[2])
{
    double best = square(chroma[0] - locus->point[0][0]) + square(chroma[1] - locus->point[0][1]);
    place[0] = locus->point[0][0];
    place[1] = locus->point[0][1];
    for (int i = 0; i + 1 < locus->count; i++) {
        const double *a = locus->point[i], *b = locus->point[i + 1];
        double dx = b[0] - a[0], dy = b[1] - a[1], length2 = dx * dx + dy * dy;
        double dot = (chroma[0] - a[0]) * dx + (chroma[1] - a[1]) * dy;
        double t = length2 > 0 ? isp_clamp(dot / length2, 0, 1) : 0;
        double x = a[0] + t * dx, y = a[1] + t * dy;
        double distance2 = square(chroma[0] - x) + square(chroma[1] - y);
        if (distance2 < best) {
            best = distance2;
            place[0] = x;
            place[1] = y;
        }
    }
    return best;
}

bool isp_awb_as_shot(const struct sisp_raw_info *info, struct isp_white *white)
{
    if (!info->has_as_shot)
        return false;
    for (int c = 0; c < 3; c++) {
        if (!isp_within((double)info->as_shot_gains[c], 1e-3, 1e3))
            return false;
    }
    double green = (double)info->as_shot_gains[1];
    *white = (struct isp_white){.confidence = 1, .source = SISP_SOURCE_FILE};
    for (int i = 0; i < 2; i++) {
        white->log2_gain[i] = isp_log2((double)info->as_shot_gains[2 * i] / green);
        if (!isp_within(white->log2_gain[i], -3.9, 3.9))
            return false;
    }
    return true;
}

void isp_awb_kelvin(const struct sisp_raw_info *info, const struct sisp_tuning *tuning,
    double kelvin, struct isp_white *white)
{
    double chroma[2];
    const struct sisp_color_profile *profile = isp_tuning_profile(tuning, info);
    bool is_known = isp_tuning_white(tuning, kelvin, chroma) ||
                    (isp_profile_usable(profile) && isp_profile_white(profile, kelvin, chroma));
    if (!is_known)
        generic_white(kelvin, chroma);
    for (int i = 0; i < 2; i++)
        white->log2_gain[i] = isp_clamp(-chroma[i], -3.9, 3.9);
}

struct isp_white isp_awb_prior(const struct sisp_raw_info *info, const struct sisp_tuning *tuning)
{
    struct isp_white white;
    double daylight[2];
    const struct sisp_color_profile *profile = isp_tuning_profile(tuning, info);
    if (isp_awb_as_shot(info, &white))
        return white;
    white = (struct isp_white){.source = SISP_SOURCE_NEUTRAL};
    if (isp_tuning_white(tuning, 5500, daylight))
        white.source = SISP_SOURCE_TUNING;
    else if (isp_profile_usable(profile) && isp_profile_white(profile, 5500, daylight))
        white.source = profile == &info->profile ? SISP_SOURCE_FILE : SISP_SOURCE_TUNING;
    else
        return white;
    white.log2_gain[0] = isp_clamp(-daylight[0], -3.9, 3.9);
    white.log2_gain[1] = isp_clamp(-daylight[1], -3.9, 3.9);
    return white;
}

/* ---- zones ------------------------------------------------------------------------------- */

bool isp_awb_zone(const struct sisp_zone *zone, const float gains[3], double rgb[3])
{
    if (zone->count == 0)
        return false;
    double red = (double)zone->sum[SISP_SITE_R] / zone->count;
    double blue = (double)zone->sum[SISP_SITE_B] / zone->count;
    double green = ((double)zone->sum[SISP_SITE_GR] + zone->sum[SISP_SITE_GB]) / 2 / zone->count;
    if (!(green >= DARK_CODES) || !(red >= 1) || !(blue >= 1) || green > 4095)
        return false;
    rgb[0] = red / (double)gains[0];
    rgb[1] = green / (double)gains[1];
    rgb[2] = blue / (double)gains[2];
    return true;
}

/* Log chromaticity as the sensor saw it, the gains in force divided out. */
static bool zone_chroma(
    const struct sisp_zone *zone, const float gains[3], double chroma[2], double *level)
{
    double rgb[3];
    if (zone->clipped > zone->count || !isp_awb_zone(zone, gains, rgb))
        return false;
    chroma[0] = isp_log2(rgb[0] / rgb[1]);
    chroma[1] = isp_log2(rgb[2] / rgb[1]);
    *level = rgb[1] * (double)gains[1] / 4095;
    return isp_within(chroma[0], -5, 5) && isp_within(chroma[1], -5, 5);
}

static void collect(struct isp_zone_colors *zones, const struct sisp_stats *stats)
{
    zones->count = zones->seen = 0;
    for (int i = 0; i < SISP_STATS_ZONES * SISP_STATS_ZONES; i++) {
        const struct sisp_zone *zone = &stats->zones[i];
        int n = zones->count;
        zones->seen += zone->count > 0 || zone->clipped > 0;
        if (zone_chroma(zone, stats->wb_gains, zones->chroma[n], &zones->level[n]))
            zones->count++;
    }
}

/* The square of a Cauchy weight: far colours take nearly no part. */
static double closeness(double distance2, double width)
{
    return 1 / square(1 + distance2 / square(width));
}

/* Weight by how well a zone's colour could be grey under some light. */
static void weigh_by_locus(struct isp_zone_colors *zones, const struct isp_locus *locus)
{
    double place[2];
    for (int i = 0; i < zones->count; i++)
        zones->weight[i] = closeness(nearest(locus, zones->chroma[i], place), LOCUS_WIDTH);
}

static void weigh_by_center(struct isp_zone_colors *zones, const double center[2])
{
    for (int i = 0; i < zones->count; i++) {
        const double *chroma = zones->chroma[i];
        double distance2 = square(chroma[0] - center[0]) + square(chroma[1] - center[1]);
        zones->weight[i] *= closeness(distance2, NEAR_WIDTH);
    }
}

/* Mean weighted by closeness and by light: what is bright is lit by the lamp itself and not by
 * coloured surroundings. Returns the share of the light that is close. */
static double mean_chroma(const struct isp_zone_colors *zones, double mean[2])
{
    double sum[2] = {0, 0}, weights = 0, lights = 0;
    for (int i = 0; i < zones->count; i++) {
        double light = square(zones->level[i]), weight = zones->weight[i] * light;
        sum[0] += weight * zones->chroma[i][0];
        sum[1] += weight * zones->chroma[i][1];
        weights += weight;
        lights += light;
    }
    mean[0] = weights > 0 ? sum[0] / weights : 0;
    mean[1] = weights > 0 ? sum[1] / weights : 0;
    return lights > 0 ? weights / lights : 0;
}

/* ---- the estimate ------------------------------------------------------------------------ */

static void limit_gains(double log2_gain[2], const struct isp_locus *locus)
{
    double chroma[2] = {-log2_gain[0], -log2_gain[1]}, place[2];
    if (locus->is_known) {
        double distance2 = nearest(locus, chroma, place);
        double keep = 1;
        if (distance2 > square(LOCUS_TINT_MAX))
            keep = LOCUS_TINT_MAX / __builtin_sqrt(distance2);
        for (int i = 0; i < 2; i++)
            log2_gain[i] = isp_clamp(
                -(place[i] + keep * (chroma[i] - place[i])), -KNOWN_GAIN_LOG2, KNOWN_GAIN_LOG2);
        return;
    }
    for (int i = 0; i < 2; i++)
        log2_gain[i] = isp_clamp(log2_gain[i], -1, 2);
}

/* The lights are searched; the share of the picture that lies near the one found. */
static double search(struct isp_zone_colors *zones, const struct isp_locus *locus, double center[2])
{
    double mean[2];
    isp_awb_search(zones, locus, center);
    for (int i = 0; i < zones->count; i++)
        zones->weight[i] = 1;
    if (locus->is_known)
        weigh_by_locus(zones, locus);
    weigh_by_center(zones, center);
    return mean_chroma(zones, mean) * zones->count / zones->seen;
}

struct isp_white isp_awb_measure(const struct sisp_raw_info *info, const struct sisp_tuning *tuning,
    const struct sisp_stats *stats)
{
    struct isp_white prior = isp_awb_prior(info, tuning), white = prior;
    struct isp_locus locus;
    struct isp_zone_colors zones;
    double center[2];
    choose_locus(&locus, info, tuning);
    white.confidence = 0;
    collect(&zones, stats);
    if (zones.count == 0)
        return white;
    isp_awb_expect(&locus, info, tuning, &zones);
    isp_awb_hint(&zones, stats, prior.confidence > 0 ? &prior : NULL);
    double close = search(&zones, &locus, center);
    white.source = SISP_SOURCE_AUTO;
    white.confidence = isp_clamp(close / SURE_SHARE, 0, 1);
    double share = 1; /* the search weighs what it sees against daylight itself */
    if (!locus.is_known)
        share = isp_clamp(white.confidence / TRUSTED_CONFIDENCE, 0, 1);
    if (prior.confidence > 0)
        share = white.confidence;
    for (int i = 0; i < 2; i++)
        white.log2_gain[i] = (1 - share) * prior.log2_gain[i] - share * center[i];
    limit_gains(white.log2_gain, &locus);
    return white;
}
