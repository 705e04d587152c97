/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SlowISP: a burst is merged into one raw frame, noise is taken from it, then it is developed in
 * floats, in bands. */
#include "workers/pipeline.h"

#include <errno.h>
#include <string.h>

enum phase {
    PHASE_FILTERS, /* only of a burst of another noise than the last one's */
    PHASE_MERGE,   /* only of a burst */
    PHASE_DENOISE, /* only where it is wanted, and the noise is known */
    PHASE_SURVEY,  /* only where the recipe asks for it, and the plan, too */
    PHASE_PLAN,
    PHASE_DEVELOP,
    PHASE_HASH, /* the inputs, then the picture */
};

static bool has_phase(const struct pipeline *p, const struct eng_job *job, enum phase phase)
{
    switch (phase) {
    case PHASE_FILTERS:
        return p->is_designing;
    case PHASE_MERGE:
        return pipeline_is_burst(job);
    case PHASE_DENOISE:
        return p->is_denoising;
    case PHASE_SURVEY:
    case PHASE_PLAN:
        return isp_still_has_survey(p->slow.recipe);
    case PHASE_DEVELOP:
    case PHASE_HASH:
        break;
    }
    return true;
}

static enum phase phase_of(const struct pipeline *p, const struct eng_job *job, uint32_t phase)
{
    enum phase now = PHASE_FILTERS;
    while (now < PHASE_HASH && (!has_phase(p, job, now) || phase-- > 0))
        now++;
    return now;
}

/* The mosaic that comes along is the last one made. */
static uint16_t *merged_of(const struct pipeline *p, const struct eng_job *job)
{
    const bool is_last = !p->is_mosaic_denoised || !p->is_denoising;
    return p->has_mosaic && is_last ? pipeline_mosaic(p, job->writes[ROLE_PICTURE].bytes)
                                    : p->burst_scratch;
}

static uint16_t *denoised_of(const struct pipeline *p, const struct eng_job *job)
{
    return p->is_mosaic_denoised ? pipeline_mosaic(p, job->writes[ROLE_PICTURE].bytes)
                                 : p->denoised;
}

static const uint8_t *merged_raw(const struct pipeline *p, const struct eng_job *job)
{
    return pipeline_is_burst(job) ? (const uint8_t *)merged_of(p, job) : job->inputs[0].bytes;
}

static unsigned kind_of(const struct eng_job *job)
{
    const struct payload *payload = job->reads[ROLE_PAYLOAD].bytes;
    return isp_burst_filters_kind(&payload->transform);
}

static void merge_band(
    struct pipeline *p, const struct eng_job *job, uint32_t y0, uint32_t y1, uint32_t thread)
{
    const struct payload *payload = job->reads[ROLE_PAYLOAD].bytes;
    const uint8_t *raws[ISP_BURST_MAX];
    for (uint32_t i = 0; i < job->input_count; i++)
        raws[i] = job->inputs[i].bytes;
    const struct isp_burst burst = {.geometry = &p->still,
        .coefficients = &payload->coefficients,
        .raws = raws,
        .count = job->input_count,
        .reference = job->input_count - 1,
        .isa = p->isa};
    const struct isp_burst_merge merge = {&payload->transform, job->reads[ROLE_MOTION].bytes,
        p->filters, merged_of(p, job), p->merged_noise};
    isp_burst_merge_band(&burst, &merge, y0, y1, p->merge_scratch[thread], &p->shares[thread]);
}

static void denoise_tile(
    struct pipeline *p, const struct eng_job *job, uint32_t task, uint32_t thread)
{
    const struct isp_denoise work = {
        merged_raw(p, job), denoised_of(p, job), pipeline_is_burst(job) ? p->merged_noise : NULL};
    isp_denoise_tile(p->denoise, &work, task, p->denoise_scratch[thread]);
}

/* What a raw is once it has been merged or denoised. */
static void use_mosaic(
    const struct pipeline *p, struct isp_geometry *geometry, struct sisp_coefficients *c)
{
    *geometry = pipeline_merged_geometry(&p->still);
    for (unsigned i = 0; i < SISP_SITE_COUNT; i++)
        c->black_level[i] = ISP_MERGED_BLACK;
    c->white_level = 65535;
}

/* A single frame in which middle grey stands more than twenty times above its noise gains about a
 * decibel, for several times the time of all the rest. What the tone curve brightens to that, it
 * brightens with its noise. Whoever asks for more than the model's measure, or fuses, wants it gone
 * nevertheless. */
