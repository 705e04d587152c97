/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "output/tiff_file.h"

#include "base/base.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static tmsize_t on_read(thandle_t handle, void *bytes, tmsize_t size_bytes)
{
    return -1;
}

static tmsize_t on_write(thandle_t handle, void *bytes, tmsize_t size_bytes)
{
    struct out_tiff *file = handle;
    int error = out_write_all(file->fd, bytes, (size_t)size_bytes);
    if (error && !file->error)
        file->error = out_fail(file->job, error, "the picture cannot be written: %m");
    return error ? -1 : size_bytes;
}

static toff_t on_seek(thandle_t handle, toff_t offset, int whence)
{
    struct out_tiff *file = handle;
    return (toff_t)lseek(file->fd, (off_t)offset, whence);
}

static int on_close(thandle_t handle)
{
    return 0;
}

static toff_t on_size(thandle_t handle)
{
    struct out_tiff *file = handle;
    off_t here = lseek(file->fd, 0, SEEK_CUR);
    off_t size = lseek(file->fd, 0, SEEK_END);
    lseek(file->fd, here, SEEK_SET);
    return (toff_t)size;
}

/* All that can be wrong with the picture was checked before, so what is left is memory. */
__attribute__((format(printf, 4, 0))) static int on_error(
    TIFF *tiff, void *user, const char *module, const char *format, va_list list)
{
    struct out_tiff *file = user;
    char message[160];
    vsnprintf(message, sizeof(message), format, list);
    if (!file->error)
        file->error = out_fail(file->job, -ENOMEM, "libtiff: %s", message);
    return 1;
}

static int on_warning(TIFF *tiff, void *user, const char *module, const char *format, va_list list)
{
    return 1;
}

static void open_tiff(struct out_tiff *file, bool is_big)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options)
        return;
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, file);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, file);
    file->tiff = TIFFClientOpenExt("picture", is_big ? "wl8" : "wl", file, on_read, on_write,
        on_seek, on_close, on_size, NULL, NULL, options);
    TIFFOpenOptionsFree(options);
}

void out_tiff_text(struct out_tiff *file, ttag_t tag, const char *text, size_t room)
{
    char ended[160] = {0};
    memcpy(ended, text, strnlen(text, base_min_size(room, sizeof(ended) - 1)));
    if (ended[0])
        TIFFSetField(file->tiff, tag, ended);
}

void out_tiff_check(struct out_tiff *file, bool is_done)
{
    if (!is_done && !file->error)
        file->error = out_fail(file->job, -ENOMEM, "libtiff has failed");
}

struct work {
    bool is_big;
    void (*fill)(struct out_tiff *, const void *);
    const void *content;
};

static void run(struct out_tiff *file, const struct work *work)
{
    open_tiff(file, work->is_big);
    if (!file->tiff) {
        if (!file->error)
            file->error = out_fail(file->job, -ENOMEM, "no memory for libtiff");
        return;
    }
    work->fill(file, work->content);
    TIFFClose(file->tiff);
}

/* A TIFF goes back to its start at the end; where the target cannot, it is made in memory first. */
static int run_in_memory(struct out_tiff *file, const struct work *work)
{
    struct out_job *job = file->job;
    file->fd = memfd_create("softisp-tiff", MFD_CLOEXEC);
    if (file->fd < 0)
        return out_fail(job, -errno, "no memory for the TIFF: %m");
    run(file, work);
    int error = file->error;
    if (!error && lseek(file->fd, 0, SEEK_SET) < 0)
        error = out_fail(job, -errno, "the TIFF in memory cannot be read: %m");
    char bytes[16 * 1024];
    ssize_t got = 1;
    while (!error && (got = read(file->fd, bytes, sizeof(bytes))) > 0) {
        error = out_file_write(job->file, bytes, (size_t)got);
        if (error)
            out_fail(job, error, "the picture cannot be written: %m");
    }
    if (!error && got < 0)
        error = out_fail(job, -errno, "the TIFF in memory cannot be read: %m");
    close(file->fd);
    return error;
}

int out_tiff_write(struct out_job *job, bool is_big, void (*fill)(struct out_tiff *, const void *),
    const void *content)
{
    struct out_tiff file = {.job = job, .fd = out_file_seekable_fd(job->file)};
    const struct work work = {is_big, fill, content};
    if (file.fd < 0)
        return run_in_memory(&file, &work);
    run(&file, &work);
    return file.error;
}
