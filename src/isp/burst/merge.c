/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Merge: each cell of the reference plus the weighted mean of the other frames' differences to it.
 *
 * A frame's weight at a cell comes from the 3x3 cells around it: the means of the differences of
 * each of the four kinds of site, squared, over their variance by the noise model. Their mean has
 * expectation 1 where only noise differs (a chi-square with four degrees of freedom, over four),
 * and grows with the square of any true difference; all four sites share the weight, so that
 * rejection makes no colours. See burst.h for the method's origin.
 */
#include <isp/burst/burst.h>

#include <base/base.h>

#define PAD    16 /* floats around a plane: a mirrored cell, and alignment */
#define SITES  4  /* planes of a row of cells: even and odd samples of the upper, then lower row */
#define WINDOW 9  /* samples of one kind in the window */
#define FULL   2.5F /* statistic up to which a frame has weight 1: 4 % of pure noise lies above */
#define NONE   5.0F /* statistic from which it has weight 0: 0.05 % */

#define MERGED_RANGE ((float)(65535 - ISP_MERGED_BLACK))

/* Cells along one axis that a moved frame covers: [from, to). */
struct span {
    int32_t from, to;
};

struct merge {
    struct burst_frame frame;
    const struct isp_geometry *geometry;
    const struct isp_burst_transform *transform;
    const uint8_t *const *raws;
    float black[SITES], scale[SITES], noise_shot, noise_read;
    uint32_t width, height; /* in cells, half ones included */
    size_t plane;           /* floats */
    float *rows, *inverse, *sum, *weight, *column, *statistic;
    uint16_t *words;
};

/* ---- memory ------------------------------------------------------------------------------- */

static size_t plane_floats(const struct isp_geometry *g)
{
    return base_align((g->crop.width + 1) / 2 + 2 * PAD, 16);
}

size_t isp_burst_merge_scratch_size(const struct isp_geometry *geometry)
{
    /* Three rows of cells of the reference and of each frame; what one output row needs. */
    size_t planes = (1 + ISP_BURST_MAX) * 3 * SITES + 2 * SITES + 3;
    size_t words = ((size_t)geometry->crop.width + UNPACK_SLACK) * sizeof(uint16_t);
    return planes * plane_floats(geometry) * sizeof(float) + base_align(words, 64);
}

static void merge_init(struct merge *m, const struct sisp_coefficients *c, void *scratch)
{
    m->frame = isp_burst_frame_of(m->geometry);
    for (unsigned s = 0; s < SITES; s++) {
        m->black[s] = c->black_level[unpack_site(m->frame.cfa, s & 1, s >> 1)];
        m->scale[s] = 1 / (c->white_level - m->black[s]);
    }
    m->noise_shot = m->transform->noise_shot;
    m->noise_read = m->transform->noise_read + burst_rounding_variance(c);
    m->width = (m->geometry->crop.width + 1) / 2;
    m->height = (m->geometry->crop.height + 1) / 2;
    m->plane = plane_floats(m->geometry);
    m->rows = (float *)scratch + PAD;
    m->inverse = m->rows + (1 + ISP_BURST_MAX) * 3 * SITES * m->plane;
    m->sum = m->inverse + SITES * m->plane;
    m->weight = m->sum + SITES * m->plane;
    m->column = m->weight + m->plane;
    m->statistic = m->column + m->plane;
    m->words = (uint16_t *)(m->statistic + m->plane - PAD);
}

/* Plane `site` of row of cells j: of the reference in slot 0, of frame i's difference to it in slot
 * 1 + i. */
static float *plane_of(const struct merge *m, uint32_t slot, uint32_t j, unsigned site)
{
    return m->rows + ((size_t)(slot * 3 + j % 3) * SITES + site) * m->plane;
}

/* ---- rows --------------------------------------------------------------------------------- */

/* A half cell at an odd end is whole only where its mirrored half is not used: unmoved. */
static struct span span_of(int32_t shift_cells, uint32_t size)
{
    int32_t cells = (int32_t)(shift_cells ? size / 2 : (size + 1) / 2);
    int32_t to = cells + shift_cells, all = (int32_t)((size + 1) / 2);
    return (struct span){shift_cells > 0 ? shift_cells : 0, to < all ? to : all};
}

static struct span columns_of(const struct merge *m, uint32_t i)
{
    return span_of(m->transform->dx[i] / 2, m->geometry->crop.width);
}

