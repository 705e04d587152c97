/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The scheduler: one actor runs at a time and gives way at points and where it waits. Time moves
 * when all wait, or by a drawn jump.
 */
#include "sim/sim.h"

#include "sim/invariants.h"
#include <stdalign.h>

struct sim_state sim;

#define STACK_SHIFT_BYTES 832u

static alignas(4096) uint8_t stacks[SIM_ACTORS_MAX][SIM_STACK_BYTES];

/* ---- switching --------------------------------------------------------------------------------
 */

static void switch_to(struct sim_actor *actor)
{
    struct sim_actor *from = sim.current;
    if (actor == from)
        return;
    sim.current = actor;
    sim_context_switch(&from->context, &actor->context);
}

static void stop_waiting(uint32_t index)
{
    sim.words[index] = NULL;
    sim.deadlines_ns[index] = PLAT_FOREVER;
    sim.preempted &= ~((uint64_t)1 << index);
}

static void set_ready(struct sim_actor *actor)
{
    sim.ready_count++;
    actor->state = SIM_READY;
    stop_waiting(actor->index);
    sim.ready |= (uint64_t)1 << actor->index;
}

static void clear_ready(const struct sim_actor *actor)
{
    sim.ready &= ~((uint64_t)1 << actor->index);
    sim.ready_count--;
}

/* Everybody whose deadline has come. */
static void ring_timers(void)
{
    for (uint32_t i = 0; i < sim.actor_count; i++)
        if (sim.deadlines_ns[i] <= sim.now_ns)
            set_ready(&sim.actors[i]);
}

static void advance(void)
{
    uint64_t next_ns = PLAT_FOREVER;
    if (!sim.preempted)
        sim_check_idle();
    for (uint32_t i = 0; i < sim.actor_count; i++)
        next_ns = sim.deadlines_ns[i] < next_ns ? sim.deadlines_ns[i] : next_ns;
    if (next_ns == PLAT_FOREVER)
        sim_fail("every actor waits for ever");
    sim.now_ns = next_ns;
    if (PLAT_FAULT(clock_jumps_1s))
        sim.now_ns += 1000 * SIM_MS;
    if (PLAT_FAULT(suspended_60s))
        sim.now_ns += 60000 * SIM_MS;
    ring_timers();
}

static void run_another(void)
{
    while (!sim.ready)
        advance();
    switch_to(sim_choose_any());
}

void sim_pass(uint64_t duration_ns)
{
    sim.now_ns += duration_ns;
    ring_timers();
}

void sim_block(const _Atomic uint32_t *word, uint64_t deadline_ns)
{
    struct sim_actor *actor = sim.current;
    actor->state = SIM_WAITING;
    sim.words[actor->index] = word;
    sim.deadlines_ns[actor->index] = deadline_ns;
    clear_ready(actor);
    run_another();
}

void sim_wake(const _Atomic uint32_t *word, uint32_t count)
{
    for (uint32_t i = 0; i < sim.actor_count && count; i++) {
        if (sim.words[i] != word)
            continue;
        count--;
        if (PLAT_FAULT(wake_is_late)) {
            uint64_t late_ns = sim.now_ns + sim_choose(SIM_FAULTS, 20000) * 1000;
            sim.words[i] = NULL;
            sim.preempted |= (uint64_t)1 << i;
            sim.deadlines_ns[i] = late_ns < sim.deadlines_ns[i] ? late_ns : sim.deadlines_ns[i];
        } else {
            set_ready(&sim.actors[i]);
        }
    }
}

void sim_sleep(uint64_t duration_ns)
{
    sim_block(NULL, sim.now_ns + duration_ns);
}

void sim_hang(void)
{
    sim.current->is_hung = true;
    sim_block(NULL, PLAT_FOREVER);
    sim_fail("a hung actor was woken");
}

/* ---- actors ------------------------------------------------------------------------------------
 */

static void enter_actor(void)
{
    sim_context_entered();
    sim.current->run(sim.current->argument);
    sim_end_actor();
}

