/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Windows of two grey pictures compared: one text, built once per instruction set level (ISA_NAME).
 * Sums run down columns, then over the columns in one order: the same bits at every level.
 */
#include <isp/burst/follow.h>

#include <float.h>
#include <stdbool.h>
#include <string.h>

#define WINDOW  FOLLOW_WINDOW
#define REACH   2                        /* cells that refining may move */
#define PATCH   (WINDOW + 2 * REACH + 4) /* cells of the frame that it may look at */
#define STEPS   4
#define AT_REST 0.02F /* cells; a smaller step is the last */

/* ---- whole displacements --------------------------------------------------------------------- */

struct span {
    int32_t from, to;
};

/* Cells of the window that both pictures have. */
static struct span common(int32_t at, int32_t size, int32_t shift, uint32_t limit)
{
    int32_t low = at, high = at + size, n = (int32_t)limit;
    low = low > 0 ? low : 0;
    low = low + shift > 0 ? low : -shift;
    high = high < n ? high : n;
    high = high + shift < n ? high : n - shift;
    return (struct span){low, high};
}

/* Differences of a column's sixteen cells must fit into its word. */
#define DIFFERENCE_MAX 4095

struct columns {
    uint16_t sum[WINDOW], compared[WINDOW];
};

static inline void add_cells(struct columns *c, const int16_t *a, const int16_t *b, int32_t count)
{
    for (int32_t k = 0; k < count; k++) {
        int16_t low = a[k] < b[k] ? a[k] : b[k], high = a[k] < b[k] ? b[k] : a[k];
        int16_t d = (int16_t)(high - low);
        d = d < DIFFERENCE_MAX ? d : DIFFERENCE_MAX;
        c->sum[k] = (uint16_t)(c->sum[k] + (low < 0 ? 0 : d));
        c->compared[k] = (uint16_t)(c->compared[k] + (low < 0 ? 0 : 1));
    }
}

static float difference(
    const struct follow_pair *pair, int32_t x, int32_t y, int32_t dx, int32_t dy)
{
    const struct level *r = &pair->reference, *f = &pair->frame;
    struct span columns = common(x, WINDOW, dx, r->width), rows = common(y, WINDOW, dy, r->height);
    int32_t width = columns.to - columns.from;
    if (width <= 0 || rows.to <= rows.from)
        return FLT_MAX;
    struct columns c;
    memset(&c, 0, sizeof c);
    for (int32_t j = rows.from; j < rows.to; j++) {
        const int16_t *a = r->cells + (size_t)j * r->width + columns.from;
        const int16_t *b = f->cells + ((int64_t)j + dy) * f->width + columns.from + dx;
        if (width == WINDOW)
            add_cells(&c, a, b, WINDOW);
        else
            add_cells(&c, a, b, width);
    }
    uint32_t sum = 0, compared = 0;
    for (int32_t k = 0; k < WINDOW; k++) {
        sum += c.sum[k];
        compared += c.compared[k];
    }
    return compared >= WINDOW * WINDOW / 4 ? (float)sum / (float)compared : FLT_MAX;
}

/* ---- fractional displacements ---------------------------------------------------------------- */

/* Catmull-Rom weights of cells -1, 0, 1, 2 at a place from 0 to 1 between 0 and 1. */
static void cubic(float t, float w[4])
{
    float u = 1 - t;
    w[0] = -0.5F * t * u * u;
    w[1] = 1 + t * t * (1.5F * t - 2.5F);
    w[2] = 1 + u * u * (1.5F * u - 2.5F);
    w[3] = -0.5F * u * t * t;
}

static int32_t floor_of(float v)
{
    int32_t i = (int32_t)v;
    return (float)i > v ? i - 1 : i;
}

static uint32_t inside(int32_t i, uint32_t n)
{
    return i < 0 ? 0 : i < (int32_t)n ? (uint32_t)i : n - 1;
}

