/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Merge: each sample of the reference plus the weighted mean of the other frames' differences to
 * it.
 *
 * A frame is read where the motion field says, between its samples, by filters that look at all
 * colours (filters.c); that leaves a little noise out and makes an error of its own at fine detail.
 * Samples are read as whole numbers of 15 bits and a sign, around the block's mean, each colour in
 * proportion to it.
 * A frame's weight is that of the best linear mean: one over the variance of its noise and of what
 * its differences around the sample, squared and summed, have beyond noise. All colours are summed
 * together, so that rejection makes no colours; every threshold is in variances of the noise.
 * Blocks of detail are then made anew from the frames that are accepted in them: merge_fit.c.
 */
#include <isp/burst/merge_job.h>

#include <base/base.h>

size_t isp_burst_merge_scratch_size(const struct isp_geometry *geometry)
{
    (void)geometry;
    return sizeof(struct scratch) + ISP_BURST_MAX * RING * (SPAN + SLACK) * sizeof(int16_t);
}

/* ---- the reference --------------------------------------------------------------------------- */

/* Row y of a window, whose column i is x0 - HALO - MARGIN + i; what is beside the crop is mirrored,
 * as far as any block looks. Returns whether any sample is clipped. */
static bool load_line(const struct merge *m, uint32_t y, float *out)
{
    const struct isp_geometry *g = m->frame.geometry;
    const float *black = m->black[y & 1], *scale = m->scale[y & 1];
    const int32_t first = (int32_t)m->x0 - HALO - MARGIN, width = (int32_t)m->width;
    const int32_t from = first < 0 ? -first : 0;
    const int32_t to = width - first < WINDOW_SPAN ? width - first : WINDOW_SPAN;
    const uint8_t *bytes = m->burst->raws[m->burst->reference];
    const uint16_t *in = m->frame.kernels->unpack(m->frame.packing,
        bytes + (size_t)(g->crop.y + y) * g->raw_stride_bytes, g->crop.x + (uint32_t)(first + from),
        (uint32_t)(to - from), m->s->words);
    const unsigned odd = (unsigned)(first + from) & 1;
    const struct merge_levels levels = {{black[odd], black[odd ^ 1]}, {scale[odd], scale[odd ^ 1]},
        (uint16_t)m->burst->coefficients->white_level};
    if (y + BLOCK < m->height) /* the next strip's */
        isp_burst_prefetch(&m->frame, bytes,
            (struct burst_part){(uint32_t)(first + from), y + BLOCK, (uint32_t)(to - from)});
    const bool any_white = m->kernels->lighten(in, (uint32_t)(to - from), &levels, out + from);
    const int32_t end = to + HALO + MARGIN < WINDOW_SPAN ? to + HALO + MARGIN : WINDOW_SPAN;
    for (int32_t i = from ? 0 : to; i < end; i = i + 1 == from ? to : i + 1) {
        const int32_t at = (int32_t)unpack_mirror((int64_t)first + i, m->width) - first;
        out[i] = at >= from && at < to ? out[at] : 0;
    }
    memset(out + end, 0, (size_t)(WINDOW_SPAN - end) * sizeof *out);
    return any_white;
}

/* Which of a window's row's samples are clipped. */
static void find_clipped(const struct merge *m, uint32_t y, const float *row, uint8_t *restrict out)
{
    const float white = m->burst->coefficients->white_level;
    const float *black = m->black[y & 1], *scale = m->scale[y & 1];
    const float levels[2] = {(white - black[0]) * scale[0], (white - black[1]) * scale[1]};
    for (uint32_t i = 0; i < SPAN; i++)
        out[i] = row[MARGIN + i] >= levels[i & 1];
}

static void load_window(const struct merge *m, uint32_t strip)
{
    memset(m->s->column_sums, 0, sizeof m->s->column_sums);
    m->s->any_clipped = false;
    for (unsigned j = 0; j < WINDOW_ROWS; j++) {
        const uint32_t y = unpack_mirror((int64_t)strip * BLOCK - MARGIN + j, m->height);
        const float *row = m->s->window[j];
        float *restrict sums = m->s->column_sums[y & 1];
        const bool any_white = load_line(m, y, m->s->window[j]);
        for (unsigned i = 0; i < WINDOW_SPAN; i++)
            sums[i] += row[i];
        if (j < MARGIN || j >= MARGIN + BLOCK)
            continue;
        uint8_t *clipped = m->s->is_clipped[(strip * BLOCK + j - MARGIN) % RING];
        m->s->any_clipped |= any_white;
        if (any_white)
            find_clipped(m, y, row, clipped);
        else
            memset(clipped, 0, SPAN);
    }
}

