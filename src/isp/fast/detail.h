/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Detail: what noise reduction and sharpening add to every channel, from luma after the tone
 * curve, where steps are about equally visible and noise is about equally strong at all levels.
 *
 * Sharpening is unsharp masking (Schreiber, "Wirephoto quality improvement by unsharp masking",
 * Pattern Recognition 1970) by the 3x3 binomial kernel, with coring: what noise may be stays as it
 * is. A pixel may leave the range of itself and its four neighbours by an eighth of that range
 * only, so that edges get steeper, but no halo.
 *
 * Noise reduction is that of noise.h over the eight neighbours.
 */
#ifndef ISP_FAST_DETAIL_H
#define ISP_FAST_DETAIL_H

#include "isp/fast/noise.h"

struct fast_column {
    vec_u16 up, here, down, smooth;
};

/* 1, 2, 1 by two means. */
VEC_INLINE vec_u16 fast_binomial(vec_u16 a, vec_u16 b, vec_u16 c)
{
    return vec_avg_u(vec_avg_u(a, c), b);
}

VEC_INLINE struct fast_column fast_load_column(const struct fast_detail *d, int phase, size_t i)
{
    struct fast_column c = {vec_load(d->rows[0][phase] + i), vec_load(d->rows[1][phase] + i),
        vec_load(d->rows[2][phase] + i), {0}};
    c.smooth = fast_binomial(c.up, c.here, c.down);
    return c;
}

VEC_INLINE vec_u16 fast_smooth_column(const struct fast_column c[3], vec_u16 limit)
{
    struct fast_diffusion d = {.here = c[1].here, .twice_limit = limit + limit};
    for (int k = 0; k < 3; k++) {
        fast_diffuse(&d, c[k].up);
        fast_diffuse(&d, c[k].down);
        if (k != 1)
            fast_diffuse(&d, c[k].here);
    }
    return fast_diffused(&d);
}

/* Of the pixels that two columns have in one row. */
struct fast_range {
    vec_u16 least, most;
};

VEC_INLINE vec_u16 fast_sharpen_column(const struct fast_column c[3], const struct fast_range *both,
    vec_u16 side, vec_u16 coring, vec_u16 smoothed, vec_u16 sharpness)
{
    const struct fast_column *m = &c[1];
    const vec_u16 least = vec_min(vec_min(both->least, side), vec_min(m->up, m->down));
    const vec_u16 most = vec_max(vec_max(both->most, side), vec_max(m->up, m->down));
    const vec_u16 room = vec_shift_right(most - least, 3);
    vec_u16 high = m->here - fast_binomial(c[0].smooth, m->smooth, c[2].smooth);
    high -= fast_clamp(high, vec_set(0) - coring, coring);
    const vec_u16 sharp = vec_adds(smoothed, vec_mulhrs(vec_adds(high, high), sharpness));
    return fast_clamp(sharp, least - room, vec_adds(most, room)) - m->here;
}

/** What is the same for a whole row: loaded before it, since nobody may assume that stores past the
 * caches leave it as it is. */
struct fast_levels {
    vec_u16 coring, noise, sharpness;
};

VEC_INLINE struct fast_levels fast_load_levels(const struct fast_detail *d)
{
    return (struct fast_levels){
        fast_thresholds(d->coring), fast_thresholds(d->noise), vec_set(d->sharpness)};
}

/** Detail of both phases. */
VEC_INLINE void fast_detail_pair(const struct fast_detail *d, const struct fast_levels *levels,
    size_t i, int is_denoised, vec_u16 out[2])
{
    const struct fast_column c[4] = {fast_load_column(d, 1, i - 1), fast_load_column(d, 0, i),
        fast_load_column(d, 1, i), fast_load_column(d, 0, i + 1)};
    const struct fast_range both = {vec_min(c[1].here, c[2].here), vec_max(c[1].here, c[2].here)};
    for (int phase = 0; phase < 2; phase++) {
        const vec_u16 here = c[1 + phase].here, coring = fast_threshold(levels->coring, here);
        const vec_u16 smoothed =
            is_denoised ? here + fast_smooth_column(c + phase, fast_threshold(levels->noise, here))
                        : here;
        out[phase] = fast_sharpen_column(
            c + phase, &both, c[3 * phase].here, coring, smoothed, levels->sharpness);
    }
}

#endif
