/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Filters that give the sample of one colour at a place between the samples of a mosaic: the best
 * linear estimate (Gauss-Markov) from 7x7 samples of all colours, for pictures whose covariance
 * falls exponentially with distance (a step edge model), whose colours differ by a twentieth of
 * their common part, seen through a lens that blurs by half a sample, with some noise: where there
 * is more of it, sharpness costs more than it is worth. Where the picture changes along one
 * direction more than along the other, distance along that other one counts for less.
 * Equal samples of a colour give that value whatever the other colours are. Colours are expected
 * at one level: who applies a filter divides by the local means first.
 */
#include <isp/burst/burst.h>
#include <isp/burst/filters.h>

#include <isp/auto/elementary.h>

#include <string.h>

#define SIDE    FILTER_SIDE
#define TAPS    FILTER_TAPS
#define COLOURS 3
#define FADING  20.0  /* samples in which the covariance falls to 1/e */
#define CHROMA  0.05  /* variance of what the colours do not share, over what they do */
#define NOISE   1e-4  /* of the first kind, doubled for each one after: over the picture's */
#define PICTURE 7.5F  /* variance of its light: far more than it has, since errors outlive noise */
#define GREY    0.18F /* whose noise in a frame tells which kind is used */
#define BLUR    0.5   /* samples, standard deviation, of both ends of a distance */
#define ALONG   0.25  /* of a squared distance along detail */
#define OF_E    1.4426950408889634 /* log2(e) */

struct design {
    double along;                  /* of a squared distance along rows */
    double inverse[TAPS][TAPS];    /* of the samples' covariance */
    double levels[TAPS][COLOURS];  /* inverse x which samples have a colour */
    double back[COLOURS][COLOURS]; /* inverse of what that gives for each colour */
    unsigned colour[TAPS];
};

/* Of an RGGB mosaic. */
static unsigned colour_at(unsigned row, unsigned column)
{
    return (row & 1) + (column & 1);
}

#define SAME  (1 + CHROMA)     /* of the covariance of what colours share: that of one colour, */
#define OTHER (1 - CHROMA / 2) /* and that of two */

/* Of what colours share; `along`: of a squared distance along rows. */
static double covariance(double along, double dx, double dy)
{
    const double r = __builtin_sqrt(along * dx * dx + dy * dy + 2 * BLUR * BLUR);
    return isp_exp2(-r * (OF_E / FADING));
}

/* In place, of a positive definite matrix: no pivoting is needed. */
static void invert(double *a, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        double pivot = 1 / a[i * n + i];
        a[i * n + i] = 1;
        for (unsigned j = 0; j < n; j++)
            a[i * n + j] *= pivot;
        for (unsigned k = 0; k < n; k++) {
            if (k == i)
                continue;
            double f = a[k * n + i];
            a[k * n + i] = 0;
            for (unsigned j = 0; j < n; j++)
                a[k * n + j] -= f * a[i * n + j];
        }
    }
}

static double across(unsigned tap)
{
    return (double)(tap % SIDE) - SIDE / 2;
}

static double down(unsigned tap)
{
    return (double)(tap / SIDE) - SIDE / 2;
}

/* For samples around one at the given row and column of the mosaic. */
static void prepare(struct design *d, double noise, const unsigned site[2])
{
    for (unsigned i = 0; i < TAPS; i++)
        d->colour[i] = colour_at(site[0] + i / SIDE + 1, site[1] + i % SIDE + 1);
    for (unsigned i = 0; i < TAPS; i++) {
        for (unsigned j = 0; j < TAPS; j++)
            d->inverse[i][j] = covariance(d->along, across(i) - across(j), down(i) - down(j)) *
                                   (d->colour[i] == d->colour[j] ? SAME : OTHER) +
                               (i == j ? noise : 0);
    }
    invert(d->inverse[0], TAPS);
    memset(d->levels, 0, sizeof d->levels);
    memset(d->back, 0, sizeof d->back);
    for (unsigned i = 0; i < TAPS; i++) {
        for (unsigned j = 0; j < TAPS; j++)
            d->levels[i][d->colour[j]] += d->inverse[i][j];
        for (unsigned c = 0; c < COLOURS; c++)
            d->back[d->colour[i]][c] += d->levels[i][c];
    }
    invert(d->back[0], COLOURS);
}

