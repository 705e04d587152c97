/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "camera/raw_internal.h"

#include "base/base.h"
#include "camera/narrow.h"
#include "camera/rawdec/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int check_params(const struct sisp_raw_open_params *params, const struct raw_error *error)
{
    if (params->has_cfa && ((int)params->cfa < 0 || (int)params->cfa > SISP_CFA_BGGR))
        return raw_fail(error, -EINVAL, "the CFA order is none of the four");
    if (params->black_count != 0 && params->black_count != 1 &&
        params->black_count != SISP_SITE_COUNT)
        return raw_fail(
            error, -EINVAL, "%u black levels were given, not 1 or 4", params->black_count);
    for (unsigned i = 0; i < params->black_count; i++) {
        if (!(params->black_level[i] >= 0 && params->black_level[i] <= 65535))
            return raw_fail(
                error, -EINVAL, "black level %g is not 0 to 65535", (double)params->black_level[i]);
    }
    if (!(params->white_level >= 0 && params->white_level <= 65535))
        return raw_fail(
            error, -EINVAL, "white level %g is not 0 to 65535", (double)params->white_level);
    return 0;
}

/* O_NONBLOCK: the open of a FIFO that nobody writes would wait for ever. */
static int open_input(struct raw_input *input, const char *path, const struct raw_error *error)
{
    input->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (input->fd < 0)
        return raw_fail(error, -errno, "the file cannot be opened: %s", strerror(errno));
    struct stat facts;
    if (fstat(input->fd, &facts) < 0)
        return raw_fail(error, -errno, "the file cannot be examined: %s", strerror(errno));
    if (S_ISDIR(facts.st_mode))
        return raw_fail(error, -EISDIR, "this is a directory");
    if (!S_ISREG(facts.st_mode))
        return raw_fail(error, -EBADMSG, "this is not a regular file");
    if (facts.st_size < 8)
        return raw_fail(error, -EBADMSG,
            "the file is too short: a raw file has at least 8 bytes, this one %lld",
            (long long)facts.st_size);
    input->size_bytes = (uint64_t)facts.st_size;
    return 0;
}

static int read_any(struct sisp_raw_file *file, const struct raw_input *input,
    const struct sisp_raw_open_params *params, const struct raw_error *error)
{
    if (params->raw_format)
        return raw_read_headerless(file, input, params, error);
    char magic[2] = {0};
    if (pread(input->fd, magic, 2, 0) < 0)
        return raw_fail(error, -errno, "reading failed: %s", strerror(errno));
    if (magic[0] == 'P' && magic[1] == '5')
        return raw_read_pgm(file, input, params, error);
    if (magic[0] == 'P' && magic[1] >= '1' && magic[1] <= '7')
        return raw_fail(error, -ENOTSUP,
            "of the Netpbm files only binary PGM (P5) can hold a raw frame, this is P%c", magic[1]);
    if (input->size_bytes > RAWDEC_FILE_BYTES_MAX)
        return raw_fail(error, -EFBIG, "the file is larger than 1 GiB");
    return raw_child_start(file, input, error);
}

/* A white level that the user raises above the format's range asks for a wider container. */
static bool widen(struct sisp_raw_info *info)
{
    const struct sisp_raw_format *format = sisp_raw_info_format(info);
    while (info->white_level > (float)((1u << format->bits) - 1)) {
        if (format->packing != SISP_PACKING_16 || format->bits == 16)
            return false;
        format = sisp_raw_format_widened(format, format->bits + 2u);
    }
    info->fourcc = format->fourcc;
    return true;
}

/* What the user says of it; else what was measured where the file says nothing. */
static int choose_black(struct sisp_raw_info *info, const struct sisp_raw_open_params *params,
    const struct raw_error *error)
{
    if (params->use_optical_black && !info->has_optical_black)
        return raw_fail(error, -EINVAL, "it has no optical black: no samples that are kept dark");
    bool is_unknown = info->black_source == SISP_SOURCE_NEUTRAL;
    for (unsigned i = 0; i < SISP_SITE_COUNT; i++) {
        if (params->black_count) {
            info->black_level[i] = params->black_level[params->black_count == 1 ? 0 : i];
            info->black_source = SISP_SOURCE_MANUAL;
        } else if (params->use_optical_black || (is_unknown && info->has_optical_black)) {
            info->black_level[i] = info->optical_black[i];
            info->black_source = SISP_SOURCE_AUTO;
        }
    }
    return 0;
}

