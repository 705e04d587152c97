/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What both files of the best demosaic share: rows, and where samples lie in them. */
#ifndef ISP_STILL_BEST_ROWS_H
#define ISP_STILL_BEST_ROWS_H

#include <isp/still/best.h>
#include <isp/still/kernels.h>
#include <isp/still/unpack.h>

struct still_best_rows {
    const struct still_strip *strip;
    const still_row *lines; /* STILL_LINES of them */
    struct still_best *best;
    int32_t around;         /* cells at both ends that later stages see, too */
    struct still_root root; /* what leaves: light, or the scale itself */
};

/* Stages go from here to still_end(): whole vectors from aligned addresses on. At both ends that is
 * more than later stages look at, made of what the last strip left there. Not from a constant:
 * clang would keep loads for the next cell, and make no vectors. */
static inline int64_t still_begin(const struct still_best_rows *w)
{
    return -(int64_t)((w->strip->margin + 15) / 16 * 16);
}

static inline int64_t still_end(const struct still_best_rows *w)
{
    return ((int64_t)w->strip->cells + w->strip->margin + 15) / 16 * 16;
}

static inline float still_light(const struct still_root *root, float x)
{
    x = still_clamp(x, root->least, root->most);
    return x * (x * root->square + root->straight) - root->offset;
}

/* Phase of red or blue in row y. */
static inline unsigned still_chroma_phase(const struct isp_still_recipe *recipe, int64_t y)
{
    return unpack_channel(unpack_site(recipe->cfa, 0, y & 1)) == 1;
}

/* The other phase's samples, so that [k] and [k + 1] are the neighbours of a phase's sample k. */
static inline const float *still_side(const still_row row, unsigned phase)
{
    return row[!phase] + STILL_MARGIN_CELLS - !phase;
}

static inline float still_slope(float product, float power, float prior, const float range[2])
{
    return still_clamp((product + prior) / (power + prior), range[0], range[1]);
}

/** Sums of products of high passes of green and of red or blue in row y. */
void STILL_SYMBOL(still_chroma_terms, ISA_NAME)(const struct still_best_rows *w, int64_t y);

/** Slope of red or blue on green in row y. */
void STILL_SYMBOL(still_chroma_slope, ISA_NAME)(const struct still_best_rows *w, int64_t y);

/** All colours of row y. */
void STILL_SYMBOL(still_colour_row, ISA_NAME)(
    const struct still_best_rows *w, int64_t y, const struct still_rgb *rgb);

#endif
