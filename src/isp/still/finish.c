/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Display values to the picture: sharpening, output format. */
#include <isp/still/kernels.h>

#include <string.h>

#define STRIP (2 * STILL_STRIP_CELLS)

/* Finished samples of a row. */
struct codes {
    uint16_t channel[3][STRIP];
};

/* Rounded to codes 0..max. */
static void encode(const float *restrict x, float max, uint32_t count, uint16_t *restrict code)
{
    for (uint32_t i = 0; i < count; i++)
        code[i] = (uint16_t)(int32_t)(x[i] * max + 0.5F);
}

/* ---- sharpening: detail.h of the fast path says how, and why ------------------------------- */

static inline float least_of(float a, float b)
{
    return a < b ? a : b;
}

static inline float most_of(float a, float b)
{
    return a > b ? a : b;
}

/* What is added to every channel, from the luma of three rows. */
static void find_detail(const struct isp_still_recipe *recipe, const float *const luma[3],
    uint32_t count, float *restrict out)
{
    const float *up = luma[0], *here = luma[1], *down = luma[2], sharpness = recipe->sharpness;
    float column[STRIP + 2];
    for (uint32_t i = 0; i < count + 2; i++)
        column[i] =
            0.25F * (up[(int32_t)i - 1] + down[(int32_t)i - 1]) + 0.5F * here[(int32_t)i - 1];
    for (uint32_t i = 0; i < count; i++) {
        const float l = here[i], left = here[(int32_t)i - 1], right = here[i + 1];
        const float high = l - (0.25F * (column[i] + column[i + 2]) + 0.5F * column[i + 1]);
        const float coring = recipe->coring[(int32_t)(l * (STILL_CORING_LEVELS - 0.01F))];
        const float kept = high - still_clamp(high, -coring, coring);
        const float least = least_of(least_of(least_of(left, right), least_of(up[i], down[i])), l);
        const float most = most_of(most_of(most_of(left, right), most_of(up[i], down[i])), l);
        const float room = (most - least) * 0.125F;
        out[i] = still_clamp(l + sharpness * kept, least - room, most + room) - l;
    }
}

static void sharpen(const struct isp_still_recipe *recipe, const struct still_rgb rows[3],
    uint32_t count, float max, struct codes *codes)
{
    float detail[STRIP], sharp[STRIP];
    find_detail(
        recipe, (const float *const[3]){rows[0].luma, rows[1].luma, rows[2].luma}, count, detail);
    for (unsigned c = 0; c < 3; c++) {
        const float *restrict from = rows[1].channel[c];
        for (uint32_t i = 0; i < count; i++)
            sharp[i] = still_clamp(from[i] + detail[i], 0, 1);
        encode(sharp, max, count, codes->channel[c]);
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
    const float max = recipe->geometry.format == SISP_PIXEL_RGBA64 ? 65535.0F : 255.0F;
    const struct still_rgb *row = &rows[recipe->around];
    struct codes codes;
    if (recipe->sharpness > 0)
        sharpen(recipe, rows + recipe->around - 1, strip->columns, max, &codes);
    for (unsigned c = 0; c < 3 && !(recipe->sharpness > 0); c++)
        encode(row->channel[c], max, strip->columns, codes.channel[c]);
    if (recipe->geometry.format == SISP_PIXEL_RGB24)
        pack_rgb24(&codes, strip->columns, out);
    else if (recipe->geometry.format == SISP_PIXEL_XRGB8888)
        pack_xrgb8888(&codes, strip->columns, out);
    else
        pack_rgba64(&codes, strip->columns, out);
}
