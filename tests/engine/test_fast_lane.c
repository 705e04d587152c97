/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The fast lane where nothing goes wrong. */
#include "engine/fixture.h"
#include "harness/test.h"

#include <errno.h>

static struct fixture fixture;

TEST(frames_come_out_in_order)
{
    fixture_init(&fixture, 2);
    REQUIRE(fixture_start(&fixture) == 0);
    for (uint64_t i = 0; i < 50; i++) {
        CHECK_EQ(fixture_submit(&fixture, ENG_LANE_FAST, 0), 0);
        struct eng_completion completion;
        REQUIRE(fixture_next(&fixture, &completion) == 0);
        CHECK_EQ(completion.row.outcome, ENG_DELIVERED);
        CHECK_EQ(completion.row.reason, ENG_REASON_NONE);
        CHECK_EQ(completion.row.sequence, i);
        CHECK_EQ(completion.cookie, i + 1000);
        CHECK_EQ(completion.row.seed, 7);
        CHECK_STR(completion.row.worker, "FastISP");
        CHECK(completion.row.zero_copy && !completion.row.fallback_used);
        CHECK(fixture_is_picture_of(&completion, i));
        /* FastAlgo read the version that the frame before had committed. */
        CHECK_EQ(completion.row.param.low, i + 1);
        CHECK(completion.row.capture_ns <= completion.row.accepted_ns);
        CHECK(completion.row.accepted_ns <= completion.row.started_ns);
        CHECK(completion.row.started_ns <= completion.row.finished_ns);
        CHECK(completion.row.finished_ns <= completion.row.published_ns);
        CHECK_EQ(completion.row.timing_count, 2);
        eng_release(fixture.runtime, &completion);
    }
    fixture_finish(&fixture);
    CHECK_EQ(fixture.rows, 50);
    CHECK_EQ(fixture.blobs, 50);
}

TEST(pointers_pass_through_without_a_copy)
{
    fixture_init(&fixture, 1);
    REQUIRE(fixture_start(&fixture) == 0);
    struct eng_submission submission = {.lane = ENG_LANE_FAST};
    struct eng_span span;
    REQUIRE(eng_input_acquire(fixture.runtime, &submission.input, &span) == 0);
    CHECK_EQ(span.size_bytes, INPUT_BYTES);
    REQUIRE(eng_submit(fixture.runtime, &submission) == 0);
    struct eng_completion completion;
    REQUIRE(fixture_next(&fixture, &completion) == 0);
    CHECK(fixture.commands[FAST_ISP].seen_input == span.bytes);
    CHECK(fixture.commands[FAST_ISP].wrote_picture == completion.delivered[ROLE_PICTURE].bytes);
    CHECK(completion.delivered[ROLE_COEFFICIENTS].bytes == NULL);
    eng_release(fixture.runtime, &completion);
    fixture_finish(&fixture);
}

/* Task 7 of phase 0 is late when the leader is done; phase 1 reads what it writes. */
TEST(a_phase_ends_when_its_last_task_has)
{
    fixture_init(&fixture, 3);
    REQUIRE(fixture_start(&fixture) == 0);
    atomic_store(&fixture.commands[FAST_ISP].task_wait_ns, MS);
    for (uint64_t i = 0; i < 10; i++) {
        REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, 0) == 0);
        struct eng_completion completion;
        REQUIRE(fixture_next(&fixture, &completion) == 0);
        CHECK(fixture_is_picture_of(&completion, i));
        CHECK_EQ(completion.row.threads, 3);
        eng_release(fixture.runtime, &completion);
    }
    CHECK_EQ(fixture.commands[FAST_ISP].tasks, 10 * 2 * TASKS);
    fixture_finish(&fixture);
}

int main(void)
{
    RUN(frames_come_out_in_order);
    RUN(pointers_pass_through_without_a_copy);
    RUN(a_phase_ends_when_its_last_task_has);
    return test_report();
}
