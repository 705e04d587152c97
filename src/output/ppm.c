/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Netpbm's P6 (ppm(5)): 16-bit samples have their high byte first. */
#include "output/encode.h"

#include <stdio.h>
#include <string.h>

static void to_big_endian(uint8_t *row, size_t row_bytes)
{
    for (size_t i = 0; i < row_bytes; i += 2) {
        uint16_t sample;
        memcpy(&sample, row + i, 2);
        row[i] = (uint8_t)(sample >> 8);
        row[i + 1] = (uint8_t)sample;
    }
}

int out_encode_ppm(struct out_job *job)
{
    struct out_rows *rows = &job->rows;
    char header[40];
    int length = snprintf(header, sizeof(header), "P6\n%u %u\n%d\n", rows->width, rows->height,
        rows->channel_bytes == 2 ? 65535 : 255);
    int error = out_file_write(job->file, header, (size_t)length);
    for (uint32_t y = 0; y < rows->height && !error; y++) {
        uint8_t *row = out_rows_next(rows);
        if (rows->channel_bytes == 2)
            to_big_endian(row, rows->row_bytes);
        error = out_file_write(job->file, row, rows->row_bytes);
    }
    return error ? out_fail(job, error, "the picture cannot be written: %m") : 0;
}