static struct span rows_of(const struct merge *m, uint32_t i)
{
    return span_of(m->transform->dy[i] / 2, m->geometry->crop.height);
}

/* So that the window's mean can run over the ends of what is covered. */
static void repeat_ends(float *plane, struct span s)
{
    plane[s.from - 1] = plane[s.from];
    plane[s.to] = plane[s.to - 1];
}

/* Samples of a raw row to linear planes of cells; an odd end repeats its last but one sample. */
static void load_reference(const struct merge *m, uint32_t j)
{
    const uint32_t width = m->geometry->crop.width;
    for (unsigned half = 0; half < 2; half++) {
        uint32_t y = unpack_mirror(2 * (int64_t)j + half, m->geometry->crop.height);
        const uint16_t *s = isp_burst_row(&m->frame, m->raws[m->transform->reference], y, m->words);
        for (unsigned phase = 0; phase < 2; phase++) {
            const float black = m->black[2 * half + phase], scale = m->scale[2 * half + phase];
            float *out = plane_of(m, 0, j, 2 * half + phase);
            uint32_t count = (width + 1 - phase) / 2;
            for (uint32_t k = 0; k < count; k++)
                out[k] = ((float)s[2 * k + phase] - black) * scale;
            if (count < m->width)
                out[count] = out[count - 1];
            repeat_ends(out, (struct span){0, (int32_t)m->width});
        }
    }
}

/* Frame i's difference to the reference, where row of cells j is covered by it. */
static void load_difference(const struct merge *m, uint32_t i, uint32_t j)
{
    const int32_t dx = m->transform->dx[i], dy = m->transform->dy[i];
    const struct span rows = rows_of(m, i), columns = columns_of(m, i);
    if ((int32_t)j < rows.from || (int32_t)j >= rows.to || columns.from >= columns.to)
        return;
    for (unsigned half = 0; half < 2; half++) {
        uint32_t y = unpack_mirror(2 * (int64_t)j + half - dy, m->geometry->crop.height);
        const uint16_t *s = isp_burst_row(&m->frame, m->raws[i], y, m->words);
        for (unsigned phase = 0; phase < 2; phase++) {
            const unsigned site = 2 * half + phase;
            const float black = m->black[site], scale = m->scale[site] * m->transform->gain[i];
            const float *restrict reference = plane_of(m, 0, j, site);
            float *restrict out = plane_of(m, 1 + i, j, site);
            const uint16_t *first = s + (int64_t)phase - dx;
            int32_t last = columns.to;
            if (2 * last + (int32_t)phase - dx > (int32_t)m->geometry->crop.width + 1)
                out[--last] = 0; /* the missing half of an unmoved half cell */
            for (int32_t k = columns.from; k < last; k++)
                out[k] = ((float)first[2 * k] - black) * scale - reference[k];
            repeat_ends(out, columns);
        }
    }
}

static void load_row(const struct merge *m, uint32_t count, int64_t j)
{
    if (j < 0 || j >= m->height)
        return;
    load_reference(m, (uint32_t)j);
    for (uint32_t i = 0; i < count; i++) {
        if (i != m->transform->reference && m->transform->used >> i & 1)
            load_difference(m, i, (uint32_t)j);
    }
}

/* ---- weights -------------------------------------------------------------------------------- */

/* Sums down three rows of cells around j, the outermost repeated, over `columns` and one more at
 * each end. */
static void sum_columns(const struct merge *m, uint32_t slot, uint32_t j, unsigned site,
    struct span rows, struct span columns)
{
    uint32_t up = (int32_t)j > rows.from ? j - 1 : j, down = (int32_t)j + 1 < rows.to ? j + 1 : j;
    const float *a = plane_of(m, slot, up, site), *b = plane_of(m, slot, j, site),
                *c = plane_of(m, slot, down, site);
    float *restrict out = m->column;
    for (int32_t k = columns.from - 1; k <= columns.to; k++)
        out[k] = a[k] + b[k] + c[k];
}

/* 1 / (4 * variance of the window's sum of differences), per kind of site; the quarter makes a mean
 * of the four. */
