/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "output/encode.h"

#include "base/base.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

const struct sisp_writer sisp_writers[] = {
    {"jpeg", ".jpg .jpeg", 0, OUT_HAVE_JPEG},
    {"png", ".png", 1, OUT_HAVE_PNG},
    {"tiff", ".tif .tiff", 1, OUT_HAVE_TIFF},
    {"ppm", ".ppm", 1, 1},
    {0},
};

static const out_encode_fn encoders[BASE_COUNT(sisp_writers)] = {
#if OUT_HAVE_JPEG
    [0] = out_encode_jpeg,
#endif
#if OUT_HAVE_PNG
    [1] = out_encode_png,
#endif
#if OUT_HAVE_TIFF
    [2] = out_encode_tiff,
#endif
    [3] = out_encode_ppm,
};

static bool has_extension(const struct sisp_writer *writer, const char *extension)
{
    size_t length = strlen(extension);
    for (const char *at = writer->extensions; at; at = strchr(at, ' ')) {
        at += *at == ' ';
        if (strncasecmp(at, extension, length) == 0 && (at[length] == ' ' || !at[length]))
            return true;
    }
    return false;
}

const struct sisp_writer *sisp_writer_find(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *extension = strrchr(slash ? slash : path, '.');
    if (!extension)
        return NULL;
    for (const struct sisp_writer *writer = sisp_writers; writer->name; writer++) {
        if (has_extension(writer, extension))
            return writer;
    }
    return NULL;
}

int out_fail(struct out_job *job, int error, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    errno = -error;
    if (job->error && job->error_size > 0)
        vsnprintf(job->error, job->error_size, format, list);
    va_end(list);
    return error;
}

int out_check_image(struct out_job *job, const struct sisp_image *image)
{
    if (!image || !image->planes[0])
        return out_fail(job, -EINVAL, "there is no picture");
    if (image->format != SISP_PIXEL_RGB24 && image->format != SISP_PIXEL_XRGB8888 &&
        image->format != SISP_PIXEL_RGBA64)
        return out_fail(job, -EINVAL, "pictures are written from RGB24, XRGB8888 or RGBA64 only");
    if (image->width < 1 || image->height < 1 || image->width > 65535 || image->height > 65535)
        return out_fail(
            job, -EINVAL, "%ux%u is no size from 1x1 to 65535x65535", image->width, image->height);
    if (image->stride_bytes[0] < sisp_pixel_row_bytes(image->format, 0, image->width))
        return out_fail(job, -EINVAL, "a stride of %zu bytes is too small for %u pixels",
            image->stride_bytes[0], image->width);
    return 0;
}

static int check_params(struct out_job *job, const struct sisp_write_params *params)
{
    job->params = params ? *params : (struct sisp_write_params){0};
    if (job->params.orientation == 0)
        job->params.orientation = 1;
    if (job->params.jpeg_quality == 0)
        job->params.jpeg_quality = 92;
    if (job->params.orientation > 8)
        return out_fail(job, -EINVAL, "%u is no orientation from 1 to 8", job->params.orientation);
    if (job->params.jpeg_quality < 1 || job->params.jpeg_quality > 100)
        return out_fail(
            job, -EINVAL, "%d is no JPEG quality from 1 to 100", job->params.jpeg_quality);
    return 0;
}

static int encode_to(struct out_job *job, out_encode_fn encode, const char *path)
{
    int error = out_file_open(&job->file, path);
    if (error)
        return out_fail(job, error, "the file cannot be created: %m");
    error = encode(job);
    if (error) {
        out_file_discard(&job->file);
        return error;
    }
    error = out_file_commit(&job->file);
    return error ? out_fail(job, error, "the picture cannot be written: %m") : 0;
}

int sisp_write_image(const struct sisp_writer *writer, const char *path,
    const struct sisp_image *image, const struct sisp_write_params *params, char *error,
    size_t error_size)
{
    struct out_job job = {.error = error, .error_size = error_size};
    if (!writer || !writer->name || !path)
        return out_fail(&job, -EINVAL, "there is no writer or no path");
    size_t index = 0;
    while (sisp_writers[index].name && strcmp(sisp_writers[index].name, writer->name) != 0)
        index++;
    if (!encoders[index])
        return out_fail(&job, -ENOTSUP, "this build cannot write %s", writer->name);

    int failed = out_check_image(&job, image);
    if (!failed && image->format == SISP_PIXEL_RGBA64 && !writer->has_16_bit)
        failed = out_fail(&job, -EINVAL, "%s has no 16-bit channels", writer->name);
    if (!failed)
        failed = check_params(&job, params);
    if (failed)
        return failed;
    failed = out_rows_init(&job.rows, image, job.params.orientation);
    if (failed)
        return out_fail(&job, failed, "no memory for %u rows", job.rows.height);
    failed = encode_to(&job, encoders[index], path);
    out_rows_finish(&job.rows);
    return failed;
}

#if !OUT_HAVE_TIFF
int sisp_write_dng(const char *path, const struct sisp_raw_info *info, const uint8_t *samples,
    const struct sisp_image *preview, char *error, size_t error_size)
{
    struct out_job job = {.error = error, .error_size = error_size};
    return out_fail(&job, -ENOTSUP, "this build cannot write DNG: it has no libtiff");
}
#endif