struct patch {
    float reference[WINDOW][WINDOW], gx[WINDOW][WINDOW], gy[WINDOW][WINDOW];
    float weight[WINDOW][WINDOW]; /* 1, or 0: cannot be compared */
    float frame[PATCH][PATCH];    /* its first cell lies at (x + base_x, y + base_y) */
    int32_t base_x, base_y;
    float count, sum; /* of cells compared, and of the reference's */
};

static void load_frame(struct patch *p, const struct level *f, int32_t x, int32_t y)
{
    for (int32_t j = 0; j < PATCH; j++) {
        const int16_t *row = f->cells + (size_t)inside(y + j, f->height) * f->width;
        if (x >= 0 && x + PATCH <= (int32_t)f->width) {
            for (int32_t i = 0; i < PATCH; i++)
                p->frame[j][i] = row[x + i];
        } else {
            for (int32_t i = 0; i < PATCH; i++)
                p->frame[j][i] = row[inside(x + i, f->width)];
        }
    }
}

/* Rows of cells around one, and of the frame at the whole displacement. */
struct rows {
    const int16_t *above, *at, *below;
    const float *frame;
};

/* A row's gradients, 0 and weight 0 where it or the frame cannot be compared. */
static inline void load_row(const struct rows *r, int32_t count, float *restrict reference,
    float *restrict gx, float *restrict gy, float *restrict weight)
{
    const int16_t *restrict above = r->above, *restrict at = r->at, *restrict below = r->below;
    const float *restrict frame = r->frame;
    for (int32_t i = 0; i < count; i++) {
        int32_t left = at[i - 1], right = at[i + 1], up = above[i], down = below[i], c = at[i];
        float w = (c | left | right | up | down) >= 0 ? 1.0F : 0.0F;
        w = frame[i] >= 0 ? w : 0.0F;
        reference[i] = (float)c;
        gx[i] = (float)(right - left) * 0.5F * w;
        gy[i] = (float)(down - up) * 0.5F * w;
        weight[i] = w;
    }
}

/* The window itself, and which of its cells can be compared with the frame's at the whole
 * displacement that the patch was loaded around. */
static void load_reference(
    struct patch *p, const struct follow_pair *pair, int32_t x, int32_t y, int32_t size)
{
    const struct level *r = &pair->reference;
    const int32_t w = (int32_t)r->width, h = (int32_t)r->height;
    const int32_t dx = p->base_x + REACH + 1, dy = p->base_y + REACH + 1;
    struct span columns = common(x, size, dx, r->width), lines = common(y, size, dy, r->height);
    columns.from = columns.from > 0 ? columns.from : 1;
    columns.to = columns.to < w ? columns.to : w - 1;
    lines.from = lines.from > 0 ? lines.from : 1;
    lines.to = lines.to < h ? lines.to : h - 1;
    if (columns.from > x || columns.to < x + WINDOW || lines.from > y || lines.to < y + WINDOW) {
        memset(p->reference, 0, sizeof p->reference);
        memset(p->gx, 0, sizeof p->gx);
        memset(p->gy, 0, sizeof p->gy);
        memset(p->weight, 0, sizeof p->weight);
    }
    const int32_t first = columns.from - x, count = columns.to - columns.from;
    for (int32_t j = lines.from; count > 0 && j < lines.to; j++) {
        const int16_t *at = r->cells + (size_t)j * (size_t)w + columns.from;
        const int32_t k = j - y;
        const struct rows rows = {at - w, at, at + w, &p->frame[k + REACH + 1][first + REACH + 1]};
        if (count == WINDOW)
            load_row(&rows, WINDOW, p->reference[k], p->gx[k], p->gy[k], p->weight[k]);
        else
            load_row(&rows, count, p->reference[k] + first, p->gx[k] + first, p->gy[k] + first,
                p->weight[k] + first);
    }
}

static float sum_lanes(const float lanes[WINDOW])
{
    float sum = 0;
    for (int32_t i = 0; i < WINDOW; i++)
        sum += lanes[i];
    return sum;
}

