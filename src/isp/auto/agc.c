/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "isp/auto/auto.h"
#include "isp/auto/elementary.h"

#define FULL_SCALE 4095.0

/* Below half a 12-bit code on average there is nothing to expose for. */
#define LEVEL_MIN (0.5 / FULL_SCALE)

/* The digital part of a sensor's loop only fills in what the sensor cannot do. */
#define LIVE_DIGITAL_MAX_EV 2.0
#define FILE_DIGITAL_MIN_EV (-1.0)
#define FILE_DIGITAL_MAX_EV 4.0

/* How far below the clip level highlights are put, and how far below the mean's exposure the
 * highlights may pull: no further than the digital part can bring back. */
#define HIGHLIGHT_LEVEL   0.95
#define HIGHLIGHT_PULL_EV LIVE_DIGITAL_MAX_EV

/* Used while the sensor has told nothing of its exposure. */
#define START_EXPOSURE_US 10000.0
#define DEAD_BAND_EV      0.04

static const double luma[3] = {0.2126, 0.7152, 0.0722}; /* ITU-R BT.709 */

/* Mean luma of a zone at the new gains; clipped cells are white. */
static double zone_level(const struct sisp_zone *zone, const double scale[3])
{
    double unclipped = 0;
    if (zone->count > 0) {
        double cells = (double)zone->count * FULL_SCALE;
        double rgb[3] = {zone->sum[SISP_SITE_R] / cells,
            ((double)zone->sum[SISP_SITE_GR] + zone->sum[SISP_SITE_GB]) / 2 / cells,
            zone->sum[SISP_SITE_B] / cells};
        for (int c = 0; c < 3; c++)
            unclipped += luma[c] * isp_clamp(rgb[c] * scale[c], 0, 1);
    }
    double cells = (double)zone->count + zone->clipped;
    return (unclipped * zone->count + zone->clipped) / cells;
}

/* Half way (in stops) between the arithmetic mean, which a window or a lamp dominates, and the mean
 * of logarithms, which shade dominates; the middle counts up to three times the corners. */
static double picture_level(const struct sisp_stats *stats, const double scale[3])
{
    double sum = 0, sum_log2 = 0, weights = 0;
    for (int i = 0; i < SISP_STATS_ZONES * SISP_STATS_ZONES; i++) {
        const struct sisp_zone *zone = &stats->zones[i];
        if ((uint64_t)zone->count + zone->clipped == 0)
            continue;
        double dx = (i % SISP_STATS_ZONES + 0.5) / (SISP_STATS_ZONES / 2) - 1;
        double dy = (i / SISP_STATS_ZONES + 0.5) / (SISP_STATS_ZONES / 2) - 1;
        double weight = 1.5 - 0.5 * (dx * dx + dy * dy);
        double level = zone_level(zone, scale);
        sum += weight * level;
        sum_log2 += weight * isp_log2(level > LEVEL_MIN ? level : LEVEL_MIN);
        weights += weight;
    }
    if (!(weights > 0))
        return 0;
    double log_mean = isp_exp2(sum_log2 / weights);
    return __builtin_sqrt(sum / weights * log_mean);
}

/* How many stops the exposure may rise (or must fall) so that no more than `share` of the samples
 * clip. Where too much is clipped already the level is unknown: up to a stop down, and look again.
 */
static double highlight_room_ev(const struct sisp_stats *stats, double share)
{
    double total = 0, above = 0;
    for (int i = 0; i < SISP_STATS_HISTOGRAM; i++)
        total += stats->histogram[1][i];
    double clipped = stats->histogram[1][SISP_STATS_HISTOGRAM - 1];
    if (clipped > share * total) {
        double excess = (clipped - share * total) / (total * (share + 0.05));
        return isp_log2(HIGHLIGHT_LEVEL) - isp_clamp(excess, 0, 1);
    }
    for (int i = SISP_STATS_HISTOGRAM - 1; i >= 0; i--) {
        above += stats->histogram[1][i];
        if (above > share * total)
            return isp_log2(HIGHLIGHT_LEVEL * SISP_STATS_HISTOGRAM / (i + 1));
    }
    return FILE_DIGITAL_MAX_EV; /* an empty histogram limits nothing */
}

