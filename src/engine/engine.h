/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Engine: moves tokens from submit to completion. It knows bytes and time and has never heard of
 * what the bytes show. This header is all that the layers above may include.
 *
 * One runtime serves up to eight sessions: a control thread (MainLoop), one team of threads a
 * worker, threads for telemetry and fences. What a frame needs is described by tables: pools of
 * buffers, roles that a frame's buffers play, commands that read and write roles, lanes that string
 * commands together.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "engine/memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENG_ROLES_MAX    8
#define ENG_INPUTS_MAX   16 /* frames selected for one envelope */
#define ENG_POOLS_MAX    12
#define ENG_WORKERS_MAX  8
#define ENG_QUEUE_MAX    8 /* attempts that a worker can be given at a time */
#define ENG_COMMANDS_MAX 8
#define ENG_STAGES_MAX   4 /* commands a lane strings together */
#define ENG_TIMINGS_MAX  12
#define ENG_META_BYTES   256
#define ENG_SESSIONS_MAX 8 /* open at a time, on one runtime */
#define ENG_NONE         UINT32_MAX

/* ---- commands and workers ------------------------------------------------------------------ */

struct eng_digest {
    uint64_t high, low; /* both 0: not taken */
};

#define ENG_TIMING_NAME_BYTES 20

/** Inline, since a worker may be another process: its pointers mean nothing here. */
struct eng_timing {
    char name[ENG_TIMING_NAME_BYTES]; /* NUL-terminated */
    uint64_t ns;
};

/** What a command reports. Comes from a worker: the control thread checks it before use. */
struct eng_result {
    int32_t status; /* 0, or a negative errno: the frame failed in this stage */
    uint32_t timing_count;
    struct eng_timing timings[ENG_TIMINGS_MAX];
    struct eng_digest input, param, output;
    uint64_t bytes_copied;
    uint32_t isa;     /* opaque level number, shown by the layer above */
    uint32_t threads; /* that worked on it */
};

/** Add a timing, where there is room; for commands. A long name is cut. */
void eng_result_time(struct eng_result *result, const char *name, uint64_t ns);

/**
 * What a command sees of one frame. Commands are pure: they read and write these spans and their
 * worker's own scratch, and never allocate, pin, wait or keep a pointer.
 */
struct eng_job {
    uint64_t frame_id, sequence, seed, plan_token;
    uint64_t capture_ns, deadline_ns;
    uint32_t input_count;
    struct eng_span inputs[ENG_INPUTS_MAX];             /* read only; the last one is the newest */
    uint8_t input_meta[ENG_INPUTS_MAX][ENG_META_BYTES]; /* as given to eng_submit() with each */
    struct eng_span reads[ENG_ROLES_MAX];     /* written by earlier stages of this frame */
    struct eng_span committed[ENG_ROLES_MAX]; /* latest committed version; read only */
    struct eng_span writes[ENG_ROLES_MAX];
    struct eng_result *result; /* zeroed before begin */
};

/**
 * A command in phases of tasks: begin on one thread, then for each phase its tasks spread over
 * the team's threads with a barrier behind, then end on one thread. Bands are tasks.
 */
struct eng_command_ops {
    /** Returns the number of phases, or a negative errno (then end is not called). */
    int (*begin)(void *user, struct eng_job *job);
    uint32_t (*task_count)(void *user, const struct eng_job *job, uint32_t phase);
    void (*run_task)(
        void *user, struct eng_job *job, uint32_t phase, uint32_t task, uint32_t thread);
    /** Not called when the slot was taken away meanwhile. Returns 0 or a negative errno. */
    int (*end)(void *user, struct eng_job *job);
};

/** Names a hardware job; a device gives it back unchanged. */
struct eng_ticket {
    uint32_t slot;
    uint64_t grant;
};

/**
 * Announce a hardware job, from a command's function and before the job is given to the device:
 * what the frame reads and writes stays where it is until eng_hw_done(), whatever becomes of the
 * frame. The result counts when both end() and the device are done. One job a run at most.
 * Returns: 0, -ECANCELED (the slot was taken away: do not start), -EBUSY (a second job), -ENOTSUP
 * (in a worker's own process).
 */
int eng_job_start_hw(struct eng_job *job, struct eng_ticket *ticket);

/** Where workers are: the knob `isolation`. */
enum eng_isolation {
    ENG_ISOLATION_THREAD,
    ENG_ISOLATION_PROCESS, /* each in a process of its own, which can die or lie */
};

