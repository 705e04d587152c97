/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The best demosaic. Differences of green and the other colour are estimated at every sample along
 * the row and along the column, twice:
 *  - by colour differences that are constant but for noise, smoothed along the line and weighed by
 *    their variances: L. Zhang, X. Wu, "Color demosaicking via directional linear minimum mean
 *    square-error estimation", IEEE Trans. Image Processing 14 (2005);
 *  - by what one colour's local slope on the other foretells, the residual interpolated, weighed
 *    in four directions by the gradients of the differences: D. Kiku, Y. Monno, M. Tanaka,
 *    M. Okutomi, "Beyond color difference: residual interpolation for color image demosaicking",
 *    IEEE Trans. Image Processing 25 (2016), and I. Pekkucuksen, Y. Altunbasak, "Gradient based
 *    threshold free color filter array interpolation", ICIP 2010.
 * The first is the better one where colours change slowly, the second at their edges. Their own
 * errors say which: smoothing fails where differences vary more than their gradients promise.
 * Red and blue follow green with a local slope, by residual interpolation too.
 *
 * All of it is done on square roots of the samples (isp_still_compile() says when): photon noise is
 * as strong everywhere there, and colour differences are about as large on either side of an edge
 * of light and shade, so that the bright side does not decide alone.
 */
#include <isp/still/best_rows.h>

#define PRIOR_FIT    1e-3F   /* power of high passes below which the slope tends to 1 */
#define FLOOR_POWER  1e-7F   /* of variances of differences */
#define FLOOR_CHANGE 1e-3F   /* of gradients of differences */
#define TRUST        2.0e-6F /* square of the ratio of both errors where both count alike */

/* Zhang and Wu's low pass, of the sample itself and pairs 1 to 4 away. */
static inline float low_pass(float own, float one, float two, float three, float four)
{
    return 0.1953125F * own + 0.171875F * one + 0.125F * two + 0.072265625F * three +
           0.033203125F * four;
}

/* Sums of nine values: estimate of the difference, and its variance. */
static inline float shrink(
    float mean, float square, float noise, float difference, float *restrict error)
{
    const float ninth = 1.0F / 9;
    mean *= ninth;
    float spread = square * ninth - mean * mean;
    spread = __builtin_fabsf(spread) + FLOOR_POWER; /* below zero by rounding */
    noise = noise * ninth + FLOOR_POWER;
    float share = spread / (spread + noise);
    *error = share * noise;
    return mean + share * (difference - mean);
}

/* ---- along columns ------------------------------------------------------------------------ */

static void vertical_terms(const struct still_best_rows *w, int64_t y, unsigned phase)
{
    const float *r[7];
    for (int i = 0; i < 7; i++)
        r[i] = w->lines[(y + i - 3) & (STILL_LINES - 1)][phase] + STILL_MARGIN_CELLS;
    float *restrict d = w->best->vertical[y & 15][phase] + STILL_MARGIN_CELLS;
    float *restrict product = w->best->product[y & 7][phase] + STILL_MARGIN_CELLS;
    float *restrict power = w->best->power[y & 7][phase] + STILL_MARGIN_CELLS;
    const float sign = phase == still_chroma_phase(w->strip->recipe, y) ? -1 : 1;
    STILL_APART
    for (int64_t k = still_begin(w); k < still_end(w); k++) {
        float near = r[2][k] + r[4][k], own = 2 * r[3][k] - (r[1][k] + r[5][k]);
        float other = 0.5F * (near - (r[0][k] + r[6][k]));
        d[k] = sign * (r[3][k] - 0.5F * near - 0.25F * own);
        product[k] = own * other;
        power[k] = other * other;
    }
}

