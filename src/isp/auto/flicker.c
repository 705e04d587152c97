/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "isp/auto/flicker.h"
#include "isp/auto/elementary.h"
#include "isp/auto/matrix.h"

#include <string.h>

#define LN2 0.69314718055994530942
#define PI  3.14159265358979323846

#define ROWS_MIN      16
#define ROW_LINES_MAX 65536     /* no frame has more */
#define GAP_MAX_NS    500000000 /* the mains' frequency is not known well enough for more */

/* Frames whose time x gain differ by more clip differently: their ratio has texture in it. */
#define SAME_EV 0.5

/* Of the weight of all rows. */
#define MEAN_HELD 0.05

/* Of the evidence that is kept from one frame to the next. */
#define KEEP 0.93

/* A lamp is there where this share of its light flickers, where this much of what was found has the
 * phases that it must have, and where so many independent frames say so. */
#define DEPTH_MIN     0.02
#define COHERENCE_MIN 0.8
#define FRAMES_MIN    5.9
#define EXPECTED_MIN  0.02

/* With so much expected and nothing found there is no lamp of that frequency. */
#define EXPECTED_ENOUGH 0.5

/* Of a lamp's flicker, what is as good as none; and for how long nothing is made of bands that were
 * found to be none: a camera that pans across a fence under a lamp shall not lose it for good. */
#define BLIND         0.02
#define BARRED_FRAMES 250

#define PROBE_AFTER    4 /* frames compared */
#define PROBE_SEEN     4 /* its first frames show what was asked for before */
#define PROBE_FRAMES   24
#define PROBE_STEPS    16   /* exposures tried are sixteenths of the time, 2 of them or more */
#define PROBE_CLEAR    0.15 /* square of the expected difference that is enough */
#define PROBE_AGAIN_EV 1.0

static const double lamp_hz[ISP_FLICKER_LAMPS] = {100, 120};

struct complex {
    double re, im;
};

static struct complex turned(struct complex z, double turns)
{
    double c = isp_sine(turns + 0.25), s = isp_sine(turns);
    return (struct complex){z.re * c - z.im * s, z.re * s + z.im * c};
}

static double square(struct complex z)
{
    return z.re * z.re + z.im * z.im;
}

/* Turns of the lamp in that time, without the whole ones that only cost digits. */
static double turns_of(double hz, double ns)
{
    double turns = hz * ns * 1e-9;
    return turns - (double)(int64_t)turns;
}

/* What an exposure that ends at the row's readout leaves of a lamp's flicker: its mean over it. */
static struct complex response(double hz, double exposure_us)
{
    double turns = hz * exposure_us * 1e-6, depth = 1;
    if (turns > 1e-6)
        depth = isp_sine(turns / 2) / (PI * turns);
    return turned((struct complex){depth, 0}, -turns / 2);
}

/* Difference of the bands of two frames, relative to the lamp's phase at the later one. */
static struct complex expected_bands(
    double hz, double exposure_us, double before_us, double gap_turns)
{
    struct complex now = response(hz, exposure_us);
    struct complex before = turned(response(hz, before_us), -gap_turns);
    return (struct complex){now.re - before.re, now.im - before.im};
}

/* ---- rows -------------------------------------------------------------------------------- */

/* Means of groups of rows as logarithms; those too dark to tell are 0, as one code in a row is. */
static void take_rows(const struct sisp_stats *stats, struct isp_flicker_state *next)
{
    const uint32_t rows = stats->row_count;
    next->row_count = rows < ISP_FLICKER_ROWS ? rows : ISP_FLICKER_ROWS;
    double mean = 0, sums[ISP_FLICKER_ROWS];
    for (uint32_t i = 0; i < next->row_count; i++) {
        uint32_t begin = i * rows / next->row_count, end = (i + 1) * rows / next->row_count;
        sums[i] = 0;
        for (uint32_t y = begin; y < end; y++)
            sums[i] += stats->row_green[y];
        sums[i] /= end - begin;
        mean += sums[i] / next->row_count;
    }
    for (uint32_t i = 0; i < next->row_count; i++)
        next->row_log2[i] = sums[i] > mean / 32 && sums[i] > 1 ? (float)isp_log2(sums[i]) : 0;
}

