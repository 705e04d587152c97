/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <isp/burst/follow.h>

#include <base/base.h>

#include <float.h>
#include <stdbool.h>

#define REFINED_LEVELS 3    /* the finest ones are refined by gradients */
#define REACH_TOP      4    /* cells around the frame's shift on the coarsest level */
#define REACH          1    /* around a coarser level's whole cells; refined ones need none */
#define REACH_GUESS    2    /* around what a thing's motion so far foretells */
#define PADDING        2    /* tiles around a frame's, that say nothing */
#define MOVED_ITSELF   1.0F /* samples, squared, by which a tile's motion is its own */
#define SAME           0.01F
#define GAIN           0.2F /* of misfit, that speaks for motion unlike the frame's */
#define STRAIGHT       0.5F /* samples: vectors around a block that differ less are all right */
#define CANDIDATES_MAX 8
#define RESIDUAL       2.0F /* sigmas up to which a frame is always taken */
#define FRACTION       0.5F /* of wrong motion's residual, beyond which it is not */

struct plane {
    float *x, *y;
};

/* Lies in the scratch memory, from call to call. */
struct job {
    const struct isp_burst *burst;
    const struct isp_burst_transform *transform;
    const struct follow_kernels *kernels;
    struct burst_frame frame;
    struct pyramid reference, moving;
    uint16_t *words;
    struct follow_window *windows[2]; /* of the level at hand, and of the coarser one */
    uint32_t widths[2], heights[2];
    struct follow_tiles tiles;   /* of the finest level, in samples */
    struct plane weighed[2];     /* from each tile's own vector, and from the affine one */
    struct plane before[2];      /* own motion in the last frame before and after the reference */
    uint32_t distance[2];        /* of that frame; 0: there was none */
    struct follow_affine affine; /* of the frame at hand */
    float residual_most;         /* of a frame that is taken */
};

static uint32_t tiles_of(uint32_t cells)
{
    return (cells + FOLLOW_TILE - 1) / FOLLOW_TILE;
}

static size_t padded_count(const struct isp_geometry *g)
{
    size_t width = tiles_of(g->crop.width / 2), height = tiles_of(g->crop.height / 2);
    return (width + 2 * PADDING) * (height + 2 * PADDING);
}

/* ---- one level ------------------------------------------------------------------------------- */

struct candidates {
    float at[CANDIDATES_MAX][2];
    uint32_t count;
    int32_t reach;  /* of the search around the best of them */
    uint32_t guess; /* which one is foretold; count: none */
};

/* A displacement within half a cell of one that is there is none. */
static void propose(struct candidates *c, float x, float y)
{
    for (uint32_t k = 0; k < c->count; k++) {
        float dx = c->at[k][0] - x, dy = c->at[k][1] - y;
        if (dx * dx + dy * dy < 0.25F)
            return;
    }
    c->at[c->count][0] = x;
    c->at[c->count++][1] = y;
}

/* The coarser tile that holds this one and those it lies nearest to. */
static void propose_parents(const struct job *job, struct candidates *c, uint32_t i, uint32_t j)
{
    const uint32_t w = job->widths[1], h = job->heights[1];
    uint32_t px = i / 2 < w ? i / 2 : w - 1, py = j / 2 < h ? j / 2 : h - 1;
    uint32_t qx = i % 2 ? px + 1 : px - 1, qy = j % 2 ? py + 1 : py - 1;
    qx = qx < w ? qx : px;
    qy = qy < h ? qy : py;
    const uint32_t at[4] = {py * w + px, py * w + qx, qy * w + px, qy * w + qx};
    for (unsigned k = 0; k < 4; k++)
        propose(c, 2 * job->windows[1][at[k]].x, 2 * job->windows[1][at[k]].y);
}

/* What a tile did by itself until the last frame, it goes on doing. */
static void propose_own_motion(
    const struct job *job, struct candidates *c, uint32_t frame, const uint32_t at[2])
{
    const uint32_t reference = job->burst->reference, side = frame > reference;
    const uint32_t distance = side ? frame - reference : reference - frame;
    const size_t k = (size_t)at[1] * job->tiles.stride + at[0];
    const float place[2] = {(float)at[0], (float)at[1]};
    float v[2];
    follow_affine_at(&job->affine, &job->tiles, place, v);
    propose(c, v[0] * 0.5F, v[1] * 0.5F);
    if (job->distance[side] == 0)
        return;
    float x = job->before[side].x[k], y = job->before[side].y[k];
    if (x * x + y * y < MOVED_ITSELF)
        return;
    float more = (float)distance / (float)job->distance[side];
    c->guess = c->count;
    propose(c, (v[0] + x * more) * 0.5F, (v[1] + y * more) * 0.5F);
}

