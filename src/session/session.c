/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The life of a session: alone on an engine, or beside others. */
#include "session/session.h"

#include "base/base.h"
#include "session/knobs.h"
#include "session/payload.h"
#include "tuning/check.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define IMPORTS_MAX 32
#define RAWS_MAX    32
#define RETRY_NS    1000000

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

static int check_memory(const struct sisp_session_params *params, char *error, size_t error_size)
{
    const enum sisp_memory memories[] = {params->input_memory, params->output_memory};
    bool is_process =
        params->knobs && params->knobs->value[ENG_KNOB_isolation] == ENG_ISOLATION_PROCESS;
    if (params->imports_max > IMPORTS_MAX)
        return session_fail(error, error_size, -EINVAL, "at most 32 imports");
    if (params->imports_max && is_process)
        return session_fail(error, error_size, -ENOTSUP,
            "buffers of others cannot be read by workers in processes (isolation=process)");
    for (size_t i = 0; i < BASE_COUNT(memories); i++) {
        const bool is_private = i > 0 && memories[i] == SISP_MEMORY_PRIVATE;
        if ((unsigned)memories[i] >= SISP_MEMORY_IMPORTED && !is_private)
            return session_fail(error, error_size, -EINVAL,
                "inputs and pictures lie in memfd, udmabuf or dma-heap, pictures in private, too");
        if (memories[i] != SISP_MEMORY_MEMFD && is_process)
            return session_fail(error, error_size, -ENOTSUP,
                "workers in processes (isolation=process) share memfds only");
        if (memories[i] != SISP_MEMORY_MEMFD &&
            sisp_memory_probe(memories[i], error, error_size) != 0)
            return -ENOTSUP;
    }
    return 0;
}

static bool is_dark_usable(const struct sisp_raw_info *info)
{
    return info->dark.width == 0 || isp_black_has_dark(info);
}

static bool has_range(const struct sisp_raw_info *info)
{
    for (unsigned i = 0; i < SISP_SITE_COUNT; i++)
        if (!(info->black_level[i] >= 0 && info->black_level[i] < info->white_level))
            return false;
    return info->white_level <= 65535;
}

static int check_params(const struct sisp_session_params *params, char *error, size_t error_size)
{
    size_t size_bytes;
    if (!sisp_raw_info_format(&params->info))
        return session_fail(error, error_size, -EINVAL, "the raw format is not known");
    if (!base_mul_size(params->info.stride_bytes, params->info.height, &size_bytes))
        return session_fail(error, error_size, -EINVAL, "the rows of a frame are too long");
    if (!has_range(&params->info))
        return session_fail(error, error_size, -EINVAL,
            "each black level is 0 or more and below the white level, which is at most 65535");
    if (!is_dark_usable(&params->info))
        return session_fail(error, error_size, -EINVAL,
            "the samples that no light reaches are a rectangle inside the frame, 2x2 or larger and "
            "128 at least");
    if (!params->preview.width && !params->still.width)
        return session_fail(
            error, error_size, -EINVAL, "neither a preview nor a still was asked for");
    const enum sisp_pixel_format still = params->still.format;
    if (params->still.width && still != SISP_PIXEL_RGB24 && still != SISP_PIXEL_XRGB8888 &&
        still != SISP_PIXEL_RGBA64)
        return session_fail(error, error_size, -EINVAL, "stills are RGB24, XRGB8888 or RGBA64");
    if ((unsigned)params->preview.orientation >= SISP_ORIENTATION_COUNT)
        return session_fail(error, error_size, -EINVAL, "the preview's orientation is not known");
    if (params->still.width && params->still.orientation != SISP_ORIENTATION_ROTATE_0)
        return session_fail(
            error, error_size, -EINVAL, "stills are turned by who writes them, not by the session");
    if (params->second.width && !params->preview.width)
        return session_fail(
            error, error_size, -EINVAL, "a second picture needs a preview beside it");
    if (params->second.width && params->second.orientation != params->preview.orientation)
        return session_fail(
            error, error_size, -EINVAL, "both pictures of a frame have one orientation");
    if (params->burst_frames > ISP_BURST_MAX || params->burst_frames == 1)
        return session_fail(error, error_size, -EINVAL, "a burst takes 2 to 16 frames");
    if (params->burst_frames && (!params->preview.width || !params->still.width))
        return session_fail(error, error_size, -EINVAL, "a burst needs both a preview and a still");
    if (params->is_mosaic_wanted && !params->burst_frames)
        return session_fail(error, error_size, -EINVAL, "a mosaic is merged of a burst");
    if (params->raws_max > RAWS_MAX)
        return session_fail(error, error_size, -EINVAL, "at most 32 raws");
    if (params->threads > PIPELINE_THREADS_MAX)
        return session_fail(error, error_size, -EINVAL, "at most 64 threads");
    if (params->sessions_max > ENG_SESSIONS_MAX)
        return session_fail(error, error_size, -EINVAL, "at most 8 sessions share an engine");
    if (params->knobs && !knobs_are_valid(params->knobs))
        return session_fail(error, error_size, -EINVAL, "a knob is outside its range");
    if (params->coefficients && !payload_coefficients_are_sound(params->coefficients))
        return session_fail(
            error, error_size, -EINVAL, "a coefficient is not finite or not one that there is");
    if (params->tuning && !tuning_is_sound(params->tuning))
        return session_fail(error, error_size, -EINVAL, "the tuning holds what cannot be");
    int r = session_check_wishes(&params->params, params->preview.width != 0, error, error_size);
    return r ? r : check_memory(params, error, error_size);
}

