/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Row kernels of the merge: one text, built once per instruction set level (ISA_NAME). */
#include <isp/burst/merge.h>

#include <string.h>

typedef float lanes __attribute__((vector_size(BLOCK * sizeof(float)), aligned(4), may_alias));

/* ---- warp ------------------------------------------------------------------------------------ */

static void load_patch(const struct merge_patch *p, float out[PATCH][PATCH_WORDS])
{
    for (unsigned j = 0; j < PATCH; j++) {
        const uint16_t *words = p->words + j * p->stride;
        const float *black = p->levels.black[j & 1], *scale = p->levels.scale[j & 1];
        for (unsigned i = 0; i < PATCH; i += 2) {
            out[j][i] = ((float)words[i] - black[0]) * scale[0];
            out[j][i + 1] = ((float)words[i + 1] - black[1]) * scale[1];
        }
    }
}

/* Macros: a function may not return vectors that a level has no registers for. */
#define ALTERNATE(a, b) ((lanes){a, b, a, b, a, b, a, b})
#define AT(p)           (*(const lanes *)(p))

/* Four rows of one parity share the taps. */
static void warp(
    const struct merge_patch *p, const float taps[2][FILTER_TAPS][2], const struct merge_target *t)
{
    float patch[PATCH][PATCH_WORDS];
    load_patch(p, patch);
    const unsigned first = t->phase & 1, second = first ^ 1;
    for (unsigned parity = 0; parity < 2; parity++) {
        const float(*row_taps)[2] = taps[parity ^ t->phase >> 1];
        lanes sum[BLOCK / 2] = {{0}};
        for (unsigned tap = 0; tap < FILTER_TAPS; tap++) {
            const lanes weight = ALTERNATE(row_taps[tap][first], row_taps[tap][second]);
            const float *from = &patch[parity + tap / FILTER_SIDE][tap % FILTER_SIDE];
            for (unsigned k = 0; k < BLOCK / 2; k++)
                sum[k] += weight * AT(from + (size_t)2 * k * PATCH_WORDS);
        }
        const lanes colour = ALTERNATE(t->colour[parity][0], t->colour[parity][1]);
        for (unsigned k = 0; k < BLOCK / 2; k++) {
            const size_t row = (size_t)(2 * k + parity) * SPAN;
            *(lanes *)(t->difference + row) = sum[k] * colour - AT(t->reference + row);
        }
    }
}

/* ---- weights --------------------------------------------------------------------------------- */

#define ROWS   (BLOCK + 2 * REACH)
#define WINDOW 25 /* samples around one whose differences are squared and summed */
#define MEANS  9  /* samples of one colour whose differences are summed and squared */
#define NOISE                                                                                      \
    0.25F           /* above what noise makes of either, on average, nothing is taken for change   \
                     */
#define CHANGE 8.0F /* beyond that, in variances, a sample has no weight */
#define SHARED 0.7F /* of an error that all frames have in common */

/* Differences in sigmas of noise: the window's columns and three to either side. */
static void normalise(const struct merge_strip *s, float z[ROWS][SPAN])
{
    const uint32_t from = HALO - REACH, to = HALO + s->columns + REACH;
    const float scale = 1 / __builtin_sqrtf(s->noise);
    for (uint32_t j = 0; j < s->rows + 2 * REACH; j++) {
        const float *d = s->difference[j], *c = s->certainty[j];
        for (uint32_t i = from; i < to; i++)
            z[j][i] = d[i] * c[i] * scale;
    }
}

/* Squared sums over nine samples of one colour, over their expectation. */
static void square_means(const struct merge_strip *s, float z[ROWS][SPAN], float out[ROWS][SPAN])
{
    const uint32_t from = HALO - 1, to = HALO + s->columns + 1;
    for (uint32_t j = 2; j < s->rows + 2 * REACH - 2; j++) {
        float line[SPAN];
        for (uint32_t i = from - 2; i < to + 2; i++)
            line[i] = z[j - 2][i] + z[j][i] + z[j + 2][i];
        for (uint32_t i = from; i < to; i++) {
            float sum = line[i - 2] + line[i] + line[i + 2];
            out[j][i] = sum * sum * (1.0F / MEANS);
        }
    }
}

/* How far differences are above noise in the mean of the squares, in variances. */
static void measure(const struct merge_strip *s, float z[ROWS][SPAN], float means[ROWS][SPAN],
    uint32_t row, float *restrict change)
{
    float squares[SPAN], offsets[SPAN];
    const uint32_t from = HALO, to = HALO + s->columns, j = row + REACH;
    for (uint32_t i = from - 2; i < to + 2; i++)
        squares[i] = z[j - 2][i] * z[j - 2][i] + z[j - 1][i] * z[j - 1][i] + z[j][i] * z[j][i] +
                     z[j + 1][i] * z[j + 1][i] + z[j + 2][i] * z[j + 2][i];
    for (uint32_t i = from - 1; i < to + 1; i++)
        offsets[i] = means[j - 1][i] + means[j][i] + means[j + 1][i];
    for (uint32_t i = from; i < to; i++) {
        float all = squares[i - 2] + squares[i - 1] + squares[i] + squares[i + 1] + squares[i + 2];
        float mean = offsets[i - 1] + offsets[i] + offsets[i + 1];
        /* Of an offset of one sigma, a mean's square is nine more than without it: twice of that
         * ninth, since it is seldom alone. */
        float texture = all * (1.0F / WINDOW) - 1;
        float offset = (mean * (1.0F / 9) - 1) * (2.0F / MEANS);
        float most = (texture > offset ? texture : offset) - NOISE - s->leeway;
        change[i] = most > 0 ? most : 0;
    }
}

static uint64_t weigh(const struct merge_strip *s)
{
    float z[ROWS][SPAN], means[ROWS][SPAN];
    uint64_t total = 0;
    normalise(s, z);
    square_means(s, z, means);
    for (uint32_t row = 0; row < s->rows; row++) {
        float change[SPAN];
        measure(s, z, means, row, change);
        const float *restrict d = s->difference[row + REACH];
        float *restrict sum = s->sum[row], *restrict weight = s->weight[row];
        float *restrict noise = s->noise_sum[row];
        uint32_t taken = 0;
        for (uint32_t i = HALO; i < HALO + s->columns; i++) {
            float left = 1 - change[i] * (1 / CHANGE);
            left = left > 0 ? left : 0;
            float w = left * left / (s->own + SHARED * s->crowd * change[i]);
            sum[i] += w * d[i];
            weight[i] += w;
            noise[i] += w * w * s->own;
            taken += (uint32_t)(int32_t)(w * s->own * 256);
        }
        total += taken;
    }
    return total;
}

#define SYMBOL_(name) merge_kernels_##name
#define SYMBOL(name)  SYMBOL_(name)

extern const struct merge_kernels SYMBOL(ISA_NAME);
const struct merge_kernels SYMBOL(ISA_NAME) = {warp, weigh};
