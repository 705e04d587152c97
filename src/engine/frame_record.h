/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * FrameRecord: private memory of the control thread. It owes the frame's one completion, whatever
 * becomes of the slots that its attempts use. A plan is a frame with several inputs.
 */
#ifndef ENGINE_FRAME_RECORD_H
#define ENGINE_FRAME_RECORD_H

#include "engine/engine.h"

enum eng_frame_state {
    ENG_FRAME_UNUSED,
    ENG_FRAME_PLANNED, /* a plan that waits for its first input, for room or for the lane */
    ENG_FRAME_WAITING, /* in its lane's queue, for its first or next stage */
    ENG_FRAME_RUNNING, /* dispatched to a worker */
    ENG_FRAME_ENDED,   /* its fate is known; it leaves when its stream's order allows */
};

#define ENG_ORDER_NONE UINT64_MAX /* not part of a stream */

/** What a frame with several inputs waits for. */
struct eng_plan {
    uint32_t wanted; /* inputs, at most */
    uint64_t expires_ns;
    uint64_t heartbeat; /* of the worker that has it, as last seen */
    bool is_reserved;   /* a buffer of each role that its lane writes */
};

struct eng_frame {
    enum eng_frame_state state;
    bool is_plan;
    struct eng_plan plan;         /* of a plan */
    enum eng_lane path;           /* lane that serves it now: row.lane, or the floor */
    uint32_t stage;               /* of that lane */
    uint32_t core;                /* where it was submitted; ENG_NONE: unknown */
    uint32_t slot;                /* of the current attempt, or ENG_NONE */
    uint64_t grant;               /* of the current dispatch */
    uint32_t fence;               /* its place + 1, while the input is not filled; 0: it is */
    uint64_t order;               /* in the stream of row.lane */
    uint64_t attempt_deadline_ns; /* the current path is given up at this time; 0: never */
    uint64_t cookie;
    uint64_t epoch; /* its session's, when it was accepted */
    uint32_t input_count;
    struct eng_handle inputs[ENG_INPUTS_MAX];
    struct eng_handle roles[ENG_ROLES_MAX]; /* written by stages of the current path */
    struct eng_row row;
    uint8_t meta[ENG_INPUTS_MAX][ENG_META_BYTES];
};

struct eng_frame_table {
    uint32_t capacity, active_count;
    struct eng_frame *frames;
    uint32_t *active; /* indices in use, oldest first */
    uint32_t *unused; /* stack of the others */
    uint64_t next_id;
};

int eng_frame_table_init(struct eng_frame_table *table, uint32_t capacity);
void eng_frame_table_finish(struct eng_frame_table *table);

/** A zeroed record with the next id, no slot and no order. Credits bound the number in use, so that
 * there is always one. */
struct eng_frame *eng_frame_take(struct eng_frame_table *table);

/** After its completion has left. */
void eng_frame_give(struct eng_frame_table *table, struct eng_frame *frame);

/** The active frame at a place, oldest first. */
struct eng_frame *eng_frame_at(const struct eng_frame_table *table, uint32_t place);

/** Frames of that session waiting or running on that path. */
uint32_t eng_frame_depth(const struct eng_frame_table *table, uint32_t session, enum eng_lane path);

/** Whether it is in a lane: it waits there, or runs. A plan that lacks inputs is not yet. */
static inline bool eng_frame_is_open(const struct eng_frame *frame)
{
    return frame->state == ENG_FRAME_WAITING || frame->state == ENG_FRAME_RUNNING;
}

void eng_frame_table_check(const struct eng_frame_table *table);

#endif
