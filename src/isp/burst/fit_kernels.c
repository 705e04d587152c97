/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kernels of fits: one text, built once per instruction set level (ISA_NAME). */
#include <isp/burst/fit.h>
#include <isp/burst/patch.h>

#define ORDERS  (FIT_ORDER + 1)
#define SUMS    (2 * FIT_ORDER + 1)
#define TERMS   14          /* x^a y^b, 1 <= a + b <= FIT_ORDER */
#define UNKNOWN (TERMS + 3) /* and levels: of two other colours, then of the wanted one */
#define RIDGE   1e-3F       /* of the windows' sum: how little is expected of a term */
#define TINY    1e-9F       /* the least that rounding shall leave on the diagonal */

_Static_assert(FIT_BATCH == BLOCK, "a lane for each block of the batch");

static const struct {
    uint8_t x, y;
} powers[TERMS] = {{1, 0}, {0, 1}, {2, 0}, {1, 1}, {0, 2}, {3, 0}, {2, 1}, {1, 2}, {0, 3}, {4, 0},
    {3, 1}, {2, 2}, {1, 3}, {0, 4}};

/* ---- normal equations ------------------------------------------------------------------------ */

/* Sums over all frames' samples of weight * x^a y^b, [a][b]. Samples are told apart by whether
 * their row and column are an even or odd way from where a value is wanted. */
struct sums {
    lanes of[FIT_SITES][SUMS][SUMS]; /* [odd row, odd column] */
};

#define ZIP(a, b, w, x, y, z)                                                                      \
    __builtin_shufflevector(a, b, w, x, y, z, (w) + 4, (x) + 4, (y) + 4, (z) + 4)

