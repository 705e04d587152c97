/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Parameters that are set while a session runs: when they hold, as a whole or not at all, for
 * whom, and what is refused. */
#include "api/session.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define FRAMES 300

static struct sisp_session *session;
static struct sisp_result result;
static char said[512];

static void note_log(void *user, enum sisp_log_level level, const char *text)
{
    snprintf(said, sizeof(said), "%s", text);
}

/* The next frame's coefficients, copied. */
static struct sisp_coefficients develop(struct sisp_session *of, uint64_t sequence)
{
    struct sisp_coefficients none = {0};
    if (submit(of, sequence) != 0 || sisp_session_next(of, &result, 10 * SECOND_NS) != 0)
        return none;
    if (result.coefficients)
        none = *result.coefficients;
    CHECK_EQ(sisp_session_release(of, &result), 0);
    return none;
}

static struct sisp_params with(enum sisp_param param, float value)
{
    struct sisp_params params = sisp_params_default();
    params.value[param] = value;
    return params;
}

TEST(the_next_frame_has_them)
{
    struct sisp_session_params start = small_params();
    REQUIRE((session = create(&start)) != NULL);
    struct sisp_coefficients before = develop(session, 0);
    CHECK_EQ(result.params_generation, 0);
    struct sisp_params params = with(SISP_PARAM_BRIGHTNESS, 0.25f);
    params.value[SISP_PARAM_SHARPNESS] = 0.5f;
    REQUIRE(sisp_session_set_params(session, &params) == 0);
    params.value[SISP_PARAM_SHARPNESS] = 2; /* they are copied */
    struct sisp_coefficients after = develop(session, 1);
    CHECK_EQ(result.params_generation, 1);
    CHECK_NEAR((double)(after.tone[0] - before.tone[0]), 0.25, 0.01);
    CHECK_NEAR((double)before.sharpness, 0, 0);
    CHECK_NEAR((double)after.sharpness, 0.5, 0);
    sisp_session_destroy(&session);
}

static void check_refused(const struct sisp_params *params, const char *wanted)
{
    said[0] = 0;
    CHECK_EQ(sisp_session_set_params(session, params), -EINVAL);
    CHECK(strstr(said, wanted) != NULL);
    if (!strstr(said, wanted))
        printf("said: %s\n", said);
}

TEST(what_cannot_be_is_named_and_changes_nothing)
{
    struct sisp_session_params start = small_params();
    sisp_log_set(SISP_LOG_WARNING, note_log, NULL);
    REQUIRE((session = create(&start)) != NULL);
    struct sisp_params params = with(SISP_PARAM_SATURATION, 3.5f);
    params.value[SISP_PARAM_SHARPNESS] = 1;
    check_refused(&params, "saturation is 3.5, and its range is 0 to 3");
    params = with(SISP_PARAM_CONTRAST, NAN);
    check_refused(&params, "contrast");
    params = with(SISP_PARAM_WB_MODE, 1.5f);
    check_refused(&params, "wb_mode is 1.5, and must be a whole number");
    CHECK_EQ(sisp_session_set_params(session, NULL), -EINVAL);
    CHECK_EQ(sisp_session_set_params(NULL, &params), -EINVAL);
    struct sisp_coefficients c = develop(session, 0);
    CHECK_NEAR((double)c.sharpness, 0, 0);
    CHECK_EQ(result.params_generation, 0);
    sisp_session_destroy(&session);
    start.params = with(SISP_PARAM_TONE, 0.5f); /* create says the same */
    CHECK_EQ(sisp_session_create(&session, &start, error, sizeof(error)), -EINVAL);
    CHECK_STR(error, "tone is 0.5, and must be a whole number");
}

TEST(stills_and_fixed_coefficients_say_so)
{
    struct sisp_session_params start = small_params();
    sisp_log_set(SISP_LOG_WARNING, note_log, NULL);
    start.still = start.preview;
    start.preview.width = 0;
    REQUIRE((session = create(&start)) != NULL);
    struct sisp_params params = with(SISP_PARAM_DENOISE_LUMA, 1);
    check_refused(&params, "denoise_luma");
    params = with(SISP_PARAM_CONTRAST, 2);
    CHECK_EQ(sisp_session_set_params(session, &params), 0);
    sisp_session_destroy(&session);
    start = small_params();
    REQUIRE((session = create(&start)) != NULL);
    struct sisp_coefficients fixed = develop(session, 0);
    sisp_session_destroy(&session);
    start.coefficients = &fixed;
    REQUIRE((session = create(&start)) != NULL);
    CHECK_EQ(sisp_session_set_params(session, &params), -ENOTSUP);
    sisp_session_destroy(&session);
}

TEST(who_shares_an_engine_has_them)
{
    struct sisp_session_params start = small_params();
    struct sisp_session *other;
    start.sessions_max = 2;
    REQUIRE((session = create(&start)) != NULL);
    struct sisp_params params = with(SISP_PARAM_SHARPNESS, 0.75f);
    REQUIRE(sisp_session_set_params(session, &params) == 0);
    start.share = session;
    REQUIRE((other = create(&start)) != NULL);
    CHECK_NEAR((double)develop(other, 0).sharpness, 0.75, 0);
    sisp_session_destroy(&session);
    params.value[SISP_PARAM_SHARPNESS] = 0.25f;
    CHECK_EQ(sisp_session_set_params(other, &params), 0);
    CHECK_NEAR((double)develop(other, 1).sharpness, 0.25, 0);
    sisp_session_destroy(&other);
}

