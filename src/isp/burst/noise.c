/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The noise model from the frames themselves. Blocks of 8x8 samples of one colour are transformed
 * (a cosine transform keeps white noise white); among those of about one brightness the smoothest
 * are those with the least energy in the lower frequencies, and the energy of the higher ones,
 * which that choice knows nothing of, is noise: N. Ponomarenko et al., "An automatic approach to
 * lossy compression of AVIRIS images", IGARSS 2007; M. Colom and A. Buades, "Analysis and extension
 * of the Ponomarenko method", IPOL 2013. Of a burst, blocks are also those of the difference of two
 * frames that lie on each other, in which most texture cancels. A line through the variances gives
 * shot and read, as in A. Foi et al., "Practical Poissonian-Gaussian noise modeling and fitting for
 * single-image raw-data", IEEE TIP 2008.
 *
 * Where the chosen blocks have more energy in the lower frequencies than noise has, they may be
 * texture all through: those bins say little, and where all do, confidence is low.
 */
#include <isp/burst/burst.h>

#include <base/base.h>

#include <stdbool.h>

#define SIDE         8          /* samples of one colour */
#define REACH        (2 * SIDE) /* of the mosaic */
#define WINDOWS_MAX  4096       /* each of four blocks */
#define STEP_LEAST   8          /* of the mosaic */
#define BLOCKS_MAX   ((size_t)4 * WINDOWS_MAX)
#define CLIPPED_MOST 5  /* samples of a window: one in fifty */
#define LOWS         42 /* without the mean */
#define HIGHS        21
#define HIGH_MIDDLE  0.9684 /* median over mean of a sum of 21 squares */
#define MIDDLE_COST  1.57   /* variance of a median over that of a mean */
#define BINS         24
#define CHOSEN_PART  32 /* of a bin's blocks one in so many is chosen, */
#define CHOSEN_MIN   16 /* so many at least, of a bin that has twice that */

typedef float lanes __attribute__((vector_size(SIDE * sizeof(float))));

struct block {
    float low, high; /* mean square of a coefficient */
    float level;
    uint32_t bin;
};

struct noise_scratch {
    uint32_t count;
    struct block blocks[BLOCKS_MAX];
    float values[BLOCKS_MAX];
    float window[4][SIDE][SIDE]; /* by place in the cell */
    uint16_t words[2][REACH + UNPACK_SLACK];
};

size_t isp_noise_scratch_size(void)
{
    return sizeof(struct noise_scratch);
}

/* ---- blocks ---------------------------------------------------------------------------------- */

#define C1 0.49039264F
#define C2 0.46193977F
#define C3 0.41573481F
#define C4 0.35355339F
#define C5 0.27778512F
#define C6 0.19134172F
#define C7 0.09754516F

static const float cosines[SIDE][SIDE] = {
    {C4, C4, C4, C4, C4, C4, C4, C4},
    {C1, C3, C5, C7, -C7, -C5, -C3, -C1},
    {C2, C6, -C6, -C2, -C2, -C6, C6, C2},
    {C3, -C7, -C1, -C5, C5, C1, C7, -C3},
    {C4, -C4, -C4, C4, C4, -C4, -C4, C4},
    {C5, -C1, C7, C3, -C3, -C7, C1, -C5},
    {C6, -C2, C2, -C6, -C6, C2, -C2, C6},
    {C7, -C5, C3, -C1, C1, -C3, C5, -C7},
};

/* Which coefficients are high ones: by the sum of their indices. */
static const lanes highs[SIDE] = {{0}, {0}, {0, 0, 0, 0, 0, 0, 0, 1}, {0, 0, 0, 0, 0, 0, 1, 1},
    {0, 0, 0, 0, 0, 1, 1, 1}, {0, 0, 0, 0, 1, 1, 1, 1}, {0, 0, 0, 1, 1, 1, 1, 1},
    {0, 0, 1, 1, 1, 1, 1, 1}};

