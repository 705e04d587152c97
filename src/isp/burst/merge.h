/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What merge.c and its kernels share. */
#ifndef ISP_BURST_MERGE_H
#define ISP_BURST_MERGE_H

#include <isp/burst/burst.h>
#include <isp/burst/filters.h>

#include <stdbool.h>

#define BLOCK     8                  /* samples: one vector holds for so many, both ways */
#define STRIPS    3                  /* of a block's height, kept in a ring */
#define RING      (STRIPS * BLOCK)   /* rows */
#define CHUNK     256                /* columns merged at a time: the ring stays in cache */
#define HALO      BLOCK              /* columns beside them */
#define SPAN      (CHUNK + 2 * HALO) /* columns of a row */
#define SLACK     32                 /* behind it, for the widest vectors */
#define PATCH     (BLOCK + FILTER_SIDE - 1)
#define PATCH_ROW 16 /* words of a patch's row; two more than what is used */
#define MARGIN    4  /* rows and columns around a block whose mean colour it is read by */
#define REACH     3  /* rows and columns around a sample that its weight depends on */

#define WINDOW_ROWS (BLOCK + 2 * MARGIN)
#define WINDOW_SPAN (SPAN + 2 * MARGIN)

/* Differences are in sigmas of their noise: 2048 to one, up to 16. Two thirds of that, alone among
 * its neighbours, leaves a sample no weight. */
#define SIGMA 2048
#define ASIDE 32767 /* there is no sample */

/* Change that is expected where none shows: in variances of a sample of the reference, and of the
 * frame's own. */
#define UNSEEN     0.1F
#define UNSEEN_OWN 0.5F

/** What a block's samples are read by: the reference's means, by site of the crop (row and column,
 * even or odd). */
struct merge_block {
    enum filter_detail detail;
    float mean[4];
    float colour[4], level[4]; /* the mean of the site's colour over green's, and one over that */
    /* Mean square of fine detail along rows, and columns, beyond noise, in a sample's variances. */
    float texture[2];
    float worth[4]; /* of a sample for what all colours share, over that of a green one */
};

/** How a frame's codes, brought to words of 15 bits, stand to light; by site of the crop. */
struct merge_codes {
    unsigned up, down; /* bits that codes are shifted by */
    uint16_t white;
    float black[4]; /* in words */
    float light[4]; /* of a word */
    float words[4]; /* of a unit of light */
};

/** A frame's samples around a block. */
struct merge_patch {
    const uint8_t *words; /* PATCH rows of PATCH_ROW 16-bit words */
    size_t stride_bytes;
    unsigned row, column; /* of its first sample in the crop: even 0, odd 1 */
};

struct merge_target {
    const float *reference, *certainty; /* BLOCK rows of BLOCK, SPAN apart */
    int16_t *difference;                /* likewise, SPAN + SLACK apart: sample minus reference */
    float unit;                         /* SIGMA over a difference's noise, in the reference's */
};

/** How a frame's block was read. */
struct merge_reading {
    float own;     /* variance of a filtered sample over that of a sample */
    float step;    /* of a difference, in sigmas of the reference */
    float full;    /* one over the most that it weighs: its own and what is expected of change */
    bool is_whole; /* no sample is clipped or missing */
};

/** One frame's part of a strip. Row pointers: [REACH] is the strip's first row. */
struct merge_strip {
    const int16_t *difference[BLOCK + 2 * REACH];
    float *sum[BLOCK], *weight[BLOCK]; /* what is added to: differences in the reference's sigmas */
    float *noise_sum[BLOCK];           /* the sum's variance, over that of a sample */
    const struct merge_reading *by;    /* by block */
    float *left;                       /* by column: least share of its weight that a sample has */
    float leeway; /* what the reference's noise alone may differ by beyond a difference's */
    float crowd;  /* frames that may share an error */
    uint32_t rows, columns; /* of them from column HALO on */
};

/** Of a row, from its first column on. */
struct merge_sums {
    const float *reference, *certainty, *sum, *weight;
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
    /* Mean square of fine detail along rows, and along columns, of the window's first columns;
     * `level`: what brings colours to one level, by site of the crop. */
    void (*find_texture)(
        const float window[WINDOW_ROWS][WINDOW_SPAN], const float level[4], float out[2]);
    /* Returns whether any word of the patch is white. */
    bool (*warp)(const struct merge_codes *codes, const struct merge_block *block,
        const struct merge_patch *patch, const struct filter_place *filters,
        const struct merge_target *target);
    /* Returns the weights' sum over `own` in 1/256, for the report. */
    uint64_t (*weigh)(const struct merge_strip *strip);
    /* The merged row. */
    void (*finish)(const struct merge_sums *sums, uint32_t columns, uint16_t *out);
    /* Each column's variances over a sample's, summed; rows of both are SPAN apart. */
    void (*find_noise)(const float *noise, const float *weight, uint32_t rows, float out[SPAN]);
};

const struct merge_kernels *isp_merge_kernels(enum isp_isa isa);

#endif
