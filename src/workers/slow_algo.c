/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SlowAlgo: coefficients of a still, measured on its own frame or taken over from the preview,
 * and the alignment of a burst. */
#include "workers/pipeline.h"

#include <errno.h>
#include <string.h>

/* The newest frame is what the user saw when the finger went down. */
static struct isp_burst burst_of(const struct pipeline *p, const struct eng_job *job,
    const struct payload *payload, const uint8_t *raws[ISP_BURST_MAX])
{
    for (uint32_t i = 0; i < job->input_count; i++)
        raws[i] = job->inputs[i].bytes;
    return (struct isp_burst){.geometry = &p->still,
        .coefficients = &payload->coefficients,
        .raws = raws,
        .count = job->input_count,
        .reference = job->input_count - 1,
        .isa = p->isa};
}

static void align(struct pipeline *p, struct eng_job *job, struct payload *payload)
{
    const uint8_t *raws[ISP_BURST_MAX];
    struct isp_burst burst = burst_of(p, job, payload, raws);
    struct isp_burst_exposure exposures[ISP_BURST_MAX];
    uint64_t start_ns = eng_now_ns();
    for (uint32_t i = 0; i < job->input_count; i++) {
        const struct frame_meta *meta = (const void *)job->input_meta[i];
        exposures[i] = (struct isp_burst_exposure){meta->exposure_us, meta->analogue_gain};
    }
    burst.exposures = exposures;
    isp_burst_align(&burst, p->burst_scratch, &payload->transform);
    isp_burst_follow_begin(
        &burst, &payload->transform, p->burst_scratch, job->writes[ROLE_MOTION].bytes);
    pipeline_timing(job, "align", start_ns);
    p->slow_measure.started_ns = eng_now_ns();
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
    if (!pipeline_is_burst(job))
        return 0;
    if (job->writes[ROLE_MOTION].size_bytes < isp_burst_field_size(&p->still, job->input_count))
        return -EPROTO;
    align(p, job, payload);
    return (int)isp_burst_follow_phases(job->input_count);
}

static uint32_t task_count(void *user, const struct eng_job *job, uint32_t phase)
{
    const struct pipeline *p = user;
    return isp_burst_follow_tasks(&p->still, phase);
}

static void run_task(
    void *user, struct eng_job *job, uint32_t phase, uint32_t task, uint32_t thread)
{
    struct pipeline *p = user;
    struct payload *payload = job->writes[ROLE_PAYLOAD].bytes;
    const uint8_t *raws[ISP_BURST_MAX];
    const struct isp_burst burst = burst_of(p, job, payload, raws);
    const struct isp_burst_task at = {phase, task};
    isp_burst_follow_run(
        &burst, &payload->transform, p->burst_scratch, &at, job->writes[ROLE_MOTION].bytes);
}

static int end(void *user, struct eng_job *job)
{
    struct pipeline *p = user;
    if (pipeline_is_burst(job))
        pipeline_timing(job, "follow", p->slow_measure.started_ns);
    return 0;
}

const struct eng_command_ops slow_algo_ops = {begin, task_count, run_task, end};
