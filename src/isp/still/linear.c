/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Raw rows to linear samples. Row kernels of the still path are one text, built once per
 * instruction set level (ISA_NAME): plain loops over unit strides that compilers vectorise; every
 * operation is IEEE single precision in a fixed order, hence the same bits at every level.
 */
#include <isp/still/kernels.h>
#include <isp/still/look_cells.h>
#include <isp/still/unpack.h>

#define LSC_BLOCK 32 /* cells */

/* Knots of one row of samples: gain, and how far it is to the next knot. */
struct knots {
    float gain[SISP_LSC_KNOTS_MAX], delta[SISP_LSC_KNOTS_MAX];
};

static void lsc_row(
    const struct isp_still_recipe *recipe, enum sisp_site site, uint32_t y, struct knots *out)
{
    const struct sisp_lsc_mesh *mesh = &recipe->lsc;
    float v = (float)y * recipe->lsc_scale[1] + recipe->lsc_offset[1];
    v = still_clamp(v, 0, (float)(mesh->rows - 1));
    uint32_t j = (uint32_t)v, next = j + 1 < mesh->rows ? j + 1 : j;
    const float *a = mesh->gain[site] + (size_t)j * mesh->cols;
    const float *b = mesh->gain[site] + (size_t)next * mesh->cols;
    for (uint32_t i = 0; i < mesh->cols; i++)
        out->gain[i] = a[i] + (v - (float)j) * (b[i] - a[i]);
    for (uint32_t i = 0; i + 1 < mesh->cols; i++)
        out->delta[i] = out->gain[i + 1] - out->gain[i];
    out->delta[mesh->cols - 1] = 0;
}

/* A column's place in knots: by value, since rows of floats might be taken for it. */
struct lsc_axis {
    float scale, offset, last;
};

static inline float lsc_place(struct lsc_axis axis, int32_t column)
{
    return still_clamp((float)column * axis.scale + axis.offset, 0, axis.last);
}

/* Every second column, from knot i on and with no knot among them but the next. */
static void lsc_straight(struct lsc_axis axis, const struct knots *knots, int32_t i, int32_t column,
    int32_t count, float *restrict row)
{
    const int32_t next = i < (int32_t)axis.last ? i + 1 : i;
    const float gain = knots->gain[i], delta = knots->delta[i], from = (float)i;
    const float next_gain = knots->gain[next], next_delta = knots->delta[next];
    const float bend = (float)(i + 1);
    for (int32_t k = 0; k < count; k++) {
        const float u = lsc_place(axis, 2 * k + column);
        const float g = u >= bend ? next_gain : gain, d = u >= bend ? next_delta : delta;
        row[k] *= g + (u - (u >= bend ? bend : from)) * d;
    }
}

static void lsc_bent(struct lsc_axis axis, const struct knots *knots, int32_t column, int32_t count,
    float *restrict row)
{
    for (int32_t k = 0; k < count; k++) {
        const float u = lsc_place(axis, 2 * k + column);
        const int32_t i = (int32_t)u;
        row[k] *= knots->gain[i] + (u - (float)i) * knots->delta[i];
    }
}

/* Cells first.. of the crop. Knots lie far apart: most blocks of columns see two and need no table.
 */
static void lsc_apply(const struct isp_still_recipe *recipe, const struct knots *knots,
    unsigned phase, uint32_t first, uint32_t count, float *row)
{
    const struct lsc_axis axis = {
        recipe->lsc_scale[0], recipe->lsc_offset[0], (float)(recipe->lsc.cols - 1)};
    for (uint32_t k = 0; k < count; k += LSC_BLOCK, row += LSC_BLOCK) {
        const int32_t column = (int32_t)(2 * (first + k) + phase);
        const int32_t cells = (int32_t)(count - k < LSC_BLOCK ? count - k : LSC_BLOCK);
        const int32_t i = (int32_t)lsc_place(axis, column);
        if ((int32_t)lsc_place(axis, column + 2 * cells - 2) <= i + 1)
            lsc_straight(axis, knots, i, column, cells, row);
        else
            lsc_bent(axis, knots, column, cells, row);
    }
}

static void cap_row(float *restrict row, uint32_t count, float limit)
{
    for (uint32_t k = 0; k < count; k++)
        row[k] = row[k] < limit ? row[k] : limit;
}

