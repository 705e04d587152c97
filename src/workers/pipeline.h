/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What the six workers of one session share: the constants of the session, and each worker's own
 * scratch, allocated once. Workers are thin: they cut frames into bands and call the ISP.
 */
#ifndef WORKERS_PIPELINE_H
#define WORKERS_PIPELINE_H

#include "base/hash.h"
#include "engine/engine.h"
#include "isp/isp.h"

#include <softisp/camera.h>
#include <softisp/session.h>
#include <softisp/tuning.h>

#include <stdatomic.h>

/** The roles that a frame's buffers play (engine.h). */
enum pipeline_role {
    ROLE_PAYLOAD, /* struct payload: the coefficients of the frame */
    ROLE_STATE,   /* struct isp_auto_state, from frame to frame */
    ROLE_STATS,   /* struct frame_stats */
    ROLE_PICTURE, /* the finished picture; behind it the second one, if any */
    ROLE_MOTION,  /* struct isp_burst_vector: where the blocks of a burst's frames lie */
    ROLE_RAW,     /* the frame's own input, for the consumer */
};

enum pipeline_command {
    COMMAND_FAST_ALGO,
    COMMAND_FAST_ISP,
    COMMAND_SLOW_ALGO,
    COMMAND_SLOW_ISP,
    COMMAND_RAW_ALGO,
    COMMAND_RAW_ISP,
    COMMAND_COUNT,
};

/** CanonicalPayload: what an algo decides and an ISP worker carries out. No pointers. */
struct payload {
    uint32_t path; /* enum eng_lane: whose ISP worker develops it */
    struct isp_geometry geometry;
    struct sisp_coefficients coefficients;
    struct isp_burst_transform transform; /* background lane */
    struct sisp_camera_controls request;  /* for the camera; 0: nothing */
    struct sisp_camera_controls applied;  /* to this frame, as it was submitted; 0: unknown */
    uint32_t params_generation;           /* how often the session's were set before it */
};

/** Statistics, the exposure that they were taken under, and when (struct frame_meta). */
struct frame_stats {
    struct sisp_stats stats;
    float exposure_us, analogue_gain;
    uint64_t readout_ns;
    uint32_t is_set;
};

/** Travels with each input (engine.h, meta). */
struct frame_meta {
    float exposure_us, analogue_gain;
    uint64_t readout_ns;   /* of the first row, by the sensor's clock; 0: unknown */
    uint64_t bytes_copied; /* that filling the input cost */
    uint32_t is_overload;  /* rehearsal: the fast worker sleeps past the deadline */
};

/** The engine's workers: FastAlgo and FastISP, SlowAlgo and SlowISP, RawAlgo and RawISP. */
enum pipeline_worker {
    PIPELINE_FAST,
    PIPELINE_SLOW,
    PIPELINE_FLOOR,
    PIPELINE_WORKERS,
};

#define PIPELINE_ALL         ((1u << PIPELINE_WORKERS) - 1)
#define PIPELINE_THREADS_MAX 64

/** Memory of a worker that develops. */
struct develop_scratch {
    void *recipe, *second;               /* of both pictures, where there are two */
    void *threads[PIPELINE_THREADS_MAX]; /* scratch of each thread of the team */
    struct sisp_stats *stats;            /* one a thread; NULL where none are taken */
    uint64_t started_ns;                 /* of the pass that is running */
};

#define PIPELINE_TUNING_WORDS (sizeof(struct sisp_tuning) / sizeof(uint32_t))
#define PIPELINE_PARAMS_WORDS (sizeof(struct sisp_params) / sizeof(uint32_t))
_Static_assert(sizeof(struct sisp_tuning) % sizeof(uint32_t) == 0, "it crosses in whole words");
_Static_assert(sizeof(struct sisp_params) % sizeof(uint32_t) == 0, "it crosses in whole words");

/** Tuning and parameters in force: each written by one at a time, read by any worker in any
 * process. */
struct pipeline_board {
    _Atomic uint32_t version; /* odd: it is being written */
    _Atomic uint32_t has_tuning;
    _Atomic uint32_t words[PIPELINE_TUNING_WORDS];
    _Atomic uint32_t params_version; /* 0: those of the start hold */
    _Atomic uint32_t params[PIPELINE_PARAMS_WORDS];
};

