/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TUNING_CHECK_H
#define TUNING_CHECK_H

#include <softisp/tuning.h>

#include <stdbool.h>

/** Whether a tuning, which anybody may have made, holds what a reading makes: counts inside their
 * arrays, finite numbers in their ranges, what lists are sorted by rising. */
bool tuning_is_sound(const struct sisp_tuning *tuning);

#endif
