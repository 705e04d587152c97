/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Workers as processes: they die, hang and lie; frames, slots, descriptors and time do not care.
 */
#include "engine/order.h"
#include "engine/runtime.h"
#include "harness/descriptors.h"
#include "harness/test.h"

#include <errno.h>
#include <softisp/log.h>

static struct fixture fixture;
static struct eng_completion completion;
static struct order_setup setup;
static union {
    struct order order;
    uint8_t bytes[ENG_META_BYTES];
} meta;

/* Deaths are what this is about. */
static void ignore_log(void *user, enum sisp_log_level level, const char *sentence)
{
}

static uint32_t mappings(void)
{
    FILE *file = fopen("/proc/self/maps", "re");
    uint32_t count = 0;
    char line[512];
    while (fgets(line, sizeof(line), file))
        count += strstr(line, "memfd:") != NULL;
    fclose(file);
    return count;
}

static void prepare(uint32_t threads)
{
    fixture_init(&fixture, threads);
    memset(&meta, 0, sizeof(meta));
    setup = (struct order_setup){.threads = threads};
    fixture.meta = &meta;
    fixture.config.worker_program = WORKER;
    fixture.config.worker_blob = &setup;
    fixture.config.worker_blob_bytes = sizeof(setup);
    fixture.config.knobs.isolation = ENG_ISOLATION_PROCESS;
    fixture.config.knobs.restart_budget = 100000;
}

static uint64_t in_ms(uint64_t ms)
{
    return eng_now_ns() + ms * MS;
}

static uint64_t events(enum eng_event_type type)
{
    struct eng_figures figures;
    eng_figures(fixture.runtime, &figures);
    return figures.events[type];
}

/* One frame with an order. Returns: 0, or what went wrong. */
static int run_one(enum eng_lane lane, struct order order, uint64_t deadline_ns)
{
    meta.order = order;
    int error = fixture_submit(&fixture, lane, deadline_ns);
    meta.order = (struct order){0};
    if (!error)
        error = fixture_next(&fixture, &completion);
    if (!error)
        eng_release(fixture.runtime, &completion);
    return error;
}

/* Frames until the fast lane makes them again. Returns: how long that took. */
static uint64_t until_fast(void)
{
    uint64_t start_ns = eng_now_ns();
    for (int i = 0; i < 5000; i++) {
        if (run_one(ENG_LANE_FAST, (struct order){0}, in_ms(1000)))
            break;
        if (completion.row.outcome == ENG_DELIVERED && !completion.row.fallback_used)
            return eng_now_ns() - start_ns;
        plat_sleep_ns(MS);
    }
    CHECK(!"the fast lane is there again");
    return 0;
}

/* Stop: every slot home, nothing pinned but free inputs, nothing under way. */
static void finish_clean(void)
{
    eng_stop(fixture.runtime);
    struct eng_core *core = &fixture.runtime->core;
    FIXTURE_UNTIL(&fixture, figures.waitingq_depth == 0 && figures.quarantined == 0);
    CHECK_EQ(eng_session_free_count(&core->sessions), core->arena.item_count);
    CHECK_EQ(eng_runtime_destroy(&fixture.runtime), 0);
}

TEST(processes_make_the_same_pictures)
{
    for (uint32_t threads = 1; threads <= 3; threads += 2) {
        uint32_t fds = count_descriptors(), maps = mappings();
        prepare(threads);
        REQUIRE(fixture_start(&fixture) == 0);
        for (uint64_t i = 0; i < 100; i++) {
            REQUIRE(fixture_submit(&fixture, i % 5 ? ENG_LANE_FAST : ENG_LANE_BACKGROUND, 0) == 0);
            REQUIRE(fixture_next(&fixture, &completion) == 0);
            CHECK_EQ(completion.row.outcome, ENG_DELIVERED);
            CHECK(fixture_is_picture_of(&completion, i));
            CHECK(completion.row.zero_copy);
            eng_release(fixture.runtime, &completion);
        }
        CHECK_EQ(events(ENG_EVENT_WORKER_DETACHED), 0);
        finish_clean();
        CHECK_EQ(count_descriptors(), fds);
        CHECK_EQ(mappings(), maps);
    }
}

