/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Foreign: a worker's own process, seen from inside. It gets its view of arena and buffers through
 * the socket that it was born with, runs the same shell as a thread does, and leaves when the
 * socket ends. It needs nothing of the runtime.
 */
#ifndef ENGINE_FOREIGN_H
#define ENGINE_FOREIGN_H

#include "engine/keeper.h"
#include "engine/worker.h"

struct eng_foreign {
    struct eng_hello hello;
    struct plat_memory envelopes, shared, blob, pools[ENG_POOLS_MAX];
    struct eng_arena arena;
    struct eng_span *spans;
    struct eng_worker worker;
};

/** Wait for the hello and map what came with it. The blob is what eng_config.worker_blob held.
 * Returns: 0, -EPROTO (another version), -ENOMEM, errno. */
int eng_foreign_open(struct eng_foreign *foreign);

/** Work until the socket ends. `config` has the same workers and commands as on the other side.
 * confine: called when everything is there; what it refuses ends the process.
 * Returns: 0, or why it could not begin. */
int eng_foreign_run(
    struct eng_foreign *foreign, const struct eng_config *config, int (*confine)(void));

#endif
