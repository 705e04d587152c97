/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The shutter while all else goes on: each press has one result, which says how many frames it is
 * made of, or why there is none. Argument: workers are in processes of their own. */
#include "api/session.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define BURST   4
#define WAIT_NS (20 * SECOND_NS)

static bool is_process;
static struct sisp_knobs knobs;
static struct sisp_result result;
static struct sisp_session *session;
static uint64_t sequence;

static struct sisp_session_params burst_params(void)
{
    struct sisp_session_params params = small_params();
    params.burst_frames = BURST;
    params.is_mosaic_wanted = 1;
    params.still = params.preview;
    knobs = (struct sisp_knobs){{0}};
    if (is_process)
        CHECK_EQ(sisp_knobs_set(&knobs, "isolation", "process"), 0);
    params.knobs = &knobs;
    return params;
}

static void start(const char *knob, const char *value)
{
    struct sisp_session_params params = burst_params();
    if (knob)
        CHECK_EQ(sisp_knobs_set(&knobs, knob, value), 0);
    session = create(&params);
    REQUIRE(session != NULL);
    sequence = 0;
}

/* A frame that is as bright all over, but for one sample: it is no copy; and its preview. */
static void feed_one(uint8_t level)
{
    struct sisp_input input;
    int r = -EAGAIN;
    for (uint64_t end_ns = clock_ns() + WAIT_NS; r == -EAGAIN && clock_ns() < end_ns;)
        r = sisp_session_acquire(session, &input);
    REQUIRE(r == 0);
    memset(input.samples, level, input.size_bytes);
    input.samples[1 + sequence % 64] ^= 1;
    const struct sisp_submission submission = {.lane = SISP_LANE_FAST, .sequence = sequence++};
    REQUIRE(sisp_session_submit(session, &input, &submission) == 0);
    REQUIRE(sisp_session_next(session, &result, WAIT_NS) == 0);
    CHECK_EQ(result.record.outcome, SISP_DELIVERED);
    CHECK_EQ(result.record.lane, SISP_LANE_FAST);
    CHECK_EQ(sisp_session_release(session, &result), 0);
}

static void feed(unsigned count, uint8_t level)
{
    for (unsigned i = 0; i < count && test_ok; i++)
        feed_one(level);
}

static uint64_t press(void)
{
    uint64_t token = 0;
    CHECK_EQ(sisp_session_press(session, &token), 0);
    return token;
}

/* Of that many frames, the newest of them with that number, all as bright as that. */
static void expect_still(
    struct sisp_result *still, uint64_t token, uint32_t count, uint64_t newest, uint8_t level)
{
    REQUIRE(sisp_session_next(session, still, WAIT_NS) == 0);
    CHECK_EQ(still->record.outcome, SISP_DELIVERED);
    CHECK_EQ(still->record.plan_token, token);
    CHECK_EQ(still->record.sequence, newest);
    REQUIRE(still->fusion && still->raw.samples && still->image.planes[0]);
    CHECK_EQ(still->fusion->count, count);
    CHECK_EQ(still->fusion->used, (1u << count) - 1);
    CHECK(still->fusion->share[count - 1] == 1.0F);
    const uint16_t *mosaic = (const uint16_t *)(const void *)still->raw.samples;
    for (unsigned i = 0; i < 64 * 64; i += 67)
        CHECK(abs(mosaic[i] - (4096 + (65535 - 4096) * level / 255)) <= 2);
}

static void expect_end(uint64_t token, enum sisp_outcome outcome, const char *reason)
{
    REQUIRE(sisp_session_next(session, &result, WAIT_NS) == 0);
    CHECK_EQ(result.record.plan_token, token);
    CHECK_EQ(result.record.outcome, outcome);
    CHECK_STR(sisp_reason_name(result.record.reason), reason);
    CHECK(!result.image.planes[0] && !result.fusion);
    CHECK_EQ(sisp_session_release(session, &result), 0);
}

/* ---- what a burst is made of ------------------------------------------------------------------
 */

