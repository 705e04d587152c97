/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The noise model from the frames themselves: in bins of brightness, the lower quartile of
 * |d[-2] - 2 d[0] + d[2]|, where d is the difference of two frames that lie on each other (scene
 * and texture cancel), or the one frame there is. The second difference between neighbours of one
 * colour takes smooth remainders away, as Immerkaer's mask does ("Fast noise variance estimation",
 * CVIU 1996); the quartile looks past edges and what moved. Of Gaussian noise it is 0.3186 sigma
 * times sqrt(6), for two frames sqrt(12). A line through the bins' variances, weighted by counts
 * over variances squared (their own uncertainty), gives shot and read.
 */
#include <isp/burst/burst.h>

#include <base/base.h>

#include <stdbool.h>

#define BINS       32
#define STEPS      1024     /* of |second difference|: whole codes up to 14 bits, coarser above */
#define STEP_RANGE 16384.0F /* codes from black to white up to which a step is one code */
#define ROW_STRIDE 4        /* every fourth row is measured */
#define COUNT_MIN  64       /* a bin with fewer samples says nothing */
#define QUARTILE   0.3186   /* of |Gaussian| */

struct histograms {
    uint32_t count[BINS][STEPS];
};

/* One kind of site along a row of both frames. */
struct run {
    const uint16_t *a, *b; /* b: NULL for a single frame */
    uint32_t count;        /* samples from the first on, every second one of this kind */
    float black, white, step;
};

static size_t words_count(const struct isp_geometry *geometry)
{
    return base_align((size_t)geometry->crop.width + UNPACK_SLACK, 32);
}

size_t isp_burst_noise_scratch_size(const struct isp_geometry *geometry)
{
    return sizeof(struct histograms) + 2 * words_count(geometry) * sizeof(uint16_t);
}

static bool is_clipped(const uint16_t *s, float white)
{
    return (float)s[-2] >= white || (float)s[0] >= white || (float)s[2] >= white || !s[-2] ||
           !s[0] || !s[2];
}

static void count_run(struct histograms *h, const struct run *run)
{
    const float to_bin = BINS / (run->white - run->black), to_step = 1 / run->step;
    for (uint32_t x = 2; x + 2 < run->count; x += 2) {
        const uint16_t *a = run->a + x, *b = run->b ? run->b + x : NULL;
        if (is_clipped(a, run->white) || (b && is_clipped(b, run->white)))
            continue;
        int32_t second = a[-2] - 2 * a[0] + a[2];
        second -= b ? b[-2] - 2 * b[0] + b[2] : 0;
        /* All weigh the same: their sum knows nothing of the second difference, so that what noise
         * moves to another bin is as noisy as the rest. */
        int32_t sum = a[-2] + a[0] + a[2] + (b ? b[-2] + b[0] + b[2] : 0);
        float level = (float)sum * (b ? 1.0F / 6 : 1.0F / 3) - run->black;
        float step = (float)(second < 0 ? -second : second) * to_step;
        int32_t bin = (int32_t)(level * to_bin);
        bin = bin < 0 ? 0 : bin < BINS ? bin : BINS - 1;
        h->count[bin][step < STEPS - 1 ? (uint32_t)step : STEPS - 1]++;
    }
}

/* In steps. Whole codes stand for all that rounds to them: code i for i - 0.5 to i + 0.5. */
static float lower_quartile(const uint32_t *count, uint32_t total)
{
    uint32_t below = 0, i = 0;
    while (4 * (uint64_t)(below + count[i]) < total)
        below += count[i++];
    float part = ((float)total * 0.25F - (float)below) / (float)count[i];
    return i ? (float)i - 0.5F + part : 0.5F * part;
}

struct sums {
    double w, wx, wv, wxx, wxv;
};

