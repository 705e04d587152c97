/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/format.h"

#include <softisp/raw.h>

#include <errno.h>
#include <stdbool.h>
#include <strings.h>

#define FOURCC(a, b, c, d)                                                                         \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

/* Fourccs are those of linux/videodev2.h; 14P and 16 are spelled as there. Names too, but IPU3's,
 * which are "ip3r" and so on in its documentation and IPU3_SRGGB10 in the header. */
const struct sisp_raw_format sisp_raw_formats[] = {
    {"SRGGB8", FOURCC('R', 'G', 'G', 'B'), SISP_CFA_RGGB, SISP_PACKING_8, 8, false},
    {"SGRBG8", FOURCC('G', 'R', 'B', 'G'), SISP_CFA_GRBG, SISP_PACKING_8, 8, false},
    {"SGBRG8", FOURCC('G', 'B', 'R', 'G'), SISP_CFA_GBRG, SISP_PACKING_8, 8, false},
    {"SBGGR8", FOURCC('B', 'A', '8', '1'), SISP_CFA_BGGR, SISP_PACKING_8, 8, false},
    {"SRGGB10", FOURCC('R', 'G', '1', '0'), SISP_CFA_RGGB, SISP_PACKING_16, 10, false},
    {"SGRBG10", FOURCC('B', 'A', '1', '0'), SISP_CFA_GRBG, SISP_PACKING_16, 10, false},
    {"SGBRG10", FOURCC('G', 'B', '1', '0'), SISP_CFA_GBRG, SISP_PACKING_16, 10, false},
    {"SBGGR10", FOURCC('B', 'G', '1', '0'), SISP_CFA_BGGR, SISP_PACKING_16, 10, false},
    {"SRGGB10P", FOURCC('p', 'R', 'A', 'A'), SISP_CFA_RGGB, SISP_PACKING_10P, 10, false},
    {"SGRBG10P", FOURCC('p', 'g', 'A', 'A'), SISP_CFA_GRBG, SISP_PACKING_10P, 10, false},
    {"SGBRG10P", FOURCC('p', 'G', 'A', 'A'), SISP_CFA_GBRG, SISP_PACKING_10P, 10, false},
    {"SBGGR10P", FOURCC('p', 'B', 'A', 'A'), SISP_CFA_BGGR, SISP_PACKING_10P, 10, false},
    {"IPU3_SRGGB10", FOURCC('i', 'p', '3', 'r'), SISP_CFA_RGGB, SISP_PACKING_IPU3, 10, false},
    {"IPU3_SGRBG10", FOURCC('i', 'p', '3', 'G'), SISP_CFA_GRBG, SISP_PACKING_IPU3, 10, false},
    {"IPU3_SGBRG10", FOURCC('i', 'p', '3', 'g'), SISP_CFA_GBRG, SISP_PACKING_IPU3, 10, false},
    {"IPU3_SBGGR10", FOURCC('i', 'p', '3', 'b'), SISP_CFA_BGGR, SISP_PACKING_IPU3, 10, false},
    {"SRGGB12", FOURCC('R', 'G', '1', '2'), SISP_CFA_RGGB, SISP_PACKING_16, 12, false},
    {"SGRBG12", FOURCC('B', 'A', '1', '2'), SISP_CFA_GRBG, SISP_PACKING_16, 12, false},
    {"SGBRG12", FOURCC('G', 'B', '1', '2'), SISP_CFA_GBRG, SISP_PACKING_16, 12, false},
    {"SBGGR12", FOURCC('B', 'G', '1', '2'), SISP_CFA_BGGR, SISP_PACKING_16, 12, false},
    {"SRGGB12P", FOURCC('p', 'R', 'C', 'C'), SISP_CFA_RGGB, SISP_PACKING_12P, 12, false},
    {"SGRBG12P", FOURCC('p', 'g', 'C', 'C'), SISP_CFA_GRBG, SISP_PACKING_12P, 12, false},
    {"SGBRG12P", FOURCC('p', 'G', 'C', 'C'), SISP_CFA_GBRG, SISP_PACKING_12P, 12, false},
    {"SBGGR12P", FOURCC('p', 'B', 'C', 'C'), SISP_CFA_BGGR, SISP_PACKING_12P, 12, false},
    {"SRGGB14", FOURCC('R', 'G', '1', '4'), SISP_CFA_RGGB, SISP_PACKING_16, 14, false},
    {"SGRBG14", FOURCC('G', 'R', '1', '4'), SISP_CFA_GRBG, SISP_PACKING_16, 14, false},
    {"SGBRG14", FOURCC('G', 'B', '1', '4'), SISP_CFA_GBRG, SISP_PACKING_16, 14, false},
    {"SBGGR14", FOURCC('B', 'G', '1', '4'), SISP_CFA_BGGR, SISP_PACKING_16, 14, false},
    {"SRGGB14P", FOURCC('p', 'R', 'E', 'E'), SISP_CFA_RGGB, SISP_PACKING_14P, 14, false},
    {"SGRBG14P", FOURCC('p', 'g', 'E', 'E'), SISP_CFA_GRBG, SISP_PACKING_14P, 14, false},
    {"SGBRG14P", FOURCC('p', 'G', 'E', 'E'), SISP_CFA_GBRG, SISP_PACKING_14P, 14, false},
    {"SBGGR14P", FOURCC('p', 'B', 'E', 'E'), SISP_CFA_BGGR, SISP_PACKING_14P, 14, false},
    {"SRGGB16", FOURCC('R', 'G', '1', '6'), SISP_CFA_RGGB, SISP_PACKING_16, 16, false},
    {"SGRBG16", FOURCC('G', 'R', '1', '6'), SISP_CFA_GRBG, SISP_PACKING_16, 16, false},
    {"SGBRG16", FOURCC('G', 'B', '1', '6'), SISP_CFA_GBRG, SISP_PACKING_16, 16, false},
    {"SBGGR16", FOURCC('B', 'Y', 'R', '2'), SISP_CFA_BGGR, SISP_PACKING_16, 16, false},
    {"GREY", FOURCC('G', 'R', 'E', 'Y'), SISP_CFA_RGGB, SISP_PACKING_8, 8, true},
    {"Y10", FOURCC('Y', '1', '0', ' '), SISP_CFA_RGGB, SISP_PACKING_16, 10, true},
    {"Y10P", FOURCC('Y', '1', '0', 'P'), SISP_CFA_RGGB, SISP_PACKING_10P, 10, true},
    {"IPU3_Y10", FOURCC('i', 'p', '3', 'y'), SISP_CFA_RGGB, SISP_PACKING_IPU3, 10, true},
    {"Y12", FOURCC('Y', '1', '2', ' '), SISP_CFA_RGGB, SISP_PACKING_16, 12, true},
    {"Y12P", FOURCC('Y', '1', '2', 'P'), SISP_CFA_RGGB, SISP_PACKING_12P, 12, true},
    {"Y14", FOURCC('Y', '1', '4', ' '), SISP_CFA_RGGB, SISP_PACKING_16, 14, true},
    {"Y14P", FOURCC('Y', '1', '4', 'P'), SISP_CFA_RGGB, SISP_PACKING_14P, 14, true},
    {"Y16", FOURCC('Y', '1', '6', ' '), SISP_CFA_RGGB, SISP_PACKING_16, 16, true},
    {0},
};

