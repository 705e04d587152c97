/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "camera/sim/scene.h"
#include "base/base.h"
#include "camera/sim/paint.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PAN_PERIOD_FRAMES 600
#define SHAKE_STEP_FRAMES 8
#define SHAKE_SHARE       0.005f /* of the height, to either side */

/* ---- painting ---------------------------------------------------------------------------- */

/* 0, 1, 2 for R, G, B of the sample at (x, y). */
static unsigned channel_at(enum sisp_cfa cfa, uint32_t x, uint32_t y)
{
    unsigned site = (unsigned)cfa ^ (x & 1) ^ (y & 1) << 1;
    return (site & 1) + (site >> 1 & 1);
}

/* Colours that no surface has may look negative to a sensor; light beyond 1 keeps its colour. */
static uint16_t root_of(const struct scene *scene, struct rgb color, unsigned channel)
{
    float seen[3], peak = 1;
    for (unsigned c = 0; c < 3; c++) {
        const float *row = scene->view.of_srgb[c];
        seen[c] = row[0] * color.r + row[1] * color.g + row[2] * color.b;
        peak = seen[c] > peak ? seen[c] : peak;
    }
    float value = seen[channel] / peak;
    return (uint16_t)(65535 * sqrtf(value < 0 ? 0 : value));
}

static struct paint paint_of(const struct scene *scene)
{
    return (struct paint){(uint32_t)scene->seed, 1 / (float)scene->height, scene->view.patches};
}

/* Stripes of a smooth wave, dark to light by 4 to 1. */
static struct rgb paint_plain(enum scene_kind kind, float y)
{
    float gray = kind == SCENE_STRIPES ? 0.25f + 0.15f * paint_wave(12 * y) : 0.2f;
    return (struct rgb){gray, gray, gray};
}

static struct rgb paint_at(const struct scene *scene, const struct paint *paint,
    const struct paint_column *column, float x, float y)
{
    return scene->kind == SCENE_PARK ? paint_background(paint, column, x, y)
                                     : paint_plain(scene->kind, y);
}

static void paint_back(const struct scene *scene, struct paint_column *columns)
{
    struct paint paint = paint_of(scene);
    float left = (float)scene->back_width / 2 - 0.5f, top = (float)scene->back_height / 2 - 0.5f;
    for (uint32_t x = 0; x < scene->back_width; x++)
        columns[x] = paint_column(&paint, ((float)x - left) * paint.pixel);
    for (uint32_t y = 0; y < scene->back_height; y++) {
        uint16_t *row = scene->back + (size_t)y * scene->back_width;
        for (uint32_t x = 0; x < scene->back_width; x++) {
            struct rgb color = paint_at(scene, &paint, &columns[x], ((float)x - left) * paint.pixel,
                ((float)y - top) * paint.pixel);
            row[x] = root_of(scene, color, channel_at(scene->cfa, x, y));
        }
    }
}

/* Object 1 is a box, the others are round. */
static void paint_span(struct scene_object *object, unsigned index, uint32_t y, float v)
{
    float half = index == 1 ? 1 : sqrtf(1 - v * v);
    uint32_t inset = (uint32_t)((float)object->width / 2 * (1 - half));
    object->start[y] = (uint16_t)inset;
    object->end[y] = (uint16_t)(object->width - inset);
}

static void paint_sprite(const struct scene *scene, struct scene_object *object, unsigned index)
{
    struct paint paint = paint_of(scene);
    for (uint32_t y = 0; y < object->height; y++) {
        float v = ((float)y + 0.5f) / (float)object->height * 2 - 1;
        paint_span(object, index, y, v);
        for (uint32_t x = 0; x < object->width; x++) {
            float u = ((float)x + 0.5f) / (float)object->width * 2 - 1;
            object->roots[(size_t)y * object->width + x] =
                root_of(scene, paint_object(&paint, index, u, v), channel_at(scene->cfa, x, y));
        }
    }
}

static uint32_t even(float value)
{
    return (uint32_t)(value / 2) * 2;
}

static int init_object(struct scene *scene, unsigned index)
{
    static const struct {
        float width, height; /* in frame heights */
    } sizes[SCENE_OBJECTS] = {{0.16f, 0.16f}, {0.30f, 0.10f}, {0.14f, 0.18f}};
    struct scene_object *object = &scene->objects[index];
    object->width = even(sizes[index].width * (float)scene->height);
    object->height = even(sizes[index].height * (float)scene->height);
    object->roots = malloc((size_t)object->width * object->height * sizeof(uint16_t));
    object->start = malloc(object->height * sizeof(uint16_t));
    object->end = malloc(object->height * sizeof(uint16_t));
    if (!object->roots || !object->start || !object->end)
        return -ENOMEM;
    paint_sprite(scene, object, index);
    return 0;
}

int scene_init(struct scene *scene)
{
    scene->back_width = even((float)scene->width * 1.5f);
    scene->back_height = even((float)scene->height * 1.25f);
    struct paint_column *columns = malloc(scene->back_width * sizeof(*columns));
    scene->back = malloc((size_t)scene->back_width * scene->back_height * sizeof(uint16_t));
    int error = scene->back && columns ? 0 : -ENOMEM;
    if (!error)
        paint_back(scene, columns);
    free(columns);
    for (unsigned i = 0; i < SCENE_OBJECTS && !error; i++)
        error = init_object(scene, i);
    return error;
}

void scene_finish(struct scene *scene)
{
    free(scene->back);
    for (unsigned i = 0; i < SCENE_OBJECTS; i++) {
        free(scene->objects[i].roots);
        free(scene->objects[i].start);
        free(scene->objects[i].end);
    }
}

