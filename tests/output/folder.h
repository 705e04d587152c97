/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A folder for one test program's files, and pictures to put in it. */
#ifndef TESTS_OUTPUT_FOLDER_H
#define TESTS_OUTPUT_FOLDER_H

#include <softisp/format.h>

/** "FOLDER/NAME"; the folder is made at the first call. Valid until the next but seven. */
const char *folder_path(const char *name);

/** Number of entries in the folder, hidden ones included. */
unsigned folder_count(void);

/** Unlink what is in the folder. */
void folder_clear(void);

/** Unlink the folder too. */
void folder_remove(void);

/** A picture with padded rows; smooth, or noise from the seed. Freed by image_finish(). */
struct sisp_image image_make(
    enum sisp_pixel_format format, uint32_t width, uint32_t height, uint64_t noise_seed);

void image_finish(struct sisp_image *image);

/** One channel of a pixel, whatever the format (not NV12). */
unsigned image_sample(const struct sisp_image *image, uint32_t x, uint32_t y, unsigned channel);

#endif
