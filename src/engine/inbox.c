/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/inbox.h"

#include "base/base.h"
#include "platform/simulate.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int eng_inbox_init(struct eng_inbox *inbox, uint32_t capacity, size_t item_bytes)
{
    uint32_t rounded = 2;
    while (rounded < capacity)
        rounded *= 2;
    *inbox = (struct eng_inbox){.capacity = rounded, .item_bytes = item_bytes};
    inbox->turns = calloc(rounded, sizeof(*inbox->turns));
    inbox->items = calloc(rounded, item_bytes);
    if (!inbox->turns || !inbox->items) {
        eng_inbox_finish(inbox);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < rounded; i++)
        atomic_init(&inbox->turns[i], i);
    return 0;
}

void eng_inbox_finish(struct eng_inbox *inbox)
{
    free((void *)inbox->turns);
    free(inbox->items);
    inbox->turns = NULL;
    inbox->items = NULL;
}

/* Win a position whose cell has reached its turn. `ahead`: 0 to push, 1 to pop. */
static bool win_position(
    struct eng_inbox *inbox, _Atomic uint64_t *end, uint64_t ahead, uint64_t *position)
{
    uint64_t at = atomic_load_explicit(end, memory_order_relaxed);
    for (;;) {
        uint64_t turn =
            atomic_load_explicit(&inbox->turns[at & (inbox->capacity - 1)], memory_order_acquire);
        int64_t distance = (int64_t)(turn - (at + ahead));
        if (distance < 0)
            return false;
        if (distance > 0)
            at = atomic_load_explicit(end, memory_order_relaxed);
        else if (atomic_compare_exchange_weak_explicit(
                     end, &at, at + 1, memory_order_relaxed, memory_order_relaxed))
            break;
    }
    *position = at;
    return true;
}

bool eng_inbox_push(struct eng_inbox *inbox, const void *item)
{
    uint64_t at;
    if (!win_position(inbox, &inbox->head, 0, &at))
        return false;
    PLAT_POINT(inbox_push);
    uint64_t cell = at & (inbox->capacity - 1);
    memcpy(inbox->items + cell * inbox->item_bytes, item, inbox->item_bytes);
    atomic_store_explicit(&inbox->turns[cell], at + 1, memory_order_release);
    return true;
}

bool eng_inbox_pop(struct eng_inbox *inbox, void *item)
{
    uint64_t at;
    if (!win_position(inbox, &inbox->tail, 1, &at))
        return false;
    PLAT_POINT(inbox_pop);
    uint64_t cell = at & (inbox->capacity - 1);
    memcpy(item, inbox->items + cell * inbox->item_bytes, inbox->item_bytes);
    atomic_store_explicit(&inbox->turns[cell], at + inbox->capacity, memory_order_release);
    return true;
}
