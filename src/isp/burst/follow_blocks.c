/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Follow: the finest level's tiles weighed against each other, and blocks between them. */
#include <isp/burst/follow_job.h>

#include <stdbool.h>

#define GAIN     0.2F /* of misfit, that speaks for motion unlike the frame's */
#define STRAIGHT 0.5F /* samples: vectors around a block that differ less are all right */

/* Whether misfits at vectors so far apart can differ by what counts: what a tile knows says by how
 * much they do, if the better one is right; four times as much is allowed for where it is not. */
static bool can_matter(const struct follow_tiles *t, size_t at, float dx, float dy)
{
    const float squared = t->xx[at] * dx * dx + 2 * t->xy[at] * dx * dy + t->yy[at] * dy * dy;
    return 4 * squared >= GAIN * FOLLOW_WINDOW * FOLLOW_WINDOW;
}

/* Its own way must fit clearly better. */
static void choose_own(
    struct follow_job *job, const struct follow_pair *pair, uint32_t i, uint32_t j)
{
    const size_t at = (size_t)j * job->tiles.stride + i;
    float *ax = job->weighed[0].x + at, *ay = job->weighed[0].y + at;
    const float bx = job->weighed[1].x[at], by = job->weighed[1].y[at];
    const float dx = *ax - bx, dy = *ay - by;
    if (can_matter(&job->tiles, at, dx, dy)) {
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
        ax[t->width] = ax[t->width - 1]; /* for the blocks at the edge */
        ay[t->width] = ay[t->width - 1];
    }
}

/* The four tiles around a block. */
static void tiles_around(const struct follow_tiles *t, const uint32_t block[2], size_t at[4])
{
    const uint32_t i = block[0] > 0 ? (block[0] - 1) / 2 : 0;
    const uint32_t j = block[1] > 0 ? (block[1] - 1) / 2 : 0;
    const uint32_t below = j + 1 < t->height ? j + 1 : j;
    for (unsigned k = 0; k < 4; k++)
        at[k] = (size_t)(k >> 1 ? below : j) * t->stride + i + (k & 1);
}

static bool can_any_matter(
    const struct follow_tiles *t, const size_t at[4], const float a[2], const float b[2])
{
    bool can = false;
    for (unsigned k = 0; k < 4; k++)
        can |= can_matter(t, at[k], a[0] - b[0], a[1] - b[1]);
    return can;
}

/* Where the tiles around it move apart, a block goes with the one that fits it best. */
static void choose(const struct follow_job *job, const struct follow_pair *pair,
    const uint32_t block[2], float out[2])
{
    const int32_t window[3] = {(int32_t)block[0] * 4 - 2, (int32_t)block[1] * 4 - 2, 8};
    const float place[2] = {(float)block[0] * 0.5F - 0.25F, (float)block[1] * 0.5F - 0.25F};
    const float between[2] = {out[0], out[1]};
    float v[5][2], least = 0;
    bool is_known = false; /* how well the way between them fits */
    size_t at[4];
    tiles_around(&job->tiles, block, at);
    for (unsigned k = 0; k < 4; k++) {
        v[k][0] = job->weighed[0].x[at[k]];
        v[k][1] = job->weighed[0].y[at[k]];
    }
    follow_affine_at(&job->affine, &job->tiles, place, v[4]);
    for (unsigned k = 0; k < 5; k++) {
        if (!can_any_matter(&job->tiles, at, v[k], between))
            continue;
        if (!is_known)
            least = job->kernels->misfit(pair, window, between[0] * 0.5F, between[1] * 0.5F) - GAIN;
        is_known = true;
        const float m = job->kernels->misfit(pair, window, v[k][0] * 0.5F, v[k][1] * 0.5F);
        if (m < least) {
            least = m;
            out[0] = v[k][0];
            out[1] = v[k][1];
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

static float distance(float a, float b)
{
    return a < b ? b - a : a - b;
}

/* How far down between the middles of two rows of tiles a row of blocks lies: a tile is two blocks
 * wide. */
static float part_of(uint32_t row)
{
    return row == 0 ? 0 : row % 2 ? 0.25F : 0.75F;
}

/* The first block of a row lies on no way between two tiles. */
static void fill_first(const struct follow_job *job, const struct follow_pair *pair, uint32_t row,
    struct isp_burst_vector *out)
{
    const uint32_t block[2] = {0, row};
    const float part = part_of(row);
    const float *x = job->weighed[0].x, *y = job->weighed[0].y;
    float apart = 0;
    size_t at[4];
    tiles_around(&job->tiles, block, at);
    float v[2] = {(1 - part) * x[at[0]] + part * x[at[2]], (1 - part) * y[at[0]] + part * y[at[2]]};
    for (unsigned k = 0; k < 4; k++) {
        const float d = distance(x[at[k]], v[0]) + distance(y[at[k]], v[1]);
        apart = d > apart ? d : apart;
    }
    if (apart >= STRAIGHT)
        choose(job, pair, block, v);
    *out = (struct isp_burst_vector){fixed(v[0]), fixed(v[1])};
}

/* Blocks between each of a run of tiles (the first, and how many) and the next one: two each. */
static void fill_blocks(const struct follow_job *job, const struct follow_pair *pair, uint32_t row,
    const uint32_t run[2], struct isp_burst_vector *out)
{
    const struct follow_tiles *t = &job->tiles;
    const uint32_t width = isp_burst_blocks(job->burst->geometry->crop.width);
    const uint32_t j = row > 0 ? (row - 1) / 2 : 0, below = j + 1 < t->height ? j + 1 : j;
    const uint32_t first = run[0], count = run[1];
    const size_t at[2] = {(size_t)j * t->stride + first, (size_t)below * t->stride + first};
    const float *const x[2] = {job->weighed[0].x + at[0], job->weighed[0].x + at[1]};
    const float *const y[2] = {job->weighed[0].y + at[0], job->weighed[0].y + at[1]};
    struct follow_between between;
    job->kernels->between(x, y, part_of(row), count, &between);
    for (uint32_t k = 0; k < 2 * count && 2 * first + 1 + k < width; k++) {
        const uint32_t block[2] = {2 * first + 1 + k, row};
        float v[2] = {between.x[k % 2][k / 2], between.y[k % 2][k / 2]};
        if (between.apart[k % 2][k / 2] >= STRAIGHT)
            choose(job, pair, block, v);
        out[block[0]] = (struct isp_burst_vector){fixed(v[0]), fixed(v[1])};
    }
}

void isp_follow_blocks(
    const struct follow_job *job, struct follow_rows rows, struct isp_burst_vector *out)
{
    const uint32_t blocks = isp_burst_blocks(job->burst->geometry->crop.width);
    const struct follow_pair pair = isp_follow_pair(job, 0);
    const uint32_t width = job->tiles.width;
    for (uint32_t row = rows.y0; row < rows.y1; row++) {
        struct isp_burst_vector *to = out + (size_t)row * blocks;
        fill_first(job, &pair, row, to);
        for (uint32_t i = 0; i < width; i += FOLLOW_BETWEEN) {
            const uint32_t left = width - i;
            const uint32_t run[2] = {i, left < FOLLOW_BETWEEN ? left : FOLLOW_BETWEEN};
            fill_blocks(job, &pair, row, run, to);
        }
    }
}
