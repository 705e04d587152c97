/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "isp/auto/meter.h"
#include "isp/auto/elementary.h"

#define ZONES      (SISP_STATS_ZONES * SISP_STATS_ZONES)
#define FULL_SCALE 4095.0

/* Below half a 12-bit code on average there is nothing to expose for. */
#define LEVEL_MIN (0.5 / FULL_SCALE)

/* How far below the clip level highlights are put. */
#define HIGHLIGHT_LEVEL 0.95

/* What an empty histogram allows: more than any control has. */
#define ROOM_MAX_EV 16.0

/* Most that clipped highlights lower the exposure before it is measured again. */
#define CLIPPED_MAX_EV 0.75

/* Half of the side of the spot, in halves of the picture's. */
#define SPOT 0.2

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

/* Which zones count, by the mode or by the weights that a tuning has for it. */
struct metering {
    enum sisp_ae_metering mode;
    const float *weights; /* NULL: none */
};

static double tuned_weight(const float *weights, int zone)
{
    int across = (2 * (zone % SISP_STATS_ZONES) + 1) * SISP_TUNING_METERING_SIDE;
    int down = (2 * (zone / SISP_STATS_ZONES) + 1) * SISP_TUNING_METERING_SIDE;
    return (double)weights[down / (2 * SISP_STATS_ZONES) * SISP_TUNING_METERING_SIDE +
                           across / (2 * SISP_STATS_ZONES)];
}

static double place_weight(const struct metering *metering, int zone)
{
    if (metering->weights)
        return tuned_weight(metering->weights, zone);
    double dx = (zone % SISP_STATS_ZONES + 0.5) / (SISP_STATS_ZONES / 2) - 1;
    double dy = (zone / SISP_STATS_ZONES + 0.5) / (SISP_STATS_ZONES / 2) - 1;
    switch (metering->mode) {
    case SISP_AE_CENTRE_WEIGHTED:
        return 1.5 - 0.5 * (dx * dx + dy * dy);
    case SISP_AE_SPOT:
        return isp_within(dx, -SPOT, SPOT) && isp_within(dy, -SPOT, SPOT);
    case SISP_AE_MATRIX:
    case SISP_AE_AVERAGE:
        break;
    }
    return 1;
}

struct mean {
    double arithmetic, of_log2;
};

/* `middle_log2`: levels two stops from there count half; NULL: all count alike. */
static bool weigh(const struct sisp_stats *stats, const double scale[3],
    const struct metering *metering, const double *middle_log2, struct mean *out)
{
    double sum = 0, sum_log2 = 0, weights = 0;
    for (int i = 0; i < ZONES; i++) {
        const struct sisp_zone *zone = &stats->zones[i];
        if ((uint64_t)zone->count + zone->clipped == 0)
            continue;
        double level = zone_level(zone, scale), weight = place_weight(metering, i);
        double level_log2 = isp_log2(level > LEVEL_MIN ? level : LEVEL_MIN);
        if (middle_log2) {
            double stops = (level_log2 - *middle_log2) / 2;
            weight /= 1 + stops * stops;
        }
        sum += weight * level;
        sum_log2 += weight * level_log2;
        weights += weight;
    }
    if (!(weights > 0))
        return false;
    *out = (struct mean){sum / weights, sum_log2 / weights};
    return true;
}

/* Centre and matrix: half way (in stops) between the arithmetic mean, which a window or a lamp
 * dominates, and the mean of logarithms, which shade dominates. */
static double picture_level(
    const struct sisp_stats *stats, const double scale[3], struct metering metering)
{
    struct mean mean;
    if (!weigh(stats, scale, &metering, NULL, &mean)) {
        metering = (struct metering){
            .mode = SISP_AE_CENTRE_WEIGHTED}; /* a picture of few zones has none in the spot */
        if (!weigh(stats, scale, &metering, NULL, &mean))
            return 0;
    }
    if (metering.mode == SISP_AE_SPOT || metering.mode == SISP_AE_AVERAGE)
        return mean.arithmetic;
    if (metering.mode == SISP_AE_MATRIX) {
        double middle = mean.of_log2;
        weigh(stats, scale, &metering, &middle, &mean);
    }
    return __builtin_sqrt(mean.arithmetic * isp_exp2(mean.of_log2));
}

