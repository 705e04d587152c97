/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The tables that describe a session: checked once, so that no other part has to. */
#ifndef ENGINE_CONFIG_H
#define ENGINE_CONFIG_H

#include "engine/engine.h"
#include "platform/platform.h"

/** Copy, put defaults where knobs are 0, and check. Says in the log what is wrong.
 * Returns: 0, -EINVAL. */
int eng_config_resolve(struct eng_config *resolved, const struct eng_config *config);

/** Inputs of one session that its history and its consumer can keep from its producer. */
uint32_t eng_config_inputs_kept(const struct eng_config *config);

/** What the threads between submit and completion ask for: where a fast lane has a floor,
 * somebody waits for its frames. */
enum plat_priority eng_config_priority(const struct eng_config *config);

#endif
