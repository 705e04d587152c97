/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The tables that describe a session: checked once, so that no other part has to. */
#ifndef ENGINE_CONFIG_H
#define ENGINE_CONFIG_H

#include "engine/engine.h"

/** Copy, put defaults where knobs are 0, and check. Says in the log what is wrong.
 * Returns: 0, -EINVAL. */
int eng_config_resolve(struct eng_config *resolved, const struct eng_config *config);

#endif
