/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/housekeeper.h"

#include "base/base.h"
#include "engine/core.h"

#define TICK_NS 20000000u

/* An item that was applied but not answered names a slot that has gone on. */
static bool is_returning(const struct eng_core *core, const struct eng_control_item *item)
{
    uint64_t word = eng_arena_last_token(&core->arena, item->slot);
    return eng_token_state(word) == ENG_TOKEN_SESSION && eng_token_grant(word) == item->grant;
}

static void sweep(const struct eng_core *core)
{
    uint32_t framed[ENG_SLOTS_MAX] = {0}, stolen[ENG_SLOTS_MAX] = {0};
    const struct eng_monitor *monitor = &core->monitor;
    for (uint32_t i = 0; i < core->frames.active_count; i++) {
        const struct eng_frame *frame = eng_frame_at(&core->frames, i);
        if (frame->slot != ENG_NONE)
            framed[frame->slot]++;
    }
    for (uint32_t i = 0; i < monitor->count; i++)
        stolen[monitor->stolen[i].slot]++;
    for (uint32_t i = 0; i < monitor->outbox_count; i++)
        framed[monitor->outbox[i].slot] += is_returning(core, &monitor->outbox[i]);
    for (uint32_t slot = 0; slot < core->arena.item_count; slot++) {
        enum eng_token_state state = eng_token_state(eng_arena_last_token(&core->arena, slot));
        bool is_stolen = state == ENG_TOKEN_MONITOR || state == ENG_TOKEN_QUARANTINE;
        sisp_assert(framed[slot] == (state != ENG_TOKEN_FREE && !is_stolen));
        sisp_assert(stolen[slot] == is_stolen);
    }
}

void eng_housekeeper_check(const struct eng_core *core)
{
    sweep(core);
    eng_resource_manager_check(&core->resources);
    eng_session_manager_check(&core->sessions);
    eng_frame_table_check(&core->frames);
    eng_handoff_check(core);
    eng_monitor_check(core);
    eng_fences_check(core);
    eng_fusion_manager_check(core);
    eng_calls_check(core);
}

uint64_t eng_housekeeper_step(struct eng_core *core)
{
    uint64_t timer_ns = eng_completion_leases(core);
    if (core->now_ns >= core->tick_ns) {
        eng_housekeeper_check(core);
        core->tick_ns = core->now_ns + TICK_NS;
    }
    bool is_idle = core->frames.active_count == 0 && core->monitor.count == 0;
    return is_idle || timer_ns < core->tick_ns ? timer_ns : core->tick_ns;
}
