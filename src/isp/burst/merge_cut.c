/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Merge: what the sensor cut off of the noise at its lowest code. It makes means of dark samples
 * too bright, by up to 0.4 sigma, however many frames there are, so each sample is moved by as much
 * as the mean around it is off.
 */
#include <isp/burst/merge_job.h>
#include <isp/still/cut.h>

#define CLEAR  3.0 /* sigmas above the lowest code: nothing is cut off there */
#define ROUNDS 8   /* each leaves half of the error at most */

/* Of all frames together, by what they weigh. Light that is brought to the reference's brightness
 * brings its read noise along. */
static double mean_of(const struct merge *m, const struct cut_noise *reference, double light)
{
    double sum = 0, all = 0;
    for (uint32_t i = 0; i < m->burst->count; i++) {
        if (!(m->transform->used >> i & 1))
            continue;
        const double gain = (double)m->transform->gain[i], more = (double)m->transform->noise[i];
        const struct cut_noise noise = {
            reference->shot * more, reference->read * more * more, reference->lowest * gain};
        struct cut_node nodes[CUT_NODES];
        double mean = 0;
        cut_nodes(&noise, light, nodes);
        for (unsigned k = 0; k < CUT_NODES; k++)
            mean += nodes[k].weight * nodes[k].light;
        sum += mean / more;
        all += 1 / more;
    }
    return sum / all;
}

/* The least light from which on nothing is cut off; 0 where black is: the root of
 * (light - lowest)^2 = CLEAR^2 (shot light + read). */
static double clear_from(const struct cut_noise *n)
{
    const double half = CLEAR * CLEAR * n->shot / 2 + n->lowest;
    const double square = half * half + CLEAR * CLEAR * n->read - n->lowest * n->lowest;
    const double root = half + __builtin_sqrt(square > 0 ? square : 0);
    return square > 0 && root > 0 ? root : 0;
}

void isp_merge_learn_cut(struct merge *m)
{
    const struct sisp_coefficients *c = m->burst->coefficients;
    const double black = (double)c->black_level[SISP_SITE_GR];
    const struct cut_noise noise = {
        (double)m->noise_shot, (double)m->noise_read, -black / ((double)c->white_level - black)};
    const double clear = clear_from(&noise);
    m->cut_steps = 0;
    if (clear <= 0)
        return;
    const double first = mean_of(m, &noise, 0), step = (clear - first) / CUT_STEPS;
    if (!(step > 0))
        return;
    for (unsigned k = 0; k <= CUT_STEPS; k++) {
        const double mean = first + step * k;
        double light = mean;
        for (unsigned round = 0; round < ROUNDS; round++)
            light += mean - mean_of(m, &noise, light > 0 ? light : 0);
        m->cut_off[k] = (float)(mean - (light > 0 ? light : 0));
    }
    m->cut_first = (float)first;
    m->cut_steps = (float)(1 / step);
}

/* By how much a mean is too bright. */
static float off_by(const struct merge *m, float mean)
{
    float at = (mean - m->cut_first) * m->cut_steps;
    if (!(at < CUT_STEPS))
        return 0;
    at = at > 0 ? at : 0;
    const unsigned k = (unsigned)at;
    return m->cut_off[k] + (at - (float)k) * (m->cut_off[k + 1] - m->cut_off[k]);
}

/* Means of the nine samples of a colour around each, of the strip's own rows; beyond the first and
 * the last of them, and of the columns, they are mirrored. */
static void find_means(
    const float light[BLOCK][SPAN], uint32_t row, uint32_t rows, uint32_t columns, float out[SPAN])
{
    const float *restrict up = light[unpack_mirror((int64_t)row - 2, rows)], *restrict at =
                                                                                 light[row];
    const float *restrict down = light[unpack_mirror((int64_t)row + 2, rows)];
    float sums[2 + SPAN + 2], *column = sums + 2;
    for (uint32_t i = 0; i < columns; i++)
        column[i] = up[i] + at[i] + down[i];
    for (int32_t k = 1; k <= 2; k++) {
        column[-k] = column[unpack_mirror(-k, columns)];
        column[columns - 1 + (uint32_t)k] =
            column[unpack_mirror((int64_t)columns - 1 + k, columns)];
    }
    for (uint32_t i = 0; i < columns; i++)
        out[i] = (sums[i] + sums[i + 2] + sums[i + 4]) * (1.0F / 9);
}

void isp_merge_mend_cut(const struct merge *m, uint32_t y0, uint32_t y1)
{
    float light[BLOCK][SPAN], means[SPAN];
    if (m->cut_steps == 0)
        return;
    for (uint32_t j = 0; j < y1 - y0; j++) {
        const float *reference = m->s->reference[(y0 + j) % RING] + HALO;
        const float *certainty = m->s->certainty[(y0 + j) % RING] + HALO;
        for (uint32_t i = 0; i < m->columns; i++)
            light[j][i] =
                reference[i] + m->s->sum[j][HALO + i] / (m->s->weight[j][HALO + i] * certainty[i]);
    }
    for (uint32_t j = 0; j < y1 - y0; j++) {
        const float *certainty = m->s->certainty[(y0 + j) % RING] + HALO;
        find_means(light, j, y1 - y0, m->columns, means);
        for (uint32_t i = 0; i < m->columns; i++)
            m->s->sum[j][HALO + i] -=
                off_by(m, means[i]) * m->s->weight[j][HALO + i] * certainty[i];
    }
}