static float sum_of(const lanes *v)
{
    const lanes s = *v;
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

static void measure(const float samples[SIDE][SIDE], struct block *out)
{
    lanes rows[SIDE], turned[SIDE], all = {0}, high = {0};
    float half[SIDE][SIDE];
    memcpy(rows, samples, sizeof rows);
    for (unsigned n = 0; n < SIDE; n++) {
        for (unsigned k = 0; k < SIDE; k++)
            turned[n][k] = cosines[k][n];
    }
    for (unsigned k = 0; k < SIDE; k++) {
        lanes sum = rows[0] * cosines[k][0];
        for (unsigned r = 1; r < SIDE; r++)
            sum += rows[r] * cosines[k][r];
        memcpy(half[k], &sum, sizeof sum);
    }
    for (unsigned k = 0; k < SIDE; k++) {
        lanes sum = turned[0] * half[k][0];
        for (unsigned n = 1; n < SIDE; n++)
            sum += turned[n] * half[k][n];
        if (k == 0)
            sum[0] = 0; /* the mean */
        all += sum * sum;
        high += sum * sum * highs[k];
    }
    out->high = sum_of(&high);
    out->low = sum_of(&all) - out->high;
}

/* Two frames, or one, and where in the reference a window is. */
struct place {
    const uint8_t *raws[2]; /* [1] NULL: the one frame only */
    int32_t dx, dy;
    uint32_t x, y;
};

/* One row of the window into its two planes. Returns how many samples are clipped. */
static uint32_t read_row(struct noise_scratch *s, const struct burst_frame *frame,
    const struct sisp_coefficients *c, const struct place *p, uint32_t row, float sum[4])
{
    const uint16_t *a = isp_burst_part(
        frame, p->raws[0], (struct burst_part){p->x, p->y + row, REACH}, s->words[0]);
    const uint16_t *b = NULL;
    if (p->raws[1])
        b = isp_burst_part(frame, p->raws[1],
            (struct burst_part){(uint32_t)((int32_t)p->x - p->dx),
                (uint32_t)((int32_t)(p->y + row) - p->dy), REACH},
            s->words[1]);
    uint32_t clipped = 0; /* by white */
    for (unsigned x = 0; x < REACH; x++) {
        const unsigned plane = (row & 1) * 2 + (x & 1);
        clipped += (float)a[x] >= c->white_level || (b && (float)b[x] >= c->white_level);
        s->window[plane][row / 2][x / 2] = b ? (float)a[x] - (float)b[x] : (float)a[x];
        sum[plane] += b ? 0.5F * ((float)a[x] + (float)b[x]) : (float)a[x];
    }
    return clipped;
}

/* Finer in the dark. */
static unsigned bin_of(float level)
{
    const float root = __builtin_sqrtf(level > 0 ? level : 0) * BINS;
    return root < BINS - 1 ? (unsigned)root : BINS - 1;
}

static void add_window(struct noise_scratch *s, const struct burst_frame *frame,
    const struct sisp_coefficients *c, const struct place *p)
{
    float sum[4] = {0};
    uint32_t clipped = 0;
    for (uint32_t row = 0; row < REACH; row++)
        clipped += read_row(s, frame, c, p, row, sum);
    if (clipped > CLIPPED_MOST)
        return;
    for (unsigned i = 0; i < 4; i++) {
        const float black = c->black_level[unpack_site(frame->cfa, p->x + i % 2, p->y + i / 2)];
        const float unit = 1 / (c->white_level - black);
        const float square = p->raws[1] ? unit * unit / 2 : unit * unit;
        struct block *block = &s->blocks[s->count++];
        measure((const float(*)[SIDE])s->window[i], block);
        block->low *= square / LOWS;
        block->high *= square / HIGHS;
        block->level = (sum[i] / (SIDE * SIDE) - black) * unit;
        block->bin = bin_of(block->level);
    }
}

/* The pair whose turn it is, so that a frame more costs no more. */
static uint32_t next_frame(uint32_t frames, uint32_t last)
{
    do
        last = (last + 1) % ISP_BURST_MAX;
    while (!(frames >> last & 1));
    return last;
}

static void add_windows(struct noise_scratch *s, const struct isp_burst *burst,
    const struct isp_burst_transform *t, uint32_t frames)
{
    const struct burst_frame frame = isp_burst_frame_of(burst->geometry, burst->isa);
    const int32_t width = (int32_t)burst->geometry->crop.width,
                  height = (int32_t)burst->geometry->crop.height;
    uint32_t step = STEP_LEAST, i = 0;
    while ((uint64_t)width * (uint64_t)height > (uint64_t)WINDOWS_MAX * step * step)
        step += 2;
    struct place p = {{burst->raws[burst->reference], NULL}, 0, 0, 0, 0};
    for (p.y = 0; (int32_t)p.y + REACH <= height; p.y += step) {
        for (p.x = 0; (int32_t)p.x + REACH <= width; p.x += step) {
            if (frames) {
                i = next_frame(frames, i);
                p.raws[1] = burst->raws[i];
                p.dx = t->dx[i];
                p.dy = t->dy[i];
            }
            const int32_t x = (int32_t)p.x - p.dx, y = (int32_t)p.y - p.dy;
            if (x >= 0 && y >= 0 && x + REACH <= width && y + REACH <= height)
                add_window(s, &frame, burst->coefficients, &p);
        }
    }
}

/* ---- bins ------------------------------------------------------------------------------------ */

/* The value of that rank; they change places. */
static float ranked(float *values, uint32_t count, uint32_t rank)
{
    int64_t first = 0, last = (int64_t)count - 1;
    while (first < last) {
        const float pivot = values[(first + last) / 2];
        int64_t i = first, j = last;
        while (i <= j) {
            while (values[i] < pivot)
                i++;
            while (values[j] > pivot)
                j--;
            if (i > j)
                break;
            const float other = values[i];
            values[i++] = values[j];
            values[j--] = other;
        }
        if (rank > j && rank < i)
            break;
        first = rank >= i ? i : first;
        last = rank <= j ? j : last;
    }
    return values[rank];
}

/* A sensor that cuts noise off at code 0 leaves less of it. Of a Gaussian whose mean is so many
 * sigmas above the cut: mean over sigma of what is left (above the cut, too), what is missing in
 * its variance (as a factor), and by how many sigmas its mean is too high. */
static const struct cut {
    double ratio, variance, level;
} cuts[] = {{0.938, 1.807, 0.198}, {1.25, 1.331, 0.0833}, {1.62, 1.126, 0.0293},
    {2.05, 1.041, 0.0085}, {2.52, 1.011, 0.002}, {3, 1, 0}};

struct point {
    double level, variance;
    double error;  /* one sigma over the variance */
    double excess; /* of the lower frequencies' energy over the higher ones' */
};

/* lowest: of the sensor. False where too much is cut off to be made up for. */
static bool mend_cut(struct point *p, double lowest)
{
    const double sigma = __builtin_sqrt(p->variance), ratio = (p->level - lowest) / sigma;
    unsigned i = 0;
    if (!(ratio >= cuts[0].ratio))
        return false;
    while (i < BASE_COUNT(cuts) - 1 && ratio >= cuts[i + 1].ratio)
        i++;
    if (i == BASE_COUNT(cuts) - 1)
        return true;
    const struct cut *a = &cuts[i], *b = &cuts[i + 1];
    const double part = (ratio - a->ratio) / (b->ratio - a->ratio);
    p->variance *= a->variance + part * (b->variance - a->variance);
    p->level -= sigma * (a->level + part * (b->level - a->level));
    return true;
}

static bool find_point(struct noise_scratch *s, unsigned bin, struct point *out)
{
    uint32_t count = 0, chosen = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->blocks[i].bin == bin)
            s->values[count++] = s->blocks[i].low;
    }
    *out = (struct point){0};
    if (count < 2 * CHOSEN_MIN)
        return false;
    const uint32_t wanted = count / CHOSEN_PART > CHOSEN_MIN ? count / CHOSEN_PART : CHOSEN_MIN;
    const float most = ranked(s->values, count, wanted - 1);
    double level = 0, low = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->blocks[i].bin != bin || s->blocks[i].low > most)
            continue;
        level += (double)s->blocks[i].level;
        low += (double)s->blocks[i].low;
        s->values[chosen++] = s->blocks[i].high;
    }
    out->level = level / chosen;
    out->variance = (double)ranked(s->values, chosen, chosen / 2) / HIGH_MIDDLE;
    out->error = __builtin_sqrt(2 * MIDDLE_COST / (HIGHS * (double)chosen));
    out->excess = low / chosen / (out->variance + 1e-12);
    return out->variance > 0;
}

