/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Bell: wakes one thread. Ringing costs a system call only where the bell was silent. The sleeper
 * silences it, looks at all its work, then waits while it is still silent, so that no ring is lost.
 */
#ifndef ENGINE_BELL_H
#define ENGINE_BELL_H

#include "platform/platform.h"
#include "platform/simulate.h"

static inline void eng_bell_ring(_Atomic uint32_t *bell)
{
    /* Release: the sleeper sees what was done before. Acquire: pairs with the silencing one. */
    if (atomic_exchange_explicit(bell, 1, memory_order_acq_rel) == 0) {
        PLAT_POINT(bell_ring);
        plat_wake(bell, 1);
    }
}

/** For a bell that others can write to: one that is not silent may still have a sleeper. */
static inline void eng_bell_ring_surely(_Atomic uint32_t *bell)
{
    atomic_exchange_explicit(bell, 1, memory_order_acq_rel);
    PLAT_POINT(bell_ring);
    plat_wake(bell, 1);
}

static inline void eng_bell_silence(_Atomic uint32_t *bell)
{
    PLAT_POINT(bell_silence);
    atomic_exchange_explicit(bell, 0, memory_order_acq_rel);
    PLAT_POINT(bell_silenced);
}

static inline void eng_bell_wait(_Atomic uint32_t *bell, uint64_t deadline_ns)
{
    plat_wait(bell, 0, deadline_ns);
}

#endif
