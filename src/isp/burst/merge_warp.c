/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Merge: another frame's samples, read where the motion field says. */
#include <isp/burst/merge_job.h>

#include <base/base.h>

#define FINE_NOISE 10.0F /* variance of what tells of fine detail, over a sample's */
#define UNSURE     0.3F  /* of a texture: how little tells of its direction */
#define STRAIGHT   0.5F  /* of the texture across: detail lies along where there is less */
#define CLIP_REACH 2     /* samples around a clipped one that a filter reads it for */

/* ---- what blocks are read by ----------------------------------------------------------------- */

/* `variance`: of a sample, colours brought to one level. */
static void find_detail(
    const struct merge *m, uint32_t column, float variance, struct merge_block *block)
{
    const float(*window)[WINDOW_SPAN] = (const float(*)[WINDOW_SPAN])(m->s->window[0] + column);
    float *texture = block->texture;
    m->kernels->find_texture(window, block->level, texture);
    for (unsigned k = 0; k < 2; k++) {
        texture[k] = texture[k] / variance - FINE_NOISE;
        texture[k] = texture[k] > 0 ? texture[k] : 0;
    }
    block->detail = texture[0] + UNSURE < (texture[1] + UNSURE) * STRAIGHT   ? FILTER_ALONG_ROWS
                    : texture[1] + UNSURE < (texture[0] + UNSURE) * STRAIGHT ? FILTER_ALONG_COLUMNS
                                                                             : FILTER_ANY;
}

/* Mean of each colour around a block over that of green, drawn to that of white where it is lost in
 * noise: what one colour shows in detail, the others are expected to show in proportion. */
static void find_block(const struct merge *m, uint32_t column, struct merge_block *block)
{
    float sum[4] = {0}, mean[3] = {0}, count[3] = {0};
    for (unsigned j = 0; j < 2; j++) {
        const float *sums = m->s->column_sums[j] + column;
        for (unsigned i = 0; i < WINDOW_ROWS; i += 2) {
            sum[2 * j] += sums[i];
            sum[2 * j + 1] += sums[i + 1];
        }
    }
    for (unsigned k = 0; k < 4; k++) {
        const unsigned c = m->channels[k >> 1][k & 1];
        mean[c] += sum[k];
        count[c]++;
    }
    for (unsigned c = 0; c < 3; c++)
        mean[c] = count[c] > 0 && mean[c] > 0
                      ? mean[c] * (4.0F / WINDOW_ROWS / WINDOW_ROWS) / count[c]
                      : 0;
    const float variance = m->noise_shot * mean[1] + m->noise_read;
    const float noise = __builtin_sqrtf(variance);
    float all = 0; /* variances, colours brought to one level */
    for (unsigned k = 0; k < 4; k++) {
        const unsigned c = m->channels[k >> 1][k & 1];
        const float colour = (mean[c] + noise * m->neutral[c]) / (mean[1] + noise);
        const float own = (m->noise_shot * mean[c] + m->noise_read) / (colour * colour);
        block->mean[k] = mean[c];
        block->colour[k] = colour;
        block->level[k] = 1 / colour;
        block->worth[k] = variance / own;
        all += own;
    }
    find_detail(m, column, all / 4, block);
}

void isp_merge_find_blocks(const struct merge *m, uint32_t strip)
{
    for (uint32_t k = 0; k < BLOCKS; k++) {
        if (merge_has_block(m, k))
            find_block(m, k * BLOCK, &m->s->blocks[strip % STRIPS][k]);
    }
}

