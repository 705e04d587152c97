/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What any thread may call. */
#include "base/base.h"
#include "engine/access.h"
#include "engine/runtime.h"
#include "platform/simulate.h"
#include <errno.h>
#include <string.h>

/* ---- sessions and credits ---------------------------------------------------------------------
 */

static struct eng_session *place_of(struct eng_runtime *runtime, uint32_t number)
{
    return eng_core_session(&runtime->core, number);
}

static bool is_open(const struct eng_session *session, uint32_t number)
{
    return atomic_load_explicit(&session->gate, memory_order_seq_cst) ==
           eng_session_word(number, ENG_SESSION_OPEN);
}

static bool is_readable(const struct eng_session *session, uint32_t number)
{
    uint64_t gate = atomic_load_explicit(&session->gate, memory_order_seq_cst);
    return gate == eng_session_word(number, ENG_SESSION_OPEN) ||
           gate == eng_session_word(number, ENG_SESSION_CLOSING);
}

static bool take_credit(_Atomic uint32_t *used, uint32_t limit)
{
    uint32_t now = atomic_load_explicit(used, memory_order_relaxed);
    do {
        if (now >= limit)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(
        used, &now, now + 1, memory_order_seq_cst, memory_order_relaxed));
    return true;
}

static int refusal(
    const struct eng_runtime *runtime, const struct eng_session *session, uint32_t number)
{
    if (atomic_load_explicit(&runtime->is_closing, memory_order_seq_cst))
        return -ESHUTDOWN;
    return is_open(session, number) ? 0 : -EBADF;
}

/* A reader may wait for just this one to know that nothing follows. */
static void give_credit(struct eng_session *session, _Atomic uint32_t *credits)
{
    atomic_fetch_sub_explicit(credits, 1, memory_order_seq_cst);
    eng_bell_ring(&session->bell);
}

/* A credit first, then the look at is_closing and the gate: whoever got past them is counted as in
 * flight, so that close does not end, and no reader is sent away, before that frame's completion.
 */
static int enter(
    struct eng_runtime *runtime, uint32_t number, _Atomic uint32_t *credits, uint32_t limit)
{
    struct eng_session *session = place_of(runtime, number);
    int error = refusal(runtime, session, number);
    if (error)
        return error;
    PLAT_POINT(credit_wanted);
    if (!take_credit(credits, limit)) {
        atomic_fetch_add_explicit(&runtime->core.telemetry.refused, 1, memory_order_relaxed);
        return -EAGAIN;
    }
    PLAT_POINT(credit_taken);
    error = refusal(runtime, session, number);
    if (error)
        give_credit(session, credits);
    return error;
}

static void post(struct eng_runtime *runtime, const struct eng_message *message)
{
    bool ok = eng_inbox_push(&runtime->core.inbox, message);
    sisp_assert(ok); /* credits and lending words bound what is under way */
    eng_arena_ring(&runtime->core.arena, runtime->core.arena.control_bell);
}

/* ---- the producer's side ------------------------------------------------------------------------
 */

int eng_input_acquire(struct eng_runtime *runtime, struct eng_handle *handle, struct eng_span *span)
{
    struct eng_core *core = &runtime->core;
    if (!eng_inbox_pop(&core->supply, handle))
        return -EAGAIN;
    int error =
        eng_lending_pass(&core->lending, *handle, ENG_BORROWER_SUPPLY, ENG_BORROWER_PRODUCER);
    sisp_assert(!error);
    eng_access_end_read(&core->resources, handle->index);
    *span = core->resources.spans[handle->index];
    return 0;
}

int eng_input_cancel(struct eng_runtime *runtime, struct eng_handle handle)
{
    if (eng_lending_pass(&runtime->core.lending, handle, ENG_BORROWER_PRODUCER, ENG_BORROWER_NONE))
        return -ESTALE;
    struct eng_message message = {
        .type = ENG_MESSAGE_CANCEL_INPUT, .submission = {.input = handle}};
    post(runtime, &message);
    return 0;
}

int eng_input_span(struct eng_runtime *runtime, struct eng_handle handle, struct eng_span *span)
{
    struct eng_core *core = &runtime->core;
    if (eng_lending_pass(&core->lending, handle, ENG_BORROWER_PRODUCER, ENG_BORROWER_PRODUCER))
        return -ESTALE;
    int dmabuf = core->resources.backings[handle.index].dmabuf;
    if (!eng_fences_is_signalled(&(struct eng_fence){.fd = -1, .dmabufs = {dmabuf, -1}}))
        return -EAGAIN;
    eng_access_begin_read(&core->resources, handle.index);
    *span = core->resources.spans[handle.index];
    return 0;
}

/* Before the frame is on its way, and of what is the caller's only. Where devices work on the input
 * it takes a place for a fence. */
