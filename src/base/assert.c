/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/base.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

typedef void (*handler_fn)(const char *condition, const char *file, int line);

static _Atomic(handler_fn) assert_handler;

void base_assert_handler(handler_fn handler)
{
    atomic_store(&assert_handler, handler);
}

_Noreturn void base_assert_failed(const char *condition, const char *file, int line)
{
    handler_fn handler = atomic_load(&assert_handler);
    if (handler)
        handler(condition, file, line);
    fprintf(
        stderr, "softisp: internal error: '%s' does not hold at %s:%d\n", condition, file, line);
    abort();
}