static void vertical_fit(const struct still_best_rows *w, int64_t y, unsigned phase)
{
    const float *r[5], *a[4], *b[4];
    for (int i = 0; i < 5; i++)
        r[i] = w->lines[(y + i - 2) & (STILL_LINES - 1)][phase] + STILL_MARGIN_CELLS;
    for (int i = 0; i < 4; i++) {
        a[i] = w->best->product[(y + 2 * i - 3) & 7][phase] + STILL_MARGIN_CELLS;
        b[i] = w->best->power[(y + 2 * i - 3) & 7][phase] + STILL_MARGIN_CELLS;
    }
    float *restrict out = w->best->fitted[y & 7][phase] + STILL_MARGIN_CELLS;
    const float *range = w->strip->recipe->slopes;
    const float sign = phase == still_chroma_phase(w->strip->recipe, y) ? -1 : 1;
    STILL_APART
    for (int64_t k = still_begin(w); k < still_end(w); k++) {
        float product = (a[0][k] + a[3][k]) + (a[1][k] + a[2][k]);
        float power = (b[0][k] + b[3][k]) + (b[1][k] + b[2][k]);
        float own = 2 * r[2][k] - (r[0][k] + r[4][k]), near = r[1][k] + r[3][k];
        out[k] = sign * (r[2][k] - 0.5F * near -
                            still_slope(product, power, PRIOR_FIT, range) * 0.25F * own);
    }
}

static void vertical_smooth(const struct still_best_rows *w, int64_t y, unsigned phase)
{
    const float *d[9];
    for (int i = 0; i < 9; i++)
        d[i] = w->best->vertical[(y + i - 4) & 15][phase] + STILL_MARGIN_CELLS;
    float *restrict smooth = w->best->smooth[y & 15][phase] + STILL_MARGIN_CELLS;
    STILL_APART
    for (int64_t k = still_begin(w); k < still_end(w); k++)
        smooth[k] = low_pass(
            d[4][k], d[3][k] + d[5][k], d[2][k] + d[6][k], d[1][k] + d[7][k], d[0][k] + d[8][k]);
}

/* How fitted differences change along the column: 3x3 sums at red and blue. */
static void vertical_change(const struct still_best_rows *w, int64_t y)
{
    const unsigned chroma = still_chroma_phase(w->strip->recipe, y);
    _Alignas(64) still_row columns;
    for (unsigned phase = 0; phase < 2; phase++) {
        const float *f[5];
        for (int i = 0; i < 5; i++)
            f[i] = w->best->fitted[(y + i - 2) & 7][phase] + STILL_MARGIN_CELLS;
        float *restrict sum = columns[phase] + STILL_MARGIN_CELLS;
        STILL_APART
        for (int64_t k = still_begin(w); k < still_end(w); k++)
            sum[k] = __builtin_fabsf(f[2][k] - f[0][k]) + __builtin_fabsf(f[3][k] - f[1][k]) +
                     __builtin_fabsf(f[4][k] - f[2][k]);
    }
    const float *own = columns[chroma] + STILL_MARGIN_CELLS, *side = still_side(columns, chroma);
    float *restrict out = w->best->change_sum[y & 7] + STILL_MARGIN_CELLS;
    STILL_APART
    for (int64_t k = still_begin(w); k < still_end(w); k++)
        out[k] = own[k] + side[k] + side[k + 1];
}

/* ---- along rows --------------------------------------------------------------------------- */

/* What one row needs of itself. */
struct horizontal {
    still_row difference, product, power, smooth, square, noise, change;
};

static void horizontal_terms(
    const struct still_best_rows *w, struct horizontal *h, int64_t y, unsigned phase)
{
    const float(*line)[STILL_ROW_CELLS] = w->lines[y & (STILL_LINES - 1)];
    const float *m = line[phase] + STILL_MARGIN_CELLS, *side = still_side(line, phase);
    float *restrict d = h->difference[phase] + STILL_MARGIN_CELLS;
    float *restrict product = h->product[phase] + STILL_MARGIN_CELLS;
    float *restrict power = h->power[phase] + STILL_MARGIN_CELLS;
    const float sign = phase == still_chroma_phase(w->strip->recipe, y) ? -1 : 1;
    STILL_APART
    for (int64_t k = still_begin(w); k < still_end(w); k++) {
        float near = side[k] + side[k + 1], own = 2 * m[k] - (m[k - 1] + m[k + 1]);
        float other = 0.5F * (near - (side[k - 1] + side[k + 2]));
        d[k] = sign * (m[k] - 0.5F * near - 0.25F * own);
        product[k] = own * other;
        power[k] = other * other;
    }
}

