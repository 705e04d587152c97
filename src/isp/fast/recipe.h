/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Recipe of the fast path: coefficients and geometry as the integers that the kernels take. */
#ifndef ISP_FAST_RECIPE_H
#define ISP_FAST_RECIPE_H

#include "base/base.h"
#include "isp/fast/kernels.h"
#include "isp/isp.h"

/** A known defect inside the crop, as the sensor sees it, and the samples of its row that it is the
 * mean of. */
struct fast_defect {
    uint16_t x, y, left, right;
};

/** What happens to samples between unpack and demosaic. */
struct fast_bayer {
    bool has_defects, has_balance; /* dynamic defect correction; green balance */
    /* By parity of row and phase; by parity of row. See struct fast_defects, struct fast_balance.
     */
    uint16_t defect_base[2][2][2], defect_slope[2][2][2], balance_base[2], balance_slope;
    uint32_t known_count;
    struct fast_defect known[SISP_DEFECTS_MAX]; /* in order of rows */
};

/** Stages after the tone curve. */
struct fast_finish {
    bool is_on, has_color;     /* noise reduction of chroma */
    struct fast_detail detail; /* without its rows */
    uint8_t color_noise[16];   /* as its noise */
};

/** Samples of one phase just outside a row, mirrored: sample -1 is sample `left`, sample `last` is
 * sample `right`, all counted in the phase. */
struct fast_side {
    uint32_t left, last, right;
};

struct isp_fast_recipe {
    struct fast_tone tone; /* first: it is aligned */
    struct fast_finish finish;
    const struct fast_kernels *kernels;
    /* Of a transposed picture: as it lies before, as rows of display values of 16 bits. */
    struct isp_geometry geometry;
    enum sisp_pixel_format format; /* of the picture */
    const struct sisp_raw_format *raw;
    size_t raw_begin;  /* the crop's first whole group in the frame */
    size_t raw_bytes;  /* of a line, from there to the end of the crop */
    uint32_t raw_lead; /* samples of that group before the crop */
    enum sisp_cfa cfa; /* of the corner of the crop, turned as the picture is */
    enum sisp_demosaic demosaic;
    /* By parity of row and column in the crop as the sensor sees it; see struct fast_unpack. */
    uint16_t black[2][2], span[2][2], boost[2][2];
    uint16_t clip;
    struct fast_bayer bayer;
    int16_t ccm[2][3][3];      /* for rows whose own colour is red, and blue */
    uint32_t mesh_rows;        /* at least 1 */
    double mesh_y, mesh_scale; /* knot row = (centre of row - mesh_y) * mesh_scale */
    float wb_gains[3];
    float lsc_applied;
    uint32_t zone_edge[SISP_STATS_ZONES + 1]; /* first cell of each column of zones, and the end */
    size_t stride;                            /* lanes of one phase of a row, padding included */
    struct fast_side side[2];                 /* of a row's phases */
    uint16_t gains[];                         /* Q12: mesh row, parity of row, phase, column */
};

/** Lanes for one phase of rows of `width`: padding on both sides, and two more pairs, since a
 * packed row begins with a whole group. */
static inline size_t fast_stride(uint32_t width)
{
    return FAST_PAD + base_align((width + 1) / 2 + 2, FAST_PAD) + FAST_PAD;
}

/** Gains of column 0. */
static inline size_t fast_gain_offset(
    const struct isp_fast_recipe *recipe, uint32_t mesh_row, unsigned parity, unsigned phase)
{
    return ((mesh_row * 2 + parity) * 2 + phase) * recipe->stride + FAST_PAD;
}

/** A place between knots in Q15: constant outside, so 0 to (knots - 1) << 15. */
static inline uint32_t fast_knot_place(double place, uint32_t knots)
{
    if (!(place > 0))
        return 0;
    return place < knots - 1 ? (uint32_t)(place * 32768 + 0.5) : (knots - 1) << 15;
}

/** Colour of the row that is not green: 0 red, 1 blue; and the phase where it lies. Bit 0 of the
 * order says whether a row begins one column later than RGGB, bit 1 one row. */
static inline unsigned fast_row_is_blue(const struct isp_fast_recipe *recipe, uint32_t y)
{
    return ((unsigned)recipe->cfa >> 1 ^ y) & 1;
}

