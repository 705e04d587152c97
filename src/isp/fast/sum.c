/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Kernels: column sums, for the statistics and for the area mean. */
#include "isp/fast/kernels.h"
#include "isp/fast/vec.h"

VEC_INLINE vec_u16 distance(vec_u16 a, vec_u16 b)
{
    return vec_max(a, b) - vec_min(a, b);
}

/* `is_in`: lanes of cells that exist. The column sums may have others, but not the row's. */
VEC_INLINE void stats_step(
    const struct fast_stats *s, size_t i, vec_u16 is_in, vec_u32 *green, vec_u32 *differences)
{
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

    vec_u16 left = vec_load(s->green[0] + i), middle = vec_load(s->green[1] + i);
    vec_u16 right = vec_load(s->green[0] + i + 1);
    *green += vec_sum_pairs((left + middle) & is_in);
    *differences += vec_sum_pairs((distance(middle, left) + distance(middle, right)) & is_in);
}

VEC_INLINE uint32_t sum_lanes(vec_u32 v)
{
    uint32_t sum = 0;
    for (int i = 0; i < VEC_LANES / 2; i++)
        sum += v[i];
    return sum;
}

static void stats(const struct fast_stats *task)
{
    const struct fast_stats own = *task, *s = &own; /* which no store can change */
    const vec_u16 all = vec_set(0xffff);
    vec_u32 green = {0}, differences = {0};
    size_t i = 0;
    for (; i + VEC_LANES <= s->pairs; i += VEC_LANES)
        stats_step(s, i, all, &green, &differences);
    if (i < s->pairs) {
        vec_u16 is_in = {0};
        for (size_t lane = 0; lane < s->pairs - i; lane++)
            is_in[lane] = 0xffff;
        stats_step(s, i, is_in, &green, &differences);
    }
    *s->total[0] += sum_lanes(green);
    *s->total[1] += sum_lanes(differences);
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
