/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "isp/auto/auto.h"
#include "isp/auto/elementary.h"
#include "isp/auto/flicker.h"

#include <string.h>

/* In stops of gain: what is seen as another light, and what as arrived. Between them lies what
 * noise moves the measurement by. */
#define WHITE_LEAVES  0.03
#define WHITE_ARRIVES 0.005

/* In stops: no larger step from frame to frame. */
#define WHITE_STEP 0.25

/* The contract says 0 < gain < 16. */
#define GAIN_MAX 15.99

/* What is taken where nothing tells the light's temperature. */
#define DAYLIGHT_KELVIN 5500

double isp_param(const struct sisp_params *params, enum sisp_param param)
{
    const struct sisp_param_row *row = &sisp_param_table[param];
    double value = (double)params->value[param];
    if (!(value == value))
        return (double)row->value_default;
    return isp_clamp(value, (double)row->min, (double)row->max);
}

/* ---- what does not depend on statistics -------------------------------------------------- */

/* A tuning states its noise at gain 1 (pipeline.c does the same for a camera's own). */
static bool tuned_noise(struct sisp_coefficients *out, const struct isp_auto_input *input)
{
    const struct sisp_tuning *tuning = input->tuning;
    if (!isp_tuning_has(tuning, SISP_TUNING_NOISE))
        return false;
    double gain = (double)input->info->analogue_gain;
    gain = gain > 0 ? isp_clamp(gain, 1.0 / 64, 1024) : 1;
    out->noise_shot = (float)isp_clamp((double)tuning->noise_shot * gain, 0, 1);
    out->noise_read = (float)isp_clamp((double)tuning->noise_read * gain * gain, 0, 1);
    out->noise_source = SISP_SOURCE_TUNING;
    out->noise_confidence = 1;
    return true;
}

static void set_noise(struct sisp_coefficients *out, const struct isp_auto_input *input)
{
    const struct sisp_raw_info *info = input->info;
    if (tuned_noise(out, input))
        return;
    bool is_known = isp_within((double)info->noise_shot, 0, 1) &&
                    isp_within((double)info->noise_read, 0, 1) &&
                    (info->noise_shot > 0 || info->noise_read > 0);
    out->noise_shot = is_known ? info->noise_shot : 0;
    out->noise_read = is_known ? info->noise_read : 0;
    out->noise_source = is_known ? SISP_SOURCE_FILE : SISP_SOURCE_NEUTRAL;
    out->noise_confidence = is_known;
}

/* Knots go on to the right and down. */
static bool axis_sane(uint32_t knots, float origin, float step)
{
    return knots >= 1 && knots <= SISP_LSC_KNOTS_MAX && isp_within((double)origin, -16, 16) &&
           isp_within((double)step, -16, 16) && (knots == 1 || step > 0);
}

static bool mesh_sane(const struct sisp_lsc_mesh *mesh)
{
    if (!axis_sane(mesh->cols, mesh->origin_x, mesh->step_x) ||
        !axis_sane(mesh->rows, mesh->origin_y, mesh->step_y))
        return false;
    for (int site = 0; site < SISP_SITE_COUNT; site++) {
        for (uint32_t i = 0; i < mesh->cols * mesh->rows; i++) {
            if (!isp_within((double)mesh->gain[site][i], 1.0 / 32, 32))
                return false;
        }
    }
    return true;
}

/* Where a gain is below 1 a clipped sample would not reach the clip level, and clipped highlights
 * would be tinted there: the whole mesh is raised, exposure makes up for it. */
static void raise_mesh(struct sisp_lsc_mesh *mesh)
{
    const uint32_t count = mesh->cols * mesh->rows;
    float least = 1;
    for (int site = 0; site < SISP_SITE_COUNT; site++) {
        for (uint32_t i = 0; i < count; i++)
            least = mesh->gain[site][i] < least ? mesh->gain[site][i] : least;
    }
    for (int site = 0; site < SISP_SITE_COUNT && least < 1; site++) {
        for (uint32_t i = 0; i < count; i++)
            mesh->gain[site][i] /= least;
    }
}

static void choose_mesh(struct sisp_coefficients *out, const struct isp_auto_input *input)
{
    const struct sisp_raw_info *info = input->info;
    double kelvin = (double)out->color_temperature_kelvin;
    out->lsc_source = SISP_SOURCE_TUNING;
    if (isp_tuning_mesh(input->tuning, info, kelvin > 0 ? kelvin : DAYLIGHT_KELVIN, &out->lsc) &&
        mesh_sane(&out->lsc))
        return;
    out->lsc_source = SISP_SOURCE_NEUTRAL;
    memset(&out->lsc, 0, sizeof(out->lsc));
    if (!mesh_sane(&info->lsc))
        return;
    out->lsc = info->lsc;
    out->lsc_source = SISP_SOURCE_FILE;
}

