/* SPDX-License-Identifier: GPL-3.0-or-later */
/* FastAlgo: the latest statistics become the coefficients of this frame. */
#include "workers/pipeline.h"

static int begin(void *user, struct eng_job *job)
{
    struct pipeline *p = user;
    uint64_t start_ns = eng_now_ns();
    struct payload *payload = pipeline_payload(job, ENG_LANE_FAST, &p->preview);
    struct isp_auto_state *next = job->writes[ROLE_STATE].bytes;
    const struct frame_stats *stats = job->committed[ROLE_STATS].bytes;
    struct frame_stats measured;
    const struct pipeline_settings settings = pipeline_settings(p, PIPELINE_FAST);
    struct pipeline_frame frame;

    pipeline_look(p, job, &settings, &frame);
    if (!stats && !p->has_fixed) {
        pipeline_measure(p, &p->fast, &p->preview, job, &frame, &measured);
        stats = &measured;
    }
    pipeline_control(p, &frame, stats, next, payload);
    pipeline_timing(job, "fast_algo", start_ns);
    return 0;
}

const struct eng_command_ops fast_algo_ops = {
    begin, pipeline_no_tasks, pipeline_no_task, pipeline_no_end};