/** A worker's own copy of it. */
struct pipeline_tuning {
    uint32_t version; /* of the board when it was taken over */
    bool has_tuning;
    struct sisp_tuning tuning;
    uint32_t next[PIPELINE_TUNING_WORDS];
};

/** A worker's own copy of the parameters. */
struct pipeline_params {
    uint32_t version;
    struct sisp_params params;
};

/** What a worker makes one frame by. */
struct pipeline_settings {
    const struct sisp_tuning *tuning; /* NULL: none */
    const struct sisp_params *params;
    uint32_t params_generation;
};

/** What went into a picture, and the picture. */
struct pipeline_hashes {
    struct base_hash input[ENG_INPUTS_MAX], picture;
};

struct pipeline {
    /* Fixed for the session, without pointers: a worker's process gets these bytes. */
    char version[16];
    uint32_t burst_frames; /* 0: no burst scratch */
    bool has_mosaic;       /* stills bring the merged mosaic along */
    bool is_mosaic_denoised;
    struct sisp_raw_info info;
    struct sisp_params params; /* at the start */
    struct sisp_camera_limits limits;
    bool is_live;
    bool has_fixed; /* `fixed` holds instead of automatic control */
    struct sisp_coefficients fixed;
    enum isp_isa isa;
    uint32_t threads;
    struct isp_geometry preview, still; /* still.width 0: no background lane */
    struct isp_geometry second;         /* of the fast lane's frames; width 0: there is none */
    struct pipeline_board own_board;

    const struct pipeline_board *board; /* the session's, also in a worker's process */

    /* Each used by one worker only. */
    struct pipeline_tuning tunings[PIPELINE_WORKERS];
    struct pipeline_params wishes[PIPELINE_WORKERS];
    struct develop_scratch fast;         /* FastAlgo, FastISP */
    struct develop_scratch slow;         /* SlowISP */
    void *survey;                        /* SlowISP: of the whole frame */
    struct develop_scratch slow_measure; /* SlowAlgo: a fast recipe of the still's geometry */
    /* SlowAlgo aligns, then follows in it; then SlowISP has the merged frame there, where the still
     * does not bring it. One worker does both, a burst after the other. */
    void *burst_scratch;
    struct isp_burst_filters *filters; /* SlowISP */
    unsigned filters_kind;             /* of what they are; ISP_BURST_FILTER_KINDS: not made */
    void *merge_scratch[PIPELINE_THREADS_MAX];
    struct isp_burst_shares shares[PIPELINE_THREADS_MAX];
    uint16_t *merged_noise; /* SlowISP: isp_burst_merge.noise */
    uint16_t *denoised;     /* SlowISP: likewise */
    struct isp_denoise_recipe *denoise;
    void *denoise_scratch[PIPELINE_THREADS_MAX];
    bool is_denoising, is_designing; /* the still that is made: its filters, too */
    struct pipeline_hashes slow_hashes;
};

#define PIPELINE_FIXED_BYTES offsetof(struct pipeline, board)

/**
 * Allocate what these workers use (bit: enum pipeline_worker).
 * Returns: 0, -ENOMEM, -EINVAL from the geometry.
 */
int pipeline_init(struct pipeline *pipeline, uint32_t workers);
void pipeline_finish(struct pipeline *pipeline);

extern const char *const pipeline_worker_names[PIPELINE_WORKERS];

/** The engine's tables of workers and commands: the same in a session and in its workers'
 * processes. */
void pipeline_describe(struct eng_config *config, struct pipeline *pipeline);

extern const struct eng_command_ops fast_algo_ops, fast_isp_ops, slow_algo_ops, slow_isp_ops,
    raw_algo_ops, raw_isp_ops;

/* ---- shared by the adapters (pipeline.c) --------------------------------------------------- */

/** Info of one frame: the session's with the frame's exposure and gain. */
struct sisp_raw_info pipeline_frame_info(
    const struct pipeline *pipeline, const struct eng_job *job);

/** The payload that the job writes: zero but for where it goes and what was applied. */
struct payload *pipeline_payload(
    const struct eng_job *job, enum eng_lane path, const struct isp_geometry *geometry);