static inline unsigned fast_row_own_phase(const struct isp_fast_recipe *recipe, uint32_t y)
{
    return ((unsigned)recipe->cfa ^ (unsigned)recipe->cfa >> 1 ^ y) & 1;
}

/** Pictures of luma and chroma, not of red, green and blue. */
static inline bool fast_is_yuv(enum sisp_pixel_format format)
{
    return format == SISP_PIXEL_NV12 || format == SISP_PIXEL_YUYV || format == SISP_PIXEL_P010;
}

/** The kernels of that level, or NULL if it is not in this build. */
const struct fast_kernels *isp_fast_kernels(enum isp_isa isa);

/* ---- one thread's work on a frame ------------------------------------------------------------ */

#define FAST_RING 7 /* rows of samples kept: as many as the Bayer stages have in use */

struct fast_run {
    const struct isp_fast_recipe *recipe;
    const uint8_t *raw;
    bool has_defects, has_balance; /* the recipe's, or off where samples are only measured */
    int16_t *fixed, *green;        /* rings: rows after defect correction, greens in balance */
    int16_t *ring, *linear, *half, *scaled; /* rows of recipe->stride lanes */
    struct fast_zone *zones;                /* a row of zones, not yet added to stats */
    uint32_t *scale_sums;                   /* and what else the area mean needs */
    uint32_t next_fixed, next_green;        /* like next_row */
    int16_t *display;                       /* rows of finishing */
    int16_t *turned;                        /* rows of a transposed picture; else NULL */
    uint32_t turn_begin, turn_end;   /* the first of those that wait, and after the band's last */
    uint32_t next_row;               /* of the crop: rows before it are, or were, in the ring */
    uint32_t next_line;              /* of the crop: after the last one developed */
    int16_t *kept;                   /* of a second picture: its linear rows; else NULL */
    struct fast_second *second;      /* takes the linear rows as well; NULL: there is none */
    uint32_t developed;              /* the last row of the crop whose linear RGB was made */
    uint32_t stats_begin, stats_end; /* rows of the crop that this band counts */
    struct sisp_stats *stats;
    uint32_t stats_rows, stats_zone_row; /* in the zones: rows of cells, and which zones */
};

void isp_fast_run_init(struct fast_run *run, const struct isp_fast_recipe *recipe,
    const uint8_t *raw, void *scratch, struct sisp_stats *stats);

/** Sample 0 of one phase of a row in the ring. */
static inline int16_t *fast_ring_row(const struct fast_run *run, uint32_t y, unsigned phase)
{
    return run->ring + ((y % FAST_RING) * 2 + phase) * run->recipe->stride + FAST_PAD;
}

/** Sample -1 is sample 1, and so on to and fro; a sample keeps its colour. */
static inline uint32_t fast_mirror(int64_t i, uint32_t size)
{
    const int64_t last = (int64_t)size - 1;
    while (i < 0 || i > last)
        i = i < 0 ? -i : 2 * last - i;
    return (uint32_t)i;
}

/** The samples outside of a row. */
static inline void fast_mirror_sides(
    const struct isp_fast_recipe *recipe, int16_t *row, unsigned phase)
{
    const struct fast_side *side = &recipe->side[phase];
    row[-1] = row[side->left];
    row[side->last] = row[side->right];
}

/** Unpack row y of the turned crop into the ring, with mirrored samples on both sides. */
void isp_fast_unpack_row(const struct fast_run *run, uint32_t y);

/** What the recipe says of any statistics. */
void isp_fast_stats_init(const struct isp_fast_recipe *recipe, struct sisp_stats *stats);

/** Coefficients to recipe->bayer; its geometry, CFA and format are set. -EINVAL. */
int isp_fast_compile_bayer(struct isp_fast_recipe *recipe, const struct sisp_coefficients *c);

/** Rows from `first` on will be asked for. */
void isp_fast_bayer_begin(struct fast_run *run, uint32_t first);

/** Bring the rows before `end` through unpack and the Bayer stages. */
void isp_fast_bring_rows(struct fast_run *run, uint32_t end);

/** The same in the other rings. */
static inline int16_t *fast_fixed_row(const struct fast_run *run, uint32_t y, unsigned phase)
{
    return run->fixed + ((y % FAST_RING) * 2 + phase) * run->recipe->stride + FAST_PAD;
}

