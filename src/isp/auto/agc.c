/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "isp/auto/auto.h"
#include "isp/auto/elementary.h"
#include "isp/auto/flicker.h"
#include "isp/auto/meter.h"

/* The digital part of a sensor's loop only fills in what the sensor cannot do. */
#define LIVE_DIGITAL_MAX_EV 2.0
#define FILE_DIGITAL_MIN_EV (-1.0)
#define FILE_DIGITAL_MAX_EV 4.0

/* How far below the mean's exposure the highlights may pull: no further than the digital part can
 * bring back. */
#define HIGHLIGHT_PULL_EV LIVE_DIGITAL_MAX_EV

/* Used while the sensor has told nothing of its exposure. */
#define START_EXPOSURE_US 10000.0

/* Exposure comes to rest within the first, and rests until the error passes the second (5 %):
 * neither noise nor the sensor's steps of time and gain make it move. */
#define REST_EV 0.02
#define WAKE_EV 0.07

/* What is metered swings more than the mean of the light: highlights do. */
#define SWING_SLACK 1.3

/* While flicker is probed for: more than it moves the mean by. */
#define PROBING_WAKE_EV 0.5

/* From this error on a step takes all over; and no step is larger than that. */
#define FAST_EV 0.3
#define STEP_EV 2.0

/* Of a period: rounding; and what leaves less than 1 % of any flicker. */
#define PERIOD_SLACK 1e-4
#define PERIOD_WHOLE 0.01

/* With this, times and gains are those of Raspberry Pi's mode "short" (5 ms x 2, 10 ms x 4). */
#define SHORT_US 2500.0

struct limits {
    double us_min, us_max, gain_min, gain_max;
    double line_us;            /* 0: unknown */
    double period_us;          /* of the light, that exposures are multiples of; 0: any */
    bool is_manual;            /* the user has chosen time and gain */
    bool is_short;             /* and short times, where there is a choice */
    double log2_min, log2_max; /* of their product */
};

static double whole_periods(double us, double period_us)
{
    double periods = us / period_us + PERIOD_SLACK;
    return periods >= 1 ? (double)(uint64_t)periods * period_us : us;
}

static bool sensor_limits(const struct isp_auto_input *input, struct limits *out)
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

/* What sensor and user leave to automatic exposure. False: the sensor cannot be controlled. */
static bool find_limits(
    const struct isp_auto_input *input, double flicker_period_us, struct limits *out)
{
    *out = (struct limits){0};
    if (!sensor_limits(input, out))
        return false;
    if (isp_within((double)input->line_us, 0.1, 1e4))
        out->line_us = (double)input->line_us;
    double us = isp_param(input->params, SISP_PARAM_EXPOSURE_US);
    double gain = isp_param(input->params, SISP_PARAM_ANALOGUE_GAIN);
    double us_max = isp_param(input->params, SISP_PARAM_EXPOSURE_MAX_US);
    out->is_manual = us > 0 && gain > 0;
    out->is_short = isp_param(input->params, SISP_PARAM_AE_EXPOSURE_MODE) != 0;
    if (us > 0)
        out->us_min = out->us_max = isp_clamp(us, out->us_min, out->us_max);
    else if (us_max > 0)
        out->us_max = isp_clamp(us_max, out->us_min, out->us_max);
    if (gain > 0)
        out->gain_min = out->gain_max = isp_clamp(gain, out->gain_min, out->gain_max);
    double longest = out->us_max;
    if (flicker_period_us > 0 && us == 0) {
        out->period_us = flicker_period_us;
        longest = whole_periods(longest, flicker_period_us);
        longest = longest < out->us_min ? out->us_min : longest;
    }
    out->log2_min = isp_log2(out->us_min * out->gain_min);
    out->log2_max = isp_log2(longest * out->gain_max);
    return true;
}