static void load(struct patch *p, const struct follow_pair *pair, const int32_t window[3],
    const float displacement[2])
{
    p->base_x = floor_of(displacement[0]) - REACH - 1;
    p->base_y = floor_of(displacement[1]) - REACH - 1;
    load_frame(p, &pair->frame, window[0] + p->base_x, window[1] + p->base_y);
    load_reference(p, pair, window[0], window[1], window[2]);
    float count[WINDOW] = {0}, sum[WINDOW] = {0};
    for (int32_t j = 0; j < WINDOW; j++) {
        for (int32_t i = 0; i < WINDOW; i++) {
            count[i] += p->weight[j][i];
            sum[i] += p->weight[j][i] * p->reference[j][i];
        }
    }
    p->count = sum_lanes(count);
    p->sum = sum_lanes(sum);
}

/* The frame at the displacement, minus the reference; 0 where they cannot be compared. */
static void subtract(const struct patch *p, float dx, float dy, float out[WINDOW][WINDOW])
{
    int32_t x = floor_of(dx), y = floor_of(dy);
    float wx[4], wy[4];
    cubic(dx - (float)x, wx);
    cubic(dy - (float)y, wy);
    const int32_t column = x - p->base_x - 1, row = y - p->base_y - 1;
    for (int32_t j = 0; j < WINDOW; j++) {
        float line[PATCH];
        const float *a = p->frame[row + j], *b = a + PATCH, *c = b + PATCH, *d = c + PATCH;
        for (int32_t i = 0; i < PATCH; i++)
            line[i] = wy[0] * a[i] + wy[1] * b[i] + (wy[2] * c[i] + wy[3] * d[i]);
        const float *at = line + column;
        for (int32_t i = 0; i < WINDOW; i++) {
            float v = wx[0] * at[i] + wx[1] * at[i + 1] + (wx[2] * at[i + 2] + wx[3] * at[i + 3]);
            out[j][i] = (v - p->reference[j][i]) * p->weight[j][i];
        }
    }
}

/* Variance of the difference of two cells of the window's mean brightness. */
static float variance_of(const struct follow_pair *pair, const struct patch *p)
{
    const struct cell_noise *n = &pair->noise;
    float variance = n->slope * (p->sum / (p->count > 0 ? p->count : 1)) + n->offset;
    return variance > n->least ? variance : n->least;
}

struct tensor {
    float xx, xy, yy;
};

static struct tensor tensor_of(const struct patch *p)
{
    float xx[WINDOW] = {0}, xy[WINDOW] = {0}, yy[WINDOW] = {0};
    for (int32_t j = 0; j < WINDOW; j++) {
        for (int32_t i = 0; i < WINDOW; i++) {
            float gx = p->gx[j][i], gy = p->gy[j][i];
            xx[i] += gx * gx;
            xy[i] += gx * gy;
            yy[i] += gy * gy;
        }
    }
    return (struct tensor){sum_lanes(xx), sum_lanes(xy), sum_lanes(yy)};
}

/* Noise in the gradients looks like content: what it makes of them is taken away. */
static void inform(struct follow_window *w, const struct tensor *t, float count, float variance)
{
    float noise = 0.25F * variance * count; /* a gradient has half of a cell's variance */
    float xx = t->xx - noise, yy = t->yy - noise, xy = t->xy;
    xx = xx > 0 ? xx : 0;
    yy = yy > 0 ? yy : 0;
    float limit = 0.99F * __builtin_sqrtf(xx * yy);
    xy = xy < limit ? xy : limit;
    xy = xy > -limit ? xy : -limit;
    w->xx = xx / variance;
    w->xy = xy / variance;
    w->yy = yy / variance;
}

