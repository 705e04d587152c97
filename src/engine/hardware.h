/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Hardware: what devices still write for slots, and the thread that resets them. A device says done
 * from any thread without waiting: one word a slot is its mailbox, so that each job is done once,
 * and late, doubled and foreign answers are refused and counted. The control thread does the rest.
 */
#ifndef ENGINE_HARDWARE_H
#define ENGINE_HARDWARE_H

#include "engine/engine.h"
#include "engine/session_manager.h"
#include "platform/platform.h"

struct eng_core;

/** The thread that may block in the config's hw_reset(). */
struct eng_reset {
    /* Control thread's. */
    bool is_under_way;
    uint64_t slots; /* bit s: its job was with the device before the reset began */
    uint64_t grants[ENG_SLOTS_MAX];
    uint64_t retry_ns; /* after a failure; 0: at once */
    /* Shared with the thread. */
    alignas(64) _Atomic uint32_t bell;
    _Atomic uint32_t asked, returned;
    _Atomic int32_t error; /* of the last one that returned */
    _Atomic uint32_t is_stopping, has_exited;
    /* The thread's. */
    const struct eng_config *config;
    _Atomic uint32_t *control_bell;
    bool has_thread;
    struct plat_thread thread;
};

struct eng_hardware {
    uint32_t slot_count;
    alignas(64) _Atomic uint64_t posted; /* bit s: look at the word of slot s */
    _Atomic uint64_t late;               /* refused answers */
    _Atomic uint64_t words[ENG_SLOTS_MAX];
    struct eng_reset reset;
};

void eng_hardware_init(struct eng_hardware *hardware, uint32_t slot_count);

/** What a device gives back. The slot is in the grant, too: a mixed-up ticket never fits. */
static inline struct eng_ticket eng_hardware_ticket(uint32_t slot, uint64_t grant)
{
    return (struct eng_ticket){
        .slot = slot, .grant = grant | (uint64_t)(slot + 1) << ENG_TOKEN_GRANT_BITS};
}

/** Control thread, at dispatch: from now on one answer for this grant is taken. */
void eng_hardware_arm(struct eng_hardware *hardware, uint32_t slot, uint64_t grant);

/** Any thread. Returns: 0, -ESTALE (late, twice, another slot: counted). */
int eng_hardware_post(struct eng_hardware *hardware, struct eng_ticket ticket);

/** Take what devices and the reset thread said. */
void eng_hardware_step(struct eng_core *core);

/** Ask for a reset where quarantined slots need one. */
void eng_hardware_ask(struct eng_core *core);

/** When a failed reset is tried again; UINT64_MAX: never. */
uint64_t eng_hardware_timer_ns(const struct eng_core *core);

/** Reset thread: this reset has returned. */
void eng_hardware_returned(struct eng_reset *reset, uint32_t asked, int error);

/** Start the reset thread where the config has a reset. Returns: 0, -EAGAIN. */
int eng_hardware_start(
    struct eng_hardware *hardware, const struct eng_config *config, _Atomic uint32_t *control_bell);

/** Ask the thread to leave and wait until the deadline. Returns: false if it did not answer. */
bool eng_hardware_join(struct eng_hardware *hardware, uint64_t deadline_ns);

#endif
