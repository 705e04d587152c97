/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <softisp/log.h>

/** Log one printf-formatted sentence, without a newline. */
__attribute__((format(printf, 2, 3))) void base_log(
    enum sisp_log_level level, const char *format, ...);

#endif
