/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/hardware.h"

#include "base/base.h"
#include "engine/attempt.h"
#include "engine/bell.h"
#include "platform/simulate.h"
#include <errno.h>

/* A slot's word: grant of its ticket, and whether the answer has come. 0: none is expected. */
#define DONE  ((uint64_t)1 << 63)
#define ARMED ((uint64_t)1 << 62)

void eng_hardware_init(struct eng_hardware *hardware, uint32_t slot_count)
{
    sisp_assert(slot_count <= ENG_SLOTS_MAX);
    *hardware = (struct eng_hardware){.slot_count = slot_count};
}

static void count_late(struct eng_hardware *hardware)
{
    atomic_fetch_add_explicit(&hardware->late, 1, memory_order_relaxed);
}

/* ---- FRAME_HW_DONE ------------------------------------------------------------------------- */

void eng_hardware_arm(struct eng_hardware *hardware, uint32_t slot, uint64_t grant)
{
    sisp_assert(slot < hardware->slot_count);
    uint64_t before = atomic_exchange_explicit(&hardware->words[slot],
        eng_hardware_ticket(slot, grant).grant | ARMED, memory_order_acq_rel);
    /* Said done without a job, or after a reset: nobody has looked, and nobody needs to. */
    if (before & DONE)
        count_late(hardware);
}

static int post(struct eng_hardware *hardware, struct eng_ticket ticket)
{
    uint64_t expected = ticket.grant | ARMED;
    if (ticket.slot >= hardware->slot_count || (ticket.grant & (ARMED | DONE)) ||
        !atomic_compare_exchange_strong_explicit(&hardware->words[ticket.slot], &expected,
            expected | DONE, memory_order_acq_rel, memory_order_relaxed)) {
        count_late(hardware);
        return -ESTALE;
    }
    PLAT_POINT(hw_done_posted);
    /* Release: what the device wrote is seen by whoever uses the slot next. */
    atomic_fetch_or_explicit(&hardware->posted, (uint64_t)1 << ticket.slot, memory_order_acq_rel);
    return 0;
}

int eng_hardware_post(struct eng_hardware *hardware, struct eng_ticket ticket)
{
    if (PLAT_FAULT(hw_done_lost))
        return 0;
    if (PLAT_FAULT(hw_done_other_slot))
        ticket.slot = (ticket.slot + 1) % hardware->slot_count;
    if (PLAT_FAULT(hw_done_twice))
        post(hardware, ticket);
    return post(hardware, ticket);
}

static void take_done(struct eng_core *core, uint32_t slot)
{
    struct eng_hardware *hardware = &core->hardware;
    uint64_t word = atomic_load_explicit(&hardware->words[slot], memory_order_acquire);
    if (!(word & DONE))
        return; /* armed again meanwhile */
    atomic_store_explicit(&hardware->words[slot], 0, memory_order_relaxed);
    struct eng_token_args args = {.grant = word & ENG_TOKEN_GRANT_MASK};
    if (eng_arena_apply(&core->arena, slot, ENG_EDGE_HW_DONE, &args))
        core->wake_workers |= 1u << core->handoff.slots[slot].worker; /* it waits for that */
    else
        count_late(hardware);
}

static void take_answers(struct eng_core *core)
{
    uint64_t posted = atomic_exchange_explicit(&core->hardware.posted, 0, memory_order_acq_rel);
    if (posted && PLAT_FAULT(hw_done_late)) {
        atomic_fetch_or_explicit(&core->hardware.posted, posted, memory_order_acq_rel);
        return; /* the Housekeeper's tick looks again */
    }
    for (; posted; posted &= posted - 1)
        take_done(core, (uint32_t)__builtin_ctzll(posted));
}

/* ---- reset ------------------------------------------------------------------------------------
 */

void eng_hardware_returned(struct eng_reset *reset, uint32_t asked, int error)
{
    atomic_store_explicit(&reset->error, error, memory_order_relaxed);
    atomic_store_explicit(&reset->returned, asked, memory_order_release);
}