/* After the colour temperature, on which a tuning's mesh depends. */
static void set_shading(struct sisp_coefficients *out, const struct isp_auto_input *input)
{
    double strength = isp_param(input->params, SISP_PARAM_LENS_SHADING);
    if (strength == 0)
        return;
    choose_mesh(out, input);
    for (int site = 0; site < SISP_SITE_COUNT; site++) {
        for (uint32_t i = 0; i < out->lsc.cols * out->lsc.rows; i++) {
            double gain = (double)out->lsc.gain[site][i];
            out->lsc.gain[site][i] = (float)(1 + strength * (gain - 1));
        }
    }
    raise_mesh(&out->lsc);
}

/* ---- colour ------------------------------------------------------------------------------ */

static void gains_of_white(const struct isp_white *white, float gains[3])
{
    gains[0] = (float)isp_exp2(white->log2_gain[0]);
    gains[1] = 1;
    gains[2] = (float)isp_exp2(white->log2_gain[1]);
}

static void set_color(
    struct sisp_coefficients *out, const struct isp_auto_input *input, const float gains[3])
{
    double least = 1, most = 1;
    for (int c = 0; c < 3; c++) {
        least = (double)gains[c] < least ? (double)gains[c] : least;
        most = (double)gains[c] > most ? (double)gains[c] : most;
    }
    /* With the smallest gain at 1, what saturates the sensor is white in every channel. */
    double scale = isp_param(input->params, SISP_PARAM_TONE) != 0 ? 1 : 1 / least;
    if (most * scale > GAIN_MAX)
        scale = GAIN_MAX / most;
    for (int c = 0; c < 3; c++)
        out->wb_gains[c] = (float)((double)gains[c] * scale);
    out->clip_level = (float)isp_clamp(least * scale, 0, 1);
    double kelvin = isp_tuning_cct(input->tuning, gains), tuned[9];
    const struct sisp_color_profile *profile = isp_tuning_profile(input->tuning, input->info);
    if (kelvin == 0)
        kelvin = isp_profile_cct(profile, gains);
    out->color_temperature_kelvin = (float)kelvin;
    out->ccm_source = isp_ccm(out->ccm, profile, gains, input->params);
    if (out->ccm_source == SISP_SOURCE_FILE && profile != &input->info->profile)
        out->ccm_source = SISP_SOURCE_TUNING;
    if (out->ccm_source == SISP_SOURCE_MANUAL ||
        !isp_tuning_ccm(input->tuning, kelvin > 0 ? kelvin : DAYLIGHT_KELVIN, tuned))
        return;
    isp_ccm_finish(out->ccm, tuned, input->params);
    out->ccm_source = SISP_SOURCE_TUNING;
}

/* What the user says of the light. */
static bool manual_white(const struct isp_auto_input *input, struct isp_white *white)
{
    int mode = (int)isp_param(input->params, SISP_PARAM_WB_MODE);
    *white = (struct isp_white){.confidence = 1, .source = SISP_SOURCE_MANUAL};
    if (mode == SISP_WB_KELVIN) {
        isp_awb_kelvin(
            input->info, input->tuning, isp_param(input->params, SISP_PARAM_WB_KELVIN), white);
    } else if (mode == SISP_WB_MANUAL) {
        white->log2_gain[0] = isp_log2(isp_param(input->params, SISP_PARAM_WB_RED));
        white->log2_gain[1] = isp_log2(isp_param(input->params, SISP_PARAM_WB_BLUE));
    }
    return mode == SISP_WB_KELVIN || mode == SISP_WB_MANUAL;
}

/* Whether the balance is to move towards that: from rest by a clear difference only. */
static bool white_moves(const struct isp_auto_state *previous, const struct isp_white *found)
{
    double limit = previous->wb_at_rest ? WHITE_LEAVES : WHITE_ARRIVES;
    bool moves = false;
    for (int i = 0; i < 2; i++) {
        double last = isp_log2((double)previous->wb_gains[2 * i]);
        moves |= !isp_within(found->log2_gain[i] - last, -limit, limit);
    }
    return moves;
}

/* The noise of measurements is averaged out before anything moves; what is far off is new light.
 * The first frame saw what other gains clip, so the second counts as much as it, and so on. */
