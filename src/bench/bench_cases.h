/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BENCH_CASES_H
#define BENCH_CASES_H

#include "base/base.h"
#include "base/hash.h"
#include "isp/isp.h"

#include <softisp/bench.h>

#define BENCH_THREADS_MAX 64
#define BENCH_FORMATS_MAX 8

enum bench_kind {
    BENCH_COPY,
    BENCH_CLOCK,
    BENCH_PEER,
    BENCH_FAST,
    BENCH_PAIR, /* and a preview beside it */
    BENCH_FLOOR,
    BENCH_STILL,    /* the pass that develops: the plan is made beforehand */
    BENCH_DEMOSAIC, /* the best one alone */
    BENCH_KERNEL,
    BENCH_BURST,
};

/** Variants of BENCH_BURST: its steps. */
enum bench_step {
    BENCH_BURST_ALIGN,
    BENCH_BURST_FOLLOW,
    BENCH_BURST_MERGE,
};

#define BENCH_BURST_FRAMES 8

struct bench_case {
    const char *name;
    enum bench_kind kind;
    const char *raw_format;
    enum sisp_pixel_format format;
    bool is_preview;  /* a third of the size each way */
    unsigned variant; /* copy: non-temporal; fast: orientation; kernel, burst: which */
    void (*adjust)(struct sisp_coefficients *c); /* to the usual ones; may be NULL */
};

/** What all jobs of a run share: they take turns. */
struct bench_memory {
    uint8_t *raws, *pictures, *scratch;
    const char *loaded; /* format of what is in raws */
    unsigned loaded_frames;
    struct {
        const char *raw_format;
        uint8_t *frame;
    } samples[BENCH_FORMATS_MAX];
};

struct bench_peer;
struct bench_burst;
struct bench_demosaic;

/** One case at one level. */
struct bench_job {
    struct bench_case which;
    struct bench_memory *memory;
    struct isp_geometry geometry, second; /* the latter of a pair */
    enum isp_isa isa;
    unsigned frames, threads, rounds;
    size_t raw_size, picture_size; /* bytes from one frame to the next */
    size_t scratch_size;           /* of one thread */
    double units;                  /* of work in a frame: pixels, or the clock's steps */
    struct sisp_coefficients *coefficients;
    struct isp_fast_recipe *recipe, *second_recipe;
    struct isp_still_recipe *still;
    void *survey;
    struct sisp_stats *stats; /* of each thread */
    struct bench_peer *peer;
    struct bench_burst *burst;
    struct bench_demosaic *demosaic;
    double *times_ns; /* of each frame of each round */
    struct base_hash hash;
};

/** Sizes, before there is memory. */
void bench_job_plan(struct bench_job *job, const struct bench_case *which,
    const struct sisp_bench_params *params, enum isp_isa isa);

/** Memory large enough for each of the jobs; -ENOMEM. Finish it in any case. */
int bench_memory_init(struct bench_memory *memory, struct bench_job *jobs, unsigned count);
void bench_memory_finish(struct bench_memory *memory);

/** -ENOMEM, or what isp_fast_compile() says; bench_job_finish() in any case. */
int bench_job_init(struct bench_job *job, struct bench_memory *memory);
void bench_job_finish(struct bench_job *job);

/** Before a round: the job's frames are in memory, its sums and its last picture are wiped. */
void bench_job_begin(struct bench_job *job);

/** One thread's share of a frame; false where the peer refuses. */
bool bench_job_run(const struct bench_job *job, unsigned frame, unsigned thread);

/** After a round: false if pictures or statistics are not those of the other rounds. */
bool bench_job_end(struct bench_job *job);

/** Kernel cases: many rows of one kernel, in cache. */
unsigned bench_kernel_count(void);
const char *bench_kernel_name(unsigned kernel);
void bench_kernel_run(const struct bench_job *job);

/** Bytes that go from and to memory for one raw pixel. */
double bench_job_bytes_per_pixel(const struct bench_job *job);

/** Burst cases; memory for a thread of one must be there. NULL: too little memory. */
size_t bench_burst_scratch_size(const struct isp_geometry *geometry);
struct bench_burst *bench_burst_open(const struct bench_job *job);
void bench_burst_run(const struct bench_job *job);
struct base_hash bench_burst_hash(const struct bench_job *job);
void bench_burst_close(struct bench_burst *burst);

/** The best demosaic's rows; the recipe must be there. NULL: too little memory. */
struct bench_demosaic *bench_demosaic_open(const struct bench_job *job, const uint8_t *raw);
void bench_demosaic_run(const struct bench_job *job);

/** A frame as the case's format has it, natural-looking to a CPU: edges, smooth parts, noise;
 * of a camera that moves a little from one number to the next. */
void bench_scene_fill(uint8_t *frame, const struct isp_geometry *geometry, unsigned number);
void bench_scene_coefficients(struct sisp_coefficients *c);

/** GStreamer's bayer2rgb, found at run time; NULL where it is not installed. */
struct bench_peer *bench_peer_open(uint32_t width, uint32_t height, unsigned frames);
/** Before the first round: every buffer has been touched, as ours have. */
void bench_peer_warm_up(struct bench_peer *peer, const uint8_t *frame, size_t size_bytes);
bool bench_peer_run(struct bench_peer *peer, const uint8_t *frame, size_t size_bytes);
void bench_peer_close(struct bench_peer *peer);

#endif
