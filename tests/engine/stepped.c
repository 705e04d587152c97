/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/stepped.h"

#include "base/base.h"
#include "engine/config.h"
#include "engine/housekeeper.h"

#include <errno.h>
#include <string.h>

#define CREDITS 96

int stepped_init(struct stepped *stepped)
{
    struct eng_config *config = &stepped->fixture.config;
    memset(&stepped->core, 0, sizeof(stepped->core));
    memset(stepped->actors, 0, sizeof(stepped->actors));
    stepped->submitted = stepped->planned = 0;
    config->telemetry = NULL;
    int error = eng_config_resolve(&stepped->core.config, config);
    if (!error)
        error = eng_core_init(&stepped->core, CREDITS);
    stepped->now_ns = 1000 * MS;
    if (!error)
        stepped_step(stepped);
    return error;
}

void stepped_finish(struct stepped *stepped)
{
    eng_core_finish(&stepped->core);
}

static void post(struct stepped *stepped, const struct eng_message *message)
{
    bool ok = eng_inbox_push(&stepped->core.inbox, message);
    sisp_assert(ok);
}

static void tell(struct stepped *stepped, enum eng_message_type type, uint32_t worker)
{
    struct eng_message message = {.type = type,
        .worker = worker,
        .incarnation = eng_workforce_holder(&stepped->core, worker)};
    post(stepped, &message);
}

void stepped_die(struct stepped *stepped, uint32_t worker)
{
    struct stepped_actor *actor = &stepped->actors[worker];
    if (actor->is_dead)
        return;
    *actor = (struct stepped_actor){.is_dead = true};
    tell(stepped, ENG_MESSAGE_WORKER_DIED, worker);
}

/* The Keeper's part: who is asked for is there, or dead, at once. */
static void keep(struct stepped *stepped)
{
    struct eng_workforce *force = &stepped->core.workforce;
    for (uint32_t w = 0; w < WORKER_COUNT && stepped->core.config.knobs.isolation; w++) {
        if (force->asks_start >> w & 1) {
            stepped->actors[w].is_dead = false;
            tell(stepped, ENG_MESSAGE_WORKER_READY, w);
        }
        if (force->asks_kill >> w & 1)
            stepped_die(stepped, w);
    }
    force->asks_start = force->asks_kill = 0;
}

void stepped_step(struct stepped *stepped)
{
    stepped->timer_ns = eng_main_loop_step(&stepped->core, stepped->now_ns);
    eng_housekeeper_check(&stepped->core);
    keep(stepped);
}

int stepped_submit(struct stepped *stepped, enum eng_lane lane, uint64_t deadline_ns)
{
    struct eng_message message = {.type = ENG_MESSAGE_SUBMIT, .accepted_ns = stepped->now_ns};
    struct eng_submission *submission = &message.submission;
    if (!eng_inbox_pop(&stepped->core.supply, &submission->input))
        return -EAGAIN;
    int error = eng_lending_pass(
        &stepped->core.lending, submission->input, ENG_BORROWER_SUPPLY, ENG_BORROWER_NONE);
    sisp_assert(!error);
    submission->lane = lane;
    submission->cookie = submission->sequence = stepped->submitted++;
    submission->capture_ns = stepped->now_ns;
    submission->deadline_ns = deadline_ns;
    atomic_fetch_add(&stepped->core.places[0].frames_in_flight, 1);
    post(stepped, &message);
    return 0;
}

void stepped_plan(struct stepped *stepped, uint32_t count)
{
    struct eng_message message = {.type = ENG_MESSAGE_PLAN,
        .accepted_ns = stepped->now_ns,
        .plan_token = ++stepped->planned,
        .input_count = count};
    atomic_fetch_add(&stepped->core.places[0].plans_in_flight, 1);
    post(stepped, &message);
}

void stepped_cancel(struct stepped *stepped, uint64_t cookie)
{
    struct eng_message message = {.type = ENG_MESSAGE_CANCEL, .submission = {.cookie = cookie}};
    atomic_fetch_add(&stepped->core.places[0].cancels_in_flight, 1);
    post(stepped, &message);
}

