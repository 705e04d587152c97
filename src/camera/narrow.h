/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A container that is wider than the white level needs costs the fast path its gains, which are
 * limited against the whole container. So the narrowest one is taken, and what lies above it is
 * clipped: it would be cut to the container's bits, and bright would become dark.
 */
#ifndef CAMERA_NARROW_H
#define CAMERA_NARROW_H

#include <softisp/raw.h>

#include <stdbool.h>

/** Take the narrowest container for the white level; true: samples must be clipped to it. */
bool camera_narrow(struct sisp_raw_info *info);

/** Clip the samples to the container; it must be one of 16-bit words. */
void camera_clip(const struct sisp_raw_info *info, uint8_t *samples);

#endif
