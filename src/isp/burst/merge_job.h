/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What merge.c, merge_view.c, merge_warp.c and merge_fit.c share. */
#ifndef ISP_BURST_MERGE_JOB_H
#define ISP_BURST_MERGE_JOB_H

#include <isp/burst/fit.h>
#include <isp/burst/merge.h>

#define BLOCKS (SPAN / BLOCK) /* of a strip */
#define LONGER 0.8F           /* gain of a frame that was exposed longer than the reference */

#define CUT_STEPS 32 /* of the light in which noise is cut off */

#define ROOM       16 /* samples that the displacements of blocks differ by that share a view */
#define VIEW_ROWS  (PATCH + ROOM)
#define VIEW_WORDS (SPAN - BLOCK + PATCH_ROW + ROOM + UNPACK_SLACK)

struct scratch {
    float window[WINDOW_ROWS][WINDOW_SPAN]; /* the reference around a strip */
    float column_sums[2][WINDOW_SPAN];      /* of the window's even and odd rows */
    float reference[RING][SPAN], certainty[RING][SPAN];
    float sum[BLOCK][SPAN], weight[BLOCK][SPAN], noise[BLOCK][SPAN];
    struct merge_reading readings[ISP_BURST_MAX][STRIPS][BLOCKS]; /* of each frame */
    struct merge_block blocks[STRIPS][BLOCKS];
    float left[ISP_BURST_MAX][SPAN]; /* of each frame's weights: the least in a strip's column */
    struct fit_batch batch;
    struct fit fit;
    uint16_t words[WINDOW_SPAN + UNPACK_SLACK];
    uint16_t view[VIEW_ROWS][VIEW_WORDS];     /* of a frame, where the strip's blocks look */
    uint16_t apart[PATCH][VIEW_WORDS];        /* where one of them looks that goes its own way */
    uint8_t is_clipped[RING][SPAN];           /* the reference */
    bool any_clipped;                         /* of its last strip */
    int16_t difference[][RING][SPAN + SLACK]; /* of each frame; the reference's is not used */
};

struct merge {
    const struct isp_burst *burst;
    const struct isp_burst_transform *transform;
    const struct isp_burst_vector *field;
    const struct isp_burst_filters *filters;
    const struct merge_kernels *kernels;
    const struct fit_kernels *fit;
    struct burst_frame frame;
    float black[2][2], scale[2][2]; /* of codes, by row and column of the crop */
    uint8_t channels[2][2];
    float neutral[3]; /* of white in the raw, over green */
    float noise_shot, noise_read;
    /* By how much means from cut_first on are too bright, cut_steps a unit of light; 0: none is. */
    float cut_off[CUT_STEPS + 1], cut_first, cut_steps;
    uint32_t width, height, blocks; /* blocks: of a row */
    uint32_t x0;                    /* column of the chunk, of which SPAN's [HALO] is */
    uint32_t columns;
    uint16_t *merged, *noise;
    struct isp_burst_shares *shares;
    struct scratch *s;
};

/** Samples of a frame from (x, y) of the crop on, which may lie beyond it. */
struct merge_view {
    int64_t x, y;
    uint32_t columns, rows;
    const uint8_t *words;
    size_t stride_bytes;
};

/** Where a block is read in a frame: the nearest sample, and from there on. */
struct merge_place {
    int32_t shift[2];
    unsigned across, down; /* FILTER_STEPS to a sample, from -1/2 on */
};

/** What most of the strip's blocks read; good until the next one. */
struct merge_view isp_merge_view(const struct merge *merge, uint32_t frame, uint32_t strip,
    const struct merge_place places[], uint32_t first, uint32_t count);

/** PATCH samples from (x, y) on; good until the next one or the next view. */
struct merge_patch isp_merge_patch(
    const struct merge *merge, uint32_t frame, const struct merge_view *view, int64_t x, int64_t y);

struct merge_codes isp_merge_codes(const struct merge *merge, uint32_t frame);

/** From the sums of the strip's columns, what its blocks are read by. */
void isp_merge_find_blocks(const struct merge *merge, uint32_t strip);

/** A frame's differences to the strip. */
void isp_merge_warp(const struct merge *merge, uint32_t frame, uint32_t strip);

/** Once a strip's frames are weighed: its blocks of detail anew, from all frames at once. */
void isp_merge_fit(const struct merge *merge, uint32_t strip);

/** What is cut off of the noise at the lowest code, once noise and black are known. */
void isp_merge_learn_cut(struct merge *merge);

/** Take from the sums of merged rows what that makes them too bright. */
void isp_merge_mend_cut(const struct merge *merge, uint32_t y0, uint32_t y1);

/** Whether the strip's block has columns of the crop. */
static inline bool merge_has_block(const struct merge *m, uint32_t block)
{
    const uint32_t x = m->x0 + block * BLOCK;
    return x >= HALO && x < m->width + HALO;
}

/** A displacement in whole samples, and the rest as a place. */
static inline unsigned merge_split(int32_t vector, int32_t *whole)
{
    const int32_t shifted = vector + ISP_BURST_VECTOR_UNIT / 2;
    *whole = shifted >> 4;
    return (unsigned)(shifted & (ISP_BURST_VECTOR_UNIT - 1));
}

static inline struct merge_place merge_place_of(
    const struct merge *m, uint32_t frame, uint32_t strip, uint32_t block)
{
    const size_t rows = (m->height + BLOCK - 1) / BLOCK;
    const struct isp_burst_vector v = m->field[((size_t)frame * rows + strip) * m->blocks +
                                               (m->x0 + block * BLOCK - HALO) / BLOCK];
    struct merge_place place;
    place.across = merge_split(v.x, &place.shift[0]);
    place.down = merge_split(v.y, &place.shift[1]);
    return place;
}

#endif
