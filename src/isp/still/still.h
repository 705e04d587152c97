/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the still path's frame code and its row kernels share. */
#ifndef ISP_STILL_STILL_H
#define ISP_STILL_STILL_H

#include <isp/isp.h>
#include <stdbool.h>

/* Floats before and after each plane of a row: room for mirrored samples, and 64-byte alignment. */
#define STILL_PAD 16

/** One linear row, even and odd samples apart: phase[x & 1][x >> 1], valid from x = -2 on. */
struct still_line {
    float *phase[2];
};

/** The row kernels of one instruction set level. */
struct still_kernels {
    /** Row y of the crop, unpacked and linear, mirrored at its ends. words: scratch. */
    void (*linearise)(const struct isp_still_recipe *recipe, const uint8_t *raw, uint32_t y,
        const struct still_line *line, uint16_t *words);
    /** Output row y from the linear rows y-2..y+2. */
    void (*develop)(const struct isp_still_recipe *recipe, const struct still_line lines[5],
        uint32_t y, uint8_t *out);
};

struct isp_still_recipe {
    struct isp_geometry geometry;
    const struct still_kernels *kernels;
    enum sisp_packing packing;
    bool is_mono;
    enum sisp_cfa cfa; /* of the crop's corner */
    enum sisp_demosaic demosaic;
    float black[SISP_SITE_COUNT];
    float scale[SISP_SITE_COUNT]; /* wb gain / (white - black) */
    float clip_level;
    float ccm[9];
    float tone[SISP_TONE_KNOTS], tone_delta[SISP_TONE_KNOTS]; /* delta: to the next knot */
    struct sisp_lsc_mesh lsc;
    float lsc_scale[2], lsc_offset[2]; /* of x and y: knot index = sample index * scale + offset */
};

#endif
