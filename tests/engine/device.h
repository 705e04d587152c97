/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A simulated device with a thread of its own. It draws the pictures of FastISP and answers as it
 * is told: at once, when it is released, twice, for another slot, never.
 */
#ifndef TESTS_ENGINE_DEVICE_H
#define TESTS_ENGINE_DEVICE_H

#include "engine/fixture.h"
#include "engine/inbox.h"

enum manner { PROMPT, HELD, TWICE, OTHER_SLOT, NEVER };

struct job {
    struct eng_ticket ticket;
    uint64_t *out, number;
    enum manner manner;
};

#define HELD_MAX 64

struct device {
    struct eng_runtime *runtime;
    struct plat_thread thread;
    struct eng_inbox inbox;
    _Atomic uint32_t bell, is_quitting;
    _Atomic uint32_t manner;  /* of the next job */
    _Atomic uint32_t release; /* answer the held jobs */
    _Atomic uint64_t work_ns; /* a job takes so long */
    _Atomic uint64_t taken, answered, refused, disturbed;
    _Atomic uint32_t resets, reset_fails, reset_hold;
    struct eng_ticket first; /* job's */
    struct job held[HELD_MAX];
    uint32_t held_count;
};

extern struct device device;

/** Forgets all that was before. The runtime runs a command with device_ops. Returns: 0, errno. */
int device_start(struct eng_runtime *runtime);
void device_stop(void);

/** FRAME_HW_DONE, counted as answered or refused. */
void device_answer(struct eng_ticket ticket);

/** For eng_config.hw_reset: fails or hangs as it is told. */
int device_reset(void *user);

/** A command that lets the device draw. */
extern const struct eng_command_ops device_ops;

#endif