static void horizontal_fit(
    const struct still_best_rows *w, const struct horizontal *h, int64_t y, unsigned phase)
{
    const float(*line)[STILL_ROW_CELLS] = w->lines[y & (STILL_LINES - 1)];
    const float *m = line[phase] + STILL_MARGIN_CELLS, *side = still_side(line, phase);
    const float *a = still_side(h->product, phase), *b = still_side(h->power, phase);
    float *restrict out = w->best->across_fitted[y & 1][phase] + STILL_MARGIN_CELLS;
    const float *range = w->strip->recipe->slopes;
    const float sign = phase == still_chroma_phase(w->strip->recipe, y) ? -1 : 1;
    STILL_APART
    for (int64_t k = still_begin(w); k < still_end(w); k++) {
        float product = (a[k - 1] + a[k + 2]) + (a[k] + a[k + 1]);
        float power = (b[k - 1] + b[k + 2]) + (b[k] + b[k + 1]);
        float own = 2 * m[k] - (m[k - 1] + m[k + 1]), near = side[k] + side[k + 1];
        out[k] = sign *
                 (m[k] - 0.5F * near - still_slope(product, power, PRIOR_FIT, range) * 0.25F * own);
    }
}

static void horizontal_smooth(const struct still_best_rows *w, struct horizontal *h, unsigned phase)
{
    const float *d = h->difference[phase] + STILL_MARGIN_CELLS;
    const float *side = still_side(h->difference, phase);
    float *restrict smooth = h->smooth[phase] + STILL_MARGIN_CELLS;
    float *restrict square = h->square[phase] + STILL_MARGIN_CELLS;
    float *restrict noise = h->noise[phase] + STILL_MARGIN_CELLS;
    STILL_APART
    for (int64_t k = still_begin(w); k < still_end(w); k++) {
        float s = low_pass(d[k], side[k] + side[k + 1], d[k - 1] + d[k + 1],
            side[k - 1] + side[k + 2], d[k - 2] + d[k + 2]);
        smooth[k] = s;
        square[k] = s * s;
        noise[k] = (s - d[k]) * (s - d[k]);
    }
}

static inline float nine(const float *own, const float *side, int64_t k)
{
    return ((own[k - 2] + own[k + 2]) + (own[k - 1] + own[k + 1])) +
           ((side[k - 1] + side[k + 2]) + (side[k] + side[k + 1])) + own[k];
}

static void horizontal_shrink(
    const struct still_best_rows *w, const struct horizontal *h, int64_t y)
{
    const unsigned phase = still_chroma_phase(w->strip->recipe, y);
    const float *s = h->smooth[phase] + STILL_MARGIN_CELLS, *s_side = still_side(h->smooth, phase);
    const float *q = h->square[phase] + STILL_MARGIN_CELLS, *q_side = still_side(h->square, phase);
    const float *n = h->noise[phase] + STILL_MARGIN_CELLS, *n_side = still_side(h->noise, phase);
    const float *d = h->difference[phase] + STILL_MARGIN_CELLS;
    float *restrict out = w->best->across[y & 1] + STILL_MARGIN_CELLS;
    float *restrict error = w->best->across_error[y & 1] + STILL_MARGIN_CELLS;
    STILL_APART
    for (int64_t k = still_begin(w); k < still_end(w); k++) {
        float e;
        out[k] = shrink(nine(s, s_side, k), nine(q, q_side, k), nine(n, n_side, k), d[k], &e);
        error[k] = e;
    }
}

/* Gradients of the fitted differences, and their sums of three. */
static void horizontal_change(const struct still_best_rows *w, struct horizontal *h, int64_t y)
{
    const float(*fitted)[STILL_ROW_CELLS] = w->best->across_fitted[y & 1];
    for (unsigned phase = 0; phase < 2; phase++) {
        const float *side = still_side(fitted, phase);
        float *restrict out = h->change[phase] + STILL_MARGIN_CELLS;
        STILL_APART
        for (int64_t k = still_begin(w); k < still_end(w); k++)
            out[k] = __builtin_fabsf(side[k + 1] - side[k]);
    }
    for (unsigned phase = 0; phase < 2; phase++) {
        const float *own = h->change[phase] + STILL_MARGIN_CELLS;
        const float *side = still_side(h->change, phase);
        float *restrict out = w->best->across_change[y & 3][phase] + STILL_MARGIN_CELLS;
        STILL_APART
        for (int64_t k = still_begin(w); k < still_end(w); k++)
            out[k] = own[k] + (side[k] + side[k + 1]);
    }
}

