/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A tile of the mosaic, from samples to samples; built once per instruction set level. */
#include <isp/denoise/denoise.h>
#include <isp/still/unpack.h>

#include <stdbool.h>

#define RANGE ((float)(65535 - ISP_MERGED_BLACK))

/* ---- samples --------------------------------------------------------------------------------- */

/* A sample's level, with noise of one everywhere; below the curve's foot it is a line. */
static inline float equalise(const struct isp_denoise_recipe *r, uint16_t code)
{
    const float x = ((float)code - ISP_MERGED_BLACK) * (1 / RANGE);
    const float square = r->shot * x + r->square;
    return 2 * x / (__builtin_sqrtf(square > 0 ? square : 0) + r->root);
}

/* What is outside the mosaic is mirrored, here as everywhere in the ISP. */
static void load_row(
    const struct denoise_tile *t, uint32_t row, float *restrict even, float *restrict odd)
{
    const struct isp_denoise *job = t->job;
    const int64_t x0 = 2 * ((int64_t)t->x - HALO_CELLS);
    const int64_t y = 2 * ((int64_t)t->y - HALO_CELLS) + row;
    const uint16_t *in = job->mosaic + (size_t)unpack_mirror(y, job->height) * job->width;
    uint16_t words[2 * CELLS];
    if (x0 >= 0 && x0 + 2 * CELLS <= job->width)
        memcpy(words, in + x0, sizeof words);
    else
        for (unsigned i = 0; i < 2 * CELLS; i++)
            words[i] = in[unpack_mirror(x0 + i, job->width)];
    for (unsigned i = 0; i < CELLS; i++) {
        even[i] = equalise(t->recipe, words[2 * i]);
        odd[i] = equalise(t->recipe, words[2 * i + 1]);
    }
}

static void load(const struct denoise_tile *t)
{
    for (unsigned row = 0; row < 2 * CELLS; row++) {
        float(*halves)[MOSAIC_SPAN] = t->scratch->mosaic[row];
        memset(halves, 0, sizeof t->scratch->mosaic[row]);
        load_row(t, row, halves[0], halves[1]);
    }
}

/* ---- how much of a tile is inside --------------------------------------------------------------
 */

/* Blocks in a row, or rows of them. */
struct extent {
    uint32_t coarse, cells, mosaic;
};

static struct extent extent_of(uint32_t samples, uint32_t from)
{
    const uint32_t left = (samples + 1) / 2 - from, n = left < TILE_CELLS ? left : TILE_CELLS;
    return (struct extent){COARSE_BLOCKS_OF(n), CELL_BLOCKS_OF(n), MOSAIC_BLOCKS_OF(n)};
}

static struct extent across(const struct denoise_tile *t)
{
    return extent_of(t->job->width, t->x);
}

static struct extent down(const struct denoise_tile *t)
{
    return extent_of(t->job->height, t->y);
}

/* ---- noise of blocks ------------------------------------------------------------------------- */

/* Blocks that begin every `step` samples from (first, first) of the tile's window on, `side` wide:
 * the variance of what lies in the middle of each. */
struct noise_blocks {
    uint32_t first, step, side, across, down;
};

static float noise_at(const struct denoise_tile *t, int64_t x, int64_t y)
{
    const uint32_t columns = isp_burst_blocks(t->job->width),
                   rows = isp_burst_blocks(t->job->height);
    const int64_t i = x < 0 ? 0 : x / 8, j = y < 0 ? 0 : y / 8;
    const uint32_t column = i < columns ? (uint32_t)i : columns - 1,
                   row = j < rows ? (uint32_t)j : rows - 1;
    return (float)t->job->noise[(size_t)row * columns + column];
}

