/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A session's parameters as the engine's tables. */
#ifndef SESSION_TABLES_H
#define SESSION_TABLES_H

#include "workers/pipeline.h"

#include <softisp/session.h>

/** Fill in a config that is zeros: pools, workers, commands, lanes, knobs. */
void tables_describe(
    struct eng_config *config, struct pipeline *pipeline, const struct sisp_session_params *params);

#endif