TEST(a_press_takes_what_there_is)
{
    struct sisp_result still;
    start(NULL, NULL);
    uint64_t token = press();
    CHECK_EQ(sisp_session_next(session, &result, SECOND_NS / 50), -EAGAIN);
    struct sisp_input input;
    REQUIRE(sisp_session_acquire(session, &input) == 0);
    memset(input.samples, 90, input.size_bytes);
    const struct sisp_submission first = {.lane = SISP_LANE_FAST, .sequence = sequence++};
    REQUIRE(sisp_session_submit(session, &input, &first) == 0);
    struct sisp_result both[2];
    for (int i = 0; i < 2; i++)
        REQUIRE(sisp_session_next(session, &both[i], WAIT_NS) == 0);
    const struct sisp_result *of_press = &both[both[1].record.plan_token == token];
    CHECK(of_press->record.plan_token == token && of_press->fusion);
    CHECK(of_press->fusion && of_press->fusion->count == 1 && of_press->fusion->used == 1);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(sisp_session_release(session, &both[i]), 0);
    feed(2, 90);
    expect_still(&still, press(), 3, 2, 90);
    CHECK_EQ(sisp_session_release(session, &still), 0);
    feed(6, 90);
    expect_still(&still, press(), BURST, 8, 90);
    CHECK_EQ(sisp_session_release(session, &still), 0);
    sisp_session_destroy(&session);
}

/* Noise over waves that move by two samples from frame to frame. */
static void fill_moving(const struct sisp_input *input, unsigned frame)
{
    uint8_t *samples = input->samples;
    uint32_t noise = frame + 1;
    for (size_t i = 0; i < input->size_bytes; i++) {
        const size_t x = i % 64 + 2 * frame, y = i / 64;
        noise = noise * 1664525 + 1013904223;
        samples[i] = (uint8_t)(60 + (x * x / 8 + y * y / 5) % 97 + (noise >> 29));
    }
}

static void fuse_in_order(const unsigned order[BURST], struct sisp_result *still)
{
    struct sisp_session_params params = burst_params();
    /* What previews learn depends on which one was first: nothing is to be learned. */
    for (unsigned i = 0; i < SISP_SITE_COUNT; i++)
        params.info.black_level[i] = 16;
    CHECK_EQ(sisp_params_set(&params.params, "wb_mode", SISP_WB_MANUAL), 0);
    session = create(&params);
    REQUIRE(session != NULL);
    const uint64_t start_ns = clock_ns();
    for (unsigned i = 0; i < BURST; i++) {
        struct sisp_input input;
        REQUIRE(sisp_session_acquire(session, &input) == 0);
        fill_moving(&input, order[i]);
        const struct sisp_submission submission = {.lane = SISP_LANE_FAST,
            .sequence = order[i],
            .capture_ns = start_ns + order[i] * (uint64_t)1000000};
        REQUIRE(sisp_session_submit(session, &input, &submission) == 0);
        REQUIRE(sisp_session_next(session, &result, WAIT_NS) == 0);
        CHECK_EQ(sisp_session_release(session, &result), 0);
    }
    const uint64_t token = press();
    REQUIRE(sisp_session_next(session, still, WAIT_NS) == 0);
    CHECK_EQ(still->record.plan_token, token);
    CHECK_EQ(still->record.sequence, BURST - 1);
    REQUIRE(still->fusion && still->raw.samples);
}

TEST(frames_may_come_in_any_order)
{
    static const unsigned orders[][BURST] = {{0, 1, 2, 3}, {2, 0, 3, 1}, {3, 2, 1, 0}};
    static uint8_t first[64 * 64 * 2];
    struct sisp_result still;
    for (unsigned i = 0; i < 3 && test_ok; i++) {
        fuse_in_order(orders[i], &still);
        if (!test_ok)
            break;
        CHECK(still.fusion->dx[0] != 0);
        if (i == 0)
            memcpy(first, still.raw.samples, sizeof(first));
        CHECK(memcmp(first, still.raw.samples, sizeof(first)) == 0);
        CHECK_EQ(sisp_session_release(session, &still), 0);
        sisp_session_destroy(&session);
    }
}

