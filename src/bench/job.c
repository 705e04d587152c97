/* SPDX-License-Identifier: GPL-3.0-or-later */
/** One case at one level: its memory, and a thread's share of a frame. */
#include "bench/bench_cases.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define HUGE_PAGE_BYTES ((size_t)2 << 20)
#define WORKING_SET     (size_t)(144 << 20) /* larger than 128 MiB: frames come from memory */
#define CLOCK_STEPS     (1 << 21)
#define FRAMES_MAX      64 /* small frames stay in the caches: they are for tests */
#define CACHED_FRAMES   4  /* kernels and the clock: a "frame" is a repetition */

/* ---- the job --------------------------------------------------------------------------------- */

static void set_geometry(struct bench_job *job, const struct sisp_bench_params *params)
{
    const struct sisp_raw_format *raw = sisp_raw_format_find(job->which.raw_format);
    const uint32_t by = job->which.is_preview ? 3 : 1;
    job->geometry = (struct isp_geometry){
        .raw_fourcc = raw->fourcc,
        .raw_width = params->width,
        .raw_height = params->height,
        .raw_stride_bytes = base_align(sisp_raw_row_bytes(raw->packing, params->width), 64),
        .crop = {0, 0, params->width, params->height},
        .format = job->which.format,
        .width = params->width / by,
        .height = params->height / by,
    };
    if (job->which.kind == BENCH_FAST)
        job->geometry.orientation = (enum sisp_orientation)job->which.variant;
    if (job->geometry.orientation & SISP_ORIENTATION_TRANSPOSE) {
        job->geometry.width = params->height / by;
        job->geometry.height = params->width / by;
    }
    job->second = job->geometry;
    job->second.format = SISP_PIXEL_NV12;
    job->second.width /= 3;
    job->second.height /= 3;
    if (job->which.kind == BENCH_PEER) /* what GStreamer calls the stride of that width */
        job->geometry.raw_stride_bytes = base_align(params->width, 4);
}

static size_t picture_bytes(const struct isp_geometry *g)
{
    size_t size = 0;
    for (unsigned k = 0; k < sisp_pixel_plane_count(g->format); k++)
        size += base_align(sisp_pixel_row_bytes(g->format, k, g->width), 64) *
                sisp_pixel_plane_rows(g->format, k, g->height);
    return size;
}

void bench_job_plan(struct bench_job *job, const struct bench_case *which,
    const struct sisp_bench_params *params, enum isp_isa isa)
{
    const bool is_cached =
        which->kind == BENCH_KERNEL || which->kind == BENCH_DEMOSAIC || which->kind == BENCH_CLOCK;
    const bool is_burst = which->kind == BENCH_BURST;
    const bool is_alone = is_cached || is_burst || which->kind == BENCH_PEER;
    *job = (struct bench_job){.which = *which, .isa = isa, .rounds = params->rounds};
    job->threads = is_alone ? 1 : params->threads;
    set_geometry(job, params);
    const struct isp_geometry *g = &job->geometry;
    job->raw_size = base_align(g->raw_stride_bytes * g->raw_height, 4096);
    job->picture_size = picture_bytes(g);
    if (which->kind == BENCH_PAIR)
        job->picture_size += picture_bytes(&job->second);
    job->picture_size = base_align(job->picture_size, 4096);
    job->frames =
        1 + (unsigned)base_min_size(WORKING_SET / (job->raw_size + job->picture_size), FRAMES_MAX);
    if (is_cached)
        job->frames = CACHED_FRAMES;
    if (is_burst)
        job->frames = 1;
    const struct isp_geometry pair[2] = {job->geometry, job->second};
    job->scratch_size = base_align(which->kind == BENCH_PAIR    ? isp_fast_pair_scratch_size(pair)
                                   : which->kind == BENCH_STILL ? isp_still_scratch_size(g)
                                                                : isp_fast_scratch_size(g),
        64);
    if (is_burst)
        job->scratch_size = bench_burst_scratch_size(g);
    job->units = which->kind == BENCH_CLOCK ? CLOCK_STEPS : (double)params->width * params->height;
    job->units *= is_burst ? BENCH_BURST_FRAMES : 1;
}

