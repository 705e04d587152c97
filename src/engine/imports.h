/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Imports: buffers of others in the places of one pool. A place that no frame has is lent to the
 * supply, filled or not; who takes it from there, as the producer, may fill, empty or submit it.
 * Everything here is called by any thread and never by the control thread.
 */
#ifndef ENGINE_IMPORTS_H
#define ENGINE_IMPORTS_H

#include "engine/engine.h"
#include <stdatomic.h>

struct eng_core;

/** What a place holds. Written by its producer, or while somebody is inside. */
struct eng_import_place {
    _Atomic uint32_t is_filled;
    _Atomic uint32_t session;
    uint64_t device, inode, offset_bytes; /* of what it holds; who is inside reads them */
};

struct eng_imports {
    uint32_t first, count; /* buffers of the pool; count 0: there is none */
    size_t size_bytes;
    _Atomic uint32_t is_entered;
    struct eng_import_place *places;
};

/** Find the pool. Returns: 0, -ENOMEM. */
int eng_imports_init(struct eng_imports *imports, const struct eng_config *config);
void eng_imports_finish(struct eng_imports *imports);

/** Empty places of sessions that are gone, as far as nothing reads them. */
void eng_imports_sweep(struct eng_core *core);

#endif