struct eng_worker_config {
    const char *name;     /* thread name and telemetry, such as "fast" */
    uint32_t threads;     /* 1 to 64: the team that shares each job */
    bool is_background;   /* lowest priority */
    uint32_t queue_depth; /* attempts given to it at a time, up to ENG_QUEUE_MAX; 0: 1 */
};

struct eng_command_config {
    const char *name; /* telemetry, such as "FastISP" */
    const struct eng_command_ops *ops;
    void *user;
    uint32_t worker;          /* index in workers */
    uint32_t reads;           /* bit r: role r of this frame, written by an earlier stage */
    uint32_t reads_committed; /* bit r: latest committed version of role r */
    uint32_t writes;          /* bit r: role r of this frame, a buffer of the lane's pool for r */
};

/* ---- lanes ----------------------------------------------------------------------------------- */

enum eng_lane {
    ENG_LANE_FAST,       /* bounded, earliest deadline first, refuses at once */
    ENG_LANE_BACKGROUND, /* batches, lowest priority */
    ENG_LANE_FLOOR,      /* fallback of the fast lane: reserved buffers, newest wins */
    ENG_LANE_COUNT,
};

const char *eng_lane_name(enum eng_lane lane);

struct eng_lane_config {
    uint32_t stage_count;              /* 0: the lane is not used */
    uint32_t stages[ENG_STAGES_MAX];   /* indices of commands, in order */
    uint32_t role_pool[ENG_ROLES_MAX]; /* pool of each role that the lane writes; ENG_NONE */
    uint32_t capacity; /* frames waiting or running; more are refused; 0: the knob's */
};

/* ---- knobs ----------------------------------------------------------------------------------- */

/** All knobs of src/engine/knobs.def, times in ns. 0 takes the default. */
struct eng_knobs {
#define KNOB(field, name, unit, scale, min, max, value_default, help) uint64_t field;
#include "engine/knobs.def"
#undef KNOB
};

enum {
#define KNOB(field, name, unit, scale, min, max, value_default, help) ENG_KNOB_##field,
#include "engine/knobs.def"
#undef KNOB
    ENG_KNOB_COUNT,
};

/** One row of the table. Range and default are in `unit`, of which the field holds `scale`. */
struct eng_knob_row {
    const char *name, *unit, *help;
    uint64_t scale, min, max, value_default;
    size_t offset; /* of the field */
};

extern const struct eng_knob_row eng_knob_table[ENG_KNOB_COUNT];

/** The field of that row. */
uint64_t *eng_knob_at(struct eng_knobs *knobs, uint32_t index);

/* ---- sessions ------------------------------------------------------------------------------- */

/** A session's part of the slots. */
struct eng_session_config {
    uint32_t slots_min; /* that others leave free for it; 0: none */
    uint32_t slots_max; /* 0: all */
};

/* ---- what comes out ----------------------------------------------------------------------------
 */

enum eng_outcome {
    ENG_DELIVERED,
    ENG_LATE, /* deadline passed; no picture is handed out */
    ENG_DROPPED,
    ENG_CANCELLED,
    ENG_FAILED,
    ENG_OUTCOME_COUNT,
};

/** Why a frame did not come by its first choice, or not at all. */
enum eng_reason {
    ENG_REASON_NONE,
    ENG_REASON_LANE_FULL, /* no room in the lane */
    ENG_REASON_NO_SLOT,
    ENG_REASON_NO_BUFFER,
    ENG_REASON_DEADLINE,      /* not done in time */
    ENG_REASON_WORKER_HUNG,   /* its worker missed the deadline and was detached */
    ENG_REASON_WORKER_FAILED, /* its worker reported an error */
    ENG_REASON_WORKER_DIED,   /* its worker's process ended, or is not there yet */
    ENG_REASON_SUPERSEDED,    /* a newer frame took the floor */
    ENG_REASON_CONSUMER_FULL, /* the consumer holds too many pictures */
    ENG_REASON_FLUSHED,
    ENG_REASON_PLAN_EXPIRED,
    ENG_REASON_NOT_ENOUGH_FRAMES,
    ENG_REASON_CANCELLED,    /* eng_cancel() */
    ENG_REASON_FENCE_FAILED, /* its input's fence has signalled an error: it is not filled */
    ENG_REASON_COUNT,
};

const char *eng_outcome_name(enum eng_outcome outcome);
const char *eng_reason_name(enum eng_reason reason);

