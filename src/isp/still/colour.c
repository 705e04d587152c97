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

/* Piecewise linear between knots, which are copied one by one: in a loop of arithmetic compilers
 * gather them, and that takes some CPUs several times as long. */
static void tone_row(const struct isp_still_recipe *recipe, const float *restrict x, uint32_t count,
    float *restrict out)
{
    int32_t index[STILL_RGB_FLOATS];
    struct still_knot knot[STILL_RGB_FLOATS];
    for (uint32_t i = 0; i < count; i++) {
        const float t = tone_position(x[i]);
        index[i] = (int32_t)t;
        out[i] = t - (float)index[i];
    }
    for (uint32_t i = 0; i < count; i++)
        knot[i] = recipe->tone[index[i]];
    for (uint32_t i = 0; i < count; i++)
        out[i] = knot[i].value + out[i] * knot[i].delta;
}

static void matrix_row(
    const float *restrict m, float *const rgb[3], uint32_t count, float *restrict out)
{
    const float *r = rgb[0], *g = rgb[1], *b = rgb[2];
    for (uint32_t i = 0; i < count; i++)
        out[i] = still_clamp(m[0] * r[i] + m[1] * g[i] + m[2] * b[i], 0, 1);
}

/* What sharpening looks at. */
static void luma_row(float *const rgb[3], uint32_t count, float *restrict out)
{
    const float *r = rgb[0], *g = rgb[1], *b = rgb[2];
    for (uint32_t i = 0; i < count; i++)
        out[i] = 0.2126F * r[i] + 0.7152F * g[i] + 0.0722F * b[i];
}

static bool is_above_knee(
    const struct isp_still_recipe *recipe, uint32_t count, float *const rgb[3])
{
    const float *r = rgb[0], *g = rgb[1], *b = rgb[2];
    const float unit = recipe->style.unit, knee = recipe->style.knee;
    uint32_t above = 0; /* not the most: of floats compilers make that one by one */
    for (uint32_t i = 0; i < count; i++) {
        const float more = r[i] > g[i] ? r[i] : g[i], top = more > b[i] ? more : b[i];
        above |= top * unit > knee ? 1U : 0U;
    }
    return above;
}

/* Recovered highlights into 0..clip level: straight up to the knee, then ever flatter, and from the
 * clip level on ever whiter, so that the white level is white. */
static void compress(const struct isp_still_recipe *recipe, uint32_t count, float *const rgb[3])
{
    float *r = rgb[0], *g = rgb[1], *b = rgb[2];
    const float unit = recipe->style.unit, white = recipe->clip_level * unit;
    const float knee = recipe->style.knee, clip = recipe->style.clip;
    const float steep = (white - knee) / (1 - knee), span = 1 / (white - knee);
    for (uint32_t i = 0; i < count; i++) {
        const float more = r[i] > g[i] ? r[i] : g[i], most = (more > b[i] ? more : b[i]) * unit;
        const float top = most > knee ? most : knee, t = (top - knee) * span;
        const float level = knee + (1 - knee) * steep * t / (1 + (steep - 1) * t);
        const float pale = (still_clamp(top, clip, white) - clip) / (white - clip);
        const float scale = level / top;
        const float keep = scale * (1 - pale), add = pale * level / unit;
        r[i] = r[i] * keep + add;
        g[i] = g[i] * keep + add;
        b[i] = b[i] * keep + add;
    }
}

void STILL_SYMBOL(still_colour, ISA_NAME)(
    const struct still_strip *strip, int64_t y, const struct still_rgb *rgb)
{
    const struct isp_still_recipe *recipe = strip->recipe;
    const uint32_t around = recipe->around, count = strip->columns + 2 * around;
    float *const at[3] = {
        rgb->channel[0] - around, rgb->channel[1] - around, rgb->channel[2] - around};
    float linear[3][STILL_RGB_FLOATS];
    if (recipe->style.is_recovered && is_above_knee(recipe, count, at))
        compress(recipe, count, at);
    if (recipe->style.tone > 0 || recipe->style.contrast > 0)
        STILL_SYMBOL(still_gain, ISA_NAME)(strip, y, (int64_t)strip->x - around, count, at);
    for (unsigned c = 0; c < 3; c++)
        matrix_row(recipe->ccm + 3 * c, at, count, linear[c]);
    for (unsigned c = 0; c < 3; c++)
        tone_row(recipe, linear[c], count, at[c]);
    if (recipe->sharpness > 0)
        luma_row(at, count, rgb->luma - around);
}

void STILL_SYMBOL(still_sum, ISA_NAME)(const float *restrict row, uint32_t count, float clip_level,
    float *restrict sum, float *restrict clipped)
{
    for (uint32_t i = 0; i < count; i++) {
        const float marked = row[i] <= LOOK_MARK ? 1.0F : 0.0F;
        const float clips = row[i] >= clip_level ? 1.0F : 0.0F;
        sum[i] += row[i] * (1 - 2 * marked);
        clipped[i] += marked + clips;
    }
}
