/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Plans: from request through reservation to one completion, and everything given back. */
#include "engine/fixture.h"
#include "harness/test.h"

#include <errno.h>

static struct fixture fixture;
static struct eng_completion completion;

static void submit_and_drop(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, 0) == 0);
        REQUIRE(fixture_next(&fixture, &completion) == 0);
        CHECK_EQ(completion.row.plan_token, 0);
        CHECK_EQ(completion.row.outcome, ENG_DELIVERED);
        eng_release(fixture.runtime, &completion);
    }
}

/* The picture of a plan is made of the sum of its inputs' numbers. */
static void check_plan(uint64_t token, uint64_t sum)
{
    REQUIRE(fixture_next(&fixture, &completion) == 0);
    CHECK_EQ(completion.row.plan_token, token);
    CHECK_EQ(completion.row.lane, ENG_LANE_BACKGROUND);
    CHECK_EQ(completion.row.outcome, ENG_DELIVERED);
    CHECK_STR(completion.row.worker, "SlowISP");
    CHECK(fixture_is_picture_of(&completion, sum));
    eng_release(fixture.runtime, &completion);
}

TEST(a_plan_takes_the_newest_inputs)
{
    fixture_init(&fixture, 1);
    REQUIRE(fixture_start(&fixture) == 0);
    uint64_t token;
    CHECK_EQ(eng_plan_request(fixture.runtime, 0, 0, 0, &token), -EINVAL);
    CHECK_EQ(eng_plan_request(fixture.runtime, 0, 5, 0, &token), -EINVAL); /* the ring keeps 4 */
    submit_and_drop(6);
    REQUIRE(eng_plan_request(fixture.runtime, 0, 3, 42, &token) == 0);
    check_plan(token, 3 + 4 + 5);
    CHECK_EQ(completion.cookie, 42);
    CHECK_EQ(completion.row.sequence, 5);
    FIXTURE_UNTIL(&fixture, figures.reserved_bytes == 0);
    fixture_finish(&fixture);
    CHECK_EQ(fixture.rows, 7);
}

TEST(a_plan_takes_what_there_is)
{
    fixture_init(&fixture, 1);
    REQUIRE(fixture_start(&fixture) == 0);
    submit_and_drop(2);
    uint64_t token;
    REQUIRE(eng_plan_request(fixture.runtime, 0, 4, 0, &token) == 0);
    check_plan(token, 0 + 1);
    fixture_finish(&fixture);
}

TEST(a_plan_before_the_first_input_waits_for_it)
{
    fixture_init(&fixture, 1);
    REQUIRE(fixture_start(&fixture) == 0);
    uint64_t token;
    REQUIRE(eng_plan_request(fixture.runtime, 0, 2, 0, &token) == 0);
    FIXTURE_UNTIL(&fixture, figures.reserved_bytes == PICTURE_WORDS * sizeof(uint64_t));
    CHECK_EQ(eng_next(fixture.runtime, 0, &completion, 20 * MS), -EAGAIN);
    REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, 0) == 0);
    bool has_plan = false, has_frame = false;
    for (int i = 0; i < 2; i++) {
        REQUIRE(fixture_next(&fixture, &completion) == 0);
        CHECK_EQ(completion.row.outcome, ENG_DELIVERED);
        has_plan |= completion.row.plan_token == token && fixture_is_picture_of(&completion, 0);
        has_frame |= completion.row.plan_token == 0;
        eng_release(fixture.runtime, &completion);
    }
    CHECK(has_plan && has_frame);
    fixture_finish(&fixture);
}

TEST(a_plan_without_frames_ends_at_its_ttl)
{
    fixture_init(&fixture, 1);
    fixture.config.knobs.plan_ttl_ns = 30 * MS;
    REQUIRE(fixture_start(&fixture) == 0);
    uint64_t token, before_ns = eng_now_ns();
    REQUIRE(eng_plan_request(fixture.runtime, 0, 3, 0, &token) == 0);
    REQUIRE(fixture_next(&fixture, &completion) == 0);
    CHECK(eng_now_ns() - before_ns >= 30 * MS);
    CHECK_EQ(completion.row.plan_token, token);
    CHECK_EQ(completion.row.outcome, ENG_DROPPED);
    CHECK_EQ(completion.row.reason, ENG_REASON_NOT_ENOUGH_FRAMES);
    FIXTURE_UNTIL(&fixture, figures.reserved_bytes == 0);
    fixture_finish(&fixture);
}

