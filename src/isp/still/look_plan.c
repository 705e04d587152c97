/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gains of cells, built once per instruction set level: local Laplacian, then guided filter. */
#include <isp/still/kernels.h>
#include <isp/still/look_math.h>

#define STEP       1.0F  /* stops between the levels that detail is filtered at */
#define SMALLEST   12    /* cells along the shorter side of the coarsest level, or more */
#define TEXTURE    0.06F /* stops, squared: gains do not follow less */
#define SLOPE_MOST 0.8F  /* of the line of gains: the order of levels stays */
#define NOISE      3.0F  /* sigmas: what is darker is brightened less and less */

#define BRIGHT     0.25F /* of the clip level: darker cells tell nothing of highlights */
#define TRUST      0.05F /* of the surroundings, against a cell as bright as the clip level */
#define RATIO_MOST 2.0F
/* One over the share of clipped samples of which a cell tells nothing. */
#define CLIPPED_MOST 8.0F

#define ROW_MAX (LOOK_CELLS_MAX + 8)

struct level {
    float *at;
    uint32_t cols, rows;
};

struct pyramid {
    struct level level[LOOK_LEVELS];
    unsigned last;
};

/* Two planes hold all levels: each is about a quarter of the one before. */
static struct pyramid pyramid_in(const struct look_map *map, unsigned plane)
{
    struct pyramid p = {.level[0] = {map->plane[plane], map->cols, map->rows}};
    struct level *l = p.level;
    float *next = map->plane[plane + 1];
    while (p.last + 1 < LOOK_LEVELS && l->cols > SMALLEST && l->rows > SMALLEST) {
        l[1] = (struct level){next, (l->cols + 1) / 2, (l->rows + 1) / 2};
        next += (size_t)l[1].cols * l[1].rows;
        l++;
        p.last++;
    }
    return p;
}

static const float *row_of(const struct level *level, int64_t y)
{
    y = y < 0 ? 0 : y >= level->rows ? level->rows - 1 : y;
    return level->at + (size_t)y * level->cols;
}

/* P. Burt, E. Adelson, "The Laplacian pyramid as a compact image code", IEEE Trans. Comm. 1983. */
static void reduce(const struct level *in, const struct level *out)
{
    const uint32_t cols = in->cols;
    float line[ROW_MAX];
    for (uint32_t y = 0; y < out->rows; y++) {
        const float *a = row_of(in, 2 * (int64_t)y - 2), *b = row_of(in, 2 * (int64_t)y - 1);
        const float *c = row_of(in, 2 * (int64_t)y), *d = row_of(in, 2 * (int64_t)y + 1);
        const float *e = row_of(in, 2 * (int64_t)y + 2);
        for (uint32_t x = 0; x < cols; x++)
            line[x + 2] = ((a[x] + e[x]) + 4 * (b[x] + d[x]) + 6 * c[x]) * 0.0625F;
        line[0] = line[1] = line[2];
        line[cols + 2] = line[cols + 3] = line[cols + 1];
        float *to = out->at + (size_t)y * out->cols;
        for (uint32_t x = 0; x < out->cols; x++) {
            const float *l = line + 2 * (size_t)x;
            to[x] = ((l[0] + l[4]) + 4 * (l[1] + l[3]) + 6 * l[2]) * 0.0625F;
        }
    }
}

/* Row y of the next finer level; `out` holds a value more than that has. */
static void expand_row(const struct level *in, uint32_t y, float *restrict out)
{
    const int64_t at = y / 2;
    const float *a = row_of(in, at - 1), *b = row_of(in, at), *c = row_of(in, at + 1);
    const float outer = y & 1 ? 0 : 0.125F, own = y & 1 ? 0.5F : 0.75F,
                next = y & 1 ? 0.5F : 0.125F;
    float line[ROW_MAX];
    for (uint32_t x = 0; x < in->cols; x++)
        line[x + 1] = outer * a[x] + own * b[x] + next * c[x];
    line[0] = line[1];
    line[in->cols + 1] = line[in->cols];
    for (uint32_t x = 0; x < in->cols; x++) {
        out[2 * x] = 0.125F * (line[x] + line[x + 2]) + 0.75F * line[x + 1];
        out[2 * x + 1] = 0.5F * (line[x + 1] + line[x + 2]);
    }
}

static void build(const struct pyramid *p)
{
    for (unsigned i = 0; i < p->last; i++)
        reduce(&p->level[i], &p->level[i + 1]);
}

/* ---- local Laplacian ----------------------------------------------------------------------- */

