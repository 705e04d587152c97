/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "life.h"

#include "base/base.h"
#include "base/prng.h"
#include <errno.h>

void life_init(struct life *life, const struct scenario *scenario)
{
    static const char *const formats[] = {"SRGGB10", "SGRBG8", "SBGGR12", "SGBRG10P"};
    static const uint32_t sides[] = {64, 66, 80, 96, 128};
    unsigned n = scenario->number;
    const struct sisp_raw_format *format = sisp_raw_format_find(formats[n % 4]);
    uint32_t width = sides[n % 5], height = sides[n / 5 % 5];
    memset(life, 0, sizeof(*life));
    life->seed = n;
    life->interval_ms = 10 + n % 3 * 5;
    life->params = sisp_session_params_default();
    life->params.info = (struct sisp_raw_info){
        .fourcc = format->fourcc,
        .width = width,
        .height = height,
        .stride_bytes = sisp_raw_row_bytes(format->packing, width),
        .crop = {0, 0, width, height},
        .orientation = 1,
        .white_level = (float)((1u << format->bits) - 1),
    };
    life->params.preview =
        (struct sisp_picture_params){.format = n % 2 ? SISP_PIXEL_RGB24 : SISP_PIXEL_NV12,
            .width = width / 2 + n % 3,
            .height = height / 2};
    life->params.still =
        (struct sisp_picture_params){.format = SISP_PIXEL_RGB24, .width = width, .height = height};
    life->params.threads = 1 + n % 2;
    life->params.is_live = 1;
    life->params.frame_interval_ns = life->interval_ms * UINT64_C(1000000);
    life->params.burst_frames = 2;
    if (n % 4 == 3)
        CHECK_EQ(sisp_knobs_set(&life->knobs, "isolation", "process"), 0);
    life->params.knobs = &life->knobs;
}

void life_open(struct life *life)
{
    char error[200] = "";
    int r = sisp_session_create(&life->session, &life->params, error, sizeof(error));
    if (r)
        printf("%s\n", error);
    REQUIRE(r == 0);
}

bool life_submit(struct life *life)
{
    struct sisp_input input;
    if (life->sequence == LIFE_FRAMES_MAX || sisp_session_acquire(life->session, &input)) {
        life->refused++;
        return false;
    }
    struct base_prng prng = {life->seed << 32 | life->sequence};
    for (size_t i = 0; i < input.size_bytes; i++)
        input.samples[i] = (uint8_t)(i % 2 ? 1 : base_prng_next(&prng));
    struct sisp_submission submission = {.lane = SISP_LANE_FAST, .sequence = life->sequence};
    life->submitted_ns[life->sequence] = single_now_ns();
    if (sisp_session_submit(life->session, &input, &submission)) {
        sisp_session_cancel(life->session, &input);
        life->refused++;
        return false;
    }
    life->sequence++;
    life->submitted++;
    return true;
}

void life_press(struct life *life)
{
    uint64_t token;
    REQUIRE(sisp_session_press(life->session, &token) == 0);
    life->plans++;
}

static void take(struct life *life, struct sisp_result *result)
{
    uint64_t sequence = result->record.sequence;
    if (result->record.lane == SISP_LANE_BACKGROUND) {
        life->plans_ended++;
        sisp_session_release(life->session, result);
        return;
    }
    REQUIRE(sequence < life->sequence);
    CHECK(!life->has_ended[sequence]);
    CHECK_EQ(sequence, life->last_ended); /* in the order of acceptance */
    life->has_ended[sequence] = true;
    life->last_ended = sequence + 1;
    life->ended++;
    life->delivered += result->image.planes[0] != NULL;
    life->by_fast_lane += result->image.planes[0] && strcmp(result->record.worker, "FastISP") == 0;
    CHECK((result->record.outcome == SISP_DELIVERED) == (result->image.planes[0] != NULL));
    uint64_t taken_ns = single_now_ns() - life->submitted_ns[sequence];
    if (taken_ns > life->worst_ns)
        life->worst_ns = taken_ns;
    if (life->is_held && life->held_count < BASE_COUNT(life->held))
        life->held[life->held_count++] = *result;
    else
        sisp_session_release(life->session, result);
}

unsigned life_collect(struct life *life, uint64_t timeout_ns)
{
    struct sisp_result result;
    unsigned count = 0;
    uint64_t end_ns = single_now_ns() + timeout_ns, now_ns;
    do {
        now_ns = single_now_ns();
        int r = sisp_session_next(life->session, &result, now_ns < end_ns ? end_ns - now_ns : 0);
        if (r)
            CHECK(r == -EAGAIN || r == -ESHUTDOWN);
        if (r == -ESHUTDOWN)
            break;
        if (r == 0) {
            take(life, &result);
            count++;
        }
    } while (single_ok() && now_ns < end_ns);
    return count;
}

void life_feed(struct life *life, unsigned count)
{
    for (unsigned i = 0; i < count && single_ok(); i++) {
        life_submit(life);
        life_collect(life, life->interval_ms * UINT64_C(1000000));
    }
}

void life_close(struct life *life)
{
    struct sisp_figures figures;
    if (!life->session)
        return;
    sisp_session_stop(life->session);
    life_collect(life, SINGLE_WAIT_NS);
    CHECK_EQ(life->ended, life->submitted);
    CHECK_EQ(life->plans_ended, life->plans);
    for (unsigned i = 0; i < life->held_count; i++)
        sisp_session_release(life->session, &life->held[i]);
    sisp_session_figures(life->session, &figures);
    CHECK_EQ(figures.quarantined, 0);
    CHECK_EQ(figures.lanes[SISP_LANE_FAST].accepted, life->submitted);
    sisp_session_destroy(&life->session);
    CHECK(!life->session);
}
