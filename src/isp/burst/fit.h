/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Fits: a block's samples from those of all frames at once, as merge_fit.c says. */
#ifndef ISP_BURST_FIT_H
#define ISP_BURST_FIT_H

#include <isp/burst/merge.h>

#define FIT_BATCH 8 /* blocks that are solved side by side */
#define FIT_SITES 4 /* of the crop: row and column, even or odd */
#define FIT_ONE   16384
#define FIT_MOST  3.5F /* weights without their signs, summed: beyond, sums might overflow */

/** A frame's part in a batch, by block. */
struct fit_frame {
    const struct fit_axis *across[FIT_BATCH], *down[FIT_BATCH];
    int32_t is_odd[2][FIT_BATCH]; /* the way to the nearest sample, in columns and rows: -1 or 0 */
    float weight[FIT_BATCH];
    float noise; /* variance of a sample over that of the reference's */
};

struct fit_batch {
    uint32_t count;
    uint8_t channels[FIT_SITES];
    float worth[FIT_SITES][FIT_BATCH]; /* struct merge_block */
    struct fit_frame frames[ISP_BURST_MAX];
};

/** Weights of a frame's samples: of two rows in a word, the lower one's in its upper half. */
struct fit_taps {
    int32_t pairs[FIT_SITES][FIT_SIDE / 2][FIT_SIDE][FIT_BATCH];
};

struct fit {
    struct fit_taps taps[ISP_BURST_MAX];
    /* Variance of what comes out over that of the reference's samples: the mean of the sites. */
    float noise[FIT_BATCH];
    float most[FIT_BATCH]; /* sum of all weights without their signs, of the site with the most */
};

/** A frame's samples around a block. */
struct fit_reading {
    const struct merge_codes *codes;
    const struct merge_block *block;
    struct merge_patch patch;
    unsigned row, column; /* of the patch, where the first weight belongs */
};

struct fit_kernels {
    void (*solve)(const struct fit_batch *batch, struct fit *out);
    /* Adds light beyond the block's means, the batch's number k; returns whether any word of the
     * patch is white. */
    bool (*read)(const struct fit_reading *reading, const struct fit_taps *taps, unsigned k,
        float light[BLOCK][BLOCK]);
};

const struct fit_kernels *isp_fit_kernels(enum isp_isa isa);

#endif
