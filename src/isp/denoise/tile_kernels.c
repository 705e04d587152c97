/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A tile of the mosaic, from samples to samples; built once per instruction set level. */
#include <isp/denoise/denoise.h>

#define RANGE ((float)(65535 - ISP_MERGED_BLACK))

/* ---- samples --------------------------------------------------------------------------------- */

/* A sample's level, with noise of one everywhere; below the curve's foot it is a line. */
static inline float equalise(const struct isp_denoise_recipe *r, float x)
{
    const float square = r->shot * x + r->square;
    return 2 * x / (__builtin_sqrtf(square > 0 ? square : 0) + r->root);
}

/* Columns x0 and on of a row of the crop, mirrored outside, as far as any block looks. */
static void load_words(const struct denoise_tile *t, uint32_t y, int64_t x0, uint16_t *words)
{
    const struct isp_geometry *g = &t->recipe->geometry;
    const uint8_t *row = t->job->raw + (size_t)(g->crop.y + y) * g->raw_stride_bytes;
    const int64_t width = g->crop.width, first = x0 > 0 ? x0 : 0;
    const int64_t end = x0 + 2 * CELLS < width ? x0 + 2 * CELLS : width;
    const int64_t needed = width + 2 * HALO_CELLS - x0;
    uint16_t line[2 * CELLS + UNPACK_SLACK];
    const uint16_t *inside = unpack_row(
        t->recipe->packing, row, g->crop.x + (uint32_t)first, (uint32_t)(end - first), line);
    memcpy(words + (first - x0), inside, (size_t)(end - first) * sizeof(uint16_t));
    for (int64_t i = 0; i < first - x0; i++)
        words[i] = inside[unpack_mirror(x0 + i, g->crop.width) - first];
    for (int64_t i = end - x0; i < 2 * CELLS; i++)
        words[i] = i < needed ? inside[unpack_mirror(x0 + i, g->crop.width) - first] : 0;
}

