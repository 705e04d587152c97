/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The simulator's own parts: actors (coroutines), made-up time, choices, faults, checks, report.
 * One schedule runs at a time and all its state lies in `sim`, so that a reset is a few stores.
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include "platform/platform.h"
#include "platform/simulate.h"
#include "sim/coroutine.h"

#define SIM_ACTORS_MAX  32
#define SIM_STACK_BYTES ((size_t)96 << 10)
#define SIM_EVENTS      64 /* kept for the report, a power of two */
#define SIM_SITES_MAX   256
#define SIM_STEPS_MAX   400000
/* A schedule worth counting. */
#define SIM_FRAMES_MIN 20u
#define SIM_STEPS_MIN  600u
#define SIM_NOBODY     UINT32_MAX
#define SIM_MS         ((uint64_t)1000000)

/* ---- actors --------------------------------------------------------------------------------- */

enum sim_actor_state { SIM_UNUSED, SIM_READY, SIM_WAITING, SIM_ENDED };

struct sim_actor {
    enum sim_actor_state state;
    bool is_hung; /* by a fault, for ever */
    uint32_t index, priority;
    uint32_t worker;  /* whose thread it is, or SIM_NOBODY */
    uint16_t holder;  /* what tokens call that worker */
    uint32_t process; /* number of its process; 0: the application's own */
    bool is_thread;   /* of the runtime */
    bool is_reusable; /* ended, and nobody will ask for it */
    const char *name;
    void (*run)(void *argument);
    void *argument;
    struct sim_context context;
};

/* ---- one run ----------------------------------------------------------------------------------
 */

enum sim_stream { SIM_SCENARIO, SIM_SCHEDULE, SIM_FAULTS, SIM_TIME, SIM_STREAM_COUNT };

struct sim_event {
    uint64_t now_ns, word;
    uint32_t step;
    uint16_t actor, site;
    uint32_t slot; /* of a token, or SIM_NOBODY */
};

/** A decision to run somebody else, by its number. */
struct sim_switch {
    uint32_t decision, actor;
};

/** What a run is: the same options give the same run. */
struct sim_options {
    uint64_t seed;
    uint32_t frames;       /* 0: as the seed says */
    bool is_traced;        /* print every event */
    bool is_recording;     /* the switches */
    bool is_replaying;     /* the switches, instead of drawing them */
    uint32_t switch_count; /* recorded or replayed */
    struct sim_switch *switches;
    const char *only; /* "FAULT[,FAULT...]": no others strike; NULL: all may */
    uint32_t disabled_count;
    const char *disabled[SIM_SITES_MAX]; /* faults that do not strike */
};

struct sim_state {
    struct sim_options options;
    uint64_t run; /* number of the run in this process */
    uint64_t now_ns, hash, stop_taken_ns;
    uint32_t steps, decisions, next_switch;
    uint64_t streams[SIM_STREAM_COUNT];
    uint32_t actor_count;
    uint64_t ready; /* bit i: actor i */
    uint32_t ready_count;
    uint64_t preempted; /* bit i: waits by a fault, at a point, or is woken late */
    /* By actor, together since all are looked at often. */
    const _Atomic uint32_t *words[SIM_ACTORS_MAX]; /* waited for; NULL: none */
    uint64_t deadlines_ns[SIM_ACTORS_MAX];
    struct sim_actor *current;
    struct sim_actor actors[SIM_ACTORS_MAX];
    struct sim_context home; /* the driver */
    bool has_faults;         /* in this run */
    bool is_striking;        /* now: the safety phase */
    bool is_distrusted;      /* a process has written where it should not */
    uint32_t strikes;
    bool is_pct;
    uint32_t switch_mask; /* random walk: switch where the drawn bits are 0 */
    uint32_t change_points[2], lowest_priority;
    uint32_t event_count;
    struct sim_event events[SIM_EVENTS];
};

extern struct sim_state sim;

/** Run one schedule. A failure prints a report and ends the process. */
void sim_run(const struct sim_options *options);

/* ---- choices ------------------------------------------------------------------------------- */

