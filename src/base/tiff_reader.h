/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Reads tags of a TIFF file in memory (TIFF 6.0, section 2). Every access is checked. */
#ifndef BASE_TIFF_READER_H
#define BASE_TIFF_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tiff {
    const uint8_t *bytes;
    size_t size_bytes;
    bool is_big_endian;
};

/** One tag whose data lies wholly inside the file. count 0: the tag is absent. */
struct tiff_field {
    uint16_t type;
    uint32_t count;
    const uint8_t *data;
};

/** The number that follows the byte order. */
enum tiff_kind {
    TIFF_PICTURE = 42,     /* TIFF and DNG */
    TIFF_PROFILE = 0x4352, /* DCP: DNG's colour tags without a picture */
};

/** Whether the bytes begin like a file of that kind; sets the offset of the first IFD. */
bool tiff_open(struct tiff *tiff, const uint8_t *bytes, size_t size_bytes, enum tiff_kind kind,
    size_t *first_ifd);

/** The tag in the IFD at that offset; absent, too, where IFD or data leave the file. */
struct tiff_field tiff_find(const struct tiff *tiff, size_t ifd, uint16_t tag);

/** Offset of the IFD after this one; 0: none. */
size_t tiff_next(const struct tiff *tiff, size_t ifd);

/** Value number `index` of any numeric type; NaN where it does not exist. */
double tiff_number(const struct tiff *tiff, const struct tiff_field *field, uint32_t index);

/** The first value of a tag, or what it is worth where it is absent. */
double tiff_value(const struct tiff *tiff, size_t ifd, uint16_t tag, double otherwise);

/** Up to `count` values; false (and the rest untouched) unless so many finite ones exist. */
bool tiff_floats(
    const struct tiff *tiff, const struct tiff_field *field, float *values, uint32_t count);

/** An ASCII tag as a clean string; empty if absent. */
void tiff_text(const struct tiff *tiff, size_t ifd, uint16_t tag, char *text, size_t size);

#endif
