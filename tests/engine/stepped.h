/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The engine's control side stepped with a made-up clock, without a thread: workers are actors that
 * walk the token's edges when the test says so. One seed is one order of events.
 */
#ifndef TESTS_ENGINE_STEPPED_H
#define TESTS_ENGINE_STEPPED_H

#include "engine/fixture.h"
#include "engine/main_loop.h"

/** A worker between start and finish. */
struct stepped_actor {
    bool is_working;
    bool is_dead; /* its process has ended, and the control thread has not asked for another */
    struct eng_hint hint;
    uint64_t until_ns; /* when it will finish; UINT64_MAX: hung */
};

struct stepped {
    struct fixture fixture;
    struct eng_core core;
    uint64_t now_ns, timer_ns;
    struct stepped_actor actors[WORKER_COUNT];
    uint64_t submitted, planned; /* accepted */
};

int stepped_init(struct stepped *stepped);
void stepped_finish(struct stepped *stepped);

/** Let the control thread act at now_ns and assert every invariant. */
void stepped_step(struct stepped *stepped);

/** Returns: 0, -EAGAIN (no input). */
int stepped_submit(struct stepped *stepped, enum eng_lane lane, uint64_t deadline_ns);
void stepped_plan(struct stepped *stepped, uint32_t count);

/** One of a worker's edges for the slot that it started last. */
bool stepped_apply(struct stepped *stepped, uint32_t worker, enum eng_edge edge);

/** Pop the next hint and start. Returns: false if there is none, or it was stale. */
bool stepped_start(struct stepped *stepped, uint32_t worker);

/** Finish with a status, or acknowledge where the slot was stolen. Returns: whether it finished. */
bool stepped_end(struct stepped *stepped, uint32_t worker, int status);

/** The worker's process ends now, wherever it is. */
void stepped_die(struct stepped *stepped, uint32_t worker);

/** Ask to end all frames of that cookie in session 0; its cookies are its sequence numbers. */
void stepped_cancel(struct stepped *stepped, uint64_t cookie);

/** Post a call as eng_flush() and its kind do; its answer is there when its state is DONE. */
struct eng_call *stepped_call(
    struct stepped *stepped, enum eng_call_type type, uint32_t session, uint64_t deadline_ns);

/** The next completion, if any; what eng_next() pops. */
bool stepped_next(struct stepped *stepped, struct eng_completion *completion);
void stepped_release(struct stepped *stepped, const struct eng_completion *completion);

#endif
