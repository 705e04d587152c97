/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Single-producer single-consumer ring of indices; the cells are the caller's. Push and pop have
 * two steps each, cell then index, so that a producer that dies between them leaves no torn cell.
 * No pointers inside: it may lie in the arena.
 */
#ifndef ENGINE_RING_H
#define ENGINE_RING_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct eng_ring {
    alignas(64) _Atomic uint64_t head; /* written by the producer */
    alignas(64) _Atomic uint64_t tail; /* written by the consumer */
    alignas(64) uint32_t capacity;     /* power of two */
};

void eng_ring_init(struct eng_ring *ring, uint32_t capacity);

/** Producer: the cell to fill. Returns: false when the ring is full. */
bool eng_ring_reserve(const struct eng_ring *ring, uint32_t *cell);
/** Producer: hand the reserved cell over. */
void eng_ring_push(struct eng_ring *ring);

/** Consumer: the cell to read. Returns: false when the ring is empty. */
bool eng_ring_peek(const struct eng_ring *ring, uint32_t *cell);
/** Consumer: give the cell back. */
void eng_ring_pop(struct eng_ring *ring);

#endif
