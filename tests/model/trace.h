/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Traces of token edges, for the model's replay (replay.pml): a head line for each run, then one
 * line for each applied edge, with what the caller believed and the words before and after:
 *
 *     trace NUMBER STRICT EXPECTED
 *     SLOT EDGE HOLDER GRANT BEFORE AFTER
 *
 * EDGE is the number in enum eng_edge, words are hexadecimal. All tokens are 0 where a trace
 * begins. STRICT is 1 where one global FIFO alone orders the slots: the replay checks it then.
 * EXPECTED is 1 where the trace is the code's own, 0 where it was corrupted and must be refused, 2
 * where it was corrupted without breaking the table.
 */
#ifndef TESTS_MODEL_TRACE_H
#define TESTS_MODEL_TRACE_H

#include "engine/token.h"
#include <inttypes.h>
#include <stdio.h>

#define MODEL_TRACE_SLOTS 16 /* at most */

enum model_expected { MODEL_REFUSED, MODEL_ACCEPTED, MODEL_EITHER };

struct model_trace_line {
    uint32_t slot;
    enum eng_edge edge;
    struct eng_token_args args;
    uint64_t before, after;
};

static inline void model_trace_begin(
    FILE *file, uint64_t number, bool is_strict, enum model_expected expected)
{
    fprintf(file, "trace %" PRIu64 " %d %d\n", number, is_strict, (int)expected);
}

static inline void model_trace_edge(FILE *file, const struct model_trace_line *line)
{
    fprintf(file, "%" PRIu32 " %d %u %" PRIu64 " %" PRIx64 " %" PRIx64 "\n", line->slot,
        (int)line->edge, (unsigned)line->args.holder, line->args.grant, line->before, line->after);
}

#endif
