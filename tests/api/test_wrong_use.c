/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What a caller should not do gets an error, and the session goes on. */
#include "api/session.h"

#include <math.h>
#include <stdatomic.h>
#include <unistd.h>

static struct sisp_session *session;
static struct sisp_result result, copy;
static struct sisp_input input, taken;

static void start(void)
{
    struct sisp_session_params params = small_params();
    session = create(&params);
    REQUIRE(session != NULL);
}

static void still_works(uint64_t sequence)
{
    REQUIRE(submit(session, sequence) == 0);
    REQUIRE(sisp_session_next(session, &result, SECOND_NS) == 0);
    CHECK_EQ(result.record.sequence, sequence);
    CHECK(result.image.planes[0] != NULL);
    CHECK_EQ(sisp_session_release(session, &result), 0);
}

TEST(a_second_release_is_refused)
{
    start();
    REQUIRE(submit(session, 0) == 0);
    REQUIRE(sisp_session_next(session, &result, SECOND_NS) == 0);
    copy = result;
    CHECK_EQ(sisp_session_release(session, &result), 0);
    CHECK(result.image.planes[0] == NULL);
    CHECK_EQ(sisp_session_release(session, &result), -ESTALE);
    CHECK_EQ(sisp_session_release(session, &copy), -ESTALE);
    still_works(1);
    CHECK_EQ(sisp_session_release(session, &copy), -ESTALE);
    sisp_session_destroy(&session);
}

TEST(handles_that_are_none_are_refused)
{
    start();
    memset(&result, 0xa5, sizeof(result));
    CHECK_EQ(sisp_session_release(session, &result), -ESTALE);
    memset(&input, 0xa5, sizeof(input));
    struct sisp_submission submission = {.lane = SISP_LANE_FAST};
    CHECK_EQ(sisp_session_submit(session, &input, &submission), -ESTALE);
    CHECK_EQ(sisp_session_cancel(session, &input), -ESTALE);
    CHECK_EQ(sisp_session_cancel(session, &input), -ESTALE);
    still_works(0);
    sisp_session_destroy(&session);
}

TEST(an_input_is_given_once)
{
    start();
    REQUIRE(sisp_session_acquire(session, &input) == 0);
    memset(input.samples, 1, input.size_bytes);
    taken = input;
    struct sisp_submission submission = {.lane = SISP_LANE_FAST};
    CHECK_EQ(sisp_session_submit(session, &input, &submission), 0);
    CHECK_EQ(sisp_session_submit(session, &input, &submission), -ESTALE);
    CHECK_EQ(sisp_session_cancel(session, &taken), -ESTALE);
    REQUIRE(sisp_session_next(session, &result, SECOND_NS) == 0);
    CHECK_EQ(sisp_session_release(session, &result), 0);
    REQUIRE(sisp_session_acquire(session, &input) == 0);
    taken = input;
    CHECK_EQ(sisp_session_cancel(session, &input), 0);
    CHECK_EQ(sisp_session_cancel(session, &taken), -ESTALE);
    CHECK_EQ(sisp_session_submit(session, &taken, &submission), -ESTALE);
    still_works(1);
    sisp_session_destroy(&session);
}

TEST(what_the_session_does_not_have_is_refused)
{
    uint64_t token;
    start();
    CHECK_EQ(sisp_session_press(session, &token), -EINVAL); /* no burst */
    REQUIRE(sisp_session_acquire(session, &input) == 0);
    struct sisp_submission submission = {.lane = SISP_LANE_BACKGROUND};
    CHECK_EQ(sisp_session_submit(session, &input, &submission), -EINVAL);
    submission.lane = SISP_LANE_FLOOR;
    CHECK_EQ(sisp_session_submit(session, &input, &submission), -EINVAL);
    submission.lane = (enum sisp_lane)77;
    CHECK_EQ(sisp_session_submit(session, &input, &submission), -EINVAL);
    CHECK_EQ(sisp_session_cancel(session, &input), 0);
    CHECK_EQ(sisp_session_cancel_frames(session, 12345), 0); /* nobody has it */
    still_works(0);
    sisp_session_destroy(&session);
}

TEST(a_burst_needs_both_pictures)
{
    struct sisp_session_params params = small_params();
    params.burst_frames = 4;
    CHECK_EQ(sisp_session_create(&session, &params, error, sizeof(error)), -EINVAL);
    CHECK_STR(error, "a burst needs both a preview and a still");
    params.still = params.preview;
    for (params.is_live = 0; params.is_live < 2; params.is_live++) {
        session = create(&params);
        CHECK(session != NULL);
        sisp_session_destroy(&session);
    }
    params.burst_frames = 0;
    params.is_mosaic_wanted = 1;
    CHECK_EQ(sisp_session_create(&session, &params, error, sizeof(error)), -EINVAL);
    CHECK_STR(error, "a mosaic is merged of a burst");
}

