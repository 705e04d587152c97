/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From LibRaw's memory to struct sisp_raw_info and 16-bit samples. */
#include "camera/rawdec/rawdec.h"

#include "base/base.h"
#include "camera/raw_internal.h"

#include <errno.h>
#include <libraw/libraw.h>
#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const struct sisp_raw_format *rawdec_format(enum sisp_cfa cfa, double white)
{
    unsigned bits = 10;
    while (bits < 16 && white > (double)((1u << bits) - 1))
        bits += 2;
    return sisp_raw_format_unpacked(cfa, bits);
}

static int libraw_failed(struct rawdec_result *result, int code)
{
    switch (code) {
    case LIBRAW_FILE_UNSUPPORTED:
        return rawdec_say(result, -EBADMSG, "this is not a raw file that LibRaw can read");
    case LIBRAW_UNSUFFICIENT_MEMORY:
        return rawdec_say(result, -ENOMEM, "decoding needs more memory than is allowed");
    case LIBRAW_TOO_BIG:
        return rawdec_say(result, -EFBIG, "the raw frame is too large");
    default:
        return rawdec_say(result, -EBADMSG, "the file is corrupt: %s", libraw_strerror(code));
    }
}

/* LibRaw goes on after missing or corrupt data and leaves grey or noise in the picture. */
static void on_data_error(void *user, const char *file, const int offset)
{
    int *count = user;
    ++*count;
}

/** Whether LibRaw's colour index of the visible area's sites repeats every 2x2 and is a Bayer
 * pattern; sets the order at its top left. */
static bool bayer_order(libraw_data_t *raw, enum sisp_cfa *cfa)
{
    static const char orders[][5] = {"RGGB", "GRBG", "GBRG", "BGGR"};
    char seen[5] = {0};
    if (raw->idata.filters < 1000)
        return false;
    for (int y = 0; y < 16; y++) {
        for (int x = 0; x < 4; x++) {
            int color = libraw_COLOR(raw, y, x);
            if (color < 0 || color > 3 || (y >= 2 && color != libraw_COLOR(raw, y & 1, x & 1)))
                return false;
            if (y < 2 && x < 2)
                seen[2 * y + x] = raw->idata.cdesc[color];
        }
    }
    for (unsigned i = 0; i < BASE_COUNT(orders); i++) {
        if (strcmp(seen, orders[i]) == 0) {
            *cfa = (enum sisp_cfa)i;
            return true;
        }
    }
    return false;
}

/** Refuse what is not one Bayer mosaic. */
static int check_kind(libraw_data_t *raw, struct rawdec_result *result, enum sisp_cfa *cfa)
{
    const libraw_image_sizes_t *sizes = &raw->sizes;
    if ((uint64_t)sizes->raw_width * sizes->raw_height > RAW_PIXELS_MAX)
        return rawdec_say(result, -EFBIG, "%u x %u is more than %u million samples",
            sizes->raw_width, sizes->raw_height, RAW_PIXELS_MAX >> 20);
    if (raw->idata.is_foveon)
        return rawdec_say(result, -ENOTSUP, "Foveon sensors are not supported");
    if (raw->idata.filters == 9)
        return rawdec_say(result, -ENOTSUP, "X-Trans sensors are not supported");
    if (raw->idata.colors == 1)
        return rawdec_say(result, -ENOTSUP, "monochrome sensors are not supported");
    if (raw->idata.raw_count > 1)
        return rawdec_say(result, -ENOTSUP,
            "files of several raw frames are not supported, this one has %u", raw->idata.raw_count);
    if (raw->idata.filters == 0)
        return rawdec_say(
            result, -ENOTSUP, "the file holds a demosaiced (linear) picture, not a raw mosaic");
    if (raw->idata.colors != 3 || !bayer_order(raw, cfa))
        return rawdec_say(result, -ENOTSUP, "the mosaic is not a 2x2 Bayer pattern");
    if (sizes->left_margin + sizes->width > sizes->raw_width ||
        sizes->top_margin + sizes->height > sizes->raw_height || sizes->width < 2 ||
        sizes->height < 2)
        return rawdec_say(result, -EBADMSG, "the file is corrupt: impossible sizes");
    return 0;
}

static void fill_frame(
    const libraw_data_t *raw, struct sisp_raw_info *info, enum sisp_cfa visible_cfa)
{
    const libraw_image_sizes_t *sizes = &raw->sizes;
    /* LibRaw's bits: 1 mirrors left and right, 2 top and bottom, 4 swaps the axes last. */
    static const uint8_t orientations[8] = {1, 2, 4, 3, 5, 8, 6, 7};
    enum sisp_cfa cfa = sisp_cfa_shift(visible_cfa, sizes->left_margin, sizes->top_margin);
    info->fourcc = rawdec_format(cfa, (double)raw->color.maximum)->fourcc;
    info->width = sizes->raw_width;
    info->height = sizes->raw_height;
    info->stride_bytes = (size_t)sizes->raw_width * 2;
    info->crop =
        (struct sisp_rect){sizes->left_margin, sizes->top_margin, sizes->width, sizes->height};
    info->orientation = orientations[sizes->flip & 7];
    info->white_level = (float)raw->color.maximum;
}