static int prepare_read(struct eng_runtime *runtime, const struct eng_submission *submission,
    struct eng_message *message)
{
    struct eng_core *core = &runtime->core;
    struct eng_handle input = submission->input;
    if (eng_lending_pass(&core->lending, input, ENG_BORROWER_PRODUCER, ENG_BORROWER_PRODUCER))
        return -ESTALE;
    int dmabuf = core->resources.backings[input.index].dmabuf;
    if (submission->has_fence || dmabuf >= 0) {
        uint32_t place;
        int error = eng_fences_take(&core->fences,
            submission->has_fence ? &submission->fence_fd : NULL, (int[]){dmabuf, -1}, &place);
        if (error)
            return error;
        core->fences.places[place].input = input.index;
        const struct eng_fence *fence = &core->fences.places[place];
        if (!eng_fences_is_signalled(fence) || eng_fences_has_failed(fence)) {
            message->fence = place + 1;
            return 0;
        }
        eng_fences_give(&core->fences, place);
    }
    eng_access_begin_read(&core->resources, input.index);
    return 0;
}

static bool is_usable(const struct eng_runtime *runtime, enum eng_lane lane)
{
    return (lane == ENG_LANE_FAST || lane == ENG_LANE_BACKGROUND) &&
           runtime->core.config.lanes[lane].stage_count > 0;
}

int eng_submit(struct eng_runtime *runtime, const struct eng_submission *submission)
{
    if (!is_usable(runtime, submission->lane))
        return -EINVAL;
    struct eng_session *session = place_of(runtime, submission->session);
    _Atomic uint32_t *credits = &session->frames_in_flight;
    int error = enter(runtime, submission->session, credits, runtime->frames_max);
    if (error) {
        eng_access_refuse(&runtime->core.resources, &runtime->core.lending, submission->input);
        return error;
    }
    struct eng_message message = {
        .type = ENG_MESSAGE_SUBMIT, .accepted_ns = plat_now_ns(), .submission = *submission};
    error = prepare_read(runtime, submission, &message);
    if (!error && eng_lending_pass(&runtime->core.lending, submission->input, ENG_BORROWER_PRODUCER,
                      ENG_BORROWER_NONE)) {
        error = -ESTALE; /* another thread was faster */
        if (message.fence)
            eng_fences_give(&runtime->core.fences, message.fence - 1);
    }
    if (error) {
        eng_access_refuse(&runtime->core.resources, &runtime->core.lending, submission->input);
        give_credit(session, credits);
        return error;
    }
    message.core = runtime->core.sessions.cache_size ? plat_core() : ENG_NONE;
    message.submission.meta = NULL;
    if (submission->meta)
        memcpy(message.meta, submission->meta, ENG_META_BYTES);
    post(runtime, &message);
    if (message.fence)
        eng_fences_hand(&runtime->core, message.fence - 1);
    return 0;
}

int eng_plan_request(
    struct eng_runtime *runtime, uint32_t session, uint32_t count, uint64_t cookie, uint64_t *token)
{
    if (count == 0 || count > runtime->core.config.history_count ||
        !is_usable(runtime, ENG_LANE_BACKGROUND))
        return -EINVAL;
    int error =
        enter(runtime, session, &place_of(runtime, session)->plans_in_flight, ENG_PLANS_MAX);
    if (error)
        return error;
    *token = atomic_fetch_add_explicit(&runtime->plan_tokens, 1, memory_order_relaxed) + 1;
    struct eng_message message = {.type = ENG_MESSAGE_PLAN,
        .accepted_ns = plat_now_ns(),
        .submission = {.session = session, .cookie = cookie},
        .plan_token = *token,
        .input_count = count};
    post(runtime, &message);
    return 0;
}

/* ---- the consumer's side ------------------------------------------------------------------------
 */

static bool pop_completion(struct eng_session *session, struct eng_completion *completion)
{
    uint32_t cell;
    if (!eng_ring_peek(&session->ring, &cell))
        return false;
    *completion = session->completions[cell];
    eng_ring_pop(&session->ring);
    PLAT_POINT(completion_popped);
    atomic_fetch_sub_explicit(
        completion->row.plan_token ? &session->plans_in_flight : &session->frames_in_flight, 1,
        memory_order_seq_cst);
    return true;
}

static bool is_drained(const struct eng_runtime *runtime, const struct eng_session *session)
{
    return atomic_load_explicit(&runtime->is_stopped, memory_order_seq_cst) &&
           atomic_load_explicit(&session->frames_in_flight, memory_order_seq_cst) == 0 &&
           atomic_load_explicit(&session->plans_in_flight, memory_order_seq_cst) == 0;
}

static uint64_t deadline_in(uint64_t timeout_ns)
{
    uint64_t now_ns = plat_now_ns();
    return timeout_ns > PLAT_FOREVER - now_ns ? PLAT_FOREVER : now_ns + timeout_ns;
}

