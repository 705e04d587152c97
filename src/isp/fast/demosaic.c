/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Kernels: demosaic and CCM.
 *
 * MHC: H. S. Malvar, L. He, R. Cutler, "High-quality linear interpolation for demosaicing of
 * Bayer-patterned color images", ICASSP 2004. Its filters times 8 have integer and half
 * coefficients, so results keep 3 fraction bits.
 *
 * Exactness in 16 bits, for samples of 0..4095: every sum below stays within +-24570 until the
 * last, positive term of at most 8 * 4095 = 32760 is added with saturation. Only a sum above 32767
 * saturates: the result is that of unbounded integers, clamped to 0..32767 (white is 32760).
 */
#include "isp/fast/kernels.h"
#include "isp/fast/vec.h"

struct near {
    vec_u16 centre, across, along, corners; /* sums: left and right, up and down, diagonals */
    vec_u16 across2, along2;                /* the same two samples away */
};

struct rgb {
    vec_u16 own, green, other;
};

/* Neighbours of sample i of `phase`: in the other phase, one is at i, and one beside it. */
VEC_INLINE struct near gather(const struct fast_demosaic *d, size_t i, int phase, int reach)
{
    const int16_t *const(*rows)[2] = d->rows;
    const size_t beside = phase ? i + 1 : i - 1;
    const int q = !phase;
    struct near n = {
        .centre = vec_load(rows[2][phase] + i),
        .across = vec_load(rows[2][q] + i) + vec_load(rows[2][q] + beside),
        .along = vec_load(rows[1][phase] + i) + vec_load(rows[3][phase] + i),
        .corners = (vec_load(rows[1][q] + i) + vec_load(rows[3][q] + i)) +
                   (vec_load(rows[1][q] + beside) + vec_load(rows[3][q] + beside)),
    };
    if (reach == 2) {
        n.across2 = vec_load(rows[2][phase] + i - 1) + vec_load(rows[2][phase] + i + 1);
        n.along2 = vec_load(rows[0][phase] + i) + vec_load(rows[4][phase] + i);
    }
    return n;
}

VEC_INLINE vec_u16 positive(vec_u16 v)
{
    return vec_max(v, vec_set(0));
}

VEC_INLINE struct rgb mhc_at_own(const struct near *n)
{
    const vec_u16 far = n->across2 + n->along2, near = n->across + n->along;
    const vec_u16 c2 = n->centre + n->centre, c4 = c2 + c2, green = c4 - far;
    return (struct rgb){
        .own = c4 + c4,
        .green = positive(vec_adds(green, near + near)),
        .other = positive(vec_adds(green + c2 - vec_shift_right(far, 1), n->corners + n->corners)),
    };
}

VEC_INLINE struct rgb mhc_at_green(const struct near *n)
{
    const vec_u16 c4 = n->centre << 2, both = c4 + n->centre - n->corners;
    const vec_u16 own = both - n->across2 + vec_shift_right(n->along2, 1);
    const vec_u16 other = both - n->along2 + vec_shift_right(n->across2, 1);
    return (struct rgb){
        .own = positive(vec_adds(own, n->across << 2)),
        .green = c4 + c4,
        .other = positive(vec_adds(other, n->along << 2)),
    };
}

VEC_INLINE struct rgb bilinear_at_own(const struct near *n)
{
    return (struct rgb){n->centre << 3, (n->across + n->along) << 1, n->corners << 1};
}

VEC_INLINE struct rgb bilinear_at_green(const struct near *n)
{
    return (struct rgb){n->across << 2, n->centre << 3, n->along << 2};
}

/* Own and other colour are added first: the same sum in red rows and blue rows, even saturated. */
VEC_INLINE void correct(const struct fast_demosaic *d, size_t i, int phase, const struct rgb *c)
{
    for (int k = 0; k < 3; k++) {
        const int16_t *m = d->ccm[k];
        vec_u16 sum =
            vec_adds(vec_mulhrs(c->own, vec_set(m[0])), vec_mulhrs(c->other, vec_set(m[2])));
        sum = vec_adds(sum, vec_mulhrs(c->green, vec_set(m[1])));
        vec_store(d->dst[k][phase] + i, vec_min(positive(sum), vec_set(FAST_LINEAR)));
    }
}

/* Here, and not where samples are unpacked: as many lines at once as that loop would ask for are
 * more than the core can wait for. The row is done before the last pair is. */
VEC_INLINE void prefetch(const struct fast_demosaic *d, size_t i)
{
    for (size_t at = 4 * i; at < 4 * (i + VEC_LANES) && at < d->prefetch_bytes; at += 64)
        __builtin_prefetch(d->prefetch + at);
}

VEC_INLINE void row(const struct fast_demosaic *task, int own_phase, int is_mhc)
{
    const struct fast_demosaic copy = *task, *d = &copy; /* which no store can change */
    for (size_t i = 0; i < d->pairs; i += VEC_LANES) {
        prefetch(d, i);
        /* Both before the first store: they have loads and sums in common. */
        struct near own = gather(d, i, own_phase, is_mhc ? 2 : 1);
        struct near green = gather(d, i, !own_phase, is_mhc ? 2 : 1);
        struct rgb at_own = is_mhc ? mhc_at_own(&own) : bilinear_at_own(&own);
        correct(d, i, own_phase, &at_own);
        struct rgb at_green = is_mhc ? mhc_at_green(&green) : bilinear_at_green(&green);
        correct(d, i, !own_phase, &at_green);
    }
}

static void mhc_0(const struct fast_demosaic *d)
{
    row(d, 0, 1);
}

static void mhc_1(const struct fast_demosaic *d)
{
    row(d, 1, 1);
}

static void bilinear_0(const struct fast_demosaic *d)
{
    row(d, 0, 0);
}

static void bilinear_1(const struct fast_demosaic *d)
{
    row(d, 1, 0);
}

/* As a CCM of identity, whose code of 1 is a little more, would have it. */
static void mono(const struct fast_demosaic *task)
{
    const struct fast_demosaic copy = *task, *d = &copy; /* which no store can change */
    for (size_t i = 0; i < d->pairs; i += VEC_LANES) {
        prefetch(d, i);
        for (int phase = 0; phase < 2; phase++) {
            vec_u16 grey = vec_mulhrs(vec_load(d->rows[2][phase] + i) << 3, vec_set(FAST_CCM_ONE));
            grey = vec_min(positive(grey), vec_set(FAST_LINEAR));
            for (int k = 0; k < 3; k++)
                vec_store(d->dst[k][phase] + i, grey);
        }
    }
}

extern const struct fast_demosaic_kernels FAST_KERNELS(fast_demosaic_kernels);
const struct fast_demosaic_kernels FAST_KERNELS(fast_demosaic_kernels) = {
    .mhc = {mhc_0, mhc_1},
    .bilinear = {bilinear_0, bilinear_1},
    .mono = mono,
};