struct measurement {
    bool is_valid;
    double mean_ev, highlight_ev; /* change of exposure that each asks for */
};

static struct measurement measure(const struct isp_auto_input *input, const float wb_gains[3])
{
    struct measurement out = {0};
    if (!input->stats)
        return out;
    double scale[3], least = (double)wb_gains[0];
    for (int c = 1; c < 3; c++)
        least = (double)wb_gains[c] < least ? (double)wb_gains[c] : least;
    for (int c = 0; c < 3; c++)
        scale[c] = (double)wb_gains[c] / least / (double)input->stats->wb_gains[c];
    double level = picture_level(input->stats, scale);
    double target = isp_param(input->params, SISP_PARAM_AE_TARGET);
    double share = isp_param(input->params, SISP_PARAM_AE_HIGHLIGHTS);
    out.is_valid = true;
    out.mean_ev = isp_log2(target / (level > LEVEL_MIN ? level : LEVEL_MIN));
    out.highlight_ev = highlight_room_ev(input->stats, share);
    if (level <= LEVEL_MIN && !input->is_live)
        out.mean_ev = 0; /* a black file stays black, a dark sensor is opened up */
    return out;
}

/* ---- a sensor that can be controlled ----------------------------------------------------- */

struct limits {
    double us_min, us_max, gain_min, gain_max;
};

static bool controllable(const struct isp_auto_input *input, struct limits *out)
{
    out->us_min = (double)input->exposure_us_min;
    out->us_max = (double)input->exposure_us_max;
    out->gain_min = (double)input->analogue_gain_min;
    out->gain_max = (double)input->analogue_gain_max;
    if (!isp_within(out->us_min, 1e-3, 1e9) || !isp_within(out->us_max, out->us_min, 1e9))
        return false;
    if (!isp_within(out->gain_min, 1e-3, 1e6) || !isp_within(out->gain_max, out->gain_min, 1e6))
        out->gain_min = out->gain_max = 1; /* time only */
    return true;
}

static double total_log2(double exposure_us, double gain, double otherwise)
{
    if (!isp_within(exposure_us, 1e-6, 1e12) || !isp_within(gain, 1e-6, 1e9))
        return otherwise;
    return isp_log2(exposure_us * gain);
}

/* Time first: it costs motion blur, gain costs the signal. */
static void split(double total, const struct limits *limits, struct isp_auto_state *next)
{
    double linear = isp_exp2(total);
    double us = isp_clamp(linear / limits->gain_min, limits->us_min, limits->us_max);
    next->log2_exposure = (float)total;
    next->exposure_us = (float)us;
    next->analogue_gain = (float)isp_clamp(linear / us, limits->gain_min, limits->gain_max);
}

/*
 * The wanted total is absolute: what the statistics ask for, on top of the exposure they were taken
 * under. It does not depend on requests still on their way, so the sensor's delay cannot make the
 * loop swing, and nothing is summed up that could wind up.
 */
