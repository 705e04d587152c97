/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Raw and picture formats: names, bits, memory order. Raw formats carry V4L2's names. */
#ifndef SOFTISP_FORMAT_H
#define SOFTISP_FORMAT_H

#include <softisp/api.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Colour of the four sites of the top left 2x2 cell, read row by row. */
enum sisp_cfa {
    SISP_CFA_RGGB,
    SISP_CFA_GRBG,
    SISP_CFA_GBRG,
    SISP_CFA_BGGR,
};

/** The four kinds of site; arrays "per site" are in this order. Gr is the green of a red row. */
enum sisp_site {
    SISP_SITE_R,
    SISP_SITE_GR,
    SISP_SITE_GB,
    SISP_SITE_B,
    SISP_SITE_COUNT,
};

/** How samples lie in memory. Packed formats are MIPI CSI-2's (V4L2 suffix P), and Intel's IPU3. */
enum sisp_packing {
    SISP_PACKING_8,    /* one byte a sample */
    SISP_PACKING_16,   /* 16-bit little endian words, value in the low bits */
    SISP_PACKING_10P,  /* 4 samples in 5 bytes: four high bytes, then 2 bits each, first lowest */
    SISP_PACKING_12P,  /* 2 samples in 3 bytes: two high bytes, then 4 bits each, first lowest */
    SISP_PACKING_14P,  /* 4 samples in 7 bytes: four high bytes, then 6 bits each, first lowest */
    SISP_PACKING_IPU3, /* 25 samples of 10 bits in 32 bytes: one number, first lowest, 6 bits idle
                        */
};

/** One raw format: V4L2 name and fourcc, and what they mean. A monochrome one is developed to grey:
 * it has the black level and the shading of site Gr, and no white balance, demosaic or CCM. */
struct sisp_raw_format {
    const char *name;  /* such as "SRGGB10P" */
    uint32_t fourcc;   /* V4L2's, such as 'pRAA' */
    enum sisp_cfa cfa; /* SISP_CFA_RGGB if monochrome: cells of four alike */
    enum sisp_packing packing;
    uint8_t bits; /* per sample: 8, 10, 12, 14 or 16; white level is 2^bits - 1 unless told */
    uint8_t is_mono;
};

/** All raw formats, ended by an entry whose name is NULL. */
SISP_API extern const struct sisp_raw_format sisp_raw_formats[];

/** The format of that V4L2 name (any case), or NULL. */
SISP_API const struct sisp_raw_format *sisp_raw_format_find(const char *name);

/** The unpacked 16-bit container format with this CFA order and bit depth (10 to 16), or NULL. */
SISP_API const struct sisp_raw_format *sisp_raw_format_unpacked(enum sisp_cfa cfa, unsigned bits);

/** The unpacked 16-bit container of that bit depth with the format's CFA, or monochrome as it is.
 */
SISP_API const struct sisp_raw_format *sisp_raw_format_widened(
    const struct sisp_raw_format *format, unsigned bits);

/** Smallest number of bytes that hold one row of `width` samples. */
SISP_API size_t sisp_raw_row_bytes(enum sisp_packing packing, uint32_t width);

/** The CFA order seen by a crop whose top left corner is at (x, y). */
SISP_API enum sisp_cfa sisp_cfa_shift(enum sisp_cfa cfa, uint32_t x, uint32_t y);

/** A rectangle in samples. */
struct sisp_rect {
    uint32_t x, y, width, height;
};

/** How a picture lies to what the sensor gives; names are those of libcamera's transforms, turns
 * clockwise. Bits: left and right, top and bottom, then rows and columns change places. */
enum sisp_orientation {
    SISP_ORIENTATION_ROTATE_0,
    SISP_ORIENTATION_MIRROR,
    SISP_ORIENTATION_FLIP,
    SISP_ORIENTATION_ROTATE_180,
    SISP_ORIENTATION_TRANSPOSE,
    SISP_ORIENTATION_ROTATE_270,
    SISP_ORIENTATION_ROTATE_90,
    SISP_ORIENTATION_ROTATE_180_TRANSPOSE,
    SISP_ORIENTATION_COUNT,
};

/** The CFA order of a crop turned so, of a frame whose sample (0, 0) begins a cell of `cfa`: by us,
 * or by a driver that reads the crop's rows or columns backwards. A mosaic is never transposed:
 * rows and columns of the picture are. */
SISP_API enum sisp_cfa sisp_cfa_turned(
    enum sisp_cfa cfa, const struct sisp_rect *crop, enum sisp_orientation orientation);

/** The order's name, such as "RGGB", and back (any case; negative errno if unknown). */
SISP_API const char *sisp_cfa_name(enum sisp_cfa cfa);
SISP_API int sisp_cfa_find(const char *name);

/** "rotate-0", "mirror", "flip", "rotate-180", "transpose", "rotate-270", "rotate-90",
 * "rotate-180-transpose", and back (negative errno if unknown). */
SISP_API const char *sisp_orientation_name(enum sisp_orientation orientation);
SISP_API int sisp_orientation_find(const char *name);

/** EXIF's orientation of a picture that is turned so, and then as `exif` (1 to 8) says. */
SISP_API uint32_t sisp_orientation_exif(enum sisp_orientation orientation, uint32_t exif);

/** Picture formats. Names are DRM's or V4L2's; the memory order is said here, byte by byte. */
enum sisp_pixel_format {
    SISP_PIXEL_XRGB8888, /* B, G, R, 255 */
    SISP_PIXEL_RGB24,    /* R, G, B (V4L2's RGB24, not DRM's RG24) */
    SISP_PIXEL_NV12,     /* plane of Y, plane of Cb, Cr at half size; BT.709 limited range */
    SISP_PIXEL_RGBA64,   /* R, G, B, A as 16-bit words of the machine's order; A = 65535 */
    SISP_PIXEL_YUYV, /* Y, Cb, Y, Cr of two pixels; BT.709 limited range; an odd last one twice */
    SISP_PIXEL_P010, /* as NV12 of 10 bits, in the high ones of 16-bit words of that order */
    SISP_PIXEL_FORMAT_COUNT,
};

/** Such as "NV12", and back (negative errno if unknown). */
SISP_API const char *sisp_pixel_format_name(enum sisp_pixel_format format);
SISP_API int sisp_pixel_format_find(const char *name);

/** Number of planes: 2 for NV12 and P010, else 1. */
SISP_API unsigned sisp_pixel_plane_count(enum sisp_pixel_format format);

/** Bytes of one row of a plane, without padding. YUYV and second planes round up to whole pairs. */
SISP_API size_t sisp_pixel_row_bytes(enum sisp_pixel_format format, unsigned plane, uint32_t width);

/** Rows of a plane: the height, or half of it rounded up for a second plane. */
SISP_API uint32_t sisp_pixel_plane_rows(
    enum sisp_pixel_format format, unsigned plane, uint32_t height);

/**
 * A picture in memory: a view, it owns nothing.
 * Rows are stride_bytes apart; planes may lie anywhere.
 */
struct sisp_image {
    enum sisp_pixel_format format;
    uint32_t width, height; /* 1 to 65535 */
    uint8_t *planes[2];
    size_t stride_bytes[2];
};

#ifdef __cplusplus
}
#endif
#endif
