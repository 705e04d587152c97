/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The application: producers, and a consumer that behaves badly. */
#include "sim/scenario.h"
#include "sim/sim.h"

#include <errno.h>

#define TRIES_MAX 200

/* ---- producers --------------------------------------------------------------------------------
 */

static int take_input(
    uint32_t session, uint32_t number, struct eng_handle *input, struct sim_stamp **stamp)
{
    struct eng_span span;
    int error = eng_input_acquire(sim_scenario.runtime, input, &span);
    if (error)
        return error;
    sim_write_begin(span.bytes);
    *stamp = span.bytes;
    **stamp = (struct sim_stamp){.sequence = number, .kind = SIM_INPUT, .session = session};
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

static int submit(
    uint32_t session, uint32_t stream, uint32_t number, struct eng_handle input, int fence)
{
    uint64_t meta[ENG_META_BYTES / sizeof(uint64_t)] = {number};
    bool is_background = sim_one_in(SIM_SCENARIO, 6);
    struct eng_submission submission = {.session = session,
        .input = input,
        .lane = is_background ? ENG_LANE_BACKGROUND : ENG_LANE_FAST,
        .sequence = number,
        .capture_ns = sim.now_ns,
        .deadline_ns = is_background ? 0 : deadline_of(sim.now_ns),
        .seed = 7,
        .cookie = sim_cookie(stream, number),
        .meta = meta,
        .has_fence = fence != SIM_NO_FENCE,
        .fence_fd = sim_fence_descriptor(fence)};
    sim_submitting(stream, number);
    int error = eng_submit(sim_scenario.runtime, &submission);
    SIM_CHECK(error == 0 || error == -EAGAIN || error == -ESHUTDOWN || error == -EBADF);
    sim_submitted(stream, number, error == 0);
    if (!error && PLAT_FAULT(submits_twice)) {
        SIM_CHECK(eng_submit(sim_scenario.runtime, &submission) != 0);
        sim_sometimes(SIM_STALE_INPUT);
    }
    return error;
}

int sim_try_frame(uint32_t session, uint32_t stream, uint32_t number)
{
    struct eng_handle input;
    struct sim_stamp *stamp;
    int error = take_input(session, number, &input, &stamp);
    if (error)
        return error;
    int fence = sim_fence_fill(stamp);
    if (fence == SIM_NO_FENCE)
        sim_write_end(stamp);
    if (!PLAT_FAULT(producer_cancels)) {
        error = submit(session, stream, number, input, fence);
        if (!error && fence != SIM_NO_FENCE)
            sim_fence_pass(fence);
        if (!error)
            return 0;
    }
    if (fence != SIM_NO_FENCE)
        sim_fence_forget(fence);
    SIM_CHECK(eng_input_cancel(sim_scenario.runtime, input) == 0);
    if (PLAT_FAULT(producer_cancels_twice))
        SIM_CHECK(eng_input_cancel(sim_scenario.runtime, input) == -ESTALE);
    return error ? error : -EAGAIN;
}

void sim_produce(void *argument)
{
    uint32_t stream = (uint32_t)(uintptr_t)argument;
    uint32_t count = sim_scenario.frames / sim_scenario.producers + 1, tries = 0;
    for (uint32_t number = 0; number < count && tries < TRIES_MAX;) {
        int error = sim_try_frame(0, stream, number);
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

/* ---- the consumer ------------------------------------------------------------------------------
 */

bool sim_hold(const struct eng_completion *completion)
{
    const void *picture = completion->delivered[SIM_ROLE_PICTURE].bytes;
    const void *raw = completion->delivered[SIM_ROLE_RAW].bytes;
    if (picture)
        sim_read_begin(picture);
    if (raw)
        sim_read_begin(raw);
    return picture || raw;
}

void sim_give_back(const struct eng_completion *held)
{
    void *picture = held->delivered[SIM_ROLE_PICTURE].bytes;
    void *raw = held->delivered[SIM_ROLE_RAW].bytes;
    bool has_any = picture || raw;
    sim_check_picture(held); /* nobody wrote meanwhile */
    if (picture && raw)
        sim_read_end(raw);
    int fence = has_any ? sim_fence_read(picture ? picture : raw) : SIM_NO_FENCE;
    if (has_any && fence == SIM_NO_FENCE)
        sim_read_end(picture ? picture : raw);
    if (fence == SIM_NO_FENCE) {
        SIM_CHECK(eng_release(sim_scenario.runtime, held) == 0);
    } else {
        SIM_CHECK(eng_release_fenced(sim_scenario.runtime, held, sim_fence_descriptor(fence)) == 0);
        sim_fence_pass(fence);
        sim_sometimes(SIM_RELEASE_FENCED);
    }
    if (PLAT_FAULT(releases_twice)) {
        SIM_CHECK(eng_release(sim_scenario.runtime, held) == (has_any ? -ESTALE : 0));
        sim_sometimes(SIM_DOUBLE_RELEASE);
    }
}

static void give_back(uint32_t index)
{
    struct eng_completion *held = &sim_scenario.held[index];
    sim_give_back(held);
    *held = sim_scenario.held[--sim_scenario.held_count];
}

static void take(const struct eng_completion *completion)
{
    sim_check_completion(completion);
    if (!sim_hold(completion))
        return;
    SIM_CHECK(sim_scenario.held_count < SIM_HOLD_MAX);
    sim_scenario.held[sim_scenario.held_count++] = *completion;
}

void sim_consume(void *argument)
{
    for (;;) {
        static struct eng_completion completion;
        int error = eng_next(sim_scenario.runtime, 0, &completion, sim_scenario.patience_ns);
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
