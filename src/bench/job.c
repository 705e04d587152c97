/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the cases work on: frames that look natural to a CPU, usual coefficients, pictures. */
#include "bench/bench_cases.h"

#include "base/prng.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define WORKING_SET (size_t)(144 << 20) /* larger than 128 MiB: frames come from memory */
#define BLACK       64
#define WHITE       1023

/* ---- inputs ------------------------------------------------------------------------------------
 */

/* Smooth structure, edges, and shot noise of about 1000 electrons at white. */
static unsigned scene(uint32_t x, uint32_t y, struct base_prng *prng)
{
    const uint64_t random = base_prng_next(prng);
    const float normal = ((float)(random & 0xffff) + (float)(random >> 16 & 0xffff) +
                             (float)(random >> 32 & 0xffff) - 98304) /
                         32768;
    float light = 0.35f + 0.25f * sinf((float)x * 0.011f) * cosf((float)y * 0.017f);
    light += (x / 97 + y / 61) % 5 == 0 ? 0.35f : 0;
    float v = BLACK + (WHITE - BLACK) * (light + 0.03f * sqrtf(light) * normal);
    return v < 0 ? 0 : v > WHITE ? WHITE : (unsigned)v;
}

static void put_sample(uint8_t *row, enum sisp_packing packing, uint32_t x, unsigned v)
{
    if (packing == SISP_PACKING_10P) {
        row[x / 4 * 5 + x % 4] = (uint8_t)(v >> 2);
        row[x / 4 * 5 + 4] |= (uint8_t)((v & 3) << 2 * (x % 4));
    } else {
        row[2 * x] = (uint8_t)v;
        row[2 * x + 1] = (uint8_t)(v >> 8);
    }
}

static void fill_frames(struct bench_job *job)
{
    const struct isp_geometry *g = &job->geometry;
    const enum sisp_packing packing = isp_geometry_format(g)->packing;
    struct base_prng prng = {1};
    for (uint32_t y = 0; y < g->raw_height; y++) {
        uint8_t *row = job->raws + y * g->raw_stride_bytes;
        for (uint32_t x = 0; x < g->raw_width; x++)
            put_sample(row, packing, x, scene(x, y, &prng));
    }
    for (unsigned i = 1; i < job->frames; i++)
        memcpy(job->raws + i * job->raw_size, job->raws, job->raw_size);
}

static void fill_coefficients(struct sisp_coefficients *c)
{
    static const float ccm[9] = {1.7f, -0.5f, -0.2f, -0.3f, 1.6f, -0.3f, 0, -0.6f, 1.6f};
    for (int site = 0; site < SISP_SITE_COUNT; site++)
        c->black_level[site] = BLACK;
    c->white_level = WHITE;
    c->wb_gains[0] = 1.9f;
    c->wb_gains[1] = 1;
    c->wb_gains[2] = 1.6f;
    c->clip_level = 1;
    memcpy(c->ccm, ccm, sizeof(ccm));
    for (unsigned i = 0; i < SISP_TONE_KNOTS; i++)
        c->tone[i] = powf(sisp_tone_knot(i), 1 / 2.2f);
    c->lsc.cols = 17;
    c->lsc.rows = 13;
    c->lsc.step_x = 1.0f / 16;
    c->lsc.step_y = 1.0f / 12;
    for (uint32_t k = 0; k < c->lsc.cols * c->lsc.rows; k++) {
        const float x = (float)(k % 17) / 8 - 1, y = (float)(k / 17) / 6 - 1;
        for (int site = 0; site < SISP_SITE_COUNT; site++)
            c->lsc.gain[site][k] = 1 + (0.4f + 0.05f * (float)site) * (x * x + y * y);
    }
}

/* ---- the job --------------------------------------------------------------------------------- */

static void set_geometry(struct bench_job *job, const struct sisp_bench_params *params)
{
    const struct sisp_raw_format *raw = sisp_raw_format_find(job->which->raw_format);
    const uint32_t by = job->which->is_preview ? 3 : 1;
    job->geometry = (struct isp_geometry){
        .raw_fourcc = raw->fourcc,
        .raw_width = params->width,
        .raw_height = params->height,
        .raw_stride_bytes = base_align(sisp_raw_row_bytes(raw->packing, params->width), 64),
        .crop = {0, 0, params->width, params->height},
        .format = job->which->format,
        .width = params->width / by,
        .height = params->height / by,
    };
}

