/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tuning/check.h"

#include <stddef.h>

static bool within(const float *values, size_t count, double min, double max)
{
    for (size_t i = 0; i < count; i++) {
        if (!((double)values[i] >= min && (double)values[i] <= max))
            return false;
    }
    return true;
}

static bool has(const struct sisp_tuning *t, enum sisp_tuning_part part)
{
    return t->parts >> part & 1;
}

static bool is_count(uint32_t count, uint32_t max)
{
    return count >= 1 && count <= max;
}

static bool is_rising(const float *values, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        if (!(values[i] > values[i - 1]))
            return false;
    }
    return true;
}

static bool is_white_sound(const struct sisp_tuning *t)
{
    if (!is_count(t->white_count, SISP_TUNING_POINTS_MAX))
        return false;
    for (uint32_t i = 0; i < t->white_count; i++) {
        const struct sisp_tuning_white *w = &t->white[i];
        const float ratios[] = {w->red_over_green, w->blue_over_green};
        if (!within(&w->kelvin, 1, 500, 50000) || !within(ratios, 2, 1e-4, 1e4) ||
            (i && !(w->kelvin > w[-1].kelvin)))
            return false;
    }
    return true;
}

static bool is_prior_sound(const struct sisp_tuning *t)
{
    if (!is_count(t->prior_count, SISP_TUNING_PRIORS_MAX))
        return false;
    for (uint32_t i = 0; i < t->prior_count; i++) {
        const struct sisp_tuning_prior *p = &t->priors[i];
        if (!is_count(p->count, SISP_TUNING_POINTS_MAX) || !within(&p->lux, 1, 0, 1e6) ||
            !within(p->kelvin, p->count, -1000, 50000) ||
            !within(p->log_likelihood, p->count, -1000, 50000) || !is_rising(p->kelvin, p->count) ||
            (i && !(p->lux > p[-1].lux)))
            return false;
    }
    return true;
}

static bool is_shading_sound(const struct sisp_tuning_shading *s)
{
    if (s->cols < 2 || s->cols > SISP_LSC_KNOTS_MAX || s->rows < 2 || s->rows > SISP_LSC_KNOTS_MAX)
        return false;
    size_t knots = (size_t)s->cols * s->rows;
    if (!is_count(s->count, SISP_TUNING_TABLES_MAX) || !within(&s->strength, 1, 0, 1) ||
        !within(s->luminance, knots, 1.0 / 16, 16))
        return false;
    for (uint32_t i = 0; i < s->count; i++) {
        if (!within(&s->tables[i].kelvin, 1, 500, 50000) ||
            !within(s->tables[i].red, knots, 1e-3, 1e3) ||
            !within(s->tables[i].blue, knots, 1e-3, 1e3) ||
            (i && !(s->tables[i].kelvin > s->tables[i - 1].kelvin)))
            return false;
    }
    return true;
}

static bool are_colors_sound(const struct sisp_tuning *t)
{
    if (!is_count(t->color_count, SISP_TUNING_COLORS_MAX))
        return false;
    for (uint32_t i = 0; i < t->color_count; i++) {
        const struct sisp_tuning_color *c = &t->colors[i];
        if (!within(&c->kelvin, 1, 500, 50000) || !within(c->ccm, 9, -16, 16) ||
            (i && !(c->kelvin > c[-1].kelvin)))
            return false;
    }
    return true;
}

static bool is_tone_sound(const struct sisp_tuning *t)
{
    if (t->tone_count < 2 || t->tone_count > SISP_TUNING_POINTS_MAX ||
        !within(t->tone_x, t->tone_count, 0, 1) || !within(t->tone_y, t->tone_count, 0, 1) ||
        !is_rising(t->tone_x, t->tone_count))
        return false;
    for (uint32_t i = 1; i < t->tone_count; i++) {
        if (t->tone_y[i] < t->tone_y[i - 1])
            return false;
    }
    return true;
}

static bool is_profile_sound(const struct sisp_tuning *t)
{
    const struct sisp_color_profile *p = &t->profile;
    return is_count(p->count, 2) && p->has_forward <= 1 && within(p->cct_kelvin, 2, 0, 50000) &&
           within(p->color_matrix[0], 9, -1000, 1000) &&
           within(p->color_matrix[1], 9, -1000, 1000) &&
           within(p->forward_matrix[0], 9, -1000, 1000) &&
           within(p->forward_matrix[1], 9, -1000, 1000) && within(&t->exposure_ev, 1, -16, 16);
}

static bool is_metering_sound(const struct sisp_tuning *t)
{
    const size_t count = SISP_TUNING_METERING_SIDE * SISP_TUNING_METERING_SIDE;
    return within(t->metering[0], SISP_TUNING_METERING_MODES * count, 0, 65535);
}

bool tuning_is_sound(const struct sisp_tuning *t)
{
    const float noise[] = {t->noise_shot, t->noise_read};
    const float lux[] = {t->lux.exposure_us, t->lux.gain, t->lux.aperture, t->lux.lux};
    return t->parts < 1u << SISP_TUNING_PART_COUNT &&
           (!has(t, SISP_TUNING_BLACK) || within(t->black_level, SISP_SITE_COUNT, 0, 0.5)) &&
           (!has(t, SISP_TUNING_WHITE) || is_white_sound(t)) &&
           (!has(t, SISP_TUNING_PRIOR) || is_prior_sound(t)) &&
           (!has(t, SISP_TUNING_SHADING) || is_shading_sound(&t->shading)) &&
           (!has(t, SISP_TUNING_COLOR) || are_colors_sound(t)) &&
           (!has(t, SISP_TUNING_NOISE) || within(noise, 2, 0, 1)) &&
           (!has(t, SISP_TUNING_TONE) || is_tone_sound(t)) &&
           (!has(t, SISP_TUNING_LUX) ||
               (within(lux, 4, 1e-4, 1e10) && within(&t->lux.luma, 1, 1e-9, 1))) &&
           (!has(t, SISP_TUNING_PROFILE) || is_profile_sound(t)) &&
           (!has(t, SISP_TUNING_METERING) || is_metering_sound(t));
}
