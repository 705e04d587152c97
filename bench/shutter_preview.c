/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The preview of a 12 MP camera at 10 frames a second, alone and while bursts of eight of its
 * frames are fused one after the other. The session's inputs are filled before and never again,
 * with frames of one scene that moves by some samples: the camera costs nothing, as one does that
 * writes by itself.
 *
 *     shutter_preview [SECONDS [ROUNDS [THREADS]]]
 *
 * Each round is SECONDS alone, then SECONDS with fusion. A picture's latency is from when its frame
 * was due to when it was handed out.
 */
#include <softisp/softisp.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define WIDTH       4000u
#define HEIGHT      3000u
#define BURST       8
#define SECOND_NS   UINT64_C(1000000000)
#define INTERVAL_NS (SECOND_NS / 10)
#define WARM_UP     5
#define FRAMES_MAX  10000
#define INPUTS_MAX  64
#define SHIFTS      16 /* samples by which frames differ at most */

enum phase { ALONE, FUSING, PHASES };

struct series {
    uint64_t latency_ns[FRAMES_MAX];
    unsigned count, lost, fallbacks;
};

static struct {
    struct sisp_session *session;
    struct series series[PHASES];
    atomic_int phase;         /* enum phase */
    atomic_bool is_measuring; /* warm */
    atomic_bool is_due;       /* a still was asked for */
    unsigned stills, failures;
    uint64_t still_ns;           /* of all stills, from press to picture */
    unsigned missed;             /* frames that found no input */
    struct rusage before, ready; /* the session was made; its inputs were filled */
} bench;

static uint64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * SECOND_NS + (uint64_t)time.tv_nsec;
}

static void sleep_until(uint64_t until_ns)
{
    struct timespec until = {(time_t)(until_ns / SECOND_NS), (long)(until_ns % SECOND_NS)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL))
        ;
}

/* ---- frames ---------------------------------------------------------------------------------- */

static uint32_t mix(uint32_t x)
{
    x = (x ^ x >> 16) * 0x7feb352du;
    x = (x ^ x >> 15) * 0x846ca68bu;
    return x ^ x >> 16;
}

/* Patches of eight samples on waves, green, and noise of its own in each frame. The CFA stands
 * still while the scene moves. */
static unsigned sample_at(unsigned x, unsigned y, bool is_green, uint32_t *noise)
{
    unsigned patch = mix((x >> 3) * 7919u + (y >> 3) * 104729u) % 160;
    unsigned wave = (x * 3 + y * 5) / 16 % 256;
    *noise = *noise * 1664525u + 1013904223u;
    return 64 + (patch + wave) * (is_green ? 8 : 5) / 8 + (*noise >> 28) + (*noise >> 24 & 15);
}

static void render(uint8_t *packed, size_t stride_bytes, unsigned number)
{
    unsigned dx = mix(number) % SHIFTS, dy = mix(number + 99) % SHIFTS;
    uint32_t noise = mix(number + 7);
    for (unsigned y = 0; y < HEIGHT; y++) {
        uint8_t *out = packed + y * stride_bytes;
        for (unsigned x = 0; x < WIDTH; x += 4, out += 5) {
            out[4] = 0;
            for (unsigned i = 0; i < 4; i++) {
                unsigned value = sample_at(x + i + dx, y + dy, (i + y) % 2, &noise);
                out[i] = (uint8_t)(value >> 2);
                out[4] |= (uint8_t)((value & 3) << 2 * i);
            }
        }
    }
}

/* An input keeps what was written to it, also while it is free. */
static int fill_inputs(size_t stride_bytes)
{
    struct sisp_input inputs[INPUTS_MAX];
    unsigned count = 0;
    while (count < INPUTS_MAX && sisp_session_acquire(bench.session, &inputs[count]) == 0) {
        render(inputs[count].samples, stride_bytes, count);
        count++;
    }
    int r = count < INPUTS_MAX ? 0 : -1;
    while (count > 0)
        r |= sisp_session_cancel(bench.session, &inputs[--count]);
    return r;
}

