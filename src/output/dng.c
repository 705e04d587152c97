/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A raw mosaic as DNG (Digital Negative Specification 1.4): uncompressed, which all readers know,
 * with a small picture in front where one is given. */
#include "output/dng_file.h"

#include "base/base.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define THUMBNAIL_SIDE 256

#define STRIP_BYTES (256 * 1024)

/* What goes into the file. */
struct content {
    const struct sisp_raw_info *info;
    const uint8_t *samples;
    uint8_t *thumbnail; /* RGB; NULL: none */
    uint32_t width, height;
    uint8_t *row; /* of samples */
};

/* ---- thumbnail ------------------------------------------------------------------------------- */

struct box_sums {
    uint32_t sum[THUMBNAIL_SIDE][3], count[THUMBNAIL_SIDE];
};

static unsigned high_byte(const struct out_rows *rows, const uint8_t *row, size_t channel)
{
    uint16_t word;
    if (rows->channel_bytes == 1)
        return row[channel];
    memcpy(&word, row + 2 * channel, sizeof(word));
    return word >> 8;
}

static void add_row(
    struct box_sums *sums, const struct out_rows *rows, const uint8_t *row, uint32_t width)
{
    for (uint32_t x = 0; x < rows->width; x++) {
        const uint32_t to = (uint32_t)((uint64_t)x * width / rows->width);
        for (unsigned c = 0; c < 3; c++)
            sums->sum[to][c] += high_byte(rows, row, (size_t)x * 3 + c);
        sums->count[to]++;
    }
}

/* Means over the rectangles that become a pixel each. */
static void shrink(struct out_rows *rows, struct content *content)
{
    struct box_sums sums = {0};
    uint32_t y = 0;
    for (uint32_t from = 0; from < rows->height; from++) {
        add_row(&sums, rows, out_rows_next(rows), content->width);
        const uint32_t next = (uint32_t)((uint64_t)(from + 1) * content->height / rows->height);
        if (next == y)
            continue;
        uint8_t *out = content->thumbnail + (size_t)y * content->width * 3;
        for (uint32_t i = 0; i < content->width * 3; i++)
            out[i] =
                (uint8_t)((sums.sum[i / 3][i % 3] + sums.count[i / 3] / 2) / sums.count[i / 3]);
        memset(&sums, 0, sizeof(sums));
        y = next;
    }
}

static int make_thumbnail(
    struct out_job *job, const struct sisp_image *image, struct content *content)
{
    struct out_rows rows;
    const uint32_t longest = image->width > image->height ? image->width : image->height;
    const uint32_t side = longest < THUMBNAIL_SIDE ? longest : THUMBNAIL_SIDE;
    content->width = (uint32_t)base_max_size(1, (size_t)image->width * side / longest);
    content->height = (uint32_t)base_max_size(1, (size_t)image->height * side / longest);
    int r = out_rows_init(&rows, image, 1);
    if (r)
        return out_fail(job, r, "no memory for a thumbnail");
    content->thumbnail = malloc((size_t)content->width * content->height * 3);
    if (content->thumbnail)
        shrink(&rows, content);
    out_rows_finish(&rows);
    return content->thumbnail ? 0 : out_fail(job, -ENOMEM, "no memory for a thumbnail");
}

/* ---- directories ----------------------------------------------------------------------------- */

