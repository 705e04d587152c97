/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/ring.h"

#include "base/base.h"
#include "platform/simulate.h"

void eng_ring_init(struct eng_ring *ring, uint32_t capacity)
{
    sisp_assert(capacity > 0 && (capacity & (capacity - 1)) == 0);
    atomic_init(&ring->head, 0);
    atomic_init(&ring->tail, 0);
    ring->capacity = capacity;
}

bool eng_ring_reserve(const struct eng_ring *ring, uint32_t *cell)
{
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    if (head - tail >= ring->capacity)
        return false;
    *cell = (uint32_t)head & (ring->capacity - 1);
    return true;
}

void eng_ring_push(struct eng_ring *ring)
{
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    PLAT_POINT(ring_push);
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
}

bool eng_ring_peek(const struct eng_ring *ring, uint32_t *cell)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    if (atomic_load_explicit(&ring->head, memory_order_acquire) == tail)
        return false;
    *cell = (uint32_t)tail & (ring->capacity - 1);
    return true;
}

void eng_ring_pop(struct eng_ring *ring)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    PLAT_POINT(ring_pop);
    atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
}
