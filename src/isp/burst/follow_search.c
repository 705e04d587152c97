/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Follow: the tiles of one level, each from where coarser ones and frames before have been. */
#include <isp/burst/follow_job.h>

#include <float.h>
#include <stdbool.h>

#define REFINED_LEVELS 3            /* the finest ones are refined by gradients */
#define REACH_TOP      FOLLOW_REACH /* around the frame's shift on the coarsest level */
#define REACH          1    /* around a coarser level's whole cells; refined ones need none */
#define REACH_GUESS    2    /* around what a thing's motion so far foretells */
#define MOVED_ITSELF   1.0F /* samples, squared, by which a tile's motion is its own */
#define CANDIDATES_MAX 8

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
static void propose_parents(
    const struct follow_job *job, struct candidates *c, uint32_t i, uint32_t j)
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
    const struct follow_job *job, struct candidates *c, uint32_t frame, const uint32_t at[2])
{
    const uint32_t side = frame > job->burst->reference;
    const uint32_t distance = follow_distance(job, frame);
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

static void search(const struct follow_job *job, const struct follow_pair *pair,
    const struct candidates *c, const int32_t at[2], struct follow_window *out)
{
    int32_t best[2] = {follow_round(c->at[0][0]), follow_round(c->at[0][1])}, reach = c->reach;
    uint32_t chosen = 0;
    float least = FLT_MAX;
    const bool is_known = c->count == 1 && reach == 0; /* nothing to choose from */
    for (uint32_t k = 0; !is_known && k < c->count; k++) {
        int32_t x = follow_round(c->at[k][0]), y = follow_round(c->at[k][1]);
        float d = job->kernels->difference(pair, at[0], at[1], x, y);
        if (d < least) {
            least = d;
            chosen = k;
            best[0] = x;
            best[1] = y;
            reach = k == c->guess ? REACH_GUESS : c->reach;
        }
    }
    if (reach > 0) {
        job->kernels->search(pair, at, reach, least, best);
        *out = (struct follow_window){(float)best[0], (float)best[1], 0, 0, 0};
    } else { /* what is refined begins where others ended */
        *out = (struct follow_window){c->at[chosen][0], c->at[chosen][1], 0, 0, 0};
    }
}

static void search_tile(const struct follow_job *job, const struct follow_pair *pair,
    uint32_t frame, uint32_t level, const uint32_t tile[2])
{
    const bool is_top = level + 1 == job->moving.count;
    const float scale = 0.5F / (float)(1U << level);
    struct candidates c = {.reach = is_top                       ? REACH_TOP
                                    : level + 1 < REFINED_LEVELS ? 0
                                                                 : REACH,
        .guess = CANDIDATES_MAX};
    if (!is_top)
        propose_parents(job, &c, tile[0], tile[1]);
    propose(
        &c, (float)-job->transform->dx[frame] * scale, (float)-job->transform->dy[frame] * scale);
    if (level == 0 && !is_top)
        propose_own_motion(job, &c, frame, tile);
    const int32_t at[2] = {(int32_t)tile[0] * FOLLOW_TILE - FOLLOW_MARGIN,
        (int32_t)tile[1] * FOLLOW_TILE - FOLLOW_MARGIN};
    struct follow_window *w = &job->windows[0][(size_t)tile[1] * job->widths[0] + tile[0]];
    search(job, pair, &c, at, w);
    if (level < REFINED_LEVELS)
        job->kernels->refine(pair, at[0], at[1], w);
}

/* The windows of a level as tiles, in samples. */
static void spread_tiles(struct follow_job *job, uint32_t level, uint32_t j)
{
    struct follow_tiles *t = &job->tiles;
    const float unit = (float)(2U << level), inverse = 1 / (unit * unit);
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

void isp_follow_search(
    struct follow_job *job, uint32_t frame, uint32_t level, struct follow_rows rows)
{
    const struct follow_pair pair = isp_follow_pair(job, level);
    for (uint32_t j = rows.y0; j < rows.y1; j++) {
        for (uint32_t i = 0; i < job->widths[0]; i++) {
            const uint32_t tile[2] = {i, j};
            search_tile(job, &pair, frame, level, tile);
        }
        spread_tiles(job, level, j);
    }
}