static void average_white(const struct isp_auto_state *previous, struct isp_auto_state *next,
    const struct isp_white *found)
{
    const double share = 1 / (1 + (double)previous->frames);
    const struct isp_rule rule = {share > 0.1 ? share : 0.1, 0.5, 8, -4, 4};
    for (int i = 0; i < 2; i++) {
        double last = (double)previous->wb_measured_log2[i];
        if (previous->frames == 0)
            last = found->log2_gain[i];
        else if (found->confidence > 0)
            last = isp_rule_step(&rule, last, found->log2_gain[i]);
        next->wb_measured_log2[i] = (float)last;
    }
}

/* A new measurement counts by its confidence; without one the last good balance stays. */
static struct isp_white smooth_white(const struct isp_auto_input *input,
    const struct isp_auto_state *previous, struct isp_auto_state *next, struct isp_white found)
{
    average_white(previous, next, &found);
    if (!input->is_live || previous->frames == 0)
        return found;
    for (int i = 0; i < 2; i++)
        found.log2_gain[i] = (double)next->wb_measured_log2[i];
    bool is_locked = isp_param(input->params, SISP_PARAM_WB_LOCK) != 0;
    bool is_held = found.confidence == 0 || is_locked;
    next->wb_at_rest = is_held || !white_moves(previous, &found);
    double smoothing = isp_param(input->params, SISP_PARAM_SMOOTHING);
    struct isp_rule rule = {
        smoothing * found.confidence, 1 / (found.confidence + 1e-3), WHITE_STEP, -4, 4};
    for (int i = 0; i < 2; i++) {
        double last = isp_log2((double)previous->wb_gains[2 * i]);
        found.log2_gain[i] =
            next->wb_at_rest ? last : isp_rule_step(&rule, last, found.log2_gain[i]);
    }
    if (is_locked)
        found.confidence = (double)previous->wb_confidence;
    else if (is_held)
        found.source = SISP_SOURCE_FALLBACK;
    return found;
}

/* A light that is named while a live picture shows another one is reached in steps, and exactly;
 * gains that are given hold at once. From there a measurement starts, if one is asked for next. */
static struct isp_white stated_white(const struct isp_auto_input *input,
    const struct isp_auto_state *previous, struct isp_auto_state *next, struct isp_white stated)
{
    bool is_light = isp_param(input->params, SISP_PARAM_WB_MODE) != SISP_WB_MANUAL;
    const struct isp_rule rule = {
        isp_param(input->params, SISP_PARAM_SMOOTHING), 1, WHITE_STEP, -4, 4};
    for (int i = 0; i < 2; i++) {
        double target = stated.log2_gain[i];
        double last = isp_log2((double)previous->wb_gains[2 * i]);
        if (is_light && input->is_live && previous->frames > 0 &&
            !isp_within(target - last, -WHITE_ARRIVES, WHITE_ARRIVES))
            stated.log2_gain[i] = isp_rule_step(&rule, last, target);
        next->wb_measured_log2[i] = (float)stated.log2_gain[i];
    }
    return stated;
}

static struct isp_white choose_white(const struct isp_auto_input *input,
    const struct isp_auto_state *previous, struct isp_auto_state *next)
{
    struct isp_white white;
    int mode = (int)isp_param(input->params, SISP_PARAM_WB_MODE);
    if (manual_white(input, &white) ||
        (mode == SISP_WB_CAMERA && isp_awb_as_shot(input->info, &white)))
        return stated_white(input, previous, next, white);
    white = isp_awb_prior(input->info, input->tuning);
    white.confidence = 0;
    if (input->stats)
        white = isp_awb_measure(input->info, input->tuning, input->stats);
    return smooth_white(input, previous, next, white);
}

/* ---- one step ---------------------------------------------------------------------------- */

