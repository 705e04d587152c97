/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What a frame reads of earlier ones does not depend on timing, queues or failures elsewhere. */
#include "base/prng.h"
#include "engine/stepped.h"
#include "harness/test.h"

static struct stepped stepped;
static struct eng_completion completion;

#define FRAMES 40

struct reads {
    struct eng_handle read[FRAMES], wrote[FRAMES]; /* of FastAlgo, by sequence */
    bool is_fast[FRAMES];
    uint64_t completions;
};

static void note(struct reads *reads, uint32_t slot)
{
    const struct eng_envelope *envelope = &stepped.core.arena.envelopes[slot];
    if (envelope->command != FAST_ALGO)
        return;
    reads->read[envelope->sequence] = envelope->committed[ROLE_COEFFICIENTS];
    reads->wrote[envelope->sequence] = envelope->writes[ROLE_COEFFICIENTS];
}

static void act_worker(struct reads *reads, uint32_t worker, struct base_prng *prng)
{
    if (stepped.actors[worker].is_working)
        stepped_end(&stepped, worker, base_prng_below(prng, 10) ? 0 : -5);
    else if (stepped_start(&stepped, worker))
        note(reads, stepped.actors[worker].hint.slot);
}

static void act(struct reads *reads, struct base_prng *prng)
{
    switch (base_prng_below(prng, 6)) {
    case 0:
        if (stepped.submitted < FRAMES && stepped.submitted - reads->completions < 12)
            stepped_submit(&stepped, ENG_LANE_FAST,
                base_prng_below(prng, 2) ? stepped.now_ns + (500 - stepped.submitted) * MS : 0);
        break;
    case 1:
        stepped_step(&stepped);
        break;
    case 2:
        if (!stepped_next(&stepped, &completion))
            break;
        reads->is_fast[completion.row.sequence] =
            completion.row.outcome == ENG_DELIVERED && !completion.row.fallback_used;
        reads->completions++;
        stepped_release(&stepped, &completion);
        break;
    default:
        act_worker(reads, base_prng_below(prng, WORKER_COUNT), prng);
        break;
    }
}

/* Each picture that the lane made is made of the state of the one made before it. Of a frame whose
 * FastAlgo failed nothing can be told. */
static uint32_t check_reads(const struct reads *reads)
{
    uint32_t checked = 0;
    struct eng_handle expected = {0};
    for (uint32_t i = 0; i < FRAMES; i++) {
        if (!reads->is_fast[i])
            continue;
        CHECK_EQ(reads->read[i].index, expected.index);
        CHECK_EQ(reads->read[i].generation, expected.generation);
        expected = reads->wrote[i];
        checked++;
    }
    return checked;
}

TEST(what_is_read_does_not_depend_on_who_is_faster)
{
    uint32_t checked = 0;
    for (uint64_t seed = 1; seed <= 200 && test_ok; seed++) {
        struct base_prng prng = {.state = seed};
        struct reads reads = {0};
        fixture_init(&stepped.fixture, 1);
        struct eng_config *config = &stepped.fixture.config;
        config->lanes[ENG_LANE_FAST].capacity = 8;
        config->commands[FAST_ISP].worker = WORKER_SLOW; /* stages of two frames can overlap */
        for (uint32_t w = 0; w < WORKER_COUNT; w++)
            config->workers[w].queue_depth = 1 + base_prng_below(&prng, 4);
        REQUIRE(stepped_init(&stepped) == 0);
        for (int i = 0; i < 20000 && reads.completions < FRAMES; i++)
            act(&reads, &prng);
        CHECK_EQ(reads.completions, FRAMES);
        checked += check_reads(&reads);
        stepped_finish(&stepped);
    }
    printf("%u pictures\n", checked);
    CHECK(checked > 2000);
}

int main(void)
{
    RUN(what_is_read_does_not_depend_on_who_is_faster);
    return test_report();
}
