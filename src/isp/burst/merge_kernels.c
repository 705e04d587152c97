/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kernels of the merge: one text, built once per instruction set level (ISA_NAME). */
#include <isp/burst/patch.h>

#include <string.h>

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

/* Of five samples in a line, brought to one level by two of them each: waves of 2.5 to 6 samples,
 * and nothing of levels and ramps, which each colour may have for itself. */
#define FINE(a, b, d, e, even, odd) (((a) - (e)) * (even) - ((b) - (d)) * (odd)*2)

static void find_texture(
    const float window[WINDOW_ROWS][WINDOW_SPAN], const float level[4], float out[2])
{
    const float turned[4] = {level[1], level[0], level[3], level[2]};
    const lanes even[2] = {ALTERNATE(&level[0]), ALTERNATE(&level[2])};
    const lanes odd[2] = {ALTERNATE(&turned[0]), ALTERNATE(&turned[2])};
    lanes across[2] = {{0}}, down[2] = {{0}}; /* two sums each: one would wait for itself */
    for (unsigned j = 0; j < WINDOW_ROWS; j++) {
        for (unsigned i = 0; i < BLOCK; i += 4) { /* the middle counts twice */
            const float *w = &window[j][i];
            const lanes x = FINE(LANES_AT(w), LANES_AT(w + 1), LANES_AT(w + 3), LANES_AT(w + 4),
                even[j & 1], odd[j & 1]);
            across[i / 4] += x * x;
        }
    }
    for (unsigned j = 0; j + 4 < WINDOW_ROWS; j++) {
        for (unsigned i = 0; i < WINDOW_ROWS; i += BLOCK) {
            const float *w = &window[j][i];
            const lanes x =
                FINE(LANES_AT(w), LANES_AT(w + WINDOW_SPAN), LANES_AT(w + 3 * WINDOW_SPAN),
                    LANES_AT(w + 4 * WINDOW_SPAN), even[j & 1], even[~j & 1]);
            down[i / BLOCK] += x * x;
        }
    }
    out[0] = out[1] = 0;
    for (unsigned k = 0; k < BLOCK; k++) {
        out[0] += (across[0][k] + across[1][k]) * (1.0F / WINDOW_ROWS / WINDOW_ROWS);
        out[1] += (down[0][k] + down[1][k]) * (1.0F / (WINDOW_ROWS - 4) / WINDOW_ROWS);
    }
}

/* ---- warp ------------------------------------------------------------------------------------ */

#define ROUND 12582912.0F /* 1.5 * 2^23: added, it leaves a whole number in the low bits */

/* Rows of one parity share the taps; columns alternate between two filters. */
static inline void filter(uint32_t patch[PATCH][PATCH_ROW], const struct filter_place *f,
    unsigned from, int32_t out[BLOCK][BLOCK])
{
    pairs sum[BLOCK] = {{0}};
    for (unsigned pair = 0; pair < FILTER_PAIRS; pair++) {
#pragma GCC unroll 1 /* else rows are kept in registers that there are not */
        for (unsigned column = 0; column < FILTER_SIDE; column++) {
            int64_t both[2];
            memcpy(both, f->taps[pair][column], sizeof both);
            const pairs taps[2] = {
                (pairs)((repeated){0} + both[0]), (pairs)((repeated){0} + both[1])};
#pragma GCC unroll 8
            for (unsigned k = 0; k < BLOCK; k++) {
                const pairs samples = *(const pairs_unaligned *)&patch[k + 2 * pair][from + column];
                sum[k] += MULTIPLY_ADD(samples, taps[k & 1]);
            }
        }
    }
    for (unsigned k = 0; k < BLOCK; k++)
        *(pairs_unaligned *)&out[k][from] = sum[k];
}

static inline void subtract(
    int32_t sum[BLOCK][BLOCK], const struct proportion *by, const struct merge_target *t)
{
    const lanes scale[2] = {ALTERNATE(&by->scale[0]), ALTERNATE(&by->scale[2])};
    const lanes offset[2] = {ALTERNATE(&by->offset[0]), ALTERNATE(&by->offset[2])};
    const float *restrict reference = t->reference, *restrict certainty = t->certainty;
    int16_t *restrict difference = t->difference;
    const float unit = t->unit;
    for (unsigned j = 0; j < BLOCK; j++) {
        lanes x =
            __builtin_convertvector(*(const ints *)sum[j], lanes) * scale[j & 1] + offset[j & 1];
        x = (x - LANES_AT(reference)) * (LANES_AT(certainty) * unit);
        x = LEAST(x, ALL(LIMIT));
        x = MOST(x, ALL(-LIMIT)) + ROUND;
        *(shorts *)difference = __builtin_convertvector((ints)x, shorts);
        reference += SPAN;
        certainty += SPAN;
        difference += SPAN + SLACK;
    }
}

