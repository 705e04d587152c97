/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/device.h"

#include "base/base.h"
#include <errno.h>
#include <string.h>

struct device device;

static void draw(const struct job *job)
{
    for (uint32_t i = 0; i < PICTURE_WORDS / 2; i++)
        job->out[i] = job->number * 31 + i;
    for (uint32_t i = 0; i < PICTURE_WORDS / 2; i++)
        job->out[PICTURE_WORDS / 2 + i] = job->out[PICTURE_WORDS / 2 - 1 - i] ^ job->number;
}

/* Nobody else may have written while the job was under way. */
static void check_drawn(const struct job *job)
{
    for (uint32_t i = 0; i < PICTURE_WORDS / 2; i++)
        if (job->out[i] != job->number * 31 + i)
            atomic_fetch_add(&device.disturbed, 1);
}

void device_answer(struct eng_ticket ticket)
{
    int error = eng_hw_done(device.runtime, ticket);
    atomic_fetch_add(error ? &device.refused : &device.answered, 1);
}

static void finish(const struct job *job)
{
    check_drawn(job);
    draw(job);
    struct eng_ticket ticket = job->ticket;
    if (job->manner == OTHER_SLOT)
        ticket.slot = (ticket.slot + 1) % 16;
    device_answer(ticket);
    if (job->manner == TWICE)
        device_answer(ticket);
}

static void work(const struct job *job)
{
    draw(job);
    uint64_t work_ns = atomic_load(&device.work_ns);
    if (work_ns)
        plat_sleep_ns(work_ns);
    if (job->manner == HELD)
        device.held[device.held_count++] = *job;
    else if (job->manner != NEVER)
        finish(job);
}

static void run_device(void *argument)
{
    while (!atomic_load(&device.is_quitting)) {
        atomic_store(&device.bell, 0);
        struct job job;
        while (eng_inbox_pop(&device.inbox, &job))
            work(&job);
        while (atomic_load(&device.release) && device.held_count)
            finish(&device.held[--device.held_count]);
        plat_wait(&device.bell, 0, plat_now_ns() + MS);
    }
}

int device_reset(void *user)
{
    atomic_fetch_add(&device.resets, 1);
    while (atomic_load(&device.reset_hold))
        plat_sleep_ns(MS);
    uint32_t fails = atomic_load(&device.reset_fails);
    atomic_store(&device.reset_fails, fails ? fails - 1 : 0);
    return fails ? -EIO : 0;
}

/* ---- a command that lets it work ------------------------------------------------------------- */

static int hw_begin(void *user, struct eng_job *job)
{
    struct fixture_command *command = user;
    atomic_fetch_add(&command->runs, 1);
    uint64_t wait_ns = atomic_exchange(&command->wait_ns, 0);
    if (wait_ns)
        plat_sleep_ns(wait_ns);
    struct job given = {
        .out = job->writes[ROLE_PICTURE].bytes, .manner = (enum manner)atomic_load(&device.manner)};
    memcpy(&given.number, job->inputs[0].bytes, sizeof(given.number));
    int error = eng_job_start_hw(job, &given.ticket);
    if (error)
        return error;
    if (atomic_fetch_add(&device.taken, 1) == 0)
        device.first = given.ticket;
    bool ok = eng_inbox_push(&device.inbox, &given);
    sisp_assert(ok);
    atomic_store(&device.bell, 1);
    plat_wake(&device.bell, 1);
    struct eng_ticket second;
    return eng_job_start_hw(job, &second) == -EBUSY ? 0 : -EINVAL;
}

static uint32_t no_tasks(void *user, const struct eng_job *job, uint32_t phase)
{
    return 0;
}

static void no_task(void *user, struct eng_job *job, uint32_t phase, uint32_t task, uint32_t thread)
{
}

static int end_well(void *user, struct eng_job *job)
{
    return 0;
}

const struct eng_command_ops device_ops = {hw_begin, no_tasks, no_task, end_well};

int device_start(struct eng_runtime *runtime)
{
    memset(&device, 0, sizeof(device));
    device.runtime = runtime;
    device.thread = (struct plat_thread){.name = "device", .run = run_device};
    int error = eng_inbox_init(&device.inbox, 64, sizeof(struct job));
    return error ? error : plat_thread_create(&device.thread);
}

void device_stop(void)
{
    atomic_store(&device.is_quitting, 1);
    plat_thread_join(&device.thread);
    eng_inbox_finish(&device.inbox);
}
