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
        ax[t->width] = ax[t->width - 1]; /* for the blocks at the edge */
        ay[t->width] = ay[t->width - 1];
    }
}

/* The four tiles around a block. */
static void corners_of(const struct follow_job *job, const uint32_t block[2], float out[4][2])
{
    const struct follow_tiles *t = &job->tiles;
    const uint32_t i = block[0] > 0 ? (block[0] - 1) / 2 : 0;
    const uint32_t j = block[1] > 0 ? (block[1] - 1) / 2 : 0;
    const uint32_t below = j + 1 < t->height ? j + 1 : j;
    for (unsigned k = 0; k < 4; k++) {
        const size_t at = (size_t)(k >> 1 ? below : j) * t->stride + i + (k & 1);
        out[k][0] = job->weighed[0].x[at];
        out[k][1] = job->weighed[0].y[at];
    }
}

/* Where the tiles around it move apart, a block goes with the one that fits it best. */
static void choose(const struct follow_job *job, const struct follow_pair *pair,
    const uint32_t block[2], float out[2])
{
    const int32_t window[3] = {(int32_t)block[0] * 4 - 2, (int32_t)block[1] * 4 - 2, 8};
    const float place[2] = {(float)block[0] * 0.5F - 0.25F, (float)block[1] * 0.5F - 0.25F};
    float candidates[5][2];
    corners_of(job, block, candidates);
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
    float c[4][2], v[2], apart = 0;
    corners_of(job, block, c);
    for (unsigned i = 0; i < 2; i++)
        v[i] = (1 - part) * c[0][i] + part * c[2][i];
    for (unsigned k = 0; k < 4; k++) {
        const float d = distance(c[k][0], v[0]) + distance(c[k][1], v[1]);
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
