/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * MainLoop: the serial executor of everything that changes a FrameRecord. One step takes messages,
 * lets each manager act, and says when it wants to be stepped next. It never waits.
 */
#ifndef ENGINE_MAIN_LOOP_H
#define ENGINE_MAIN_LOOP_H

#include "engine/core.h"

enum eng_message_type {
    ENG_MESSAGE_SUBMIT,
    ENG_MESSAGE_CANCEL_INPUT,
    ENG_MESSAGE_RELEASE,
    ENG_MESSAGE_PLAN,
    ENG_MESSAGE_WORKER_READY, /* the Keeper's news */
    ENG_MESSAGE_WORKER_DIED,
    ENG_MESSAGE_CANCEL,
    ENG_MESSAGE_CALL,
};

/** From any thread to the control thread. */
struct eng_message {
    enum eng_message_type type;
    uint64_t accepted_ns;
    struct eng_submission submission; /* its meta is the one below; plan, cancel: session
                                       * and cookie */
    uint64_t plan_token;
    uint32_t core; /* where it was submitted; ENG_NONE: not asked */
    uint32_t input_count;
    uint32_t fence;                           /* submit: place + 1; 0: none */
    uint32_t worker;                          /* the Keeper's */
    uint16_t incarnation;                     /* the Keeper's */
    uint32_t call;                            /* its index */
    struct eng_handle handles[ENG_ROLES_MAX]; /* release */
    uint8_t meta[ENG_META_BYTES];
};

/** Memory for all parts of a core that is zeros but for its resolved config. credits: frames and
 * plans of one session in flight at most. */
int eng_core_init(struct eng_core *core, uint32_t credits);
void eng_core_finish(struct eng_core *core);

/** Returns: when to step again at the latest; PLAT_FOREVER: on a message or a worker only. */
uint64_t eng_main_loop_step(struct eng_core *core, uint64_t now_ns);

/** After stop: every frame has ended and nothing waits for an acknowledgement. */
bool eng_main_loop_is_stopped(const struct eng_core *core);

#endif
