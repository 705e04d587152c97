/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * The scene: a painted background, larger than the frame, over which the frame pans with a shaking
 * hand, and objects that move before it. Everything is a pure function of the seed and the frame's
 * number, so that tests can ask for the truth of any frame. All motion is by whole 2x2 cells: the
 * scene is stored as the mosaic that the sensor sees.
 */
#ifndef CAMERA_SIM_SCENE_H
#define CAMERA_SIM_SCENE_H

#include "camera/sim/spectra.h"

#include <softisp/camera.h>
#include <stdbool.h>

#define SCENE_OBJECTS 3
#define SCENE_PATCHES 24

/* Radiance of a perfect white diffuser; the sun and its reflexes are brighter. */
#define SCENE_DIFFUSE_WHITE 0.5f

/** A mosaic of square roots of radiance (see sensor.h); row y is seen from start[y] to end[y]. */
struct scene_object {
    uint32_t width, height;
    uint16_t *roots, *start, *end;
};

enum scene_kind { SCENE_PARK, SCENE_STRIPES, SCENE_WALL };

struct scene {
    enum scene_kind kind;
    bool is_still;                    /* every frame is that of number 0 */
    uint32_t width, height;           /* of a frame */
    uint32_t back_width, back_height; /* of the background */
    uint16_t *back;                   /* roots, mosaic */
    struct scene_object objects[SCENE_OBJECTS];
    uint64_t seed;
    enum sisp_cfa cfa;
    struct spectra_view view;
};

/** Where things are in frame n. */
struct scene_place {
    uint32_t back_x, back_y; /* corner of the frame in the background; even */
    int32_t object_x[SCENE_OBJECTS], object_y[SCENE_OBJECTS]; /* corners, in the frame; even */
};

/** 0 or -ENOMEM; scene_finish() in either case. `scene` is zero but for what it is, size, seed, cfa
 * and view.
 */
int scene_init(struct scene *scene);
void scene_finish(struct scene *scene);

struct scene_place scene_place(const struct scene *scene, uint64_t frame);

/** Roots of one row of the frame: the background itself, or `buffer` where objects cover it. */
const uint16_t *scene_row(
    const struct scene *scene, const struct scene_place *place, uint32_t y, uint16_t *buffer);

/** Inside of patch `index` of the colour chart, in the frame, with even borders. False where it
 * is not wholly seen. */
bool scene_patch(const struct scene *scene, const struct scene_place *place, unsigned index,
    struct sisp_rect *rect);

#endif