static void take_reset(struct eng_core *core)
{
    struct eng_reset *reset = &core->hardware.reset;
    if (!reset->is_under_way || atomic_load_explicit(&reset->returned, memory_order_acquire) !=
                                    atomic_load_explicit(&reset->asked, memory_order_relaxed))
        return;
    reset->is_under_way = false;
    bool has_failed = atomic_load_explicit(&reset->error, memory_order_relaxed) != 0;
    reset->retry_ns = has_failed ? core->now_ns + core->config.knobs.escalation_timeout_ns : 0;
    for (uint64_t slots = has_failed ? 0 : reset->slots; slots; slots &= slots - 1) {
        uint32_t slot = (uint32_t)__builtin_ctzll(slots);
        struct eng_token_args args = {.grant = reset->grants[slot]};
        /* Refused where the job has answered meanwhile. */
        eng_arena_apply(&core->arena, slot, ENG_EDGE_REAP_HW, &args);
    }
}

void eng_hardware_step(struct eng_core *core)
{
    take_answers(core);
    take_reset(core);
}

/* Whose jobs a reset would end for certain: with cpu_busy a worker may yet submit what it has
 * announced, and the device would then write after the reset. */
static uint64_t slots_to_reset(struct eng_core *core)
{
    uint64_t slots = 0;
    for (uint32_t i = 0; i < core->monitor.count; i++) {
        const struct eng_stolen *stolen = &core->monitor.stolen[i];
        uint64_t word = eng_attempt_token(core, stolen->slot);
        if (!stolen->is_quarantined || (word & ENG_TOKEN_BUSY) != ENG_TOKEN_HW_BUSY)
            continue;
        slots |= (uint64_t)1 << stolen->slot;
        core->hardware.reset.grants[stolen->slot] = eng_token_grant(word);
    }
    return slots;
}

void eng_hardware_ask(struct eng_core *core)
{
    struct eng_reset *reset = &core->hardware.reset;
    if (!core->config.hw_reset || reset->is_under_way || core->now_ns < reset->retry_ns)
        return;
    reset->retry_ns = 0;
    reset->slots = slots_to_reset(core);
    if (!reset->slots)
        return;
    reset->is_under_way = true;
    atomic_fetch_add_explicit(&reset->asked, 1, memory_order_release);
    core->wake_reset = true;
}

uint64_t eng_hardware_timer_ns(const struct eng_core *core)
{
    uint64_t retry_ns = core->hardware.reset.retry_ns;
    return retry_ns ? retry_ns : UINT64_MAX;
}

static void run(void *argument)
{
    struct eng_reset *reset = argument;
    const struct eng_config *config = reset->config;
    while (!atomic_load_explicit(&reset->is_stopping, memory_order_acquire)) {
        eng_bell_silence(&reset->bell);
        uint32_t asked = atomic_load_explicit(&reset->asked, memory_order_acquire);
        if (asked != atomic_load_explicit(&reset->returned, memory_order_relaxed)) {
            int error = config->hw_reset(config->hw_user);
            eng_hardware_returned(reset, asked, PLAT_FAULT(reset_fails) ? -EIO : error);
            eng_bell_ring(reset->control_bell);
        } else if (!atomic_load_explicit(&reset->is_stopping, memory_order_acquire)) {
            eng_bell_wait(&reset->bell, PLAT_FOREVER);
        }
    }
    atomic_store_explicit(&reset->has_exited, 1, memory_order_release);
    plat_wake(&reset->has_exited, 1);
}

int eng_hardware_start(
    struct eng_hardware *hardware, const struct eng_config *config, _Atomic uint32_t *control_bell)
{
    struct eng_reset *reset = &hardware->reset;
    if (!config->hw_reset)
        return 0;
    reset->config = config;
    reset->control_bell = control_bell;
    reset->thread = (struct plat_thread){.name = "reset", .run = run, .argument = reset};
    int error = plat_thread_create(&reset->thread);
    reset->has_thread = !error;
    return error;
}

bool eng_hardware_join(struct eng_hardware *hardware, uint64_t deadline_ns)
{
    struct eng_reset *reset = &hardware->reset;
    if (!reset->has_thread)
        return true;
    atomic_store_explicit(&reset->is_stopping, 1, memory_order_release);
    eng_bell_ring(&reset->bell);
    /* An idle thread always answers, however late the system schedules it. */
    if (!reset->is_under_way)
        deadline_ns = PLAT_FOREVER;
    while (!atomic_load_explicit(&reset->has_exited, memory_order_acquire)) {
        if (plat_now_ns() >= deadline_ns)
            return false;
        plat_wait(&reset->has_exited, 0, deadline_ns);
    }
    plat_thread_join(&reset->thread);
    return true;
}
