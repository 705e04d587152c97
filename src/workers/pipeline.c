/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "workers/pipeline.h"

#include "base/base.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROW_ALIGNMENT 64
/* About 0.2 ms of work: the background lane yields between bands. */
#define SAMPLES_A_BAND (128u << 10)

static void *allocate_untouched(size_t size_bytes)
{
    if (size_bytes == 0)
        size_bytes = ROW_ALIGNMENT;
    return aligned_alloc(ROW_ALIGNMENT, base_align(size_bytes, ROW_ALIGNMENT));
}

static void *allocate(size_t size_bytes)
{
    void *bytes = allocate_untouched(size_bytes);
    if (bytes && size_bytes)
        memset(bytes, 0, size_bytes); /* touched now, not under a frame's deadline */
    return bytes;
}

/* Of the whole frame: written before it is read. A file has no deadline and may have no use for it;
 * where it has, all threads touch it. */
static void *allocate_frame(const struct pipeline *p, size_t size_bytes)
{
    return p->is_live ? allocate(size_bytes) : allocate_untouched(size_bytes);
}

static int develop_scratch_init(
    struct develop_scratch *scratch, size_t recipe_bytes, size_t thread_bytes, uint32_t threads)
{
    scratch->recipe = allocate(recipe_bytes);
    bool ok = scratch->recipe;
    for (uint32_t i = 0; i < threads; i++)
        ok &= (scratch->threads[i] = allocate(thread_bytes)) != NULL;
    return ok ? 0 : -ENOMEM;
}

static void develop_scratch_finish(struct develop_scratch *scratch)
{
    free(scratch->recipe);
    free(scratch->second);
    for (uint32_t i = 0; i < PIPELINE_THREADS_MAX; i++)
        free(scratch->threads[i]);
    free(scratch->stats);
}

struct isp_geometry pipeline_merged_geometry(const struct isp_geometry *still)
{
    struct isp_geometry geometry = *still;
    struct sisp_raw_format corner = *isp_geometry_format(still);
    if (!corner.is_mono)
        corner.cfa = sisp_cfa_shift(corner.cfa, still->crop.x, still->crop.y);
    geometry.raw_fourcc = sisp_raw_format_widened(&corner, 16)->fourcc;
    geometry.raw_width = still->crop.width;
    geometry.raw_height = still->crop.height;
    geometry.raw_stride_bytes = (size_t)still->crop.width * 2;
    geometry.crop.x = geometry.crop.y = 0;
    return geometry;
}

static int init_fast(struct pipeline *p)
{
    const struct isp_geometry both[2] = {p->preview, p->second};
    size_t thread_bytes =
        p->second.width ? isp_fast_pair_scratch_size(both) : isp_fast_scratch_size(&p->preview);
    int r =
        develop_scratch_init(&p->fast, isp_fast_recipe_size(&p->preview), thread_bytes, p->threads);
    if (r)
        return r;
    if (p->second.width && !(p->fast.second = allocate(isp_fast_recipe_size(&p->second))))
        return -ENOMEM;
    p->fast.stats = allocate(sizeof(struct sisp_stats) * p->threads);
    return p->fast.stats ? 0 : -ENOMEM;
}

static size_t mosaic_bytes(const struct isp_geometry *still)
{
    return base_align((size_t)still->crop.width * still->crop.height * 2, ROW_ALIGNMENT);
}

static size_t burst_scratch_bytes(const struct pipeline *p)
{
    size_t bytes = base_max_size(
        isp_burst_align_scratch_size(&p->still), isp_burst_follow_scratch_size(&p->still));
    bytes = base_max_size(bytes, isp_burst_refine_scratch_size());
    const bool needs_merged = !p->has_mosaic || p->is_mosaic_denoised;
    return !needs_merged ? bytes : base_max_size(bytes, mosaic_bytes(&p->still));
}

static int init_denoise(struct pipeline *p)
{
    p->denoise = allocate(isp_denoise_recipe_size());
    p->denoised = p->is_mosaic_denoised ? NULL : allocate_frame(p, mosaic_bytes(&p->still));
    bool ok = p->denoise && (p->denoised || p->is_mosaic_denoised);
    for (uint32_t i = 0; i < p->threads; i++)
        ok &= (p->denoise_scratch[i] = allocate(isp_denoise_scratch_size())) != NULL;
    return ok ? 0 : -ENOMEM;
}

