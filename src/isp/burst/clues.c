/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Black level and lens shading refined from a burst: by frames exposed unlike (black.c), and by
 * frames that lie apart (shading.c). */
#include <isp/burst/clues.h>

#include <base/base.h>

#define SIDE           16           /* samples of a window */
#define UNLIKE         1.3          /* of two exposures: they tell of black, */
#define ALIKE          1.1          /* else of shading */
#define SIGMAS         3            /* by which black must differ from what is stated, */
#define FALLOFF_SIGMAS 4            /* and shading: motion and depth are in its scatter alone */
#define BLACK_MOST     (1.0 / 1024) /* of the range: an error beyond which black is not known */
#define FALLOFF_MOST   0.1          /* of the fall-off: likewise */
#define FALLOFF_ALL    2.0          /* no lens has more in the corners: three stops */
#define FRAMES_LEAST   3            /* that agree on shading */

size_t isp_burst_refine_scratch_size(void)
{
    return sizeof(struct clue_scratch);
}

/* ---- levels ---------------------------------------------------------------------------------- */

struct look {
    const struct isp_burst *burst;
    struct burst_frame frame;
    const uint8_t *other;
    int32_t dx, dy;
};

/* Sums of a window's four planes; false where anything is clipped. */
static bool add_window(
    const struct look *l, struct clue_scratch *s, const uint32_t at[2], float sums[2][4])
{
    const float white = l->burst->coefficients->white_level;
    for (uint32_t row = 0; row < SIDE; row++) {
        const uint16_t *a = isp_burst_part(&l->frame, l->burst->raws[l->burst->reference],
            (struct burst_part){at[0], at[1] + row, SIDE}, s->words[0]);
        const uint16_t *b = isp_burst_part(&l->frame, l->other,
            (struct burst_part){(uint32_t)((int32_t)at[0] - l->dx),
                (uint32_t)((int32_t)(at[1] + row) - l->dy), SIDE},
            s->words[1]);
        for (uint32_t x = 0; x < SIDE; x++) {
            const uint32_t plane = (row & 1) * 2 + (x & 1);
            if ((float)a[x] >= white || (float)b[x] >= white || !a[x] || !b[x])
                return false;
            sums[0][plane] += (float)a[x];
            sums[1][plane] += (float)b[x];
        }
    }
    return true;
}

static void look_at(const struct look *l, struct clue_scratch *s)
{
    const struct sisp_coefficients *c = l->burst->coefficients;
    const int32_t width = (int32_t)l->frame.geometry->crop.width,
                  height = (int32_t)l->frame.geometry->crop.height;
    uint32_t step = SIDE, at[2];
    while ((uint64_t)width * (uint64_t)height > (uint64_t)CLUE_WINDOWS_MAX * step * step)
        step += 2;
    s->count = 0;
    for (at[1] = 0; (int32_t)at[1] + SIDE <= height; at[1] += step) {
        for (at[0] = 0; (int32_t)at[0] + SIDE <= width; at[0] += step) {
            const int32_t x = (int32_t)at[0] - l->dx, y = (int32_t)at[1] - l->dy;
            float sums[2][4] = {{0}};
            if (x < 0 || y < 0 || x + SIDE > width || y + SIDE > height ||
                !add_window(l, s, at, sums))
                continue;
            for (uint32_t i = 0; i < 4; i++) {
                const uint32_t site = unpack_site(l->frame.cfa, i & 1, i >> 1);
                const float black = c->black_level[site];
                const float share = 4.0F / (SIDE * SIDE);
                s->pairs[s->count++] = (struct level_pair){.x = sums[0][i] * share - black,
                    .y = sums[1][i] * share - black,
                    .part = at[1] * CLUE_PARTS / (uint32_t)height * CLUE_PARTS +
                            at[0] * CLUE_PARTS / (uint32_t)width,
                    .at_x = (int16_t)((int32_t)at[0] + SIDE / 2 - width / 2),
                    .at_y = (int16_t)((int32_t)at[1] + SIDE / 2 - height / 2),
                    .site = site};
            }
        }
    }
}

/* ---- one frame ------------------------------------------------------------------------------- */