static void find_noise(const struct denoise_tile *t, const struct noise_blocks *b)
{
    const float unit = t->recipe->strength * t->recipe->strength;
    const int64_t x0 = 2 * ((int64_t)t->x - HALO_CELLS), y0 = 2 * ((int64_t)t->y - HALO_CELLS);
    const int32_t near = (int32_t)b->side / 4, far = (int32_t)(b->side - b->side / 4 - 1);
    for (uint32_t j = 0; j < b->down; j++) {
        float *line = t->scratch->noise[j];
        const int64_t y = y0 + b->first + (int64_t)j * b->step;
        for (uint32_t i = 0; i < BLOCKS_SPAN; i++) {
            const int64_t x = x0 + b->first + (int64_t)i * b->step;
            line[i] = unit;
            if (t->job->noise && i < b->across)
                line[i] = (noise_at(t, x + near, y + near) + noise_at(t, x + far, y + near) +
                              noise_at(t, x + near, y + far) + noise_at(t, x + far, y + far)) *
                          unit * (0.25F / ISP_BURST_NOISE_ONE);
        }
    }
}

/* ---- samples that stand alone ---------------------------------------------------------------- */

#define HOT_SIGMAS 6
#define LIT_SIGMAS 3
#define HOT_MARGIN 4 /* cells at the rim, whose samples are not judged */

static inline float sample(const struct denoise_scratch *s, int32_t x, int32_t y)
{
    return s->mosaic[y][x & 1][x >> 1];
}

/* Least and most of the eight nearest of its colour. */
static void find_range(const struct denoise_scratch *s, int32_t x, int32_t y, float out[2])
{
    out[0] = out[1] = sample(s, x - 2, y - 2);
    for (int32_t k = 1; k < 9; k++) {
        const float v = sample(s, x + k % 3 * 2 - 2, y + k / 3 * 2 - 2);
        if (k == 4)
            continue;
        out[0] = v < out[0] ? v : out[0];
        out[1] = v > out[1] ? v : out[1];
    }
}

/* Light falls on neighbours, too: a point of it is seen in their colours. */
static bool is_lit(const struct denoise_scratch *s, int32_t x, int32_t y, float sign, float noise)
{
    for (int32_t k = 0; k < 9; k++) {
        const int32_t i = x + k % 3 - 1, j = y + k / 3 - 1;
        float range[2];
        if (k == 4)
            continue;
        find_range(s, i, j, range);
        const float beyond = sign > 0 ? sample(s, i, j) - range[1] : range[0] - sample(s, i, j);
        if (beyond > LIT_SIGMAS * noise)
            return true;
    }
    return false;
}

static void judge(const struct denoise_tile *t, int32_t x, int32_t y, float noise, uint32_t *count)
{
    struct denoise_scratch *s = t->scratch;
    float range[2];
    find_range(s, x, y, range);
    const float v = sample(s, x, y), margin = HOT_SIGMAS * noise + range[1] - range[0];
    const float sign = v > range[1] ? 1 : -1;
    if ((v <= range[1] + margin && v >= range[0] - margin) || is_lit(s, x, y, sign, noise))
        return;
    if (*count == HOT_MAX)
        return;
    s->hot[*count][0] = (uint32_t)x;
    s->hot[*count][1] = (uint32_t)y;
    s->mended[(*count)++] =
        (sample(s, x - 2, y) + sample(s, x + 2, y) + sample(s, x, y - 2) + sample(s, x, y + 2)) *
        0.25F;
}

/* Which samples of half a row are beyond the four nearest of their colour: few. */
static void find_alone(const float row[2 * CELLS][2][MOSAIC_SPAN], uint32_t y, uint32_t half,
    const float *restrict noise, uint8_t *restrict is_alone)
{
    const float *at = row[y][half], *up = row[y - 2][half], *down = row[y + 2][half];
    for (unsigned i = HOT_MARGIN; i < CELLS - HOT_MARGIN; i++) {
        const float v = at[i], left = at[i - 1], right = at[i + 1];
        const float low_x = left < right ? left : right, high_x = left < right ? right : left;
        const float low_y = up[i] < down[i] ? up[i] : down[i],
                    high_y = up[i] < down[i] ? down[i] : up[i];
        const float low = low_x < low_y ? low_x : low_y, high = high_x > high_y ? high_x : high_y;
        const float margin = HOT_SIGMAS * noise[i];
        is_alone[i] = (v > high + margin) | (v < low - margin);
    }
}

