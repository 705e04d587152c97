/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Vectors of 16-bit lanes: the widest that the level has, written as GCC vector extensions, and the
 * few operations that C has no words for. Each has a form for every level that gives the same bits;
 * VEC_GENERIC is the one without intrinsics (AArch64, and tests).
 *
 * Plain lane arithmetic is unsigned (vec_u16), so that wrapping is defined.
 */
#ifndef ISP_FAST_VEC_H
#define ISP_FAST_VEC_H

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__) && !defined(VEC_GENERIC)
#include <immintrin.h>
#else
#undef VEC_GENERIC
#define VEC_GENERIC
#endif

#if defined(VEC_GENERIC)
#define VEC_BYTES 16
#elif defined(__AVX512BW__)
#define VEC_BYTES    64
#define VEC_RAW      __m512i
#define VEC_DO(name) _mm512_##name
#elif defined(__AVX2__)
#define VEC_BYTES    32
#define VEC_RAW      __m256i
#define VEC_DO(name) _mm256_##name
#else
#define VEC_BYTES    16
#define VEC_RAW      __m128i
#define VEC_DO(name) _mm_##name
#endif

#if VEC_BYTES == 32
#define VEC_MOVE_MASK(v) _mm256_movemask_epi8((__m256i)(v))
#elif !defined(VEC_GENERIC) && VEC_BYTES == 16
#define VEC_MOVE_MASK(v) _mm_movemask_epi8((__m128i)(v))
#endif

#define VEC_LANES (VEC_BYTES / 2)
#define VEC_QUADS (VEC_BYTES / 16) /* 128-bit parts */

typedef uint8_t vec_u8 __attribute__((vector_size(VEC_BYTES)));
typedef int16_t vec_i16 __attribute__((vector_size(VEC_BYTES)));
typedef uint16_t vec_u16 __attribute__((vector_size(VEC_BYTES)));
typedef uint32_t vec_u32 __attribute__((vector_size(VEC_BYTES)));
typedef uint16_t vec_u16_unaligned __attribute__((vector_size(VEC_BYTES), aligned(1), may_alias));
typedef uint32_t vec_u32_unaligned __attribute__((vector_size(VEC_BYTES), aligned(1), may_alias));

#define VEC_INLINE static inline __attribute__((always_inline, unused))

VEC_INLINE vec_u16 vec_load(const void *p)
{
    return (vec_u16) * (const vec_u16_unaligned *)p;
}

VEC_INLINE void vec_store(void *p, vec_u16 v)
{
    *(vec_u16_unaligned *)p = v;
}

/** Store past the caches, to a multiple of VEC_BYTES; vec_stream_end() before others read it. */
VEC_INLINE void vec_stream(void *p, vec_u16 v)
{
#if defined(VEC_GENERIC)
    vec_store(p, v);
#elif VEC_BYTES == 64
    _mm512_stream_si512(p, (VEC_RAW)v);
#elif VEC_BYTES == 32
    _mm256_stream_si256(p, (VEC_RAW)v);
#else
    _mm_stream_si128(p, (VEC_RAW)v);
#endif
}

VEC_INLINE void vec_stream_end(void)
{
#if !defined(VEC_GENERIC)
    _mm_sfence();
#endif
}

VEC_INLINE vec_u16 vec_set(int value)
{
    return (vec_u16){0} + (uint16_t)value;
}

/* ---- one instruction each on x86 ------------------------------------------------------------ */

#if !defined(VEC_GENERIC)
#define VEC_BINARY(name, intrinsic)                                                                \
    VEC_INLINE vec_u16 name(vec_u16 a, vec_u16 b)                                                  \
    {                                                                                              \
        return (vec_u16)VEC_DO(intrinsic)((VEC_RAW)a, (VEC_RAW)b);                                 \
    }
