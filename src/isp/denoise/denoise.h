/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Noise reduction of a mosaic, in three steps that each rest on the noise model:
 *
 * 1. A transform that makes the noise equal everywhere: M. Makitalo and A. Foi, "Optimal inversion
 *    of the generalized Anscombe transformation for Poisson-Gaussian noise", IEEE TIP 2013; the way
 *    back knows that the sensor cut noise off at both ends (levels.c).
 * 2. A first estimate: cells of 2x2 samples become one brightness and three differences, each in
 *    overlapping blocks of 8x8 cells shrunk in their cosine transform: G. Yu and G. Sapiro, "DCT
 *    image denoising: a simple and effective image denoising algorithm", IPOL 2011; coarser noise
 *    likewise at half that size: N. Pierazzo, J.-M. Morel and G. Facciolo, "Multi-scale DCT
 *    denoising", IPOL 2017. A coefficient is judged together with those of the other three planes:
 *    fine detail is in all of them.
 * 3. A second one: the mosaic itself, local colour taken off it (colour_kernels.c), so that detail
 *    is not split over four planes, in overlapping groups of eight like blocks of 8x8 samples,
 *    found near each other in the first and weighed against it in the cosine transform of all three
 *    directions: the empirical Wiener filter of K. Dabov, A. Foi, V. Katkovnik and K. Egiazarian,
 *    "Image denoising by sparse 3-D transform-domain collaborative filtering", IEEE TIP 2007;
 *    blocks an even number of samples apart, as A. Danielyan, M. Vehvilainen, A. Foi, V. Katkovnik
 *    and K. Egiazarian, "Cross-color BM3D filtering of noisy raw data", LNLA 2009.
 *
 * Work is done in tiles that look as far around them as any sample depends on: no seams, no memory
 * but a thread's own.
 */
#ifndef ISP_DENOISE_DENOISE_H
#define ISP_DENOISE_DENOISE_H

#include <isp/isp.h>
#include <isp/still/unpack.h>

#include <stdbool.h>

#define BLOCK       8
#define TILE_CELLS  (ISP_DENOISE_TILE / 2)
#define HALO_CELLS  32
#define CELLS       (TILE_CELLS + 2 * HALO_CELLS) /* of a tile with what is around it */
#define COARSE      (CELLS / 2)
#define MOSAIC_SPAN 192 /* floats: even, or odd, columns of a row of the mosaic, some to spare */
#define CELL_SPAN   96  /* likewise of a plane of cells */
#define COARSE_SPAN 48
#define HOT_MAX     1024 /* samples of a tile that are mended */

#define ROW_SPAN (2 * MOSAIC_SPAN) /* of a row of the mosaic whose columns stand in order */

/* Where blocks of the first estimate begin, every second cell of each size. */
#define COARSE_BLOCKS_OF(cells) (((cells) + 50) / 4 + 1)
#define CELL_FIRST              4 /* in pairs of cells */
#define CELL_BLOCKS_OF(cells)   (((cells) + 1) / 2 + 21)

/* The second one: a block every four samples, and those like it as far around it as that, which
 * are searched by cells. All that is needed of so many cells of a tile is under these blocks. */
#define REACH                  8
#define STEP                   4
#define GROUP_FIRST            ((2 * HALO_CELLS - BLOCK + 1 - REACH + 3) / STEP * STEP)
#define GROUPS_OF(cells)       (((HALO_CELLS + (cells)) * 2 + REACH - 1 - GROUP_FIRST) / STEP + 1)
#define NOISE_BLOCKS_OF(cells) (GROUPS_OF(cells) + 2 * REACH / STEP)

#define BLOCKS_SPAN 96 /* floats of a row of blocks */

#define HALF_ROOT 0.707106781F

#define LEVELS 1024

/** From the equalised level back to light: where noise has been averaged away, and how much more
 * where one frame's is left. */
struct denoise_level {
    float light, light_step, bias, bias_step;
};

/** Light to equal noise: 2 x / (sqrt(shot x + root^2) + root). */
struct isp_denoise_recipe {
    float shot, root, square; /* root is that of square */
    float variance;           /* of the noise that is taken, over the model's */
    float first, per_level;   /* of the table */
    struct denoise_level levels[LEVELS];
    const struct denoise_kernels *kernels;
    struct isp_geometry geometry;
    enum sisp_packing packing;
    float black[2][2], scale[2][2]; /* by row and column of the crop */
    bool is_grey[4]; /* planes of cells that are zero where there is no detail: of equal colours */
};

#define PLANES 4
#define GUARD  8 /* floats: a vector's */

/** A row of blocks: [frequency down][even, odd columns][pair of columns]. */
struct denoise_strip {
    float at[BLOCK][2][CELL_SPAN];
};