/** Everything the telemetry row of one frame says, as plain data. */
struct eng_row {
    uint64_t frame_id, sequence;
    uint32_t session;
    enum eng_lane lane; /* where it was accepted */
    const char *worker; /* command that made the picture; "" if none */
    enum eng_outcome outcome;
    enum eng_reason reason;
    uint64_t capture_ns, accepted_ns, started_ns, finished_ns, published_ns, deadline_ns;
    bool zero_copy;
    uint64_t bytes_copied;
    bool fallback_used;
    const char *fallback_from, *fallback_to; /* command names, "" if none */
    enum eng_reason fallback_reason;
    uint64_t seed, plan_token;
    struct eng_digest input, param, output;
    uint32_t isa, threads;
    uint32_t timing_count;
    struct eng_timing timings[ENG_TIMINGS_MAX]; /* of all stages */
};

/** One frame's one completion. The spans stay readable until eng_release(). */
struct eng_completion {
    struct eng_row row;
    /* Roles in deliver_roles and input_roles; NULL where there is none. */
    struct eng_span delivered[ENG_ROLES_MAX];
    uint64_t cookie;                          /* as given to submit */
    struct eng_handle handles[ENG_ROLES_MAX]; /* engine's: what release gives back */
};

/** What the protocol did beside moving frames on. `number` says how many or how much of it. */
enum eng_event_type {
    ENG_EVENT_HANDOFF_FAST_FORWARDED,           /* claimed from a detached worker's queue */
    ENG_EVENT_PACKET_MOVED_TO_MONITOR,          /* stolen after it had started */
    ENG_EVENT_PROCESSITEM_CONVERTED_TO_CONTROL, /* its loser has let go */
    ENG_EVENT_PACKET_RETURNED_TO_FIFO,          /* a converted slot is free again */
    ENG_EVENT_FRAME_RECLAIM_TRIGGERED, /* hardware writes to a stolen slot: waiting for it */
    ENG_EVENT_FRAME_RECLAIMED,         /* FRAME_HW_DONE came */
    ENG_EVENT_TOKEN_TRANSFER_FAIL,     /* number: steals and finishes that came too late */
    ENG_EVENT_PACKET_EPOCH_MISMATCH,   /* number: hints and results of a time that is over */
    ENG_EVENT_LATE_COMPLETION_DROPPED, /* number: answers after the slot was stolen */
    ENG_EVENT_FRAME_QUARANTINED,       /* no acknowledgement: the slot is lost until then */
    ENG_EVENT_WORKER_DETACHED,
    ENG_EVENT_WORKER_RESTARTED,
    ENG_EVENT_LEASE_EXPIRED, /* number: buffers that the consumer still holds */
    ENG_EVENT_DEGRADED,      /* the spares are used up */
    ENG_EVENT_COUNT,
};

/** Such as "HANDOFF_FAST_FORWARDED". */
const char *eng_event_name(enum eng_event_type type);

/** ENG_NONE: session, slot or worker unknown; 0: frame or grant unknown. */
struct eng_event {
    enum eng_event_type type;
    uint64_t at_ns, frame_id, grant;
    uint32_t session, slot, worker;
    enum eng_reason reason;
    uint64_t number;
};

struct eng_lane_figures {
    uint64_t accepted, outcomes[ENG_OUTCOME_COUNT], reasons[ENG_REASON_COUNT];
    uint64_t drops[ENG_REASON_COUNT]; /* of what was dropped */
    uint64_t depth;                   /* frames waiting or running on this path now */
    uint64_t fallbacks, zero_copies;
    uint64_t latency_p50_ns, latency_p99_ns, latency_max_ns; /* published - capture, delivered */
};

struct eng_figures {
    struct eng_lane_figures lanes[ENG_LANE_COUNT];
    uint64_t refused; /* submits answered -EAGAIN */
    uint64_t used_bytes, reserved_bytes, quota_bytes;
    uint64_t token_transfer_fail_count, packet_epoch_mismatch, late_completion_dropped;
    uint64_t waitingq_depth, quarantined, pins;
    uint64_t broken_protocols; /* times that worker processes were killed for what they wrote */
    uint64_t telemetry_written, telemetry_dropped;    /* rows */
    uint64_t events[ENG_EVENT_COUNT], events_dropped; /* dropped ones are counted in both */
    bool degraded;
};

