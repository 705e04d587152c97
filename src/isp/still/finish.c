/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Linear RGB rows to the picture: colour matrix, tone curve, output format. */
#include <isp/still/kernels.h>

#include <string.h>

#define STRIP (2 * STILL_STRIP_CELLS)

/* Finished samples of a row. */
struct codes {
    uint16_t channel[3][STRIP];
};

/* ---- colour and tone ---------------------------------------------------------------------- */

/* Position on the curve in knots (see SISP_TONE_KNOTS), x in [0,1]. Choices are between constants:
 * compilers may not vectorise arithmetic that only one side would do. */
static inline float tone_position(float x)
{
    float scale = x < 0.25F ? 256 : 64, offset = x < 0.25F ? 56 : 104;
    scale = x < 0.03125F ? 2048 : scale;
    offset = x < 0.03125F ? 0 : offset;
    return x * scale + offset;
}

static void matrix_row(
    const float *restrict m, const struct still_rgb *rgb, uint32_t count, float *restrict out)
{
    const float *r = rgb->channel[0], *g = rgb->channel[1], *b = rgb->channel[2];
    for (uint32_t i = 0; i < count; i++)
        out[i] = still_clamp(m[0] * r[i] + m[1] * g[i] + m[2] * b[i], 0, 1);
}

/* Piecewise linear between knots, then round to a code in 0..max. */
static void tone_row(const struct isp_still_recipe *recipe, const float *restrict x, float max,
    uint32_t count, uint16_t *restrict code)
{
    const float *restrict knot = recipe->tone, *restrict delta = recipe->tone_delta;
    for (uint32_t i = 0; i < count; i++) {
        float t = tone_position(x[i]);
        int32_t j = (int32_t)t;
        float y = knot[j] + (t - (float)j) * delta[j];
        code[i] = (uint16_t)(int32_t)(y * max + 0.5F);
    }
}

static void colour(const struct isp_still_recipe *recipe, const struct still_rgb *rgb,
    uint32_t count, struct codes *codes)
{
    float linear[STRIP];
    float max = recipe->geometry.format == SISP_PIXEL_RGBA64 ? 65535.0F : 255.0F;
    for (unsigned c = 0; c < 3; c++) {
        matrix_row(recipe->ccm + 3 * c, rgb, count, linear);
        tone_row(recipe, linear, max, count, codes->channel[c]);
    }
}

/* ---- output formats ------------------------------------------------------------------------ */

static void pack_rgb24(const struct codes *codes, uint32_t count, uint8_t *restrict out)
{
    for (uint32_t i = 0; i < count; i++) {
        out[3 * i] = (uint8_t)codes->channel[0][i];
        out[3 * i + 1] = (uint8_t)codes->channel[1][i];
        out[3 * i + 2] = (uint8_t)codes->channel[2][i];
    }
}

static void pack_xrgb8888(const struct codes *codes, uint32_t count, uint8_t *restrict out)
{
    for (uint32_t i = 0; i < count; i++) {
        out[4 * i] = (uint8_t)codes->channel[2][i];
        out[4 * i + 1] = (uint8_t)codes->channel[1][i];
        out[4 * i + 2] = (uint8_t)codes->channel[0][i];
        out[4 * i + 3] = 255;
    }
}

static void pack_rgba64(const struct codes *codes, uint32_t count, uint8_t *out)
{
    uint16_t words[4 * STRIP]; /* rows of the picture may lie at odd addresses */
    for (uint32_t i = 0; i < count; i++) {
        words[4 * i] = codes->channel[0][i];
        words[4 * i + 1] = codes->channel[1][i];
        words[4 * i + 2] = codes->channel[2][i];
        words[4 * i + 3] = 65535;
    }
    memcpy(out, words, (size_t)8 * count);
}

void STILL_SYMBOL(still_finish, ISA_NAME)(
    const struct still_strip *strip, const struct still_rgb *rows, uint8_t *out)
{
    const struct isp_still_recipe *recipe = strip->recipe;
    struct codes codes;
    colour(recipe, &rows[recipe->around], strip->columns, &codes);
    if (recipe->geometry.format == SISP_PIXEL_RGB24)
        pack_rgb24(&codes, strip->columns, out);
    else if (recipe->geometry.format == SISP_PIXEL_XRGB8888)
        pack_xrgb8888(&codes, strip->columns, out);
    else
        pack_rgba64(&codes, strip->columns, out);
}
