/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Black level learned from pictures, where nothing else tells it.
 *
 * What is as dark as black is not known from one picture: the darkest parts of most lie 1 to 2 % of
 * white above it. So they are an upper bound, and a guess by what is usual. But when light or
 * exposure change, all levels of a picture move away from black in proportion: y = a x + (1 - a)
 * black, whatever `a` is, so the line through the levels of two frames tells it, and how well they
 * lie on it tells how surely. The estimate joins all of that by its errors. In steady
 * light the line between frames a second apart shows black itself move. */
#include "isp/auto/auto.h"

#include <string.h>

/* What the darkest hundredth of a picture is above black, as a share of its mean: 0.1 to 0.2. */
#define DARK_OF_MEAN 0.1

/* As shares of the largest code: black is no higher; a picture says something if it is that wide;
 * half of a pair of frames lies that far above the other half, in the wider and the narrower one.
 */
#define BLACK_MOST  0.1
#define WIDTH_LEAST 0.05
#define PAIR_WIDE   (1.0 / 64)
#define PAIR_NARROW (1.0 / 512)

#define RATIO_LEAST  1.18 /* of a pair of frames */
#define CLIPPED      0.5  /* of white: samples of brighter blocks may be cut off */
#define BLOCKS_LEAST 24   /* in each half of a pair */

/* The error of an estimate, as shares of the largest code: what a stated level that is asked to be
 * learned may be off; what time adds up to, as the sensor warms up, and in a frame; the least. */
#define ERROR_STATED  (1.0 / 64)
#define ERROR_GROWN   (1.0 / 256)
#define ERROR_A_FRAME (1.0 / 131072)
#define ERROR_LEAST   (1.0 / 4096)
#define ERROR_HALF    (1.0 / 256) /* of which confidence is 0.5 */

/* Frames between which a drift is looked for in steady light; what is usual, and most, in that
 * time.
 */
#define DRIFT_FRAMES 32
#define DRIFT_USUAL  (1.0 / 2048)
#define DRIFT_MOST   (1.0 / 256)

struct estimate {
    double level, error;
};

/* ---- the darkest parts ----------------------------------------------------------------------- */

#define DARKEST (ISP_BLACK_BLOCKS / 96)

struct darkness {
    double lowest, mean;
};

static struct darkness darkness_of(const float *blocks)
{
    float lowest[DARKEST];
    struct darkness found = {0, 0};
    for (int i = 0; i < ISP_BLACK_BLOCKS; i++) {
        float value = blocks[i];
        for (int k = 0; k < DARKEST; k++) {
            if (i > k && !(value < lowest[k]))
                continue;
            const float other = lowest[k];
            lowest[k] = value;
            if (i <= k)
                break;
            value = other;
        }
        found.mean += (double)blocks[i] / ISP_BLACK_BLOCKS;
    }
    for (int k = 0; k < DARKEST; k++)
        found.lowest += (double)lowest[k] / DARKEST;
    return found;
}

/* False where the picture is too bright or too flat to say anything. */
static bool guess(const struct darkness *dark, double full, struct estimate *out)
{
    const double width = dark->mean - dark->lowest;
    out->level = dark->lowest - DARK_OF_MEAN / (1 - DARK_OF_MEAN) * width;
    out->error = DARK_OF_MEAN * width;
    return width > WIDTH_LEAST * full && out->level > 0 && out->level < BLACK_MOST * full;
}

/* ---- two frames ------------------------------------------------------------------------------ */

/* A half of the blocks: those that are darker, or brighter, than all are in the mean. */
struct half {
    double count, x, y, rest; /* means; mean square of what is off the line */
};

struct pair {
    const float *x, *y; /* blocks of both frames */
    double clipped, middle;
    struct half dark, bright;
};

/* The half that a block belongs to; NULL: it is clipped. */
static struct half *half_of(struct pair *p, int i)
{
    if (!((double)p->x[i] < p->clipped && (double)p->y[i] < p->clipped))
        return NULL;
    return (double)p->x[i] + (double)p->y[i] < p->middle ? &p->dark : &p->bright;
}

