/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The bench: which cases there are, threads, times. */
#include "bench/bench_cases.h"

#include <errno.h>
#include <fnmatch.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define SIDE_MIN 64
#define SIDE_MAX 8192

/* Path B is path A with defect correction, green balance and sharpening; the noise is the scene's.
 */
static void path_b(struct sisp_coefficients *c)
{
    c->noise_shot = 1e-3f;
    c->defect_correction = 1;
    c->green_balance = 0.05f;
    c->sharpness = 1;
}

/* Path C is path B with noise reduction. */
static void path_c(struct sisp_coefficients *c)
{
    path_b(c);
    c->denoise_luma = 1;
    c->denoise_chroma = 1;
}

/* As the preset natural develops files. */
static void still(struct sisp_coefficients *c)
{
    c->demosaic = SISP_DEMOSAIC_BEST;
    c->highlight_recovery = 1;
    c->local_tone = 0.4f;
    c->still_sharpness = 1;
}

/* The scene's noise. */
static void burst(struct sisp_coefficients *c)
{
    c->noise_shot = 9e-4f;
}

/* A row of the table is a case; kernels follow. All but the floor and what others are compared with
 * run at each level. */
static const struct bench_case cases[] = {
    {"copy", BENCH_COPY, "SRGGB10", SISP_PIXEL_XRGB8888, false, 0, NULL},
    {"copy-nt", BENCH_COPY, "SRGGB10", SISP_PIXEL_XRGB8888, false, 1, NULL},
    {"clock", BENCH_CLOCK, "SRGGB10", SISP_PIXEL_XRGB8888, false, 0, NULL},
    {"peer-bayer2rgb", BENCH_PEER, "SRGGB8", SISP_PIXEL_XRGB8888, false, 0, NULL},
    {"path-a", BENCH_FAST, "SRGGB10", SISP_PIXEL_XRGB8888, false, 0, NULL},
    {"path-b", BENCH_FAST, "SRGGB10", SISP_PIXEL_XRGB8888, false, 0, path_b},
    {"path-c", BENCH_FAST, "SRGGB10P", SISP_PIXEL_NV12, false, 0, path_c},
    {"path-a-10p", BENCH_FAST, "SRGGB10P", SISP_PIXEL_XRGB8888, false, 0, NULL},
    {"path-a-nv12", BENCH_FAST, "SRGGB10", SISP_PIXEL_NV12, false, 0, NULL},
    {"path-a-preview", BENCH_FAST, "SRGGB10", SISP_PIXEL_NV12, true, 0, NULL},
    {"path-a-yuyv", BENCH_FAST, "SRGGB10", SISP_PIXEL_YUYV, false, 0, NULL},
    {"path-a-p010", BENCH_FAST, "SRGGB10", SISP_PIXEL_P010, false, 0, NULL},
    {"path-a-180", BENCH_FAST, "SRGGB10", SISP_PIXEL_XRGB8888, false, SISP_ORIENTATION_ROTATE_180,
        NULL},
    {"path-a-90", BENCH_FAST, "SRGGB10", SISP_PIXEL_XRGB8888, false, SISP_ORIENTATION_ROTATE_90,
        NULL},
    {"path-a-nv12-90", BENCH_FAST, "SRGGB10", SISP_PIXEL_NV12, false, SISP_ORIENTATION_ROTATE_90,
        NULL},
    {"path-a-pair", BENCH_PAIR, "SRGGB10", SISP_PIXEL_XRGB8888, false, 0, NULL},
    {"still", BENCH_STILL, "SRGGB10", SISP_PIXEL_RGB24, false, 0, still},
    {"kernel-best", BENCH_DEMOSAIC, "SRGGB10", SISP_PIXEL_RGB24, false, 0, still},
    {"floor", BENCH_FLOOR, "SRGGB10", SISP_PIXEL_XRGB8888, true, 0, NULL},
    {"burst-align", BENCH_BURST, "SRGGB10P", SISP_PIXEL_NV12, false, BENCH_BURST_ALIGN, burst},
    {"burst-follow", BENCH_BURST, "SRGGB10P", SISP_PIXEL_NV12, false, BENCH_BURST_FOLLOW, burst},
    {"burst-merge", BENCH_BURST, "SRGGB10P", SISP_PIXEL_NV12, false, BENCH_BURST_MERGE, burst},
};

const char *sisp_bench_name(unsigned index)
{
    if (index < BASE_COUNT(cases))
        return cases[index].name;
    index -= BASE_COUNT(cases);
    return index < bench_kernel_count() ? bench_kernel_name(index) : NULL;
}

static struct bench_case find_case(unsigned index)
{
    if (index < BASE_COUNT(cases))
        return cases[index];
    index -= BASE_COUNT(cases);
    return (struct bench_case){.name = bench_kernel_name(index),
        .kind = BENCH_KERNEL,
        .raw_format = "SRGGB10",
        .variant = index};
}

