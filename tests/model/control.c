/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The control thread of the protocol-only simulator: frames, workers' queues, Monitor. */
#include "base/base.h"
#include "model/world.h"

static const struct eng_token_args no_beliefs;

static enum eng_token_state state_of(const struct model_world *world, uint32_t slot)
{
    return eng_token_state(model_word(world, slot));
}

/* ---- frames -------------------------------------------------------------------------------- */

static void return_slot(struct model_world *world, struct model_frame *frame)
{
    uint64_t before = model_word(world, frame->slot);
    sisp_assert(world->memory[frame->slot].writers == 0);
    eng_session_return(&world->sessions, frame->slot);
    model_note(world, frame->slot, ENG_EDGE_RETURN, &no_beliefs, before);
    frame->slot = ENG_NONE;
}

static void end_frame(struct model_world *world, struct model_frame *frame)
{
    if (frame->slot != ENG_NONE)
        return_slot(world, frame);
    frame->state = MODEL_ENDED;
}

static void complete(struct model_world *world, struct model_frame *frame)
{
    sisp_assert(frame->state != MODEL_COMPLETED);
    frame->state = MODEL_COMPLETED;
    frame->completions++;
    world->completed++;
}

static void submit(struct model_world *world)
{
    if (world->accepted == MODEL_FRAMES)
        return;
    world->frames[world->accepted++] =
        (struct model_frame){.state = MODEL_WAITING, .slot = ENG_NONE, .epoch = world->epoch};
}

/* ---- dispatching --------------------------------------------------------------------------- */

static bool acquire(struct model_world *world, uint32_t *slot)
{
    if (eng_session_acquire(&world->sessions, 0, 0, ENG_NONE, slot) != 0)
        return false;
    /* FREE is 0, so the word before is the word after without its state. */
    uint64_t before = model_word(world, *slot) << 4 >> 4;
    model_note(world, *slot, ENG_EDGE_ACQUIRE, &no_beliefs, before);
    const struct model_memory *memory = &world->memory[*slot];
    sisp_assert(memory->writers == 0 && memory->pins == 0);
    return true;
}

static void dispatch(struct model_world *world, struct model_frame *frame, uint32_t index)
{
    struct model_worker *worker = &world->workers[index];
    if (frame->state != MODEL_WAITING || worker->queued == MODEL_DEPTH ||
        !eng_arena_has_room(&world->arena, index))
        return;
    if (frame->attempts == MODEL_ATTEMPTS) {
        end_frame(world, frame);
        return;
    }
    if (frame->slot == ENG_NONE && !acquire(world, &frame->slot))
        return;
    frame->grant = (eng_token_grant(model_word(world, frame->slot)) + 1) & ENG_TOKEN_GRANT_MASK;
    struct eng_token_args args = {.holder = worker->incarnation};
    bool ok = model_apply(world, frame->slot, ENG_EDGE_DISPATCH, &args);
    sisp_assert(ok);
    frame->state = MODEL_RUNNING;
    frame->worker = index;
    frame->attempts++;
    worker->queue[worker->queued++] = (uint32_t)(frame - world->frames);
    eng_arena_push_hint(
        &world->arena, index, (struct eng_hint){.slot = frame->slot, .grant = frame->grant});
}

static void forget(struct model_world *world, struct model_frame *frame)
{
    struct model_worker *worker = &world->workers[frame->worker];
    uint32_t number = (uint32_t)(frame - world->frames), place = 0;
    while (place < worker->queued && worker->queue[place] != number)
        place++;
    sisp_assert(place < worker->queued);
    for (worker->queued--; place < worker->queued; place++)
        worker->queue[place] = worker->queue[place + 1];
}

/* ---- taking back --------------------------------------------------------------------------- */

/* It is tried again, in the slot that it may still hold, or ends without a picture. */
static void try_again(struct model_world *world, struct model_frame *frame)
{
    frame->state = MODEL_WAITING;
    if (frame->slot != ENG_NONE && model_choose(world, 2))
        return_slot(world, frame);
    if (frame->epoch != world->epoch || model_choose(world, 4) == 0)
        end_frame(world, frame);
}

static void collect(struct model_world *world, struct model_frame *frame)
{
    if (frame->state != MODEL_RUNNING || state_of(world, frame->slot) != ENG_TOKEN_DONE)
        return;
    sisp_assert(eng_token_grant(model_word(world, frame->slot)) == frame->grant);
    forget(world, frame);
    bool is_whole = !(model_word(world, frame->slot) & ENG_TOKEN_CANCEL);
    if (is_whole && (world->is_settling || model_choose(world, 4))) {
        frame->state = MODEL_READY;
        return;
    }
    bool ok = model_apply(world, frame->slot, ENG_EDGE_ADVANCE, &no_beliefs);
    sisp_assert(ok);
    /* A cancelled word goes back through the FIFO, which clears it. */
    if (!is_whole)
        return_slot(world, frame);
    try_again(world, frame);
}

