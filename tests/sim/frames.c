/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each frame's one completion: what was accepted, what came back, in which order, made of what. */
#include "sim/scenario.h"
#include "sim/sim.h"

#include <string.h>

enum fate { FATE_NONE, FATE_SUBMITTING, FATE_ACCEPTED, FATE_COMPLETED };

static struct {
    uint8_t fates[SIM_STREAMS][SIM_FRAMES];
    uint32_t accepted_step[SIM_STREAMS][SIM_FRAMES]; /* when submit had returned */
    uint32_t accepted, completed;
    uint32_t next_number[SIM_STREAMS][ENG_LANE_COUNT]; /* order of a producer's frames in a lane */
    uint64_t last_frame_id[SIM_STREAMS][ENG_LANE_COUNT]; /* the producers share the first */
} frames;

void sim_frames_init(void)
{
    memset(&frames, 0, sizeof(frames));
}

void sim_submitting(uint32_t stream, uint32_t number)
{
    SIM_CHECK(frames.fates[stream][number] == FATE_NONE);
    frames.fates[stream][number] = FATE_SUBMITTING;
}

void sim_submitted(uint32_t stream, uint32_t number, bool is_accepted)
{
    uint8_t *fate = &frames.fates[stream][number];
    frames.accepted += is_accepted;
    frames.accepted_step[stream][number] = sim.steps;
    if (is_accepted && *fate == FATE_SUBMITTING)
        *fate = FATE_ACCEPTED;
    if (!is_accepted) {
        SIM_CHECK(*fate == FATE_SUBMITTING); /* no completion of a refused frame */
        *fate = FATE_NONE;
    }
    sim_tell();
}

void sim_tell(void)
{
    sim_wake(&sim_scenario.news, UINT32_MAX);
}

uint32_t sim_accepted(void)
{
    return frames.accepted;
}

uint32_t sim_completed(void)
{
    return frames.completed;
}

void sim_forgive(uint32_t stream)
{
    for (uint32_t n = 0; n < SIM_FRAMES; n++) {
        if (frames.fates[stream][n] != FATE_ACCEPTED)
            continue;
        frames.fates[stream][n] = FATE_COMPLETED;
        frames.completed++;
    }
}

void sim_check_flushed(uint32_t session, uint32_t start_step)
{
    const struct eng_core *core = sim_core();
    for (uint32_t i = 0; i < core->frames.active_count; i++) {
        const struct eng_frame *frame = eng_frame_at(&core->frames, i);
        uint32_t stream = (uint32_t)(frame->cookie >> 32) - 1, n = (uint32_t)frame->cookie;
        SIM_CHECK(frame->row.session != session || frames.fates[stream][n] == FATE_SUBMITTING ||
                  frames.accepted_step[stream][n] >= start_step);
    }
}

uint64_t sim_cookie(uint32_t stream, uint32_t number)
{
    return (uint64_t)(stream + 1) << 32 | number;
}

static void check_order(const struct eng_row *row, uint32_t stream, uint32_t number)
{
    if (stream == SIM_PLANS)
        return; /* it joins its stream when it is scheduled */
    SIM_CHECK(number >= frames.next_number[stream][row->lane]);
    uint64_t *last = &frames.last_frame_id[stream == SIM_GUEST ? SIM_GUEST : 0][row->lane];
    SIM_CHECK(row->frame_id > *last);
    frames.next_number[stream][row->lane] = number + 1;
    *last = row->frame_id;
}

