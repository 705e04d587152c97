/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <isp/burst/follow_job.h>

#include <base/base.h>

#include <stdbool.h>

#define LEVELS   5    /* of those that aligning has: windows of coarser ones hold too much */
#define PADDING  2    /* tiles around a frame's, that say nothing */
#define BAND     8    /* rows of tiles that are a task */
#define RESIDUAL 2.0F /* sigmas up to which a frame is always taken */
#define FRACTION 0.5F /* of wrong motion's residual, beyond which it is not */
#define CLEARLY  0.8F /* of a residual: another one is not smaller by chance */

/* Of the reference; PHASES for each frame come after. */
enum first_phase {
    FIRST_GREY,
    FIRST_WRONG, /* what wrong motion looks like */
    FIRST_PHASES,
};

/* Of a frame, in this order. */
enum phase {
    PHASE_GREY,
    PHASE_COARSE, /* the levels that one task is enough for, and what the next ones need */
    PHASE_HALF,   /* level 1 */
    PHASE_TURN,   /* affine motion of level 1 */
    PHASE_FULL,   /* level 0 */
    PHASE_JUDGE,  /* affine motion of level 0; whether the frame is taken */
    PHASE_WEIGH,
    PHASE_BLOCKS,
    PHASES,
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

/* ---- memory ---------------------------------------------------------------------------------- */

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

#define PLANES 13 /* of floats: five of the tiles, four weighed, four remembered */

size_t isp_burst_follow_scratch_size(const struct isp_geometry *g)
{
    return base_align(sizeof(struct follow_job), 64) + 2 * isp_pyramid_bytes(g) +
           2 * windows_bytes(g) + PLANES * base_align(padded_count(g) * sizeof(float), 64);
}

static void place_levels(struct pyramid *p, const struct isp_geometry *g, void *cells)
{
    isp_pyramid_place(p, g, cells);
    p->count = p->count < LEVELS ? p->count : LEVELS;
}

static void place(struct follow_job *job, void *scratch)
{
    const struct isp_geometry *g = job->burst->geometry;
    uint8_t *at = scratch;
    place_levels(&job->reference, g, at);
    at += isp_pyramid_bytes(g);
    place_levels(&job->moving, g, at);
    at += isp_pyramid_bytes(g);
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

static struct follow_job *job_of(const struct isp_burst *burst,
    const struct isp_burst_transform *transform, struct follow_job *job)
{
    job->burst = burst;
    job->transform = transform;
    job->kernels = isp_follow_kernels(burst->isa);
    job->frame = isp_burst_frame_of(burst->geometry, burst->isa);
    return job;
}

/* ---- levels ---------------------------------------------------------------------------------- */

struct follow_pair isp_follow_pair(const struct follow_job *job, uint32_t level)
{
    struct follow_pair pair = {job->reference.levels[level], job->moving.levels[level],
        isp_pyramid_noise(job->burst->geometry, job->burst->coefficients, job->transform)};
    float share = 1 / (float)(1U << 2 * level); /* a coarser cell is a mean of four */
    pair.noise.slope *= share;
    pair.noise.offset *= share;
    pair.noise.least *= share;
    return pair;
}

/* The level whose windows are filled next; those filled last are the coarser one's. */
static void go_to_level(struct follow_job *job, uint32_t level)
{
    struct follow_window *w = job->windows[0];
    job->windows[0] = job->windows[1];
    job->windows[1] = w;
    job->widths[1] = job->widths[0];
    job->heights[1] = job->heights[0];
    job->tiles.width = job->widths[0] = tiles_of(job->moving.levels[level].width);
    job->tiles.height = job->heights[0] = tiles_of(job->moving.levels[level].height);
}

static void build(
    struct follow_job *job, struct pyramid *pyramid, uint32_t frame, struct follow_rows rows)
{
    const struct isp_burst *b = job->burst;
    const struct pyramid_source source = {b->raws[frame], b->coefficients->white_level,
        isp_pyramid_black(b->geometry, b->coefficients), job->transform->gain[frame]};
    isp_pyramid_build(pyramid, &job->frame, &source, rows.y0 * FOLLOW_TILE, rows.y1 * FOLLOW_TILE);
}

static struct follow_affine shift_of(const struct isp_burst_transform *t, uint32_t frame)
{
    return (struct follow_affine){{(float)-t->dx[frame], 0, 0, (float)-t->dy[frame], 0, 0}};
}

static void search_coarse(struct follow_job *job, uint32_t frame)
{
    job->affine = shift_of(job->transform, frame);
    for (uint32_t level = job->moving.count; level-- > 2;) {
        go_to_level(job, level);
        isp_follow_search(job, frame, level, (struct follow_rows){0, job->heights[0]});
    }
    if (job->moving.count > 1)
        go_to_level(job, 1);
}

static void turn(struct follow_job *job)
{
    if (job->moving.count > 1)
        isp_follow_affine(&job->tiles, &job->affine);
    go_to_level(job, 0);
}

/* By the frame's motion and not by each tile's own, as on another scene these find something that
 * looks alike. Where little but a clear sky tells of motion, the shift may be nearer to it. */
static void judge(struct follow_job *job, uint32_t frame, struct isp_burst_transform *transform)
{
    const struct follow_pair pair = isp_follow_pair(job, 0);
    const struct row_kernels *rows = job->frame.kernels;
    const struct follow_affine shift = shift_of(transform, frame);
    isp_follow_affine(&job->tiles, &job->affine);
    float residual = isp_follow_residual(&pair, rows, &job->tiles, &job->affine);
    const float shifted = isp_follow_residual(&pair, rows, &job->tiles, &shift);
    if (shifted < CLEARLY * residual) {
        residual = shifted;
        job->affine = shift;
    }
    transform->residual[frame] = residual;
    if (residual > job->residual_most)
        transform->used &= ~(1U << frame);
    if (transform->used >> frame & 1)
        job->distance[frame > job->burst->reference] = follow_distance(job, frame);
}

static void remember_own_motion(struct follow_job *job, uint32_t side, struct follow_rows rows)
{
    for (uint32_t j = rows.y0; j < rows.y1; j++) {
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

/* ---- a burst --------------------------------------------------------------------------------- */

static void learn_wrong(struct follow_job *job)
{
    const struct follow_pair pair = isp_follow_pair(job, 0);
    const float most = isp_follow_residual_of_wrong(&pair, job->frame.kernels) * FRACTION;
    job->residual_most = most > RESIDUAL ? most : RESIDUAL;
}

void isp_burst_follow_begin(const struct isp_burst *burst,
    const struct isp_burst_transform *transform, void *scratch, struct isp_burst_vector *field)
{
    struct follow_job *job = job_of(burst, transform, scratch);
    job->distance[0] = job->distance[1] = 0;
    place(job, (uint8_t *)scratch + base_align(sizeof *job, 64));
    memset(field, 0, isp_burst_field_size(burst->geometry, burst->count));
}

uint32_t isp_burst_follow_phases(uint32_t count)
{
    return count > 1 ? FIRST_PHASES + (count - 1) * PHASES : 0;
}

static bool is_single(uint32_t phase)
{
    return phase == PHASE_COARSE || phase == PHASE_TURN || phase == PHASE_JUDGE;
}

static uint32_t bands_of(uint32_t rows)
{
    return rows > BAND ? (rows + BAND - 1) / BAND : 1;
}

uint32_t isp_burst_follow_tasks(const struct isp_geometry *g, uint32_t phase)
{
    const uint32_t cells = g->crop.height / 2;
    if (phase < FIRST_PHASES)
        return phase == FIRST_GREY ? bands_of(tiles_of(cells)) : 1;
    const uint32_t of_frame = (phase - FIRST_PHASES) % PHASES;
    return is_single(of_frame) ? 1 : bands_of(tiles_of(cells >> (of_frame == PHASE_HALF)));
}

static void run_single(
    struct follow_job *job, enum phase phase, uint32_t frame, struct isp_burst_transform *transform)
{
    if (phase == PHASE_COARSE)
        search_coarse(job, frame);
    else if (phase == PHASE_TURN)
        turn(job);
    else
        judge(job, frame, transform);
}

/* Of the last band, to the end. */
static struct follow_rows band_of(uint32_t task, uint32_t tasks, uint32_t rows_a_tile, uint32_t end)
{
    const uint32_t rows = BAND * rows_a_tile, y1 = (task + 1) * rows;
    return (struct follow_rows){task * rows, task + 1 == tasks || y1 > end ? end : y1};
}

static void write_blocks(struct follow_job *job, uint32_t frame, uint32_t task, uint32_t tasks,
    struct isp_burst_vector *field)
{
    const struct isp_geometry *g = job->burst->geometry;
    const uint32_t rows = isp_burst_blocks(g->crop.height);
    remember_own_motion(
        job, frame > job->burst->reference, band_of(task, tasks, 1, job->tiles.height));
    isp_follow_blocks(job, band_of(task, tasks, 2, rows),
        field + (size_t)frame * rows * isp_burst_blocks(g->crop.width));
}

/* What all frames are followed from. */
static void run_first(const struct isp_burst *burst, struct isp_burst_transform *transform,
    struct follow_job *shared, const struct isp_burst_task *task)
{
    const uint32_t tasks = isp_burst_follow_tasks(burst->geometry, task->phase);
    struct follow_job job = *shared;
    if (task->phase == FIRST_WRONG) {
        learn_wrong(job_of(burst, transform, shared));
        return;
    }
    job_of(burst, transform, &job);
    build(&job, &job.reference, burst->reference,
        band_of(task->task, tasks, 1, UINT32_MAX / FOLLOW_TILE));
}

static void run_band(struct follow_job *job, const struct isp_burst_task *task, uint32_t tasks,
    uint32_t frame, struct isp_burst_vector *field)
{
    const enum phase phase = (enum phase)task->phase;
    const struct follow_rows rows = band_of(task->task, tasks, 1, job->tiles.height);
    const bool is_used = job->transform->used >> frame & 1;
    if (phase == PHASE_GREY)
        build(job, &job->moving, frame, band_of(task->task, tasks, 1, UINT32_MAX / FOLLOW_TILE));
    else if (phase == PHASE_FULL || (phase == PHASE_HALF && job->moving.count > 1))
        isp_follow_search(job, frame, phase == PHASE_HALF, rows);
    else if (phase == PHASE_WEIGH && is_used)
        isp_follow_weigh(job, rows);
    else if (phase == PHASE_BLOCKS && is_used)
        write_blocks(job, frame, task->task, tasks, field);
}

void isp_burst_follow_run(const struct isp_burst *burst, struct isp_burst_transform *transform,
    void *scratch, const struct isp_burst_task *task, struct isp_burst_vector *field)
{
    struct follow_job *shared = scratch, job;
    if (task->phase < FIRST_PHASES) {
        run_first(burst, transform, shared, task);
        return;
    }
    const uint32_t step = (task->phase - FIRST_PHASES) / PHASES;
    const struct isp_burst_task at = {(task->phase - FIRST_PHASES) % PHASES, task->task};
    const uint32_t frame = step < burst->reference ? burst->reference - 1 - step : step + 1;
    if (is_single(at.phase)) {
        run_single(job_of(burst, transform, shared), (enum phase)at.phase, frame, transform);
        return;
    }
    job = *shared;
    run_band(job_of(burst, transform, &job), &at,
        isp_burst_follow_tasks(burst->geometry, task->phase), frame, field);
}