static double total_log2(double exposure_us, double gain, double otherwise)
{
    if (!isp_within(exposure_us, 1e-6, 1e12) || !isp_within(gain, 1e-6, 1e9))
        return otherwise;
    return isp_log2(exposure_us * gain);
}

/* To the nearest line of the sensor, where those are known. */
static double whole_lines(const struct limits *limits, double us)
{
    if (limits->line_us == 0)
        return us;
    double lines = (double)(uint64_t)(us / limits->line_us + 0.5);
    return isp_clamp(lines * limits->line_us, limits->us_min, limits->us_max);
}

/* Time first: it costs motion blur, gain costs the signal. Where short times are wanted, time and
 * gain share evenly, in stops, what is beyond SHORT_US; but a period of the light comes first. */
static double share_of_time(double linear, const struct limits *limits)
{
    double longest = linear / limits->gain_min;
    if (!limits->is_short || longest <= SHORT_US)
        return longest;
    double us = __builtin_sqrt(longest * SHORT_US);
    if (us < limits->period_us)
        us = longest < limits->period_us ? longest : limits->period_us;
    return us * limits->gain_max < linear ? linear / limits->gain_max : us;
}

/* Whole periods of the light, as far as there is one; gain makes up for what they lack. */
static void split(double total, const struct limits *limits, struct isp_auto_state *next)
{
    double linear = isp_exp2(total);
    double us = isp_clamp(share_of_time(linear, limits), limits->us_min, limits->us_max);
    if (limits->period_us > 0) {
        double whole = whole_periods(us, limits->period_us);
        us = whole < limits->us_min ? us : whole;
    }
    us = whole_lines(limits, us);
    next->log2_exposure = (float)total;
    next->exposure_us = (float)us;
    next->analogue_gain = (float)isp_clamp(linear / us, limits->gain_min, limits->gain_max);
}

/* The error that an exposure comes to rest with, or leaves it at. What flickers is no reason to
 * move: whoever follows it doubles it. */
static double rest_band_ev(
    const struct isp_auto_input *input, const struct isp_auto_state *previous, bool is_at_rest)
{
    if (is_at_rest && isp_flicker_is_probing(&previous->flicker))
        return PROBING_WAKE_EV;
    double readout_us = 0;
    if (input->stats)
        readout_us = (double)input->line_us * input->stats->row_count * input->stats->row_lines;
    double exposure_us = (double)previous->flicker.exposure_us;
    double swing =
        isp_flicker_swing_ev(&previous->flicker, exposure_us, isp_clamp(readout_us, 0, 1e7));
    return is_at_rest ? WAKE_EV + swing * SWING_SLACK : REST_EV + swing / 2;
}

/* From the last value to the wanted one, or at rest. */
static double approach(const struct isp_auto_input *input, const struct isp_auto_state *previous,
    double last, double wanted, uint32_t *is_at_rest)
{
    double error = wanted - last, band = rest_band_ev(input, previous, *is_at_rest != 0);
    bool is_start = previous->frames == 0 || !input->is_live;
    *is_at_rest = isp_within(error, -band, band);
    if (*is_at_rest && !is_start)
        return last;
    double share = isp_param(input->params, SISP_PARAM_SMOOTHING);
    struct isp_rule rule = {share, FAST_EV, STEP_EV, -100, 100};
    return is_start ? wanted : isp_rule_step(&rule, last, wanted);
}

/* Change of the mean's exposure, after what it gives way to. */
static double constrained_ev(const struct isp_auto_input *input, const struct isp_metered *found)
{
    switch ((int)isp_param(input->params, SISP_PARAM_AE_CONSTRAINT)) {
    case SISP_AE_CONSTRAINT_HIGHLIGHT:
        return found->highlight_ev < found->mean_ev ? found->highlight_ev : found->mean_ev;
    case SISP_AE_CONSTRAINT_SHADOWS:
        return found->shadow_ev > found->mean_ev ? found->shadow_ev : found->mean_ev;
    default:
        return found->mean_ev;
    }
}

