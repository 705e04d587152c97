/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "session/engine.h"

#include "base/base.h"
#include "base/program.h"
#include "session/knobs.h"
#include "session/tables.h"
#include "session/telemetry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int session_fail(char *error, size_t error_size, int result, const char *sentence)
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
    geometry.orientation = picture->orientation;
    return geometry;
}

static uint32_t cpu_count(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    if (count < 1)
        return 1;
    return count > PIPELINE_THREADS_MAX ? PIPELINE_THREADS_MAX : (uint32_t)count;
}

static int fill_pipeline(
    struct pipeline *p, const struct sisp_session_params *params, char *error, size_t error_size)
{
    int isa = isp_isa_find(params->isa ? params->isa : "auto");
    if (isa < 0)
        return session_fail(error, error_size, isa,
            isa == -ENOTSUP ? "this machine or build does not have that instruction set level"
                            : "the instruction set level is not known");
    snprintf(p->version, sizeof(p->version), "%s", SISP_VERSION);
    p->burst_frames = params->burst_frames;
    p->has_mosaic = params->is_mosaic_wanted != 0;
    p->is_mosaic_denoised = params->is_mosaic_denoised != 0;
    p->isa = (enum isp_isa)isa;
    p->info = params->info;
    p->params = params->params;
    p->limits = params->limits;
    p->is_live = params->is_live;
    p->threads = params->threads ? params->threads : cpu_count();
    p->preview = geometry_of(&params->info, &params->preview);
    p->still = geometry_of(&params->info, &params->still);
    p->second = geometry_of(&params->info, &params->second);
    p->board = &p->own_board;
    if (params->tuning)
        pipeline_board_write(&p->own_board, params->tuning);
    if (params->coefficients) {
        p->has_fixed = true;
        p->fixed = *params->coefficients;
    }
    return 0;
}

/* With workers in processes of their own, each of those has its scratch. */
static int init_pipeline(
    struct pipeline *p, const struct eng_knobs *knobs, char *error, size_t error_size)
{
    bool is_ours = knobs->isolation == ENG_ISOLATION_THREAD;
    int r = pipeline_init(p, is_ours ? PIPELINE_ALL : 0);
    if (r == -ENOMEM)
        return session_fail(error, error_size, r, "not enough memory for frames of this size");
    if (r)
        return session_fail(
            error, error_size, r, "the sizes of frame, crop and picture do not fit");
    return 0;
}

/* All buffers are there from the start, so a quota that is too small shows now. */
static int check_quota(const struct eng_config *config, char *error, size_t error_size)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < config->pool_count; i++)
        if (config->pools[i].memory != ENG_MEMORY_IMPORTED)
            sum += (uint64_t)config->pools[i].size_bytes * config->pools[i].count;
    if (!config->knobs.quota_bytes || sum <= config->knobs.quota_bytes)
        return 0;
    char sentence[128];
    snprintf(sentence, sizeof(sentence), "quota_bytes is %llu, but the buffers take %llu bytes",
        (unsigned long long)config->knobs.quota_bytes, (unsigned long long)sum);
    return session_fail(error, error_size, -EINVAL, sentence);
}

/* ---- telemetry thread ------------------------------------------------------------------------ */

static void take_row(void *user, const struct eng_row *row, const void *blob, size_t size_bytes)
{
    struct session_engine *engine = user;
    if (engine->telemetry)
        telemetry_row(engine->telemetry, row, blob, size_bytes);
}

static void take_event(void *user, const struct eng_event *event)
{
    struct session_engine *engine = user;
    if (engine->telemetry)
        telemetry_event(engine->telemetry, event);
    if (!engine->event)
        return;
    struct sisp_event shown;
    telemetry_show_event(&shown, event);
    engine->event(engine->event_user, &shown);
}

/* ---- create, join, leave --------------------------------------------------------------------- */

/* The workers' program, and what it makes its tables from. */
static int describe_processes(
    struct eng_config *config, struct session_engine *engine, char *error, size_t error_size)
{
    if (config->knobs.isolation == ENG_ISOLATION_THREAD)
        return 0;
    if (!base_program_find(engine->worker_program, sizeof(engine->worker_program), "softisp-worker",
            "src/worker", SOFTISP_LIBEXECDIR))
        return session_fail(error, error_size, -ENOENT,
            "the program softisp-worker, in which workers are isolated, was not found; "
            "SOFTISP_LIBEXECDIR may name its folder");
    config->worker_program = engine->worker_program;
    config->worker_blob = &engine->pipeline;
    config->worker_blob_bytes = PIPELINE_FIXED_BYTES;
    return 0;
}

static int fail_to_start(
    const struct sisp_session_params *params, int result, char *error, size_t error_size)
{
    char text[160];
    snprintf(text, sizeof(text),
        "the engine could not be started with inputs in %s, pictures in %s: %s",
        sisp_memory_name(params->input_memory), sisp_memory_name(params->output_memory),
        strerror(-result));
    return session_fail(error, error_size, result, text);
}

