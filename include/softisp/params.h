/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The user's wishes, from one table (src/isp/params.def): names, units, ranges, defaults, help. */
#ifndef SOFTISP_PARAMS_H
#define SOFTISP_PARAMS_H

#include <softisp/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Index into the table and into struct sisp_params. */
enum sisp_param {
    SISP_PARAM_EXPOSURE_EV,
    SISP_PARAM_AUTO_EXPOSURE,
    SISP_PARAM_WB_MODE,
    SISP_PARAM_WB_RED,
    SISP_PARAM_WB_BLUE,
    SISP_PARAM_COLOR,
    SISP_PARAM_TONE,
    SISP_PARAM_LENS_SHADING,
    SISP_PARAM_SATURATION,
    SISP_PARAM_CONTRAST,
    SISP_PARAM_BRIGHTNESS,
    SISP_PARAM_SHARPNESS,
    SISP_PARAM_DENOISE,
    SISP_PARAM_DENOISE_LUMA,
    SISP_PARAM_DENOISE_CHROMA,
    SISP_PARAM_DEMOSAIC,
    SISP_PARAM_DEFECT_CORRECTION,
    SISP_PARAM_GREEN_BALANCE,
    SISP_PARAM_AE_TARGET,
    SISP_PARAM_AE_HIGHLIGHTS,
    SISP_PARAM_SMOOTHING,
    SISP_PARAM_AE_METERING,
    SISP_PARAM_AE_CONSTRAINT,
    SISP_PARAM_AE_EXPOSURE_MODE,
    SISP_PARAM_AE_LOCK,
    SISP_PARAM_EXPOSURE_US,
    SISP_PARAM_ANALOGUE_GAIN,
    SISP_PARAM_EXPOSURE_MAX_US,
    SISP_PARAM_FLICKER_MODE,
    SISP_PARAM_FLICKER_PERIOD_US,
    SISP_PARAM_WB_KELVIN,
    SISP_PARAM_WB_LOCK,
    SISP_PARAM_BLACK_MODE,
    SISP_PARAM_PRESET,
    SISP_PARAM_LOCAL_TONE,
    SISP_PARAM_HIGHLIGHT_RECOVERY,
    SISP_PARAM_COUNT,
};

/** Values of SISP_PARAM_WB_MODE. */
enum sisp_wb_mode {
    SISP_WB_AUTO,
    SISP_WB_CAMERA,
    SISP_WB_MANUAL,
    SISP_WB_KELVIN,
};

/** Values of SISP_PARAM_BLACK_MODE. What is measured starts from what is stated. */
enum sisp_black_mode {
    SISP_BLACK_STATED,  /* by user, raw info or tuning; where nobody does: optical, else learned */
    SISP_BLACK_OPTICAL, /* in sisp_raw_info.dark; where it has none: as stated, else learned */
    SISP_BLACK_LEARNED, /* from pictures: sisp_coefficients.black_confidence says how surely */
};

/** Values of SISP_PARAM_PRESET: what the parameters of the look add to. */
enum sisp_preset {
    SISP_PRESET_NATURAL, /* stills: local tone mapping 0.4, sharpness 0.5, highlight recovery */
    SISP_PRESET_NEUTRAL, /* none of that: stills as previews */
    SISP_PRESET_VIVID, /* stills: 0.4 with more local contrast, 0.8; saturation 1.2, contrast 1.1 */
};

/** Values of SISP_PARAM_AE_METERING: which zones count how much. */
enum sisp_ae_metering {
    SISP_AE_CENTRE_WEIGHTED, /* three times as much in the middle as in the corners */
    SISP_AE_SPOT,            /* the middle fifth of each side alone */
    SISP_AE_MATRIX,          /* all, but those far brighter or darker than the rest count less */
    SISP_AE_AVERAGE,
};

/** Values of SISP_PARAM_AE_CONSTRAINT: what the mean's exposure gives way to. */
enum sisp_ae_constraint {
    SISP_AE_CONSTRAINT_NORMAL,
    SISP_AE_CONSTRAINT_HIGHLIGHT,
    SISP_AE_CONSTRAINT_SHADOWS,
};

/** Values of SISP_PARAM_AE_EXPOSURE_MODE: how time and gain share the exposure. */
enum sisp_ae_exposure_mode {
    SISP_AE_EXPOSURE_NORMAL,
    SISP_AE_EXPOSURE_SHORT,
};

/** Values of SISP_PARAM_FLICKER_MODE. */
enum sisp_flicker_mode {
    SISP_FLICKER_MODE_OFF,
    SISP_FLICKER_MODE_MANUAL,
    SISP_FLICKER_MODE_AUTO,
};

/** One row of the table. */
struct sisp_param_row {
    const char *name, *unit, *help;
    float min, max, value_default;
    int is_integer;
};

SISP_API extern const struct sisp_param_row sisp_param_table[SISP_PARAM_COUNT];

/** Values, indexed by enum sisp_param. Start from sisp_params_default(). */
struct sisp_params {
    float value[SISP_PARAM_COUNT];
};

SISP_API struct sisp_params sisp_params_default(void);

/** Index of that name, or -ENOENT. */
SISP_API int sisp_param_find(const char *name);

/** Set one value. Returns: 0, -ENOENT (no such name), -ERANGE (outside, not finite, not whole). */
SISP_API SISP_MUST_CHECK int sisp_params_set(
    struct sisp_params *params, const char *name, double value);

/**
 * A control by libcamera's name: one parameter, or two. ColourGains, ColourTemperature, AwbMode and
 * AwbEnable also choose wb_mode. The sources in coefficients and telemetry say what was applied.
 */
struct sisp_control_row {
    const char *name, *help;
    int params[2]; /* enum sisp_param; the second is -1 where there is one */
    float min, max;
};

SISP_API const struct sisp_control_row *sisp_control_table(unsigned *count);

/** Set a control. Returns: 0, -ENOENT (no such name), -EINVAL (number of values), -ERANGE. */
SISP_API SISP_MUST_CHECK int sisp_params_set_control(
    struct sisp_params *params, const char *name, const float *values, unsigned count);

#ifdef __cplusplus
}
#endif
#endif
