/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Kernels of the area mean: every output pixel is the mean of what it covers, in linear light (a
 * box filter; e.g. A. Glassner, "Principles of Digital Image Synthesis", 1995, 10.1). Rows first,
 * then columns, so that the second has only the rows of the output to do.
 */
#include "isp/fast/kernels.h"
#include "isp/fast/vec.h"

static void sum(const struct fast_area_sum *task)
{
    const vec_u16 weight = vec_set(task->weight);
    for (size_t i = 0; i < task->count; i += VEC_LANES) {
        vec_u16 v = vec_load(task->row + i), first, second;
        uint32_t *sum = task->sum + i;
        vec_zip_16(v * weight, vec_mulhi_u(v, weight), &first, &second);
        *(vec_u32_unaligned *)sum += (vec_u32)first;
        *(vec_u32_unaligned *)(sum + VEC_LANES / 2) += (vec_u32)second;
    }
}

/* 13 bits times weights that sum to 1 << 15: rounded to 16 bits. The sums are 0 then. */
VEC_INLINE vec_u16 take_means(uint32_t *sum)
{
    const vec_u32 half = (vec_u32){0} + (1u << 11);
    vec_u16 low, high;
    vec_u32 first = (vec_u32)vec_load(sum), second = (vec_u32)vec_load(sum + VEC_LANES / 2);
    vec_store(sum, vec_set(0));
    vec_store(sum + VEC_LANES / 2, vec_set(0));
    vec_split_16((vec_u16)((first + half) << 4), (vec_u16)((second + half) << 4), &low, &high);
    return high;
}

typedef uint16_t quad_u16 __attribute__((vector_size(8), aligned(2), may_alias));
typedef uint32_t quad_u32 __attribute__((vector_size(16)));

VEC_INLINE void reduce(const struct fast_area_mean *m)
{
    const uint16_t *weight = m->weights;
    for (size_t i = 0; i < m->width; i++) {
        const quad_u16 *pixel = (const quad_u16 *)m->pixels + m->taps[i].first;
        quad_u32 sum = (quad_u32){0} + (1u << 17);
        for (unsigned k = m->taps[i].count; k > 0; k--)
            sum += __builtin_convertvector(*pixel++, quad_u32) * (uint32_t)*weight++;
        sum >>= 18;
        for (int k = 0; k < 3; k++)
            m->dst[k][i % 2][i / 2] = (int16_t)sum[k];
    }
}

static void mean(const struct fast_area_mean *task)
{
    const struct fast_area_mean own = *task, *m = &own; /* which no store can change */
    for (size_t i = 0; i < m->pairs; i += VEC_LANES) {
        vec_u16 c[4][2] = {{{0}}};
        for (int k = 0; k < 6; k++)
            c[k / 2][k % 2] = take_means(m->sum[k / 2][k % 2] + i);
        vec_store_quads(m->pixels + 8 * i, c);
    }
    reduce(m);
}

extern const struct fast_area_kernels FAST_KERNELS(fast_area_kernels);
const struct fast_area_kernels FAST_KERNELS(fast_area_kernels) = {
    .sum = sum,
    .mean = mean,
};