/* Large frames lie in huge pages, as a session's pools do. */
static void *zeroed(size_t size)
{
    const size_t page = size < HUGE_PAGE_BYTES ? 4096 : HUGE_PAGE_BYTES;
    const size_t whole = base_align(size, page);
    void *memory = aligned_alloc(page, whole);
    if (memory && page == HUGE_PAGE_BYTES)
        madvise(memory, whole, MADV_HUGEPAGE);
    return memory ? memset(memory, 0, size) : NULL;
}

/* One frame for each raw format, made once. */
static int make_sample(struct bench_memory *memory, const struct bench_job *job)
{
    unsigned k = 0;
    while (memory->samples[k].frame) {
        if (strcmp(memory->samples[k].raw_format, job->which.raw_format) == 0)
            return 0;
        k++;
    }
    sisp_assert(k + 1 < BENCH_FORMATS_MAX); /* the last stays empty */
    memory->samples[k].raw_format = job->which.raw_format;
    memory->samples[k].frame = zeroed(job->raw_size);
    if (!memory->samples[k].frame)
        return -ENOMEM;
    bench_scene_fill(memory->samples[k].frame, &job->geometry, 0);
    return 0;
}

int bench_memory_init(struct bench_memory *memory, struct bench_job *jobs, unsigned count)
{
    size_t raws = 0, pictures = 0, scratch = 0;
    for (unsigned i = 0; i < count; i++) {
        const struct bench_job *job = &jobs[i];
        raws = base_max_size(raws, job->raw_size * job->frames);
        pictures = base_max_size(pictures, job->picture_size * job->frames);
        scratch = base_max_size(scratch, job->scratch_size * job->threads);
    }
    *memory = (struct bench_memory){
        .raws = zeroed(raws), .pictures = zeroed(pictures), .scratch = zeroed(scratch)};
    int error = memory->raws && memory->pictures && memory->scratch ? 0 : -ENOMEM;
    for (unsigned i = 0; !error && i < count; i++)
        error = make_sample(memory, &jobs[i]);
    return error;
}

void bench_memory_finish(struct bench_memory *memory)
{
    free(memory->raws);
    free(memory->pictures);
    free(memory->scratch);
    for (unsigned k = 0; k < BENCH_FORMATS_MAX; k++)
        free(memory->samples[k].frame);
}

static const uint8_t *sample_of(const struct bench_job *job)
{
    unsigned k = 0;
    while (strcmp(job->memory->samples[k].raw_format, job->which.raw_format) != 0)
        k++;
    return job->memory->samples[k].frame;
}

/* All frames are alike, and so is what the look of the first one asks for. */
static int init_still(struct bench_job *job)
{
    const struct isp_geometry *g = &job->geometry;
    job->still = zeroed(isp_still_recipe_size(g));
    job->survey = zeroed(isp_still_survey_size(g));
    if (!job->still || !job->survey)
        return -ENOMEM;
    const int error = isp_still_compile(job->still, g, job->coefficients, job->isa);
    if (error)
        return error;
    isp_still_survey_band(job->still, sample_of(job), 0, g->height, job->survey);
    for (unsigned part = 0; part < ISP_STILL_PLAN_PARTS; part++)
        isp_still_plan(job->still, job->survey, part);
    return 0;
}

static int init_demosaic(struct bench_job *job)
{
    const int error = init_still(job);
    if (error)
        return error;
    job->demosaic = bench_demosaic_open(job, sample_of(job));
    return job->demosaic ? 0 : -ENOMEM;
}

