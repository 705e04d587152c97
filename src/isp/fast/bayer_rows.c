/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The walk of rows through the Bayer stages. Each stage has a ring of its own, since it looks at
 * rows above and below as they were before it, and asks the one before for two rows more: at most
 * seven rows of a ring are in use.
 */
#include "isp/fast/recipe.h"

void isp_fast_mend_row(const struct fast_run *run, uint32_t y, uint32_t line)
{
    const struct fast_bayer *bayer = &run->recipe->bayer;
    uint32_t begin = 0, end = bayer->known_count;
    while (begin < end) { /* the first of the row */
        const uint32_t middle = (begin + end) / 2;
        if (bayer->known[middle].y < line)
            begin = middle + 1;
        else
            end = middle;
    }
    for (; begin < bayer->known_count && bayer->known[begin].y == line; begin++) {
        const struct fast_defect *defect = &bayer->known[begin];
        int16_t *row = fast_ring_row(run, y, defect->x & 1);
        row[defect->x >> 1] = (int16_t)((row[defect->left >> 1] + row[defect->right >> 1] + 1) / 2);
    }
}

static uint32_t end_of(const struct fast_run *run, uint32_t y)
{
    const uint32_t height = run->recipe->geometry.crop.height;
    return y + 3 < height ? y + 3 : height;
}

static void bring_unpacked(struct fast_run *run, uint32_t end)
{
    for (; run->next_row < end; run->next_row++)
        isp_fast_unpack_row(run, run->next_row);
}

static void correct_row(const struct fast_run *run, uint32_t y)
{
    const struct isp_fast_recipe *recipe = run->recipe;
    const uint32_t width = recipe->geometry.crop.width, height = recipe->geometry.crop.height;
    struct fast_defects task = {.pairs = ((size_t)width + 1) / 2};
    for (int k = 0; k < 5; k++) {
        const uint32_t from = fast_mirror((int64_t)y + k - 2, height);
        for (unsigned phase = 0; phase < 2; phase++)
            task.rows[k][phase] = fast_ring_row(run, from, phase);
    }
    for (unsigned phase = 0; phase < 2; phase++) {
        task.dst[phase] = fast_fixed_row(run, y, phase);
        for (int k = 0; k < 2; k++) {
            task.base[phase][k] = recipe->bayer.defect_base[y & 1][phase][k];
            task.slope[phase][k] = recipe->bayer.defect_slope[y & 1][phase][k];
        }
    }
    recipe->kernels->bayer->defects(&task);
    for (unsigned phase = 0; phase < 2; phase++)
        fast_mirror_sides(recipe, task.dst[phase], phase);
}

static void bring_defect_free(struct fast_run *run, uint32_t end)
{
    if (!run->has_defects) {
        bring_unpacked(run, end);
        return;
    }
    for (; run->next_fixed < end; run->next_fixed++) {
        bring_unpacked(run, end_of(run, run->next_fixed));
        correct_row(run, run->next_fixed);
    }
}

static void balance_row(const struct fast_run *run, uint32_t y)
{
    const struct isp_fast_recipe *recipe = run->recipe;
    const uint32_t width = recipe->geometry.crop.width, height = recipe->geometry.crop.height;
    const unsigned phase = !fast_row_own_phase(recipe, y);
    struct fast_balance task = {
        .dst = fast_green_row(run, y),
        .base = recipe->bayer.balance_base[y & 1],
        .slope = recipe->bayer.balance_slope,
        .clip = recipe->clip,
        .pairs = ((size_t)width + 1) / 2,
    };
    for (int k = 0; k < 3; k++)
        task.own[k] = fast_defect_free_row(run, fast_mirror((int64_t)y + 2 * k - 2, height), phase);
    for (int k = 0; k < 2; k++)
        task.other[k] =
            fast_defect_free_row(run, fast_mirror((int64_t)y + 2 * k - 1, height), !phase);
    recipe->kernels->bayer->balance[phase](&task);
    fast_mirror_sides(recipe, task.dst, phase);
}

void isp_fast_bring_rows(struct fast_run *run, uint32_t end)
{
    if (!run->has_balance) {
        bring_defect_free(run, end);
        return;
    }
    for (; run->next_green < end; run->next_green++) {
        bring_defect_free(run, end_of(run, run->next_green));
        balance_row(run, run->next_green);
    }
}

static uint32_t above(uint32_t y, bool is_stage_on)
{
    const uint32_t rows = is_stage_on ? 2 : 0;
    return y > rows ? y - rows : 0;
}

void isp_fast_bayer_begin(struct fast_run *run, uint32_t first)
{
    run->next_green = first;
    run->next_fixed = above(first, run->has_balance);
    run->next_row = above(run->next_fixed, run->has_defects);
}
