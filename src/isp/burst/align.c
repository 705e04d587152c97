/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Align: one whole-period translation per frame, by a coarse to fine search of grey pyramids. */
#include <isp/burst/pyramid.h>

#include <base/base.h>

#include <float.h>
#include <stdbool.h>

#define REACH    64   /* cells: 128 samples either way */
#define WRONG    16   /* cells by which a transform is off to learn how wrong ones look */
#define RESIDUAL 2.0F /* sigmas up to which a frame is always taken */
#define FRACTION 0.5F /* of a wrong transform's residual, beyond which it is not */

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

/* A level of the reference and the same one of the frame. */
struct pictures {
    const struct level *reference, *frame;
    const struct burst_frame *format;
};

static const int16_t *cell_at(const struct level *level, int64_t x, int64_t y)
{
    return level->cells + y * level->width + x;
}

/* Mean absolute difference; FLT_MAX where less than an eighth of the overlap can be compared. */
static float mean_difference(const struct pictures *p, struct shift s)
{
    struct overlap o = overlap_of(p->reference, s);
    struct score score = {0, 0};
    for (uint32_t y = o.y0; y < o.y1; y++)
        p->format->kernels->add_difference(&score, cell_at(p->reference, o.x0, y),
            cell_at(p->frame, (int64_t)o.x0 - s.x, (int64_t)y - s.y), o.x1 - o.x0);
    uint64_t cells = (uint64_t)(o.x1 - o.x0) * (o.y1 - o.y0);
    return score.count && score.count * 8 >= cells ? (float)score.sum / (float)score.count
                                                   : FLT_MAX;
}

/* Make the frame as bright as the reference is where they overlap: on smooth content a lamp's
 * flicker looks like motion. Returns by how much. */