static struct metering choose_metering(const struct isp_auto_input *input)
{
    _Static_assert(SISP_AE_MATRIX + 1 == SISP_TUNING_METERING_MODES, "the last one with weights");
    int mode = (int)isp_param(input->params, SISP_PARAM_AE_METERING);
    bool is_tuned =
        mode < SISP_TUNING_METERING_MODES && isp_tuning_has(input->tuning, SISP_TUNING_METERING);
    return (struct metering){
        (enum sisp_ae_metering)mode, is_tuned ? input->tuning->metering[mode] : NULL};
}

/* Where too much is clipped its level is unknown. The share above the clip level is taken to fall
 * from octave to octave as it does from the octave below; then it is measured again. */
static double clipped_room_ev(double clipped, double top_octave, double share_count)
{
    double stops = CLIPPED_MAX_EV;
    double fall = isp_log2(clipped / (clipped + top_octave));
    double wanted = isp_log2((share_count > 1 ? share_count : 1) / clipped);
    if (fall < 0 && wanted / fall < stops)
        stops = wanted / fall;
    return isp_log2(HIGHLIGHT_LEVEL) - stops;
}

/* How many stops the exposure may rise (or must fall) so that no more than `share` of the samples
 * clip. */
static double highlight_room_ev(const struct sisp_stats *stats, double share)
{
    const uint32_t *histogram = stats->histogram[1];
    double total = 0, above = 0, top_octave = 0;
    for (int i = 0; i < SISP_STATS_HISTOGRAM; i++) {
        total += histogram[i];
        if (i >= SISP_STATS_HISTOGRAM / 2 && i < SISP_STATS_HISTOGRAM - 1)
            top_octave += histogram[i];
    }
    double clipped = histogram[SISP_STATS_HISTOGRAM - 1];
    if (clipped > share * total)
        return clipped_room_ev(clipped, top_octave, share * total);
    for (int i = SISP_STATS_HISTOGRAM - 1; i >= 0; i--) {
        above += histogram[i];
        if (above > share * total)
            return isp_log2(HIGHLIGHT_LEVEL * SISP_STATS_HISTOGRAM / (i + 1));
    }
    return ROOM_MAX_EV;
}

/* Mean level of the darker half of the greens. */
static double shadow_level(const struct sisp_stats *stats)
{
    const uint32_t *histogram = stats->histogram[1];
    double total = 0, count = 0, sum = 0;
    for (int i = 0; i < SISP_STATS_HISTOGRAM; i++)
        total += histogram[i];
    for (int i = 0; i < SISP_STATS_HISTOGRAM && count < total / 2; i++) {
        double rest = total / 2 - count, taken = histogram[i] < rest ? histogram[i] : rest;
        count += taken;
        sum += taken * (i + 0.5) / SISP_STATS_HISTOGRAM;
    }
    return count > 0 ? sum / count : 0;
}

struct isp_metered isp_meter(const struct isp_auto_input *input, const float wb_gains[3])
{
    struct isp_metered out = {0};
    if (!input->stats)
        return out;
    double scale[3], least = (double)wb_gains[0];
    for (int c = 1; c < 3; c++)
        least = (double)wb_gains[c] < least ? (double)wb_gains[c] : least;
    for (int c = 0; c < 3; c++)
        scale[c] = (double)wb_gains[c] / least / (double)input->stats->wb_gains[c];
    double level = picture_level(input->stats, scale, choose_metering(input));
    double target = isp_param(input->params, SISP_PARAM_AE_TARGET);
    double share = isp_param(input->params, SISP_PARAM_AE_HIGHLIGHTS);
    out.is_valid = true;
    out.is_black = level <= LEVEL_MIN;
    out.mean_ev = isp_log2(target / (out.is_black ? LEVEL_MIN : level));
    double shadow = shadow_level(input->stats);
    out.shadow_ev = isp_log2(target / (shadow > LEVEL_MIN ? shadow : LEVEL_MIN));
    out.highlight_ev = highlight_room_ev(input->stats, share);
    return out;
}
