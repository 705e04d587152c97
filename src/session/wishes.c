/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The user's wishes: what they may be, and others while a session runs. */
#include "base/base.h"
#include "base/log.h"
#include "session/session.h"

#include <errno.h>
#include <stdio.h>

/* What a session that makes stills only would silently leave out. */
static bool is_of_fast_lane(int param)
{
    static const enum sisp_param stages[] = {SISP_PARAM_DENOISE_LUMA, SISP_PARAM_DENOISE_CHROMA,
        SISP_PARAM_DEFECT_CORRECTION, SISP_PARAM_GREEN_BALANCE};
    for (size_t i = 0; i < BASE_COUNT(stages); i++) {
        if (param == (int)stages[i])
            return true;
    }
    return false;
}

static int check_row(int param, float value, bool has_preview, char *text, size_t text_size)
{
    const struct sisp_param_row *row = &sisp_param_table[param];
    bool is_inside = value >= row->min && value <= row->max;
    if (!is_inside)
        snprintf(text, text_size, "%s is %g, and its range is %g to %g", row->name, (double)value,
            (double)row->min, (double)row->max);
    else if (row->is_integer && value != (float)(int)value)
        snprintf(text, text_size, "%s is %g, and must be a whole number", row->name, (double)value);
    else if (!has_preview && value > 0 && is_of_fast_lane(param))
        snprintf(text, text_size,
            "%s is of previews: stills have no defect correction, green balance or noise "
            "reduction",
            row->name);
    else
        return 0;
    return -EINVAL;
}

int session_check_wishes(
    const struct sisp_params *params, bool has_preview, char *error, size_t error_size)
{
    char text[160];
    for (int i = 0; i < SISP_PARAM_COUNT; i++) {
        if (check_row(i, params->value[i], has_preview, text, sizeof(text)) != 0)
            return session_fail(error, error_size, -EINVAL, text);
    }
    return 0;
}

static int check(const struct pipeline *p, const struct sisp_params *params)
{
    char text[160];
    if (p->has_fixed) {
        base_log(
            SISP_LOG_WARNING, "parameters cannot be set: the session's coefficients are fixed");
        return -ENOTSUP;
    }
    int r = session_check_wishes(params, p->preview.width != 0, text, sizeof(text));
    if (r)
        base_log(SISP_LOG_WARNING, "parameters were not set: %s", text);
    return r;
}

int sisp_session_set_params(struct sisp_session *session, const struct sisp_params *params)
{
    if (!session || !params)
        return -EINVAL;
    if (session_is_inherited(session))
        return -ESHUTDOWN;
    struct session_engine *engine = session->engine;
    int r = check(&engine->pipeline, params);
    if (r)
        return r;
    if (atomic_exchange(&engine->is_wished, 1))
        return -EBUSY;
    pipeline_board_write_params(&engine->pipeline.own_board, params);
    char *shared = eng_worker_blob(engine->runtime);
    if (shared)
        pipeline_board_write_params(
            (void *)(shared + offsetof(struct pipeline, own_board)), params);
    atomic_store(&engine->is_wished, 0);
    return 0;
}
