/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Finishing a band: a ring of rows of display values and luma. Pixels outside the picture are the
 * nearest in it. */
#include "isp/fast/finish.h"

enum {
    LUMA = 3,
    ROW_PLANES = 11,
    HALF = 8, /* where means over pairs begin in a row's planes */
    COLOR_ROWS = FAST_FINISH_RING * ROW_PLANES,
    SHIFT_ROWS = COLOR_ROWS + FAST_FINISH_COLOR * 3,
};

static int16_t *row_at(const struct fast_run *run, size_t row)
{
    return run->display + row * run->recipe->stride + FAST_PAD;
}

/* Column 0 of one phase; planes: R, G, B, luma. */
static int16_t *display_row(const struct fast_run *run, uint32_t y, unsigned plane, unsigned phase)
{
    return row_at(run, (y % FAST_FINISH_RING) * ROW_PLANES + plane * 2 + phase);
}

static int16_t *half_row(const struct fast_run *run, uint32_t y, unsigned plane)
{
    return row_at(run, (y % FAST_FINISH_RING) * ROW_PLANES + HALF + plane);
}

/* Row cy of chroma; planes: U, V, luma. */
static int16_t *color_row(const struct fast_run *run, uint32_t cy, unsigned plane)
{
    return row_at(run, COLOR_ROWS + (cy % FAST_FINISH_COLOR) * 3 + plane);
}

static void extend_sides(int16_t *const row[2], uint32_t width)
{
    const uint32_t last = width - 1;
    row[1][-1] = row[0][0];
    row[width & 1][width >> 1] = row[last & 1][last >> 1];
}

/* Rows cy * 2 and below of the picture, of which the last of an odd height is alone. */
static void make_color(const struct fast_run *run, uint32_t cy)
{
    const struct isp_geometry *g = &run->recipe->geometry;
    const uint32_t below = 2 * cy + 1 < g->height ? 2 * cy + 1 : 2 * cy;
    const int32_t pairs = (int32_t)((g->width + 1) / 2);
    struct fast_color task = {.luma = color_row(run, cy, 2), .pairs = (size_t)pairs};
    for (unsigned k = 0; k < 3; k++) {
        task.half[0][k] = half_row(run, 2 * cy, k);
        task.half[1][k] = half_row(run, below, k);
    }
    for (unsigned k = 0; k < 2; k++)
        task.uv[k] = color_row(run, cy, k);
    run->recipe->kernels->color->split(&task);
    for (int k = 0; k < 2; k++) {
        task.uv[k][-1] = task.uv[k][-2] = task.uv[k][0];
        task.uv[k][pairs] = task.uv[k][pairs + 1] = task.uv[k][pairs - 1];
    }
}

/* What is the same for all rows of a band: setting it for each costs a hundred stores. */
struct finish_tasks {
    struct fast_pack display, finish;
};

static struct finish_tasks plan_tasks(const struct fast_run *run)
{
    const struct isp_fast_recipe *recipe = run->recipe;
    const uint32_t width = recipe->geometry.width;
    struct finish_tasks tasks = {
        .display = {.tone = &recipe->tone, .width = width},
        .finish = {.detail = recipe->finish.detail, .width = width},
    };
    for (unsigned k = 0; k < 3 && recipe->finish.has_color; k++)
        tasks.finish.shift[k] = row_at(run, SHIFT_ROWS + k);
    return tasks;
}

static void make_display(struct fast_run *run, struct fast_pack *task, uint32_t y)
{
    const struct isp_fast_recipe *recipe = run->recipe;
    const struct fast_pack_kernels *kernels = recipe->kernels->pack;
    const uint32_t width = recipe->geometry.width;
    int16_t *linear = isp_fast_linear_row(run, y);
    for (unsigned k = 0; k < 3; k++) {
        int16_t *even = fast_plane_row(linear, recipe->stride, (int)k, 0);
        int16_t *odd = fast_plane_row(linear, recipe->stride, (int)k, 1);
        if (width % 2 == 1)
            odd[width / 2] = even[width / 2]; /* the last pair of pixels is one */
        task->linear[k][0] = even;
        task->linear[k][1] = odd;
        task->display[k][0] = display_row(run, y, k, 0);
        task->display[k][1] = display_row(run, y, k, 1);
        task->half[k] = half_row(run, y, k);
    }
    task->luma[0] = display_row(run, y, LUMA, 0);
    task->luma[1] = display_row(run, y, LUMA, 1);
    if (fast_is_yuv(recipe->geometry.format))
        kernels->display_yuv(task);
    else if (recipe->finish.has_color)
        kernels->display_both(task);
    else
        kernels->display(task);
    extend_sides(task->luma, width);
    if (recipe->finish.has_color && (y % 2 == 1 || y + 1 == recipe->geometry.height))
        make_color(run, y / 2);
}

