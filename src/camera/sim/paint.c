/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "camera/sim/paint.h"
#include "camera/sim/scene.h"
#include "base/base.h"

#include <math.h>

static float clamp01(float value)
{
    return value < 0 ? 0 : value > 1 ? 1 : value;
}

/* floorf() is a slow call on machines without an instruction for it, and all noise needs it. */
static float round_down(float value)
{
    float whole = (float)(int32_t)value;
    return whole > value ? whole - 1 : whole;
}

static struct rgb gray(float value)
{
    return (struct rgb){value, value, value};
}

static struct rgb scale(struct rgb a, float k)
{
    return (struct rgb){a.r * k, a.g * k, a.b * k};
}

static struct rgb mix(struct rgb a, struct rgb b, float k)
{
    return (struct rgb){a.r + (b.r - a.r) * k, a.g + (b.g - a.g) * k, a.b + (b.b - a.b) * k};
}

float paint_wave(float phase)
{
    float p = phase - round_down(phase);
    return p < 0.5f ? 16 * p * (0.5f - p) : -16 * (p - 0.5f) * (1 - p);
}

/* ---- noise ------------------------------------------------------------------------------- */

static float lattice(uint32_t seed, int32_t x, int32_t y)
{
    uint32_t h = seed ^ (uint32_t)x * 0x9e3779b1u ^ (uint32_t)y * 0x85ebca77u;
    h = (h ^ h >> 16) * 0x7feb352du;
    h = (h ^ h >> 15) * 0x846ca68bu;
    return (float)(h >> 8) / 16777216;
}

/* Value noise: hashed lattice, cubic in between. */
float paint_noise(uint32_t seed, float x, float y)
{
    float fx = round_down(x), fy = round_down(y), u = x - fx, v = y - fy;
    int32_t ix = (int32_t)fx, iy = (int32_t)fy;
    u = u * u * (3 - 2 * u);
    v = v * v * (3 - 2 * v);
    float a = lattice(seed, ix, iy), b = lattice(seed, ix + 1, iy);
    float c = lattice(seed, ix, iy + 1), d = lattice(seed, ix + 1, iy + 1);
    return (a + (b - a) * u) * (1 - v) + (c + (d - c) * u) * v;
}

/* Octaves of noise, in [0, 1]. */
static float fractal(uint32_t seed, float x, float y, unsigned octaves)
{
    float sum = 0, weight = 0.5f;
    for (unsigned i = 0; i < octaves; i++) {
        sum += weight * paint_noise(seed + i, x, y);
        x *= 2.03f;
        y *= 2.03f;
        weight /= 2;
    }
    return sum / (1 - 2 * weight);
}

/* ---- landscape --------------------------------------------------------------------------- */

#define HORIZON (-0.03f)

struct paint_column paint_column(const struct paint *paint, float x)
{
    static const float base[3] = {-0.16f, -0.10f, -0.045f}, reach[3] = {0.20f, 0.14f, 0.05f};
    static const float pitch[3] = {2.2f, 3.5f, 14};
    struct paint_column column;
    for (unsigned i = 0; i < 3; i++) {
        float bump = fractal(paint->seed + 10 * (i + 1), x * pitch[i] + 50, 0, 5);
        column.ridge[i] = base[i] - reach[i] * (bump - 0.4f);
    }
    return column;
}

static struct rgb paint_sky(const struct paint *paint, float x, float y)
{
    static const struct rgb zenith = {0.06f, 0.14f, 0.33f}, haze = {0.40f, 0.40f, 0.38f};
    static const struct rgb cloud = {0.47f, 0.47f, 0.48f}, sun = {1.2f, 1.1f, 0.9f};
    float height = clamp01(1 + (y + 0.12f) / 0.5f);
    struct rgb color = mix(zenith, haze, height * height);
    float cover = fractal(paint->seed + 1, x * 2.6f + 9, y * 6 + 9, 5);
    color = mix(color, cloud, clamp01((cover - 0.48f) * 4));
    float dx = x - 0.62f, dy = y + 0.34f, d = sqrtf(dx * dx + dy * dy);
    float glow = 0.0025f / (0.0025f + d * d);
    return mix(color, sun, clamp01((0.03f - d) / paint->pixel / 2 + 0.5f) + 0.45f * glow * glow);
}

