/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Kernels between unpack and demosaic, on the mosaic.
 *
 * Defect correction: a rank-order test for impulses as in E. Abreu et al., "A new efficient
 * approach for the removal of impulse noise from highly corrupted images", IEEE Transactions on
 * Image Processing 5(6), 1996, on the eight nearest samples of the same colour. The second greatest
 * and the second least are compared with, so that one more defect among the eight does no harm.
 * Detail of the scene, however small, is blurred by the lens and shows in the other colours as
 * well: what they confirm stays.
 *
 * Green balance: the difference of the two greens' local means, as in E. Martinec's
 * green_equilibrate (RawTherapee, 2010), taken away up to a threshold and less and less above it:
 * edges differ by more.
 */
#include "isp/fast/kernels.h"
#include "isp/fast/vec.h"

/* ---- defects -------------------------------------------------------------------------------- */

/* Of four samples: sorted from the least. */
struct four {
    vec_u16 v[4];
};

VEC_INLINE struct four sort(vec_u16 a, vec_u16 b, vec_u16 c, vec_u16 d)
{
    vec_u16 low_1 = vec_min(a, b), high_1 = vec_max(a, b);
    vec_u16 low_2 = vec_min(c, d), high_2 = vec_max(c, d);
    vec_u16 high = vec_min(high_1, high_2), low = vec_max(low_1, low_2);
    return (struct four){
        {vec_min(low_1, low_2), vec_min(low, high), vec_max(low, high), vec_max(high_1, high_2)}};
}

/* Samples of the same colour beside, above and below. */
VEC_INLINE struct four nearest(const struct fast_defects *d, size_t i, int phase)
{
    const int16_t *row = d->rows[2][phase] + i;
    return sort(vec_load(row - 1), vec_load(row + 1), vec_load(d->rows[0][phase] + i),
        vec_load(d->rows[4][phase] + i));
}

/* The two lines of one phase. */
struct noise_lines {
    vec_u16 base[2], slope[2];
};

VEC_INLINE struct noise_lines load_lines(const struct fast_defects *d, int phase)
{
    return (struct noise_lines){{vec_set(d->base[phase][0]), vec_set(d->base[phase][1])},
        {vec_set(d->slope[phase][0]), vec_set(d->slope[phase][1])}};
}

VEC_INLINE vec_u16 noise(const struct noise_lines *n, vec_u16 level)
{
    return vec_min(
        n->base[0] + vec_mulhi_u(level, n->slope[0]), n->base[1] + vec_mulhi_u(level, n->slope[1]));
}

/* Four times how far the other colours beside the sample are above those farther away. */
VEC_INLINE vec_u16 other_colors(const struct fast_defects *d, size_t i, int phase)
{
    const int16_t *const(*rows)[2] = d->rows;
    const size_t left = phase ? i : i - 1, right = left + 1;
    const int q = !phase;
    vec_u16 near = vec_load(rows[2][q] + left) + vec_load(rows[2][q] + right) +
                   vec_load(rows[1][phase] + i) + vec_load(rows[3][phase] + i);
    vec_u16 far = vec_load(rows[0][q] + left) + vec_load(rows[0][q] + right) +
                  vec_load(rows[4][q] + left) + vec_load(rows[4][q] + right) +
                  vec_load(rows[1][phase] + i - 1) + vec_load(rows[1][phase] + i + 1) +
                  vec_load(rows[3][phase] + i - 1) + vec_load(rows[3][phase] + i + 1);
    return near - (far >> 1);
}

VEC_INLINE vec_u16 is_greater(vec_u16 a, vec_u16 b)
{
    return (vec_u16)((vec_i16)a > (vec_i16)b);
}