static void horizontal_row(const struct still_best_rows *w, int64_t y)
{
    _Alignas(64) struct horizontal h;
    for (unsigned phase = 0; phase < 2; phase++)
        horizontal_terms(w, &h, y, phase);
    for (unsigned phase = 0; phase < 2; phase++) {
        horizontal_fit(w, &h, y, phase);
        horizontal_smooth(w, &h, phase);
    }
    horizontal_shrink(w, &h, y);
    horizontal_change(w, &h, y);
}

/* ---- green -------------------------------------------------------------------------------- */

static inline float sum_of(const float x[9])
{
    return ((x[0] + x[8]) + (x[2] + x[6])) + ((x[1] + x[7]) + (x[3] + x[5])) + x[4];
}

/* Estimates along columns into the row's scratch: as horizontal_shrink() does. What squares take to
 * read from rows of their own, they take to compute. */
static void vertical_shrink(
    const struct still_best_rows *w, int64_t y, float *restrict out, float *restrict error)
{
    const unsigned phase = still_chroma_phase(w->strip->recipe, y);
    const float *d[9], *smooth[9];
    for (int i = 0; i < 9; i++) {
        d[i] = w->best->vertical[(y + i - 4) & 15][phase] + STILL_MARGIN_CELLS;
        smooth[i] = w->best->smooth[(y + i - 4) & 15][phase] + STILL_MARGIN_CELLS;
    }
    STILL_APART
    for (int64_t k = still_begin(w); k < still_end(w); k++) {
        float s[9], square[9], noise[9], e;
        for (int i = 0; i < 9; i++) {
            s[i] = smooth[i][k];
            square[i] = s[i] * s[i];
            noise[i] = (s[i] - d[i][k]) * (s[i] - d[i][k]);
        }
        out[k] = shrink(sum_of(s), sum_of(square), sum_of(noise), d[4][k], &e);
        error[k] = e;
    }
}

/* Weight of an estimate whose differences change by so much. */
static inline float weight(float change)
{
    change += FLOOR_CHANGE;
    return 1 / (change * change);
}

/* The difference by four one-sided means of fitted differences: mean, and its inverse error. */
static void four_sides(
    const struct still_best_rows *w, int64_t y, float *restrict out, float *restrict trust)
{
    const unsigned phase = still_chroma_phase(w->strip->recipe, y);
    const float(*across)[STILL_ROW_CELLS] = w->best->across_fitted[y & 1];
    const float *h = across[phase] + STILL_MARGIN_CELLS, *h_side = still_side(across, phase);
    const float *v = w->best->fitted[y & 7][phase] + STILL_MARGIN_CELLS;
    const float *v_above = w->best->fitted[(y - 1) & 7][phase] + STILL_MARGIN_CELLS;
    const float *v_below = w->best->fitted[(y + 1) & 7][phase] + STILL_MARGIN_CELLS;
    const float *c_above = w->best->change_sum[(y - 2) & 7] + STILL_MARGIN_CELLS;
    const float *c_below = w->best->change_sum[(y + 2) & 7] + STILL_MARGIN_CELLS;
    const float *c[3];
    for (int i = 0; i < 3; i++)
        c[i] = w->best->across_change[(y + i - 1) & 3][phase] + STILL_MARGIN_CELLS;
    STILL_APART
    for (int64_t k = still_begin(w); k < still_end(w); k++) {
        float left = weight(c[0][k - 1] + c[1][k - 1] + c[2][k - 1]);
        float right = weight(c[0][k + 1] + c[1][k + 1] + c[2][k + 1]);
        float up = weight(c_above[k]), down = weight(c_below[k]);
        float sum = (left + right) + (up + down);
        float sides =
            (left * h_side[k] + right * h_side[k + 1]) + (up * v_above[k] + down * v_below[k]);
        float centre = (left + right) * h[k] + (up + down) * v[k];
        out[k] = 0.5F * (centre + sides) / sum;
        trust[k] = sum;
    }
}

