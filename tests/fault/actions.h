/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The calls of the library that set something up, each as "make it, and destroy it again". */
#ifndef TESTS_FAULT_ACTIONS_H
#define TESTS_FAULT_ACTIONS_H

#include "fault.h"

#include <stddef.h>

struct action {
    const char *name;
    int (*run)(char *error, size_t error_size); /* 0 or a negative errno */
    bool has_sentence;                          /* whether a failure comes with one */
    int other_error;                            /* that a failed allocation may end in */
};

/** Ended by a NULL name. */
extern const struct action actions[];

/** Prepare the files that actions read. Returns: whether it worked. */
bool actions_init(void);

/** The nth call of that kind fails, for every n until no call does; once without failure before.
 * Then it ends in success all the same, `expected` or other_error. Returns: how many there were. */
unsigned action_fail_each(const struct action *action, enum fault_kind kind, int expected);

/** What did not hold so far, each printed. */
unsigned action_problems(void);

#endif