/* Least squares; neither part below zero. */
static struct burst_noise fit(const struct sums *s)
{
    if (!(s->w > 0))
        return (struct burst_noise){0, 0};
    double spread = s->w * s->wxx - s->wx * s->wx;
    double shot = spread > 1e-9 * s->w * s->w ? (s->w * s->wxv - s->wx * s->wv) / spread : 0;
    shot = shot > 0 ? shot : 0;
    double read = (s->wv - shot * s->wx) / s->w;
    if (read < 0) /* through the origin instead */
        return (struct burst_noise){(float)(s->wxv / s->wxx), 0};
    return (struct burst_noise){(float)shot, (float)read};
}

static bool is_cut(double room, double variance)
{
    return room < 0 || room * room < 4 * variance;
}

/* unit: of a step, squared, over the variance of a second difference in variances of noise. Where
 * two sigmas reach beyond the sensor's limits, noise is cut off and looks smaller than it is: those
 * bins are left out. */
static struct burst_noise fit_bins(const struct histograms *h, double unit, const double limits[2])
{
    struct sums s = {0};
    for (unsigned bin = 0; bin < BINS; bin++) {
        uint32_t total = 0;
        for (unsigned i = 0; i < STEPS; i++)
            total += h->count[bin][i];
        if (total < COUNT_MIN)
            continue;
        double quartile = (double)lower_quartile(h->count[bin], total) / QUARTILE;
        double x = (bin + 0.5) / BINS, variance = quartile * quartile * unit;
        if (is_cut(x - limits[0], variance) || is_cut(limits[1] - x, variance))
            continue;
        double weight = total / ((variance + unit) * (variance + unit));
        s.w += weight;
        s.wx += weight * x;
        s.wv += weight * variance;
        s.wxx += weight * x * x;
        s.wxv += weight * x * variance;
    }
    return fit(&s);
}

/* Row y of the reference against what lies on it. */
static void count_row(struct histograms *h, const struct burst_frame *frame,
    const struct sisp_coefficients *c, const struct burst_pair *pair, uint32_t y)
{
    const struct sisp_rect *crop = &frame->geometry->crop;
    uint16_t *words = (uint16_t *)(h + 1);
    const uint16_t *a = isp_burst_row(frame, pair->raws[0], y, words), *b = NULL;
    int64_t x0 = pair->dx > 0 ? pair->dx : 0, x1 = crop->width + (pair->dx < 0 ? pair->dx : 0);
    if (pair->raws[1])
        b = isp_burst_row(frame, pair->raws[1], (uint32_t)((int64_t)y - pair->dy),
            words + words_count(frame->geometry));
    for (unsigned phase = 0; phase < 2 && x0 + phase < x1; phase++) {
        float black = c->black_level[unpack_site(frame->cfa, phase, y)];
        float range = c->white_level - black;
        struct run run = {a + x0 + phase, b ? b + x0 + phase - pair->dx : NULL,
            (uint32_t)(x1 - x0 - phase), black, c->white_level,
            range > STEP_RANGE ? range / STEP_RANGE : 1};
        count_run(h, &run);
    }
}

struct burst_noise isp_burst_noise_estimate(const struct isp_geometry *geometry,
    const struct sisp_coefficients *coefficients, const struct burst_pair *pair, void *scratch)
{
    struct histograms *h = scratch;
    struct burst_frame frame = isp_burst_frame_of(geometry, pair->isa);
    const int64_t height = geometry->crop.height;
    memset(h, 0, sizeof *h);
    for (int64_t y = pair->dy > 0 ? pair->dy : 0; y < height && y - pair->dy < height;
         y += ROW_STRIDE)
        count_row(h, &frame, coefficients, pair, (uint32_t)y);
    double range =
        (double)coefficients->white_level - (double)coefficients->black_level[SISP_SITE_GR];
    double step = range > (double)STEP_RANGE ? 1 / (double)STEP_RANGE : 1 / range;
    const double unit = step * step / (pair->raws[1] ? 12 : 6);
    const double limits[2] = {-(double)coefficients->black_level[SISP_SITE_GR] / range, 1};
    const double none[2] = {-1e9, 1e9};
    struct burst_noise found = fit_bins(h, unit, limits);
    /* All may be cut off: that is better than nothing. */
    return found.shot > 0 || found.read > 0 ? found : fit_bins(h, unit, none);
}
