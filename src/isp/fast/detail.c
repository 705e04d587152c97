/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Kernels on luma after the tone curve, where steps are about equally visible and noise is about
 * equally strong at all levels.
 *
 * Sharpening is unsharp masking (Schreiber, "Wirephoto quality improvement by unsharp masking",
 * Pattern Recognition 1970) by the 3x3 binomial kernel, with coring: what noise may be stays as it
 * is. A pixel may leave the range of itself and its four neighbours by an eighth of that range
 * only, so that edges get steeper, but no halo.
 *
 * Noise reduction is that of noise.h over the eight neighbours.
 */
#include "isp/fast/noise.h"

struct column {
    vec_u16 up, here, down;
};

VEC_INLINE struct column load_column(const struct fast_detail *d, int phase, size_t i)
{
    return (struct column){vec_load(d->rows[0][phase] + i), vec_load(d->rows[1][phase] + i),
        vec_load(d->rows[2][phase] + i)};
}

/* 1, 2, 1 by two means. */
VEC_INLINE vec_u16 binomial(vec_u16 a, vec_u16 b, vec_u16 c)
{
    return vec_avg_u(vec_avg_u(a, c), b);
}

VEC_INLINE vec_u16 smooth_column(const struct column c[3], vec_u16 limit)
{
    struct fast_diffusion d = {.here = c[1].here, .limit = limit};
    for (int k = 0; k < 3; k++) {
        fast_diffuse(&d, c[k].up);
        fast_diffuse(&d, c[k].down);
        if (k != 1)
            fast_diffuse(&d, c[k].here);
    }
    return fast_diffused(&d);
}

VEC_INLINE vec_u16 sharpen_column(
    const struct column c[3], vec_u16 coring, int sharpness, vec_u16 smoothing)
{
    const struct column *m = &c[1];
    const vec_u16 here = m->here, left = c[0].here, right = c[2].here;
    const vec_u16 least = vec_min(vec_min(vec_min(left, right), vec_min(m->up, m->down)), here);
    const vec_u16 most = vec_max(vec_max(vec_max(left, right), vec_max(m->up, m->down)), here);
    const vec_u16 room = (most - least) >> 3;
    const vec_u16 smooth = binomial(binomial(c[0].up, c[0].here, c[0].down),
        binomial(m->up, m->here, m->down), binomial(c[2].up, c[2].here, c[2].down));
    vec_u16 high = here - smooth;
    high -= fast_clamp(high, vec_set(0) - coring, coring);
    const vec_u16 sharp =
        vec_adds(here + smoothing, vec_mulhrs(vec_adds(high, high), vec_set(sharpness)));
    return fast_clamp(sharp, least - room, vec_adds(most, room)) - here;
}

VEC_INLINE void row(const struct fast_detail *task, int is_denoised)
{
    const struct fast_detail own = *task, *d = &own; /* which no store can change */
    const vec_u16 table = vec_repeat(d->coring);
    const vec_u16 noise = is_denoised ? vec_repeat(d->noise) : table;
    for (size_t i = 0; i < d->pairs; i += VEC_LANES) {
        const struct column c[4] = {load_column(d, 1, i - 1), load_column(d, 0, i),
            load_column(d, 1, i), load_column(d, 0, i + 1)};
        for (int phase = 0; phase < 2; phase++) {
            const vec_u16 coring = fast_threshold(table, c[1 + phase].here);
            const vec_u16 smoothing =
                is_denoised ? smooth_column(c + phase, fast_threshold(noise, c[1 + phase].here))
                            : vec_set(0);
            vec_store(
                d->dst[phase] + i, sharpen_column(c + phase, coring, d->sharpness, smoothing));
        }
    }
}

static void sharpen(const struct fast_detail *task)
{
    row(task, 0);
}

static void denoise(const struct fast_detail *task)
{
    row(task, 1);
}

extern const struct fast_detail_kernels FAST_KERNELS(fast_detail_kernels);
const struct fast_detail_kernels FAST_KERNELS(fast_detail_kernels) = {
    .sharpen = sharpen,
    .denoise = denoise,
};
