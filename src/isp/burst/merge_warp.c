/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Merge: another frame's samples, read where the motion field says. */
#include <isp/burst/merge_job.h>

#include <base/base.h>

#define SLOPES     ((WINDOW_ROWS - 2) * (WINDOW_ROWS - 2)) /* of a block's window */
#define UNSURE     0.1F /* of what noise makes of their squares: how little tells of detail */
#define STRAIGHT   0.5F /* of the squares across: detail lies along where they are less */
#define CLIP_REACH 2    /* samples around a clipped one that a filter reads it for */

/* ---- what blocks are read by ----------------------------------------------------------------- */

/* Along rows or columns, if samples differ clearly less there than across, beyond noise. */
static enum filter_detail find_detail(const struct merge *m, uint32_t column, float level)
{
    const float noise = (level * m->noise_shot + m->noise_read) * (2 * SLOPES);
    float slope[2];
    for (unsigned k = 0; k < 2; k++) {
        const float *slopes = m->s->slopes[k] + column;
        float sum = 0;
        for (unsigned i = 0; i < WINDOW_ROWS - 2; i++)
            sum += slopes[i];
        slope[k] = (sum > noise ? sum - noise : 0) + noise * UNSURE;
    }
    return slope[0] < slope[1] * STRAIGHT   ? FILTER_ALONG_ROWS
           : slope[1] < slope[0] * STRAIGHT ? FILTER_ALONG_COLUMNS
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
    block->detail = find_detail(m, column, mean[1]);
    const float noise = __builtin_sqrtf(m->noise_shot * mean[1] + m->noise_read);
    for (unsigned k = 0; k < 4; k++) {
        const unsigned c = m->channels[k >> 1][k & 1];
        block->mean[k] = mean[c];
        block->colour[k] = (mean[c] + noise * m->neutral[c]) / (mean[1] + noise);
        block->level[k] = 1 / block->colour[k];
    }
}

void isp_merge_find_blocks(const struct merge *m)
{
    for (uint32_t k = 0; k < BLOCKS; k++) {
        if (merge_has_block(m, k))
            find_block(m, k * BLOCK, &m->s->blocks[k]);
    }
}

/* How a frame's codes stand to light: as many bits up as fit into 15. */
static struct merge_codes codes_of(const struct merge *m, uint32_t frame)
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

/* ---- a frame's samples ----------------------------------------------------------------------- */

/* Samples from (x, y) of the crop on, which may lie beyond it. */
struct view {
    int64_t x, y;
    uint32_t columns, rows;
    const uint8_t *words;
    size_t stride_bytes;
};

static const uint8_t *row_of(const struct merge *m, uint32_t frame, int64_t y)
{
    const struct isp_geometry *g = m->frame.geometry;
    return m->burst->raws[frame] +
           (size_t)(g->crop.y + unpack_mirror(y, m->height)) * g->raw_stride_bytes;
}

/* A view that reaches beyond the crop: what is there is mirrored, and never more apart. */
static void load_mirrored(
    const struct merge *m, uint32_t frame, const struct view *v, uint16_t lines[][VIEW_WORDS])
{
    uint16_t at[VIEW_WORDS], line[VIEW_WORDS];
    uint32_t first = UINT32_MAX, last = 0;
    for (uint32_t i = 0; i < v->columns; i++) {
        const uint32_t x = unpack_mirror(v->x + i, m->width);
        first = x < first ? x : first;
        last = x > last ? x : last;
    }
    for (uint32_t i = 0; i < v->columns; i++)
        at[i] = (uint16_t)(unpack_mirror(v->x + i, m->width) - first);
    uint32_t from = 0, to = v->columns; /* what is not mirrored */
    while (from < to && v->x + from < 0)
        from++;
    while (to > from && v->x + to > m->width)
        to--;
    const uint32_t x = m->frame.geometry->crop.x + first;
    for (uint32_t j = 0; j < v->rows; j++) {
        const uint16_t *words = m->frame.kernels->unpack(
            m->frame.packing, row_of(m, frame, v->y + j), x, last - first + 1, line);
        for (uint32_t i = 0; i < from; i++)
            lines[j][i] = words[at[i]];
        if (from < to)
            memcpy(&lines[j][from], &words[at[from]], (to - from) * sizeof *words);
        for (uint32_t i = to; i < v->columns; i++)
            lines[j][i] = words[at[i]];
    }
}