/* ---- threads -----------------------------------------------------------------------------------
 */

struct team {
    struct bench_job *job;
    double *times_ns;     /* of each frame */
    pthread_mutex_t gate; /* held until all threads are there */
    bool is_complete, has_failed;
    pthread_barrier_t start, end; /* of a frame */
};

struct member {
    struct team *team;
    unsigned thread;
};

/* One thread is timed by the CPU time it takes, so that others on the machine count less. */
static double now_ns(const struct bench_job *job)
{
    struct timespec t;
    clock_gettime(job->threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void *run_member(void *argument)
{
    const struct member *me = argument;
    struct bench_job *job = me->team->job;
    pthread_mutex_lock(&me->team->gate);
    const unsigned count = me->team->is_complete ? job->frames : 0;
    pthread_mutex_unlock(&me->team->gate);
    for (unsigned i = 0; i < count; i++) {
        pthread_barrier_wait(&me->team->start);
        const double begin = now_ns(job);
        if (!bench_job_run(job, i, me->thread))
            me->team->has_failed = true; /* the peer, which has one thread */
        pthread_barrier_wait(&me->team->end);
        if (me->thread == 0)
            me->team->times_ns[i] = now_ns(job) - begin;
    }
    return NULL;
}

/* All frames once. The caller is thread 0. */
static int run_team(struct bench_job *job, double *times_ns)
{
    struct team team = {.job = job, .times_ns = times_ns, .gate = PTHREAD_MUTEX_INITIALIZER};
    struct member members[BENCH_THREADS_MAX];
    pthread_t threads[BENCH_THREADS_MAX];
    unsigned started = 1;
    pthread_barrier_init(&team.start, NULL, job->threads);
    pthread_barrier_init(&team.end, NULL, job->threads);
    pthread_mutex_lock(&team.gate);
    for (unsigned i = 0; i < job->threads; i++)
        members[i] = (struct member){&team, i};
    while (started < job->threads &&
           pthread_create(&threads[started], NULL, run_member, &members[started]) == 0)
        started++;
    team.is_complete = started == job->threads;
    pthread_mutex_unlock(&team.gate);
    run_member(&members[0]);
    for (unsigned i = 1; i < started; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&team.start);
    pthread_barrier_destroy(&team.end);
    pthread_mutex_destroy(&team.gate);
    return !team.is_complete ? -EAGAIN : team.has_failed ? -EIO : 0;
}

/* ---- the run -----------------------------------------------------------------------------------
 */

struct bench {
    struct sisp_bench_params params;
    struct bench_memory memory;
    struct bench_job *jobs;
    unsigned count;
};

static bool is_named(const char *filter, unsigned index)
{
    return !filter || fnmatch(filter, sisp_bench_name(index), 0) == 0;
}

static bool has_levels(const struct bench_case *which)
{
    return which->kind != BENCH_COPY && which->kind != BENCH_CLOCK && which->kind != BENCH_PEER &&
           which->kind != BENCH_FLOOR;
}

/* Every level this CPU has, or the one asked for; all others once. */
static void plan_case(struct bench *bench, unsigned index)
{
    const struct bench_case which = find_case(index);
    for (int isa = 0; isa < ISP_ISA_COUNT; isa++) {
        const char *wanted =
            bench->params.isa ? bench->params.isa : isp_isa_name((enum isp_isa)isa);
        if (isp_isa_find(has_levels(&which) ? wanted : "auto") == isa)
            bench_job_plan(&bench->jobs[bench->count++], &which, &bench->params, (enum isp_isa)isa);
    }
}

/* What all others are compared with comes first and always runs. */
static int plan(struct bench *bench)
{
    unsigned all = 0, found = 0;
    while (sisp_bench_name(all))
        found += is_named(bench->params.filter, all++);
    if (found == 0)
        return -ENOENT;
    bench->jobs = calloc((size_t)all * ISP_ISA_COUNT, sizeof(*bench->jobs));
    if (!bench->jobs)
        return -ENOMEM;
    for (unsigned i = 0; i < all; i++) {
        const enum bench_kind kind = find_case(i).kind;
        if (kind == BENCH_COPY || kind == BENCH_CLOCK || kind == BENCH_PEER ||
            is_named(bench->params.filter, i))
            plan_case(bench, i);
    }
    int error = bench_memory_init(&bench->memory, bench->jobs, bench->count);
    for (unsigned i = 0; !error && i < bench->count; i++)
        error = bench_job_init(&bench->jobs[i], &bench->memory);
    return error;
}

static bool is_missing(const struct bench_job *job)
{
    return job->which.kind == BENCH_PEER && !job->peer;
}

/* All jobs take turns, so that a slow moment of the machine meets them alike. */
static int run_rounds(struct bench *bench)
{
    for (unsigned k = 0; k < bench->params.rounds; k++) {
        for (unsigned i = 0; i < bench->count; i++) {
            struct bench_job *job = &bench->jobs[i];
            if (is_missing(job))
                continue;
            bench_job_begin(job);
            const int error = run_team(job, job->times_ns + (size_t)k * job->frames);
            if (error)
                return error;
            if (!bench_job_end(job))
                return -EBADMSG;
        }
    }
    return 0;
}

/* Levels of one case stand side by side. */
static int check_hashes(const struct bench *bench)
{
    for (unsigned i = 1; i < bench->count; i++) {
        const struct bench_job *a = &bench->jobs[i - 1], *b = &bench->jobs[i];
        if (a->which.name == b->which.name &&
            (a->hash.high != b->hash.high || a->hash.low != b->hash.low))
            return -EBADMSG;
    }
    return 0;
}

/* ---- results -----------------------------------------------------------------------------------
 */

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void sort_times(struct bench_job *job)
{
    qsort(job->times_ns, (size_t)job->frames * job->rounds, sizeof(double), compare);
}

/* The best time for a unit of work of the jobs of that kind; 0: there was none. */
static double best_ns(const struct bench *bench, enum bench_kind kind)
{
    double best = 0;
    for (unsigned i = 0; i < bench->count; i++) {
        const struct bench_job *job = &bench->jobs[i];
        const double ns = job->times_ns[0] / job->units;
        if (job->which.kind == kind && !is_missing(job) && (best == 0 || ns < best))
            best = ns;
    }
    return best;
}

static struct sisp_bench_result result_of(const struct bench *bench, const struct bench_job *job)
{
    const double cycle_ns = best_ns(bench, BENCH_CLOCK), peer_ns = best_ns(bench, BENCH_PEER);
    const double copied_byte_ns = best_ns(bench, BENCH_COPY) / (2 + 4);
    const double ns = job->times_ns[0] / job->units;
    struct sisp_bench_result result = {.name = job->which.name,
        .isa = has_levels(&job->which) ? isp_isa_name(job->isa) : "-",
        .threads = job->threads,
        .width = bench->params.width,
        .height = bench->params.height,
        .rounds = job->rounds,
        .output_hash = job->hash.low};
    if (is_missing(job)) {
        result.skipped = "GStreamer's bayer2rgb is not installed (scripts/setup.sh bench)";
        return result;
    }
    result.ns_per_pixel_min = ns;
    result.ns_per_pixel_median = job->times_ns[(size_t)job->frames * job->rounds / 2] / job->units;
    result.bound_ns_per_pixel = copied_byte_ns * bench_job_bytes_per_pixel(job);
    result.cycles_per_pixel = ns / cycle_ns;
    result.ratio_to_peer = peer_ns > 0 && job->which.kind != BENCH_CLOCK ? ns / peer_ns : 0;
    return result;
}

static void report(struct bench *bench, sisp_bench_fn each_result, void *user)
{
    for (unsigned i = 0; i < bench->count; i++)
        sort_times(&bench->jobs[i]);
    for (unsigned i = 0; i < bench->count; i++) {
        const char *filter = bench->params.filter;
        const struct sisp_bench_result result = result_of(bench, &bench->jobs[i]);
        if (!filter || fnmatch(filter, result.name, 0) == 0)
            each_result(user, &result);
    }
}

static uint32_t or_default(uint32_t value, uint32_t value_default)
{
    return value ? value : value_default;
}

int sisp_bench_run(const struct sisp_bench_params *params, sisp_bench_fn each_result, void *user)
{
    struct bench bench = {.params = *params};
    struct sisp_bench_params *p = &bench.params;
    p->threads = or_default(p->threads, 1);
    p->width = or_default(p->width, 1920);
    p->height = or_default(p->height, 1080);
    p->rounds = or_default(p->rounds, 9);
    if (p->threads > BENCH_THREADS_MAX || p->rounds > 10000 || p->width < SIDE_MIN ||
        p->width > SIDE_MAX || p->height < SIDE_MIN || p->height > SIDE_MAX)
        return -EINVAL;
    const int isa = isp_isa_find(p->isa ? p->isa : "auto");
    if (isa < 0)
        return isa;
    if (p->isa)
        p->isa = isp_isa_name((enum isp_isa)isa); /* "auto" is a level, too */
    int error = plan(&bench);
    error = error ? error : run_rounds(&bench);
    error = error ? error : check_hashes(&bench);
    if (!error)
        report(&bench, each_result, user);
    for (unsigned i = 0; i < bench.count; i++)
        bench_job_finish(&bench.jobs[i]);
    bench_memory_finish(&bench.memory);
    free(bench.jobs);
    return error;
}
