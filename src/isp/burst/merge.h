/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What merge.c and its kernels share. */
#ifndef ISP_BURST_MERGE_H
#define ISP_BURST_MERGE_H

#include <isp/burst/burst.h>
#include <isp/burst/filters.h>

#include <stdbool.h>

#define BLOCK      8                  /* samples: one vector holds for so many, both ways */
#define STRIPS     3                  /* of a block's height, kept in a ring */
#define RING       (STRIPS * BLOCK)   /* rows */
#define CHUNK      256                /* columns merged at a time: the ring stays in cache */
#define HALO       BLOCK              /* columns beside them */
#define SPAN       (CHUNK + 2 * HALO) /* columns of a row */
#define SLACK      32                 /* behind it, for the widest vectors */
#define PATCH      (BLOCK + FILTER_SIDE - 1)
#define PATCH_ROW  16 /* words of a patch's row; two more than what is used */
#define UNPACKED   32 /* samples of a patch's row that unpack() may read */
#define LINE_WORDS (PATCH_ROW + UNPACK_SLACK) /* of a patch's row, unpacked */
#define REACH      3 /* rows and columns around a sample that its weight depends on */

/* Differences are in sigmas of their noise: 2048 to one, up to 16. Half of that, alone among its
 * neighbours, leaves a sample no weight. */
#define SIGMA 2048
#define ASIDE 32767 /* there is no sample */

/* Variances of change that are expected where none shows. */
#define UNSEEN 0.15F

/** What a block's samples are read by: the reference's means, and each colour's over green's. */
struct merge_block {
    float mean[3], colour[3];
    float steps[3]; /* of each colour, to a unit of light */
    float back[3];
};

/** A frame's samples around a block, and how to bring them to one level and scale. */
struct merge_patch {
    const uint8_t *words; /* PATCH rows of PATCH_ROW 16-bit words */
    size_t stride_bytes;
    float scale[2][2], offset[2][2]; /* by row and column of the patch */
    uint16_t white;
};

struct merge_target {
    const float *reference, *certainty; /* BLOCK rows of BLOCK, SPAN apart */
    int16_t *difference;                /* likewise, SPAN + SLACK apart: sample minus reference */
    float scale[2][2], offset[2][2];    /* from the patch's scale back, by row and column */
    float unit;                         /* SIGMA over a difference's noise, in the reference's */
};

/** One frame's part of a strip. Row pointers: [REACH] is the strip's first row. */
struct merge_strip {
    const int16_t *difference[BLOCK + 2 * REACH];
    float *sum[BLOCK], *weight[BLOCK]; /* what is added to: differences in the reference's sigmas */
    float *noise_sum[BLOCK];           /* the sum's variance, over that of a sample */
    const float *own;                  /* a filtered sample's, by column, likewise */
    const float *step;                 /* of a difference, in sigmas of the reference */
    const float *share;                /* 256 over the full weight; 0 where there is no column */
    float leeway; /* what the reference's noise alone may differ by beyond a difference's */
    float crowd;  /* frames that may share an error */
    uint32_t rows, columns; /* of them from column HALO on */
};

/** What codes of a row stand for, from one that begins at an even or odd column. */
struct merge_levels {
    float black[2], scale[2];
    uint16_t white;
};

struct merge_kernels {
    /* Codes to light; returns whether any is white. */
    bool (*lighten)(
        const uint16_t *in, uint32_t count, const struct merge_levels *levels, float *out);
    /* 1 / sigma from the mean of nine samples of a colour; rows two above, at, and two below, from
     * two columns before on. */
    void (*find_certainty)(const float *const rows[3], float shot, float read, float *out);
    /* A patch of 10 or 12 bits packed, of which each row begins a group; it reads 12 bytes more. */
    void (*unpack)(
        const uint8_t *bytes, size_t stride_bytes, bool is_ten, uint16_t out[PATCH][LINE_WORDS]);
    /* Returns whether any word of the patch is white. */
    bool (*warp)(const struct merge_patch *patch, const struct filter_place *filters,
        const struct merge_target *target);
    /* Returns the weights' sum over `own` in 1/256, for the report. */
    uint64_t (*weigh)(const struct merge_strip *strip);
};

const struct merge_kernels *isp_merge_kernels(enum isp_isa isa);

#endif