static void find_inverse(const struct merge *m, uint32_t j)
{
    const struct span rows = {0, (int32_t)m->height}, columns = {0, (int32_t)m->width};
    const float shot = 4 * 2 * m->noise_shot, read = 4 * 2 * WINDOW * m->noise_read;
    for (unsigned site = 0; site < SITES; site++) {
        sum_columns(m, 0, j, site, rows, columns);
        const float *restrict c = m->column;
        float *restrict out = m->inverse + site * m->plane;
        for (int32_t k = 0; k < columns.to; k++) {
            float sum = c[k - 1] + c[k] + c[k + 1];
            out[k] = 1 / (shot * (sum > 0 ? sum : 0) + read);
        }
    }
}

static void add_frame(const struct merge *m, uint32_t i, uint32_t j)
{
    const struct span rows = rows_of(m, i), columns = columns_of(m, i);
    if ((int32_t)j < rows.from || (int32_t)j >= rows.to || columns.from >= columns.to)
        return;
    float *restrict t = m->statistic;
    memset(t + columns.from, 0, (size_t)(columns.to - columns.from) * sizeof *t);
    for (unsigned site = 0; site < SITES; site++) {
        sum_columns(m, 1 + i, j, site, rows, columns);
        const float *restrict c = m->column, *restrict inverse = m->inverse + site * m->plane;
        for (int32_t k = columns.from; k < columns.to; k++) {
            float sum = c[k - 1] + c[k] + c[k + 1];
            t[k] += sum * sum * inverse[k];
        }
    }
    for (int32_t k = columns.from; k < columns.to; k++) {
        float w = (NONE - t[k]) * (1 / (NONE - FULL));
        w = w < 1 ? w : 1;
        t[k] = w > 0 ? w : 0;
        m->weight[k] += t[k];
    }
    for (unsigned site = 0; site < SITES; site++) {
        const float *restrict d = plane_of(m, 1 + i, j, site);
        float *restrict sum = m->sum + site * m->plane;
        for (int32_t k = columns.from; k < columns.to; k++)
            sum[k] += t[k] * d[k];
    }
}

/* ---- output --------------------------------------------------------------------------------- */

static void write_row(const struct merge *m, uint32_t j, unsigned half, uint16_t *restrict out)
{
    for (unsigned phase = 0; phase < 2; phase++) {
        const float *reference = plane_of(m, 0, j, 2 * half + phase);
        const float *sum = m->sum + (2 * half + phase) * m->plane, *weight = m->weight;
        uint32_t count = (m->geometry->crop.width + 1 - phase) / 2;
        for (uint32_t k = 0; k < count; k++) {
            float x = reference[k] + sum[k] / weight[k];
            float code = x * MERGED_RANGE + ((float)ISP_MERGED_BLACK + 0.5F);
            code = code > 0 ? code : 0;
            out[2 * k + phase] = (uint16_t)(int32_t)(code < 65535 ? code : 65535);
        }
    }
}

static void merge_row(const struct merge *m, uint32_t count, uint32_t j)
{
    memset(m->sum, 0, ((SITES - 1) * m->plane + m->width) * sizeof(float));
    for (uint32_t k = 0; k < m->width; k++)
        m->weight[k] = 1; /* the reference's own */
    find_inverse(m, j);
    for (uint32_t i = 0; i < count; i++) {
        if (i != m->transform->reference && m->transform->used >> i & 1)
            add_frame(m, i, j);
    }
}

void isp_burst_merge_band(const struct isp_geometry *geometry,
    const struct sisp_coefficients *coefficients, const struct isp_burst_transform *transform,
    const uint8_t *const *raws, uint32_t count, uint16_t *merged, uint32_t y0, uint32_t y1,
    void *scratch)
{
    sisp_assert(count >= 1 && count <= ISP_BURST_MAX && transform->reference < count);
    sisp_assert(y0 % 2 == 0 && (y1 % 2 == 0 || y1 == geometry->crop.height));
    for (uint32_t i = 0; i < count; i++)
        sisp_assert(transform->dx[i] % 2 == 0 && transform->dy[i] % 2 == 0);
    struct merge m = {.geometry = geometry, .transform = transform, .raws = raws};
    merge_init(&m, coefficients, scratch);
    int64_t next = (int64_t)(y0 / 2) - 1;
    for (uint32_t y = y0; y < y1; y += 2) {
        for (; next <= (int64_t)(y / 2) + 1; next++)
            load_row(&m, count, next);
        merge_row(&m, count, y / 2);
        for (unsigned half = 0; half < 2 && y + half < y1; half++)
            write_row(&m, y / 2, half, merged + (size_t)(y + half) * geometry->crop.width);
    }
}
