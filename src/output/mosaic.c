/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Netpbm's P5 (pgm(5)) of a mosaic; 16-bit samples have their high byte first. */
#include <softisp/writer.h>

#include "output/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define MERGED_BLACK 4096.0F
#define MERGED_WHITE 65535.0F

static int fail(int error, char *text, size_t size)
{
    if (text && size) {
        errno = -error;
        snprintf(text, size, "the mosaic cannot be written: %m");
    }
    return error;
}

static int write_rows(struct out_file *file, const struct sisp_raw_image *mosaic,
    const struct sisp_mosaic_scale *scale, uint8_t *row)
{
    const float unit = (scale->white_level - scale->black_level) / (MERGED_WHITE - MERGED_BLACK);
    int r = 0;
    for (uint32_t y = 0; y < mosaic->height && r == 0; y++) {
        const uint8_t *at = mosaic->samples + y * mosaic->stride_bytes;
        for (uint32_t x = 0; x < mosaic->width; x++) {
            float code = (float)(at[2 * x] | at[2 * x + 1] << 8);
            code = (code - MERGED_BLACK) * unit + scale->black_level + 0.5F;
            uint32_t word = code < 0 ? 0 : code < 65535 ? (uint32_t)code : 65535;
            row[2 * x] = (uint8_t)(word >> 8);
            row[2 * x + 1] = (uint8_t)word;
        }
        r = out_file_write(file, row, (size_t)mosaic->width * 2);
    }
    return r;
}

int sisp_write_mosaic(const char *path, const struct sisp_raw_image *mosaic,
    const struct sisp_mosaic_scale *scale, char *error, size_t error_size)
{
    struct out_file *file = NULL;
    if (!path || !mosaic || !mosaic->samples || !scale ||
        !(scale->white_level > scale->black_level) || !(scale->white_level <= 65535) ||
        !(scale->black_level >= 0))
        return fail(-EINVAL, error, error_size);
    uint8_t *row = malloc((size_t)mosaic->width * 2);
    int r = row ? out_file_open(&file, path) : -ENOMEM;
    if (r == 0) {
        char header[40];
        int length =
            snprintf(header, sizeof(header), "P5\n%u %u\n65535\n", mosaic->width, mosaic->height);
        r = out_file_write(file, header, (size_t)length);
        r = r ? r : write_rows(file, mosaic, scale, row);
        if (r)
            out_file_discard(&file);
        else
            r = out_file_commit(&file);
    }
    free(row);
    return r ? fail(r, error, error_size) : 0;
}