/* The strip's rows, and the noise of their samples from the mean of nine of a colour. */
static void load_reference(const struct merge *m, uint32_t strip)
{
    load_window(m, strip);
    for (unsigned j = 0; j < BLOCK; j++) {
        const unsigned slot = (strip * BLOCK + j) % RING;
        const float *const rows[3] = {m->s->window[j + MARGIN - 2] + MARGIN - 2,
            m->s->window[j + MARGIN] + MARGIN - 2, m->s->window[j + MARGIN + 2] + MARGIN - 2};
        memcpy(m->s->reference[slot], rows[1] + 2, SPAN * sizeof(float));
        m->kernels->find_certainty(rows, m->noise_shot, m->noise_read, m->s->certainty[slot]);
    }
}

static bool takes_part(const struct merge *m, uint32_t frame)
{
    return frame != m->burst->reference && (m->transform->used >> frame & 1);
}

static void load_strip(const struct merge *m, uint32_t strip)
{
    load_reference(m, strip);
    isp_merge_find_blocks(m, strip);
    for (uint32_t i = 0; i < m->burst->count; i++) {
        if (takes_part(m, i))
            isp_merge_warp(m, i, strip);
    }
}

/* ---- a strip of output ----------------------------------------------------------------------- */

/* Columns beside the crop are those inside, mirrored. */
static void mirror_columns(const struct merge *m, int16_t *row)
{
    for (int32_t k = 1; k <= REACH; k++) {
        if (m->x0 == 0)
            row[HALO - k] = row[HALO + unpack_mirror(-k, m->width)];
        if (m->x0 + m->columns == m->width)
            row[HALO + m->columns - 1 + (uint32_t)k] =
                row[HALO + unpack_mirror((int64_t)m->width - 1 + k, m->width) - m->x0];
    }
}

static void add_frame(const struct merge *m, uint32_t frame, uint32_t y0, uint32_t y1)
{
    const float noise = m->transform->noise[frame];
    const uint32_t others = m->transform->used & ~(1U << m->burst->reference);
    struct merge_strip strip = {.by = m->s->readings[frame][y0 / BLOCK % STRIPS],
        .leeway = noise < LONGER ? LONGER - noise : 0,
        .crowd = (float)__builtin_popcount(others),
        .left = m->s->left[frame],
        .rows = y1 - y0,
        .columns = m->columns};
    for (uint32_t j = 0; j < y1 - y0 + 2 * REACH; j++) {
        const uint32_t y = unpack_mirror((int64_t)y0 - REACH + j, m->height);
        strip.difference[j] = m->s->difference[frame][y % RING];
        mirror_columns(m, m->s->difference[frame][y % RING]);
    }
    for (uint32_t j = 0; j < y1 - y0; j++) {
        strip.sum[j] = m->s->sum[j];
        strip.weight[j] = m->s->weight[j];
        strip.noise_sum[j] = m->s->noise[j];
    }
    for (uint32_t i = 0; i < SPAN; i++)
        strip.left[i] = 1;
    m->shares->taken[frame] += m->kernels->weigh(&strip);
}

static void write_rows(const struct merge *m, uint32_t y0, uint32_t y1)
{
    for (uint32_t y = y0; y < y1; y++) {
        const struct merge_sums sums = {m->s->reference[y % RING] + HALO,
            m->s->certainty[y % RING] + HALO, m->s->sum[y - y0] + HALO,
            m->s->weight[y - y0] + HALO};
        m->kernels->finish(&sums, m->columns, m->merged + (size_t)y * m->width + m->x0);
    }
}

/* Of the strip's blocks; the last ones of a row or column may be cut short. */
static void write_noise(const struct merge *m, uint32_t y0, uint32_t y1)
{
    uint16_t *out = m->noise + (size_t)(y0 / BLOCK) * m->blocks + m->x0 / BLOCK;
    float noise[SPAN];
    m->kernels->find_noise(m->s->noise[0], m->s->weight[0], y1 - y0, noise);
    for (uint32_t x = 0; x < m->columns; x += BLOCK) {
        const uint32_t columns = m->columns - x < BLOCK ? m->columns - x : BLOCK;
        float total = 0;
        for (uint32_t i = 0; i < columns; i++)
            total += noise[HALO + x + i];
        const float mean = total / (float)((y1 - y0) * columns);
        out[x / BLOCK] = (uint16_t)(int32_t)(mean * ISP_BURST_NOISE_ONE + 0.5F);
    }
}

