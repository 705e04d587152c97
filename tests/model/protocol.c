/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The protocol-only simulator. protocol [--schedules N] [--seed S] runs N seeded schedules;
 * protocol --traces N or --corrupted N [--seed S] writes their edges for the model's replay
 * instead, the latter each with one mistake in it.
 */
#include "base/base.h"
#include "harness/test.h"
#include "model/world.h"
#include "platform/platform.h"

static uint64_t first_seed = 1, schedules = 1000000, traces, corrupted;
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

/* ---- traces for the replay ------------------------------------------------------------------ */

static void flip(struct model_trace_line *line)
{
    switch (model_choose(&world, 6)) {
    case 0:
        line->slot = (line->slot + 1 + model_choose(&world, MODEL_SLOTS - 1)) % MODEL_SLOTS;
        break;
    case 1:
        line->edge = (line->edge + 1 + model_choose(&world, ENG_EDGE_COUNT - 1)) % ENG_EDGE_COUNT;
        break;
    case 2:
        line->args.holder++;
        break;
    case 3:
        line->args.grant++;
        break;
    case 4:
        line->before ^= (uint64_t)1 << model_choose(&world, 64);
        break;
    default:
        line->after ^= (uint64_t)1 << model_choose(&world, 64);
        break;
    }
}

/* One line changed, lost, told twice, or told after the next one. */
static void corrupt(void)
{
    uint32_t place = model_choose(&world, world.line_count);
    struct model_trace_line *line = &world.lines[place];
    size_t rest = world.line_count - place - 1;
    switch (model_choose(&world, 6)) {
    case 0:
        memmove(line, line + 1, rest * sizeof(*line));
        world.line_count--;
        break;
    case 1:
        memmove(line + 1, line, (rest + 1) * sizeof(*line));
        world.line_count++;
        break;
    case 2:
        if (rest) {
            struct model_trace_line first = line[0];
            line[0] = line[1];
            line[1] = first;
        }
        break;
    default:
        flip(line);
        break;
    }
}

/* What the code's own table says of the trace. */
static bool is_lawful(void)
{
    uint64_t words[MODEL_SLOTS] = {0}, next;
    for (uint32_t i = 0; i < world.line_count; i++) {
        const struct model_trace_line *line = &world.lines[i];
        if (words[line->slot] != line->before ||
            !eng_token_next(line->before, line->edge, &line->args, &next) || next != line->after)
            return false;
        words[line->slot] = next;
    }
    return true;
}

static void write_trace(uint64_t seed, bool is_corrupted)
{
    run(seed);
    enum model_expected expected = MODEL_ACCEPTED;
    if (is_corrupted && world.line_count) {
        corrupt();
        expected = is_lawful() ? MODEL_EITHER : MODEL_REFUSED;
    }
    model_trace_begin(stdout, seed, true, expected);
    for (uint32_t i = 0; i < world.line_count; i++)
        model_trace_edge(stdout, &world.lines[i]);
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
        else if (strcmp(argv[i], "--corrupted") == 0)
            corrupted = number;
    }
}

int main(int argc, char **argv)
{
    read_arguments(argc, argv);
    base_assert_handler(say_seed);
    if (eng_arena_init(&world.arena, MODEL_SLOTS, MODEL_WORKERS) != 0)
        return 1;
    for (uint64_t i = 0; i < traces + corrupted; i++)
        write_trace(first_seed + i, i >= traces);
    if (traces + corrupted == 0) {
        RUN(every_schedule_keeps_the_invariants);
        RUN(same_seed_same_hash);
    }
    eng_arena_finish(&world.arena);
    return traces + corrupted ? 0 : test_report();
}