static bool warp(const struct merge_codes *codes, const struct merge_block *block,
    const struct merge_patch *p, const struct filter_place *filters, const struct merge_target *t)
{
    _Alignas(64) uint32_t patch[PATCH][PATCH_ROW];
    int32_t sum[BLOCK][BLOCK];
    struct proportion by;
    find_proportion(codes, block, &by);
    const bool any_white = load_patch(codes, &by, p, patch);
    for (unsigned i = 0; i < BLOCK; i += LANES)
        filter(patch, filters, i, sum);
    subtract(sum, &by, t);
    return any_white;
}

/* ---- weights --------------------------------------------------------------------------------- */

#define ROWS   (BLOCK + 2 * REACH)
#define WIDTH  (SPAN + SLACK)
#define WINDOW 25 /* samples around one whose differences are squared and summed */
#define MEANS  9  /* samples of one colour whose differences are summed and squared */
/* Of what noise makes of either, on average: what is less above it is not taken for change. */
#define NOISE  0.3F
#define CHANGE 4.0F /* beyond that, in variances, a sample has no weight */
#define SHARED 0.4F /* of an error that all frames have in common */

#define MERGED_RANGE ((float)(65535 - ISP_MERGED_BLACK))

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
    const int16_t *restrict z = s->difference[row + REACH];
    float *restrict sum = s->sum[row], *restrict weight = s->weight[row];
    float *restrict noise = s->noise_sum[row];
    const float leeway = s->leeway, shared = SHARED * s->crowd;
    const ints columns = {0, 1, 2, 3, 4, 5, 6, 7};
    for (uint32_t i = HALO; i < HALO + s->columns; i += BLOCK) {
        const struct merge_reading by = s->by[i / BLOCK];
        /* How far differences are above noise in the mean of the squares, in variances. Of an
         * offset of one sigma, a mean's square is nine more than without it: twice of that ninth,
         * since it is seldom alone. */
        const lanes texture =
            FLOATS_OF(*(const words *)&squares[i]) * (1 / SQUARE_ONE / WINDOW) - (1 + NOISE);
        const lanes offset =
            FLOATS_OF(*(const words *)&means[i]) * (2 / MEAN_ONE / MEANS / MEANS / MEANS) -
            (2.0F / MEANS + NOISE);
        lanes change = MOST(texture, offset) - leeway;
        change = MOST(change, ALL(0.0F));
        lanes left = 1 - change * (1 / CHANGE);
        left = MOST(left, ALL(0.0F));
        *(lanes *)&s->left[i] = LEAST(LANES_AT(&s->left[i]), left);
        const lanes w = left * left / (by.full + shared * change);
        *(lanes *)&sum[i] += w * (SIGNED_FLOATS_OF(*(const shorts *)&z[i]) * by.step);
        *(lanes *)&weight[i] += w;
        *(lanes *)&noise[i] += w * w * by.own;
        const ints share = __builtin_convertvector(w * (by.full * 256), ints);
        *taken += share & (columns < (int32_t)(HALO + s->columns - i));
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

/* ---- what comes out -------------------------------------------------------------------------- */

static void finish(const struct merge_sums *s, uint32_t columns, uint16_t *restrict out)
{
    for (uint32_t i = 0; i < columns; i++) {
        float x = s->reference[i] + s->sum[i] / (s->weight[i] * s->certainty[i]);
        float code = x * MERGED_RANGE + ((float)ISP_MERGED_BLACK + 0.5F);
        code = code > 0 ? code : 0;
        out[i] = (uint16_t)(int32_t)(code < 65535 ? code : 65535);
    }
}

static void find_noise(const float *restrict noise, const float *restrict weight, uint32_t rows,
    float out[restrict SPAN])
{
    memset(out, 0, SPAN * sizeof *out);
    for (uint32_t j = 0; j < rows; j++, noise += SPAN, weight += SPAN) {
        for (uint32_t i = 0; i < SPAN; i++)
            out[i] += noise[i] / (weight[i] * weight[i]);
    }
}

#define SYMBOL_(name) merge_kernels_##name
#define SYMBOL(name)  SYMBOL_(name)

extern const struct merge_kernels SYMBOL(ISA_NAME);
const struct merge_kernels SYMBOL(ISA_NAME) = {
    lighten, find_certainty, find_texture, warp, weigh, finish, find_noise};
