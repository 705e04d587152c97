/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way back from equalised levels. A mean of such levels is not the level of the mean: the curve
 * bends, and a sensor cuts noise off at its lowest and highest codes. So the table holds what light
 * has such a mean: by the noise model, the noise cut off where the sensor cuts it.
 */
#include <isp/denoise/denoise.h>
#include <isp/still/cut.h>

#include <stdbool.h>

/* Of the noise cut off: mean of samples, and of their equalised levels. */
struct means {
    double light, level;
};

struct curve {
    struct cut_noise noise;
    double root;
};

static double equalise(const struct curve *c, double x)
{
    const double square = c->noise.shot * x + c->root * c->root;
    return 2 * x / (__builtin_sqrt(square > 0 ? square : 0) + c->root);
}

/* The light of an equalised level. */
static double light_of(const struct curve *c, double level)
{
    return level * (c->noise.shot * level * 0.25 + c->root);
}

static struct means means_of(const struct curve *c, double light)
{
    struct cut_node nodes[CUT_NODES];
    struct means sum = {0, 0};
    cut_nodes(&c->noise, light, nodes);
    for (unsigned k = 0; k < CUT_NODES; k++) {
        sum.light += nodes[k].weight * nodes[k].light;
        sum.level += nodes[k].weight * equalise(c, nodes[k].light);
    }
    return sum;
}

/* One of the two curves: level k of the table by the light that has it. */
struct walk {
    double light, level;           /* of the last point */
    double light_next, level_next; /* of the one ahead */
    double at;                     /* light of the next one */
};

static double level_of(const struct curve *c, double light, bool is_single)
{
    const struct means m = means_of(c, light);
    return is_single ? m.level : equalise(c, m.light);
}

/* The light that has this level: walks on, since levels come in order. */
static double find_light(
    const struct curve *c, struct walk *w, double level, double step, bool is_single)
{
    while (w->level_next < level && w->light_next < 2) {
        w->light = w->light_next;
        w->level = w->level_next;
        w->at += step;
        w->light_next = light_of(c, w->at);
        w->level_next = level_of(c, w->light_next, is_single);
    }
    const double rise = w->level_next - w->level;
    double part = rise > 0 ? (level - w->level) / rise : 0;
    part = part < 0 ? 0 : part > 1 ? 1 : part;
    return w->light + (w->light_next - w->light) * part;
}

static struct walk walk_begin(const struct curve *c, double light, bool is_single)
{
    const double level = level_of(c, light, is_single);
    return (struct walk){light, level, light, level, equalise(c, light)};
}

void isp_denoise_levels(struct isp_denoise_recipe *recipe, const struct isp_denoise_noise *noise)
{
    const double shot = (double)noise->shot, read = (double)noise->read;
    const struct curve c = {
        {shot, read, (double)noise->lowest}, __builtin_sqrt(read + 0.375 * shot * shot)};
    /* Light below black is noise: one sigma of it is kept, so that a mean of blacks stays black. */
    const double darkest = -__builtin_sqrt(read);
    const double first = equalise(&c, darkest), last = equalise(&c, 1);
    const double step = (last - first) / (LEVELS - 1);
    struct walk many = walk_begin(&c, darkest, false), one = walk_begin(&c, darkest, true);
    recipe->shot = noise->shot;
    recipe->root = (float)c.root;
    recipe->square = recipe->root * recipe->root;
    recipe->first = (float)first;
    recipe->per_level = (float)(1 / step);
    for (unsigned k = 0; k < LEVELS; k++) {
        const double level = first + step * k;
        const double light = find_light(&c, &many, level, step, false);
        recipe->levels[k].light = (float)light;
        recipe->levels[k].bias = (float)(find_light(&c, &one, level, step, true) - light);
    }
    for (unsigned k = 0; k < LEVELS; k++) {
        struct denoise_level *l = &recipe->levels[k], *next = k + 1 < LEVELS ? l + 1 : l;
        l->light_step = next->light - l->light;
        l->bias_step = next->bias - l->bias;
    }
}