static void green_row(const struct still_best_rows *w, int64_t y)
{
    const unsigned phase = still_chroma_phase(w->strip->recipe, y);
    _Alignas(64) float rows[4][STILL_ROW_CELLS];
    float *down = rows[0] + STILL_MARGIN_CELLS, *down_error = rows[1] + STILL_MARGIN_CELLS;
    float *fitted = rows[2] + STILL_MARGIN_CELLS, *trust = rows[3] + STILL_MARGIN_CELLS;
    vertical_shrink(w, y, down, down_error);
    four_sides(w, y, fitted, trust);
    const float *across = w->best->across[y & 1] + STILL_MARGIN_CELLS;
    const float *across_error = w->best->across_error[y & 1] + STILL_MARGIN_CELLS;
    const float *m[2];
    for (unsigned i = 0; i < 2; i++)
        m[i] = w->lines[y & (STILL_LINES - 1)][i] + STILL_MARGIN_CELLS;
    const float least = w->root.least, most = w->root.most;
    float *restrict out = w->best->green[y & 15][phase] + STILL_MARGIN_CELLS;
    float *restrict itself = w->best->green[y & 15][!phase] + STILL_MARGIN_CELLS;
    STILL_APART
    for (int64_t k = still_begin(w); k < still_end(w); k++) {
        float inverse = 1 / (across_error[k] + down_error[k]);
        float smooth = (across[k] * down_error[k] + down[k] * across_error[k]) * inverse;
        float ratio = across_error[k] * down_error[k] * inverse * trust[k];
        float share = TRUST / (TRUST + ratio * ratio);
        float d = fitted[k] + share * (smooth - fitted[k]);
        out[k] = still_clamp(m[phase][k] + d, least, most);
        itself[k] = m[!phase][k];
    }
}

/* ---- the walk: each stage follows as closely as the rows allow that it looks at ------------- */

static void root_row(const struct still_strip *strip, still_row row)
{
    const float least = -strip->recipe->root.offset, offset = strip->recipe->root.offset;
    const int32_t margin = (int32_t)strip->margin;
    for (unsigned phase = 0; phase < 2; phase++) {
        float *x = row[phase] + STILL_MARGIN_CELLS;
        for (int32_t k = -margin; k < (int32_t)strip->cells + margin; k++) {
            const float light = x[k] > least ? x[k] : least;
            x[k] = __builtin_sqrtf(light + offset);
        }
    }
}

void STILL_SYMBOL(still_best, ISA_NAME)(const struct still_strip *strip, still_row *lines,
    struct still_best *best, int64_t line, int64_t first, const struct still_rgb *rgb)
{
    const int64_t age = line - first;
    const struct isp_still_recipe *recipe = strip->recipe;
    const bool is_smooth = recipe->demosaic == SISP_DEMOSAIC_SMOOTH;
    const int32_t around = (int32_t)recipe->around / 2 + is_smooth;
    struct still_best_rows w = {strip, lines, best, around, recipe->root};
    if (is_smooth)
        w.root = (struct still_root){.straight = 1, .least = w.root.least, .most = w.root.most};
    if (recipe->root.square > 0)
        root_row(strip, lines[line & (STILL_LINES - 1)]);
    for (unsigned phase = 0; phase < 2; phase++) {
        if (age >= 6)
            vertical_terms(&w, line - 3, phase);
        if (age >= 14) {
            vertical_fit(&w, line - 7, phase);
            vertical_smooth(&w, line - 7, phase);
        }
    }
    if (age >= 18)
        vertical_change(&w, line - 9);
    if (age >= 20)
        horizontal_row(&w, line - 10);
    if (age >= 22)
        green_row(&w, line - 11);
    if (age >= 26)
        STILL_SYMBOL(still_chroma_terms, ISA_NAME)(&w, line - 13);
    if (age >= 34)
        STILL_SYMBOL(still_chroma_slope, ISA_NAME)(&w, line - 17);
    if (age >= 2 * STILL_BEST_ROWS)
        STILL_SYMBOL(still_colour_row, ISA_NAME)(&w, line - STILL_BEST_ROWS, rgb);
}