/** What comes back of it, by the pair of columns that a block begins at, GUARD further right, so
 * that blocks which begin left of the first one are zero: [frequency down][column of the block].
 * Overlapping ones are summed when they are read: sums in place would wait for their stores. */
struct denoise_shrunk {
    float at[BLOCK][BLOCK][CELL_SPAN + GUARD];
    float weight[CELL_SPAN + GUARD];
};

struct denoise_strips {
    struct denoise_strip in[PLANES];
    struct denoise_shrunk out[PLANES];
};

/** Rows of a plane stand in two halves, even columns before odd ones, `span` floats each. */
struct denoise_pass {
    const float *in[4];
    float *sum[4], *weight[4]; /* weight: one for each 2x2 */
    const bool *is_grey;       /* planes whose means are judged, too */
    const float *noise;        /* variance of each block: rows of BLOCKS_SPAN */
    struct denoise_strips *strips;
    uint32_t span;
    uint32_t first, blocks;         /* pairs of columns where blocks begin */
    uint32_t first_row, block_rows; /* pairs of rows, likewise */
};

struct denoise_scratch {
    float mosaic[2 * CELLS][2][MOSAIC_SPAN];
    float plain[2 * CELLS][ROW_SPAN]; /* the mosaic without local colour */
    float local[2 * CELLS][ROW_SPAN]; /* colour */
    float pilot[2 * CELLS][ROW_SPAN];
    union {
        float cells[4][CELLS][2][CELL_SPAN];
        float slopes[4][CELLS][2][CELL_SPAN]; /* of local colour by brightness */
        float mosaic[2 * CELLS][ROW_SPAN];
    } in, sum;
    float estimate[4][CELLS][2][CELL_SPAN];
    union {
        float cells[4][CELLS][MOSAIC_SPAN];
        float bases[4][CELLS][2][CELL_SPAN];
        float mosaic[2 * CELLS][ROW_SPAN];
    } weight;
    float coarse[4][COARSE][2][COARSE_SPAN], coarse_sum[4][COARSE][2][COARSE_SPAN];
    float noise[CELL_BLOCKS_OF(TILE_CELLS)][BLOCKS_SPAN];
    struct denoise_strips strips;
    float missing[COARSE + 2][CELL_SPAN]; /* of a plane, found at half size */
    uint32_t hot[HOT_MAX][2];
    float mended[HOT_MAX];
};

/** One tile: its corner in cells. */
struct denoise_tile {
    const struct isp_denoise_recipe *recipe;
    const struct isp_denoise *job;
    uint32_t x, y;
    struct denoise_scratch *scratch;
};

struct denoise_kernels {
    void (*tile)(const struct denoise_tile *tile);
};

#define DENOISE_PASTE_(name, level) name##_##level
#define DENOISE_PASTE(name, level)  DENOISE_PASTE_(name, level)

/** Of the block of the map that a sample is in, or of the nearest one, in 1/ISP_BURST_NOISE_ONE. */
static inline float denoise_variance(const struct denoise_tile *t, int64_t x, int64_t y)
{
    const uint32_t columns = isp_burst_blocks(t->recipe->geometry.crop.width),
                   rows = isp_burst_blocks(t->recipe->geometry.crop.height);
    const int64_t i = x < 0 ? 0 : x / 8, j = y < 0 ? 0 : y / 8;
    const uint32_t column = i < columns ? (uint32_t)i : columns - 1,
                   row = j < rows ? (uint32_t)j : rows - 1;
    return (float)t->job->noise[(size_t)row * columns + column];
}

#ifdef ISA_NAME
#define denoise_mend   DENOISE_PASTE(denoise_mend, ISA_NAME)
#define denoise_shrink DENOISE_PASTE(denoise_shrink, ISA_NAME)
#define denoise_colour DENOISE_PASTE(denoise_colour, ISA_NAME)
#define denoise_match  DENOISE_PASTE(denoise_match, ISA_NAME)
/** Replaces samples of the tile's mosaic that stand alone. */
void denoise_mend(const struct denoise_tile *tile);
/** The first estimate: four planes judged together; sums and weights are added to. */
void denoise_shrink(const struct denoise_pass *pass);
/** Of the first estimate: local colour in a mosaic of its own; the plain mosaic and the pilot are
 * without it. */
void denoise_colour(struct denoise_scratch *scratch);
/** The second: groups of blocks across and down of the plain mosaic against the pilot; sums and
 * weights are added to. */
void denoise_match(struct denoise_scratch *scratch, uint32_t across, uint32_t down);
#endif

void isp_denoise_levels(struct isp_denoise_recipe *recipe, const struct isp_denoise_noise *noise);

#endif
