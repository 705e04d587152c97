/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/tiff_reader.h"

#include <math.h>
#include <string.h>

enum {
    TIFF_BYTE = 1,
    TIFF_ASCII,
    TIFF_SHORT,
    TIFF_LONG,
    TIFF_RATIONAL,
    TIFF_SBYTE,
    TIFF_UNDEFINED,
    TIFF_SSHORT,
    TIFF_SLONG,
    TIFF_SRATIONAL,
    TIFF_FLOAT,
    TIFF_DOUBLE,
    TIFF_IFD,
    TIFF_TYPE_COUNT,
};

static const uint8_t type_bytes[TIFF_TYPE_COUNT] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4};

static uint64_t load(const struct tiff *tiff, const uint8_t *data, unsigned size_bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size_bytes; i++)
        value = value << 8 | data[tiff->is_big_endian ? i : size_bytes - 1 - i];
    return value;
}

static bool inside(const struct tiff *tiff, size_t offset, size_t size_bytes)
{
    return offset <= tiff->size_bytes && size_bytes <= tiff->size_bytes - offset;
}

bool tiff_open(struct tiff *tiff, const uint8_t *bytes, size_t size_bytes, enum tiff_kind kind,
    size_t *first_ifd)
{
    if (size_bytes < 8 || (memcmp(bytes, "II", 2) != 0 && memcmp(bytes, "MM", 2) != 0))
        return false;
    *tiff = (struct tiff){bytes, size_bytes, bytes[0] == 'M'};
    *first_ifd = (size_t)load(tiff, bytes + 4, 4);
    return load(tiff, bytes + 2, 2) == kind;
}

/** Number of entries of the IFD; 0 where the IFD leaves the file. */
static size_t entry_count(const struct tiff *tiff, size_t ifd)
{
    if (ifd == 0 || !inside(tiff, ifd, 2))
        return 0;
    size_t count = (size_t)load(tiff, tiff->bytes + ifd, 2);
    return inside(tiff, ifd + 2, count * 12) ? count : 0;
}

struct tiff_field tiff_find(const struct tiff *tiff, size_t ifd, uint16_t tag)
{
    size_t count = entry_count(tiff, ifd);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *entry = tiff->bytes + ifd + 2 + 12 * i;
        if (load(tiff, entry, 2) != tag)
            continue;
        struct tiff_field field = {
            (uint16_t)load(tiff, entry + 2, 2), (uint32_t)load(tiff, entry + 4, 4), entry + 8};
        if (field.type >= TIFF_TYPE_COUNT || type_bytes[field.type] == 0)
            break;
        uint64_t data_bytes = (uint64_t)field.count * type_bytes[field.type];
        if (data_bytes > 4) {
            size_t offset = (size_t)load(tiff, entry + 8, 4);
            if (data_bytes > tiff->size_bytes || !inside(tiff, offset, (size_t)data_bytes))
                break;
            field.data = tiff->bytes + offset;
        }
        return field;
    }
    return (struct tiff_field){0};
}

size_t tiff_next(const struct tiff *tiff, size_t ifd)
{
    size_t end = ifd + 2 + 12 * entry_count(tiff, ifd);
    if (entry_count(tiff, ifd) == 0 || !inside(tiff, end, 4))
        return 0;
    return (size_t)load(tiff, tiff->bytes + end, 4);
}

static double signed_value(uint64_t bits, unsigned size_bytes)
{
    unsigned shift = 64 - 8 * size_bytes;
    return (double)((int64_t)(bits << shift) >> shift);
}

double tiff_number(const struct tiff *tiff, const struct tiff_field *field, uint32_t index)
{
    if (index >= field->count)
        return (double)NAN;
    unsigned size_bytes = type_bytes[field->type];
    const uint8_t *data = field->data + (size_t)index * size_bytes;
    uint64_t bits = load(tiff, data, size_bytes);
    float single;
    double number;
    switch (field->type) {
    case TIFF_RATIONAL:
        return (double)load(tiff, data, 4) / (double)load(tiff, data + 4, 4);
    case TIFF_SRATIONAL:
        return signed_value(load(tiff, data, 4), 4) / signed_value(load(tiff, data + 4, 4), 4);
    case TIFF_SBYTE:
    case TIFF_SSHORT:
    case TIFF_SLONG:
        return signed_value(bits, size_bytes);
    case TIFF_FLOAT:
        memcpy(&single, &(uint32_t){(uint32_t)bits}, 4);
        return (double)single;
    case TIFF_DOUBLE:
        memcpy(&number, &bits, 8);
        return number;
    default:
        return (double)bits;
    }
}

double tiff_value(const struct tiff *tiff, size_t ifd, uint16_t tag, double otherwise)
{
    struct tiff_field field = tiff_find(tiff, ifd, tag);
    double value = tiff_number(tiff, &field, 0);
    return isfinite(value) ? value : otherwise;
}

bool tiff_floats(
    const struct tiff *tiff, const struct tiff_field *field, float *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!isfinite((float)tiff_number(tiff, field, i)))
            return false;
    }
    for (uint32_t i = 0; i < count; i++)
        values[i] = (float)tiff_number(tiff, field, i);
    return true;
}

void tiff_text(const struct tiff *tiff, size_t ifd, uint16_t tag, char *text, size_t size)
{
    struct tiff_field field = tiff_find(tiff, ifd, tag);
    size_t count = 0;
    if (field.count > 0 && field.type == TIFF_ASCII) {
        while (count < field.count && count < size - 1 && field.data[count] != '\0') {
            uint8_t c = field.data[count];
            text[count++] = c < ' ' || c == 0x7f ? '?' : (char)c;
        }
    }
    while (count > 0 && text[count - 1] == ' ')
        count--;
    text[count] = '\0';
}
