/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What the still path's frame code and its row kernels share. A band is walked in strips of
 * columns, so that all between the raw rows and the picture stays in cache; in a strip, rows go
 * through three stages: linear samples, demosaic, finish.
 */
#ifndef ISP_STILL_STILL_H
#define ISP_STILL_STILL_H

#include <isp/still/look.h>

/* A strip's cells (pairs of columns), and the most that a stage may see of its surroundings. */
#define STILL_STRIP_CELLS  512
#define STILL_MARGIN_CELLS 32 /* 128 bytes of floats: rows are aligned */
#define STILL_ROW_CELLS    (STILL_STRIP_CELLS + 2 * STILL_MARGIN_CELLS)

/* Rows and columns that the finish may see around a pixel, at most. */
#define STILL_AROUND_MAX 8
#define STILL_RGB_FLOATS (2 * STILL_ROW_CELLS) /* of one channel of a row */

/* Linear rows that are kept, at least: a power of two. */
#define STILL_LINES 32

/** Values of even and odd columns of a row, apart, the margins included. */
typedef float still_row[2][STILL_ROW_CELLS];

/* Of the span of codes: no sensor saturates below. */
#define STILL_CLIPPED 0.9F

#define STILL_CORING_LEVELS 16 /* of display values */

/** One linear row, even and odd columns apart: phase[x & 1][x >> 1], x from the strip's first
 * column on, the strip's margin at both ends included. */
struct still_line {
    float *phase[2];
};

/** One demosaiced row, linear, 0..clip level: channel[c][x], x from the strip's first column on,
 * the recipe's `around` columns at both ends included. */
struct still_rgb {
    float *channel[3];
    float *luma; /* of display values; there if the recipe sharpens */
};

/** Columns x..x+columns-1 of the crop; x is even. */
struct still_strip {
    const struct isp_still_recipe *recipe;
    uint32_t x, columns;
    uint32_t cells;  /* of the columns; the last may be half a cell */
    uint32_t margin; /* cells of linear rows at both ends, beyond the picture's ends mirrored */
};

struct still_best;

/** The row kernels of one instruction set level. */
struct still_kernels {
    /** Row y of the crop, unpacked and linear. words: scratch. */
    void (*linearise)(const struct still_strip *strip, const uint8_t *raw, uint32_t y,
        const struct still_line *line, uint16_t *words);
    /** Colours of row y (its parity counts) from the linear rows y-2..y+2: bilinear or MHC. */
    void (*demosaic)(const struct still_strip *strip, const struct still_line lines[5], int64_t y,
        const struct still_rgb *rgb);
    /** Row y, linear, to display values 0..1 in place, `around` columns at both ends included. */
    void (*colour)(const struct still_strip *strip, int64_t y, const struct still_rgb *rgb);
    /** Takes linear row `line`, the next one after `first` and those that came since, of rings of
     * STILL_LINES rows (row y at y modulo that), and takes its root; makes row `line -
     * STILL_BEST_ROWS` of colours, from 2 * STILL_BEST_ROWS after the first on, linear unless it is
     * smoothed then. */
    void (*best)(const struct still_strip *strip, still_row *lines, struct still_best *best,
        int64_t line, int64_t first, const struct still_rgb *rgb);
    /** Row y of colours from rows y-1..y+1 that `best` left on the scale that it works in. */
    void (*smooth)(const struct still_strip *strip, const struct still_rgb rows[3], int64_t y,
        const struct still_rgb *out);
    /** Output row of display values from rows[around], and from its surroundings:
     * rows[0..2*around]. out: the pixel at the strip's first column. */
    void (*finish)(const struct still_strip *strip, const struct still_rgb *rows, uint8_t *out);
    /** Add half a linear row to sums of columns, and count what is clipped. */
    void (*sum)(const float *row, uint32_t count, float clip_level, float *sum, float *clipped);
    /** From means of cells: their gains; ratios of their colours. Each where the style asks. */
    void (*plan[ISP_STILL_PLAN_PARTS])(const struct look_style *style, const struct look_map *map);
};

/** The scale that the best demosaic works in: a sample x becomes sqrt(x + offset), or stays. Back
 * to linear: x * (x * square + straight) - offset, from least to most. */
struct still_root {
    float square, straight, offset;
    float least, most;
};

/** Of the tone curve: display value, and how far it is to the next knot's. */
struct still_knot {
    float value, delta;
};

struct isp_still_recipe {
    struct isp_geometry geometry;
    const struct still_kernels *kernels;
    enum sisp_packing packing;
    bool is_mono;
    enum sisp_cfa cfa; /* of the crop's corner */
    enum sisp_demosaic demosaic;
    uint32_t around; /* rows and columns that the finish sees around a pixel: even */
    float black[SISP_SITE_COUNT];
    float scale[SISP_SITE_COUNT]; /* wb gain / (white - black) */
    float clip_level;
    struct still_root root;
    float slopes[2]; /* of one colour on another, least and greatest: of constants compilers would
                        make branches */
    float ccm[9];
    struct still_knot tone[SISP_TONE_KNOTS];
    struct sisp_lsc_mesh lsc;
    float sharpness, coring[STILL_CORING_LEVELS]; /* coring: least detail, by luma */
    float mark[SISP_SITE_COUNT]; /* raw codes from which a sample counts as clipped */
    struct look_style style;
    struct look_map map;               /* side 0: no local tone mapping, or not planned yet */
    float lsc_scale[2], lsc_offset[2]; /* of x and y: knot index = sample index * scale + offset */
};

/** Level 0..: NULL where this processor's family has no such level. */
extern const struct still_kernels *const still_levels[ISP_ISA_COUNT];

/* The same selection as SSE's minps and maxps: NaN gives the limit. */
static inline float still_clamp(float x, float low, float high)
{
    x = x > low ? x : low;
    return x < high ? x : high;
}

#endif
