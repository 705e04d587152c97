/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two cameras, one engine: each has its session, both have its workers and buffers in common.
 * Build: cc two_cameras.c $(pkg-config --cflags --libs softisp) */
#include <softisp/softisp.h>

#include <stdio.h>

#define WAIT_NS UINT64_C(1000000000)

struct eye {
    struct sisp_camera *camera;
    struct sisp_session *session;
    unsigned delivered, fallbacks;
};

static int open_eye(struct eye *eye, uint64_t seed, struct sisp_session *share)
{
    char error[256] = "no camera";
    struct sisp_camera_params camera_params = {.width = 640, .height = 480, .seed = seed};
    int r = sisp_camera_open_sim(&eye->camera, &camera_params);
    if (r == 0) {
        struct sisp_session_params params = sisp_session_params_default();
        params.info = *sisp_camera_info(eye->camera);
        params.preview =
            (struct sisp_picture_params){.format = SISP_PIXEL_NV12, .width = 320, .height = 240};
        params.is_live = 1;
        params.sessions_max = 2;
        params.slots_min = 4; /* whatever the other one does */
        params.share = share;
        r = sisp_session_create(&eye->session, &params, error, sizeof(error));
    }
    if (r != 0)
        fprintf(stderr, "%s\n", error);
    return r;
}

static int give(struct eye *eye, uint64_t sequence)
{
    struct sisp_input input;
    struct sisp_submission submission = {.lane = SISP_LANE_FAST, .sequence = sequence};
    int r = sisp_session_acquire(eye->session, &input);
    if (r != 0)
        return r;
    r = sisp_camera_read(eye->camera, input.samples, input.size_bytes);
    if (r == 0)
        r = sisp_session_submit(eye->session, &input, &submission);
    if (r != 0)
        sisp_session_cancel(eye->session, &input);
    return r;
}

static int take(struct eye *eye)
{
    struct sisp_result result;
    int r = sisp_session_next(eye->session, &result, WAIT_NS);
    if (r != 0)
        return r;
    eye->delivered += result.record.outcome == SISP_DELIVERED;
    eye->fallbacks += result.record.fallback_used != 0;
    return sisp_session_release(eye->session, &result);
}

int main(void)
{
    struct eye left = {0}, right = {0};
    int r = open_eye(&left, 1, NULL);
    if (r == 0)
        r = open_eye(&right, 2, left.session);
    for (uint64_t n = 0; r == 0 && n < 30; n++) {
        r = give(&left, n);
        if (r == 0)
            r = give(&right, n);
        if (r == 0)
            r = take(&left);
        if (r == 0)
            r = take(&right);
    }
    printf("left: %u pictures, %u of them by the floor\n", left.delivered, left.fallbacks);
    printf("right: %u pictures, %u of them by the floor\n", right.delivered, right.fallbacks);
    sisp_session_destroy(&right.session);
    sisp_session_destroy(&left.session);
    sisp_camera_destroy(&right.camera);
    sisp_camera_destroy(&left.camera);
    return r == 0 && left.delivered == 30 && right.delivered == 30 ? 0 : 1;
}