/* What was asked for last, inside the limits; at the start what is in force. */
static double last_asked(const struct isp_auto_input *input, const struct limits *limits,
    const struct isp_auto_state *previous, double *applied)
{
    const struct sisp_raw_info *info = input->info;
    double asked = (double)previous->log2_exposure;
    if (previous->frames == 0)
        asked = total_log2((double)previous->exposure_us, (double)previous->analogue_gain,
            isp_log2(START_EXPOSURE_US));
    *applied = total_log2((double)info->exposure_us, (double)info->analogue_gain, asked);
    if (previous->frames == 0)
        asked = *applied;
    return isp_clamp(asked, limits->log2_min, limits->log2_max);
}

/*
 * Two totals of time and gain are followed: the one asked of the sensor, and the one the picture is
 * to look like. What this frame's exposure lacks of the latter is digital: beyond the sensor's
 * range, highlights that are spared, requests on their way, steps of time and gain.
 *
 * Both are absolute: what the statistics ask for, on top of the exposure they were taken under.
 * They do not depend on requests still on their way, so the sensor's delay cannot make the loop
 * swing, and nothing is summed up that could wind up.
 */
static double control_sensor(const struct isp_auto_input *input, const struct limits *limits,
    const struct isp_auto_state *previous, struct isp_auto_state *next)
{
    double applied, asked = last_asked(input, limits, previous, &applied);
    double picture = previous->frames == 0 ? asked : (double)previous->log2_picture;
    struct isp_metered found = isp_meter(input, next->wb_gains);
    bool is_held = isp_param(input->params, SISP_PARAM_AUTO_EXPOSURE) == 0 ||
                   isp_param(input->params, SISP_PARAM_AE_LOCK) != 0 || limits->is_manual;
    next->sensor_at_rest = previous->sensor_at_rest;
    next->picture_at_rest = previous->picture_at_rest;
    if (found.is_valid && !is_held) {
        double under = total_log2(
            (double)input->stats_exposure_us, (double)input->stats_analogue_gain, applied);
        double wish = isp_param(input->params, SISP_PARAM_EXPOSURE_EV);
        double for_mean = under + constrained_ev(input, &found) + wish;
        double pull =
            isp_param(input->params, SISP_PARAM_AE_CONSTRAINT) == SISP_AE_CONSTRAINT_SHADOWS
                ? 0
                : HIGHLIGHT_PULL_EV;
        double for_highlights = isp_clamp(under + found.highlight_ev, for_mean - pull, for_mean);
        double wanted = isp_clamp(for_highlights, limits->log2_min, limits->log2_max);
        asked = approach(input, previous, asked, wanted, &next->sensor_at_rest);
        for_mean = isp_clamp(for_mean, limits->log2_min, limits->log2_max + LIVE_DIGITAL_MAX_EV);
        picture = approach(input, previous, picture, for_mean, &next->picture_at_rest);
    }
    split(asked, limits, next);
    next->log2_picture = (float)picture;
    return isp_clamp(picture - (input->is_live ? applied : asked), 0, LIVE_DIGITAL_MAX_EV);
}

/* ---- both -------------------------------------------------------------------------------- */

/* What the raw file asks for, and a tuning's profile. */
static double baseline_ev(const struct isp_auto_input *input)
{
    double baseline = (double)input->info->baseline_exposure_ev;
    if (isp_tuning_has(input->tuning, SISP_TUNING_PROFILE))
        baseline =
            (double)input->tuning->exposure_ev + (input->tuning->has_exposure ? 0 : baseline);
    return baseline == baseline ? isp_clamp(baseline, -8, 8) : 0;
}

