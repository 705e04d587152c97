/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What presets say, and what is added to them. A linear picture gets nothing of a preset. */
#include "isp/auto/auto.h"

static const struct look {
    double local_tone, local_contrast, sharpness, contrast, saturation;
} looks[] = {
    [SISP_PRESET_NATURAL] = {0.4, 0, 0.5, 1, 1},
    [SISP_PRESET_NEUTRAL] = {0, 0, 0, 1, 1},
    [SISP_PRESET_VIVID] = {0.4, 0.3, 0.8, 1.1, 1.2},
};

#define LOCAL_TONE_MAX 0.9

static const struct look *look_of(const struct sisp_params *params)
{
    if (isp_param(params, SISP_PARAM_TONE) != 0)
        return &looks[SISP_PRESET_NEUTRAL];
    return &looks[(int)isp_param(params, SISP_PARAM_PRESET)];
}

void isp_look(struct sisp_coefficients *out, const struct sisp_params *params)
{
    const struct look *look = look_of(params);
    const double tone = look->local_tone + isp_param(params, SISP_PARAM_LOCAL_TONE);
    const double sharpness = look->sharpness + isp_param(params, SISP_PARAM_SHARPNESS);
    out->local_tone = (float)isp_clamp(tone, 0, LOCAL_TONE_MAX);
    out->local_contrast = out->local_tone > 0 ? (float)look->local_contrast : 0;
    out->highlight_recovery = look != &looks[SISP_PRESET_NEUTRAL] &&
                              isp_param(params, SISP_PARAM_HIGHLIGHT_RECOVERY) != 0;
    out->still_sharpness = (float)isp_clamp(sharpness, 0, 2);
}

double isp_look_contrast(const struct sisp_params *params)
{
    return look_of(params)->contrast * isp_param(params, SISP_PARAM_CONTRAST);
}

double isp_look_saturation(const struct sisp_params *params)
{
    return look_of(params)->saturation * isp_param(params, SISP_PARAM_SATURATION);
}