/* Fills lines with the view, or finds it in the frame itself. */
static void load_view(
    const struct merge *m, uint32_t frame, struct view *v, uint16_t lines[][VIEW_WORDS])
{
    const struct isp_geometry *g = m->frame.geometry;
    const uint32_t x = g->crop.x + (uint32_t)v->x;
    v->words = (const uint8_t *)lines[0];
    v->stride_bytes = sizeof lines[0];
    if (v->x < 0 || v->x + v->columns > m->width) {
        load_mirrored(m, frame, v, lines);
    } else if (m->frame.packing == SISP_PACKING_16 && v->y >= 0 && v->y + v->rows <= m->height) {
        v->words = row_of(m, frame, v->y) + 2 * (size_t)x;
        v->stride_bytes = g->raw_stride_bytes;
    } else {
        for (uint32_t j = 0; j < v->rows; j++) { /* all begin as far into their first group */
            const uint16_t *words = m->frame.kernels->unpack(
                m->frame.packing, row_of(m, frame, v->y + j), x, v->columns, lines[j]);
            v->words = (const uint8_t *)(words - (size_t)j * VIEW_WORDS);
        }
    }
}

/* ---- blocks ---------------------------------------------------------------------------------- */

/* Where a block is read: whole samples, and the filters for the rest. */
struct reading {
    int32_t shift[2];
    const struct filter_place *filters;
};

static unsigned split(int32_t vector, int32_t *whole)
{
    const int32_t shifted = vector + ISP_BURST_VECTOR_UNIT / 2;
    *whole = shifted >> 4;
    return (unsigned)(shifted & (ISP_BURST_VECTOR_UNIT - 1));
}

static struct reading reading_of(
    const struct merge *m, uint32_t frame, uint32_t strip, uint32_t block)
{
    const size_t rows = (m->height + BLOCK - 1) / BLOCK;
    const struct isp_burst_vector v = m->field[((size_t)frame * rows + strip) * m->blocks +
                                               (m->x0 + block * BLOCK - HALO) / BLOCK];
    struct reading r;
    const unsigned across = split(v.x, &r.shift[0]), down = split(v.y, &r.shift[1]);
    r.filters = &m->filters->places[m->s->blocks[block].detail]
                                   [(r.shift[1] & 1) << 1 | (r.shift[0] & 1)][down][across];
    return r;
}

/* The view that holds what most blocks read: from the middle one's displacement on, those that
 * leave all so far in ROOM. */
static struct view view_of(
    const struct merge *m, uint32_t strip, const struct reading r[], uint32_t first, uint32_t count)
{
    int32_t least[2], most[2];
    memcpy(least, r[first + count / 2].shift, sizeof least);
    memcpy(most, least, sizeof most);
    for (uint32_t k = first; k < first + count; k++) {
        int32_t low[2], high[2];
        for (unsigned i = 0; i < 2; i++) {
            low[i] = r[k].shift[i] < least[i] ? r[k].shift[i] : least[i];
            high[i] = r[k].shift[i] > most[i] ? r[k].shift[i] : most[i];
        }
        if (high[0] - low[0] > ROOM || high[1] - low[1] > ROOM)
            continue;
        memcpy(least, low, sizeof least);
        memcpy(most, high, sizeof most);
    }
    return (struct view){.x = (int64_t)m->x0 + first * BLOCK - HALO + least[0] - FILTER_SIDE / 2,
        .y = (int64_t)strip * BLOCK + least[1] - FILTER_SIDE / 2,
        .columns = (count - 1) * BLOCK + PATCH_ROW + (uint32_t)(most[0] - least[0]),
        .rows = PATCH + (uint32_t)(most[1] - least[1])};
}

