/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The still path as its specification reads: one pixel at a time, in double, nothing clever. */
#ifndef TESTS_REFERENCE_STILL_REFERENCE_H
#define TESTS_REFERENCE_STILL_REFERENCE_H

#include <isp/isp.h>

/** Write and read one sample of a raw row, bit by bit. */
void still_reference_put(enum sisp_packing packing, uint8_t *row, uint32_t x, unsigned value);
unsigned still_reference_get(enum sisp_packing packing, const uint8_t *row, uint32_t x);

/** Display values in [0,1] of the whole crop: R, G, B, pixel after pixel. */
void still_reference(const struct isp_geometry *geometry,
    const struct sisp_coefficients *coefficients, const uint8_t *raw, double *rgb);

#endif
