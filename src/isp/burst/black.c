/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Black level from frames of one scene that were exposed unlike. Of levels x and y of the same
 * place y - black = ratio (x - black), whatever the ratio: the line through them meets x = y at
 * black. The line is that through the means of the darker and of the brighter half (A. Wald, "The
 * fitting of straight lines if both variables are subject to error", Annals of Mathematical
 * Statistics 1940), which noise in both does not bend. How far the answer moves when one of 16
 * parts of the picture is left out tells how sure it is, of what moved or changed as well as of
 * noise (J. W. Tukey's jackknife).
 */
#include <isp/burst/clues.h>

#define RATIO_LEAST 1.3 /* of two exposures */
#define PAIRS_LEAST 64  /* of levels in a half, when a part is left out */
#define ROUNDS      2
#define OUTLIER     9.0  /* squares over their mean: what moved */
#define FREE        1e-3 /* codes, squared: of frames without any noise */

struct half {
    double count, x, y;
};

struct line {
    double ratio, first; /* y = ratio * x + first */
};

static bool line_of(const struct half *dark, const struct half *bright, struct line *out)
{
    if (dark->count < PAIRS_LEAST || bright->count < PAIRS_LEAST)
        return false;
    const double x = dark->x / dark->count, y = dark->y / dark->count;
    const double far_x = bright->x / bright->count, far_y = bright->y / bright->count;
    if (!(far_x > x && far_y > y))
        return false;
    out->ratio = (far_y - y) / (far_x - x);
    out->first = y - out->ratio * x;
    return out->ratio > RATIO_LEAST || out->ratio < 1 / RATIO_LEAST;
}

struct halves {
    struct half all[2], parts[CLUE_PARTS * CLUE_PARTS][2]; /* darker, brighter */
};

static double distance(const struct line *line, const struct level_pair *p)
{
    const double off = (double)p->y - line->ratio * (double)p->x - line->first;
    return off * off / (1 + line->ratio * line->ratio);
}

/* What lies far off the line of the round before is left out. */
static void split(const struct clue_scratch *s, const struct line *line, struct halves *out)
{
    double middle = 0, square = 0;
    *out = (struct halves){0};
    for (uint32_t i = 0; i < s->count; i++) {
        middle += ((double)s->pairs[i].x + (double)s->pairs[i].y) / s->count;
        square += line ? distance(line, &s->pairs[i]) / s->count : 0;
    }
    for (uint32_t i = 0; i < s->count; i++) {
        const struct level_pair *p = &s->pairs[i];
        if (line && distance(line, p) > OUTLIER * square)
            continue;
        const unsigned k = (double)p->x + (double)p->y > middle;
        struct half *halves[] = {&out->all[k], &out->parts[p->part][k]};
        for (unsigned h = 0; h < 2; h++) {
            halves[h]->count++;
            halves[h]->x += (double)p->x;
            halves[h]->y += (double)p->y;
        }
    }
}

static struct half without(const struct half *a, const struct half *b)
{
    return (struct half){a->count - b->count, a->x - b->x, a->y - b->y};
}

bool isp_clue_black(const struct clue_scratch *s, struct isp_burst_clue *out)
{
    static const double count = CLUE_PARTS * CLUE_PARTS;
    struct halves halves;
    struct line line, part;
    double sum = 0, squares = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        split(s, round ? &line : NULL, &halves);
        if (!line_of(&halves.all[0], &halves.all[1], &line))
            return false;
    }
    const double offset = line.first / (1 - line.ratio);
    for (unsigned i = 0; i < CLUE_PARTS * CLUE_PARTS; i++) {
        const struct half dark = without(&halves.all[0], &halves.parts[i][0]);
        const struct half bright = without(&halves.all[1], &halves.parts[i][1]);
        if (!line_of(&dark, &bright, &part))
            return false;
        const double other = part.first / (1 - part.ratio) - offset;
        sum += other;
        squares += other * other;
    }
    const double variance = (squares / count - sum * sum / (count * count)) * (count - 1);
    out->black = (float)offset;
    out->black_error = (float)__builtin_sqrt(variance + FREE);
    out->gain = (float)(1 / line.ratio);
    return true;
}
