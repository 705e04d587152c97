/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "output/rows.h"

#include "base/base.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A picture turned by 90 degrees needs columns. Taking this many at once uses the whole of each
 * cache line that is read: 32 pixels of 3 to 8 bytes are two to four lines. */
#define BLOCK_ROWS 32

/* Orientations of EXIF 2.32, 4.6.4, tag Orientation, as steps on the way from source to target. */
static bool is_transposed(uint32_t orientation)
{
    return orientation >= 5;
}

static bool is_mirrored(uint32_t orientation)
{
    return orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
}

static bool is_flipped(uint32_t orientation)
{
    return orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
}

static size_t pixel_bytes(enum sisp_pixel_format format)
{
    return sisp_pixel_row_bytes(format, 0, 1);
}

int out_rows_init(struct out_rows *rows, const struct sisp_image *image, uint32_t orientation)
{
    bool transposed = is_transposed(orientation);
    *rows = (struct out_rows){
        .width = transposed ? image->height : image->width,
        .height = transposed ? image->width : image->height,
        .channel_bytes = image->format == SISP_PIXEL_RGBA64 ? 2 : 1,
        .image = image,
        .orientation = orientation,
    };
    rows->row_bytes = (size_t)rows->width * 3 * rows->channel_bytes;
    rows->block = malloc(rows->row_bytes * BLOCK_ROWS);
    return rows->block ? 0 : -ENOMEM;
}

/* Copy `count` pixels, each a step on, whatever their format. */
static void gather(const struct sisp_image *image, const uint8_t *from, ptrdiff_t from_step,
    uint8_t *to, size_t to_step, uint32_t count)
{
    switch (image->format) {
    case SISP_PIXEL_RGBA64:
        for (uint32_t i = 0; i < count; i++, from += from_step, to += to_step)
            memcpy(to, from, 6);
        break;
    case SISP_PIXEL_RGB24:
        if (from_step == 3 && to_step == 3) {
            memcpy(to, from, (size_t)3 * count);
            break;
        }
        for (uint32_t i = 0; i < count; i++, from += from_step, to += to_step)
            memcpy(to, from, 3);
        break;
    default:
        for (uint32_t i = 0; i < count; i++, from += from_step, to += to_step) {
            to[0] = from[2];
            to[1] = from[1];
            to[2] = from[0];
        }
    }
}

static const uint8_t *pixel_at(const struct sisp_image *image, uint32_t x, uint32_t y)
{
    return image->planes[0] + y * image->stride_bytes[0] + x * pixel_bytes(image->format);
}

static void fill_straight(struct out_rows *rows, uint32_t count)
{
    const struct sisp_image *image = rows->image;
    bool mirrored = is_mirrored(rows->orientation);
    ptrdiff_t step = (ptrdiff_t)pixel_bytes(image->format);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t y = rows->next + i;
        if (is_flipped(rows->orientation))
            y = image->height - 1 - y;
        gather(image, pixel_at(image, mirrored ? image->width - 1 : 0, y), mirrored ? -step : step,
            rows->block + i * rows->row_bytes, 3 * rows->channel_bytes, image->width);
    }
}

/* Row y of the source is a column of the block: `count` pixels of it, one per row of the block. */
static void fill_transposed(struct out_rows *rows, uint32_t count)
{
    const struct sisp_image *image = rows->image;
    bool mirrored = is_mirrored(rows->orientation);
    uint32_t x = mirrored ? image->width - 1 - rows->next : rows->next;
    ptrdiff_t step = (ptrdiff_t)pixel_bytes(image->format);
    size_t to_bytes = 3 * rows->channel_bytes;
    for (uint32_t y = 0; y < image->height; y++) {
        uint32_t column = is_flipped(rows->orientation) ? image->height - 1 - y : y;
        gather(image, pixel_at(image, x, y), mirrored ? -step : step,
            rows->block + column * to_bytes, rows->row_bytes, count);
    }
}

uint8_t *out_rows_next(struct out_rows *rows)
{
    sisp_assert(rows->next < rows->height);
    uint32_t in_block = rows->next % BLOCK_ROWS;
    if (in_block == 0) {
        uint32_t left = rows->height - rows->next;
        uint32_t count = left < BLOCK_ROWS ? left : BLOCK_ROWS;
        if (is_transposed(rows->orientation))
            fill_transposed(rows, count);
        else
            fill_straight(rows, count);
    }
    rows->next++;
    return rows->block + in_block * rows->row_bytes;
}

const uint8_t *out_rows_look(struct out_rows *rows)
{
    if (rows->orientation != 1 || rows->image->format != SISP_PIXEL_RGB24)
        return out_rows_next(rows);
    sisp_assert(rows->next < rows->height);
    return pixel_at(rows->image, 0, rows->next++);
}

void out_rows_seek(struct out_rows *rows, uint32_t y)
{
    sisp_assert(y % BLOCK_ROWS == 0);
    rows->next = y;
}

void out_rows_finish(struct out_rows *rows)
{
    free(rows->block);
    rows->block = NULL;
}
