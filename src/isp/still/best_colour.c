/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The best demosaic's red and blue: they follow green with a local slope, by residual interpolation
 * (best.c names the paper). */
#include <isp/still/best_rows.h>
#include <isp/still/zip.h>

#define PRIOR_CHROMA   1e-4F /* likewise, of red's and blue's slope on green */
#define FLOOR_DIAGONAL 0.03F /* of what red or blue changes along a diagonal beside green */

/* High passes of the row's chroma and of green there: products, sums of five cells. */
void STILL_SYMBOL(still_chroma_terms, ISA_NAME)(const struct still_best_rows *w, int64_t y)
{
    const unsigned phase = still_chroma_phase(w->strip->recipe, y);
    const float *m[3], *g[3];
    for (int i = 0; i < 3; i++) {
        const int64_t row = y + 2 * (int64_t)i - 2;
        m[i] = w->lines[row & (STILL_LINES - 1)][phase] + STILL_MARGIN_CELLS;
        g[i] = w->best->green[row & 15][phase] + STILL_MARGIN_CELLS;
    }
    _Alignas(64) float rows[2][STILL_ROW_CELLS];
    float *restrict a = rows[0] + STILL_MARGIN_CELLS, *restrict b = rows[1] + STILL_MARGIN_CELLS;
    STILL_APART
    for (int64_t k = still_begin(w); k < still_end(w); k++) {
        float c = 4 * m[1][k] - (m[1][k - 1] + m[1][k + 1]) - (m[0][k] + m[2][k]);
        float green = 4 * g[1][k] - (g[1][k - 1] + g[1][k + 1]) - (g[0][k] + g[2][k]);
        a[k] = c * green;
        b[k] = green * green;
    }
    float *restrict product = w->best->chroma_product[y & 15] + STILL_MARGIN_CELLS;
    float *restrict power = w->best->chroma_power[y & 15] + STILL_MARGIN_CELLS;
    STILL_APART
    for (int64_t k = still_begin(w); k < still_end(w); k++) {
        product[k] = ((a[k - 2] + a[k + 2]) + (a[k - 1] + a[k + 1])) + a[k];
        power[k] = ((b[k - 2] + b[k + 2]) + (b[k - 1] + b[k + 1])) + b[k];
    }
}

void STILL_SYMBOL(still_chroma_slope, ISA_NAME)(const struct still_best_rows *w, int64_t y)
{
    const float *a[5], *b[5];
    for (int i = 0; i < 5; i++) {
        a[i] = w->best->chroma_product[(y + 2 * i - 4) & 15] + STILL_MARGIN_CELLS;
        b[i] = w->best->chroma_power[(y + 2 * i - 4) & 15] + STILL_MARGIN_CELLS;
    }
    float *restrict out = w->best->slope[y & 3] + STILL_MARGIN_CELLS;
    STILL_APART
    for (int64_t k = still_begin(w); k < still_end(w); k++) {
        float product = ((a[0][k] + a[4][k]) + (a[1][k] + a[3][k])) + a[2][k];
        float power = ((b[0][k] + b[4][k]) + (b[1][k] + b[3][k])) + b[2][k];
        out[k] = still_slope(product, power, PRIOR_CHROMA, (const float[2]){0, 1.1F});
    }
}

/* Up to four samples of one colour around a site, green there, and their slopes. */
struct near {
    const float *slope[4], *sample[4], *green[4];
};

static struct near near_at(
    const struct still_best_rows *w, const int64_t y[4], const int32_t cell[4], unsigned phase)
{
    struct near n;
    for (unsigned i = 0; i < 4; i++) {
        n.slope[i] = w->best->slope[y[i] & 3] + STILL_MARGIN_CELLS + cell[i];
        n.sample[i] = w->lines[y[i] & (STILL_LINES - 1)][phase] + STILL_MARGIN_CELLS + cell[i];
        n.green[i] = w->best->green[y[i] & 15][phase] + STILL_MARGIN_CELLS + cell[i];
    }
    return n;
}

