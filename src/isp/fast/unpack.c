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

/* ---- IPU3 -------------------------------------------------------------------------------------
 */

#define IPU3_SAMPLES 25
#define IPU3_BYTES   32
/* An odd number of samples: only as many blocks as a vector has lanes end where a vector ends. */
#define IPU3_BLOCKS  (2 * VEC_LANES)
#define IPU3_VECTORS IPU3_SAMPLES /* of each phase, in that many blocks */

typedef uint8_t bytes_16 __attribute__((vector_size(16)));
typedef uint16_t words_8 __attribute__((vector_size(16)));

/* Eight samples in 10 bytes: sample k begins at bit 2 * (k % 4) of its low byte. */
VEC_INLINE void ipu3_eight(bytes_16 moved, uint16_t *words)
{
    const words_8 to_top = {64, 16, 4, 1, 64, 16, 4, 1};
    const words_8 w = (words_8)moved * to_top & 0xffc0;
    __builtin_memcpy(words, &w, 16);
}

/* One block to left-justified words. Linux, Documentation/userspace-api/media/v4l/
 * pixfmt-srggb10-ipu3.rst. */
VEC_INLINE void ipu3_block(const uint8_t *p, uint16_t *words)
{
    bytes_16 a, b, c;
    __builtin_memcpy(&a, p, 16);
    __builtin_memcpy(&b, p + 8, 16);
    __builtin_memcpy(&c, p + 16, 16);
    ipu3_eight(__builtin_shufflevector(a, a, 0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 6, 7, 7, 8, 8, 9),
        words); /* bytes 0 to 9 */
    ipu3_eight(__builtin_shufflevector(b, b, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 8, 9, 9, 10, 10, 11),
        words + 8); /* 10 to 19 */
    ipu3_eight(__builtin_shufflevector(c, c, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 10, 11, 11, 12, 12, 13),
        words + 16); /* 20 to 29 */
    words[24] = (uint16_t)((p[30] | p[31] << 8) << 6);
}

static void row_ipu3(const struct fast_unpack *task)
{
    const struct fast_unpack own = *task, *u = &own; /* which no store can change */
    for (size_t i = 0, at = 0; i < u->pairs; at += IPU3_BLOCKS * IPU3_BYTES) {
        uint16_t words[IPU3_BLOCKS * IPU3_SAMPLES];
        size_t blocks = (u->src_bytes - at) / IPU3_BYTES;
        blocks = blocks < IPU3_BLOCKS ? blocks : IPU3_BLOCKS;
        for (size_t k = 0; k < blocks; k++)
            ipu3_block(u->src + at + k * IPU3_BYTES, words + k * IPU3_SAMPLES);
        __builtin_memset(words + blocks * IPU3_SAMPLES, 0,
            (IPU3_BLOCKS - blocks) * IPU3_SAMPLES * sizeof(*words));
        for (size_t k = 0; k < IPU3_VECTORS && i < u->pairs; k++, i += VEC_LANES) {
            const uint16_t *from = words + 2 * k * VEC_LANES;
            vec_u16 even, odd;
            vec_split_16(vec_load(from), vec_load(from + VEC_LANES), &even, &odd);
            levels(u, i, 0, even);
            levels(u, i, 1, odd);
        }
    }
}

static void reverse(const struct fast_reverse *task)
{
    int16_t *first = task->first, *end = task->end;
    size_t left = task->count;
    for (; left >= VEC_LANES; left -= VEC_LANES) {
        const vec_u16 front = vec_load(first), back = vec_load(end -= VEC_LANES);
        vec_store(first, vec_reverse(back));
        vec_store(end, vec_reverse(front));
        first += VEC_LANES;
    }
    for (; left > 0; left--) {
        const int16_t front = *first;
        *first++ = *--end;
        *end = front;
    }
}

extern const struct fast_unpack_kernels FAST_KERNELS(fast_unpack_kernels);
const struct fast_unpack_kernels FAST_KERNELS(fast_unpack_kernels) = {
    .row =
        {
            [SISP_PACKING_8] = row_8,
            [SISP_PACKING_16] = row_16,
            [SISP_PACKING_10P] = row_10p,
            [SISP_PACKING_12P] = row_12p,
            [SISP_PACKING_14P] = row_14p,
            [SISP_PACKING_IPU3] = row_ipu3,
        },
    .reverse = reverse,
};