/* Differences from `centre`: those of detail grow by `contrast`, what is beyond shrinks. */
static inline float remap(const struct look_style *style, float x, float centre, float contrast)
{
    const float d = x - centre, detail = look_clamp(d, -style->edge, style->edge);
    const float size = __builtin_fabsf(detail) / style->edge;
    return centre + detail * (1 + contrast * (1 - size)) + (1 - style->tone) * (d - detail);
}

static void remap_plane(const struct look_style *style, const struct level *in, float centre,
    float contrast, const struct level *out)
{
    const size_t count = (size_t)in->cols * in->rows;
    const float *restrict from = in->at;
    float *restrict to = out->at;
    for (size_t i = 0; i < count; i++)
        to[i] = remap(style, from[i], centre, contrast);
}

/* Detail of one level, where the picture is near `centre` there. */
static void take(const struct level *fine, const struct level *coarse, const struct level *picture,
    float centre, const struct level *sum)
{
    float wide[ROW_MAX];
    for (uint32_t y = 0; y < fine->rows; y++) {
        const float *restrict own = row_of(fine, y), *restrict level = row_of(picture, y);
        float *restrict to = sum->at + (size_t)y * sum->cols;
        expand_row(coarse, y, wide);
        for (uint32_t x = 0; x < fine->cols; x++) {
            const float near = 1 - __builtin_fabsf(level[x] - centre) * (1 / STEP);
            to[x] += (near > 0 ? near : 0) * (own[x] - wide[x]);
        }
    }
}

static void collapse(const struct pyramid *p)
{
    float wide[ROW_MAX];
    for (unsigned i = p->last; i-- > 0;) {
        const struct level *l = &p->level[i];
        for (uint32_t y = 0; y < l->rows; y++) {
            float *restrict to = l->at + (size_t)y * l->cols;
            expand_row(&p->level[i + 1], y, wide);
            for (uint32_t x = 0; x < l->cols; x++)
                to[x] += wide[x];
        }
    }
}

static void laplacian(const struct look_style *style, const struct pyramid *picture,
    const struct pyramid *changed, const struct pyramid *sum)
{
    const struct level *whole = &picture->level[0];
    float low = 0, high = LOOK_LOG_LEAST;
    for (size_t i = 0; i < (size_t)whole->cols * whole->rows; i++) {
        low = whole->at[i] < low ? whole->at[i] : low;
        high = whole->at[i] > high ? whole->at[i] : high;
    }
    for (unsigned i = 0; i < sum->last; i++)
        memset(sum->level[i].at, 0, sizeof(float) * sum->level[i].cols * sum->level[i].rows);
    for (float centre = LOOK_LOG_LEAST; centre <= 1; centre += STEP) {
        if (centre <= low - STEP || centre >= high + STEP)
            continue;
        remap_plane(style, whole, centre, style->contrast, &changed->level[0]);
        build(changed);
        for (unsigned i = 0; i < changed->last; i++)
            take(&changed->level[i], &changed->level[i + 1], &picture->level[i], centre,
                &sum->level[i]);
    }
    const unsigned last = picture->last;
    remap_plane(style, &picture->level[last], style->anchor, 0, &sum->level[last]);
    collapse(sum);
}

/* ---- gains --------------------------------------------------------------------------------- */

static void find_luma(const struct look_style *style, const struct look_map *map, float *out)
{
    const float *r = map->plane[LOOK_RED], *g = map->plane[LOOK_GREEN], *b = map->plane[LOOK_BLUE];
    const float *clipped = map->plane[LOOK_CLIPPED];
    for (size_t i = 0; i < (size_t)map->cols * map->rows; i++) {
        const float luma = look_clamp((0.25F * (r[i] + b[i]) + 0.5F * g[i]) * style->unit, 0, 1);
        out[i] = look_log2(look_clamp(luma + clipped[i] * (1 - luma), style->least, 1));
    }
}

/* Noise is not brightened. */
static void limit_gains(
    const struct look_style *style, size_t count, const float *restrict dark, float *restrict gain)
{
    for (size_t i = 0; i < count; i++) {
        const float luma = look_exp2(dark[i]), wish = gain[i] - dark[i];
        const float variance = style->noise[0] * luma + style->noise[1];
        const float seen = luma * luma / (luma * luma + NOISE * NOISE * variance);
        gain[i] = wish * (wish > 0 ? seen : 1);
    }
}