/* Not inlined: few vectors come here. */
static __attribute__((noinline)) void repair(const struct fast_defects *d, size_t i, int phase)
{
    const int16_t *above = d->rows[0][phase] + i, *below = d->rows[4][phase] + i;
    const vec_u16 centre = vec_load(d->rows[2][phase] + i);
    struct four a = nearest(d, i, phase);
    struct four b =
        sort(vec_load(above - 1), vec_load(above + 1), vec_load(below - 1), vec_load(below + 1));
    vec_u16 second_greatest = vec_max(vec_min(a.v[3], b.v[3]), vec_max(a.v[2], b.v[2]));
    vec_u16 second_least = vec_min(vec_max(a.v[0], b.v[0]), vec_min(a.v[1], b.v[1]));
    const struct noise_lines lines = load_lines(d, phase);
    vec_u16 margin = noise(&lines, a.v[2]) + ((second_greatest - second_least) >> 1);
    vec_u16 middle = vec_avg_u(a.v[1], a.v[2]), others = other_colors(d, i, phase);
    vec_u16 is_hot =
        is_greater(centre, second_greatest + margin) & ~is_greater(others, centre - middle);
    vec_u16 is_cold = is_greater(second_least, centre + margin) &
                      ~is_greater(vec_set(0) - others, middle - centre);
    vec_u16 is_defect = is_hot | is_cold;
    vec_store(d->dst[phase] + i, (middle & is_defect) | (centre & ~is_defect));
}

/* A defect is beyond at least three of the four nearest, and by more than the noise at any level
 * below its own: nearly no sample is. By how much. */
VEC_INLINE vec_u16 excess(
    const struct fast_defects *d, const struct noise_lines *lines, size_t i, int phase)
{
    const int16_t *row = d->rows[2][phase] + i;
    const vec_u16 centre = vec_load(row), left = vec_load(row - 1), right = vec_load(row + 1);
    const vec_u16 up = vec_load(d->rows[0][phase] + i), down = vec_load(d->rows[4][phase] + i);
    const vec_u16 above = vec_max(vec_min(left, right), vec_min(up, down));
    const vec_u16 below = vec_min(vec_max(left, right), vec_max(up, down));
    return vec_max(centre - above, below - centre) - noise(lines, above);
}

/* No store changes the task. A copy of it would be loaded in parts wider than those that have just
 * been stored, and wait for all stores before. */
static void defects(const struct fast_defects *restrict d)
{
    const struct noise_lines lines[2] = {load_lines(d, 0), load_lines(d, 1)};
    for (size_t i = 0; i < d->pairs; i += VEC_LANES) {
        const vec_u16 most = vec_max(excess(d, &lines[0], i, 0), excess(d, &lines[1], i, 1));
        for (int phase = 0; phase < 2; phase++)
            vec_store(d->dst[phase] + i, vec_load(d->rows[2][phase] + i));
        if (__builtin_expect(vec_any_greater(most, vec_set(0)), 0)) {
            repair(d, i, 0);
            repair(d, i, 1);
        }
    }
}

/* ---- greens --------------------------------------------------------------------------------- */

/* Sums of eight samples of 12 bits fit in 15 bits. */
VEC_INLINE vec_u16 balanced(const struct fast_balance *b, size_t i, size_t left)
{
    const vec_u16 centre = vec_load(b->own[1] + i);
    vec_u16 own = vec_load(b->own[1] + i - 1) + vec_load(b->own[1] + i + 1) +
                  vec_load(b->own[0] + i) + vec_load(b->own[2] + i) + (centre << 2);
    vec_u16 other = vec_load(b->other[0] + left) + vec_load(b->other[0] + left + 1) +
                    vec_load(b->other[1] + left) + vec_load(b->other[1] + left + 1);
    vec_u16 difference = (other << 1) - own, size = vec_abs(difference);
    vec_u16 limit = vec_set(b->base) + vec_mulhi_u(own, vec_set(b->slope));
    vec_u16 taken = vec_sign(vec_min(size, vec_subs_u(limit, size)), difference);
    vec_u16 out = centre + vec_mulhrs(taken, vec_set(32768 / 16)); /* of 8 times the half */
    return vec_min(vec_max(out, vec_set(0)), vec_set(b->clip));
}

VEC_INLINE void balance(const struct fast_balance *task, size_t phase)
{
    const struct fast_balance copy = *task, *b = &copy; /* which no store can change */
    for (size_t i = 0; i < b->pairs; i += VEC_LANES)
        vec_store(b->dst + i, balanced(b, i, phase ? i : i - 1));
}

static void balance_0(const struct fast_balance *b)
{
    balance(b, 0);
}

static void balance_1(const struct fast_balance *b)
{
    balance(b, 1);
}

extern const struct fast_bayer_kernels FAST_KERNELS(fast_bayer_kernels);
const struct fast_bayer_kernels FAST_KERNELS(fast_bayer_kernels) = {
    .defects = defects,
    .balance = {balance_0, balance_1},
};
