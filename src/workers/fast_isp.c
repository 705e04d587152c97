/* SPDX-License-Identifier: GPL-3.0-or-later */
/* FastISP: one pass of integers over the frame, and the statistics of it, in bands. */
#include "workers/pipeline.h"

#include <string.h>
#include <time.h>

/* The rehearsal of trouble (softisp live --overload): be as late as a hung worker. */
static void sleep_past(uint64_t deadline_ns)
{
    const uint64_t late_ns = 20000000;
    uint64_t until_ns = (deadline_ns ? deadline_ns : eng_now_ns()) + late_ns;
    struct timespec until = {(time_t)(until_ns / 1000000000), (long)(until_ns % 1000000000)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0)
        ;
}

static int begin(void *user, struct eng_job *job)
{
    struct pipeline *p = user;
    uint64_t start_ns = eng_now_ns();
    int r = pipeline_check_payload(p, job);
    if (r)
        return r;
    const struct payload *payload = job->reads[ROLE_PAYLOAD].bytes;
    r = isp_fast_compile(p->fast.recipe, &p->preview, &payload->coefficients, p->isa);
    if (r == 0 && p->second.width)
        r = isp_fast_compile_second(
            p->fast.second, p->fast.recipe, &p->second, &payload->coefficients);
    if (r)
        return r;
    memset(p->fast.stats, 0, sizeof(struct sisp_stats) * p->threads);
    if (pipeline_meta(job)->is_overload)
        sleep_past(job->deadline_ns);
    pipeline_timing(job, "recipe", start_ns);
    p->fast.started_ns = eng_now_ns();
    return 1;
}

static uint32_t task_count(void *user, const struct eng_job *job, uint32_t phase)
{
    const struct pipeline *p = user;
    uint32_t rows = pipeline_band_rows(&p->preview);
    return (isp_fast_lines(&p->preview) + rows - 1) / rows;
}

static void run_task(
    void *user, struct eng_job *job, uint32_t phase, uint32_t task, uint32_t thread)
{
    struct pipeline *p = user;
    uint32_t rows = pipeline_band_rows(&p->preview), height = isp_fast_lines(&p->preview);
    uint32_t y0 = task * rows;
    uint32_t y1 = y0 + rows < height ? y0 + rows : height;
    struct sisp_image image = pipeline_picture(&p->preview, job->writes[ROLE_PICTURE].bytes);
    void *scratch = p->fast.threads[thread];
    if (!p->second.width) {
        isp_fast_band(
            p->fast.recipe, job->inputs[0].bytes, &image, y0, y1, scratch, &p->fast.stats[thread]);
        return;
    }
    struct sisp_image second = pipeline_second_picture(p, job->writes[ROLE_PICTURE].bytes);
    const struct isp_fast_pair pair = {{p->fast.recipe, p->fast.second}, {&image, &second}};
    isp_fast_band_pair(&pair, job->inputs[0].bytes, y0, y1, scratch, &p->fast.stats[thread]);
}

static int end(void *user, struct eng_job *job)
{
    struct pipeline *p = user;
    const struct payload *payload = job->reads[ROLE_PAYLOAD].bytes;
    struct frame_stats *out = job->writes[ROLE_STATS].bytes;
    pipeline_timing(job, "fast_isp", p->fast.started_ns);

    out->stats = p->fast.stats[0];
    for (uint32_t i = 1; i < p->threads; i++)
        isp_stats_add(&out->stats, &p->fast.stats[i]);
    out->exposure_us = pipeline_meta(job)->exposure_us;
    out->analogue_gain = pipeline_meta(job)->analogue_gain;
    out->readout_ns = pipeline_meta(job)->readout_ns;
    out->is_set = 1;

    uint64_t start_ns = eng_now_ns();
    pipeline_provenance(p, job, payload);
    pipeline_timing(job, "hash", start_ns);
    return 0;
}

const struct eng_command_ops fast_isp_ops = {begin, task_count, run_task, end};