static void refine(const struct follow_pair *pair, int32_t x, int32_t y, struct follow_window *w)
{
    struct patch p;
    const int32_t window[3] = {x, y, WINDOW};
    const float start[2] = {w->x, w->y};
    load(&p, pair, window, start);
    struct tensor t = tensor_of(&p);
    const float variance = variance_of(pair, &p);
    inform(w, &t, p.count, variance);
    float determinant = t.xx * t.yy - t.xy * t.xy;
    if (!(determinant > 1e-3F * t.xx * t.yy) || p.count < WINDOW * WINDOW / 4)
        return;
    for (int32_t step = 0; step < STEPS; step++) {
        float d[WINDOW][WINDOW], bx[WINDOW] = {0}, by[WINDOW] = {0};
        subtract(&p, w->x, w->y, d);
        for (int32_t j = 0; j < WINDOW; j++) {
            for (int32_t i = 0; i < WINDOW; i++) {
                bx[i] += p.gx[j][i] * d[j][i];
                by[i] += p.gy[j][i] * d[j][i];
            }
        }
        float sx = sum_lanes(bx), sy = sum_lanes(by);
        float dx = (t.yy * sx - t.xy * sy) / determinant;
        float dy = (t.xx * sy - t.xy * sx) / determinant;
        float length = __builtin_sqrtf(dx * dx + dy * dy);
        float part = length > 1 ? 1 / length : 1;
        w->x -= dx * part;
        w->y -= dy * part;
        float fx = w->x - start[0], fy = w->y - start[1];
        if (!(fx * fx + fy * fy < REACH * REACH)) { /* it led astray: little is known */
            *w = (struct follow_window){
                start[0], start[1], w->xx * 0.01F, w->xy * 0.01F, w->yy * 0.01F};
            return;
        }
        if (length < AT_REST)
            return;
    }
}

static float misfit(const struct follow_pair *pair, const int32_t window[3], float dx, float dy)
{
    struct patch p;
    const float displacement[2] = {dx, dy};
    load(&p, pair, window, displacement);
    if (p.count * 4 < (float)(window[2] * window[2]))
        return FLT_MAX;
    float d[WINDOW][WINDOW], sum[WINDOW] = {0};
    subtract(&p, dx, dy, d);
    for (int32_t j = 0; j < WINDOW; j++) {
        for (int32_t i = 0; i < WINDOW; i++)
            sum[i] += d[j][i] * d[j][i];
    }
    return sum_lanes(sum) / (p.count * variance_of(pair, &p));
}

/* ---- tiles and their neighbours -------------------------------------------------------------- */

#define AROUND     2     /* tiles to each side */
#define ROUGHNESS  4e-4F /* samples^2 that neighbours may differ by, for each tile of distance */
#define TILES_ONCE 64    /* of a row, at a time */
#define PRIOR      4.0F  /* information of the affine motion, in 1/samples^2 */
#define STRAYS     0.25F /* of a squared distance in sigmas: how fast a neighbour loses its say */
#define ROUNDS     4

/* Sums of information and of information times vector. */
struct sums {
    float xx[TILES_ONCE], xy[TILES_ONCE], yy[TILES_ONCE], bx[TILES_ONCE], by[TILES_ONCE];
};

/* Inverse of (inverse of the information + roughness on its diagonal): what a neighbour's vector
 * says of the tile in the middle. */
static inline struct tensor soften(float xx, float xy, float yy, float roughness)
{
    const float small = 1e-4F;
    xx += small;
    yy += small;
    float inverse = 1 / (xx * yy - xy * xy);
    float cxx = yy * inverse + roughness, cyy = xx * inverse + roughness, cxy = -xy * inverse;
    float back = 1 / (cxx * cyy - cxy * cxy);
    return (struct tensor){cyy * back, -cxy * back, cxx * back};
}

static inline float say_of(const struct tensor *t, float x, float y)
{
    float squared = t->xx * x * x + 2 * t->xy * x * y + t->yy * y * y;
    float weight = 1 / (1 + squared * STRAYS);
    return weight * weight;
}

