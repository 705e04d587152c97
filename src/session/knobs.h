/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the session does with public knobs. */
#ifndef SESSION_KNOBS_H
#define SESSION_KNOBS_H

#include "engine/engine.h"

#include <softisp/knobs.h>

/** Whether each value is 0 or in its range. */
bool knobs_are_valid(const struct sisp_knobs *knobs);

/** Put the values that are not 0 into the engine's knobs. */
void knobs_apply(struct eng_knobs *engine, const struct sisp_knobs *knobs);

#endif
