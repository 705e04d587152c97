/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Align: one whole-period translation per frame, by a coarse to fine search of grey pyramids. */
#include <isp/burst/pyramid.h>

#include <base/base.h>

#include <float.h>
#include <stdbool.h>

#define REACH           64     /* cells: 128 samples either way */
#define ROWS            256    /* of a level, that are looked at: as good as all */
#define BAND            64     /* rows of grey cells that are a task */
#define EXPOSURES_APART 100.0F /* beyond which they are taken for wrong */

struct shift {
    int32_t x, y;
};

/* ---- search --------------------------------------------------------------------------------- */

/* Where both frames are: reference cell (x, y) meets frame cell (x - shift.x, y - shift.y). */
struct overlap {
    uint32_t x0, x1, y0, y1;
};

static struct overlap overlap_of(const struct level *level, struct shift s)
{
    int32_t w = (int32_t)level->width, h = (int32_t)level->height;
    return (struct overlap){(uint32_t)(s.x > 0 ? s.x : 0), (uint32_t)(s.x < 0 ? w + s.x : w),
        (uint32_t)(s.y > 0 ? s.y : 0), (uint32_t)(s.y < 0 ? h + s.y : h)};
}

struct found {
    struct shift shift;
    float gain;
};

/* A level of the reference and the same one of the frame. */
struct pictures {
    const struct level *reference, *frame;
    const struct burst_frame *format;
};

static uint32_t step_of(const struct overlap *o)
{
    const uint32_t step = (o->y1 - o->y0) / ROWS;
    return step > 1 ? step : 1;
}

static const int16_t *cell_at(const struct level *level, int64_t x, int64_t y)
{
    return level->cells + y * level->width + x;
}

/* Mean absolute difference; FLT_MAX where less than an eighth of the overlap can be compared. */
static float mean_difference(const struct pictures *p, struct shift s)
{
    struct overlap o = overlap_of(p->reference, s);
    const uint32_t step = step_of(&o);
    struct score score = {0, 0};
    for (uint32_t y = o.y0; y < o.y1; y += step)
        p->format->kernels->add_difference(&score, cell_at(p->reference, o.x0, y),
            cell_at(p->frame, (int64_t)o.x0 - s.x, (int64_t)y - s.y), o.x1 - o.x0);
    uint64_t cells = (uint64_t)(o.x1 - o.x0) * ((o.y1 - o.y0 + step - 1) / step);
    return score.count && score.count * 8 >= cells ? (float)score.sum / (float)score.count
                                                   : FLT_MAX;
}

/* Make the frame as bright as the reference is where they overlap: on smooth content a lamp's
 * flicker looks like motion. Returns by how much. */
static float equalise(const struct pictures *p, struct shift s, float black)
{
    struct overlap o = overlap_of(p->reference, s);
    const uint32_t step = step_of(&o);
    struct brightness sum = {0, 0};
    for (uint32_t y = o.y0; y < o.y1; y += step)
        p->format->kernels->add_brightness(&sum, cell_at(p->reference, o.x0, y),
            cell_at(p->frame, (int64_t)o.x0 - s.x, (int64_t)y - s.y), o.x1 - o.x0, (int32_t)black);
    float gain = sum.frame > 0 ? (float)sum.reference / (float)sum.frame : 1;
    if (!(gain < PYRAMID_GAIN_MAX && gain * PYRAMID_GAIN_MAX > 1))
        return 1;
    isp_pyramid_scale(p->format, p->frame, gain, black);
    return gain;
}

static int32_t magnitude(int32_t v)
{
    return v < 0 ? -v : v;
}

/* The best shift within `reach` of `centre` that leaves at least half of each side in the overlap.
 * On equal terms the centre wins. */
static struct shift search(const struct pictures *p, struct shift centre, int32_t reach)
{
    struct shift best = centre;
    float least = mean_difference(p, centre);
    for (int32_t y = centre.y - reach; y <= centre.y + reach; y++) {
        for (int32_t x = centre.x - reach; x <= centre.x + reach; x++) {
            if (magnitude(x) * 2 > (int32_t)p->reference->width ||
                magnitude(y) * 2 > (int32_t)p->reference->height)
                continue;
            float difference = mean_difference(p, (struct shift){x, y});
            if (difference < least) {
                least = difference;
                best = (struct shift){x, y};
            }
        }
    }
    return best;
}

static void find_shift(const struct pyramid *reference, const struct pyramid *frame,
    const struct burst_frame *format, float black, struct found *out)
{
    struct shift s = {0, 0};
    for (uint32_t i = reference->count; i-- > 0;) {
        const struct pictures p = {&reference->levels[i], &frame->levels[i], format};
        /* The coarser level is right to half of its cells, two where content repeats. */
        int32_t reach = i == reference->count - 1 ? REACH >> i : i > 0 ? 2 : 1;
        s = (struct shift){s.x * 2, s.y * 2};
        out->gain = equalise(&p, s, black);
        s = search(&p, s, reach);
    }
    out->shift = s;
}

/* ---- frames ---------------------------------------------------------------------------------- */

size_t isp_burst_align_scratch_size(const struct isp_geometry *geometry)
{
    return 2 * isp_pyramid_bytes(geometry) + isp_noise_scratch_size();
}

/* What one task works with; the pyramids' cells stay in the scratch memory from task to task. */
struct job {
    const struct isp_burst *burst;
    struct burst_frame frame;
    struct pyramid fixed, moving;
    float black; /* of a grey cell */
    void *noise_scratch;
};