static int open_session(uint32_t threads)
{
    static char error[200];
    struct sisp_session_params params = sisp_session_params_default();
    params.info = (struct sisp_raw_info){.fourcc = sisp_raw_format_find("SRGGB10P")->fourcc,
        .width = WIDTH,
        .height = HEIGHT,
        .stride_bytes = WIDTH / 4 * 5,
        .crop = {0, 0, WIDTH, HEIGHT},
        .black_level = {64, 64, 64, 64},
        .white_level = 1023,
        .noise_shot = 2e-4F,
        .noise_read = 2e-6F};
    params.preview =
        (struct sisp_picture_params){.format = SISP_PIXEL_NV12, .width = 1280, .height = 960};
    params.still =
        (struct sisp_picture_params){.format = SISP_PIXEL_RGB24, .width = WIDTH, .height = HEIGHT};
    params.is_live = 1;
    params.frame_interval_ns = INTERVAL_NS;
    params.burst_frames = BURST;
    params.threads = threads;
    if (sisp_session_create(&bench.session, &params, error, sizeof(error)) != 0) {
        fprintf(stderr, "shutter_preview: %s\n", error);
        return -1;
    }
    return fill_inputs(params.info.stride_bytes);
}

/* ---- consumer and camera --------------------------------------------------------------------- */

static void take_still(const struct sisp_record *record, bool has_picture)
{
    bench.stills += has_picture;
    bench.failures += !has_picture;
    bench.still_ns += record->published_ns - record->accepted_ns;
    atomic_store(&bench.is_due, false);
}

static void take_preview(const struct sisp_record *record, bool has_picture)
{
    struct series *series = &bench.series[atomic_load(&bench.phase)];
    if (!atomic_load(&bench.is_measuring) || series->count == FRAMES_MAX)
        return;
    series->lost += !has_picture;
    series->fallbacks += record->fallback_used != 0;
    if (has_picture)
        series->latency_ns[series->count++] = now_ns() - record->capture_ns;
}

static void *consume(void *user)
{
    struct sisp_result result;
    int r;
    while ((r = sisp_session_next(bench.session, &result, SECOND_NS)) != -ESHUTDOWN) {
        if (r)
            continue;
        bool has_picture = result.image.planes[0] != NULL;
        if (result.record.lane == SISP_LANE_BACKGROUND)
            take_still(&result.record, has_picture);
        else
            take_preview(&result.record, has_picture);
        sisp_session_release(bench.session, &result);
    }
    return NULL;
}

static void press(void)
{
    uint64_t token;
    if (!atomic_exchange(&bench.is_due, true) && sisp_session_press(bench.session, &token) != 0)
        atomic_store(&bench.is_due, false);
}

static void give_frame(uint64_t sequence, uint64_t due_ns)
{
    struct sisp_input input;
    const struct sisp_submission submission = {
        .lane = SISP_LANE_FAST, .sequence = sequence, .capture_ns = due_ns};
    if (sisp_session_acquire(bench.session, &input) != 0) {
        bench.missed++;
        return;
    }
    if (sisp_session_submit(bench.session, &input, &submission) != 0) {
        sisp_session_cancel(bench.session, &input);
        bench.missed++;
    }
}

/* The frames of a phase, of which the first few are not measured. */
static void run_phase(enum phase phase, unsigned frames, uint64_t *sequence)
{
    uint64_t start_ns = now_ns() + INTERVAL_NS;
    atomic_store(&bench.phase, phase);
    for (unsigned n = 0; n < frames + WARM_UP; n++) {
        uint64_t due_ns = start_ns + n * INTERVAL_NS;
        sleep_until(due_ns);
        atomic_store(&bench.is_measuring, n >= WARM_UP);
        give_frame((*sequence)++, due_ns);
        if (phase == FUSING && *sequence > BURST)
            press();
    }
    atomic_store(&bench.is_measuring, false);
    while (atomic_load(&bench.is_due))
        sleep_until(now_ns() + INTERVAL_NS / 10);
}

