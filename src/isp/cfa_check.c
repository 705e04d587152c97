/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a raw frame looks as its CFA order says. In a Bayer mosaic (B. E. Bayer, US patent
 * 3971065, 1976) one diagonal of each cell is green twice: there, and nowhere else, two sites agree
 * whatever the scene's colours are. Exchanged red and blue leave no such trace. */
#include "isp/auto/elementary.h"
#include "isp/still/unpack.h"

#include <softisp/raw.h>

#include <stdbool.h>
#include <stddef.h>

#define BLOCKS_ACROSS 24
#define BLOCKS_DOWN   16
#define BLOCKS        (BLOCKS_ACROSS * BLOCKS_DOWN)
#define SIDE          16 /* samples; texture and noise are averaged out */

/* A block tells of colour when it is lit and unclipped, as shares of the range. */
#define LIT     0.006
#define CLIPPED 0.95

#define BLOCKS_MIN 24 /* lit ones */

/* Differences in stops. The greens of one cell differ by a few per cent (crosstalk, flare). */
#define GREENS_DIFFER 0.12
#define SITES_AGREE   0.03
#define COLORS_DIFFER 0.25

/* How much better than the declared greens the others must agree. */
#define TIMES_BETTER 4

/* Levels of the blocks span that many stops in a scene that may be called monochrome. */
#define SCENE_SPAN 1.5

struct measured {
    unsigned count;
    /* Means over blocks of the difference of: the main diagonal's sites; the other's; the
     * two diagonals' means. */
    double main, other, between;
    double level_min, level_max; /* log2 */
};

static double absolute(double x)
{
    return x < 0 ? -x : x;
}

/* So that the odd samples of a row or column have the same centre as the even ones: gradients leave
 * no difference. Either kind's sum to WEIGHTS. */
#define WEIGHTS 14
static const uint8_t weights[SIDE] = {0, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1};

/* Means of the four places of a cell, as shares of the range; false where light is too little or
 * too much. */
static bool read_block(const struct sisp_raw_info *info, const struct sisp_raw_format *format,
    const uint8_t *samples, const uint32_t at[2], double means[4])
{
    uint16_t words[SIDE + UNPACK_SLACK];
    uint32_t sums[4] = {0}, most = 0;
    for (uint32_t y = 0; y < SIDE; y++) {
        const uint8_t *row = samples + (at[1] + y) * info->stride_bytes;
        const uint16_t *line = unpack_row(format->packing, row, at[0], SIDE, words);
        for (uint32_t x = 0; x < SIDE; x++) {
            sums[2 * (y & 1) + (x & 1)] += (uint32_t)weights[y] * weights[x] * line[x];
            most = line[x] > most ? line[x] : most;
        }
    }
    for (uint32_t i = 0; i < 4; i++) {
        unsigned site = format->is_mono ? SISP_SITE_GR : sisp_cfa_shift(format->cfa, i & 1, i / 2);
        double black = (double)info->black_level[site], white = (double)info->white_level;
        means[i] = (sums[i] / (double)(WEIGHTS * WEIGHTS) - black) / (white - black);
        if (!(means[i] >= LIT) || !(most <= black + CLIPPED * (white - black)))
            return false;
    }
    return true;
}

static void add_block(struct measured *m, const double means[4])
{
    double main = isp_log2(means[0] / means[3]), other = isp_log2(means[1] / means[2]);
    double level = isp_log2(means[0] + means[1] + means[2] + means[3]);
    m->main += absolute(main);
    m->other += absolute(other);
    m->between += isp_log2(means[0] * means[3] / (means[1] * means[2])) / 2;
    m->level_min = m->count && m->level_min < level ? m->level_min : level;
    m->level_max = m->count && m->level_max > level ? m->level_max : level;
    m->count++;
}

/* Blocks all over the crop, at even places of the frame: the declared order is the frame's. */
static struct measured measure(
    const struct sisp_raw_info *info, const struct sisp_raw_format *format, const uint8_t *samples)
{
    struct measured m = {0};
    uint32_t room[2] = {info->crop.width - SIDE, info->crop.height - SIDE};
    double means[4];
    for (uint32_t i = 0; i < BLOCKS; i++) {
        uint32_t at[2] = {info->crop.x + room[0] * (i % BLOCKS_ACROSS) / (BLOCKS_ACROSS - 1),
            info->crop.y + room[1] * (i / BLOCKS_ACROSS) / (BLOCKS_DOWN - 1)};
        at[0] &= ~1u;
        at[1] &= ~1u;
        if (read_block(info, format, samples, at, means))
            add_block(&m, means);
    }
    if (m.count) {
        m.main /= m.count;
        m.other /= m.count;
        m.between /= m.count;
    }
    return m;
}

static bool is_measurable(const struct sisp_raw_info *info, const struct sisp_raw_format *format)
{
    const struct sisp_rect *crop = &info->crop;
    return format && crop->width >= 2 * SIDE && crop->height >= 2 * SIDE &&
           crop->width <= info->width && crop->x <= info->width - crop->width &&
           crop->height <= info->height && crop->y <= info->height - crop->height;
}

static void propose(struct sisp_cfa_check *check, bool greens_on_main)
{
    check->likely[0] = greens_on_main ? SISP_CFA_GRBG : SISP_CFA_RGGB;
    check->likely[1] = greens_on_main ? SISP_CFA_GBRG : SISP_CFA_BGGR;
}

void sisp_cfa_check(
    const struct sisp_raw_info *info, const uint8_t *samples, struct sisp_cfa_check *check)
{
    const struct sisp_raw_format *format = sisp_raw_info_format(info);
    *check = (struct sisp_cfa_check){.verdict = SISP_CFA_UNKNOWN};
    if (!is_measurable(info, format))
        return;
    struct measured m = measure(info, format, samples);
    if (m.count < BLOCKS_MIN)
        return;
    bool greens_on_main = m.main < m.other;
    double greens = greens_on_main ? m.main : m.other, others = greens_on_main ? m.other : m.main;
    bool is_mosaic = greens < GREENS_DIFFER && others > TIMES_BETTER * greens;
    bool declared_main =
        !format->is_mono && (format->cfa == SISP_CFA_GRBG || format->cfa == SISP_CFA_GBRG);
    check->greens = (float)greens;
    check->others = (float)others;
    propose(check, greens_on_main);
    if (format->is_mono)
        check->verdict =
            is_mosaic && absolute(m.between) > COLORS_DIFFER ? SISP_CFA_MOSAIC : SISP_CFA_PLAUSIBLE;
    else if (is_mosaic && others > GREENS_DIFFER)
        check->verdict = greens_on_main == declared_main ? SISP_CFA_PLAUSIBLE : SISP_CFA_OTHER;
    else if (others < SITES_AGREE && absolute(m.between) < SITES_AGREE &&
             m.level_max - m.level_min > SCENE_SPAN)
        check->verdict = SISP_CFA_MONO;
}
