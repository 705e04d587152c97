/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Burst: what aligning and merging share.
 *
 * The frame of it is S. W. Hasinoff et al., "Burst photography for high dynamic range and low-light
 * imaging on mobile cameras" (HDR+), SIGGRAPH Asia 2016: equal exposures, align grey half-size
 * pictures coarse to fine, merge raw samples against a reference by the noise model. Otherwise it
 * goes its own way: motion to a fraction of a sample with what each tile can know of it
 * (follow.h), frames read between samples across colours (filters.c), weights in space by what
 * differs beyond noise (merge.c) instead of per frequency in tiles, and where there is detail, all
 * frames' samples at once (merge_fit.c).
 *
 *     align (one shift a frame) -> follow (a vector for each 8x8 samples) -> merge
 */
#ifndef ISP_BURST_BURST_H
#define ISP_BURST_BURST_H

#include <isp/burst/rows.h>
#include <isp/still/unpack.h>

#define CACHE_LINE 64 /* bytes */

/** Variance of a sample's noise in the dark: at least that of rounding to whole codes. */
static inline float burst_read_noise(
    const struct sisp_coefficients *coefficients, const struct isp_burst_transform *transform)
{
    const float range = coefficients->white_level - coefficients->black_level[SISP_SITE_GR];
    const float rounding = 1 / (12 * range * range);
    return transform->noise_read > rounding ? transform->noise_read : rounding;
}

/** A frame's format and the order of its crop. */
struct burst_frame {
    const struct isp_geometry *geometry;
    enum sisp_packing packing;
    enum sisp_cfa cfa; /* of the crop's corner */
    const struct row_kernels *kernels;
};

struct burst_frame isp_burst_frame_of(const struct isp_geometry *geometry, enum isp_isa isa);

/** Samples x to x + count - 1 of row y of the crop. */
struct burst_part {
    uint32_t x, y, count;
};

/** As words; `words` holds the count + UNPACK_SLACK. */
const uint16_t *isp_burst_part(
    const struct burst_frame *frame, const uint8_t *raw, struct burst_part part, uint16_t *words);

/** Ask for what will soon be read: of rows that are read in parts, prefetchers foresee little. */
void isp_burst_prefetch(
    const struct burst_frame *frame, const uint8_t *raw, struct burst_part part);

/** Row y of the crop as words; `words` holds the crop's width + UNPACK_SLACK. */
const uint16_t *isp_burst_row(
    const struct burst_frame *frame, const uint8_t *raw, uint32_t y, uint16_t *words);

/** Frames, by bit, whose samples are those of the reference or of one before: they tell nothing. */
uint32_t isp_burst_find_copies(const struct isp_burst *burst);

#endif
