/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a session is called for, frame by frame. */
#include "session/session.h"

#include "base/base.h"
#include "base/log.h"
#include "session/payload.h"
#include "session/telemetry.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* A preview is worth showing until the next but one is there, so a frame has two intervals. The
 * fast lane has the first seven eighths of one: when it misses them, the floor is done before the
 * next frame comes. */
#define DEADLINE_INTERVALS 2

/* How soon a reader sees that one of several sessions was stopped. */
#define LOOK_NS UINT64_C(20000000)

int sisp_session_acquire(struct sisp_session *session, struct sisp_input *input)
{
    struct eng_handle handle;
    struct eng_span span;
    if (!session || !input)
        return -EINVAL;
    if (session_is_inherited(session) || atomic_load(&session->is_stopped))
        return -ESHUTDOWN;
    int r = eng_input_acquire(session->engine->runtime, &handle, &span);
    if (r)
        return r;
    *input =
        (struct sisp_input){span.bytes, span.size_bytes, session_handle_word(handle), handle.index};
    return 0;
}

int sisp_session_cancel(struct sisp_session *session, struct sisp_input *input)
{
    if (!session || !input)
        return -EINVAL;
    if (session_is_inherited(session))
        return -ESHUTDOWN;
    int r = eng_input_cancel(session->engine->runtime, session_word_handle(input->handle));
    *input = (struct sisp_input){0};
    return r;
}

/* Counted first, so that a stop that comes between knows of it. */
static int enter(struct sisp_session *session)
{
    if (session_is_inherited(session))
        return -ESHUTDOWN;
    atomic_fetch_add(&session->in_flight, 1);
    if (!atomic_load(&session->is_stopped))
        return 0;
    atomic_fetch_sub(&session->in_flight, 1);
    return -ESHUTDOWN;
}

static int entered(struct sisp_session *session, int result)
{
    if (result)
        atomic_fetch_sub(&session->in_flight, 1);
    return result;
}

static bool is_overload(const struct sisp_session *session, uint64_t sequence)
{
    return session->overload_count && sequence >= session->overload_first &&
           sequence - session->overload_first < session->overload_count;
}

/* One frame may be a coincidence. */
#define DOUBTS_TO_WARN 3

/* Until a frame agrees with its CFA order, or enough do not. */
static void check_order(struct sisp_session *session, const struct sisp_input *input)
{
    struct sisp_cfa_check check;
    struct eng_span span; /* not the caller's pointer, which may be anything */
    char text[256];
    uint32_t looks = atomic_load(&session->looks);
    if (!looks || !atomic_compare_exchange_strong(&session->looks, &looks, looks - 1) ||
        eng_input_span(session->engine->runtime, session_word_handle(input->handle), &span) != 0)
        return;
    sisp_cfa_check(&session->engine->pipeline.info, span.bytes, &check);
    bool is_wrong = sisp_cfa_check_text(&check, text, sizeof(text)) != NULL;
    bool is_sure = is_wrong && atomic_fetch_add(&session->doubts, 1) + 1 == DOUBTS_TO_WARN;
    if (check.verdict == SISP_CFA_PLAUSIBLE || is_sure)
        atomic_store(&session->looks, 0);
    if (!is_sure)
        return;
    session->check = check;
    atomic_store(&session->is_doubted, 1);
    base_log(SISP_LOG_WARNING, "%s", text);
}

int sisp_session_cfa_check(const struct sisp_session *session, struct sisp_cfa_check *check)
{
    if (!session || !check)
        return -EINVAL;
    if (!atomic_load(&session->is_doubted))
        return -ENOENT;
    *check = session->check;
    return 0;
}

int sisp_session_submit(
    struct sisp_session *session, const struct sisp_input *input, const struct sisp_submission *s)
{
    if (!session || !input || !s)
        return -EINVAL;
    const struct pipeline *pipeline = &session->engine->pipeline;
    bool is_preview = s->lane == SISP_LANE_FAST && pipeline->preview.width;
    bool is_still = s->lane == SISP_LANE_BACKGROUND && pipeline->still.width;
    if (!is_preview && !is_still)
        return -EINVAL;
    union {
        struct frame_meta meta;
        uint8_t bytes[ENG_META_BYTES];
    } meta = {.bytes = {0}};
    /* Numbers that make no sense are unknown. */
    meta.meta.exposure_us = isfinite(s->exposure_us) ? s->exposure_us : 0;
    meta.meta.analogue_gain = isfinite(s->analogue_gain) ? s->analogue_gain : 0;
    meta.meta.readout_ns = s->readout_ns;
    meta.meta.bytes_copied = s->bytes_copied;
    meta.meta.is_overload = is_overload(session, s->sequence);
    uint64_t now_ns = eng_now_ns(), deadline_ns = s->deadline_ns;
    if (is_preview && !deadline_ns && session->frame_interval_ns)
        deadline_ns = now_ns + DEADLINE_INTERVALS * session->frame_interval_ns;
    struct eng_submission submission = {
        .session = session->number,
        .input = session_word_handle(input->handle),
        .lane = is_preview ? ENG_LANE_FAST : ENG_LANE_BACKGROUND,
        .sequence = s->sequence,
        .capture_ns = s->capture_ns ? s->capture_ns : now_ns,
        .deadline_ns = deadline_ns,
        .cookie = s->cookie,
        .meta = &meta,
        .has_fence = s->has_fence != 0,
        .fence_fd = s->fence_fd,
    };
    int r = enter(session);
    if (r == 0 && !s->has_fence)
        check_order(session, input);
    return r ? r : entered(session, eng_submit(session->engine->runtime, &submission));
}

