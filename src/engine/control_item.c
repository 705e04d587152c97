/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/control_item.h"

#include "base/base.h"

bool eng_control_is_applied(
    const struct eng_control_window *window, const struct eng_control_item *item)
{
    if (item->incarnation != window->incarnation)
        return item->incarnation < window->incarnation;
    if (item->sequence > window->high)
        return false;
    uint64_t age = window->high - item->sequence;
    return age >= ENG_CONTROL_WINDOW || (window->applied >> age & 1);
}

void eng_control_mark(struct eng_control_window *window, const struct eng_control_item *item)
{
    sisp_assert(!eng_control_is_applied(window, item));
    if (item->incarnation != window->incarnation)
        *window = (struct eng_control_window){.incarnation = item->incarnation};
    if (item->sequence > window->high) {
        uint64_t ahead = item->sequence - window->high;
        window->applied = ahead < ENG_CONTROL_WINDOW ? window->applied << ahead : 0;
        window->high = item->sequence;
    }
    window->applied |= (uint64_t)1 << (window->high - item->sequence);
}
