/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "camera/rawdec/rawdec.h"

#include "base/base.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

static void limit(int resource, rlim_t value)
{
    setrlimit((__rlimit_resource_t)resource, &(struct rlimit){value, value});
}

static void limit_resources(void)
{
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_CPU, RAWDEC_SECONDS_MAX);
    limit(RLIMIT_FSIZE, (rlim_t)640 << 20);
#ifndef RAWDEC_SANITIZED
    limit(RLIMIT_AS, (rlim_t)3 << 30);
    limit(RLIMIT_NOFILE, RAWDEC_RESULT_FD + 1);
#endif
}

#ifndef RAWDEC_SANITIZED
/* Calls that reach nothing but this process's own memory and descriptors. */
static const int harmless[] = {
    SCMP_SYS(read),
    SCMP_SYS(pread64),
    SCMP_SYS(lseek),
    SCMP_SYS(fstat),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    SCMP_SYS(futex),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(sysinfo),
    SCMP_SYS(getrandom),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

static int add_rules(scmp_filter_ctx filter)
{
    int status = 0;
    for (size_t i = 0; i < BASE_COUNT(harmless) && status == 0; i++)
        status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, harmless[i], 0);
    /* Memory may be had, but none that can be run. */
    const int memory[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};
    for (size_t i = 0; i < BASE_COUNT(memory) && status == 0; i++)
        status = seccomp_rule_add(
            filter, SCMP_ACT_ALLOW, memory[i], 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    const int output[] = {SCMP_SYS(write), SCMP_SYS(pwrite64), SCMP_SYS(ftruncate)};
    for (size_t i = 0; i < BASE_COUNT(output) && status == 0; i++)
        status = seccomp_rule_add(
            filter, SCMP_ACT_ALLOW, output[i], 1, SCMP_A0(SCMP_CMP_EQ, RAWDEC_RESULT_FD, 0));
    /* LibRaw prints its troubles; stderr is /dev/null. */
    if (status == 0)
        status = seccomp_rule_add(
            filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, SCMP_A0(SCMP_CMP_EQ, 2, 0));
    /* abort() signals its own thread and must look like a crash, not like a violation. */
    if (status == 0)
        status = seccomp_rule_add(
            filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A2(SCMP_CMP_EQ, SIGABRT, 0));
    /* Libraries look for optional files: they find none, which is no reason to die. */
    const int files[] = {SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(access), SCMP_SYS(newfstatat)};
    for (size_t i = 0; i < BASE_COUNT(files) && status == 0; i++)
        status = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), files[i], 0);
    return status;
}
#endif

bool rawdec_confine(void)
{
    limit_resources();
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* nobody waits for an orphan's result */
    tzset(); /* reads TZ now; mktime() does it again only if TZ changed */
#ifdef RAWDEC_SANITIZED
    return true;
#else
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!filter)
        return false;
    int status = add_rules(filter);
    if (status == 0)
        status = seccomp_load(filter);
    seccomp_release(filter);
    return status == 0;
#endif
}
