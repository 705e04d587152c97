/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Merge: blocks of detail, from the samples of all frames at once.
 *
 * A frame that is read by itself is blurred where its own samples do not tell colours and detail
 * apart; all frames alike, so that no mean takes it away. Together their samples lie dense enough:
 * around each place a polynomial in x and y that all colours share, and each colour's level, are
 * fitted to them by weighted least squares (local polynomial regression: J. Fan, I. Gijbels, "Local
 * Polynomial Modelling and Its Applications", 1996; of pictures H. Takeda, S. Farsiu, P. Milanfar,
 * "Kernel Regression for Image Processing and Reconstruction", 2007). The more fine detail there is
 * beyond noise, along rows and along columns, the narrower is the window that way: less blur for
 * more noise. A frame counts if no sample of the block differs too much, by what its weights in
 * merge.c say.
 */
#include <isp/burst/merge_job.h>

#include <base/base.h>

#define TEXTURE 0.8F  /* both ways: of less, one frame tells enough */
#define ACCEPT  0.75F /* least share left of its weights by which a frame counts in full, */
#define REJECT  0.55F /* and not at all */
#define NOISE   0.4F  /* of a frame's: fits that leave more have too few frames */

/* Of a texture, from which on a narrower window is used. */
static const float narrower[FIT_WIDTHS - 1] = {2.5F, 5, 8};

static const struct fit_axis *axes_of(const struct merge *m, float texture)
{
    unsigned width = 0;
    while (width < FIT_WIDTHS - 1 && texture > narrower[width])
        width++;
    return m->filters->axes[width];
}

static float weight_of(const struct merge *m, uint32_t frame, uint32_t strip, uint32_t block)
{
    if (frame == m->burst->reference)
        return 1;
    if (!m->s->readings[frame][strip % STRIPS][block].is_whole)
        return 0;
    const float *left = &m->s->left[frame][block * BLOCK];
    float least = ACCEPT;
    for (unsigned i = 0; i < BLOCK; i++)
        least = left[i] < least ? left[i] : least;
    return least > REJECT ? (least - REJECT) / (ACCEPT - REJECT) / m->transform->noise[frame] : 0;
}

static void add_frame(
    const struct merge *m, uint32_t frame, uint32_t strip, const uint32_t blocks[FIT_BATCH])
{
    struct fit_frame *f = &m->s->batch.frames[m->s->batch.count++];
    f->noise = frame == m->burst->reference ? 1 : m->transform->noise[frame];
    for (unsigned k = 0; k < FIT_BATCH; k++) {
        const float *texture = m->s->blocks[strip % STRIPS][blocks[k]].texture;
        const struct merge_place place = merge_place_of(m, frame, strip, blocks[k]);
        f->across[k] = &axes_of(m, texture[0])[place.across];
        f->down[k] = &axes_of(m, texture[1])[place.down];
        f->is_odd[0][k] = -(place.shift[0] & 1);
        f->is_odd[1][k] = -(place.shift[1] & 1);
        f->weight[k] = weight_of(m, frame, strip, blocks[k]);
    }
}

/* Blocks of a strip. */
struct batch {
    uint32_t strip, count, blocks[FIT_BATCH];
    bool is_fit[FIT_BATCH];
    float light[FIT_BATCH][BLOCK][BLOCK]; /* beyond the blocks' means */
};

