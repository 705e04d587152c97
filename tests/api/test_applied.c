/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A session on the simulated camera: each result says the exposure and gain of its own frame. */
#include "session.h"

#define FRAMES 24

static void run(const char *options, uint64_t overload_first)
{
    struct sisp_camera *camera;
    struct sisp_camera_params camera_params = {.width = 128, .height = 96, .options = options};
    REQUIRE(sisp_camera_open_sim(&camera, &camera_params) == 0);
    struct sisp_session_params params = small_params();
    params.info = *sisp_camera_info(camera);
    params.limits = sisp_camera_limits(camera);
    params.frame_interval_ns = SECOND_NS / 30;
    params.overload_first = overload_first;
    params.overload_count = overload_first ? 2 : 0;
    struct sisp_session *session = create(&params);
    REQUIRE(session != NULL);
    float lowest = 1e9f, highest = 0;
    unsigned fallbacks = 0;
    for (uint64_t n = 0; n < FRAMES && test_ok; n++) {
        struct sisp_input input;
        struct sisp_result result;
        REQUIRE(sisp_session_acquire(session, &input) == 0);
        REQUIRE(sisp_camera_read(camera, input.samples, input.size_bytes) == 0);
        struct sisp_camera_controls applied = sisp_camera_applied(camera);
        struct sisp_submission submission = {.lane = SISP_LANE_FAST,
            .sequence = sisp_camera_frame(camera).sequence,
            .exposure_us = applied.exposure_us,
            .analogue_gain = applied.analogue_gain};
        REQUIRE(sisp_session_submit(session, &input, &submission) == 0);
        REQUIRE(sisp_session_next(session, &result, 10 * SECOND_NS) == 0);
        CHECK_EQ(result.record.sequence, submission.sequence);
        if (result.image.planes[0]) {
            CHECK_EXACT(result.applied.exposure_us, applied.exposure_us);
            CHECK_EXACT(result.applied.analogue_gain, applied.analogue_gain);
        }
        float total = applied.exposure_us * applied.analogue_gain;
        lowest = total < lowest ? total : lowest;
        highest = total > highest ? total : highest;
        fallbacks += result.record.fallback_used != 0;
        if (result.request.exposure_us > 0)
            sisp_camera_set_controls(camera, &result.request);
        CHECK_EQ(sisp_session_release(session, &result), 0);
    }
    CHECK(highest > 3 * lowest); /* the light went, so there was something to say */
    CHECK(!overload_first || fallbacks > 0);
    sisp_session_destroy(&session);
    sisp_camera_destroy(&camera);
}

TEST(results_say_what_was_in_force)
{
    run("light-step=8:-3,exposure-delay=3,gain-delay=1,gap=5:3", 0);
}

/* The floor makes its picture from coefficients of an earlier frame. */
TEST(the_floor_says_it_of_its_own_frame)
{
    run("light-step=6:-3", 9);
}

int main(void)
{
    RUN(results_say_what_was_in_force);
    RUN(the_floor_says_it_of_its_own_frame);
    return test_report();
}
