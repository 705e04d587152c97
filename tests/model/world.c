/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/world.h"

#include "base/base.h"
#include "engine/belief.h"
#include <string.h>

#define STEPS         120
#define SETTLE_ROUNDS 32

uint32_t model_choose(struct model_world *world, uint32_t count)
{
    world->random += 0x9e3779b97f4a7c15u;
    uint64_t x = world->random;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)(((x ^ x >> 31) >> 32) * count >> 32);
}

bool model_fires(struct model_world *world, enum model_fault fault)
{
    return (world->faults >> fault & 1) && !world->is_settling && model_choose(world, 16) == 0;
}

uint64_t model_word(const struct model_world *world, uint32_t slot)
{
    return atomic_load_explicit(&world->arena.items[slot].token, memory_order_relaxed);
}

void model_note(struct model_world *world, uint32_t slot, enum eng_edge edge,
    const struct eng_token_args *args, uint64_t before)
{
    struct model_trace_line line = {.slot = slot,
        .edge = edge,
        .args = *args,
        .before = before,
        .after = model_word(world, slot)};
    world->hash = (world->hash ^ line.after ^ (uint64_t)edge << 8 ^ slot) * 0x100000001b3u;
    world->hash ^= world->hash >> 29;
    world->edges++;
    sisp_assert(world->line_count < MODEL_LINES);
    world->lines[world->line_count++] = line;
}

bool model_apply(
    struct model_world *world, uint32_t slot, enum eng_edge edge, const struct eng_token_args *args)
{
    uint64_t before = model_word(world, slot);
    bool ok = eng_arena_apply(&world->arena, slot, edge, args);
    if (ok)
        model_note(world, slot, edge, args, before);
    return ok;
}

/* ---- invariants ---------------------------------------------------------------------------- */

/* What a slot's memory is used for must agree with what its token says. */
static void check_slot(const struct model_world *world, uint32_t slot)
{
    const struct model_memory *memory = &world->memory[slot];
    uint64_t word = model_word(world, slot);
    enum eng_token_state state = eng_token_state(word);
    bool can_have_writers =
        state == ENG_TOKEN_WORKER || state == ENG_TOKEN_MONITOR || state == ENG_TOKEN_QUARANTINE;
    sisp_assert(can_have_writers || memory->writers == 0);
    sisp_assert(memory->pins == 0 || state == ENG_TOKEN_CONSUMER);
}

static void check_frames(const struct model_world *world)
{
    uint32_t held[MODEL_SLOTS] = {0};
    for (uint32_t i = world->completed; i < world->accepted; i++) {
        const struct model_frame *frame = &world->frames[i];
        if (frame->slot == ENG_NONE)
            continue;
        enum eng_token_state state = eng_token_state(model_word(world, frame->slot));
        sisp_assert(++held[frame->slot] == 1);
        sisp_assert(frame->state == MODEL_WAITING || frame->state == MODEL_RUNNING ||
                    frame->state == MODEL_READY);
        sisp_assert((frame->state == MODEL_WAITING) == (state == ENG_TOKEN_SESSION));
        sisp_assert(frame->state != MODEL_READY || state == ENG_TOKEN_DONE);
    }
    for (uint32_t s = 0; s < MODEL_SLOTS; s++) {
        enum eng_token_state state = eng_token_state(model_word(world, s));
        bool must_have_frame = state == ENG_TOKEN_SESSION || state == ENG_TOKEN_QUEUED ||
                               state == ENG_TOKEN_WORKER || state == ENG_TOKEN_DONE;
        sisp_assert(!must_have_frame || held[s]);
    }
}

static void check(struct model_world *world)
{
    for (uint32_t s = 0; s < MODEL_SLOTS; s++)
        check_slot(world, s);
    check_frames(world);
    /* It knows tokens alone, and those change with edges alone. */
    if (world->edges != world->checked_edges)
        eng_session_manager_check(&world->sessions);
    world->checked_edges = world->edges;
}

