/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Bounded queue that any thread of the process may push to and pop from without waiting: messages
 * to the control thread, and free inputs from it. Cells are copied in and out. In process only: a
 * thread killed inside push would wedge it, so it never lies in the arena.
 *
 * Vyukov, "Bounded MPMC queue", 1024cores.net, 2010.
 */
#ifndef ENGINE_INBOX_H
#define ENGINE_INBOX_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct eng_inbox {
    alignas(64) _Atomic uint64_t head;
    alignas(64) _Atomic uint64_t tail;
    alignas(64) uint32_t capacity; /* power of two */
    size_t item_bytes;
    _Atomic uint64_t *turns; /* whose turn a cell is: position to push, position + 1 to pop */
    uint8_t *items;
};

/** Returns: 0, -ENOMEM. At least `capacity` items fit. */
int eng_inbox_init(struct eng_inbox *inbox, uint32_t capacity, size_t item_bytes);
void eng_inbox_finish(struct eng_inbox *inbox);

/** Returns: false when it is full. */
bool eng_inbox_push(struct eng_inbox *inbox, const void *item);

/** Returns: false when it is empty, or when the oldest push has not ended. */
bool eng_inbox_pop(struct eng_inbox *inbox, void *item);

#endif
