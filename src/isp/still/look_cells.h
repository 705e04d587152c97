/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Values of cells at pixels: linear between the centres of cells. */
#ifndef ISP_STILL_LOOK_CELLS_H
#define ISP_STILL_LOOK_CELLS_H

#include <isp/still/look.h>
#include <isp/still/look_math.h>
#include <isp/still/still.h>

/** Rows of cells around a row of pixels. */
struct look_between {
    uint32_t first, second;
    float share; /* of the second */
};

static inline struct look_between look_rows_around(const struct look_map *map, int64_t y)
{
    const float at =
        look_clamp(((float)y + 0.5F) / (float)map->side - 0.5F, 0, (float)(map->rows - 1));
    const uint32_t first = (uint32_t)at;
    return (struct look_between){
        first, first + 1 < map->rows ? first + 1 : first, at - (float)first};
}

/* Segments that look_draw() makes at a time, at most: of the least side a row's, and some. */
#define LOOK_SEGMENTS_MAX (STILL_RGB_FLOATS / LOOK_SIDE_LEAST + 8)

/* Values of a row of pixels at the centres of cells from `first` on; the outermost go on outside.
 */
static inline void look_values(const struct look_map *map, enum look_plane plane,
    const struct look_between *rows, int32_t first, int32_t count, float *restrict out)
{
    const float *restrict a = map->plane[plane] + (size_t)rows->first * map->cols;
    const float *restrict b = map->plane[plane] + (size_t)rows->second * map->cols;
    const int32_t last = (int32_t)map->cols - 1;
    const int32_t begin = first < 0 ? -first : 0;
    const int32_t end = last + 1 - first < count ? last + 1 - first : count;
    const float share = rows->share;
    for (int32_t i = begin; i < end; i++)
        out[i] = a[first + i] + share * (b[first + i] - a[first + i]);
    for (int32_t i = 0; i < begin; i++)
        out[i] = a[0] + share * (b[0] - a[0]);
    for (int32_t i = end; i < count; i++)
        out[i] = a[last] + share * (b[last] - a[last]);
}

/** Pixels of the segments between centres of cells, from `segment` on: segment s ends at the centre
 * of cell s. */
static inline void look_draw(const struct look_map *map, enum look_plane plane,
    const struct look_between *rows, int32_t segment, uint32_t count, float *restrict out)
{
    const float step = 1 / (float)map->side;
    float value[LOOK_SEGMENTS_MAX + 1], rise[LOOK_SEGMENTS_MAX], begin[LOOK_SEGMENTS_MAX];
    look_values(map, plane, rows, segment - 1, (int32_t)count + 1, value);
    for (uint32_t s = 0; s < count; s++) {
        rise[s] = (value[s + 1] - value[s]) * step;
        begin[s] = value[s] + 0.5F * rise[s];
    }
    for (uint32_t s = 0; s < count; s++, out += map->side) {
        for (uint32_t i = 0; i < map->side; i++)
            out[i] = begin[s] + (float)(int32_t)i * rise[s];
    }
}

#endif