static int init_slow(struct pipeline *p)
{
    struct isp_geometry merged = pipeline_merged_geometry(&p->still);
    int r = develop_scratch_init(&p->slow,
        base_max_size(isp_still_recipe_size(&p->still), isp_still_recipe_size(&merged)),
        base_max_size(isp_still_scratch_size(&p->still), isp_still_scratch_size(&merged)),
        p->threads);
    if (r == 0)
        r = develop_scratch_init(&p->slow_measure, isp_fast_recipe_size(&p->still),
            base_max_size(isp_fast_scratch_size(&p->still), isp_noise_scratch_size()), 1);
    if (r == 0 && !(p->survey = allocate_frame(p, isp_still_survey_size(&p->still))))
        r = -ENOMEM;
    if (r == 0)
        r = init_denoise(p);
    if (r || p->burst_frames == 0)
        return r;
    p->burst_scratch = allocate(burst_scratch_bytes(p));
    p->merged_noise = allocate(isp_burst_noise_map_size(&p->still));
    p->filters = allocate(isp_burst_filters_size());
    bool ok = p->burst_scratch && p->filters && p->merged_noise;
    p->filters_kind = ISP_BURST_FILTER_KINDS; /* none */
    for (uint32_t i = 0; i < p->threads; i++)
        ok &= (p->merge_scratch[i] = allocate(isp_burst_merge_scratch_size(&p->still))) != NULL;
    return ok ? 0 : -ENOMEM;
}

int pipeline_init(struct pipeline *p, uint32_t workers)
{
    int r = 0;
    for (unsigned i = 0; i < PIPELINE_WORKERS; i++)
        p->wishes[i].params = p->params;
    if (p->preview.width)
        r = isp_geometry_check(&p->preview);
    if (r == 0 && p->second.width)
        r = isp_geometry_check(&p->second);
    if (r == 0 && p->still.width)
        r = isp_geometry_check(&p->still);
    if (r == 0 && p->preview.width && (workers >> PIPELINE_FAST & 1))
        r = init_fast(p);
    if (r == 0 && p->still.width && (workers >> PIPELINE_SLOW & 1))
        r = init_slow(p);
    return r;
}

void pipeline_finish(struct pipeline *p)
{
    develop_scratch_finish(&p->fast);
    develop_scratch_finish(&p->slow);
    develop_scratch_finish(&p->slow_measure);
    free(p->survey);
    free(p->burst_scratch);
    free(p->filters);
    free(p->merged_noise);
    free(p->denoise);
    free(p->denoised);
    for (uint32_t i = 0; i < PIPELINE_THREADS_MAX; i++)
        free(p->merge_scratch[i]);
    for (uint32_t i = 0; i < PIPELINE_THREADS_MAX; i++)
        free(p->denoise_scratch[i]);
}

const struct frame_meta *pipeline_meta(const struct eng_job *job)
{
    return (const struct frame_meta *)(const void *)job->input_meta[job->input_count - 1];
}

struct payload *pipeline_payload(
    const struct eng_job *job, enum eng_lane path, const struct isp_geometry *geometry)
{
    const struct frame_meta *meta = pipeline_meta(job);
    struct payload *payload = job->writes[ROLE_PAYLOAD].bytes;
    memset(payload, 0, sizeof(*payload)); /* padding too: the payload is hashed */
    payload->path = path;
    memcpy(&payload->geometry, geometry, sizeof(payload->geometry));
    payload->applied.exposure_us = meta->exposure_us;
    payload->applied.analogue_gain = meta->analogue_gain;
    return payload;
}

struct sisp_raw_info pipeline_frame_info(const struct pipeline *p, const struct eng_job *job)
{
    struct sisp_raw_info info = p->info;
    const struct frame_meta *meta = pipeline_meta(job);
    info.exposure_us = meta->exposure_us;
    info.analogue_gain = meta->analogue_gain;
    if (meta->analogue_gain > 0) {
        /* A camera states its noise at gain 1. In units of the white level shot noise grows with
         * the gain, read noise with its square. */
        info.noise_shot *= meta->analogue_gain;
        info.noise_read *= meta->analogue_gain * meta->analogue_gain;
    }
    return info;
}

/* All that does not depend on statistics. */
static struct isp_auto_input control_input(
    const struct pipeline *p, const struct pipeline_frame *frame)
{
    return (struct isp_auto_input){
        .info = &frame->info,
        .params = frame->settings->params,
        .tuning = frame->settings->tuning,
        .black = &frame->black,
        .exposure_us_min = p->limits.exposure_us_min,
        .exposure_us_max = p->limits.exposure_us_max,
        .analogue_gain_min = p->limits.analogue_gain_min,
        .analogue_gain_max = p->limits.analogue_gain_max,
        .exposure_delay_frames = p->limits.exposure_delay_frames,
        .gain_delay_frames = p->limits.gain_delay_frames,
        .line_us = (float)p->limits.line_ns / 1000,
        .is_live = p->is_live,
    };
}