/* A field in perspective: furrows and paths run to the horizon. */
static struct rgb paint_meadow(const struct paint *paint, float x, float y)
{
    static const struct rgb grass = {0.045f, 0.10f, 0.018f}, straw = {0.20f, 0.17f, 0.055f};
    static const struct rgb sand = {0.24f, 0.19f, 0.13f};
    float depth = 0.06f / (y - HORIZON + 0.02f), across = x * depth * 30;
    float blades = paint_noise(paint->seed + 41, x * 160, y * 90);
    float patches = fractal(paint->seed + 42, across / 3, depth * 20, 3);
    struct rgb color = mix(grass, straw, clamp01((patches - 0.45f) * 4));
    /* Furrows fade where they are as fine as samples. */
    float furrow = 0.18f * clamp01(2 - 120 * paint->pixel * depth);
    color = scale(color, (0.55f + 0.7f * blades) * (1 + furrow * paint_wave(across)));
    float road = fabsf(y - 0.50f - 0.01f * paint_wave(x / 2));
    float edge = clamp01((0.05f - road) / paint->pixel / 2 + 0.5f);
    return mix(color, scale(sand, 0.7f + 0.5f * blades), edge);
}

static struct rgb paint_hills(
    const struct paint *paint, const struct paint_column *column, float x, float y)
{
    static const struct rgb tints[3] = {
        {0.15f, 0.19f, 0.27f}, {0.06f, 0.10f, 0.09f}, {0.018f, 0.040f, 0.014f}};
    static const float grain[3] = {25, 60, 140};
    struct rgb color = {0, 0, 0};
    bool is_sky_needed = true;
    for (int i = 2; i >= 0 && is_sky_needed; i--)
        is_sky_needed = y < column->ridge[i] + paint->pixel;
    if (is_sky_needed)
        color = paint_sky(paint, x, y);
    for (unsigned i = 0; i < 3; i++) {
        float edge = clamp01((y - column->ridge[i]) / paint->pixel + 0.5f);
        if (edge <= 0)
            continue;
        float light = 0.6f + 0.8f * paint_noise(paint->seed + 31 + i, x * grain[i], y * grain[i]);
        color = mix(color, scale(tints[i], light), edge);
    }
    return color;
}

/* ---- things ------------------------------------------------------------------------------ */

struct house {
    float left, right, eaves, ridge, ground;
    struct rgb wall, roof;
};

static const struct house houses[] = {
    {-1.20f, -1.02f, -0.02f, -0.09f, 0.06f, {0.30f, 0.24f, 0.15f}, {0.17f, 0.035f, 0.02f}},
    {-0.90f, -0.76f, -0.04f, -0.13f, 0.06f, {0.36f, 0.35f, 0.33f}, {0.03f, 0.035f, 0.05f}},
    {-0.24f, -0.13f, -0.05f, -0.10f, 0.02f, {0.28f, 0.07f, 0.03f}, {0.06f, 0.05f, 0.045f}},
    {-0.10f, 0.08f, -0.03f, -0.11f, 0.04f, {0.35f, 0.28f, 0.08f}, {0.20f, 0.05f, 0.025f}},
    {0.78f, 0.98f, -0.03f, -0.10f, 0.07f, {0.07f, 0.13f, 0.24f}, {0.05f, 0.045f, 0.04f}},
    {1.04f, 1.14f, -0.09f, -0.24f, 0.06f, {0.31f, 0.29f, 0.25f}, {0.04f, 0.12f, 0.09f}},
};

/* Whether x lies in the first `share` of its period. */
static bool in_grid(float x, float period, float share)
{
    float phase = x / period;
    return phase - round_down(phase) < share;
}

