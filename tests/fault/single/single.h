/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Single faults that need a real process. Each scenario runs in a child of its own, which begins
 * with one thread; it ends well, or says what did not hold.
 */
#ifndef TESTS_FAULT_SINGLE_SINGLE_H
#define TESTS_FAULT_SINGLE_SINGLE_H

#include <softisp/softisp.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SINGLE_WAIT_NS UINT64_C(10000000000)

/** One scenario: its number, from 0 on, chooses seed, size and instant. */
struct scenario {
    unsigned number;
    uint64_t bad_ns, end_ns; /* from the fault to its stated end; 0: the whole scenario */
    const char *folder;      /* of its own, removed afterwards */
};

struct single {
    const char *name;
    void (*run)(struct scenario *scenario);
    unsigned jobs; /* scenarios at a time: those that sleep most of the time go together */
};

/** Tables ended by a NULL name. */
extern const struct single single_files[], single_telemetry[], single_process[], single_consumers[],
    single_control[], single_numbers[], single_workers[], single_camera[];

/** Whether all held so far, in any thread. */
bool single_ok(void);

bool single_check(bool holds, const char *file, int line, const char *condition);
bool single_check_eq(int64_t a, int64_t b, const char *file, int line, const char *condition);

/** This machine cannot do it. */
void single_skip(const char *why);

#define CHECK(condition) single_check(condition, __FILE__, __LINE__, #condition)
#define CHECK_EQ(a, b)   single_check_eq(a, b, __FILE__, __LINE__, #a " == " #b)
#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!CHECK(condition))                                                                     \
            return;                                                                                \
    } while (0)

uint64_t single_now_ns(void);
void single_sleep_ms(unsigned ms);

/** "FOLDER/NAME"; valid until the next but seven. */
const char *single_path(const struct scenario *scenario, const char *name);

/** Fork, run, wait: the child's exit status, or 128 + signal; 1000: it did not end in time. */
int single_in_child(int (*run)(void *user), void *user);

#endif
