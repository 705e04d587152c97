/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commands on stamps: each writes who made the bytes and checks what it reads, so that a stale or
 * foreign byte is seen by the first reader (a schedule has no picture to compare).
 */
#include "sim/scenario.h"
#include "sim/sim.h"

#include <errno.h>
#include <string.h>

#define TASKS 3u

static uint64_t slowed(uint64_t duration_ns)
{
    return PLAT_FAULT(command_is_slow) ? duration_ns * (2 + sim_choose(SIM_FAULTS, 99))
                                       : duration_ns;
}

static void work(uint64_t least_us, uint32_t more_us)
{
    sim_sleep(slowed((least_us + sim_choose(SIM_TIME, more_us)) * 1000));
}

static struct sim_stamp *stamp_of(struct eng_span span)
{
    SIM_CHECK(span.bytes && span.size_bytes >= sizeof(struct sim_stamp));
    return span.bytes;
}

static uint32_t index_of(void *user)
{
    return (uint32_t)(uintptr_t)user;
}

static uint32_t session_of(const struct eng_job *job)
{
    return stamp_of(job->inputs[job->input_count - 1])->session;
}

static void check_reads(const struct eng_job *job, uint32_t index)
{
    SIM_CHECK(job->input_count > 0 && job->input_count <= ENG_INPUTS_MAX);
    for (uint32_t i = 0; i < job->input_count; i++) {
        sim_attempt_reads(job->inputs[i]);
        const struct sim_stamp *input = stamp_of(job->inputs[i]);
        SIM_CHECK(input->kind == SIM_INPUT && input->session == session_of(job));
        SIM_CHECK(memcmp(job->input_meta[i], &input->sequence, sizeof(input->sequence)) == 0);
    }
    SIM_CHECK(stamp_of(job->inputs[job->input_count - 1])->sequence == job->sequence);
    struct eng_span mine = job->reads[SIM_ROLE_COEFFICIENTS];
    sim_attempt_reads(mine);
    if (index == SIM_FAST_ISP)
        SIM_CHECK(
            stamp_of(mine)->frame_id == job->frame_id && stamp_of(mine)->kind == SIM_FAST_ALGO);
    struct eng_span committed = job->committed[SIM_ROLE_COEFFICIENTS];
    sim_attempt_reads(committed);
    if (committed.bytes)
        SIM_CHECK(stamp_of(committed)->frame_id < job->frame_id &&
                  stamp_of(committed)->kind == SIM_FAST_ALGO &&
                  stamp_of(committed)->session == session_of(job));
}

static struct sim_stamp *sign(const struct eng_job *job, uint32_t index, uint32_t role)
{
    sim_attempt_writes(job->writes[role]);
    struct sim_stamp *stamp = stamp_of(job->writes[role]);
    *stamp = (struct sim_stamp){.frame_id = job->frame_id,
        .sequence = job->sequence,
        .session = session_of(job),
        .nonce = ++sim_scenario.nonce,
        .kind = index};
    return stamp;
}

/* Nobody else wrote while this command had the bytes. */
static void check_mine(const struct eng_job *job, const struct sim_stamp *stamp, uint64_t nonce)
{
    SIM_CHECK(stamp->nonce == nonce && stamp->frame_id == job->frame_id);
}

static int begin(struct eng_job *job, uint32_t index, uint32_t role)
{
    check_reads(job, index);
    struct sim_stamp *stamp = sign(job, index, role);
    uint64_t nonce = stamp->nonce;
    PLAT_POINT(command_began);
    if (PLAT_FAULT(command_hangs))
        sim_hang();
    if (sim_scenario.has_device && index != SIM_FAST_ALGO && sim_one_in(SIM_SCENARIO, 3))
        sim_device_start(job, stamp);
    static const uint32_t times_us[] = {[SIM_FAST_ALGO] = 1000,
        [SIM_FAST_ISP] = 2000,
        [SIM_RAW_ISP] = 1000,
        [SIM_SLOW_ISP] = 25000};
    work(times_us[index], times_us[index]);
    check_mine(job, stamp, nonce);
    return PLAT_FAULT(command_begin_fails) ? -EIO : 0;
}

static int algo_begin(void *user, struct eng_job *job)
{
    return begin(job, index_of(user), SIM_ROLE_COEFFICIENTS);
}

static int isp_begin(void *user, struct eng_job *job)
{
    int error = begin(job, index_of(user), SIM_ROLE_PICTURE);
    return error ? error : 2;
}

static uint32_t no_tasks(void *user, const struct eng_job *job, uint32_t phase)
{
    return 0;
}

static void no_task(void *user, struct eng_job *job, uint32_t phase, uint32_t task, uint32_t thread)
{
}

static uint32_t isp_tasks(void *user, const struct eng_job *job, uint32_t phase)
{
    return TASKS;
}

static void isp_task(
    void *user, struct eng_job *job, uint32_t phase, uint32_t task, uint32_t thread)
{
    struct sim_stamp *stamp = stamp_of(job->writes[SIM_ROLE_PICTURE]);
    uint64_t nonce = stamp->nonce;
    SIM_CHECK(stamp->frame_id == job->frame_id && task < TASKS);
    /* The barrier: all tasks of phase 0 are done before one of phase 1 begins. */
    SIM_CHECK(phase == 0 || (stamp->tasks & ((1u << TASKS) - 1)) == (1u << TASKS) - 1);
    if (thread)
        sim_sometimes(SIM_HELPER_WORKED);
    /* Helpers have a stroke and a number in their names. */
    if (index_of(user) == SIM_SLOW_ISP && !sim.current->process && !strchr(sim.current->name, '/'))
        sim_sometimes(SIM_LEADER_TOOK_OVER);
    if (PLAT_FAULT(task_hangs))
        sim_hang();
    work(200, 800);
    check_mine(job, stamp, nonce);
    SIM_CHECK(!(stamp->tasks >> (phase * TASKS + task) & 1));
    stamp->tasks |= 1u << (phase * TASKS + task);
}

static int end(void *user, struct eng_job *job)
{
    if (PLAT_FAULT(result_is_garbage)) {
        job->result->timing_count = UINT32_MAX;
        job->result->threads = job->result->isa = 0xdeadbeef;
        job->result->bytes_copied = UINT64_MAX;
        memset(job->result->timings, 0xff, sizeof(job->result->timings));
    }
    return PLAT_FAULT(command_end_fails) ? -EIO : 0;
}

static int isp_end(void *user, struct eng_job *job)
{
    const struct sim_stamp *stamp = stamp_of(job->writes[SIM_ROLE_PICTURE]);
    SIM_CHECK(stamp->frame_id == job->frame_id && stamp->tasks == (1u << 2 * TASKS) - 1);
    return end(user, job);
}

const struct eng_command_ops sim_algo_ops = {algo_begin, no_tasks, no_task, end};
const struct eng_command_ops sim_isp_ops = {isp_begin, isp_tasks, isp_task, isp_end};
