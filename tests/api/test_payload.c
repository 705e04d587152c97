/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Bytes that a worker wrote are refused before anything is counted or named by them. */
#include "harness/test.h"
#include "session/payload.h"

#include <math.h>
#include <string.h>

static struct payload payload;

#define REFUSES(change)                                                                            \
    do {                                                                                           \
        memset(&payload, 0, sizeof(payload));                                                      \
        change;                                                                                    \
        CHECK(!payload_is_sound(&payload));                                                        \
    } while (0)

TEST(unsound_payloads_are_refused)
{
    struct sisp_coefficients *c = &payload.coefficients;
    CHECK(payload_is_sound(&payload));
    REFUSES(payload.path = ENG_LANE_COUNT);
    REFUSES(payload.geometry.format = SISP_PIXEL_FORMAT_COUNT);
    REFUSES(payload.geometry.format = UINT32_MAX);
    REFUSES(payload.geometry.orientation = SISP_ORIENTATION_COUNT);
    REFUSES(c->lsc.cols = SISP_LSC_KNOTS_MAX + 1);
    REFUSES(c->lsc.rows = UINT32_MAX);
    REFUSES(c->lsc.step_x = NAN);
    REFUSES((c->lsc.cols = c->lsc.rows = SISP_LSC_KNOTS_MAX,
        c->lsc.gain[3][SISP_LSC_KNOTS_MAX * SISP_LSC_KNOTS_MAX - 1] = INFINITY));
    REFUSES(c->wb_source = SISP_SOURCE_FALLBACK + 1);
    REFUSES(c->noise_source = UINT32_MAX);
    REFUSES(c->demosaic = SISP_DEMOSAIC_SMOOTH + 1);
    REFUSES(c->tone[SISP_TONE_KNOTS - 1] = NAN);
    REFUSES(c->black_level[3] = -INFINITY);
    REFUSES(c->wb_confidence = NAN);
    REFUSES(c->black_confidence = INFINITY);
    REFUSES(c->noise_confidence = NAN);
    REFUSES(payload.transform.gain[0] = NAN);
    REFUSES(payload.transform.noise_error = INFINITY);
    REFUSES(payload.transform.noise_confidence = NAN);
    REFUSES(payload.transform.falloff = NAN);
    REFUSES(payload.transform.clues[ISP_BURST_MAX - 1].falloff_error = INFINITY);
    REFUSES(payload.request.exposure_us = INFINITY);
    REFUSES(payload.applied.analogue_gain = NAN);
    REFUSES(memset(&payload, 0xff, sizeof(payload)));
}

int main(void)
{
    RUN(unsound_payloads_are_refused);
    return test_report();
}