static void split(struct pair *p)
{
    double sum = 0, count = 0;
    for (int i = 0; i < ISP_BLACK_BLOCKS; i++) {
        if (!half_of(p, i))
            continue;
        sum += (double)p->x[i] + (double)p->y[i];
        count++;
    }
    p->middle = count > 0 ? sum / count : 0;
    for (int i = 0; i < ISP_BLACK_BLOCKS; i++) {
        struct half *half = half_of(p, i);
        if (!half)
            continue;
        half->count++;
        half->x += ((double)p->x[i] - half->x) / half->count;
        half->y += ((double)p->y[i] - half->y) / half->count;
    }
}

static void measure_rest(struct pair *p, double slope)
{
    for (int i = 0; i < ISP_BLACK_BLOCKS; i++) {
        struct half *half = half_of(p, i);
        if (!half)
            continue;
        double off = (double)p->y[i] - half->y - slope * ((double)p->x[i] - half->x);
        half->rest += off * off / half->count;
    }
}

/* y = dark_y + slope (x - dark_x), with the variances of the halves' means. */
struct line {
    double slope, dark_x, dark_y, across, dark, bright;
    bool is_steady; /* else one frame is clearly brighter than the other */
};

/* Through the means of both halves: Wald, The fitting of straight lines if both variables are
 * subject to error, 1940. False where they are too few or too near each other. */
static bool fit(const float *x, const float *y, const double limits[2], struct line *line)
{
    const double full = limits[0];
    struct pair p = {.x = x, .y = y, .clipped = CLIPPED * limits[1]};
    split(&p);
    const double across = p.bright.x - p.dark.x, up = p.bright.y - p.dark.y;
    const double wide = across > up ? across : up, narrow = across > up ? up : across;
    if (p.dark.count < BLOCKS_LEAST || p.bright.count < BLOCKS_LEAST ||
        !(narrow > PAIR_NARROW * full) || !(wide > PAIR_WIDE * full))
        return false;
    *line = (struct line){.slope = up / across, .dark_x = p.dark.x, .dark_y = p.dark.y};
    measure_rest(&p, line->slope);
    line->across = across;
    line->dark = p.dark.rest / p.dark.count;
    line->bright = p.bright.rest / p.bright.count;
    line->is_steady = !(wide > RATIO_LEAST * narrow);
    return true;
}

/* One sigma of y where x is that. */
static double error_at(const struct line *line, double x)
{
    const double reach = (line->dark_x - x) / line->across;
    return __builtin_sqrt(line->dark) + __builtin_sqrt(reach * reach * (line->dark + line->bright));
}

/* The line meets y = x at black. False where it does not tell. */
static bool compare(const float *x, const float *y, const double limits[2], struct estimate *out)
{
    struct line line;
    if (!fit(x, y, limits, &line) || line.is_steady)
        return false;
    out->level = (line.dark_y - line.slope * line.dark_x) / (1 - line.slope);
    out->error = error_at(&line, out->level) / __builtin_fabs(1 - line.slope);
    return out->level > 0 && out->level < BLACK_MOST * limits[0];
}

/* In steady light black itself has moved from where it was known: by what `x` lies off there. The
 * less sure it is, the less of it is taken. */
static void follow_drift(
    const float *x, const float *y, const double limits[2], struct estimate *known)
{
    struct line line;
    if (!fit(x, y, limits, &line) || !line.is_steady)
        return;
    const double usual = DRIFT_USUAL * limits[0], level = known->level;
    const double drift = line.dark_y + line.slope * (level - line.dark_x) - level;
    const double error = error_at(&line, level) + __builtin_fabs(1 - line.slope) * known->error;
    if (isp_within(drift, -DRIFT_MOST * limits[0], DRIFT_MOST * limits[0]))
        known->level = level + drift * usual * usual / (usual * usual + error * error);
}

/* ---- what is known --------------------------------------------------------------------------- */

