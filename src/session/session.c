/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The public session: its parameters become tables for the engine, its calls engine calls. */
#include "session/session.h"

#include "base/base.h"
#include "session/knobs.h"
#include "session/payload.h"
#include "session/telemetry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Inputs that may be in flight beside those that the ring of a burst keeps: one being filled, two
 * in the fast lane, one on the floor, one whose worker has not acknowledged yet, and one spare. */
#define INPUTS_IN_FLIGHT 6

/* A preview is worth showing until the next but one is there, so a frame has two intervals. The
 * fast lane has the first seven eighths of one: when it misses them, the floor is done before the
 * next frame comes. */
#define DEADLINE_INTERVALS 2

/* Writing a large file takes its time, and nobody waits for the picture's buffer. */
#define FILE_LEASE_NS UINT64_C(3600000000000)

/* Pictures of a lane: two being made, four with the consumer, one whose worker hangs. */
#define PICTURES 7

int sisp_isa_find(const char *name)
{
    return isp_isa_find(name);
}

const char *sisp_isa_name(unsigned isa)
{
    return isa < ISP_ISA_COUNT ? isp_isa_name((enum isp_isa)isa) : NULL;
}

struct sisp_session_params sisp_session_params_default(void)
{
    return (struct sisp_session_params){.params = sisp_params_default()};
}

static int fail(char *error, size_t error_size, int result, const char *sentence)
{
    if (error && error_size)
        snprintf(error, error_size, "%s", sentence);
    return result;
}

static struct isp_geometry geometry_of(
    const struct sisp_raw_info *info, const struct sisp_picture_params *picture)
{
    struct isp_geometry geometry;
    memset(&geometry, 0, sizeof(geometry)); /* compared and hashed with its padding */
    geometry.raw_fourcc = info->fourcc;
    geometry.raw_width = info->width;
    geometry.raw_height = info->height;
    geometry.raw_stride_bytes = info->stride_bytes;
    geometry.crop = info->crop;
    geometry.format = picture->format;
    geometry.width = picture->width;
    geometry.height = picture->height;
    return geometry;
}

static int check_params(const struct sisp_session_params *params, char *error, size_t error_size)
{
    size_t size_bytes;
    if (!sisp_raw_info_format(&params->info))
        return fail(error, error_size, -EINVAL, "the raw format is not known");
    if (!base_mul_size(params->info.stride_bytes, params->info.height, &size_bytes))
        return fail(error, error_size, -EINVAL, "the rows of a frame are too long");
    if (!params->preview.width && !params->still.width)
        return fail(error, error_size, -EINVAL, "neither a preview nor a still was asked for");
    if (params->still.width && params->still.format == SISP_PIXEL_NV12)
        return fail(error, error_size, -EINVAL, "stills are RGB24, XRGB8888 or RGBA64");
    if (params->burst_frames > ISP_BURST_MAX || params->burst_frames == 1)
        return fail(error, error_size, -EINVAL, "a burst takes 2 to 16 frames");
    if (params->burst_frames && (!params->preview.width || !params->still.width))
        return fail(error, error_size, -EINVAL, "a burst needs both a preview and a still");
    if (params->threads > PIPELINE_THREADS_MAX)
        return fail(error, error_size, -EINVAL, "at most 64 threads");
    if (params->knobs && !knobs_are_valid(params->knobs))
        return fail(error, error_size, -EINVAL, "a knob is outside its range");
    for (int i = 0; i < SISP_PARAM_COUNT; i++) {
        const struct sisp_param_row *row = &sisp_param_table[i];
        if (!(params->params.value[i] >= row->min && params->params.value[i] <= row->max))
            return fail(error, error_size, -EINVAL, "a parameter is outside its range");
    }
    return 0;
}

static uint32_t cpu_count(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    if (count < 1)
        return 1;
    return count > PIPELINE_THREADS_MAX ? PIPELINE_THREADS_MAX : (uint32_t)count;
}

static int init_pipeline(
    struct pipeline *p, const struct sisp_session_params *params, char *error, size_t error_size)
{
    int isa = isp_isa_find(params->isa ? params->isa : "auto");
    if (isa < 0)
        return fail(error, error_size, isa,
            isa == -ENOTSUP ? "this machine or build does not have that instruction set level"
                            : "the instruction set level is not known");
    p->isa = (enum isp_isa)isa;
    p->info = params->info;
    p->params = params->params;
    p->limits = params->limits;
    p->is_live = params->is_live;
    p->threads = params->threads ? params->threads : cpu_count();
    p->preview = geometry_of(&params->info, &params->preview);
    p->still = geometry_of(&params->info, &params->still);
    if (params->coefficients) {
        p->has_fixed = true;
        p->fixed = *params->coefficients;
    }
    int r = pipeline_init(p, params->burst_frames);
    if (r == -ENOMEM)
        return fail(error, error_size, r, "not enough memory for frames of this size");
    if (r)
        return fail(error, error_size, r, "the sizes of frame, crop and picture do not fit");
    return 0;
}