/* Clipped samples become negative, no others are below LOOK_MARK. Returns: there are some. */
static bool mark_row(const struct isp_still_recipe *recipe, const uint16_t *samples, float code,
    uint32_t count, float *restrict row)
{
    const float limit = recipe->clip_level;
    uint32_t marks = 0; /* not the least: of floats compilers make that one by one */
    for (uint32_t k = 0; k < count; k++) {
        const float value = still_clamp(row[k], 0.5F * LOOK_MARK, limit);
        const float marked = (float)samples[2 * k] >= code ? -value : value;
        row[k] = value >= -LOOK_MARK ? marked : value;
        marks |= row[k] <= LOOK_MARK ? 1U : 0U;
    }
    return marks;
}

/* Columns x0..x1-1 of the strip lie beyond the picture's ends. */
static void mirror(
    const struct still_strip *strip, const struct still_line *line, int64_t x0, int64_t x1)
{
    for (int64_t x = x0; x < x1; x++) {
        uint32_t from = unpack_mirror(x, strip->recipe->geometry.crop.width);
        float *row = line->phase[from & 1] - (int64_t)(strip->x / 2);
        row[(x - (from & 1)) / 2] = row[from / 2];
    }
}

/* Columns of the crop: words of 16 bits are read where they are. */
static const uint16_t *samples_of(const struct isp_still_recipe *recipe, const uint8_t *row,
    uint32_t x, uint32_t count, uint16_t *words)
{
    const uint32_t from = recipe->geometry.crop.x + x;
    if (recipe->packing == SISP_PACKING_16 && (uintptr_t)row % sizeof(uint16_t) == 0)
        return (const uint16_t *)(const void *)row + from;
    return unpack_row(recipe->packing, row, from, count, words);
}

/* Rows of a strip lie far apart: what comes next is not foreseen by CPUs. */
static void prefetch(
    const struct isp_still_recipe *recipe, const uint8_t *row, uint32_t y, uint32_t x0, uint32_t x1)
{
    const struct sisp_rect *crop = &recipe->geometry.crop;
    const size_t first = sisp_raw_row_bytes(recipe->packing, crop->x + x0);
    const size_t last = sisp_raw_row_bytes(recipe->packing, crop->x + x1);
    if (y + 2 >= crop->height)
        return;
    for (size_t i = first; i < last; i += 64)
        __builtin_prefetch(row + 2 * recipe->geometry.raw_stride_bytes + i);
}

/* Returns: clipped samples are marked. */
static bool sensor_row(const struct still_strip *strip, const uint8_t *raw, uint32_t y,
    const struct still_line *line, uint16_t *words)
{
    const struct isp_still_recipe *recipe = strip->recipe;
    const struct sisp_rect *crop = &recipe->geometry.crop;
    const uint8_t *row = raw + (size_t)(crop->y + y) * recipe->geometry.raw_stride_bytes;
    const int64_t start = (int64_t)strip->x - 2 * (int64_t)strip->margin;
    const int64_t stop = (int64_t)strip->x + 2 * ((int64_t)strip->cells + strip->margin);
    const uint32_t x0 = start < 0 ? 0 : (uint32_t)start;
    const uint32_t x1 = stop < crop->width ? (uint32_t)stop : crop->width;
    prefetch(recipe, row, y, x0, x1);
    const uint16_t *samples = samples_of(recipe, row, x0, x1 - x0, words);
    bool has_marks = false;
    for (unsigned phase = 0; phase < 2; phase++) {
        enum sisp_site site = unpack_site(recipe->cfa, phase, y);
        const float black = recipe->black[site], scale = recipe->scale[site];
        const uint32_t count = (x1 - x0 + 1 - phase) / 2;
        float *restrict out = line->phase[phase] + (int64_t)(x0 / 2) - (int64_t)(strip->x / 2);
        for (uint32_t k = 0; k < count; k++)
            out[k] = ((float)samples[2 * k + phase] - black) * scale;
        if (recipe->lsc.cols) {
            struct knots knots;
            lsc_row(recipe, site, y, &knots);
            lsc_apply(recipe, &knots, phase, x0 / 2, count, out);
        }
        if (recipe->style.is_recovered)
            has_marks |= mark_row(recipe, samples + phase, recipe->mark[site], count, out);
        else
            cap_row(out, count, recipe->clip_level);
    }
    mirror(strip, line, start, x0);
    mirror(strip, line, x1, stop);
    return has_marks;
}

/* ---- highlights ---------------------------------------------------------------------------- */

/*
 * Highlight recovery. A sample that the sensor clipped is at least what it says; how much more, the
 * other two colours around it tell, times the ratio that unclipped neighbours have there: the idea
 * of darktable's "inpaint opposed" with ratios of the place instead of one offset of the frame.
 * Where the others are clipped too nothing is known, and all become the white level.
 *
 * Clipped samples come marked: negative, and no unclipped one is below LOOK_MARK.
 */