static int start(struct session_engine *engine, const struct sisp_session_params *params,
    struct eng_config *config, char *error, size_t error_size)
{
    tables_describe(config, &engine->pipeline, params);
    engine->input_count = config->pools[config->input_pool].count;
    engine->import_count = params->imports_max * engine->sessions_max;
    config->telemetry = take_row;
    config->event = take_event;
    config->telemetry_user = engine;
    int r = check_quota(config, error, error_size);
    if (r == 0)
        r = describe_processes(config, engine, error, error_size);
    if (r)
        return r;
    const struct eng_knob_row *grace = &eng_knob_table[ENG_KNOB_drain_grace_period_ns];
    engine->drain_grace_ns = config->knobs.drain_grace_period_ns
                                 ? config->knobs.drain_grace_period_ns
                                 : grace->value_default * grace->scale;
    if (engine->telemetry)
        telemetry_begin_session(engine->telemetry);
    r = eng_runtime_create(&engine->runtime, config);
    if (r == -ENOMEM)
        return session_fail(error, error_size, r, "not enough memory for frames of this size");
    if (r == -EINVAL && params->input_memory == SISP_MEMORY_MEMFD &&
        params->output_memory == SISP_MEMORY_MEMFD)
        return session_fail(error, error_size, r, "the knobs do not go together; the log says why");
    return r ? fail_to_start(params, r, error, error_size) : 0;
}

int session_engine_create(struct session_engine **out, const struct sisp_session_params *params,
    char *error, size_t error_size)
{
    *out = NULL;
    struct session_engine *engine = calloc(1, sizeof(*engine));
    struct eng_config *config = calloc(1, sizeof(*config));
    int r = engine && config ? 0 : session_fail(error, error_size, -ENOMEM, "not enough memory");
    if (r == 0) {
        engine->telemetry = params->telemetry;
        engine->event = params->event;
        engine->event_user = params->event_user;
        engine->burst_frames = params->burst_frames;
        engine->sessions_max = params->sessions_max ? params->sessions_max : 1;
        engine->imports_max = params->imports_max;
        engine->raws_max = params->raws_max;
        engine->input_memory = params->input_memory;
        engine->output_memory = params->output_memory;
        engine->sessions = 1;
        if (params->knobs)
            knobs_apply(&config->knobs, params->knobs);
        r = fill_pipeline(&engine->pipeline, params, error, error_size);
    }
    if (r == 0)
        r = init_pipeline(&engine->pipeline, &config->knobs, error, error_size);
    if (r == 0)
        r = start(engine, params, config, error, error_size);
    free(config);
    if (r && engine)
        session_engine_leave(engine);
    else
        *out = engine;
    return r;
}

/* What all frames of an engine have in common beside their sizes. Each brings its exposure itself,
 * and EXIF is for files. The members compared are numbers of four bytes, without a gap. */
static bool is_of_same_sensor(const struct sisp_raw_info *a, const struct sisp_raw_info *b)
{
    const size_t levels = offsetof(struct sisp_raw_info, black_level);
    const size_t levels_end = offsetof(struct sisp_raw_info, exposure_us);
    const size_t noise = offsetof(struct sisp_raw_info, noise_shot);
    const size_t noise_end = offsetof(struct sisp_raw_info, lsc) + sizeof(a->lsc);
    return memcmp((const char *)a + levels, (const char *)b + levels, levels_end - levels) == 0 &&
           memcmp((const char *)a + noise, (const char *)b + noise, noise_end - noise) == 0;
}

static bool makes_the_same(const struct pipeline *p, const struct sisp_session_params *params)
{
    struct isp_geometry preview = geometry_of(&params->info, &params->preview);
    struct isp_geometry still = geometry_of(&params->info, &params->still);
    struct isp_geometry second = geometry_of(&params->info, &params->second);
    return memcmp(&p->second, &second, sizeof(second)) == 0 &&
           memcmp(&p->preview, &preview, sizeof(preview)) == 0 &&
           memcmp(&p->still, &still, sizeof(still)) == 0 &&
           memcmp(&p->params, &params->params, sizeof(p->params)) == 0 &&
           is_of_same_sensor(&p->info, &params->info) && p->is_live == (params->is_live != 0);
}

int session_engine_join(struct session_engine *engine, const struct sisp_session_params *params,
    char *error, size_t error_size)
{
    if (!makes_the_same(&engine->pipeline, params) ||
        engine->burst_frames != params->burst_frames ||
        engine->imports_max != params->imports_max || engine->raws_max != params->raws_max ||
        engine->pipeline.has_mosaic != (params->is_mosaic_wanted != 0) ||
        engine->pipeline.is_mosaic_denoised != (params->is_mosaic_denoised != 0) ||
        engine->input_memory != params->input_memory ||
        engine->output_memory != params->output_memory)
        return session_fail(error, error_size, -EINVAL,
            "who shares an engine has sensor, pictures, raws, parameters, burst and memory in "
            "common");
    if (params->telemetry || params->event || params->knobs || params->coefficients ||
        params->tuning)
        return session_fail(error, error_size, -EINVAL,
            "telemetry, events, knobs, tuning and coefficients are those of the engine's first "
            "session");
    uint32_t sessions = atomic_load(&engine->sessions);
    do {
        if (sessions == engine->sessions_max)
            return session_fail(error, error_size, -ENOSPC,
                "the engine was made for fewer sessions (sessions_max)");
    } while (!atomic_compare_exchange_weak(&engine->sessions, &sessions, sessions + 1));
    return 0;
}

void session_engine_leave(struct session_engine *engine)
{
    if (atomic_fetch_sub(&engine->sessions, 1) > 1)
        return;
    uint32_t left = eng_runtime_destroy(&engine->runtime);
    if (left & ENG_LEFT_TELEMETRY && engine->telemetry)
        telemetry_abandon(engine->telemetry);
    /* What is left behind may still use all of it. */
    if (left)
        return;
    pipeline_finish(&engine->pipeline);
    free(engine);
}
