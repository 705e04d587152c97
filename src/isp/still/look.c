/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The look of a still: where its cells lie, what they hold, and what coefficients make of it. */
#include <isp/still/look.h>
#include <isp/still/look_math.h>
#include <isp/still/still.h>
#include <isp/still/unpack.h>

#include <base/base.h>

#include <string.h>

#define MIDDLE_GREY  0.4614F /* display value of 0.18 in linear light, IEC 61966-2-1 */
#define GENERIC_SHOT 0.001F  /* where the noise is unknown, as for defect correction */
#define GENERIC_READ 1e-6F

/* ---- cells --------------------------------------------------------------------------------- */

static uint32_t side_of(uint32_t width, uint32_t height)
{
    const uint32_t longer = width > height ? width : height;
    uint32_t side = LOOK_SIDE_LEAST;
    while (side < LOOK_SIDE_MAX && (longer + side - 1) / side > LOOK_CELLS_MAX)
        side *= 2;
    return side;
}

static struct look_map cells_of(uint32_t width, uint32_t height)
{
    const uint32_t side = side_of(width, height);
    return (struct look_map){
        .side = side, .cols = (width + side - 1) / side, .rows = (height + side - 1) / side};
}

static size_t plane_floats(const struct look_map *map)
{
    return base_align((size_t)map->cols * map->rows, 16);
}

size_t isp_still_survey_size(const struct isp_geometry *geometry)
{
    const struct look_map map = cells_of(geometry->crop.width, geometry->crop.height);
    return LOOK_PLANES * plane_floats(&map) * sizeof(float);
}

uint32_t isp_still_survey_rows(const struct isp_geometry *geometry)
{
    return side_of(geometry->crop.width, geometry->crop.height);
}

static struct look_map map_at(void *survey, const struct isp_geometry *geometry)
{
    struct look_map map = cells_of(geometry->crop.width, geometry->crop.height);
    for (unsigned i = 0; i < LOOK_PLANES; i++)
        map.plane[i] = (float *)survey + i * plane_floats(&map);
    return map;
}

/* ---- style --------------------------------------------------------------------------------- */

float isp_still_middle_grey(const float tone[SISP_TONE_KNOTS])
{
    unsigned i = 1;
    while (i + 1 < SISP_TONE_KNOTS && tone[i] < MIDDLE_GREY)
        i++;
    const float low = sisp_tone_knot(i - 1), high = sisp_tone_knot(i);
    const float rise = tone[i] - tone[i - 1];
    const float share = rise > 0 ? look_clamp((MIDDLE_GREY - tone[i - 1]) / rise, 0, 1) : 0;
    return look_clamp(low + share * (high - low), 1.0F / 4096, 1);
}

struct look_style look_style_of(const struct sisp_coefficients *c)
{
    static const float mix[3] = {0.25F, 0.5F, 0.25F};
    const bool is_known = c->noise_shot > 0 || c->noise_read > 0;
    const float shot = is_known ? c->noise_shot : GENERIC_SHOT;
    const float read = is_known ? c->noise_read : GENERIC_READ;
    struct look_style style = {.tone = c->local_tone,
        .contrast = c->local_contrast,
        .edge = 1,
        .unit = 1 / c->clip_level,
        .anchor = look_log2(isp_still_middle_grey(c->tone))};
    for (unsigned i = 0; i < 3; i++) {
        const float gain = c->wb_gains[i] * style.unit;
        style.noise[0] += mix[i] * mix[i] * gain * shot;
        style.noise[1] += mix[i] * mix[i] * gain * gain * read;
    }
    style.least = look_clamp(style.noise[1], 1e-6F, 0.01F);
    style.least = look_exp2(0.5F * look_log2(style.least));
    style.least = look_clamp(style.least, look_exp2(LOOK_LOG_LEAST), 0.1F);
    return style;
}

/* ---- the pass over the frame --------------------------------------------------------------- */

/* Of one strip of a row of cells: sums of the sites of the CFA's 2x2 cells, column by column. */
struct sums {
    float site[4][STILL_STRIP_CELLS], clipped[STILL_STRIP_CELLS];
};