/* The sine of `turns_a_row` in the ratio of two frames' rows, exposures taken off, by least squares
 * beside a constant. That is held small (ridge regression, Hoerl and Kennard, 1970): what moves in
 * the scene changes the mean little, and less than a period of a lamp looks like a change of the
 * mean. False where the frame holds too little even so. */
static bool find_bands(const struct isp_flicker_state *now, const struct isp_flicker_state *before,
    double turns_a_row, struct complex *out)
{
    double m[9] = {MEAN_HELD * now->row_count}, v[3] = {0}, inverse[9], fit[3];
    double exposed = (double)now->log2_exposure - (double)before->log2_exposure;
    for (uint32_t i = 0; i < now->row_count; i++) {
        if (now->row_log2[i] == 0 || before->row_log2[i] == 0)
            continue;
        double turns = (i + 0.5) * turns_a_row;
        double base[3] = {1, isp_sine(turns + 0.25), isp_sine(turns)};
        double ratio = LN2 * ((double)now->row_log2[i] - (double)before->row_log2[i] - exposed);
        for (int k = 0; k < 9; k++)
            m[k] += base[k / 3] * base[k % 3];
        for (int k = 0; k < 3; k++)
            v[k] += base[k] * ratio;
    }
    if (!isp_matrix_invert(m, inverse))
        return false;
    isp_matrix_apply(inverse, v, fit);
    *out = (struct complex){fit[1], -fit[2]};
    return true;
}

/* ---- evidence ---------------------------------------------------------------------------- */

/* By `turns` of the lamp. */
static void age(struct isp_flicker_evidence *sum, double turns)
{
    struct complex then = {(double)sum->re, (double)sum->im}, now = turned(then, turns);
    sum->re = (float)now.re;
    sum->im = (float)now.im;
}

static void add_evidence(
    struct isp_flicker_evidence *sum, struct complex found, struct complex expected)
{
    double weight = square(expected);
    double re = found.re * expected.re + found.im * expected.im;
    double im = found.im * expected.re - found.re * expected.im;
    sum->re = (float)(KEEP * (double)sum->re + re);
    sum->im = (float)(KEEP * (double)sum->im + im);
    sum->expected = (float)(KEEP * (double)sum->expected + weight);
    sum->expected_squares = (float)(KEEP * KEEP * (double)sum->expected_squares + weight * weight);
    sum->found = (float)(KEEP * (double)sum->found + square(found));
}

/* Whether the exposure is of whole periods, which leave no bands. */
static bool is_blind(double hz, double exposure_us)
{
    return square(response(hz, exposure_us)) < BLIND * BLIND;
}

static void compare(
    const struct isp_flicker_state *before, struct isp_flicker_state *now, int lamp, double row_ns)
{
    const double hz = lamp_hz[lamp];
    const double us = (double)now->exposure_us, before_us = (double)before->exposure_us;
    double gap_turns = turns_of(hz, (double)(now->start_ns - before->start_ns));
    bool is_found = now->lamp == (uint32_t)lamp + 1;
    struct complex found;
    age(&now->evidence[lamp], gap_turns);
    if (is_found)
        age(&now->left, gap_turns);
    if (row_ns == 0 || !find_bands(now, before, hz * row_ns * 1e-9, &found))
        return;
    add_evidence(&now->evidence[lamp], found, expected_bands(hz, us, before_us, gap_turns));
    if (is_found && is_blind(hz, us) && is_blind(hz, before_us)) {
        struct complex then = turned((struct complex){1, 0}, -gap_turns);
        add_evidence(&now->left, found, (struct complex){1 - then.re, -then.im});
    }
}

