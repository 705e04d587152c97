/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Sessions that share an engine: what is common, and what is each one's own. */
#include "api/session.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WAIT_NS (20 * SECOND_NS)

static struct sisp_session *first, *second;
static struct sisp_result result;

/* A stopped one's frames have half of that grace, which the system may need to run a thread. */
static void start_two(void)
{
    struct sisp_session_params params = small_params();
    struct sisp_knobs knobs = {0};
    CHECK_EQ(sisp_knobs_set(&knobs, "drain_grace_period", "30s"), 0);
    params.sessions_max = 2;
    params.knobs = &knobs;
    first = create(&params);
    REQUIRE(first != NULL);
    params.share = first;
    params.knobs = NULL;
    second = create(&params);
    REQUIRE(second != NULL);
}

static void deliver(struct sisp_session *session, uint64_t sequence)
{
    REQUIRE(sisp_session_next(session, &result, WAIT_NS) == 0);
    CHECK_EQ(result.record.session, sisp_session_number(session));
    CHECK_EQ(result.record.sequence, sequence);
    CHECK_EQ(result.record.outcome, SISP_DELIVERED);
    CHECK_EQ(result.cookie, sequence + 1000);
    CHECK_EQ(sisp_session_release(session, &result), 0);
}

TEST(each_gets_its_own_results)
{
    start_two();
    CHECK(sisp_session_number(first) != sisp_session_number(second));
    for (uint64_t i = 0; i < 20; i++) {
        REQUIRE(submit(first, i) == 0 && submit(second, 100 + i) == 0);
        deliver(second, 100 + i);
        deliver(first, i);
    }
    CHECK_EQ(sisp_session_next(first, &result, 0), -EAGAIN);
    CHECK_EQ(sisp_session_next(second, &result, 0), -EAGAIN);
    struct sisp_figures figures;
    sisp_session_figures(second, &figures);
    CHECK_EQ(figures.lanes[SISP_LANE_FAST].accepted, 40);
    sisp_session_destroy(&first); /* the second one goes on */
    REQUIRE(submit(second, 7) == 0);
    deliver(second, 7);
    sisp_session_destroy(&second);
}

TEST(stop_of_one_is_not_the_others)
{
    start_two();
    REQUIRE(submit(first, 0) == 0 && submit(second, 1) == 0);
    sisp_session_stop(first);
    CHECK_EQ(submit(first, 2), -ESHUTDOWN);
    deliver(first, 0);
    CHECK_EQ(sisp_session_next(first, &result, WAIT_NS), -ESHUTDOWN);
    deliver(second, 1);
    REQUIRE(submit(second, 3) == 0);
    deliver(second, 3);
    sisp_session_destroy(&second);
    sisp_session_destroy(&first);
}

static void *read_until_the_end(void *argument)
{
    static struct sisp_result mine;
    return (void *)(intptr_t)sisp_session_next(argument, &mine, UINT64_MAX);
}

TEST(a_reader_learns_of_the_stop)
{
    pthread_t reader;
    void *answer;
    start_two();
    REQUIRE(pthread_create(&reader, NULL, read_until_the_end, second) == 0);
    usleep(30000);
    sisp_session_stop(second);
    pthread_join(reader, &answer);
    CHECK_EQ((int)(intptr_t)answer, -ESHUTDOWN);
    sisp_session_destroy(&second);
    REQUIRE(submit(first, 0) == 0);
    deliver(first, 0);
    sisp_session_destroy(&first);
}

/* The fast worker sleeps on its first frame, so that the next ones are still there to be ended. */
static void start_slow(void)
{
    struct sisp_session_params params = small_params();
    params.frame_interval_ns = SECOND_NS / 5;
    params.overload_count = 1;
    first = create(&params);
    REQUIRE(first != NULL && submit(first, 0) == 0 && submit(first, 1) == 0);
}

/* The sleeper has come back, so that it is not left behind. */
static void finish_slow(void)
{
    struct sisp_figures figures = {.waitingq_depth = 1};
    for (int i = 0; i < 5000 && figures.waitingq_depth + figures.quarantined; i++) {
        usleep(1000);
        sisp_session_figures(first, &figures);
    }
    CHECK_EQ(figures.waitingq_depth + figures.quarantined, 0);
    sisp_session_destroy(&first);
}

/* What ended before the call, on a machine that has no time for it, was not ended by the call. */
static void check_end(uint64_t sequence, const char *reason, uint64_t call_ns)
{
    REQUIRE(sisp_session_next(first, &result, WAIT_NS) == 0);
    CHECK_EQ(result.record.sequence, sequence);
    if (result.record.published_ns >= call_ns) {
        CHECK_EQ(result.record.outcome, SISP_CANCELLED);
        CHECK_STR(sisp_reason_name(result.record.reason), reason);
    }
    CHECK_EQ(sisp_session_release(first, &result), 0);
}

TEST(flush_ends_what_is_there)
{
    start_slow();
    CHECK_EQ(sisp_session_drain(first, SECOND_NS / 100), -ETIMEDOUT);
    uint64_t before_ns = clock_ns();
    int r = sisp_session_flush(first);
    CHECK(r == 0 || r == -ETIMEDOUT);
    CHECK(clock_ns() - before_ns < WAIT_NS);
    check_end(0, "flushed", before_ns);
    check_end(1, "flushed", before_ns);
    REQUIRE(submit(first, 2) == 0); /* the session goes on */
    REQUIRE(sisp_session_next(first, &result, WAIT_NS) == 0);
    CHECK_EQ(result.record.sequence, 2);
    CHECK_EQ(sisp_session_release(first, &result), 0);
    finish_slow();
}

