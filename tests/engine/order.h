/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What a frame's meta orders the worker process (process_worker.c) to do. */
#ifndef TESTS_ENGINE_ORDER_H
#define TESTS_ENGINE_ORDER_H

#include "engine/fixture.h"

enum order_act {
    ORDER_WORK,
    ORDER_DIE,
    ORDER_HANG,
    ORDER_SCRIBBLE,       /* random words over all that is shared, until it is killed */
    ORDER_FLIP_TOKENS,    /* single bits of all tokens */
    ORDER_BREAK_RINGS,    /* indices and capacities */
    ORDER_LIE,            /* a result full of ones */
    ORDER_WRITE_ENVELOPE, /* and what else is read-only: a fault */
    ORDER_WRITE_INPUT,
    ORDER_STEAL_TOKENS, /* walk other workers' edges */
    ORDER_OPEN_FILE,    /* a call that the cage forbids */
    ORDER_REPORT,       /* no harm: says by its digests in which file it reads and writes */
    ORDER_COUNT,
};

enum order_place {
    ORDER_IN_BEGIN,
    ORDER_IN_TASK,
    ORDER_IN_END,
    ORDER_PLACES,
};

struct order {
    enum order_act act;
    enum order_place place;
    uint32_t command;
};

/** The blob: what the program cannot know by itself. */
struct order_setup {
    uint32_t threads;
    bool fails_at_once; /* exits before it is ready */
};

#endif
