/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Kernels: raw samples of every packing to 12-bit levels. */
#include "isp/fast/kernels.h"
#include "isp/fast/vec.h"

/*
 * Eight samples of a packed format, from part_bytes bytes: two byte shuffles bring the high byte
 * and the word with the low bits to each sample, even samples first; a multiplication moves the low
 * bits to the top of that word. Result is left-justified.
 */
struct packed {
    unsigned part_bytes;
    uint8_t high[16], low[16];
    uint16_t move[8];
    uint16_t mask;
};

/* MIPI CSI-2 v1.3, chapter 11.4 (RAW10, RAW12, RAW14). */
static const struct packed packed_10 = {
    .part_bytes = 10,
    .high = {4, 0, 4, 2, 9, 5, 9, 7, 4, 1, 4, 3, 9, 6, 9, 8},
    .low = {4, 0, 4, 2, 9, 5, 9, 7, 4, 1, 4, 3, 9, 6, 9, 8},
    .move = {1 << 14, 1 << 10, 1 << 14, 1 << 10, 1 << 12, 1 << 8, 1 << 12, 1 << 8},
    .mask = 0xc0,
};
static const struct packed packed_12 = {
    .part_bytes = 12,
    .high = {2, 0, 5, 3, 8, 6, 11, 9, 2, 1, 5, 4, 8, 7, 11, 10},
    .low = {2, 0, 5, 3, 8, 6, 11, 9, 2, 1, 5, 4, 8, 7, 11, 10},
    .move = {1 << 12, 1 << 12, 1 << 12, 1 << 12, 1 << 8, 1 << 8, 1 << 8, 1 << 8},
    .mask = 0xf0,
};
static const struct packed packed_14 = {
    .part_bytes = 14,
    .high = {4, 0, 5, 2, 11, 7, 12, 9, 4, 1, 5, 3, 11, 8, 12, 10},
    .low = {4, 5, 5, 6, 11, 12, 12, 13, 4, 5, 5, 6, 11, 12, 12, 13},
    .move = {1 << 10, 1 << 6, 1 << 10, 1 << 6, 1 << 4, 1 << 0, 1 << 4, 1 << 0},
    .mask = 0xfc,
};

VEC_INLINE void levels(const struct fast_unpack *u, size_t i, int phase, vec_u16 v)
{
    vec_u16 above = vec_load(u->gain_above[phase] + i), below = vec_load(u->gain_below[phase] + i);
    vec_u16 gain = above + vec_mulhrs(below - above, vec_set(u->below_weight));
    v = vec_min_u(vec_subs_u(v, vec_set(u->black[phase])), vec_set(u->span[phase]));
    v = vec_mulhi_u(v << u->boost[phase], gain);
    vec_store(u->dst[phase] + i, vec_min_u(v, vec_set(u->clip)));
}

VEC_INLINE vec_u16 unpack_parts(const uint8_t *p, const struct packed *f)
{
    vec_u16 in = vec_load_parts(p, f->part_bytes);
    vec_u16 high = vec_lookup_bytes(in, vec_repeat(f->high)) & 0xff00;
    vec_u16 low = vec_lookup_bytes(in, vec_repeat(f->low)) * vec_repeat(f->move);
    return high | (low >> 8 & f->mask);
}

VEC_INLINE void step_packed(
    const struct fast_unpack *u, size_t i, const uint8_t *p, const struct packed *f)
{
    vec_u16 even, odd;
    vec_split_64(unpack_parts(p, f), unpack_parts(p + VEC_QUADS * f->part_bytes, f), &even, &odd);
    levels(u, i, 0, even);
    levels(u, i, 1, odd);
}

VEC_INLINE void step_words(
    const struct fast_unpack *u, size_t i, const uint8_t *p, const struct packed *f)
{
    vec_u16 even, odd;
    (void)f;
    vec_split_16(vec_load(p), vec_load(p + VEC_BYTES), &even, &odd);
    levels(u, i, 0, vec_min_u(even, vec_set(u->word_max)) << (uint16_t)u->shift);
    levels(u, i, 1, vec_min_u(odd, vec_set(u->word_max)) << (uint16_t)u->shift);
}

VEC_INLINE void step_bytes(
    const struct fast_unpack *u, size_t i, const uint8_t *p, const struct packed *f)
{
    vec_u16 v = vec_load(p);
    (void)f;
    levels(u, i, 0, v << 8);
    levels(u, i, 1, v & 0xff00);
}

typedef void step_fn(
    const struct fast_unpack *u, size_t i, const uint8_t *p, const struct packed *f);

struct step {
    size_t bytes;      /* taken by one step */
    size_t read_bytes; /* touched by one step */
};

/* Steps that would touch bytes after the row work on a copy. */
VEC_INLINE void row(
    const struct fast_unpack *task, struct step size, step_fn *step, const struct packed *f)
{
    const struct fast_unpack own = *task, *u = &own; /* which no store can change */
    size_t i = 0, at = 0;
    for (; i < u->pairs && at + size.read_bytes <= u->src_bytes; i += VEC_LANES) {
        __builtin_prefetch(u->prefetch + at);
        __builtin_prefetch(u->prefetch + at + 64);
        step(u, i, u->src + at, f);
        at += size.bytes;
    }
    for (; i < u->pairs; i += VEC_LANES) {
        uint8_t copy[3 * 64] = {0};
        size_t left = u->src_bytes - at;
        __builtin_memcpy(copy, u->src + at, left < size.bytes ? left : size.bytes);
        step(u, i, copy, f);
        at += size.bytes;
    }
}

static void row_8(const struct fast_unpack *u)
{
    row(u, (struct step){VEC_BYTES, VEC_BYTES}, step_bytes, NULL);
}

static void row_16(const struct fast_unpack *u)
{
    row(u, (struct step){2 * VEC_BYTES, 2 * VEC_BYTES}, step_words, NULL);
}

#define ROW_PACKED(bits, part_bytes)                                                               \
    static void row_##bits##p(const struct fast_unpack *u)                                         \
    {                                                                                              \
        const struct step size = {2 * VEC_QUADS * (part_bytes), VEC_PARTS_BYTES(part_bytes)};      \
        row(u, size, step_packed, &packed_##bits);                                                 \
    }
ROW_PACKED(10, 10)
ROW_PACKED(12, 12)
ROW_PACKED(14, 14)

extern const struct fast_unpack_kernels FAST_KERNELS(fast_unpack_kernels);
const struct fast_unpack_kernels FAST_KERNELS(fast_unpack_kernels) = {
    .row =
        {
            [SISP_PACKING_8] = row_8,
            [SISP_PACKING_16] = row_16,
            [SISP_PACKING_10P] = row_10p,
            [SISP_PACKING_12P] = row_12p,
            [SISP_PACKING_14P] = row_14p,
        },
};
