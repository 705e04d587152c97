/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "output/encode.h"

#include "base/base.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <tiffio.h>

/* Strips of about this size: deflate has room to find repeats, readers can start anywhere. */
#define STRIP_BYTES (256 * 1024)

struct encoder {
    struct out_job *job;
    TIFF *tiff;
    int fd;
    int error;
};

static tmsize_t on_read(thandle_t handle, void *bytes, tmsize_t size_bytes)
{
    return -1;
}

static tmsize_t on_write(thandle_t handle, void *bytes, tmsize_t size_bytes)
{
    struct encoder *encoder = handle;
    int error = out_write_all(encoder->fd, bytes, (size_t)size_bytes);
    if (error && !encoder->error)
        encoder->error = out_fail(encoder->job, error, "the picture cannot be written: %m");
    return error ? -1 : size_bytes;
}

static toff_t on_seek(thandle_t handle, toff_t offset, int whence)
{
    struct encoder *encoder = handle;
    return (toff_t)lseek(encoder->fd, (off_t)offset, whence);
}

static int on_close(thandle_t handle)
{
    return 0;
}

static toff_t on_size(thandle_t handle)
{
    struct encoder *encoder = handle;
    off_t here = lseek(encoder->fd, 0, SEEK_CUR);
    off_t size = lseek(encoder->fd, 0, SEEK_END);
    lseek(encoder->fd, here, SEEK_SET);
    return (toff_t)size;
}

/* All that can be wrong with the picture was checked before, so what is left is memory. */
__attribute__((format(printf, 4, 0))) static int on_error(
    TIFF *tiff, void *user, const char *module, const char *format, va_list list)
{
    struct encoder *encoder = user;
    char message[160];
    vsnprintf(message, sizeof(message), format, list);
    if (!encoder->error)
        encoder->error = out_fail(encoder->job, -ENOMEM, "libtiff: %s", message);
    return 1;
}

static int on_warning(TIFF *tiff, void *user, const char *module, const char *format, va_list list)
{
    return 1;
}

static void open_tiff(struct encoder *encoder)
{
    const struct out_rows *rows = &encoder->job->rows;
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options)
        return;
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, encoder);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, encoder);
    /* Little endian on every machine, for the same bytes; BigTIFF where 32-bit offsets might not
     * reach. */
    bool is_big = (uint64_t)rows->row_bytes * rows->height > 0xf0000000u;
    encoder->tiff = TIFFClientOpenExt("picture", is_big ? "wl8" : "wl", encoder, on_read, on_write,
        on_seek, on_close, on_size, NULL, NULL, options);
    TIFFOpenOptionsFree(options);
}

static void set_text(TIFF *tiff, ttag_t tag, const char *text, size_t room)
{
    char ended[128] = {0};
    memcpy(ended, text, strnlen(text, base_min_size(room, sizeof(ended) - 1)));
    if (ended[0])
        TIFFSetField(tiff, tag, ended);
}

static void set_layout(TIFF *tiff, const struct out_rows *rows)
{
    size_t strip_rows = base_max_size(1, STRIP_BYTES / rows->row_bytes);
    TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, rows->width);
    TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, rows->height);
    TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, 3);
    TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, (int)rows->channel_bytes * 8);
    TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_RGB);
    TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    TIFFSetField(tiff, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
    TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, (uint32_t)strip_rows);
    /* Lossless and read by all. Level 1 halves an 8-bit photograph; level 6 saves another 7% (2% at
     * 16 bits) for up to five times the time. */
    if (TIFFIsCODECConfigured(COMPRESSION_ADOBE_DEFLATE)) {
        TIFFSetField(tiff, TIFFTAG_COMPRESSION, COMPRESSION_ADOBE_DEFLATE);
        TIFFSetField(tiff, TIFFTAG_PREDICTOR, PREDICTOR_HORIZONTAL);
        TIFFSetField(tiff, TIFFTAG_ZIPQUALITY, 1);
    }
}

static int set_tags(struct encoder *encoder)
{
    const struct sisp_write_params *params = &encoder->job->params;
    TIFF *tiff = encoder->tiff;
    set_layout(tiff, &encoder->job->rows);
    if (params->exif) {
        set_text(tiff, TIFFTAG_MAKE, params->exif->make, sizeof(params->exif->make));
        set_text(tiff, TIFFTAG_MODEL, params->exif->model, sizeof(params->exif->model));
    }
    TIFFSetField(tiff, TIFFTAG_SOFTWARE, "SoftISP " SISP_VERSION);
    if (!params->is_srgb)
        return 0;
    struct out_blob profile;
    int error = out_profile_create(&profile);
    if (error)
        return out_fail(encoder->job, error, "the ICC profile cannot be made: %m");
    if (profile.bytes)
        TIFFSetField(tiff, TIFFTAG_ICCPROFILE, (uint32_t)profile.size_bytes, profile.bytes);
    free(profile.bytes);
    return 0;
}

/* Not every failure of libtiff comes with a message. */
static void check(struct encoder *encoder, bool is_done)
{
    if (!is_done && !encoder->error)
        encoder->error = out_fail(encoder->job, -ENOMEM, "libtiff has failed");
}

static void run(struct encoder *encoder)
{
    struct out_rows *rows = &encoder->job->rows;
    open_tiff(encoder);
    if (!encoder->tiff) {
        if (!encoder->error)
            encoder->error = out_fail(encoder->job, -ENOMEM, "no memory for libtiff");
        return;
    }
    int error = set_tags(encoder);
    if (error)
        encoder->error = error;
    for (uint32_t y = 0; y < rows->height && !encoder->error; y++)
        check(encoder, TIFFWriteScanline(encoder->tiff, out_rows_next(rows), y, 0) == 1);
    if (!encoder->error)
        check(encoder, TIFFWriteDirectory(encoder->tiff));
    TIFFClose(encoder->tiff);
}

/* A TIFF goes back to its start at the end; where the target cannot, it is made in memory first. */
static int run_in_memory(struct encoder *encoder)
{
    struct out_job *job = encoder->job;
    encoder->fd = memfd_create("softisp-tiff", MFD_CLOEXEC);
    if (encoder->fd < 0)
        return out_fail(job, -errno, "no memory for the TIFF: %m");
    run(encoder);
    int error = encoder->error;
    if (!error && lseek(encoder->fd, 0, SEEK_SET) < 0)
        error = out_fail(job, -errno, "the TIFF in memory cannot be read: %m");
    char bytes[16 * 1024];
    ssize_t got = 1;
    while (!error && (got = read(encoder->fd, bytes, sizeof(bytes))) > 0) {
        error = out_file_write(job->file, bytes, (size_t)got);
        if (error)
            out_fail(job, error, "the picture cannot be written: %m");
    }
    if (!error && got < 0)
        error = out_fail(job, -errno, "the TIFF in memory cannot be read: %m");
    close(encoder->fd);
    return error;
}

int out_encode_tiff(struct out_job *job)
{
    struct encoder encoder = {.job = job, .fd = out_file_seekable_fd(job->file)};
    if (encoder.fd < 0)
        return run_in_memory(&encoder);
    run(&encoder);
    return encoder.error;
}
