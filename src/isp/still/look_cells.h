/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Values of cells at pixels: linear between the centres of cells. */
#ifndef ISP_STILL_LOOK_CELLS_H
#define ISP_STILL_LOOK_CELLS_H

#include <isp/still/look.h>
#include <isp/still/look_math.h>

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

/** Pixels of the segments between centres of cells, from `segment` on: segment s ends at the centre
 * of cell s. */
static inline void look_draw(const struct look_map *map, enum look_plane plane,
    const struct look_between *rows, int32_t segment, uint32_t count, float *restrict out)
{
    const float *a = map->plane[plane] + (size_t)rows->first * map->cols;
    const float *b = map->plane[plane] + (size_t)rows->second * map->cols;
    const float step = 1 / (float)map->side, share = rows->share;
    const int32_t last = (int32_t)map->cols - 1;
    for (int32_t s = segment; s < segment + (int32_t)count; s++) {
        const int32_t left = s < 1 ? 0 : s - 1 > last ? last : s - 1;
        const int32_t right = s < 0 ? 0 : s > last ? last : s;
        const float from = a[left] + share * (b[left] - a[left]);
        const float to = a[right] + share * (b[right] - a[right]);
        const float rise = (to - from) * step, begin = from + 0.5F * rise;
        for (uint32_t i = 0; i < map->side; i++)
            out[i] = begin + (float)(int32_t)i * rise;
        out += map->side;
    }
}

#endif
