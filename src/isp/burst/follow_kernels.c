/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Windows of two grey pictures compared: one text, built once per instruction set level (ISA_NAME).
 * Sums run down columns, then over the columns in one order: the same bits at every level.
 */
#include <isp/burst/follow_read.h>
#include <isp/burst/follow_view.h>

#include <float.h>
#include <stdbool.h>
#include <string.h>

#define WINDOW  FOLLOW_WINDOW
#define REACH   2 /* cells that refining may move */
#define STEPS   4
#define AT_REST 0.1F /* cells; a smaller step is the last */

/* ---- whole displacements --------------------------------------------------------------------- */

/* Differences of a column's sixteen cells must fit into its word. */
#define DIFFERENCE_MAX 4095

typedef int16_t row_cells __attribute__((vector_size(2 * WINDOW), aligned(2), may_alias));
typedef uint16_t row_sums __attribute__((vector_size(2 * WINDOW)));
typedef uint32_t row_pairs __attribute__((vector_size(2 * WINDOW), may_alias));

static uint32_t sum_words(const row_sums *words)
{
    row_pairs two = *(const row_pairs *)words;
    two = (two & 0xffff) + (two >> 16);
    uint32_t sum = 0;
    for (int32_t k = 0; k < WINDOW / 2; k++)
        sum += two[k];
    return sum;
}

/* Mean absolute difference of two windows. */
static inline float compare(const struct view *r, const struct view *f)
{
    row_sums sum = {0}, clipped = {0};
    for (int32_t j = 0; j < WINDOW; j++) {
        const row_cells a = *(const row_cells *)(r->at + (size_t)j * r->stride);
        const row_cells b = *(const row_cells *)(f->at + (size_t)j * f->stride);
        const row_cells is_clipped = (a | b) >> 15, sign = (a - b) >> 15;
        row_cells d = (((a - b) ^ sign) - sign) & ~is_clipped;
        d = (d | (d > DIFFERENCE_MAX)) & DIFFERENCE_MAX;
        sum += (row_sums)d;
        clipped -= (row_sums)is_clipped;
    }
    const uint32_t compared = WINDOW * WINDOW - sum_words(&clipped);
    return compared >= WINDOW * WINDOW / 4 ? (float)sum_words(&sum) / (float)compared : FLT_MAX;
}

static float difference(
    const struct follow_pair *pair, int32_t x, int32_t y, int32_t dx, int32_t dy)
{
    int16_t copies[2][VIEW_CELLS];
    const struct view r = view_of(&pair->reference, x, y, WINDOW, false, copies[0]);
    const struct view f = view_of(&pair->frame, x + dx, y + dy, WINDOW, false, copies[1]);
    return compare(&r, &f);
}

static void search(const struct follow_pair *pair, const int32_t at[2], int32_t reach, float least,
    int32_t best[2])
{
    int16_t copies[2][VIEW_CELLS];
    const int32_t from[2] = {best[0] - reach, best[1] - reach}, side = 2 * reach + 1;
    const struct view r = view_of(&pair->reference, at[0], at[1], WINDOW, false, copies[0]);
    const struct view all = view_of(
        &pair->frame, at[0] + from[0], at[1] + from[1], WINDOW + 2 * reach, false, copies[1]);
    for (int32_t k = 0; k < side * side; k++) {
        const struct view f = {all.at + (size_t)(k / side) * all.stride + k % side, all.stride};
        if (k == side * side / 2) /* the centre, which has `least` */
            continue;
        const float d = compare(&r, &f);
        if (d < least) {
            least = d;
            best[0] = from[0] + k % side;
            best[1] = from[1] + k / side;
        }
    }
}

/* ---- fractional displacements ---------------------------------------------------------------- */

#define HALVES (WINDOW / ROW) /* of a row */

/* `size` cells either way are compared. */
struct patch {
    int32_t size;
    struct view reference; /* from the cell before its first on, both ways */
    struct view frame;     /* its first cell lies at (x + base_x, y + base_y) */
    int32_t base_x, base_y;
    row_words gx[WINDOW][HALVES], gy[WINDOW][HALVES]; /* twice the gradients */
    row_words compared[WINDOW][HALVES];               /* all bits, or none */
    row_words columns[HALVES];                        /* likewise: those of the window */
    struct pair_sums xx, xy, yy;                      /* of gx and gy */
    float count, sum; /* of cells compared, and of the reference's */
    int16_t copies[3][VIEW_CELLS];
};