/* Adds what a frame, the batch's number i, tells of the blocks. */
static void read_frame(const struct merge *m, uint32_t frame, uint32_t i, struct batch *b)
{
    const struct fit_frame *f = &m->s->batch.frames[i];
    const uint32_t first = b->blocks[0], last = b->blocks[b->count - 1];
    struct merge_place places[BLOCKS];
    for (uint32_t k = first; k <= last; k++)
        places[k] = merge_place_of(m, frame, b->strip, k);
    const struct merge_view view =
        isp_merge_view(m, frame, b->strip, places, first, last - first + 1);
    const struct merge_codes codes = isp_merge_codes(m, frame);
    for (uint32_t k = 0; k < b->count; k++) {
        const uint32_t block = b->blocks[k];
        if (!b->is_fit[k] || f->weight[k] == 0)
            continue;
        const int64_t x = (int64_t)m->x0 + block * BLOCK - HALO + places[block].shift[0];
        const int64_t y = (int64_t)b->strip * BLOCK + places[block].shift[1];
        const struct fit_reading reading = {.codes = &codes,
            .block = &m->s->blocks[b->strip % STRIPS][block],
            .patch = isp_merge_patch(m, frame, &view, x - FILTER_SIDE / 2, y - FILTER_SIDE / 2),
            .row = (unsigned)(FILTER_SIDE / 2 + f->down[k]->first),
            .column = (unsigned)(FILTER_SIDE / 2 + f->across[k]->first)};
        b->is_fit[k] = !m->fit->read(&reading, &m->s->fit.taps[i], k, b->light[k]);
    }
}

/* In place of what the frames' differences sum up to. */
static void write_block(
    const struct merge *m, uint32_t strip, uint32_t block, float light[BLOCK][BLOCK], float noise)
{
    const float *mean = m->s->blocks[strip % STRIPS][block].mean;
    for (unsigned j = 0; j < BLOCK; j++) {
        const uint32_t slot = (strip * BLOCK + j) % RING;
        for (unsigned i = 0; i < BLOCK; i++) {
            const uint32_t x = block * BLOCK + i;
            const float fit = light[j][i] + mean[(j & 1) << 1 | (i & 1)];
            m->s->sum[j][x] = (fit - m->s->reference[slot][x]) * m->s->certainty[slot][x];
            m->s->weight[j][x] = 1;
            m->s->noise[j][x] = noise;
        }
    }
}

static void fit_batch(const struct merge *m, struct batch *b)
{
    const struct fit *fit = &m->s->fit;
    uint32_t frames[ISP_BURST_MAX];
    for (uint32_t k = b->count; k < FIT_BATCH; k++)
        b->blocks[k] = b->blocks[0];
    m->s->batch.count = 0;
    for (uint32_t i = 0; i < m->burst->count; i++) {
        if (i != m->burst->reference && !(m->transform->used >> i & 1))
            continue;
        frames[m->s->batch.count] = i;
        add_frame(m, i, b->strip, b->blocks);
    }
    for (unsigned site = 0; site < FIT_SITES; site++) {
        m->s->batch.channels[site] = m->channels[site >> 1][site & 1];
        for (unsigned k = 0; k < FIT_BATCH; k++)
            m->s->batch.worth[site][k] = m->s->blocks[b->strip % STRIPS][b->blocks[k]].worth[site];
    }
    m->fit->solve(&m->s->batch, &m->s->fit);
    for (uint32_t k = 0; k < b->count; k++)
        b->is_fit[k] = fit->most[k] < FIT_MOST && fit->noise[k] < NOISE;
    memset(b->light, 0, sizeof b->light);
    for (uint32_t i = 0; i < m->s->batch.count; i++)
        read_frame(m, frames[i], i, b);
    for (uint32_t k = 0; k < b->count; k++) {
        if (b->is_fit[k])
            write_block(m, b->strip, b->blocks[k], b->light[k], fit->noise[k]);
    }
}

void isp_merge_fit(const struct merge *m, uint32_t strip)
{
    const uint32_t first = HALO / BLOCK, end = first + (m->columns + BLOCK - 1) / BLOCK;
    struct batch b = {.strip = strip};
    for (uint32_t k = first; k < end; k++) {
        const float *texture = m->s->blocks[strip % STRIPS][k].texture;
        if (texture[0] + texture[1] > TEXTURE)
            b.blocks[b.count++] = k;
        if (b.count == FIT_BATCH || (b.count > 0 && k + 1 == end)) {
            fit_batch(m, &b);
            b.count = 0;
        }
    }
}
