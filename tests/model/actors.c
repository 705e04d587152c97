/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Workers, hardware and consumer of the protocol-only simulator. */
#include "base/base.h"
#include "model/world.h"

#define HARDWARE_BIT (1u << 31)

/* ---- pixels -------------------------------------------------------------------------------- */

/* The rule that all others serve: who writes is the only one there, and the slot is still its. */
static void write_half(struct model_world *world, uint32_t slot, uint64_t grant, uint32_t half)
{
    struct model_memory *memory = &world->memory[slot];
    sisp_assert(memory->pins == 0);
    sisp_assert(eng_token_grant(model_word(world, slot)) == grant);
    memory->halves[half] = grant;
}

/* Parts of one attempt may write side by side (bands), two attempts never. */
static void enter(struct model_world *world, uint32_t slot, uint64_t grant, uint32_t bit)
{
    struct model_memory *memory = &world->memory[slot];
    sisp_assert(!(memory->writers & bit) && memory->pins == 0);
    sisp_assert(memory->writers == 0 || bit == HARDWARE_BIT);
    sisp_assert(eng_token_grant(model_word(world, slot)) == grant);
    memory->writers |= bit;
}

static void leave(struct model_world *world, uint32_t slot, uint32_t bit)
{
    sisp_assert(world->memory[slot].writers & bit);
    world->memory[slot].writers &= ~bit;
}

/* ---- workers ------------------------------------------------------------------------------- */

static struct eng_token_args beliefs_of(const struct model_worker *worker)
{
    return (struct eng_token_args){.holder = worker->incarnation, .grant = worker->grant};
}

static bool worker_apply(
    struct model_world *world, const struct model_worker *worker, enum eng_edge edge)
{
    struct eng_token_args args = beliefs_of(worker);
    uint64_t before = model_word(world, worker->slot);
    bool ok = eng_token_apply(
        &world->arena.items[worker->slot].token, edge, &args, &world->arena.counts->token);
    if (ok)
        model_note(world, worker->slot, edge, &args, before);
    return ok;
}

static void take_hint(struct model_world *world, struct model_worker *worker)
{
    struct eng_worker_shared *shared = &world->arena.workers[worker - world->workers];
    uint32_t cell;
    if (!eng_ring_peek(&shared->ring, &cell))
        return;
    worker->slot = shared->hints[cell].slot;
    worker->grant = shared->hints[cell].grant;
    eng_ring_pop(&shared->ring);
    if (!worker_apply(world, worker, ENG_EDGE_START)) {
        world->seen[MODEL_SEEN_STALE_HINT]++;
        return;
    }
    worker->step = MODEL_WRITE_FIRST;
    enter(world, worker->slot, worker->grant, 1u << (worker - world->workers));
}

static bool is_cancelled(const struct model_world *world, const struct model_worker *worker)
{
    return model_word(world, worker->slot) & ENG_TOKEN_CANCEL;
}

static void choose(struct model_world *world, struct model_worker *worker)
{
    if (is_cancelled(world, worker))
        worker->step = MODEL_FINISH;
    else if (model_choose(world, 2))
        worker->step = MODEL_WRITE_LAST;
    else if (worker_apply(world, worker, ENG_EDGE_START_HW))
        worker->step = MODEL_SUBMIT;
    else
        worker->step = MODEL_LOST;
}

static void leave_slot(struct model_world *world, struct model_worker *worker)
{
    leave(world, worker->slot, 1u << (worker - world->workers));
    worker->step = MODEL_IDLE;
}

static void finish(struct model_world *world, struct model_worker *worker)
{
    uint64_t word = model_word(world, worker->slot);
    bool is_mine = eng_token_state(word) == ENG_TOKEN_WORKER;
    sisp_assert(eng_token_grant(word) == worker->grant);
    if (!is_mine)
        worker->step = MODEL_LOST;
    else if (!(word & ENG_TOKEN_HW_BUSY) && worker_apply(world, worker, ENG_EDGE_FINISH))
        leave_slot(world, worker);
    else if ((word & ENG_TOKEN_CANCEL) && worker_apply(world, worker, ENG_EDGE_ABANDON)) {
        world->seen[MODEL_SEEN_ABANDONED]++;
        leave_slot(world, worker);
    }
    /* Else the hardware is at it: the shell waits. */
}

