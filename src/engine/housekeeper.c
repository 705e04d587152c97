/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/housekeeper.h"

#include "base/base.h"
#include "engine/attempt.h"

#define TICK_NS 20000000u

static uint32_t frames_naming(const struct eng_core *core, uint32_t slot)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < core->frames.active_count; i++)
        count += eng_frame_at(&core->frames, i)->slot == slot;
    return count;
}

static uint32_t thefts_naming(const struct eng_core *core, uint32_t slot)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < core->monitor.count; i++)
        count += core->monitor.stolen[i].slot == slot;
    return count;
}

static void sweep(const struct eng_core *core)
{
    for (uint32_t slot = 0; slot < core->arena.item_count; slot++) {
        enum eng_token_state state = eng_token_state(eng_attempt_token(core, slot));
        bool is_stolen = state == ENG_TOKEN_MONITOR || state == ENG_TOKEN_QUARANTINE;
        bool is_framed = state != ENG_TOKEN_FREE && !is_stolen;
        sisp_assert(frames_naming(core, slot) == is_framed);
        sisp_assert(thefts_naming(core, slot) == is_stolen);
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
    eng_fusion_manager_check(core);
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
