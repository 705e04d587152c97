/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Develop a buffer: raw samples in memory become RGB in memory.
 * Build: cc develop.c $(pkg-config --cflags --libs softisp) */
#include <softisp/softisp.h>

#include <stdio.h>
#include <string.h>

#define WIDTH  64
#define HEIGHT 48

/* A grey ramp as a 10-bit RGGB sensor with black level 64 would see it. */
static void fill(uint16_t *samples)
{
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++)
            samples[y * WIDTH + x] = (uint16_t)(64 + x * 12);
    }
}

static int develop(struct sisp_session *session)
{
    struct sisp_input input;
    struct sisp_result result;
    struct sisp_submission submission = {.lane = SISP_LANE_BACKGROUND};
    if (sisp_session_acquire(session, &input) != 0)
        return 1;
    fill((uint16_t *)(void *)input.samples);
    if (sisp_session_submit(session, &input, &submission) != 0) {
        sisp_session_cancel(session, &input);
        return 1;
    }
    if (sisp_session_next(session, &result, UINT64_C(10000000000)) != 0)
        return 1;
    const uint8_t *row = result.image.planes[0];
    int failed = row == NULL;
    if (!failed)
        printf("left %d %d %d, right %d %d %d\n", row[0], row[1], row[2], row[3 * WIDTH - 3],
            row[3 * WIDTH - 2], row[3 * WIDTH - 1]);
    sisp_session_release(session, &result);
    return failed;
}

int main(void)
{
    const struct sisp_raw_format *format = sisp_raw_format_find("SRGGB10");
    struct sisp_session_params params = sisp_session_params_default();
    params.info.fourcc = format->fourcc;
    params.info.width = WIDTH;
    params.info.height = HEIGHT;
    params.info.stride_bytes = sisp_raw_row_bytes(format->packing, WIDTH);
    params.info.crop = (struct sisp_rect){0, 0, WIDTH, HEIGHT};
    for (int i = 0; i < SISP_SITE_COUNT; i++)
        params.info.black_level[i] = 64;
    params.info.white_level = 1023;
    params.still =
        (struct sisp_picture_params){.format = SISP_PIXEL_RGB24, .width = WIDTH, .height = HEIGHT};

    char error[256];
    struct sisp_session *session;
    if (sisp_session_create(&session, &params, error, sizeof(error)) != 0) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    int code = develop(session);
    sisp_session_destroy(&session);
    return code;
}