TEST(a_press_that_no_frame_follows_ends_at_its_ttl)
{
    start("plan_ttl", "30ms");
    expect_end(press(), SISP_DROPPED, "not_enough_frames");
    sisp_session_destroy(&session);
}

/* The consumer holds both stills that there is memory for: the third press waits, and has its own
 * frames when it is done, of which there are fewer, since two bursts were kept for the others. */
TEST(three_presses_and_no_memory)
{
    struct sisp_result held[2], still;
    uint64_t tokens[4], extra;
    start(NULL, NULL);
    feed(BURST, 60);
    for (int i = 0; i < 2; i++)
        expect_still(&held[i], press(), BURST, sequence - 1, 60);
    tokens[0] = press();
    feed(20, 120); /* previews go on */
    tokens[1] = press();
    feed(20, 200);
    tokens[2] = press();
    tokens[3] = press();
    CHECK_EQ(sisp_session_press(session, &extra), -EAGAIN);
    CHECK_EQ(sisp_session_release(session, &held[0]), 0);
    expect_still(&still, tokens[0], BURST, 3, 60);
    CHECK_EQ(sisp_session_release(session, &still), 0);
    expect_still(&still, tokens[1], BURST, 23, 120);
    CHECK_EQ(sisp_session_release(session, &still), 0);
    for (int i = 2; i < 4; i++) {
        expect_still(&still, tokens[i], 2, 43, 200);
        CHECK_EQ(sisp_session_release(session, &still), 0);
    }
    CHECK_EQ(sisp_session_release(session, &held[1]), 0);
    feed(BURST, 30);
    expect_still(&still, press(), BURST, 47, 30);
    sisp_session_destroy(&session); /* with one held */
}

TEST(a_press_without_memory_ends_at_its_ttl)
{
    struct sisp_result held[2];
    start("plan_ttl", "1s");
    feed(BURST, 60);
    for (int i = 0; i < 2; i++)
        expect_still(&held[i], press(), BURST, 3, 60);
    expect_end(press(), SISP_DROPPED, "plan_expired");
    feed(10, 60);
    for (int i = 0; i < 2; i++)
        CHECK_EQ(sisp_session_release(session, &held[i]), 0);
    sisp_session_destroy(&session);
}

/* ---- press beside flush, drain, stop ----------------------------------------------------------
 */

static atomic_bool is_over;

static void *flush_on(void *user)
{
    while (!is_over) {
        int r = sisp_session_flush(session);
        CHECK(r == 0 || r == -EAGAIN);
    }
    return NULL;
}

/* Fed, pressed and read by one thread while another flushes. */
TEST(presses_during_flush_end_once)
{
    enum { ROUNDS = 40 };
    pthread_t flusher;
    unsigned presses = 0, ends = 0;
    start(NULL, NULL);
    is_over = false;
    REQUIRE(pthread_create(&flusher, NULL, flush_on, NULL) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t token;
        submit(session, (uint64_t)i);
        presses += sisp_session_press(session, &token) == 0;
        while (sisp_session_next(session, &result, i + 1 < ROUNDS ? 0 : SECOND_NS / 5) == 0) {
            bool is_flushed = result.record.outcome == SISP_CANCELLED &&
                              strcmp(sisp_reason_name(result.record.reason), "flushed") == 0;
            CHECK(
                !result.record.plan_token || result.record.outcome == SISP_DELIVERED || is_flushed);
            CHECK((result.record.outcome == SISP_DELIVERED) == (result.image.planes[0] != NULL));
            ends += result.record.plan_token != 0;
            CHECK_EQ(sisp_session_release(session, &result), 0);
        }
    }
    is_over = true;
    pthread_join(flusher, NULL);
    while (ends < presses && sisp_session_next(session, &result, WAIT_NS) == 0) {
        ends += result.record.plan_token != 0;
        CHECK_EQ(sisp_session_release(session, &result), 0);
    }
    CHECK_EQ(ends, presses);
    CHECK(presses > 0);
    sisp_session_destroy(&session);
}