const struct frame_meta *pipeline_meta(const struct eng_job *job);

/** Whether the job is a press of the shutter: it is merged, though there may be one frame only. */
static inline bool pipeline_is_burst(const struct eng_job *job)
{
    return job->plan_token != 0;
}

/** Put a tuning, or none, on the board. One thread at a time; workers go on. */
void pipeline_board_write(struct pipeline_board *board, const struct sisp_tuning *tuning);

/** Other parameters, likewise. */
void pipeline_board_write_params(struct pipeline_board *board, const struct sisp_params *params);

/** What is in force, for this worker until its next look. */
struct pipeline_settings pipeline_settings(struct pipeline *pipeline, enum pipeline_worker worker);

/** What a frame's coefficients are made from. */
struct pipeline_frame {
    struct sisp_raw_info info;
    const struct pipeline_settings *settings;
    const struct isp_auto_state *previous;
    struct isp_black_sample black;
};

/** Fill it in, looking at the raw frame for its black level where that is not stated. */
void pipeline_look(const struct pipeline *pipeline, const struct eng_job *job,
    const struct pipeline_settings *settings, struct pipeline_frame *frame);

/** Measure the raw frame itself where no statistics were committed yet. */
void pipeline_measure(const struct pipeline *pipeline, const struct develop_scratch *scratch,
    const struct isp_geometry *geometry, const struct eng_job *job,
    const struct pipeline_frame *frame, struct frame_stats *out);

/** One step of automatic control from `stats` into the payload and the next state. */
void pipeline_control(const struct pipeline *pipeline, const struct pipeline_frame *frame,
    const struct frame_stats *stats, struct isp_auto_state *next, struct payload *payload);

/** Whether a payload may be developed: a worker trusts no bytes that it did not write. */
int pipeline_check_payload(const struct pipeline *pipeline, const struct eng_job *job);

/** The picture that the job writes, as a view of its bytes. */
struct sisp_image pipeline_picture(const struct isp_geometry *geometry, void *bytes);

/** Bytes of such a picture; planes one after the other, rows on 64 bytes. */
size_t pipeline_picture_bytes(const struct isp_geometry *geometry);

/** Bytes of all pictures of a frame of that path, and where the second one lies. */
size_t pipeline_pictures_bytes(const struct pipeline *pipeline, enum eng_lane path);

/** Behind a still: the merged mosaic, where it is wanted, and how it was made. */
uint16_t *pipeline_mosaic(const struct pipeline *pipeline, void *picture);
struct sisp_fusion *pipeline_fusion(const struct pipeline *pipeline, void *picture);
struct sisp_image pipeline_second_picture(const struct pipeline *pipeline, void *bytes);

/** Rows of output that make a band of about 128 K samples: even, at least 2. */
uint32_t pipeline_band_rows(const struct isp_geometry *geometry);

/** Hash of one of the job's inputs; of the picture that it wrote. */
struct base_hash pipeline_input_hash(
    const struct pipeline *pipeline, const struct eng_job *job, uint32_t input);
struct base_hash pipeline_picture_hash(
    const struct eng_job *job, const struct isp_geometry *geometry);

/** Fill in hashes, copies and level of the job's result, from hashes that are there already. */
void pipeline_provenance_of(const struct pipeline *pipeline, struct eng_job *job,
    const struct payload *payload, const struct pipeline_hashes *hashes);

/** The same; all is hashed now. */
void pipeline_provenance(
    const struct pipeline *pipeline, struct eng_job *job, const struct payload *payload);

/** What a merged burst is: the crop alone, 16-bit samples (black and white: isp.h). */
struct isp_geometry pipeline_merged_geometry(const struct isp_geometry *still);

/** Append a stage's time. */
void pipeline_timing(struct eng_job *job, const char *name, uint64_t from_ns);

/** For commands that do all their work in begin. */
uint32_t pipeline_no_tasks(void *user, const struct eng_job *job, uint32_t phase);
void pipeline_no_task(
    void *user, struct eng_job *job, uint32_t phase, uint32_t task, uint32_t thread);
int pipeline_no_end(void *user, struct eng_job *job);

#endif
