/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The test harness: named checks that print both sides, and a last line "N passed, N failed".
 *
 *     TEST(pins_never_go_below_zero) { CHECK_EQ(pins, 0); }
 *     int main(void) { RUN(pins_never_go_below_zero); return test_report(); }
 *
 * A test that cannot run here says why with SKIP("reason") and counts as skipped.
 */
#ifndef TESTS_HARNESS_TEST_H
#define TESTS_HARNESS_TEST_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned test_passed, test_failed, test_skipped;
static bool test_ok, test_was_skipped;
static const char *test_name;

#define TEST(name) static void name(void)

#define RUN(name)                                                                                  \
    do {                                                                                           \
        test_name = #name;                                                                         \
        test_ok = true;                                                                            \
        test_was_skipped = false;                                                                  \
        name();                                                                                    \
        if (test_was_skipped)                                                                      \
            test_skipped++;                                                                        \
        else if (test_ok)                                                                          \
            test_passed++;                                                                         \
        else                                                                                       \
            test_failed++;                                                                         \
        if (!test_ok)                                                                              \
            printf("FAILED %s\n", test_name);                                                      \
    } while (0)

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("%s:%d: %s: does not hold: %s\n", __FILE__, __LINE__, test_name, #condition);   \
            test_ok = false;                                                                       \
        }                                                                                          \
    } while (0)

/* What is behind the point would be lost: CHECK_EXACT and CHECK_NEAR compare floats. */
#define TEST_IS_WHOLE(a)                                                                           \
    _Static_assert(!_Generic((a), float : 1, double : 1, default : 0), "not for floats")

#define CHECK_EQ(a, b)                                                                             \
    do {                                                                                           \
        TEST_IS_WHOLE(a);                                                                          \
        TEST_IS_WHOLE(b);                                                                          \
        int64_t test_a = (int64_t)(a), test_b = (int64_t)(b);                                      \
        if (test_a != test_b) {                                                                    \
            printf("%s:%d: %s: %s = %" PRId64 ", but %s = %" PRId64 "\n", __FILE__, __LINE__,      \
                test_name, #a, test_a, #b, test_b);                                                \
            test_ok = false;                                                                       \
        }                                                                                          \
    } while (0)

#define CHECK_EXACT(a, b) CHECK_NEAR((double)(a), (double)(b), 0)

#define CHECK_NEAR(a, b, tolerance)                                                                \
    do {                                                                                           \
        double test_a = (a), test_b = (b), test_d = test_a - test_b;                               \
        if (!(test_d <= (tolerance) && -test_d <= (tolerance))) {                                  \
            printf("%s:%d: %s: %s = %.9g, but %s = %.9g (tolerance %.3g)\n", __FILE__, __LINE__,   \
                test_name, #a, test_a, #b, test_b, (double)(tolerance));                           \
            test_ok = false;                                                                       \
        }                                                                                          \
    } while (0)

#define CHECK_STR(a, b)                                                                            \
    do {                                                                                           \
        const char *test_a = (a), *test_b = (b);                                                   \
        if (strcmp(test_a, test_b) != 0) {                                                         \
            printf("%s:%d: %s: %s = \"%s\", but expected \"%s\"\n", __FILE__, __LINE__, test_name, \
                #a, test_a, test_b);                                                               \
            test_ok = false;                                                                       \
        }                                                                                          \
    } while (0)

/* Leave the test at once: the rest would only repeat the failure. */
#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        CHECK(condition);                                                                          \
        if (!test_ok)                                                                              \
            return;                                                                                \
    } while (0)

#define SKIP(reason)                                                                               \
    do {                                                                                           \
        printf("SKIPPED %s: %s\n", test_name, reason);                                             \
        test_was_skipped = true;                                                                   \
        return;                                                                                    \
    } while (0)

static inline int test_report(void)
{
    printf("%u passed, %u failed, %u skipped\n", test_passed, test_failed, test_skipped);
    return test_failed ? 1 : 0;
}

#endif
