/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The look of a still: local tone mapping, from one pass over the whole frame that takes the mean
 * of cells of samples. Gains are planned of cells and applied to pixels:
 *
 * - Fast local Laplacian filter on log2 of luminance (Paris, Hasinoff, Kautz, "Local Laplacian
 *   filters", SIGGRAPH 2011; Aubry, Paris, Hasinoff, Kautz, Durand, "Fast local Laplacian filters",
 *   ACM TOG 2014): differences of more than a stop shrink, smaller ones stay, whatever their size.
 * - Guided filter (He, Sun, Tang, "Guided image filtering", ECCV 2010; He, Sun, "Fast guided
 *   filter", 2015): log2 of the gain is, around each cell, a line over log2 of luminance, so that
 *   it follows the edges of the full picture and leaves its texture.
 *
 * Gains are the same for R, G and B of a pixel, so that hues stay.
 */
#ifndef ISP_STILL_LOOK_H
#define ISP_STILL_LOOK_H

#include <isp/isp.h>

#include <stdbool.h>

#define LOOK_CELLS_MAX  512 /* along a side of the picture */
#define LOOK_SIDE_MAX   256 /* samples along a side of a cell */
#define LOOK_SIDE_LEAST 8
#define LOOK_LEVELS     8
#define LOOK_MARK       (-0.4F)  /* and less: the negative of a clipped sample (linear.c) */
#define LOOK_LOG_LEAST  (-13.0F) /* darkest log2 of luminance that is told apart */

/** Planes of a value a cell. */
enum look_plane {
    LOOK_RED,
    LOOK_GREEN,
    LOOK_BLUE,
    LOOK_CLIPPED, /* share of the samples that reach the clip level */
    LOOK_SLOPE,   /* log2 of the gain = slope * log2 of luminance + offset */
    LOOK_OFFSET,
    LOOK_RATIO,                      /* three planes: a colour over the mean of the other two */
    LOOK_WORK = LOOK_RATIO + 3,      /* from here on: of the plan alone */
    LOOK_RATIO_WORK = LOOK_WORK + 8, /* ratios may be found at the same time */
    LOOK_PLANES = LOOK_RATIO_WORK + 3,
};

struct look_map {
    uint32_t side, cols, rows; /* samples along a side of a cell; cells */
    float *plane[LOOK_PLANES];
};

/** What the coefficients say of it. Luminance: (R + 2 G + B) / 4 over the clip level. */
struct look_style {
    bool is_recovered; /* clipped samples come back from the other colours */
    float knee, clip;  /* what came back above is flattened, made white; of constants compilers
                          would make branches */
    float tone;        /* share of large differences that goes; 0: no local tone mapping */
    float contrast;    /* by how much small differences grow */
    float edge;        /* stops: what differs by less is small */
    float unit;        /* 1 / clip level */
    float anchor;      /* log2 of the luminance that becomes middle grey */
    float noise[2];    /* variance of luminance = noise[0] * luminance + noise[1] */
    float least;       /* luminance that is told from black */
};

/** The style of coefficients. */
struct look_style look_style_of(const struct sisp_coefficients *coefficients);

#endif
