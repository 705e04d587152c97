/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Align: one whole-period translation per frame, by a coarse to fine search of grey pyramids. The
 * coarsest level is searched near no motion first, then as far as frames overlap. */
#include <isp/burst/pyramid.h>

#include <base/base.h>

#include <float.h>
#include <stdbool.h>

#define NEAR            64     /* cells: 128 samples either way, where a hand's motion ends */
#define FAR             480    /* cells: 960 samples, with some room in what vectors can say */
#define FAR_BETTER      0.8F   /* of what is near: another overlap is not better by chance */
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
    float gain, least; /* least: mean difference */
};

/* A level of the reference and the same one of the frame. */
struct pictures {
    const struct level *reference, *frame;
    const struct burst_frame *format;
    bool is_far;
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

/* Mean absolute difference; FLT_MAX where less than an eighth of the overlap can be compared, or as
 * soon as it is seen to be above `most`. */
static float mean_difference(const struct pictures *p, struct shift s, float most)
{
    struct overlap o = overlap_of(p->reference, s);
    const uint32_t step = step_of(&o);
    const uint64_t cells = (uint64_t)(o.x1 - o.x0) * ((o.y1 - o.y0 + step - 1) / step);
    const float enough = most * (float)cells;
    struct score score = {0, 0};
    for (uint32_t y = o.y0; y < o.y1; y += step) {
        p->format->kernels->add_difference(&score, cell_at(p->reference, o.x0, y),
            cell_at(p->frame, (int64_t)o.x0 - s.x, (int64_t)y - s.y), o.x1 - o.x0);
        if ((float)score.sum > enough)
            return FLT_MAX;
    }
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

/* Half of each side is in the overlap; of what lies far, a quarter of the frame. */
static bool is_within(const struct pictures *p, struct shift s)
{
    const int64_t width = p->reference->width, height = p->reference->height;
    const int64_t across = width - magnitude(s.x), down = height - magnitude(s.y);
    if (p->is_far)
        return across > 0 && down > 0 && across * down * 4 >= width * height;
    return across * 2 >= width && down * 2 >= height;
}

/* The best shift within `reach` of `centre`, below `least`, which it is set to. On equal terms the
 * first wins. */
static struct shift search(
    const struct pictures *p, struct shift centre, int32_t reach, float *least)
{
    struct shift best = centre;
    for (int32_t y = centre.y - reach; y <= centre.y + reach; y++) {
        for (int32_t x = centre.x - reach; x <= centre.x + reach; x++) {
            const struct shift s = {x, y};
            const float difference = is_within(p, s) ? mean_difference(p, s, *least) : FLT_MAX;
            if (difference < *least) {
                *least = difference;
                best = s;
            }
        }
    }
    return best;
}

/* Where they overlap the frame is as bright as the reference. */
static void search_equalised(
    const struct pictures *p, int32_t reach, float black, struct found *found)
{
    found->gain = equalise(p, found->shift, black);
    found->least = mean_difference(p, found->shift, FLT_MAX);
    found->shift = search(p, found->shift, reach, &found->least);
}

/* Both frames' levels. */
struct views {
    const struct pyramid *reference, *frame;
    const struct burst_frame *format;
    float black;
};

static struct pictures level_of(const struct views *v, uint32_t level, bool is_far)
{
    return (struct pictures){
        &v->reference->levels[level], &v->frame->levels[level], v->format, is_far};
}

/* From what the coarsest level found down to the finest. `least` becomes that of the last but one,
 * in which noise is half of the last's. */
static void descend(const struct views *v, bool is_far, struct found *found)
{
    float least = found->least;
    for (uint32_t i = v->reference->count - 1; i-- > 0;) {
        const struct pictures p = level_of(v, i, is_far);
        found->shift = (struct shift){found->shift.x * 2, found->shift.y * 2};
        /* The coarser level is right to half of its cells, two where content repeats. */
        search_equalised(&p, i > 0 ? 2 : 1, v->black, found);
        least = i > 0 ? found->least : least;
    }
    found->least = least;
}

/* Whether anything far fits clearly better on the coarsest level. */
static bool search_far(const struct views *v, const struct found *near, struct found *far)
{
    const uint32_t top = v->reference->count - 1;
    const struct pictures p = level_of(v, top, true);
    const float most = near->least < FLT_MAX ? FAR_BETTER * near->least : FLT_MAX;
    *far = (struct found){{0, 0}, 1, most};
    far->shift = search(&p, far->shift, FAR >> top, &far->least);
    if (!(far->least < most))
        return false;
    /* It was compared as bright as it is elsewhere. */
    search_equalised(&p, 1, v->black, far);
    return true;
}

/* What lies far must fit clearly better on a fine level, too: on the coarsest one, which only knows
 * shifts of whole cells, what repeats may fit by chance. */
static struct found find_shift(const struct views *v)
{
    const uint32_t top = v->reference->count - 1;
    const struct pictures p = level_of(v, top, false);
    struct found near = {{0, 0}, 1, FLT_MAX}, far;
    search_equalised(&p, NEAR >> top, v->black, &near);
    const bool has_far = search_far(v, &near, &far);
    descend(v, false, &near);
    if (!has_far)
        return near;
    descend(v, true, &far);
    far.gain *= near.gain; /* the other has scaled its cells already */
    return far.least < FAR_BETTER * near.least ? far : near;
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
    const struct views views = {&job->fixed, &job->moving, &job->frame, job->black};
    const struct found found = find_shift(&views);
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
    isp_noise_estimate(job->burst, out, alike & out->used, job->noise_scratch, &noise);
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
    const uint32_t all = (uint32_t)(1ULL << burst->count) - 1;
    const uint32_t copies = isp_burst_find_copies(burst);
    *out = (struct isp_burst_transform){.used = all & ~copies,
        .copies = copies,
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
