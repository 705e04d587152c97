/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Kernels: column sums, for the statistics and for the area mean. */
#include "isp/fast/kernels.h"
#include "isp/fast/vec.h"

static void stats(const struct fast_stats *task)
{
    const struct fast_stats own = *task, *s = &own; /* which no store can change */
    for (size_t i = 0; i < s->pairs; i += VEC_LANES) {
        vec_u16 v[2][2], greatest = {0};
        for (int k = 0; k < 4; k++) {
            v[k / 2][k % 2] = vec_load(s->rows[k / 2][k % 2] + i);
            greatest = vec_max(greatest, v[k / 2][k % 2]);
        }
        vec_u16 is_good = (vec_u16)((vec_i16)greatest < (int16_t)s->clip);
        for (int k = 0; k < 4; k++) {
            uint16_t *sum = s->sum[k / 2][k % 2] + i;
            vec_store(sum, vec_load(sum) + (v[k / 2][k % 2] & is_good));
        }
        vec_store(s->count + i, vec_load(s->count + i) - is_good);
    }
}

static void scale(const struct fast_scale *task)
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

extern const struct fast_sum_kernels FAST_KERNELS(fast_sum_kernels);
const struct fast_sum_kernels FAST_KERNELS(fast_sum_kernels) = {
    .stats = stats,
    .scale = scale,
};
