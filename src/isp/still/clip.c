/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From which level on samples count as clipped. Sensors saturate at the stated white level or up to
 * a tenth below it, each colour elsewhere; there clipped samples pile up, while what is bright and
 * not clipped has to stay what it is.
 */
#include <isp/still/still.h>
#include <isp/still/unpack.h>

#define BINS     16  /* from STILL_CLIPPED to the white level */
#define ROW_STEP 16  /* pairs of rows: one of so many is looked at */
#define PART     512 /* columns at a time */
#define FEW      64  /* samples, of which nothing can be said */
#define RARE     64  /* one of so many may lie beyond a pile */
#define SPREAD   3   /* bins from where a pile is rare down to its middle, at most */

struct histogram {
    float first, per_code; /* bin = (code - first) * per_code */
    uint32_t count[BINS + 1];
};

static void count_row(
    struct histogram h[2], const struct isp_geometry *g, const uint8_t *raw, uint32_t y)
{
    const uint8_t *row = raw + (size_t)(g->crop.y + y) * g->raw_stride_bytes;
    for (uint32_t x = 0; x < g->crop.width; x += PART) {
        const uint32_t count = g->crop.width - x < PART ? g->crop.width - x : PART;
        uint16_t words[PART + UNPACK_SLACK];
        const uint16_t *in =
            unpack_row(isp_geometry_format(g)->packing, row, g->crop.x + x, count, words);
        for (uint32_t i = 0; i < count; i++) {
            struct histogram *at = &h[i & 1];
            const float bin = ((float)in[i] - at->first) * at->per_code;
            if (bin >= 0)
                at->count[bin < BINS ? (int32_t)bin : BINS]++;
        }
    }
}

/* The bin at which the pile of clipped samples begins. Without one it is the upper flank of what
 * is bright. */
static uint32_t foot_of(const struct histogram *h)
{
    uint32_t total = 0, above = h->count[BINS], top = BINS;
    for (uint32_t i = 0; i <= BINS; i++)
        total += h->count[i];
    if (total < FEW)
        return 0;
    while (top > 0 && above < total / RARE)
        above += h->count[--top];
    uint32_t peak = top;
    for (uint32_t i = top > SPREAD ? top - SPREAD : 0; i < top; i++)
        peak = h->count[i] > h->count[peak] ? i : peak;
    uint32_t foot = peak;
    while (foot > 0 && h->count[foot - 1] <= h->count[foot] &&
           h->count[foot - 1] > h->count[peak] / RARE)
        foot--;
    /* Of a wide pile some lie beyond where it is rare. */
    const uint32_t width = peak - foot;
    return foot - (foot < width / 2 ? foot : width / 2);
}

void isp_still_find_clip(struct isp_still_recipe *recipe, const struct isp_geometry *geometry,
    const struct sisp_coefficients *c, const uint8_t *raw)
{
    struct histogram h[SISP_SITE_COUNT] = {0};
    float span[SISP_SITE_COUNT];
    if (!recipe->style.is_recovered)
        return;
    for (unsigned k = 0; k < SISP_SITE_COUNT; k++) { /* by row and column */
        const enum sisp_site site = unpack_site(recipe->cfa, k & 1, k >> 1);
        span[k] = c->white_level - c->black_level[site];
        h[k].first = c->black_level[site] + STILL_CLIPPED * span[k];
        h[k].per_code = BINS / ((1 - STILL_CLIPPED) * span[k]);
    }
    for (uint32_t y = 0; y + 1 < geometry->crop.height; y += 2 * ROW_STEP) {
        count_row(h, geometry, raw, y);
        count_row(h + 2, geometry, raw, y + 1);
    }
    for (unsigned k = 0; k < SISP_SITE_COUNT; k++) {
        const enum sisp_site site = unpack_site(recipe->cfa, k & 1, k >> 1);
        const float share = (1 - STILL_CLIPPED) / BINS * (float)foot_of(&h[k]);
        recipe->mark[site] += share / STILL_CLIPPED * (recipe->mark[site] - recipe->black[site]);
    }
}