int bench_job_init(struct bench_job *job, struct bench_memory *memory)
{
    job->memory = memory;
    job->coefficients = zeroed(sizeof(*job->coefficients));
    job->recipe = zeroed(isp_fast_recipe_size(&job->geometry));
    job->stats = zeroed(sizeof(*job->stats) * job->threads);
    job->times_ns = zeroed(sizeof(double) * job->frames * job->rounds);
    if (!job->coefficients || !job->recipe || !job->stats || !job->times_ns)
        return -ENOMEM;
    if (job->which.kind == BENCH_PEER)
        job->peer = bench_peer_open(job->geometry.raw_width, job->geometry.raw_height, job->frames);
    bench_scene_coefficients(job->coefficients);
    if (job->which.adjust)
        job->which.adjust(job->coefficients);
    if (job->which.kind == BENCH_STILL)
        return init_still(job);
    if (job->which.kind == BENCH_DEMOSAIC)
        return init_demosaic(job);
    if (job->which.kind == BENCH_BURST) {
        job->burst = bench_burst_open(job);
        return job->burst ? 0 : -ENOMEM;
    }
    const int error = isp_fast_compile(job->recipe, &job->geometry, job->coefficients, job->isa);
    if (error || job->which.kind != BENCH_PAIR)
        return error;
    job->second_recipe = zeroed(isp_fast_recipe_size(&job->second));
    if (!job->second_recipe)
        return -ENOMEM;
    return isp_fast_compile_second(
        job->second_recipe, job->recipe, &job->second, job->coefficients);
}

void bench_job_finish(struct bench_job *job)
{
    bench_peer_close(job->peer);
    bench_burst_close(job->burst);
    free(job->coefficients);
    free(job->recipe);
    free(job->second_recipe);
    free(job->demosaic);
    free(job->still);
    free(job->survey);
    free(job->stats);
    free(job->times_ns);
}

double bench_job_bytes_per_pixel(const struct bench_job *job)
{
    if (job->which.kind == BENCH_KERNEL || job->which.kind == BENCH_DEMOSAIC ||
        job->which.kind == BENCH_CLOCK)
        return 0;
    if (job->which.kind == BENCH_BURST)
        return (double)job->raw_size * BENCH_BURST_FRAMES / job->units;
    return (double)(job->raw_size + job->picture_size) / job->units;
}

/* ---- a round ----------------------------------------------------------------------------------
 */

static uint8_t *last_picture(const struct bench_job *job)
{
    return job->memory->pictures + (job->frames - 1) * job->picture_size;
}

void bench_job_begin(struct bench_job *job)
{
    struct bench_memory *memory = job->memory;
    if (!memory->loaded || strcmp(memory->loaded, job->which.raw_format) != 0 ||
        memory->loaded_frames < job->frames) {
        memory->loaded = job->which.raw_format;
        memory->loaded_frames = job->frames;
        for (unsigned i = 0; i < job->frames; i++)
            memcpy(memory->raws + i * job->raw_size, sample_of(job), job->raw_size);
    }
    if (job->peer)
        bench_peer_warm_up(
            job->peer, memory->raws, job->geometry.raw_stride_bytes * job->geometry.raw_height);
    memset(job->stats, 0, sizeof(*job->stats) * job->threads);
    memset(last_picture(job), 0, job->picture_size);
}

bool bench_job_end(struct bench_job *job)
{
    const enum bench_kind kind = job->which.kind;
    if (kind != BENCH_FAST && kind != BENCH_PAIR && kind != BENCH_FLOOR && kind != BENCH_STILL &&
        kind != BENCH_BURST)
        return true;
    const struct base_hash hash =
        kind == BENCH_BURST ? bench_burst_hash(job)
                            : base_hash_pair(base_hash_bytes(last_picture(job), job->picture_size),
                                  base_hash_bytes(job->stats, sizeof(*job->stats) * job->threads));
    const bool is_first = job->hash.high == 0 && job->hash.low == 0;
    const bool is_same = job->hash.high == hash.high && job->hash.low == hash.low;
    job->hash = hash;
    return is_first || is_same;
}

