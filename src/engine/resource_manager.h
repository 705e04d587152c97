/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * ResourceManager: the one authority over buffers: handles, pins per holder, pools, quota,
 * reservations. Only the control thread calls it; workers never pin, unpin or release.
 *
 * A buffer is free exactly while it has no pin. used + reserved never exceeds the quota.
 */
#ifndef ENGINE_RESOURCE_MANAGER_H
#define ENGINE_RESOURCE_MANAGER_H

#include "engine/engine.h"
#include "platform/dmabuf.h"
#include <stdatomic.h>

/** Who pins. Each counts its own pins, so that none can give back another's. */
enum eng_holder {
    ENG_HOLDER_PRODUCER,  /* lent to the application to fill, or in the supply */
    ENG_HOLDER_FRAME,     /* a FrameRecord */
    ENG_HOLDER_PLAN,      /* the FrameRecord of a plan, its inputs */
    ENG_HOLDER_ATTEMPT,   /* a slot, until its worker is known to have let go */
    ENG_HOLDER_HISTORY,   /* the ring of newest inputs */
    ENG_HOLDER_COMMITTED, /* latest version of a role */
    ENG_HOLDER_CONSUMER,  /* lent out with a completion */
    ENG_HOLDER_FENCE,     /* a device outside that has not signalled */
    ENG_HOLDER_COUNT,
};

struct eng_buffer {
    uint32_t pool, generation;
    uint16_t pins[ENG_HOLDER_COUNT];
    uint32_t next_free; /* ENG_NONE: last, or not free */
};

/** A buffer that is more than a part of its pool's memfd. */
struct eng_backing {
    int dmabuf;                /* -1: none */
    struct plat_memory memory; /* mapped by itself; bytes NULL: it is not */
    struct plat_import import; /* likewise */
    _Atomic bool is_begun;     /* the CPU may read it: a dmabuf that was submitted */
};

struct eng_pool {
    size_t size_bytes; /* that count against the quota: none of imports */
    enum eng_memory kind;
    uint32_t first, count; /* buffers first to first + count - 1 */
    uint32_t free_head, free_count;
    uint32_t reserved;         /* of the free ones, promised to plans */
    struct plat_memory memory; /* of all its buffers; bytes NULL: each has its own */
};

struct eng_resource_manager {
    uint32_t pool_count, buffer_count;
    struct eng_pool pools[ENG_POOLS_MAX];
    struct eng_buffer *buffers;
    struct eng_span *spans; /* by index; workers read it. Immutable but for imports, which their
                             * producer changes while no frame has them */
    struct eng_backing *backings; /* by index */
    uint64_t used_bytes, reserved_bytes, quota_bytes;
    uint64_t pins;  /* of all holders */
    uint64_t stale; /* refused handles */
};

/** Map and touch all pools; only this process can write to `input_pool`, so that no worker process
 * changes an input. quota_bytes 0: their sum. Returns: 0, -ENOMEM, errno. */
int eng_resource_manager_init(struct eng_resource_manager *manager,
    const struct eng_pool_config *pools, uint32_t pool_count, uint32_t input_pool,
    uint64_t quota_bytes);
void eng_resource_manager_finish(struct eng_resource_manager *manager);

/** Where a buffer lies. Returns: 0, -EINVAL (index), -ENOENT (a place with no import). */
int eng_resource_locate(
    const struct eng_resource_manager *manager, uint32_t index, struct eng_location *location);

/** From one buffer of a pool to the next: pages, so that no two share one. */
size_t eng_pool_step_bytes(size_t size_bytes);

/** Take a free buffer that is not reserved, with one pin of `holder`. Returns: 0, -EAGAIN. */
int eng_resource_acquire(struct eng_resource_manager *manager, uint32_t pool,
    enum eng_holder holder, struct eng_handle *handle);

/** Promise `count` free buffers. Returns: 0, -EAGAIN. */
int eng_resource_reserve(struct eng_resource_manager *manager, uint32_t pool, uint32_t count);
void eng_resource_unreserve(struct eng_resource_manager *manager, uint32_t pool, uint32_t count);

/** Take one of the reserved buffers: cannot fail. */
struct eng_handle eng_resource_allocate(
    struct eng_resource_manager *manager, uint32_t pool, enum eng_holder holder);

/** Returns: 0, -ESTALE. */
int eng_resource_pin(
    struct eng_resource_manager *manager, struct eng_handle handle, enum eng_holder holder);

/** The last unpin makes the buffer free. Returns: 0, -ESTALE (also where `holder` has no pin). */
int eng_resource_unpin(
    struct eng_resource_manager *manager, struct eng_handle handle, enum eng_holder holder);

/** The bytes behind a handle; NULL if it is stale or none. */
struct eng_span eng_resource_span(
    const struct eng_resource_manager *manager, struct eng_handle handle);

/** Assert the invariants over every buffer. */
void eng_resource_manager_check(const struct eng_resource_manager *manager);

#endif