static struct sim_actor *unused_actor(void)
{
    for (uint32_t i = 1; i < sim.actor_count; i++)
        if (sim.actors[i].is_reusable)
            return &sim.actors[i];
    return sim.actor_count < SIM_ACTORS_MAX ? &sim.actors[sim.actor_count++] : NULL;
}

struct sim_actor *sim_spawn(const char *name, void (*run)(void *), void *argument)
{
    struct sim_actor *actor = unused_actor();
    if (!actor)
        return NULL;
    uint32_t index = (uint32_t)(actor - sim.actors);
    actor->index = index;
    actor->worker = SIM_NOBODY;
    actor->holder = 0;
    actor->process = 0;
    actor->is_hung = actor->is_thread = actor->is_reusable = false;
    actor->name = name;
    actor->run = run;
    actor->argument = argument;
    sim_context_make(
        &actor->context, stacks[index], SIM_STACK_BYTES - index * STACK_SHIFT_BYTES, enter_actor);
    sim_choose_priority(actor);
    set_ready(actor);
    return actor;
}

_Noreturn void sim_end_actor(void)
{
    struct sim_actor *actor = sim.current;
    actor->state = SIM_ENDED;
    clear_ready(actor);
    if (actor->index == 0) {
        sim_context_switch(&actor->context, &sim.home);
    } else {
        sim_wake((const _Atomic uint32_t *)&actor->state, UINT32_MAX);
        actor->is_reusable = actor->process != 0;
        run_another();
    }
    __builtin_unreachable();
}

void sim_end_process_actors(uint32_t process)
{
    bool is_current = sim.current->process == process;
    for (uint32_t i = 1; i < sim.actor_count; i++) {
        struct sim_actor *actor = &sim.actors[i];
        if (actor->process != process || actor->state == SIM_ENDED)
            continue;
        if (actor->state == SIM_READY)
            clear_ready(actor);
        stop_waiting(actor->index);
        actor->state = SIM_ENDED;
        actor->is_reusable = true;
    }
    if (is_current)
        run_another();
}

void sim_join(const struct sim_actor *actor)
{
    while (actor->state != SIM_ENDED)
        sim_block((const _Atomic uint32_t *)&actor->state, PLAT_FOREVER);
}

void sim_schedule(void (*run)(void *))
{
    sim.current = sim_spawn("main", run, NULL);
    sim_context_switch(&sim.home, &sim.current->context);
}

/* ---- points ------------------------------------------------------------------------------------
 */

static void preempt(uint64_t duration_ns)
{
    sim.preempted |= (uint64_t)1 << sim.current->index;
    sim_sleep(duration_ns);
}

static void strike(void)
{
    if (sim.current->process && PLAT_FAULT(process_scribbles))
        sim_scribble();
    if (sim.current->process && PLAT_FAULT(process_dies))
        sim_process_end(sim.current->process);
    else if (PLAT_FAULT(preempted))
        preempt(sim_choose(SIM_FAULTS, 50000) * 1000);
    else if (sim.current->worker != SIM_NOBODY && PLAT_FAULT(worker_hangs_a_while))
        preempt(sim_choose(SIM_FAULTS, 400) * SIM_MS);
}

void plat_point(struct plat_site *site)
{
    if (!site->id)
        sim_site_resolve(site);
    if (++sim.steps > SIM_STEPS_MAX)
        sim_fail("no end after %u steps", sim.steps);
    sim_record((uint16_t)site->id, SIM_NOBODY, 0);
    sim_hash((uint64_t)sim.current->index << 32 | sim_site(site->id)->id);
    sim_check_step();
    if (sim.is_striking)
        strike();
    /* A process may spin on what another one wrote: that takes time, too. */
    if ((sim.steps & (sim.is_distrusted ? 15 : 127)) == 0)
        sim_pass(sim_choose(SIM_TIME, 1000) * 1000);
    switch_to(sim_choose_at_point());
}