/* A slot is lost only to somebody that can be named and will never answer. */
static bool is_excused(const struct model_world *world, uint32_t slot)
{
    uint64_t word = model_word(world, slot);
    enum eng_token_state state = eng_token_state(word);
    if (state == ENG_TOKEN_CONSUMER)
        return world->memory[slot].is_kept;
    if (state != ENG_TOKEN_QUARANTINE && state != ENG_TOKEN_MONITOR)
        return false;
    for (uint32_t w = 0; w < MODEL_WORKERS; w++)
        if (world->workers[w].is_silent && (word & ENG_TOKEN_CPU_BUSY) &&
            world->workers[w].incarnation == eng_token_holder(word))
            return true;
    return (word & ENG_TOKEN_HW_BUSY) && (world->faults >> MODEL_HW_NEVER & 1);
}

static void check_rest(struct model_world *world)
{
    sisp_assert(world->completed == world->accepted);
    for (uint32_t i = 0; i < world->accepted; i++)
        sisp_assert(world->frames[i].completions == 1);
    for (uint32_t s = 0; s < MODEL_SLOTS; s++) {
        if (eng_token_state(model_word(world, s)) == ENG_TOKEN_FREE)
            continue;
        sisp_assert(is_excused(world, s));
        world->seen[MODEL_SEEN_LOST_AT_REST]++;
    }
}

/* ---- one run ------------------------------------------------------------------------------- */

static void begin(struct model_world *world, uint64_t seed)
{
    for (uint32_t s = 0; s < MODEL_SLOTS; s++) {
        atomic_store_explicit(&world->arena.items[s].token, 0, memory_order_relaxed);
        world->arena.belief->words[s] = 0;
        world->memory[s] = (struct model_memory){0};
    }
    struct eng_knobs knobs = {0};
    eng_session_manager_init(&world->sessions, &world->arena, &knobs);
    int error = eng_session_admit(&world->sessions, 0, &(struct eng_session_config){0});
    sisp_assert(!error);
    memset(world->frames, 0, sizeof(world->frames));
    memset(world->jobs, 0, sizeof(world->jobs));
    for (uint32_t w = 0; w < MODEL_WORKERS; w++) {
        world->workers[w] = (struct model_worker){.incarnation = (uint16_t)(w + 1)};
        eng_arena_restart_ring(&world->arena, w);
    }
    world->accepted = world->completed = world->steps = 0;
    world->last_incarnation = MODEL_WORKERS;
    world->epoch = 0;
    world->line_count = 0;
    world->hash = world->random = seed;
    world->is_settling = false;
    world->faults = 0;
    /* Two levels: whether a fault can happen in this run at all, then each time whether it does. */
    for (uint32_t i = 0; i < MODEL_FAULT_COUNT; i++)
        world->faults |= (uint32_t)(model_choose(world, 3) == 0) << i;
}

static bool is_all_free(const struct model_world *world)
{
    return world->completed == world->accepted &&
           eng_session_free_count(&world->sessions) == MODEL_SLOTS;
}

static void settle(struct model_world *world)
{
    world->is_settling = true;
    for (uint32_t round = 0; round < SETTLE_ROUNDS && !is_all_free(world); round++) {
        world->steps++;
        model_control_settle(world);
        for (uint32_t w = 0; w < MODEL_WORKERS; w++)
            model_worker_step(world, w);
        for (uint32_t j = 0; j < MODEL_JOBS; j++)
            model_hardware_step(world, j);
        for (uint32_t s = 0; s < MODEL_SLOTS; s++)
            model_consumer_step(world, s);
        check(world);
    }
}

void model_world_run(struct model_world *world, uint64_t seed)
{
    begin(world, seed);
    for (uint32_t step = 0; step < STEPS; step++) {
        if (model_choose(world, 2))
            model_control_step(world);
        else
            model_others_step(world);
        check(world);
    }
    settle(world);
    check_rest(world);
}
