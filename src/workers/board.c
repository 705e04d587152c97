/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A sequence lock (Lameter, Effective synchronization on Linux/NUMA systems, 2005) over words: what
 * is torn is not taken over, and nobody waits. Each word is released after the odd version and
 * acquired before the second look at it, which needs no fences. */
#include "workers/pipeline.h"

#include <string.h>

void pipeline_board_write(struct pipeline_board *board, const struct sisp_tuning *tuning)
{
    uint32_t version = atomic_load_explicit(&board->version, memory_order_relaxed);
    atomic_store_explicit(&board->version, version + 1, memory_order_relaxed);
    atomic_store_explicit(&board->has_tuning, tuning != NULL, memory_order_release);
    for (size_t i = 0; tuning && i < PIPELINE_TUNING_WORDS; i++) {
        uint32_t word;
        memcpy(&word, (const char *)tuning + i * sizeof(word), sizeof(word));
        atomic_store_explicit(&board->words[i], word, memory_order_release);
    }
    atomic_store_explicit(&board->version, version + 2, memory_order_release);
}

static void take_over(const struct pipeline_board *board, struct pipeline_tuning *mine)
{
    uint32_t version = atomic_load_explicit(&board->version, memory_order_acquire);
    if (version == mine->version || version & 1)
        return;
    bool has_tuning = atomic_load_explicit(&board->has_tuning, memory_order_acquire) != 0;
    for (size_t i = 0; has_tuning && i < PIPELINE_TUNING_WORDS; i++)
        mine->next[i] = atomic_load_explicit(&board->words[i], memory_order_acquire);
    if (atomic_load_explicit(&board->version, memory_order_relaxed) != version)
        return; /* the next frame will have it */
    if (has_tuning)
        memcpy(&mine->tuning, mine->next, sizeof(mine->tuning));
    mine->has_tuning = has_tuning;
    mine->version = version;
}

const struct sisp_tuning *pipeline_tuning(struct pipeline *p, enum pipeline_worker worker)
{
    struct pipeline_tuning *mine = &p->tunings[worker];
    take_over(p->board, mine);
    return mine->has_tuning ? &mine->tuning : NULL;
}
