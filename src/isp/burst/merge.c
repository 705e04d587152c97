/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Merge: each sample of the reference plus the weighted mean of the other frames' differences to
 * it.
 *
 * A frame is read where the motion field says, between its samples, by filters that look at all
 * colours (filters.c); that leaves a little noise out and makes an error of its own at fine detail.
 * Samples are read as whole numbers of a fraction of a block's noise, around the block's mean.
 * A frame's weight is that of the best linear mean: one over the variance of its noise and of what
 * its differences around the sample, squared and summed, have beyond noise. All colours are summed
 * together, so that rejection makes no colours; every threshold is in variances of the noise.
 */
#include <isp/burst/merge.h>

#include <base/base.h>

#define MARGIN       4 /* rows and columns around a block whose mean colour it is read by */
#define WINDOW_ROWS  (BLOCK + 2 * MARGIN)
#define WINDOW_SPAN  (SPAN + 2 * MARGIN)
#define MERGED_RANGE ((float)(65535 - ISP_MERGED_BLACK))
#define LONGER       0.8F    /* gain of a frame that was exposed longer than the reference */
#define CLIP_REACH   2       /* samples around a clipped one that a filter reads it for */
#define STEPS        16.0F   /* to a block's noise, by which samples are read */
#define STEPS_MOST   8192.0F /* to the distance from black to white */

/* By block of a strip: variance of a frame's filtered sample over that of a sample. */
typedef float strip_noise[SPAN / BLOCK];

struct scratch {
    float window[WINDOW_ROWS][WINDOW_SPAN]; /* the reference around a strip */
    float column_sums[2][WINDOW_SPAN];      /* of the window's even and odd rows */
    float reference[RING][SPAN], certainty[RING][SPAN];
    float sum[BLOCK][SPAN], weight[BLOCK][SPAN], noise[BLOCK][SPAN];
    float own[SPAN], step[SPAN], share[SPAN];
    strip_noise filtered[ISP_BURST_MAX][STRIPS];
    uint16_t words[WINDOW_SPAN + UNPACK_SLACK];
    uint16_t lines[PATCH][LINE_WORDS];
    uint8_t is_clipped[RING][SPAN];           /* the reference */
    bool any_clipped;                         /* of its last strip */
    int16_t difference[][RING][SPAN + SLACK]; /* of each frame; the reference's is not used */
};

struct merge {
    const struct isp_burst *burst;
    const struct isp_burst_transform *transform;
    const struct isp_burst_vector *field;
    const struct isp_burst_filters *filters;
    const struct merge_kernels *kernels;
    struct burst_frame frame;
    float black[2][2], scale[2][2]; /* of codes, by row and column of the crop */
    uint8_t channels[2][2];
    float neutral[3]; /* of white in the raw, over green */
    float noise_shot, noise_read;
    uint32_t width, height, blocks; /* blocks: of a row */
    uint32_t x0;                    /* column of the chunk, of which SPAN's [HALO] is */
    uint32_t columns;
    uint16_t *merged, *noise;
    struct isp_burst_shares *shares;
    struct scratch *s;
};

size_t isp_burst_merge_scratch_size(const struct isp_geometry *geometry)
{
    (void)geometry;
    return sizeof(struct scratch) + ISP_BURST_MAX * RING * (SPAN + SLACK) * sizeof(int16_t);
}

