/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The application: producers, a consumer that behaves badly, an operator who asks for plans. */
#include "sim/scenario.h"
#include "sim/sim.h"

#include <errno.h>
#include <string.h>

#define TRIES_MAX 200

/* ---- each frame's one completion ------------------------------------------------------------ */

enum fate { FATE_NONE, FATE_SUBMITTING, FATE_ACCEPTED, FATE_COMPLETED };

static struct {
    uint8_t fates[SIM_STREAMS][SIM_FRAMES];
    uint32_t accepted, completed;
    uint32_t next_number[SIM_STREAMS][ENG_LANE_COUNT]; /* order of a producer's frames in a lane */
    uint64_t last_frame_id[ENG_LANE_COUNT];
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

static uint64_t cookie_of(uint32_t stream, uint32_t number)
{
    return (uint64_t)(stream + 1) << 32 | number;
}

static void check_order(const struct eng_row *row, uint32_t stream, uint32_t number)
{
    if (stream == SIM_PLANS)
        return; /* it joins its stream when it is scheduled */
    SIM_CHECK(number >= frames.next_number[stream][row->lane]);
    SIM_CHECK(row->frame_id > frames.last_frame_id[row->lane]);
    frames.next_number[stream][row->lane] = number + 1;
    frames.last_frame_id[row->lane] = row->frame_id;
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
        [ENG_REASON_NOT_ENOUGH_FRAMES] = SIM_PLAN_SHORT + 1,
    };
    if (counters[row->reason])
        sim_sometimes(counters[row->reason] - 1);
    if (row->fallback_used)
        sim_sometimes(SIM_FALL_BACK);
    if (row->plan_token && row->outcome == ENG_DELIVERED)
        sim_sometimes(SIM_PLAN_DELIVERED);
}

static void check_picture(const struct eng_completion *completion)
{
    const struct eng_row *row = &completion->row;
    const struct sim_stamp *stamp = completion->delivered[SIM_ROLE_PICTURE].bytes;
    SIM_CHECK((stamp != NULL) == (row->outcome == ENG_DELIVERED));
    if (!stamp)
        return;
    SIM_CHECK(stamp->frame_id == row->frame_id && stamp->sequence == row->sequence);
    SIM_CHECK(stamp->kind < SIM_COMMAND_COUNT);
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
    uint8_t *fate = &frames.fates[stream][number];
    SIM_CHECK(*fate == FATE_SUBMITTING || *fate == FATE_ACCEPTED); /* once */
    *fate = FATE_COMPLETED;
    frames.completed++;
    SIM_CHECK(row->outcome < ENG_OUTCOME_COUNT && row->reason < ENG_REASON_COUNT);
    check_order(row, stream, number);
    check_picture(completion);
    note_row(row);
    sim_hash(completion->cookie ^ (uint64_t)row->outcome << 40 ^ (uint64_t)row->reason << 50);
}

/* ---- producers --------------------------------------------------------------------------------
 */

static int take_input(uint32_t number, struct eng_handle *input, struct sim_stamp **stamp)
{
    struct eng_span span;
    int error = eng_input_acquire(sim_scenario.runtime, input, &span);
    if (error)
        return error;
    sim_write_begin(span.bytes);
    *stamp = span.bytes;
    **stamp = (struct sim_stamp){.sequence = number, .kind = SIM_INPUT};
    PLAT_POINT(input_filled);
    SIM_CHECK((*stamp)->sequence == number && (*stamp)->kind == SIM_INPUT);
    return 0;
}

static uint64_t deadline_of(uint64_t now_ns)
{
    if (PLAT_FAULT(deadline_is_over))
        return now_ns > SIM_MS ? now_ns - SIM_MS : 1;
    return sim_scenario.deadline_ns ? now_ns + sim_scenario.deadline_ns : 0;
}

static int submit(uint32_t stream, uint32_t number, struct eng_handle input)
{
    uint64_t meta[ENG_META_BYTES / sizeof(uint64_t)] = {number};
    bool is_background = sim_one_in(SIM_SCENARIO, 6);
    struct eng_submission submission = {.input = input,
        .lane = is_background ? ENG_LANE_BACKGROUND : ENG_LANE_FAST,
        .sequence = number,
        .capture_ns = sim.now_ns,
        .deadline_ns = is_background ? 0 : deadline_of(sim.now_ns),
        .seed = 7,
        .cookie = cookie_of(stream, number),
        .meta = meta};
    sim_submitting(stream, number);
    int error = eng_submit(sim_scenario.runtime, &submission);
    SIM_CHECK(error == 0 || error == -EAGAIN || error == -ESHUTDOWN);
    sim_submitted(stream, number, error == 0);
    if (!error && PLAT_FAULT(submits_twice)) {
        SIM_CHECK(eng_submit(sim_scenario.runtime, &submission) != 0);
        sim_sometimes(SIM_STALE_INPUT);
    }
    return error;
}

