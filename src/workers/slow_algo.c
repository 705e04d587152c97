/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SlowAlgo: coefficients of a still, measured on its own frame or taken over from the preview,
 * and the alignment of a burst. */
#include "workers/pipeline.h"

#include <string.h>

static void align(struct pipeline *p, struct eng_job *job, struct payload *payload)
{
    const uint8_t *raws[ISP_BURST_MAX];
    for (uint32_t i = 0; i < job->input_count; i++)
        raws[i] = job->inputs[i].bytes;
    uint64_t start_ns = eng_now_ns();
    /* The newest frame is what the user saw when the finger went down. */
    isp_burst_align(&p->still, &payload->coefficients, raws, job->input_count, job->input_count - 1,
        p->align_scratch, &payload->transform);
    pipeline_timing(job, "align", start_ns);
}

static int begin(void *user, struct eng_job *job)
{
    struct pipeline *p = user;
    uint64_t start_ns = eng_now_ns();
    const struct payload *last = job->committed[ROLE_PAYLOAD].bytes;
    struct payload *payload = pipeline_payload(job, ENG_LANE_BACKGROUND, &p->still);

    if (p->is_live && last) {
        payload->coefficients = last->coefficients; /* the still looks like its preview */
        payload->params_generation = last->params_generation;
    } else {
        struct frame_stats measured;
        struct isp_auto_state ended;
        const struct pipeline_settings settings = pipeline_settings(p, PIPELINE_SLOW);
        struct pipeline_frame frame;
        pipeline_look(p, job, &settings, &frame);
        if (!p->has_fixed)
            pipeline_measure(p, &p->slow_measure, &p->still, job, &frame, &measured);
        pipeline_control(p, &frame, p->has_fixed ? NULL : &measured, &ended, payload);
        memset(&payload->request, 0, sizeof(payload->request));
    }
    pipeline_timing(job, "slow_algo", start_ns);
    if (job->input_count > 1)
        align(p, job, payload);
    return 0;
}

const struct eng_command_ops slow_algo_ops = {
    begin, pipeline_no_tasks, pipeline_no_task, pipeline_no_end};