static void set_detail(const struct fast_run *run, uint32_t y, struct fast_detail *detail)
{
    const uint32_t last = run->recipe->geometry.height - 1;
    const uint32_t rows[3] = {y > 0 ? y - 1 : 0, y, y < last ? y + 1 : last};
    for (unsigned k = 0; k < 6; k++)
        detail->rows[k / 2][k % 2] = display_row(run, rows[k / 2], LUMA, k % 2);
}

/* Noise reduction of row cy of chroma: into the picture, or into what is added to its pixels. */
static void reduce_color(const struct fast_run *run, const struct sisp_image *out, uint32_t cy)
{
    const struct isp_fast_recipe *recipe = run->recipe;
    const struct isp_geometry *g = &recipe->geometry;
    const uint32_t last = (g->height + 1) / 2 - 1;
    const uint32_t rows[3] = {cy > 0 ? cy - 1 : 0, cy, cy < last ? cy + 1 : last};
    struct fast_color_noise task = {
        .luma = color_row(run, cy, 2),
        .noise = recipe->finish.color_noise,
        .pairs = ((size_t)g->width + 1) / 2,
    };
    for (unsigned k = 0; k < 6; k++)
        task.rows[k / 3][k % 3] = color_row(run, rows[k % 3], k / 3);
    for (unsigned k = 0; k < 3; k++)
        task.shift[k] = row_at(run, SHIFT_ROWS + k);
    if (sisp_pixel_plane_count(g->format) == 2) {
        task.dst = out->planes[1] + cy * out->stride_bytes[1];
        recipe->kernels->color->chroma[g->format](&task);
    } else {
        recipe->kernels->color->shift(&task);
    }
}

static void pack_chroma(const struct fast_run *run, const struct sisp_image *out, uint32_t y)
{
    struct fast_chroma task = {
        .dst = out->planes[1] + y / 2 * out->stride_bytes[1],
        .pairs = ((size_t)out->width + 1) / 2,
    };
    for (unsigned k = 0; k < 3; k++) {
        task.half[0][k] = half_row(run, y & ~1u, k);
        task.half[1][k] = half_row(run, y, k); /* the last row of an odd height is alone */
    }
    run->recipe->kernels->pack->chroma[out->format](&task);
}

static void finish_row(
    struct fast_run *run, struct fast_pack *task, const struct sisp_image *out, uint32_t y)
{
    const struct isp_geometry *g = &run->recipe->geometry;
    const bool has_color = run->recipe->finish.has_color;
    const bool has_planes = sisp_pixel_plane_count(g->format) == 2;
    task->dst = out->planes[0] + y * out->stride_bytes[0];
    set_detail(run, y, &task->detail);
    for (unsigned k = 0; k < 3; k++) {
        task->linear[k][0] = display_row(run, y, k, 0);
        task->linear[k][1] = display_row(run, y, k, 1);
        task->half[k] = half_row(run, y, k);
    }
    if (run->turned) {
        isp_fast_set_turned(run, task, y);
        run->recipe->kernels->pack->finish_planes(task);
        isp_fast_turn_row(run, out, y);
        return;
    }
    run->recipe->kernels->pack->finish[g->format](task);
    if (has_planes && !has_color && (y % 2 == 1 || y + 1 == g->height))
        pack_chroma(run, out, y);
}

/* Chroma needs the pairs of rows above and below its own. */
uint32_t isp_fast_finish_top(const struct fast_finish *finish, uint32_t y0)
{
    if (finish->has_color)
        return y0 > 2 ? (y0 & ~1u) - 2 : 0;
    return y0 > 1 ? y0 - 1 : 0;
}

void isp_fast_finish_band(
    struct fast_run *run, const struct sisp_image *out, uint32_t y0, uint32_t y1)
{
    const uint32_t height = run->recipe->geometry.height;
    const bool has_color = run->recipe->finish.has_color;
    uint32_t next = isp_fast_finish_top(&run->recipe->finish, y0);
    struct finish_tasks tasks = plan_tasks(run);
    for (uint32_t y = y0; y < y1; y++) {
        const uint32_t end = has_color ? (y | 1) + 3 : y + 2;
        for (; next < height && next < end; next++)
            make_display(run, &tasks.display, next);
        if (has_color && (y % 2 == 0 || y == y0))
            reduce_color(run, out, y / 2);
        finish_row(run, &tasks.finish, out, y);
    }
}