static int32_t round_of(float v)
{
    return (int32_t)(v < 0 ? v - 0.5F : v + 0.5F);
}

/* The best displacement within reach of `centre`, which has `least`. */
static void search_around(const struct job *job, const struct follow_pair *pair,
    const int32_t at[2], int32_t reach, float least, int32_t best[2])
{
    const int32_t centre[2] = {best[0], best[1]};
    for (int32_t y = centre[1] - reach; y <= centre[1] + reach; y++) {
        for (int32_t x = centre[0] - reach; x <= centre[0] + reach; x++) {
            if (x == centre[0] && y == centre[1])
                continue;
            float d = job->kernels->difference(pair, at[0], at[1], x, y);
            if (d < least) {
                least = d;
                best[0] = x;
                best[1] = y;
            }
        }
    }
}

static void search(const struct job *job, const struct follow_pair *pair,
    const struct candidates *c, const int32_t at[2], struct follow_window *out)
{
    int32_t best[2] = {round_of(c->at[0][0]), round_of(c->at[0][1])}, reach = c->reach;
    float least = FLT_MAX;
    const bool is_known = c->count == 1 && reach == 0; /* nothing to choose from */
    for (uint32_t k = 0; !is_known && k < c->count; k++) {
        int32_t x = round_of(c->at[k][0]), y = round_of(c->at[k][1]);
        float d = job->kernels->difference(pair, at[0], at[1], x, y);
        if (d < least) {
            least = d;
            best[0] = x;
            best[1] = y;
            reach = k == c->guess ? REACH_GUESS : c->reach;
        }
    }
    search_around(job, pair, at, reach, least, best);
    *out = (struct follow_window){(float)best[0], (float)best[1], 0, 0, 0};
}

static struct follow_pair pair_of(const struct job *job, uint32_t level)
{
    struct follow_pair pair = {job->reference.levels[level], job->moving.levels[level],
        isp_pyramid_noise(job->burst->geometry, job->burst->coefficients, job->transform)};
    float share = 1 / (float)(1U << 2 * level); /* a coarser cell is a mean of four */
    pair.noise.slope *= share;
    pair.noise.offset *= share;
    pair.noise.least *= share;
    return pair;
}

static void search_level(struct job *job, uint32_t frame, uint32_t level)
{
    const struct follow_pair pair = pair_of(job, level);
    const bool is_top = level + 1 == job->moving.count;
    const float scale = 0.5F / (float)(1U << level);
    job->widths[0] = tiles_of(pair.reference.width);
    job->heights[0] = tiles_of(pair.reference.height);
    for (uint32_t j = 0; j < job->heights[0]; j++) {
        for (uint32_t i = 0; i < job->widths[0]; i++) {
            struct candidates c = {.reach = is_top                       ? REACH_TOP
                                            : level + 1 < REFINED_LEVELS ? 0
                                                                         : REACH,
                .guess = CANDIDATES_MAX};
            const uint32_t tile[2] = {i, j};
            if (!is_top)
                propose_parents(job, &c, i, j);
            propose(&c, (float)-job->transform->dx[frame] * scale,
                (float)-job->transform->dy[frame] * scale);
            if (level == 0 && !is_top)
                propose_own_motion(job, &c, frame, tile);
            const int32_t margin = (FOLLOW_WINDOW - FOLLOW_TILE) / 2;
            const int32_t at[2] = {
                (int32_t)i * FOLLOW_TILE - margin, (int32_t)j * FOLLOW_TILE - margin};
            struct follow_window *w = &job->windows[0][(size_t)j * job->widths[0] + i];
            search(job, &pair, &c, at, w);
            if (level < REFINED_LEVELS)
                job->kernels->refine(&pair, at[0], at[1], w);
        }
    }
}

/* ---- one frame ------------------------------------------------------------------------------- */

