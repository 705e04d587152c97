/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the cases develop: a frame that looks natural to a CPU, and usual coefficients. */
#include "bench/bench_cases.h"

#include "base/prng.h"

#include <math.h>
#include <string.h>

#define BLACK 64
#define WHITE 1023

/* Smooth structure, edges, and shot noise of about 1000 electrons at white. */
static unsigned scene(uint32_t x, uint32_t y, struct base_prng *prng)
{
    const uint64_t random = base_prng_next(prng);
    const float normal = ((float)(random & 0xffff) + (float)(random >> 16 & 0xffff) +
                             (float)(random >> 32 & 0xffff) - 98304) /
                         32768;
    float light = 0.35f + 0.25f * sinf((float)x * 0.011f) * cosf((float)y * 0.017f);
    light += (x / 97 + y / 61) % 5 == 0 ? 0.35f : 0;
    float v = BLACK + (WHITE - BLACK) * (light + 0.03f * sqrtf(light) * normal);
    return v < 0 ? 0 : v > WHITE ? WHITE : (unsigned)v;
}

static void put_sample(uint8_t *row, enum sisp_packing packing, uint32_t x, unsigned v)
{
    if (packing == SISP_PACKING_8) {
        row[x] = (uint8_t)(v >> 2);
    } else if (packing == SISP_PACKING_10P) {
        row[x / 4 * 5 + x % 4] = (uint8_t)(v >> 2);
        row[x / 4 * 5 + 4] |= (uint8_t)((v & 3) << 2 * (x % 4));
    } else {
        row[2 * x] = (uint8_t)v;
        row[2 * x + 1] = (uint8_t)(v >> 8);
    }
}

void bench_scene_fill(uint8_t *frame, const struct isp_geometry *g, unsigned number)
{
    const enum sisp_packing packing = isp_geometry_format(g)->packing;
    struct base_prng prng = {1 + number};
    memset(frame, 0, g->raw_stride_bytes * g->raw_height);
    for (uint32_t y = 0; y < g->raw_height; y++) {
        for (uint32_t x = 0; x < g->raw_width; x++)
            put_sample(frame + y * g->raw_stride_bytes, packing, x,
                scene(x + 3 * number, y + number, &prng));
    }
}

void bench_scene_coefficients(struct sisp_coefficients *c)
{
    static const float ccm[9] = {1.7f, -0.5f, -0.2f, -0.3f, 1.6f, -0.3f, 0, -0.6f, 1.6f};
    for (int site = 0; site < SISP_SITE_COUNT; site++)
        c->black_level[site] = BLACK;
    c->white_level = WHITE;
    c->wb_gains[0] = 1.9f;
    c->wb_gains[1] = 1;
    c->wb_gains[2] = 1.6f;
    c->clip_level = 1;
    memcpy(c->ccm, ccm, sizeof(ccm));
    for (unsigned i = 0; i < SISP_TONE_KNOTS; i++)
        c->tone[i] = powf(sisp_tone_knot(i), 1 / 2.2f);
    c->lsc.cols = 17;
    c->lsc.rows = 13;
    c->lsc.step_x = 1.0f / 16;
    c->lsc.step_y = 1.0f / 12;
    for (uint32_t k = 0; k < c->lsc.cols * c->lsc.rows; k++) {
        const float x = (float)(k % 17) / 8 - 1, y = (float)(k / 17) / 6 - 1;
        for (int site = 0; site < SISP_SITE_COUNT; site++)
            c->lsc.gain[site][k] = 1 + (0.4f + 0.05f * (float)site) * (x * x + y * y);
    }
}
