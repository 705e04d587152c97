/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Linear RGB rows to display values, in place: local gains, colour matrix, tone curve. */
#include <isp/still/kernels.h>

/* Position on the curve in knots (see SISP_TONE_KNOTS), x in [0,1]. Choices are between constants:
 * compilers may not vectorise arithmetic that only one side would do. */
static inline float tone_position(float x)
{
    float scale = x < 0.25F ? 256 : 64, offset = x < 0.25F ? 56 : 104;
    scale = x < 0.03125F ? 2048 : scale;
    offset = x < 0.03125F ? 0 : offset;
    return x * scale + offset;
}

/* Piecewise linear between knots. */
static void tone_row(const struct isp_still_recipe *recipe, const float *restrict x, uint32_t count,
    float *restrict out)
{
    const float *restrict knot = recipe->tone, *restrict delta = recipe->tone_delta;
    for (uint32_t i = 0; i < count; i++) {
        float t = tone_position(x[i]);
        int32_t j = (int32_t)t;
        out[i] = knot[j] + (t - (float)j) * delta[j];
    }
}

static void matrix_row(
    const float *restrict m, float *const rgb[3], uint32_t count, float *restrict out)
{
    const float *r = rgb[0], *g = rgb[1], *b = rgb[2];
    for (uint32_t i = 0; i < count; i++)
        out[i] = still_clamp(m[0] * r[i] + m[1] * g[i] + m[2] * b[i], 0, 1);
}

void STILL_SYMBOL(still_colour, ISA_NAME)(
    const struct still_strip *strip, int64_t y, const struct still_rgb *rgb)
{
    const struct isp_still_recipe *recipe = strip->recipe;
    const uint32_t around = recipe->around, count = strip->columns + 2 * around;
    float *const at[3] = {
        rgb->channel[0] - around, rgb->channel[1] - around, rgb->channel[2] - around};
    float linear[3][STILL_RGB_FLOATS];
    if (recipe->map.side)
        STILL_SYMBOL(still_gain, ISA_NAME)(strip, y, (int64_t)strip->x - around, count, at);
    for (unsigned c = 0; c < 3; c++)
        matrix_row(recipe->ccm + 3 * c, at, count, linear[c]);
    for (unsigned c = 0; c < 3; c++)
        tone_row(recipe, linear[c], count, at[c]);
}

void STILL_SYMBOL(still_sum, ISA_NAME)(const float *restrict row, uint32_t count, float clip_level,
    float *restrict sum, float *restrict clipped)
{
    for (uint32_t i = 0; i < count; i++) {
        sum[i] += row[i];
        clipped[i] += row[i] < clip_level ? 0.0F : 1.0F;
    }
}
