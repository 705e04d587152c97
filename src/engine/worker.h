/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Worker: the shell around commands: pop a hint, start, run on the team's threads, finish or
 * acknowledge. The first thread of the team leads; the others help in each phase. Straight code
 * that shares only the arena with the control thread.
 *
 * In the background, helpers do all tasks, at a priority so low that nobody waits for them; the
 * leader looks on, and does the tasks itself when other programs leave its helpers no time.
 */
#ifndef ENGINE_WORKER_H
#define ENGINE_WORKER_H

#include "engine/arena.h"
#include "engine/bell.h"

#define ENG_TEAM_MAX 64

struct eng_worker;

struct eng_helper {
    struct plat_thread thread;
    struct eng_worker *worker;
    uint32_t index; /* of those that do tasks */
};

struct eng_worker {
    const struct eng_config *config;
    const struct eng_span *spans; /* of all buffers, by index */
    struct eng_arena *arena;
    struct eng_worker_shared *shared;
    uint32_t index, team_size;
    uint32_t core;        /* that helpers keep off: the leader ran there */
    uint16_t incarnation; /* what tokens call it */
    enum plat_priority priority;
    _Atomic uint32_t is_stopping;
    bool is_foreign;                           /* in a process of its own */
    bool is_overseen;                          /* the leader is one more, and looks on */
    bool is_starved;                           /* in this job: the leader does all tasks */
    _Atomic uint32_t started, entered, exited; /* threads of the team */
    /* The phase that the team works on; the gate publishes it. */
    const struct eng_command_config *command;
    uint32_t slot, phase, task_count;
    uint64_t grant;
    struct eng_job job;
    _Atomic uint32_t has_hardware;     /* this job has announced it */
    alignas(64) _Atomic uint32_t gate; /* generation 16 | open 1 | helpers inside 15 */
    alignas(64) _Atomic uint32_t next_task;
    struct eng_helper team[ENG_TEAM_MAX + 1];
};

/** config, spans, arena, shared, index, incarnation and priority are set. Starts the team. Returns:
 * 0, -EAGAIN. */
int eng_worker_start(struct eng_worker *worker);

/** Wait until each thread has done what starting takes. */
void eng_worker_await_team(struct eng_worker *worker);

/** Ask the team to leave. Does not wait. */
void eng_worker_stop(struct eng_worker *worker);

/** Wait for the team until the deadline, then join it. Returns: false if one did not answer. */
bool eng_worker_join(struct eng_worker *worker, uint64_t deadline_ns);

#endif
