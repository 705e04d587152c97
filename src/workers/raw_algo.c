/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RawAlgo: the last good coefficients, or those of the file where there are none yet. */
#include "workers/pipeline.h"

static int begin(void *user, struct eng_job *job)
{
    struct pipeline *p = user;
    uint64_t start_ns = eng_now_ns();
    const struct payload *last = job->committed[ROLE_PAYLOAD].bytes;
    struct payload *payload = pipeline_payload(job, ENG_LANE_FLOOR, &p->preview);

    if (last) {
        payload->coefficients = last->coefficients;
        payload->coefficients.wb_source = SISP_SOURCE_FALLBACK;
        payload->coefficients.exposure_source = SISP_SOURCE_FALLBACK;
        payload->params_generation = last->params_generation;
    } else {
        struct pipeline_settings settings = pipeline_settings(p, PIPELINE_FLOOR);
        isp_coefficients_init(&payload->coefficients, &p->info, settings.params, settings.tuning);
        payload->params_generation = settings.params_generation;
    }
    pipeline_timing(job, "raw_algo", start_ns);
    return 0;
}

const struct eng_command_ops raw_algo_ops = {
    begin, pipeline_no_tasks, pipeline_no_task, pipeline_no_end};