static bool is_shared(const struct sisp_session *session)
{
    return session->engine->sessions_max > 1;
}

/* The runtime's first session takes what it needs of the slots; others say what they take. */
static int open_session(struct sisp_session *session, const struct sisp_session_params *params,
    char *error, size_t error_size)
{
    struct eng_session_config config = {params->slots_min, params->slots_max};
    struct eng_runtime *runtime = session->engine->runtime;
    if (!params->share && !config.slots_min && !config.slots_max)
        return 0;
    if (!params->share)
        eng_session_close(runtime, session->number);
    int r = eng_session_open(runtime, &config, &session->number);
    if (r == 0)
        return 0;
    return session_fail(error, error_size, r,
        r == -EINVAL ? "slots_min is at most slots_max, and both at most the slots"
                     : "the engine cannot promise what this session needs beside the others");
}

static int enter_engine(struct sisp_session *session, const struct sisp_session_params *params,
    char *error, size_t error_size)
{
    if (!params->share)
        return session_engine_create(&session->engine, params, error, error_size);
    if (session_is_inherited(params->share))
        return session_fail(error, error_size, -ESHUTDOWN, "the engine is of another process");
    int r = session_engine_join(params->share->engine, params, error, error_size);
    if (r == 0)
        session->engine = params->share->engine;
    return r;
}

int sisp_session_create(struct sisp_session **out, const struct sisp_session_params *params,
    char *error, size_t error_size)
{
    *out = NULL;
    int r = check_params(params, error, error_size);
    if (r)
        return r;
    struct sisp_session *session = calloc(1, sizeof(*session));
    if (!session)
        return session_fail(error, error_size, -ENOMEM, "not enough memory");
    session->owner = getpid();
    session->frame_interval_ns = params->is_live ? params->frame_interval_ns : 0;
    session->looks = params->is_live ? SESSION_LOOKS : 0;
    session->overload_first = params->overload_first;
    session->overload_count = params->overload_count;
    r = enter_engine(session, params, error, error_size);
    if (r == 0)
        r = open_session(session, params, error, error_size);
    if (r && session->engine)
        session_engine_leave(session->engine);
    if (r)
        free(session);
    else
        *out = session;
    return r;
}

int sisp_session_set_tuning(struct sisp_session *session, const struct sisp_tuning *tuning)
{
    if (!session || (tuning && !tuning_is_sound(tuning)))
        return -EINVAL;
    if (session_is_inherited(session))
        return -ESHUTDOWN;
    struct session_engine *engine = session->engine;
    if (atomic_exchange(&engine->is_tuned, 1))
        return -EBUSY;
    pipeline_board_write(&engine->pipeline.own_board, tuning);
    char *shared = eng_worker_blob(engine->runtime);
    if (shared)
        pipeline_board_write((void *)(shared + offsetof(struct pipeline, own_board)), tuning);
    atomic_store(&engine->is_tuned, 0);
    return 0;
}

uint32_t sisp_session_number(const struct sisp_session *session)
{
    return session->number;
}

int sisp_session_flush(struct sisp_session *session)
{
    if (!session || session_is_inherited(session))
        return session ? -ESHUTDOWN : -EINVAL;
    return eng_flush(session->engine->runtime, session->number);
}

int sisp_session_drain(struct sisp_session *session, uint64_t timeout_ns)
{
    if (!session || session_is_inherited(session))
        return session ? -ESHUTDOWN : -EINVAL;
    return eng_drain(session->engine->runtime, session->number, timeout_ns);
}

int sisp_session_cancel_frames(struct sisp_session *session, uint64_t cookie)
{
    if (!session || session_is_inherited(session))
        return session ? -ESHUTDOWN : -EINVAL;
    return eng_cancel(session->engine->runtime, session->number, cookie);
}

/* Other threads' calls may have taken all places for a while: what ends a session cannot be
 * refused.
 */
static void end_by(
    int (*end)(struct eng_runtime *runtime, uint32_t number), const struct sisp_session *session)
{
    const struct timespec pause = {.tv_nsec = RETRY_NS};
    while (end(session->engine->runtime, session->number) == -EAGAIN)
        nanosleep(&pause, NULL);
}

void sisp_session_stop(struct sisp_session *session)
{
    if (!session || session_is_inherited(session) || atomic_exchange(&session->is_stopped, 1))
        return;
    struct session_engine *engine = session->engine;
    if (!is_shared(session)) {
        eng_stop(engine->runtime);
        return;
    }
    if (eng_drain(engine->runtime, session->number, engine->drain_grace_ns) != 0)
        end_by(eng_flush, session);
}

void sisp_session_destroy(struct sisp_session **session)
{
    struct sisp_session *gone = *session;
    *session = NULL;
    if (!gone || session_is_inherited(gone))
        return;
    if (is_shared(gone))
        end_by(eng_session_close, gone);
    session_engine_leave(gone->engine);
    free(gone);
}