/* Two measurements of one thing, by their errors. */
static struct estimate join(const struct estimate *a, const struct estimate *b)
{
    const double va = a->error * a->error, vb = b->error * b->error;
    return (struct estimate){
        (a->level * vb + b->level * va) / (va + vb), __builtin_sqrt(va * vb / (va + vb))};
}

static double mean_of(const float levels[SISP_SITE_COUNT])
{
    double sum = 0;
    for (int i = 0; i < SISP_SITE_COUNT; i++)
        sum += (double)levels[i];
    return sum / SISP_SITE_COUNT;
}

/* A guess does not become better by being made again: one guess gives way to a lower one alone, and
 * what is stated or was measured to none. */
static bool is_better_guess(const struct estimate *known, const struct estimate *guessed,
    const struct sisp_coefficients *stated, double full)
{
    const bool is_guess =
        stated->black_source == SISP_SOURCE_NEUTRAL && known->error > ERROR_GROWN * full;
    return known->error == 0 || (is_guess && guessed->level < known->level);
}

/* Whether this frame said anything. */
static bool look(const struct isp_auto_input *input, const struct isp_auto_state *previous,
    const struct sisp_coefficients *stated, double full, struct estimate *known)
{
    const struct isp_black_sample *sample = input->black;
    const double limits[2] = {full, (double)input->info->white_level};
    const struct darkness dark = darkness_of(sample->blocks);
    const bool was_learned = previous->black_mode == SISP_BLACK_LEARNED;
    const double ceiling = dark.lowest + 3 * (double)sample->error;
    struct estimate found;
    bool is_found = false;
    if (was_learned && known->error > 0 && previous->black_age + 1 == DRIFT_FRAMES)
        follow_drift(previous->black_reference, sample->blocks, limits, known);
    if (was_learned && compare(previous->black_blocks, sample->blocks, limits, &found)) {
        *known = known->error > 0 ? join(known, &found) : found;
        is_found = true;
    }
    if (guess(&dark, full, &found) && is_better_guess(known, &found, stated, full)) {
        *known = found;
        is_found = true;
    }
    if (known->error > 0 && known->level > ceiling) {
        known->level = ceiling;
        is_found = true;
    }
    return is_found;
}

void isp_black_learn(const struct isp_auto_input *input, const struct isp_auto_state *previous,
    struct isp_auto_state *next, const struct sisp_coefficients *stated, double full)
{
    const bool was_learned = previous->black_mode == SISP_BLACK_LEARNED;
    const float *base = was_learned ? previous->black_level : stated->black_level;
    struct estimate known = {mean_of(base), 0};
    if (was_learned)
        known.error = (double)previous->black_error;
    else if (stated->black_source != SISP_SOURCE_NEUTRAL)
        known.error = ERROR_STATED * full;
    if (known.error > 0 && known.error < ERROR_GROWN * full)
        known.error += ERROR_A_FRAME * full;
    bool is_measured = was_learned && previous->black_confidence > 0;
    is_measured |= look(input, previous, stated, full, &known);
    if (known.error > 0 && known.error < ERROR_LEAST * full)
        known.error = ERROR_LEAST * full;
    /* One scene tells nothing of how the sites differ: that stays as it is stated. */
    const double shift = known.level - mean_of(base);
    for (int i = 0; i < SISP_SITE_COUNT; i++)
        next->black_level[i] = (float)isp_clamp((double)base[i] + shift, 0, full - 1);
    next->black_mode = SISP_BLACK_LEARNED;
    next->black_error = (float)known.error;
    next->black_confidence = is_measured ? (float)(1 / (1 + known.error / (ERROR_HALF * full))) : 0;
    memcpy(next->black_blocks, input->black->blocks, sizeof(next->black_blocks));
    next->black_age = was_learned ? (previous->black_age + 1) % DRIFT_FRAMES : 0;
    memcpy(next->black_reference,
        next->black_age ? previous->black_reference : input->black->blocks,
        sizeof(next->black_reference));
}