static void note_row(const struct eng_row *row)
{
    static const uint8_t counters[ENG_REASON_COUNT] = {
        [ENG_REASON_SUPERSEDED] = SIM_SUPERSEDED + 1,
        [ENG_REASON_LANE_FULL] = SIM_LANE_FULL + 1,
        [ENG_REASON_CONSUMER_FULL] = SIM_CONSUMER_FULL + 1,
        [ENG_REASON_WORKER_FAILED] = SIM_WORKER_FAILED + 1,
        [ENG_REASON_WORKER_HUNG] = SIM_WORKER_HUNG + 1,
        [ENG_REASON_DEADLINE] = SIM_DEADLINE + 1,
        [ENG_REASON_FLUSHED] = SIM_FLUSHED + 1,
        [ENG_REASON_PLAN_EXPIRED] = SIM_PLAN_EXPIRED + 1,
        [ENG_REASON_CANCELLED] = SIM_CANCELLED + 1,
        [ENG_REASON_WORKER_DIED] = SIM_WORKER_DIED + 1,
        [ENG_REASON_NOT_ENOUGH_FRAMES] = SIM_PLAN_SHORT + 1,
        [ENG_REASON_FENCE_FAILED] = SIM_FENCE_FAILED + 1,
    };
    if (counters[row->reason])
        sim_sometimes(counters[row->reason] - 1);
    if (row->fallback_used)
        sim_sometimes(SIM_FALL_BACK);
    if (row->plan_token && row->outcome == ENG_DELIVERED)
        sim_sometimes(SIM_PLAN_DELIVERED);
}

/* It is this frame's own, and nobody has filled it again. */
static void check_raw(const struct eng_completion *completion)
{
    const struct eng_row *row = &completion->row;
    const struct sim_stamp *stamp = completion->delivered[SIM_ROLE_RAW].bytes;
    bool is_wanted = sim_scenario.config.input_roles && !row->plan_token;
    SIM_CHECK(!stamp || (is_wanted && row->outcome != ENG_CANCELLED));
    if (!stamp || sim.is_distrusted)
        return;
    SIM_CHECK(stamp->kind == SIM_INPUT && stamp->sequence == row->sequence);
    SIM_CHECK(stamp->session == row->session);
    sim_sometimes(row->outcome == ENG_DELIVERED ? SIM_RAW_SHOWN : SIM_RAW_ALONE);
}

void sim_check_picture(const struct eng_completion *completion)
{
    const struct eng_row *row = &completion->row;
    check_raw(completion);
    const struct sim_stamp *stamp = completion->delivered[SIM_ROLE_PICTURE].bytes;
    SIM_CHECK((stamp != NULL) == (row->outcome == ENG_DELIVERED));
    if (!stamp || sim.is_distrusted)
        return;
    SIM_CHECK(stamp->frame_id == row->frame_id && stamp->sequence == row->sequence);
    SIM_CHECK(stamp->kind < SIM_COMMAND_COUNT && stamp->session == row->session);
    SIM_CHECK(stamp->device == 0 || stamp->device == stamp->nonce);
    SIM_CHECK(strcmp(row->worker, sim_scenario.config.commands[stamp->kind].name) == 0);
    SIM_CHECK((stamp->kind == SIM_RAW_ISP) == row->fallback_used);
    SIM_CHECK(row->reason == (row->fallback_used ? row->fallback_reason : ENG_REASON_NONE));
}

void sim_check_completion(const struct eng_completion *completion)
{
    const struct eng_row *row = &completion->row;
    uint32_t stream = (uint32_t)(completion->cookie >> 32) - 1;
    uint32_t number = (uint32_t)completion->cookie;
    SIM_CHECK(stream < SIM_STREAMS && number < SIM_FRAMES);
    SIM_CHECK((stream == SIM_PLANS) == (row->plan_token != 0));
    SIM_CHECK((stream == SIM_GUEST) == (row->session != 0));
    uint8_t *fate = &frames.fates[stream][number];
    SIM_CHECK(*fate == FATE_SUBMITTING || *fate == FATE_ACCEPTED); /* once */
    *fate = FATE_COMPLETED;
    frames.completed++;
    SIM_CHECK(row->outcome < ENG_OUTCOME_COUNT && row->reason < ENG_REASON_COUNT);
    check_order(row, stream, number);
    sim_check_picture(completion);
    note_row(row);
    sim_hash(completion->cookie ^ (uint64_t)row->outcome << 40 ^ (uint64_t)row->reason << 50);
}