static void die(enum order_place place, uint32_t command)
{
    uint64_t start_ns = eng_now_ns();
    REQUIRE(run_one(ENG_LANE_FAST, (struct order){ORDER_DIE, place, command}, in_ms(2000)) == 0);
    CHECK_EQ(completion.row.outcome, ENG_DELIVERED);
    CHECK(completion.row.fallback_used);
    CHECK_EQ(completion.row.fallback_reason, ENG_REASON_WORKER_DIED);
    CHECK(eng_now_ns() - start_ns < 1000 * MS); /* the floor did not wait for the deadline */
    until_fast();
}

TEST(a_death_costs_its_own_picture)
{
    prepare(2);
    REQUIRE(fixture_start(&fixture) == 0);
    uint32_t fds = count_descriptors(), maps = mappings();
    die(ORDER_IN_BEGIN, FAST_ALGO);
    for (int place = 0; place < ORDER_PLACES; place++)
        die((enum order_place)place, FAST_ISP);
    FIXTURE_UNTIL(&fixture, figures.events[ENG_EVENT_WORKER_RESTARTED] == 4);
    CHECK_EQ(events(ENG_EVENT_WORKER_DETACHED), 4);
    CHECK_EQ(events(ENG_EVENT_FRAME_QUARANTINED), 0);
    CHECK_EQ(count_descriptors(), fds);
    CHECK_EQ(mappings(), maps);
    finish_clean();
}

TEST(a_hung_process_is_killed_and_its_slot_comes_home)
{
    prepare(1);
    fixture.config.knobs.escalation_timeout_ns = 1000 * MS; /* half of it is enough to die in */
    fixture.config.knobs.hang_timeout_ns = 200 * MS;        /* ten times that in the background */
    REQUIRE(fixture_start(&fixture) == 0);
    struct order order = {ORDER_HANG, ORDER_IN_TASK, FAST_ISP};
    REQUIRE(run_one(ENG_LANE_FAST, order, in_ms(300)) == 0);
    CHECK_EQ(completion.row.fallback_reason, ENG_REASON_WORKER_HUNG);
    FIXTURE_UNTIL(&fixture, figures.events[ENG_EVENT_WORKER_RESTARTED] == 1);
    until_fast();
    CHECK_EQ(events(ENG_EVENT_FRAME_QUARANTINED), 0);
    order.command = SLOW_ISP; /* without a deadline: the watch finds it */
    order.place = ORDER_IN_BEGIN;
    REQUIRE(run_one(ENG_LANE_BACKGROUND, order, 0) == 0);
    CHECK_EQ(completion.row.outcome, ENG_FAILED);
    REQUIRE(run_one(ENG_LANE_BACKGROUND, (struct order){0}, 0) == 0);
    CHECK_EQ(completion.row.outcome, ENG_DELIVERED);
    finish_clean();
}

TEST(a_stop_does_not_wait_for_a_hung_process)
{
    prepare(1);
    REQUIRE(fixture_start(&fixture) == 0);
    meta.order = (struct order){ORDER_HANG, ORDER_IN_BEGIN, SLOW_ISP};
    REQUIRE(fixture_submit(&fixture, ENG_LANE_BACKGROUND, 0) == 0);
    plat_sleep_ns(20 * MS);
    uint64_t start_ns = eng_now_ns();
    eng_stop(fixture.runtime);
    CHECK(eng_now_ns() - start_ns < 1000 * MS);
    REQUIRE(fixture_next(&fixture, &completion) == 0);
    CHECK_EQ(completion.row.outcome, ENG_CANCELLED);
    finish_clean();
}