static void set_size(struct out_tiff *file, uint32_t width, uint32_t height, unsigned bits)
{
    TIFFSetField(file->tiff, TIFFTAG_IMAGEWIDTH, width);
    TIFFSetField(file->tiff, TIFFTAG_IMAGELENGTH, height);
    TIFFSetField(file->tiff, TIFFTAG_BITSPERSAMPLE, bits);
    TIFFSetField(file->tiff, TIFFTAG_COMPRESSION, COMPRESSION_NONE);
    TIFFSetField(file->tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
}

static void write_thumbnail(struct out_tiff *file, const struct content *content)
{
    set_size(file, content->width, content->height, 8);
    TIFFSetField(file->tiff, TIFFTAG_SUBFILETYPE, FILETYPE_REDUCEDIMAGE);
    TIFFSetField(file->tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_RGB);
    TIFFSetField(file->tiff, TIFFTAG_SAMPLESPERPIXEL, 3);
    TIFFSetField(file->tiff, TIFFTAG_ROWSPERSTRIP, content->height);
    TIFFSetField(file->tiff, TIFFTAG_SUBIFD, 1, (const uint64_t[1]){0});
    for (uint32_t y = 0; y < content->height && !file->error; y++)
        out_tiff_check(file, TIFFWriteScanline(file->tiff,
                                 content->thumbnail + (size_t)y * content->width * 3, y, 0) == 1);
    if (!file->error)
        out_tiff_check(file, TIFFWriteDirectory(file->tiff) == 1);
    out_dng_extend(file);
}

static void set_mosaic(struct out_tiff *file, const struct sisp_raw_info *info)
{
    static const uint16_t two[2] = {2, 2};
    static const uint8_t colors[SISP_SITE_COUNT] = {0, 1, 1, 2};
    const struct sisp_rect *crop = &info->crop;
    const enum sisp_cfa cfa = out_dng_cfa(info);
    const uint8_t pattern[4] = {colors[cfa], colors[cfa ^ 1], colors[cfa ^ 2], colors[cfa ^ 3]};
    const uint32_t active[4] = {0, 0, crop->height, crop->width};
    const float origin[2] = {0, 0}, size[2] = {(float)crop->width, (float)crop->height};
    set_size(file, crop->width, crop->height, 16);
    TIFFSetField(file->tiff, TIFFTAG_SUBFILETYPE, 0);
    TIFFSetField(file->tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_CFA);
    TIFFSetField(file->tiff, TIFFTAG_SAMPLESPERPIXEL, 1);
    TIFFSetField(file->tiff, TIFFTAG_ROWSPERSTRIP,
        (uint32_t)base_max_size(1, STRIP_BYTES / (crop->width * (size_t)2)));
    TIFFSetField(file->tiff, TIFFTAG_CFAREPEATPATTERNDIM, two);
    TIFFSetField(file->tiff, TIFFTAG_CFAPATTERN, 4, pattern);
    TIFFSetField(file->tiff, TIFFTAG_CFALAYOUT, 1);
    TIFFSetField(file->tiff, TIFFTAG_ACTIVEAREA, active);
    TIFFSetField(file->tiff, TIFFTAG_DEFAULTCROPORIGIN, origin);
    TIFFSetField(file->tiff, TIFFTAG_DEFAULTCROPSIZE, size);
}

/* MIPI CSI-2: groups of as many samples as leave whole bytes, their high bytes first, then the low
 * bits of all, the first one's lowest. */
static uint16_t packed_sample(const uint8_t *row, uint32_t x, unsigned bits)
{
    const unsigned low_bits = bits - 8, group = bits == 12 ? 2 : bits == 8 ? 1 : 4;
    const uint8_t *at = row + (size_t)(x / group) * (group * bits / 8);
    uint32_t low = 0;
    for (unsigned i = 0; i < group * low_bits / 8; i++)
        low |= (uint32_t)at[group + i] << (8 * i);
    low = low >> (x % group * low_bits) & ((1U << low_bits) - 1);
    return (uint16_t)((uint32_t)at[x % group] << low_bits | low);
}

/* In the machine's own order for libtiff. */
static void take_row(const struct content *content, uint32_t y)
{
    const struct sisp_raw_info *info = content->info;
    const struct sisp_raw_format *format = sisp_raw_info_format(info);
    const uint8_t *row = content->samples + (info->crop.y + y) * info->stride_bytes;
    for (uint32_t i = 0; i < info->crop.width; i++) {
        const uint32_t x = info->crop.x + i;
        const uint16_t word = format->packing == SISP_PACKING_16
                                  ? (uint16_t)(row[2 * x] | row[2 * x + 1] << 8)
                                  : packed_sample(row, x, format->bits);
        memcpy(content->row + 2 * (size_t)i, &word, sizeof(word));
    }
}

static void fill(struct out_tiff *file, const void *user)
{
    const struct content *content = user;
    const struct sisp_raw_info *info = content->info;
    const uint64_t exif = out_dng_exif(file, &info->exif);
    out_dng_extend(file);
    out_dng_camera(file, info);
    out_dng_color(file, info);
    TIFFSetField(file->tiff, TIFFTAG_EXIFIFD, exif);
    if (content->thumbnail)
        write_thumbnail(file, content);
    set_mosaic(file, info);
    out_dng_levels(file, info);
    out_dng_shading(file, info);
    for (uint32_t y = 0; y < info->crop.height && !file->error; y++) {
        take_row(content, y);
        out_tiff_check(file, TIFFWriteScanline(file->tiff, content->row, y, 0) == 1);
    }
    if (!file->error)
        out_tiff_check(file, TIFFWriteDirectory(file->tiff) == 1);
}

/* ---- checks ---------------------------------------------------------------------------------- */

static int check_info(struct out_job *job, const struct sisp_raw_info *info)
{
    const struct sisp_raw_format *format = sisp_raw_info_format(info);
    const struct sisp_rect *crop = &info->crop;
    if (!format || format->packing == SISP_PACKING_IPU3)
        return out_fail(
            job, -ENOTSUP, "a DNG is written of samples in 16-bit words or packed as MIPI does");
    if (format->is_mono)
        return out_fail(job, -ENOTSUP, "a DNG is written of a Bayer mosaic only");
    if (crop->width < 2 || crop->height < 2 || crop->x >= info->width || crop->y >= info->height ||
        crop->width > info->width - crop->x || crop->height > info->height - crop->y ||
        info->width > 65535 || info->height > 65535 ||
        info->stride_bytes < sisp_raw_row_bytes(format->packing, info->width))
        return out_fail(job, -EINVAL, "%ux%u at %u,%u is no part of %ux%u samples", crop->width,
            crop->height, crop->x, crop->y, info->width, info->height);
    for (unsigned i = 0; i < SISP_SITE_COUNT; i++) {
        if (!(info->black_level[i] >= 0 && info->black_level[i] < info->white_level &&
                info->white_level <= 65535))
            return out_fail(job, -EINVAL, "levels of black %g and white %g cannot be",
                (double)info->black_level[i], (double)info->white_level);
    }
    if (info->orientation > 8 || info->lsc.cols > SISP_LSC_KNOTS_MAX ||
        info->lsc.rows > SISP_LSC_KNOTS_MAX)
        return out_fail(job, -EINVAL, "an orientation or lens shading that cannot be");
    return 0;
}

static int write_to(struct out_job *job, const char *path, struct content *content)
{
    int r = out_file_open(&job->file, path);
    if (r)
        return out_fail(job, r, "the file cannot be created: %m");
    r = out_tiff_write(job, false, fill, content);
    if (r) {
        out_file_discard(&job->file);
        return r;
    }
    r = out_file_commit(&job->file);
    return r ? out_fail(job, r, "the picture cannot be written: %m") : 0;
}

int sisp_write_dng(const char *path, const struct sisp_raw_info *info, const uint8_t *samples,
    const struct sisp_image *preview, char *error, size_t error_size)
{
    struct out_job job = {.error = error, .error_size = error_size};
    struct content content = {.info = info, .samples = samples};
    if (!path || !info || !samples)
        return out_fail(&job, -EINVAL, "there is no raw frame or no path");
    int r = check_info(&job, info);
    if (r == 0 && preview)
        r = out_check_image(&job, preview);
    if (r == 0 && preview)
        r = make_thumbnail(&job, preview, &content);
    if (r == 0) {
        content.row = malloc((size_t)info->crop.width * 2);
        r = content.row ? write_to(&job, path, &content)
                        : out_fail(&job, -ENOMEM, "no memory for a row");
    }
    free(content.row);
    free(content.thumbnail);
    return r;
}