/* Equal samples of a colour shall give their value, whatever the other colours are. */
static void keep_levels(const struct design *d, unsigned colour, double w[TAPS])
{
    double missing[COLOURS] = {0}, share[COLOURS] = {0};
    missing[colour] = 1;
    for (unsigned i = 0; i < TAPS; i++)
        missing[d->colour[i]] -= w[i];
    for (unsigned c = 0; c < COLOURS; c++) {
        for (unsigned k = 0; k < COLOURS; k++)
            share[c] += d->back[c][k] * missing[k];
    }
    for (unsigned i = 0; i < TAPS; i++) {
        for (unsigned c = 0; c < COLOURS; c++)
            w[i] += d->levels[i][c] * share[c];
    }
}

/* Weights for each colour at (x, y) from the middle sample. */
static void solve(const struct design *d, double x, double y, double w[COLOURS][TAPS])
{
    double common[TAPS];
    for (unsigned i = 0; i < TAPS; i++)
        common[i] = covariance(d->along, across(i) - x, down(i) - y);
    for (unsigned i = 0; i < TAPS; i++) {
        double part[COLOURS] = {0}; /* of the samples of a colour */
        for (unsigned j = 0; j < TAPS; j++)
            part[d->colour[j]] += d->inverse[i][j] * common[j];
        const double all = part[0] + part[1] + part[2];
        for (unsigned c = 0; c < COLOURS; c++)
            w[c][i] = OTHER * all + (SAME - OTHER) * part[c];
    }
    for (unsigned colour = 0; colour < COLOURS; colour++)
        keep_levels(d, colour, w[colour]);
}

static double place_of(unsigned step)
{
    return (double)step / FILTER_STEPS - 0.5;
}

/* In whole numbers that sum up as the weights do, rounding left to the middle one. */
static void store(struct filter_place *place, unsigned row, unsigned column, const double w[TAPS])
{
    double sum = 0, noise = 0;
    int32_t left = 0;
    for (unsigned i = 0; i < TAPS; i++) {
        const double tap = w[i] * FILTER_ONE;
        const int32_t rounded = (int32_t)(tap + (tap < 0 ? -0.5 : 0.5));
        place->taps[i / SIDE / 2][i % SIDE][row][column][i / SIDE % 2] = (int16_t)rounded;
        sum += w[i];
        noise += w[i] * w[i];
        left -= rounded;
    }
    left += (int32_t)(sum * FILTER_ONE + 0.5);
    place->taps[SIDE / 4][SIDE / 2][row][column][SIDE / 2 % 2] += (int16_t)left;
    place->noise += (float)noise / 4;
}

unsigned isp_burst_filters_kind(const struct isp_burst_transform *t)
{
    const float variance = t->noise_shot * GREY + t->noise_read;
    unsigned kind = 0;
    for (float most = 1.414F * (float)NOISE * PICTURE; variance > most; most *= 2) {
        if (++kind == ISP_BURST_FILTER_KINDS - 1)
            break;
    }
    return kind;
}

/* A filter for the sample of the reference at (row, column) reads the frame at the design's site
 * when the displacement's whole part is odd where these differ. */
static void store_site(struct filter_place places[4][FILTER_PLACES][FILTER_PLACES],
    const unsigned site[2], const unsigned to[2], const unsigned place[2], unsigned cfa,
    const double w[TAPS])
{
    const unsigned shift = (to[0] ^ site[0]) << 1 | (to[1] ^ site[1]);
    store(&places[shift][place[0]][place[1]], to[0] ^ cfa >> 1, to[1] ^ (cfa & 1), w);
}

