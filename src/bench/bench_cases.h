/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BENCH_CASES_H
#define BENCH_CASES_H

#include "base/base.h"
#include "isp/isp.h"

#include <softisp/bench.h>

#define BENCH_THREADS_MAX 64

enum bench_kind {
    BENCH_COPY,
    BENCH_FAST,
    BENCH_FLOOR,
    BENCH_KERNEL,
};

struct bench_case {
    const char *name;
    enum bench_kind kind;
    const char *raw_format;
    enum sisp_pixel_format format;
    bool is_preview;  /* a third of the size each way */
    unsigned variant; /* copy: non-temporal; kernel: which */
};

/** Buffers of one case, made before and used by all its threads. */
struct bench_job {
    const struct bench_case *which;
    struct isp_geometry geometry;
    enum isp_isa isa;
    unsigned frames, threads, rounds;
    uint8_t *raws, *pictures;
    size_t raw_size, picture_size; /* bytes from one frame to the next */
    struct sisp_coefficients *coefficients;
    struct isp_fast_recipe *recipe;
    uint8_t *scratch;
    size_t scratch_size; /* of one thread */
    struct sisp_stats *stats;
    double *times_ns; /* of each frame of each round */
};

/** -ENOMEM, or what isp_fast_compile() says; bench_job_finish() in any case. */
int bench_job_init(struct bench_job *job, const struct bench_case *which,
    const struct sisp_bench_params *params, enum isp_isa isa);
void bench_job_finish(struct bench_job *job);

/** One thread's share of a frame. */
void bench_job_run(const struct bench_job *job, unsigned frame, unsigned thread);

/** Kernel cases: many rows of one kernel, in cache. */
unsigned bench_kernel_count(void);
const char *bench_kernel_name(unsigned kernel);
void bench_kernel_run(const struct bench_job *job);

/** Bytes that go from and to memory for one raw pixel. */
double bench_job_bytes_per_pixel(const struct bench_job *job);

#endif
