/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "platform/process.h"

#include "base/base.h"
#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#ifndef PLAT_SANITIZED
/* What threads that compute and wait need, and leaving. Nothing opens or starts. */
static const int harmless[] = {
    SCMP_SYS(futex),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(sched_yield),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(madvise),
    SCMP_SYS(munmap),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

static int add_rules(scmp_filter_ctx filter)
{
    int status = 0;
    for (size_t i = 0; i < BASE_COUNT(harmless) && status == 0; i++)
        status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, harmless[i], 0);
    /* To say that it is ready, and to see the end of the socket, which is the end of the work. */
    const int messages[] = {SCMP_SYS(sendmsg), SCMP_SYS(recvmsg)};
    for (size_t i = 0; i < BASE_COUNT(messages) && status == 0; i++)
        status = seccomp_rule_add(
            filter, SCMP_ACT_ALLOW, messages[i], 1, SCMP_A0(SCMP_CMP_EQ, PLAT_CHILD_SOCKET, 0));
    /* abort() signals its own thread: it must look like a crash, not like a violation. */
    if (status == 0)
        status = seccomp_rule_add(
            filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A2(SCMP_CMP_EQ, SIGABRT, 0));
    if (status == 0) /* the threads that are there already, too */
        status = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    return status;
}
#endif

static void limit(int resource, rlim_t value)
{
    setrlimit((__rlimit_resource_t)resource, &(struct rlimit){value, value});
}

int plat_confine(void)
{
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#ifdef PLAT_SANITIZED
    return 0;
#else
    limit(RLIMIT_NOFILE, PLAT_CHILD_SOCKET + 1);
    limit(RLIMIT_NPROC, 0);
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!filter)
        return -ENOMEM;
    int status = add_rules(filter);
    if (status == 0)
        status = seccomp_load(filter);
    seccomp_release(filter);
    return status;
#endif
}
