/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The meaning of the numbers: Raspberry Pi Ltd, Raspberry Pi Camera Algorithm and Tuning Guide,
 * 2023; where libcamera's other pipelines have a name of their own, its documentation. */
#include "tuning/sections.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Levels and tone curves are 16-bit codes. */
#define CODES 65536.0
#define WHITE 65535.0

static const struct range any_ratio = {1.0 / 64, 64}, any_code = {0, WHITE};

/* Entries of a list must rise in what they are sorted by. */
static int check_rising(struct reader *reader, uint32_t node, const float *values, uint32_t count)
{
    char what[96];
    for (uint32_t i = 1; i < count; i++) {
        if (values[i] > values[i - 1])
            continue;
        snprintf(what, sizeof(what), "does not rise: %g comes after %g", (double)values[i],
            (double)values[i - 1]);
        return tree_refuse(&reader->tree, node, &reader->error, what);
    }
    return 0;
}

/* ---- black level ----------------------------------------------------------------------------- */

int section_black(struct reader *reader, uint32_t node)
{
    static const struct {
        const char *key;
        unsigned first, last;
    } keys[] = {
        {"black_level", SISP_SITE_R, SISP_SITE_B},
        {"blackLevel", SISP_SITE_R, SISP_SITE_B},
        {"black_level_r", SISP_SITE_R, SISP_SITE_R},
        {"black_level_g", SISP_SITE_GR, SISP_SITE_GB},
        {"black_level_b", SISP_SITE_B, SISP_SITE_B},
        {"R", SISP_SITE_R, SISP_SITE_R},
        {"Gr", SISP_SITE_GR, SISP_SITE_GR},
        {"Gb", SISP_SITE_GB, SISP_SITE_GB},
        {"B", SISP_SITE_B, SISP_SITE_B},
    };
    unsigned known = 0;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        float level = -1;
        int r = value_optional(reader, node, keys[i].key, (struct range){0, CODES / 2}, &level);
        if (r)
            return r;
        for (unsigned site = keys[i].first; level >= 0 && site <= keys[i].last; site++) {
            reader->tuning->black_level[site] = (float)((double)level / CODES);
            known |= 1u << site;
        }
    }
    if (known == 0xf)
        reader->tuning->parts |= 1u << SISP_TUNING_BLACK;
    else if (known)
        return tree_refuse(
            &reader->tree, node, &reader->error, "has a black level for some colours only");
    return 0;
}

/* ---- white balance --------------------------------------------------------------------------- */

/* Three numbers a point: kelvin, red over green, blue over green. */
static int read_curve(struct reader *reader, uint32_t node)
{
    struct sisp_tuning *t = reader->tuning;
    float values[3 * SISP_TUNING_POINTS_MAX], kelvin[SISP_TUNING_POINTS_MAX];
    uint32_t count = reader->tree.nodes[node].count;
    int r = value_count(reader, node, 3, 3 * SISP_TUNING_POINTS_MAX);
    if (r == 0 && count % 3)
        r = tree_refuse(&reader->tree, node, &reader->error, "holds three numbers a point");
    if (r == 0)
        r = value_list(reader, node, (struct range){1.0 / 64, 50000}, values, count);
    for (uint32_t i = 0; r == 0 && i < count / 3; i++) {
        const float *v = &values[3 * i];
        if (!(v[0] >= 500) || !((double)v[1] <= any_ratio.max) || !((double)v[2] <= any_ratio.max))
            return tree_refuse(&reader->tree, node, &reader->error,
                "holds kelvin (500 to 50000), red over green and blue over green (to 64)");
        kelvin[i] = v[0];
        t->white[i] = (struct sisp_tuning_white){v[0], v[1], v[2]};
    }
    if (r == 0)
        r = check_rising(reader, node, kelvin, count / 3);
    if (r)
        return r;
    t->white_count = count / 3;
    t->parts |= 1u << SISP_TUNING_WHITE;
    return 0;
}

/* libcamera: a list of temperatures with gains of red and blue. */
static int read_gains(struct reader *reader, uint32_t node)
{
    struct sisp_tuning *t = reader->tuning;
    float kelvin[SISP_TUNING_POINTS_MAX], gains[2];
    int r = value_count(reader, node, 1, SISP_TUNING_POINTS_MAX);
    uint32_t count = 0;
    for (uint32_t i = reader->tree.nodes[node].first; r == 0 && i != TREE_NONE;
         i = reader->tree.nodes[i].next) {
        r = value_kelvin(reader, i, &kelvin[count]);
        uint32_t list = r ? TREE_NONE : value_entry(reader, i, "gains", TREE_LIST);
        if (list == TREE_NONE)
            return -EINVAL;
        r = value_list(reader, list, any_ratio, gains, 2);
        if (r == 0)
            t->white[count] = (struct sisp_tuning_white){kelvin[count], 1 / gains[0], 1 / gains[1]};
        count++;
    }
    if (r == 0)
        r = check_rising(reader, node, kelvin, count);
    if (r)
        return r;
    t->white_count = count;
    t->parts |= 1u << SISP_TUNING_WHITE;
    return 0;
}