TEST(levels_have_a_range_between_them)
{
    static const float wrong[][2] = {
        {255, 255}, {300, 255}, {-1, 255}, {NAN, 255}, {0, NAN}, {0, 0}, {0, INFINITY}, {0, 65536}};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct sisp_session_params params = small_params();
        params.info.black_level[i % SISP_SITE_COUNT] = wrong[i][0];
        params.info.white_level = wrong[i][1];
        CHECK_EQ(sisp_session_create(&session, &params, error, sizeof(error)), -EINVAL);
        CHECK_STR(error,
            "each black level is 0 or more and below the white level, which is at most 65535");
    }
}

TEST(next_after_all_is_read_waits_no_longer_than_it_may)
{
    start();
    REQUIRE(submit(session, 0) == 0);
    CHECK_EQ(sisp_session_drain(session, SECOND_NS), 0);
    CHECK_EQ(sisp_session_next(session, &result, 0), 0);
    CHECK_EQ(sisp_session_next(session, &copy, 0), -EAGAIN);
    CHECK_EQ(sisp_session_next(session, &copy, SECOND_NS / 100), -EAGAIN);
    CHECK_EQ(sisp_session_flush(session), 0);
    CHECK_EQ(sisp_session_next(session, &copy, 0), -EAGAIN);
    CHECK_EQ(sisp_session_release(session, &result), 0);
    still_works(1);
    sisp_session_destroy(&session);
}

TEST(after_stop_there_is_only_reading)
{
    uint64_t token;
    start();
    REQUIRE(sisp_session_acquire(session, &input) == 0);
    REQUIRE(submit(session, 0) == 0);
    sisp_session_stop(session);
    sisp_session_stop(session);
    struct sisp_submission submission = {.lane = SISP_LANE_FAST};
    CHECK_EQ(sisp_session_submit(session, &input, &submission), -ESHUTDOWN);
    CHECK_EQ(sisp_session_acquire(session, &taken), -ESHUTDOWN);
    CHECK_EQ(sisp_session_press(session, &token), -EINVAL);
    CHECK_EQ(sisp_session_cancel(session, &input), 0);
    CHECK_EQ(sisp_session_next(session, &result, SECOND_NS), 0);
    CHECK_EQ(sisp_session_next(session, &copy, SECOND_NS), -ESHUTDOWN);
    CHECK_EQ(sisp_session_next(session, &copy, 0), -ESHUTDOWN);
    CHECK_EQ(sisp_session_flush(session), 0); /* there is nothing left */
    CHECK_EQ(sisp_session_drain(session, 0), 0);
    CHECK_EQ(sisp_session_release(session, &result), 0);
    sisp_session_destroy(&session);
}

TEST(no_session_is_an_error_too)
{
    uint64_t token;
    struct sisp_submission submission = {.lane = SISP_LANE_FAST};
    start();
    REQUIRE(submit(session, 0) == 0);
    REQUIRE(sisp_session_next(session, &result, SECOND_NS) == 0);
    sisp_session_destroy(&session);
    CHECK(session == NULL);
    sisp_session_destroy(&session);
    sisp_session_stop(session);
    CHECK_EQ(sisp_session_release(session, &result), -EINVAL); /* its session is gone */
    CHECK_EQ(sisp_session_acquire(session, &input), -EINVAL);
    CHECK_EQ(sisp_session_cancel(session, &input), -EINVAL);
    CHECK_EQ(sisp_session_submit(session, &input, &submission), -EINVAL);
    CHECK_EQ(sisp_session_press(session, &token), -EINVAL);
    CHECK_EQ(sisp_session_next(session, &result, 0), -EINVAL);
    CHECK_EQ(sisp_session_flush(session), -EINVAL);
    CHECK_EQ(sisp_session_drain(session, 0), -EINVAL);
    CHECK_EQ(sisp_session_cancel_frames(session, 1), -EINVAL);
}

static _Atomic int holds = 1;

static void never_return(void *user, const struct sisp_event *event)
{
    atomic_store((_Atomic unsigned *)user, event->type + 1);
    while (atomic_load(&holds))
        usleep(1000);
}

static void ignore_log(void *user, enum sisp_log_level level, const char *sentence)
{
}