static int try_frame(uint32_t stream, uint32_t number)
{
    struct eng_handle input;
    struct sim_stamp *stamp;
    int error = take_input(number, &input, &stamp);
    if (error)
        return error;
    sim_write_end(stamp);
    if (!PLAT_FAULT(producer_cancels)) {
        error = submit(stream, number, input);
        if (!error)
            return 0;
    }
    eng_input_cancel(sim_scenario.runtime, input);
    if (PLAT_FAULT(producer_cancels_twice))
        eng_input_cancel(sim_scenario.runtime, input);
    return error ? error : -EAGAIN;
}

void sim_produce(void *argument)
{
    uint32_t stream = (uint32_t)(uintptr_t)argument;
    uint32_t count = sim_scenario.frames / sim_scenario.producers + 1, tries = 0;
    for (uint32_t number = 0; number < count && tries < TRIES_MAX;) {
        int error = try_frame(stream, number);
        if (error == -ESHUTDOWN) {
            sim_sometimes(SIM_SUBMIT_AFTER_STOP);
            break;
        }
        if (error)
            sim_sometimes(SIM_REFUSED);
        tries = error ? tries + 1 : 0;
        number += error == 0;
        sim_sleep(sim_scenario.interval_ns / 2 +
                  sim_choose(SIM_TIME, (uint32_t)(sim_scenario.interval_ns / 1000)) * 1000u);
    }
    sim_scenario.at_work--;
    sim_tell();
}

/* ---- the operator -------------------------------------------------------------------------------
 */

void sim_operate(void *argument)
{
    for (uint32_t number = 0; number < sim_scenario.plans; number++) {
        sim_sleep(sim_choose(SIM_TIME, 250) * SIM_MS);
        uint64_t token;
        sim_submitting(SIM_PLANS, number);
        int error = eng_plan_request(sim_scenario.runtime, 0, 1 + sim_choose(SIM_SCENARIO, 4),
            cookie_of(SIM_PLANS, number), &token);
        SIM_CHECK(error == 0 || error == -EAGAIN || error == -ESHUTDOWN);
        sim_submitted(SIM_PLANS, number, error == 0);
    }
    sim_scenario.at_work--;
    sim_tell();
}

/* ---- the consumer ------------------------------------------------------------------------------
 */

static void give_back(uint32_t index)
{
    struct eng_completion *held = &sim_scenario.held[index];
    check_picture(held); /* nobody wrote meanwhile */
    if (held->delivered[SIM_ROLE_PICTURE].bytes)
        sim_read_end(held->delivered[SIM_ROLE_PICTURE].bytes);
    eng_release(sim_scenario.runtime, held);
    if (PLAT_FAULT(releases_twice)) {
        eng_release(sim_scenario.runtime, held);
        sim_sometimes(SIM_DOUBLE_RELEASE);
    }
    *held = sim_scenario.held[--sim_scenario.held_count];
}

static void take(const struct eng_completion *completion)
{
    sim_check_completion(completion);
    if (!completion->delivered[SIM_ROLE_PICTURE].bytes)
        return;
    sim_read_begin(completion->delivered[SIM_ROLE_PICTURE].bytes);
    SIM_CHECK(sim_scenario.held_count < SIM_HOLD_MAX);
    sim_scenario.held[sim_scenario.held_count++] = *completion;
}

void sim_consume(void *argument)
{
    for (;;) {
        static struct eng_completion completion;
        int error = eng_next(sim_scenario.runtime, 0, &completion, 100 * SIM_MS);
        if (error == -ESHUTDOWN)
            break;
        SIM_CHECK(error == 0 || error == -EAGAIN);
        if (!error)
            take(&completion);
        if (PLAT_FAULT(consumer_stalls))
            sim_sleep(sim_choose(SIM_FAULTS, 1500) * SIM_MS);
        while (sim_scenario.held_count > sim_scenario.hold && !PLAT_FAULT(consumer_keeps))
            give_back(sim_choose(SIM_TIME, sim_scenario.held_count));
        while (sim_scenario.held_count >= sim_scenario.config.knobs.consumer_pins_max)
            give_back(0);
    }
    if (sim_scenario.held_count)
        sim_sometimes(SIM_LATE_RELEASE);
    while (sim_scenario.held_count)
        give_back(sim_choose(SIM_TIME, sim_scenario.held_count));
}