void pipeline_look(const struct pipeline *p, const struct eng_job *job,
    const struct pipeline_settings *settings, struct pipeline_frame *frame)
{
    static const struct isp_auto_state start;
    const struct isp_auto_state *previous = job->committed[ROLE_STATE].bytes;
    *frame = (struct pipeline_frame){.info = pipeline_frame_info(p, job),
        .settings = settings,
        .previous = previous ? previous : &start};
    const struct isp_auto_input input = control_input(p, frame);
    const enum sisp_black_mode mode = p->has_fixed ? SISP_BLACK_STATED : isp_black_due(&input);
    const uint8_t *raw = job->inputs[job->input_count - 1].bytes;
    if (mode != SISP_BLACK_STATED)
        isp_black_measure(&frame->info, mode, raw, &frame->black);
}

void pipeline_measure(const struct pipeline *p, const struct develop_scratch *scratch,
    const struct isp_geometry *geometry, const struct eng_job *job,
    const struct pipeline_frame *frame, struct frame_stats *out)
{
    struct isp_auto_state unused;
    struct sisp_coefficients neutral;
    const struct isp_auto_input input = control_input(p, frame);
    isp_auto_step(&input, frame->previous, &unused, &neutral);
    /* Nothing is known of the light yet: only what clips the sensor is left out. */
    for (int c = 0; c < 3; c++)
        neutral.wb_gains[c] = 1;
    neutral.clip_level = 1;
    memset(out, 0, sizeof(*out));
    if (isp_fast_compile(scratch->recipe, geometry, &neutral, p->isa) != 0)
        return; /* black at or above white: automatic control then has its defaults */
    isp_stats_measure(
        scratch->recipe, job->inputs[job->input_count - 1].bytes, scratch->threads[0], &out->stats);
    out->exposure_us = frame->info.exposure_us;
    out->analogue_gain = frame->info.analogue_gain;
    out->is_set = 1;
}

void pipeline_control(const struct pipeline *p, const struct pipeline_frame *frame,
    const struct frame_stats *stats, struct isp_auto_state *next, struct payload *payload)
{
    struct isp_auto_input input = control_input(p, frame);
    if (stats && stats->is_set) {
        input.stats = &stats->stats;
        input.stats_exposure_us = stats->exposure_us;
        input.stats_analogue_gain = stats->analogue_gain;
        input.stats_start_ns = stats->readout_ns;
    }
    isp_auto_step(&input, frame->previous, next, &payload->coefficients);
    if (p->has_fixed)
        payload->coefficients = p->fixed;
    payload->params_generation = frame->settings->params_generation;
    payload->request.exposure_us = next->request_us;
    payload->request.analogue_gain = next->request_gain;
}

int pipeline_check_payload(const struct pipeline *p, const struct eng_job *job)
{
    const struct payload *payload = job->reads[ROLE_PAYLOAD].bytes;
    if (!payload || job->reads[ROLE_PAYLOAD].size_bytes < sizeof(*payload))
        return -EPROTO;
    const struct isp_geometry *expected =
        payload->path == ENG_LANE_BACKGROUND ? &p->still : &p->preview;
    if (memcmp(&payload->geometry, expected, sizeof(*expected)) != 0)
        return -EPROTO;
    const size_t wanted = pipeline_pictures_bytes(p, (enum eng_lane)payload->path);
    return job->writes[ROLE_PICTURE].size_bytes < wanted ? -EPROTO : 0;
}

static size_t stride_of(const struct isp_geometry *geometry, unsigned plane)
{
    return base_align(
        sisp_pixel_row_bytes(geometry->format, plane, geometry->width), ROW_ALIGNMENT);
}

struct sisp_image pipeline_picture(const struct isp_geometry *geometry, void *bytes)
{
    struct sisp_image image = {
        .format = geometry->format, .width = geometry->width, .height = geometry->height};
    uint8_t *at = bytes;
    for (unsigned i = 0; i < sisp_pixel_plane_count(image.format); i++) {
        image.planes[i] = at;
        image.stride_bytes[i] = stride_of(geometry, i);
        at += image.stride_bytes[i] * sisp_pixel_plane_rows(image.format, i, image.height);
    }
    return image;
}

size_t pipeline_picture_bytes(const struct isp_geometry *geometry)
{
    size_t size_bytes = 0;
    for (unsigned i = 0; i < sisp_pixel_plane_count(geometry->format); i++)
        size_bytes +=
            stride_of(geometry, i) * sisp_pixel_plane_rows(geometry->format, i, geometry->height);
    return size_bytes;
}

