/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GainMap, opcode 9 of OpcodeList2 (Digital Negative Specification 1.4, chapter 7). */
#include "camera/rawdec/rawdec.h"

#include <math.h>
#include <string.h>

enum { TAG_OPCODE_LIST_2 = 51009, OPCODE_GAIN_MAP = 9, MAPS_MAX = 16, HEADER_BYTES = 76 };

/** One map: gains lie at points (origin + i * spacing), in fractions of the active area. */
struct gain_map {
    uint32_t top, left, bottom, right, row_pitch, col_pitch;
    uint32_t points_v, points_h, planes;
    double spacing_v, spacing_h, origin_v, origin_h;
    const uint8_t *gains; /* big endian floats, row by row, planes interleaved */
};

/* Opcode lists are big endian in every file. */
static uint32_t load_u32(const uint8_t *data)
{
    return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

static double load_double(const uint8_t *data)
{
    uint64_t bits = (uint64_t)load_u32(data) << 32 | load_u32(data + 4);
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static double map_gain(const struct gain_map *map, uint32_t v, uint32_t h)
{
    uint32_t bits = load_u32(map->gains + 4 * ((size_t)v * map->points_h + h) * map->planes);
    float value;
    memcpy(&value, &bits, sizeof(value));
    return (double)value;
}

static bool in_range(double value, double min, double max)
{
    return value >= min && value <= max;
}

/** Every number of a map that is used later is checked here. */
static bool map_is_sound(const struct gain_map *map, size_t gain_bytes)
{
    uint64_t points = (uint64_t)map->points_v * map->points_h;
    if (map->points_v == 0 || map->points_h == 0 || map->planes == 0 || map->planes > 4 ||
        map->points_v > 65535 || map->points_h > 65535 || points * map->planes * 4 > gain_bytes)
        return false;
    if (map->row_pitch < 1 || map->row_pitch > 2 || map->col_pitch < 1 || map->col_pitch > 2)
        return false;
    if (!in_range(map->origin_v, -10, 10) || !in_range(map->origin_h, -10, 10))
        return false;
    if ((map->points_v > 1 && !in_range(map->spacing_v, 1e-4, 10)) ||
        (map->points_h > 1 && !in_range(map->spacing_h, 1e-4, 10)))
        return false;
    for (uint32_t v = 0; v < map->points_v; v++) {
        for (uint32_t h = 0; h < map->points_h; h++) {
            if (!in_range(map_gain(map, v, h), 1.0 / 64, 64))
                return false;
        }
    }
    return true;
}

/** Whether the map covers the active area but for the sites that its pitch leaves out. */
static bool map_covers(const struct gain_map *map, const struct sisp_rect *active)
{
    return map->top < map->row_pitch && map->left < map->col_pitch &&
           map->bottom + map->row_pitch > active->height &&
           map->right + map->col_pitch > active->width && map->bottom <= 1u << 16 &&
           map->right <= 1u << 16;
}

static bool read_map(const uint8_t *data, size_t size_bytes, struct gain_map *map)
{
    if (size_bytes < HEADER_BYTES)
        return false;
    *map = (struct gain_map){
        .top = load_u32(data),
        .left = load_u32(data + 4),
        .bottom = load_u32(data + 8),
        .right = load_u32(data + 12),
        .row_pitch = load_u32(data + 24),
        .col_pitch = load_u32(data + 28),
        .points_v = load_u32(data + 32),
        .points_h = load_u32(data + 36),
        .spacing_v = load_double(data + 40),
        .spacing_h = load_double(data + 48),
        .origin_v = load_double(data + 56),
        .origin_h = load_double(data + 64),
        .planes = load_u32(data + 72),
        .gains = data + HEADER_BYTES,
    };
    return load_u32(data + 16) == 0 && map_is_sound(map, size_bytes - HEADER_BYTES);
}

/** Collect the GainMaps; *skipped counts opcodes that stay without effect. */
static unsigned read_list(const struct dng *dng, struct gain_map maps[MAPS_MAX], unsigned *skipped)
{
    struct tiff_field list = tiff_find(&dng->tiff, dng->raw, TAG_OPCODE_LIST_2);
    size_t at = 4;
    unsigned count = 0;
    *skipped = 0;
    if (list.count < 4)
        return 0;
    uint32_t left = load_u32(list.data);
    for (; left > 0 && list.count - at >= 16; left--) {
        const uint8_t *opcode = list.data + at;
        uint32_t data_bytes = load_u32(opcode + 12);
        at += 16;
        if (data_bytes > list.count - at)
            break;
        if (count < MAPS_MAX && load_u32(opcode) == OPCODE_GAIN_MAP &&
            read_map(opcode + 16, data_bytes, &maps[count]) &&
            map_covers(&maps[count], &dng->active))
            count++;
        else
            ++*skipped;
        at += data_bytes;
    }
    *skipped += left > 0;
    return count;
}

/** Position `at` (fraction of the active area) between points: lower index and weight above. */
static uint32_t locate(double at, double origin, double spacing, uint32_t points, double *weight)
{
    *weight = 0;
    if (points == 1 || at <= origin)
        return 0;
    double index = (at - origin) / spacing;
    if (index >= points - 1) {
        *weight = 1;
        return points - 2;
    }
    *weight = index - floor(index);
    return (uint32_t)index;
}

static double gain_at(const struct gain_map *map, double y, double x)
{
    double fy, fx;
    uint32_t v = locate(y, map->origin_v, map->spacing_v, map->points_v, &fy);
    uint32_t h = locate(x, map->origin_h, map->spacing_h, map->points_h, &fx);
    uint32_t v1 = fy > 0 ? v + 1 : v, h1 = fx > 0 ? h + 1 : h;
    double above = map_gain(map, v, h) * (1 - fx) + map_gain(map, v, h1) * fx;
    double below = map_gain(map, v1, h) * (1 - fx) + map_gain(map, v1, h1) * fx;
    return above * (1 - fy) + below * fy;
}

/** One axis of the mesh: the map's own points, or as many as fit over the same range. */
struct axis {
    uint32_t count;
    double origin, step;
};

static struct axis make_axis(uint32_t points, double origin, double spacing)
{
    if (points == 1)
        return (struct axis){1, origin, 1};
    if (points <= SISP_LSC_KNOTS_MAX)
        return (struct axis){points, origin, spacing};
    return (struct axis){
        SISP_LSC_KNOTS_MAX, origin, spacing * (points - 1) / (SISP_LSC_KNOTS_MAX - 1)};
}

/** Multiply the map into the sites that it covers. Its rectangle begins at a site of the active
 * area and skips by its pitch. */
static void apply_map(const struct dng *dng, const struct gain_map *map, const struct axis *rows,
    const struct axis *cols, struct sisp_lsc_mesh *mesh)
{
    for (unsigned i = 0; i < 4; i++) {
        unsigned x = i & 1, y = i >> 1;
        if ((map->row_pitch == 2 && map->top != y) || (map->col_pitch == 2 && map->left != x))
            continue;
        float *gain = mesh->gain[rawdec_site(dng->active_cfa, x, y)];
        for (uint32_t v = 0; v < rows->count; v++) {
            for (uint32_t h = 0; h < cols->count; h++)
                gain[v * cols->count + h] *= (float)gain_at(
                    map, rows->origin + v * rows->step, cols->origin + h * cols->step);
        }
    }
}

/**
 * The specification places the points relative to the image that the list is applied to, which for
 * OpcodeList2 is the active area (so does the DNG SDK); the mesh wants fractions of the crop.
 */
void dng_fill_lsc(const struct dng *dng, struct rawdec_result *result)
{
    struct gain_map maps[MAPS_MAX];
    unsigned skipped;
    unsigned count = read_list(dng, maps, &skipped);
    if (skipped > 0)
        rawdec_say(result, 0, "%u of the opcodes in OpcodeList2 cannot be applied", skipped);
    if (count == 0)
        return;
    struct axis rows = make_axis(maps[0].points_v, maps[0].origin_v, maps[0].spacing_v);
    struct axis cols = make_axis(maps[0].points_h, maps[0].origin_h, maps[0].spacing_h);
    const struct sisp_rect *active = &dng->active, *crop = &result->info.crop;
    struct sisp_lsc_mesh *mesh = &result->info.lsc;
    mesh->cols = cols.count;
    mesh->rows = rows.count;
    mesh->origin_x = (float)((cols.origin * active->width - (crop->x - active->x)) / crop->width);
    mesh->origin_y = (float)((rows.origin * active->height - (crop->y - active->y)) / crop->height);
    mesh->step_x = (float)(cols.step * active->width / crop->width);
    mesh->step_y = (float)(rows.step * active->height / crop->height);
    for (unsigned site = 0; site < SISP_SITE_COUNT; site++) {
        for (uint32_t i = 0; i < mesh->cols * mesh->rows; i++)
            mesh->gain[site][i] = 1;
    }
    for (unsigned i = 0; i < count; i++)
        apply_map(dng, &maps[i], &rows, &cols, mesh);
}