struct eng_config {
    struct eng_knobs knobs;
    uint32_t pool_count;
    struct eng_pool_config pools[ENG_POOLS_MAX];
    uint32_t input_pool;    /* pool that eng_input_acquire() takes from */
    uint32_t history_count; /* newest inputs kept for plans (the ring); 0: none; <= 16 */
    uint32_t inputs_left;   /* ring and plans leave so many of a pool of inputs, which has them */
    uint32_t worker_count;
    struct eng_worker_config workers[ENG_WORKERS_MAX];
    uint32_t command_count;
    struct eng_command_config commands[ENG_COMMANDS_MAX];
    struct eng_lane_config lanes[ENG_LANE_COUNT];
    uint32_t commit_roles;  /* bit r: becomes the committed version when its frame is published */
    uint32_t deliver_roles; /* bit r: handed to the consumer with the completion */
    /* Bit r, one that no command writes: in it the consumer gets the frame's own input to read,
     * whatever became of the frame, but not of cancelled ones, plans, and inputs whose fence has
     * not signalled. A session's consumer may hold inputs_held_max of them. 0: it gets none. */
    uint32_t input_roles;
    uint32_t inputs_held_max;
    /* Called on the telemetry thread for each completed frame, in order; `blob` is the frame's
     * buffer of blob_role (ENG_NONE: none), copied, or NULL. May block: rows are dropped and
     * counted when the ring is full, nothing waits for it. */
    void (*telemetry)(void *user, const struct eng_row *row, const void *blob, size_t size_bytes);
    void (*event)(void *user, const struct eng_event *event); /* same thread, same promise */
    void *telemetry_user;                                     /* of both */
    uint32_t blob_role;
    /* Stop all devices, so that none writes for a job that was given to it before; may block. On a
     * thread of its own, when a device did not answer for a slot. NULL: there is no way; such a
     * slot stays lost. Returns: 0, or a negative errno (tried again later). */
    int (*hw_reset)(void *user);
    void *hw_user;
    /* With process isolation: the program that calls eng_foreign_open() and eng_foreign_run(), and
     * what it is told to build the same workers and commands from. Their jobs use no hardware. */
    const char *worker_program;
    const void *worker_blob;
    size_t worker_blob_bytes;
};

struct eng_runtime;

/** Check the tables, allocate and touch everything, start all threads, open session 0. Nothing is
 * allocated later.
 * Returns: 0, -EINVAL, -ENOMEM, -EAGAIN (threads), and with process isolation what made a worker
 * fail to start: -ENOENT, -EACCES, -ECHILD (it ended at once), -ETIMEDOUT, errno. */
int eng_runtime_create(struct eng_runtime **runtime, const struct eng_config *config);

/**
 * Take a free input buffer to fill. Any thread; never waits.
 * Returns: 0, -EAGAIN (none free). The buffer is the caller's until submit or eng_input_cancel().
 */
int eng_input_acquire(
    struct eng_runtime *runtime, struct eng_handle *handle, struct eng_span *span);
/** Returns: 0, -ESTALE (it is not the caller's any more, or never was). */
int eng_input_cancel(struct eng_runtime *runtime, struct eng_handle handle);
/** Where an input that is the caller's lies, to read it. Returns: 0, -ESTALE as above, -EAGAIN (a
 * device still fills it). */
int eng_input_span(struct eng_runtime *runtime, struct eng_handle handle, struct eng_span *span);

struct eng_submission {
    uint32_t session;
    struct eng_handle input; /* passes to the engine on success */
    enum eng_lane lane;
    uint64_t sequence, capture_ns;
    uint64_t deadline_ns; /* 0: none */
    uint64_t seed, cookie;
    const void *meta; /* ENG_META_BYTES are copied; may be NULL */
    /* The input is filled when the fence, a sync_file or an eventfd of the caller's, signals; the
     * frame does not start before. */
    bool has_fence;
    int fence_fd;
};

/**
 * Give a filled input. Accepted means: exactly one completion follows. Any thread; never waits.
 * Returns: 0, -EAGAIN (no credit: too many frames or fences in flight; input stays the caller's),
 * -EBADF (session or fence), -EINVAL (lane, or no fence), -ESTALE, -ESHUTDOWN.
 */
int eng_submit(struct eng_runtime *runtime, const struct eng_submission *submission);

/**
 * Ask for a plan: fuse the newest `count` inputs, or as many as the ring has, on the background
 * lane. With none at all it waits for the next one, until the TTL. Its one completion carries
 * plan_token = *token. Any thread; never waits. Returns: 0, -EAGAIN (too many plans), -EBADF,
 * -EINVAL (count), -ESHUTDOWN.
 */