/* ---- report ---------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static double p99_ms(struct series *series)
{
    qsort(series->latency_ns, series->count, sizeof(*series->latency_ns), by_size);
    return series->count ? (double)series->latency_ns[(series->count - 1) * 99 / 100] / 1e6 : 0;
}

static void print_series(const char *name, struct series *series)
{
    double p99 = p99_ms(series);
    double p50 = series->count ? (double)series->latency_ns[series->count / 2] / 1e6 : 0;
    double max = series->count ? (double)series->latency_ns[series->count - 1] / 1e6 : 0;
    printf("%-7s %5u previews, %u lost, %u by the floor; latency p50 %.2f ms, p99 %.2f, max %.2f\n",
        name, series->count, series->lost, series->fallbacks, p50, p99, max);
}

/* What neither buffers nor the program itself are is scratch memory, most of it the fusion's. */
static void print_memory(void)
{
    struct rusage usage;
    struct sisp_figures figures;
    getrusage(RUSAGE_SELF, &usage);
    sisp_session_figures(bench.session, &figures);
    const double raw_mib = WIDTH / 4 * 5.0 * HEIGHT / (1 << 20);
    const double words_mib = WIDTH * 2.0 * HEIGHT / (1 << 20);
    const double pools_mib = (double)figures.quota_bytes / (1 << 20);
    const double all_mib = (double)usage.ru_maxrss / 1024;
    const double scratch_mib = all_mib - pools_mib - (double)bench.before.ru_maxrss / 1024;
    const unsigned inputs = sisp_session_input_count(bench.session);
    printf("memory  %.0f MiB at most: the program %.0f, buffers %.0f (%u inputs of %.1f: %.0f), "
           "scratch %.0f: %.2f frames of 16 bits\n",
        all_mib, (double)bench.before.ru_maxrss / 1024, pools_mib, inputs, raw_mib,
        inputs * raw_mib, scratch_mib, scratch_mib / words_mib);
    printf("        page faults: %ld until frames came, %ld since\n", bench.ready.ru_minflt,
        usage.ru_minflt - bench.ready.ru_minflt);
}

static void print_report(void)
{
    print_series("alone", &bench.series[ALONE]);
    print_series("fusing", &bench.series[FUSING]);
    double alone = p99_ms(&bench.series[ALONE]), fusing = p99_ms(&bench.series[FUSING]);
    printf("ratio   p99 fusing over alone %.3f; frames that found no input: %u\n",
        alone > 0 ? fusing / alone : 0, bench.missed);
    printf("stills  %u of %u frames each, %u failed, %.2f s from press to picture\n", bench.stills,
        BURST, bench.failures,
        bench.stills ? (double)bench.still_ns / 1e9 / (bench.stills + bench.failures) : 0.0);
    print_memory();
}

int main(int argc, char **argv)
{
    unsigned seconds = argc > 1 ? (unsigned)atoi(argv[1]) : 10;
    unsigned rounds = argc > 2 ? (unsigned)atoi(argv[2]) : 3;
    pthread_t consumer;
    uint64_t sequence = 0;
    getrusage(RUSAGE_SELF, &bench.before);
    if (!seconds || !rounds || open_session(argc > 3 ? (uint32_t)atoi(argv[3]) : 0) != 0)
        return 1;
    if (pthread_create(&consumer, NULL, consume, NULL) != 0)
        return 1;
    getrusage(RUSAGE_SELF, &bench.ready);
    for (unsigned round = 0; round < rounds; round++)
        for (int phase = ALONE; phase < PHASES; phase++)
            run_phase((enum phase)phase, seconds * (unsigned)(SECOND_NS / INTERVAL_NS), &sequence);
    sisp_session_stop(bench.session);
    pthread_join(consumer, NULL);
    print_report();
    sisp_session_destroy(&bench.session);
    return 0;
}