static void follow_two(const struct still_best_rows *w, const struct near *n,
    const float *restrict green, float *restrict out)
{
    const struct still_root root = w->root;
    STILL_APART
    for (int64_t k = still_begin(w); k < still_end(w); k++) {
        float s = 0.5F * (n->slope[0][k] + n->slope[1][k]);
        float sample = 0.5F * (n->sample[0][k] + n->sample[1][k]);
        float mean = 0.5F * (n->green[0][k] + n->green[1][k]);
        out[k] = still_light(&root, sample + s * (green[k] - mean));
    }
}

#define MEAN(r) (0.25F * ((r[0][k] + r[1][k]) + (r[2][k] + r[3][k])))

/* Along the diagonal that what green leaves of them changes less on. */
static void follow_four(const struct still_best_rows *w, const struct near *n,
    const float *restrict green, float *restrict out)
{
    const struct still_root root = w->root;
    STILL_APART
    for (int64_t k = still_begin(w); k < still_end(w); k++) {
        const float s = MEAN(n->slope);
        const float a = n->sample[0][k] - s * n->green[0][k];
        const float b = n->sample[1][k] - s * n->green[1][k];
        const float c = n->sample[2][k] - s * n->green[2][k];
        const float d = n->sample[3][k] - s * n->green[3][k];
        const float falling = __builtin_fabsf(a - d) + FLOOR_DIAGONAL;
        const float rising = __builtin_fabsf(b - c) + FLOOR_DIAGONAL;
        const float p = rising * rising, q = falling * falling;
        const float rest = (p * (a + d) + q * (b + c)) / (p + q);
        out[k] = still_light(&root, s * green[k] + 0.5F * rest);
    }
}

static void limited(const struct still_best_rows *w, const float *restrict in, float *restrict out)
{
    const struct still_root root = w->root;
    STILL_APART
    for (int64_t k = still_begin(w); k < still_end(w); k++)
        out[k] = still_light(&root, in[k]);
}

void STILL_SYMBOL(still_colour_row, ISA_NAME)(
    const struct still_best_rows *w, int64_t y, const struct still_rgb *rgb)
{
    const struct isp_still_recipe *recipe = w->strip->recipe;
    const unsigned phase = still_chroma_phase(recipe, y);
    const unsigned own = unpack_channel(unpack_site(recipe->cfa, phase, y & 1));
    /* Cells of the other phase before and after a site of red or blue, and of green. */
    const int32_t before = phase ? 0 : -1, after = before + 1;
    const int32_t g_before = phase ? -1 : 0, g_after = g_before + 1;
    const float(*line)[STILL_ROW_CELLS] = w->lines[y & (STILL_LINES - 1)];
    const float(*green)[STILL_ROW_CELLS] = w->best->green[y & 15];
    _Alignas(64) still_row halves[3];
    const struct near corners = near_at(w, (int64_t[4]){y - 1, y - 1, y + 1, y + 1},
        (int32_t[4]){before, after, before, after}, !phase);
    const struct near beside =
        near_at(w, (int64_t[4]){y, y, y, y}, (int32_t[4]){g_before, g_after, 0, 0}, phase);
    const struct near above =
        near_at(w, (int64_t[4]){y - 1, y + 1, y, y}, (int32_t[4]){0, 0, 0, 0}, !phase);
    const float *at_chroma = green[phase] + STILL_MARGIN_CELLS;
    const float *at_green = green[!phase] + STILL_MARGIN_CELLS;
    limited(w, line[phase] + STILL_MARGIN_CELLS, halves[own][phase] + STILL_MARGIN_CELLS);
    follow_four(w, &corners, at_chroma, halves[2 - own][phase] + STILL_MARGIN_CELLS);
    follow_two(w, &beside, at_green, halves[own][!phase] + STILL_MARGIN_CELLS);
    follow_two(w, &above, at_green, halves[2 - own][!phase] + STILL_MARGIN_CELLS);
    limited(w, at_chroma, halves[1][phase] + STILL_MARGIN_CELLS);
    limited(w, at_green, halves[1][!phase] + STILL_MARGIN_CELLS);
    const uint32_t first = STILL_MARGIN_CELLS - (uint32_t)w->around;
    for (unsigned c = 0; c < 3; c++)
        still_zip(halves[c][0] + first, halves[c][1] + first,
            w->strip->cells + 2 * (uint32_t)w->around, rgb->channel[c] - 2 * w->around);
}
