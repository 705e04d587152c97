/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Phases of a row put together. */
#ifndef ISP_STILL_ZIP_H
#define ISP_STILL_ZIP_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef float still_lanes __attribute__((vector_size(32)));

/** Even and odd samples to one row, in whole vectors: rows have room for them. Compilers pair the
 * samples one by one. */
static inline void still_zip(const float *even, const float *odd, uint32_t count, float *out)
{
    for (uint32_t k = 0; k < count; k += 8) {
        still_lanes a, b, pair[2];
        memcpy(&a, even + k, sizeof(a));
        memcpy(&b, odd + k, sizeof(b));
        pair[0] = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
        pair[1] = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
        memcpy(out + 2 * (size_t)k, pair, sizeof(pair));
    }
}

#endif