static void set_sizes(struct bench_job *job)
{
    const struct isp_geometry *g = &job->geometry;
    job->raw_size = base_align(g->raw_stride_bytes * g->raw_height, 4096);
    for (unsigned k = 0; k < sisp_pixel_plane_count(g->format); k++)
        job->picture_size += base_align(sisp_pixel_row_bytes(g->format, k, g->width), 64) *
                             sisp_pixel_plane_rows(g->format, k, g->height);
    job->picture_size = base_align(job->picture_size, 4096);
    job->frames = 1 + (unsigned)(WORKING_SET / (job->raw_size + job->picture_size));
    if (job->which->kind == BENCH_KERNEL)
        job->frames = 1;
    job->scratch_size = base_align(isp_fast_scratch_size(g), 64);
}

static void *zeroed(size_t size)
{
    void *memory = aligned_alloc(4096, base_align(size, 4096));
    return memory ? memset(memory, 0, size) : NULL;
}

int bench_job_init(struct bench_job *job, const struct bench_case *which,
    const struct sisp_bench_params *params, enum isp_isa isa)
{
    *job = (struct bench_job){.which = which, .isa = isa, .rounds = params->rounds};
    job->threads = which->kind == BENCH_KERNEL ? 1 : params->threads;
    set_geometry(job, params);
    set_sizes(job);
    job->raws = zeroed(job->raw_size * job->frames);
    job->pictures = zeroed(job->picture_size * job->frames);
    job->coefficients = zeroed(sizeof(*job->coefficients));
    job->recipe = zeroed(isp_fast_recipe_size(&job->geometry));
    job->scratch = zeroed(job->scratch_size * job->threads);
    job->stats = zeroed(sizeof(*job->stats) * job->threads);
    job->times_ns = zeroed(sizeof(double) * job->frames * job->rounds);
    if (!job->raws || !job->pictures || !job->coefficients || !job->recipe || !job->scratch ||
        !job->stats || !job->times_ns)
        return -ENOMEM;
    fill_frames(job);
    fill_coefficients(job->coefficients);
    return isp_fast_compile(job->recipe, &job->geometry, job->coefficients, isa);
}

void bench_job_finish(struct bench_job *job)
{
    free(job->raws);
    free(job->pictures);
    free(job->coefficients);
    free(job->recipe);
    free(job->scratch);
    free(job->stats);
    free(job->times_ns);
}

double bench_job_bytes_per_pixel(const struct bench_job *job)
{
    if (job->which->kind == BENCH_KERNEL)
        return 0;
    const double pixels = (double)job->geometry.raw_width * job->geometry.raw_height;
    return (double)(job->raw_size + job->picture_size) / pixels;
}

/* ---- a thread's share of a frame ---------------------------------------------------------------
 */

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

static struct sisp_image picture(const struct bench_job *job, unsigned frame)
{
    const struct isp_geometry *g = &job->geometry;
    struct sisp_image image = {.format = g->format, .width = g->width, .height = g->height};
    for (unsigned k = 0; k < 2; k++)
        image.stride_bytes[k] = base_align(sisp_pixel_row_bytes(g->format, k, g->width), 64);
    image.planes[0] = job->pictures + frame * job->picture_size;
    image.planes[1] = image.planes[0] + g->height * image.stride_bytes[0];
    return image;
}

void bench_job_run(const struct bench_job *job, unsigned frame, unsigned thread)
{
    const struct isp_geometry *g = &job->geometry;
    const struct sisp_image out = picture(job, frame);
    const uint8_t *raw = job->raws + frame * job->raw_size;
    const uint32_t pairs = (g->height + 1) / 2;
    const uint32_t y0 = pairs * thread / job->threads * 2;
    const uint32_t cut = pairs * (thread + 1) / job->threads * 2;
    const uint32_t y1 = cut < g->height ? cut : g->height;
    switch (job->which->kind) {
    case BENCH_COPY:
        for (uint32_t y = y0; y < y1; y++)
            copy_row(out.planes[0] + y * out.stride_bytes[0], raw + y * g->raw_stride_bytes,
                g->width, job->which->variant);
        break;
    case BENCH_FAST:
        isp_fast_band(job->recipe, raw, &out, y0, y1, job->scratch + thread * job->scratch_size,
            &job->stats[thread]);
        break;
    case BENCH_FLOOR:
        isp_floor_band(g, job->coefficients, raw, &out, y0, y1);
        break;
    case BENCH_KERNEL:
        bench_kernel_run(job);
        break;
    }
}
