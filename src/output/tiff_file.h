/* SPDX-License-Identifier: GPL-3.0-or-later */
/** libtiff writing into a job's file: what TIFF and DNG share. */
#ifndef OUTPUT_TIFF_FILE_H
#define OUTPUT_TIFF_FILE_H

#include "output/encode.h"

#include <stdbool.h>
#include <tiffio.h>

/** An open TIFF file. */
struct out_tiff {
    struct out_job *job;
    TIFF *tiff;
    int fd;
    int error; /* the first one, which stays, said in the job */
};

/** Set an ASCII tag from a text of at most `room` bytes; an empty one is left out. */
void out_tiff_text(struct out_tiff *file, ttag_t tag, const char *text, size_t room);

/** Not every failure of libtiff comes with a message: remember that one of its calls was not done.
 */
void out_tiff_check(struct out_tiff *file, bool is_done);

/**
 * Open, call `fill` and close. Little endian on every machine, for the same bytes; `fill` says what
 * is wrong in file->error.
 * is_big: BigTIFF, where 32-bit offsets might not reach. Returns: 0 or an error that has been said.
 */
int out_tiff_write(struct out_job *job, bool is_big, void (*fill)(struct out_tiff *, const void *),
    const void *content);

#endif
