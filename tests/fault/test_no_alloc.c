/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The promise of sisp_session_create(): nothing is allocated later, in any thread of the process,
 * whatever happens to a frame: preview, fallback, burst, telemetry. */
#include "fault.h"
#include "harness/test.h"
#include "output/folder.h"

#include <softisp/softisp.h>

#include <errno.h>
#include <time.h>

#define WARM_FRAMES    12u
#define FRAMES         90u
#define PRESS_AT       40u
#define OVERLOAD_AT    60u
#define INTERVAL_NS    (TEST_IS_SANITIZED ? UINT64_C(200000000) : UINT64_C(33333333))
#define WAIT_NS        UINT64_C(20000000000)
#define TELEMETRY_STEP ((struct timespec){0, 5000000})

static struct sisp_camera *camera;
static struct sisp_telemetry *telemetry;
static struct sisp_session *session;
static struct sisp_result still;
static unsigned previews, fallbacks, stills;

static void open_all(void)
{
    char error[200] = "";
    struct sisp_camera_params camera_params = {.width = 640, .height = 480, .seed = 1};
    REQUIRE(sisp_camera_open_sim(&camera, &camera_params) == 0);
    REQUIRE(sisp_telemetry_open(&telemetry, folder_path("t.csv")) == 0);
    struct sisp_session_params params = sisp_session_params_default();
    params.info = *sisp_camera_info(camera);
    params.limits = sisp_camera_limits(camera);
    params.preview =
        (struct sisp_picture_params){.format = SISP_PIXEL_NV12, .width = 320, .height = 240};
    params.still =
        (struct sisp_picture_params){.format = SISP_PIXEL_RGB24, .width = 640, .height = 480};
    params.is_live = 1;
    params.frame_interval_ns = INTERVAL_NS;
    params.burst_frames = 4;
    params.telemetry = telemetry;
    params.overload_first = OVERLOAD_AT;
    params.overload_count = 1;
    uint64_t before = fault_allocations();
    int r = sisp_session_create(&session, &params, error, sizeof(error));
    CHECK(fault_allocations() > before); /* the library's are counted */
    CHECK_STR(error, "");
    REQUIRE(r == 0);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The still is kept for the JPEG after the measured window. Returns: whether it was a preview. */
static bool take(struct sisp_result *result)
{
    if (result->record.lane == SISP_LANE_BACKGROUND) {
        still = *result;
        stills++;
        return false;
    }
    previews += result->image.planes[0] != NULL;
    fallbacks += result->record.fallback_used != 0;
    if (result->request.exposure_us > 0)
        sisp_camera_set_controls(camera, &result->request);
    sisp_session_release(session, result);
    return true;
}

static void run_frame(uint64_t sequence)
{
    struct sisp_input input;
    struct sisp_result result;
    REQUIRE(sisp_session_acquire(session, &input) == 0);
    REQUIRE(sisp_camera_read(camera, input.samples, input.size_bytes) == 0);
    struct sisp_camera_controls applied = sisp_camera_applied(camera);
    struct sisp_submission submission = {
        .lane = SISP_LANE_FAST,
        .sequence = sequence,
        .deadline_ns = now_ns() + INTERVAL_NS,
        .exposure_us = applied.exposure_us,
        .analogue_gain = applied.analogue_gain,
    };
    REQUIRE(sisp_session_submit(session, &input, &submission) == 0);
    do
        REQUIRE(sisp_session_next(session, &result, WAIT_NS) == 0);
    while (!take(&result));
}

static void run_frames(uint64_t from, uint64_t to)
{
    for (uint64_t n = from; n < to && test_ok; n++) {
        uint64_t token;
        run_frame(n);
        if (n == PRESS_AT)
            CHECK_EQ(sisp_session_press(session, &token), 0);
    }
}

/* The telemetry thread is at its lowest priority: what it does must lie inside the window. */
static void await_telemetry(uint64_t rows)
{
    struct sisp_figures figures;
    uint64_t end_ns = now_ns() + WAIT_NS;
    do {
        nanosleep(&TELEMETRY_STEP, NULL);
        sisp_session_figures(session, &figures);
    } while (figures.telemetry_written < rows && now_ns() < end_ns);
    CHECK_EQ(figures.telemetry_written, rows);
}

static void write_still(void)
{
    char error[200] = "";
    const char *path = folder_path("still.jpg");
    REQUIRE(still.image.planes[0]);
    CHECK_EQ(
        sisp_write_image(sisp_writer_find(path), path, &still.image, NULL, error, sizeof(error)),
        0);
    CHECK_STR(error, "");
    sisp_session_release(session, &still);
}

TEST(a_live_session_allocates_nothing)
{
    open_all();
    if (!test_ok)
        return;
    run_frames(0, WARM_FRAMES);
    await_telemetry(WARM_FRAMES);
    uint64_t before = fault_allocations();
    run_frames(WARM_FRAMES, FRAMES);
    struct sisp_result result;
    while (test_ok && !stills) {
        REQUIRE(sisp_session_next(session, &result, WAIT_NS) == 0);
        take(&result);
    }
    await_telemetry(FRAMES + 1);
    CHECK_EQ(fault_allocations() - before, 0);
    CHECK_EQ(stills, 1);
    CHECK(fallbacks >= 1);
    CHECK(previews > FRAMES / 2);
    printf(
        "%u frames: %u previews, %u by the floor, %u still\n", FRAMES, previews, fallbacks, stills);
    write_still();
}

int main(void)
{
    fault_init();
    RUN(a_live_session_allocates_nothing);
    sisp_session_destroy(&session);
    if (sisp_telemetry_close(&telemetry) < 0)
        printf("the telemetry was not written\n");
    sisp_camera_destroy(&camera);
    folder_remove();
    return test_report();
}