struct survey_scratch {
    _Alignas(64) uint16_t words[2 * STILL_ROW_CELLS + UNPACK_SLACK];
    _Alignas(64) float line[2][STILL_ROW_CELLS];
    _Alignas(64) struct sums sums;
};

static float total(const float *values, uint32_t count)
{
    float sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += values[i];
    return sum;
}

/* Means of the cell whose first column is the strip's 2 * first, from the sums of its columns. */
static void cell_means(const struct still_strip *strip, const struct sums *sums, uint32_t first,
    uint32_t down, const struct look_map *map, size_t at)
{
    const struct isp_still_recipe *recipe = strip->recipe;
    const uint32_t rest = strip->columns - 2 * first, across = rest < map->side ? rest : map->side;
    float sum[3] = {0}, count[3] = {0}, all = 0;
    for (unsigned site = 0; site < 4; site++) {
        const unsigned phase = site & 1, row = site >> 1;
        const unsigned c =
            recipe->is_mono ? 1 : unpack_channel(unpack_site(recipe->cfa, phase, row));
        const float part = total(sums->site[site] + first, (across + 1 - phase) / 2);
        sum[c] += part;
        all += part;
        count[c] += (float)((across + 1 - phase) / 2 * ((down + 1 - row) / 2));
    }
    const float samples = (float)(across * down);
    for (unsigned c = 0; c < 3; c++)
        map->plane[LOOK_RED + c][at] = count[c] > 0 ? sum[c] / count[c] : all / samples;
    map->plane[LOOK_CLIPPED][at] = total(sums->clipped + first, (across + 1) / 2) / samples;
}

static void survey_strip(
    const struct still_strip *strip, const uint8_t *raw, uint32_t row, const struct look_map *map)
{
    const struct isp_still_recipe *recipe = strip->recipe;
    const uint32_t height = recipe->geometry.crop.height, y0 = row * map->side;
    const uint32_t y1 = y0 + map->side < height ? y0 + map->side : height;
    struct survey_scratch s;
    const struct still_line line = {{s.line[0], s.line[1]}};
    memset(&s.sums, 0, sizeof(s.sums));
    for (uint32_t y = y0; y < y1; y++) {
        recipe->kernels->linearise(strip, raw, y, &line, s.words);
        for (unsigned phase = 0; phase < 2; phase++)
            recipe->kernels->sum(line.phase[phase], (strip->columns + 1 - phase) / 2,
                recipe->clip_level, s.sums.site[2 * (y & 1) + phase], s.sums.clipped);
    }
    const size_t at = (size_t)row * map->cols + strip->x / map->side;
    for (uint32_t first = 0; 2 * first < strip->columns; first += map->side / 2)
        cell_means(strip, &s.sums, first, y1 - y0, map, at + 2 * first / map->side);
}

int isp_still_has_survey(const struct isp_still_recipe *recipe)
{
    const struct look_style *style = &recipe->style;
    return style->is_recovered || style->tone > 0 || style->contrast > 0;
}

void isp_still_survey_band(const struct isp_still_recipe *recipe, const uint8_t *raw, uint32_t y0,
    uint32_t y1, void *survey)
{
    const struct look_map map = map_at(survey, &recipe->geometry);
    const uint32_t width = recipe->geometry.crop.width, most = 2 * STILL_STRIP_CELLS;
    for (uint32_t row = y0 / map.side; row * map.side < y1; row++) {
        for (uint32_t x = 0; x < width; x += most) {
            const uint32_t columns = width - x < most ? width - x : most;
            const struct still_strip strip = {recipe, x, columns, (columns + 1) / 2, 0};
            survey_strip(&strip, raw, row, &map);
        }
    }
}

void isp_still_plan(struct isp_still_recipe *recipe, void *survey, unsigned part)
{
    const struct look_map map = map_at(survey, &recipe->geometry);
    if (part == 0)
        recipe->map = map;
    recipe->kernels->plan[part](&recipe->style, &map);
}