/** The one source of choice: 0 to n - 1. */
uint32_t sim_choose(enum sim_stream stream, uint32_t n);
/** True in one of n draws. */
bool sim_one_in(enum sim_stream stream, uint32_t n);
void sim_choose_init(void);
/** Who runs after this point: the current actor or another one that is ready. */
struct sim_actor *sim_choose_at_point(void);
/** Who runs when the current one cannot. Somebody is ready. */
struct sim_actor *sim_choose_any(void);
/** An actor has become ready; a more important one runs at the next point. */
void sim_choose_priority(struct sim_actor *actor);

uint64_t sim_mix(uint64_t a, uint64_t b);

static inline void sim_hash(uint64_t value)
{
    sim.hash = (sim.hash ^ value) * 0x9e3779b97f4a7c15u;
    sim.hash ^= sim.hash >> 31;
}

/* ---- the scheduler -------------------------------------------------------------------------- */

/** A new actor that is ready. Returns: NULL when all are used. */
struct sim_actor *sim_spawn(const char *name, void (*run)(void *), void *argument);
/** Until a wake-up of the word (may be NULL), or until the deadline. */
void sim_block(const _Atomic uint32_t *word, uint64_t deadline_ns);
void sim_wake(const _Atomic uint32_t *word, uint32_t count);
/** Time passes for everybody. */
void sim_pass(uint64_t duration_ns);
void sim_sleep(uint64_t duration_ns);
void sim_join(const struct sim_actor *actor);
/** The current actor does not run again. */
_Noreturn void sim_end_actor(void);
void sim_hang(void);
/** All actors of a process end where they stand; does not return to one of them. */
void sim_end_process_actors(uint32_t process);
/** Run actor 0 until it ends. */
void sim_schedule(void (*run)(void *));

/* ---- memory -----------------------------------------------------------------------------------
 */

void sim_memory_reset(void);
/** Number of the page that an address lies in. */
uint32_t sim_page(const void *address);
#define SIM_PAGE_BYTES ((size_t)4096)
#define SIM_HEAP_BYTES ((size_t)24 << 20)
#define SIM_PAGES_MAX  (SIM_HEAP_BYTES / SIM_PAGE_BYTES)
/** The k-th allocation from now fails; 0: none. */
void sim_fail_allocation(uint32_t k);
uint32_t sim_allocations(void);
void *sim_malloc(size_t size_bytes);
void *sim_calloc(size_t count, size_t size_bytes);
void *sim_aligned_alloc(size_t alignment, size_t size_bytes);
void sim_free(void *bytes);

/* ---- processes --------------------------------------------------------------------------------
 */

void sim_processes_init(void);
/** A new actor belongs to the current actor's process. */
void sim_process_adopt(struct sim_actor *actor);
void sim_process_end(uint32_t number);

/** A fence with that number that has not signalled; then it has. */
int sim_fence_descriptor(int fence);
bool sim_fence_renew(int fence); /* false: somebody still waits for the old one */
void sim_fence_signal(int fence, bool has_failed);

/* ---- sites: points and faults ---------------------------------------------------------------- */

struct sim_site {
    const char *name;
    uint32_t id; /* of the name */
    uint64_t strikes;
};

struct sim_site *sim_site(uint32_t index);
uint32_t sim_site_count(void);
/** Since the process began. */
uint64_t sim_strikes_of(const char *name);
void sim_site_resolve(struct plat_site *site);

/* ---- report ------------------------------------------------------------------------------------
 */

