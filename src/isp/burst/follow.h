/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Follow: where each part of the reference lies in another frame, to a fraction of a sample.
 *
 * Tiles of 16x16 samples are searched coarse to fine (B. Wronski et al., "Handheld multi-frame
 * super-resolution", SIGGRAPH 2019, and HDR+ before it), refined by gradients (B. D. Lucas,
 * T. Kanade, IJCAI 1981, in the inverse compositional form of S. Baker, I. Matthews, IJCV 2004),
 * then weighed against their neighbours and the frame's affine motion by what each window could
 * know.
 */
#ifndef ISP_BURST_FOLLOW_H
#define ISP_BURST_FOLLOW_H

#include <isp/burst/pyramid.h>

#define FOLLOW_WINDOW 16 /* cells, of a window around a tile of half of that */
#define FOLLOW_TILE   8
#define FOLLOW_REACH  4 /* cells: the most that is searched around a displacement */

/** Where a window of the reference lies in the frame: displacement in cells, and what the window
 * can know of it: information (inverse covariance) in 1/cells^2, at the frame's noise. */
struct follow_window {
    float x, y;
    float xx, xy, yy;
};

/** A level of the reference and the same one of the frame. */
struct follow_pair {
    struct level reference, frame;
    struct cell_noise noise; /* of the difference of two cells */
};

/** Vectors of all tiles of a level, or of a frame, in arrays of their own. */
struct follow_tiles {
    uint32_t width, height, stride;
    float *x, *y, *xx, *xy, *yy;
};

/** x' = p[0] + p[1] x + p[2] y, y' = p[3] + p[4] x + p[5] y: displacement of tile (x, y), both from
 * -1 to 1 along the longer side. */
struct follow_affine {
    float p[6];
};

#define FOLLOW_BETWEEN 32 /* tiles of a row at a time */

/** Vectors of the blocks a quarter, [0], and three quarters, [1], of the way from a tile to the
 * next one, and how far, summed over x and y, the tiles around them go apart from that. */
struct follow_between {
    float x[2][FOLLOW_BETWEEN], y[2][FOLLOW_BETWEEN], apart[2][FOLLOW_BETWEEN];
};

/** Functions of one level of instruction sets; all make the same bits. */
struct follow_kernels {
    /* Mean absolute difference of the window whose first cell is (x, y), at a whole displacement;
     * FLT_MAX where fewer than a quarter of its cells can be compared. */
    float (*difference)(
        const struct follow_pair *pair, int32_t x, int32_t y, int32_t dx, int32_t dy);
    /* The least such difference at the whole displacements within `reach` of `best`, which has
     * `least`, to `best`. */
    void (*search)(const struct follow_pair *pair, const int32_t at[2], int32_t reach, float least,
        int32_t best[2]);
    /* Move a window's displacement to where it fits best, by at most two cells. */
    void (*refine)(const struct follow_pair *pair, int32_t x, int32_t y, struct follow_window *w);
    /* Mean square difference over the noise's, of `size` x `size` cells at (x, y), at a fractional
     * displacement; FLT_MAX likewise. */
    float (*misfit)(const struct follow_pair *pair, const int32_t window[3], float dx, float dy);
    /* One row of tiles weighed against what lies around it; two starts and results in x and y. */
    void (*weigh_row)(const struct follow_tiles *tiles, const struct follow_affine *affine,
        uint32_t row, float *const x[2], float *const y[2]);
    /* Between `count` tiles and the next ones, of two rows; `part`: how far down. */
    void (*between)(const float *const x[2], const float *const y[2], float part, uint32_t count,
        struct follow_between *out);
};

const struct follow_kernels *isp_follow_kernels(enum isp_isa isa);

/** The affine motion that most tiles agree on. */
void isp_follow_affine(const struct follow_tiles *tiles, struct follow_affine *out);

/** Mean absolute difference at the finest level under the affine motion, to whole cells, in noise
 * sigmas; FLT_MAX where nothing can be compared. */
float isp_follow_residual(const struct follow_pair *pair, const struct row_kernels *rows,
    const struct follow_tiles *tiles, const struct follow_affine *affine);

/** What wrong motion looks like on this content: the reference against itself, moved. */
float isp_follow_residual_of_wrong(const struct follow_pair *pair, const struct row_kernels *rows);

/** Displacement of the affine motion at tile coordinates. */
static inline void follow_affine_at(const struct follow_affine *affine,
    const struct follow_tiles *tiles, const float at[2], float out[2])
{
    float scale = 2 / (float)(tiles->width > tiles->height ? tiles->width : tiles->height);
    float x = (at[0] + 0.5F) * scale - 1, y = (at[1] + 0.5F) * scale - 1;
    out[0] = affine->p[0] + affine->p[1] * x + affine->p[2] * y;
    out[1] = affine->p[3] + affine->p[4] * x + affine->p[5] * y;
}

#endif
