/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Lending: which buffers are outside, with whom. One word a buffer (generation and borrower), so
 * that any thread can give back or pass on exactly once and a second or stale attempt is refused at
 * once. It also bounds the inbox: at most one message a buffer can be under way.
 */
#ifndef ENGINE_LENDING_H
#define ENGINE_LENDING_H

#include "engine/engine.h"
#include <stdatomic.h>

enum eng_borrower {
    ENG_BORROWER_NONE,
    ENG_BORROWER_SUPPLY, /* free input, waiting for eng_input_acquire() or eng_import() */
    ENG_BORROWER_PRODUCER,
    ENG_BORROWER_CONSUMER,
};

struct eng_lending {
    uint32_t count;
    _Atomic uint64_t *words; /* generation << 2 | borrower */
};

int eng_lending_init(struct eng_lending *lending, uint32_t count);
void eng_lending_finish(struct eng_lending *lending);

/** Control thread: lend a buffer that is not lent. */
void eng_lending_lend(
    struct eng_lending *lending, struct eng_handle handle, enum eng_borrower borrower);

/** Any thread. Returns: 0, -ESTALE (not lent to `from`, or of another generation). */
int eng_lending_pass(struct eng_lending *lending, struct eng_handle handle, enum eng_borrower from,
    enum eng_borrower to);

/** Any thread: the same for the buffer's present generation, which is told. Returns: 0, -EBUSY (it
 * is not lent to `from`). */
int eng_lending_take(struct eng_lending *lending, uint32_t index, enum eng_borrower from,
    enum eng_borrower to, struct eng_handle *handle);

#endif
