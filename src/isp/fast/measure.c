/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Statistics: column sums while rows are in cache, reduced to zones once per row of zones. */
#include "isp/fast/recipe.h"

#include <string.h>

static size_t first_cell(uint32_t zone, uint32_t cells)
{
    return ((size_t)zone * cells + SISP_STATS_ZONES - 1) / SISP_STATS_ZONES;
}

static uint32_t sum_lanes(const uint16_t *lanes, size_t begin, size_t end)
{
    uint32_t sum = 0;
    for (size_t i = begin; i < end; i++)
        sum += lanes[i];
    return sum;
}

void isp_fast_stats_finish(struct fast_run *run)
{
    const struct isp_fast_recipe *recipe = run->recipe;
    const size_t stride = recipe->stride;
    const uint32_t cells = recipe->geometry.crop.width / 2;
    if (run->stats_rows == 0)
        return;
    for (uint32_t z = 0; z < SISP_STATS_ZONES; z++) {
        struct sisp_zone *zone = &run->stats->zones[run->stats_zone_row * SISP_STATS_ZONES + z];
        const size_t begin = first_cell(z, cells), end = first_cell(z + 1, cells);
        for (unsigned k = 0; k < 4; k++) {
            const int site = (int)sisp_cfa_shift(recipe->cfa, k % 2, k / 2);
            zone->sum[site] += sum_lanes(run->stats_sums + k * stride, begin, end);
        }
        uint32_t good = sum_lanes(run->stats_sums + 4 * stride, begin, end);
        zone->count += good;
        zone->clipped += run->stats_rows * (uint32_t)(end - begin) - good;
    }
    memset(run->stats_sums, 0, 5 * stride * sizeof(*run->stats_sums));
    run->stats_rows = 0;
}

/* Gr of every fourth cell. */
static void count_histogram(const struct fast_run *run, uint32_t cy)
{
    const struct isp_fast_recipe *recipe = run->recipe;
    for (unsigned k = 0; k < 4; k++) {
        if ((int)sisp_cfa_shift(recipe->cfa, k % 2, k / 2) != SISP_SITE_GR)
            continue;
        const int16_t *row = fast_ring_row(run, 2 * cy + k / 2, k % 2);
        for (uint32_t cx = 0; cx < recipe->geometry.crop.width / 2; cx += 4)
            run->stats->histogram[row[cx] >> 4]++;
    }
}

void isp_fast_stats_row(struct fast_run *run, uint32_t cy)
{
    const struct isp_fast_recipe *recipe = run->recipe;
    const uint32_t zone_row = cy * SISP_STATS_ZONES / (recipe->geometry.crop.height / 2);
    if (run->stats_rows == FAST_STATS_ROWS || run->stats_zone_row != zone_row)
        isp_fast_stats_finish(run);
    run->stats_zone_row = zone_row;
    run->stats_rows++;
    struct fast_stats task = {
        .count = run->stats_sums + 4 * recipe->stride,
        .clip = recipe->clip,
        .pairs = recipe->geometry.crop.width / 2,
    };
    for (unsigned k = 0; k < 4; k++) {
        task.rows[k / 2][k % 2] = fast_ring_row(run, 2 * cy + k / 2, k % 2);
        task.sum[k / 2][k % 2] = run->stats_sums + k * recipe->stride;
    }
    recipe->kernels->sum->stats(&task);
    if (cy % 8 == 0)
        count_histogram(run, cy);
}

void isp_stats_measure(const struct isp_fast_recipe *recipe, const uint8_t *raw, void *scratch,
    struct sisp_stats *stats)
{
    struct fast_run run;
    memset(stats, 0, sizeof(*stats));
    isp_fast_run_init(&run, recipe, raw, scratch, stats);
    for (uint32_t cy = 0; cy < recipe->geometry.crop.height / 2; cy += 4) {
        isp_fast_unpack_row(&run, 2 * cy);
        isp_fast_unpack_row(&run, 2 * cy + 1);
        isp_fast_stats_row(&run, cy);
    }
    isp_fast_stats_finish(&run);
}
