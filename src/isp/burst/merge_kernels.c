/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kernels of the merge: one text, built once per instruction set level (ISA_NAME). */
#include <isp/burst/merge.h>
#include <isp/fast/vec.h>

#include <string.h>

typedef float lanes __attribute__((vector_size(4 * BLOCK), aligned(4), may_alias));
typedef int32_t ints __attribute__((vector_size(4 * BLOCK), aligned(4), may_alias));
typedef uint16_t words __attribute__((vector_size(2 * BLOCK), aligned(1), may_alias));
typedef int16_t shorts __attribute__((vector_size(2 * BLOCK), aligned(1), may_alias));

/* Macros: a function may not return vectors that a level has no registers for. */
#define LANES_AT(p)     (*(const lanes *)(p))
#define ALL(x)          ((lanes){0} + (x))
#define ALTERNATE(two)  ((lanes){two[0], two[1], two[0], two[1], two[0], two[1], two[0], two[1]})
#define SELECT(m, a, b) ((lanes)(((ints)(a) & (m)) | ((ints)(b) & ~(m))))
#if defined(__AVX2__)
#define FLOATS_OF(v)        ((lanes)_mm256_cvtepi32_ps(_mm256_cvtepu16_epi32((__m128i)(v))))
#define SIGNED_FLOATS_OF(v) ((lanes)_mm256_cvtepi32_ps(_mm256_cvtepi16_epi32((__m128i)(v))))
#define LEAST(a, b)         ((lanes)_mm256_min_ps((__m256)(a), (__m256)(b)))
#define MOST(a, b)          ((lanes)_mm256_max_ps((__m256)(a), (__m256)(b)))
#else
#define FLOATS_OF(v)        __builtin_convertvector(__builtin_convertvector(v, ints), lanes)
#define SIGNED_FLOATS_OF(v) FLOATS_OF(v)
#define LEAST(a, b)         SELECT((a) < (b), a, b)
#define MOST(a, b)          SELECT((a) > (b), a, b)
#endif

/* ---- the reference --------------------------------------------------------------------------- */

static bool lighten(
    const uint16_t *restrict in, uint32_t count, const struct merge_levels *l, float *restrict out)
{
    const lanes black = ALTERNATE(l->black), scale = ALTERNATE(l->scale);
    const words white = (words){0} + l->white;
    words any = {0};
    uint32_t i = 0;
    for (; i + BLOCK <= count; i += BLOCK) {
        const words w = *(const words *)(in + i);
        any |= (words)(w >= white);
        *(lanes *)(out + i) = (FLOATS_OF(w) - black) * scale;
    }
    bool is_white = false;
    for (; i < count; i++) {
        is_white |= in[i] >= l->white;
        out[i] = ((float)in[i] - l->black[i & 1]) * l->scale[i & 1];
    }
    uint64_t parts[2];
    memcpy(parts, &any, sizeof parts);
    return is_white || (parts[0] | parts[1]) != 0;
}

static void find_certainty(const float *const rows[3], float shot, float read, float *restrict out)
{
    float column[SPAN + 4];
    const float *restrict up = rows[0], *restrict at = rows[1], *restrict down = rows[2];
    for (unsigned i = 0; i < SPAN + 4; i++)
        column[i] = up[i] + at[i] + down[i];
    for (unsigned i = 0; i < SPAN; i++) {
        float mean = (column[i] + column[i + 2] + column[i + 4]) * (1.0F / 9);
        float variance = (mean > 0 ? mean : 0) * shot + read;
        out[i] = 1 / __builtin_sqrtf(variance);
    }
}

/* ---- words of packed samples ----------------------------------------------------------------- */

/* Eight samples of a packed format: each gets its high byte and the byte of the low bits, which a
 * multiplication brings to one place. */
struct packed {
    unsigned part_bytes, low_bits;
    uint8_t bytes[16];
    uint16_t move[8];
};

/* MIPI CSI-2 v1.3, 11.4. */
static const struct packed packed_10 = {
    10, 2, {4, 0, 4, 1, 4, 2, 4, 3, 9, 5, 9, 6, 9, 7, 9, 8}, {64, 16, 4, 1, 64, 16, 4, 1}};
