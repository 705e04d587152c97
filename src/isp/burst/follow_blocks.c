/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Follow: the finest level's tiles weighed against each other, and blocks between them. */
#include <isp/burst/follow_job.h>

#include <stdbool.h>

#define SAME     0.01F
#define GAIN     0.2F /* of misfit, that speaks for motion unlike the frame's */
#define STRAIGHT 0.5F /* samples: vectors around a block that differ less are all right */

/* Its own way must fit clearly better. */
static void choose_own(
    struct follow_job *job, const struct follow_pair *pair, uint32_t i, uint32_t j)
{
    const size_t at = (size_t)j * job->tiles.stride + i;
    float *ax = job->weighed[0].x + at, *ay = job->weighed[0].y + at;
    const float bx = job->weighed[1].x[at], by = job->weighed[1].y[at];
    const float dx = *ax - bx, dy = *ay - by;
    if (dx * dx + dy * dy >= SAME) {
        const int32_t window[3] = {(int32_t)i * FOLLOW_TILE - FOLLOW_MARGIN,
            (int32_t)j * FOLLOW_TILE - FOLLOW_MARGIN, FOLLOW_WINDOW};
        if (job->kernels->misfit(pair, window, *ax * 0.5F, *ay * 0.5F) + GAIN <
            job->kernels->misfit(pair, window, bx * 0.5F, by * 0.5F))
            return;
    }
    *ax = bx;
    *ay = by;
}

/* Each tile twice: starting from what it found itself, and from the frame's motion. */
void isp_follow_weigh(struct follow_job *job, struct follow_rows rows)
{
    const struct follow_pair pair = isp_follow_pair(job, 0);
    const struct follow_tiles *t = &job->tiles;
    for (uint32_t j = rows.y0; j < rows.y1; j++) {
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
        for (uint32_t i = 0; i < t->width; i++)
            choose_own(job, &pair, i, j);
    }
}

/* Vectors of the four tiles around a block, and how far it lies between them. */
struct corners {
    float x[4], y[4], u, v;
};

static struct corners corners_of(const struct follow_job *job, uint32_t bx, uint32_t by)
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
static void choose(const struct follow_job *job, const struct follow_pair *pair,
    const uint32_t block[2], const struct corners *c, float out[2])
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
    return (int16_t)follow_round(scaled);
}

void isp_follow_blocks(
    const struct follow_job *job, struct follow_rows rows, struct isp_burst_vector *out)
{
    const struct isp_geometry *g = job->burst->geometry;
    const struct follow_pair pair = isp_follow_pair(job, 0);
    const uint32_t width = isp_burst_blocks(g->crop.width);
    out += (size_t)rows.y0 * width;
    for (uint32_t by = rows.y0; by < rows.y1; by++) {
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