static uint32_t add_pool(
    struct eng_config *config, const char *name, size_t size_bytes, uint32_t count)
{
    config->pools[config->pool_count] = (struct eng_pool_config){name, size_bytes, count};
    return config->pool_count++;
}

static void add_lane(struct eng_config *config, enum eng_lane lane,
    const enum pipeline_command commands[2], uint32_t picture_pool)
{
    struct eng_lane_config *l = &config->lanes[lane];
    l->stage_count = 2;
    l->stages[0] = commands[0];
    l->stages[1] = commands[1];
    for (unsigned i = 0; i < ENG_ROLES_MAX; i++)
        l->role_pool[i] = ENG_NONE;
    l->role_pool[ROLE_PICTURE] = picture_pool;
}

const char *const session_worker_names[SESSION_WORKERS] = {"fast", "background", "floor"};

static void describe_commands(struct eng_config *config, struct pipeline *p)
{
    const uint32_t payload = 1u << ROLE_PAYLOAD, state = 1u << ROLE_STATE;
    const uint32_t stats = 1u << ROLE_STATS, picture = 1u << ROLE_PICTURE;
    enum { FAST, SLOW, FLOOR };
    config->worker_count = SESSION_WORKERS;
    config->workers[FAST] = (struct eng_worker_config){.threads = p->threads};
    config->workers[SLOW] =
        (struct eng_worker_config){.threads = p->threads, .is_background = p->is_live};
    config->workers[FLOOR] = (struct eng_worker_config){.threads = 1};
    for (uint32_t i = 0; i < SESSION_WORKERS; i++)
        config->workers[i].name = session_worker_names[i];
    config->command_count = COMMAND_COUNT;
    config->commands[COMMAND_FAST_ALGO] = (struct eng_command_config){
        "FastAlgo", &fast_algo_ops, p, FAST, 0, state | stats, payload | state};
    config->commands[COMMAND_FAST_ISP] =
        (struct eng_command_config){"FastISP", &fast_isp_ops, p, FAST, payload, 0, picture | stats};
    config->commands[COMMAND_SLOW_ALGO] =
        (struct eng_command_config){"SlowAlgo", &slow_algo_ops, p, SLOW, 0, payload, payload};
    config->commands[COMMAND_SLOW_ISP] =
        (struct eng_command_config){"SlowISP", &slow_isp_ops, p, SLOW, payload, 0, picture};
    config->commands[COMMAND_RAW_ALGO] =
        (struct eng_command_config){"RawAlgo", &raw_algo_ops, p, FLOOR, 0, payload, payload};
    config->commands[COMMAND_RAW_ISP] =
        (struct eng_command_config){"RawISP", &raw_isp_ops, p, FLOOR, payload, 0, picture};
}

static void describe_lanes(
    struct eng_config *config, const struct pipeline *p, const struct sisp_session_params *params)
{
    static const enum pipeline_command fast[] = {COMMAND_FAST_ALGO, COMMAND_FAST_ISP};
    static const enum pipeline_command slow[] = {COMMAND_SLOW_ALGO, COMMAND_SLOW_ISP};
    static const enum pipeline_command floor[] = {COMMAND_RAW_ALGO, COMMAND_RAW_ISP};
    uint32_t lanes = 0;
    if (p->preview.width) {
        size_t bytes = pipeline_picture_bytes(&p->preview);
        uint32_t pictures = params->is_live ? PICTURES : 1;
        add_lane(config, ENG_LANE_FAST, fast, add_pool(config, "preview", bytes, pictures));
        if (params->is_live) /* a file has no deadline to miss */
            add_lane(config, ENG_LANE_FLOOR, floor, add_pool(config, "floor", bytes, PICTURES));
        lanes++;
    }
    if (p->still.width) {
        size_t bytes = pipeline_picture_bytes(&p->still);
        add_lane(config, ENG_LANE_BACKGROUND, slow,
            add_pool(config, "still", bytes, params->is_live ? 2 : 1));
        lanes++;
    }
    /* Payloads and states are small: enough for every frame in flight and what is committed. The
     * floor has payloads of its own, so that no other lane can starve it. */
    uint32_t small = lanes * PICTURES + 4;
    uint32_t payloads = add_pool(config, "payload", sizeof(struct payload), small);
    config->lanes[ENG_LANE_FAST].role_pool[ROLE_PAYLOAD] = payloads;
    config->lanes[ENG_LANE_BACKGROUND].role_pool[ROLE_PAYLOAD] = payloads;
    if (!p->preview.width)
        return;
    if (params->is_live)
        config->lanes[ENG_LANE_FLOOR].role_pool[ROLE_PAYLOAD] =
            add_pool(config, "floor payload", sizeof(struct payload), PICTURES);
    config->lanes[ENG_LANE_FAST].role_pool[ROLE_STATE] =
        add_pool(config, "state", sizeof(struct isp_auto_state), small);
    config->lanes[ENG_LANE_FAST].role_pool[ROLE_STATS] =
        add_pool(config, "stats", sizeof(struct frame_stats), small);
}

