/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Raw rows of any packing to 16-bit words; in a header so that each kernel level builds its own.
 */
#ifndef ISP_STILL_UNPACK_H
#define ISP_STILL_UNPACK_H

#include "base/format.h"

#include <string.h>

/* Packed formats are decoded from the start of a group of 4 (12P: 2, IPU3: 25) samples and to the
 * end of one, so a row needs this many words more than its width. */
#define UNPACK_SLACK 48

#if defined(__SSSE3__) || defined(__ARM_NEON) /* any bytes of 16 in one instruction */
#define UNPACK_EIGHT 1
typedef uint8_t unpack_bytes __attribute__((vector_size(16)));
typedef uint16_t unpack_words __attribute__((vector_size(16)));

/* Eight samples from 10 bytes of the 16 at `in`. */
static inline void unpack_eight_10p(const uint8_t *in, uint16_t *out)
{
    const unpack_words low = {3, 12, 48, 192, 3, 12, 48, 192};
    const unpack_words up = {64, 16, 4, 1, 64, 16, 4, 1};
    unpack_bytes b;
    memcpy(&b, in, sizeof b);
    unpack_words w =
        (unpack_words)__builtin_shufflevector(b, b, 4, 0, 4, 1, 4, 2, 4, 3, 9, 5, 9, 6, 9, 7, 9, 8);
    w = (w >> 6 & 0x3fc) | (w & low) * up >> 6;
    memcpy(out, &w, sizeof w);
}

/* From 12 bytes of 16. */
static inline void unpack_eight_12p(const uint8_t *in, uint16_t *out)
{
    const unpack_words high = {0xff0, 0xfff, 0xff0, 0xfff, 0xff0, 0xfff, 0xff0, 0xfff};
    const unpack_words low = {15, 0, 15, 0, 15, 0, 15, 0};
    unpack_bytes b;
    memcpy(&b, in, sizeof b);
    unpack_words w = (unpack_words)__builtin_shufflevector(
        b, b, 2, 0, 2, 1, 5, 3, 5, 4, 8, 6, 8, 7, 11, 9, 11, 10);
    w = (w >> 4 & high) | (w & low);
    memcpy(out, &w, sizeof w);
}
#endif

/* MIPI CSI-2 v1.3, 11.4: high bytes first, then the low bits, first sample lowest. */

static inline void unpack_10p(const uint8_t *in, uint16_t *out, uint32_t groups)
{
    uint32_t i = 0;
#ifdef UNPACK_EIGHT
    for (; i + 4 <= groups; i += 2, in += 10, out += 8)
        unpack_eight_10p(in, out);
#endif
    for (; i < groups; i++, in += 5, out += 4) {
        out[0] = (uint16_t)(in[0] << 2 | (in[4] & 3));
        out[1] = (uint16_t)(in[1] << 2 | (in[4] >> 2 & 3));
        out[2] = (uint16_t)(in[2] << 2 | (in[4] >> 4 & 3));
        out[3] = (uint16_t)(in[3] << 2 | in[4] >> 6);
    }
}

static inline void unpack_12p(const uint8_t *in, uint16_t *out, uint32_t groups)
{
    uint32_t i = 0;
#ifdef UNPACK_EIGHT
    for (; i + 6 <= groups; i += 4, in += 12, out += 8)
        unpack_eight_12p(in, out);
#endif
    for (; i < groups; i++, in += 3, out += 2) {
        out[0] = (uint16_t)(in[0] << 4 | (in[2] & 15));
        out[1] = (uint16_t)(in[1] << 4 | in[2] >> 4);
    }
}

static inline void unpack_14p(const uint8_t *in, uint16_t *out, uint32_t groups)
{
    for (uint32_t i = 0; i < groups; i++, in += 7, out += 4) {
        uint32_t low = in[4] | (uint32_t)in[5] << 8 | (uint32_t)in[6] << 16;
        for (unsigned j = 0; j < 4; j++)
            out[j] = (uint16_t)((uint32_t)in[j] << 6 | (low >> 6 * j & 63));
    }
}

/* Intel IPU3 (Linux, pixfmt-srggb10-ipu3.rst): 25 samples, first lowest, and 6 idle bits. */
static inline void unpack_ipu3(const uint8_t *in, uint16_t *out, uint32_t groups)
{
    for (uint32_t i = 0; i < groups; i++, in += 32, out += 25) {
        for (unsigned j = 0; j < 25; j++)
            out[j] = (uint16_t)((in[j * 10 / 8] | in[j * 10 / 8 + 1] << 8) >> j * 10 % 8 & 1023);
    }
}

/**
 * Samples x..x+count-1 of a row. `words` holds count + UNPACK_SLACK; the answer points into it, at
 * sample x.
 */
static inline const uint16_t *unpack_row(
    enum sisp_packing packing, const uint8_t *row, uint32_t x, uint32_t count, uint16_t *words)
{
    uint32_t four = x / 4, groups = (x % 4 + count + 3) / 4;
    switch (packing) {
    case SISP_PACKING_8:
        for (uint32_t i = 0; i < count; i++)
            words[i] = row[x + i];
        return words;
    case SISP_PACKING_16:
        memcpy(words, row + (size_t)x * 2, (size_t)count * 2);
        return words;
    case SISP_PACKING_10P:
        unpack_10p(row + (size_t)four * 5, words, groups);
        return words + x % 4;
    case SISP_PACKING_12P:
        unpack_12p(row + (size_t)(x / 2) * 3, words, (x % 2 + count + 1) / 2);
        return words + x % 2;
    case SISP_PACKING_14P:
        unpack_14p(row + (size_t)four * 7, words, groups);
        return words + x % 4;
    case SISP_PACKING_IPU3:
        unpack_ipu3(row + (size_t)(x / 25) * 32, words, (x % 25 + count + 24) / 25);
        return words + x % 25;
    }
    return words;
}

/** Sample `i` of a row or column of `count` >= 2, mirrored at both ends; keeps the CFA's phase. */
static inline uint32_t unpack_mirror(int64_t i, uint32_t count)
{
    if (i >= 0 && i < count)
        return (uint32_t)i;
    const int64_t period = count > 1 ? 2 * ((int64_t)count - 1) : 1;
    i %= period;
    if (i < 0)
        i += period;
    return (uint32_t)(i < count ? i : period - i);
}

/** Colour channel (R 0, G 1, B 2) of a kind of site. */
static inline unsigned unpack_channel(enum sisp_site site)
{
    return site == SISP_SITE_R ? 0 : site == SISP_SITE_B ? 2 : 1;
}

/** Kind of site at (x, y) of a picture whose corner has this order: the two enums run alike. */
static inline enum sisp_site unpack_site(enum sisp_cfa cfa, uint32_t x, uint32_t y)
{
    return (enum sisp_site)sisp_cfa_shift(cfa, x, y);
}

#endif