int sisp_session_press(struct sisp_session *session, uint64_t *token)
{
    if (!session || !token || !session->engine->burst_frames)
        return -EINVAL;
    int r = enter(session);
    return r ? r
             : entered(session, eng_plan_request(session->engine->runtime, session->number,
                                    session->engine->burst_frames, 0, token));
}

/* A stop ends the frames of one of several sessions, not the runtime that would say so. */
static int next_completion(
    struct sisp_session *session, struct eng_completion *completion, uint64_t timeout_ns)
{
    uint64_t now_ns = eng_now_ns();
    uint64_t end_ns = timeout_ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + timeout_ns;
    for (;;) {
        bool is_over = atomic_load(&session->is_stopped) && !atomic_load(&session->in_flight);
        uint64_t wait_ns = is_over || now_ns >= end_ns ? 0 : end_ns - now_ns;
        if (session->engine->sessions_max > 1)
            wait_ns = base_min_size(wait_ns, LOOK_NS);
        int r = eng_next(session->engine->runtime, session->number, completion, wait_ns);
        if (r == 0)
            atomic_fetch_sub(&session->in_flight, 1);
        if (r != -EAGAIN)
            return r;
        now_ns = eng_now_ns();
        if (is_over || now_ns >= end_ns)
            return is_over ? -ESHUTDOWN : -EAGAIN;
    }
}

int sisp_session_next(struct sisp_session *session, struct sisp_result *result, uint64_t timeout_ns)
{
    struct eng_completion completion;
    if (!session || !result)
        return -EINVAL;
    if (session_is_inherited(session))
        return -ESHUTDOWN;
    int r = next_completion(session, &completion, timeout_ns);
    if (r)
        return r;
    memset(result, 0, sizeof(*result));
    result->image_buffer.fd = result->second_buffer.fd = result->raw_buffer.fd = -1;
    telemetry_record(&result->record, &completion.row);
    result->cookie = completion.cookie;
    for (unsigned i = 0; i < BASE_COUNT(result->buffers); i++)
        result->buffers[i] = session_handle_word(completion.handles[i]);
    session_show_raw(session, &completion, result);
    const struct payload *payload = completion.delivered[ROLE_PAYLOAD].bytes;
    void *picture = completion.delivered[ROLE_PICTURE].bytes;
    if (completion.row.outcome != ENG_DELIVERED || !payload || !picture)
        return 0;
    const struct pipeline *p = &session->engine->pipeline;
    bool is_still = completion.row.lane == ENG_LANE_BACKGROUND;
    result->image = pipeline_picture(is_still ? &p->still : &p->preview, picture);
    if (!is_still && p->second.width)
        result->second = pipeline_second_picture(p, picture);
    session_locate(session, &completion, result);
    if (completion.row.plan_token)
        session_show_fusion(session, &completion, result);
    if (payload_is_sound(payload)) {
        result->coefficients = &payload->coefficients;
        result->request = payload->request;
        result->applied = payload->applied;
        result->params_generation = payload->params_generation;
    }
    return 0;
}

/* The handles stay in the result, so that a second release is known as one. */
static int release(struct sisp_session *session, struct sisp_result *result, const int *fence_fd)
{
    struct eng_completion completion = {0};
    if (!session || !result)
        return -EINVAL;
    if (session_is_inherited(session))
        return -ESHUTDOWN;
    struct eng_runtime *runtime = session->engine->runtime;
    for (unsigned i = 0; i < BASE_COUNT(result->buffers); i++)
        completion.handles[i] = session_word_handle(result->buffers[i]);
    int r = fence_fd ? eng_release_fenced(runtime, &completion, *fence_fd)
                     : eng_release(runtime, &completion);
    if (r && r != -ESTALE)
        return r;
    result->image = result->second = (struct sisp_image){0};
    result->raw = (struct sisp_raw_image){0};
    result->image_buffer = result->second_buffer = (struct sisp_buffer){.fd = -1};
    result->raw_buffer = result->image_buffer;
    result->coefficients = NULL;
    result->fusion = NULL;
    result->motion = (struct sisp_motion){0};
    return r;
}

int sisp_session_release(struct sisp_session *session, struct sisp_result *result)
{
    return release(session, result, NULL);
}

int sisp_session_release_fenced(
    struct sisp_session *session, struct sisp_result *result, int fence_fd)
{
    return release(session, result, &fence_fd);
}

void sisp_session_figures(struct sisp_session *session, struct sisp_figures *figures)
{
    struct eng_figures engine;
    eng_figures(session->engine->runtime, &engine);
    telemetry_figures(figures, &engine);
}
