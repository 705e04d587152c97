/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Whole rows of raw frames and of grey cells (pyramid.h): functions of one level of instruction
 * sets; all make the same bits. */
#ifndef ISP_BURST_ROWS_H
#define ISP_BURST_ROWS_H

#include <isp/isp.h>

/* Variance of the difference of two cells whose first is g: slope * g + offset, at least that of
 * black. */
struct cell_noise {
    float slope, offset, least;
};

/** The sum of four samples is shifted up by .up, then down by .down. */
struct grey_shift {
    unsigned up, down;
};

struct score {
    uint64_t sum, count;
};

/** Brightness above black of the cells that can be compared. */
struct brightness {
    int64_t reference, frame;
};

struct row_kernels {
    /* As unpack_row() (isp/still/unpack.h). */
    const uint16_t *(*unpack)(
        enum sisp_packing packing, const uint8_t *row, uint32_t x, uint32_t count, uint16_t *words);
    void (*grey)(int16_t *out, const uint16_t *const rows[2], uint32_t count,
        struct grey_shift shift, uint32_t white);
    /* Mean of 2x2; clipped if any of the four is. */
    void (*halve)(int16_t *out, const int16_t *a, const int16_t *b, uint32_t count);
    void (*scale)(int16_t *cells, uint32_t count, float gain, float black);
    /* Absolute differences added up. */
    void (*add_difference)(struct score *score, const int16_t *a, const int16_t *b, uint32_t count);
    void (*add_brightness)(
        struct brightness *sum, const int16_t *a, const int16_t *b, uint32_t count, int32_t black);
    /* In sigmas of the difference of two cells, times ROWS_SIGMA; integers, so that no order of
     * sums can matter. */
    void (*add_residual)(struct score *score, const int16_t *a, const int16_t *b, uint32_t count,
        const struct cell_noise *noise);
};

#define ROWS_SIGMA 256

const struct row_kernels *isp_row_kernels(enum isp_isa isa);

#endif
