/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading a FILE.params.jsonl line back, so that a picture can be made again. */
#include <softisp/telemetry.h>

#include "base/base.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_DIGITS 32

static bool read_floats(const json_t *object, const char *name, float *out, size_t count)
{
    const json_t *array = json_object_get(object, name);
    if (!json_is_array(array) || json_array_size(array) != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_array_get(array, i);
        if (!json_is_number(value))
            return false;
        out[i] = (float)json_number_value(value);
    }
    return true;
}

static bool read_float(const json_t *object, const char *name, float *out)
{
    const json_t *value = json_object_get(object, name);
    *out = (float)json_number_value(value);
    return json_is_number(value);
}

static bool read_u32(const json_t *object, const char *name, uint32_t max, uint32_t *out)
{
    const json_t *value = json_object_get(object, name);
    json_int_t number = json_integer_value(value);
    *out = (uint32_t)number;
    return json_is_integer(value) && number >= 0 && number <= max;
}

/* Index of the named string in a list of names, or -1. */
static int read_name(const json_t *object, const char *name, int (*find)(const char *))
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? find(text) : -1;
}

static int find_lane(const char *name)
{
    for (int i = 0; i < SISP_LANE_COUNT; i++) {
        if (strcmp(sisp_lane_name((enum sisp_lane)i), name) == 0)
            return i;
    }
    return -1;
}

static uint32_t read_source(const json_t *object, const char *name)
{
    const json_t *sources = json_object_get(object, "sources");
    const char *text = json_string_value(json_object_get(sources, name));
    for (uint32_t i = SISP_SOURCE_NEUTRAL; text && i <= SISP_SOURCE_FALLBACK; i++) {
        if (strcmp(sisp_source_name((enum sisp_source)i), text) == 0)
            return i;
    }
    return SISP_SOURCE_NEUTRAL;
}

static bool read_mesh(const json_t *object, struct sisp_lsc_mesh *mesh)
{
    float place[4];
    if (!read_u32(object, "cols", SISP_LSC_KNOTS_MAX, &mesh->cols) ||
        !read_u32(object, "rows", SISP_LSC_KNOTS_MAX, &mesh->rows) ||
        !read_floats(object, "place", place, 4))
        return false;
    mesh->origin_x = place[0];
    mesh->origin_y = place[1];
    mesh->step_x = place[2];
    mesh->step_y = place[3];
    static const char *const names[SISP_SITE_COUNT] = {"gain0", "gain1", "gain2", "gain3"};
    bool ok = true;
    for (unsigned s = 0; s < SISP_SITE_COUNT; s++)
        ok &= read_floats(object, names[s], mesh->gain[s], (size_t)mesh->cols * mesh->rows);
    return ok;
}

/* Lines that were written before there were these have none of them. */
static bool read_bayer(const json_t *o, struct sisp_coefficients *c)
{
    const json_t *defects = json_object_get(o, "defects");
    const size_t count = json_array_size(defects);
    if (!defects)
        return true;
    bool ok = count <= SISP_DEFECTS_MAX && json_is_array(defects);
    for (size_t i = 0; ok && i < count; i++) {
        const json_t *place = json_array_get(defects, i);
        const json_int_t x = json_integer_value(json_array_get(place, 0));
        const json_int_t y = json_integer_value(json_array_get(place, 1));
        ok = json_array_size(place) == 2 && x >= 0 && x <= UINT16_MAX && y >= 0 && y <= UINT16_MAX;
        c->defects[i] = (struct sisp_defect){(uint16_t)x, (uint16_t)y};
    }
    c->defect_count = ok ? (uint32_t)count : 0;
    ok &= read_float(o, "defect_correction", &c->defect_correction);
    return read_float(o, "green_balance", &c->green_balance) && ok;
}

/* Likewise. */
static bool read_look(const json_t *o, struct sisp_coefficients *c)
{
    if (!json_object_get(o, "still_sharpness"))
        return true;
    bool ok = read_u32(o, "highlight_recovery", 1, &c->highlight_recovery);
    ok &= read_float(o, "local_tone", &c->local_tone);
    ok &= read_float(o, "local_contrast", &c->local_contrast);
    return read_float(o, "still_sharpness", &c->still_sharpness) && ok;
}

static int find_flicker(const char *name)
{
    for (int i = SISP_FLICKER_NONE; i <= SISP_FLICKER_UNAVOIDABLE; i++) {
        if (strcmp(sisp_flicker_name((enum sisp_flicker)i), name) == 0)
            return i;
    }
    return -EINVAL;
}

static bool read_flicker(const json_t *o, struct sisp_coefficients *c)
{
    int flicker = json_object_get(o, "flicker") ? read_name(o, "flicker", find_flicker) : 0;
    c->flicker_source = read_source(o, "flicker");
    c->flicker = flicker < 0 ? 0 : (uint32_t)flicker;
    return flicker >= 0 && (!json_object_get(o, "flicker_period_us") ||
                               read_float(o, "flicker_period_us", &c->flicker_period_us));
}