#else
/* The lane's formula, in 32 bits, with its operands cast to `type`. */
#define VEC_BINARY_C(name, type, formula)                                                          \
    VEC_INLINE vec_u16 name(vec_u16 va, vec_u16 vb)                                                \
    {                                                                                              \
        vec_u16 out;                                                                               \
        for (int i = 0; i < VEC_LANES; i++) {                                                      \
            int32_t a = (type)va[i], b = (type)vb[i];                                              \
            out[i] = (uint16_t)(formula);                                                          \
        }                                                                                          \
        return out;                                                                                \
    }
#endif

#if !defined(VEC_GENERIC)
VEC_BINARY(vec_pack_8, packus_epi16) /* words of 0..255 of both to bytes, in each 128-bit part */
VEC_BINARY(vec_subs_u, subs_epu16)
VEC_BINARY(vec_adds_u, adds_epu16)
VEC_BINARY(vec_mulhi_u, mulhi_epu16)
VEC_BINARY(vec_avg_u, avg_epu16)
VEC_BINARY(vec_adds, adds_epi16)
VEC_BINARY(vec_min, min_epi16)
VEC_BINARY(vec_max, max_epi16)
VEC_BINARY(vec_zip_low_8, unpacklo_epi8) /* zips: within each 128-bit part */
VEC_BINARY(vec_zip_high_8, unpackhi_epi8)
VEC_BINARY(vec_zip_low_16, unpacklo_epi16)
VEC_BINARY(vec_zip_high_16, unpackhi_epi16)
VEC_BINARY(vec_zip_low_32, unpacklo_epi32)
VEC_BINARY(vec_zip_high_32, unpackhi_epi32)
VEC_BINARY(vec_zip_low_64, unpacklo_epi64)
VEC_BINARY(vec_zip_high_64, unpackhi_epi64)
#else
VEC_BINARY_C(vec_subs_u, uint16_t, a > b ? a - b : 0)
VEC_BINARY_C(vec_adds_u, uint16_t, a + b > 65535 ? 65535 : a + b)
VEC_BINARY_C(vec_mulhi_u, uint16_t, ((uint32_t)a * (uint32_t)b) >> 16)
VEC_BINARY_C(vec_avg_u, uint16_t, (a + b + 1) >> 1)
VEC_BINARY_C(vec_adds, int16_t, a + b > 32767 ? 32767 : a + b < -32768 ? -32768 : a + b)
VEC_BINARY_C(vec_min, int16_t, a < b ? a : b)
VEC_BINARY_C(vec_max, int16_t, a > b ? a : b)
#define VEC_ZIP_8(name, ...)                                                                       \
    VEC_INLINE vec_u16 name(vec_u16 a, vec_u16 b)                                                  \
    {                                                                                              \
        return (vec_u16)__builtin_shufflevector((vec_u8)a, (vec_u8)b, __VA_ARGS__);                \
    }
