/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/hash.h"

#include <stdio.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

struct base_hash base_hash_bytes(const void *bytes, size_t size_bytes)
{
    XXH128_hash_t hash = XXH3_128bits(bytes, size_bytes);
    return (struct base_hash){hash.high64, hash.low64};
}

struct base_hash base_hash_rows(
    const void *rows, size_t row_bytes, size_t stride_bytes, size_t count)
{
    struct base_hash all = {0};
    for (size_t i = 0; i < count; i++) {
        const char *row = (const char *)rows + i * stride_bytes;
        XXH128_hash_t hash = XXH3_128bits_withSeed(row, row_bytes, all.low ^ i);
        all.high = all.high * 0x9e3779b97f4a7c15u + hash.high64;
        all.low = hash.low64;
    }
    return all;
}

struct base_hash base_hash_pair(struct base_hash a, struct base_hash b)
{
    struct base_hash both[2] = {a, b};
    return base_hash_bytes(both, sizeof(both));
}

void base_hash_text(struct base_hash hash, char text[BASE_HASH_TEXT])
{
    text[0] = '\0';
    if (hash.high || hash.low)
        snprintf(text, BASE_HASH_TEXT, "%016llx%016llx", (unsigned long long)hash.high,
            (unsigned long long)hash.low);
}