static bool holds(const struct view *v, int64_t x, int64_t y)
{
    return x >= v->x && y >= v->y && x + PATCH_ROW <= v->x + v->columns &&
           y + PATCH <= v->y + v->rows;
}

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
    struct view view;
};

static void warp_block(
    const struct merge *m, const struct warping *w, const struct reading *r, uint32_t k)
{
    const uint32_t column = k * BLOCK, y = w->strip * BLOCK, slot = y % RING;
    const int64_t from[2] = {
        (int64_t)m->x0 + column - HALO + r->shift[0], (int64_t)y + r->shift[1]};
    const int64_t at[2] = {from[0] - FILTER_SIDE / 2, from[1] - FILTER_SIDE / 2};
    const float own = r->filters->noise * m->transform->noise[w->frame];
    const float noise = __builtin_sqrtf(1 + own); /* of a difference */
    const struct merge_target target = {.reference = &m->s->reference[slot][column],
        .certainty = &m->s->certainty[slot][column],
        .difference = &m->s->difference[w->frame][slot][column],
        .unit = SIGMA / noise};
    struct view apart = {.x = at[0], .y = at[1], .columns = PATCH_ROW, .rows = PATCH};
    const struct view *v = &w->view;
    if (!holds(v, at[0], at[1])) {
        load_view(m, w->frame, &apart, m->s->apart);
        v = &apart;
    }
    const struct merge_patch patch = {
        .words = v->words + (size_t)(at[1] - v->y) * v->stride_bytes + 2 * (size_t)(at[0] - v->x),
        .stride_bytes = v->stride_bytes,
        .row = (unsigned)at[1] & 1,
        .column = (unsigned)at[0] & 1};
    m->s->readings[w->frame][w->strip % STRIPS][k] =
        (struct merge_reading){own, noise * (1.0F / SIGMA), own * (1 + UNSEEN_OWN) + UNSEEN};
    const bool any_white =
        m->kernels->warp(&w->codes, &m->s->blocks[k], &patch, r->filters, &target);
    const bool is_inside =
        from[0] >= 0 && from[1] >= 0 && from[0] + BLOCK <= m->width && from[1] + BLOCK <= m->height;
    const uint8_t *clipped = &m->s->is_clipped[slot][column];
    if (any_white || !is_inside || (m->s->any_clipped && has_any(clipped)))
        set_aside(
            m, &patch, from, clipped, m->transform->gain[w->frame] < LONGER, target.difference);
}

/* A row that the next strip's view is likely to have more than this one: all at once are more than
 * a core can wait for. */
static void prefetch_below(
    const struct merge *m, uint32_t frame, const struct view *v, uint32_t row)
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
    struct reading readings[BLOCKS];
    uint32_t first = BLOCKS, count = 0;
    for (uint32_t k = 0; k < BLOCKS; k++) {
        if (!merge_has_block(m, k))
            continue;
        first = k < first ? k : first;
        count++;
        readings[k] = reading_of(m, frame, strip, k);
    }
    struct warping w = {.frame = frame,
        .strip = strip,
        .codes = codes_of(m, frame),
        .view = view_of(m, strip, readings, first, count)};
    load_view(m, frame, &w.view, m->s->view);
    for (uint32_t k = first; k < first + count; k++) {
        if ((k - first) % (BLOCKS / BLOCK) == 0)
            prefetch_below(m, frame, &w.view, (k - first) / (BLOCKS / BLOCK));
        if (k + 1 < first + count)
            prefetch_filters(readings[k + 1].filters);
        warp_block(m, &w, &readings[k], k);
    }
}