/* Eight values of each block from the given one on, side by side. */
static inline void transpose(
    const struct fit_axis *const axes[FIT_BATCH], unsigned from, lanes out[FIT_BATCH])
{
    lanes halves[FIT_BATCH], fours[FIT_BATCH];
    for (unsigned k = 0; k < FIT_BATCH; k += 2) {
        const lanes a = LANES_AT(axes[k]->of + from), b = LANES_AT(axes[k + 1]->of + from);
        halves[k] = ZIP(a, b, 0, 8, 1, 9);
        halves[k + 1] = ZIP(a, b, 2, 10, 3, 11);
    }
    for (unsigned k = 0; k < 4; k++) { /* two blocks' pairs of values, then two more */
        const unsigned i = k / 2 * 4 + k % 2;
        fours[2 * k] = ZIP(halves[i], halves[i + 2], 0, 1, 8, 9);
        fours[2 * k + 1] = ZIP(halves[i], halves[i + 2], 2, 3, 10, 11);
    }
    for (unsigned k = 0; k < 4; k++) {
        out[k] = __builtin_shufflevector(fours[k], fours[k + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        out[k + 4] = __builtin_shufflevector(fours[k], fours[k + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

/* Of a row or column of each block's samples: [odd way from where a value is wanted]. */
static inline void gather(const struct fit_axis *const axes[FIT_BATCH],
    const int32_t is_odd[FIT_BATCH], lanes out[2][SUMS])
{
    lanes of[3 * FIT_BATCH];
    for (unsigned k = 0; k < 3 * FIT_BATCH; k += FIT_BATCH)
        transpose(axes, k, of + k);
    const ints odd = *(const ints *)is_odd;
    for (unsigned order = 0; order < SUMS; order++) {
        const lanes same = of[FIT_SUM(0, order)], other = of[FIT_SUM(1, order)];
        out[0][order] = SELECT(odd, other, same);
        out[1][order] = SELECT(odd, same, other);
    }
}

static inline void add_sums(const struct fit_frame *f, struct sums *s)
{
    lanes x[2][SUMS], y[2][SUMS];
    gather(f->across, f->is_odd[0], x);
    gather(f->down, f->is_odd[1], y);
    const lanes weight = LANES_AT(f->weight);
    for (unsigned b = 0; b < SUMS; b++) {
        y[0][b] *= weight;
        y[1][b] *= weight;
        for (unsigned a = 0; a + b < SUMS; a++) {
            for (unsigned k = 0; k < FIT_SITES; k++)
                s->of[k][a][b] += x[k & 1][a] * y[k >> 1][b];
        }
    }
}

/* A site where a value is wanted, and what samples around are to it: as far as their rows and
 * columns are an odd way off. */
struct site {
    lanes worth[FIT_SITES];
    unsigned level[FIT_SITES]; /* of their colour, of the unknown: the last is the site's own */
};

static inline void find_site(const struct fit_batch *batch, unsigned site, struct site *s)
{
    const unsigned own = batch->channels[site];
    for (unsigned k = 0; k < FIT_SITES; k++) {
        const unsigned channel = batch->channels[site ^ k];
        s->worth[k] = LANES_AT(batch->worth[site ^ k]);
        s->level[k] = TERMS + (channel == own ? 2 : (channel + 2 - own) % 3);
    }
}

/* The lower half of the normal equations. */
static inline void fill(const struct sums *s, const struct site *site, lanes g[UNKNOWN][UNKNOWN])
{
    lanes all[SUMS][SUMS];
    for (unsigned a = 0; a < SUMS; a++) {
        for (unsigned b = 0; a + b < SUMS; b++) {
            all[a][b] = s->of[0][a][b] * site->worth[0];
            for (unsigned k = 1; k < FIT_SITES; k++)
                all[a][b] += s->of[k][a][b] * site->worth[k];
        }
    }
    for (unsigned i = 0; i < TERMS; i++) {
        for (unsigned j = 0; j <= i; j++)
            g[i][j] = all[powers[i].x + powers[j].x][powers[i].y + powers[j].y];
        g[i][i] += all[0][0] * RIDGE;
    }
    for (unsigned i = TERMS; i < UNKNOWN; i++) {
        for (unsigned j = 0; j <= i; j++)
            g[i][j] = ALL(0.0F);
    }
    for (unsigned k = 0; k < FIT_SITES; k++) {
        lanes *row = g[site->level[k]];
        for (unsigned j = 0; j < TERMS; j++)
            row[j] += s->of[k][powers[j].x][powers[j].y] * site->worth[k];
        row[site->level[k]] += s->of[k][0][0] * site->worth[k];
    }
}

/* ---- weights --------------------------------------------------------------------------------- */

/* Root of a positive definite matrix (Cholesky), in place; its diagonal becomes one over itself.
 * Column by column, since of one no element waits for another. */
static inline void take_root(lanes g[UNKNOWN][UNKNOWN])
{
    for (unsigned j = 0; j < UNKNOWN; j++) {
        for (unsigned i = j; i < UNKNOWN; i++) {
            lanes left = g[i][j];
            for (unsigned k = 0; k < j; k++)
                left -= g[i][k] * g[j][k];
            g[i][j] = left;
        }
        float square[FIT_BATCH];
        *(lanes *)square = MOST(g[j][j], ALL(TINY));
        for (unsigned k = 0; k < FIT_BATCH; k++)
            square[k] = 1 / __builtin_sqrtf(square[k]);
        g[j][j] = LANES_AT(square);
        for (unsigned i = j + 1; i < UNKNOWN; i++)
            g[i][j] *= g[j][j];
    }
}

/* The last column of the matrix' inverse: by what the last unknown depends on each sum. */
static inline void invert(const lanes root[UNKNOWN][UNKNOWN], lanes z[UNKNOWN])
{
    z[UNKNOWN - 1] = root[UNKNOWN - 1][UNKNOWN - 1] * root[UNKNOWN - 1][UNKNOWN - 1];
    for (unsigned i = UNKNOWN - 1; i-- > 0;) {
        lanes sum = {0};
        for (unsigned k = i + 1; k < UNKNOWN; k++)
            sum -= root[k][i] * z[k];
        z[i] = sum * root[i][i];
    }
}

/* A frame's samples, block by block. */
struct window {
    lanes x[FIT_SIDE][ORDERS], y[FIT_SIDE][ORDERS];
    ints is_odd[2]; /* the first column and row: from where a value is wanted */
};

static inline void find_window(const struct fit_frame *f, struct window *w)
{
    const unsigned first = 2 * FIT_BATCH;
    lanes x[FIT_VALUES - 2 * FIT_BATCH], y[FIT_VALUES - 2 * FIT_BATCH];
    const lanes weight = LANES_AT(f->weight);
    for (unsigned k = 0; k < FIT_VALUES - first; k += FIT_BATCH) {
        transpose(f->across, first + k, x + k);
        transpose(f->down, first + k, y + k);
    }
    for (unsigned i = 0; i < FIT_SIDE; i++) {
        for (unsigned order = 0; order < ORDERS; order++) {
            w->x[i][order] = x[FIT_WINDOW(i, order) - first];
            w->y[i][order] = y[FIT_WINDOW(i, order) - first] * weight;
        }
    }
    for (unsigned k = 0; k < FIT_BATCH; k++) {
        w->is_odd[0][k] = -(f->across[k]->first & 1) ^ f->is_odd[0][k];
        w->is_odd[1][k] = -(f->down[k]->first & 1) ^ f->is_odd[1][k];
    }
}

/* By row and column from where a value is wanted, to those from the first sample on. */
static inline void from_first(const struct window *w, lanes of[FIT_SITES])
{
    for (unsigned k = 0; k < FIT_SITES; k += 2) {
        const lanes even = of[k], odd = of[k + 1];
        of[k] = SELECT(w->is_odd[0], odd, even);
        of[k + 1] = SELECT(w->is_odd[0], even, odd);
    }
    for (unsigned k = 0; k < 2; k++) {
        const lanes even = of[k], odd = of[k + 2];
        of[k] = SELECT(w->is_odd[1], odd, even);
        of[k + 2] = SELECT(w->is_odd[1], even, odd);
    }
}

/* Of two rows, as whole numbers. */
static inline void store_pair(const lanes rows[2], int32_t out[FIT_BATCH])
{
    ints whole[2];
    for (unsigned k = 0; k < 2; k++) {
        lanes scaled = rows[k] * FIT_ONE + SELECT(rows[k] < 0, ALL(-0.5F), ALL(0.5F));
        scaled = LEAST(scaled, ALL(LIMIT));
        scaled = MOST(scaled, ALL(-LIMIT));
        whole[k] = __builtin_convertvector(scaled, ints);
    }
    *(ints *)out = (whole[0] & UINT16_MAX) | whole[1] * (1 << 16);
}

/* What a site's level is of samples' terms, and what its weights add up to. */
struct solution {
    struct site site;
    lanes z[UNKNOWN], noise, most;
};

static inline void find_taps(
    const struct window *w, float noise, struct solution *s, int32_t taps[][FIT_SIDE][FIT_BATCH])
{
    const lanes *z = s->z, own = s->site.worth[0];
    lanes levels[FIT_SITES], worth[FIT_SITES];
    for (unsigned k = 0; k < FIT_SITES; k++) {
        levels[k] = z[s->site.level[k]];
        worth[k] = s->site.worth[k];
    }
    from_first(w, levels);
    from_first(w, worth);
    for (unsigned i = 0; i < FIT_SIDE; i++) {
        lanes column[ORDERS] = {{0}}, rows[FIT_SIDE];
        for (unsigned t = 0; t < TERMS; t++)
            column[powers[t].y] += z[t] * w->x[i][powers[t].x];
        for (unsigned j = 0; j < FIT_SIDE; j++) {
            const unsigned k = (j & 1) << 1 | (i & 1);
            lanes tap = (column[0] + levels[k] * w->x[i][0]) * w->y[j][0];
            for (unsigned b = 1; b < ORDERS; b++)
                tap += column[b] * w->y[j][b];
            /* A sample that is worth more than one of the site has as much less noise. */
            s->noise += tap * tap * worth[k] * (own * noise);
            rows[j] = tap * worth[k];
            s->most += SELECT(rows[j] < 0, -rows[j], rows[j]);
        }
        for (unsigned j = 0; j < FIT_SIDE; j += 2)
            store_pair(&rows[j], taps[j / 2][i]);
    }
}

static inline void find_solution(
    const struct sums *sums, const struct fit_batch *batch, unsigned site, struct solution *out)
{
    lanes g[UNKNOWN][UNKNOWN];
    find_site(batch, site, &out->site);
    fill(sums, &out->site, g);
    take_root(g);
    invert(g, out->z);
    out->noise = out->most = ALL(0.0F);
}

static void solve(const struct fit_batch *batch, struct fit *out)
{
    struct sums sums = {0};
    struct solution of[FIT_SITES];
    for (uint32_t i = 0; i < batch->count; i++)
        add_sums(&batch->frames[i], &sums);
    for (unsigned k = 0; k < FIT_SITES; k++)
        find_solution(&sums, batch, k, &of[k]);
    for (uint32_t i = 0; i < batch->count; i++) {
        struct window w;
        find_window(&batch->frames[i], &w);
        for (unsigned k = 0; k < FIT_SITES; k++)
            find_taps(&w, batch->frames[i].noise, &of[k], out->taps[i].pairs[k]);
    }
    *(lanes *)out->noise = ((of[0].noise + of[1].noise) + (of[2].noise + of[3].noise)) * 0.25F;
    const lanes even = MOST(of[0].most, of[1].most), odd = MOST(of[2].most, of[3].most);
    *(lanes *)out->most = MOST(even, odd);
}

/* ---- samples --------------------------------------------------------------------------------- */

/* Two columns' weights, over and over. */
#define BOTH(pairs, a, b)                                                                          \
    ((repeated){0} + (int64_t)((uint64_t)(uint32_t)(pairs)[b] << 32 | (uint32_t)(pairs)[a]))

static inline void add_columns(uint32_t patch[PATCH][PATCH_ROW], const struct fit_reading *r,
    const struct fit_taps *taps, unsigned block, unsigned from, int32_t out[BLOCK][BLOCK])
{
    pairs sum[BLOCK] = {{0}};
    for (unsigned pair = 0; pair < FIT_SIDE / 2; pair++) {
#pragma GCC unroll 1 /* else rows are kept in registers that there are not */
        for (unsigned column = 0; column < FIT_SIDE; column++) {
            int32_t site[FIT_SITES];
            for (unsigned k = 0; k < FIT_SITES; k++)
                site[k] = taps->pairs[k][pair][column][block];
            const pairs of[2] = {(pairs)BOTH(site, 0, 1), (pairs)BOTH(site, 2, 3)};
#pragma GCC unroll 8
            for (unsigned k = 0; k < BLOCK; k++) {
                const uint32_t *at = &patch[r->row + 2 * pair + k][r->column + column + from];
                sum[k] += MULTIPLY_ADD(*(const pairs_unaligned *)at, of[k & 1]);
            }
        }
    }
    for (unsigned k = 0; k < BLOCK; k++)
        *(pairs_unaligned *)&out[k][from] = sum[k];
}

static bool read(const struct fit_reading *r, const struct fit_taps *taps, unsigned block,
    float light[BLOCK][BLOCK])
{
    _Alignas(64) uint32_t patch[PATCH][PATCH_ROW];
    int32_t sum[BLOCK][BLOCK];
    struct proportion by;
    find_proportion(r->codes, r->block, &by);
    const bool any_white = load_patch(r->codes, &by, &r->patch, patch);
    for (unsigned i = 0; i < BLOCK; i += LANES)
        add_columns(patch, r, taps, block, i, sum);
    const lanes scale[2] = {ALTERNATE(&by.scale[0]), ALTERNATE(&by.scale[2])};
    for (unsigned j = 0; j < BLOCK; j++)
        *(lanes *)light[j] += __builtin_convertvector(*(const ints *)sum[j], lanes) * scale[j & 1];
    return any_white;
}

#define SYMBOL_(name) fit_kernels_##name
#define SYMBOL(name)  SYMBOL_(name)

extern const struct fit_kernels SYMBOL(ISA_NAME);
const struct fit_kernels SYMBOL(ISA_NAME) = {solve, read};
