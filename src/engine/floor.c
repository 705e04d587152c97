/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/floor.h"

#include "engine/core.h"

static bool is_of_pool(const struct eng_core *core, struct eng_handle handle, uint32_t pool)
{
    return handle.generation && core->resources.buffers[handle.index].pool == pool;
}

/* Places of the sessions with a frame that has one of the pool's buffers. */
static uint32_t places_writing(const struct eng_core *core, uint32_t pool)
{
    uint32_t places = 0;
    for (uint32_t i = 0; i < core->frames.active_count; i++) {
        const struct eng_frame *frame = eng_frame_at(&core->frames, i);
        for (uint32_t r = 0; r < ENG_ROLES_MAX && frame->path == ENG_LANE_FLOOR; r++)
            if (is_of_pool(core, frame->roles[r], pool))
                places |= 1u << frame->row.session % ENG_SESSIONS_MAX;
    }
    return places;
}

bool eng_floor_may_take(struct eng_core *core, uint32_t session, uint32_t pool)
{
    uint32_t writing = places_writing(core, pool) | 1u << session % ENG_SESSIONS_MAX;
    uint32_t without = core->session_count - (uint32_t)__builtin_popcount(writing);
    return core->resources.pools[pool].free_count > without;
}

bool eng_floor_may_hand_out(const struct eng_core *core, uint32_t session, uint32_t pool)
{
    const struct eng_completion_dispatcher *dispatcher = &core->dispatcher;
    uint32_t held = 1, holding = 1u << session % ENG_SESSIONS_MAX;
    for (uint32_t i = 0; i < dispatcher->handout_count; i++) {
        const struct eng_handout *handout = &dispatcher->handouts[i];
        uint32_t place = handout->session % ENG_SESSIONS_MAX, before = held;
        for (uint32_t r = 0; r < ENG_ROLES_MAX; r++)
            held += is_of_pool(core, handout->handles[r], pool);
        /* What a closed session's consumer keeps is nobody's sure one. */
        if (held > before && eng_session_number(core->places[place].gate) == handout->session)
            holding |= 1u << place;
    }
    uint32_t beyond = held - (uint32_t)__builtin_popcount(holding);
    return beyond + ENG_FLOOR_BUFFERS_MIN * core->session_count <=
           core->resources.pools[pool].count;
}