/* Means of 5x5 cells. */
static void box(const struct look_map *map, const float *in, float *restrict out)
{
    const struct level plane = {(float *)(uintptr_t)in, map->cols, map->rows};
    const uint32_t cols = map->cols;
    float line[ROW_MAX];
    for (uint32_t y = 0; y < map->rows; y++) {
        const float *rows[5];
        for (int i = 0; i < 5; i++)
            rows[i] = row_of(&plane, (int64_t)y + i - 2);
        for (uint32_t x = 0; x < cols; x++)
            line[x + 2] = (rows[0][x] + rows[4][x]) + (rows[1][x] + rows[3][x]) + rows[2][x];
        line[0] = line[1] = line[2];
        line[cols + 2] = line[cols + 3] = line[cols + 1];
        for (uint32_t x = 0; x < cols; x++)
            out[(size_t)y * cols + x] =
                ((line[x] + line[x + 4]) + (line[x + 1] + line[x + 3]) + line[x + 2]) * 0.04F;
    }
}

static void multiply(size_t count, const float *restrict a, const float *restrict b, float *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = a[i] * b[i];
}

/* Lines of gain over log2 of luminance. Of the lines around a cell those count most that see most
 * of an edge: others know nothing of its far side. work: six planes. */
static void guide(
    const struct look_map *map, const float *dark, const float *gain, float *const work[6])
{
    const size_t count = (size_t)map->cols * map->rows;
    multiply(count, dark, dark, work[4]);
    multiply(count, dark, gain, work[5]);
    box(map, dark, work[0]);
    box(map, gain, work[1]);
    box(map, work[4], work[2]);
    box(map, work[5], work[3]);
    for (size_t i = 0; i < count; i++) {
        const float mean = work[0][i];
        const float variance = look_clamp(work[2][i] - mean * mean, 0, 1e3F);
        const float slope = look_clamp(
            (work[3][i] - mean * work[1][i]) / (variance + TEXTURE), -SLOPE_MOST, SLOPE_MOST);
        work[2][i] = variance + TEXTURE;
        work[4][i] = slope * work[2][i];
        work[5][i] = (work[1][i] - slope * mean) * work[2][i];
    }
    float *restrict slopes = map->plane[LOOK_SLOPE], *restrict offsets = map->plane[LOOK_OFFSET];
    box(map, work[2], work[0]);
    box(map, work[4], slopes);
    box(map, work[5], offsets);
    for (size_t i = 0; i < count; i++) {
        slopes[i] /= work[0][i];
        offsets[i] /= work[0][i];
    }
}

static void find_gains(const struct look_style *style, const struct look_map *map)
{
    const struct pyramid picture = pyramid_in(map, LOOK_WORK);
    const struct pyramid sum = pyramid_in(map, LOOK_WORK + 2);
    const struct pyramid changed = pyramid_in(map, LOOK_WORK + 4);
    float *const dark = picture.level[0].at, *const gain = sum.level[0].at;
    find_luma(style, map, dark);
    build(&picture);
    laplacian(style, &picture, &changed, &sum);
    limit_gains(style, (size_t)map->cols * map->rows, dark, gain);
    float *const *w = map->plane + LOOK_WORK;
    guide(map, dark, gain, (float *const[6]){w[1], w[3], w[4], w[5], w[6], w[7]});
}

/* ---- ratios -------------------------------------------------------------------------------- */

/*
 * Ratios of colours of cells, for highlight recovery: those of bright cells without a clipped
 * sample, and for the others what their surroundings have, the nearest first (push and pull over
 * levels of halves; Gortler, Grzeszczuk, Szeliski, Cohen, "The lumigraph", SIGGRAPH 1996).
 */
struct ratio_level {
    float *sum, *weight; /* of ratios */
    uint32_t cols, rows;
};

struct ratio_levels {
    struct ratio_level level[LOOK_LEVELS];
    unsigned last;
};

/* What is as bright as a highlight and as pale says what its colours may be; paint beside it does
 * not. Choices are between constants: compilers may not vectorise arithmetic that only one side
 * does. */
static void find_weights(
    const struct look_style *style, const struct look_map *map, float *restrict out)
{
    const float *r = map->plane[LOOK_RED], *g = map->plane[LOOK_GREEN], *b = map->plane[LOOK_BLUE];
    const float *clipped = map->plane[LOOK_CLIPPED], unit = style->unit;
    for (size_t i = 0; i < (size_t)map->cols * map->rows; i++) {
        const float more = r[i] > g[i] ? r[i] : g[i], most = (more > b[i] ? more : b[i]) * unit;
        const float less = r[i] < g[i] ? r[i] : g[i], least = (less < b[i] ? less : b[i]) * unit;
        /* Of a cell with a few clipped samples the means are nearly right. */
        const float is_bright = most < BRIGHT ? 0.0F : 1.0F,
                    whole = look_clamp(1 - CLIPPED_MOST * clipped[i], 0, 1);
        out[i] = least * least * is_bright * (whole * whole);
    }
}