/* ---- motion ------------------------------------------------------------------------------ */

/* In [-1, 1]: smooth noise over time. */
static float shake(const struct scene *scene, uint64_t frame, uint32_t axis)
{
    /* It repeats after 2^20 knots: float still counts eighths of them exactly. */
    float knot = (float)(frame / SHAKE_STEP_FRAMES % (1u << 20));
    float part = (float)(frame % SHAKE_STEP_FRAMES) / SHAKE_STEP_FRAMES;
    return 2 * paint_noise((uint32_t)(scene->seed >> 32) ^ axis, knot + part, 0) - 1;
}

static uint32_t pan(uint32_t room, float wave, float hand, uint32_t height)
{
    float margin = SHAKE_SHARE * (float)height, half = (float)room / 2;
    float reach = half > margin ? half - margin : 0;
    float at = half + reach * wave + margin * hand;
    uint32_t corner = at > 0 ? even(at) : 0;
    return corner < room ? corner : room;
}

/* Objects come in at the left, leave at the right and come again. */
static int32_t fly_x(const struct scene *scene, unsigned index, uint64_t frame)
{
    static const uint32_t period_frames[SCENE_OBJECTS] = {240, 330, 700};
    static const uint32_t start_frames[SCENE_OBJECTS] = {150, 60, 480};
    uint32_t path = scene->width + scene->objects[index].width;
    uint64_t step = (frame + start_frames[index]) % period_frames[index];
    uint32_t gone = (uint32_t)(step * (path / 2) / period_frames[index]) * 2;
    return (int32_t)gone - (int32_t)scene->objects[index].width;
}

/* Feet of the objects in frame heights; the ball bounces. */
static int32_t fly_y(const struct scene *scene, unsigned index, uint64_t frame)
{
    float phase = (float)(frame % 45) / 45, feet = 0.98f;
    if (index == 0)
        feet -= 0.28f * 4 * phase * (1 - phase);
    else if (index == 2)
        feet = 0.24f + 0.03f * paint_wave((float)(frame % 200) / 200);
    return (int32_t)even(feet * (float)scene->height) - (int32_t)scene->objects[index].height;
}

struct scene_place scene_place(const struct scene *scene, uint64_t frame)
{
    if (scene->is_still)
        frame = 0;
    float phase = (float)(frame % PAN_PERIOD_FRAMES) / PAN_PERIOD_FRAMES;
    struct scene_place place = {
        .back_x = pan(scene->back_width - scene->width, paint_wave(phase), shake(scene, frame, 0),
            scene->height),
        .back_y = pan(scene->back_height - scene->height, paint_wave(2 * phase) / 4,
            shake(scene, frame, 1), scene->height),
    };
    for (unsigned i = 0; i < SCENE_OBJECTS; i++) {
        place.object_x[i] = fly_x(scene, i, frame);
        place.object_y[i] = fly_y(scene, i, frame);
    }
    return place;
}

/* ---- rows -------------------------------------------------------------------------------- */

static void cover(const struct scene *scene, const struct scene_object *object, int32_t left,
    uint32_t y, uint16_t *row)
{
    int32_t start = left + object->start[y], end = left + object->end[y];
    start = start > 0 ? start : 0;
    end = end < (int32_t)scene->width ? end : (int32_t)scene->width;
    if (start < end)
        memcpy(row + start, object->roots + (size_t)y * object->width + (start - left),
            (size_t)(end - start) * sizeof(*row));
}

const uint16_t *scene_row(
    const struct scene *scene, const struct scene_place *place, uint32_t y, uint16_t *buffer)
{
    const uint16_t *back =
        scene->back + (size_t)(place->back_y + y) * scene->back_width + place->back_x;
    const uint16_t *row = back;
    for (unsigned i = 0; i < SCENE_OBJECTS && scene->kind == SCENE_PARK; i++) {
        int32_t inside = (int32_t)y - place->object_y[i];
        if (inside < 0 || inside >= (int32_t)scene->objects[i].height)
            continue;
        if (row == back)
            row = memcpy(buffer, back, scene->width * sizeof(*buffer));
        cover(scene, &scene->objects[i], place->object_x[i], (uint32_t)inside, buffer);
    }
    return row;
}

static bool is_covered(
    const struct scene *scene, const struct scene_place *place, const struct sisp_rect *rect)
{
    for (unsigned i = 0; i < SCENE_OBJECTS; i++) {
        int32_t x = place->object_x[i], y = place->object_y[i];
        if (x < (int32_t)(rect->x + rect->width) && y < (int32_t)(rect->y + rect->height) &&
            x + (int32_t)scene->objects[i].width > (int32_t)rect->x &&
            y + (int32_t)scene->objects[i].height > (int32_t)rect->y)
            return true;
    }
    return false;
}

bool scene_patch(const struct scene *scene, const struct scene_place *place, unsigned index,
    struct sisp_rect *rect)
{
    if (scene->kind != SCENE_PARK)
        return false;
    float x, y, unit = (float)scene->height;
    paint_patch_centre(index, &x, &y);
    /* One cell of distance from the patch's border on each side. */
    uint32_t size = even(2 * PAINT_PATCH_HALF * unit - 4);
    uint32_t left = even(x * unit + (float)scene->back_width / 2 - (float)size / 2 + 1);
    uint32_t top = even(y * unit + (float)scene->back_height / 2 - (float)size / 2 + 1);
    if (size < 2 || left < place->back_x || top < place->back_y)
        return false;
    *rect = (struct sisp_rect){left - place->back_x, top - place->back_y, size, size};
    return rect->x + size <= scene->width && rect->y + size <= scene->height &&
           !is_covered(scene, place, rect);
}