/* Two bytes in, four bytes out: the least that any path from 16-bit words to XRGB8888 does. */
static void copy_row(uint8_t *dst, const uint8_t *src, uint32_t width, bool is_streaming)
{
#if defined(__SSE2__)
    for (uint32_t x = 0; x + 8 <= width; x += 8) {
        const __m128i v = _mm_loadu_si128((const __m128i *)(src + (size_t)2 * x));
        const __m128i low = _mm_unpacklo_epi16(v, v), high = _mm_unpackhi_epi16(v, v);
        __m128i *out = (__m128i *)(dst + (size_t)4 * x);
        if (is_streaming) {
            _mm_stream_si128(out, low);
            _mm_stream_si128(out + 1, high);
        } else {
            _mm_storeu_si128(out, low);
            _mm_storeu_si128(out + 1, high);
        }
    }
#else
    const uint16_t *in = (const uint16_t *)src;
    uint32_t *out = (uint32_t *)dst;
    (void)is_streaming;
    for (uint32_t x = 0; x < width; x++)
        out[x] = in[x] * 0x10001u;
#endif
}

/* Additions that wait for each other: one cycle each. Of two registers, since some CPUs do those of
 * a constant for nothing. */
static void count_cycles(void)
{
    uint64_t sum = 0, one = 1;
    for (unsigned i = 0; i < CLOCK_STEPS; i += 16) {
        for (unsigned k = 0; k < 16; k++) {
            sum += one;
            __asm__ volatile("" : "+r"(sum), "+r"(one)); /* no sum is known, and each is needed */
        }
    }
}

static struct sisp_image picture(const struct isp_geometry *g, uint8_t *bytes)
{
    struct sisp_image image = {.format = g->format, .width = g->width, .height = g->height};
    for (unsigned k = 0; k < 2; k++)
        image.stride_bytes[k] = base_align(sisp_pixel_row_bytes(g->format, k, g->width), 64);
    image.planes[0] = bytes;
    image.planes[1] = image.planes[0] + g->height * image.stride_bytes[0];
    return image;
}

bool bench_job_run(const struct bench_job *job, unsigned frame, unsigned thread)
{
    const struct isp_geometry *g = &job->geometry;
    uint8_t *const bytes = job->memory->pictures + frame * job->picture_size;
    void *const scratch = job->memory->scratch + thread * job->scratch_size;
    const struct sisp_image out = picture(g, bytes);
    const struct sisp_image second = picture(&job->second, bytes + picture_bytes(g));
    const struct isp_fast_pair pair = {{job->recipe, job->second_recipe}, {&out, &second}};
    const uint8_t *raw = job->memory->raws + frame * job->raw_size;
    const uint32_t lines = isp_fast_lines(g), pairs = (lines + 1) / 2;
    const uint32_t y0 = pairs * thread / job->threads * 2;
    const uint32_t cut = pairs * (thread + 1) / job->threads * 2;
    const uint32_t y1 = cut < lines ? cut : lines;
    switch (job->which.kind) {
    case BENCH_COPY:
        for (uint32_t y = y0; y < y1; y++)
            copy_row(out.planes[0] + y * out.stride_bytes[0], raw + y * g->raw_stride_bytes,
                g->width, job->which.variant);
        break;
    case BENCH_CLOCK:
        count_cycles();
        break;
    case BENCH_PEER:
        return bench_peer_run(job->peer, raw, g->raw_stride_bytes * g->raw_height);
    case BENCH_FAST:
        isp_fast_band(job->recipe, raw, &out, y0, y1, scratch, &job->stats[thread]);
        break;
    case BENCH_PAIR:
        isp_fast_band_pair(&pair, raw, y0, y1, scratch, &job->stats[thread]);
        break;
    case BENCH_FLOOR:
        isp_floor_band(g, job->coefficients, raw, &out, y0, y1);
        break;
    case BENCH_STILL:
        isp_still_band(job->still, raw, &out, y0, y1, scratch);
        break;
    case BENCH_DEMOSAIC:
        bench_demosaic_run(job);
        break;
    case BENCH_KERNEL:
        bench_kernel_run(job);
        break;
    case BENCH_BURST:
        bench_burst_run(job);
        break;
    }
    return true;
}
