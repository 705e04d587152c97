/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Small sessions on grey frames, for tests of the public calls. */
#ifndef TESTS_API_SESSION_H
#define TESTS_API_SESSION_H

#include "harness/test.h"

#include <softisp/softisp.h>

#include <errno.h>
#include <string.h>
#include <time.h>

#define SECOND_NS UINT64_C(1000000000)

static char error[512];

static inline struct sisp_session_params small_params(void)
{
    struct sisp_session_params params = sisp_session_params_default();
    params.info = (struct sisp_raw_info){.fourcc = sisp_raw_format_find("SRGGB8")->fourcc,
        .width = 64,
        .height = 64,
        .stride_bytes = 64,
        .crop = {0, 0, 64, 64},
        .white_level = 255};
    params.preview =
        (struct sisp_picture_params){.format = SISP_PIXEL_RGB24, .width = 64, .height = 64};
    params.is_live = 1;
    params.threads = 1;
    return params;
}

static inline struct sisp_session *create(const struct sisp_session_params *params)
{
    struct sisp_session *session;
    if (sisp_session_create(&session, params, error, sizeof(error)) != 0)
        printf("create: %s\n", error);
    return session;
}

static inline int submit(struct sisp_session *session, uint64_t sequence)
{
    struct sisp_input input;
    int r = sisp_session_acquire(session, &input);
    if (r)
        return r;
    memset(input.samples, 100, input.size_bytes);
    struct sisp_submission submission = {
        .lane = SISP_LANE_FAST, .sequence = sequence, .cookie = sequence + 1000};
    r = sisp_session_submit(session, &input, &submission);
    if (r)
        CHECK_EQ(sisp_session_cancel(session, &input), 0);
    return r;
}

static inline uint64_t clock_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * SECOND_NS + (uint64_t)time.tv_nsec;
}

#endif
