/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Base: how a child gives up, for good, what its job does not need. Only children link this. */
#ifndef BASE_CONFINE_H
#define BASE_CONFINE_H

#include "base/base.h"
#include <seccomp.h>
#include <sys/resource.h>

/** What happens at a system call, in all cases or where one argument compares as stated. */
struct base_confine_rule {
    int call;
    int error;           /* it fails with this errno; 0: it is done */
    bool is_conditional; /* `argument` counts */
    struct scmp_arg_cmp argument;
};

/** Set a limit, soft and hard. What cannot be lowered stays: the filter is what counts. */
void base_confine_limit(int resource, rlim_t value);

/**
 * From now on the threads that are there, and all later ones, may do the calls of `harmless`, what
 * `rules` say and abort(); any other call kills the process. Neither more rights nor a look into
 * its memory can be had. Sanitized builds keep their calls. Returns: 0, errno.
 */
int base_confine_calls(const int *harmless, size_t harmless_count,
    const struct base_confine_rule *rules, size_t rule_count);

#endif
