/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Measure how fast this machine develops: whole paths from and to memory, and single kernels. */
#ifndef SOFTISP_BENCH_H
#define SOFTISP_BENCH_H

#include <softisp/api.h>

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** {0}: everything, one thread, every level of this CPU, 1920x1080, 9 rounds. */
struct sisp_bench_params {
    const char *filter;     /* glob over names; NULL: all */
    uint32_t threads;       /* of the path cases; at most 64 */
    const char *isa;        /* name of a level, "auto" for the best; NULL: all of this CPU */
    uint32_t width, height; /* 64 to 8192 */
    uint32_t rounds; /* to 10000; each takes all cases in turn over frames larger than the caches */
};

/**
 * Times are per pixel of the raw frame, whatever the size of the picture; of case "clock" per
 * addition that waits for the one before, which is one cycle. One thread: its CPU time; several:
 * wall clock.
 */
struct sisp_bench_result {
    const char *name, *isa; /* "-": the same at all levels */
    uint32_t threads, width, height, rounds;
    double ns_per_pixel_min, ns_per_pixel_median; /* over all frames of all rounds */
    /* What only moving this case's bytes takes, from the copy of the same run; 0: in cache. */
    double bound_ns_per_pixel;
    double cycles_per_pixel;
    double ratio_to_peer; /* to the time of case "peer-bayer2rgb"; 0: it did not run */
    uint64_t output_hash; /* of picture and statistics, alike at all levels; 0: a kernel */
    const char *skipped;  /* why there are no figures, or NULL */
};

typedef void (*sisp_bench_fn)(void *user, const struct sisp_bench_result *result);

/** Name of case `index`, or NULL after the last. */
SISP_API const char *sisp_bench_name(unsigned index);

/**
 * Run the cases that the filter names, in turns, with what they are compared with; each_result is
 * called for each at the end. Case "peer-bayer2rgb" loads GStreamer into this process, if it is
 * installed.
 *
 * Threads:  one at a time.   Real-time: may block; allocates about 300 MiB.
 * Returns:  0, -EINVAL (params), -ENOENT (the filter names nothing), -ENOTSUP (isa), -ENOMEM,
 *           -EAGAIN (no thread could be started), -EBADMSG (a picture differs between two rounds or
 *           levels), -EIO (the peer failed).
 */
SISP_API SISP_MUST_CHECK int sisp_bench_run(
    const struct sisp_bench_params *params, sisp_bench_fn each_result, void *user);

#ifdef __cplusplus
}
#endif
#endif