static void do_step(struct model_world *world, struct model_worker *worker)
{
    switch (worker->step) {
    case MODEL_IDLE:
        take_hint(world, worker);
        break;
    case MODEL_WRITE_FIRST:
        write_half(world, worker->slot, worker->grant, 0);
        worker->step = MODEL_CHOOSE;
        break;
    case MODEL_CHOOSE:
        choose(world, worker);
        break;
    case MODEL_SUBMIT:
        model_hardware_submit(world, worker->slot, worker->grant);
        worker->step = MODEL_WRITE_LAST;
        break;
    case MODEL_WRITE_LAST:
        write_half(world, worker->slot, worker->grant, 1);
        worker->step = MODEL_FINISH;
        break;
    case MODEL_FINISH:
        finish(world, worker);
        break;
    case MODEL_LOST:
        world->seen[MODEL_SEEN_ACKNOWLEDGED_LATE]++;
        sisp_assert(worker_apply(world, worker, ENG_EDGE_ACKNOWLEDGE));
        leave_slot(world, worker);
        break;
    }
}

void model_worker_step(struct model_world *world, uint32_t index)
{
    struct model_worker *worker = &world->workers[index];
    if (worker->is_dead || worker->is_silent)
        return;
    if (model_fires(world, MODEL_KILL)) {
        worker->is_dead = true;
        world->memory[worker->slot].writers &= ~(1u << index);
    } else if (model_fires(world, MODEL_HANG)) {
        worker->is_silent = true;
    } else {
        do_step(world, worker);
    }
}

/* ---- hardware ------------------------------------------------------------------------------ */

void model_hardware_submit(struct model_world *world, uint32_t slot, uint64_t grant)
{
    for (uint32_t i = 0; i < MODEL_JOBS; i++) {
        struct model_job *job = &world->jobs[i];
        if (job->is_used && (job->is_running || world->is_settling))
            continue;
        /* A ticket that nobody has reported again by now makes place. */
        *job = (struct model_job){.is_used = true,
            .is_running = true,
            .is_silent = model_fires(world, MODEL_HW_NEVER),
            .slot = slot,
            .grant = grant};
        enter(world, slot, grant, HARDWARE_BIT);
        return;
    }
    sisp_assert(!"more jobs than slots can have");
}

static void report(struct model_world *world, const struct model_job *job)
{
    struct eng_token_args args = {.grant = job->grant};
    if (!model_apply(world, job->slot, ENG_EDGE_HW_DONE, &args))
        world->seen[MODEL_SEEN_LATE_HW_DONE]++;
}

void model_hardware_step(struct model_world *world, uint32_t index)
{
    struct model_job *job = &world->jobs[index];
    if (!job->is_used || job->is_silent)
        return;
    if (job->is_running && !world->is_settling && model_choose(world, 2)) {
        write_half(world, job->slot, job->grant, model_choose(world, 2));
        return;
    }
    if (job->is_running)
        leave(world, job->slot, HARDWARE_BIT);
    job->is_running = false;
    report(world, job);
    job->is_used = model_fires(world, MODEL_HW_TWICE);
}

void model_hardware_reset(struct model_world *world, uint32_t slot)
{
    for (uint32_t i = 0; i < MODEL_JOBS; i++) {
        struct model_job *job = &world->jobs[i];
        if (!job->is_used || !job->is_running || job->slot != slot)
            continue;
        leave(world, slot, HARDWARE_BIT);
        job->is_running = job->is_silent = false;
        job->is_used = model_fires(world, MODEL_HW_TWICE); /* it reports all the same */
    }
}

/* ---- consumer ------------------------------------------------------------------------------ */

void model_consumer_step(struct model_world *world, uint32_t slot)
{
    struct model_memory *memory = &world->memory[slot];
    if (memory->pins == 0 || memory->is_kept)
        return;
    uint64_t grant = eng_token_grant(model_word(world, slot));
    sisp_assert(eng_token_state(model_word(world, slot)) == ENG_TOKEN_CONSUMER);
    sisp_assert(memory->writers == 0 && memory->halves[0] == grant);
    if (model_fires(world, MODEL_KEEP))
        memory->is_kept = true;
    else if (world->is_settling || model_choose(world, 2))
        memory->pins--;
}

void model_others_step(struct model_world *world)
{
    uint32_t who = model_choose(world, 8);
    if (who < 5)
        model_worker_step(world, model_choose(world, MODEL_WORKERS));
    else if (who < 7)
        model_hardware_step(world, model_choose(world, MODEL_JOBS));
    else
        model_consumer_step(world, model_choose(world, MODEL_SLOTS));
}
