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
 * Noise reduction is one step of robust diffusion (Black, Sapiro, Marimont, Heeger, "Robust
 * anisotropic diffusion", IEEE TIP 1998): the mean of the differences to the eight neighbours,
 * where a difference counts whole up to the threshold and ever less up to twice that, so that what
 * lies across an edge has no say.
 */
#include "isp/fast/kernels.h"
#include "isp/fast/vec.h"

#define NINTH 3641 /* Q15 */

/* Thresholds by luma: 16 of them, since a byte shuffle looks them up in one instruction. */
VEC_INLINE vec_u16 threshold(vec_u16 table, vec_u16 luma)
{
    return vec_lookup_bytes(table, luma >> 11 | 0x8000) << 4;
}

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

VEC_INLINE vec_u16 clamp(vec_u16 v, vec_u16 least, vec_u16 most)
{
    return vec_min(vec_max(v, least), most);
}

/* A difference within the threshold, falling to 0 at twice the threshold. */
VEC_INLINE vec_u16 influence(vec_u16 near, vec_u16 here, vec_u16 limit)
{
    const vec_u16 difference = near - here, none = vec_set(0), twice = limit + limit;
    const vec_u16 inner = clamp(difference, none - limit, limit);
    return inner + inner - clamp(difference, none - twice, twice);
}

VEC_INLINE vec_u16 smooth_column(const struct column c[3], vec_u16 limit)
{
    const vec_u16 here = c[1].here;
    vec_u16 sum = influence(c[1].up, here, limit) + influence(c[1].down, here, limit);
    for (int k = 0; k < 3; k += 2)
        sum += influence(c[k].up, here, limit) + influence(c[k].here, here, limit) +
               influence(c[k].down, here, limit);
    return vec_mulhrs(sum, vec_set(NINTH));
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
    high -= clamp(high, vec_set(0) - coring, coring);
    const vec_u16 sharp =
        vec_adds(here + smoothing, vec_mulhrs(vec_adds(high, high), vec_set(sharpness)));
    return clamp(sharp, least - room, vec_adds(most, room)) - here;
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
            const vec_u16 coring = threshold(table, c[1 + phase].here);
            const vec_u16 smoothing =
                is_denoised ? smooth_column(c + phase, threshold(noise, c[1 + phase].here))
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
