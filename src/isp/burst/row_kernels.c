/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One text, built once per instruction set level (ISA_NAME). */
#include <isp/burst/pyramid.h>
#include <isp/fast/vec.h>
#include <isp/still/unpack.h>

#include <stdbool.h>

static const uint16_t *unpack(
    enum sisp_packing packing, const uint8_t *row, uint32_t x, uint32_t count, uint16_t *words)
{
    return unpack_row(packing, row, x, count, words);
}

static inline uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static int16_t grey_cell(
    const uint16_t *a, const uint16_t *b, struct grey_shift shift, uint32_t white)
{
    const bool is_clipped = larger(larger(a[0], a[1]), larger(b[0], b[1])) >= white;
    const uint32_t sum = ((uint32_t)a[0] + a[1]) + ((uint32_t)b[0] + b[1]);
    return (int16_t)(is_clipped ? PYRAMID_CLIPPED : (int32_t)(sum << shift.up >> shift.down));
}

/* Cells of VEC_LANES pairs of columns as 32 bits each. */
static inline vec_u32 grey_cells(
    const uint16_t *a, const uint16_t *b, struct grey_shift shift, vec_u16 below_white)
{
    const vec_u16 u = vec_load(a), v = vec_load(b);
    const vec_u32 x = (vec_u32)u, y = (vec_u32)v;
    const vec_u32 sum = ((x & 0xffff) + (x >> 16)) + ((y & 0xffff) + (y >> 16));
    const vec_u32 excess = (vec_u32)(vec_subs_u(u, below_white) | vec_subs_u(v, below_white));
    return sum << shift.up >> shift.down | (vec_u32)(excess != 0);
}

static void grey(int16_t *restrict out, const uint16_t *const rows[2], uint32_t count,
    struct grey_shift shift, uint32_t white)
{
    const uint16_t *restrict a = rows[0], *restrict b = rows[1];
    const vec_u16 below_white = vec_set((int)white - 1);
    uint32_t k = 0;
    for (; white > 0 && k + VEC_LANES <= count; k += VEC_LANES) {
        const vec_u32 first = grey_cells(a + 2 * k, b + 2 * k, shift, below_white);
        const vec_u32 second =
            grey_cells(a + 2 * k + VEC_LANES, b + 2 * k + VEC_LANES, shift, below_white);
        vec_u16 even, odd;
        vec_split_16((vec_u16)first, (vec_u16)second, &even, &odd);
        vec_store(out + k, even);
    }
    for (; k < count; k++)
        out[k] = grey_cell(a + 2 * k, b + 2 * k, shift, white);
}

static void halve(
    int16_t *restrict out, const int16_t *restrict a, const int16_t *restrict b, uint32_t count)
{
    for (size_t k = 0; k < count; k++) {
        int32_t any = a[2 * k] | a[2 * k + 1] | b[2 * k] | b[2 * k + 1];
        int32_t sum = a[2 * k] + a[2 * k + 1] + b[2 * k] + b[2 * k + 1];
        out[k] = (int16_t)(any < 0 ? PYRAMID_CLIPPED : (sum + 2) >> 2);
    }
}

static void scale(int16_t *cells, uint32_t count, float gain, float black)
{
    const float limit = (1 << PYRAMID_BITS) * PYRAMID_GAIN_MAX;
    for (uint32_t k = 0; k < count; k++) {
        float value = ((float)cells[k] - black) * gain + (black + 0.5F);
        value = value > 0 ? value : 0;
        value = value < limit ? value : limit;
        cells[k] = (int16_t)(cells[k] < 0 ? PYRAMID_CLIPPED : (int32_t)value);
    }
}

static void add_difference(struct score *score, const int16_t *a, const int16_t *b, uint32_t count)
{
    vec_u32 sums = {0};
    vec_u16 clips = {0};
    uint32_t sum = 0, clipped = 0, k = 0;
    for (; k + VEC_LANES <= count; k += VEC_LANES) {
        const vec_u16 x = vec_load(a + k), y = vec_load(b + k);
        const vec_u16 low = vec_min(x, y), is_clipped = (vec_u16)((vec_i16)low >> 15);
        sums += vec_sum_pairs((vec_max(x, y) - low) & ~is_clipped);
        clips -= is_clipped;
    }
    for (uint32_t i = 0; i < VEC_LANES; i++) {
        sum += i % 2 ? 0 : sums[i / 2];
        clipped += clips[i];
    }
    for (; k < count; k++) {
        const int16_t low = a[k] < b[k] ? a[k] : b[k], high = a[k] < b[k] ? b[k] : a[k];
        sum += (uint32_t)(low < 0 ? 0 : high - low);
        clipped += low < 0;
    }
    score->sum += sum;
    score->count += count - clipped;
}

static void add_brightness(
    struct brightness *sum, const int16_t *a, const int16_t *b, uint32_t count, int32_t black)
{
    int32_t reference = 0, frame = 0;
    for (uint32_t k = 0; k < count; k++) {
        int32_t clipped = (a[k] | b[k]) < 0;
        reference += clipped ? 0 : a[k] - black;
        frame += clipped ? 0 : b[k] - black;
    }
    sum->reference += reference;
    sum->frame += frame;
}

static void add_residual(struct score *score, const int16_t *a, const int16_t *b, uint32_t count,
    const struct cell_noise *noise)
{
    const float slope = noise->slope, offset = noise->offset, least = noise->least;
    uint32_t sum = 0, clipped = 0;
    for (uint32_t k = 0; k < count; k++) {
        int32_t low = a[k] < b[k] ? a[k] : b[k], high = a[k] < b[k] ? b[k] : a[k];
        float variance = slope * (float)a[k] + offset;
        variance = variance > least ? variance : least;
        float sigmas = (float)(high - low) / __builtin_sqrtf(variance);
        int32_t fixed = (int32_t)((sigmas < 255 ? sigmas : 255) * ROWS_SIGMA);
        sum += (uint32_t)(low < 0 ? 0 : fixed);
        clipped += low < 0;
    }
    score->sum += sum;
    score->count += count - clipped;
}

#define SYMBOL_(name) row_kernels_##name
#define SYMBOL(name)  SYMBOL_(name)

extern const struct row_kernels SYMBOL(ISA_NAME);
const struct row_kernels SYMBOL(ISA_NAME) = {
    unpack, grey, halve, scale, add_difference, add_brightness, add_residual};