static const struct packed packed_12 = {
    12, 4, {2, 0, 2, 1, 5, 3, 5, 4, 8, 6, 8, 7, 11, 9, 11, 10}, {16, 1, 16, 1, 16, 1, 16, 1}};

static void unpack(
    const uint8_t *bytes, size_t stride_bytes, bool is_ten, uint16_t out[PATCH][LINE_WORDS])
{
    const struct packed *f = is_ten ? &packed_10 : &packed_12;
    const vec_u16 table = vec_repeat(f->bytes), move = vec_repeat(f->move);
    const uint16_t low = (uint16_t)f->low_bits, shift = is_ten ? 6 : 4;
    const vec_u16 low_mask = vec_set((1 << low) - 1);
    for (unsigned j = 0; j < PATCH; j++) {
        const uint8_t *at = bytes + j * stride_bytes;
        for (unsigned i = 0; i < UNPACKED; i += VEC_LANES, at += VEC_QUADS * f->part_bytes) {
            const vec_u16 both = vec_lookup_bytes(vec_load_parts(at, f->part_bytes), table);
            vec_store(
                &out[j][i], (both >> 8) << low | (((both & 0xff) * move) >> shift & low_mask));
        }
    }
}

/* ---- warp ------------------------------------------------------------------------------------ */

#define ROUND 12582912.0F /* 1.5 * 2^23: added, it leaves a whole number in the low bits */
#define LIMIT 32767.0F

/* Each row's samples as whole numbers, every one with its right neighbour above it in 32 bits. */
static bool load_patch(const struct merge_patch *p, uint32_t out[PATCH][PATCH_ROW])
{
    float rounded[PATCH][PATCH_ROW + BLOCK];
    const words white = (words){0} + p->white;
    words any = {0};
    for (unsigned j = 0; j < PATCH; j++) {
        const lanes scale = ALTERNATE(p->scale[j & 1]), offset = ALTERNATE(p->offset[j & 1]);
        for (unsigned i = 0; i < PATCH_ROW; i += BLOCK) {
            const words in = *(const words *)(p->words + j * p->stride_bytes + (size_t)2 * i);
            lanes x = FLOATS_OF(in) * scale + offset;
            any |= (words)(in >= white);
            x = LEAST(x, ALL(LIMIT));
            *(lanes *)&rounded[j][i] = MOST(x, ALL(-LIMIT)) + ROUND;
        }
        rounded[j][PATCH_ROW] = 0;
    }
    for (unsigned j = 0; j < PATCH; j++) {
        for (unsigned i = 0; i < PATCH_ROW; i += BLOCK)
            *(ints *)&out[j][i] =
                (*(const ints *)&rounded[j][i] & 0xffff) | *(const ints *)&rounded[j][i + 1] << 16;
    }
    uint64_t parts[2];
    memcpy(parts, &any, sizeof parts);
    return (parts[0] | parts[1]) != 0;
}

/* Vectors of pairs of 16 bits; four or eight columns of a row. */
#if defined(__AVX2__)
#define LANES 8
#else
#define LANES 4
#endif
typedef int32_t pairs __attribute__((vector_size(4 * LANES)));
typedef int32_t pairs_unaligned __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int64_t repeated __attribute__((vector_size(4 * LANES)));
#if defined(VEC_GENERIC)
#define MULTIPLY_ADD(a, b) (((a) << 16 >> 16) * ((b) << 16 >> 16) + ((a) >> 16) * ((b) >> 16))
#elif LANES == 8
#define MULTIPLY_ADD(a, b) (pairs) _mm256_madd_epi16((__m256i)(a), (__m256i)(b))
#else
#define MULTIPLY_ADD(a, b) (pairs) _mm_madd_epi16((__m128i)(a), (__m128i)(b))
#endif

