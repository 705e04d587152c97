/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What a test program may make fail, anywhere in the process: its own malloc family, pthread_create
 * and memfd_create stand before those of libc (and of a sanitizer).
 */
#ifndef TESTS_FAULT_FAULT_H
#define TESTS_FAULT_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#define FAULT_NEVER (-1l)

enum fault_kind {
    FAULT_DESCRIPTOR,
    FAULT_ALLOCATION,
    FAULT_THREAD,
    FAULT_MEMFD,
    FAULT_KIND_COUNT,
};

/** Call first: small stacks, so that libc keeps each for the next thread and the count of live
 * allocations stays the same; no descriptor but the standard ones. */
void fault_init(void);

/** The nth call from now on (0: the next) fails, in whatever thread; of descriptors, all from the
 * nth that are open at once. */
void fault_arm(enum fault_kind kind, long nth);

/** Returns: whether one has failed (of descriptors: unknown, false). */
bool fault_disarm(enum fault_kind kind);

/** Allocations since the program began. */
uint64_t fault_allocations(void);

/** What a failed call must leave as it was. */
struct fault_census {
    long live; /* allocated, not freed; 0 under a sanitizer, which tells leaks itself */
    unsigned descriptors, threads;
};

struct fault_census fault_census(void);

#endif
