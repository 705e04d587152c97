/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/confine.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>

void base_confine_limit(int resource, rlim_t value)
{
    setrlimit((__rlimit_resource_t)resource, &(struct rlimit){value, value});
}

#ifndef BASE_SANITIZED
static int add_rule(scmp_filter_ctx filter, const struct base_confine_rule *rule)
{
    uint32_t action = rule->error ? SCMP_ACT_ERRNO((uint32_t)rule->error) : SCMP_ACT_ALLOW;
    return seccomp_rule_add_array(
        filter, action, rule->call, rule->is_conditional, &rule->argument);
}

static int load(scmp_filter_ctx filter, const int *harmless, size_t harmless_count,
    const struct base_confine_rule *rules, size_t rule_count)
{
    /* abort() signals its own thread: it must look like a crash, not like a violation. */
    const struct base_confine_rule aborts = {
        SCMP_SYS(tgkill), 0, true, {2, SCMP_CMP_EQ, SIGABRT, 0}};
    int status = add_rule(filter, &aborts);
    for (size_t i = 0; i < harmless_count && status == 0; i++)
        status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, harmless[i], 0);
    for (size_t i = 0; i < rule_count && status == 0; i++)
        status = add_rule(filter, &rules[i]);
    if (status == 0) /* the threads that are there already, too */
        status = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    return status == 0 ? seccomp_load(filter) : status;
}
#endif

int base_confine_calls(const int *harmless, size_t harmless_count,
    const struct base_confine_rule *rules, size_t rule_count)
{
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#ifdef BASE_SANITIZED
    return 0;
#else
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!filter)
        return -ENOMEM;
    int status = load(filter, harmless, harmless_count, rules, rule_count);
    seccomp_release(filter);
    return status;
#endif
}