/* As much of it as the knob's range allows; 0: the engine's default. */
static uint64_t floor_budget_ns(uint64_t interval_ns)
{
    const struct eng_knob_row *row = &eng_knob_table[ENG_KNOB_floor_budget_ns];
    uint64_t budget_us = interval_ns / 8 * 9 / row->scale;
    return base_min_size(budget_us, row->max) * row->scale;
}

static void describe_engine(struct eng_config *config, struct sisp_session *session,
    const struct sisp_session_params *params)
{
    struct pipeline *p = &session->pipeline;
    uint32_t inputs = params->is_live ? INPUTS_IN_FLIGHT + params->burst_frames : 1;
    config->input_pool = add_pool(config, "input", sisp_raw_info_size_bytes(&params->info), inputs);
    config->history_count = params->burst_frames;
    if (!params->is_live)
        config->knobs.lease_ns = FILE_LEASE_NS;
    config->knobs.floor_budget_ns = floor_budget_ns(params->frame_interval_ns);
    if (params->knobs)
        knobs_apply(&config->knobs, params->knobs);
    describe_commands(config, p);
    describe_lanes(config, p, params);
    config->commit_roles = 1u << ROLE_PAYLOAD | 1u << ROLE_STATE | 1u << ROLE_STATS;
    config->deliver_roles = 1u << ROLE_PAYLOAD | 1u << ROLE_PICTURE;
    config->blob_role = ROLE_PAYLOAD;
    if (params->telemetry) {
        config->telemetry = telemetry_row;
        config->event = telemetry_event;
        config->telemetry_user = params->telemetry;
    }
}

/* All buffers are there from the start, so a quota that is too small shows now. */
static int check_quota(const struct eng_config *config, char *error, size_t error_size)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < config->pool_count; i++)
        sum += (uint64_t)config->pools[i].size_bytes * config->pools[i].count;
    if (!config->knobs.quota_bytes || sum <= config->knobs.quota_bytes)
        return 0;
    char sentence[128];
    snprintf(sentence, sizeof(sentence), "quota_bytes is %llu, but the buffers take %llu bytes",
        (unsigned long long)config->knobs.quota_bytes, (unsigned long long)sum);
    return fail(error, error_size, -EINVAL, sentence);
}

static int start_engine(struct sisp_session *session, const struct sisp_session_params *params,
    struct eng_config *config, char *error, size_t error_size)
{
    describe_engine(config, session, params);
    int r = check_quota(config, error, error_size);
    if (r)
        return r;
    if (params->telemetry)
        telemetry_begin_session(params->telemetry);
    r = eng_runtime_create(&session->runtime, config);
    if (r == -ENOMEM)
        return fail(error, error_size, r, "not enough memory for frames of this size");
    if (r == -EINVAL)
        return fail(error, error_size, r, "the knobs do not go together; the log says why");
    if (r)
        return fail(error, error_size, r, "the engine could not be started");
    return 0;
}

int sisp_session_create(struct sisp_session **out, const struct sisp_session_params *params,
    char *error, size_t error_size)
{
    *out = NULL;
    int r = check_params(params, error, error_size);
    if (r)
        return r;
    struct sisp_session *session = calloc(1, sizeof(*session));
    struct eng_config *config = calloc(1, sizeof(*config));
    r = session && config ? 0 : fail(error, error_size, -ENOMEM, "not enough memory");
    if (r == 0) {
        session->burst_frames = params->burst_frames;
        session->frame_interval_ns = params->is_live ? params->frame_interval_ns : 0;
        session->overload_first = params->overload_first;
        session->overload_count = params->overload_count;
        r = init_pipeline(&session->pipeline, params, error, error_size);
    }
    if (r == 0)
        r = start_engine(session, params, config, error, error_size);
    free(config);
    if (r)
        sisp_session_destroy(&session);
    *out = session;
    return r;
}

static uint64_t handle_to_word(struct eng_handle handle)
{
    return (uint64_t)handle.generation << 32 | handle.index;
}