static void fill_black(libraw_data_t *raw, struct sisp_raw_info *info, enum sisp_cfa visible_cfa)
{
    const libraw_colordata_t *color = &raw->color;
    unsigned rows = color->cblack[4], cols = color->cblack[5];
    info->black_source = SISP_SOURCE_FILE;
    bool has_pattern = rows > 0 && cols > 0 && rows <= 64 && cols <= 64;
    for (unsigned i = 0; i < 4; i++) {
        unsigned x = i & 1, y = i >> 1;
        unsigned black = color->black + color->cblack[libraw_COLOR(raw, (int)y, (int)x)];
        if (has_pattern)
            black += color->cblack[6 + y % rows * cols + x % cols];
        info->black_level[rawdec_site(visible_cfa, x, y)] = (float)black;
    }
}

static bool is_positive(float value)
{
    return isfinite(value) && value > 0;
}

static void fill_color(const libraw_data_t *raw, struct sisp_raw_info *info)
{
    const float *mul = raw->color.cam_mul;
    if (is_positive(mul[0]) && is_positive(mul[1]) && is_positive(mul[2])) {
        info->has_as_shot = 1;
        for (unsigned i = 0; i < 3; i++)
            info->as_shot_gains[i] = mul[i] / mul[1];
    }
    bool is_known = false;
    for (unsigned i = 0; i < 9; i++) {
        float value = raw->color.cam_xyz[i / 3][i % 3];
        if (!isfinite(value))
            return;
        info->profile.color_matrix[0][i] = value;
        is_known |= value != 0;
    }
    /* LibRaw's table holds Adobe's matrices for D65. */
    info->profile.count = is_known;
    info->profile.cct_kelvin[0] = is_known ? 6504 : 0;
}

static double sane(float value)
{
    return is_positive(value) && value < 1e6f ? (double)value : 0;
}

static void copy_text(char *out, size_t size, const char *text, size_t text_size)
{
    size_t count = 0;
    for (; count < size - 1 && count < text_size && text[count]; count++)
        out[count] = text[count] < ' ' || text[count] == 0x7f ? '?' : text[count];
    out[count] = '\0';
}

static void fill_exif(const libraw_data_t *raw, struct sisp_exif *exif)
{
    struct tm when;
    const time_t stamp = raw->other.timestamp;
    copy_text(exif->make, sizeof(exif->make), raw->idata.make, sizeof(raw->idata.make));
    copy_text(exif->model, sizeof(exif->model), raw->idata.model, sizeof(raw->idata.model));
    copy_text(exif->lens, sizeof(exif->lens), raw->lens.Lens, sizeof(raw->lens.Lens));
    copy_text(
        exif->software, sizeof(exif->software), raw->idata.software, sizeof(raw->idata.software));
    if (stamp > 0 && stamp < 4102444800 && gmtime_r(&stamp, &when))
        strftime(exif->date_time, sizeof(exif->date_time), "%Y:%m:%d %H:%M:%S", &when);
    exif->exposure_us = sane(raw->other.shutter) * 1e6;
    exif->iso = sane(raw->other.iso_speed);
    exif->f_number = sane(raw->other.aperture);
    exif->focal_length_mm = sane(raw->other.focal_len);
}

/* Samples of 16 bits, wherever they come from. */
struct mosaic {
    const uint8_t *bytes;
    size_t pitch_bytes;
    bool is_swapped;
};

static struct mosaic find_mosaic(const libraw_data_t *raw, const struct dng *dng)
{
    if (dng && dng->plain)
        return (struct mosaic){dng->plain, 2 * (size_t)raw->sizes.raw_width,
            dng->tiff.is_big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)};
    return (struct mosaic){
        (const uint8_t *)raw->rawdata.raw_image, raw->rawdata.sizes.raw_pitch, false};
}

/* Codes above the format's bits mean nothing; they are taken as clipped. */
static void take_row(
    const struct mosaic *from, uint32_t y, uint16_t *to, uint32_t width, unsigned max)
{
    memcpy(to, from->bytes + y * from->pitch_bytes, 2 * (size_t)width);
    for (uint32_t x = 0; x < width && from->is_swapped; x++)
        to[x] = __builtin_bswap16(to[x]);
    for (uint32_t x = 0; x < width && max < UINT16_MAX; x++)
        to[x] = to[x] < max ? to[x] : (uint16_t)max;
}

static bool write_at(const void *bytes, size_t size_bytes, size_t offset)
{
    for (size_t done = 0; done < size_bytes;) {
        const ssize_t written = pwrite(RAWDEC_RESULT_FD, (const uint8_t *)bytes + done,
            size_bytes - done, (off_t)(offset + done));
        if (written <= 0)
            return false;
        done += (size_t)written;
    }
    return true;
}

