/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What light is expected before anything is seen. A tuning's priors depend on the scene's
 * brightness (Raspberry Pi Ltd, Raspberry Pi Camera Algorithm and Tuning Guide, 2023). */
#include "isp/auto/awb.h"

/* Without a tuning's priors: most pictures are taken by daylight, and some by lamps. */
#define DAYLIGHT_MIRED       190
#define DAYLIGHT_MIRED_SIGMA 60

/* Where exposure or reference are unknown, as in libcamera. */
#define UNKNOWN_LUX 400

/* A file may ask for certainty; pictures shall still count. */
#define NATS_MAX 50

static double mean_level(const struct isp_zone_colors *zones)
{
    double sum = 0;
    for (int i = 0; i < zones->count; i++)
        sum += zones->level[i];
    return sum / zones->count;
}

static double scene_lux(const struct sisp_raw_info *info, const struct sisp_tuning *tuning,
    const struct isp_zone_colors *zones)
{
    const struct sisp_tuning_lux *lux = &tuning->lux;
    double exposure = (double)info->exposure_us * (double)info->analogue_gain;
    double reference = (double)lux->exposure_us * (double)lux->gain;
    if (!isp_tuning_has(tuning, SISP_TUNING_LUX) || !(exposure > 0))
        return UNKNOWN_LUX;
    double brightness = mean_level(zones) / (double)lux->luma * (reference / exposure);
    return isp_clamp((double)lux->lux * brightness, 0, 1e6);
}

static double nats_at(const struct sisp_tuning_prior *prior, double kelvin)
{
    uint32_t above = 0;
    while (above < prior->count && kelvin > (double)prior->kelvin[above])
        above++;
    uint32_t below = above > 0 ? above - 1 : 0;
    if (above == prior->count)
        above = below;
    double low = (double)prior->kelvin[below], high = (double)prior->kelvin[above];
    double weight = high > low ? (kelvin - low) / (high - low) : 0;
    double nats = (1 - weight) * (double)prior->log_likelihood[below] +
                  weight * (double)prior->log_likelihood[above];
    return isp_clamp(nats, -NATS_MAX, NATS_MAX);
}

/* Between the priors of the two nearest brightnesses. */
static double tuned_nats(const struct sisp_tuning *tuning, double lux, double kelvin)
{
    uint32_t above = 0;
    while (above < tuning->prior_count && lux > (double)tuning->priors[above].lux)
        above++;
    uint32_t below = above > 0 ? above - 1 : 0;
    if (above == tuning->prior_count)
        above = below;
    const struct sisp_tuning_prior *dark = &tuning->priors[below], *bright = &tuning->priors[above];
    double step = (double)bright->lux - (double)dark->lux;
    double weight = step > 0 ? (lux - (double)dark->lux) / step : 0;
    return (1 - weight) * nats_at(dark, kelvin) + weight * nats_at(bright, kelvin);
}

void isp_awb_expect(struct isp_locus *locus, const struct sisp_raw_info *info,
    const struct sisp_tuning *tuning, const struct isp_zone_colors *zones)
{
    bool is_tuned = isp_tuning_has(tuning, SISP_TUNING_PRIOR);
    double lux = is_tuned ? scene_lux(info, tuning, zones) : 0;
    for (int i = 0; i < locus->count; i++) {
        double off = (locus->mired[i] - DAYLIGHT_MIRED) / DAYLIGHT_MIRED_SIGMA;
        locus->nats[i] =
            is_tuned ? tuned_nats(tuning, lux, 1e6 / locus->mired[i]) : -0.5 * off * off;
    }
}
