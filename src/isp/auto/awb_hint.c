/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Other tellers of the light than the zones' colours. Edges: the differences between surfaces are
 * grey on average where the surfaces are not (van de Weijer, Gevers and Gijsenij, Edge-based color
 * constancy, IEEE Trans. Image Processing 16, 2007). Highlights: shades of grey (Finlayson and
 * Trezzi, Shades of gray and colour constancy, Color Imaging Conference 2004). And what the camera
 * itself noted, which may be a placeholder: all three are bounded as the zones' colours are.
 */
#include "isp/auto/awb.h"
#include "isp/auto/elementary.h"

#define ZONES SISP_STATS_ZONES

#define EDGE_NATS   8
#define BRIGHT_NATS 4
#define HINT_WIDTH  0.4

/* A camera's own balance is nearly as good as all else together, if it is one. */
#define AS_SHOT_NATS  16
#define AS_SHOT_WIDTH 0.3

/* Edges of this share of the mean level say all they can; where there are fewer, noise is seen. */
#define EDGE_SHARE 0.02

struct grid {
    bool is_usable[ZONES * ZONES], is_bright[ZONES * ZONES];
    double rgb[ZONES * ZONES][3];
};

static void fill(struct grid *grid, const struct sisp_stats *stats)
{
    for (int i = 0; i < ZONES * ZONES; i++) {
        const struct sisp_zone *zone = &stats->zones[i];
        grid->is_bright[i] = isp_awb_zone(zone, stats->wb_gains, grid->rgb[i]);
        grid->is_usable[i] = grid->is_bright[i] && zone->clipped <= zone->count;
    }
}

static void add_edge(const struct grid *grid, int a, int b, double sum[3])
{
    if (!grid->is_usable[a] || !grid->is_usable[b])
        return;
    for (int c = 0; c < 3; c++) {
        double step = grid->rgb[a][c] - grid->rgb[b][c];
        sum[c] += step < 0 ? -step : step;
    }
}

/* Between neighbours; sums of absolute differences. */
static void sum_edges(const struct grid *grid, double sum[3])
{
    for (int i = 0; i < ZONES * ZONES; i++) {
        if (i % ZONES + 1 < ZONES)
            add_edge(grid, i, i + 1, sum);
        if (i + ZONES < ZONES * ZONES)
            add_edge(grid, i, i + ZONES, sum);
    }
}

static void add_hint(struct isp_zone_colors *zones, double red, double blue, double nats)
{
    if (!isp_within(red, -5, 5) || !isp_within(blue, -5, 5))
        return;
    zones->hint[zones->hint_count++] = (struct isp_awb_hint){{red, blue}, nats, HINT_WIDTH};
}

static void hint_by_edges(struct isp_zone_colors *zones, const struct grid *grid)
{
    double edges[3] = {0, 0, 0}, green = 0;
    sum_edges(grid, edges);
    for (int i = 0; i < ZONES * ZONES; i++)
        green += grid->is_usable[i] ? 2 * grid->rgb[i][1] : 0; /* each has two of the neighbours */
    double nats = EDGE_NATS * isp_clamp(edges[1] / (EDGE_SHARE * green), 0, 1);
    if (edges[0] > 0 && edges[1] > 0 && edges[2] > 0)
        add_hint(zones, isp_log2(edges[0] / edges[1]), isp_log2(edges[2] / edges[1]), nats);
}

/* Minkowski's norm of power 4, over what is left of partly clipped zones, too. */
static void hint_by_highlights(struct isp_zone_colors *zones, const struct grid *grid)
{
    double sum[3] = {0, 0, 0};
    for (int i = 0; i < ZONES * ZONES; i++) {
        for (int c = 0; c < 3 && grid->is_bright[i]; c++) {
            double square = grid->rgb[i][c] * grid->rgb[i][c];
            sum[c] += square * square;
        }
    }
    if (sum[0] > 0 && sum[1] > 0 && sum[2] > 0)
        add_hint(zones, isp_log2(sum[0] / sum[1]) / 4, isp_log2(sum[2] / sum[1]) / 4, BRIGHT_NATS);
}

void isp_awb_hint(
    struct isp_zone_colors *zones, const struct sisp_stats *stats, const struct isp_white *as_shot)
{
    struct grid grid;
    fill(&grid, stats);
    zones->hint_count = 0;
    hint_by_edges(zones, &grid);
    hint_by_highlights(zones, &grid);
    if (as_shot)
        zones->hint[zones->hint_count++] = (struct isp_awb_hint){
            {-as_shot->log2_gain[0], -as_shot->log2_gain[1]}, AS_SHOT_NATS, AS_SHOT_WIDTH};
}
