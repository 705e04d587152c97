/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Headerless frames and binary PGM (Netpbm's pgm(5)): bounded by one comparison, so they are read
 * in this process. */
#include "camera/raw_internal.h"

#include "base/base.h"
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** Read exactly size_bytes from offset. */
static int read_samples(const struct raw_input *input, uint64_t offset, uint8_t *samples,
    size_t size_bytes, const struct raw_error *error)
{
    while (size_bytes > 0) {
        ssize_t got = pread(input->fd, samples, size_bytes, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return raw_fail(error, -errno, "reading failed: %s", strerror(errno));
        if (got == 0)
            return raw_fail(error, -EBADMSG, "the file became shorter while it was read");
        samples += got;
        offset += (uint64_t)got;
        size_bytes -= (size_t)got;
    }
    return 0;
}

/** Allocate the frame that info describes and fill it from offset. */
static int load_frame(struct sisp_raw_file *file, const struct raw_input *input, uint64_t offset,
    const struct raw_error *error)
{
    size_t size_bytes = sisp_raw_info_size_bytes(&file->info);
    uint64_t found = input->size_bytes > offset ? input->size_bytes - offset : 0;
    if (found < size_bytes)
        return raw_fail(error, -EBADMSG,
            "the file is too short: %zu bytes of samples expected, %" PRIu64 " found", size_bytes,
            found);
    file->samples = malloc(size_bytes);
    if (!file->samples)
        return raw_fail(error, -ENOMEM, "no memory for %zu bytes of samples", size_bytes);
    return read_samples(input, offset, file->samples, size_bytes, error);
}

static int set_frame(struct sisp_raw_info *info, const struct sisp_raw_format *format,
    uint32_t width, uint32_t height, const struct raw_error *error)
{
    if (width < 2 || height < 2 || width > 65535 || height > 65535)
        return raw_fail(error, -EINVAL, "%" PRIu32 " x %" PRIu32 " is not a size of a raw frame",
            width, height);
    if ((uint64_t)width * height > RAW_PIXELS_MAX)
        return raw_fail(error, -EFBIG, "%" PRIu32 " x %" PRIu32 " is more than %u million samples",
            width, height, RAW_PIXELS_MAX >> 20);
    info->fourcc = format->fourcc;
    info->width = width;
    info->height = height;
    info->stride_bytes = sisp_raw_row_bytes(format->packing, width);
    info->crop = (struct sisp_rect){0, 0, width, height};
    info->white_level = (float)((1u << format->bits) - 1);
    info->orientation = 1;
    return 0;
}

int raw_read_headerless(struct sisp_raw_file *file, const struct raw_input *input,
    const struct sisp_raw_open_params *params, const struct raw_error *error)
{
    const struct sisp_raw_format *format = sisp_raw_format_find(params->raw_format);
    if (!format)
        return raw_fail(error, -EINVAL, "there is no raw format of that name");
    int status = set_frame(&file->info, format, params->width, params->height, error);
    if (status < 0)
        return status;
    if (params->stride_bytes) {
        if (params->stride_bytes < file->info.stride_bytes || params->stride_bytes > 1u << 20)
            return raw_fail(error, -EINVAL, "a row of %" PRIu32 " samples takes %zu bytes, not %zu",
                params->width, file->info.stride_bytes, params->stride_bytes);
        file->info.stride_bytes = params->stride_bytes;
    }
    return load_frame(file, input, 0, error);
}

struct pgm_header {
    uint32_t width, height, maxval;
    size_t size_bytes;
};

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/** The next number after white space and comments; *at ends behind its last digit. */
static bool pgm_number(const uint8_t *text, size_t size, size_t *at, uint32_t *value)
{
    while (*at < size && (is_space(text[*at]) || text[*at] == '#')) {
        if (text[*at] == '#') {
            while (*at < size && text[*at] != '\n')
                ++*at;
        } else {
            ++*at;
        }
    }
    size_t begin = *at;
    *value = 0;
    for (; *at < size && text[*at] >= '0' && text[*at] <= '9'; ++*at) {
        *value = *value * 10 + (uint32_t)(text[*at] - '0');
        if (*value > 1000000)
            return false;
    }
    return *at > begin;
}

static int pgm_header(
    const struct raw_input *input, struct pgm_header *header, const struct raw_error *error)
{
    uint8_t text[4096];
    size_t size = (size_t)(input->size_bytes < sizeof(text) ? input->size_bytes : sizeof(text));
    int status = read_samples(input, 0, text, size, error);
    if (status < 0)
        return status;
    size_t at = 2;
    if (!pgm_number(text, size, &at, &header->width) ||
        !pgm_number(text, size, &at, &header->height) ||
        !pgm_number(text, size, &at, &header->maxval) || at >= size || !is_space(text[at]))
        return raw_fail(error, -EBADMSG, "the header of the PGM file is corrupt");
    if (header->maxval < 1 || header->maxval > 65535)
        return raw_fail(
            error, -EBADMSG, "maxval %" PRIu32 " of the PGM is not 1 to 65535", header->maxval);
    header->size_bytes = at + 1;
    return 0;
}

static unsigned bits_for(uint32_t maxval)
{
    unsigned bits = maxval < 256 ? 8 : 10;
    while (maxval >= 1u << bits)
        bits += 2;
    return bits;
}

/* Samples above maxval break pgm(5); they are taken as clipped. */
static void pgm_finish(struct sisp_raw_file *file, uint32_t maxval)
{
    size_t size_bytes = sisp_raw_info_size_bytes(&file->info);
    if (maxval < 256) {
        for (size_t i = 0; i < size_bytes; i++) {
            if (file->samples[i] > maxval)
                file->samples[i] = (uint8_t)maxval;
        }
        return;
    }
    for (size_t i = 0; i + 1 < size_bytes; i += 2) {
        uint32_t value = (uint32_t)file->samples[i] << 8 | file->samples[i + 1];
        if (value > maxval)
            value = maxval;
        file->samples[i] = (uint8_t)value;
        file->samples[i + 1] = (uint8_t)(value >> 8);
    }
}

static const struct sisp_raw_format *pgm_format(enum sisp_cfa cfa, unsigned bits)
{
    if (bits > 8)
        return sisp_raw_format_unpacked(cfa, bits);
    const struct sisp_raw_format *format = sisp_raw_formats;
    while (format->packing != SISP_PACKING_8 || format->cfa != cfa)
        format++;
    return format;
}

int raw_read_pgm(struct sisp_raw_file *file, const struct raw_input *input,
    const struct sisp_raw_open_params *params, const struct raw_error *error)
{
    struct pgm_header header;
    int status = pgm_header(input, &header, error);
    if (status < 0)
        return status;
    if (!params->has_cfa)
        base_log(SISP_LOG_WARNING, "a PGM does not say its CFA order: taken as RGGB");
    enum sisp_cfa cfa = params->has_cfa ? params->cfa : SISP_CFA_RGGB;
    const struct sisp_raw_format *format = pgm_format(cfa, bits_for(header.maxval));
    status = set_frame(&file->info, format, header.width, header.height, error);
    if (status < 0)
        return status == -EINVAL ? -EBADMSG : status;
    file->info.white_level = (float)header.maxval;
    status = load_frame(file, input, header.size_bytes, error);
    if (status == 0)
        pgm_finish(file, header.maxval);
    return status;
}
