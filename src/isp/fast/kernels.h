/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Row kernels of the fast path. Rows are phase-planar: even and odd columns lie apart, so that all
 * loops have unit stride and the four CFA orders are a choice of pointers.
 *
 * Rows inside the ISP have FAST_PAD lanes before the first sample and whole vectors after the
 * last: kernels read and write whole vectors there. Raw samples and pictures are touched exactly.
 * All is integer: the definition of every step is tests/reference/fast.h, bit for bit.
 */
#ifndef ISP_FAST_KERNELS_H
#define ISP_FAST_KERNELS_H

#include <softisp/format.h>
#include <softisp/stats.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAST_PAD       32    /* lanes: the widest vector */
#define FAST_PACKINGS  6     /* enum sisp_packing */
#define FAST_WHITE     4095  /* 1.0 after levels */
#define FAST_CCM_ONE   8195  /* 1.0 in Q13: white gives at least FAST_LINEAR, rounding included */
#define FAST_LINEAR    8191  /* 1.0 after CCM, and its greatest value */
#define FAST_TONE_MAX  32640 /* 1.0 after tone: 255 * 128 */
#define FAST_TONE_SEGS 32
#define FAST_TURN_ROWS 64 /* twice the widest vector's lanes */

/** Raw samples -> 12 bits: unpack, subtract black, multiply by the gain, clip. */
struct fast_unpack {
    const uint8_t *src; /* begins at a whole group of the packing */
    size_t src_bytes;   /* not a byte more is read */
    int16_t *dst[2];
    const uint16_t *gain_above[2], *gain_below[2]; /* Q12, of the mesh rows around this row */
    uint16_t below_weight;                         /* Q15 */
    uint16_t black[2];                             /* left-justified in 16 bits */
    uint16_t span[2];  /* from black to white, likewise: what is above is white */
    uint16_t boost[2]; /* left shift that brings the span to the top of 16 bits */
    uint16_t clip;
    uint16_t word_max; /* of 16-bit words: what is above is junk in their high bits */
    unsigned shift;    /* of 16-bit words, to left-justify them */
    size_t pairs;      /* samples of each phase */
};

/** first[i] and end[-1 - i] change places; no sample has a place in both halves. */
struct fast_reverse {
    int16_t *first, *end;
    size_t count;
};

/** Of both phases of a row: samples that stand out of their surroundings are replaced. */
struct fast_defects {
    const int16_t *rows[5][2]; /* from two rows above to two rows below */
    int16_t *dst[2];
    /* By phase: the noise at level x is the lesser of base + (x * slope >> 16) of two lines. */
    uint16_t base[2][2], slope[2][2];
    size_t pairs;
};

/** The greens of a row: the local difference of the two greens is halved between them. */
struct fast_balance {
    const int16_t *own[3];   /* greens of the row two above, of the row, of the row two below */
    const int16_t *other[2]; /* greens of the rows above and below */
    int16_t *dst;
    uint16_t base, slope; /* 8 times the level x: differences below base + (x * slope >> 16) */
    uint16_t clip;
    size_t pairs;
};

/** 12 bits -> linear RGB of 13 bits: demosaic of 3 fraction bits, CCM. */
struct fast_demosaic {
    const int16_t *rows[5][2]; /* from two rows above to two rows below */
    int16_t *dst[3][2];
    int16_t ccm[3][3]; /* Q13; columns: the row's own colour, green, the other colour */
    size_t pairs;
    const uint8_t *prefetch; /* a row of raw samples that will soon be read */
    size_t prefetch_bytes;
};

/**
 * The tone curve in 32 lines, x of 13 bits: 16 apart below 256, then 128, from 1024 on 512, from
 * 4096 on 1024. Even lines are counted from their begin, odd ones from their end, so that the
 * fraction may be a signed number.
 */
struct fast_tone {
    /* base: what a value begins with, plus half of an 8-bit step for pictures of 8-bit RGB. */
    _Alignas(64) int16_t base[FAST_TONE_SEGS], slope[FAST_TONE_SEGS];
    /* Bytes of base (low, high) and slope (low, high), in halves of 16 lines. */
    _Alignas(16) uint8_t bytes[4][2][16];
};

/** 15-bit luma -> what noise reduction and sharpening add to every channel. */
struct fast_detail {
    const int16_t *rows[3][2];     /* luma, from one row above to one below */
    uint8_t coring[16], noise[16]; /* thresholds by luma, in 1/8 of an 8-bit step; what differs
                                      from its neighbour by less than the latter is noise */
    int16_t sharpness;             /* Q14 */
    bool is_denoised;
};

/** Linear RGB -> tone curve -> one row of a picture. */
struct fast_pack {
    const int16_t *linear[3][2];
    const struct fast_tone *tone;
    uint8_t *dst;
    int16_t *half[3]; /* YUV only: means of pairs, for the chroma */
    size_t width;
    /* Finishing and `planes` only: rows of display values and luma of 15 bits, and what is added to
     * them. */
    int16_t *display[3][2], *luma[2];
    struct fast_detail detail;
    const int16_t *shift[3]; /* for pairs; NULL: none */
};

/** Rows of display values -> columns of a picture. Each row has planes R, G, B of two phases. */
struct fast_turn {
    const int16_t *rows; /* column 0 of the first plane of the first one */
    size_t stride;       /* lanes from a plane to the next, from one row's last to the next row */
    size_t count, width; /* rows: at most those of the kernels; pixels of each */
    uint8_t *dst[2];     /* first byte in each plane of the picture */
    size_t dst_stride_bytes[2];
};