/* How much of what was found the lamp explains; 0: it is not there. */
static double explained(const struct isp_flicker_evidence *sum)
{
    double power = square((struct complex){(double)sum->re, (double)sum->im});
    double expected = (double)sum->expected, found = (double)sum->found;
    bool is_there = expected > EXPECTED_MIN &&
                    power > DEPTH_MIN * DEPTH_MIN * expected * expected &&
                    power > COHERENCE_MIN * expected * found &&
                    expected * expected > FRAMES_MIN * (double)sum->expected_squares;
    return is_there ? power / expected : 0;
}

/* Bands that stay when the exposure has come to whole periods are something that moves so. */
static void find_out(struct isp_flicker_state *next)
{
    if (!next->lamp || explained(&next->left) == 0)
        return;
    memset(&next->evidence[next->lamp - 1], 0, sizeof(next->evidence[0]));
    memset(&next->left, 0, sizeof(next->left));
    next->barred[next->lamp - 1] = BARRED_FRAMES;
    next->lamp = 0;
}

static void decide(struct isp_flicker_state *next)
{
    double most = 0;
    find_out(next);
    for (int i = 0; i < ISP_FLICKER_LAMPS; i++) {
        double share = next->barred[i] > 0 ? 0 : explained(&next->evidence[i]);
        next->barred[i] -= next->barred[i] > 0;
        if (share > most) {
            most = share;
            next->lamp = (uint32_t)i + 1;
        }
    }
}

static bool has_rows(const struct isp_auto_input *input)
{
    return input->stats && input->stats_start_ns && isp_within((double)input->line_us, 0.1, 1e4) &&
           input->stats->row_count >= ROWS_MIN && input->stats->row_count <= SISP_STATS_ROWS &&
           input->stats->row_lines <= ROW_LINES_MAX &&
           isp_within((double)input->stats_exposure_us, 0.1, 1e8) &&
           isp_within((double)input->stats_analogue_gain, 1e-3, 1e6);
}

void isp_flicker_measure(const struct isp_auto_input *input,
    const struct isp_flicker_state *previous, struct isp_flicker_state *next)
{
    *next = *previous;
    if (!has_rows(input) || input->stats_start_ns == previous->start_ns)
        return;
    const struct sisp_stats *stats = input->stats;
    take_rows(stats, next);
    next->start_ns = input->stats_start_ns;
    next->exposure_us = input->stats_exposure_us;
    next->log2_exposure =
        (float)isp_log2((double)input->stats_exposure_us * (double)input->stats_analogue_gain);
    if (next->row_count != previous->row_count || next->start_ns < previous->start_ns ||
        next->start_ns - previous->start_ns > GAP_MAX_NS) {
        memset(next->evidence, 0, sizeof(next->evidence));
        memset(&next->left, 0, sizeof(next->left));
        return;
    }
    double change = (double)next->log2_exposure - (double)previous->log2_exposure, row_ns = 0;
    if (isp_within(change, -SAME_EV, SAME_EV)) {
        row_ns = (double)input->line_us * 1e3 * stats->row_lines * stats->row_count;
        row_ns /= next->row_count;
        next->compared += next->compared < PROBE_AFTER;
    }
    for (int i = 0; i < ISP_FLICKER_LAMPS; i++)
        compare(previous, next, i, row_ns);
    decide(next);
}

double isp_flicker_period_us(const struct isp_flicker_state *state)
{
    return state->lamp ? 1e6 / lamp_hz[state->lamp - 1] : 0;
}

/* ---- probe ------------------------------------------------------------------------------- */

/* Square of what a share of the exposure moves the bands of those lamps that nothing is known of
 * yet, of the one it moves least. */
static double probe_clarity(
    const struct isp_flicker_probe *probe, const struct isp_flicker_state *state, double share)
{
    const double us = probe->exposure_us;
    double least = 0;
    bool is_any = false;
    for (int i = 0; i < ISP_FLICKER_LAMPS; i++) {
        if ((double)state->evidence[i].expected >= EXPECTED_ENOUGH)
            continue;
        double moved = square(expected_bands(lamp_hz[i], share * us, us, 0));
        least = !is_any || moved < least ? moved : least;
        is_any = true;
    }
    return least;
}

