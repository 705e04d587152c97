/* SPDX-License-Identifier: GPL-3.0-or-later */
/** 128-bit hashes for provenance: XXH3 (xxHash library). Not against malice. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define BASE_HASH_TEXT 33

struct base_hash {
    uint64_t high, low; /* both 0: not taken */
};

struct base_hash base_hash_bytes(const void *bytes, size_t size_bytes);

/** The hash of rows that are `stride_bytes` apart, without the padding between them: each row's is
 * the seed of the next one's. It does not depend on the stride, and is not that of the bytes. */
struct base_hash base_hash_rows(
    const void *rows, size_t row_bytes, size_t stride_bytes, size_t count);

/** Hash of two hashes, in that order. */
struct base_hash base_hash_pair(struct base_hash a, struct base_hash b);

/** 32 hexadecimal digits, or an empty string if not taken. */
void base_hash_text(struct base_hash hash, char text[BASE_HASH_TEXT]);

#endif