void isp_burst_refine_frame(
    const struct isp_burst *burst, struct isp_burst_transform *t, uint32_t frame, void *scratch)
{
    struct isp_burst_clue *clue = &t->clues[frame];
    const struct look look = {burst, isp_burst_frame_of(burst->geometry, burst->isa),
        burst->raws[frame], t->dx[frame], t->dy[frame]};
    const float gain = t->gain[frame];
    const int32_t shift[2] = {t->dx[frame], t->dy[frame]};
    if (frame == t->reference || (t->copies >> frame & 1))
        return;
    look_at(&look, scratch);
    if (gain > (float)UNLIKE || gain < (float)(1 / UNLIKE))
        isp_clue_black(scratch, clue);
    else if (gain < (float)ALIKE && gain > (float)(1 / ALIKE))
        isp_clue_shading(burst, shift, scratch, clue);
}

/* ---- all of them ----------------------------------------------------------------------------- */

struct answer {
    double value, error, count;
};

/* Weighed by their errors; what they scatter by more is theirs, too. */
static void add_answer(double sums[4], float value, float error)
{
    if (!(error > 0))
        return;
    const double weight = 1 / ((double)error * (double)error);
    sums[0] += weight;
    sums[1] += weight * (double)value;
    sums[2] += weight * (double)value * (double)value;
    sums[3]++;
}

static struct answer answer_of(const double sums[4])
{
    if (!(sums[0] > 0))
        return (struct answer){0};
    const double mean = sums[1] / sums[0], count = sums[3];
    const double scatter = sums[2] - mean * sums[1];
    const double share = count > 1 && scatter > count - 1 ? scatter / (count - 1) : 1;
    return (struct answer){mean, __builtin_sqrt(share / sums[0]), count};
}

static bool differs(const struct answer *a, double sigmas)
{
    return a->count > 0 && a->value * a->value > sigmas * sigmas * a->error * a->error;
}

static bool refine_black(
    const struct answer *a, struct isp_burst_transform *t, struct sisp_coefficients *c)
{
    bool ok = differs(a, SIGMAS);
    for (int i = 0; i < SISP_SITE_COUNT; i++) {
        const double black = (double)c->black_level[i], white = (double)c->white_level;
        ok = ok && a->error < BLACK_MOST * (white - black) && black + a->value >= 0 &&
             black + a->value < white / 2;
    }
    if (!ok)
        return false;
    for (int i = 0; i < SISP_SITE_COUNT; i++)
        c->black_level[i] += (float)a->value;
    for (uint32_t i = 0; i < ISP_BURST_MAX; i++) {
        if (!(t->clues[i].gain > 0))
            continue;
        t->noise[i] *= t->clues[i].gain / t->gain[i];
        t->gain[i] = t->clues[i].gain;
    }
    return true;
}

uint32_t isp_burst_refine(const struct isp_burst *burst, struct isp_burst_transform *t,
    uint32_t wanted, struct sisp_coefficients *c)
{
    double black[4] = {0}, shading[4] = {0};
    uint32_t done = 0;
    for (uint32_t i = 0; i < burst->count; i++) {
        add_answer(black, t->clues[i].black, t->clues[i].black_error);
        add_answer(shading, t->clues[i].falloff, t->clues[i].falloff_error);
    }
    struct answer level = answer_of(black), falloff = answer_of(shading);
    level.error *= __builtin_sqrt(level.count); /* all share the reference: more are not surer */
    t->black_offset = (float)level.value;
    t->black_error = (float)level.error;
    t->falloff = (float)falloff.value;
    t->falloff_error = (float)falloff.error;
    if (wanted & ISP_REFINE_BLACK && refine_black(&level, t, c))
        done |= ISP_REFINE_BLACK;
    if (wanted & ISP_REFINE_SHADING && differs(&falloff, FALLOFF_SIGMAS) &&
        falloff.count >= FRAMES_LEAST && falloff.error < FALLOFF_MOST &&
        falloff.value * falloff.value < FALLOFF_ALL * FALLOFF_ALL) {
        isp_shading_add(&c->lsc, burst->geometry, falloff.value);
        done |= ISP_REFINE_SHADING;
    }
    return done;
}
