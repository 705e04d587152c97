/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Grey pictures of a mosaic, coarse to fine: a cell is the sum of 2x2 samples, a coarser level the
 * mean of 2x2 cells. */
#ifndef ISP_BURST_PYRAMID_H
#define ISP_BURST_PYRAMID_H

#include <isp/burst/burst.h>

#define PYRAMID_LEVELS_MAX 7
#define PYRAMID_CLIPPED    (-1)  /* a cell that touches saturation is compared with nothing */
#define PYRAMID_BITS       14    /* of a cell, whatever the raw's: leaves 16-bit words some room */
#define PYRAMID_GAIN_MAX   1.25F /* of brightness between frames: lamps flicker */

struct level {
    uint32_t width, height;
    int16_t *cells;
};

struct pyramid {
    uint32_t count;
    struct level levels[PYRAMID_LEVELS_MAX];
};

/** Bytes of the cells of all levels. */
size_t isp_pyramid_bytes(const struct isp_geometry *geometry);

/** Lay the levels into `cells`. */
void isp_pyramid_place(
    struct pyramid *pyramid, const struct isp_geometry *geometry, int16_t *cells);

/** Of what and how grey cells are made. */
struct pyramid_source {
    const uint8_t *raw;
    float white, black; /* a cell with a sample of `white` or more is PYRAMID_CLIPPED */
    float gain;         /* of brightness above a cell's black */
};

/** Fill rows y0 to y1 - 1 of level 0, or to its end, and what they complete of the levels above. y0
 * is a multiple of 1 << (PYRAMID_LEVELS_MAX - 1). */
void isp_pyramid_build(struct pyramid *pyramid, const struct burst_frame *frame,
    const struct pyramid_source *source, uint32_t y0, uint32_t y1);

/** Brighten a level: black stays. */
void isp_pyramid_scale(
    const struct burst_frame *frame, const struct level *level, float gain, float black);

/** Black of a cell. */
float isp_pyramid_black(
    const struct isp_geometry *geometry, const struct sisp_coefficients *coefficients);

struct cell_noise isp_pyramid_noise(const struct isp_geometry *geometry,
    const struct sisp_coefficients *coefficients, const struct isp_burst_transform *transform);

#endif
