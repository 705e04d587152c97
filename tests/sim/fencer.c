/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Devices outside: they fill inputs that were submitted before, and read pictures that were given
 * back. Their fences signal in time, late or never; until then nobody else may touch the bytes.
 */
#include "sim/scenario.h"
#include "sim/sim.h"

#include <string.h>

#define NEVER_MAX 3 /* of one run: each costs an input */

struct job {
    bool is_used, is_read;
    bool is_owned; /* whoever began it has its descriptor and may yet pass it on */
    void *bytes;
    uint64_t due_ns;
};

static struct {
    _Atomic uint32_t bell;
    bool is_stopping;
    uint32_t never;
    const struct sim_actor *actor;
    struct job jobs[SIM_FENCES_MAX]; /* by fence */
} fencer;

void sim_fencer_init(void)
{
    memset(&fencer, 0, sizeof(fencer));
}

static bool is_free(int fence)
{
    return !fencer.jobs[fence].is_used && !fencer.jobs[fence].is_owned && sim_fence_renew(fence);
}

static int begin(void *bytes, bool is_read)
{
    int fence = 0;
    while (fence < SIM_FENCES_MAX && !is_free(fence))
        fence++;
    if (fence == SIM_FENCES_MAX)
        return SIM_NO_FENCE;
    struct job *job = &fencer.jobs[fence];
    *job = (struct job){.is_used = true,
        .is_owned = true,
        .is_read = is_read,
        .bytes = bytes,
        .due_ns = sim.now_ns + sim_choose(SIM_TIME, 12000) * 1000};
    if (PLAT_FAULT(fence_is_late))
        job->due_ns += sim_choose(SIM_FAULTS, 500) * SIM_MS;
    if (!is_read && fencer.never < NEVER_MAX && PLAT_FAULT(fence_never_signals)) {
        job->due_ns = PLAT_FOREVER;
        fencer.never++;
        sim_sometimes(SIM_FENCE_NEVER_SIGNALLED);
    }
    atomic_fetch_add_explicit(&fencer.bell, 1, memory_order_relaxed);
    plat_wake(&fencer.bell, 1);
    return fence;
}

int sim_fence_fill(void *bytes)
{
    return sim_scenario.has_fences && sim_one_in(SIM_SCENARIO, 4) ? begin(bytes, false)
                                                                  : SIM_NO_FENCE;
}

int sim_fence_read(void *bytes)
{
    return sim_scenario.has_fences && sim_one_in(SIM_SCENARIO, 4) ? begin(bytes, true)
                                                                  : SIM_NO_FENCE;
}

static void end_job(int fence)
{
    struct job *job = &fencer.jobs[fence];
    if (!job->is_used)
        return;
    job->is_used = false;
    if (job->is_read)
        sim_read_end(job->bytes);
    else
        sim_write_end(job->bytes);
    if (sim_core()->fences.awaited)
        sim_sometimes(SIM_FENCE_AWAITED);
    /* Its input is not filled: no command may see it. */
    bool has_failed = !job->is_read && PLAT_FAULT(fence_fails);
    if (has_failed)
        ((struct sim_stamp *)job->bytes)->kind = SIM_UNFILLED;
    sim_fence_signal(fence, has_failed);
}

void sim_fence_pass(int fence)
{
    fencer.jobs[fence].is_owned = false;
}

void sim_fence_forget(int fence)
{
    sim_fence_pass(fence);
    end_job(fence);
}

void sim_fencer_run(void *argument)
{
    fencer.actor = sim.current;
    while (!fencer.is_stopping) {
        uint32_t rung = atomic_load_explicit(&fencer.bell, memory_order_relaxed);
        uint64_t next_ns = PLAT_FOREVER;
        for (int i = 0; i < SIM_FENCES_MAX; i++) {
            const struct job *job = &fencer.jobs[i];
            if (job->is_used && job->due_ns <= sim.now_ns)
                end_job(i);
            else if (job->is_used && job->due_ns < next_ns)
                next_ns = job->due_ns;
        }
        plat_wait(&fencer.bell, rung, next_ns);
    }
}

void sim_fencer_stop(void)
{
    fencer.is_stopping = true;
    atomic_fetch_add_explicit(&fencer.bell, 1, memory_order_relaxed);
    plat_wake(&fencer.bell, 1);
    if (fencer.actor)
        sim_join(fencer.actor);
    for (int i = 0; i < SIM_FENCES_MAX; i++)
        if (fencer.jobs[i].is_used && fencer.jobs[i].due_ns != PLAT_FOREVER)
            end_job(i);
}

uint32_t sim_fences_left(void)
{
    uint32_t count = 0;
    for (int i = 0; i < SIM_FENCES_MAX; i++)
        count += fencer.jobs[i].is_used;
    return count;
}