static unsigned channel_of(const struct merge *m, uint32_t row, uint32_t column)
{
    return m->channels[row & 1][column & 1];
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
    const bool any_white = m->kernels->lighten(in, (uint32_t)(to - from), &levels, out + from);
    for (int32_t i = from ? 0 : to; i < WINDOW_SPAN; i = i + 1 == from ? to : i + 1) {
        const int32_t at = (int32_t)unpack_mirror((int64_t)first + i, m->width) - first;
        out[i] = at >= from && at < to ? out[at] : 0;
    }
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

/* ---- another frame's block ------------------------------------------------------------------- */

/* Mean of each colour around a block over that of green, drawn to that of white where it is lost in
 * noise: what one colour shows in detail, the others are expected to show in proportion. */
static struct merge_block find_block(const struct merge *m, uint32_t column)
{
    struct merge_block block;
    float sum[2][2] = {{0}}, mean[3] = {0}, count[3] = {0};
    for (unsigned j = 0; j < 2; j++) {
        const float *sums = m->s->column_sums[j] + column;
        for (unsigned i = 0; i < WINDOW_ROWS; i += 2) {
            sum[j][0] += sums[i];
            sum[j][1] += sums[i + 1];
        }
    }
    for (unsigned k = 0; k < 4; k++) {
        const unsigned c = channel_of(m, k >> 1, k & 1);
        mean[c] += sum[k >> 1][k & 1];
        count[c]++;
    }
    for (unsigned c = 0; c < 3; c++)
        block.mean[c] = count[c] > 0 && mean[c] > 0
                            ? mean[c] * (4.0F / WINDOW_ROWS / WINDOW_ROWS) / count[c]
                            : 0;
    const float noise = __builtin_sqrtf(m->noise_shot * block.mean[1] + m->noise_read);
    for (unsigned c = 0; c < 3; c++)
        block.colour[c] = (block.mean[c] + noise * m->neutral[c]) / (block.mean[1] + noise);
    const float steps = STEPS < noise * STEPS_MOST ? STEPS / noise : STEPS_MOST;
    for (unsigned c = 0; c < 3; c++) {
        block.steps[c] = steps / block.colour[c];
        block.back[c] = block.colour[c] / (steps * FILTER_ONE);
    }
    return block;
}

/* Columns x to x + PATCH_ROW - 1 of a row, mirrored beyond the crop: they are never more apart. */
static void fetch_mirrored(
    const struct merge *m, const uint8_t *bytes, int64_t x, uint16_t out[PATCH_ROW])
{
    uint32_t at[PATCH_ROW], first = UINT32_MAX, last = 0;
    uint16_t line[LINE_WORDS];
    for (unsigned i = 0; i < PATCH_ROW; i++) {
        at[i] = unpack_mirror(x + i, m->width);
        first = at[i] < first ? at[i] : first;
        last = at[i] > last ? at[i] : last;
    }
    const uint16_t *words = unpack_row(
        m->frame.packing, bytes, m->frame.geometry->crop.x + first, last - first + 1, line);
    for (unsigned i = 0; i < PATCH_ROW; i++)
        out[i] = words[at[i] - first];
}

/* A frame's samples from (x, y) of the crop on, mirrored beyond it. */
static void fetch(
    const struct merge *m, const uint8_t *raw, int64_t x, int64_t y, struct merge_patch *patch)
{
    const struct isp_geometry *g = m->burst->geometry;
    const uint8_t *corner = raw + (size_t)g->crop.y * g->raw_stride_bytes;
    const bool is_inside = x >= 0 && y >= 0 && x + PATCH_ROW <= m->width && y + PATCH <= m->height;
    patch->words = (const uint8_t *)m->s->lines[0];
    patch->stride_bytes = sizeof m->s->lines[0];
    if (is_inside && m->frame.packing == SISP_PACKING_16) {
        patch->words = corner + (size_t)y * g->raw_stride_bytes + 2 * (g->crop.x + (size_t)x);
        patch->stride_bytes = g->raw_stride_bytes;
        return;
    }
    const bool is_ten = m->frame.packing == SISP_PACKING_10P;
    if (is_inside && x + 56 <= m->width && (is_ten || m->frame.packing == SISP_PACKING_12P)) {
        const uint32_t first = g->crop.x + (uint32_t)x, into = first % (is_ten ? 4 : 2);
        const size_t offset = is_ten ? first / 4 * 5 : first / 2 * 3;
        m->kernels->unpack(corner + (size_t)y * g->raw_stride_bytes + offset, g->raw_stride_bytes,
            is_ten, m->s->lines);
        patch->words = (const uint8_t *)&m->s->lines[0][into];
        return;
    }
    for (unsigned j = 0; j < PATCH; j++) {
        const uint8_t *bytes =
            corner + (size_t)unpack_mirror(y + j, m->height) * g->raw_stride_bytes;
        uint16_t *line = m->s->lines[j];
        if (!is_inside)
            fetch_mirrored(m, bytes, x, line);
        else
            patch->words = (const uint8_t *)(m->frame.kernels->unpack(m->frame.packing, bytes,
                                                 g->crop.x + (uint32_t)x, PATCH_ROW, line) -
                                             j * LINE_WORDS);
    }
}

static bool is_clipped_near(
    const struct merge *m, const struct merge_patch *p, unsigned row, unsigned column)
{
    const uint16_t white = (uint16_t)m->burst->coefficients->white_level;
    for (unsigned j = row + 3 - CLIP_REACH; j <= row + 3 + CLIP_REACH; j++) {
        for (unsigned i = column + 3 - CLIP_REACH; i <= column + 3 + CLIP_REACH; i++) {
            uint16_t word;
            memcpy(&word, p->words + j * p->stride_bytes + (size_t)2 * i, sizeof word);
            if (word >= white)
                return true;
        }
    }
    return false;
}

/* Differences that mean nothing: where the frame has no samples nothing is accepted; where it, or
 * the reference, is clipped, nothing changes, but that what a longer exposure clips says nothing of
 * what the reference saw. */
static void set_aside(const struct merge *m, const struct merge_patch *p, const int64_t from[2],
    const uint8_t *clipped, bool is_longer, int16_t *difference)
{
    for (unsigned j = 0; j < BLOCK; j++) {
        for (unsigned i = 0; i < BLOCK; i++) {
            const int64_t x = from[0] + i, y = from[1] + j;
            int16_t *d = &difference[j * (SPAN + SLACK) + i];
            const bool is_white = clipped[j * SPAN + i];
            if (is_white || is_clipped_near(m, p, j, i))
                *d = is_longer && !is_white ? ASIDE : 0;
            else if (x < 0 || y < 0 || x >= m->width || y >= m->height)
                *d = ASIDE;
        }
    }
}

/* Whole samples of a displacement, and the filter's place for the rest. */
static unsigned split(int32_t vector, int32_t *whole)
{
    const int32_t shifted = vector + ISP_BURST_VECTOR_UNIT / 2;
    *whole = shifted >> 6;
    return ((unsigned)(shifted & (ISP_BURST_VECTOR_UNIT - 1)) + 2) / 4;
}

/* Between codes of a frame, steps of a block, and light; dx, dy: whole samples. */
static void set_scales(const struct merge *m, uint32_t frame, const struct merge_block *block,
    const int32_t shift[2], struct merge_patch *patch, struct merge_target *target)
{
    for (unsigned k = 0; k < 4; k++) {
        const unsigned r = k >> 1, c = k & 1, row = (unsigned)(shift[1] + 1 + (int32_t)r) & 1,
                       site = (unsigned)(shift[0] + 1 + (int32_t)c) & 1;
        const unsigned from = channel_of(m, row, site), to = channel_of(m, r, c);
        const float steps = block->steps[from];
        patch->scale[r][c] = m->scale[row][site] * m->transform->gain[frame] * steps;
        patch->offset[r][c] =
            -(m->black[row][site] * patch->scale[r][c] + block->mean[from] * steps);
        target->scale[r][c] = block->back[to];
        target->offset[r][c] = block->mean[to];
    }
}

/* The block at window column `column` of a strip. */
static void warp_block(const struct merge *m, uint32_t frame, uint32_t strip, uint32_t column,
    const struct merge_block *block)
{
    const uint32_t x = m->x0 + column - HALO, y = strip * BLOCK, slot = y % RING;
    const size_t rows = (m->height + BLOCK - 1) / BLOCK;
    const struct isp_burst_vector v =
        m->field[((size_t)frame * rows + strip) * m->blocks + x / BLOCK];
    int32_t shift[2];
    const unsigned across = split(v.x, &shift[0]), down = split(v.y, &shift[1]);
    const int64_t from[2] = {(int64_t)x + shift[0], (int64_t)y + shift[1]};
    const struct filter_place *filters =
        &m->filters->places[(shift[1] & 1) << 1 | (shift[0] & 1)][down][across];
    const float own = filters->noise * m->transform->noise[frame];
    struct merge_patch patch = {.white = (uint16_t)m->burst->coefficients->white_level};
    struct merge_target target = {.reference = &m->s->reference[slot][column],
        .certainty = &m->s->certainty[slot][column],
        .difference = &m->s->difference[frame][slot][column],
        .unit = SIGMA / __builtin_sqrtf(1 + own)};
    fetch(m, m->burst->raws[frame], from[0] - 3, from[1] - 3, &patch);
    set_scales(m, frame, block, shift, &patch, &target);
    m->s->filtered[frame][strip % STRIPS][column / BLOCK] = own;
    const bool any_white = m->kernels->warp(&patch, filters, &target);
    const bool is_inside =
        from[0] >= 0 && from[1] >= 0 && from[0] + BLOCK <= m->width && from[1] + BLOCK <= m->height;
    if (any_white || !is_inside || m->s->any_clipped)
        set_aside(m, &patch, from, &m->s->is_clipped[slot][column],
            m->transform->gain[frame] < LONGER, target.difference);
}

static bool takes_part(const struct merge *m, uint32_t frame)
{
    return frame != m->burst->reference && (m->transform->used >> frame & 1);
}

static void load_strip(const struct merge *m, uint32_t strip)
{
    load_reference(m, strip);
    for (uint32_t column = 0; column < SPAN; column += BLOCK) {
        if (m->x0 + column < HALO || m->x0 + column >= m->width + HALO)
            continue;
        const struct merge_block block = find_block(m, column);
        for (uint32_t i = 0; i < m->burst->count; i++) {
            if (takes_part(m, i))
                warp_block(m, i, strip, column, &block);
        }
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
    struct merge_strip strip = {.own = m->s->own,
        .step = m->s->step,
        .share = m->s->share,
        .leeway = noise < LONGER ? LONGER - noise : 0,
        .crowd = (float)(m->burst->count - 1),
        .rows = y1 - y0,
        .columns = m->columns};
    for (uint32_t column = HALO; column < HALO + m->columns + BLOCK - 1; column++) {
        const float own = m->s->filtered[frame][y0 / BLOCK % STRIPS][column / BLOCK];
        m->s->share[column] = column < HALO + m->columns ? (own + UNSEEN) * 256 : 0;
        m->s->own[column] = own;
        m->s->step[column] = __builtin_sqrtf(1 + own) * (1.0F / SIGMA);
    }
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
    m->shares->taken[frame] += m->kernels->weigh(&strip);
}

static void write_rows(const struct merge *m, uint32_t y0, uint32_t y1)
{
    for (uint32_t y = y0; y < y1; y++) {
        const float *reference = m->s->reference[y % RING] + HALO;
        const float *certainty = m->s->certainty[y % RING] + HALO;
        const float *sum = m->s->sum[y - y0] + HALO, *weight = m->s->weight[y - y0] + HALO;
        uint16_t *restrict out = m->merged + (size_t)y * m->width + m->x0;
        for (uint32_t i = 0; i < m->columns; i++) {
            float x = reference[i] + sum[i] / (weight[i] * certainty[i]);
            float code = x * MERGED_RANGE + ((float)ISP_MERGED_BLACK + 0.5F);
            code = code > 0 ? code : 0;
            out[i] = (uint16_t)(int32_t)(code < 65535 ? code : 65535);
        }
    }
}

/* Of the strip's blocks; the last ones of a row or column may be cut short. */
static void write_noise(const struct merge *m, uint32_t y0, uint32_t y1)
{
    uint16_t *out = m->noise + (size_t)(y0 / BLOCK) * m->blocks + m->x0 / BLOCK;
    for (uint32_t x = 0; x < m->columns; x += BLOCK) {
        const uint32_t columns = m->columns - x < BLOCK ? m->columns - x : BLOCK;
        float total = 0;
        for (uint32_t j = 0; j < y1 - y0; j++) {
            const float *noise = m->s->noise[j] + HALO + x, *weight = m->s->weight[j] + HALO + x;
            for (uint32_t i = 0; i < columns; i++)
                total += noise[i] / (weight[i] * weight[i]);
        }
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