static bool is_quiet(const struct eng_job *job, const struct isp_denoise_noise *noise,
    const struct sisp_coefficients *own)
{
    const float ratio = 20, brightened = isp_still_middle_grey(own->tone);
    const float grey = brightened < 0.18F ? brightened : 0.18F;
    return !pipeline_is_burst(job) && own->denoise <= 1 &&
           (grey * noise->shot + noise->read) * ratio * ratio < grey * grey;
}

/* Whether there is noise to be reduced, of a known model. What a sensor cuts off of it, so far
 * below black, a merge has made up for; none reaches down to 1. */
static bool compile_denoise(struct pipeline *p, const struct eng_job *job,
    const struct isp_geometry *geometry, const struct sisp_coefficients *c)
{
    const struct payload *payload = job->reads[ROLE_PAYLOAD].bytes;
    const struct sisp_coefficients *own = &payload->coefficients;
    const float range = own->white_level - own->black_level[SISP_SITE_GR];
    const float cut = pipeline_is_burst(job) ? 1 : own->black_level[SISP_SITE_GR] / range;
    const bool is_stated = own->noise_shot > 0 || own->noise_read > 0;
    const float shot = is_stated ? own->noise_shot : payload->transform.noise_shot;
    const float read = is_stated ? own->noise_read : payload->transform.noise_read;
    const struct isp_denoise_noise noise = {
        shot, read + 1 / (12 * range * range), cut < 1 ? -cut : -1};
    return own->denoise > 0 && (shot > 0 || read > 0) && !is_quiet(job, &noise, own) &&
           isp_denoise_compile(p->denoise, geometry, c, &noise, p->isa) == 0;
}

static int begin(void *user, struct eng_job *job)
{
    struct pipeline *p = user;
    int r = pipeline_check_payload(p, job);
    if (r)
        return r;
    const struct payload *payload = job->reads[ROLE_PAYLOAD].bytes;
    uint64_t start_ns = eng_now_ns();
    struct isp_geometry geometry = p->still;
    struct sisp_coefficients coefficients = payload->coefficients;
    if (pipeline_is_burst(job)) {
        const size_t bytes = isp_burst_field_size(&p->still, job->input_count);
        if (!job->reads[ROLE_MOTION].bytes || job->reads[ROLE_MOTION].size_bytes < bytes)
            return -EPROTO;
        memset(p->shares, 0, sizeof(p->shares));
        use_mosaic(p, &geometry, &coefficients);
    }
    p->is_designing = pipeline_is_burst(job) && p->filters_kind != kind_of(job);
    if (p->is_designing)
        p->filters_kind = ISP_BURST_FILTER_KINDS; /* until all are made */
    p->is_denoising = compile_denoise(p, job, &geometry, &coefficients);
    if (p->is_denoising)
        use_mosaic(p, &geometry, &coefficients);
    r = isp_still_compile(p->slow.recipe, &geometry, &coefficients, p->isa);
    if (r)
        return r;
    isp_still_find_clip(
        p->slow.recipe, &p->still, &payload->coefficients, job->inputs[job->input_count - 1].bytes);
    pipeline_timing(job, "recipe", start_ns);
    p->slow.started_ns = eng_now_ns();
    return 2 + p->is_designing + pipeline_is_burst(job) + p->is_denoising +
           (isp_still_has_survey(p->slow.recipe) ? 2 : 0);
}

/* The best demosaic makes no picture of a band's first 36 linear rows: its bands must not be low,
 * and where no preview waits for one to end each thread has four. */
static uint32_t develop_rows(const struct pipeline *p)
{
    const uint32_t low = pipeline_band_rows(&p->still) * 4,
                   share = p->still.height / p->threads / 4;
    return p->is_live || share < low ? low : share;
}

/* A merge's bands are whole blocks of eight rows, a survey's whole rows of cells. */
static uint32_t task_rows(const struct pipeline *p, enum phase phase)
{
    const uint32_t rows = phase == PHASE_DEVELOP ? develop_rows(p) : pipeline_band_rows(&p->still);
    const uint32_t step = phase == PHASE_MERGE    ? 8
                          : phase == PHASE_SURVEY ? isp_still_survey_rows(&p->still)
                                                  : 1;
    return (rows + step - 1) / step * step;
}

static uint32_t task_count(void *user, const struct eng_job *job, uint32_t phase)
{
    const struct pipeline *p = user;
    const enum phase now = phase_of(p, job, phase);
    const uint32_t rows = task_rows(p, now);
    if (now == PHASE_FILTERS)
        return ISP_BURST_FILTER_TASKS;
    if (now == PHASE_DENOISE)
        return isp_denoise_tiles(&p->still);
    if (now == PHASE_PLAN)
        return ISP_STILL_PLAN_PARTS;
    return now == PHASE_HASH ? job->input_count + 1 : (p->still.height + rows - 1) / rows;
}

