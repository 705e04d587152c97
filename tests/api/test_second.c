/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Two pictures of a frame: each is what a session of its own makes. */
#include "api/session.h"

static struct sisp_session_params file_params(void)
{
    struct sisp_session_params params = small_params();
    params.is_live = 0; /* control then goes by the frame alone */
    return params;
}

static const struct sisp_picture_params small = {
    .format = SISP_PIXEL_NV12, .width = 30, .height = 21, .orientation = SISP_ORIENTATION_MIRROR};
static const struct sisp_picture_params large = {
    .format = SISP_PIXEL_P010, .width = 64, .height = 64, .orientation = SISP_ORIENTATION_MIRROR};

static void develop(struct sisp_session *session, struct sisp_result *result)
{
    struct sisp_input input;
    const struct sisp_submission submission = {.lane = SISP_LANE_FAST};
    REQUIRE(sisp_session_acquire(session, &input) == 0);
    for (size_t i = 0; i < input.size_bytes; i++)
        input.samples[i] = (uint8_t)(i * i / 7 + i / 64);
    REQUIRE(sisp_session_submit(session, &input, &submission) == 0);
    REQUIRE(sisp_session_next(session, result, 20 * SECOND_NS) == 0);
    CHECK_EQ(result->record.outcome, SISP_DELIVERED);
}

static bool is_same(const struct sisp_image *a, const struct sisp_image *b)
{
    bool same = a->format == b->format && a->width == b->width && a->height == b->height;
    for (unsigned k = 0; same && k < sisp_pixel_plane_count(a->format); k++) {
        const size_t size = sisp_pixel_row_bytes(a->format, k, a->width);
        for (uint32_t y = 0; y < sisp_pixel_plane_rows(a->format, k, a->height); y++)
            same = same && memcmp(a->planes[k] + y * a->stride_bytes[k],
                               b->planes[k] + y * b->stride_bytes[k], size) == 0;
    }
    return same;
}

static void compare(const struct sisp_image *image, const struct sisp_picture_params *wanted)
{
    struct sisp_session_params params = file_params();
    struct sisp_result result;
    params.preview = *wanted;
    struct sisp_session *session = create(&params);
    REQUIRE(session != NULL);
    develop(session, &result);
    CHECK(!result.second.planes[0]);
    CHECK(is_same(image, &result.image));
    CHECK_EQ(sisp_session_release(session, &result), 0);
    sisp_session_destroy(&session);
}

TEST(both_are_as_from_sessions_of_their_own)
{
    for (int k = 0; k < 4; k++) {
        struct sisp_session_params params = file_params();
        struct sisp_result result;
        params.preview = k % 2 ? large : small;
        params.second = k % 2 ? small : large;
        if (k >= 2)
            params.preview.orientation = params.second.orientation = SISP_ORIENTATION_ROTATE_90;
        struct sisp_session *session = create(&params);
        REQUIRE(session != NULL);
        develop(session, &result);
        compare(&result.image, &params.preview);
        compare(&result.second, &params.second);
        CHECK_EQ(sisp_session_release(session, &result), 0);
        CHECK(!result.second.planes[0]);
        sisp_session_destroy(&session);
    }
}

static void refuse(const struct sisp_session_params *params, const char *word)
{
    struct sisp_session *session;
    const int r = sisp_session_create(&session, params, error, sizeof(error));
    CHECK(r == -EINVAL || r == -ENOTSUP);
    CHECK(strstr(error, word));
}

TEST(what_does_not_go_together_is_refused)
{
    struct sisp_session_params params = file_params();
    params.second = large;
    refuse(&params, "one orientation");
    params.preview = small;
    params.second.width = 65;
    refuse(&params, "do not fit");
    params.second.width = 64;
    params.still = params.preview;
    params.preview.width = 0;
    params.still.format = SISP_PIXEL_RGB24;
    params.still.orientation = SISP_ORIENTATION_ROTATE_0;
    refuse(&params, "beside");
    params = file_params();
    params.preview.orientation = SISP_ORIENTATION_COUNT;
    refuse(&params, "orientation");
    params = file_params();
    params.still = large;
    refuse(&params, "stills are RGB24");
    params.still.format = SISP_PIXEL_RGB24;
    refuse(&params, "turned");
}

int main(void)
{
    RUN(both_are_as_from_sessions_of_their_own);
    RUN(what_does_not_go_together_is_refused);
    return test_report();
}
