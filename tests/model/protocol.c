/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The protocol-only simulator. protocol [--schedules N] [--seed S] runs N seeded schedules;
 * protocol --traces N [--seed S] writes their edges for the model's replay instead.
 */
#include "base/base.h"
#include "harness/test.h"
#include "model/world.h"
#include "platform/platform.h"

static uint64_t first_seed = 1, schedules = 1000000, traces;
static struct model_world world;

static const char *const seen_names[MODEL_SEEN_COUNT] = {
    [MODEL_SEEN_STOLEN] = "stolen",
    [MODEL_SEEN_FAST_FORWARDED] = "fast-forwarded",
    [MODEL_SEEN_QUARANTINED] = "quarantined",
    [MODEL_SEEN_ACKNOWLEDGED_LATE] = "acknowledged late",
    [MODEL_SEEN_ABANDONED] = "abandoned",
    [MODEL_SEEN_LATE_HW_DONE] = "hardware done late or twice",
    [MODEL_SEEN_STALE_HINT] = "stale hint",
    [MODEL_SEEN_STALE_EPOCH] = "stale epoch",
    [MODEL_SEEN_REAPED_CPU] = "reaped from the dead",
    [MODEL_SEEN_REAPED_HW] = "reaped after a reset",
    [MODEL_SEEN_LOST_AT_REST] = "lost to a named silent holder",
    [MODEL_SEEN_DELIVERED] = "delivered",
};

static uint64_t seed_now;

/* An invariant that fails says how to see it again. */
static void say_seed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: seed %" PRIu64 ": %s\n", file, line, seed_now, condition);
    abort();
}

static uint64_t run(uint64_t seed)
{
    seed_now = seed;
    model_world_run(&world, seed);
    return world.hash;
}

TEST(every_schedule_keeps_the_invariants)
{
    uint64_t start_ns = plat_now_ns(), hash = 0;
    for (uint64_t i = 0; i < schedules; i++)
        hash = hash * 31 + run(first_seed + i);
    double seconds = (double)(plat_now_ns() - start_ns) * 1e-9;
    printf("%" PRIu64 " schedules in %.1f s, %.1f edges each, hash %016" PRIx64 "\n", schedules,
        seconds, (double)world.edges / (double)schedules, hash);
    for (uint32_t i = 0; i < MODEL_SEEN_COUNT; i++) {
        printf("  %s: %" PRIu64 "\n", seen_names[i], world.seen[i]);
        CHECK(world.seen[i] * 1000 >= schedules);
    }
}

TEST(same_seed_same_hash)
{
    for (uint64_t i = 0; i < schedules / 100; i++) {
        uint64_t seed = first_seed + i * 100, hash = run(seed);
        CHECK_EQ(run(seed), hash);
        CHECK(run(seed + 1) != hash);
    }
}

static void read_arguments(int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        uint64_t number = strtoull(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--schedules") == 0)
            schedules = number;
        else if (strcmp(argv[i], "--seed") == 0)
            first_seed = number;
        else if (strcmp(argv[i], "--traces") == 0)
            traces = number;
    }
}

int main(int argc, char **argv)
{
    read_arguments(argc, argv);
    base_assert_handler(say_seed);
    if (eng_arena_init(&world.arena, MODEL_SLOTS, MODEL_WORKERS) != 0)
        return 1;
    if (traces) {
        world.trace = stdout;
        for (uint64_t i = 0; i < traces; i++)
            run(first_seed + i);
    } else {
        RUN(every_schedule_keeps_the_invariants);
        RUN(same_seed_same_hash);
    }
    eng_arena_finish(&world.arena);
    return traces ? 0 : test_report();
}
