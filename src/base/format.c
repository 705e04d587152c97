/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <softisp/raw.h>

#include <errno.h>
#include <strings.h>

#define FOURCC(a, b, c, d)                                                                         \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

/* Fourccs are those of linux/videodev2.h; 14P and 16 are spelled as there. Names too, but IPU3's,
 * which are "ip3r" and so on in its documentation and IPU3_SRGGB10 in the header. */
const struct sisp_raw_format sisp_raw_formats[] = {
    {"SRGGB8", FOURCC('R', 'G', 'G', 'B'), SISP_CFA_RGGB, SISP_PACKING_8, 8},
    {"SGRBG8", FOURCC('G', 'R', 'B', 'G'), SISP_CFA_GRBG, SISP_PACKING_8, 8},
    {"SGBRG8", FOURCC('G', 'B', 'R', 'G'), SISP_CFA_GBRG, SISP_PACKING_8, 8},
    {"SBGGR8", FOURCC('B', 'A', '8', '1'), SISP_CFA_BGGR, SISP_PACKING_8, 8},
    {"SRGGB10", FOURCC('R', 'G', '1', '0'), SISP_CFA_RGGB, SISP_PACKING_16, 10},
    {"SGRBG10", FOURCC('B', 'A', '1', '0'), SISP_CFA_GRBG, SISP_PACKING_16, 10},
    {"SGBRG10", FOURCC('G', 'B', '1', '0'), SISP_CFA_GBRG, SISP_PACKING_16, 10},
    {"SBGGR10", FOURCC('B', 'G', '1', '0'), SISP_CFA_BGGR, SISP_PACKING_16, 10},
    {"SRGGB10P", FOURCC('p', 'R', 'A', 'A'), SISP_CFA_RGGB, SISP_PACKING_10P, 10},
    {"SGRBG10P", FOURCC('p', 'g', 'A', 'A'), SISP_CFA_GRBG, SISP_PACKING_10P, 10},
    {"SGBRG10P", FOURCC('p', 'G', 'A', 'A'), SISP_CFA_GBRG, SISP_PACKING_10P, 10},
    {"SBGGR10P", FOURCC('p', 'B', 'A', 'A'), SISP_CFA_BGGR, SISP_PACKING_10P, 10},
    {"IPU3_SRGGB10", FOURCC('i', 'p', '3', 'r'), SISP_CFA_RGGB, SISP_PACKING_IPU3, 10},
    {"IPU3_SGRBG10", FOURCC('i', 'p', '3', 'G'), SISP_CFA_GRBG, SISP_PACKING_IPU3, 10},
    {"IPU3_SGBRG10", FOURCC('i', 'p', '3', 'g'), SISP_CFA_GBRG, SISP_PACKING_IPU3, 10},
    {"IPU3_SBGGR10", FOURCC('i', 'p', '3', 'b'), SISP_CFA_BGGR, SISP_PACKING_IPU3, 10},
    {"SRGGB12", FOURCC('R', 'G', '1', '2'), SISP_CFA_RGGB, SISP_PACKING_16, 12},
    {"SGRBG12", FOURCC('B', 'A', '1', '2'), SISP_CFA_GRBG, SISP_PACKING_16, 12},
    {"SGBRG12", FOURCC('G', 'B', '1', '2'), SISP_CFA_GBRG, SISP_PACKING_16, 12},
    {"SBGGR12", FOURCC('B', 'G', '1', '2'), SISP_CFA_BGGR, SISP_PACKING_16, 12},
    {"SRGGB12P", FOURCC('p', 'R', 'C', 'C'), SISP_CFA_RGGB, SISP_PACKING_12P, 12},
    {"SGRBG12P", FOURCC('p', 'g', 'C', 'C'), SISP_CFA_GRBG, SISP_PACKING_12P, 12},
    {"SGBRG12P", FOURCC('p', 'G', 'C', 'C'), SISP_CFA_GBRG, SISP_PACKING_12P, 12},
    {"SBGGR12P", FOURCC('p', 'B', 'C', 'C'), SISP_CFA_BGGR, SISP_PACKING_12P, 12},
    {"SRGGB14", FOURCC('R', 'G', '1', '4'), SISP_CFA_RGGB, SISP_PACKING_16, 14},
    {"SGRBG14", FOURCC('G', 'R', '1', '4'), SISP_CFA_GRBG, SISP_PACKING_16, 14},
    {"SGBRG14", FOURCC('G', 'B', '1', '4'), SISP_CFA_GBRG, SISP_PACKING_16, 14},
    {"SBGGR14", FOURCC('B', 'G', '1', '4'), SISP_CFA_BGGR, SISP_PACKING_16, 14},
    {"SRGGB14P", FOURCC('p', 'R', 'E', 'E'), SISP_CFA_RGGB, SISP_PACKING_14P, 14},
    {"SGRBG14P", FOURCC('p', 'g', 'E', 'E'), SISP_CFA_GRBG, SISP_PACKING_14P, 14},
    {"SGBRG14P", FOURCC('p', 'G', 'E', 'E'), SISP_CFA_GBRG, SISP_PACKING_14P, 14},
    {"SBGGR14P", FOURCC('p', 'B', 'E', 'E'), SISP_CFA_BGGR, SISP_PACKING_14P, 14},
    {"SRGGB16", FOURCC('R', 'G', '1', '6'), SISP_CFA_RGGB, SISP_PACKING_16, 16},
    {"SGRBG16", FOURCC('G', 'R', '1', '6'), SISP_CFA_GRBG, SISP_PACKING_16, 16},
    {"SGBRG16", FOURCC('G', 'B', '1', '6'), SISP_CFA_GBRG, SISP_PACKING_16, 16},
    {"SBGGR16", FOURCC('B', 'Y', 'R', '2'), SISP_CFA_BGGR, SISP_PACKING_16, 16},
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

const struct sisp_raw_format *sisp_raw_format_unpacked(enum sisp_cfa cfa, unsigned bits)
{
    for (const struct sisp_raw_format *f = sisp_raw_formats; f->name; f++) {
        if (f->packing == SISP_PACKING_16 && f->cfa == cfa && f->bits == bits)
            return f;
    }
    return NULL;
}

const struct sisp_raw_format *sisp_raw_info_format(const struct sisp_raw_info *info)
{
    for (const struct sisp_raw_format *f = sisp_raw_formats; f->name; f++) {
        if (f->fourcc == info->fourcc)
            return f;
    }
    return NULL;
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

static const char *const pixel_names[SISP_PIXEL_FORMAT_COUNT] = {
    [SISP_PIXEL_XRGB8888] = "XRGB8888",
    [SISP_PIXEL_RGB24] = "RGB24",
    [SISP_PIXEL_NV12] = "NV12",
    [SISP_PIXEL_RGBA64] = "RGBA64",
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
    return format == SISP_PIXEL_NV12 ? 2 : 1;
}

size_t sisp_pixel_row_bytes(enum sisp_pixel_format format, unsigned plane, uint32_t width)
{
    switch (format) {
    case SISP_PIXEL_XRGB8888:
        return (size_t)width * 4;
    case SISP_PIXEL_RGB24:
        return (size_t)width * 3;
    case SISP_PIXEL_NV12:
        return plane ? ((size_t)width + 1) / 2 * 2 : width;
    case SISP_PIXEL_RGBA64:
        return (size_t)width * 8;
    case SISP_PIXEL_FORMAT_COUNT:
        break;
    }
    return 0;
}

uint32_t sisp_pixel_plane_rows(enum sisp_pixel_format format, unsigned plane, uint32_t height)
{
    return format == SISP_PIXEL_NV12 && plane ? height / 2 + (height & 1) : height;
}
