/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lens shading tables. Raspberry Pi's: a luminance table, and for each temperature one of red and
 * one of blue over green. libcamera's (rkisp1): four tables of gains in 1/1024 for each. */
#include "tuning/sections.h"

#include <errno.h>
#include <math.h>

static const struct range any_gain = {GAIN_MIN, GAIN_MAX};

static int check_kelvin(struct reader *reader, uint32_t node, uint32_t table)
{
    const struct sisp_tuning_shading *s = &reader->tuning->shading;
    if (table == 0 || s->tables[table].kelvin > s->tables[table - 1].kelvin)
        return 0;
    return tree_refuse(
        &reader->tree, node, &reader->error, "is not warmer to colder: its 'ct' does not rise");
}

/* The tables have no shape of their own: 16x12 is that of the first Raspberry Pis, 32x32 that of
 * the fifth. */
static int set_shape(struct reader *reader, uint32_t table)
{
    struct sisp_tuning_shading *s = &reader->tuning->shading;
    uint32_t count = reader->tree.nodes[table].count;
    s->cols = count == 192 ? 16 : 32;
    s->rows = count == 192 ? 12 : 32;
    if (count == 192 || count == 1024)
        return 0;
    return tree_refuse(
        &reader->tree, table, &reader->error, "is a list of 16 x 12 or 32 x 32 numbers");
}

static int read_chroma(struct reader *reader, uint32_t list, bool is_red)
{
    struct sisp_tuning_shading *s = &reader->tuning->shading;
    uint32_t count = 0;
    int r = value_count(reader, list, 1, SISP_TUNING_TABLES_MAX);
    for (uint32_t i = reader->tree.nodes[list].first; r == 0 && i != TREE_NONE;
         i = reader->tree.nodes[i].next) {
        float kelvin = 0;
        r = value_kelvin(reader, i, &kelvin);
        uint32_t table = r ? TREE_NONE : value_entry(reader, i, "table", TREE_LIST);
        if (table == TREE_NONE)
            return -EINVAL;
        if (is_red)
            s->tables[count].kelvin = kelvin;
        else if (count < s->count && s->tables[count].kelvin != kelvin)
            return tree_refuse(&reader->tree, i, &reader->error,
                "has another 'ct' than its table in 'calibrations_Cr'");
        r = check_kelvin(reader, i, count);
        if (r == 0)
            r = value_list(reader, table, any_gain,
                is_red ? s->tables[count].red : s->tables[count].blue, s->cols * s->rows);
        count++;
    }
    if (r == 0 && !is_red && count != s->count)
        r = tree_refuse(
            &reader->tree, list, &reader->error, "has not as many tables as 'calibrations_Cr'");
    s->count = count;
    return r;
}

int section_shading(struct reader *reader, uint32_t node)
{
    struct sisp_tuning_shading *s = &reader->tuning->shading;
    uint32_t luminance = value_entry(reader, node, "luminance_lut", TREE_LIST);
    uint32_t red = luminance == TREE_NONE ? TREE_NONE
                                          : value_entry(reader, node, "calibrations_Cr", TREE_LIST);
    uint32_t blue =
        red == TREE_NONE ? TREE_NONE : value_entry(reader, node, "calibrations_Cb", TREE_LIST);
    if (blue == TREE_NONE)
        return -EINVAL;
    s->strength = 1;
    int r = value_optional(reader, node, "luminance_strength", (struct range){0, 1}, &s->strength);
    if (r == 0)
        r = set_shape(reader, luminance);
    if (r == 0)
        r = value_list(reader, luminance, any_gain, s->luminance, s->cols * s->rows);
    if (r == 0)
        r = read_chroma(reader, red, true);
    if (r == 0)
        r = read_chroma(reader, blue, false);
    if (r)
        return r;
    shading_resample(s);
    reader->tuning->parts |= 1u << SISP_TUNING_SHADING;
    return 0;
}

/* ---- sets of four tables ------------------------------------------------------------------- */

/* Sectors of half the frame; the other half mirrors them. Other than equal ones are not read. */
static int read_sectors(struct reader *reader, uint32_t node, const char *key, uint32_t *knots)
{
    float sizes[SISP_LSC_KNOTS_MAX];
    uint32_t list = value_entry(reader, node, key, TREE_LIST);
    if (list == TREE_NONE)
        return -EINVAL;
    uint32_t count = reader->tree.nodes[list].count;
    if (count < 1 || count > SISP_LSC_KNOTS_MAX / 2)
        return tree_refuse(&reader->tree, list, &reader->error, "has 1 to 16 sectors");
    int r = value_list(reader, list, (struct range){0, 0.5}, sizes, count);
    for (uint32_t i = 0; r == 0 && i < count; i++) {
        if (fabsf(sizes[i] * (float)count - 0.5f) > 0.01f)
            r = tree_refuse(&reader->tree, list, &reader->error,
                "has sectors of unequal size; only equal ones are read");
    }
    *knots = 2 * count + 1;
    return r;
}

/* The luminance table is the first set's green: one for all lights. */
static int read_set(struct reader *reader, uint32_t node, uint32_t index)
{
    static const char *const names[] = {"r", "gr", "gb", "b"};
    static const struct range codes = {64, 16384};
    struct sisp_tuning_shading *s = &reader->tuning->shading;
    float gains[4][SISP_TUNING_KNOTS_MAX];
    int r = value_kelvin(reader, node, &s->tables[index].kelvin);
    for (int i = 0; i < 4 && r == 0; i++) {
        uint32_t list = value_entry(reader, node, names[i], TREE_LIST);
        if (list == TREE_NONE)
            return -EINVAL;
        r = value_list(reader, list, codes, gains[i], s->cols * s->rows);
    }
    for (uint32_t i = 0; r == 0 && i < s->cols * s->rows; i++) {
        float green = (gains[1][i] + gains[2][i]) / 2;
        if (index == 0)
            s->luminance[i] = green / 1024;
        s->tables[index].red[i] = gains[0][i] / green;
        s->tables[index].blue[i] = gains[3][i] / green;
    }
    return r ? r : check_kelvin(reader, node, index);
}

int section_shading_sets(struct reader *reader, uint32_t node)
{
    struct sisp_tuning_shading *s = &reader->tuning->shading;
    int r = read_sectors(reader, node, "x-size", &s->cols);
    if (r == 0)
        r = read_sectors(reader, node, "y-size", &s->rows);
    uint32_t sets = r ? TREE_NONE : value_entry(reader, node, "sets", TREE_LIST);
    if (sets == TREE_NONE)
        return -EINVAL;
    s->strength = 1;
    s->count = 0;
    r = value_count(reader, sets, 1, SISP_TUNING_TABLES_MAX);
    for (uint32_t i = reader->tree.nodes[sets].first; r == 0 && i != TREE_NONE;
         i = reader->tree.nodes[i].next)
        r = read_set(reader, i, s->count++);
    if (r == 0)
        reader->tuning->parts |= 1u << SISP_TUNING_SHADING;
    return r;
}
