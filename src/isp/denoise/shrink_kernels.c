/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Overlapping blocks of 8x8, one every second column and row, eight of them side by side in a
 * vector. The transform down the columns is shared by the blocks that a column is in, there and
 * back. What they hold is judged for the first estimate.
 */
#include <isp/denoise/dct.h>

#include <string.h>

_Static_assert(
    CELL_FIRST + (CELL_BLOCKS_OF(TILE_CELLS) + LANES - 1) / LANES * LANES + BLOCK / 2 - 1 <=
        CELL_SPAN,
    "vectors of blocks end within a row");

/* Pairs of columns that a row of blocks covers, in whole vectors. */
static uint32_t pairs_end(const struct denoise_pass *p)
{
    const uint32_t end = p->first + (p->blocks + LANES - 1) / LANES * LANES + BLOCK / 2 - 1;
    return (end + LANES - 1) / LANES * LANES < p->span ? (end + LANES - 1) / LANES * LANES
                                                       : p->span;
}

static void columns_forward(
    const struct denoise_pass *p, const float *plane, uint32_t row, struct denoise_strip *out)
{
    const uint32_t end = pairs_end(p);
    for (unsigned half = 0; half < 2; half++) {
        const float *from = plane + ((size_t)row * 2 + half) * p->span;
        for (uint32_t i = p->first / LANES * LANES; i < end; i += LANES) {
            lanes x[BLOCK];
            for (unsigned k = 0; k < BLOCK; k++)
                x[k] = AT(from + (size_t)k * 2 * p->span + i);
            dct_forward(x);
            for (unsigned k = 0; k < BLOCK; k++)
                *(lanes *)&out->at[k][half][i] = x[k];
        }
    }
}

/* Of the blocks that cover a pair of columns: a column each, as far from where they begin. */
static inline __attribute__((always_inline)) void gather(
    const float *first, size_t column_floats, lanes *out)
{
    *out = AT(first) + AT(first + column_floats - 1) + AT(first + 2 * column_floats - 2) +
           AT(first + 3 * column_floats - 3);
}

/* Adds the row of blocks to the sums. */
static void columns_backward(
    const struct denoise_pass *p, const struct denoise_shrunk *in, uint32_t row, float *plane)
{
    const uint32_t end = pairs_end(p);
    for (unsigned half = 0; half < 2; half++) {
        float *to = plane + ((size_t)row * 2 + half) * p->span;
        for (uint32_t i = p->first / LANES * LANES; i < end; i += LANES) {
            lanes x[BLOCK];
            for (unsigned k = 0; k < BLOCK; k++)
                gather(&in->at[k][half][i + GUARD], 2 * sizeof in->at[k][0] / sizeof(float), &x[k]);
            dct_backward(x);
            for (unsigned k = 0; k < BLOCK; k++)
                *(lanes *)(to + (size_t)k * 2 * p->span + i) += x[k];
        }
    }
}

/* One weight a block; a block covers four pairs each way. */
static void add_weights(
    const struct denoise_pass *p, const struct denoise_shrunk *in, uint32_t row, float *plane)
{
    const uint32_t end = pairs_end(p);
    for (uint32_t i = p->first / LANES * LANES; i < end; i += LANES) {
        lanes sum;
        gather(&in->weight[i + GUARD], 0, &sum);
        for (unsigned k = 0; k < BLOCK / 2; k++)
            *(lanes *)(plane + (size_t)(row + k) * p->span + i) += sum;
    }
}

/* Eight blocks from pair i on: [frequency down][across]. */
static inline __attribute__((always_inline)) void rows_forward(
    const struct denoise_strip *in, uint32_t i, lanes out[BLOCK][BLOCK])
{
    for (unsigned k = 0; k < BLOCK; k++) {
        for (unsigned c = 0; c < BLOCK; c++)
            out[k][c] = AT(&in->at[k][c & 1][i + c / 2]);
        dct_forward(out[k]);
    }
}

static inline __attribute__((always_inline)) void rows_backward(
    lanes in[BLOCK][BLOCK], const lanes *weight, uint32_t i, struct denoise_shrunk *out)
{
    for (unsigned k = 0; k < BLOCK; k++) {
        dct_backward(in[k]);
        for (unsigned c = 0; c < BLOCK; c++)
            *(lanes *)&out->at[k][c][i + GUARD] = in[k][c] * *weight;
    }
    *(lanes *)&out->weight[i + GUARD] = *weight;
}

/* In variances: where a coefficient's square and half of the other planes' reach it together, half
 * is kept. */
#define THRESHOLD (2.8F * 2.8F + 2)
#define OTHERS    0.5F

/* A mean is its plane's own matter; that of colour is always kept. */
static inline __attribute__((always_inline)) void keep_means(
    lanes c[PLANES][BLOCK][BLOCK], const lanes *threshold, const bool *is_grey, lanes kept[PLANES])
{
    for (unsigned p = 0; p < PLANES; p++) {
        if (!is_grey[p])
            continue;
        const masks is_signal = c[p][0][0] * c[p][0][0] >= *threshold;
        c[p][0][0] = (lanes)((masks)c[p][0][0] & is_signal);
        kept[p] = __builtin_convertvector(-is_signal, lanes);
    }
}

static void shrink_group(
    struct denoise_strips *s, uint32_t i, const float *noise, const bool *is_grey)
{
    lanes c[PLANES][BLOCK][BLOCK], kept[PLANES] = {{0}};
    const lanes variance = AT(noise), threshold = variance * THRESHOLD;
    const lanes per_threshold = 1 / threshold;
    for (unsigned p = 0; p < PLANES; p++)
        rows_forward(&s->in[p], i, c[p]);
    keep_means(c, &threshold, is_grey, kept);
    for (unsigned k = 1; k < BLOCK * BLOCK; k++) {
        lanes square[PLANES], all = {0};
        for (unsigned p = 0; p < PLANES; p++) {
            square[p] = c[p][k / BLOCK][k % BLOCK] * c[p][k / BLOCK][k % BLOCK];
            all += square[p] * OTHERS;
        }
        for (unsigned p = 0; p < PLANES; p++) {
            const lanes power = (square[p] * (1 - OTHERS) + all) * per_threshold;
            const lanes power_square = power * power;
            const lanes share = 1 - 1 / (1 + power_square * power_square);
            c[p][k / BLOCK][k % BLOCK] *= share;
            kept[p] += share * share;
        }
    }
    for (unsigned p = 0; p < PLANES; p++) {
        const lanes weight = 1 / (variance * (kept[p] + 1.5F));
        rows_backward(c[p], &weight, i, &s->out[p]);
    }
}

void denoise_shrink(const struct denoise_pass *pass)
{
    struct denoise_strips *s = pass->strips;
    memset(s, 0, sizeof *s);
    for (uint32_t j = 0; j < pass->block_rows; j++) {
        const uint32_t row = pass->first_row + j;
        for (unsigned p = 0; p < PLANES; p++)
            columns_forward(pass, pass->in[p], 2 * row, &s->in[p]);
        for (uint32_t i = 0; i < pass->blocks; i += LANES)
            shrink_group(
                s, pass->first + i, pass->noise + (size_t)j * BLOCKS_SPAN + i, pass->is_grey);
        for (unsigned p = 0; p < PLANES; p++) {
            columns_backward(pass, &s->out[p], 2 * row, pass->sum[p]);
            add_weights(pass, &s->out[p], row, pass->weight[p]);
        }
    }
}