/* The picture's hash takes longest. */
static void hash_task(struct pipeline *p, const struct eng_job *job, uint32_t task)
{
    if (task == 0)
        p->slow_hashes.picture = pipeline_picture_hash(job, &p->still);
    else
        p->slow_hashes.input[task - 1] = pipeline_input_hash(p, job, task - 1);
}

static void run_task(
    void *user, struct eng_job *job, uint32_t phase, uint32_t task, uint32_t thread)
{
    struct pipeline *p = user;
    const enum phase now = phase_of(p, job, phase);
    if (now == PHASE_HASH) {
        hash_task(p, job, task);
        return;
    }
    const uint32_t rows = task_rows(p, now), y0 = task * rows;
    const uint32_t y1 = y0 + rows < p->still.height ? y0 + rows : p->still.height;
    const uint8_t *raw =
        p->is_denoising ? (const uint8_t *)denoised_of(p, job) : merged_raw(p, job);
    struct sisp_image image = pipeline_picture(&p->still, job->writes[ROLE_PICTURE].bytes);
    if (now == PHASE_FILTERS)
        isp_burst_filters_make(&p->still, kind_of(job), task, p->filters);
    else if (now == PHASE_MERGE)
        merge_band(p, job, y0, y1, thread);
    else if (now == PHASE_DENOISE)
        denoise_tile(p, job, task, thread);
    else if (now == PHASE_SURVEY)
        isp_still_survey_band(p->slow.recipe, raw, y0, y1, p->survey);
    else if (now == PHASE_PLAN)
        isp_still_plan(p->slow.recipe, p->survey, task);
    else
        isp_still_band(p->slow.recipe, raw, &image, y0, y1, p->slow.threads[thread]);
}

/* Mean vector of a frame's blocks, in samples. */
static void mean_motion(const struct pipeline *p, const struct isp_burst_vector *field,
    uint32_t frame, struct sisp_fusion *out)
{
    const size_t count =
        (size_t)isp_burst_blocks(p->still.crop.width) * isp_burst_blocks(p->still.crop.height);
    int64_t x = 0, y = 0;
    for (size_t i = frame * count; i < (frame + 1) * count; i++) {
        x += field[i].x;
        y += field[i].y;
    }
    const float unit = 1 / ((float)count * ISP_BURST_VECTOR_UNIT);
    out->dx[frame] = (float)x * unit;
    out->dy[frame] = (float)y * unit;
}

static float mean_noise(const struct pipeline *p)
{
    const size_t count = isp_burst_noise_map_size(&p->still) / sizeof(uint16_t);
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += p->merged_noise[i];
    return (float)((double)sum / (double)count / ISP_BURST_NOISE_ONE);
}

static void report(const struct pipeline *p, const struct eng_job *job, struct sisp_fusion *out)
{
    const struct payload *payload = job->reads[ROLE_PAYLOAD].bytes;
    const struct isp_burst_transform *t = &payload->transform;
    const float samples = (float)p->still.crop.width * (float)p->still.crop.height;
    *out = (struct sisp_fusion){.count = job->input_count,
        .used = t->used,
        .copies = t->copies,
        .noise_shot = t->noise_shot,
        .noise_read = t->noise_read,
        .noise_error = t->noise_error,
        .noise_confidence = t->noise_confidence,
        .black_offset = t->black_offset,
        .black_error = t->black_error,
        .falloff = t->falloff,
        .falloff_error = t->falloff_error,
        .noise_left = p->is_mosaic_denoised && p->is_denoising ? 0 : mean_noise(p)};
    for (uint32_t i = 0; i < job->input_count; i++) {
        uint64_t taken = 0;
        for (uint32_t k = 0; k < p->threads; k++)
            taken += p->shares[k].taken[i];
        out->share[i] = i == t->reference ? 1 : (float)taken / 256 / samples;
        out->residual[i] = t->residual[i];
        out->gain[i] = t->gain[i];
        mean_motion(p, job->reads[ROLE_MOTION].bytes, i, out);
    }
}

static int end(void *user, struct eng_job *job)
{
    struct pipeline *p = user;
    if (p->is_designing)
        p->filters_kind = kind_of(job);
    if (pipeline_is_burst(job))
        report(p, job, pipeline_fusion(p, job->writes[ROLE_PICTURE].bytes));
    pipeline_timing(
        job, pipeline_is_burst(job) ? "merge+slow_isp" : "slow_isp", p->slow.started_ns);
    pipeline_provenance_of(p, job, job->reads[ROLE_PAYLOAD].bytes, &p->slow_hashes);
    return 0;
}

const struct eng_command_ops slow_isp_ops = {begin, task_count, run_task, end};
