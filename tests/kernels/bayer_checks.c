/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Checks of the kernels on the mosaic. */
#include "rows.h"

#include "../reference/fast.h"

/* Flat, with a few samples far off, so that both ways through the kernel are taken; or the check's
 * kind of input. */
static void fill_mosaic(struct check *c, struct row *row)
{
    const bool is_flat = base_prng_below(&c->prng, 2);
    const unsigned level = base_prng_below(&c->prng, FAST_WHITE + 1);
    row_fill(c, row, FAST_WHITE);
    for (int i = 0; i < CHECK_LANES && is_flat; i++) {
        const unsigned near = level + base_prng_below(&c->prng, 8);
        if (base_prng_below(&c->prng, 16) != 0)
            row->lanes[i] = (int16_t)(near < FAST_WHITE ? near : FAST_WHITE);
    }
}

static void window_at(const int16_t *const rows[5][2], uint32_t x, int v[5][5])
{
    for (int k = 0; k < 25; k++)
        v[k / 5][k % 5] = at(rows[k / 5], (int64_t)x + k % 5 - 2);
}

bool check_defects(struct check *c)
{
    static struct row rows[5][2], dst[2];
    struct fast_defects task = {.pairs = pairs_of(c)};
    for (int k = 0; k < 10; k++) {
        fill_mosaic(c, &rows[k / 2][k % 2]);
        task.rows[k / 2][k % 2] = row_start(c, &rows[k / 2][k % 2]);
    }
    for (int k = 0; k < 4; k++) {
        const unsigned scale = base_prng_below(&c->prng, 14);
        task.base[k / 2][k % 2] = (uint16_t)base_prng_below(&c->prng, 2 * FAST_WHITE >> scale);
        task.slope[k / 2][k % 2] = (uint16_t)(base_prng_below(&c->prng, 65536) >> scale);
        row_clear(&dst[k / 2]);
        task.dst[k / 2] = row_start(c, &dst[k / 2]);
    }
    c->kernels->bayer->defects(&task);
    for (uint32_t x = 0; x < c->width; x++) {
        const unsigned p = x % 2;
        struct ref_noise noise;
        int v[5][5];
        for (int k = 0; k < 2; k++) {
            noise.base[k] = task.base[p][k];
            noise.slope[k] = task.slope[p][k];
        }
        window_at(task.rows, x, v);
        if (!check_equal(
                c, "sample", x, (unsigned)task.dst[p][x / 2], (unsigned)ref_defect(v, &noise)))
            return false;
    }
    return row_guards_hold(c, &dst[0], task.pairs) && row_guards_hold(c, &dst[1], task.pairs);
}

static bool check_balance(struct check *c, unsigned phase)
{
    static struct row rows[5], dst;
    const int16_t *window[5][2];
    struct fast_balance task = {
        .base = (uint16_t)base_prng_below(&c->prng, 2 * FAST_WHITE),
        .slope = (uint16_t)base_prng_below(&c->prng, 32769), /* green_balance of 0.25 */
        .clip = (uint16_t)(3000 + base_prng_below(&c->prng, 1096)),
        .pairs = pairs_of(c),
    };
    for (int k = 0; k < 5; k++) {
        fill_mosaic(c, &rows[k]);
        window[k][0] = window[k][1] = row_start(c, &rows[k]);
    }
    for (int k = 0; k < 3; k++)
        task.own[k] = window[2 * k][0];
    task.other[0] = window[1][0];
    task.other[1] = window[3][0];
    row_clear(&dst);
    task.dst = row_start(c, &dst);
    c->kernels->bayer->balance[phase](&task);
    for (size_t i = 0; i < task.pairs; i++) {
        int v[5][5];
        window_at(window, (uint32_t)(2 * i + phase), v);
        const int expected = ref_balance(v, task.base, task.slope, task.clip);
        if (!check_equal(c, "green", i, (unsigned)task.dst[i], (unsigned)expected))
            return false;
    }
    return row_guards_hold(c, &dst, task.pairs);
}

bool check_balance_0(struct check *c)
{
    return check_balance(c, 0);
}

bool check_balance_1(struct check *c)
{
    return check_balance(c, 1);
}
