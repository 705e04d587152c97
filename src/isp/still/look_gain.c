/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gains of cells to pixels. */
#include <isp/still/kernels.h>
#include <isp/still/look_cells.h>
#include <isp/still/look_math.h>

#define GAIN_LOG_LEAST (-1.5F)
#define GAIN_LOG_MOST  2.0F
#define WHITE          1.5F /* stops below the clip level: darkening ends there, white stays */
#define PIXELS_MAX     STILL_RGB_FLOATS

/* Of one row, between the centres of cells: pixels from x - lead on. */
struct lines {
    float slope[PIXELS_MAX + 2 * LOOK_SIDE_MAX], offset[PIXELS_MAX + 2 * LOOK_SIDE_MAX];
};

/* Limits that lead to further arithmetic are variables: of constants compilers make branches. */
static void gain_pixels(const struct look_style *style, const float *restrict slope,
    const float *restrict offset, uint32_t count, float *const rgb[3])
{
    float *restrict r = rgb[0], *restrict g = rgb[1], *restrict b = rgb[2];
    const float unit = style->unit, least = style->least;
    for (uint32_t i = 0; i < count; i++) {
        const float luma = (0.25F * (r[i] + b[i]) + 0.5F * g[i]) * unit;
        const float dark = look_log2(luma > least ? luma : least);
        const float log_gain = slope[i] * dark + offset[i];
        const float held = look_clamp(dark * (-1 / WHITE), 0, 1);
        const float up = look_clamp(log_gain, 0, GAIN_LOG_MOST);
        const float down = look_clamp(log_gain, GAIN_LOG_LEAST, 0);
        const float gain = look_exp2(up + down * held);
        r[i] *= gain;
        g[i] *= gain;
        b[i] *= gain;
    }
}

void STILL_SYMBOL(still_gain, ISA_NAME)(
    const struct still_strip *strip, int64_t y, int64_t x, uint32_t count, float *const rgb[3])
{
    const struct isp_still_recipe *recipe = strip->recipe;
    const struct look_map *map = &recipe->map;
    const struct look_between rows = look_rows_around(map, y);
    const uint32_t from = (uint32_t)(x + map->side / 2), segment = from / map->side;
    const uint32_t lead = from % map->side, segments = (lead + count + map->side - 1) / map->side;
    struct lines lines;
    look_draw(map, LOOK_SLOPE, &rows, (int32_t)segment, segments, lines.slope);
    look_draw(map, LOOK_OFFSET, &rows, (int32_t)segment, segments, lines.offset);
    gain_pixels(&recipe->style, lines.slope + lead, lines.offset + lead, count, rgb);
}
