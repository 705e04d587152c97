/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the parts of follow.c share. */
#ifndef ISP_BURST_FOLLOW_JOB_H
#define ISP_BURST_FOLLOW_JOB_H

#include <isp/burst/follow.h>

#define FOLLOW_MARGIN ((FOLLOW_WINDOW - FOLLOW_TILE) / 2)

struct plane {
    float *x, *y;
};

/* Lies in the scratch memory, from task to task: what one task alone in its phase works on, it
 * writes back; of others each works on a copy and writes its own rows of what is pointed to. */
struct follow_job {
    const struct isp_burst *burst;
    const struct isp_burst_transform *transform;
    const struct follow_kernels *kernels;
    struct burst_frame frame;
    struct pyramid reference, moving;
    struct follow_window *windows[2]; /* of the level at hand, and of the coarser one */
    uint32_t widths[2], heights[2];
    struct follow_tiles tiles;   /* of the finest level, in samples */
    struct plane weighed[2];     /* from each tile's own vector, and from the affine one */
    struct plane before[2];      /* own motion in the last frame before and after the reference */
    uint32_t distance[2];        /* of that frame; 0: there was none */
    struct follow_affine affine; /* of the frame at hand */
    float residual_most;         /* of a frame that is taken */
};

/** Rows y0 to y1 - 1 of tiles or blocks. */
struct follow_rows {
    uint32_t y0, y1;
};

/** A level of both pictures. */
struct follow_pair isp_follow_pair(const struct follow_job *job, uint32_t level);

/** Search rows of tiles of the level that the job is at. */
void isp_follow_search(
    struct follow_job *job, uint32_t frame, uint32_t level, struct follow_rows rows);

/** Weigh rows of tiles against what lies around them. */
void isp_follow_weigh(struct follow_job *job, struct follow_rows rows);

/** Write rows of blocks, from the tiles' vectors. */
void isp_follow_blocks(
    const struct follow_job *job, struct follow_rows rows, struct isp_burst_vector *out);

static inline uint32_t follow_distance(const struct follow_job *job, uint32_t frame)
{
    const uint32_t reference = job->burst->reference;
    return frame > reference ? frame - reference : reference - frame;
}

static inline int32_t follow_round(float v)
{
    return (int32_t)(v < 0 ? v - 0.5F : v + 0.5F);
}

#endif
