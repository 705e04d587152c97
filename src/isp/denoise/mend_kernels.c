/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Samples that stand alone: hot and dead ones of the sensor, not points of light. */
#include <isp/denoise/denoise.h>

#include <stdbool.h>

#define HOT_SIGMAS 6
#define LIT_SIGMAS 3
#define HOT_MARGIN 4 /* cells at the rim, whose samples are not judged */

static inline float sample(const struct denoise_scratch *s, int32_t x, int32_t y)
{
    return s->mosaic[y][x & 1][x >> 1];
}

/* Least and most of the eight nearest of its colour. */
static void find_range(const struct denoise_scratch *s, int32_t x, int32_t y, float out[2])
{
    out[0] = out[1] = sample(s, x - 2, y - 2);
    for (int32_t k = 1; k < 9; k++) {
        const float v = sample(s, x + k % 3 * 2 - 2, y + k / 3 * 2 - 2);
        if (k == 4)
            continue;
        out[0] = v < out[0] ? v : out[0];
        out[1] = v > out[1] ? v : out[1];
    }
}

/* Light falls on neighbours, too: a point of it is seen in their colours. */
static bool is_lit(const struct denoise_scratch *s, int32_t x, int32_t y, float sign, float noise)
{
    for (int32_t k = 0; k < 9; k++) {
        const int32_t i = x + k % 3 - 1, j = y + k / 3 - 1;
        float range[2];
        if (k == 4)
            continue;
        find_range(s, i, j, range);
        const float beyond = sign > 0 ? sample(s, i, j) - range[1] : range[0] - sample(s, i, j);
        if (beyond > LIT_SIGMAS * noise)
            return true;
    }
    return false;
}

static void judge(const struct denoise_tile *t, int32_t x, int32_t y, float noise, uint32_t *count)
{
    struct denoise_scratch *s = t->scratch;
    float range[2];
    find_range(s, x, y, range);
    const float v = sample(s, x, y), margin = HOT_SIGMAS * noise + range[1] - range[0];
    const float sign = v > range[1] ? 1 : -1;
    if ((v <= range[1] + margin && v >= range[0] - margin) || is_lit(s, x, y, sign, noise))
        return;
    if (*count == HOT_MAX)
        return;
    s->hot[*count][0] = (uint32_t)x;
    s->hot[*count][1] = (uint32_t)y;
    s->mended[(*count)++] =
        (sample(s, x - 2, y) + sample(s, x + 2, y) + sample(s, x, y - 2) + sample(s, x, y + 2)) *
        0.25F;
}

/* Which samples of half a row are beyond the four nearest of their colour: few. */
static void find_alone(const float row[2 * CELLS][2][MOSAIC_SPAN], uint32_t y, uint32_t half,
    const float *restrict noise, uint8_t *restrict is_alone)
{
    const float *at = row[y][half], *up = row[y - 2][half], *down = row[y + 2][half];
    for (unsigned i = HOT_MARGIN; i < CELLS - HOT_MARGIN; i++) {
        const float v = at[i], left = at[i - 1], right = at[i + 1];
        const float low_x = left < right ? left : right, high_x = left < right ? right : left;
        const float low_y = up[i] < down[i] ? up[i] : down[i],
                    high_y = up[i] < down[i] ? down[i] : up[i];
        const float low = low_x < low_y ? low_x : low_y, high = high_x > high_y ? high_x : high_y;
        const float margin = HOT_SIGMAS * noise[i];
        is_alone[i] = (v > high + margin) | (v < low - margin);
    }
}

/* Sigmas of a row's samples, by cells. */
static void find_sigmas(const struct denoise_tile *t, uint32_t y, float sigmas[CELLS])
{
    const int64_t x0 = 2 * ((int64_t)t->x - HALO_CELLS), y0 = 2 * ((int64_t)t->y - HALO_CELLS);
    for (uint32_t i = 0; i < CELLS; i++) {
        sigmas[i] = 1;
        if (t->job->noise)
            sigmas[i] = __builtin_sqrtf(
                denoise_variance(t, x0 + 2 * i, y0 + y) * (1.0F / ISP_BURST_NOISE_ONE));
    }
}

void denoise_mend(const struct denoise_tile *t)
{
    struct denoise_scratch *s = t->scratch;
    float sigmas[CELLS];
    uint32_t count = 0;
    for (uint32_t y = 2 * HOT_MARGIN; y < 2 * (CELLS - HOT_MARGIN); y++) {
        if (y % 8 == 0)
            find_sigmas(t, y, sigmas);
        for (uint32_t half = 0; half < 2; half++) {
            uint8_t is_alone[CELLS];
            find_alone(s->mosaic, y, half, sigmas, is_alone);
            for (uint32_t i = HOT_MARGIN; i < CELLS - HOT_MARGIN; i++) {
                if (is_alone[i])
                    judge(t, (int32_t)(2 * i + half), (int32_t)y, sigmas[i], &count);
            }
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t x = s->hot[i][0], y = s->hot[i][1];
        s->mosaic[y][x & 1][x >> 1] = s->mended[i];
    }
}