static struct isp_agc_result without_auto(
    const struct isp_auto_input *input, struct isp_auto_state *next)
{
    double baseline = baseline_ev(input);
    double wish = isp_param(input->params, SISP_PARAM_EXPOSURE_EV);
    next->exposure_ev = 0;
    struct isp_agc_result result = {.exposure_ev = baseline + wish};
    if (baseline != 0)
        result.source = SISP_SOURCE_FILE;
    if (wish != 0)
        result.source = SISP_SOURCE_MANUAL;
    return result;
}

/* Automatic exposure was turned off while it ran: what it chose stays, and the wish alone moves the
 * picture. */
static struct isp_agc_result hold(const struct isp_auto_input *input,
    const struct isp_auto_state *previous, struct isp_auto_state *next, double digital)
{
    double wish = isp_param(input->params, SISP_PARAM_EXPOSURE_EV);
    next->is_metered = 1;
    next->metered_wish_ev = previous->metered_wish_ev;
    next->exposure_ev = (float)digital;
    return (struct isp_agc_result){
        .exposure_ev = digital + wish - (double)previous->metered_wish_ev,
        .source = SISP_SOURCE_AUTO};
}

static enum sisp_flicker_mode flicker_mode(const struct isp_auto_input *input)
{
    return (enum sisp_flicker_mode)isp_param(input->params, SISP_PARAM_FLICKER_MODE);
}

/* Of the light as the user says, or as found. */
static double light_period_us(const struct isp_auto_input *input,
    const struct isp_auto_state *previous, struct isp_auto_state *next)
{
    switch (flicker_mode(input)) {
    case SISP_FLICKER_MODE_MANUAL:
        return isp_param(input->params, SISP_PARAM_FLICKER_PERIOD_US);
    case SISP_FLICKER_MODE_AUTO:
        isp_flicker_measure(input, &previous->flicker, &next->flicker);
        return isp_flicker_period_us(&next->flicker);
    case SISP_FLICKER_MODE_OFF:
        break;
    }
    return 0;
}

/* A shorter exposure at a higher gain, where that may show what lamps there are. */
static void probe_flicker(const struct isp_auto_input *input, const struct limits *limits,
    const struct isp_auto_state *previous, struct isp_auto_state *next)
{
    double us = (double)next->exposure_us, gain = (double)next->analogue_gain;
    struct isp_flicker_probe probe = {
        .exposure_us = us,
        .shortest = gain / limits->gain_max,
        .log2_exposure = (double)next->log2_exposure,
        .is_at_rest = next->sensor_at_rest,
    };
    if (flicker_mode(input) != SISP_FLICKER_MODE_AUTO || limits->us_min == limits->us_max)
        return;
    if (probe.shortest * us < limits->us_min)
        probe.shortest = limits->us_min / us;
    double short_us = isp_flicker_exposure_us(&probe, &previous->flicker, &next->flicker);
    if (short_us < us)
        short_us = whole_lines(limits, short_us);
    next->exposure_us = (float)short_us;
    next->analogue_gain = (float)(gain * us / short_us);
}

/* What was asked for `lag` frames ago; of so many, the earliest there is. */
static float asked_before(const float *asked, uint32_t lag, float now)
{
    for (uint32_t i = lag < ISP_LAG_MAX ? lag : ISP_LAG_MAX; i > 0; i--) {
        if (asked[i - 1] > 0)
            return asked[i - 1];
    }
    return now;
}

/* Time and gain that belong together shall hold in the same frame: the faster of them waits. */
static void stagger(const struct isp_auto_input *input, const struct isp_auto_state *previous,
    struct isp_auto_state *next)
{
    uint32_t of_time = input->exposure_delay_frames, of_gain = input->gain_delay_frames;
    uint32_t time_lag = of_gain > of_time ? of_gain - of_time : 0;
    uint32_t gain_lag = of_time > of_gain ? of_time - of_gain : 0;
    next->request_us = asked_before(previous->asked_us, time_lag, next->exposure_us);
    next->request_gain = asked_before(previous->asked_gain, gain_lag, next->analogue_gain);
    next->asked_us[0] = next->exposure_us;
    next->asked_gain[0] = next->analogue_gain;
    for (int i = 1; i < ISP_LAG_MAX; i++) {
        next->asked_us[i] = previous->asked_us[i - 1];
        next->asked_gain[i] = previous->asked_gain[i - 1];
    }
}

