/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The fast path's definition: one pixel at a time, in plain integers of unbounded size, written
 * independently of src/isp/fast. The steps are used by checkkernels, the whole frame by
 * tests/isp/fast.
 */
#ifndef TESTS_REFERENCE_FAST_H
#define TESTS_REFERENCE_FAST_H

#include "isp/isp.h"

#include <stdint.h>

/** Raw code of sample x of a row. */
unsigned ref_sample(const struct sisp_raw_format *format, const uint8_t *row, uint32_t x);

/** Left-justified raw code of black, codes from there to white, and how far that is shifted up. */
struct ref_range {
    unsigned black, span, boost;
};

/** Raw code, left-justified in 16 bits, to 12 bits. */
int ref_level(unsigned justified, const struct ref_range *range, unsigned gain, unsigned clip);

/** Gain between two mesh rows; weight of the lower one in 1/32768. */
unsigned ref_gain_between(unsigned above, unsigned below, unsigned weight);

/** Noise at a level: the lesser of base + level * slope / 65536 of two lines. */
struct ref_noise {
    unsigned base[2], slope[2];
};

/** Noise lines of `sigmas` for variance = slope * x + base, x in [0,1]. */
struct ref_noise ref_noise_lines(double slope, double base, double sigmas);

/** The middle of a 5x5 window of the mosaic, corrected if it is a defect. */
int ref_defect(int v[5][5], const struct ref_noise *noise);

/** The middle, a green, brought nearer to the other green; limit: base and slope for 8 * level. */
int ref_balance(int v[5][5], unsigned base, unsigned slope, int clip);

/** Colours of the middle of a 5x5 window, with 3 fraction bits. */
struct ref_window {
    int v[5][5];       /* [row][column] */
    enum sisp_cfa cfa; /* as seen from the middle */
    int is_bilinear;
};
void ref_demosaic(const struct ref_window *window, int rgb[3]);

/** One row of the CCM (codes, 8195 is 1.0): 15-bit colours to 13 bits. */
int ref_ccm_row(const int rgb[3], const int code[3]);
void ref_ccm_codes(const float ccm[9], int code[9]);

/** Ends of the 32 lines that stand for the curve, as 15-bit codes, and the value at a 13-bit x. */
#define REF_TONE_KNOTS 33
void ref_tone_codes(const float tone[SISP_TONE_KNOTS], int codes[REF_TONE_KNOTS]);
int ref_tone(const int codes[REF_TONE_KNOTS], int x);

/** One pixel of 15-bit display values into a row; YUV: its luma. */
void ref_put(enum sisp_pixel_format format, uint8_t *row, uint32_t x, const int rgb[3]);

/** A sample of YUV: sum in 1/128 of a step of 8 bits; and where a row has the luma of pixel x. */
void ref_put_yuv(enum sisp_pixel_format format, uint8_t *sample, int sum, int offset);
uint8_t *ref_luma_place(enum sisp_pixel_format format, uint8_t *row, uint32_t x);

/** Cb, Cr of four pixels (repeat pixels that do not exist): [row][column][channel]. pair: where
 * both are; YUYV (two rows alike): where the pair of pixels is. */
void ref_put_chroma(enum sisp_pixel_format format, uint8_t *pair, int rgb[2][2][3]);

/** 15-bit luma of display values. */
int ref_luma(const int rgb[3]);

/** What noise reduction and sharpening add in the middle of a 3x3 window of luma; coring and noise
 * in 15 bits, sharpness Q14. */
int ref_detail(int v[3][3], int coring, int noise, int sharpness);

/** Thresholds by luma / 2048 in 1/16, and the code of the sharpness. */
struct ref_finish {
    unsigned coring[16], noise[16], color_noise[16];
    int sharpness;
};
void ref_finish_codes(const struct sisp_coefficients *c, struct ref_finish *codes);

/** U, V and luma of two by two pixels, [row][column][channel]. */
void ref_color_split(int rgb[2][2][3], int uvl[3]);

/** What noise reduction adds in the middle of a 3x5 window of U or V, of which it leaves out every
 * other column; noise in 15 bits. */
int ref_color_smooth(int v[3][5], int noise);

/** Steps of U and V as steps of R, G, B; U and V as Cb, Cr of two planes. */
void ref_color_shift(int u, int v, int rgb[3]);
void ref_put_uv(enum sisp_pixel_format format, uint8_t *pair, int u, int v);

/** A display value and its step, in 16 bits. */
int ref_shifted(int value, int shift);

/** One finished pixel; luma: for YUV; shift: what is added to R, G, B. */
struct ref_finished {
    const int *rgb, *shift;
    int luma, detail;
};
void ref_put_finished(
    enum sisp_pixel_format format, uint8_t *row, uint32_t x, const struct ref_finished *pixel);

/** A whole frame; statistics (over every row of cells) are set, if not NULL. */
void ref_fast_frame(const struct isp_geometry *geometry, const struct sisp_coefficients *c,
    const uint8_t *raw, const struct sisp_image *out, struct sisp_stats *stats);

/** `levels` of the crop after all stages that `c` asks for between levels and demosaic. */
struct ref_mosaic {
    const struct isp_geometry *g;
    const struct sisp_coefficients *c;
    enum sisp_cfa cfa;
    int clip;
    int *levels;
};
void ref_mend(const struct ref_mosaic *m);  /* known defects */
void ref_bayer(const struct ref_mosaic *m); /* the others */

/** What isp_stats_measure() gives. */
void ref_stats_measure(const struct isp_geometry *geometry, const struct sisp_coefficients *c,
    const uint8_t *raw, struct sisp_stats *stats);

#endif
