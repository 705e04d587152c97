/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "camera/raw_internal.h"

#include <stdarg.h>
#include <stdio.h>

int raw_fail(const struct raw_error *error, int status, const char *format, ...)
{
    if (error->text && error->size > 0) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->text, error->size, format, arguments);
        va_end(arguments);
    }
    return status;
}