TEST(the_floor_and_the_background_die_alone)
{
    prepare(1);
    REQUIRE(fixture_start(&fixture) == 0);
    struct order order = {ORDER_DIE, ORDER_IN_BEGIN, SLOW_ISP};
    REQUIRE(run_one(ENG_LANE_BACKGROUND, order, 0) == 0);
    CHECK_EQ(completion.row.outcome, ENG_FAILED);
    CHECK_EQ(completion.row.reason, ENG_REASON_WORKER_DIED);
    REQUIRE(run_one(ENG_LANE_FAST, (struct order){0}, 0) == 0);
    CHECK(!completion.row.fallback_used);
    REQUIRE(run_one(ENG_LANE_BACKGROUND, (struct order){0}, 0) == 0); /* waits for the next one */
    CHECK_EQ(completion.row.outcome, ENG_DELIVERED);
    finish_clean();
}

TEST(a_budget_ends)
{
    prepare(1);
    fixture.config.knobs.restart_budget = 2;
    REQUIRE(fixture_start(&fixture) == 0);
    for (int i = 0; i < 2; i++)
        die(ORDER_IN_BEGIN, FAST_ISP);
    struct order order = {ORDER_DIE, ORDER_IN_BEGIN, FAST_ISP};
    REQUIRE(run_one(ENG_LANE_FAST, order, in_ms(1000)) == 0);
    FIXTURE_UNTIL(&fixture, figures.degraded && figures.events[ENG_EVENT_DEGRADED] == 1);
    for (int i = 0; i < 10; i++) {
        REQUIRE(run_one(ENG_LANE_FAST, (struct order){0}, in_ms(1000)) == 0);
        CHECK_EQ(completion.row.outcome, ENG_DELIVERED);
        CHECK_EQ(completion.row.fallback_reason, ENG_REASON_WORKER_DIED);
    }
    finish_clean();
}

TEST(a_long_life_gives_the_budget_back)
{
    prepare(1);
    fixture.config.knobs.restart_budget = 1;
    fixture.config.knobs.restart_window_ns = 30 * MS;
    REQUIRE(fixture_start(&fixture) == 0);
    for (int i = 0; i < 3; i++) {
        plat_sleep_ns(50 * MS);
        die(ORDER_IN_BEGIN, FAST_ISP);
    }
    CHECK_EQ(events(ENG_EVENT_DEGRADED), 0);
    finish_clean();
}

TEST(what_cannot_start_is_said)
{
    uint32_t fds = count_descriptors(), maps = mappings();
    prepare(1);
    setup.fails_at_once = true;
    CHECK_EQ(fixture_start(&fixture), -ECHILD);
    fixture.config.worker_program = "/nonexistent/program";
    CHECK_EQ(fixture_start(&fixture), -ENOENT);
    fixture.config.worker_program = NULL;
    CHECK_EQ(fixture_start(&fixture), -EINVAL);
    CHECK_EQ(count_descriptors(), fds);
    CHECK_EQ(mappings(), maps);
}

/* Whatever it writes: each frame has its one completion, everything comes home, and the lanes work
 * again once it is dead. */