static bool read_coefficients(const json_t *o, struct sisp_coefficients *c)
{
    bool ok = read_floats(o, "black_level", c->black_level, SISP_SITE_COUNT);
    ok &= read_float(o, "white_level", &c->white_level);
    ok &= read_floats(o, "wb_gains", c->wb_gains, 3);
    ok &= read_float(o, "clip_level", &c->clip_level);
    ok &= read_floats(o, "ccm", c->ccm, 9);
    ok &= read_floats(o, "tone", c->tone, SISP_TONE_KNOTS);
    ok &= read_float(o, "noise_shot", &c->noise_shot);
    ok &= read_float(o, "noise_read", &c->noise_read);
    ok &= read_float(o, "sharpness", &c->sharpness);
    ok &= read_float(o, "denoise_luma", &c->denoise_luma);
    ok &= read_float(o, "denoise_chroma", &c->denoise_chroma);
    if (json_object_get(o, "denoise")) /* earlier versions had none of it */
        ok &= read_float(o, "denoise", &c->denoise);
    ok &= read_float(o, "exposure_ev", &c->exposure_ev);
    ok &= read_float(o, "color_temperature_kelvin", &c->color_temperature_kelvin);
    ok &= read_float(o, "wb_confidence", &c->wb_confidence);
    if (json_object_get(o, "black_confidence")) /* of files of earlier versions nobody knows it */
        ok &= read_float(o, "black_confidence", &c->black_confidence);
    if (json_object_get(o, "noise_confidence"))
        ok &= read_float(o, "noise_confidence", &c->noise_confidence);
    int demosaic = read_name(o, "demosaic", sisp_demosaic_find);
    c->demosaic = demosaic < 0 ? 0 : (uint32_t)demosaic;
    c->wb_source = read_source(o, "wb");
    c->ccm_source = read_source(o, "ccm");
    c->lsc_source = read_source(o, "lsc");
    c->exposure_source = read_source(o, "exposure");
    c->black_source = read_source(o, "black");
    c->noise_source = read_source(o, "noise");
    return read_bayer(o, c) && read_look(o, c) && read_flicker(o, c) && ok && demosaic >= 0;
}

static bool read_remake(const json_t *o, struct sisp_remake *remake)
{
    int lane = read_name(o, "lane", find_lane);
    int format = read_name(o, "format", sisp_pixel_format_find);
    /* Older lines have none. */
    int orientation = json_object_get(o, "orientation")
                          ? read_name(o, "orientation", sisp_orientation_find)
                          : SISP_ORIENTATION_ROTATE_0;
    if (lane < 0 || format < 0 || orientation < 0 || !read_u32(o, "width", 65535, &remake->width) ||
        !read_u32(o, "height", 65535, &remake->height))
        return false;
    remake->lane = (enum sisp_lane)lane;
    remake->format = (enum sisp_pixel_format)format;
    remake->orientation = (enum sisp_orientation)orientation;
    return read_coefficients(o, &remake->coefficients);
}

/* Where memory was missing, jansson says nothing, or something else but leaves errno alone. */
static bool is_out_of_memory(const json_error_t *error)
{
    return !error->text[0] || errno == ENOMEM;
}

/* The line whose `key` begins with `prefix`, parsed; what is no JSON is passed over. Returns: 0,
 * -ENOENT, -EBADMSG, -ENOMEM, errno of read. */
static int find_line(FILE *file, const char *key, const char *prefix, json_t **found)
{
    char *line = NULL;
    size_t size = 0;
    int r = 0;
    *found = NULL;
    rewind(file);
    while (!*found && r == 0 && getline(&line, &size, file) > 0) {
        if (!strstr(line, prefix))
            continue;
        json_error_t error;
        errno = 0;
        json_t *object = json_loads(line, 0, &error);
        if (!object && is_out_of_memory(&error))
            r = -ENOMEM;
        const char *text = json_string_value(json_object_get(object, key));
        if (text && strlen(text) != HASH_DIGITS)
            r = -EBADMSG; /* or jansson, short of memory, has lost a character */
        if (text && r == 0 && strncmp(text, prefix, strlen(prefix)) == 0)
            *found = object;
        else
            json_decref(object);
    }
    if (!*found && r == 0)
        r = feof(file) ? -ENOENT : -errno;
    free(line);
    return r;
}

static int load_mesh(FILE *file, const char *hash, struct sisp_lsc_mesh *mesh)
{
    json_t *object;
    int r = find_line(file, "lsc_hash", hash, &object);
    if (r)
        return r == -ENOENT ? -EBADMSG : r;
    r = read_mesh(object, mesh) ? 0 : -EBADMSG;
    json_decref(object);
    return r;
}

static int load(FILE *file, const char *hash, struct sisp_remake *remake)
{
    json_t *object;
    int r = find_line(file, "param_hash", hash, &object);
    if (r)
        return r;
    r = read_remake(object, remake) ? 0 : -EBADMSG;
    const char *mesh_hash = json_string_value(json_object_get(object, "lsc"));
    if (r == 0 && mesh_hash && *mesh_hash)
        r = load_mesh(file, mesh_hash, &remake->coefficients.lsc);
    json_decref(object);
    return r;
}

int sisp_remake_load(struct sisp_remake *remake, const char *params_path, const char *hash)
{
    memset(remake, 0, sizeof(*remake));
    FILE *file = fopen(params_path, "re");
    if (!file)
        return -errno;
    int r = *hash ? load(file, hash, remake) : -ENOENT;
    fclose(file);
    return r;
}
