/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Choices: one stream of numbers for each kind, so that a fault that is left out does not change
 * what the scenario draws. Who runs is drawn by a random walk, by priorities that change at few
 * points (PCT), or read from a list.
 */
#include "sim/sim.h"

#define PCT_STEPS 2000u

uint64_t sim_mix(uint64_t a, uint64_t b)
{
    uint64_t x = (a ^ b) * 0x9e3779b97f4a7c15u;
    x ^= x >> 29;
    x *= 0xbf58476d1ce4e5b9u;
    return x ^ x >> 32;
}

static uint32_t draw(enum sim_stream stream)
{
    uint64_t x = sim.streams[stream];
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    sim.streams[stream] = x;
    return (uint32_t)(x >> 24);
}

uint32_t sim_choose(enum sim_stream stream, uint32_t n)
{
    return (uint32_t)((uint64_t)draw(stream) * n >> 32);
}

bool sim_one_in(enum sim_stream stream, uint32_t n)
{
    return sim_choose(stream, n) == 0;
}

void sim_choose_init(void)
{
    static const uint32_t masks[] = {1, 3, 15, 63};
    for (uint32_t i = 0; i < SIM_STREAM_COUNT; i++)
        sim.streams[i] = sim_mix(sim.options.seed + 1, (uint64_t)i << 56) | 1;
    sim.is_pct = sim_one_in(SIM_SCHEDULE, 4);
    sim.switch_mask = masks[sim_choose(SIM_SCHEDULE, 4)];
    sim.lowest_priority = 1u << 20;
    for (uint32_t i = 0; i < 2; i++)
        sim.change_points[i] = sim_choose(SIM_SCHEDULE, PCT_STEPS);
}

void sim_choose_priority(struct sim_actor *actor)
{
    actor->priority = sim.lowest_priority + 1 + sim_choose(SIM_SCHEDULE, 1u << 20);
}

static struct sim_actor *nth_ready(uint32_t n)
{
    uint64_t ready = sim.ready;
    while (n--)
        ready &= ready - 1;
    return &sim.actors[__builtin_ctzll(ready)];
}

static struct sim_actor *most_important(void)
{
    struct sim_actor *best = NULL;
    for (uint64_t ready = sim.ready; ready; ready &= ready - 1) {
        struct sim_actor *actor = &sim.actors[__builtin_ctzll(ready)];
        if (!best || actor->priority > best->priority)
            best = actor;
    }
    return best;
}

/* The listed actor, if the list has this decision and it can run. */
static struct sim_actor *listed(void)
{
    const struct sim_options *options = &sim.options;
    while (sim.next_switch < options->switch_count &&
           options->switches[sim.next_switch].decision < sim.decisions)
        sim.next_switch++;
    if (sim.next_switch == options->switch_count ||
        options->switches[sim.next_switch].decision != sim.decisions)
        return NULL;
    struct sim_actor *actor = &sim.actors[options->switches[sim.next_switch].actor];
    return sim.ready >> actor->index & 1 ? actor : NULL;
}

static struct sim_actor *record(struct sim_actor *actor)
{
    if (sim.options.is_recording)
        sim.options.switches[sim.options.switch_count++] =
            (struct sim_switch){.decision = sim.decisions, .actor = actor->index};
    return actor;
}

struct sim_actor *sim_choose_at_point(void)
{
    sim.decisions++;
    if (__builtin_expect(sim.options.is_replaying, 0)) {
        struct sim_actor *actor = listed();
        return actor ? actor : sim.current;
    }
    if (sim.is_pct && !sim.is_distrusted) {
        if (sim.steps == sim.change_points[0] || sim.steps == sim.change_points[1])
            sim.current->priority = sim.lowest_priority--;
        struct sim_actor *best = most_important();
        return best == sim.current ? best : record(best);
    }
    if (draw(SIM_SCHEDULE) & sim.switch_mask)
        return sim.current;
    return record(nth_ready(sim_choose(SIM_SCHEDULE, sim.ready_count)));
}

struct sim_actor *sim_choose_any(void)
{
    sim.decisions++;
    if (__builtin_expect(sim.options.is_replaying, 0)) {
        struct sim_actor *actor = listed();
        return actor ? actor : nth_ready(0);
    }
    if (sim.ready_count == 1)
        return nth_ready(0);
    return record(
        sim.is_pct ? most_important() : nth_ready(sim_choose(SIM_SCHEDULE, sim.ready_count)));
}
