/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * ControlItem: a fact that one part tells the SessionManager, resent until it is answered. Each has
 * a key (origin, incarnation, sequence), so that it counts once however often it comes.
 */
#ifndef ENGINE_CONTROL_ITEM_H
#define ENGINE_CONTROL_ITEM_H

#include "engine/engine.h"

enum eng_control_type {
    ENG_CONTROL_RETURN_SLOT, /* nobody uses the slot any more: its token is SESSION */
    ENG_CONTROL_TYPE_COUNT,
};

/** Who sends. */
enum eng_control_origin {
    ENG_ORIGIN_SCHEDULER,
    ENG_ORIGIN_MONITOR,
    ENG_ORIGIN_COUNT,
};

struct eng_control_item {
    enum eng_control_type type;
    uint32_t slot;
    uint64_t grant;
    uint32_t origin;                /* enum eng_control_origin */
    uint64_t incarnation, sequence; /* of the origin; each incarnation counts from 1 */
};

#define ENG_CONTROL_WINDOW 64 /* unanswered items that an origin may have at a time */

/** What has been applied of one origin: everything below the window, and what is marked in it. */
struct eng_control_window {
    uint64_t incarnation, high;
    uint64_t applied; /* bit i: sequence high - i */
};

/** Whether the item of that key has been applied. Below the window and of an older incarnation:
 * yes, since nobody waits for an answer to it. */
bool eng_control_is_applied(
    const struct eng_control_window *window, const struct eng_control_item *item);

/** Mark it. It was not applied before. */
void eng_control_mark(struct eng_control_window *window, const struct eng_control_item *item);

#endif
