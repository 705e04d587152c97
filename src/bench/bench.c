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

static const struct bench_case copies[2] = {
    {"copy", BENCH_COPY, "SRGGB10", SISP_PIXEL_XRGB8888, false, 0},
    {"copy", BENCH_COPY, "SRGGB10", SISP_PIXEL_XRGB8888, false, 1},
};

static const struct bench_case paths[] = {
    {"path-a", BENCH_FAST, "SRGGB10", SISP_PIXEL_XRGB8888, false, 0},
    {"path-a-10p", BENCH_FAST, "SRGGB10P", SISP_PIXEL_XRGB8888, false, 0},
    {"path-a-nv12", BENCH_FAST, "SRGGB10", SISP_PIXEL_NV12, false, 0},
    {"path-a-preview", BENCH_FAST, "SRGGB10", SISP_PIXEL_NV12, true, 0},
    {"floor", BENCH_FLOOR, "SRGGB10", SISP_PIXEL_XRGB8888, true, 0},
};

const char *sisp_bench_name(unsigned index)
{
    if (index == 0)
        return copies[0].name;
    if (index <= BASE_COUNT(paths))
        return paths[index - 1].name;
    index -= 1 + BASE_COUNT(paths);
    return index < bench_kernel_count() ? bench_kernel_name(index) : NULL;
}

static struct bench_case find_case(unsigned index)
{
    if (index <= BASE_COUNT(paths))
        return paths[index - 1];
    index -= 1 + BASE_COUNT(paths);
    return (struct bench_case){.name = bench_kernel_name(index),
        .kind = BENCH_KERNEL,
        .raw_format = "SRGGB10",
        .variant = index};
}

/* ---- threads -----------------------------------------------------------------------------------
 */

struct team {
    struct bench_job *job;
    pthread_mutex_t gate; /* held until all threads are there */
    bool is_complete;
    pthread_barrier_t start, end; /* of a frame */
};

struct member {
    struct team *team;
    unsigned thread;
};

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void *run_member(void *argument)
{
    const struct member *me = argument;
    struct bench_job *job = me->team->job;
    pthread_mutex_lock(&me->team->gate);
    const unsigned count = me->team->is_complete ? job->rounds * job->frames : 0;
    pthread_mutex_unlock(&me->team->gate);
    for (unsigned i = 0; i < count; i++) {
        pthread_barrier_wait(&me->team->start);
        const double begin = now_ns();
        bench_job_run(job, i % job->frames, me->thread);
        pthread_barrier_wait(&me->team->end);
        if (me->thread == 0)
            job->times_ns[i] = now_ns() - begin;
    }
    return NULL;
}

/* The caller is thread 0. */
static int run_team(struct bench_job *job)
{
    struct team team = {.job = job, .gate = PTHREAD_MUTEX_INITIALIZER};
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
    return team.is_complete ? 0 : -EAGAIN;
}

/* ---- results -----------------------------------------------------------------------------------
 */

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

struct bench {
    struct sisp_bench_params params;
    enum isp_isa isa;
    double ns_per_byte; /* of the copy */
};

static int run_case(
    const struct bench *bench, const struct bench_case *which, struct sisp_bench_result *result)
{
    struct bench_job job;
    int error = bench_job_init(&job, which, &bench->params, bench->isa);
    if (!error)
        error = run_team(&job);
    if (!error) {
        const size_t count = (size_t)job.frames * job.rounds;
        const double pixels = (double)bench->params.width * bench->params.height;
        qsort(job.times_ns, count, sizeof(double), compare);
        *result = (struct sisp_bench_result){.name = which->name,
            .isa = isp_isa_name(bench->isa),
            .threads = job.threads,
            .width = bench->params.width,
            .height = bench->params.height,
            .rounds = bench->params.rounds,
            .ns_per_pixel_min = job.times_ns[0] / pixels,
            .ns_per_pixel_median = job.times_ns[count / 2] / pixels,
            .bound_ns_per_pixel = bench->ns_per_byte * bench_job_bytes_per_pixel(&job)};
    }
    bench_job_finish(&job);
    return error;
}

/* The better of normal and non-temporal stores; all other bounds come from it. */
static int run_copies(struct bench *bench, struct sisp_bench_result *best)
{
    for (unsigned i = 0; i < BASE_COUNT(copies); i++) {
        struct sisp_bench_result result;
        int error = run_case(bench, &copies[i], &result);
        if (error)
            return error;
        if (i == 0 || result.ns_per_pixel_min < best->ns_per_pixel_min)
            *best = result;
    }
    bench->ns_per_byte = best->ns_per_pixel_min / (2 + 4);
    best->bound_ns_per_pixel = best->ns_per_pixel_min;
    return 0;
}

static bool is_named(const struct bench *bench, unsigned index)
{
    const char *filter = bench->params.filter;
    return !filter || fnmatch(filter, sisp_bench_name(index), 0) == 0;
}

static int run_cases(struct bench *bench, sisp_bench_fn each_result, void *user)
{
    unsigned found = 0;
    for (unsigned i = 0; sisp_bench_name(i); i++)
        found += is_named(bench, i);
    struct sisp_bench_result result;
    int error = found ? run_copies(bench, &result) : -ENOENT;
    if (!error && is_named(bench, 0))
        each_result(user, &result);
    for (unsigned i = 1; !error && sisp_bench_name(i); i++) {
        if (!is_named(bench, i))
            continue;
        const struct bench_case which = find_case(i);
        error = run_case(bench, &which, &result);
        if (!error)
            each_result(user, &result);
    }
    return error;
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
    bench.isa = (enum isp_isa)isa;
    return run_cases(&bench, each_result, user);
}