/* Rows of one parity share the taps; columns alternate between two filters. */
static void filter(uint32_t patch[PATCH][PATCH_ROW], const struct filter_place *f, unsigned from,
    int32_t out[BLOCK][BLOCK])
{
    pairs sum[BLOCK] = {{0}};
    for (unsigned row = 0; row < FILTER_SIDE; row++) {
#pragma GCC unroll 1 /* else rows are kept in registers that there are not */
        for (unsigned pair = 0; pair < FILTER_PAIRS; pair++) {
            int64_t both[2];
            memcpy(both, f->taps[row][pair], sizeof both);
            const pairs taps[2] = {
                (pairs)((repeated){0} + both[0]), (pairs)((repeated){0} + both[1])};
#pragma GCC unroll 8
            for (unsigned k = 0; k < BLOCK; k++) {
                const pairs samples = *(const pairs_unaligned *)&patch[k + row][from + 2 * pair];
                sum[k] += MULTIPLY_ADD(samples, taps[k & 1]);
            }
        }
    }
    for (unsigned k = 0; k < BLOCK; k++)
        *(pairs_unaligned *)&out[k][from] = sum[k];
}

static bool warp(
    const struct merge_patch *p, const struct filter_place *filters, const struct merge_target *t)
{
    _Alignas(64) uint32_t patch[PATCH][PATCH_ROW];
    int32_t sum[BLOCK][BLOCK];
    const bool any_white = load_patch(p, patch);
    for (unsigned i = 0; i < BLOCK; i += LANES)
        filter(patch, filters, i, sum);
    for (unsigned j = 0; j < BLOCK; j++) {
        const lanes reference = LANES_AT(t->reference + (size_t)j * SPAN),
                    certainty = LANES_AT(t->certainty + (size_t)j * SPAN);
        lanes x =
            __builtin_convertvector(*(const ints *)sum[j], lanes) * ALTERNATE(t->scale[j & 1]) +
            ALTERNATE(t->offset[j & 1]);
        x = (x - reference) * (certainty * t->unit);
        x = LEAST(x, ALL(LIMIT));
        x = MOST(x, ALL(-LIMIT)) + ROUND;
        *(shorts *)(t->difference + (size_t)j * (SPAN + SLACK)) =
            __builtin_convertvector((ints)x, shorts);
    }
    return any_white;
}

/* ---- weights --------------------------------------------------------------------------------- */

#define ROWS   (BLOCK + 2 * REACH)
#define WIDTH  (SPAN + SLACK)
#define WINDOW 25 /* samples around one whose differences are squared and summed */
#define MEANS  9  /* samples of one colour whose differences are summed and squared */
/* Of what noise makes of either, on average: what is less above it is not taken for change. */
#define NOISE  0.3F
#define CHANGE 8.0F /* beyond that, in variances, a sample has no weight */
#define SHARED 0.7F /* of an error that all frames have in common */

#define SQUARE_ONE 64.0F /* what is squared and summed, at most 512 */
#define MEAN_ONE   16.0F /* a squared sum, at most 1024; so many are summed up to 4096 */

/* What a strip's samples are judged by, row by row. */
struct change {
    uint16_t squares[ROWS][WIDTH], means[ROWS][WIDTH];
};

static inline void square_differences(const struct merge_strip *s, struct change *c)
{
    for (uint32_t j = 1; j < s->rows + 2 * REACH - 1; j++) {
        for (uint32_t i = 0; i < HALO + s->columns + 2; i += VEC_LANES) {
            const vec_u16 z = vec_abs(vec_load(s->difference[j] + i));
            vec_store(c->squares[j] + i, vec_mulhi_u(z, z));
        }
    }
}

/* Sums over nine samples of one colour, squared. The sums have 256 to a sigma, up to 128, then 1024
 * up to 32. */
static inline void square_means(const struct merge_strip *s, struct change *c)
{
    uint16_t line[WIDTH];
    for (uint32_t j = 2; j < s->rows + 2 * REACH - 2; j++) {
        for (uint32_t i = 0; i < HALO + s->columns + 3; i += VEC_LANES) {
            const vec_u16 a = vec_shift_right_signed(vec_load(s->difference[j - 2] + i), 3),
                          b = vec_shift_right_signed(vec_load(s->difference[j] + i), 3),
                          d = vec_shift_right_signed(vec_load(s->difference[j + 2] + i), 3);
            vec_store(line + i, a + b + d);
        }
        for (uint32_t i = HALO - 1; i < HALO + s->columns + 1; i += VEC_LANES) {
            vec_u16 sum = vec_adds(vec_load(line + i - 2), vec_load(line + i));
            sum = vec_abs(vec_adds(sum, vec_load(line + i + 2)));
            sum = vec_adds(sum, sum);
            sum = vec_adds(sum, sum);
            vec_store(c->means[j] + i, vec_mulhi_u(sum, sum));
        }
    }
}

