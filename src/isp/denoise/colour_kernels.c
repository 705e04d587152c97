/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Local colour: what the planes of differences have in common with brightness around each cell, a
 * line fitted to both: K. He, J. Sun and X. Tang, "Guided image filtering", IEEE TPAMI 2013. At an
 * edge of light and shade it changes as the edge does, and neither blurs nor rings.
 */
#include <isp/denoise/denoise.h>

#define NEAR  3 /* cells, each way */
#define COUNT ((2 * NEAR + 1) * (2 * NEAR + 1))

/* Variance of brightness below which colour does not follow it: noise that is left in the estimate;
 * and, over its square, what sums of floats are sure of. */
#define FLATNESS 0.1F
#define ROUNDING 3e-6F

_Static_assert(NEAR == 3, "sums are of seven cells");

typedef float cell_row[2][CELL_SPAN];

/* Of all cells near each of a row's, but those at the rim. */
static void sum_across(const cell_row in, cell_row out)
{
    const float *e = in[0], *o = in[1];
    float *restrict even = out[0], *restrict odd = out[1];
    for (unsigned i = 2; i < CELL_SPAN - 2; i++) {
        const float six = (e[i - 1] + o[i + 1]) + (o[i - 1] + e[i + 1]) + (e[i] + o[i]);
        even[i] = six + o[i - 2];
        odd[i] = six + e[i + 2];
    }
}

static void sum(const cell_row *row, cell_row out)
{
    cell_row down;
    for (unsigned half = 0; half < 2; half++) {
        for (unsigned i = 0; i < CELL_SPAN; i++)
            down[half][i] = (row[-3][half][i] + row[3][half][i]) +
                            (row[-2][half][i] + row[2][half][i]) +
                            (row[-1][half][i] + row[1][half][i]) + row[0][half][i];
    }
    sum_across(down, out);
}

static void sum_products(const cell_row *a, const cell_row *b, cell_row out)
{
    cell_row down;
    for (unsigned half = 0; half < 2; half++) {
        for (unsigned i = 0; i < CELL_SPAN; i++)
            down[half][i] = (a[-3][half][i] * b[-3][half][i] + a[3][half][i] * b[3][half][i]) +
                            (a[-2][half][i] * b[-2][half][i] + a[2][half][i] * b[2][half][i]) +
                            (a[-1][half][i] * b[-1][half][i] + a[1][half][i] * b[1][half][i]) +
                            a[0][half][i] * b[0][half][i];
    }
    sum_across(down, out);
}

/* Sums of what is near each cell of a row. */
struct near_sums {
    cell_row light, square, colour, product;
};

/* The line through it. */
static void fit(
    const struct near_sums *n, unsigned half, float *restrict slopes, float *restrict bases)
{
    const float *light = n->light[half], *square = n->square[half];
    const float *colour = n->colour[half], *product = n->product[half];
    const float part = 1.0F / COUNT;
    for (unsigned i = 0; i < CELL_SPAN; i++) {
        const float x = light[i] * part, y = colour[i] * part;
        const float variance = square[i] * part - x * x;
        const float slope = (product[i] * part - x * y) /
                            ((variance > 0 ? variance : 0) + FLATNESS + ROUNDING * (x * x));
        slopes[i] = slope * part;
        bases[i] = (y - slope * x) * part;
    }
}

static void fit_row(struct denoise_scratch *s, unsigned j)
{
    const cell_row *light = s->estimate[0] + j;
    struct near_sums n = {0};
    sum(light, n.light);
    sum_products(light, light, n.square);
    for (unsigned p = 1; p < 4; p++) {
        sum(s->estimate[p] + j, n.colour);
        sum_products(light, s->estimate[p] + j, n.product);
        for (unsigned half = 0; half < 2; half++)
            fit(&n, half, s->in.slopes[p][j][half], s->weight.bases[p][j][half]);
    }
}

/* Rows 2 j and 2 j + 1 of a mosaic, from the cells' row. */
static void join_cells(const cell_row cells[4], float mosaic[2][ROW_SPAN])
{
    for (unsigned half = 0; half < 2; half++) {
        const float *light = cells[0][half], *ad = cells[1][half], *bc = cells[2][half],
                    *cross = cells[3][half];
        float *restrict upper = mosaic[0] + 2 * half, *restrict lower = mosaic[1] + 2 * half;
        for (unsigned i = 0; i < CELLS / 2; i++) {
            const float same = (light[i] + cross[i]) * 0.5F, other = (light[i] - cross[i]) * 0.5F;
            upper[4 * i] = same + ad[i] * HALF_ROOT;
            lower[4 * i + 1] = same - ad[i] * HALF_ROOT;
            upper[4 * i + 1] = other + bc[i] * HALF_ROOT;
            lower[4 * i] = other - bc[i] * HALF_ROOT;
        }
    }
}

/* By the mean of the lines that a cell is near. */
static void split(const cell_row slopes, const cell_row bases, const cell_row light,
    const cell_row cells, cell_row local, cell_row rest)
{
    for (unsigned half = 0; half < 2; half++) {
        for (unsigned i = 0; i < CELL_SPAN; i++) {
            local[half][i] = slopes[half][i] * light[half][i] + bases[half][i];
            rest[half][i] = cells[half][i] - local[half][i];
        }
    }
}

static void split_row(struct denoise_scratch *s, unsigned j)
{
    cell_row local[4] = {{{0}}}, rest[4], slopes = {{0}}, bases = {{0}};
    memcpy(rest[0], s->estimate[0][j], sizeof rest[0]);
    for (unsigned p = 1; p < 4; p++) {
        sum(s->in.slopes[p] + j, slopes);
        sum(s->weight.bases[p] + j, bases);
        split(slopes, bases, s->estimate[0][j], s->estimate[p][j], local[p], rest[p]);
    }
    join_cells(local, &s->local[2 * j]);
    join_cells(rest, &s->pilot[2 * j]);
    for (unsigned row = 2 * j; row < 2 * j + 2; row++) {
        for (unsigned i = 0; i < 2 * CELLS; i++)
            s->plain[row][i] = s->mosaic[row][i & 1][i / 2] - s->local[row][i];
    }
}

/* Nobody looks at what is at the rim. */
void denoise_colour(struct denoise_scratch *s)
{
    for (unsigned j = NEAR; j < CELLS - NEAR; j++)
        fit_row(s, j);
    for (unsigned j = 2 * NEAR; j < CELLS - 2 * NEAR; j++)
        split_row(s, j);
}