const struct sisp_raw_format *sisp_raw_format_find(const char *name)
{
    for (const struct sisp_raw_format *f = sisp_raw_formats; f->name; f++) {
        if (strcasecmp(f->name, name) == 0)
            return f;
    }
    return NULL;
}

static const struct sisp_raw_format *find_words(enum sisp_cfa cfa, bool is_mono, unsigned bits)
{
    for (const struct sisp_raw_format *f = sisp_raw_formats; f->name; f++) {
        if (f->packing == SISP_PACKING_16 && f->cfa == cfa && f->is_mono == is_mono &&
            f->bits == bits)
            return f;
    }
    return NULL;
}

const struct sisp_raw_format *sisp_raw_format_unpacked(enum sisp_cfa cfa, unsigned bits)
{
    return find_words(cfa, false, bits);
}

const struct sisp_raw_format *sisp_raw_format_widened(
    const struct sisp_raw_format *format, unsigned bits)
{
    return find_words(format->cfa, format->is_mono, bits);
}

const struct sisp_raw_format *base_raw_format(uint32_t fourcc)
{
    for (const struct sisp_raw_format *f = sisp_raw_formats; f->name; f++) {
        if (f->fourcc == fourcc)
            return f;
    }
    return NULL;
}

const struct sisp_raw_format *sisp_raw_info_format(const struct sisp_raw_info *info)
{
    return base_raw_format(info->fourcc);
}

size_t sisp_raw_info_size_bytes(const struct sisp_raw_info *info)
{
    return info->stride_bytes * info->height;
}

size_t sisp_raw_row_bytes(enum sisp_packing packing, uint32_t width)
{
    switch (packing) {
    case SISP_PACKING_8:
        return width;
    case SISP_PACKING_16:
        return (size_t)width * 2;
    case SISP_PACKING_10P:
        return ((size_t)width + 3) / 4 * 5;
    case SISP_PACKING_12P:
        return ((size_t)width + 1) / 2 * 3;
    case SISP_PACKING_14P:
        return ((size_t)width + 3) / 4 * 7;
    case SISP_PACKING_IPU3:
        return ((size_t)width + 24) / 25 * 32;
    }
    return 0;
}

enum sisp_cfa sisp_cfa_shift(enum sisp_cfa cfa, uint32_t x, uint32_t y)
{
    /* Bit 0 of the order says whether a row begins one column later than RGGB, bit 1 one row. */
    return (enum sisp_cfa)((unsigned)cfa ^ (x & 1) ^ (y & 1) << 1);
}