static double control_sensor(const struct isp_auto_input *input, const struct limits *limits,
    const struct isp_auto_state *previous, struct isp_auto_state *next)
{
    const struct sisp_raw_info *info = input->info;
    bool is_first = previous->frames == 0;
    double lowest = isp_log2(limits->us_min * limits->gain_min);
    double highest = isp_log2(limits->us_max * limits->gain_max);
    double asked = (double)previous->log2_exposure;
    if (is_first)
        asked = total_log2(previous->exposure_us > 0 ? (double)previous->exposure_us : 0,
            (double)previous->analogue_gain, isp_log2(START_EXPOSURE_US));
    double applied = total_log2((double)info->exposure_us, (double)info->analogue_gain, asked);
    if (is_first)
        asked = applied;
    asked = isp_clamp(asked, lowest, highest);
    struct measurement found = measure(input, next->wb_gains);
    if (!found.is_valid || isp_param(input->params, SISP_PARAM_AUTO_EXPOSURE) == 0) {
        split(asked, limits, next);
        return (double)previous->exposure_ev;
    }
    double under =
        total_log2((double)input->stats_exposure_us, (double)input->stats_analogue_gain, applied);
    double wish = isp_param(input->params, SISP_PARAM_EXPOSURE_EV);
    double for_mean = under + found.mean_ev + wish;
    double for_highlights =
        isp_clamp(under + found.highlight_ev, for_mean - HIGHLIGHT_PULL_EV, for_mean);
    double wanted = isp_clamp(for_highlights, lowest, highest);
    double share = isp_param(input->params, SISP_PARAM_SMOOTHING);
    struct isp_rule rule = {share, 2, 1, lowest, highest};
    bool is_near = isp_within(wanted - asked, -DEAD_BAND_EV, DEAD_BAND_EV);
    double total = is_first || !input->is_live ? wanted : isp_rule_step(&rule, asked, wanted);
    split(is_near ? asked : total, limits, next);
    return for_mean - wanted;
}

/* ---- both -------------------------------------------------------------------------------- */

static double smooth_digital(const struct isp_auto_input *input,
    const struct isp_auto_state *previous, double wanted, double min, double max)
{
    struct isp_rule rule = {isp_param(input->params, SISP_PARAM_SMOOTHING), 4, 0.5, min, max};
    if (previous->frames == 0 || !input->is_live)
        return isp_clamp(wanted, min, max);
    return isp_rule_step(&rule, (double)previous->exposure_ev, isp_clamp(wanted, min, max));
}

static struct isp_agc_result without_auto(
    const struct isp_auto_input *input, struct isp_auto_state *next)
{
    double baseline = isp_clamp((double)input->info->baseline_exposure_ev, -8, 8);
    double wish = isp_param(input->params, SISP_PARAM_EXPOSURE_EV);
    if (!(input->info->baseline_exposure_ev == input->info->baseline_exposure_ev))
        baseline = 0;
    next->exposure_ev = 0;
    struct isp_agc_result result = {baseline + wish, SISP_SOURCE_NEUTRAL};
    if (baseline != 0)
        result.source = SISP_SOURCE_FILE;
    if (wish != 0)
        result.source = SISP_SOURCE_MANUAL;
    return result;
}

struct isp_agc_result isp_agc(const struct isp_auto_input *input,
    const struct isp_auto_state *previous, struct isp_auto_state *next)
{
    struct limits limits;
    double digital, wish = isp_param(input->params, SISP_PARAM_EXPOSURE_EV);
    bool has_sensor = controllable(input, &limits);
    if (has_sensor)
        digital = control_sensor(input, &limits, previous, next);
    if (isp_param(input->params, SISP_PARAM_AUTO_EXPOSURE) == 0)
        return without_auto(input, next);
    if (has_sensor) {
        digital = smooth_digital(input, previous, digital, 0, LIVE_DIGITAL_MAX_EV);
        next->exposure_ev = (float)digital;
        return (struct isp_agc_result){digital, SISP_SOURCE_AUTO};
    }
    struct measurement found = measure(input, next->wb_gains);
    if (!found.is_valid && previous->frames == 0)
        return without_auto(input, next);
    digital = found.is_valid ? found.mean_ev : (double)previous->exposure_ev;
    digital = smooth_digital(input, previous, digital, FILE_DIGITAL_MIN_EV, FILE_DIGITAL_MAX_EV);
    next->exposure_ev = (float)digital;
    return (struct isp_agc_result){digital + wish, SISP_SOURCE_AUTO};
}