/* States and statistics may come from another process: checked, not trusted. */
static bool state_sane(const struct isp_auto_state *state)
{
    for (int i = 0; i < ISP_LAG_MAX; i++) {
        if (!isp_within((double)state->asked_us[i], 0, 1e9) ||
            !isp_within((double)state->asked_gain[i], 0, 1e6))
            return false;
    }
    for (int c = 0; c < 3; c++) {
        if (!isp_within((double)state->wb_gains[c], 1.0 / 32, 32))
            return false;
    }
    for (int i = 0; i < 2; i++) {
        if (!isp_within((double)state->wb_measured_log2[i], -8, 8))
            return false;
    }
    for (int i = 0; i < SISP_SITE_COUNT; i++) {
        if (!isp_within((double)state->black_level[i], 0, 65535))
            return false;
    }
    for (int i = 0; i < ISP_BLACK_BLOCKS; i++) {
        if (!isp_within((double)state->black_blocks[i], 0, 65535) ||
            !isp_within((double)state->black_reference[i], 0, 65535))
            return false;
    }
    return isp_within((double)state->wb_confidence, 0, 1) &&
           isp_within((double)state->black_confidence, 0, 1) &&
           isp_within((double)state->black_error, 0, 65535) &&
           state->black_mode <= SISP_BLACK_LEARNED &&
           isp_within((double)state->log2_exposure, -100, 100) &&
           isp_within((double)state->exposure_us, 0, 1e9) &&
           isp_within((double)state->analogue_gain, 0, 1e6) &&
           isp_within((double)state->exposure_ev, -16, 16) &&
           isp_within((double)state->log2_picture, -100, 100) && state->sensor_at_rest <= 1 &&
           state->picture_at_rest <= 1 && state->is_metered <= 1 &&
           isp_within((double)state->metered_wish_ev, -16, 16) && isp_flicker_sane(&state->flicker);
}

static bool stats_sane(const struct sisp_stats *stats)
{
    uint64_t cells = 0;
    for (int i = 0; i < SISP_STATS_ZONES * SISP_STATS_ZONES; i++)
        cells += (uint64_t)stats->zones[i].count + stats->zones[i].clipped;
    for (int c = 0; c < 3; c++) {
        if (!isp_within((double)stats->wb_gains[c], 1.0 / 64, 64))
            return false;
    }
    return cells > 0;
}

static void set_tone(struct sisp_coefficients *out, const struct isp_auto_input *input,
    const struct isp_agc_result *exposure)
{
    bool is_linear = isp_param(input->params, SISP_PARAM_TONE) != 0;
    out->exposure_ev = is_linear ? 0 : (float)exposure->exposure_ev;
    out->exposure_source = is_linear ? SISP_SOURCE_NEUTRAL : exposure->source;
    out->flicker = exposure->flicker;
    out->flicker_source = exposure->flicker_source;
    out->flicker_period_us = (float)exposure->flicker_period_us;
    isp_tone(out->tone, input->params, input->tuning, (double)out->exposure_ev);
}

void isp_auto_step(const struct isp_auto_input *input, const struct isp_auto_state *previous,
    struct isp_auto_state *next, struct sisp_coefficients *out)
{
    static const struct isp_auto_state start;
    struct isp_auto_input checked = *input;
    if (checked.stats && !stats_sane(checked.stats))
        checked.stats = NULL;
    const struct isp_auto_state *last = state_sane(previous) ? previous : &start;
    struct isp_auto_state state = {.frames = last->frames};
    if (checked.stats && state.frames < UINT32_MAX)
        state.frames++;
    memset(out, 0, sizeof(*out));
    isp_black_step(&checked, last, &state, out);
    set_noise(out, input);
    out->demosaic = (uint32_t)isp_param(input->params, SISP_PARAM_DEMOSAIC);
    out->defect_correction = (float)isp_param(input->params, SISP_PARAM_DEFECT_CORRECTION);
    out->green_balance = (float)isp_param(input->params, SISP_PARAM_GREEN_BALANCE);
    out->sharpness = (float)isp_param(input->params, SISP_PARAM_SHARPNESS);
    out->denoise_luma = (float)isp_param(input->params, SISP_PARAM_DENOISE_LUMA);
    out->denoise_chroma = (float)isp_param(input->params, SISP_PARAM_DENOISE_CHROMA);
    out->denoise = (float)isp_param(input->params, SISP_PARAM_DENOISE);

    isp_look(out, input->params);

    struct isp_white white = choose_white(&checked, last, &state);
    gains_of_white(&white, state.wb_gains);
    state.wb_confidence = (float)white.confidence;
    out->wb_confidence = state.wb_confidence;
    out->wb_source = white.source;
    set_color(out, &checked, state.wb_gains);
    set_shading(out, input);

    struct isp_agc_result exposure = isp_agc(&checked, last, &state);
    set_tone(out, input, &exposure);
    *next = state;
}

void isp_coefficients_init(struct sisp_coefficients *out, const struct sisp_raw_info *info,
    const struct sisp_params *params, const struct sisp_tuning *tuning)
{
    static const struct isp_auto_state start;
    struct isp_auto_state unused;
    struct isp_auto_input input = {.info = info, .params = params, .tuning = tuning};
    isp_auto_step(&input, &start, &unused, out);
}
