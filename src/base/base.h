/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Base: what every layer may use. No state. */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Programmer errors stop the program, in release builds too: a wrong owner of a frame must stop,
 * not smear. Never reachable from input; never in row loops. */
#define sisp_assert(condition)                                                                     \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0))                                                     \
            base_assert_failed(#condition, __FILE__, __LINE__);                                    \
    } while (0)

_Noreturn void base_assert_failed(const char *condition, const char *file, int line);

/** Replaces what happens on a failed assertion (tests, engine's crash record). NULL: abort(). */
void base_assert_handler(void (*handler)(const char *condition, const char *file, int line));

/* Sanitizers need system calls and memory that confined programs give up. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BASE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define BASE_SANITIZED 1
#endif
#endif

#define BASE_COUNT(array) (sizeof(array) / sizeof((array)[0]))

static inline size_t base_min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t base_max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

/** Round up to a multiple of a power of two. */
static inline size_t base_align(size_t value, size_t alignment)
{
    return (value + alignment - 1) & ~(alignment - 1);
}

/** a * b, or false where it does not fit. */
static inline bool base_mul_size(size_t a, size_t b, size_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

static inline bool base_add_size(size_t a, size_t b, size_t *sum)
{
    return !__builtin_add_overflow(a, b, sum);
}

#endif
