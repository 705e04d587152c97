/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/lending.h"

#include "base/base.h"
#include <errno.h>
#include <stdlib.h>

int eng_lending_init(struct eng_lending *lending, uint32_t count)
{
    *lending = (struct eng_lending){.count = count};
    lending->words = calloc(count, sizeof(*lending->words));
    return lending->words ? 0 : -ENOMEM;
}

void eng_lending_finish(struct eng_lending *lending)
{
    free((void *)lending->words);
    lending->words = NULL;
}

static uint64_t word_of(uint32_t generation, enum eng_borrower borrower)
{
    return (uint64_t)generation << 2 | (uint64_t)borrower;
}

void eng_lending_lend(
    struct eng_lending *lending, struct eng_handle handle, enum eng_borrower borrower)
{
    sisp_assert(handle.index < lending->count && handle.generation != 0);
    uint64_t before = atomic_exchange_explicit(
        &lending->words[handle.index], word_of(handle.generation, borrower), memory_order_acq_rel);
    sisp_assert((before & 3) == ENG_BORROWER_NONE);
}

int eng_lending_pass(struct eng_lending *lending, struct eng_handle handle, enum eng_borrower from,
    enum eng_borrower to)
{
    if (handle.index >= lending->count || handle.generation == 0)
        return -ESTALE;
    uint64_t expected = word_of(handle.generation, from);
    return atomic_compare_exchange_strong_explicit(&lending->words[handle.index], &expected,
               word_of(handle.generation, to), memory_order_acq_rel, memory_order_acquire)
               ? 0
               : -ESTALE;
}

int eng_lending_take(struct eng_lending *lending, uint32_t index, enum eng_borrower from,
    enum eng_borrower to, struct eng_handle *handle)
{
    sisp_assert(index < lending->count);
    uint64_t word = atomic_load_explicit(&lending->words[index], memory_order_acquire);
    if ((word & 3) != from)
        return -EBUSY;
    *handle = (struct eng_handle){.index = index, .generation = (uint32_t)(word >> 2)};
    return eng_lending_pass(lending, *handle, from, to) ? -EBUSY : 0;
}
