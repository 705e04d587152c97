/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Checks of the area mean. */
#include "rows.h"

bool check_area_sum(struct check *c)
{
    static struct row row;
    static uint32_t sums[CHECK_LANES], before[CHECK_LANES];
    struct fast_area_sum task = {.row = row_start(c, &row),
        .sum = sums + c->offset,
        .weight = (uint16_t)base_prng_below(&c->prng, 65536),
        .count = pairs_of(c)};
    row_fill(c, &row, FAST_LINEAR);
    for (int i = 0; i < CHECK_LANES; i++)
        before[i] = sums[i] = (uint32_t)base_prng_next(&c->prng);
    c->kernels->area->sum(&task);
    const size_t end = c->offset + base_align(task.count, FAST_PAD);
    for (size_t i = 0; i < CHECK_LANES; i++) {
        const bool is_in = i >= c->offset && i < c->offset + task.count;
        const uint32_t add = is_in ? (uint32_t)task.row[i - c->offset] * task.weight : 0;
        if ((is_in || i < c->offset || i >= end) &&
            !check_equal(c, "sum + offset", i, sums[i], before[i] + add))
            return false;
    }
    return true;
}

/* Windows anywhere, with weights that sum to one. */
static size_t fill_taps(struct check *c, struct fast_taps *taps, uint16_t *weights)
{
    const size_t outputs = 1 + base_prng_below(&c->prng, c->width);
    for (size_t j = 0; j < outputs; j++) {
        const unsigned first = base_prng_below(&c->prng, c->width);
        const unsigned count = 1 + base_prng_below(&c->prng, base_min_size(c->width - first, 4));
        unsigned left = FAST_AREA_ONE;
        taps[j] = (struct fast_taps){(uint16_t)first, (uint16_t)count};
        for (unsigned k = count; k > 0; k--) {
            *weights = (uint16_t)(k == 1 ? left : base_prng_below(&c->prng, left + 1));
            left -= *weights++;
        }
    }
    return outputs;
}

static bool is_mean(
    struct check *c, const struct fast_area_mean *task, uint32_t sums[3][2][CHECK_LANES])
{
    const uint16_t *weight = task->weights;
    for (size_t j = 0; j < task->width; j++) {
        for (unsigned k = 0; k < 3; k++) {
            uint64_t sum = 131072;
            for (unsigned t = 0; t < task->taps[j].count; t++) {
                const unsigned x = task->taps[j].first + t;
                sum += (uint64_t)((sums[k][x % 2][c->offset + x / 2] + 2048) / 4096) * weight[t];
            }
            const unsigned got = (unsigned)task->dst[k][j % 2][j / 2];
            if (!check_equal(c, "mean", j, got, (unsigned)(sum / 262144)))
                return false;
        }
        weight += task->taps[j].count;
    }
    return true;
}

bool check_area_mean(struct check *c)
{
    static struct row dst[3][2];
    static uint32_t sums[3][2][CHECK_LANES], before[3][2][CHECK_LANES];
    static uint16_t pixels[4 * 2 * CHECK_LANES], weights[4 * CHECK_WIDTH_MAX];
    static struct fast_taps taps[CHECK_WIDTH_MAX];
    struct fast_area_mean task = {.pixels = pixels,
        .taps = taps,
        .weights = weights,
        .pairs = pairs_of(c),
        .width = fill_taps(c, taps, weights)};
    for (unsigned k = 0; k < 6; k++) {
        for (int i = 0; i < CHECK_LANES; i++)
            before[k / 2][k % 2][i] = sums[k / 2][k % 2][i] =
                check_value(c, FAST_LINEAR) * FAST_AREA_ONE;
        task.sum[k / 2][k % 2] = sums[k / 2][k % 2] + c->offset;
        row_clear(&dst[k / 2][k % 2]);
        task.dst[k / 2][k % 2] = row_start(c, &dst[k / 2][k % 2]);
    }
    c->kernels->area->mean(&task);
    for (size_t i = 0; i < 6 * task.pairs; i++) {
        if (!check_equal(c, "sum", i / 6, task.sum[i % 6 / 2][i % 2][i / 6], 0))
            return false;
    }
    for (unsigned k = 0; k < 6; k++) {
        if (!row_guards_hold(c, &dst[k / 2][k % 2], (task.width + 1 - k % 2) / 2))
            return false;
    }
    return is_mean(c, &task, before);
}