#define SEGMENTS (2 * STILL_MARGIN_CELLS / 8)

/* Of the neighbours of one other colour: mean, and whether they are clipped, 0 to 1. */
struct other {
    float mean, clipped;
};

static inline struct other other_of(float a, float b)
{
    return (struct other){0.5F * (__builtin_fabsf(a) + __builtin_fabsf(b)),
        (a <= LOOK_MARK ? 0.5F : 0.0F) + (b <= LOOK_MARK ? 0.5F : 0.0F)};
}

static inline struct other both_of(struct other a, struct other b)
{
    return (struct other){0.5F * (a.mean + b.mean), 0.5F * (a.clipped + b.clipped)};
}

static inline float recovered(float own, struct other a, struct other b, float ratio, float white)
{
    const float said = -own, wish = 0.5F * (a.mean + b.mean) * ratio;
    const float least = a.clipped < b.clipped ? a.clipped : b.clipped;
    const float more = wish > said ? wish : said, value = more + least * (white - more);
    return value < white ? value : white;
}

/* Marked samples of one phase of row `lines[1]`, cells first..last-1 of the strip. */
static void recover_phase(const struct still_strip *strip, const struct still_line lines[3],
    unsigned phase, enum sisp_site site, const float *ratio, float *out)
{
    const int32_t margin = (int32_t)strip->margin, last = (int32_t)strip->cells + margin;
    const bool is_green = unpack_channel(site) == 1;
    const float *up = lines[0].phase[phase], *own = lines[1].phase[phase];
    const float *down = lines[2].phase[phase], *side = lines[1].phase[!phase];
    const float *side_up = lines[0].phase[!phase], *side_down = lines[2].phase[!phase];
    const int32_t left = phase ? 0 : -1;
    for (int32_t k = -margin; k < last; k++) {
        out[k] = own[k];
        if (own[k] > LOOK_MARK)
            continue;
        const int32_t l = k + left, r = l + 1;
        struct other a = other_of(side[l], side[r]), b = other_of(up[k], down[k]);
        if (!is_green) {
            a = both_of(a, b);
            b = both_of(other_of(side_up[l], side_up[r]), other_of(side_down[l], side_down[r]));
        }
        out[k] = recovered(
            own[k], a, b, ratio[2 * (k + margin) + (int32_t)phase], strip->recipe->clip_level);
    }
}

static void recover_row(const struct still_strip *strip, const struct still_line lines[3],
    uint32_t y, const struct still_line *out)
{
    const struct look_map *map = &strip->recipe->map;
    const struct look_between rows = look_rows_around(map, y);
    /* Segments left of the picture, too: a cell has at least eight columns. */
    const int64_t x = (int64_t)strip->x - 2 * (int64_t)strip->margin + SEGMENTS * map->side;
    const uint32_t from = (uint32_t)(x + map->side / 2), lead = from % map->side;
    const int32_t segment = (int32_t)(from / map->side) - SEGMENTS;
    const uint32_t count = 2 * (strip->cells + 2 * strip->margin);
    for (unsigned phase = 0; phase < 2; phase++) {
        const enum sisp_site site = unpack_site(strip->recipe->cfa, phase, y);
        const enum look_plane plane = (enum look_plane)(LOOK_RATIO + unpack_channel(site));
        float ratios[STILL_RGB_FLOATS + 2 * LOOK_SIDE_MAX];
        look_draw(map, plane, &rows, segment, (lead + count + map->side - 1) / map->side, ratios);
        recover_phase(strip, lines, phase, site, ratios + lead, out->phase[phase]);
    }
}

void STILL_SYMBOL(still_linearise, ISA_NAME)(const struct still_strip *strip, const uint8_t *raw,
    uint32_t y, const struct still_line *line, uint16_t *words)
{
    const struct isp_still_recipe *recipe = strip->recipe;
    /* The survey, before there is a map, counts the marks. */
    if (!sensor_row(strip, raw, y, line, words) || !recipe->map.side)
        return;
    _Alignas(64) float rows[3][2][STILL_ROW_CELLS];
    struct still_strip wide = *strip;
    struct still_line lines[3];
    wide.margin++;
    for (unsigned i = 0; i < 3; i++) {
        lines[i] =
            (struct still_line){{rows[i][0] + STILL_MARGIN_CELLS, rows[i][1] + STILL_MARGIN_CELLS}};
        sensor_row(&wide, raw, unpack_mirror((int64_t)y + i - 1, recipe->geometry.crop.height),
            &lines[i], words);
    }
    recover_row(strip, lines, y, line);
}
