/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/access.h"

void eng_access_begin_read(struct eng_resource_manager *manager, uint32_t index)
{
    struct eng_backing *backing = &manager->backings[index];
    if (backing->dmabuf >= 0 &&
        !atomic_exchange_explicit(&backing->is_begun, true, memory_order_relaxed))
        plat_dmabuf_sync(backing->dmabuf, PLAT_SYNC_BEGIN_READ);
}

void eng_access_end_read(struct eng_resource_manager *manager, uint32_t index)
{
    struct eng_backing *backing = &manager->backings[index];
    if (atomic_exchange_explicit(&backing->is_begun, false, memory_order_relaxed))
        plat_dmabuf_sync(backing->dmabuf, PLAT_SYNC_END_READ);
}

/* Taken for that moment: another thread might submit it. */
void eng_access_refuse(
    struct eng_resource_manager *manager, struct eng_lending *lending, struct eng_handle input)
{
    if (eng_lending_pass(lending, input, ENG_BORROWER_PRODUCER, ENG_BORROWER_NONE))
        return;
    eng_access_end_read(manager, input.index);
    eng_lending_lend(lending, input, ENG_BORROWER_PRODUCER);
}

/* An input: its access to read goes on until its producer has it again. */
static bool is_read(const struct eng_backing *backing)
{
    return atomic_load_explicit(&backing->is_begun, memory_order_relaxed);
}

void eng_access_hand_out(struct eng_resource_manager *manager, const struct eng_handle *handles)
{
    for (uint32_t r = 0; r < ENG_ROLES_MAX; r++) {
        const struct eng_backing *backing = &manager->backings[handles[r].index];
        if (handles[r].generation && !is_read(backing))
            plat_dmabuf_sync(backing->dmabuf, PLAT_SYNC_END_WRITE);
    }
}

void eng_access_take_back(struct eng_resource_manager *manager, struct eng_handle handle)
{
    const struct eng_backing *backing = &manager->backings[handle.index];
    if (!is_read(backing))
        plat_dmabuf_sync(backing->dmabuf, PLAT_SYNC_BEGIN_WRITE);
}