/* Output rows y0..y1-1 of one strip. */
static void merge_strip(const struct merge *m, uint32_t y0, uint32_t y1)
{
    memset(m->s->sum, 0, sizeof m->s->sum);
    for (uint32_t j = 0; j < BLOCK; j++) {
        for (uint32_t i = 0; i < SPAN; i++)
            m->s->weight[j][i] = m->s->noise[j][i] = 1; /* the reference's own */
    }
    for (uint32_t i = 0; i < m->burst->count; i++) {
        if (takes_part(m, i))
            add_frame(m, i, y0, y1);
    }
    if (y1 - y0 == BLOCK)
        isp_merge_fit(m, y0 / BLOCK);
    isp_merge_mend_cut(m, y0, y1);
    write_rows(m, y0, y1);
    write_noise(m, y0, y1);
}

static void merge_chunk(const struct merge *m, uint32_t y0, uint32_t y1)
{
    const uint32_t top = y0 > REACH ? y0 - REACH : 0;
    const uint32_t bottom = y1 + REACH < m->height ? y1 + REACH : m->height;
    const uint32_t first = top / BLOCK, last = (bottom - 1) / BLOCK;
    for (uint32_t strip = first; strip <= last + 1; strip++) {
        if (strip <= last)
            load_strip(m, strip);
        if (strip == first)
            continue;
        /* The one before has all that it looks at now. */
        const uint32_t from = (strip - 1) * BLOCK, to = from + BLOCK;
        if (from >= y0 && from < y1)
            merge_strip(m, from, to < y1 ? to : y1);
    }
}

/* ---- the burst ------------------------------------------------------------------------------- */

static void merge_init(struct merge *m, void *scratch)
{
    const struct sisp_coefficients *c = m->burst->coefficients;
    const struct isp_geometry *g = m->burst->geometry;
    m->kernels = isp_merge_kernels(m->burst->isa);
    m->fit = isp_fit_kernels(m->burst->isa);
    m->frame = isp_burst_frame_of(g, m->burst->isa);
    m->width = g->crop.width;
    m->height = g->crop.height;
    m->blocks = isp_burst_blocks(m->width);
    for (unsigned k = 0; k < 4; k++) {
        m->channels[k >> 1][k & 1] =
            (uint8_t)unpack_channel(unpack_site(m->frame.cfa, k & 1, k >> 1));
        const float black = c->black_level[unpack_site(m->frame.cfa, k & 1, k >> 1)];
        m->black[k >> 1][k & 1] = black;
        m->scale[k >> 1][k & 1] = 1 / (c->white_level - black);
    }
    for (unsigned i = 0; i < 3; i++)
        m->neutral[i] = c->wb_gains[1] / c->wb_gains[i];
    m->noise_shot = m->transform->noise_shot;
    m->noise_read = burst_read_noise(c, m->transform);
    m->s = scratch;
    isp_merge_learn_cut(m);
}

void isp_burst_merge_band(const struct isp_burst *burst, const struct isp_burst_merge *merge,
    uint32_t y0, uint32_t y1, void *scratch, struct isp_burst_shares *shares)
{
    sisp_assert(burst->count >= 1 && burst->count <= ISP_BURST_MAX);
    sisp_assert(burst->reference < burst->count);
    sisp_assert(y0 < y1 && y1 <= burst->geometry->crop.height && y0 % BLOCK == 0);
    sisp_assert(y1 % BLOCK == 0 || y1 == burst->geometry->crop.height);
    struct merge m = {.burst = burst,
        .transform = merge->transform,
        .field = merge->field,
        .filters = merge->filters,
        .merged = merge->merged,
        .noise = merge->noise,
        .shares = shares};
    merge_init(&m, scratch);
    for (m.x0 = 0; m.x0 < m.width; m.x0 += CHUNK) {
        m.columns = m.width - m.x0 < CHUNK ? m.width - m.x0 : CHUNK;
        merge_chunk(&m, y0, y1);
    }
}
