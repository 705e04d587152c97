/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "platform/process.h"

#include "base/confine.h"

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

#define ON_SOCKET                                                                                  \
    {                                                                                              \
        0, SCMP_CMP_EQ, PLAT_CHILD_SOCKET, 0                                                       \
    }

/* To say that it is ready, and to see the end of the socket, which is the end of the work. */
static const struct base_confine_rule rules[] = {
    {SCMP_SYS(sendmsg), 0, true, ON_SOCKET},
    {SCMP_SYS(recvmsg), 0, true, ON_SOCKET},
};

int plat_confine(void)
{
    base_confine_limit(RLIMIT_CORE, 0);
    base_confine_limit(RLIMIT_FSIZE, 0);
#ifndef BASE_SANITIZED
    base_confine_limit(RLIMIT_NOFILE, PLAT_CHILD_SOCKET + 1);
    base_confine_limit(RLIMIT_NPROC, 0);
#endif
    return base_confine_calls(harmless, BASE_COUNT(harmless), rules, BASE_COUNT(rules));
}