struct eng_call *stepped_call(
    struct stepped *stepped, enum eng_call_type type, uint32_t session, uint64_t deadline_ns)
{
    struct eng_message message = {.type = ENG_MESSAGE_CALL};
    while (stepped->core.calls.active >> message.call & 1)
        message.call++;
    struct eng_call *call = &stepped->core.calls.table[message.call];
    *call = (struct eng_call){
        .state = ENG_CALL_TAKEN, .type = type, .session = session, .deadline_ns = deadline_ns};
    if (type == ENG_CALL_CLOSE)
        atomic_store(&eng_core_session(&stepped->core, session)->gate,
            eng_session_word(session, ENG_SESSION_CLOSING));
    post(stepped, &message);
    return call;
}

bool stepped_apply(struct stepped *stepped, uint32_t worker, enum eng_edge edge)
{
    struct eng_hint hint = stepped->actors[worker].hint;
    struct eng_token_args args = {
        .holder = eng_workforce_holder(&stepped->core, worker), .grant = hint.grant};
    return eng_token_apply(&stepped->core.arena.items[hint.slot].token, edge, &args,
        &stepped->core.arena.counts->token);
}

bool stepped_start(struct stepped *stepped, uint32_t worker)
{
    struct eng_worker_shared *shared = &stepped->core.arena.workers[worker];
    struct stepped_actor *actor = &stepped->actors[worker];
    uint32_t cell;
    sisp_assert(!actor->is_working);
    if (actor->is_dead || !eng_ring_peek(&shared->ring, &cell))
        return false;
    actor->hint = shared->hints[cell];
    eng_ring_pop(&shared->ring);
    atomic_fetch_add(&shared->heartbeat, 1);
    actor->is_working = stepped_apply(stepped, worker, ENG_EDGE_START);
    if (actor->is_working)
        stepped->core.arena.items[actor->hint.slot].work.started_ns = stepped->now_ns;
    return actor->is_working;
}

/* Whoever is between start and finish may write, so its buffers must be pinned for it alone. */
static void assert_may_write(const struct stepped *stepped, uint32_t worker)
{
    uint32_t slot = stepped->actors[worker].hint.slot;
    const struct eng_envelope *envelope = &stepped->core.arena.envelopes[slot];
    for (uint32_t r = 0; r < ENG_ROLES_MAX; r++) {
        struct eng_handle handle = envelope->writes[r];
        if (!handle.generation)
            continue;
        const struct eng_buffer *buffer = &stepped->core.resources.buffers[handle.index];
        sisp_assert(buffer->generation == handle.generation);
        sisp_assert(buffer->pins[ENG_HOLDER_ATTEMPT] == 1);
        sisp_assert(!buffer->pins[ENG_HOLDER_CONSUMER]);
    }
    for (uint32_t i = 0; i < envelope->input_count; i++)
        sisp_assert(eng_resource_span(&stepped->core.resources, envelope->inputs[i]).bytes);
}

bool stepped_end(struct stepped *stepped, uint32_t worker, int status)
{
    struct stepped_actor *actor = &stepped->actors[worker];
    sisp_assert(actor->is_working);
    assert_may_write(stepped, worker);
    struct eng_work_result *work = &stepped->core.arena.items[actor->hint.slot].work;
    work->result = (struct eng_result){.status = status};
    work->finished_ns = stepped->now_ns;
    actor->is_working = false;
    atomic_fetch_add(&stepped->core.arena.workers[worker].heartbeat, 1);
    if (stepped_apply(stepped, worker, ENG_EDGE_FINISH))
        return true;
    bool ok = stepped_apply(stepped, worker, ENG_EDGE_ACKNOWLEDGE);
    sisp_assert(ok);
    return false;
}

bool stepped_next(struct stepped *stepped, struct eng_completion *completion)
{
    struct eng_session *session = &stepped->core.places[0];
    uint32_t cell;
    if (!eng_ring_peek(&session->ring, &cell))
        return false;
    *completion = session->completions[cell];
    eng_ring_pop(&session->ring);
    atomic_fetch_sub(
        completion->row.plan_token ? &session->plans_in_flight : &session->frames_in_flight, 1);
    return true;
}

void stepped_release(struct stepped *stepped, const struct eng_completion *completion)
{
    struct eng_message message = {.type = ENG_MESSAGE_RELEASE};
    for (uint32_t r = 0; r < ENG_ROLES_MAX; r++)
        if (eng_lending_pass(&stepped->core.lending, completion->handles[r], ENG_BORROWER_CONSUMER,
                ENG_BORROWER_NONE) == 0)
            message.handles[r] = completion->handles[r];
    post(stepped, &message);
}