static int read_session(struct eng_runtime *runtime, uint32_t number,
    struct eng_completion *completion, uint64_t timeout_ns)
{
    struct eng_session *session = place_of(runtime, number);
    uint64_t deadline_ns = timeout_ns ? deadline_in(timeout_ns) : 0;
    for (;;) {
        eng_bell_silence(&session->bell);
        if (!is_readable(session, number))
            return -EBADF;
        if (pop_completion(session, completion))
            return 0;
        if (is_drained(runtime, session))
            return -ESHUTDOWN;
        if (timeout_ns == 0 || plat_now_ns() >= deadline_ns)
            return -EAGAIN;
        eng_bell_wait(&session->bell, deadline_ns);
    }
}

/* The ring has one reader; a session is not given away while it is inside. */
int eng_next(struct eng_runtime *runtime, uint32_t session, struct eng_completion *completion,
    uint64_t timeout_ns)
{
    struct eng_session *place = place_of(runtime, session);
    if (!is_readable(place, session))
        return -EBADF;
    if (atomic_exchange_explicit(&place->is_reading, 1, memory_order_seq_cst))
        return -EBUSY;
    int error = read_session(runtime, session, completion, timeout_ns);
    atomic_store_explicit(&place->is_reading, 0, memory_order_seq_cst);
    if (error == 0)
        eng_access_hand_out(&runtime->core.resources, completion->handles);
    if (error == -EBADF) /* closed: the control thread may wait for this reader to leave */
        eng_arena_ring(&runtime->core.arena, runtime->core.arena.control_bell);
    return error;
}

int eng_hw_done(struct eng_runtime *runtime, struct eng_ticket ticket)
{
    int error = eng_hardware_post(&runtime->core.hardware, ticket);
    eng_arena_ring(
        &runtime->core.arena, runtime->core.arena.control_bell); /* refused: it is said */
    return error;
}

/* Take over what of it is the consumer's. Returns: 0, -ESTALE (something is not). */
static int take_back(struct eng_core *core, const struct eng_completion *completion,
    struct eng_handle handles[ENG_ROLES_MAX])
{
    int error = 0;
    for (uint32_t r = 0; r < ENG_ROLES_MAX; r++) {
        struct eng_handle handle = completion->handles[r];
        handles[r] = (struct eng_handle){0};
        if (!handle.generation)
            continue;
        if (eng_lending_pass(&core->lending, handle, ENG_BORROWER_CONSUMER, ENG_BORROWER_NONE))
            error = -ESTALE;
        else
            handles[r] = handle;
    }
    return error;
}

static bool names_any(const struct eng_handle *handles)
{
    for (uint32_t r = 0; r < ENG_ROLES_MAX; r++)
        if (handles[r].generation)
            return true;
    return false;
}

/* Without a buffer there is no message: only lending words bound how many are under way. */
static void post_release(struct eng_runtime *runtime, const struct eng_handle *handles)
{
    struct eng_message message = {.type = ENG_MESSAGE_RELEASE};
    if (!names_any(handles))
        return;
    for (uint32_t r = 0; r < ENG_ROLES_MAX; r++) {
        message.handles[r] = handles[r];
        if (handles[r].generation)
            eng_access_take_back(&runtime->core.resources, handles[r]);
    }
    post(runtime, &message);
}

/* That devices may still read: what was made and the input, one of each. */
static void find_dmabufs(
    const struct eng_core *core, const struct eng_completion *completion, int dmabufs[2])
{
    uint32_t count = 0;
    dmabufs[0] = dmabufs[1] = -1;
    for (uint32_t r = 0; r < ENG_ROLES_MAX && count < 2; r++) {
        struct eng_handle handle = completion->handles[r];
        if (handle.generation && handle.index < core->resources.buffer_count &&
            core->resources.backings[handle.index].dmabuf >= 0)
            dmabufs[count++] = core->resources.backings[handle.index].dmabuf;
    }
}

static int release(
    struct eng_runtime *runtime, const struct eng_completion *completion, const int *fence_fd)
{
    struct eng_core *core = &runtime->core;
    struct eng_handle handles[ENG_ROLES_MAX];
    int dmabufs[2];
    uint32_t place;
    find_dmabufs(core, completion, dmabufs);
    if (!fence_fd && dmabufs[0] < 0) {
        int error = take_back(core, completion, handles);
        post_release(runtime, handles);
        return error;
    }
    int error = eng_fences_take(&core->fences, fence_fd, dmabufs, &place);
    if (error)
        return error;
    struct eng_fence *fence = &core->fences.places[place];
    fence->is_release = true;
    error = take_back(core, completion, fence->handles);
    if (names_any(fence->handles) && !eng_fences_is_signalled(fence)) {
        eng_fences_hand(core, place);
        return error;
    }
    memcpy(handles, fence->handles, sizeof(handles));
    eng_fences_give(&core->fences, place);
    post_release(runtime, handles);
    return error;
}

