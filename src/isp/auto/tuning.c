/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A tuning's tables at one colour temperature: linear in its reciprocal between two of them, as DNG
 * 1.4, chapter 6, does with its matrices, and the nearest beyond. */
#include "isp/auto/auto.h"
#include "isp/auto/elementary.h"

/* Of `count` temperatures that rise by `step_bytes`: the one below, and the next one's weight. */
static uint32_t between(
    const void *first, size_t step_bytes, uint32_t count, double kelvin, double *weight)
{
    const char *at = first;
    uint32_t below = 0;
    *weight = 0;
    while (below + 1 < count &&
           kelvin >= (double)*(const float *)(const void *)(at + (below + 1) * step_bytes))
        below++;
    double low = (double)*(const float *)(const void *)(at + below * step_bytes);
    if (below + 1 == count || kelvin <= low)
        return below;
    double high = (double)*(const float *)(const void *)(at + (below + 1) * step_bytes);
    *weight = isp_clamp((1 / kelvin - 1 / low) / (1 / high - 1 / low), 0, 1);
    return below;
}

bool isp_tuning_has(const struct sisp_tuning *tuning, enum sisp_tuning_part part)
{
    return tuning && (tuning->parts >> part & 1);
}

const struct sisp_color_profile *isp_tuning_profile(
    const struct sisp_tuning *tuning, const struct sisp_raw_info *info)
{
    return isp_tuning_has(tuning, SISP_TUNING_PROFILE) ? &tuning->profile : &info->profile;
}

/* ---- white ------------------------------------------------------------------------------- */

static void white_chroma(const struct sisp_tuning_white *white, double log2_chroma[2])
{
    log2_chroma[0] = isp_log2((double)white->red_over_green);
    log2_chroma[1] = isp_log2((double)white->blue_over_green);
}

bool isp_tuning_white(const struct sisp_tuning *tuning, double cct_kelvin, double log2_chroma[2])
{
    double a[2], b[2], weight;
    if (!isp_tuning_has(tuning, SISP_TUNING_WHITE))
        return false;
    uint32_t i = between(&tuning->white[0].kelvin, sizeof(tuning->white[0]), tuning->white_count,
        cct_kelvin, &weight);
    white_chroma(&tuning->white[i], a);
    white_chroma(&tuning->white[weight > 0 ? i + 1 : i], b);
    for (int c = 0; c < 2; c++)
        log2_chroma[c] = (1 - weight) * a[c] + weight * b[c];
    return true;
}

double isp_tuning_cct(const struct sisp_tuning *tuning, const float wb_gains[3])
{
    if (!isp_tuning_has(tuning, SISP_TUNING_WHITE))
        return 0;
    double x = isp_log2((double)wb_gains[1] / (double)wb_gains[0]);
    double y = isp_log2((double)wb_gains[1] / (double)wb_gains[2]);
    double kelvin = (double)tuning->white[0].kelvin, best = 1e9;
    for (uint32_t i = 0; i + 1 < tuning->white_count; i++) {
        const struct sisp_tuning_white *w = &tuning->white[i];
        double a[2], b[2];
        white_chroma(&w[0], a);
        white_chroma(&w[1], b);
        double dx = b[0] - a[0], dy = b[1] - a[1], length2 = dx * dx + dy * dy;
        double along = (x - a[0]) * dx + (y - a[1]) * dy;
        double t = length2 > 0 ? isp_clamp(along / length2, 0, 1) : 0;
        double off_x = x - a[0] - t * dx, off_y = y - a[1] - t * dy;
        double distance2 = off_x * off_x + off_y * off_y;
        if (distance2 >= best)
            continue;
        best = distance2;
        kelvin = 1 / ((1 - t) / (double)w[0].kelvin + t / (double)w[1].kelvin);
    }
    return kelvin;
}

/* ---- colour matrix ------------------------------------------------------------------------- */

bool isp_tuning_ccm(const struct sisp_tuning *tuning, double cct_kelvin, double ccm[9])
{
    double weight;
    if (!isp_tuning_has(tuning, SISP_TUNING_COLOR))
        return false;
    uint32_t i = between(&tuning->colors[0].kelvin, sizeof(tuning->colors[0]), tuning->color_count,
        cct_kelvin, &weight);
    const struct sisp_tuning_color *a = &tuning->colors[i], *b = weight > 0 ? a + 1 : a;
    for (int k = 0; k < 9; k++)
        ccm[k] = (1 - weight) * (double)a->ccm[k] + weight * (double)b->ccm[k];
    /* White stays white, whatever the file's digits. */
    for (int k = 0; k < 9; k += 3) {
        double sum = ccm[k] + ccm[k + 1] + ccm[k + 2];
        if (!(sum > 0.05))
            return false;
        for (int c = 0; c < 3; c++)
            ccm[k + c] /= sum;
    }
    return true;
}

/* ---- lens shading -------------------------------------------------------------------------- */

/* Gains over the least one: the table corrects shading, not white balance. Returns 1 / least. */
static double mix_chroma(
    const float *low, const float *high, double weight, uint32_t count, double *out)
{
    double least = 1e9;
    for (uint32_t i = 0; i < count; i++) {
        out[i] = (1 - weight) * (double)low[i] + weight * (double)high[i];
        least = out[i] < least ? out[i] : least;
    }
    return least > 0 ? 1 / least : 1;
}

static void place_mesh(struct sisp_lsc_mesh *mesh, const struct sisp_raw_info *info)
{
    double width = info->crop.width ? info->crop.width : 1;
    double height = info->crop.height ? info->crop.height : 1;
    mesh->origin_x = (float)(0 - (double)info->crop.x / width);
    mesh->origin_y = (float)(0 - (double)info->crop.y / height);
    mesh->step_x = (float)((double)info->width / width / (mesh->cols - 1));
    mesh->step_y = (float)((double)info->height / height / (mesh->rows - 1));
}

bool isp_tuning_mesh(const struct sisp_tuning *tuning, const struct sisp_raw_info *info,
    double cct_kelvin, struct sisp_lsc_mesh *mesh)
{
    double red[SISP_TUNING_KNOTS_MAX], blue[SISP_TUNING_KNOTS_MAX], weight;
    if (!isp_tuning_has(tuning, SISP_TUNING_SHADING))
        return false;
    const struct sisp_tuning_shading *s = &tuning->shading;
    uint32_t count = s->cols * s->rows;
    uint32_t low =
        between(&s->tables[0].kelvin, sizeof(s->tables[0]), s->count, cct_kelvin, &weight);
    uint32_t high = weight > 0 ? low + 1 : low;
    double red_scale = mix_chroma(s->tables[low].red, s->tables[high].red, weight, count, red);
    double blue_scale = mix_chroma(s->tables[low].blue, s->tables[high].blue, weight, count, blue);
    mesh->cols = s->cols;
    mesh->rows = s->rows;
    place_mesh(mesh, info);
    for (uint32_t i = 0; i < count; i++) {
        double green = 1 + (double)s->strength * ((double)s->luminance[i] - 1);
        mesh->gain[SISP_SITE_R][i] = (float)(green * red[i] * red_scale);
        mesh->gain[SISP_SITE_GR][i] = mesh->gain[SISP_SITE_GB][i] = (float)green;
        mesh->gain[SISP_SITE_B][i] = (float)(green * blue[i] * blue_scale);
    }
    return true;
}