static struct eng_handle word_to_handle(uint64_t word)
{
    return (struct eng_handle){(uint32_t)word, (uint32_t)(word >> 32)};
}

int sisp_session_acquire(struct sisp_session *session, struct sisp_input *input)
{
    struct eng_handle handle;
    struct eng_span span;
    int r = eng_input_acquire(session->runtime, &handle, &span);
    if (r)
        return r;
    *input = (struct sisp_input){span.bytes, span.size_bytes, handle_to_word(handle)};
    return 0;
}

void sisp_session_cancel(struct sisp_session *session, struct sisp_input *input)
{
    eng_input_cancel(session->runtime, word_to_handle(input->handle));
    *input = (struct sisp_input){0};
}

int sisp_session_submit(
    struct sisp_session *session, const struct sisp_input *input, const struct sisp_submission *s)
{
    bool is_preview = s->lane == SISP_LANE_FAST && session->pipeline.preview.width;
    bool is_still = s->lane == SISP_LANE_BACKGROUND && session->pipeline.still.width;
    if (!is_preview && !is_still)
        return -EINVAL;
    union {
        struct frame_meta meta;
        uint8_t bytes[ENG_META_BYTES];
    } meta = {.bytes = {0}};
    meta.meta.exposure_us = s->exposure_us;
    meta.meta.analogue_gain = s->analogue_gain;
    meta.meta.bytes_copied = s->bytes_copied;
    meta.meta.is_overload = session->overload_count && s->sequence >= session->overload_first &&
                            s->sequence - session->overload_first < session->overload_count;
    uint64_t capture_ns = s->capture_ns ? s->capture_ns : eng_now_ns();
    uint64_t deadline_ns = s->deadline_ns;
    if (is_preview && !deadline_ns && session->frame_interval_ns)
        deadline_ns = capture_ns + DEADLINE_INTERVALS * session->frame_interval_ns;
    struct eng_submission submission = {
        .input = word_to_handle(input->handle),
        .lane = is_preview ? ENG_LANE_FAST : ENG_LANE_BACKGROUND,
        .sequence = s->sequence,
        .capture_ns = capture_ns,
        .deadline_ns = deadline_ns,
        .cookie = s->cookie,
        .meta = &meta,
    };
    return eng_submit(session->runtime, &submission);
}

int sisp_session_press(struct sisp_session *session, uint64_t *token)
{
    if (!session->burst_frames)
        return -EINVAL;
    return eng_plan_request(session->runtime, 0, session->burst_frames, 0, token);
}

int sisp_session_next(struct sisp_session *session, struct sisp_result *result, uint64_t timeout_ns)
{
    struct eng_completion completion;
    int r = eng_next(session->runtime, 0, &completion, timeout_ns);
    if (r)
        return r;
    memset(result, 0, sizeof(*result));
    telemetry_record(&result->record, &completion.row);
    result->cookie = completion.cookie;
    for (unsigned i = 0; i < BASE_COUNT(result->buffers); i++)
        result->buffers[i] = handle_to_word(completion.handles[i]);
    const struct payload *payload = completion.delivered[ROLE_PAYLOAD].bytes;
    void *picture = completion.delivered[ROLE_PICTURE].bytes;
    if (completion.row.outcome == ENG_DELIVERED && payload && picture) {
        const struct pipeline *p = &session->pipeline;
        bool is_still = completion.row.lane == ENG_LANE_BACKGROUND;
        result->image = pipeline_picture(is_still ? &p->still : &p->preview, picture);
        if (payload_is_sound(payload)) {
            result->coefficients = &payload->coefficients;
            result->request = payload->request;
        }
    }
    return 0;
}

void sisp_session_release(struct sisp_session *session, struct sisp_result *result)
{
    struct eng_completion completion = {0};
    for (unsigned i = 0; i < BASE_COUNT(result->buffers); i++)
        completion.handles[i] = word_to_handle(result->buffers[i]);
    eng_release(session->runtime, &completion);
    memset(result, 0, sizeof(*result));
}

void sisp_session_stop(struct sisp_session *session)
{
    eng_stop(session->runtime);
}

void sisp_session_figures(struct sisp_session *session, struct sisp_figures *figures)
{
    struct eng_figures engine;
    eng_figures(session->runtime, &engine);
    telemetry_figures(figures, &engine);
}

void sisp_session_destroy(struct sisp_session **session)
{
    if (!*session)
        return;
    /* A worker that is left behind may still be writing to the pipeline. */
    if (eng_runtime_destroy(&(*session)->runtime) == 0) {
        pipeline_finish(&(*session)->pipeline);
        free(*session);
    }
    *session = NULL;
}
