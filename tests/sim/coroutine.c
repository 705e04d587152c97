/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/coroutine.h"

#include <stdint.h>
#include <string.h>

#ifdef SIM_BY_HAND

__attribute__((naked, noinline)) static void swap_stacks(void **from, void *to)
{
    __asm__("pushq %rbp\n\t"
            "pushq %rbx\n\t"
            "pushq %r12\n\t"
            "pushq %r13\n\t"
            "pushq %r14\n\t"
            "pushq %r15\n\t"
            "movq %rsp, (%rdi)\n\t"
            "movq %rsi, %rsp\n\t"
            "popq %r15\n\t"
            "popq %r14\n\t"
            "popq %r13\n\t"
            "popq %r12\n\t"
            "popq %rbx\n\t"
            "popq %rbp\n\t"
            "ret");
}

void sim_context_make(
    struct sim_context *context, void *stack, size_t stack_bytes, void (*entry)(void))
{
    uintptr_t *top = (uintptr_t *)(((uintptr_t)stack + stack_bytes) & ~(uintptr_t)15);
    top -= 8; /* six registers, the way into entry, and the way out that is never taken */
    memset(top, 0, 8 * sizeof(*top));
    top[6] = (uintptr_t)entry;
    context->top = top;
}

void sim_context_switch(struct sim_context *from, struct sim_context *to)
{
    swap_stacks(&from->top, to->top);
}

void sim_context_entered(void)
{
}

#else

#ifdef SIM_SANITIZED
void __sanitizer_start_switch_fiber(void **fake_stack, const void *bottom, size_t size);
void __sanitizer_finish_switch_fiber(void *fake_stack, const void **bottom, size_t *size);
static struct sim_context *previous;
#endif

void sim_context_make(
    struct sim_context *context, void *stack, size_t stack_bytes, void (*entry)(void))
{
    getcontext(&context->registers);
    context->registers.uc_stack.ss_sp = stack;
    context->registers.uc_stack.ss_size = stack_bytes;
    context->registers.uc_link = NULL;
    context->fake_stack = NULL;
    context->stack = stack;
    context->stack_bytes = stack_bytes;
    makecontext(&context->registers, entry, 0);
}

void sim_context_entered(void)
{
#ifdef SIM_SANITIZED
    /* The driver's own stack is learned when it is first left. */
    __sanitizer_finish_switch_fiber(NULL, &previous->stack, &previous->stack_bytes);
#endif
}

void sim_context_switch(struct sim_context *from, struct sim_context *to)
{
#ifdef SIM_SANITIZED
    previous = from;
    __sanitizer_start_switch_fiber(&from->fake_stack, to->stack, to->stack_bytes);
#endif
    swapcontext(&from->registers, &to->registers);
#ifdef SIM_SANITIZED
    __sanitizer_finish_switch_fiber(from->fake_stack, &previous->stack, &previous->stack_bytes);
#endif
}

#endif
