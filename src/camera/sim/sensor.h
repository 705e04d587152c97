/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The sensor's model: from the scene to codes, one row at a time, in 16-bit integers.
 *
 * The scene comes as *square roots* of radiance, and so does the shading: their product is at once
 * the root of the light that arrives (squared, the signal) and, scaled, the sigma of its shot
 * noise. No root is taken per sample and nothing needs more than 16 x 16 bits.
 *
 * Levels are counted in units of 1/32768 of the code range of any format, above black.
 */
#ifndef CAMERA_SIM_SENSOR_H
#define CAMERA_SIM_SENSOR_H

#include <softisp/camera.h>

#define SENSOR_BLACK 2048 /* 64 of 1024 */
#define SENSOR_FULL  30720

/* Radiance 1 in the green channel reaches SENSOR_FULL after this exposure at gain 1. */
#define SENSOR_FULL_US              8000.0
#define SENSOR_FULL_WELL_ELECTRONS  8000.0 /* at SENSOR_FULL, gain 1 */
#define SENSOR_READ_NOISE_ELECTRONS 5.0

/* Longer exposures would stretch the steps of dark light to where the noise of what was rounded
 * away could pull a sum below zero. */
#define SENSOR_EXPOSURE_MAX_US 100000
#define SENSOR_TOTAL_MAX       200.0 /* the same at gain 16, in SENSOR_FULL_US; more is as white */

/* Gaussian numbers of sigma 4096, cut at 4.5 sigma: the smallest sum of a row stays above zero
 * and the largest below 65536 (see SENSOR_LEVEL_MAX). */
#define NOISE_COUNT 65536
#define NOISE_PAD   8192 /* the widest row may begin anywhere */
#define NOISE_SIGMA 4096
#define NOISE_CUT   18432

/* Light beyond this is as good as saturated: at gain 16 its noise (7500 at 4.5 sigma) still stays
 * above SENSOR_FULL. */
#define SENSOR_LEVEL_MAX 45000

/** One frame's exposure as multipliers: a value x is min(x * mul >> 16, limit) << shift. */
struct sensor_scale {
    uint16_t mul, limit;
    unsigned shift;
};

struct sensor_exposure {
    struct sensor_scale level, sigma; /* sigma in 1/16 units */
    int16_t read_sigma;               /* in 1/16 units */
    uint16_t offset;                  /* black, and what makes rounding unbiased */
    uint16_t drop;                    /* bits of a level that a code does not hold */
};

/** Fill NOISE_COUNT + NOISE_PAD numbers. */
void sensor_noise_fill(int16_t *table, uint64_t seed);

/** `light` is the light on the scene during the exposure, 1 being what SENSOR_FULL_US says;
 * `black_drift`, -8 to 32, is added to black in 1024ths of the code range. */
struct sensor_exposure sensor_exposure(
    const struct sisp_camera_controls *controls, double light, double black_drift, unsigned bits);

/** What one row is made from. */
struct sensor_row {
    const uint16_t *roots;                  /* sqrt of radiance, 65535 is 1 */
    const uint16_t *shading;                /* sqrt of transmission, 65535 is 1 */
    const int16_t *noise_shot, *noise_read; /* places in the table */
};

/** Codes of min(bits, 15) bits, black included. */
void sensor_expose(const struct sensor_exposure *exposure, const struct sensor_row *row,
    uint16_t *codes, uint32_t count);

/** Codes, of 15 bits where the format has 16, into the format's memory order. `codes` holds
 * `count` rounded up to a packed group, at most 25 samples, and may be changed. */
void sensor_pack(
    const struct sisp_raw_format *format, uint16_t *codes, uint32_t count, uint8_t *out);

#endif