TEST(drain_waits_for_presses_and_stop_ends_them)
{
    struct sisp_result still;
    uint64_t token;
    start(NULL, NULL);
    feed(BURST, 60);
    token = press();
    CHECK_EQ(sisp_session_drain(session, WAIT_NS), 0);
    expect_still(&still, token, BURST, 3, 60);
    CHECK_EQ(sisp_session_release(session, &still), 0);
    for (int i = 0; i < 3; i++)
        press();
    sisp_session_stop(session);
    CHECK_EQ(sisp_session_press(session, &token), -ESHUTDOWN);
    int ends = 0;
    while (sisp_session_next(session, &result, WAIT_NS) == 0) {
        const char *reason = sisp_reason_name(result.record.reason);
        CHECK(result.record.outcome == SISP_DELIVERED ||
              (result.record.outcome == SISP_CANCELLED && strcmp(reason, "flushed") == 0));
        CHECK_EQ(sisp_session_release(session, &result), 0);
        ends++;
    }
    CHECK_EQ(ends, 3);
    sisp_session_destroy(&session);
}

/* ---- a worker that stands still ---------------------------------------------------------------
 */

static pid_t find_worker(const char *task, const char *wanted)
{
    char path[300], name[32] = "";
    int pid;
    pid_t found = 0;
    snprintf(path, sizeof(path), "/proc/self/task/%s/children", task);
    FILE *children = fopen(path, "re");
    while (children && !found && fscanf(children, "%d", &pid) == 1) {
        snprintf(path, sizeof(path), "/proc/%d/task", pid);
        DIR *threads = opendir(path);
        for (struct dirent *entry; threads && (entry = readdir(threads));) {
            snprintf(path, sizeof(path), "/proc/%d/task/%.20s/comm", pid, entry->d_name);
            FILE *comm = fopen(path, "re");
            if (comm && fgets(name, sizeof(name), comm) &&
                strncmp(name, wanted, strlen(wanted)) == 0)
                found = pid;
            if (comm)
                fclose(comm);
        }
        if (threads)
            closedir(threads);
    }
    if (children)
        fclose(children);
    return found;
}

/* A child belongs to the thread that made it. */
static pid_t background_worker(void)
{
    pid_t found = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *entry; tasks && !found && (entry = readdir(tasks));)
        if (entry->d_name[0] != '.')
            found = find_worker(entry->d_name, "background");
    if (tasks)
        closedir(tasks);
    return found;
}

static bool is_halted(pid_t process)
{
    char path[64], state = 0;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)process);
    FILE *stat = fopen(path, "re");
    bool is_read = stat && fscanf(stat, "%*d (%*[^)]) %c", &state) == 1;
    if (stat)
        fclose(stat);
    return is_read && state == 'T';
}

static pid_t halt_background_worker(void)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    pid_t worker = background_worker();
    CHECK(worker > 0 && kill(worker, SIGSTOP) == 0);
    for (int i = 0; i < 5000 && test_ok && !is_halted(worker); i++)
        nanosleep(&pause, NULL);
    return worker;
}

/* One that had not begun is made by the next worker. */
TEST(a_worker_killed_before_work_costs_nothing)
{
    struct sisp_result still;
    if (!is_process)
        SKIP("a worker that is a thread cannot be killed");
    start(NULL, NULL);
    feed(BURST, 60);
    pid_t worker = halt_background_worker();
    uint64_t token = press();
    feed(10, 120);
    REQUIRE(kill(worker, SIGKILL) == 0);
    expect_still(&still, token, BURST, BURST - 1, 60);
    CHECK_EQ(sisp_session_release(session, &still), 0);
    sisp_session_destroy(&session);
}