/* Windows' sums of both around the samples of a row; sums stop at 32767. */
static inline void sum_windows(const struct merge_strip *s, const struct change *c, uint32_t row,
    uint16_t squares[WIDTH], uint16_t means[WIDTH])
{
    uint16_t column_squares[WIDTH], column_means[WIDTH];
    const uint32_t j = row + REACH;
    for (uint32_t i = HALO - 2; i < HALO + s->columns + 2; i += VEC_LANES) {
        vec_u16 all = vec_load(c->squares[j - 2] + i);
        for (uint32_t k = j - 1; k <= j + 2; k++)
            all = vec_adds(all, vec_load(c->squares[k] + i));
        vec_store(column_squares + i, all);
        all = vec_adds_u(vec_load(c->means[j - 1] + i), vec_load(c->means[j] + i));
        vec_store(column_means + i, vec_adds_u(all, vec_load(c->means[j + 1] + i)));
    }
    for (uint32_t i = HALO; i < HALO + s->columns; i += VEC_LANES) {
        vec_u16 all = vec_load(column_squares + i - 2);
        for (uint32_t k = i - 1; k <= i + 2; k++)
            all = vec_adds(all, vec_load(column_squares + k));
        vec_store(squares + i, all);
        all = vec_adds_u(vec_load(column_means + i - 1), vec_load(column_means + i));
        vec_store(means + i, vec_adds_u(all, vec_load(column_means + i + 1)));
    }
}

/* Adds a row's differences by what their windows' sums say of them. */
static inline void add_row(const struct merge_strip *s, uint32_t row, const uint16_t squares[WIDTH],
    const uint16_t means[WIDTH], ints *taken)
{
    const int16_t *z = s->difference[row + REACH];
    float *sum = s->sum[row], *weight = s->weight[row], *noise = s->noise_sum[row];
    for (uint32_t i = HALO; i < HALO + s->columns; i += BLOCK) {
        /* How far differences are above noise in the mean of the squares, in variances. Of an
         * offset of one sigma, a mean's square is nine more than without it: twice of that ninth,
         * since it is seldom alone. */
        const lanes texture =
            FLOATS_OF(*(const words *)&squares[i]) * (1 / SQUARE_ONE / WINDOW) - (1 + NOISE);
        const lanes offset =
            FLOATS_OF(*(const words *)&means[i]) * (2 / MEAN_ONE / MEANS / MEANS / MEANS) -
            (2.0F / MEANS + NOISE);
        lanes change = MOST(texture, offset) - s->leeway;
        change = MOST(change, ALL(0.0F));
        lanes left = 1 - change * (1 / CHANGE);
        left = MOST(left, ALL(0.0F));
        const lanes own = LANES_AT(s->own + i);
        const lanes w = left * left / (own + UNSEEN + SHARED * s->crowd * change);
        *(lanes *)&sum[i] += w * (SIGNED_FLOATS_OF(*(const shorts *)&z[i]) * LANES_AT(s->step + i));
        *(lanes *)&weight[i] += w;
        *(lanes *)&noise[i] += w * w * own;
        *taken += __builtin_convertvector(w * LANES_AT(s->share + i), ints);
    }
}

static uint64_t weigh(const struct merge_strip *s)
{
    struct change c;
    ints taken = {0};
    square_differences(s, &c);
    square_means(s, &c);
    for (uint32_t row = 0; row < s->rows; row++) {
        uint16_t squares[WIDTH], means[WIDTH];
        sum_windows(s, &c, row, squares, means);
        add_row(s, row, squares, means, &taken);
    }
    uint64_t total = 0;
    for (unsigned i = 0; i < BLOCK; i++)
        total += (uint32_t)taken[i];
    return total;
}

#define SYMBOL_(name) merge_kernels_##name
#define SYMBOL(name)  SYMBOL_(name)

extern const struct merge_kernels SYMBOL(ISA_NAME);
const struct merge_kernels SYMBOL(ISA_NAME) = {lighten, find_certainty, unpack, warp, weigh};
