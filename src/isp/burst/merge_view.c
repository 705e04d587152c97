/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Merge: where a frame's samples are that a strip's blocks read. */
#include <isp/burst/merge_job.h>

#include <base/base.h>

/* A frame's samples that a strip's blocks read are unpacked once, as far as the blocks' whole
 * displacements differ by no more than ROOM. */

static const uint8_t *row_of(const struct merge *m, uint32_t frame, int64_t y)
{
    const struct isp_geometry *g = m->frame.geometry;
    return m->burst->raws[frame] +
           (size_t)(g->crop.y + unpack_mirror(y, m->height)) * g->raw_stride_bytes;
}

/* A view that reaches beyond the crop: what is there is mirrored, and never more apart. */
static void load_mirrored(
    const struct merge *m, uint32_t frame, const struct merge_view *v, uint16_t lines[][VIEW_WORDS])
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
    const struct merge *m, uint32_t frame, struct merge_view *v, uint16_t lines[][VIEW_WORDS])
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

/* The view that holds what most blocks read: from the middle one's displacement on, those that
 * leave all so far in ROOM. */
static struct merge_view view_of(const struct merge *m, uint32_t strip,
    const struct merge_place r[], uint32_t first, uint32_t count)
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
    return (struct merge_view){
        .x = (int64_t)m->x0 + first * BLOCK - HALO + least[0] - FILTER_SIDE / 2,
        .y = (int64_t)strip * BLOCK + least[1] - FILTER_SIDE / 2,
        .columns = (count - 1) * BLOCK + PATCH_ROW + (uint32_t)(most[0] - least[0]),
        .rows = PATCH + (uint32_t)(most[1] - least[1])};
}

static bool holds(const struct merge_view *v, int64_t x, int64_t y)
{
    return x >= v->x && y >= v->y && x + PATCH_ROW <= v->x + v->columns &&
           y + PATCH <= v->y + v->rows;
}

struct merge_view isp_merge_view(const struct merge *m, uint32_t frame, uint32_t strip,
    const struct merge_place places[], uint32_t first, uint32_t count)
{
    struct merge_view v = view_of(m, strip, places, first, count);
    load_view(m, frame, &v, m->s->view);
    return v;
}

struct merge_patch isp_merge_patch(
    const struct merge *m, uint32_t frame, const struct merge_view *v, int64_t x, int64_t y)
{
    struct merge_view apart = {.x = x, .y = y, .columns = PATCH_ROW, .rows = PATCH};
    if (!holds(v, x, y)) {
        load_view(m, frame, &apart, m->s->apart);
        v = &apart;
    }
    return (struct merge_patch){
        .words = v->words + (size_t)(y - v->y) * v->stride_bytes + 2 * (size_t)(x - v->x),
        .stride_bytes = v->stride_bytes,
        .row = (unsigned)y & 1,
        .column = (unsigned)x & 1};
}