static void job_init(struct job *job, const struct isp_burst *burst, void *scratch)
{
    const struct isp_geometry *geometry = burst->geometry;
    uint8_t *bytes = scratch;
    *job = (struct job){.burst = burst,
        .frame = isp_burst_frame_of(geometry, burst->isa),
        .black = isp_pyramid_black(geometry, burst->coefficients),
        .noise_scratch = bytes + 2 * isp_pyramid_bytes(geometry)};
    isp_pyramid_place(&job->fixed, geometry, (int16_t *)bytes);
    isp_pyramid_place(&job->moving, geometry, (int16_t *)(bytes + isp_pyramid_bytes(geometry)));
}

static float known_ratio(float a, float b)
{
    const float ratio = a > 0 && b > 0 ? a / b : 1;
    return ratio > 1 / EXPOSURES_APART && ratio < EXPOSURES_APART ? ratio : 1;
}

/* The sensor's gain of the frame over that of the reference. */
static float gain_ratio(const struct isp_burst *burst, uint32_t i)
{
    const struct isp_burst_exposure *all = burst->exposures;
    return all ? known_ratio(all[i].analogue_gain, all[burst->reference].analogue_gain) : 1;
}

/* Brightness of the reference over the frame's, as they were exposed. */
static float exposure_ratio(const struct isp_burst *burst, uint32_t i)
{
    const struct isp_burst_exposure *all = burst->exposures;
    return all ? known_ratio(all[burst->reference].time_us, all[i].time_us) / gain_ratio(burst, i)
               : 1;
}

static bool is_alike(const struct isp_burst *burst, uint32_t i)
{
    const float ratio = exposure_ratio(burst, i), gain = gain_ratio(burst, i);
    return ratio > 0.9F && ratio < 1.1F && gain > 0.9F && gain < 1.1F;
}

static void build(struct job *job, uint32_t frame, uint32_t task)
{
    const struct isp_burst *burst = job->burst;
    const bool is_reference = frame == burst->reference;
    const struct pyramid_source source = {.raw = burst->raws[frame],
        .white = burst->coefficients->white_level,
        .black = job->black,
        .gain = is_reference ? 1 : exposure_ratio(burst, frame)};
    isp_pyramid_build(is_reference ? &job->fixed : &job->moving, &job->frame, &source, task * BAND,
        (task + 1) * BAND);
}

static void shift_frame(struct job *job, uint32_t i, struct isp_burst_transform *out)
{
    struct found found = {.gain = 1};
    find_shift(&job->fixed, &job->moving, &job->frame, job->black, &found);
    out->dx[i] = 2 * found.shift.x;
    out->dy[i] = 2 * found.shift.y;
    out->gain[i] = exposure_ratio(job->burst, i) * found.gain;
    out->noise[i] = out->gain[i] * gain_ratio(job->burst, i);
}

/* What is brighter has other noise. */
static void find_noise(const struct job *job, struct isp_burst_transform *out)
{
    uint32_t alike = 0;
    struct isp_noise noise;
    for (uint32_t i = 0; i < job->burst->count; i++)
        alike |= (uint32_t)is_alike(job->burst, i) << i;
    isp_noise_estimate(job->burst, out, alike, job->noise_scratch, &noise);
    out->noise_shot = noise.shot;
    out->noise_read = noise.read;
    out->noise_error = noise.error;
    out->noise_confidence = noise.confidence;
}

/* ---- a burst --------------------------------------------------------------------------------- */

enum kind {
    KIND_GREY,  /* of the reference, then of each frame before its shift */
    KIND_SHIFT, /* of a frame */
    KIND_NOISE, /* only where it is not stated */
};

struct step {
    enum kind kind;
    uint32_t frame;
};

/* Frame n of those that follow the reference: 0 is the reference itself. */
static uint32_t frame_at(const struct isp_burst *burst, uint32_t n)
{
    return n == 0 ? burst->reference : n <= burst->reference ? n - 1 : n;
}

static struct step step_of_phase(const struct isp_burst *burst, uint32_t phase)
{
    const uint32_t shifted = 2 * burst->count - 1;
    if (phase >= shifted)
        return (struct step){KIND_NOISE, burst->reference};
    return (struct step){
        phase > 0 && phase % 2 == 0 ? KIND_SHIFT : KIND_GREY, frame_at(burst, (phase + 1) / 2)};
}

void isp_burst_align_begin(const struct isp_burst *burst, struct isp_burst_transform *out)
{
    const struct sisp_coefficients *c = burst->coefficients;
    sisp_assert(burst->count >= 1 && burst->count <= ISP_BURST_MAX);
    sisp_assert(burst->reference < burst->count);
    *out = (struct isp_burst_transform){.used = (uint32_t)(1ULL << burst->count) - 1,
        .reference = burst->reference,
        .noise_shot = c->noise_shot,
        .noise_read = c->noise_read,
        .noise_confidence = 1};
    out->gain[burst->reference] = out->noise[burst->reference] = 1;
}

uint32_t isp_burst_align_phases(const struct isp_burst *burst)
{
    const struct sisp_coefficients *c = burst->coefficients;
    const bool is_stated = c->noise_shot > 0 || c->noise_read > 0;
    return 2 * burst->count - 1 + !is_stated;
}

uint32_t isp_burst_align_tasks(const struct isp_burst *burst, uint32_t phase)
{
    const uint32_t rows = burst->geometry->crop.height / 2;
    return step_of_phase(burst, phase).kind == KIND_GREY ? (rows + BAND - 1) / BAND : 1;
}

void isp_burst_align_run(const struct isp_burst *burst, struct isp_burst_transform *transform,
    void *scratch, const struct isp_burst_task *task)
{
    const struct step step = step_of_phase(burst, task->phase);
    struct job job;
    job_init(&job, burst, scratch);
    if (step.kind == KIND_GREY)
        build(&job, step.frame, task->task);
    else if (step.kind == KIND_SHIFT)
        shift_frame(&job, step.frame, transform);
    else
        find_noise(&job, transform);
}