/* ---- the line -------------------------------------------------------------------------------- */

#define ROUNDS      6
#define MODEL_ERROR 0.03 /* of a bin's variance: no sensor keeps to a line better */
#define HIGHER      0.6  /* sigmas above the line from which a bin counts less: texture only adds */
#define LOWER       4.0
#define CUT         9.0 /* a bin nearer to white, in variances: noise is cut off */

struct line {
    double shot, read;
    double error; /* of the variance at `middle`, one sigma */
    double middle, excess;
};

static double at(const struct line *line, double level)
{
    return line->shot * level + line->read;
}

struct sums {
    double w, wx, wv, wxx, wxv, excess;
};

/* Least squares; neither part below zero. */
static void solve(const struct sums *s, struct line *line)
{
    const double spread = s->w * s->wxx - s->wx * s->wx;
    double shot = spread > 1e-9 * s->w * s->w ? (s->w * s->wxv - s->wx * s->wv) / spread : 0;
    shot = shot > 0 ? shot : 0;
    double read = (s->wv - shot * s->wx) / s->w;
    if (read < 0) { /* through the origin instead */
        read = 0;
        shot = s->wxv / s->wxx;
    }
    line->shot = shot;
    line->read = read;
}

static double weight_of(const struct point *p, const struct line *line, bool is_first)
{
    const double model = is_first ? p->variance : at(line, p->level);
    const double error = p->error * p->error + MODEL_ERROR * MODEL_ERROR;
    const double sigma = model * __builtin_sqrt(error) + 1e-12;
    const double off = is_first ? 0 : (p->variance - model) / sigma;
    const double far = off > 0 ? off / HIGHER : off / LOWER;
    const double excess = p->excess > 0.75 ? (p->excess - 0.75) * 5 : 0;
    return 1 / (sigma * sigma * (1 + far * far) * (1 + excess * excess));
}

