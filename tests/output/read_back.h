/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Reads a picture file back with the library of its format, for the tests of the writers. */
#ifndef TESTS_OUTPUT_READ_BACK_H
#define TESTS_OUTPUT_READ_BACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct read_back {
    uint32_t width, height;
    unsigned bits;     /* per channel */
    uint16_t *samples; /* R, G, B, row by row */
    size_t icc_bytes;
    unsigned orientation;  /* the TIFF's own tag; else 0 */
    unsigned chroma_share; /* JPEG: luma samples per chroma sample across */
    char make[64];         /* the TIFF's own tag */
    uint8_t *exif;         /* without "Exif\0\0"; NULL: none */
    size_t exif_bytes;
    bool has_srgb_chunk;
};

/** By the extension of `path`. False if it cannot be read whole. */
bool read_back(struct read_back *picture, const char *path);

void read_back_finish(struct read_back *picture);

#endif