static size_t fusion_offset(const struct pipeline *p)
{
    return pipeline_picture_bytes(&p->still) + (p->has_mosaic ? mosaic_bytes(&p->still) : 0);
}

uint16_t *pipeline_mosaic(const struct pipeline *p, void *picture)
{
    return (uint16_t *)(void *)((uint8_t *)picture + pipeline_picture_bytes(&p->still));
}

struct sisp_fusion *pipeline_fusion(const struct pipeline *p, void *picture)
{
    return (struct sisp_fusion *)(void *)((uint8_t *)picture + fusion_offset(p));
}

size_t pipeline_pictures_bytes(const struct pipeline *p, enum eng_lane path)
{
    if (path == ENG_LANE_BACKGROUND)
        return fusion_offset(p) + (p->burst_frames ? sizeof(struct sisp_fusion) : 0);
    return pipeline_picture_bytes(&p->preview) +
           (p->second.width ? pipeline_picture_bytes(&p->second) : 0);
}

struct sisp_image pipeline_second_picture(const struct pipeline *p, void *bytes)
{
    return pipeline_picture(&p->second, (uint8_t *)bytes + pipeline_picture_bytes(&p->preview));
}

uint32_t pipeline_band_rows(const struct isp_geometry *geometry)
{
    uint64_t samples_a_row =
        (uint64_t)geometry->crop.width * geometry->crop.height / isp_fast_lines(geometry);
    uint64_t rows = SAMPLES_A_BAND / (samples_a_row ? samples_a_row : 1);
    bool is_transposed = geometry->orientation & SISP_ORIENTATION_TRANSPOSE;
    uint64_t step = is_transposed ? ISP_FAST_TURNED : 2;
    return rows < step ? (uint32_t)step : (uint32_t)(rows & ~(step - 1));
}

struct base_hash pipeline_input_hash(
    const struct pipeline *p, const struct eng_job *job, uint32_t input)
{
    const struct sisp_raw_format *format = sisp_raw_info_format(&p->info);
    const size_t row_bytes = sisp_raw_row_bytes(format->packing, p->info.width);
    return base_hash_rows(
        job->inputs[input].bytes, row_bytes, p->info.stride_bytes, p->info.height);
}

struct base_hash pipeline_picture_hash(
    const struct eng_job *job, const struct isp_geometry *geometry)
{
    const struct sisp_image image = pipeline_picture(geometry, job->writes[ROLE_PICTURE].bytes);
    struct base_hash hash = {0};
    for (unsigned i = 0; i < sisp_pixel_plane_count(image.format); i++) {
        struct base_hash plane =
            base_hash_rows(image.planes[i], sisp_pixel_row_bytes(image.format, i, image.width),
                image.stride_bytes[i], sisp_pixel_plane_rows(image.format, i, image.height));
        hash = i ? base_hash_pair(hash, plane) : plane;
    }
    return hash;
}

static struct eng_digest digest(struct base_hash hash)
{
    return (struct eng_digest){hash.high, hash.low};
}

void pipeline_provenance_of(const struct pipeline *p, struct eng_job *job,
    const struct payload *payload, const struct pipeline_hashes *hashes)
{
    struct base_hash input = {0};
    for (uint32_t i = 0; i < job->input_count; i++)
        input = i ? base_hash_pair(input, hashes->input[i]) : hashes->input[0];
    job->result->input = digest(input);
    job->result->param = digest(base_hash_bytes(payload, offsetof(struct payload, request)));
    job->result->output = digest(hashes->picture);
    job->result->bytes_copied = pipeline_meta(job)->bytes_copied;
    job->result->isa = p->isa;
}

void pipeline_provenance(
    const struct pipeline *p, struct eng_job *job, const struct payload *payload)
{
    struct pipeline_hashes hashes;
    for (uint32_t i = 0; i < job->input_count; i++)
        hashes.input[i] = pipeline_input_hash(p, job, i);
    hashes.picture = pipeline_picture_hash(job, &payload->geometry);
    pipeline_provenance_of(p, job, payload, &hashes);
}

void pipeline_timing(struct eng_job *job, const char *name, uint64_t from_ns)
{
    eng_result_time(job->result, name, eng_now_ns() - from_ns);
}

uint32_t pipeline_no_tasks(void *user, const struct eng_job *job, uint32_t phase)
{
    return 0;
}

void pipeline_no_task(
    void *user, struct eng_job *job, uint32_t phase, uint32_t task, uint32_t thread)
{
}

int pipeline_no_end(void *user, struct eng_job *job)
{
    return 0;
}
