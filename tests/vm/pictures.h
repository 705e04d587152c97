/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Pictures that go by their frames alone, and telling them apart. */
#ifndef TESTS_VM_PICTURES_H
#define TESTS_VM_PICTURES_H

#include "api/session.h"

/** A number that other pixels would not give; of RGB24. 0: no picture. */
static inline uint64_t image_sum(const struct sisp_image *image)
{
    uint64_t total = 1;
    if (!image->planes[0])
        return 0;
    for (uint32_t y = 0; y < image->height; y++)
        for (size_t x = 0; x < (size_t)image->width * 3; x++)
            total = total * 31 + image->planes[0][y * image->stride_bytes[0] + x];
    return total;
}

/** Some frame's, for all: automatic control would go on from frame to frame. */
static inline const struct sisp_coefficients *fixed_coefficients(void)
{
    static struct sisp_coefficients coefficients;
    static bool is_there;
    struct sisp_result result;
    const struct sisp_session_params params = small_params();
    struct sisp_session *session = is_there ? NULL : create(&params);
    if (session && submit(session, 0) == 0 &&
        sisp_session_next(session, &result, 20 * SECOND_NS) == 0 && result.coefficients) {
        coefficients = *result.coefficients;
        is_there = true;
        sisp_session_release(session, &result);
    }
    sisp_session_destroy(&session);
    return is_there ? &coefficients : NULL;
}

#endif