/* The windows of a level as tiles, in samples. */
static void spread_tiles(struct job *job, uint32_t level)
{
    struct follow_tiles *t = &job->tiles;
    const float unit = (float)(2U << level), inverse = 1 / (unit * unit);
    t->width = job->widths[0];
    t->height = job->heights[0];
    for (uint32_t j = 0; j < t->height; j++) {
        for (uint32_t i = 0; i < t->width; i++) {
            const struct follow_window *w = &job->windows[0][(size_t)j * t->width + i];
            size_t at = (size_t)j * t->stride + i;
            t->x[at] = w->x * unit;
            t->y[at] = w->y * unit;
            t->xx[at] = w->xx * inverse;
            t->xy[at] = w->xy * inverse;
            t->yy[at] = w->yy * inverse;
        }
    }
}

static void swap_levels(struct job *job)
{
    struct follow_window *w = job->windows[0];
    job->windows[0] = job->windows[1];
    job->windows[1] = w;
    job->widths[1] = job->widths[0];
    job->heights[1] = job->heights[0];
}

static void search_frame(struct job *job, uint32_t frame)
{
    const struct isp_burst_transform *t = job->transform;
    job->affine = (struct follow_affine){{(float)-t->dx[frame], 0, 0, (float)-t->dy[frame], 0, 0}};
    for (uint32_t level = job->moving.count; level-- > 0;) {
        search_level(job, frame, level);
        spread_tiles(job, level);
        if (level <= 1)
            isp_follow_affine(&job->tiles, &job->affine);
        swap_levels(job);
    }
}

/* Each tile twice: starting from what it found itself, and from the frame's motion. Its own way
 * must fit clearly better. */
static void weigh(struct job *job)
{
    const struct follow_pair pair = pair_of(job, 0);
    const struct follow_tiles *t = &job->tiles;
    const int32_t margin = (FOLLOW_WINDOW - FOLLOW_TILE) / 2;
    for (uint32_t j = 0; j < t->height; j++) {
        const size_t row = (size_t)j * t->stride;
        float *ax = job->weighed[0].x + row, *ay = job->weighed[0].y + row;
        float *bx = job->weighed[1].x + row, *by = job->weighed[1].y + row;
        for (uint32_t i = 0; i < t->width; i++) {
            const float place[2] = {(float)i, (float)j};
            float v[2];
            follow_affine_at(&job->affine, t, place, v);
            ax[i] = t->x[row + i];
            ay[i] = t->y[row + i];
            bx[i] = v[0];
            by[i] = v[1];
        }
        job->kernels->weigh_row(
            t, &job->affine, j, (float *const[2]){ax, bx}, (float *const[2]){ay, by});
        for (uint32_t i = 0; i < t->width; i++) {
            float dx = ax[i] - bx[i], dy = ay[i] - by[i];
            bool is_own = false;
            if (dx * dx + dy * dy >= SAME) {
                const int32_t window[3] = {(int32_t)i * FOLLOW_TILE - margin,
                    (int32_t)j * FOLLOW_TILE - margin, FOLLOW_WINDOW};
                is_own = job->kernels->misfit(&pair, window, ax[i] * 0.5F, ay[i] * 0.5F) + GAIN <
                         job->kernels->misfit(&pair, window, bx[i] * 0.5F, by[i] * 0.5F);
            }
            ax[i] = is_own ? ax[i] : bx[i];
            ay[i] = is_own ? ay[i] : by[i];
        }
    }
}

static void remember_own_motion(struct job *job, uint32_t frame)
{
    const uint32_t reference = job->burst->reference, side = frame > reference;
    job->distance[side] = side ? frame - reference : reference - frame;
    for (uint32_t j = 0; j < job->tiles.height; j++) {
        for (uint32_t i = 0; i < job->tiles.width; i++) {
            const size_t at = (size_t)j * job->tiles.stride + i;
            const float place[2] = {(float)i, (float)j};
            float v[2];
            follow_affine_at(&job->affine, &job->tiles, place, v);
            job->before[side].x[at] = job->weighed[0].x[at] - v[0];
            job->before[side].y[at] = job->weighed[0].y[at] - v[1];
        }
    }
}

/* ---- blocks ---------------------------------------------------------------------------------- */

/* Vectors of the four tiles around a block, and how far it lies between them. */
struct corners {
    float x[4], y[4], u, v;
};