/* The greatest share, in sixteenths, that is clear, else the clearest; 0: there is none. */
static uint32_t best_probe(
    const struct isp_flicker_probe *probe, const struct isp_flicker_state *state)
{
    double most = 0;
    uint32_t best = 0;
    for (uint32_t k = PROBE_STEPS - 1; k >= 2 && most < PROBE_CLEAR; k--) {
        double share = (double)k / PROBE_STEPS, clarity = probe_clarity(probe, state, share);
        if (share < probe->shortest || clarity <= most)
            continue;
        most = clarity;
        best = k;
    }
    return best;
}

double isp_flicker_swing_ev(
    const struct isp_flicker_state *state, double exposure_us, double readout_us)
{
    if (!state->lamp)
        return 0;
    const struct isp_flicker_evidence *sum = &state->evidence[state->lamp - 1];
    const double hz = lamp_hz[state->lamp - 1];
    struct complex power = {(double)sum->re, (double)sum->im};
    double expected = (double)sum->expected;
    if (!(expected > EXPECTED_MIN))
        return 0;
    double depth = __builtin_sqrt(
        square(power) * square(response(hz, exposure_us)) * square(response(hz, readout_us)));
    depth = isp_clamp(depth / expected, 0, 0.9);
    return isp_log2((1 + depth) / (1 - depth));
}

bool isp_flicker_is_probing(const struct isp_flicker_state *state)
{
    return state->probe >= PROBE_SEEN && state->probe < PROBE_FRAMES;
}

double isp_flicker_exposure_us(const struct isp_flicker_probe *probe,
    const struct isp_flicker_state *previous, struct isp_flicker_state *next)
{
    double moved = probe->log2_exposure - (double)previous->probed_log2;
    if (previous->probe > 0 && !isp_within(moved, -PROBE_AGAIN_EV, PROBE_AGAIN_EV))
        next->probe = 0;
    if (next->lamp || next->start_ns == 0 || next->probe == PROBE_FRAMES || !probe->is_at_rest ||
        next->compared < PROBE_AFTER)
        return probe->exposure_us;
    if (next->probe == 0) {
        next->probe_share = best_probe(probe, next);
        next->probed_log2 = (float)probe->log2_exposure;
        if (next->probe_share == 0)
            next->probe = PROBE_FRAMES - 1;
    }
    bool is_on = next->probe % 4 < 2 && next->probe_share > 0;
    next->probe++;
    return is_on ? probe->exposure_us * next->probe_share / PROBE_STEPS : probe->exposure_us;
}

static bool evidence_sane(const struct isp_flicker_evidence *sum)
{
    return isp_within((double)sum->re, -1e9, 1e9) && isp_within((double)sum->im, -1e9, 1e9) &&
           isp_within((double)sum->expected, 0, 1e9) && isp_within((double)sum->found, 0, 1e9) &&
           isp_within((double)sum->expected_squares, 0, 1e9);
}

bool isp_flicker_sane(const struct isp_flicker_state *state)
{
    bool ok = state->row_count <= ISP_FLICKER_ROWS && state->lamp <= ISP_FLICKER_LAMPS &&
              state->probe <= PROBE_FRAMES && state->probe_share < PROBE_STEPS &&
              state->compared <= PROBE_AFTER && isp_within((double)state->exposure_us, 0, 1e9) &&
              isp_within((double)state->log2_exposure, -100, 100) &&
              isp_within((double)state->probed_log2, -200, 200);
    for (uint32_t i = 0; ok && i < state->row_count; i++)
        ok = isp_within((double)state->row_log2[i], 0, 64);
    ok = ok && evidence_sane(&state->left);
    for (int i = 0; ok && i < ISP_FLICKER_LAMPS; i++)
        ok = evidence_sane(&state->evidence[i]) && state->barred[i] <= BARRED_FRAMES;
    return ok;
}
