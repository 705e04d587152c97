/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RawISP: the floor. 2x2 means, no table to make, no scratch: it cannot fail. */
#include "workers/pipeline.h"

static int begin(void *user, struct eng_job *job)
{
    const struct pipeline *p = user;
    int r = pipeline_check_payload(p, job);
    if (r)
        return r;
    const struct payload *payload = job->reads[ROLE_PAYLOAD].bytes;
    uint64_t start_ns = eng_now_ns();
    struct sisp_image image = pipeline_picture(&p->preview, job->writes[ROLE_PICTURE].bytes);
    isp_floor_band(
        &p->preview, &payload->coefficients, job->inputs[0].bytes, &image, 0, p->preview.height);
    struct sisp_image second = pipeline_second_picture(p, job->writes[ROLE_PICTURE].bytes);
    if (p->second.width)
        isp_floor_band(
            &p->second, &payload->coefficients, job->inputs[0].bytes, &second, 0, p->second.height);
    pipeline_timing(job, "raw_isp", start_ns);

    start_ns = eng_now_ns();
    pipeline_provenance(p, job, payload);
    pipeline_timing(job, "hash", start_ns);
    return 0;
}

const struct eng_command_ops raw_isp_ops = {
    begin, pipeline_no_tasks, pipeline_no_task, pipeline_no_end};
