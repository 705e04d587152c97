/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "camera/rawdec/rawdec.h"

#include "base/confine.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

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

#define NOT_TO_BE_RUN                                                                              \
    {                                                                                              \
        2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0                                                        \
    }
#define TO(fd)                                                                                     \
    {                                                                                              \
        0, SCMP_CMP_EQ, fd, 0                                                                      \
    }

static const struct base_confine_rule rules[] = {
    {SCMP_SYS(mmap), 0, true, NOT_TO_BE_RUN},
    {SCMP_SYS(mprotect), 0, true, NOT_TO_BE_RUN},
    {SCMP_SYS(write), 0, true, TO(RAWDEC_RESULT_FD)},
    {SCMP_SYS(write), 0, true, TO(RAWDEC_NOTE_FD)},
    {SCMP_SYS(pwrite64), 0, true, TO(RAWDEC_RESULT_FD)},
    {SCMP_SYS(ftruncate), 0, true, TO(RAWDEC_RESULT_FD)},
    /* LibRaw prints its troubles; stderr is /dev/null. */
    {SCMP_SYS(write), 0, true, TO(2)},
    /* Libraries look for optional files: they find none, which is no reason to die. */
    {.call = SCMP_SYS(open), .error = EACCES},
    {.call = SCMP_SYS(openat), .error = EACCES},
    {.call = SCMP_SYS(access), .error = EACCES},
    {.call = SCMP_SYS(newfstatat), .error = EACCES},
};

bool rawdec_confine(void)
{
    base_confine_limit(RLIMIT_CORE, 0);
    base_confine_limit(RLIMIT_CPU, RAWDEC_SECONDS_MAX);
    base_confine_limit(RLIMIT_FSIZE, (rlim_t)640 << 20);
#ifndef BASE_SANITIZED
    base_confine_limit(RLIMIT_AS, (rlim_t)3 << 30);
    base_confine_limit(RLIMIT_NOFILE, RAWDEC_NOTE_FD + 1);
#endif
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* nobody waits for an orphan's result */
    tzset(); /* reads TZ now; mktime() does it again only if TZ changed */
    return base_confine_calls(harmless, BASE_COUNT(harmless), rules, BASE_COUNT(rules)) == 0;
}
