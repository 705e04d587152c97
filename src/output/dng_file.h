/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What dng.c writes besides its samples. */
#ifndef OUTPUT_DNG_FILE_H
#define OUTPUT_DNG_FILE_H

#include "output/tiff_file.h"

/** Make the tags that libtiff does not know known to the present directory. */
void out_dng_extend(struct out_tiff *file);

/** What was shot with what: Make to Orientation, and the versions. */
void out_dng_camera(struct out_tiff *file, const struct sisp_raw_info *info);

/** What colours and brightness mean. */
void out_dng_color(struct out_tiff *file, const struct sisp_raw_info *info);

/** Write EXIF's own directory, before all others; 0: it has nothing to say, or an error. */
uint64_t out_dng_exif(struct out_tiff *file, const struct sisp_exif *exif);

/** What a sample is worth: levels and noise. */
void out_dng_levels(struct out_tiff *file, const struct sisp_raw_info *info);

/** Lens shading as GainMaps of OpcodeList2; none without a mesh. */
void out_dng_shading(struct out_tiff *file, const struct sisp_raw_info *info);

/** CFA of the crop's corner. */
enum sisp_cfa out_dng_cfa(const struct sisp_raw_info *info);

#endif