static void fit(const struct point *points, unsigned count, struct line *line)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct sums s = {0};
        for (unsigned i = 0; i < count; i++) {
            const struct point *p = &points[i];
            const double w = weight_of(p, line, round == 0);
            s.w += w;
            s.wx += w * p->level;
            s.wv += w * p->variance;
            s.wxx += w * p->level * p->level;
            s.wxv += w * p->level * p->variance;
            s.excess += w * p->excess;
        }
        solve(&s, line);
        line->middle = s.wx / s.w;
        line->excess = s.excess / s.w;
        line->error = 1 / __builtin_sqrt(s.w);
    }
}

/* ---- the answer ------------------------------------------------------------------------------ */

/* More than twice what the smallest pixels of phones have at gain 1 (a full well of 1000 electrons,
 * read noise of 7), and at the gain that is taken where none is known. */
#define SHOT_MOST 1e-3
#define READ_MOST 5e-5
#define GAIN_MOST 64

#define EXCESS_NONE 1.0 /* noise alone has 0.6, since the least was chosen; */
#define EXCESS_ALL  2.0 /* smooth scenes without noise more than this */
#define ERROR_HALF  0.3

/* In squared codes: half of what rounding makes. What has less is cut off by something. */
#define LEAST (1.0 / 24)

static double confidence_of(const struct line *line, double error)
{
    const double smooth = (EXCESS_ALL - line->excess) / (EXCESS_ALL - EXCESS_NONE);
    const double share = smooth < 0 ? 0 : smooth < 1 ? smooth : 1;
    return share / (1 + error * error / (ERROR_HALF * ERROR_HALF));
}

static void answer(const struct isp_burst *burst, const struct line *line, struct isp_noise *out)
{
    const double error = line->error / at(line, line->middle);
    double gain = burst->exposures ? (double)burst->exposures[burst->reference].analogue_gain : 0;
    gain = gain > 0 ? gain : GAIN_MOST;
    const double shot = SHOT_MOST * gain, read = READ_MOST * gain * gain;
    double confidence = confidence_of(line, error);
    confidence *= line->shot > shot ? shot / line->shot : 1;
    confidence *= line->read > read ? read / line->read : 1;
    out->shot = (float)(line->shot < shot ? line->shot : shot);
    out->read = (float)(line->read < read ? line->read : read);
    out->error = (float)error;
    out->confidence = (float)confidence;
}

/* Texture and lossy compression say nothing where anything else does. */
static unsigned keep_smooth(struct point *points, unsigned count)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < count; i++) {
        const struct point p = points[i];
        if (p.excess < EXCESS_ALL)
            points[kept++] = p;
    }
    return kept ? kept : count;
}

void isp_noise_estimate(const struct isp_burst *burst, const struct isp_burst_transform *transform,
    uint32_t frames, void *scratch, struct isp_noise *out)
{
    struct noise_scratch *s = scratch;
    const struct sisp_coefficients *c = burst->coefficients;
    const double black = (double)c->black_level[SISP_SITE_GR],
                 range = (double)c->white_level - black;
    struct point points[BINS];
    struct line line = {0};
    unsigned count = 0;
    s->count = 0;
    *out = (struct isp_noise){0};
    add_windows(s, burst, transform, frames & ~(1U << burst->reference));
    for (unsigned bin = 0; bin < BINS; bin++) {
        struct point *p = &points[count];
        const bool is_seen = find_point(s, bin, p) && p->variance > LEAST / (range * range);
        const double room = 1 - p->level;
        count += is_seen && room * room > CUT * p->variance && mend_cut(p, -black / range);
    }
    count = keep_smooth(points, count);
    if (!count)
        return;
    fit(points, count, &line);
    if (at(&line, line.middle) > 0)
        answer(burst, &line, out);
}