static struct rgb house_wall(const struct house *house, float x, float y)
{
    float u = x - house->left, v = y - house->eaves;
    if (in_grid(u - 0.014f, 0.036f, 0.45f) && in_grid(v - 0.014f, 0.038f, 0.5f))
        return in_grid(u - 0.0215f, 0.036f, 0.05f) ? gray(0.4f) : (struct rgb){0.02f, 0.03f, 0.05f};
    return scale(house->wall, in_grid(v, 0.006f, 0.82f) ? 1 : 0.78f);
}

static bool paint_house(const struct house *house, float x, float y, struct rgb *color)
{
    if (y < house->ridge || y > house->ground)
        return false;
    if (y < house->eaves) {
        float middle = (house->left + house->right) / 2;
        float half = (house->right - house->left) * 0.55f * (y - house->ridge) /
                     (house->eaves - house->ridge);
        if (fabsf(x - middle) > half)
            return false;
        *color = scale(house->roof, in_grid(y, 0.008f, 0.7f) ? 1 : 0.6f);
        return true;
    }
    if (x < house->left || x > house->right)
        return false;
    *color = house_wall(house, x, y);
    return true;
}

static struct rgb paint_post(float x, float left, float right)
{
    float u = (x - left) / (right - left) * 2 - 1;
    return scale((struct rgb){0.16f, 0.10f, 0.05f}, 1.1f - 0.8f * u * u);
}

struct rgb paint_background(
    const struct paint *paint, const struct paint_column *column, float x, float y)
{
    struct rgb color;
    if (paint_board(paint, x, y, &color))
        return color;
    static const float posts[] = {-0.58f, -0.18f, 0.12f, 0.52f};
    for (unsigned i = 0; i < BASE_COUNT(posts); i++) {
        if (y > 0.30f && y < 0.46f && x > posts[i] && x < posts[i] + 0.03f)
            return paint_post(x, posts[i], posts[i] + 0.03f);
    }
    for (unsigned i = 0; i < BASE_COUNT(houses); i++) {
        if (paint_house(&houses[i], x, y, &color))
            return color;
    }
    return y > HORIZON ? paint_meadow(paint, x, y) : paint_hills(paint, column, x, y);
}

struct rgb paint_object(const struct paint *paint, unsigned index, float x, float y)
{
    float d = x * x + y * y, shade = 1 - 0.75f * clamp01((x * 0.5f + y * 0.6f + 0.3f));
    if (index == 0) { /* ball */
        float glint = clamp01(1 - 30 * ((x + 0.35f) * (x + 0.35f) + (y + 0.4f) * (y + 0.4f)));
        bool is_red = in_grid(x + 0.35f * y * fabsf(y), 0.66f, 0.5f);
        struct rgb skin = is_red ? (struct rgb){0.38f, 0.03f, 0.025f} : gray(0.42f);
        return mix(scale(skin, shade * (1.1f - 0.5f * d)), gray(1), glint);
    }
    if (index == 1) { /* bus */
        static const struct rgb body = {0.42f, 0.24f, 0.01f}, glass = {0.03f, 0.05f, 0.07f};
        if (fabsf(x) > 0.97f || fabsf(y) > 0.94f)
            return gray(0.02f);
        if (y < -0.05f && y > -0.7f)
            return in_grid(x, 0.31f, 0.8f) ? scale(glass, 1.5f - y + x) : scale(body, 0.8f);
        float wheel = fabsf(fabsf(x) - 0.6f) * 3;
        if (wheel * wheel + (y - 0.7f) * (y - 0.7f) < 0.09f)
            return gray(0.015f);
        return scale(body, fabsf(y - 0.2f) < 0.06f ? 0.25f : 1);
    }
    /* balloon */
    float gore = paint_noise(paint->seed, 4 * x / (0.3f + sqrtf(clamp01(1 - y * y))), 0.5f);
    struct rgb cloth = mix((struct rgb){0.03f, 0.22f, 0.30f}, (struct rgb){0.45f, 0.33f, 0.05f},
        clamp01((gore - 0.45f) * 12));
    return scale(cloth, shade);
}
