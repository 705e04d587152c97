/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Two producers, plans, a moody consumer and commands that wait and fail at random: every accepted
 * frame ends once, in order, and everything comes home. Meant for ThreadSanitizer. */
#include "base/prng.h"
#include "engine/fixture.h"
#include "harness/test.h"

#include <errno.h>

#define RUN_MS    1200u
#define PRODUCERS 2u

static struct fixture fixture;
static _Atomic uint64_t accepted, planned;
static _Atomic uint32_t is_over;

static void submit_random(struct base_prng *prng)
{
    struct eng_submission submission = {.lane = ENG_LANE_FAST, .capture_ns = eng_now_ns()};
    struct eng_span span;
    if (eng_input_acquire(fixture.runtime, &submission.input, &span))
        return;
    memset(span.bytes, (int)base_prng_below(prng, 256), span.size_bytes);
    if (base_prng_below(prng, 50) == 0) {
        eng_input_cancel(fixture.runtime, submission.input);
        return;
    }
    if (base_prng_below(prng, 10) == 0)
        submission.lane = ENG_LANE_BACKGROUND;
    if (base_prng_below(prng, 4))
        submission.deadline_ns = submission.capture_ns + (5 + base_prng_below(prng, 30)) * MS;
    if (eng_submit(fixture.runtime, &submission) == 0)
        accepted++;
    else
        eng_input_cancel(fixture.runtime, submission.input);
}

static void produce(void *argument)
{
    struct base_prng prng = {.state = (uint64_t)(uintptr_t)argument};
    while (!atomic_load(&is_over)) {
        submit_random(&prng);
        uint64_t token;
        if (base_prng_below(&prng, 100) == 0 &&
            eng_plan_request(fixture.runtime, 0, 1 + base_prng_below(&prng, 4), 0, &token) == 0)
            planned++;
        struct fixture_command *command = &fixture.commands[base_prng_below(&prng, COMMAND_COUNT)];
        if (base_prng_below(&prng, 30) == 0)
            atomic_store(&command->wait_ns, base_prng_below(&prng, 40) * MS);
        if (base_prng_below(&prng, 60) == 0)
            atomic_store(&command->fail, -EIO);
        plat_sleep_ns(base_prng_below(&prng, 600) * 1000);
    }
}

struct tally {
    uint64_t completions, plans, outcomes[ENG_OUTCOME_COUNT], last_id;
};

static void take(const struct eng_completion *completion, struct tally *tally)
{
    tally->completions++;
    tally->plans += completion->row.plan_token != 0;
    tally->outcomes[completion->row.outcome]++;
    if (completion->row.lane != ENG_LANE_FAST)
        return;
    CHECK(completion->row.frame_id > tally->last_id);
    tally->last_id = completion->row.frame_id;
}

/* Until the engine says that nothing will follow. */
static void consume(struct tally *tally)
{
    struct base_prng prng = {.state = 99};
    uint64_t end_ns = eng_now_ns() + RUN_MS * MS;
    struct eng_completion completion;
    int error = 0;
    while (error != -ESHUTDOWN) {
        error = eng_next(fixture.runtime, 0, &completion, 5 * MS);
        if (!error) {
            take(&completion, tally);
            if (base_prng_below(&prng, 100) == 0)
                plat_sleep_ns(3 * MS);
            eng_release(fixture.runtime, &completion);
        }
        if (!atomic_load(&is_over) && eng_now_ns() >= end_ns) {
            atomic_store(&is_over, 1);
            eng_stop(fixture.runtime);
        }
    }
}

TEST(everything_ends_once_and_comes_home)
{
    struct plat_thread threads[PRODUCERS];
    struct tally tally = {0};
    fixture_init(&fixture, 2);
    fixture.config.knobs.plan_ttl_ns = 100 * MS;
    REQUIRE(fixture_start(&fixture) == 0);
    for (uintptr_t p = 0; p < PRODUCERS; p++) {
        threads[p] =
            (struct plat_thread){.name = "producer", .run = produce, .argument = (void *)(p + 1)};
        REQUIRE(plat_thread_create(&threads[p]) == 0);
    }
    consume(&tally);
    for (uint32_t p = 0; p < PRODUCERS; p++)
        plat_thread_join(&threads[p]);
    CHECK_EQ(tally.completions, accepted + planned);
    CHECK_EQ(tally.plans, planned);
    FIXTURE_UNTIL(&fixture, figures.waitingq_depth + figures.quarantined == 0);
    FIXTURE_UNTIL(&fixture, figures.pins == fixture.config.pools[POOL_INPUT].count);
    FIXTURE_UNTIL(
        &fixture, figures.telemetry_written + figures.telemetry_dropped == tally.completions);
    struct eng_figures after;
    eng_figures(fixture.runtime, &after);
    CHECK_EQ(after.reserved_bytes, 0);
    fixture_finish(&fixture);
    printf("%" PRIu64 " completions:", tally.completions);
    for (int i = 0; i < ENG_OUTCOME_COUNT; i++)
        printf(" %s %" PRIu64, eng_outcome_name(i), tally.outcomes[i]);
    printf("; stale hints %" PRIu64 ", late results %" PRIu64 "\n", after.packet_epoch_mismatch,
        after.late_completion_dropped);
    CHECK(tally.outcomes[ENG_DELIVERED] > 0);
}

int main(void)
{
    RUN(everything_ends_once_and_comes_home);
    return test_report();
}
