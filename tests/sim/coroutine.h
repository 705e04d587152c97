/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Coroutines on given stacks: by hand on x86-64, by ucontext elsewhere and under sanitizers. */
#ifndef TESTS_SIM_COROUTINE_H
#define TESTS_SIM_COROUTINE_H

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SIM_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SIM_SANITIZED 1
#endif
#endif

#if defined(__x86_64__) && !defined(SIM_SANITIZED)
#define SIM_BY_HAND 1
struct sim_context {
    void *top; /* of the stack, with the registers that a call keeps */
};
#else
#include <ucontext.h>
struct sim_context {
    ucontext_t registers;
    void *fake_stack;
    const void *stack;
    size_t stack_bytes;
};
#endif

/** Let `entry`, which never returns, run on the stack at the first switch to it. */
void sim_context_make(
    struct sim_context *context, void *stack, size_t stack_bytes, void (*entry)(void));

void sim_context_switch(struct sim_context *from, struct sim_context *to);

/** First of all in `entry`. */
void sim_context_entered(void);

#endif