static int read_prior_points(struct reader *reader, uint32_t node, struct sisp_tuning_prior *prior)
{
    static const struct range any = {-1000, 50000};
    float values[2 * SISP_TUNING_POINTS_MAX];
    uint32_t flat = tree_get(&reader->tree, node, "prior");
    int r;
    if (flat == TREE_NONE) { /* libcamera: two lists */
        uint32_t ct = value_entry(reader, node, "ct", TREE_LIST);
        uint32_t likely =
            ct == TREE_NONE ? ct : value_entry(reader, node, "probability", TREE_LIST);
        if (likely == TREE_NONE)
            return -EINVAL;
        flat = ct;
        prior->count = reader->tree.nodes[ct].count;
        r = value_count(reader, ct, 1, SISP_TUNING_POINTS_MAX);
        if (r == 0)
            r = value_list(reader, ct, any, prior->kelvin, prior->count);
        if (r == 0)
            r = value_list(reader, likely, any, prior->log_likelihood, prior->count);
    } else {
        prior->count = reader->tree.nodes[flat].count / 2;
        r = value_count(reader, flat, 2, 2 * SISP_TUNING_POINTS_MAX);
        if (r == 0)
            r = value_list(reader, flat, any, values, 2 * prior->count);
        for (uint32_t i = 0; r == 0 && i < prior->count; i++) {
            prior->kelvin[i] = values[2 * i];
            prior->log_likelihood[i] = values[2 * i + 1];
        }
    }
    return r ? r : check_rising(reader, flat, prior->kelvin, prior->count);
}

static int read_priors(struct reader *reader, uint32_t node)
{
    struct sisp_tuning *t = reader->tuning;
    float lux[SISP_TUNING_PRIORS_MAX];
    int r = value_count(reader, node, 1, SISP_TUNING_PRIORS_MAX);
    uint32_t count = 0;
    for (uint32_t i = reader->tree.nodes[node].first; r == 0 && i != TREE_NONE;
         i = reader->tree.nodes[i].next) {
        struct sisp_tuning_prior *prior = &t->priors[count];
        uint32_t at = value_entry(reader, i, "lux", TREE_SCALAR);
        if (at == TREE_NONE)
            return -EINVAL;
        r = value_number(reader, at, (struct range){0, 1e6}, &prior->lux);
        if (r == 0)
            r = read_prior_points(reader, i, prior);
        lux[count++] = prior->lux;
    }
    if (r == 0)
        r = check_rising(reader, node, lux, count);
    if (r)
        return r;
    t->prior_count = count;
    t->parts |= 1u << SISP_TUNING_PRIOR;
    return 0;
}

int section_white(struct reader *reader, uint32_t node)
{
    static const struct {
        const char *key;
        section_reader *read;
    } lists[] = {{"ct_curve", read_curve}, {"colourGains", read_gains}, {"priors", read_priors}};
    struct sisp_tuning *t = reader->tuning;
    float red = 1, blue = 1; /* sensitivity of this module over the one the curve is of */
    int r = value_optional(reader, node, "sensitivity_r", any_ratio, &red);
    if (r == 0)
        r = value_optional(reader, node, "sensitivity_b", any_ratio, &blue);
    for (unsigned i = 0; r == 0 && i < 3; i++) {
        uint32_t list = tree_get(&reader->tree, node, lists[i].key);
        if (list == TREE_NONE || tree_is_empty(&reader->tree, list))
            continue;
        list = value_entry(reader, node, lists[i].key, TREE_LIST);
        r = list == TREE_NONE ? -EINVAL : lists[i].read(reader, list);
    }
    for (uint32_t i = 0; r == 0 && i < t->white_count; i++) {
        t->white[i].red_over_green /= red;
        t->white[i].blue_over_green /= blue;
    }
    return r;
}

/* ---- colour, noise, tone, brightness ----------------------------------------------------------
 */