static void start_ratios(
    const struct look_map *map, unsigned c, const float *restrict weight, float *restrict out)
{
    const float *own = map->plane[LOOK_RED + c], *a = map->plane[LOOK_RED + (c + 1) % 3];
    const float *b = map->plane[LOOK_RED + (c + 2) % 3];
    for (size_t i = 0; i < (size_t)map->cols * map->rows; i++) {
        const float others = look_clamp(0.5F * (a[i] + b[i]), 1e-6F, 1e6F);
        out[i] = weight[i] * look_clamp(own[i] / others, 1 / RATIO_MOST, RATIO_MOST);
    }
}

/* Quarters of sums of 2x2 cells; beyond the last row and column there is nothing. */
static void halve(const float *in, uint32_t cols, uint32_t rows, float *restrict out)
{
    static const float nothing[ROW_MAX];
    for (uint32_t y = 0; y < rows; y += 2, out += (cols + 1) / 2) {
        const float *a = in + (size_t)y * cols, *b = y + 1 < rows ? a + cols : nothing;
        for (uint32_t x = 0; x < cols / 2; x++)
            out[x] =
                0.25F * a[2 * x] + 0.25F * a[2 * x + 1] + 0.25F * b[2 * x] + 0.25F * b[2 * x + 1];
        if (cols & 1)
            out[cols / 2] = 0.25F * a[cols - 1] + 0.25F * b[cols - 1];
    }
}

/* Sums become ratios; `coarse` holds them already, NULL: there is none. */
static void pull(const struct ratio_level *fine, const struct ratio_level *coarse)
{
    float around[ROW_MAX];
    for (uint32_t y = 0; y < fine->rows; y++) {
        const float *wide = coarse ? coarse->sum + (size_t)(y / 2) * coarse->cols : NULL;
        float *restrict sum = fine->sum + (size_t)y * fine->cols;
        const float *restrict weight = fine->weight + (size_t)y * fine->cols;
        for (uint32_t x = 0; x < (fine->cols + 1) / 2; x++)
            around[2 * x] = around[2 * x + 1] = wide ? wide[x] : 1.0F;
        for (uint32_t x = 0; x < fine->cols; x++)
            sum[x] = (sum[x] + TRUST * around[x]) / (weight[x] + TRUST);
    }
}

/* Levels of weights, the same for all colours. */
static struct ratio_levels weigh(const struct look_style *style, const struct look_map *map)
{
    struct ratio_levels all = {
        .level[0] = {NULL, map->plane[LOOK_RATIO_WORK], map->cols, map->rows}};
    float *weight = map->plane[LOOK_RATIO_WORK + 1], *sum = map->plane[LOOK_RATIO_WORK + 2];
    find_weights(style, map, all.level[0].weight);
    while (all.last + 1 < LOOK_LEVELS && all.level[all.last].cols > 1 &&
           all.level[all.last].rows > 1) {
        const struct ratio_level *fine = &all.level[all.last];
        const uint32_t cols = (fine->cols + 1) / 2, rows = (fine->rows + 1) / 2;
        all.level[++all.last] = (struct ratio_level){sum, weight, cols, rows};
        halve(fine->weight, fine->cols, fine->rows, weight);
        sum += (size_t)cols * rows;
        weight += (size_t)cols * rows;
    }
    return all;
}

void STILL_SYMBOL(still_ratios, ISA_NAME)(
    const struct look_style *style, const struct look_map *map)
{
    if (!style->is_recovered)
        return;
    struct ratio_levels all = weigh(style, map);
    for (unsigned c = 0; c < 3; c++) {
        all.level[0].sum = map->plane[LOOK_RATIO + c];
        start_ratios(map, c, all.level[0].weight, all.level[0].sum);
        for (unsigned i = 0; i < all.last; i++)
            halve(all.level[i].sum, all.level[i].cols, all.level[i].rows, all.level[i + 1].sum);
        for (unsigned i = all.last + 1; i-- > 0;)
            pull(&all.level[i], i < all.last ? &all.level[i + 1] : NULL);
    }
}

void STILL_SYMBOL(still_gains, ISA_NAME)(const struct look_style *style, const struct look_map *map)
{
    if (style->tone > 0 || style->contrast > 0)
        find_gains(style, map);
}
