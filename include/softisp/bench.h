/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Measure how fast this machine develops: whole paths from and to memory, and single kernels. */
#ifndef SOFTISP_BENCH_H
#define SOFTISP_BENCH_H

#include <softisp/api.h>

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** {0}: everything, one thread, best level, 1920x1080, 9 rounds. */
struct sisp_bench_params {
    const char *filter;     /* glob over names; NULL: all */
    uint32_t threads;       /* of the path cases; at most 64 */
    const char *isa;        /* name of a level; NULL: "auto" */
    uint32_t width, height; /* 64 to 8192 */
    uint32_t rounds;        /* each over a set of frames too large for the caches */
};

/** Times are wall clock per pixel of the raw frame, whatever the size of the picture. */
struct sisp_bench_result {
    const char *name, *isa;
    uint32_t threads, width, height, rounds;
    double ns_per_pixel_min, ns_per_pixel_median;
    /* What only moving this case's bytes takes, from the copy of the same run; 0: in cache. */
    double bound_ns_per_pixel;
};

typedef void (*sisp_bench_fn)(void *user, const struct sisp_bench_result *result);

/** Name of case `index`, or NULL after the last. */
SISP_API const char *sisp_bench_name(unsigned index);

/**
 * Run the cases that the filter names, in order; each_result is called after each.
 *
 * Threads:  one at a time.   Real-time: may block; allocates about 150 MiB.
 * Returns:  0, -EINVAL (params), -ENOENT (the filter names nothing), -ENOTSUP (isa), -ENOMEM,
 *           -EAGAIN (no thread could be started).
 */
SISP_API SISP_MUST_CHECK int sisp_bench_run(
    const struct sisp_bench_params *params, sisp_bench_fn each_result, void *user);

#ifdef __cplusplus
}
#endif
#endif