static void report_flicker(double period_us, enum sisp_flicker_mode mode,
    const struct isp_auto_state *next, struct isp_agc_result *result)
{
    double us = (double)next->exposure_us, periods = us / period_us;
    if (!(period_us > 0))
        return;
    double rest = periods - (double)(uint64_t)(periods + 0.5);
    bool is_whole = periods > 0.5 && isp_within(rest, -PERIOD_WHOLE, PERIOD_WHOLE);
    result->flicker_period_us = period_us;
    result->flicker = is_whole ? SISP_FLICKER_AVOIDED : SISP_FLICKER_UNAVOIDABLE;
    result->flicker_source = mode == SISP_FLICKER_MODE_AUTO ? SISP_SOURCE_AUTO : SISP_SOURCE_MANUAL;
}

static struct isp_agc_result control_file(const struct isp_auto_input *input,
    const struct isp_auto_state *previous, struct isp_auto_state *next)
{
    struct isp_metered found = isp_meter(input, next->wb_gains);
    if (!found.is_valid && previous->frames == 0)
        return without_auto(input, next);
    double digital = (double)previous->exposure_ev, last = digital;
    if (found.is_valid) /* a black file stays black, a dark sensor is opened up */
        digital = found.is_black && !input->is_live ? 0 : constrained_ev(input, &found);
    digital = isp_clamp(digital, FILE_DIGITAL_MIN_EV, FILE_DIGITAL_MAX_EV);
    next->picture_at_rest = previous->picture_at_rest;
    digital = approach(input, previous, last, digital, &next->picture_at_rest);
    next->exposure_ev = (float)digital;
    next->is_metered = input->is_live != 0; /* without the wish, which comes on top */
    double wish = isp_param(input->params, SISP_PARAM_EXPOSURE_EV);
    return (struct isp_agc_result){.exposure_ev = digital + wish, .source = SISP_SOURCE_AUTO};
}

static struct isp_agc_result control_curve(const struct isp_auto_input *input,
    const struct isp_auto_state *previous, struct isp_auto_state *next)
{
    if (isp_param(input->params, SISP_PARAM_AUTO_EXPOSURE) != 0)
        return control_file(input, previous, next);
    if (previous->is_metered)
        return hold(input, previous, next, (double)previous->exposure_ev);
    return without_auto(input, next);
}

struct isp_agc_result isp_agc(const struct isp_auto_input *input,
    const struct isp_auto_state *previous, struct isp_auto_state *next)
{
    struct limits limits;
    double period_us = light_period_us(input, previous, next);
    bool is_auto = isp_param(input->params, SISP_PARAM_AUTO_EXPOSURE) != 0;
    struct isp_agc_result result;
    if (!find_limits(input, period_us, &limits))
        return control_curve(input, previous, next);
    double digital = control_sensor(input, &limits, previous, next);
    if (is_auto && !limits.is_manual) {
        probe_flicker(input, &limits, previous, next);
        next->exposure_ev = (float)digital;
        next->is_metered = input->is_live != 0;
        next->metered_wish_ev = (float)isp_param(input->params, SISP_PARAM_EXPOSURE_EV);
        result = (struct isp_agc_result){.exposure_ev = digital, .source = SISP_SOURCE_AUTO};
    } else if (previous->is_metered && !limits.is_manual) {
        result = hold(input, previous, next, digital);
    } else {
        result = without_auto(input, next);
    }
    if (limits.is_manual)
        result.source = SISP_SOURCE_MANUAL;
    stagger(input, previous, next);
    report_flicker(period_us, flicker_mode(input), next, &result);
    return result;
}
