/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Vectors of a block's row as floats, and of the four sites of a CFA; for kernels. */
#ifndef ISP_BURST_LANES_H
#define ISP_BURST_LANES_H

#include <isp/burst/merge.h>
#include <isp/burst/words.h>

typedef float lanes __attribute__((vector_size(4 * BLOCK), aligned(4), may_alias));
typedef int32_t ints __attribute__((vector_size(4 * BLOCK), aligned(4), may_alias));
typedef int64_t twos __attribute__((vector_size(4 * BLOCK), aligned(4), may_alias));
typedef int64_t two_lanes __attribute__((aligned(4), may_alias));
typedef uint16_t words __attribute__((vector_size(2 * BLOCK), aligned(1), may_alias));
typedef int16_t shorts __attribute__((vector_size(2 * BLOCK), aligned(1), may_alias));
/* Of the crop: row and column, even or odd. */
typedef float sites __attribute__((vector_size(16), aligned(4), may_alias));
typedef int32_t site_ints __attribute__((vector_size(16), aligned(4), may_alias));
typedef uint16_t site_words __attribute__((vector_size(8), aligned(2), may_alias));

/* Macros: a function may not return vectors that a level has no registers for. */
#define LANES_AT(p)     (*(const lanes *)(p))
#define ALL(x)          ((lanes){0} + (x))
#define ALTERNATE(two)  ((lanes)((twos){0} + *(const two_lanes *)(two)))
#define SELECT(m, a, b) ((lanes)(((ints)(a) & (m)) | ((ints)(b) & ~(m))))
#if defined(__AVX2__)
#define FLOATS_OF(v)        ((lanes)_mm256_cvtepi32_ps(_mm256_cvtepu16_epi32((__m128i)(v))))
#define SIGNED_FLOATS_OF(v) ((lanes)_mm256_cvtepi32_ps(_mm256_cvtepi16_epi32((__m128i)(v))))
#define LEAST(a, b)         ((lanes)_mm256_min_ps((__m256)(a), (__m256)(b)))
#define MOST(a, b)          ((lanes)_mm256_max_ps((__m256)(a), (__m256)(b)))
#else
#define FLOATS_OF(v)        __builtin_convertvector(__builtin_convertvector(v, ints), lanes)
#define SIGNED_FLOATS_OF(v) FLOATS_OF(v)
#define LEAST(a, b)         SELECT((a) < (b), a, b)
#define MOST(a, b)          SELECT((a) > (b), a, b)
#endif

#endif