static inline void load_gradients(struct patch *p, int32_t j, int32_t i, row_words gx, row_words gy)
{
    p->gx[j][i] = gx;
    p->gy[j][i] = gy;
    ADD_PRODUCTS(p->xx, i, gx, gx);
    ADD_PRODUCTS(p->xy, i, gx, gy);
    ADD_PRODUCTS(p->yy, i, gy, gy);
}

/* Of a row; 0 where a cell or one beside it, or the frame's at the whole displacement, cannot be
 * compared. */
static inline row_words load_row(
    struct patch *p, int32_t j, int32_t i, const int16_t *other, bool has_gradients)
{
    const size_t stride = p->reference.stride;
    const int16_t *at = p->reference.at + (size_t)(j + 1) * stride + 1 + i * ROW;
    const row_words left = ROW_AT(at - 1), right = ROW_AT(at + 1), up = ROW_AT(at - stride),
                    down = ROW_AT(at + stride), c = ROW_AT(at);
    const row_words any = c | left | right | up | down | ROW_AT(other + i * ROW);
    const row_words compared = (row_words)(any >> 15 == 0) & p->columns[i];
    p->compared[j][i] = compared;
    if (has_gradients)
        load_gradients(p, j, i, (right - left) & compared, (down - up) & compared);
    return c & compared;
}

#define ALL UINT16_MAX
static const uint16_t all_then_none[2 * WINDOW] = {
    ALL, ALL, ALL, ALL, ALL, ALL, ALL, ALL, ALL, ALL, ALL, ALL, ALL, ALL, ALL, ALL};

static inline void load(struct patch *p, const struct follow_pair *pair, const int32_t window[3],
    const float displacement[2], bool has_gradients)
{
    const int32_t dx = floor_of(displacement[0]), dy = floor_of(displacement[1]);
    const int32_t x = window[0], y = window[1], size = window[2];
    p->size = size;
    p->base_x = dx - REACH - 1;
    p->base_y = dy - REACH - 1;
    p->frame = view_of(
        &pair->frame, x + p->base_x, y + p->base_y, size + 2 * REACH + 4, true, p->copies[0]);
    p->reference = view_of(&pair->reference, x - 1, y - 1, size + 2, false, p->copies[1]);
    const struct view f = view_of(&pair->frame, x + dx, y + dy, size, false, p->copies[2]);
    p->xx = p->xy = p->yy = (struct pair_sums){{0}};
    for (int32_t i = 0; i < HALVES; i++)
        p->columns[i] = ROW_AT(&all_then_none[WINDOW - size + i * ROW]);
    const row_words one = (row_words){0} + 1;
    row_words count[HALVES] = {{0}};
    pairs sum[HALVES] = {{0}};
    for (int32_t j = 0; j < size; j++) {
        for (int32_t i = 0; i < HALVES; i++) {
            const row_words cells = load_row(p, j, i, f.at + (size_t)j * f.stride, has_gradients);
            count[i] -= p->compared[j][i];
            sum[i] += MULTIPLY_ADD(cells, one);
        }
    }
    int32_t counted = 0, summed = 0;
    for (int32_t k = 0; k < WINDOW; k++)
        counted += count[k / ROW][k % ROW];
    for (int32_t k = 0; k < WINDOW / 2; k++)
        summed += sum[k / LANES][k % LANES];
    p->count = (float)counted;
    p->sum = (float)summed;
}

/* The frame at a place from the window's first cell on. */
static inline struct reader reader_of(const struct patch *p, struct place place, int32_t i)
{
    const int32_t column = (place.x >> STEP_BITS) - p->base_x;
    const int32_t row = (place.y >> STEP_BITS) - p->base_y;
    return reader_at(
        p->frame.at + (size_t)row * p->frame.stride + column + i * ROW, p->frame.stride, place);
}