static bool claim(struct model_world *world, struct model_frame *frame)
{
    struct eng_token_args args = {.grant = frame->grant};
    if (!model_apply(world, frame->slot, ENG_EDGE_CLAIM, &args))
        return false;
    world->seen[MODEL_SEEN_FAST_FORWARDED]++;
    forget(world, frame);
    try_again(world, frame);
    return true;
}

static void steal(struct model_world *world, struct model_frame *frame)
{
    struct eng_token_args args = {.grant = frame->grant};
    model_apply(world, frame->slot, ENG_EDGE_CANCEL, &args);
    bool is_stolen = model_apply(world, frame->slot, ENG_EDGE_STEAL, &args);
    if (!is_stolen && state_of(world, frame->slot) == ENG_TOKEN_DONE) {
        collect(world, frame);
        return;
    }
    /* Else stolen, or abandoned to the Monitor by the worker itself: the frame is detached. */
    world->seen[MODEL_SEEN_STOLEN] += is_stolen;
    forget(world, frame);
    frame->slot = ENG_NONE;
    try_again(world, frame);
}

/* Newest first: the first failure means that all older ones have started. */
static void detach(struct model_world *world, struct model_worker *worker)
{
    while (worker->queued) {
        if (!claim(world, &world->frames[worker->queue[worker->queued - 1]]))
            break;
        if (!world->is_settling && model_choose(world, 2))
            model_others_step(world);
    }
    for (uint32_t i = 0; i < worker->queued; i++)
        sisp_assert(state_of(world, world->frames[worker->queue[i]].slot) != ENG_TOKEN_QUEUED);
    while (worker->queued)
        steal(world, &world->frames[worker->queue[0]]);
}

static void expire(struct model_world *world, struct model_frame *frame)
{
    if (frame->state == MODEL_RUNNING && !claim(world, frame))
        steal(world, frame);
}

static void cancel(struct model_world *world, struct model_frame *frame)
{
    struct eng_token_args args = {.grant = frame->grant};
    if (frame->state == MODEL_RUNNING)
        model_apply(world, frame->slot, ENG_EDGE_CANCEL, &args);
}

/* A cancelled worker may leave the slot to the Monitor by itself. The frame goes on alone before
 * the slot does. */
static void notice_abandoned(struct model_world *world, struct model_frame *frame)
{
    if (frame->state == MODEL_RUNNING && state_of(world, frame->slot) == ENG_TOKEN_MONITOR)
        steal(world, frame);
}

/* ---- Monitor ------------------------------------------------------------------------------- */

static const struct model_worker *holder_of(const struct model_world *world, uint64_t word)
{
    for (uint32_t w = 0; w < MODEL_WORKERS; w++)
        if (world->workers[w].incarnation == eng_token_holder(word))
            return &world->workers[w];
    return NULL;
}

static void reap(struct model_world *world, uint32_t slot)
{
    uint64_t word = model_word(world, slot);
    const struct model_worker *holder = holder_of(world, word);
    struct eng_token_args args = {.grant = eng_token_grant(word)};
    if (word & ENG_TOKEN_CPU_BUSY) {
        sisp_assert(holder); /* no incarnation is replaced while a token names it */
        if (holder->is_dead)
            world->seen[MODEL_SEEN_REAPED_CPU] +=
                model_apply(world, slot, ENG_EDGE_REAP_CPU, &args);
    } else if (eng_token_state(word) == ENG_TOKEN_QUARANTINE && (word & ENG_TOKEN_HW_BUSY) &&
               !(world->faults >> MODEL_HW_NEVER & 1)) {
        /* Not while the CPU may still submit: a job that comes after the reset would run on. */
        model_hardware_reset(world, slot);
        world->seen[MODEL_SEEN_REAPED_HW] += model_apply(world, slot, ENG_EDGE_REAP_HW, &args);
    }
}

static void monitor_step(struct model_world *world, uint32_t slot)
{
    enum eng_token_state state = state_of(world, slot);
    if (state != ENG_TOKEN_MONITOR && state != ENG_TOKEN_QUARANTINE)
        return;
    for (uint32_t i = world->completed; i < world->accepted; i++)
        if (world->frames[i].slot == slot)
            notice_abandoned(world, &world->frames[i]);
    if (model_apply(world, slot, ENG_EDGE_CONVERT, &no_beliefs)) {
        struct model_frame none = {.slot = slot};
        return_slot(world, &none);
        return;
    }
    reap(world, slot);
    if (world->is_settling || model_choose(world, 2))
        world->seen[MODEL_SEEN_QUARANTINED] +=
            model_apply(world, slot, ENG_EDGE_ESCALATE, &no_beliefs);
}

