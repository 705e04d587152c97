/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sequence locks (Lameter, Effective synchronization on Linux/NUMA systems, 2005) over words: what
 * is torn is not taken over, and nobody waits. Each word is released after the odd version and
 * acquired before the second look at it, which needs no fences. */
#include "workers/pipeline.h"

#include <string.h>

static uint32_t begin_write(_Atomic uint32_t *version)
{
    uint32_t before = atomic_load_explicit(version, memory_order_relaxed);
    atomic_store_explicit(version, before + 1, memory_order_relaxed);
    return before;
}

static void write_words(_Atomic uint32_t *to, const void *from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t word;
        memcpy(&word, (const char *)from + i * sizeof(word), sizeof(word));
        atomic_store_explicit(&to[i], word, memory_order_release);
    }
}

static void read_words(uint32_t *to, const _Atomic uint32_t *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] = atomic_load_explicit(&from[i], memory_order_acquire);
}

void pipeline_board_write(struct pipeline_board *board, const struct sisp_tuning *tuning)
{
    uint32_t before = begin_write(&board->version);
    atomic_store_explicit(&board->has_tuning, tuning != NULL, memory_order_release);
    if (tuning)
        write_words(board->words, tuning, PIPELINE_TUNING_WORDS);
    atomic_store_explicit(&board->version, before + 2, memory_order_release);
}

void pipeline_board_write_params(struct pipeline_board *board, const struct sisp_params *params)
{
    uint32_t before = begin_write(&board->params_version);
    write_words(board->params, params, PIPELINE_PARAMS_WORDS);
    atomic_store_explicit(&board->params_version, before + 2, memory_order_release);
}

static void take_over_tuning(const struct pipeline_board *board, struct pipeline_tuning *mine)
{
    uint32_t version = atomic_load_explicit(&board->version, memory_order_acquire);
    if (version == mine->version || version & 1)
        return;
    bool has_tuning = atomic_load_explicit(&board->has_tuning, memory_order_acquire) != 0;
    if (has_tuning)
        read_words(mine->next, board->words, PIPELINE_TUNING_WORDS);
    if (atomic_load_explicit(&board->version, memory_order_relaxed) != version)
        return; /* the next frame will have it */
    if (has_tuning)
        memcpy(&mine->tuning, mine->next, sizeof(mine->tuning));
    mine->has_tuning = has_tuning;
    mine->version = version;
}

static void take_over_params(const struct pipeline_board *board, struct pipeline_params *mine)
{
    uint32_t next[PIPELINE_PARAMS_WORDS];
    uint32_t version = atomic_load_explicit(&board->params_version, memory_order_acquire);
    if (version == mine->version || version & 1)
        return;
    read_words(next, board->params, PIPELINE_PARAMS_WORDS);
    if (atomic_load_explicit(&board->params_version, memory_order_relaxed) != version)
        return;
    memcpy(&mine->params, next, sizeof(mine->params));
    mine->version = version;
}

struct pipeline_settings pipeline_settings(struct pipeline *p, enum pipeline_worker worker)
{
    struct pipeline_tuning *tuning = &p->tunings[worker];
    struct pipeline_params *wishes = &p->wishes[worker];
    take_over_tuning(p->board, tuning);
    take_over_params(p->board, wishes);
    return (struct pipeline_settings){
        .tuning = tuning->has_tuning ? &tuning->tuning : NULL,
        .params = &wishes->params,
        .params_generation = wishes->version / 2,
    };
}
