/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How far a frame differs from the reference once its affine motion is taken away. */
#include <isp/burst/follow.h>

#include <float.h>

#define WRONG 16 /* cells by which a picture is off to learn how wrong motion looks */
#define STEP  4  /* of rows: noise is the same in the others */

/* Where both pictures are: reference cell (x, y) meets frame cell (x + dx, y + dy). */
static uint32_t first_of(int32_t shift)
{
    return shift < 0 ? (uint32_t)-shift : 0;
}

static uint32_t end_of(uint32_t at, uint32_t size, int32_t shift)
{
    const int64_t end = shift > 0 ? (int64_t)size - shift : size;
    return (int64_t)at < end ? at : end > 0 ? (uint32_t)end : 0;
}

/* Cells x0 to x1 - 1 of row y. */
struct run {
    uint32_t x0, x1, y;
    int32_t dx, dy;
};

static void add_run(struct score *score, const struct follow_pair *pair,
    const struct row_kernels *rows, const struct run *run)
{
    const struct level *r = &pair->reference, *f = &pair->frame;
    const uint32_t least = first_of(run->dx), x0 = run->x0 > least ? run->x0 : least;
    const uint32_t x1 = end_of(run->x1, r->width, run->dx);
    if (x0 >= x1 || run->y < first_of(run->dy) || end_of(run->y + 1, r->height, run->dy) <= run->y)
        return;
    rows->add_residual(score, r->cells + (size_t)run->y * r->width + x0,
        f->cells + ((int64_t)run->y + run->dy) * f->width + (int64_t)x0 + run->dx, x1 - x0,
        &pair->noise);
}

static float residual_moved(
    const struct follow_pair *pair, const struct row_kernels *rows, int32_t dx, int32_t dy)
{
    struct score score = {0, 0};
    for (uint32_t y = 0; y < pair->reference.height; y += STEP) {
        const struct run run = {0, pair->reference.width, y, dx, dy};
        add_run(&score, pair, rows, &run);
    }
    return score.count ? (float)score.sum / (float)score.count / ROWS_SIGMA : FLT_MAX;
}

float isp_follow_residual_of_wrong(const struct follow_pair *pair, const struct row_kernels *rows)
{
    const struct follow_pair own = {pair->reference, pair->reference, pair->noise};
    const int32_t x = (int32_t)pair->reference.width / 4, y = (int32_t)pair->reference.height / 4;
    const float a = residual_moved(&own, rows, x < WRONG ? -x : -WRONG, 0);
    const float b = residual_moved(&own, rows, 0, y < WRONG ? -y : -WRONG);
    return a > b ? a : b;
}

static int32_t cells_of(float samples)
{
    const float cells = samples * 0.5F;
    return (int32_t)(cells < 0 ? cells - 0.5F : cells + 0.5F);
}

/* Tiles side by side that move by as many cells are one run. */
static void add_tile_row(struct score *score, const struct follow_pair *pair,
    const struct row_kernels *rows, const struct follow_tiles *tiles,
    const struct follow_affine *affine, uint32_t j)
{
    struct run run = {0};
    for (uint32_t i = 0; i <= tiles->width; i++) {
        const float place[2] = {(float)i, (float)j};
        float v[2];
        follow_affine_at(affine, tiles, place, v);
        const int32_t dx = cells_of(v[0]), dy = cells_of(v[1]);
        if (i > 0 && (i == tiles->width || dx != run.dx || dy != run.dy)) {
            run.x1 =
                i * FOLLOW_TILE < pair->reference.width ? i * FOLLOW_TILE : pair->reference.width;
            for (uint32_t k = 0; k < FOLLOW_TILE; k += STEP) {
                run.y = j * FOLLOW_TILE + k;
                if (run.y < pair->reference.height)
                    add_run(score, pair, rows, &run);
            }
            run.x0 = run.x1;
        }
        run.dx = dx;
        run.dy = dy;
    }
}

float isp_follow_residual(const struct follow_pair *pair, const struct row_kernels *rows,
    const struct follow_tiles *tiles, const struct follow_affine *affine)
{
    struct score score = {0, 0};
    for (uint32_t j = 0; j < tiles->height; j++)
        add_tile_row(&score, pair, rows, tiles, affine, j);
    return score.count ? (float)score.sum / (float)score.count / ROWS_SIGMA : FLT_MAX;
}