/* Last: its thread and memory live on. The fast worker sleeps past its deadline, which is told. */
TEST(a_callback_that_never_returns_holds_nobody_up)
{
    static _Atomic unsigned seen;
    static struct sisp_session *stuck;
    struct sisp_telemetry *telemetry;
    struct sisp_session_params params = small_params();
    char path[] = "/tmp/softisp-wrong-use-XXXXXX", beside[64];
    int fd = mkstemp(path);
    REQUIRE(fd >= 0);
    close(fd);
    sisp_log_set(SISP_LOG_ERROR, ignore_log, NULL);
    REQUIRE(sisp_telemetry_open(&telemetry, path) == 0);
    params.telemetry = telemetry;
    params.frame_interval_ns = SECOND_NS / 30;
    params.event = never_return;
    params.event_user = (void *)&seen;
    params.overload_count = 50;
    session = stuck = create(&params);
    REQUIRE(session != NULL);
    for (unsigned i = 0; i < 50 && !atomic_load(&seen); i++) {
        /* On a busy machine the worker may not even start in time, which is not told. */
        REQUIRE(submit(session, i) == 0);
        CHECK_EQ(sisp_session_next(session, &result, SECOND_NS), 0);
        CHECK_EQ(sisp_session_release(session, &result), 0);
        for (int ms = 0; ms < 100 && !atomic_load(&seen); ms++)
            usleep(1000);
    }
    CHECK(atomic_load(&seen) != 0);
    uint64_t before_ns = clock_ns();
    sisp_session_stop(session);
    CHECK(clock_ns() - before_ns < SECOND_NS);
    sisp_session_destroy(&session);
    CHECK(clock_ns() - before_ns < 5 * SECOND_NS);
    CHECK(stuck != NULL);
    CHECK_EQ(sisp_telemetry_close(&telemetry), -ETIMEDOUT);
    CHECK(telemetry == NULL);
    unlink(path);
    for (int i = 0; i < 2; i++) {
        snprintf(beside, sizeof(beside), "%s.%s", path, i ? "events.csv" : "params.jsonl");
        unlink(beside);
    }
}

TEST(dark_samples_lie_inside_the_frame)
{
    struct sisp_session_params params = small_params();
    params.info.dark = (struct sisp_rect){0, params.info.height - 2, params.info.width, 4};
    CHECK_EQ(sisp_session_create(&session, &params, error, sizeof(error)), -EINVAL);
    CHECK(strstr(error, "no light reaches") != NULL);
}

TEST(a_tuning_that_cannot_be_is_refused)
{
    static struct sisp_tuning tuning;
    struct sisp_session_params params = small_params();
    tuning.parts = 1u << SISP_TUNING_COLOR; /* and no matrix */
    params.tuning = &tuning;
    CHECK_EQ(sisp_session_create(&session, &params, error, sizeof(error)), -EINVAL);
    CHECK_STR(error, "the tuning holds what cannot be");
    start();
    CHECK_EQ(sisp_session_set_tuning(session, &tuning), -EINVAL);
    CHECK_EQ(sisp_session_set_tuning(NULL, NULL), -EINVAL);
    tuning.color_count = 1;
    tuning.colors[0] =
        (struct sisp_tuning_color){.kelvin = 5000, .ccm = {2, -1, 0, 0, 1, 0, 0, 0, 1}};
    CHECK_EQ(sisp_session_set_tuning(session, &tuning), 0);
    REQUIRE(submit(session, 0) == 0);
    REQUIRE(sisp_session_next(session, &result, SECOND_NS) == 0);
    REQUIRE(result.coefficients);
    CHECK_EQ(result.coefficients->ccm_source, SISP_SOURCE_TUNING);
    CHECK_EQ(sisp_session_release(session, &result), 0);
    CHECK_EQ(sisp_session_set_tuning(session, NULL), 0);
    sisp_session_destroy(&session);
}

int main(void)
{
    RUN(dark_samples_lie_inside_the_frame);
    RUN(a_tuning_that_cannot_be_is_refused);
    RUN(a_second_release_is_refused);
    RUN(handles_that_are_none_are_refused);
    RUN(an_input_is_given_once);
    RUN(what_the_session_does_not_have_is_refused);
    RUN(a_burst_needs_both_pictures);
    RUN(levels_have_a_range_between_them);
    RUN(next_after_all_is_read_waits_no_longer_than_it_may);
    RUN(after_stop_there_is_only_reading);
    RUN(no_session_is_an_error_too);
    RUN(a_callback_that_never_returns_holds_nobody_up);
    return test_report();
}
