/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "calls.h"

#include "base/prng.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

static struct call_plan plan;
static atomic_uint calls;
static atomic_size_t written_bytes;

void calls_arm(const struct call_plan *new_plan)
{
    atomic_store(&calls, 0);
    atomic_store(&written_bytes, 0);
    plan = *new_plan;
}

unsigned calls_disarm(void)
{
    plan.fault = CALL_NO_FAULT;
    return atomic_load(&calls);
}

/* Standard output is the test's, sockets and event counters are the engine's. */
static bool is_output(int fd)
{
    struct stat status;
    return plan.fault != CALL_NO_FAULT && fd > STDERR_FILENO && fstat(fd, &status) == 0 &&
           (S_ISREG(status.st_mode) || S_ISFIFO(status.st_mode));
}

static ssize_t put(int fd, const void *bytes, size_t size)
{
    return syscall(SYS_write, fd, bytes, size);
}

static uint32_t draw(unsigned call, uint32_t bound)
{
    struct base_prng prng = {plan.seed * 1000003 + call};
    return base_prng_below(&prng, bound);
}

static void strike(int fd)
{
    int other = -1;
    switch (plan.fault) {
    case CALL_KILL:
        kill(getpid(), SIGKILL);
        break;
    case CALL_CLOSED:
        close(fd);
        break;
    case CALL_OTHER:
        other = open(plan.other, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
        dup2(other, fd);
        close(other);
        break;
    case CALL_ACT:
        plan.act();
        break;
    default:
        break;
    }
}

static ssize_t write_full(int fd, const void *bytes, size_t size)
{
    size_t used = atomic_load(&written_bytes);
    size_t room = used < plan.room_bytes ? plan.room_bytes - used : 0;
    if (room == 0) {
        errno = ENOSPC;
        return -1;
    }
    size = size < room ? size : room;
    atomic_fetch_add(&written_bytes, size);
    return put(fd, bytes, size);
}

static ssize_t write_part(int fd, const void *bytes, size_t size, unsigned call)
{
    if (plan.fault == CALL_EINTR && draw(call, 2)) {
        errno = EINTR;
        return -1;
    }
    return put(fd, bytes, size ? 1 + draw(call + 7, size > 4096 ? 4096 : (uint32_t)size) : 0);
}

EXPORTED ssize_t write(int fd, const void *bytes, size_t size)
{
    if (!is_output(fd))
        return put(fd, bytes, size);
    unsigned call = atomic_fetch_add(&calls, 1);
    if (plan.fault == CALL_FULL)
        return write_full(fd, bytes, size);
    if (plan.fault == CALL_EINTR || plan.fault == CALL_SHORT)
        return write_part(fd, bytes, size, call);
    if (call != plan.nth)
        return put(fd, bytes, size);
    if (plan.when == CALL_BEFORE)
        strike(fd);
    if (plan.when == CALL_BEFORE)
        return put(fd, bytes, size);
    ssize_t done = put(fd, bytes, plan.when == CALL_IN_THE_MIDDLE ? size / 2 : size);
    strike(fd);
    return done;
}

EXPORTED int fsync(int fd)
{
    bool is_next = is_output(fd) && atomic_fetch_add(&calls, 1) == plan.nth;
    if (is_next && plan.when == CALL_BEFORE)
        strike(fd);
    int r = (int)syscall(SYS_fsync, fd);
    if (is_next && plan.when == CALL_AFTER)
        strike(fd);
    return r;
}

EXPORTED int renameat(int old_folder, const char *old, int new_folder, const char *new)
{
    bool is_next = plan.fault == CALL_KILL && atomic_fetch_add(&calls, 1) == plan.nth;
    if (is_next && plan.when == CALL_BEFORE)
        kill(getpid(), SIGKILL);
    int r = (int)syscall(SYS_renameat2, old_folder, old, new_folder, new, 0);
    if (is_next && plan.when == CALL_AFTER)
        kill(getpid(), SIGKILL);
    return r;
}
