/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "platform/platform.h"

#include "base/base.h"
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const int nice_values[] = {
    [PLAT_PRIORITY_NORMAL] = 0,
    [PLAT_PRIORITY_BACKGROUND] = 19,
    [PLAT_PRIORITY_LOW] = 5,
    [PLAT_PRIORITY_URGENT] = -10,
};

/* Ours, since the system's default may be anything: `ulimit -s` sets it. Commands take up to 400
 * KiB, and ThreadSanitizer's own state of a thread lies on it, too; what is not touched costs
 * nothing. */
#define STACK_BYTES ((size_t)2 << 20)

/* A core that runs a thread of nice value 19 counts as busy: who wakes meanwhile may be put behind
 * a third thread on another core, for tens of milliseconds, or wait out a slice of some. One with
 * idle threads alone counts as free, and they yield at once. */
static void take_priority(enum plat_priority priority)
{
    /* Linux keeps one nice value a thread, against POSIX. */
    if (priority != PLAT_PRIORITY_NORMAL)
        setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), nice_values[priority]);
    if (priority == PLAT_PRIORITY_BACKGROUND)
        sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){0});
}

static void *thread_main(void *argument)
{
    struct plat_thread *thread = argument;
    pthread_setname_np(pthread_self(), thread->name);
    take_priority(thread->priority);
    thread->run(thread->argument);
    return NULL;
}

int plat_thread_create(struct plat_thread *thread)
{
    sisp_assert(thread->run);
    sigset_t all, before;
    pthread_attr_t attributes;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    /* The application's signals are delivered to its own threads. */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t handle;
    int error = pthread_create(&handle, &attributes, thread_main, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (error)
        return -EAGAIN;
    thread->handle = (uintptr_t)handle;
    return 0;
}

void plat_thread_join(struct plat_thread *thread)
{
    pthread_join((pthread_t)thread->handle, NULL);
    thread->handle = 0;
}

void plat_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t deadline_ns)
{
    struct timespec time = {
        .tv_sec = (time_t)(deadline_ns / 1000000000u),
        .tv_nsec = (long)(deadline_ns % 1000000000u),
    };
    /* The bitset variant takes an absolute time. Every return is a hint; callers look again. */
    syscall(SYS_futex, word, FUTEX_WAIT_BITSET, expected,
        deadline_ns == PLAT_FOREVER ? NULL : &time, NULL, FUTEX_BITSET_MATCH_ANY);
}

void plat_wake(_Atomic uint32_t *word, uint32_t count)
{
    syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
}

uint32_t plat_core(void)
{
    int core = sched_getcpu();
    return core < 0 ? UINT32_MAX : (uint32_t)core;
}

void plat_keep_off_core(const struct plat_thread *thread, uint32_t core)
{
    cpu_set_t cores;
    if (core >= CPU_SETSIZE || pthread_getaffinity_np(pthread_self(), sizeof(cores), &cores))
        return;
    CPU_CLR(core, &cores);
    if (CPU_COUNT(&cores))
        pthread_setaffinity_np((pthread_t)thread->handle, sizeof(cores), &cores);
}