int section_colors(struct reader *reader, uint32_t node)
{
    struct sisp_tuning *t = reader->tuning;
    float kelvin[SISP_TUNING_COLORS_MAX];
    uint32_t list = value_entry(reader, node, "ccms", TREE_LIST), count = 0;
    if (list == TREE_NONE)
        return -EINVAL;
    int r = value_count(reader, list, 1, SISP_TUNING_COLORS_MAX);
    for (uint32_t i = reader->tree.nodes[list].first; r == 0 && i != TREE_NONE;
         i = reader->tree.nodes[i].next) {
        struct sisp_tuning_color *color = &t->colors[count];
        r = value_kelvin(reader, i, &color->kelvin);
        kelvin[count++] = color->kelvin;
        uint32_t matrix = r ? TREE_NONE : value_entry(reader, i, "ccm", TREE_LIST);
        if (matrix == TREE_NONE)
            return -EINVAL;
        r = value_list(reader, matrix, (struct range){-16, 16}, color->ccm, 9);
        for (int row = 0; r == 0 && row < 9; row += 3) {
            if (!(color->ccm[row] + color->ccm[row + 1] + color->ccm[row + 2] > 0.1f))
                r = tree_refuse(&reader->tree, matrix, &reader->error,
                    "has a row that makes no colour of white: it does not sum to about 1");
        }
    }
    if (r == 0)
        r = check_rising(reader, list, kelvin, count);
    if (r)
        return r;
    t->color_count = count;
    t->parts |= 1u << SISP_TUNING_COLOR;
    return 0;
}

/* Standard deviation = constant + slope * sqrt(level), both in 16-bit codes. Squared, without the
 * mixed term: shot noise is slope^2, read noise constant^2. */
int section_noise(struct reader *reader, uint32_t node)
{
    float constant = 0, slope = 0;
    int r =
        value_optional(reader, node, "reference_constant", (struct range){-1000, 1000}, &constant);
    if (r == 0)
        r = value_optional(reader, node, "reference_slope", (struct range){0, 200}, &slope);
    if (r || slope <= 0)
        return r;
    if (constant > 0)
        reader->tuning->noise_read = (float)((double)constant * (double)constant / WHITE / WHITE);
    reader->tuning->noise_shot = (float)((double)slope * (double)slope / WHITE);
    reader->tuning->parts |= 1u << SISP_TUNING_NOISE;
    return 0;
}

int section_tone(struct reader *reader, uint32_t node)
{
    struct sisp_tuning *t = reader->tuning;
    float values[2 * SISP_TUNING_POINTS_MAX];
    uint32_t list = value_entry(reader, node, "gamma_curve", TREE_LIST);
    if (list == TREE_NONE)
        return -EINVAL;
    uint32_t count = reader->tree.nodes[list].count / 2;
    int r = value_count(reader, list, 4, 2 * SISP_TUNING_POINTS_MAX);
    if (r == 0)
        r = value_list(reader, list, any_code, values, 2 * count);
    for (uint32_t i = 0; r == 0 && i < count; i++) {
        t->tone_x[i] = (float)((double)values[2 * i] / WHITE);
        t->tone_y[i] = (float)((double)values[2 * i + 1] / WHITE);
        if (i && t->tone_y[i] < t->tone_y[i - 1])
            r = tree_refuse(&reader->tree, list, &reader->error, "falls: more light is darker");
    }
    if (r == 0)
        r = check_rising(reader, list, t->tone_x, count);
    if (r)
        return r;
    t->tone_count = count;
    t->parts |= 1u << SISP_TUNING_TONE;
    return 0;
}

int section_lux(struct reader *reader, uint32_t node)
{
    struct sisp_tuning_lux *lux = &reader->tuning->lux;
    const struct {
        const char *key, *other; /* Raspberry Pi's, libcamera's */
        float *value;
        double max;
    } keys[] = {
        {"reference_shutter_speed", "referenceExposureTime", &lux->exposure_us, 1e9},
        {"reference_gain", "referenceAnalogueGain", &lux->gain, 1e9},
        {"reference_aperture", "referenceAperture", &lux->aperture, 1e9},
        {"reference_lux", "referenceLux", &lux->lux, 1e9},
        {"reference_Y", "referenceY", &lux->luma, WHITE},
    };
    lux->aperture = 1;
    for (unsigned i = 0; i < 5; i++) {
        const struct range range = {1e-3, keys[i].max};
        int r = value_optional(reader, node, keys[i].key, range, keys[i].value);
        if (r == 0)
            r = value_optional(reader, node, keys[i].other, range, keys[i].value);
        if (r)
            return r;
        if (*keys[i].value <= 0) {
            char what[64];
            snprintf(what, sizeof(what), "lacks '%s'", keys[i].key);
            return tree_refuse(&reader->tree, node, &reader->error, what);
        }
    }
    lux->luma = (float)((double)lux->luma / WHITE);
    reader->tuning->parts |= 1u << SISP_TUNING_LUX;
    return 0;
}