/* Sigmas of a row's samples, by cells. */
static void find_sigmas(const struct denoise_tile *t, uint32_t y, float sigmas[CELLS])
{
    const int64_t x0 = 2 * ((int64_t)t->x - HALO_CELLS), y0 = 2 * ((int64_t)t->y - HALO_CELLS);
    for (uint32_t i = 0; i < CELLS; i++) {
        sigmas[i] = 1;
        if (t->job->noise)
            sigmas[i] =
                __builtin_sqrtf(noise_at(t, x0 + 2 * i, y0 + y) * (1.0F / ISP_BURST_NOISE_ONE));
    }
}

static void mend(const struct denoise_tile *t)
{
    struct denoise_scratch *s = t->scratch;
    float sigmas[CELLS];
    uint32_t count = 0;
    for (uint32_t y = 2 * HOT_MARGIN; y < 2 * (CELLS - HOT_MARGIN); y++) {
        if (y % 8 == 0)
            find_sigmas(t, y, sigmas);
        for (uint32_t half = 0; half < 2; half++) {
            uint8_t is_alone[CELLS];
            find_alone(s->mosaic, y, half, sigmas, is_alone);
            for (uint32_t i = HOT_MARGIN; i < CELLS - HOT_MARGIN; i++) {
                if (is_alone[i])
                    judge(t, (int32_t)(2 * i + half), (int32_t)y, sigmas[i], &count);
            }
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t x = s->hot[i][0], y = s->hot[i][1];
        s->mosaic[y][x & 1][x >> 1] = s->mended[i];
    }
}

/* ---- cells ----------------------------------------------------------------------------------- */

/* The sum, each diagonal's difference, and the difference of the diagonals: of white noise they are
 * again white noise. */
#define HALF_ROOT 0.707106781F

static void split_cells(struct denoise_scratch *s)
{
    memset(s->in.cells, 0, sizeof s->in.cells);
    for (unsigned j = 0; j < CELLS; j++) {
        const float *a = s->mosaic[2 * j][0], *b = s->mosaic[2 * j][1];
        const float *c = s->mosaic[2 * j + 1][0], *d = s->mosaic[2 * j + 1][1];
        for (unsigned half = 0; half < 2; half++) {
            float *restrict sum = s->in.cells[0][j][half], *restrict ad = s->in.cells[1][j][half],
                            *restrict bc = s->in.cells[2][j][half],
                            *restrict cross = s->in.cells[3][j][half];
            for (unsigned i = 0; i < CELLS / 2; i++) {
                const unsigned k = 2 * i + half;
                sum[i] = (a[k] + b[k] + c[k] + d[k]) * 0.5F;
                ad[i] = (a[k] - d[k]) * HALF_ROOT;
                bc[i] = (b[k] - c[k]) * HALF_ROOT;
                cross[i] = (a[k] - b[k] - c[k] + d[k]) * 0.5F;
            }
        }
    }
}

/* Rows 2 j and 2 j + 1 of a mosaic, from the cells' row. */
static void join_cells(const float *const cells[4][2], float mosaic[2][2][MOSAIC_SPAN])
{
    for (unsigned half = 0; half < 2; half++) {
        const float *sum = cells[0][half], *ad = cells[1][half], *bc = cells[2][half],
                    *cross = cells[3][half];
        float *restrict a = mosaic[0][0], *restrict b = mosaic[0][1], *restrict c = mosaic[1][0],
                        *restrict d = mosaic[1][1];
        for (unsigned i = 0; i < CELLS / 2; i++) {
            const unsigned k = 2 * i + half;
            const float same = (sum[i] + cross[i]) * 0.5F, other = (sum[i] - cross[i]) * 0.5F;
            a[k] = same + ad[i] * HALF_ROOT;
            d[k] = same - ad[i] * HALF_ROOT;
            b[k] = other + bc[i] * HALF_ROOT;
            c[k] = other - bc[i] * HALF_ROOT;
        }
    }
}

/* ---- the first estimate ---------------------------------------------------------------------- */

static void halve(const float in[CELLS][2][CELL_SPAN], float out[COARSE][2][COARSE_SPAN])
{
    for (unsigned j = 0; j < COARSE; j++) {
        const float *a = in[2 * j][0], *b = in[2 * j][1], *c = in[2 * j + 1][0],
                    *d = in[2 * j + 1][1];
        for (unsigned half = 0; half < 2; half++) {
            float *restrict to = out[j][half];
            for (unsigned i = 0; i < COARSE / 2; i++) {
                const unsigned k = 2 * i + half;
                to[i] = (a[k] + b[k] + c[k] + d[k]) * 0.5F;
            }
        }
    }
}

/* Sums over weights, in place; the weight is one for each 2x2. */
static void divide(float *sum, const float *weight, uint32_t rows, uint32_t span)
{
    for (uint32_t j = 0; j < rows; j++) {
        const float *w = weight + (size_t)(j / 2) * span;
        for (unsigned half = 0; half < 2; half++) {
            float *restrict row = sum + ((size_t)j * 2 + half) * span;
            for (uint32_t i = 0; i < span; i++)
                row[i] /= w[i] > 0 ? w[i] : 1; /* where no block is, both are zero */
        }
    }
}

static void estimate_coarse(const struct denoise_tile *t)
{
    struct denoise_scratch *s = t->scratch;
    struct denoise_pass pass = {.noise = s->noise[0],
        .span = COARSE_SPAN,
        .blocks = across(t).coarse,
        .block_rows = down(t).coarse};
    memset(s->coarse, 0, sizeof s->coarse);
    memset(s->coarse_sum, 0, sizeof s->coarse_sum);
    memset(s->weight, 0, sizeof s->weight);
    for (unsigned p = 0; p < 4; p++) {
        halve(s->in.cells[p], s->coarse[p]);
        pass.in[p] = s->coarse[p][0][0];
        pass.sum[p] = s->coarse_sum[p][0][0];
        pass.weight[p] = s->weight[p][0];
    }
    find_noise(t, &(struct noise_blocks){0, 8, 32, across(t).coarse, down(t).coarse});
    denoise_shrink(&pass);
    for (unsigned p = 0; p < 4; p++)
        divide(pass.sum[p], pass.weight[p], COARSE, COARSE_SPAN);
}

static void estimate_cells(const struct denoise_tile *t)
{
    struct denoise_scratch *s = t->scratch;
    struct denoise_pass pass = {.noise = s->noise[0],
        .span = CELL_SPAN,
        .first = CELL_FIRST,
        .blocks = across(t).cells,
        .first_row = CELL_FIRST,
        .block_rows = down(t).cells};
    memset(s->estimate, 0, sizeof s->estimate);
    memset(s->weight, 0, sizeof s->weight);
    for (unsigned p = 0; p < 4; p++) {
        pass.in[p] = s->in.cells[p][0][0];
        pass.sum[p] = s->estimate[p][0][0];
        pass.weight[p] = s->weight[p][0];
    }
    find_noise(t, &(struct noise_blocks){4 * CELL_FIRST, 4, 16, across(t).cells, down(t).cells});
    denoise_shrink(&pass);
    for (unsigned p = 0; p < 4; p++)
        divide(pass.sum[p], pass.weight[p], CELLS, CELL_SPAN);
}

/* What the estimate at half size has and the mean of the fine one has not. */
static void find_missing(
    struct denoise_scratch *s, unsigned plane, const float fine[CELLS][2][CELL_SPAN])
{
    for (unsigned j = 0; j < COARSE; j++) {
        const float *a = fine[2 * j][0], *b = fine[2 * j][1], *c = fine[2 * j + 1][0],
                    *d = fine[2 * j + 1][1];
        const float *even = s->coarse_sum[plane][j][0], *odd = s->coarse_sum[plane][j][1];
        float *restrict to = s->missing[j];
        for (unsigned i = 0; i < COARSE / 2; i++) {
            const unsigned k = 2 * i;
            to[k] = 0.5F * even[i] - 0.25F * (a[k] + b[k] + c[k] + d[k]);
            to[k + 1] = 0.5F * odd[i] - 0.25F * (a[k + 1] + b[k + 1] + c[k + 1] + d[k + 1]);
        }
    }
}

/* Put it in, bilinear. Rows and columns at the rim are not used by anyone. */
static void add_missing(const struct denoise_scratch *s, float fine[CELLS][2][CELL_SPAN])
{
    for (unsigned j = 2; j < CELLS - 2; j++) {
        const float *near = s->missing[j / 2], *far = s->missing[j / 2 + (j & 1 ? 1 : -1U)];
        float line[COARSE];
        for (unsigned i = 0; i < COARSE; i++)
            line[i] = near[i] * 0.75F + far[i] * 0.25F;
        for (unsigned i = 1; i < COARSE - 1; i++) {
            fine[j][0][i] += line[i] * 0.75F + line[i - 1] * 0.25F;
            fine[j][1][i] += line[i] * 0.75F + line[i + 1] * 0.25F;
        }
    }
}

static void estimate(const struct denoise_tile *t)
{
    float(*cells)[CELLS][2][CELL_SPAN] = t->scratch->estimate;
    split_cells(t->scratch);
    estimate_coarse(t);
    estimate_cells(t);
    for (unsigned p = 0; p < 4; p++) {
        find_missing(t->scratch, p, cells[p]);
        add_missing(t->scratch, cells[p]);
    }
}

/* ---- the second ------------------------------------------------------------------------------ */

/* Means over five cells each way, nearer ones more: 1 2 3 2 1. The rim stays what it is. */
static void blur(const float in[CELLS][2][CELL_SPAN], float out[CELLS][2][CELL_SPAN])
{
    memset(out, 0, sizeof(float) * CELLS * 2 * CELL_SPAN);
    for (unsigned j = 2; j < CELLS - 2; j++) {
        float e[CELL_SPAN], o[CELL_SPAN];
        for (unsigned half = 0; half < 2; half++) {
            float *restrict to = half ? o : e;
            for (unsigned i = 0; i < CELL_SPAN; i++)
                to[i] = (in[j - 2][half][i] + in[j + 2][half][i] +
                            2 * (in[j - 1][half][i] + in[j + 1][half][i]) + 3 * in[j][half][i]) *
                        (1.0F / 81);
        }
        for (unsigned i = 1; i + 1 < CELL_SPAN; i++) {
            out[j][0][i] = e[i - 1] + e[i + 1] + 2 * (o[i - 1] + o[i]) + 3 * e[i];
            out[j][1][i] = o[i - 1] + o[i + 1] + 2 * (e[i] + e[i + 1]) + 3 * o[i];
        }
    }
}

static void subtract(float *restrict from, const float *restrict what, size_t count)
{
    for (size_t i = 0; i < count; i++)
        from[i] -= what[i];
}

/* Local colour in a mosaic of its own, and the pilot without it. */
static void take_colour_off(struct denoise_scratch *s)
{
    static const float none[CELL_SPAN];
    float(*cells)[CELLS][2][CELL_SPAN] = s->estimate;
    /* The blurred planes stand where the cells came from. */
    float(*blurred)[CELLS][2][CELL_SPAN] = s->in.cells;
    for (unsigned p = 1; p < 4; p++) {
        blur(cells[p], blurred[p]);
        subtract(cells[p][0][0], blurred[p][0][0], sizeof cells[p] / sizeof(float));
    }
    for (unsigned j = 0; j < CELLS; j++) {
        const float *local[4][2] = {{none, none}}, *rest[4][2];
        for (unsigned k = 0; k < 8; k++) {
            rest[k >> 1][k & 1] = cells[k >> 1][j][k & 1];
            if (k > 1)
                local[k >> 1][k & 1] = blurred[k >> 1][j][k & 1];
        }
        join_cells(local, &s->local[2 * j]);
        join_cells(rest, &s->pilot[2 * j]);
    }
    subtract(s->mosaic[0][0], s->local[0][0], sizeof s->mosaic / sizeof(float));
}

static void refine(const struct denoise_tile *t)
{
    struct denoise_scratch *s = t->scratch;
    const struct denoise_pass pass = {.in = {s->mosaic[0][0]},
        .pilot = s->pilot[0][0],
        .sum = {s->sum.mosaic[0][0]},
        .weight = {s->weight[0][0]},
        .noise = s->noise[0],
        .span = MOSAIC_SPAN,
        .first = MOSAIC_FIRST,
        .blocks = across(t).mosaic,
        .first_row = MOSAIC_FIRST,
        .block_rows = down(t).mosaic};
    memset(s->sum.mosaic, 0, sizeof s->sum.mosaic);
    memset(s->weight, 0, sizeof s->weight);
    find_noise(t, &(struct noise_blocks){2 * MOSAIC_FIRST, 2, 8, across(t).mosaic, down(t).mosaic});
    denoise_weigh(&pass);
    divide(s->sum.mosaic[0][0], s->weight[0][0], 2 * CELLS, MOSAIC_SPAN);
}

/* ---- back to samples ------------------------------------------------------------------------- */

static uint16_t to_code(const struct isp_denoise_recipe *r, float level, float noise)
{
    float at = (level - r->first) * r->per_level;
    at = at > 0 ? at : 0;
    at = at < LEVELS - 1 ? at : LEVELS - 1;
    const int32_t i = (int32_t)at;
    const struct denoise_level *l = &r->levels[i];
    const float part = at - (float)i;
    const float light = l->light + l->light_step * part + noise * (l->bias + l->bias_step * part);
    const float code = light * RANGE + (ISP_MERGED_BLACK + 0.5F);
    return (uint16_t)(int32_t)(code < 0 ? 0 : code > 65535 ? 65535 : code);
}

static void store(const struct denoise_tile *t)
{
    const struct isp_denoise *job = t->job;
    const struct denoise_scratch *s = t->scratch;
    const uint32_t x0 = 2 * t->x, y0 = 2 * t->y;
    for (uint32_t y = y0; y < y0 + ISP_DENOISE_TILE && y < job->height; y++) {
        const uint32_t row = y - y0 + 2 * HALO_CELLS;
        uint16_t *out = job->out + (size_t)y * job->width;
        for (uint32_t x = x0; x < x0 + ISP_DENOISE_TILE && x < job->width; x++) {
            const uint32_t i = x / 2 - t->x + HALO_CELLS, half = x & 1;
            const float noise = job->noise ? noise_at(t, x, y) * (1.0F / ISP_BURST_NOISE_ONE) : 1;
            out[x] =
                to_code(t->recipe, s->sum.mosaic[row][half][i] + s->local[row][half][i], noise);
        }
    }
}

static void run_tile(const struct denoise_tile *t)
{
    load(t);
    mend(t);
    estimate(t);
    take_colour_off(t->scratch);
    refine(t);
    store(t);
}

#define SYMBOL DENOISE_PASTE(denoise_kernels, ISA_NAME)

extern const struct denoise_kernels SYMBOL;
const struct denoise_kernels SYMBOL = {run_tile};