static void add_neighbours(struct sums *s, const struct follow_tiles *tiles, const int64_t at[2],
    const float shift[2], const float *x, const float *y, uint32_t count, float roughness)
{
    const int64_t first = at[1] * tiles->stride + at[0];
    const float *nx = tiles->x + first, *ny = tiles->y + first;
    const float *xx = tiles->xx + first, *xy = tiles->xy + first, *yy = tiles->yy + first;
    for (uint32_t i = 0; i < count; i++) {
        struct tensor t = soften(xx[i], xy[i], yy[i], roughness);
        float px = nx[i] + shift[0], py = ny[i] + shift[1];
        float w = say_of(&t, px - x[i], py - y[i]);
        s->xx[i] += w * t.xx;
        s->xy[i] += w * t.xy;
        s->yy[i] += w * t.yy;
        s->bx[i] += w * (t.xx * px + t.xy * py);
        s->by[i] += w * (t.xy * px + t.yy * py);
    }
}

static void add_affine(struct sums *s, const struct follow_tiles *tiles,
    const struct follow_affine *affine, const uint32_t at[2], const float *x, const float *y,
    uint32_t count)
{
    const struct tensor prior = {PRIOR, 0, PRIOR};
    for (uint32_t i = 0; i < count; i++) {
        float place[2] = {(float)(at[0] + i), (float)at[1]}, v[2];
        follow_affine_at(affine, tiles, place, v);
        float w = say_of(&prior, v[0] - x[i], v[1] - y[i]) * PRIOR;
        s->xx[i] += w;
        s->yy[i] += w;
        s->bx[i] += w * v[0];
        s->by[i] += w * v[1];
    }
}

static void weigh_part(const struct follow_tiles *tiles, const struct follow_affine *affine,
    const uint32_t at[2], float *x, float *y, uint32_t count)
{
    struct sums s;
    memset(&s, 0, sizeof s);
    const float scale = 2 / (float)(tiles->width > tiles->height ? tiles->width : tiles->height);
    for (int32_t j = -AROUND; j <= AROUND; j++) {
        for (int32_t i = -AROUND; i <= AROUND; i++) {
            const int64_t place[2] = {(int64_t)at[0] + i, (int64_t)at[1] + j};
            const float fx = (float)-i * scale, fy = (float)-j * scale;
            const float shift[2] = {
                affine->p[1] * fx + affine->p[2] * fy, affine->p[4] * fx + affine->p[5] * fy};
            add_neighbours(&s, tiles, place, shift, x, y, count,
                i || j ? ROUGHNESS * (float)(1 + i * i + j * j) : 0);
        }
    }
    add_affine(&s, tiles, affine, at, x, y, count);
    for (uint32_t i = 0; i < count; i++) {
        float inverse = 1 / (s.xx[i] * s.yy[i] - s.xy[i] * s.xy[i] + 1e-12F);
        x[i] = (s.yy[i] * s.bx[i] - s.xy[i] * s.by[i]) * inverse;
        y[i] = (s.xx[i] * s.by[i] - s.xy[i] * s.bx[i]) * inverse;
    }
}

static void weigh_row(const struct follow_tiles *tiles, const struct follow_affine *affine,
    uint32_t row, float *x, float *y)
{
    for (uint32_t i = 0; i < tiles->width; i += TILES_ONCE) {
        uint32_t left = tiles->width - i, count = left < TILES_ONCE ? left : TILES_ONCE;
        const uint32_t at[2] = {i, row};
        for (int32_t round = 0; round < ROUNDS; round++)
            weigh_part(tiles, affine, at, x + i, y + i, count);
    }
}

#define SYMBOL_(name) follow_kernels_##name
#define SYMBOL(name)  SYMBOL_(name)

extern const struct follow_kernels SYMBOL(ISA_NAME);
const struct follow_kernels SYMBOL(ISA_NAME) = {difference, refine, misfit, weigh_row};
