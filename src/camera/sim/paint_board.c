/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two boards: a chart of 24 colours and one of fine detail. */
#include "camera/sim/paint.h"
#include "camera/sim/scene.h"

#include <math.h>

#define PATCH_PITCH 0.085f
#define CHART_X     (-0.38f)
#define CHART_Y     0.18f
#define DETAIL_X    0.32f
#define DETAIL_Y    0.18f
#define BOARD_WIDTH 0.27f /* half */
#define BOARD_HIGH  0.185f

void paint_patch_centre(unsigned index, float *x, float *y)
{
    *x = CHART_X + ((float)(index % 6) - 2.5f) * PATCH_PITCH;
    *y = CHART_Y + ((float)(index / 6) - 1.5f) * PATCH_PITCH;
}

static struct rgb gray(float value)
{
    return (struct rgb){value, value, value};
}

static struct rgb paint_chart(const struct paint *paint, float x, float y)
{
    float u = x / PATCH_PITCH + 3, v = y / PATCH_PITCH + 2;
    if (u < 0 || u >= 6 || v < 0 || v >= 4)
        return gray(0.03f * SCENE_DIFFUSE_WHITE);
    float half = PAINT_PATCH_HALF / PATCH_PITCH;
    if (fabsf(u - floorf(u) - 0.5f) > half || fabsf(v - floorf(v) - 0.5f) > half)
        return gray(0.03f * SCENE_DIFFUSE_WHITE);
    const float *patch = paint->patches[(unsigned)v * 6 + (unsigned)u];
    float k = SCENE_DIFFUSE_WHITE;
    return (struct rgb){patch[0] * k, patch[1] * k, patch[2] * k};
}

/* Rings whose frequency grows with the distance, up to a period of 4 samples at the radius. */
static float zone_plate(float x, float y, float radius, float pixel)
{
    float turns = (x * x + y * y) / radius / pixel / 8;
    return 0.45f + 0.4f * paint_wave(turns + 0.25f);
}

/* Groups of upright bars, 7 to 2 samples wide: what is finer than a cell has no colour. */
static float bars(float x, float width, float pixel)
{
    float group = floorf(x / width * 6);
    float phase = x / pixel / (2 * (7 - group));
    return phase - floorf(phase) < 0.5f ? 0.06f : 0.85f;
}

#define TEXT_WIDTH 0.21f

/* As many words as fit whole. */
static float text(float x, float y, float size)
{
    /* 5 x 7 dots, a row each, the left dot highest. */
    static const uint8_t glyphs[6][7] = {
        {0x0f, 0x10, 0x10, 0x0e, 0x01, 0x01, 0x1e}, /* S */
        {0x0e, 0x11, 0x11, 0x11, 0x11, 0x11, 0x0e}, /* O */
        {0x1f, 0x10, 0x10, 0x1e, 0x10, 0x10, 0x10}, /* F */
        {0x1f, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04}, /* T */
        {0x0e, 0x04, 0x04, 0x04, 0x04, 0x04, 0x0e}, /* I */
        {0x1e, 0x11, 0x11, 0x1e, 0x10, 0x10, 0x10}, /* P */
    };
    static const char word[] = {0, 1, 2, 3, 4, 0, 5}; /* SOFTISP, then a space */
    unsigned column = (unsigned)(x / size * 7), row = (unsigned)(y / size * 7);
    unsigned letter = column / 6 % 8, dot = column % 6;
    unsigned words = (unsigned)((TEXT_WIDTH + size) / size * 7 / 48);
    if (row >= 7 || dot == 5 || letter == 7 || column / 48 >= words)
        return 0.85f;
    return glyphs[(unsigned)word[letter]][row] >> (4 - dot) & 1 ? 0.05f : 0.85f;
}

/* An edge 5 degrees off the vertical, as ISO 12233 measures resolution on. */
static float slanted_edge(float x, float y, float pixel)
{
    float side = (x + y * 0.0875f) / pixel + 0.5f;
    return 0.08f + 0.62f * (side < 0 ? 0 : side > 1 ? 1 : side);
}

/* (x, y) from the board's top left corner, 0.54 x 0.37. */
static float paint_detail(float x, float y, float pixel)
{
    if (x < 0.02f || x > 0.52f || y < 0.02f || y > 0.35f)
        return 0.85f;
    if (x < 0.30f && y < 0.26f) {
        float u = x - 0.15f, v = y - 0.14f;
        return fabsf(u) < 0.12f && fabsf(v) < 0.12f ? zone_plate(u, v, 0.12f, pixel) : 0.85f;
    }
    if (y >= 0.28f)
        return bars(x - 0.02f, 0.5f, pixel);
    if (y > 0.26f)
        return 0.85f;
    if (y < 0.13f)
        return x < 0.31f ? 0.85f : slanted_edge(x - 0.41f, y - 0.07f, pixel);
    static const float tops[] = {0.145f, 0.195f, 0.222f, 0.240f},
                       sizes[] = {0.035f, 0.018f, 0.012f, 0.009f};
    for (unsigned i = 0; i < 4; i++) {
        if (y >= tops[i] && y < tops[i] + sizes[i] && x >= 0.31f)
            return text(x - 0.31f, y - tops[i], sizes[i]);
    }
    return 0.85f;
}

bool paint_board(const struct paint *paint, float x, float y, struct rgb *color)
{
    float u = x - CHART_X, v = y - CHART_Y;
    if (fabsf(u) < BOARD_WIDTH && fabsf(v) < BOARD_HIGH) {
        *color = paint_chart(paint, u, v);
        return true;
    }
    u = x - DETAIL_X + BOARD_WIDTH;
    v = y - DETAIL_Y + BOARD_HIGH;
    if (u < 0 || u >= 2 * BOARD_WIDTH || v < 0 || v >= 2 * BOARD_HIGH)
        return false;
    *color = gray(paint_detail(u, v, paint->pixel) * SCENE_DIFFUSE_WHITE);
    return true;
}
