/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Statistics: sums of zones while rows are in cache. */
#include "isp/fast/recipe.h"

#include <string.h>

static uint32_t sum_lanes(const uint32_t lanes[16])
{
    typedef uint32_t four __attribute__((vector_size(16), aligned(4), may_alias));
    const four *const v = (const four *)lanes;
    const four sum = (v[0] + v[1]) + (v[2] + v[3]);
    return sum[0] + sum[1] + sum[2] + sum[3];
}

void isp_fast_stats_finish(struct fast_run *run)
{
    const struct isp_fast_recipe *recipe = run->recipe;
    const uint32_t *edge = recipe->zone_edge;
    if (run->stats_rows == 0)
        return;
    for (uint32_t z = 0; z < SISP_STATS_ZONES; z++) {
        struct sisp_zone *zone = &run->stats->zones[run->stats_zone_row * SISP_STATS_ZONES + z];
        for (unsigned k = 0; k < 4; k++) {
            const int site = (int)sisp_cfa_shift(recipe->cfa, k % 2, k / 2);
            zone->sum[site] += sum_lanes(run->zones[z].sum[k / 2][k % 2]);
        }
        const uint32_t good = sum_lanes(run->zones[z].count);
        zone->count += good;
        zone->clipped += run->stats_rows * (edge[z + 1] - edge[z]) - good;
    }
    memset(run->zones, 0, SISP_STATS_ZONES * sizeof(*run->zones));
    run->stats_rows = 0;
}

/* R, Gr, B of every fourth cell. */
static void count_histograms(const struct fast_run *run, uint32_t cy)
{
    static const int channel_of[SISP_SITE_COUNT] = {
        [SISP_SITE_R] = 0, [SISP_SITE_GR] = 1, [SISP_SITE_GB] = -1, [SISP_SITE_B] = 2};
    const struct isp_fast_recipe *recipe = run->recipe;
    const int16_t *rows[3] = {NULL};
    for (unsigned k = 0; k < 4; k++) {
        const int channel = channel_of[sisp_cfa_shift(recipe->cfa, k % 2, k / 2)];
        if (channel >= 0)
            rows[channel] = fast_sample_row(run, 2 * cy + k / 2, k % 2);
    }
    for (uint32_t cx = 0; cx < recipe->geometry.crop.width / 2; cx += 4) {
        for (int c = 0; c < 3; c++)
            run->stats->histogram[c][rows[c][cx] >> 4]++;
    }
}

/* Rows of cells that share one sum of green. */
static uint32_t cells_a_row_sum(const struct isp_geometry *geometry)
{
    const uint32_t cells = geometry->crop.height / 2;
    return (cells + SISP_STATS_ROWS - 1) / SISP_STATS_ROWS;
}

void isp_fast_stats_init(const struct isp_fast_recipe *recipe, struct sisp_stats *stats)
{
    const uint32_t cells = cells_a_row_sum(&recipe->geometry);
    memcpy(stats->wb_gains, recipe->wb_gains, sizeof(stats->wb_gains));
    stats->lsc_applied = recipe->lsc_applied;
    stats->row_count = (recipe->geometry.crop.height / 2 + cells - 1) / cells;
    stats->row_lines = 2 * cells;
}

void isp_fast_stats_row(struct fast_run *run, uint32_t cy)
{
    const struct isp_fast_recipe *recipe = run->recipe;
    const uint32_t zone_row = cy * SISP_STATS_ZONES / (recipe->geometry.crop.height / 2);
    if (run->stats_zone_row != zone_row)
        isp_fast_stats_finish(run);
    run->stats_zone_row = zone_row;
    run->stats_rows++;
    const uint32_t cells = recipe->geometry.crop.height / 2;
    const bool is_flipped = recipe->geometry.orientation & SISP_ORIENTATION_FLIP;
    const uint32_t read = is_flipped ? cells - 1 - cy : cy; /* the sensor's order */
    uint32_t differences = 0;
    struct fast_stats task = {
        .total = {&run->stats->row_green[read / cells_a_row_sum(&recipe->geometry)], &differences},
        .edge = recipe->zone_edge,
        .zone = run->zones,
        .clip = recipe->clip,
    };
    for (unsigned k = 0; k < 4; k++) {
        task.rows[k / 2][k % 2] = fast_sample_row(run, 2 * cy + k / 2, k % 2);
        if (fast_row_own_phase(recipe, k / 2) != k % 2)
            task.green[k % 2] = task.rows[k / 2][k % 2];
    }
    recipe->kernels->sum->stats(&task);
    run->stats->focus += differences;
    if (cy % 8 == 0)
        count_histograms(run, cy);
}

void isp_stats_add(struct sisp_stats *sum, const struct sisp_stats *part)
{
    for (unsigned z = 0; z < SISP_STATS_ZONES * SISP_STATS_ZONES; z++) {
        for (unsigned s = 0; s < SISP_SITE_COUNT; s++)
            sum->zones[z].sum[s] += part->zones[z].sum[s];
        sum->zones[z].count += part->zones[z].count;
        sum->zones[z].clipped += part->zones[z].clipped;
    }
    for (unsigned c = 0; c < 3; c++) {
        for (unsigned i = 0; i < SISP_STATS_HISTOGRAM; i++)
            sum->histogram[c][i] += part->histogram[c][i];
    }
    for (unsigned i = 0; i < SISP_STATS_ROWS; i++)
        sum->row_green[i] += part->row_green[i];
    sum->focus += part->focus;
    if (part->row_count == 0)
        return; /* no band was added to it */
    sum->row_count = part->row_count;
    sum->row_lines = part->row_lines;
    sum->lsc_applied = part->lsc_applied;
    memcpy(sum->wb_gains, part->wb_gains, sizeof(sum->wb_gains));
}

void isp_stats_measure(const struct isp_fast_recipe *recipe, const uint8_t *raw, void *scratch,
    struct sisp_stats *stats)
{
    struct fast_run run;
    memset(stats, 0, sizeof(*stats));
    isp_fast_run_init(&run, recipe, raw, scratch, stats);
    run.has_defects = run.has_balance = false; /* they need the rows between */
    for (uint32_t cy = 0; cy < recipe->geometry.crop.height / 2; cy += 4) {
        isp_fast_unpack_row(&run, 2 * cy);
        isp_fast_unpack_row(&run, 2 * cy + 1);
        isp_fast_stats_row(&run, cy);
    }
    isp_fast_stats_finish(&run);
}
