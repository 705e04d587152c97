/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Colours of the scene, point by point, in linear sRGB. Only + - * / and sqrt of IEEE 754 are used:
 * the scene is the same on every machine.
 *
 * Points are in frame heights, (0, 0) in the middle of the background, y down.
 */
#ifndef CAMERA_SIM_PAINT_H
#define CAMERA_SIM_PAINT_H

#include <stdbool.h>
#include <stdint.h>

struct rgb {
    float r, g, b;
};

struct paint {
    uint32_t seed;
    float pixel;               /* size of a sample */
    const float (*patches)[3]; /* of the colour chart, linear sRGB */
};

/** Heights of the three ridges of hills over one column of the background. */
struct paint_column {
    float ridge[3];
};

struct paint_column paint_column(const struct paint *paint, float x);

struct rgb paint_background(
    const struct paint *paint, const struct paint_column *column, float x, float y);

/** The boards of charts: true and the colour where (x, y) lies on one. */
bool paint_board(const struct paint *paint, float x, float y, struct rgb *color);

/** Object `index` at (x, y) in [-1, 1] x [-1, 1] of its box. */
struct rgb paint_object(const struct paint *paint, unsigned index, float x, float y);

/** The colour chart: centre of patch `index` and half the size of its sides. */
#define PAINT_PATCH_HALF 0.034f
void paint_patch_centre(unsigned index, float *x, float *y);

/** In [0, 1], smooth; the lattice has a spacing of 1. */
float paint_noise(uint32_t seed, float x, float y);

/** A sine wave of period 1, made of parabolas. */
float paint_wave(float phase);

#endif
