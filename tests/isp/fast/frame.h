/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Random frames, coefficients and pictures for the tests of the fast path. */
#ifndef TESTS_ISP_FAST_FRAME_H
#define TESTS_ISP_FAST_FRAME_H

#include "base/prng.h"
#include "isp/isp.h"

#include <stdbool.h>

/** Coefficients within their ranges: black, white for `bits`, WB, clip, CCM, curve, mesh. */
void frame_coefficients(struct sisp_coefficients *c, unsigned bits, struct base_prng *prng);

/** Identity: no black, white 2^bits - 1, gains 1, linear curve, MHC. */
void frame_identity(struct sisp_coefficients *c, unsigned bits);

/** The whole raw frame is the picture, in this pixel format. */
struct isp_geometry frame_geometry(
    const char *raw_format, uint32_t width, uint32_t height, enum sisp_pixel_format format);

/** Turn what has not been turned: its size too. */
void frame_turn(struct isp_geometry *g, enum sisp_orientation orientation);

/** Random samples in a buffer of exactly the frame's size; free() it. */
uint8_t *frame_random_raw(const struct isp_geometry *g, struct base_prng *prng);

/** A picture with padded rows and guard bytes; picture_destroy() it. */
struct picture {
    struct sisp_image image;
    uint8_t *memory;
    size_t size_bytes;
};
void picture_create(struct picture *p, const struct isp_geometry *g);
void picture_destroy(struct picture *p);

/** Same bytes everywhere, padding included; says where not. */
bool picture_is_same(const struct picture *a, const struct picture *b);

/** Compile and develop in bands of `band` rows (0: one); returns isp_fast_compile()'s. */
int frame_develop(const struct isp_geometry *g, const struct sisp_coefficients *c, enum isp_isa isa,
    const uint8_t *raw, const struct sisp_image *out, uint32_t band, struct sisp_stats *stats);

#endif
