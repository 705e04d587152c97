/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/session.h"

#include <errno.h>
#include <stdlib.h>

int eng_session_init(struct eng_session *session, uint32_t capacity)
{
    uint32_t rounded = 1;
    while (rounded < capacity)
        rounded *= 2;
    eng_ring_init(&session->ring, rounded);
    session->completions = calloc(rounded, sizeof(*session->completions));
    return session->completions ? 0 : -ENOMEM;
}

void eng_session_finish(struct eng_session *session)
{
    free(session->completions);
    session->completions = NULL;
}