static inline int16_t *fast_green_row(const struct fast_run *run, uint32_t y)
{
    return run->green + (y % FAST_RING) * run->recipe->stride + FAST_PAD;
}

/** One phase of a row that was brought, before green balance, and after it. */
static inline const int16_t *fast_defect_free_row(
    const struct fast_run *run, uint32_t y, unsigned phase)
{
    return run->has_defects ? fast_fixed_row(run, y, phase) : fast_ring_row(run, y, phase);
}

static inline const int16_t *fast_sample_row(const struct fast_run *run, uint32_t y, unsigned phase)
{
    if (run->has_balance && phase != fast_row_own_phase(run->recipe, y))
        return fast_green_row(run, y);
    return fast_defect_free_row(run, y, phase);
}

/** Replace the known defects of row y in the ring, the sensor's `line`: before it is turned. */
void isp_fast_mend_row(const struct fast_run *run, uint32_t y, uint32_t line);

static inline bool fast_is_transposed(const struct isp_geometry *g)
{
    return g->orientation & SISP_ORIENTATION_TRANSPOSE;
}

/** The row of the crop, as the sensor sees it, that row y of the turned crop is. */
static inline uint32_t fast_line_of(const struct isp_geometry *geometry, uint32_t y)
{
    return geometry->orientation & SISP_ORIENTATION_FLIP ? geometry->crop.height - 1 - y : y;
}

static inline bool fast_is_scaled(const struct isp_geometry *g)
{
    return g->width != g->crop.width || g->height != g->crop.height;
}

/** The first row of the crop that row y of the picture covers. */
static inline uint32_t fast_first_row(uint32_t y, const struct isp_geometry *g)
{
    return (uint32_t)((uint64_t)y * g->crop.height / g->height);
}

/** After the last of in samples that sample j of `out` covers. */
static inline uint32_t fast_end_of(uint64_t j, uint32_t in, uint32_t out)
{
    return (uint32_t)(((j + 1) * in + out - 1) / out);
}

/** After the last row of the crop that row y of the picture covers. */
static inline uint32_t fast_end_row(uint32_t y, const struct isp_geometry *g)
{
    return fast_end_of(y, g->crop.height, g->height);
}

/** Linear RGB of row y of the crop. Rows come in order. */
void isp_fast_develop_row(struct fast_run *run, uint32_t y);

/** Rows of a scaled picture will be asked for. */
void isp_fast_area_begin(struct fast_run *run);

/** Take the part of row y that lies in `line` of the crop: true where that completes it, in dst. */
bool isp_fast_area_take(
    const struct fast_run *run, const int16_t *linear, uint32_t line, uint32_t y, int16_t *dst);

/** Linear RGB of row y of the scaled picture. Rows come in order. */
int16_t *isp_fast_scaled_row(struct fast_run *run, uint32_t y);

/** Linear RGB of row y of the picture, scaled if need be: planes of two phases. Rows come in order.
 */
int16_t *isp_fast_linear_row(struct fast_run *run, uint32_t y);

/** Row y of those kept for a second picture, likewise. */
int16_t *isp_fast_kept_row(const struct fast_run *run, uint32_t y);

/** Of rows before they are transposed: R, G, B of two phases. */
static inline int16_t *fast_turned_row(const struct fast_run *run, uint32_t y)
{
    return run->turned + (y % FAST_TURN_ROWS) * 6 * run->recipe->stride + FAST_PAD;
}

/** Row y is there: where that completes a block, it goes into the picture. Rows come in order. */
void isp_fast_turn_row(struct fast_run *run, const struct sisp_image *out, uint32_t y);

/** Where row y's display values go: of a transposed picture into their block. */
void isp_fast_set_turned(const struct fast_run *run, struct fast_pack *task, uint32_t y);

/** Rows y0..y1-1 of the picture from linear rows. */
void isp_fast_put_rows(
    struct fast_run *run, const struct sisp_image *out, uint32_t y0, uint32_t y1);

static inline int16_t *fast_plane_row(int16_t *rows, size_t stride, int plane, unsigned phase)
{
    return rows + ((size_t)plane * 2 + phase) * stride + FAST_PAD;
}

/** Add row `cy` of cells, which is in the ring, to the statistics. */
void isp_fast_stats_row(struct fast_run *run, uint32_t cy);

/** Bring what is summed into run->stats. */
void isp_fast_stats_finish(struct fast_run *run);

#endif
