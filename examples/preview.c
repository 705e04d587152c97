/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A session with previews: 30 frames of the simulated camera, exposure under automatic control.
 * Build: cc preview.c $(pkg-config --cflags --libs softisp) */
#include <softisp/softisp.h>

#include <stdio.h>

#define WAIT_NS UINT64_C(1000000000)

/* One frame: camera -> input -> session -> result; the result's wish goes back to the camera. */
static int one_frame(struct sisp_camera *camera, struct sisp_session *session, uint64_t sequence)
{
    struct sisp_input input;
    struct sisp_result result;
    if (sisp_session_acquire(session, &input) != 0)
        return -1;
    struct sisp_submission submission = {.lane = SISP_LANE_FAST, .sequence = sequence};
    int r = sisp_camera_read(camera, input.samples, input.size_bytes);
    struct sisp_camera_controls applied = sisp_camera_applied(camera);
    submission.exposure_us = applied.exposure_us;
    submission.analogue_gain = applied.analogue_gain;
    if (r == 0)
        r = sisp_session_submit(session, &input, &submission);
    if (r != 0) {
        sisp_session_cancel(session, &input);
        return r;
    }
    r = sisp_session_next(session, &result, WAIT_NS);
    if (r != 0)
        return r;
    if (sequence % 10 == 0)
        printf("frame %u: %s, exposure %.0f us, gain %.2f\n", (unsigned)sequence,
            sisp_outcome_name(result.record.outcome), (double)applied.exposure_us,
            (double)applied.analogue_gain);
    if (result.request.exposure_us > 0)
        sisp_camera_set_controls(camera, &result.request);
    r = result.image.planes[0] ? 0 : -1;
    sisp_session_release(session, &result);
    return r;
}

int main(void)
{
    char error[256] = "no camera";
    struct sisp_camera *camera = NULL;
    struct sisp_session *session = NULL;
    struct sisp_camera_params camera_params = {.width = 640, .height = 480, .seed = 1};
    int r = sisp_camera_open_sim(&camera, &camera_params);
    if (r == 0) {
        struct sisp_session_params params = sisp_session_params_default();
        params.info = *sisp_camera_info(camera);
        params.limits = sisp_camera_limits(camera);
        params.preview =
            (struct sisp_picture_params){.format = SISP_PIXEL_NV12, .width = 320, .height = 240};
        params.is_live = 1;
        r = sisp_session_create(&session, &params, error, sizeof(error));
    }
    if (r != 0)
        fprintf(stderr, "%s\n", error);
    for (uint64_t n = 0; r == 0 && n < 30; n++)
        r = one_frame(camera, session, n);
    sisp_session_destroy(&session);
    sisp_camera_destroy(&camera);
    return r == 0 ? 0 : 1;
}
