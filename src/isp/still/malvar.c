/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Demosaic of 5x5 samples and less: bilinear, and H. S. Malvar, L.-w. He, R. Cutler, "High-quality
 * linear interpolation for demosaicing of Bayer-patterned color images", ICASSP 2004.
 */
#include <isp/still/kernels.h>
#include <isp/still/unpack.h>
#include <isp/still/zip.h>

/*
 * The neighbourhood of the sites of one phase, for five rows: own[r][k] is the site's column,
 * own[r][k - 1] and own[r][k + 1] lie two samples away, side[r][k] and side[r][k + 1] one sample.
 */
struct window {
    const float *own[5], *side[5];
    float limit;
};

static struct window window_at(
    const struct still_line lines[5], unsigned phase, int64_t k, float limit)
{
    struct window w = {.limit = limit};
    for (unsigned r = 0; r < 5; r++) {
        w.own[r] = lines[r].phase[phase] + k;
        w.side[r] = phase ? lines[r].phase[0] + k : lines[r].phase[1] + k - 1;
    }
    return w;
}

/* Sites of red or blue: `green` and the opposite colour are interpolated. */
static void mhc_at_chroma(const struct window *w, uint32_t count, float *restrict same,
    float *restrict green, float *restrict opposite)
{
    const float *n2 = w->own[0], *n1 = w->own[1], *c = w->own[2], *s1 = w->own[3], *s2 = w->own[4];
    const float *nd = w->side[1], *e = w->side[2], *sd = w->side[3], limit = w->limit;
    for (uint32_t k = 0; k < count; k++) {
        float far = (n2[k] + s2[k]) + (c[(int64_t)k - 1] + c[k + 1]);
        float near = (n1[k] + s1[k]) + (e[k] + e[k + 1]);
        float corners = (nd[k] + nd[k + 1]) + (sd[k] + sd[k + 1]);
        same[k] = still_clamp(c[k], 0, limit);
        green[k] = still_clamp((4 * c[k] + 2 * near - far) * 0.125F, 0, limit);
        opposite[k] = still_clamp((6 * c[k] + 2 * corners - 1.5F * far) * 0.125F, 0, limit);
    }
}

/* Sites of green: one colour lies to the left and right, the other above and below. */
static void mhc_at_green(const struct window *w, uint32_t count, float *restrict across,
    float *restrict green, float *restrict down)
{
    const float *n2 = w->own[0], *n1 = w->own[1], *c = w->own[2], *s1 = w->own[3], *s2 = w->own[4];
    const float *nd = w->side[1], *e = w->side[2], *sd = w->side[3], limit = w->limit;
    for (uint32_t k = 0; k < count; k++) {
        float far_down = n2[k] + s2[k], far_across = c[(int64_t)k - 1] + c[k + 1];
        float corners = (nd[k] + nd[k + 1]) + (sd[k] + sd[k + 1]);
        float base = 5 * c[k] - corners;
        float near_across = 4 * (e[k] + e[k + 1]), near_down = 4 * (n1[k] + s1[k]);
        green[k] = still_clamp(c[k], 0, limit);
        across[k] =
            still_clamp((base + near_across - far_across + 0.5F * far_down) * 0.125F, 0, limit);
        down[k] = still_clamp((base + near_down - far_down + 0.5F * far_across) * 0.125F, 0, limit);
    }
}

static void bilinear_at_chroma(const struct window *w, uint32_t count, float *restrict same,
    float *restrict green, float *restrict opposite)
{
    const float *n1 = w->own[1], *c = w->own[2], *s1 = w->own[3];
    const float *nd = w->side[1], *e = w->side[2], *sd = w->side[3], limit = w->limit;
    for (uint32_t k = 0; k < count; k++) {
        same[k] = still_clamp(c[k], 0, limit);
        green[k] = still_clamp(((n1[k] + s1[k]) + (e[k] + e[k + 1])) * 0.25F, 0, limit);
        opposite[k] = still_clamp(((nd[k] + nd[k + 1]) + (sd[k] + sd[k + 1])) * 0.25F, 0, limit);
    }
}

static void bilinear_at_green(const struct window *w, uint32_t count, float *restrict across,
    float *restrict green, float *restrict down)
{
    const float *n1 = w->own[1], *c = w->own[2], *s1 = w->own[3], *e = w->side[2];
    const float limit = w->limit;
    for (uint32_t k = 0; k < count; k++) {
        green[k] = still_clamp(c[k], 0, limit);
        across[k] = still_clamp((e[k] + e[k + 1]) * 0.5F, 0, limit);
        down[k] = still_clamp((n1[k] + s1[k]) * 0.5F, 0, limit);
    }
}

static void grey(const struct window *w, uint32_t count, float (*half)[STILL_ROW_CELLS])
{
    const float *c = w->own[2];
    for (uint32_t k = 0; k < count; k++)
        half[0][k] = half[1][k] = half[2][k] = still_clamp(c[k], 0, w->limit);
}

void STILL_SYMBOL(still_malvar, ISA_NAME)(const struct still_strip *strip,
    const struct still_line lines[5], int64_t y, const struct still_rgb *rgb)
{
    const struct isp_still_recipe *recipe = strip->recipe;
    const uint32_t before = recipe->around / 2, count = strip->cells + 2 * before;
    float halves[2][3][STILL_ROW_CELLS];
    for (unsigned phase = 0; phase < 2; phase++) {
        float(*half)[STILL_ROW_CELLS] = halves[phase];
        struct window w = window_at(lines, phase, -(int64_t)before, recipe->clip_level);
        unsigned channel = unpack_channel(unpack_site(recipe->cfa, phase, y & 1));
        unsigned beside = unpack_channel(unpack_site(recipe->cfa, phase + 1, y & 1));
        bool is_mhc = recipe->demosaic == SISP_DEMOSAIC_MHC;
        if (recipe->is_mono)
            grey(&w, count, half);
        else if (channel == 1)
            (is_mhc ? mhc_at_green : bilinear_at_green)(
                &w, count, half[beside], half[1], half[2 - beside]);
        else
            (is_mhc ? mhc_at_chroma : bilinear_at_chroma)(
                &w, count, half[channel], half[1], half[2 - channel]);
    }
    for (unsigned c = 0; c < 3; c++)
        still_zip(halves[0][c], halves[1][c], count, rgb->channel[c] - 2 * before);
}
