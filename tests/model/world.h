/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * World: the ownership protocol alone, without the rest of the engine. The real token, ring and
 * SessionManager, with the control thread's belief, are driven by actors that one seeded generator
 * picks: control thread, workers that hang, are slow or are killed, hardware that answers late,
 * twice or never, and a consumer that may keep what it got. Each action is one step; the invariants
 * are asserted after every step.
 */
#ifndef TESTS_MODEL_WORLD_H
#define TESTS_MODEL_WORLD_H

#include "engine/belief.h"
#include "engine/session_manager.h"
#include "model/trace.h"

#define MODEL_WORKERS  3
#define MODEL_SLOTS    4
#define MODEL_FRAMES   8
#define MODEL_JOBS     6
#define MODEL_LINES    512
#define MODEL_DEPTH    2 /* attempts dispatched to one worker at a time */
#define MODEL_ATTEMPTS 3 /* of one frame, later stages included */

/** What can go wrong; each run has its own selection. */
enum model_fault {
    MODEL_HANG,
    MODEL_KILL,
    MODEL_SUSPECT, /* a worker that is well is detached */
    MODEL_FLUSH,
    MODEL_HW_NEVER,
    MODEL_HW_TWICE,
    MODEL_KEEP, /* the consumer never gives back */
    MODEL_FAULT_COUNT,
};

/** Rare ends that a sound simulator must reach. */
enum model_seen {
    MODEL_SEEN_STOLEN,
    MODEL_SEEN_FAST_FORWARDED,
    MODEL_SEEN_QUARANTINED,
    MODEL_SEEN_ACKNOWLEDGED_LATE,
    MODEL_SEEN_ABANDONED,
    MODEL_SEEN_LATE_HW_DONE,
    MODEL_SEEN_STALE_HINT,
    MODEL_SEEN_STALE_EPOCH,
    MODEL_SEEN_REAPED_CPU,
    MODEL_SEEN_REAPED_HW,
    MODEL_SEEN_LOST_AT_REST,
    MODEL_SEEN_DELIVERED,
    MODEL_SEEN_COUNT,
};

enum model_step {
    MODEL_IDLE,
    MODEL_WRITE_FIRST,
    MODEL_CHOOSE,
    MODEL_SUBMIT, /* hw_busy is set, the hardware does not know of the job yet */
    MODEL_WRITE_LAST,
    MODEL_FINISH,
    MODEL_LOST,
};

struct model_worker {
    enum model_step step;
    bool is_silent, is_dead;
    uint16_t incarnation;
    uint32_t slot;
    uint64_t grant;
    /* Control thread's: what it was given and has not come back, oldest first. */
    uint32_t queue[MODEL_DEPTH], queued;
};

/** A job of the hardware, or a ticket of one that can be reported again. */
struct model_job {
    bool is_used, is_running, is_silent;
    uint32_t slot;
    uint64_t grant;
};

enum model_frame_state {
    MODEL_NEW,
    MODEL_WAITING,
    MODEL_RUNNING,
    MODEL_READY, /* its slot is DONE, the stream's order has not come to it */
    MODEL_ENDED,
    MODEL_COMPLETED,
};

struct model_frame {
    enum model_frame_state state;
    uint32_t slot, worker, attempts, completions;
    uint64_t grant, epoch;
};

/** What is true of a slot's memory, told apart from its token. */
struct model_memory {
    uint32_t writers;   /* bit w: worker w, bit 31: hardware */
    uint32_t pins;      /* of the consumer */
    uint64_t halves[2]; /* grant under which each half was written */
    bool is_kept;       /* the consumer will never give it back */
};

struct model_world {
    struct eng_arena arena;
    struct eng_session_manager sessions;
    struct model_worker workers[MODEL_WORKERS];
    struct model_job jobs[MODEL_JOBS];
    struct model_frame frames[MODEL_FRAMES];
    struct model_memory memory[MODEL_SLOTS];
    uint32_t accepted, completed, steps;
    uint16_t last_incarnation;
    uint64_t epoch, random, hash, edges, checked_edges;
    uint32_t faults; /* bit per model_fault */
    bool is_settling;
    uint64_t seen[MODEL_SEEN_COUNT];
    struct model_trace_line lines[MODEL_LINES]; /* every edge that was applied */
    uint32_t line_count;
};

/** One whole run: faults, then none and everything must come to rest. world->hash tells it from
 * others. */
void model_world_run(struct model_world *world, uint64_t seed);

/* Of the parts to each other. */

uint32_t model_choose(struct model_world *world, uint32_t count); /* 0 to count - 1 */
bool model_fires(struct model_world *world, enum model_fault fault);
uint64_t model_word(const struct model_world *world, uint32_t slot);
/* By the control thread. */
bool model_apply(struct model_world *world, uint32_t slot, enum eng_edge edge,
    const struct eng_token_args *args);
void model_note(struct model_world *world, uint32_t slot, enum eng_edge edge,
    const struct eng_token_args *args, uint64_t before);

void model_control_step(struct model_world *world);
void model_control_settle(struct model_world *world);
void model_worker_step(struct model_world *world, uint32_t index);
void model_hardware_step(struct model_world *world, uint32_t job);
void model_hardware_submit(struct model_world *world, uint32_t slot, uint64_t grant);
void model_hardware_reset(struct model_world *world, uint32_t slot);
void model_consumer_step(struct model_world *world, uint32_t slot);
/** Any step of anybody but the control thread. */
void model_others_step(struct model_world *world);

#endif
