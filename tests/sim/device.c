/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A device that writes into the buffers of an attempt until it says FRAME_HW_DONE: in time, late,
 * twice or never. A reset makes it forget all jobs.
 */
#include "sim/scenario.h"
#include "sim/sim.h"

#include <errno.h>
#include <string.h>

#define JOBS_MAX 16

struct device_job {
    bool is_used;
    struct eng_ticket ticket;
    struct sim_stamp *stamp;
    uint64_t frame_id, nonce, due_ns;
};

static struct {
    _Atomic uint32_t bell;
    bool is_stopping;
    const struct sim_actor *actor;
    struct device_job jobs[JOBS_MAX];
} device;

void sim_device_init(void)
{
    memset(&device, 0, sizeof(device));
}

void sim_device_start(struct eng_job *job, struct sim_stamp *stamp)
{
    struct eng_ticket ticket;
    int error = eng_job_start_hw(job, &ticket);
    SIM_CHECK(error == 0 || error == -ECANCELED);
    if (error) {
        sim_sometimes(SIM_HW_REFUSED);
        return;
    }
    struct eng_ticket second;
    SIM_CHECK(eng_job_start_hw(job, &second) == -EBUSY);
    sim_device_begin(ticket.slot);
    struct device_job *made = device.jobs; /* one a slot, so there is a place */
    while (made->is_used)
        made++;
    SIM_CHECK(made < device.jobs + JOBS_MAX);
    *made = (struct device_job){.is_used = true,
        .ticket = ticket,
        .stamp = stamp,
        .frame_id = job->frame_id,
        .nonce = stamp->nonce,
        .due_ns = sim.now_ns + sim_choose(SIM_TIME, 8000) * 1000};
    if (PLAT_FAULT(device_is_late))
        made->due_ns += sim_choose(SIM_FAULTS, 500) * SIM_MS;
    if (PLAT_FAULT(device_never_answers)) {
        made->due_ns = PLAT_FOREVER;
        sim_sometimes(SIM_DEVICE_NEVER_ANSWERED);
    }
    atomic_fetch_add_explicit(&device.bell, 1, memory_order_relaxed);
    plat_wake(&device.bell, 1);
}

static void end_job(struct device_job *job)
{
    struct eng_ticket ticket = job->ticket;
    SIM_CHECK(job->stamp->frame_id == job->frame_id && job->stamp->nonce == job->nonce);
    job->stamp->device = job->nonce;
    job->is_used = false;
    sim_device_end(ticket.slot);
    /* The engine has faults of its own on this way: without one, the second answer is refused. */
    bool is_twice = PLAT_FAULT(device_answers_twice);
    uint32_t strikes = sim.strikes;
    int error = eng_hw_done(sim_scenario.runtime, ticket);
    SIM_CHECK(error == 0 || error == -ESTALE);
    if (is_twice)
        error = eng_hw_done(sim_scenario.runtime, ticket);
    SIM_CHECK(!is_twice || error == -ESTALE || sim.strikes != strikes);
}

void sim_device_run(void *argument)
{
    device.actor = sim.current;
    while (!device.is_stopping) {
        uint32_t rung = atomic_load_explicit(&device.bell, memory_order_relaxed);
        uint64_t next_ns = PLAT_FOREVER;
        for (uint32_t i = 0; i < JOBS_MAX; i++) {
            struct device_job *job = &device.jobs[i];
            if (job->is_used && job->due_ns <= sim.now_ns)
                end_job(job);
            else if (job->is_used && job->due_ns < next_ns)
                next_ns = job->due_ns;
        }
        plat_wait(&device.bell, rung, next_ns);
    }
}

void sim_device_stop(void)
{
    device.is_stopping = true;
    atomic_fetch_add_explicit(&device.bell, 1, memory_order_relaxed);
    plat_wake(&device.bell, 1);
    if (device.actor)
        sim_join(device.actor);
}

int sim_device_reset(void *user)
{
    if (PLAT_FAULT(reset_is_slow))
        sim_sleep(sim_choose(SIM_FAULTS, 300) * SIM_MS);
    for (uint32_t i = 0; i < JOBS_MAX; i++) {
        if (!device.jobs[i].is_used)
            continue;
        device.jobs[i].is_used = false;
        sim_device_end(device.jobs[i].ticket.slot);
    }
    sim_sleep(sim_choose(SIM_TIME, 3000) * 1000);
    return 0;
}