static bool is_named(const struct model_world *world, uint16_t incarnation)
{
    for (uint32_t s = 0; s < MODEL_SLOTS; s++) {
        uint64_t word = model_word(world, s);
        if (eng_token_holder(word) == incarnation &&
            (eng_token_state(word) == ENG_TOKEN_QUEUED || (word & ENG_TOKEN_CPU_BUSY)))
            return true;
    }
    return false;
}

static void restart(struct model_world *world, struct model_worker *worker)
{
    if (!worker->is_dead)
        return;
    detach(world, worker);
    if (is_named(world, worker->incarnation))
        return;
    *worker = (struct model_worker){.incarnation = ++world->last_incarnation};
    eng_arena_restart_ring(&world->arena, (uint32_t)(worker - world->workers));
}

/* ---- publishing ---------------------------------------------------------------------------- */

static void publish(struct model_world *world)
{
    struct model_frame *frame = &world->frames[world->completed];
    if (world->completed == world->accepted)
        return;
    if (frame->state == MODEL_READY && frame->epoch != world->epoch) {
        world->seen[MODEL_SEEN_STALE_EPOCH]++;
        bool ok = model_apply(world, frame->slot, ENG_EDGE_ADVANCE, &no_beliefs);
        sisp_assert(ok);
        end_frame(world, frame);
    }
    if (frame->state == MODEL_READY) {
        bool ok = model_apply(world, frame->slot, ENG_EDGE_PUBLISH, &no_beliefs);
        sisp_assert(ok && world->memory[frame->slot].writers == 0);
        world->memory[frame->slot].pins = 1;
        frame->slot = ENG_NONE;
        world->seen[MODEL_SEEN_DELIVERED]++;
        complete(world, frame);
    } else if (frame->state == MODEL_ENDED) {
        complete(world, frame);
    }
}

static void take_back(struct model_world *world, uint32_t slot)
{
    struct model_frame none = {.slot = slot};
    if (state_of(world, slot) == ENG_TOKEN_CONSUMER && world->memory[slot].pins == 0)
        return_slot(world, &none);
}

static void flush(struct model_world *world)
{
    world->epoch++;
    for (uint32_t i = world->completed; i < world->accepted; i++) {
        struct model_frame *frame = &world->frames[i];
        expire(world, frame);
        if (frame->state == MODEL_WAITING)
            end_frame(world, frame);
    }
}

/* ---- one step ------------------------------------------------------------------------------ */

/* An open frame; the newest one where there is none. */
static struct model_frame *any_frame(struct model_world *world)
{
    uint32_t open = world->accepted - world->completed;
    return &world->frames[open ? world->completed + model_choose(world, open) : MODEL_FRAMES - 1];
}

static void doubt(struct model_world *world, struct model_frame *frame)
{
    if (!model_fires(world, MODEL_SUSPECT))
        return;
    if (model_choose(world, 2))
        expire(world, frame);
    else
        cancel(world, frame);
}

void model_control_step(struct model_world *world)
{
    uint32_t index = model_choose(world, MODEL_WORKERS), slot = model_choose(world, MODEL_SLOTS);
    struct model_frame *frame = any_frame(world);
    struct model_worker *worker = &world->workers[index];
    switch (model_choose(world, 12)) {
    case 0:
    case 1:
        submit(world);
        break;
    case 2:
    case 3:
    case 4:
        if (!worker->is_dead)
            dispatch(world, frame, index);
        break;
    case 5:
    case 6:
        collect(world, frame);
        notice_abandoned(world, frame);
        break;
    case 7:
        if (worker->is_silent || model_fires(world, MODEL_SUSPECT))
            detach(world, worker);
        restart(world, worker);
        break;
    case 8:
        doubt(world, frame);
        break;
    case 9:
        monitor_step(world, slot);
        break;
    case 10:
        if (model_fires(world, MODEL_FLUSH))
            flush(world);
        publish(world);
        break;
    default:
        take_back(world, slot);
        break;
    }
}

/* All that the control thread can do by itself. Silent workers get no more. */
void model_control_settle(struct model_world *world)
{
    for (uint32_t w = 0; w < MODEL_WORKERS; w++) {
        if (world->workers[w].is_silent)
            detach(world, &world->workers[w]);
        restart(world, &world->workers[w]);
    }
    for (uint32_t i = world->completed; i < world->accepted; i++) {
        struct model_frame *frame = &world->frames[i];
        collect(world, frame);
        notice_abandoned(world, frame);
        if (frame->state == MODEL_RUNNING && (world->steps & 15) == 0)
            expire(world, frame); /* its deadline */
        if (frame->state == MODEL_WAITING)
            end_frame(world, frame);
        publish(world);
    }
    for (uint32_t s = 0; s < MODEL_SLOTS; s++) {
        monitor_step(world, s);
        take_back(world, s);
    }
}