/** What rarely happens, and must happen sometimes. */
#define SIM_SOMETIMES_LIST(X)                                                                      \
    X(CLAIM)                                                                                       \
    X(CLAIM_OF_STARTED)                                                                            \
    X(CANCEL)                                                                                      \
    X(STEAL)                                                                                       \
    X(STEAL_OF_FINISHED)                                                                           \
    X(LATE_RESULT)                                                                                 \
    X(STALE_HINT)                                                                                  \
    X(QUARANTINE)                                                                                  \
    X(LEFT_QUARANTINE)                                                                             \
    X(DEGRADED)                                                                                    \
    X(LEASE_EXPIRED)                                                                               \
    X(FALL_BACK)                                                                                   \
    X(SUPERSEDED)                                                                                  \
    X(LANE_FULL)                                                                                   \
    X(CONSUMER_FULL)                                                                               \
    X(WORKER_FAILED)                                                                               \
    X(WORKER_HUNG)                                                                                 \
    X(DEADLINE)                                                                                    \
    X(FLUSHED)                                                                                     \
    X(PLAN_DELIVERED)                                                                              \
    X(PLAN_EXPIRED)                                                                                \
    X(PLAN_SHORT)                                                                                  \
    X(STOP_WITH_ALL_QUEUES)                                                                        \
    X(STOP_TWICE)                                                                                  \
    X(DOUBLE_RELEASE)                                                                              \
    X(STALE_INPUT)                                                                                 \
    X(LATE_RELEASE)                                                                                \
    X(RAW_SHOWN)                                                                                   \
    X(RAW_ALONE)                                                                                   \
    X(REFUSED)                                                                                     \
    X(SUBMIT_AFTER_STOP)                                                                           \
    X(WORKER_LEFT_BEHIND)                                                                          \
    X(CREATE_FAILED)                                                                               \
    X(HELPER_WORKED)                                                                               \
    X(LEADER_TOOK_OVER)                                                                            \
    X(WORKER_DIED)                                                                                 \
    X(WORKER_RESTARTED)                                                                            \
    X(WORKER_GONE)                                                                                 \
    X(REAP_CPU)                                                                                    \
    X(SCRIBBLED)                                                                                   \
    X(KILLED_AT_WORK)                                                                              \
    X(CANCELLED)                                                                                   \
    X(FLUSH_RETURNED)                                                                              \
    X(FLUSH_WITH_STOLEN)                                                                           \
    X(FLUSH_TIMED_OUT)                                                                             \
    X(DRAINED)                                                                                     \
    X(DRAIN_TIMED_OUT)                                                                             \
    X(EPOCH_MISMATCH)                                                                              \
    X(SESSION_OPENED)                                                                              \
    X(SESSION_REFUSED)                                                                             \
    X(SESSION_CLOSED_FULL)                                                                         \
    X(HW_DONE)                                                                                     \
    X(ABANDON)                                                                                     \
    X(RECLAIM)                                                                                     \
    X(REAP_HW)                                                                                     \
    X(HW_ANSWER_REFUSED)                                                                           \
    X(HW_REFUSED)                                                                                  \
    X(DEVICE_NEVER_ANSWERED)                                                                       \
    X(FENCE_AWAITED)                                                                               \
    X(FENCE_NEVER_SIGNALLED)                                                                       \
    X(FENCE_FAILED)                                                                                \
    X(FENCE_QUARANTINED)                                                                           \
    X(RELEASE_FENCED)

enum sim_sometimes {
#define X(name) SIM_##name,
    SIM_SOMETIMES_LIST(X)
#undef X
        SIM_SOMETIMES_COUNT
};

void sim_sometimes(enum sim_sometimes what);
/** Once in a run at most: for what is a state and not an event. */
void sim_sometimes_in_run(enum sim_sometimes what);
/** Print the counts. Returns: how many of them are 0 and should not be after so many. */
uint32_t sim_print_sometimes(uint64_t schedules);
void sim_print_event(const struct sim_event *event);

static inline void sim_record(uint16_t site, uint32_t slot, uint64_t word)
{
    struct sim_event *event = &sim.events[sim.event_count++ % SIM_EVENTS];
    *event = (struct sim_event){.now_ns = sim.now_ns,
        .word = word,
        .step = sim.steps,
        .actor = (uint16_t)sim.current->index,
        .site = site,
        .slot = slot};
    if (__builtin_expect(sim.options.is_traced, 0))
        sim_print_event(event);
}
/** Print why, the seed, the last events and how to repeat it; end the process. */
_Noreturn void sim_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define SIM_CHECK(condition)                                                                       \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0))                                                     \
            sim_fail("%s:%d: does not hold: %s", __FILE__, __LINE__, #condition);                  \
    } while (0)
void sim_report_init(void);
/** Failures go to this pipe as one line instead of a report. */
void sim_report_to(int fd);

/* ---- shrinking ---------------------------------------------------------------------------------
 */

int sim_shrink(uint64_t seed, const char *only);

#endif
