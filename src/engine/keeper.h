/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Keeper: the thread that starts worker processes, hands them what they share with the control
 * thread, watches them and kills them when asked. The control thread asks and hears by message, so
 * that it never waits for any of this.
 */
#ifndef ENGINE_KEEPER_H
#define ENGINE_KEEPER_H

#include "engine/core.h"
#include "platform/process.h"

#define ENG_HELLO_MAGIC 0x534f4650u

/** First message to a worker process. Descriptors: Envelopes, shared, the blob, each pool. */
struct eng_hello {
    uint32_t magic, size_bytes; /* of this struct: both sides are of one version */
    uint32_t worker, incarnation, priority;
    uint32_t item_count, worker_count, pool_count, input_pool;
    uint64_t blob_bytes;
    struct {
        uint64_t size_bytes;
        uint32_t count, unused;
    } pools[ENG_POOLS_MAX];
};

struct eng_kept {
    struct plat_process process;
    uint16_t number;                          /* of the incarnation; 0: there is none */
    bool is_ready;                            /* it said so */
    bool was_ready;                           /* some incarnation did */
    _Atomic uint32_t asked_start, asked_kill; /* a number; 0: nothing is asked */
};

struct eng_keeper {
    struct eng_core *core; /* its configuration, mappings and inbox */
    struct plat_thread thread;
    bool has_thread;
    int signal;
    struct plat_memory blob;
    _Atomic uint32_t is_leaving;
    /* How the first incarnations fare: workers to come, then 0, or a negative errno. */
    _Atomic int32_t first;
    struct eng_kept kept[ENG_WORKERS_MAX];
};

/** Start the thread. Returns: 0, -EAGAIN, -ENOMEM, errno. */
int eng_keeper_start(struct eng_keeper *keeper, struct eng_core *core);

/** End all workers and the thread; may be called without a start. */
void eng_keeper_finish(struct eng_keeper *keeper);

/** Control thread: pass on what the workforce asks. Never waits. */
void eng_keeper_ask(struct eng_keeper *keeper, struct eng_workforce *force);

/** Wait until all first incarnations are ready. Returns: 0, or why one is not. */
int eng_keeper_await(struct eng_keeper *keeper);

#endif