static struct corners corners_of(const struct job *job, uint32_t bx, uint32_t by)
{
    const struct follow_tiles *t = &job->tiles;
    /* A tile is two blocks wide: its middle lies between them. */
    float u = (float)bx * 0.5F - 0.25F, v = (float)by * 0.5F - 0.25F;
    u = u > 0 ? u : 0;
    v = v > 0 ? v : 0;
    uint32_t i = (uint32_t)u, j = (uint32_t)v;
    i = i < t->width ? i : t->width - 1;
    j = j < t->height ? j : t->height - 1;
    uint32_t right = i + 1 < t->width ? i + 1 : i, below = j + 1 < t->height ? j + 1 : j;
    const size_t at[4] = {(size_t)j * t->stride + i, (size_t)j * t->stride + right,
        (size_t)below * t->stride + i, (size_t)below * t->stride + right};
    struct corners c = {.u = u - (float)i, .v = v - (float)j};
    for (unsigned k = 0; k < 4; k++) {
        c.x[k] = job->weighed[0].x[at[k]];
        c.y[k] = job->weighed[0].y[at[k]];
    }
    return c;
}

static float between(const float v[4], float x, float y)
{
    return (1 - y) * ((1 - x) * v[0] + x * v[1]) + y * ((1 - x) * v[2] + x * v[3]);
}

static float distance(float a, float b)
{
    return a < b ? b - a : a - b;
}

/* Where the tiles around it move apart, a block goes with the one that fits it best. */
static void choose(const struct job *job, const struct follow_pair *pair, const uint32_t block[2],
    const struct corners *c, float out[2])
{
    const int32_t window[3] = {(int32_t)block[0] * 4 - 2, (int32_t)block[1] * 4 - 2, 8};
    const float place[2] = {(float)block[0] * 0.5F - 0.25F, (float)block[1] * 0.5F - 0.25F};
    float candidates[5][2];
    for (unsigned k = 0; k < 4; k++) {
        candidates[k][0] = c->x[k];
        candidates[k][1] = c->y[k];
    }
    follow_affine_at(&job->affine, &job->tiles, place, candidates[4]);
    float least = job->kernels->misfit(pair, window, out[0] * 0.5F, out[1] * 0.5F) - GAIN;
    for (unsigned k = 0; k < 5; k++) {
        const float *v = candidates[k];
        float m = job->kernels->misfit(pair, window, v[0] * 0.5F, v[1] * 0.5F);
        if (m < least) {
            least = m;
            out[0] = v[0];
            out[1] = v[1];
        }
    }
}

static int16_t fixed(float v)
{
    float scaled = v * ISP_BURST_VECTOR_UNIT;
    scaled = scaled > -32767 ? scaled : -32767;
    scaled = scaled < 32767 ? scaled : 32767;
    return (int16_t)round_of(scaled);
}

static void write_blocks(const struct job *job, uint32_t frame, struct isp_burst_vector *field)
{
    const struct isp_geometry *g = job->burst->geometry;
    const struct follow_pair pair = pair_of(job, 0);
    const uint32_t width = isp_burst_blocks(g->crop.width);
    const uint32_t height = isp_burst_blocks(g->crop.height);
    struct isp_burst_vector *out = field + (size_t)frame * width * height;
    for (uint32_t by = 0; by < height; by++) {
        for (uint32_t bx = 0; bx < width; bx++) {
            struct corners c = corners_of(job, bx, by);
            float v[2] = {between(c.x, c.u, c.v), between(c.y, c.u, c.v)}, apart = 0;
            for (unsigned k = 0; k < 4; k++) {
                float d = distance(c.x[k], v[0]) + distance(c.y[k], v[1]);
                apart = d > apart ? d : apart;
            }
            const uint32_t block[2] = {bx, by};
            if (apart >= STRAIGHT)
                choose(job, &pair, block, &c, v);
            *out++ = (struct isp_burst_vector){fixed(v[0]), fixed(v[1])};
        }
    }
}

/* ---- a burst --------------------------------------------------------------------------------- */

size_t isp_burst_field_size(const struct isp_geometry *g, uint32_t count)
{
    return (size_t)count * isp_burst_blocks(g->crop.width) * isp_burst_blocks(g->crop.height) *
           sizeof(struct isp_burst_vector);
}

static size_t windows_bytes(const struct isp_geometry *g)
{
    size_t count = (size_t)tiles_of(g->crop.width / 2) * tiles_of(g->crop.height / 2);
    return base_align(count * sizeof(struct follow_window), 64);
}