int eng_release(struct eng_runtime *runtime, const struct eng_completion *completion)
{
    return release(runtime, completion, NULL);
}

int eng_release_fenced(
    struct eng_runtime *runtime, const struct eng_completion *completion, int fence_fd)
{
    return release(runtime, completion, &fence_fd);
}

/* ---- calls that wait ----------------------------------------------------------------------------
 */

static struct eng_call *take_call(struct eng_runtime *runtime, enum eng_call_type type)
{
    for (uint32_t i = 0; i < ENG_CALLS_MAX; i++) {
        struct eng_call *call = &runtime->core.calls.table[i];
        uint32_t unused = ENG_CALL_FREE;
        if (!atomic_compare_exchange_strong_explicit(
                &call->state, &unused, ENG_CALL_TAKEN, memory_order_acquire, memory_order_relaxed))
            continue;
        call->type = type;
        call->session = 0;
        return call;
    }
    return NULL;
}

static void give_call(struct eng_call *call)
{
    atomic_store_explicit(&call->state, ENG_CALL_FREE, memory_order_release);
}

/* Returns: the answer; the place is the caller's until give_call(). */
static int wait_for(struct eng_runtime *runtime, struct eng_call *call)
{
    struct eng_message message = {
        .type = ENG_MESSAGE_CALL, .call = (uint32_t)(call - runtime->core.calls.table)};
    post(runtime, &message);
    while (atomic_load_explicit(&call->state, memory_order_acquire) != ENG_CALL_DONE)
        plat_wait(&call->state, ENG_CALL_TAKEN, PLAT_FOREVER);
    return call->result;
}

int eng_session_open(
    struct eng_runtime *runtime, const struct eng_session_config *config, uint32_t *session)
{
    struct eng_call *call = take_call(runtime, ENG_CALL_OPEN);
    if (!call)
        return -EAGAIN;
    call->config = *config;
    int error = wait_for(runtime, call);
    *session = call->session;
    give_call(call);
    return error;
}

int eng_session_close(struct eng_runtime *runtime, uint32_t session)
{
    struct eng_call *call = take_call(runtime, ENG_CALL_CLOSE);
    if (!call)
        return -EAGAIN;
    uint64_t gate = eng_session_word(session, ENG_SESSION_OPEN);
    bool is_mine = atomic_compare_exchange_strong_explicit(&place_of(runtime, session)->gate, &gate,
        eng_session_word(session, ENG_SESSION_CLOSING), memory_order_seq_cst, memory_order_relaxed);
    PLAT_POINT(gate_closing);
    call->session = session;
    int error = is_mine ? wait_for(runtime, call) : -EBADF;
    give_call(call);
    eng_imports_sweep(&runtime->core);
    return error;
}

static int wait_on_session(
    struct eng_runtime *runtime, enum eng_call_type type, uint32_t session, uint64_t deadline_ns)
{
    if (!is_open(place_of(runtime, session), session))
        return -EBADF;
    struct eng_call *call = take_call(runtime, type);
    if (!call)
        return -EAGAIN;
    call->session = session;
    call->deadline_ns = deadline_ns;
    int error = wait_for(runtime, call);
    give_call(call);
    return error;
}

int eng_flush(struct eng_runtime *runtime, uint32_t session)
{
    return wait_on_session(runtime, ENG_CALL_FLUSH, session, 0);
}

int eng_drain(struct eng_runtime *runtime, uint32_t session, uint64_t timeout_ns)
{
    return wait_on_session(runtime, ENG_CALL_DRAIN, session, deadline_in(timeout_ns));
}

int eng_cancel(struct eng_runtime *runtime, uint32_t session, uint64_t cookie)
{
    struct eng_session *place = place_of(runtime, session);
    if (!is_open(place, session))
        return -EBADF;
    if (!take_credit(&place->cancels_in_flight, ENG_CANCELS_MAX))
        return -EAGAIN;
    struct eng_message message = {
        .type = ENG_MESSAGE_CANCEL, .submission = {.session = session, .cookie = cookie}};
    post(runtime, &message);
    return 0;
}

int eng_span_origin(
    struct eng_runtime *runtime, const void *bytes, uint64_t *inode, uint64_t *offset_bytes)
{
    const struct eng_resource_manager *resources = &runtime->core.resources;
    for (uint32_t i = 0; i < resources->pool_count; i++) {
        const struct plat_memory *memory = &resources->pools[i].memory;
        uintptr_t first = (uintptr_t)memory->bytes, at = (uintptr_t)bytes;
        if (at < first || at - first >= memory->size_bytes)
            continue;
        *offset_bytes = at - first;
        return plat_memory_inode(memory, inode);
    }
    return -EINVAL;
}