/* The frame's next row, number j, minus the reference's. */
static inline row_words subtract(struct reader *r, const struct patch *p, int32_t j, int32_t i)
{
    const int16_t *reference =
        p->reference.at + (size_t)(j + 1) * p->reference.stride + 1 + i * ROW;
    return read_row(r) - ROW_AT(reference);
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

/* The way from where it fits best to a place. */
static inline void find_step(
    const struct patch *p, struct place place, const struct tensor *inverse, float way[2])
{
    struct pair_sums bx = {{0}}, by = {{0}};
    for (int32_t i = 0; i < HALVES; i++) {
        struct reader frame = reader_of(p, place, i);
        for (int32_t j = 0; j < WINDOW; j++) {
            const row_words d = subtract(&frame, p, j, i);
            ADD_PRODUCTS(bx, i, p->gx[j][i], d);
            ADD_PRODUCTS(by, i, p->gy[j][i], d);
        }
    }
    const float sx = 0.5F * total_of(&bx), sy = 0.5F * total_of(&by);
    way[0] = inverse->xx * sx + inverse->xy * sy;
    way[1] = inverse->xy * sx + inverse->yy * sy;
}

static void refine(const struct follow_pair *pair, int32_t x, int32_t y, struct follow_window *w)
{
    struct patch p;
    const int32_t window[3] = {x, y, WINDOW};
    const float start[2] = {w->x, w->y};
    load(&p, pair, window, start, true);
    const struct tensor t = {
        0.25F * total_of(&p.xx), 0.25F * total_of(&p.xy), 0.25F * total_of(&p.yy)};
    const float variance = variance_of(pair, &p);
    inform(w, &t, p.count, variance);
    const float determinant = t.xx * t.yy - t.xy * t.xy;
    if (!(determinant > 1e-3F * t.xx * t.yy) || p.count < WINDOW * WINDOW / 4)
        return;
    const struct tensor inverse = {t.yy / determinant, -t.xy / determinant, t.xx / determinant};
    for (int32_t step = 0; step < STEPS; step++) {
        struct place place = place_of(w->x, w->y);
        float way[2];
        find_step(&p, place, &inverse, way);
        const float squared = way[0] * way[0] + way[1] * way[1];
        const float part = squared > 1 ? 1 / __builtin_sqrtf(squared) : 1;
        w->x = (float)place.x * (1.0F / CELL_STEPS) - way[0] * part;
        w->y = (float)place.y * (1.0F / CELL_STEPS) - way[1] * part;
        float fx = w->x - start[0], fy = w->y - start[1];
        if (!(fx * fx + fy * fy < REACH * REACH)) { /* it led astray: little is known */
            *w = (struct follow_window){
                start[0], start[1], w->xx * 0.01F, w->xy * 0.01F, w->yy * 0.01F};
            return;
        }
        if (squared < AT_REST * AT_REST)
            return;
    }
}

static float misfit(const struct follow_pair *pair, const int32_t window[3], float dx, float dy)
{
    struct patch p;
    const float displacement[2] = {dx, dy};
    load(&p, pair, window, displacement, false);
    if (p.count * 4 < (float)(window[2] * window[2]))
        return FLT_MAX;
    struct pair_sums sum = {{0}};
    for (int32_t i = 0; i < HALVES; i++) {
        struct reader frame = reader_of(&p, place_of(dx, dy), i);
        for (int32_t j = 0; j < p.size; j++) {
            const row_words d = subtract(&frame, &p, j, i) & p.compared[j][i];
            ADD_PRODUCTS(sum, i, d, d);
        }
    }
    return total_of(&sum) / (p.count * variance_of(pair, &p));
}

/* ---- tiles and their neighbours -------------------------------------------------------------- */

#define AROUND     2     /* tiles to each side */
#define ROUGHNESS  4e-4F /* samples^2 that neighbours may differ by, for each tile of distance */
#define TILES_ONCE 32    /* of a row, at a time */
#define NEIGHBOURS 25
#define PRIOR      4.0F  /* information of the affine motion, in 1/samples^2 */
#define STRAYS     0.25F /* of a squared distance in sigmas: how fast a neighbour loses its say */
#define ROUNDS     2

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

/* What the tiles at one place around others say of these: softened information, and the vector. */
struct neighbours {
    float xx[TILES_ONCE], xy[TILES_ONCE], yy[TILES_ONCE], x[TILES_ONCE], y[TILES_ONCE];
};

static void load_neighbours(struct neighbours *n, const struct follow_tiles *tiles,
    const int64_t at[2], const float shift[2], uint32_t count, float roughness)
{
    const int64_t first = at[1] * tiles->stride + at[0];
    const float *x = tiles->x + first, *y = tiles->y + first;
    const float *xx = tiles->xx + first, *xy = tiles->xy + first, *yy = tiles->yy + first;
    for (uint32_t i = 0; i < count; i++) {
        struct tensor t = soften(xx[i], xy[i], yy[i], roughness);
        n->xx[i] = t.xx;
        n->xy[i] = t.xy;
        n->yy[i] = t.yy;
        n->x[i] = x[i] + shift[0];
        n->y[i] = y[i] + shift[1];
    }
}

static void add_neighbours(struct sums *restrict s, const struct neighbours *restrict n,
    const float *restrict x, const float *restrict y, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct tensor t = {n->xx[i], n->xy[i], n->yy[i]};
        float w = say_of(&t, n->x[i] - x[i], n->y[i] - y[i]);
        s->xx[i] += w * t.xx;
        s->xy[i] += w * t.xy;
        s->yy[i] += w * t.yy;
        s->bx[i] += w * (t.xx * n->x[i] + t.xy * n->y[i]);
        s->by[i] += w * (t.xy * n->x[i] + t.yy * n->y[i]);
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

static void load_around(struct neighbours out[NEIGHBOURS], const struct follow_tiles *tiles,
    const struct follow_affine *affine, const uint32_t at[2], uint32_t count)
{
    const float scale = 2 / (float)(tiles->width > tiles->height ? tiles->width : tiles->height);
    for (int32_t j = -AROUND; j <= AROUND; j++) {
        for (int32_t i = -AROUND; i <= AROUND; i++) {
            const int64_t place[2] = {(int64_t)at[0] + i, (int64_t)at[1] + j};
            const float fx = (float)-i * scale, fy = (float)-j * scale;
            const float shift[2] = {
                affine->p[1] * fx + affine->p[2] * fy, affine->p[4] * fx + affine->p[5] * fy};
            load_neighbours(out++, tiles, place, shift, count,
                i || j ? ROUGHNESS * (float)(1 + i * i + j * j) : 0);
        }
    }
}

static void weigh_part(const struct neighbours around[NEIGHBOURS], const struct follow_tiles *tiles,
    const struct follow_affine *affine, const uint32_t at[2], uint32_t count, float *x, float *y)
{
    struct sums s;
    memset(&s, 0, sizeof s);
    for (int32_t k = 0; k < NEIGHBOURS; k++)
        add_neighbours(&s, &around[k], x, y, count);
    add_affine(&s, tiles, affine, at, x, y, count);
    for (uint32_t i = 0; i < count; i++) {
        float inverse = 1 / (s.xx[i] * s.yy[i] - s.xy[i] * s.xy[i] + 1e-12F);
        x[i] = (s.yy[i] * s.bx[i] - s.xy[i] * s.by[i]) * inverse;
        y[i] = (s.xx[i] * s.by[i] - s.xy[i] * s.bx[i]) * inverse;
    }
}

static void weigh_row(const struct follow_tiles *tiles, const struct follow_affine *affine,
    uint32_t row, float *const x[2], float *const y[2])
{
    for (uint32_t i = 0; i < tiles->width; i += TILES_ONCE) {
        uint32_t left = tiles->width - i, count = left < TILES_ONCE ? left : TILES_ONCE;
        const uint32_t at[2] = {i, row};
        struct neighbours around[NEIGHBOURS];
        load_around(around, tiles, affine, at, count);
        for (int32_t round = 0; round < 2 * ROUNDS; round++)
            weigh_part(around, tiles, affine, at, count, x[round % 2] + i, y[round % 2] + i);
    }
}

/* ---- blocks between tiles -------------------------------------------------------------------- */

static inline float apart(float a, float b)
{
    return a < b ? b - a : a - b;
}

static inline float most(float a, float b)
{
    return a > b ? a : b;
}

static void between(const float *const x[2], const float *const y[2], float part, uint32_t count,
    struct follow_between *restrict out)
{
    const float *restrict x0 = x[0], *restrict x1 = x[1], *restrict y0 = y[0], *restrict y1 = y[1];
    for (uint32_t side = 0; side < 2; side++) {
        const float u = side ? 0.75F : 0.25F;
        for (uint32_t i = 0; i < count; i++) {
            const float vx = (1 - part) * ((1 - u) * x0[i] + u * x0[i + 1]) +
                             part * ((1 - u) * x1[i] + u * x1[i + 1]);
            const float vy = (1 - part) * ((1 - u) * y0[i] + u * y0[i + 1]) +
                             part * ((1 - u) * y1[i] + u * y1[i + 1]);
            out->x[side][i] = vx;
            out->y[side][i] = vy;
            out->apart[side][i] = most(most(apart(x0[i], vx) + apart(y0[i], vy),
                                           apart(x0[i + 1], vx) + apart(y0[i + 1], vy)),
                most(apart(x1[i], vx) + apart(y1[i], vy),
                    apart(x1[i + 1], vx) + apart(y1[i + 1], vy)));
        }
    }
}

#define SYMBOL_(name) follow_kernels_##name
#define SYMBOL(name)  SYMBOL_(name)

extern const struct follow_kernels SYMBOL(ISA_NAME);
const struct follow_kernels SYMBOL(ISA_NAME) = {
    difference, search, refine, misfit, weigh_row, between};