VEC_ZIP_8(vec_zip_low_8, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
VEC_ZIP_8(vec_zip_high_8, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#define VEC_ZIP(name, ...)                                                                         \
    VEC_INLINE vec_u16 name(vec_u16 a, vec_u16 b)                                                  \
    {                                                                                              \
        return __builtin_shufflevector(a, b, __VA_ARGS__);                                         \
    }
VEC_ZIP(vec_zip_low_16, 0, 8, 1, 9, 2, 10, 3, 11)
VEC_ZIP(vec_zip_high_16, 4, 12, 5, 13, 6, 14, 7, 15)
VEC_ZIP(vec_zip_low_32, 0, 1, 8, 9, 2, 3, 10, 11)
VEC_ZIP(vec_zip_high_32, 4, 5, 12, 13, 6, 7, 14, 15)
VEC_ZIP(vec_zip_low_64, 0, 1, 2, 3, 8, 9, 10, 11)
VEC_ZIP(vec_zip_high_64, 4, 5, 6, 7, 12, 13, 14, 15)
#endif

#if !defined(VEC_GENERIC) && defined(__SSE4_1__)
VEC_BINARY(vec_min_u, min_epu16)
#else
VEC_INLINE vec_u16 vec_min_u(vec_u16 a, vec_u16 b)
{
    return a - vec_subs_u(a, b); /* SSE2 has no unsigned minimum */
}
#endif

/** v >> bits, 1 to 15. Of the widest vectors, shifts and the like go through one port of two. */
VEC_INLINE vec_u16 vec_shift_right(vec_u16 v, unsigned bits)
{
#if VEC_BYTES == 64
    return vec_mulhi_u(v, vec_set(1 << (16 - bits)));
#else
    return v >> (uint16_t)bits;
#endif
}

/** The same of signed lanes, down to the next whole number; 2 to 15. */
VEC_INLINE vec_u16 vec_shift_right_signed(vec_u16 v, unsigned bits)
{
#if VEC_BYTES == 64
    return (vec_u16)_mm512_mulhi_epi16((VEC_RAW)v, (VEC_RAW)vec_set(1 << (16 - bits)));
#else
    return (vec_u16)((vec_i16)v >> (int16_t)bits);
#endif
}

/** The greater of v and 0; with AVX-512 without the port that minima, shifts and the like fill. */
VEC_INLINE vec_u16 vec_positive(vec_u16 v)
{
#if VEC_BYTES == 64
    const __mmask32 is_more = _mm512_cmpgt_epi16_mask((VEC_RAW)v, _mm512_setzero_si512());
    return (vec_u16)_mm512_maskz_mov_epi16(is_more, (VEC_RAW)v);
#else
    return vec_max(v, vec_set(0));
#endif
}

/** Whether in any lane a > b. */
VEC_INLINE int vec_any_greater(vec_u16 a, vec_u16 b)
{
#if VEC_BYTES == 64
    return _mm512_cmpgt_epi16_mask((VEC_RAW)a, (VEC_RAW)b) != 0;
#else
    vec_u16 is_greater = (vec_u16)((vec_i16)a > (vec_i16)b);
#if defined(VEC_GENERIC)
    uint64_t parts[2];
    __builtin_memcpy(parts, &is_greater, sizeof(parts));
    return (parts[0] | parts[1]) != 0;
#else
    return VEC_MOVE_MASK(is_greater) != 0;
#endif
#endif
}

VEC_INLINE vec_u16 vec_abs(vec_u16 a)
{
#if !defined(VEC_GENERIC) && defined(__SSSE3__)
    return (vec_u16)VEC_DO(abs_epi16)((VEC_RAW)a);
#else
    return vec_max(a, 0 - a);
#endif
}

/** a, negated where b < 0. a must be 0 where b is. */
#if defined(VEC_GENERIC)
VEC_BINARY_C(vec_sign, int16_t, b < 0 ? -a : a)
#elif defined(__SSSE3__) && VEC_BYTES < 64
VEC_BINARY(vec_sign, sign_epi16)
#elif VEC_BYTES == 64
VEC_INLINE vec_u16 vec_sign(vec_u16 a, vec_u16 b)
{
    const __mmask32 is_less = _mm512_cmpgt_epi16_mask(_mm512_setzero_si512(), (VEC_RAW)b);
    return (vec_u16)_mm512_mask_sub_epi16((VEC_RAW)a, is_less, _mm512_setzero_si512(), (VEC_RAW)a);
}
#else
VEC_INLINE vec_u16 vec_sign(vec_u16 a, vec_u16 b)
{
    vec_u16 sign = (vec_u16)((vec_i16)b >> 15);
    return (a ^ sign) - sign;
}
#endif

/** (a * b + 2^14) >> 15, wrapping: SSSE3's pmulhrsw. */
#if defined(VEC_GENERIC)
VEC_BINARY_C(vec_mulhrs, int16_t, (a * b + 0x4000) >> 15)
#elif defined(__SSSE3__)
VEC_BINARY(vec_mulhrs, mulhrs_epi16)
#else
VEC_INLINE vec_u16 vec_mulhrs(vec_u16 a, vec_u16 b)
{
    vec_u16 high = (vec_u16)_mm_mulhi_epi16((__m128i)a, (__m128i)b), low = a * b;
    return high + high + (((low >> 14) + 1) >> 1);
}
#endif

/** Sums of neighbours, as signed 32-bit lanes. */
VEC_INLINE vec_u32 vec_sum_pairs(vec_u16 v)
{
#if defined(VEC_GENERIC)
    typedef int32_t vec_i32 __attribute__((vector_size(VEC_BYTES)));
    return (vec_u32)(((vec_i32)((vec_u32)v << 16) >> 16) + ((vec_i32)v >> 16));
#else
    return (vec_u32)VEC_DO(madd_epi16)((VEC_RAW)v, (VEC_RAW)vec_set(1));
#endif
}

/* ---- moving lanes ------------------------------------------------------------------------------
 */

/** The same 16 bytes in every 128-bit part. */
VEC_INLINE vec_u16 vec_repeat(const void *bytes16)
{
#if VEC_BYTES == 64
    return (vec_u16)_mm512_broadcast_i32x4(_mm_loadu_si128(bytes16));
#elif VEC_BYTES == 32
    return (vec_u16)_mm256_broadcastsi128_si256(_mm_loadu_si128(bytes16));
#else
    return vec_load(bytes16);
#endif
}

/** Byte i of each 128-bit part becomes its byte table[i], or 0 where bit 7 of that is set. */
#if !defined(VEC_GENERIC) && defined(__SSSE3__)
VEC_BINARY(vec_lookup_bytes, shuffle_epi8)
#else
VEC_INLINE vec_u16 vec_lookup_bytes(vec_u16 bytes, vec_u16 table)
{
    uint8_t in[16], index[16], out[16];
    __builtin_memcpy(in, &bytes, 16);
    __builtin_memcpy(index, &table, 16);
    for (int i = 0; i < 16; i++)
        out[i] = index[i] & 0x80 ? 0 : in[index[i] & 15];
    return vec_load(out);
}
#endif

/** 128-bit parts of which each begins `step` bytes (even, less than 16) after the one before. */
VEC_INLINE vec_u16 vec_load_parts(const uint8_t *p, unsigned step)
{
#if VEC_BYTES == 64
    vec_u16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
        22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
    vec_u16 from = (lane >> 3) * (uint16_t)(step / 2) + (lane & 7);
    return (vec_u16)_mm512_permutexvar_epi16((VEC_RAW)from, (VEC_RAW)vec_load(p));
#elif VEC_BYTES == 32
    __m128i low = _mm_loadu_si128((const __m128i *)p);
    __m128i high = _mm_loadu_si128((const __m128i *)(p + step));
    return (vec_u16)_mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
#else
    (void)step;
    return vec_load(p);
#endif
}

/** Its 128-bit parts, each step bytes after the one before. */
VEC_INLINE void vec_store_parts(void *p, size_t step, vec_u16 v)
{
    uint8_t *const to = p;
#if VEC_BYTES == 64
    _mm_storeu_si128((__m128i *)to, _mm512_castsi512_si128((VEC_RAW)v));
    _mm_storeu_si128((__m128i *)(to + step), _mm512_extracti32x4_epi32((VEC_RAW)v, 1));
    _mm_storeu_si128((__m128i *)(to + 2 * step), _mm512_extracti32x4_epi32((VEC_RAW)v, 2));
    _mm_storeu_si128((__m128i *)(to + 3 * step), _mm512_extracti32x4_epi32((VEC_RAW)v, 3));
#elif VEC_BYTES == 32
    _mm_storeu_si128((__m128i *)to, _mm256_castsi256_si128((VEC_RAW)v));
    _mm_storeu_si128((__m128i *)(to + step), _mm256_extracti128_si256((VEC_RAW)v, 1));
#else
    (void)step;
    vec_store(to, v);
#endif
}

/** Bytes from p on that two loads of parts read: at p, and VEC_QUADS steps later. */
#define VEC_PARTS_BYTES(step)                                                                      \
    (VEC_QUADS * (step) + (VEC_BYTES == 64 ? 64 : (VEC_QUADS - 1) * (step) + 16))

/** 32-bit lanes in the order that two zips in each 128-bit part turn into memory order. */
VEC_INLINE vec_u16 vec_spread_32(vec_u16 v)
{
#if VEC_BYTES == 64
    const __m512i from = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return (vec_u16)_mm512_permutexvar_epi32(from, (VEC_RAW)v);
#elif VEC_BYTES == 32
    return (vec_u16)_mm256_permutevar8x32_epi32(
        (VEC_RAW)v, _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7));
#else
    return v;
#endif
}

/** Even and odd 64-bit lanes of the sequence a, b. */
VEC_INLINE void vec_split_64(vec_u16 a, vec_u16 b, vec_u16 *even, vec_u16 *odd)
{
#if VEC_BYTES == 64
    const __m512i from = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
    const __m512i from_odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
    *even = (vec_u16)_mm512_permutex2var_epi64((VEC_RAW)a, from, (VEC_RAW)b);
    *odd = (vec_u16)_mm512_permutex2var_epi64((VEC_RAW)a, from_odd, (VEC_RAW)b);
#elif VEC_BYTES == 32
    *even = (vec_u16)_mm256_permute4x64_epi64((VEC_RAW)vec_zip_low_64(a, b), 0xd8);
    *odd = (vec_u16)_mm256_permute4x64_epi64((VEC_RAW)vec_zip_high_64(a, b), 0xd8);
#else
    *even = vec_zip_low_64(a, b);
    *odd = vec_zip_high_64(a, b);
#endif
}

/** Even and odd 16-bit lanes of the sequence a, b. */
VEC_INLINE void vec_split_16(vec_u16 a, vec_u16 b, vec_u16 *even, vec_u16 *odd)
{
#if defined(VEC_GENERIC)
    *even = __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
    *odd = __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
#elif !defined(__SSSE3__)
    __m128i a0 = _mm_srai_epi32(_mm_slli_epi32((__m128i)a, 16), 16);
    __m128i b0 = _mm_srai_epi32(_mm_slli_epi32((__m128i)b, 16), 16);
    *even = (vec_u16)_mm_packs_epi32(a0, b0);
    *odd = (vec_u16)_mm_packs_epi32(_mm_srai_epi32((__m128i)a, 16), _mm_srai_epi32((__m128i)b, 16));
#else
    static const uint8_t apart[16] = {0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15};
    vec_u16 table = vec_repeat(apart);
    vec_split_64(vec_lookup_bytes(a, table), vec_lookup_bytes(b, table), even, odd);
#endif
}

/** The last lane becomes the first. */
VEC_INLINE vec_u16 vec_reverse(vec_u16 v)
{
#if VEC_BYTES == 64
    return __builtin_shufflevector(v, v, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17,
        16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
#elif VEC_BYTES == 32
    return __builtin_shufflevector(v, v, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
#else
    return __builtin_shufflevector(v, v, 7, 6, 5, 4, 3, 2, 1, 0);
#endif
}

/**
 * Four vectors whose 128-bit parts number k belong together, into memory order: first the parts 0
 * of p[0] to p[3], then the parts 1, and so on.
 */
VEC_INLINE void vec_gather_parts(vec_u16 p[4])
{
#if VEC_BYTES == 64
    __m512i a = _mm512_shuffle_i32x4((VEC_RAW)p[0], (VEC_RAW)p[1], 0x44);
    __m512i b = _mm512_shuffle_i32x4((VEC_RAW)p[2], (VEC_RAW)p[3], 0x44);
    __m512i c = _mm512_shuffle_i32x4((VEC_RAW)p[0], (VEC_RAW)p[1], 0xee);
    __m512i d = _mm512_shuffle_i32x4((VEC_RAW)p[2], (VEC_RAW)p[3], 0xee);
    p[0] = (vec_u16)_mm512_shuffle_i32x4(a, b, 0x88);
    p[1] = (vec_u16)_mm512_shuffle_i32x4(a, b, 0xdd);
    p[2] = (vec_u16)_mm512_shuffle_i32x4(c, d, 0x88);
    p[3] = (vec_u16)_mm512_shuffle_i32x4(c, d, 0xdd);
#elif VEC_BYTES == 32
    __m256i a = _mm256_permute2x128_si256((VEC_RAW)p[0], (VEC_RAW)p[1], 0x31);
    __m256i b = _mm256_permute2x128_si256((VEC_RAW)p[2], (VEC_RAW)p[3], 0x31);
    p[0] = (vec_u16)_mm256_permute2x128_si256((VEC_RAW)p[0], (VEC_RAW)p[1], 0x20);
    p[1] = (vec_u16)_mm256_permute2x128_si256((VEC_RAW)p[2], (VEC_RAW)p[3], 0x20);
    p[2] = (vec_u16)a;
    p[3] = (vec_u16)b;
#else
    (void)p;
#endif
}

/** Zip a and b into 2 * VEC_LANES lanes in memory order. */
VEC_INLINE void vec_zip_16(vec_u16 a, vec_u16 b, vec_u16 *first, vec_u16 *second)
{
    vec_u16 low = vec_zip_low_16(a, b), high = vec_zip_high_16(a, b);
#if VEC_BYTES == 64
    const __m512i from = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    const __m512i from_second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    *first = (vec_u16)_mm512_permutex2var_epi64((VEC_RAW)low, from, (VEC_RAW)high);
    *second = (vec_u16)_mm512_permutex2var_epi64((VEC_RAW)low, from_second, (VEC_RAW)high);
#elif VEC_BYTES == 32
    *first = (vec_u16)_mm256_permute2x128_si256((VEC_RAW)low, (VEC_RAW)high, 0x20);
    *second = (vec_u16)_mm256_permute2x128_si256((VEC_RAW)low, (VEC_RAW)high, 0x31);
#else
    *first = low;
    *second = high;
#endif
}

/** Four channels of even and odd pixels to 64 bits a pixel, 2 * VEC_LANES pixels. */
VEC_INLINE void vec_store_quads(void *dst, vec_u16 c[4][2])
{
    vec_u16 half[2][4], pixels[2][4];
    for (int k = 0; k < 2; k++) {
        vec_u16 rg0 = vec_zip_low_16(c[0][k], c[1][k]), rg1 = vec_zip_high_16(c[0][k], c[1][k]);
        vec_u16 ba0 = vec_zip_low_16(c[2][k], c[3][k]), ba1 = vec_zip_high_16(c[2][k], c[3][k]);
        half[k][0] = vec_zip_low_32(rg0, ba0);
        half[k][1] = vec_zip_high_32(rg0, ba0);
        half[k][2] = vec_zip_low_32(rg1, ba1);
        half[k][3] = vec_zip_high_32(rg1, ba1);
    }
    for (int k = 0; k < 4; k++) {
        pixels[k / 2][k % 2 * 2] = vec_zip_low_64(half[0][k], half[1][k]);
        pixels[k / 2][k % 2 * 2 + 1] = vec_zip_high_64(half[0][k], half[1][k]);
    }
    vec_gather_parts(pixels[0]);
    vec_gather_parts(pixels[1]);
    /* Parts 0 of all eight, then parts 1, ...: 64 bytes of each half in turn. */
    for (int k = 0; k < 4; k++) {
        int at = k / (4 / VEC_QUADS) * 2 * (4 / VEC_QUADS) + k % (4 / VEC_QUADS);
        vec_store((uint8_t *)dst + at * VEC_BYTES, pixels[0][k]);
        vec_store((uint8_t *)dst + (at + 4 / VEC_QUADS) * VEC_BYTES, pixels[1][k]);
    }
}

#endif
