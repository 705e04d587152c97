/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What merge.c and its row kernels share. Rows hold linear samples, 0 black, 1 white. */
#ifndef ISP_BURST_MERGE_H
#define ISP_BURST_MERGE_H

#include <isp/burst/burst.h>
#include <isp/burst/filters.h>

#define BLOCK       8                /* samples: one vector holds for so many, both ways */
#define STRIPS      3                /* of a block's height, kept in a ring */
#define RING        (STRIPS * BLOCK) /* rows */
#define CHUNK       256              /* columns merged at a time, so that the ring stays in cache */
#define HALO        BLOCK            /* columns beside them */
#define SPAN        (CHUNK + 2 * HALO) /* floats of a row */
#define PATCH       (BLOCK + FILTER_SIDE - 1)
#define PATCH_WORDS (PATCH + 2)
#define REACH       3    /* rows and columns around a sample that its weight depends on */
#define ASIDE       1e9F /* a difference that nothing accepts: there is no sample */

/** Black and 1 / (white - black), by row and column of the mosaic. */
struct merge_levels {
    float black[2][2], scale[2][2];
};

/** A frame's samples around a block, and how to read them. */
struct merge_patch {
    const uint16_t *words;      /* PATCH rows of PATCH */
    size_t stride;              /* in words */
    struct merge_levels levels; /* by row and column of the patch, local colour taken out */
};

struct merge_target {
    const float *reference; /* BLOCK rows of BLOCK, SPAN apart */
    float *difference;      /* likewise: the frame's sample minus the reference's */
    float colour[2][2];     /* local colour put back, by row and column */
    unsigned phase;         /* enum sisp_cfa of the block's first sample */
};

/** One frame's part of a strip. Row pointers: [REACH] is the strip's first row. */
struct merge_strip {
    const float *difference[BLOCK + 2 * REACH];
    const float *certainty[BLOCK + 2 * REACH]; /* 1 / sigma of a sample of the reference */
    float *sum[BLOCK], *weight[BLOCK];         /* what is added to */
    float *noise_sum[BLOCK];                   /* the sum's variance, over that of a sample */
    float noise;            /* of a difference, over that of a sample of the reference */
    float own;              /* of the filtered sample, likewise */
    float leeway;           /* what the reference's noise alone may differ by beyond that */
    float crowd;            /* frames that may share an error */
    uint32_t rows, columns; /* of them from column HALO on */
};

struct merge_kernels {
    void (*warp)(const struct merge_patch *patch, const float taps[2][FILTER_TAPS][2],
        const struct merge_target *target);
    /* Returns the weights' sum over `own` in 1/256, for the report. */
    uint64_t (*weigh)(const struct merge_strip *strip);
};

const struct merge_kernels *isp_merge_kernels(enum isp_isa isa);

#endif