/* How a frame's codes stand to light: as many bits up as fit into 15. */
struct merge_codes isp_merge_codes(const struct merge *m, uint32_t frame)
{
    struct merge_codes codes = {.white = (uint16_t)m->burst->coefficients->white_level};
    codes.down = codes.white > INT16_MAX;
    while (codes.white << (codes.up + 1) <= INT16_MAX && codes.up < 14)
        codes.up++;
    const float unit = (float)(1U << codes.up) * (codes.down ? 0.5F : 1);
    for (unsigned k = 0; k < 4; k++) {
        const float light = m->scale[k >> 1][k & 1] * m->transform->gain[frame];
        codes.black[k] = m->black[k >> 1][k & 1] * unit;
        codes.light[k] = light / unit;
        codes.words[k] = unit / light;
    }
    return codes;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

/* Of each row of the block, bit by bit, the samples that clipped ones of the frame are near. */
static void find_clipped_near(
    const struct merge *m, const struct merge_patch *p, uint32_t near[BLOCK])
{
    const uint16_t white = (uint16_t)m->burst->coefficients->white_level;
    const unsigned first = FILTER_SIDE / 2 - CLIP_REACH, side = 2 * CLIP_REACH + 1;
    memset(near, 0, BLOCK * sizeof *near);
    for (unsigned j = 0; j < BLOCK + side - 1; j++) {
        uint32_t clipped = 0, across = 0;
        for (unsigned i = 0; i < BLOCK + side - 1; i++) {
            uint16_t word;
            memcpy(&word, p->words + (first + j) * p->stride_bytes + (size_t)2 * (first + i),
                sizeof word);
            clipped |= (uint32_t)(word >= white) << i;
        }
        for (unsigned i = 0; i < side; i++)
            across |= clipped >> i;
        for (unsigned k = j < side ? 0 : j - side + 1; k <= j && k < BLOCK; k++)
            near[k] |= across;
    }
}

/* Differences that mean nothing: where the frame has no samples nothing is accepted; where it, or
 * the reference, is clipped, nothing changes, but that what a longer exposure clips says nothing of
 * what the reference saw. */
static void set_aside(const struct merge *m, const struct merge_patch *p, const int64_t from[2],
    const uint8_t *clipped, bool is_longer, int16_t *difference)
{
    uint32_t near[BLOCK];
    find_clipped_near(m, p, near);
    for (unsigned j = 0; j < BLOCK; j++) {
        for (unsigned i = 0; i < BLOCK; i++) {
            const int64_t x = from[0] + i, y = from[1] + j;
            int16_t *d = &difference[j * (SPAN + SLACK) + i];
            const bool is_white = clipped[j * SPAN + i];
            if (is_white || near[j] >> i & 1)
                *d = is_longer && !is_white ? ASIDE : 0;
            else if (x < 0 || y < 0 || x >= m->width || y >= m->height)
                *d = ASIDE;
        }
    }
}

static bool has_any(const uint8_t *clipped)
{
    uint64_t all = 0;
    for (unsigned j = 0; j < BLOCK; j++) {
        uint64_t row;
        memcpy(&row, clipped + (size_t)j * SPAN, sizeof row);
        all |= row;
    }
    return all != 0;
}

/* What all blocks of a frame's strip are read by. */
struct warping {
    uint32_t frame, strip;
    struct merge_codes codes;
    struct merge_view view;
};

static const struct filter_place *filters_of(
    const struct merge *m, const struct merge_place *place, const struct merge_block *block)
{
    return &m->filters->places[block->detail][(place->shift[1] & 1) << 1 | (place->shift[0] & 1)]
                              [place->down][place->across];
}

static void warp_block(
    const struct merge *m, const struct warping *w, const struct merge_place *place, uint32_t k)
{
    const struct merge_block *block = &m->s->blocks[w->strip % STRIPS][k];
    const struct filter_place *filters = filters_of(m, place, block);
    const uint32_t column = k * BLOCK, y = w->strip * BLOCK, slot = y % RING;
    const int64_t from[2] = {
        (int64_t)m->x0 + column - HALO + place->shift[0], (int64_t)y + place->shift[1]};
    const int64_t at[2] = {from[0] - FILTER_SIDE / 2, from[1] - FILTER_SIDE / 2};
    const float own = filters->noise * m->transform->noise[w->frame];
    const float noise = __builtin_sqrtf(1 + own); /* of a difference */
    const struct merge_target target = {.reference = &m->s->reference[slot][column],
        .certainty = &m->s->certainty[slot][column],
        .difference = &m->s->difference[w->frame][slot][column],
        .unit = SIGMA / noise};
    const struct merge_patch patch = isp_merge_patch(m, w->frame, &w->view, at[0], at[1]);
    m->s->readings[w->frame][w->strip % STRIPS][k] =
        (struct merge_reading){own, noise * (1.0F / SIGMA), own * (1 + UNSEEN_OWN) + UNSEEN, true};
    const bool any_white = m->kernels->warp(&w->codes, block, &patch, filters, &target);
    const bool is_inside =
        from[0] >= 0 && from[1] >= 0 && from[0] + BLOCK <= m->width && from[1] + BLOCK <= m->height;
    const uint8_t *clipped = &m->s->is_clipped[slot][column];
    if (any_white || !is_inside || (m->s->any_clipped && has_any(clipped))) {
        m->s->readings[w->frame][w->strip % STRIPS][k].is_whole = false;
        set_aside(
            m, &patch, from, clipped, m->transform->gain[w->frame] < LONGER, target.difference);
    }
}

/* A row that the next strip's view is likely to have more than this one: all at once are more than
 * a core can wait for. */
static void prefetch_below(
    const struct merge *m, uint32_t frame, const struct merge_view *v, uint32_t row)
{
    const int64_t x0 = v->x > 0 ? v->x : 0, y = v->y + v->rows + row;
    const int64_t x1 = v->x + v->columns < m->width ? v->x + v->columns : m->width;
    if (x0 < x1 && y >= 0 && y < m->height)
        isp_burst_prefetch(&m->frame, m->burst->raws[frame],
            (struct burst_part){(uint32_t)x0, (uint32_t)y, (uint32_t)(x1 - x0)});
}

/* There are more of them than a core's caches hold. */
static void prefetch_filters(const struct filter_place *f)
{
    for (size_t at = 0; at < sizeof *f; at += CACHE_LINE)
        __builtin_prefetch((const uint8_t *)f + at);
}

void isp_merge_warp(const struct merge *m, uint32_t frame, uint32_t strip)
{
    struct merge_place places[BLOCKS];
    uint32_t first = BLOCKS, count = 0;
    for (uint32_t k = 0; k < BLOCKS; k++) {
        if (!merge_has_block(m, k))
            continue;
        first = k < first ? k : first;
        count++;
        places[k] = merge_place_of(m, frame, strip, k);
    }
    struct warping w = {.frame = frame,
        .strip = strip,
        .codes = isp_merge_codes(m, frame),
        .view = isp_merge_view(m, frame, strip, places, first, count)};
    for (uint32_t k = first; k < first + count; k++) {
        if ((k - first) % (BLOCKS / BLOCK) == 0)
            prefetch_below(m, frame, &w.view, (k - first) / (BLOCKS / BLOCK));
        if (k + 1 < first + count)
            prefetch_filters(filters_of(m, &places[k + 1], &m->s->blocks[strip % STRIPS][k + 1]));
        warp_block(m, &w, &places[k], k);
    }
}
