/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static enum sisp_log_level log_level = SISP_LOG_WARNING;
static sisp_log_fn log_fn;
static void *log_user;

void sisp_log_set(enum sisp_log_level level, sisp_log_fn fn, void *user)
{
    log_level = level;
    log_fn = fn;
    log_user = user;
}

void base_log(enum sisp_log_level level, const char *format, ...)
{
    if (level > log_level)
        return;
    char sentence[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    if (log_fn)
        log_fn(log_user, level, sentence);
    else
        fprintf(stderr, "softisp: %s\n", sentence);
}
