/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A session is destroyed while a worker hangs: what the worker may still write to stays. In a child
 * process, since what is left behind on purpose is a leak. */
#include "fault.h"
#include "harness/test.h"

#include <softisp/softisp.h>

#include <errno.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Longer than a stop waits for a worker. */
#define HANG_NS UINT64_C(2000000000)

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static unsigned warnings;

static void count_warning(void *user, enum sisp_log_level level, const char *sentence)
{
    warnings++;
}

static struct sisp_session *start(void)
{
    struct sisp_session *session;
    struct sisp_session_params params = sisp_session_params_default();
    params.info = (struct sisp_raw_info){
        .fourcc = sisp_raw_format_find("SRGGB10")->fourcc,
        .width = 64,
        .height = 64,
        .stride_bytes = 128,
        .crop = {0, 0, 64, 64},
        .orientation = 1,
        .white_level = 1023,
    };
    params.preview =
        (struct sisp_picture_params){.format = SISP_PIXEL_NV12, .width = 32, .height = 32};
    params.is_live = 1;
    params.threads = 2;
    params.overload_count = 1;
    return sisp_session_create(&session, &params, NULL, 0) == 0 ? session : NULL;
}

static void hang(struct sisp_session *session, uint64_t deadline_ns)
{
    struct sisp_input input;
    struct sisp_submission submission = {.lane = SISP_LANE_FAST, .deadline_ns = deadline_ns};
    REQUIRE(sisp_session_acquire(session, &input) == 0);
    memset(input.samples, 1, input.size_bytes);
    REQUIRE(sisp_session_submit(session, &input, &submission) == 0);
    nanosleep(&(struct timespec){0, 200000000}, NULL); /* the worker has begun */
}

static void destroy_while_a_worker_hangs(void)
{
    uint64_t deadline_ns = now_ns() + HANG_NS;
    unsigned threads = fault_census().threads; /* a sanitizer may have one of its own */
    struct sisp_session *session = start();
    REQUIRE(session);
    hang(session, deadline_ns);
    long live = fault_census().live;
    sisp_session_destroy(&session);
    CHECK(now_ns() < deadline_ns); /* else this test shows nothing */
    CHECK(warnings > 0);
    /* The session alone, which is the caller's; a sanitizer counts by itself. */
    CHECK_EQ(fault_census().live, TEST_IS_SANITIZED ? 0 : live - 1);
    while (fault_census().threads > threads && now_ns() < deadline_ns + 5 * HANG_NS)
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    CHECK_EQ(fault_census().threads, threads);
}

TEST(what_a_hanging_worker_writes_to_stays)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        destroy_while_a_worker_hangs();
        fflush(stdout);
        _exit(test_ok ? 0 : 1);
    }
    int status = 0;
    REQUIRE(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    sisp_log_set(SISP_LOG_WARNING, count_warning, NULL);
    fault_init();
    RUN(what_a_hanging_worker_writes_to_stays);
    return test_report();
}