/* A sensor whose frames are as bright as its exposure, and warm. */
static struct sisp_coefficients expose(struct sisp_camera_controls *controls)
{
    static uint64_t sequence;
    struct sisp_input input;
    struct sisp_coefficients none = {0};
    struct sisp_submission submission = {.lane = SISP_LANE_FAST,
        .sequence = sequence++,
        .exposure_us = controls->exposure_us,
        .analogue_gain = controls->analogue_gain};
    if (sisp_session_acquire(session, &input) != 0)
        return none;
    double level = 60e-4 * (double)(controls->exposure_us * controls->analogue_gain);
    for (size_t i = 0; i < input.size_bytes; i++) {
        bool is_blue = i / 64 % 2 && i % 2;
        input.samples[i] = (uint8_t)fmin(is_blue ? level / 2 : level, 255);
    }
    if (sisp_session_submit(session, &input, &submission) != 0 ||
        sisp_session_next(session, &result, 10 * SECOND_NS) != 0 || !result.coefficients)
        return none;
    none = *result.coefficients;
    *controls = result.request;
    CHECK_EQ(sisp_session_release(session, &result), 0);
    return none;
}

TEST(the_look_leaves_exposure_and_white_balance)
{
    struct sisp_session_params start = small_params();
    struct sisp_camera_controls controls = {10000, 1};
    struct sisp_coefficients before = {0}, after;
    start.limits = (struct sisp_camera_limits){.exposure_us_min = 100,
        .exposure_us_max = 30000,
        .analogue_gain_min = 1,
        .analogue_gain_max = 8};
    REQUIRE((session = create(&start)) != NULL);
    for (int i = 0; i < 40; i++)
        before = expose(&controls);
    const struct sisp_camera_controls rest = controls;
    CHECK(rest.exposure_us != 10000 && before.wb_gains[2] > before.wb_gains[0]);
    start.params.value[SISP_PARAM_BRIGHTNESS] = 0.2f;
    start.params.value[SISP_PARAM_SATURATION] = 0.5f;
    start.params.value[SISP_PARAM_CONTRAST] = 1.5f;
    start.params.value[SISP_PARAM_SHARPNESS] = 1;
    REQUIRE(sisp_session_set_params(session, &start.params) == 0);
    for (int i = 0; i < 10; i++) {
        after = expose(&controls);
        CHECK(controls.exposure_us == rest.exposure_us);
        CHECK(controls.analogue_gain == rest.analogue_gain);
        CHECK(after.exposure_ev == before.exposure_ev);
        CHECK(memcmp(after.wb_gains, before.wb_gains, sizeof(after.wb_gains)) == 0);
    }
    CHECK(after.tone[0] > before.tone[0] && after.ccm[0] < before.ccm[0]);
    sisp_session_destroy(&session);
}

/* ---- a thread that never stops setting them -------------------------------------------------- */

static _Atomic int is_over;

static void *set_for_ever(void *user)
{
    for (int n = 1; !atomic_load(&is_over); n++) {
        struct sisp_params params = with(SISP_PARAM_SHARPNESS, (float)(n % 100) / 64);
        params.value[SISP_PARAM_DENOISE_LUMA] = params.value[SISP_PARAM_SHARPNESS];
        params.value[SISP_PARAM_DENOISE_CHROMA] = params.value[SISP_PARAM_SHARPNESS];
        CHECK_EQ(sisp_session_set_params(session, &params), 0);
        usleep(100);
    }
    return NULL;
}

/* No frame is lost, and none is made by halves of two sets. */
static void check_whole(const struct sisp_session_params *start, unsigned frames)
{
    pthread_t setter;
    uint32_t generation = 0;
    atomic_store(&is_over, 0);
    REQUIRE((session = create(start)) != NULL);
    REQUIRE(pthread_create(&setter, NULL, set_for_ever, NULL) == 0);
    unsigned n = 0;
    for (; n < frames || (generation < 3 && n < 100 * frames); n++) {
        struct sisp_coefficients c = develop(session, n);
        CHECK_EQ(result.record.outcome, SISP_DELIVERED);
        CHECK(result.params_generation >= generation);
        CHECK(c.sharpness == c.denoise_luma && c.sharpness == c.denoise_chroma);
        if (!test_ok)
            break;
        generation = result.params_generation;
        double wanted = (double)(generation % 100) / 64;
        CHECK_NEAR((double)c.sharpness, wanted, 0);
    }
    atomic_store(&is_over, 1);
    pthread_join(setter, NULL);
    CHECK(generation >= 3);
    sisp_session_destroy(&session);
}

TEST(each_frame_has_one_whole_set)
{
    struct sisp_session_params start = small_params();
    check_whole(&start, FRAMES);
}

TEST(workers_in_processes_have_them_too)
{
    struct sisp_session_params start = small_params();
    struct sisp_knobs knobs = {0};
    REQUIRE(sisp_knobs_set(&knobs, "isolation", "process") == 0);
    start.knobs = &knobs;
    check_whole(&start, FRAMES / 3);
}

int main(void)
{
    RUN(the_next_frame_has_them);
    RUN(what_cannot_be_is_named_and_changes_nothing);
    RUN(stills_and_fixed_coefficients_say_so);
    RUN(who_shares_an_engine_has_them);
    RUN(the_look_leaves_exposure_and_white_balance);
    RUN(each_frame_has_one_whole_set);
    RUN(workers_in_processes_have_them_too);
    return test_report();
}