/* Large frames, so that it is at work when it is killed, at the latest in the twentieth try. */
TEST(a_worker_killed_at_work_costs_its_burst_alone)
{
    if (!is_process)
        SKIP("a worker that is a thread cannot be killed");
    struct sisp_session_params params = burst_params();
    const struct timespec pause = {.tv_nsec = 20000000};
    enum sisp_outcome outcome = SISP_DELIVERED;
    params.info.width = params.info.stride_bytes = params.info.crop.width = 1024;
    params.info.height = params.info.crop.height = 768;
    params.still.width = 1024;
    params.still.height = 768;
    CHECK_EQ(sisp_knobs_set(&knobs, "restart_budget", "30"), 0);
    session = create(&params);
    REQUIRE(session != NULL);
    for (int i = 0; i < 20 && outcome == SISP_DELIVERED && test_ok; i++) {
        feed(BURST, 60);
        pid_t worker = background_worker();
        uint64_t token = press();
        nanosleep(&pause, NULL);
        REQUIRE(worker > 0 && kill(worker, SIGKILL) == 0);
        REQUIRE(sisp_session_next(session, &result, WAIT_NS) == 0);
        CHECK_EQ(result.record.plan_token, token);
        outcome = result.record.outcome;
        if (outcome != SISP_DELIVERED)
            CHECK_STR(sisp_reason_name(result.record.reason), "worker_died");
        CHECK_EQ(sisp_session_release(session, &result), 0);
    }
    CHECK_EQ(outcome, SISP_FAILED);
    feed(2, 120);
    uint64_t token = press();
    REQUIRE(sisp_session_next(session, &result, WAIT_NS) == 0);
    CHECK(result.record.plan_token == token && result.record.outcome == SISP_DELIVERED);
    CHECK_EQ(sisp_session_release(session, &result), 0);
    sisp_session_destroy(&session);
}

/* One that waits for a frame, and one whose worker stands still. */
TEST(a_flushed_press_is_cancelled)
{
    struct sisp_result still;
    start(NULL, NULL);
    uint64_t token = press();
    CHECK_EQ(sisp_session_flush(session), 0);
    expect_end(token, SISP_CANCELLED, "flushed");
    feed(BURST, 60);
    pid_t worker = is_process ? halt_background_worker() : 0;
    token = press();
    feed(is_process, 120); /* the press is with its worker by then */
    CHECK_EQ(sisp_session_flush(session), 0);
    if (is_process) {
        expect_end(token, SISP_CANCELLED, "flushed");
        kill(worker, SIGCONT);
        feed(BURST, 200);
        expect_still(&still, press(), BURST, sequence - 1, 200);
        CHECK_EQ(sisp_session_release(session, &still), 0);
    }
    sisp_session_destroy(&session);
}

TEST(a_burst_that_stands_still_ends_at_its_ttl)
{
    struct sisp_result still;
    if (!is_process)
        SKIP("a worker that is a thread cannot be halted");
    start("plan_ttl", "500ms");
    feed(BURST, 60);
    pid_t worker = halt_background_worker();
    uint64_t token = press();
    feed(30, 120); /* its inputs are still its own: previews find others */
    expect_end(token, SISP_DROPPED, "plan_expired");
    kill(worker, SIGCONT);
    feed(2, 120);
    CHECK_EQ(sisp_session_drain(session, WAIT_NS), 0);
    int tries = 0; /* it may have been killed for its silence, and starts anew */
    do {
        token = press();
        REQUIRE(sisp_session_next(session, &still, WAIT_NS) == 0);
        CHECK_EQ(still.record.plan_token, token);
        CHECK_EQ(sisp_session_release(session, &still), 0);
    } while (still.record.outcome != SISP_DELIVERED && ++tries < 20);
    CHECK_EQ(still.record.outcome, SISP_DELIVERED);
    sisp_session_destroy(&session);
}

int main(int argc, char **argv)
{
    is_process = argc > 1 && strcmp(argv[1], "process") == 0;
    RUN(a_press_takes_what_there_is);
    RUN(frames_may_come_in_any_order);
    RUN(a_press_that_no_frame_follows_ends_at_its_ttl);
    RUN(three_presses_and_no_memory);
    RUN(a_press_without_memory_ends_at_its_ttl);
    RUN(presses_during_flush_end_once);
    RUN(drain_waits_for_presses_and_stop_ends_them);
    RUN(a_worker_killed_before_work_costs_nothing);
    RUN(a_worker_killed_at_work_costs_its_burst_alone);
    RUN(a_flushed_press_is_cancelled);
    RUN(a_burst_that_stands_still_ends_at_its_ttl);
    return test_report();
}