/** Two rows of pair means -> halves of blue and red less luma, of which 16320 is grey; luma. */
struct fast_color {
    const int16_t *half[2][3];
    int16_t *uv[2], *luma;
    size_t pairs;
};

/** Those -> what is added to R, G, B of two by two pixels, or Cb, Cr of NV12, P010. */
struct fast_color_noise {
    const int16_t *rows[2][3]; /* U, V; from the row above to the one below */
    const int16_t *luma;
    const uint8_t *noise; /* as in struct fast_detail */
    int16_t *shift[3];
    uint8_t *dst;
    size_t pairs;
};

/** NV12, P010: two rows of pair means -> Cb, Cr. */
struct fast_chroma {
    const int16_t *half[2][3];
    uint8_t *dst;
    size_t pairs;
};

/** Sums of a zone, each spread over lanes: how, is the level's affair. */
struct fast_zone {
    _Alignas(64) uint32_t sum[2][2][16]; /* of unclipped cells: parity of row, phase */
    uint32_t count[16];                  /* of such cells */
};

/** A row of cells into the sums of its zones. */
struct fast_stats {
    const int16_t *rows[2][2];
    const int16_t *green[2]; /* of the rows above: that of phase 0 (one more sample), of phase 1 */
    const uint32_t *edge;    /* zone z has cells edge[z] to edge[z + 1] - 1 */
    struct fast_zone *zone;  /* added to */
    uint32_t *total[2];      /* of green, and of its differences to the diagonal neighbours */
    uint16_t clip;
};

/** sum += weight * row, for one phase of one plane; FAST_AREA_ONE: the row is all of the output. */
struct fast_area_sum {
    const int16_t *row;
    uint32_t *sum;
    uint16_t weight;
    size_t count;
};

#define FAST_AREA_ONE 32768

/** The pixels of a row that an output pixel is the mean of; their weights sum to FAST_AREA_ONE. */
struct fast_taps {
    uint16_t first, count;
};

/** Such sums, which are 0 afterwards, of all planes -> a row of the output. */
struct fast_area_mean {
    uint32_t *sum[3][2];
    uint16_t *pixels; /* scratch: four words for each pixel of `pairs`, in whole vectors */
    const struct fast_taps *taps; /* of each output pixel */
    const uint16_t *weights;      /* of all of them, one after the other */
    int16_t *dst[3][2];
    size_t pairs, width; /* of the sums; of the output */
};

struct fast_unpack_kernels {
    void (*row[FAST_PACKINGS])(const struct fast_unpack *);
    void (*reverse)(const struct fast_reverse *);
};

struct fast_bayer_kernels {
    void (*defects)(const struct fast_defects *);
    void (*balance[2])(const struct fast_balance *); /* by the phase of the row's greens */
};

struct fast_demosaic_kernels {
    void (*mhc[2])(const struct fast_demosaic *); /* by the phase of the row's own colour */
    void (*bilinear[2])(const struct fast_demosaic *);
    void (*mono)(const struct fast_demosaic *); /* the middle row is grey; no CCM */
};

struct fast_pack_kernels {
    void (*row[SISP_PIXEL_FORMAT_COUNT])(const struct fast_pack *);
    void (*chroma[SISP_PIXEL_FORMAT_COUNT])(const struct fast_chroma *); /* of two planes */
    void (*flush)(void); /* after the last row, before another thread may read the picture */
    void (*planes)(const struct fast_pack *); /* into rows of display values, without luma */
    /* Finishing: tone into rows of display values (or halves) and luma; those rows,
     * which take the place of linear RGB, and detail into a picture. */
    void (*display)(const struct fast_pack *);
    void (*display_yuv)(const struct fast_pack *);
    void (*display_both)(const struct fast_pack *); /* values and halves */
    void (*finish[SISP_PIXEL_FORMAT_COUNT])(const struct fast_pack *);
    void (*finish_planes)(const struct fast_pack *); /* those rows into rows of display values */
};

struct fast_turn_kernels {
    size_t rows; /* at once; a power of two, at most FAST_TURN_ROWS */
    void (*turn[SISP_PIXEL_FORMAT_COUNT])(const struct fast_turn *);
};

struct fast_color_kernels {
    void (*split)(const struct fast_color *);
    void (*shift)(const struct fast_color_noise *);
    void (*chroma[SISP_PIXEL_FORMAT_COUNT])(const struct fast_color_noise *); /* of two planes */
};

struct fast_sum_kernels {
    void (*stats)(const struct fast_stats *);
};

struct fast_area_kernels {
    void (*sum)(const struct fast_area_sum *);
    void (*mean)(const struct fast_area_mean *);
};

/** All kernels of one level. */
struct fast_kernels {
    const struct fast_unpack_kernels *unpack;
    const struct fast_bayer_kernels *bayer;
    const struct fast_demosaic_kernels *demosaic;
    const struct fast_pack_kernels *pack;
    const struct fast_sum_kernels *sum;
    const struct fast_area_kernels *area;
    const struct fast_color_kernels *color;
    const struct fast_turn_kernels *turn;
};

#define FAST_JOIN_(a, b)   a##_##b
#define FAST_JOIN(a, b)    FAST_JOIN_(a, b)
#define FAST_KERNELS(name) FAST_JOIN(name, ISA_NAME)

#endif
