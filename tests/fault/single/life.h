/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A session's life under a fault: every accepted frame must end once, whatever happens. */
#ifndef TESTS_FAULT_SINGLE_LIFE_H
#define TESTS_FAULT_SINGLE_LIFE_H

#include "single.h"

#include <stdatomic.h>

#define LIFE_FRAMES_MAX 4096u

struct life {
    struct sisp_session_params params; /* of this scenario; may be changed before life_open() */
    struct sisp_knobs knobs;
    struct sisp_session *session;
    unsigned interval_ms;
    unsigned submitted, ended, delivered, by_fast_lane, refused; /* refused: no input, no credit */
    unsigned plans, plans_ended;                                 /* stills, pressed and ended */
    uint64_t sequence, seed;
    uint64_t worst_ns;   /* from submit to result */
    uint64_t last_ended; /* sequence + 1 of the last one of the fast lane */
    uint64_t submitted_ns[LIFE_FRAMES_MAX];
    bool has_ended[LIFE_FRAMES_MAX];
    bool is_held; /* results are kept instead of released */
    struct sisp_result held[64];
    unsigned held_count;
};

/** Sizes, formats and interval by the scenario's number: live, with preview and still; workers are
 * processes in every fourth. */
void life_init(struct life *life, const struct scenario *scenario);

/** Create the session; REQUIREd. */
void life_open(struct life *life);

/** Submit `count` frames at their interval and read what comes. */
void life_feed(struct life *life, unsigned count);

/** One frame now. Returns: whether it was accepted. */
bool life_submit(struct life *life);

/** Press the shutter; REQUIREd to be accepted. */
void life_press(struct life *life);

/** Read results for so long. Returns: how many came. */
unsigned life_collect(struct life *life, uint64_t timeout_ns);

/** Stop, read the rest, check the ends and the figures, destroy. */
void life_close(struct life *life);

#endif