/* Frames of before the press, though there was no room for the plan until much later. */
TEST(a_plan_has_its_inputs_from_the_press_on)
{
    fixture_init(&fixture, 1);
    REQUIRE(fixture_start(&fixture) == 0);
    submit_and_drop(4);
    atomic_store(&fixture.commands[SLOW_ISP].hold, 1);
    uint64_t tokens[2];
    for (int i = 0; i < 2; i++) {
        REQUIRE(eng_plan_request(fixture.runtime, 0, 3, 0, &tokens[i]) == 0);
        submit_and_drop(8);
    }
    atomic_store(&fixture.commands[SLOW_ISP].hold, 0);
    check_plan(tokens[0], 1 + 2 + 3);
    check_plan(tokens[1], 9 + 10 + 11);
    fixture_finish(&fixture);
}

/* 16 inputs, of which plans have 12: the ring keeps as few as are left. */
TEST(the_ring_gives_way_while_plans_last)
{
    fixture_init(&fixture, 1);
    fixture.config.inputs_left = 3;
    REQUIRE(fixture_start(&fixture) == 0);
    submit_and_drop(4);
    atomic_store(&fixture.commands[SLOW_ISP].hold, 1);
    uint64_t tokens[4];
    for (int i = 0; i < 4; i++) {
        REQUIRE(eng_plan_request(fixture.runtime, 0, 4, 0, &tokens[i]) == 0);
        submit_and_drop(20); /* each finds its input */
    }
    atomic_store(&fixture.commands[SLOW_ISP].hold, 0);
    check_plan(tokens[0], 0 + 1 + 2 + 3);
    check_plan(tokens[1], 20 + 21 + 22 + 23);
    check_plan(tokens[2], 40 + 41 + 42 + 43);
    check_plan(tokens[3], 63); /* with twelve kept, one of 13 was the ring's */
    submit_and_drop(4);
    REQUIRE(eng_plan_request(fixture.runtime, 0, 4, 0, &tokens[0]) == 0);
    check_plan(tokens[0], 84 + 85 + 86 + 87);
    fixture_finish(&fixture);
}

TEST(a_plan_that_stalls_ends_at_its_ttl)
{
    fixture_init(&fixture, 1);
    fixture.config.knobs.plan_ttl_ns = 150 * MS;
    fixture.config.workers[WORKER_SLOW].is_background = false;
    REQUIRE(fixture_start(&fixture) == 0);
    submit_and_drop(2);
    atomic_store(&fixture.commands[SLOW_ISP].hold, 1);
    uint64_t token;
    REQUIRE(eng_plan_request(fixture.runtime, 0, 2, 0, &token) == 0);
    REQUIRE(fixture_until_runs(&fixture, SLOW_ISP, 1));
    REQUIRE(fixture_next(&fixture, &completion) == 0);
    CHECK_EQ(completion.row.outcome, ENG_DROPPED);
    CHECK_EQ(completion.row.reason, ENG_REASON_PLAN_EXPIRED);
    FIXTURE_UNTIL(&fixture, figures.waitingq_depth == 1);
    submit_and_drop(3); /* the fast lane has not noticed */
    atomic_store(&fixture.commands[SLOW_ISP].hold, 0);
    FIXTURE_UNTIL(&fixture, figures.waitingq_depth == 0 && figures.reserved_bytes == 0);
    REQUIRE(eng_plan_request(fixture.runtime, 0, 2, 0, &token) == 0);
    check_plan(token, 3 + 4);
    fixture_finish(&fixture);
}

TEST(a_plan_that_is_worked_on_does_not_stall)
{
    fixture_init(&fixture, 1);
    fixture.config.knobs.plan_ttl_ns = 300 * MS;
    REQUIRE(fixture_start(&fixture) == 0);
    submit_and_drop(2);
    atomic_store(&fixture.commands[SLOW_ISP].task_wait_ns, 35 * MS);
    uint64_t token, before_ns = eng_now_ns();
    REQUIRE(eng_plan_request(fixture.runtime, 0, 2, 0, &token) == 0);
    check_plan(token, 0 + 1);
    CHECK(eng_now_ns() - before_ns > fixture.config.knobs.plan_ttl_ns);
    fixture_finish(&fixture);
}