int eng_plan_request(struct eng_runtime *runtime, uint32_t session, uint32_t count, uint64_t cookie,
    uint64_t *token);

/** FRAME_HW_DONE: the device will not touch what this job reads and writes any more. Any thread;
 * never waits. Returns: 0, -ESTALE (late, twice or another slot's: counted, no harm). */
int eng_hw_done(struct eng_runtime *runtime, struct eng_ticket ticket);

/** The session's next completion. Returns: 0, -EAGAIN (none within the time), -EBADF, -EBUSY
 * (another thread reads this session), -ESHUTDOWN (stopped and drained). timeout_ns 0: do not
 * wait. */
int eng_next(struct eng_runtime *runtime, uint32_t session, struct eng_completion *completion,
    uint64_t timeout_ns);

/** Give back what a completion holds, also after its session was closed. Any thread; never waits.
 * Returns: 0, -ESTALE (something of it was given back before, or is none). */
int eng_release(struct eng_runtime *runtime, const struct eng_completion *completion);

/** The same when the fence signals. Returns: as above; -EAGAIN (too many fences), -EBADF, -EINVAL
 * (it is none): nothing was given back. */
int eng_release_fenced(
    struct eng_runtime *runtime, const struct eng_completion *completion, int fence_fd);

/* Calls that wait for the control thread, which answers at once or within the bound that is named.
 * Any thread; -EAGAIN from each when too many are under way. */

/** Open a session beside the others: same tables and sizes, own streams, epoch, committed roles,
 * history and completions. Returns: 0, -EAGAIN (its minimum, its two buffers of the floor or its
 * history cannot be promised beside the others'), -EINVAL, -ENOSPC (no place), -ESHUTDOWN. */
int eng_session_open(
    struct eng_runtime *runtime, const struct eng_session_config *config, uint32_t *session);

/** Flush the session, then it is gone: nothing is delivered to it afterwards, and completions that
 * were not read are given back. Within the flush's bound. Returns: 0, -EBADF. */
int eng_session_close(struct eng_runtime *runtime, uint32_t session);

/** End every frame that was accepted before as cancelled, and wait until workers have let go of
 * their slots or these are in quarantine. What had been published can still be read. Within
 * DRAIN_GRACE_PERIOD + escalation. Returns: 0, -EBADF, -ETIMEDOUT. */
int eng_flush(struct eng_runtime *runtime, uint32_t session);

/** Wait until every frame that was accepted before has completed by itself. Returns: 0, -EBADF,
 * -ETIMEDOUT. */
int eng_drain(struct eng_runtime *runtime, uint32_t session, uint64_t timeout_ns);

/** Ask that all frames and plans of that cookie which have not ended end as cancelled. Any thread;
 * never waits. Returns: 0, -EBADF, -EAGAIN (too many such messages). */
int eng_cancel(struct eng_runtime *runtime, uint32_t session, uint64_t cookie);

/** End every frame in flight (finished, else cancelled) within DRAIN_GRACE_PERIOD + escalation;
 * completions can still be read. Submits answer -ESHUTDOWN afterwards. May block. */
void eng_stop(struct eng_runtime *runtime);

/** Which file a span lies in, and where: whoever sees the same has not seen a copy. Any thread.
 * Returns: 0, -EINVAL (not in a pool), errno. */
int eng_span_origin(
    struct eng_runtime *runtime, const void *bytes, uint64_t *inode, uint64_t *offset_bytes);

/** A snapshot. Any thread. */
void eng_figures(struct eng_runtime *runtime, struct eng_figures *figures);

/** The blob as the workers' processes see it, also those to come; NULL where workers are threads.
 * What is written there while they run, both sides must read and write as atomics. */
void *eng_worker_blob(struct eng_runtime *runtime);

/** Threads that did not answer. */
enum eng_left {
    ENG_LEFT_WORKER = 1, /* or a device */
    ENG_LEFT_TELEMETRY = 2,
};

/** Stop, join, free; *runtime may be NULL and is set to NULL. A thread that never answers is leaked
 * on purpose, and said. Returns: bits of enum eng_left; 0: nothing was left. Else all that the
 * config's `user`s name must stay, too. */
uint32_t eng_runtime_destroy(struct eng_runtime **runtime);

/** The clock of all *_ns here: CLOCK_MONOTONIC. */
uint64_t eng_now_ns(void);

#endif