static void load_row(
    const struct denoise_tile *t, uint32_t row, float *restrict even, float *restrict odd)
{
    const struct isp_denoise_recipe *r = t->recipe;
    const int64_t x0 = 2 * ((int64_t)t->x - HALO_CELLS);
    const int64_t y = 2 * ((int64_t)t->y - HALO_CELLS) + row;
    const float *black = r->black[row & 1], *scale = r->scale[row & 1];
    uint16_t words[2 * CELLS];
    load_words(t, unpack_mirror(y, r->geometry.crop.height), x0, words);
    for (unsigned i = 0; i < CELLS; i++) {
        even[i] = equalise(r, ((float)words[2 * i] - black[0]) * scale[0]);
        odd[i] = equalise(r, ((float)words[2 * i + 1] - black[1]) * scale[1]);
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
    uint32_t coarse, cells, groups, noise;
};

static struct extent extent_of(uint32_t samples, uint32_t from)
{
    const uint32_t left = (samples + 1) / 2 - from, n = left < TILE_CELLS ? left : TILE_CELLS;
    return (struct extent){
        COARSE_BLOCKS_OF(n), CELL_BLOCKS_OF(n), GROUPS_OF(n), NOISE_BLOCKS_OF(n)};
}

static struct extent across(const struct denoise_tile *t)
{
    return extent_of(t->recipe->geometry.crop.width, t->x);
}

static struct extent down(const struct denoise_tile *t)
{
    return extent_of(t->recipe->geometry.crop.height, t->y);
}

/* ---- noise of blocks ------------------------------------------------------------------------- */

/* Blocks that begin every `step` samples from (first, first) of the tile's window on, `side` wide:
 * the variance of what lies in the middle of each. */
struct noise_blocks {
    uint32_t first, step, side, across, down;
};

static void find_noise(const struct denoise_tile *t, const struct noise_blocks *b)
{
    const float unit = t->recipe->variance;
    const int64_t x0 = 2 * ((int64_t)t->x - HALO_CELLS), y0 = 2 * ((int64_t)t->y - HALO_CELLS);
    const int32_t near = (int32_t)b->side / 4, far = (int32_t)(b->side - b->side / 4 - 1);
    for (uint32_t j = 0; j < b->down; j++) {
        float *line = t->scratch->noise[j];
        const int64_t y = y0 + b->first + (int64_t)j * b->step;
        for (uint32_t i = 0; i < BLOCKS_SPAN; i++) {
            const int64_t x = x0 + b->first + (int64_t)i * b->step;
            line[i] = unit;
            if (t->job->noise && i < b->across)
                line[i] = (denoise_variance(t, x + near, y + near) +
                              denoise_variance(t, x + far, y + near) +
                              denoise_variance(t, x + near, y + far) +
                              denoise_variance(t, x + far, y + far)) *
                          unit * (0.25F / ISP_BURST_NOISE_ONE);
        }
    }
}

/* ---- cells ----------------------------------------------------------------------------------- */

/* The sum, each diagonal's difference, and the difference of the diagonals: of white noise they are
 * again white noise. */
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
        .strips = &s->strips,
        .is_grey = t->recipe->is_grey,
        .span = COARSE_SPAN,
        .blocks = across(t).coarse,
        .block_rows = down(t).coarse};
    memset(s->coarse, 0, sizeof s->coarse);
    memset(s->coarse_sum, 0, sizeof s->coarse_sum);
    memset(&s->weight, 0, sizeof s->weight);
    for (unsigned p = 0; p < 4; p++) {
        halve(s->in.cells[p], s->coarse[p]);
        pass.in[p] = s->coarse[p][0][0];
        pass.sum[p] = s->coarse_sum[p][0][0];
        pass.weight[p] = s->weight.cells[p][0];
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
        .strips = &s->strips,
        .is_grey = t->recipe->is_grey,
        .span = CELL_SPAN,
        .first = CELL_FIRST,
        .blocks = across(t).cells,
        .first_row = CELL_FIRST,
        .block_rows = down(t).cells};
    memset(s->estimate, 0, sizeof s->estimate);
    memset(&s->weight, 0, sizeof s->weight);
    for (unsigned p = 0; p < 4; p++) {
        pass.in[p] = s->in.cells[p][0][0];
        pass.sum[p] = s->estimate[p][0][0];
        pass.weight[p] = s->weight.cells[p][0];
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

static void refine(const struct denoise_tile *t)
{
    struct denoise_scratch *s = t->scratch;
    memset(&s->sum, 0, sizeof s->sum);
    memset(&s->weight, 0, sizeof s->weight);
    find_noise(t,
        &(struct noise_blocks){GROUP_FIRST - REACH, STEP, BLOCK, across(t).noise, down(t).noise});
    denoise_match(s, across(t).groups, down(t).groups);
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
    const uint32_t width = t->recipe->geometry.crop.width, height = t->recipe->geometry.crop.height;
    for (uint32_t y = y0; y < y0 + ISP_DENOISE_TILE && y < height; y++) {
        const uint32_t row = y - y0 + 2 * HALO_CELLS;
        uint16_t *out = job->out + (size_t)y * width;
        for (uint32_t x = x0; x < x0 + ISP_DENOISE_TILE && x < width; x++) {
            const uint32_t i = x - x0 + 2 * HALO_CELLS;
            const float level = s->sum.mosaic[row][i] / s->weight.mosaic[row][i] + s->local[row][i];
            const float noise =
                job->noise ? denoise_variance(t, x, y) * (1.0F / ISP_BURST_NOISE_ONE) : 1;
            out[x] = to_code(t->recipe, level, noise);
        }
    }
}

static void run_tile(const struct denoise_tile *t)
{
    load(t);
    denoise_mend(t);
    estimate(t);
    denoise_colour(t->scratch);
    refine(t);
    store(t);
}

#define SYMBOL DENOISE_PASTE(denoise_kernels, ISA_NAME)

extern const struct denoise_kernels SYMBOL;
const struct denoise_kernels SYMBOL = {run_tile};
