/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Raw rows to linear samples. Row kernels of the still path are one text, built once per
 * instruction set level (ISA_NAME): plain loops over unit strides that compilers vectorise; every
 * operation is IEEE single precision in a fixed order, hence the same bits at every level.
 */
#include <isp/still/kernels.h>
#include <isp/still/unpack.h>

/* Knots of one row of samples: gain, and how far it is to the next knot. */
struct knots {
    float gain[SISP_LSC_KNOTS_MAX], delta[SISP_LSC_KNOTS_MAX];
};

static void lsc_row(
    const struct isp_still_recipe *recipe, enum sisp_site site, uint32_t y, struct knots *out)
{
    const struct sisp_lsc_mesh *mesh = &recipe->lsc;
    float v = (float)y * recipe->lsc_scale[1] + recipe->lsc_offset[1];
    v = still_clamp(v, 0, (float)(mesh->rows - 1));
    uint32_t j = (uint32_t)v, next = j + 1 < mesh->rows ? j + 1 : j;
    const float *a = mesh->gain[site] + (size_t)j * mesh->cols;
    const float *b = mesh->gain[site] + (size_t)next * mesh->cols;
    for (uint32_t i = 0; i < mesh->cols; i++)
        out->gain[i] = a[i] + (v - (float)j) * (b[i] - a[i]);
    for (uint32_t i = 0; i + 1 < mesh->cols; i++)
        out->delta[i] = out->gain[i + 1] - out->gain[i];
    out->delta[mesh->cols - 1] = 0;
}

/* Cells first.. of the crop. */
static void lsc_apply(const struct isp_still_recipe *recipe, const struct knots *knots,
    unsigned phase, uint32_t first, uint32_t count, float *row)
{
    const float scale = recipe->lsc_scale[0], offset = recipe->lsc_offset[0];
    const float last = (float)(recipe->lsc.cols - 1);
    const int32_t column = (int32_t)(2 * first + phase);
    for (int32_t k = 0; k < (int32_t)count; k++) {
        float u = still_clamp((float)(2 * k + column) * scale + offset, 0, last);
        int32_t i = (int32_t)u;
        row[k] *= knots->gain[i] + (u - (float)i) * knots->delta[i];
    }
}

static void cap_row(float *restrict row, uint32_t count, float limit)
{
    for (uint32_t k = 0; k < count; k++)
        row[k] = row[k] < limit ? row[k] : limit;
}

/* Columns x0..x1-1 of the strip lie beyond the picture's ends. */
static void mirror(
    const struct still_strip *strip, const struct still_line *line, int64_t x0, int64_t x1)
{
    for (int64_t x = x0; x < x1; x++) {
        uint32_t from = unpack_mirror(x, strip->recipe->geometry.crop.width);
        float *row = line->phase[from & 1] - (int64_t)(strip->x / 2);
        row[(x - (from & 1)) / 2] = row[from / 2];
    }
}

void STILL_SYMBOL(still_linearise, ISA_NAME)(const struct still_strip *strip, const uint8_t *raw,
    uint32_t y, const struct still_line *line, uint16_t *words)
{
    const struct isp_still_recipe *recipe = strip->recipe;
    const struct sisp_rect *crop = &recipe->geometry.crop;
    const uint8_t *row = raw + (size_t)(crop->y + y) * recipe->geometry.raw_stride_bytes;
    const int64_t start = (int64_t)strip->x - 2 * (int64_t)strip->margin;
    const int64_t stop = (int64_t)strip->x + 2 * ((int64_t)strip->cells + strip->margin);
    const uint32_t x0 = start < 0 ? 0 : (uint32_t)start;
    const uint32_t x1 = stop < crop->width ? (uint32_t)stop : crop->width;
    const uint16_t *samples = unpack_row(recipe->packing, row, crop->x + x0, x1 - x0, words);
    for (unsigned phase = 0; phase < 2; phase++) {
        enum sisp_site site = unpack_site(recipe->cfa, phase, y);
        const float black = recipe->black[site], scale = recipe->scale[site];
        const uint32_t count = (x1 - x0 + 1 - phase) / 2;
        float *restrict out = line->phase[phase] + (int64_t)(x0 / 2) - (int64_t)(strip->x / 2);
        for (uint32_t k = 0; k < count; k++)
            out[k] = ((float)samples[2 * k + phase] - black) * scale;
        if (recipe->lsc.cols) {
            struct knots knots;
            lsc_row(recipe, site, y, &knots);
            lsc_apply(recipe, &knots, phase, x0 / 2, count, out);
        }
        cap_row(out, count, recipe->clip_level);
    }
    mirror(strip, line, start, x0);
    mirror(strip, line, x1, stop);
}
