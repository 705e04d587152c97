/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The steps of fusing a burst, each by itself, on one thread. */
#include "bench/bench_cases.h"

#include <stdlib.h>
#include <string.h>

struct bench_burst {
    uint8_t *raws;
    const uint8_t *frames[BENCH_BURST_FRAMES];
    struct isp_burst burst;
    struct isp_burst_transform aligned, transform; /* before and after following */
    struct isp_burst_filters *filters;
    struct isp_burst_vector *field;
    uint16_t *merged, *noise;
};

size_t bench_burst_scratch_size(const struct isp_geometry *g)
{
    const size_t motion =
        base_max_size(isp_burst_align_scratch_size(g), isp_burst_follow_scratch_size(g));
    return base_align(base_max_size(motion, isp_burst_merge_scratch_size(g)), 64);
}

static void align(struct bench_burst *b, void *scratch)
{
    isp_burst_align_begin(&b->burst, &b->aligned);
    for (uint32_t phase = 0; phase < isp_burst_align_phases(&b->burst); phase++) {
        const uint32_t tasks = isp_burst_align_tasks(&b->burst, phase);
        for (uint32_t i = 0; i < tasks; i++)
            isp_burst_align_run(
                &b->burst, &b->aligned, scratch, &(const struct isp_burst_task){phase, i});
    }
}

static void follow(struct bench_burst *b, void *scratch)
{
    b->transform = b->aligned;
    isp_burst_follow_begin(&b->burst, &b->transform, scratch, b->field);
    for (uint32_t phase = 0; phase < isp_burst_follow_phases(b->burst.count); phase++) {
        const uint32_t tasks = isp_burst_follow_tasks(b->burst.geometry, phase);
        for (uint32_t i = 0; i < tasks; i++)
            isp_burst_follow_run(&b->burst, &b->transform, scratch,
                &(const struct isp_burst_task){phase, i}, b->field);
    }
}

static void merge(struct bench_burst *b, void *scratch)
{
    const struct isp_burst_merge merge = {&b->transform, b->field, b->filters, b->merged, b->noise};
    struct isp_burst_shares shares = {0};
    isp_burst_merge_band(&b->burst, &merge, 0, b->burst.geometry->crop.height, scratch, &shares);
}

static bool allocate(struct bench_burst *b, const struct bench_job *job)
{
    const struct isp_geometry *g = &job->geometry;
    b->raws = aligned_alloc(4096, job->raw_size * BENCH_BURST_FRAMES);
    b->filters = aligned_alloc(64, base_align(isp_burst_filters_size(), 64));
    b->field = calloc(1, isp_burst_field_size(g, BENCH_BURST_FRAMES));
    b->merged = calloc((size_t)g->crop.width * g->crop.height, sizeof *b->merged);
    b->noise = calloc(1, isp_burst_noise_map_size(g));
    return b->raws && b->filters && b->field && b->merged && b->noise;
}

struct bench_burst *bench_burst_open(const struct bench_job *job)
{
    struct bench_burst *b = calloc(1, sizeof *b);
    if (!b || !allocate(b, job)) {
        bench_burst_close(b);
        return NULL;
    }
    for (unsigned i = 0; i < BENCH_BURST_FRAMES; i++) {
        b->frames[i] = b->raws + i * job->raw_size;
        bench_scene_fill(b->raws + i * job->raw_size, &job->geometry, i);
    }
    b->burst = (struct isp_burst){.geometry = &job->geometry,
        .coefficients = job->coefficients,
        .raws = b->frames,
        .count = BENCH_BURST_FRAMES,
        .isa = job->isa};
    align(b, job->memory->scratch);
    follow(b, job->memory->scratch);
    const unsigned kind = isp_burst_filters_kind(&b->transform);
    for (uint32_t i = 0; i < ISP_BURST_FILTER_TASKS; i++)
        isp_burst_filters_make(&job->geometry, kind, i, b->filters);
    return b;
}

void bench_burst_run(const struct bench_job *job)
{
    struct bench_burst *b = job->burst;
    if (job->which.variant == BENCH_BURST_ALIGN)
        align(b, job->memory->scratch);
    else if (job->which.variant == BENCH_BURST_FOLLOW)
        follow(b, job->memory->scratch);
    else
        merge(b, job->memory->scratch);
}

struct base_hash bench_burst_hash(const struct bench_job *job)
{
    const struct bench_burst *b = job->burst;
    const struct isp_geometry *g = &job->geometry;
    if (job->which.variant == BENCH_BURST_ALIGN)
        return base_hash_bytes(&b->aligned, sizeof b->aligned);
    if (job->which.variant == BENCH_BURST_FOLLOW)
        return base_hash_bytes(b->field, isp_burst_field_size(g, BENCH_BURST_FRAMES));
    return base_hash_bytes(b->merged, (size_t)g->crop.width * g->crop.height * sizeof *b->merged);
}

void bench_burst_close(struct bench_burst *b)
{
    if (!b)
        return;
    free(b->raws);
    free(b->filters);
    free(b->field);
    free(b->merged);
    free(b->noise);
    free(b);
}