static float equalise(const struct pictures *p, struct shift s, float black)
{
    struct overlap o = overlap_of(p->reference, s);
    struct brightness sum = {0, 0};
    for (uint32_t y = o.y0; y < o.y1; y++)
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

static struct shift find_shift(const struct pyramid *reference, const struct pyramid *frame,
    const struct burst_frame *format, float black)
{
    struct shift s = {0, 0};
    for (uint32_t i = reference->count; i-- > 0;) {
        const struct pictures p = {&reference->levels[i], &frame->levels[i], format};
        /* The coarser level is right to half of its cells, two where content repeats. */
        int32_t reach = i == reference->count - 1 ? REACH >> i : i > 0 ? 2 : 1;
        s = (struct shift){s.x * 2, s.y * 2};
        equalise(&p, s, black);
        s = search(&p, s, reach);
    }
    return s;
}

/* ---- residuals ------------------------------------------------------------------------------- */

/* Of every second row: noise is the same in the others. */
static float residual_at(const struct pictures *p, struct shift s, const struct cell_noise *noise)
{
    struct overlap o = overlap_of(p->reference, s);
    struct score score = {0, 0};
    for (uint32_t y = o.y0; y < o.y1; y += 2)
        p->format->kernels->add_residual(&score, cell_at(p->reference, o.x0, y),
            cell_at(p->frame, (int64_t)o.x0 - s.x, (int64_t)y - s.y), o.x1 - o.x0, noise);
    return score.count ? (float)score.sum / (float)score.count / ROWS_SIGMA : FLT_MAX;
}

/* What a wrong transform looks like on this content: the reference against itself, moved. */
static float residual_of_wrong(const struct pictures *p, const struct cell_noise *noise)
{
    const struct pictures own = {p->reference, p->reference, p->format};
    int32_t x = (int32_t)p->reference->width / 4, y = (int32_t)p->reference->height / 4;
    float a = residual_at(&own, (struct shift){x < WRONG ? x : WRONG, 0}, noise);
    float b = residual_at(&own, (struct shift){0, y < WRONG ? y : WRONG}, noise);
    return a > b ? a : b;
}

/* ---- frames ---------------------------------------------------------------------------------- */

size_t isp_burst_align_scratch_size(const struct isp_geometry *geometry)
{
    size_t words = 2 * ((size_t)geometry->crop.width + UNPACK_SLACK) * sizeof(uint16_t);
    return 2 * isp_pyramid_bytes(geometry) +
           base_max_size(base_align(words, 64), isp_burst_noise_scratch_size(geometry));
}

/* What one call works with. */
struct job {
    const struct isp_geometry *geometry;
    const struct sisp_coefficients *coefficients;
    const uint8_t *const *raws;
    uint32_t count, reference;
    enum isp_isa isa;
    struct burst_frame frame;
    struct pyramid fixed, moving;
    float black;     /* of a grey cell */
    uint16_t *words; /* also the scratch of the noise estimate: never both at once */
};

static void find_shifts(struct job *job, struct isp_burst_transform *out)
{
    const float white = job->coefficients->white_level;
    isp_pyramid_grey(&job->fixed, &job->frame, white, job->raws[job->reference], job->words);
    isp_pyramid_halve(&job->fixed, &job->frame);
    for (uint32_t i = 0; i < job->count; i++) {
        if (i == job->reference)
            continue;
        isp_pyramid_grey(&job->moving, &job->frame, white, job->raws[i], job->words);
        isp_pyramid_halve(&job->moving, &job->frame);
        struct shift s = find_shift(&job->fixed, &job->moving, &job->frame, job->black);
        out->dx[i] = 2 * s.x;
        out->dy[i] = 2 * s.y;
    }
}

/* Of all frames the one with the least noise: moved content and wrong shifts only add to it. */
static void find_noise(const struct job *job, struct isp_burst_transform *out)
{
    const struct sisp_coefficients *c = job->coefficients;
    struct burst_pair pair = {{job->raws[job->reference], NULL}, 0, 0, job->isa};
    struct burst_noise best = {c->noise_shot, c->noise_read};
    if (!(best.shot > 0) && !(best.read > 0)) {
        best = isp_burst_noise_estimate(job->geometry, c, &pair, job->words);
        for (uint32_t i = 0; i < job->count; i++) {
            pair = (struct burst_pair){
                {job->raws[job->reference], job->raws[i]}, out->dx[i], out->dy[i], job->isa};
            if (i == job->reference)
                continue;
            struct burst_noise n = isp_burst_noise_estimate(job->geometry, c, &pair, job->words);
            if (n.shot * 0.25F + n.read < best.shot * 0.25F + best.read)
                best = n;
        }
    }
    out->noise_shot = best.shot;
    out->noise_read = best.read;
}

static void find_residuals(struct job *job, struct isp_burst_transform *out)
{
    const struct pictures p = {&job->fixed.levels[0], &job->moving.levels[0], &job->frame};
    const struct cell_noise noise = isp_pyramid_noise(job->geometry, job->coefficients, out);
    const float wrong = residual_of_wrong(&p, &noise) * FRACTION;
    const float most = wrong > RESIDUAL ? wrong : RESIDUAL;
    for (uint32_t i = 0; i < job->count; i++) {
        if (i == job->reference)
            continue;
        isp_pyramid_grey(
            &job->moving, &job->frame, job->coefficients->white_level, job->raws[i], job->words);
        struct shift s = {out->dx[i] / 2, out->dy[i] / 2};
        out->gain[i] = equalise(&p, s, job->black);
        out->residual[i] = residual_at(&p, s, &noise);
        if (out->residual[i] <= most)
            out->used |= 1U << i;
    }
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
        .count = burst->count,
        .reference = burst->reference,
        .isa = burst->isa,
        .frame = isp_burst_frame_of(geometry, burst->isa),
        .black = isp_pyramid_black(geometry, burst->coefficients),
        .words = (uint16_t *)(bytes + 2 * isp_pyramid_bytes(geometry))};
    isp_pyramid_place(&job.fixed, geometry, (int16_t *)bytes);
    isp_pyramid_place(&job.moving, geometry, (int16_t *)(bytes + isp_pyramid_bytes(geometry)));
    *out = (struct isp_burst_transform){.used = 1U << job.reference, .reference = job.reference};
    out->gain[job.reference] = 1;
    find_shifts(&job, out);
    find_noise(&job, out);
    find_residuals(&job, out);
}