static size_t words_bytes(const struct isp_geometry *g)
{
    return base_align(2 * ((size_t)g->crop.width + UNPACK_SLACK) * sizeof(uint16_t), 64);
}

#define PLANES 13 /* of floats: five of the tiles, four weighed, four remembered */

size_t isp_burst_follow_scratch_size(const struct isp_geometry *g)
{
    return base_align(sizeof(struct job), 64) + 2 * isp_pyramid_bytes(g) + words_bytes(g) +
           2 * windows_bytes(g) + PLANES * base_align(padded_count(g) * sizeof(float), 64);
}

static void place(struct job *job, void *scratch)
{
    const struct isp_geometry *g = job->burst->geometry;
    uint8_t *at = scratch;
    isp_pyramid_place(&job->reference, g, (int16_t *)at);
    at += isp_pyramid_bytes(g);
    isp_pyramid_place(&job->moving, g, (int16_t *)at);
    at += isp_pyramid_bytes(g);
    job->words = (uint16_t *)at;
    at += words_bytes(g);
    for (unsigned i = 0; i < 2; i++, at += windows_bytes(g))
        job->windows[i] = (struct follow_window *)at;
    struct follow_tiles *t = &job->tiles;
    float **const planes[PLANES] = {&t->x, &t->y, &t->xx, &t->xy, &t->yy, &job->weighed[0].x,
        &job->weighed[0].y, &job->weighed[1].x, &job->weighed[1].y, &job->before[0].x,
        &job->before[0].y, &job->before[1].x, &job->before[1].y};
    const size_t bytes = base_align(padded_count(g) * sizeof(float), 64);
    t->stride = tiles_of(g->crop.width / 2) + 2 * PADDING;
    memset(at, 0, PLANES * bytes);
    for (unsigned i = 0; i < PLANES; i++, at += bytes)
        *planes[i] = (float *)at + (size_t)PADDING * t->stride + PADDING;
}

static void build(struct job *job, struct pyramid *pyramid, uint32_t frame)
{
    const struct isp_burst *b = job->burst;
    const struct pyramid_source source = {b->raws[frame], b->coefficients->white_level,
        isp_pyramid_black(b->geometry, b->coefficients), job->transform->gain[frame], job->words};
    isp_pyramid_build(pyramid, &job->frame, &source);
}

static struct job *job_of(
    const struct isp_burst *burst, const struct isp_burst_transform *transform, void *scratch)
{
    struct job *job = scratch;
    job->burst = burst;
    job->transform = transform;
    job->kernels = isp_follow_kernels(burst->isa);
    job->frame = isp_burst_frame_of(burst->geometry, burst->isa);
    return job;
}

void isp_burst_follow_begin(const struct isp_burst *burst,
    const struct isp_burst_transform *transform, void *scratch, struct isp_burst_vector *field)
{
    struct job *job = job_of(burst, transform, scratch);
    job->distance[0] = job->distance[1] = 0;
    place(job, (uint8_t *)scratch + base_align(sizeof *job, 64));
    memset(field, 0, isp_burst_field_size(burst->geometry, burst->count));
    build(job, &job->reference, burst->reference);
    const struct follow_pair pair = pair_of(job, 0);
    const float most = isp_follow_residual_of_wrong(&pair, job->frame.kernels) * FRACTION;
    job->residual_most = most > RESIDUAL ? most : RESIDUAL;
}

/* By the affine motion and not by each tile's own, as on another scene these find something that
 * looks alike. */
static bool is_taken(struct job *job, uint32_t frame, struct isp_burst_transform *transform)
{
    const struct follow_pair pair = pair_of(job, 0);
    const float residual =
        isp_follow_residual(&pair, job->frame.kernels, &job->tiles, &job->affine);
    transform->residual[frame] = residual;
    return residual <= job->residual_most;
}

void isp_burst_follow_next(const struct isp_burst *burst, struct isp_burst_transform *transform,
    void *scratch, uint32_t step, struct isp_burst_vector *field)
{
    struct job *job = job_of(burst, transform, scratch);
    const uint32_t frame = step < burst->reference ? burst->reference - 1 - step : step + 1;
    build(job, &job->moving, frame);
    search_frame(job, frame);
    if (!is_taken(job, frame, transform)) {
        transform->used &= ~(1U << frame);
        return;
    }
    weigh(job);
    remember_own_motion(job, frame);
    write_blocks(job, frame, field);
}
