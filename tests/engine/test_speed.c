/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Many frames at speed: exactly one completion and one row each, the same bytes every time, and
 * not one allocation. Linked with --wrap=malloc and its family. */
#include "base/hash.h"
#include "engine/fixture.h"
#include "harness/test.h"

#include <errno.h>

#define FRAMES 20000u

static _Atomic uint64_t allocations;
static struct fixture fixture;
static struct eng_completion completion;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *bytes, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *bytes, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

void *__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    allocations++;
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *bytes, size_t size)
{
    allocations++;
    return __real_realloc(bytes, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    allocations++;
    return __real_aligned_alloc(alignment, size);
}

/* Keep a few in flight; look at every completion. */
static void pump(uint8_t seen[FRAMES + 1], uint64_t *delivered)
{
    uint32_t accepted = 0, completed = 0;
    while (completed < FRAMES) {
        while (accepted < FRAMES && accepted - completed < 4 &&
               fixture_submit(&fixture, ENG_LANE_FAST, 0) == 0)
            accepted++;
        if (fixture_next(&fixture, &completion)) {
            printf("stuck after %u of %u\n", completed, accepted);
            break;
        }
        completed++;
        uint64_t id = completion.row.frame_id;
        if (id <= FRAMES)
            seen[id]++;
        if (completion.row.outcome == ENG_DELIVERED) {
            (*delivered)++;
            CHECK(fixture_is_picture_of(&completion, completion.row.sequence));
        }
        eng_release(fixture.runtime, &completion);
    }
}

TEST(exactly_one_completion_and_one_row_each)
{
    static uint8_t seen[FRAMES + 1];
    uint64_t delivered = 0;
    fixture_init(&fixture, 2);
    REQUIRE(fixture_start(&fixture) == 0);
    uint64_t before = allocations, start_ns = eng_now_ns();
    CHECK(before > 0); /* the count counts */
    pump(seen, &delivered);
    uint64_t took_ns = eng_now_ns() - start_ns;
    CHECK_EQ(allocations - before, 0);
    for (uint32_t id = 1; id <= FRAMES; id++)
        CHECK_EQ(seen[id], 1);
    eng_stop(fixture.runtime);
    struct eng_figures after;
    eng_figures(fixture.runtime, &after);
    FIXTURE_UNTIL(&fixture, figures.telemetry_written + figures.telemetry_dropped == FRAMES);
    const struct eng_lane_figures *fast = &after.lanes[ENG_LANE_FAST];
    CHECK_EQ(fast->accepted, FRAMES);
    CHECK_EQ(fast->outcomes[ENG_DELIVERED], delivered);
    uint64_t outcomes = 0;
    for (int i = 0; i < ENG_OUTCOME_COUNT; i++)
        outcomes += fast->outcomes[i];
    CHECK_EQ(outcomes, FRAMES);
    fixture_finish(&fixture);
    if (after.telemetry_dropped == 0)
        CHECK_EQ(fixture.row_ids, (uint64_t)FRAMES * (FRAMES + 1) / 2);
    printf("%u frames of two stages in %.0f ms, %" PRIu64 " delivered, %" PRIu64 " rows dropped\n",
        FRAMES, (double)took_ns / 1e6, delivered, after.telemetry_dropped);
}

/* One frame at a time with empty commands: what the engine itself adds. Paced, every thread has
 * gone to sleep before the next frame comes, as it does at camera rate. */
static void measure_latency(const char *name, int frames, uint64_t pace_ns)
{
    fixture_init(&fixture, 1);
    REQUIRE(fixture_start(&fixture) == 0);
    for (int i = 0; i < frames; i++) {
        plat_sleep_ns(pace_ns);
        REQUIRE(fixture_submit(&fixture, ENG_LANE_FAST, 0) == 0);
        REQUIRE(fixture_next(&fixture, &completion) == 0);
        eng_release(fixture.runtime, &completion);
    }
    struct eng_figures figures;
    eng_figures(fixture.runtime, &figures);
    const struct eng_lane_figures *fast = &figures.lanes[ENG_LANE_FAST];
    printf("%s, two stages: median %.1f us, p99 %.1f us, max %.1f us\n", name,
        (double)fast->latency_p50_ns / 1e3, (double)fast->latency_p99_ns / 1e3,
        (double)fast->latency_max_ns / 1e3);
    CHECK(fast->latency_p50_ns > 0 && fast->latency_p50_ns <= fast->latency_p99_ns);
    CHECK(fast->latency_p99_ns <= fast->latency_max_ns);
    CHECK(fast->latency_p50_ns < 20 * MS); /* a hang, not a slow machine */
    fixture_finish(&fixture);
}

TEST(latency_of_the_engine_itself)
{
    measure_latency("back to back", 3000, 1);
    measure_latency("paced", 300, 2 * MS);
}

static struct base_hash hash_of_run(uint32_t threads)
{
    struct base_hash hash = {0};
    fixture_init(&fixture, threads);
    if (fixture_start(&fixture))
        return hash;
    for (int i = 0; i < 200; i++) {
        if (fixture_submit(&fixture, ENG_LANE_FAST, 0) || fixture_next(&fixture, &completion))
            break;
        struct eng_span span = completion.delivered[ROLE_PICTURE];
        hash = base_hash_pair(hash, base_hash_bytes(span.bytes, span.size_bytes));
        eng_release(fixture.runtime, &completion);
    }
    fixture_finish(&fixture);
    return hash;
}

TEST(any_number_of_threads_gives_the_same_bytes)
{
    struct base_hash one = hash_of_run(1);
    CHECK(one.high | one.low);
    for (uint32_t threads = 1; threads <= 5; threads += 2) {
        struct base_hash other = hash_of_run(threads);
        CHECK_EQ(other.high, one.high);
        CHECK_EQ(other.low, one.low);
    }
}

int main(void)
{
    RUN(exactly_one_completion_and_one_row_each);
    RUN(latency_of_the_engine_itself);
    RUN(any_number_of_threads_gives_the_same_bytes);
    return test_report();
}
