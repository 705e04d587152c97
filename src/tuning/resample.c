/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From means over equal cells to knots that reach the frame's edges, as a lens shading mesh wants
 * them: cubic convolution inside (Keys, Cubic convolution interpolation for digital image
 * processing, IEEE Trans. ASSP 29, 1981), a polynomial through the outer cells beyond; of
 * logarithms, because light falls off by factors. */
#include "base/base.h"
#include "tuning/sections.h"

#include <math.h>

#define CELLS_MAX 32

/* Cells that the edge is extrapolated from: light falls off steeply there; tint changes gently, and
 * has as much noise. */
#define OUTER_LUMINANCE 4
#define OUTER_CHROMA    3

/* Where knots at half cells fit, the cells' own values stay as they are. */
static uint32_t knots_of(uint32_t cells)
{
    return 2 * cells + 1 <= SISP_LSC_KNOTS_MAX ? 2 * cells + 1 : cells + 1;
}

/* The polynomial through `count` points at 0, 1, 2 and so on (Lagrange). */
static double through_points(const double *points, uint32_t count, double t)
{
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        double term = points[i];
        for (uint32_t k = 0; k < count; k++)
            term *= k == i ? 1 : (t - k) / ((double)i - k);
        sum += term;
    }
    return sum;
}

/* u: in cells, 0 in the middle of the first. */
static double value_at(const double *cells, uint32_t count, uint32_t outer, double u)
{
    if (u < 1)
        return through_points(cells, outer, u);
    if (u > count - 2)
        return through_points(cells + count - outer, outer, u - (count - outer));
    uint32_t i = (uint32_t)u < count - 2 ? (uint32_t)u : count - 3;
    const double *c = cells + i;
    double t = u - i, a = 2 * c[0], b = c[1] - c[-1];
    double p = 2 * c[-1] - 5 * c[0] + 4 * c[1] - c[2];
    double q = 3 * (c[0] - c[1]) + c[2] - c[-1];
    return (a + t * (b + t * (p + t * q))) / 2;
}

static void resample_line(const float *in, uint32_t in_step, uint32_t cells, uint32_t outer,
    float *out, uint32_t out_step)
{
    double line[CELLS_MAX];
    uint32_t knots = knots_of(cells);
    for (uint32_t i = 0; i < cells; i++)
        line[i] = log((double)in[i * in_step]);
    for (uint32_t k = 0; k < knots; k++) {
        double value = exp(value_at(line, cells, outer, (double)k * cells / (knots - 1) - 0.5));
        out[k * out_step] = (float)fmin(fmax(value, GAIN_MIN), GAIN_MAX);
    }
}

static void resample_table(float *table, uint32_t cols, uint32_t rows, uint32_t outer)
{
    float rows_done[CELLS_MAX * SISP_LSC_KNOTS_MAX];
    uint32_t knots = knots_of(cols);
    for (uint32_t y = 0; y < rows; y++)
        resample_line(table + y * cols, 1, cols, outer, rows_done + y * knots, 1);
    for (uint32_t x = 0; x < knots; x++)
        resample_line(rows_done + x, knots, rows, outer, table + x, knots);
}

void shading_resample(struct sisp_tuning_shading *s)
{
    resample_table(s->luminance, s->cols, s->rows, OUTER_LUMINANCE);
    for (uint32_t i = 0; i < s->count; i++) {
        resample_table(s->tables[i].red, s->cols, s->rows, OUTER_CHROMA);
        resample_table(s->tables[i].blue, s->cols, s->rows, OUTER_CHROMA);
    }
    s->cols = knots_of(s->cols);
    s->rows = knots_of(s->rows);
}
