/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The rows of a picture as they are to be written: turned upright, R, G, B, nothing else. */
#ifndef OUTPUT_ROWS_H
#define OUTPUT_ROWS_H

#include <softisp/format.h>

struct out_rows {
    uint32_t width, height; /* turned */
    unsigned channel_bytes; /* 1, or 2 in the machine's order */
    size_t row_bytes;

    const struct sisp_image *image;
    uint32_t orientation;
    uint32_t next;
    uint8_t *block;
};

/** `image` is checked by the caller and must outlive the rows. Returns: 0 or -ENOMEM. */
int out_rows_init(struct out_rows *rows, const struct sisp_image *image, uint32_t orientation);

/** The next row, top down, valid until the next call; to be called `height` times at most. */
uint8_t *out_rows_next(struct out_rows *rows);

/** The same, only to be read: where the picture has that row as it is, nothing is copied. */
const uint8_t *out_rows_look(struct out_rows *rows);

/** Go on at row y, a multiple of 32. */
void out_rows_seek(struct out_rows *rows, uint32_t y);

void out_rows_finish(struct out_rows *rows);

#endif
