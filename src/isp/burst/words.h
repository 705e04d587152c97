/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Rows of 16 words as one vector, or two where a level has none so wide: the same bits. */
#ifndef ISP_BURST_WORDS_H
#define ISP_BURST_WORDS_H

#include <isp/fast/vec.h>

#if defined(__AVX2__)
#define ROW 16
typedef uint16_t row_words __attribute__((vector_size(32)));
#define MULTIPLY(a, b)   ((row_words)_mm256_mulhrs_epi16((__m256i)(a), (__m256i)(b)))
#define EXCESS(a, b)     ((row_words)_mm256_subs_epu16((__m256i)(a), (__m256i)(b)))
#define SHIFT_UP(a, n)   ((row_words)_mm256_sll_epi16((__m256i)(a), _mm_cvtsi32_si128(n)))
#define SHIFT_DOWN(a, n) ((row_words)_mm256_srl_epi16((__m256i)(a), _mm_cvtsi32_si128(n)))
/* Zips within each half: the quarters in the middle change places before. */
#define ZIP_ORDER(a)       ((row_words)_mm256_permute4x64_epi64((__m256i)(a), 0xd8))
#define ZIP_FIRST(a, b)    ((row_words)_mm256_unpacklo_epi16((__m256i)(a), (__m256i)(b)))
#define ZIP_SECOND(a, b)   ((row_words)_mm256_unpackhi_epi16((__m256i)(a), (__m256i)(b)))
#define MULTIPLY_ADD(a, b) ((pairs)_mm256_madd_epi16((__m256i)(a), (__m256i)(b)))
#else
#define ROW              8
typedef vec_u16 row_words;
#define MULTIPLY         vec_mulhrs
#define EXCESS           vec_subs_u
#define SHIFT_UP(a, n)   ((a) << (uint16_t)(n))
#define SHIFT_DOWN(a, n) ((a) >> (uint16_t)(n))
#define ZIP_ORDER(a)     (a)
#define ZIP_FIRST        vec_zip_low_16
#define ZIP_SECOND       vec_zip_high_16
#if defined(VEC_GENERIC)
#define LOW(a)             ((pairs)(a) << 16 >> 16)
#define HIGH(a)            ((pairs)(a) >> 16)
#define MULTIPLY_ADD(a, b) (LOW(a) * LOW(b) + HIGH(a) * HIGH(b))
#else
#define MULTIPLY_ADD(a, b) ((pairs)_mm_madd_epi16((__m128i)(a), (__m128i)(b)))
#endif
#endif
#define LANES (ROW / 2)
typedef uint16_t row_words_unaligned __attribute__((vector_size(2 * ROW), aligned(1), may_alias));
typedef int32_t pairs __attribute__((vector_size(4 * LANES)));
typedef int32_t pairs_unaligned __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int64_t repeated __attribute__((vector_size(4 * LANES)));

/** Sums of products of a row's columns, by pairs of them. */
struct pair_sums {
    float of[8];
};

typedef float pair_floats __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

#define ADD_PRODUCTS(sums, i, a, b)                                                                \
    (*(pair_floats *)&(sums).of[(i)*LANES] +=                                                      \
        __builtin_convertvector(MULTIPLY_ADD(a, b), pair_floats))

static inline float total_of(const struct pair_sums *s)
{
    const float *f = s->of;
    return ((f[0] + f[4]) + (f[2] + f[6])) + ((f[1] + f[5]) + (f[3] + f[7]));
}

#endif