TEST(a_cookie_names_what_is_cancelled)
{
    start_slow();
    const uint64_t before_ns = clock_ns();
    CHECK_EQ(sisp_session_cancel_frames(first, 1000), 0);
    check_end(0, "cancelled", before_ns);
    REQUIRE(sisp_session_next(first, &result, WAIT_NS) == 0);
    CHECK_EQ(result.record.sequence, 1);
    CHECK(result.record.outcome != SISP_CANCELLED);
    CHECK_EQ(sisp_session_release(first, &result), 0);
    finish_slow();
}

#define CALLS_MAX 16 /* that can wait at a time, of one engine */

static void *drain_first(void *argument)
{
    int r;
    while ((r = sisp_session_drain(first, UINT64_MAX)) == -EAGAIN) /* who counts has a place, too */
        usleep(1000);
    return (void *)(intptr_t)r;
}

static void *signal_later(void *argument)
{
    const uint64_t one = 1;
    usleep(20000);
    CHECK_EQ(write(*(int *)argument, &one, sizeof(one)), (ssize_t)sizeof(one));
    return NULL;
}

/* Its place is free again although, just then, as many threads wait as can. */
TEST(destroy_is_never_refused)
{
    pthread_t drainers[CALLS_MAX], signaller;
    struct sisp_session_params params = small_params();
    struct sisp_input input;
    void *answer;
    int fence = eventfd(0, EFD_CLOEXEC);
    struct sisp_submission submission = {
        .lane = SISP_LANE_FAST, .cookie = 1000, .has_fence = 1, .fence_fd = fence};
    start_two();
    const uint32_t number = sisp_session_number(second);
    REQUIRE(sisp_session_acquire(first, &input) == 0);
    REQUIRE(sisp_session_submit(first, &input, &submission) == 0);
    for (int i = 0; i < CALLS_MAX; i++)
        REQUIRE(pthread_create(&drainers[i], NULL, drain_first, NULL) == 0);
    while (sisp_session_drain(first, 0) != -EAGAIN)
        usleep(1000);
    REQUIRE(pthread_create(&signaller, NULL, signal_later, &fence) == 0);
    sisp_session_destroy(&second);
    for (int i = 0; i < CALLS_MAX; i++) {
        pthread_join(drainers[i], &answer);
        CHECK_EQ((int)(intptr_t)answer, 0);
    }
    pthread_join(signaller, NULL);
    params.share = first;
    second = create(&params);
    REQUIRE(second != NULL);
    CHECK_EQ(sisp_session_number(second) % 8, number % 8); /* the same place, of eight */
    deliver(first, 0);
    sisp_session_destroy(&second);
    sisp_session_destroy(&first);
    close(fence);
}

TEST(what_cannot_be_shared_is_said)
{
    struct sisp_session *other;
    struct sisp_knobs knobs = {0};
    struct sisp_session_params params = small_params();
    params.sessions_max = 2;
    params.slots_min = 4;
    first = create(&params);
    REQUIRE(first != NULL);
    params.share = first;
    params.preview.width = 32;
    CHECK_EQ(sisp_session_create(&other, &params, error, sizeof(error)), -EINVAL);
    CHECK(strstr(error, "in common") != NULL);
    params.preview.width = 64;
    params.info.black_level[2] = 16;
    CHECK_EQ(sisp_session_create(&other, &params, error, sizeof(error)), -EINVAL);
    CHECK(strstr(error, "in common") != NULL);
    params.info.black_level[2] = 0;
    params.info.noise_read = 1e-6f;
    CHECK_EQ(sisp_session_create(&other, &params, error, sizeof(error)), -EINVAL);
    params.info.noise_read = 0;
    params.info.exposure_us = 100; /* comes with each frame */
    params.knobs = &knobs;
    CHECK_EQ(sisp_session_create(&other, &params, error, sizeof(error)), -EINVAL);
    params.knobs = NULL;
    params.slots_min = 13; /* 16, four of them promised already */
    CHECK_EQ(sisp_session_create(&other, &params, error, sizeof(error)), -EAGAIN);
    params.slots_min = 5;
    params.slots_max = 4;
    CHECK_EQ(sisp_session_create(&other, &params, error, sizeof(error)), -EINVAL);
    params.slots_max = 6;
    CHECK_EQ(sisp_session_create(&second, &params, error, sizeof(error)), 0);
    CHECK_EQ(sisp_session_create(&other, &params, error, sizeof(error)), -ENOSPC);
    params.share = NULL;
    params.sessions_max = 9;
    CHECK_EQ(sisp_session_create(&other, &params, error, sizeof(error)), -EINVAL);
    CHECK(other == NULL);
    REQUIRE(submit(second, 5) == 0);
    deliver(second, 5);
    sisp_session_destroy(&first);
    sisp_session_destroy(&second);
}

int main(void)
{
    RUN(each_gets_its_own_results);
    RUN(stop_of_one_is_not_the_others);
    RUN(a_reader_learns_of_the_stop);
    RUN(flush_ends_what_is_there);
    RUN(a_cookie_names_what_is_cancelled);
    RUN(destroy_is_never_refused);
    RUN(what_cannot_be_shared_is_said);
    return test_report();
}