static int override_levels(struct sisp_raw_info *info, const struct sisp_raw_open_params *params,
    const struct raw_error *error)
{
    int status = choose_black(info, params, error);
    if (status < 0)
        return status;
    if (params->white_level > 0)
        info->white_level = params->white_level;
    if (!widen(info))
        return raw_fail(error, -EINVAL, "white level %g does not fit the samples of %s",
            (double)info->white_level, sisp_raw_info_format(info)->name);
    for (unsigned i = 0; i < SISP_SITE_COUNT; i++) {
        if (info->black_level[i] >= info->white_level)
            return raw_fail(error, -EINVAL, "black level %g is not below white level %g",
                (double)info->black_level[i], (double)info->white_level);
    }
    return 0;
}

int sisp_raw_file_open(struct sisp_raw_file **file, const char *path,
    const struct sisp_raw_open_params *params, char *error, size_t error_size)
{
    const struct raw_error sentence = {error, error_size};
    struct raw_input input = {.fd = -1};
    *file = NULL;
    int status = check_params(params, &sentence);
    if (status < 0)
        return status;
    struct sisp_raw_file *opened = calloc(1, sizeof(*opened));
    if (!opened)
        return raw_fail(&sentence, -ENOMEM, "no memory");
    opened->child = (struct raw_child){.pidfd = -1, .result_fd = -1, .note_fd = -1};
    status = open_input(&input, path, &sentence);
    if (status == 0)
        status = read_any(opened, &input, params, &sentence);
    if (status == 0)
        status = override_levels(&opened->info, params, &sentence);
    if (status == 0) {
        opened->is_clipped = camera_narrow(&opened->info);
        if (opened->samples && opened->is_clipped)
            camera_clip(&opened->info, opened->samples);
        if (!params->is_early)
            status = sisp_raw_file_wait(opened, error, error_size);
    }
    if (input.fd >= 0)
        close(input.fd);
    if (status < 0)
        sisp_raw_file_destroy(&opened);
    *file = opened;
    return status;
}

int sisp_raw_file_wait(struct sisp_raw_file *file, char *error, size_t error_size)
{
    const struct raw_error sentence = {error, error_size};
    if (file->samples)
        return 0;
    if (!file->child.pid)
        return raw_fail(&sentence, -EBADMSG, "its samples could not be decoded");
    int status = raw_child_finish(file, &sentence);
    if (status == 0 && file->is_clipped)
        camera_clip(&file->info, file->samples);
    return status;
}

const struct sisp_raw_info *sisp_raw_file_info(const struct sisp_raw_file *file)
{
    return &file->info;
}

const uint8_t *sisp_raw_file_samples(const struct sisp_raw_file *file)
{
    return file->samples;
}

int sisp_raw_file_buffer(const struct sisp_raw_file *file, struct sisp_buffer *buffer)
{
    if (!file->mapping || file->is_clipped)
        return -ENOENT;
    *buffer = (struct sisp_buffer){.memory = SISP_MEMORY_IMPORTED,
        .fd = file->child.result_fd,
        .offset_bytes = RAWDEC_SAMPLES_OFFSET,
        .size_bytes = sisp_raw_info_size_bytes(&file->info),
        .bytes = file->samples};
    return 0;
}

void sisp_raw_file_destroy(struct sisp_raw_file **file)
{
    if (!*file)
        return;
    raw_child_forget(&(*file)->child);
    if ((*file)->mapping)
        munmap((*file)->mapping, (*file)->mapping_bytes);
    else
        free((*file)->samples);
    free(*file);
    *file = NULL;
}