static const char *const cfa_names[] = {"RGGB", "GRBG", "GBRG", "BGGR"};

const char *sisp_cfa_name(enum sisp_cfa cfa)
{
    return cfa_names[cfa];
}

int sisp_cfa_find(const char *name)
{
    for (int i = 0; i < 4; i++) {
        if (strcasecmp(cfa_names[i], name) == 0)
            return i;
    }
    return -EINVAL;
}

enum sisp_cfa sisp_cfa_turned(
    enum sisp_cfa cfa, const struct sisp_rect *crop, enum sisp_orientation orientation)
{
    const uint32_t x = orientation & SISP_ORIENTATION_MIRROR ? crop->width - 1 : 0;
    const uint32_t y = orientation & SISP_ORIENTATION_FLIP ? crop->height - 1 : 0;
    return sisp_cfa_shift(cfa, crop->x + x, crop->y + y);
}

static const char *const orientation_names[SISP_ORIENTATION_COUNT] = {
    [SISP_ORIENTATION_ROTATE_0] = "rotate-0",
    [SISP_ORIENTATION_MIRROR] = "mirror",
    [SISP_ORIENTATION_FLIP] = "flip",
    [SISP_ORIENTATION_ROTATE_180] = "rotate-180",
    [SISP_ORIENTATION_TRANSPOSE] = "transpose",
    [SISP_ORIENTATION_ROTATE_270] = "rotate-270",
    [SISP_ORIENTATION_ROTATE_90] = "rotate-90",
    [SISP_ORIENTATION_ROTATE_180_TRANSPOSE] = "rotate-180-transpose",
};

const char *sisp_orientation_name(enum sisp_orientation orientation)
{
    return orientation_names[orientation];
}

int sisp_orientation_find(const char *name)
{
    for (int i = 0; i < SISP_ORIENTATION_COUNT; i++) {
        if (strcasecmp(orientation_names[i], name) == 0)
            return i;
    }
    return -EINVAL;
}

/* By our bits, of those that stay as they are and of those whose rows become columns. */
static const uint8_t exif_codes[2][4] = {{1, 2, 4, 3}, {5, 8, 6, 7}};

uint32_t sisp_orientation_exif(enum sisp_orientation orientation, uint32_t exif)
{
    const bool is_transposed = orientation & SISP_ORIENTATION_TRANSPOSE;
    const uint32_t turned = orientation & SISP_ORIENTATION_ROTATE_180;
    for (uint32_t i = 0; i < 4; i++) {
        if (exif_codes[exif >= 5][i] != exif)
            continue;
        /* What was left and right of a transposed picture is its top and bottom. */
        const uint32_t own = is_transposed ? i >> 1 | (i & 1) << 1 : i;
        return exif_codes[(exif >= 5) != is_transposed][own ^ turned];
    }
    return exif;
}

static const char *const pixel_names[SISP_PIXEL_FORMAT_COUNT] = {
    [SISP_PIXEL_XRGB8888] = "XRGB8888",
    [SISP_PIXEL_RGB24] = "RGB24",
    [SISP_PIXEL_NV12] = "NV12",
    [SISP_PIXEL_RGBA64] = "RGBA64",
    [SISP_PIXEL_YUYV] = "YUYV",
    [SISP_PIXEL_P010] = "P010",
};

const char *sisp_pixel_format_name(enum sisp_pixel_format format)
{
    return pixel_names[format];
}

int sisp_pixel_format_find(const char *name)
{
    for (int i = 0; i < SISP_PIXEL_FORMAT_COUNT; i++) {
        if (strcasecmp(pixel_names[i], name) == 0)
            return i;
    }
    return -EINVAL;
}

unsigned sisp_pixel_plane_count(enum sisp_pixel_format format)
{
    return format == SISP_PIXEL_NV12 || format == SISP_PIXEL_P010 ? 2 : 1;
}

size_t sisp_pixel_row_bytes(enum sisp_pixel_format format, unsigned plane, uint32_t width)
{
    const size_t even = ((size_t)width + 1) / 2 * 2;
    switch (format) {
    case SISP_PIXEL_XRGB8888:
        return (size_t)width * 4;
    case SISP_PIXEL_RGB24:
        return (size_t)width * 3;
    case SISP_PIXEL_NV12:
        return plane ? even : width;
    case SISP_PIXEL_RGBA64:
        return (size_t)width * 8;
    case SISP_PIXEL_YUYV:
        return even * 2;
    case SISP_PIXEL_P010:
        return (plane ? even : width) * 2;
    case SISP_PIXEL_FORMAT_COUNT:
        break;
    }
    return 0;
}

uint32_t sisp_pixel_plane_rows(enum sisp_pixel_format format, unsigned plane, uint32_t height)
{
    return sisp_pixel_plane_count(format) == 2 && plane ? height / 2 + (height & 1) : height;
}