static void survive(enum order_act act)
{
    prepare(2);
    fixture.config.knobs.escalation_timeout_ns = 100 * MS;
    fixture.config.knobs.hang_timeout_ns = 200 * MS;
    REQUIRE(fixture_start(&fixture) == 0);
    for (int i = 0; i < 6; i++) {
        enum order_place place = (enum order_place)(i % ORDER_PLACES);
        enum eng_lane lane = i < 3 ? ENG_LANE_FAST : ENG_LANE_BACKGROUND;
        struct order order = {act, place, i < 3 ? FAST_ISP : SLOW_ISP};
        REQUIRE(run_one(lane, order, in_ms(300)) == 0);
        CHECK(completion.row.timing_count <= ENG_TIMINGS_MAX);
        for (uint32_t t = 0; t < completion.row.timing_count; t++)
            CHECK(memchr(completion.row.timings[t].name, 0, ENG_TIMING_NAME_BYTES));
        for (int more = 0; more < 3; more++)
            REQUIRE(run_one(ENG_LANE_FAST, (struct order){0}, in_ms(100)) == 0);
    }
    until_fast();
    struct eng_figures figures;
    eng_figures(fixture.runtime, &figures);
    printf("act %d: %" PRIu64 " times broken, %" PRIu64 " restarts\n", (int)act,
        figures.broken_protocols, figures.events[ENG_EVENT_WORKER_RESTARTED]);
    if (act != ORDER_LIE && act != ORDER_STEAL_TOKENS) /* these look like work well done */
        CHECK(figures.events[ENG_EVENT_WORKER_RESTARTED] > 0);
    if (act == ORDER_SCRIBBLE || act == ORDER_FLIP_TOKENS || act == ORDER_BREAK_RINGS)
        CHECK(figures.broken_protocols > 0);
    finish_clean();
}

TEST(a_hostile_process_breaks_nothing)
{
    static const enum order_act acts[] = {ORDER_SCRIBBLE, ORDER_FLIP_TOKENS, ORDER_BREAK_RINGS,
        ORDER_LIE, ORDER_WRITE_ENVELOPE, ORDER_WRITE_INPUT, ORDER_STEAL_TOKENS, ORDER_OPEN_FILE};
    uint32_t fds = count_descriptors(), maps = mappings();
    for (uint32_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
        survive(acts[i]);
    CHECK_EQ(count_descriptors(), fds);
    CHECK_EQ(mappings(), maps);
}

#define ROUNDS 5
#define FRAMES 60

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

/* Paced, so that every thread sleeps when the next frame comes, as at camera rate. */
static void time_frames(enum eng_isolation isolation, uint64_t *latencies_ns)
{
    prepare(1);
    fixture.config.knobs.isolation = isolation;
    REQUIRE(fixture_start(&fixture) == 0);
    for (int i = 0; i < FRAMES; i++) {
        plat_sleep_ns(2 * MS);
        uint64_t start_ns = eng_now_ns();
        REQUIRE(run_one(ENG_LANE_FAST, (struct order){0}, 0) == 0);
        latencies_ns[i] = eng_now_ns() - start_ns;
    }
    finish_clean();
}

/* Rounds take turns, so that what else the machine does hits both. */
TEST(a_process_adds_little_to_a_frame)
{
    static uint64_t latencies_ns[2][ROUNDS * FRAMES];
    for (int round = 0; round < ROUNDS; round++)
        for (int isolation = 0; isolation < 2; isolation++)
            time_frames((enum eng_isolation)isolation, &latencies_ns[isolation][round * FRAMES]);
    for (int isolation = 0; isolation < 2; isolation++)
        qsort(latencies_ns[isolation], ROUNDS * FRAMES, sizeof(uint64_t), compare);
    double thread_us = (double)latencies_ns[0][ROUNDS * FRAMES / 2] / 1e3;
    double process_us = (double)latencies_ns[1][ROUNDS * FRAMES / 2] / 1e3;
    printf("a frame of two stages: median %.1f us with a thread, %.1f us with a process\n",
        thread_us, process_us);
    CHECK(process_us < thread_us + 20000); /* a hang, not a slow machine */
}

int main(void)
{
    sisp_log_set(SISP_LOG_ERROR, ignore_log, NULL);
    RUN(processes_make_the_same_pictures);
    RUN(a_death_costs_its_own_picture);
    RUN(a_hung_process_is_killed_and_its_slot_comes_home);
    RUN(a_stop_does_not_wait_for_a_hung_process);
    RUN(the_floor_and_the_background_die_alone);
    RUN(a_budget_ends);
    RUN(a_long_life_gives_the_budget_back);
    RUN(what_cannot_start_is_said);
    RUN(a_hostile_process_breaks_nothing);
    RUN(a_process_adds_little_to_a_frame);
    return test_report();
}