/* With rows for columns the mosaic is the same one. */
static void store_turned(struct filter_place places[4][FILTER_PLACES][FILTER_PLACES],
    const unsigned site[2], const unsigned to[2], const unsigned place[2], unsigned cfa,
    const double w[TAPS])
{
    double turned[TAPS];
    for (unsigned i = 0; i < TAPS; i++)
        turned[i] = w[i % SIDE * SIDE + i / SIDE];
    store_site(places, (const unsigned[2]){site[1], site[0]}, (const unsigned[2]){to[1], to[0]},
        (const unsigned[2]){place[1], place[0]}, cfa, turned);
}

/* At a row of places, and for detail along columns at a column of them. */
static void make_row(struct isp_burst_filters *filters, const struct design *d,
    const unsigned site[2], unsigned cfa, unsigned y)
{
    for (unsigned x = 0; x < FILTER_PLACES; x++) {
        double w[COLOURS][TAPS];
        solve(d, place_of(x), place_of(y), w);
        for (unsigned k = 0; k < 4; k++) {
            const unsigned to[2] = {k >> 1, k & 1}, place[2] = {y, x};
            const double *of = w[colour_at(to[0], to[1])];
            if (d->along == 1) {
                store_site(filters->places[FILTER_ANY], site, to, place, cfa, of);
            } else {
                store_site(filters->places[FILTER_ALONG_ROWS], site, to, place, cfa, of);
                store_turned(filters->places[FILTER_ALONG_COLUMNS], site, to, place, cfa, of);
            }
        }
    }
}

static void clear(struct isp_burst_filters *filters, unsigned y)
{
    for (unsigned shift = 0; shift < 4; shift++) {
        for (unsigned x = 0; x < FILTER_PLACES; x++)
            filters->places[FILTER_ANY][shift][y][x] =
                filters->places[FILTER_ALONG_ROWS][shift][y][x] =
                    filters->places[FILTER_ALONG_COLUMNS][shift][x][y] = (struct filter_place){0};
    }
}

/* Widths of the windows of fits, in samples. */
static const double widths[FIT_WIDTHS] = {1.4, 1.0, 0.8, 0.6};

/* A Gauss window, by the distances of samples from a place. */
static void make_axis(struct fit_axis *axis, double width, double place)
{
    *axis = (struct fit_axis){.first = place < 0 ? -FIT_SIDE / 2 : 1 - FIT_SIDE / 2};
    for (int32_t i = 0; i < FIT_SIDE; i++) {
        const double x = (axis->first + i - place) / width;
        double power = isp_exp2(-x * x / 2 * OF_E);
        for (unsigned order = 0; order <= 2 * FIT_ORDER; order++, power *= x) {
            axis->of[FIT_SUM((axis->first + i) & 1, order)] += (float)power;
            if (order <= FIT_ORDER)
                axis->of[FIT_WINDOW(i, order)] = (float)power;
        }
    }
}

void isp_burst_filters_make(const struct isp_geometry *geometry, unsigned kind, uint32_t task,
    struct isp_burst_filters *filters)
{
    const unsigned cfa = (unsigned)sisp_cfa_shift(
        isp_geometry_format(geometry)->cfa, geometry->crop.x, geometry->crop.y);
    clear(filters, task);
    for (unsigned k = 0; k < FIT_WIDTHS; k++)
        make_axis(&filters->axes[k][task], widths[k], place_of(task));
    for (unsigned k = 0; k < 8; k++) {
        const unsigned site[2] = {k >> 1 & 1, k & 1};
        struct design d = {.along = k >> 2 ? ALONG : 1};
        prepare(&d, NOISE * (1U << kind), site);
        make_row(filters, &d, site, cfa, task);
    }
}

size_t isp_burst_filters_size(void)
{
    return sizeof(struct isp_burst_filters);
}
