/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SlowAlgo: coefficients of a still, measured on its own frame or taken over from the preview,
 * and the alignment of a burst. */
#include "workers/pipeline.h"

#include <errno.h>
#include <string.h>

/* The burst of a job, and what its fields point to. */
struct fused {
    struct isp_burst burst;
    const uint8_t *raws[ISP_BURST_MAX];
    struct isp_burst_exposure exposures[ISP_BURST_MAX];
};

/* The newest frame is what the user saw when the finger went down. */
static void look_at_burst(const struct pipeline *p, const struct eng_job *job, struct fused *out)
{
    const struct payload *payload = job->writes[ROLE_PAYLOAD].bytes;
    for (uint32_t i = 0; i < job->input_count; i++) {
        const struct frame_meta *meta = (const void *)job->input_meta[i];
        out->raws[i] = job->inputs[i].bytes;
        out->exposures[i] = (struct isp_burst_exposure){meta->exposure_us, meta->analogue_gain};
    }
    out->burst = (struct isp_burst){.geometry = &p->still,
        .coefficients = &payload->coefficients,
        .raws = out->raws,
        .count = job->input_count,
        .reference = job->input_count - 1,
        .isa = p->isa,
        .exposures = out->exposures};
}

/* Between aligning and following each frame tells what it can of black and shading, and one phase
 * draws the conclusion and begins to follow. */
static uint32_t first_following(const struct isp_burst *burst)
{
    return isp_burst_align_phases(burst) + burst->count + 1;
}

/* What was given whole is not added to. */
static bool is_noise_known(const struct pipeline *p, const struct payload *payload)
{
    const struct sisp_coefficients *c = &payload->coefficients;
    return p->has_fixed || c->noise_shot > 0 || c->noise_read > 0;
}

/* Noise reduction is as strong as the estimate is sure. */
static void use_noise(struct sisp_coefficients *c, const struct isp_noise *noise)
{
    if (!(noise->confidence > 0))
        return;
    c->noise_shot = noise->shot;
    c->noise_read = noise->read;
    c->noise_confidence = noise->confidence;
    c->noise_source = SISP_SOURCE_AUTO;
    c->denoise *= noise->confidence;
}

static void estimate_noise(struct pipeline *p, struct eng_job *job, const struct isp_burst *burst)
{
    struct payload *payload = job->writes[ROLE_PAYLOAD].bytes;
    const uint64_t start_ns = eng_now_ns();
    struct isp_noise noise;
    isp_noise_estimate(burst, NULL, 0, p->slow_measure.threads[0], &noise);
    use_noise(&payload->coefficients, &noise);
    pipeline_timing(job, "noise", start_ns);
}

/* What the user or a whole set of coefficients says holds, and what was measured in the dark. */
static void refine(struct pipeline *p, const struct isp_burst *burst, struct payload *payload)
{
    struct sisp_coefficients *c = &payload->coefficients;
    const struct pipeline_settings settings = pipeline_settings(p, PIPELINE_SLOW);
    const bool is_black_known =
        c->black_source == SISP_SOURCE_MANUAL || c->black_source == SISP_SOURCE_AUTO;
    uint32_t wanted = is_black_known ? 0 : ISP_REFINE_BLACK;
    if (settings.params->value[SISP_PARAM_LENS_SHADING] > 0)
        wanted |= ISP_REFINE_SHADING;
    const uint32_t done =
        isp_burst_refine(burst, &payload->transform, p->has_fixed ? 0 : wanted, c);
    if (done & ISP_REFINE_BLACK)
        c->black_source = SISP_SOURCE_AUTO;
    if (done & ISP_REFINE_SHADING)
        c->lsc_source = SISP_SOURCE_AUTO;
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
        return !is_noise_known(p, payload);
    if (job->writes[ROLE_MOTION].size_bytes < isp_burst_field_size(&p->still, job->input_count))
        return -EPROTO;
    struct fused fused;
    look_at_burst(p, job, &fused);
    isp_burst_align_begin(&fused.burst, &payload->transform);
    p->slow_measure.started_ns = eng_now_ns();
    return (int)(first_following(&fused.burst) + isp_burst_follow_phases(job->input_count));
}

static uint32_t task_count(void *user, const struct eng_job *job, uint32_t phase)
{
    const struct pipeline *p = user;
    struct fused fused;
    if (!pipeline_is_burst(job))
        return 1;
    look_at_burst(p, job, &fused);
    const uint32_t first = first_following(&fused.burst);
    if (phase < isp_burst_align_phases(&fused.burst))
        return isp_burst_align_tasks(&fused.burst, phase);
    return phase < first ? 1 : isp_burst_follow_tasks(&p->still, phase - first);
}

static void begin_following(struct pipeline *p, struct eng_job *job, const struct isp_burst *burst)
{
    struct payload *payload = job->writes[ROLE_PAYLOAD].bytes;
    refine(p, burst, payload);
    pipeline_timing(job, "align", p->slow_measure.started_ns);
    p->slow_measure.started_ns = eng_now_ns();
    isp_burst_follow_begin(
        burst, &payload->transform, p->burst_scratch, job->writes[ROLE_MOTION].bytes);
}

static void run_task(
    void *user, struct eng_job *job, uint32_t phase, uint32_t task, uint32_t thread)
{
    struct pipeline *p = user;
    struct payload *payload = job->writes[ROLE_PAYLOAD].bytes;
    struct fused fused;
    look_at_burst(p, job, &fused);
    if (!pipeline_is_burst(job)) {
        estimate_noise(p, job, &fused.burst);
        return;
    }
    const uint32_t aligned = isp_burst_align_phases(&fused.burst);
    const uint32_t first = first_following(&fused.burst);
    const struct isp_burst_task at = {phase < first ? phase : phase - first, task};
    if (phase < aligned)
        isp_burst_align_run(&fused.burst, &payload->transform, p->burst_scratch, &at);
    else if (phase < aligned + fused.burst.count)
        isp_burst_refine_frame(
            &fused.burst, &payload->transform, phase - aligned, p->burst_scratch);
    else if (phase < first)
        begin_following(p, job, &fused.burst);
    else
        isp_burst_follow_run(&fused.burst, &payload->transform, p->burst_scratch, &at,
            job->writes[ROLE_MOTION].bytes);
}

static int end(void *user, struct eng_job *job)
{
    struct pipeline *p = user;
    struct payload *payload = job->writes[ROLE_PAYLOAD].bytes;
    if (!pipeline_is_burst(job))
        return 0;
    pipeline_timing(job, "follow", p->slow_measure.started_ns);
    const struct isp_burst_transform *t = &payload->transform;
    if (!is_noise_known(p, payload))
        use_noise(&payload->coefficients,
            &(struct isp_noise){t->noise_shot, t->noise_read, t->noise_error, t->noise_confidence});
    return 0;
}

const struct eng_command_ops slow_algo_ops = {begin, task_count, run_task, end};
