/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What came out of a worker is checked before anything here counts by it or names it. */
#ifndef SESSION_PAYLOAD_H
#define SESSION_PAYLOAD_H

#include "base/base.h"
#include "workers/pipeline.h"

/** Whether enumerations and counts are in their ranges and numbers are numbers. */
bool payload_is_sound(const struct payload *payload);

/** The part of it that a caller may give, too: numbers are finite, enumerations and counts known.
 */
bool payload_coefficients_are_sound(const struct sisp_coefficients *coefficients);

#endif
