/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The parts of automatic control. Each is a pure function that takes anything and gives finite
 * values inside the ranges of coefficients.h; auto.c puts them together.
 */
#ifndef ISP_AUTO_AUTO_H
#define ISP_AUTO_AUTO_H

#include "isp/isp.h"

#include <stdbool.h>

/** The value of a parameter, inside its range whatever the struct holds. */
double isp_param(const struct sisp_params *params, enum sisp_param param);

/** x inside [min, max]; NaN becomes min. */
static inline double isp_clamp(double x, double min, double max)
{
    if (!(x > min))
        return min;
    return x > max ? max : x;
}

/** Whether x is a number inside [min, max]. */
static inline bool isp_within(double x, double min, double max)
{
    return x >= min && x <= max;
}

/* ---- rule engine ----------------------------------------------------------------------- */

struct isp_rule {
    double share;    /* of a small error that one step takes over, [0, 1] */
    double fast;     /* from this error on a step takes all over: the scene has changed */
    double step_max; /* largest step */
    double min, max;
};

/** Smooth, limit the step, clamp. */
double isp_rule_step(const struct isp_rule *rule, double previous, double measured);

/* ---- colour ---------------------------------------------------------------------------- */

/** Whether the profile has a matrix that can be used at all. */
bool isp_profile_usable(const struct sisp_color_profile *profile);

/** The camera's response to light of that temperature (Planckian when warm, daylight when cold), as
 * log2(R / G) and log2(B / G). False where the profile gives no positive response. */
bool isp_profile_white(
    const struct sisp_color_profile *profile, double cct_kelvin, double log2_chroma[2]);

/** The scene's colour temperature from the gains that balance it; 0 if the profile cannot tell. */
double isp_profile_cct(const struct sisp_color_profile *profile, const float wb_gains[3]);

/** CCM for pictures balanced by these gains. Returns who decided it. */
enum sisp_source isp_ccm(float ccm[9], const struct sisp_color_profile *profile,
    const float wb_gains[3], const struct sisp_params *params);

/** The user's wishes on top of a matrix to linear sRGB whose rows sum to 1. */
void isp_ccm_finish(float ccm[9], const double base[9], const struct sisp_params *params);

/* ---- tuning (its counts and numbers are checked where it comes in) ------------------------- */

/** Whether there is a tuning with that part. */
bool isp_tuning_has(const struct sisp_tuning *tuning, enum sisp_tuning_part part);

/** The tuning's colour profile if it has one, else the raw file's. */
const struct sisp_color_profile *isp_tuning_profile(
    const struct sisp_tuning *tuning, const struct sisp_raw_info *info);

/** White under light of that temperature, as isp_profile_white(). False without a curve. */
bool isp_tuning_white(const struct sisp_tuning *tuning, double cct_kelvin, double log2_chroma[2]);

/** The temperature on the curve nearest to what the gains balance; 0 without a curve. */
double isp_tuning_cct(const struct sisp_tuning *tuning, const float wb_gains[3]);

/** The matrix for that light, rows summing to 1. False where there is none. */
bool isp_tuning_ccm(const struct sisp_tuning *tuning, double cct_kelvin, double ccm[9]);

/** The mesh for that light, over the picture's crop. False where there are no tables. */
bool isp_tuning_mesh(const struct sisp_tuning *tuning, const struct sisp_raw_info *info,
    double cct_kelvin, struct sisp_lsc_mesh *mesh);

/* ---- black level --------------------------------------------------------------------------- */

/** Learns the black fields of `next` from input->black, which is there. `stated` has the levels
 * that are stated; full: the largest code. */
void isp_black_learn(const struct isp_auto_input *input, const struct isp_auto_state *previous,
    struct isp_auto_state *next, const struct sisp_coefficients *stated, double full);

/** Fills in black and white levels, and the black fields of `next`. */
void isp_black_step(const struct isp_auto_input *input, const struct isp_auto_state *previous,
    struct isp_auto_state *next, struct sisp_coefficients *out);

/* ---- white balance --------------------------------------------------------------------- */

/** A white point as log2 gains of red and blue over green. */
struct isp_white {
    double log2_gain[2];
    double confidence; /* [0, 1] */
    enum sisp_source source;
};

/** The as-shot balance if the file has a sane one. */
bool isp_awb_as_shot(const struct sisp_raw_info *info, struct isp_white *white);

/** What is assumed before anything is measured: as shot, daylight of tuning or profile, or nothing.
 */
struct isp_white isp_awb_prior(const struct sisp_raw_info *info, const struct sisp_tuning *tuning);

/** Sets the gains that balance light of that colour temperature: along the tuning's or the
 * profile's curve, else those of a mean of many cameras. */
void isp_awb_kelvin(const struct sisp_raw_info *info, const struct sisp_tuning *tuning,
    double kelvin, struct isp_white *white);

/** The light the zones tell of: searched where the camera's response to light is known, else grey
 * world, blended with the prior by its confidence. */
struct isp_white isp_awb_measure(const struct sisp_raw_info *info, const struct sisp_tuning *tuning,
    const struct sisp_stats *stats);

/* ---- exposure -------------------------------------------------------------------------- */

struct isp_agc_result {
    double exposure_ev; /* the digital part, the user's wish included */
    enum sisp_source source;
    double flicker_period_us; /* of the light, if one is known */
    enum sisp_flicker flicker;
    enum sisp_source flicker_source;
};

/** Fills in the exposure fields of `next`, whose wb_gains are set already. The gains in
 * input->stats and both states are inside their ranges. */
struct isp_agc_result isp_agc(const struct isp_auto_input *input,
    const struct isp_auto_state *previous, struct isp_auto_state *next);

/** What preset and parameters say of a still's look. */
void isp_look(struct sisp_coefficients *out, const struct sisp_params *params);

/** Contrast and saturation with what the preset adds. */
double isp_look_contrast(const struct sisp_params *params);
double isp_look_saturation(const struct sisp_params *params);

/** The tone curve with `exposure_ev` in it. */
void isp_tone(float tone[SISP_TONE_KNOTS], const struct sisp_params *params,
    const struct sisp_tuning *tuning, double exposure_ev);

#endif
