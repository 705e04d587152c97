/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_DNG_PROFILE_H
#define BASE_DNG_PROFILE_H

#include "base/tiff_reader.h"

#include <softisp/raw.h>

/** The colour profile in an IFD with DNG's tags: a DNG's first one, or a DCP's. False, and nothing
 * changed, where it has no matrix that can be read. */
bool dng_profile_read(const struct tiff *tiff, size_t ifd, struct sisp_color_profile *profile);

#endif
