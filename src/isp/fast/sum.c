/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Kernel: sums of the statistics. */
#include "isp/fast/kernels.h"
#include "isp/fast/vec.h"

VEC_INLINE vec_u16 distance(vec_u16 a, vec_u16 b)
{
    return vec_abs(a - b);
}

struct stats_sums {
    vec_u32 sum[2][2], count, green, differences;
};

/* `is_in`: lanes of cells that are in the zone. */
VEC_INLINE void stats_step(
    const struct fast_stats *s, size_t i, vec_u16 is_in, struct stats_sums *sums)
{
    vec_u16 v[2][2], greatest = {0};
    for (int k = 0; k < 4; k++) {
        v[k / 2][k % 2] = vec_load(s->rows[k / 2][k % 2] + i);
        greatest = vec_max(greatest, v[k / 2][k % 2]);
    }
    vec_u16 is_good = (vec_u16)((vec_i16)greatest < (int16_t)s->clip) & is_in;
    for (int k = 0; k < 4; k++)
        sums->sum[k / 2][k % 2] += vec_sum_pairs(v[k / 2][k % 2] & is_good);
    sums->count -= vec_sum_pairs(is_good);

    vec_u16 left = vec_load(s->green[0] + i), middle = vec_load(s->green[1] + i);
    vec_u16 right = vec_load(s->green[0] + i + 1);
    sums->green += vec_sum_pairs((left + middle) & is_in);
    sums->differences += vec_sum_pairs((distance(middle, left) + distance(middle, right)) & is_in);
}

VEC_INLINE vec_u32 load_32(const uint32_t *p)
{
    return (vec_u32)vec_load(p);
}

VEC_INLINE void stats_zone(const struct fast_stats *s, size_t i, size_t end, struct fast_zone *zone,
    struct stats_sums *sums)
{
    vec_u16 lane;
    for (int k = 0; k < VEC_LANES; k++)
        lane[k] = (uint16_t)k;
    for (int k = 0; k < 4; k++)
        sums->sum[k / 2][k % 2] = load_32(zone->sum[k / 2][k % 2]);
    sums->count = load_32(zone->count);
    for (; i < end; i += VEC_LANES) {
        const int left = end - i < VEC_LANES ? (int)(end - i) : VEC_LANES;
        stats_step(s, i, (vec_u16)((vec_i16)lane < (int16_t)left), sums);
    }
    for (int k = 0; k < 4; k++)
        vec_store(zone->sum[k / 2][k % 2], (vec_u16)sums->sum[k / 2][k % 2]);
    vec_store(zone->count, (vec_u16)sums->count);
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
    struct stats_sums sums = {.count = {0}};
    for (int z = 0; z < SISP_STATS_ZONES; z++)
        stats_zone(s, s->edge[z], s->edge[z + 1], &s->zone[z], &sums);
    *s->total[0] += sum_lanes(sums.green);
    *s->total[1] += sum_lanes(sums.differences);
}

extern const struct fast_sum_kernels FAST_KERNELS(fast_sum_kernels);
const struct fast_sum_kernels FAST_KERNELS(fast_sum_kernels) = {
    .stats = stats,
};