/* Written in pieces that stay in the cache: a mapping would have each page zeroed first. */
static int write_samples(const struct mosaic *mosaic, struct rawdec_result *result)
{
    static uint16_t piece[128 * 1024];
    const struct sisp_raw_info *info = &result->info;
    const unsigned max = (1u << sisp_raw_info_format(info)->bits) - 1;
    const uint32_t rows_max = (uint32_t)(BASE_COUNT(piece) / info->width);
    bool is_done = ftruncate(RAWDEC_RESULT_FD,
                       (off_t)(RAWDEC_SAMPLES_OFFSET + sisp_raw_info_size_bytes(info))) == 0;
    for (uint32_t y = 0; y < info->height && is_done; y += rows_max) {
        const uint32_t left = info->height - y, rows = left < rows_max ? left : rows_max;
        for (uint32_t i = 0; i < rows; i++)
            take_row(mosaic, y + i, piece + (size_t)i * info->width, info->width, max);
        is_done = write_at(
            piece, rows * info->stride_bytes, RAWDEC_SAMPLES_OFFSET + y * info->stride_bytes);
    }
    return is_done ? 0
                   : rawdec_say(result, -ENOMEM, "no memory for %zu bytes of samples",
                         sisp_raw_info_size_bytes(info));
}

static int unpack(libraw_data_t *raw, struct rawdec_result *result)
{
    int data_errors = 0;
    libraw_set_dataerror_handler(raw, on_data_error, &data_errors);
    int code = libraw_unpack(raw);
    if (code != LIBRAW_SUCCESS)
        return libraw_failed(result, code);
    if (data_errors > 0)
        return rawdec_say(result, -EBADMSG, "the file is corrupt or cut short");
    if (!raw->rawdata.raw_image)
        return rawdec_say(result, -ENOTSUP, "the samples are not a mosaic of whole numbers");
    if (raw->rawdata.ioparams.fuji_width)
        return rawdec_say(result, -ENOTSUP, "rotated mosaics (SuperCCD) are not supported");
    if (raw->rawdata.sizes.raw_pitch < raw->sizes.raw_width * 2u)
        return rawdec_say(result, -EBADMSG, "the file is corrupt: impossible sizes");
    return 0;
}

static int decode_opened(libraw_data_t *raw, const struct dng *dng, struct rawdec_result *result)
{
    enum sisp_cfa visible_cfa = SISP_CFA_RGGB;
    int status = check_kind(raw, result, &visible_cfa);
    if (status == 0 && !(dng && dng->plain))
        status = unpack(raw, result);
    if (status < 0)
        return status;
    fill_frame(raw, &result->info, visible_cfa);
    fill_black(raw, &result->info, visible_cfa);
    fill_color(raw, &result->info);
    fill_exif(raw, &result->info.exif);
    if (dng)
        status = dng_fill(dng, result);
    if (status < 0)
        return status;
    if (!rawdec_has_dark(raw, dng, &result->info) && !rawdec_tell(result))
        return rawdec_say(result, -ENOMEM, "no memory for the result");
    const struct mosaic mosaic = find_mosaic(raw, dng);
    status = write_samples(&mosaic, result);
    return status < 0 ? status : rawdec_optical_black(raw, dng, result);
}

/* LibRaw takes headerless files for those of old cameras from their size alone. A header would not
 * miss the last byte. */
static void warn_if_guessed(struct rawdec_result *result, const uint8_t *bytes, size_t size_bytes)
{
    libraw_data_t *raw = libraw_init(LIBRAW_OPTIONS_NONE);
    if (!raw)
        return;
    if (libraw_open_buffer(raw, (void *)(uintptr_t)bytes, size_bytes - 1) != LIBRAW_SUCCESS)
        rawdec_say(result, 0,
            "it has no header and was taken for one of %s %s from its size alone; "
            "tell its raw format if that is wrong",
            result->info.exif.make, result->info.exif.model);
    libraw_close(raw);
}

int rawdec_decode(struct rawdec_result *result, const uint8_t *bytes, size_t size_bytes)
{
    struct dng dng;
    bool is_dng = dng_open(&dng, bytes, size_bytes);
    int status = is_dng ? dng_check(&dng, result) : 0;
    if (status < 0)
        return status;
    libraw_data_t *raw = libraw_init(LIBRAW_OPTIONS_NONE);
    if (!raw)
        return libraw_failed(result, LIBRAW_UNSUFFICIENT_MEMORY);
    int code = libraw_open_buffer(raw, (void *)(uintptr_t)bytes, size_bytes);
    status = code == LIBRAW_SUCCESS ? decode_opened(raw, is_dng ? &dng : NULL, result)
                                    : libraw_failed(result, code);
    libraw_close(raw);
    if (status == 0 && !is_dng)
        warn_if_guessed(result, bytes, size_bytes);
    return status;
}