TEST(a_plan_without_room_is_reserved_later)
{
    fixture_init(&fixture, 1);
    fixture.config.pools[POOL_STILL].count = 1;
    REQUIRE(fixture_start(&fixture) == 0);
    submit_and_drop(2);
    uint64_t tokens[2];
    REQUIRE(eng_plan_request(fixture.runtime, 0, 2, 0, &tokens[0]) == 0);
    REQUIRE(fixture_next(&fixture, &completion) == 0);
    REQUIRE(eng_plan_request(fixture.runtime, 0, 1, 0, &tokens[1]) == 0);
    struct eng_completion later;
    CHECK_EQ(eng_next(fixture.runtime, 0, &later, 30 * MS), -EAGAIN);
    eng_release(fixture.runtime, &completion);
    check_plan(tokens[1], 1);
    fixture_finish(&fixture);
}

TEST(two_plans_while_frames_flow)
{
    fixture_init(&fixture, 2);
    fixture.config.pools[POOL_INPUT].count = 24;
    REQUIRE(fixture_start(&fixture) == 0);
    submit_and_drop(4);
    atomic_store(&fixture.commands[SLOW_ISP].wait_ns, 20 * MS);
    uint64_t tokens[4], extra;
    for (int i = 0; i < 2; i++)
        REQUIRE(eng_plan_request(fixture.runtime, 0, 4, 0, &tokens[i]) == 0);
    uint32_t plans = 0, frames = 0;
    for (int i = 0; plans < 2 && i < 2000; i++) {
        if (frames < 500 && fixture_submit(&fixture, ENG_LANE_FAST, 0) == 0)
            frames++;
        if (fixture_next(&fixture, &completion))
            break;
        CHECK_EQ(completion.row.outcome, ENG_DELIVERED);
        if (completion.row.plan_token)
            CHECK_EQ(completion.row.plan_token, tokens[plans++]);
        eng_release(fixture.runtime, &completion);
    }
    CHECK_EQ(plans, 2);
    CHECK(frames > 2); /* flowed meanwhile */
    for (int i = 0; i < 4; i++)
        eng_plan_request(fixture.runtime, 0, 4, 0, &extra);
    eng_stop(fixture.runtime);
    CHECK_EQ(eng_plan_request(fixture.runtime, 0, 1, 0, &extra), -ESHUTDOWN);
    fixture_finish(&fixture);
}

TEST(too_many_plans_are_refused)
{
    fixture_init(&fixture, 1);
    REQUIRE(fixture_start(&fixture) == 0);
    uint64_t token;
    for (int i = 0; i < 4; i++)
        CHECK_EQ(eng_plan_request(fixture.runtime, 0, 2, 0, &token), 0);
    CHECK_EQ(eng_plan_request(fixture.runtime, 0, 2, 0, &token), -EAGAIN);
    eng_stop(fixture.runtime); /* no inputs will come */
    for (int i = 0; i < 4; i++) {
        REQUIRE(fixture_next(&fixture, &completion) == 0);
        CHECK_EQ(completion.row.outcome, ENG_CANCELLED);
        CHECK_EQ(completion.row.reason, ENG_REASON_FLUSHED);
    }
    CHECK_EQ(fixture_next(&fixture, &completion), -ESHUTDOWN);
    fixture_finish(&fixture);
    CHECK_EQ(fixture.rows, 4);
}

int main(void)
{
    RUN(a_plan_takes_the_newest_inputs);
    RUN(a_plan_takes_what_there_is);
    RUN(a_plan_before_the_first_input_waits_for_it);
    RUN(a_plan_without_frames_ends_at_its_ttl);
    RUN(a_plan_has_its_inputs_from_the_press_on);
    RUN(the_ring_gives_way_while_plans_last);
    RUN(a_plan_that_stalls_ends_at_its_ttl);
    RUN(a_plan_that_is_worked_on_does_not_stall);
    RUN(a_plan_without_room_is_reserved_later);
    RUN(two_plans_while_frames_flow);
    RUN(too_many_plans_are_refused);
    return test_report();
}
