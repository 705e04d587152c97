/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A small session on bytes: FastAlgo and FastISP on the worker "fast", RawISP on "floor", SlowISP
 * on "slow". Inputs are 64 bytes whose first word is a number; pictures carry it on, so that tests
 * see which frame a picture was made of. Commands can be told to wait, to hold or to fail.
 */
#ifndef TESTS_ENGINE_FIXTURE_H
#define TESTS_ENGINE_FIXTURE_H

#include "engine/engine.h"
#include "platform/platform.h"
#include <stdatomic.h>

#define MS ((uint64_t)1000000)

enum { ROLE_COEFFICIENTS, ROLE_PICTURE };
enum { POOL_INPUT, POOL_COEFFICIENTS, POOL_PICTURE, POOL_FLOOR, POOL_STILL, POOL_COUNT };
enum { WORKER_FAST, WORKER_FLOOR, WORKER_SLOW, WORKER_COUNT };
enum { FAST_ALGO, FAST_ISP, RAW_ISP, SLOW_ISP, COMMAND_COUNT };

#define INPUT_BYTES   64
#define PICTURE_WORDS 64
#define TASKS         8

/** How one command behaves. */
struct fixture_command {
    _Atomic uint64_t wait_ns;      /* in begin, once: then it is 0 */
    _Atomic uint32_t hold;         /* begin waits while it is 1 */
    _Atomic int32_t fail;          /* begin fails with it, once */
    _Atomic uint64_t task_wait_ns; /* in every task, times its number modulo 4 */
    _Atomic uint64_t runs, tasks;
    _Atomic(void *) seen_input, wrote_picture;
};

struct fixture {
    struct eng_config config;
    struct fixture_command commands[COMMAND_COUNT];
    struct eng_runtime *runtime;
    _Atomic uint64_t rows, blobs, row_ids; /* row_ids: sum of the rows' frame ids */
    _Atomic uint32_t telemetry_hold;
    uint64_t next_sequence;
    uint32_t session; /* that submit and next are about */
    const void *meta; /* ENG_META_BYTES that go with each frame; may be NULL */
};

/** A session with a fast team of that many threads. Knobs and pools can be changed before start. */
void fixture_init(struct fixture *fixture, uint32_t threads);
int fixture_start(struct fixture *fixture);
void fixture_finish(struct fixture *fixture);

/** Submit the next frame with its sequence number as content. Returns what eng_submit() does. */
int fixture_submit(struct fixture *fixture, enum eng_lane lane, uint64_t deadline_ns);

/** The next completion within five seconds. Returns what eng_next() does. */
int fixture_next(struct fixture *fixture, struct eng_completion *completion);

/** Whether the picture is what the commands make of the frame with that sequence number. */
bool fixture_is_picture_of(const struct eng_completion *completion, uint64_t sequence);

/** Wait up to five seconds until a command has begun that often. Returns: whether it has. */
bool fixture_until_runs(struct fixture *fixture, uint32_t command, uint64_t runs);

/** Wait up to five seconds for a figure to become true. */
#define FIXTURE_UNTIL(fixture, condition)                                                          \
    do {                                                                                           \
        struct eng_figures figures;                                                                \
        for (int tries = 0; tries < 5000; tries++) {                                               \
            eng_figures((fixture)->runtime, &figures);                                             \
            if (condition)                                                                         \
                break;                                                                             \
            plat_sleep_ns(MS);                                                                     \
        }                                                                                          \
        CHECK(condition);                                                                          \
    } while (0)

#endif
