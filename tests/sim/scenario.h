/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The scenario: a small session on stamps (fast lane of two stages with committed state, background
 * lane, floor), producers, a consumer, an operator, and the order in which they come and go.
 */
#ifndef TESTS_SIM_SCENARIO_H
#define TESTS_SIM_SCENARIO_H

#include "engine/engine.h"
#include "sim/invariants.h"

enum { SIM_ROLE_COEFFICIENTS, SIM_ROLE_PICTURE, SIM_ROLE_RAW };
enum { SIM_FAST_ALGO, SIM_FAST_ISP, SIM_RAW_ISP, SIM_SLOW_ISP, SIM_COMMAND_COUNT };
enum { SIM_FAST, SIM_FLOOR, SIM_SLOW };

#define SIM_INPUT      100 /* kind of a producer's stamp */
#define SIM_UNFILLED   101 /* of one whose device has failed */
#define SIM_HOLD_MAX   8
#define SIM_SETTLED_NS (2 * SIM_MS)

/** What stands in a buffer instead of a picture. */
struct sim_stamp {
    uint64_t frame_id, sequence, nonce; /* nonce: of one attempt */
    uint32_t kind;                      /* the command, or SIM_INPUT */
    uint32_t session;
    uint32_t tasks;  /* bit t: task t has written */
    uint64_t device; /* the nonce again, when the device has written */
};

struct sim_scenario {
    struct eng_config config;
    struct eng_runtime *runtime;
    uint32_t frames, producers, plans, visits; /* visits: of the guest */
    uint32_t hold;                             /* completions that the consumer keeps */
    uint64_t patience_ns;                      /* it waits so long for one */
    uint64_t interval_ns;                      /* between frames of a producer */
    uint64_t deadline_ns;                      /* after capture */
    bool is_stopped_early;                     /* while producers still submit */
    bool has_device;                           /* some attempts start a hardware job */
    bool has_fences;                           /* some buffers are shared with devices outside */
    uint32_t at_work;                          /* actors that have not ended */
    _Atomic uint32_t news;                     /* woken when one ends, or a frame was accepted */
    uint64_t nonce;
    uint32_t rows;
    uint32_t held_count;
    struct eng_completion held[SIM_HOLD_MAX];
};

extern struct sim_scenario sim_scenario;

/** Tables of the session; the commands' functions are in commands.c. */
void sim_describe(struct eng_config *config);
extern const struct eng_command_ops sim_algo_ops, sim_isp_ops;

/** Actors. */
void sim_produce(void *argument); /* argument: the stream's number */
void sim_consume(void *argument);
void sim_operate(void *argument);
void sim_visit(void *argument);

/** One frame, with all that a producer does for it. Returns what refused it. */
int sim_try_frame(uint32_t session, uint32_t stream, uint32_t number);
/** Read what it has from now on. Returns: whether it has anything. */
bool sim_hold(const struct eng_completion *completion);
/** Check and release. */
void sim_give_back(const struct eng_completion *held);

void sim_frames_init(void);
/** Tell who waits for `news`. */
void sim_tell(void);

/** Devices outside, one actor: each has a fence by number, which it signals when it has written the
 * bytes, or read them; late or never where faults strike. Some of the time they are not asked for:
 * SIM_NO_FENCE. */
#define SIM_NO_FENCE   (-1)
#define SIM_FENCES_MAX 48
void sim_fencer_init(void);
void sim_fencer_run(void *argument);
void sim_fencer_stop(void);
/** Inputs whose fences have not signalled. */
uint32_t sim_fences_left(void);
int sim_fence_fill(void *bytes);
int sim_fence_read(void *bytes);
/** It was passed on: its number may be used again once it has signalled. */
void sim_fence_pass(int fence);
/** What it was for has been refused. */
void sim_fence_forget(int fence);

/** The device: one actor that ends hardware jobs, late or never where faults strike. */
void sim_device_init(void);
void sim_device_start(struct eng_job *job, struct sim_stamp *stamp);
void sim_device_run(void *argument);
void sim_device_stop(void);
int sim_device_reset(void *user);

#endif
