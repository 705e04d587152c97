/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Align: one whole-period translation per frame, by a coarse to fine search of grey pyramids. */
#include <isp/burst/pyramid.h>

#include <base/base.h>

#include <float.h>
#include <stdbool.h>

#define REACH           64     /* cells: 128 samples either way */
#define ROWS            256    /* of a level, that are looked at: as good as all */
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
    return 2 * isp_pyramid_bytes(geometry) + isp_burst_noise_scratch_size(geometry);
}

/* What one call works with. */
struct job {
    const struct isp_geometry *geometry;
    const struct sisp_coefficients *coefficients;
    const uint8_t *const *raws;
    const struct isp_burst_exposure *exposures;
    uint32_t count, reference;
    enum isp_isa isa;
    struct burst_frame frame;
    struct pyramid fixed, moving;
    float black; /* of a grey cell */
    void *noise_scratch;
};

static float known_ratio(float a, float b)
{
    const float ratio = a > 0 && b > 0 ? a / b : 1;
    return ratio > 1 / EXPOSURES_APART && ratio < EXPOSURES_APART ? ratio : 1;
}

/* The sensor's gain of the frame over that of the reference. */
static float gain_ratio(const struct job *job, uint32_t i)
{
    const struct isp_burst_exposure *all = job->exposures;
    return all ? known_ratio(all[i].analogue_gain, all[job->reference].analogue_gain) : 1;
}

/* Brightness of the reference over the frame's, as they were exposed. */
static float exposure_ratio(const struct job *job, uint32_t i)
{
    const struct isp_burst_exposure *all = job->exposures;
    return all ? known_ratio(all[job->reference].time_us, all[i].time_us) / gain_ratio(job, i) : 1;
}

static bool is_alike(const struct job *job, uint32_t i)
{
    const float ratio = exposure_ratio(job, i), gain = gain_ratio(job, i);
    return ratio > 0.9F && ratio < 1.1F && gain > 0.9F && gain < 1.1F;
}

static void find_shifts(struct job *job, struct isp_burst_transform *out)
{
    struct pyramid_source source = {.raw = job->raws[job->reference],
        .white = job->coefficients->white_level,
        .black = job->black,
        .gain = 1};
    isp_pyramid_build(&job->fixed, &job->frame, &source, 0, UINT32_MAX);
    for (uint32_t i = 0; i < job->count; i++) {
        if (i == job->reference)
            continue;
        struct found found = {.gain = 1};
        const float exposed = exposure_ratio(job, i);
        source.raw = job->raws[i];
        source.gain = exposed;
        isp_pyramid_build(&job->moving, &job->frame, &source, 0, UINT32_MAX);
        find_shift(&job->fixed, &job->moving, &job->frame, job->black, &found);
        out->dx[i] = 2 * found.shift.x;
        out->dy[i] = 2 * found.shift.y;
        out->gain[i] = exposed * found.gain;
        out->noise[i] = out->gain[i] * gain_ratio(job, i);
    }
}

/* Of all frames the one with the least noise: moved content and wrong shifts only add to it. */
static void find_noise(const struct job *job, struct isp_burst_transform *out)
{
    const struct sisp_coefficients *c = job->coefficients;
    struct burst_pair pair = {{job->raws[job->reference], NULL}, 0, 0, job->isa};
    struct burst_noise best = {c->noise_shot, c->noise_read};
    if (!(best.shot > 0) && !(best.read > 0)) {
        best = isp_burst_noise_estimate(job->geometry, c, &pair, job->noise_scratch);
        for (uint32_t i = 0; i < job->count; i++) {
            pair = (struct burst_pair){
                {job->raws[job->reference], job->raws[i]}, out->dx[i], out->dy[i], job->isa};
            /* What is brighter has other noise. */
            if (i == job->reference || !is_alike(job, i))
                continue;
            struct burst_noise n =
                isp_burst_noise_estimate(job->geometry, c, &pair, job->noise_scratch);
            if (n.shot * 0.25F + n.read < best.shot * 0.25F + best.read)
                best = n;
        }
    }
    out->noise_shot = best.shot;
    out->noise_read = best.read;
}

void isp_burst_align(const struct isp_burst *burst, void *scratch, struct isp_burst_transform *out)
{
    const struct isp_geometry *geometry = burst->geometry;
    sisp_assert(burst->count >= 1 && burst->count <= ISP_BURST_MAX);
    sisp_assert(burst->reference < burst->count);
    uint8_t *bytes = scratch;
    struct job job = {.geometry = geometry,
        .coefficients = burst->coefficients,
        .raws = burst->raws,
        .exposures = burst->exposures,
        .count = burst->count,
        .reference = burst->reference,
        .isa = burst->isa,
        .frame = isp_burst_frame_of(geometry, burst->isa),
        .black = isp_pyramid_black(geometry, burst->coefficients),
        .noise_scratch = bytes + 2 * isp_pyramid_bytes(geometry)};
    isp_pyramid_place(&job.fixed, geometry, (int16_t *)bytes);
    isp_pyramid_place(&job.moving, geometry, (int16_t *)(bytes + isp_pyramid_bytes(geometry)));
    *out = (struct isp_burst_transform){
        .used = (uint32_t)(1ULL << job.count) - 1, .reference = job.reference};
    out->gain[job.reference] = out->noise[job.reference] = 1;
    find_shifts(&job, out);
    find_noise(&job, out);
}
