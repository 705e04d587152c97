/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Soak: two cameras in one engine, as fast as it takes frames, while a third thread does at random
 * what goes wrong in real life: workers are killed and stopped, sessions flushed, closed and opened
 * again, results held, released twice, frames cancelled, the shutter pressed. Every accepted frame
 * must end once and in order, and memory and descriptors must stay flat.
 *
 * soak --seconds N [--isolation thread|process] [--seed S]
 */
#include "base/prng.h"

#include <softisp/softisp.h>

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MS        UINT64_C(1000000)
#define CAMERAS   2u
#define WIDTH     640u
#define HEIGHT    480u
#define HELD_MAX  6u
#define PACE_MS   2 /* 500 frames a second and camera: more than two cores can do */
#define COOKIES   4u
#define GROWTH_KB 4096 /* what malloc and thread stacks may still settle after the warm-up */
#define CHILDREN  32u

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#define IS_SANITIZED (__has_feature(thread_sanitizer) || __has_feature(address_sanitizer))
#else
#define IS_SANITIZED 0
#endif

struct camera {
    struct sisp_session *session;
    pthread_rwlock_t lock; /* held for writing while the session is closed and opened again */
    pthread_t producer, consumer;
    uint64_t sequence;
    _Atomic uint64_t accepted, presses, ended, delivered, fallbacks, refused;
    _Atomic uint32_t hold_ms; /* the consumer keeps what it has for so long */
    uint64_t last_id[SISP_LANE_COUNT];
    struct base_prng prng;
};

static struct camera cameras[CAMERAS];
static struct sisp_knobs knobs;
static _Atomic int is_over;
static _Atomic uint64_t problems, kills, stops, flushes, reopened, double_releases, cancels;

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void sleep_ms(uint64_t ms)
{
    struct timespec t = {(time_t)(ms / 1000), (long)(ms % 1000 * MS)};
    nanosleep(&t, NULL);
}

static void expect(bool holds, const char *what)
{
    if (!holds && problems++ < 20)
        printf("does not hold: %s\n", what);
}

/* ---- sessions ----------------------------------------------------------------------------------
 */

static int open_session(struct camera *camera, struct sisp_session *share)
{
    struct sisp_session_params params = sisp_session_params_default();
    params.info = (struct sisp_raw_info){
        .fourcc = sisp_raw_format_find("SRGGB10")->fourcc,
        .width = WIDTH,
        .height = HEIGHT,
        .stride_bytes = 2 * WIDTH,
        .crop = {0, 0, WIDTH, HEIGHT},
        .orientation = 1,
        .white_level = 1023,
    };
    params.preview =
        (struct sisp_picture_params){.format = SISP_PIXEL_NV12, .width = WIDTH, .height = HEIGHT};
    params.still =
        (struct sisp_picture_params){.format = SISP_PIXEL_RGB24, .width = WIDTH, .height = HEIGHT};
    params.threads = 2;
    params.is_live = 1;
    params.frame_interval_ns = 33333333;
    params.burst_frames = 4;
    params.knobs = share ? NULL : &knobs;
    params.sessions_max = CAMERAS;
    params.share = share;
    char sentence[256] = "";
    int r = sisp_session_create(&camera->session, &params, sentence, sizeof(sentence));
    if (r)
        printf("cannot open a session: %s (%s)\n", strerror(-r), sentence);
    memset(camera->last_id, 0, sizeof(camera->last_id));
    return r;
}

static void *produce(void *argument)
{
    struct camera *camera = argument;
    while (!is_over) {
        pthread_rwlock_rdlock(&camera->lock);
        struct sisp_input input;
        struct sisp_submission submission = {.lane = SISP_LANE_FAST,
            .sequence = camera->sequence++,
            .cookie = 1 + camera->sequence % COOKIES};
        int r = sisp_session_acquire(camera->session, &input);
        if (r == 0) {
            memset(input.samples, (int)camera->sequence, input.size_bytes);
            r = sisp_session_submit(camera->session, &input, &submission);
            if (r == 0)
                camera->accepted++;
            else
                sisp_session_cancel(camera->session, &input);
        }
        camera->refused += r != 0;
        pthread_rwlock_unlock(&camera->lock);
        sleep_ms(PACE_MS);
    }
    return NULL;
}

static void take(struct camera *camera, const struct sisp_result *result)
{
    const struct sisp_record *record = &result->record;
    camera->ended++;
    camera->delivered += record->outcome == SISP_DELIVERED;
    camera->fallbacks += record->fallback_used != 0;
    expect(record->outcome != SISP_DELIVERED || result->image.planes[0], "a picture is there");
    if (record->plan_token)
        return; /* plans enlist when they are scheduled */
    expect(record->frame_id > camera->last_id[record->lane], "results come in order");
    camera->last_id[record->lane] = record->frame_id;
}

static void release(struct camera *camera, struct sisp_result *result)
{
    struct sisp_result again = *result;
    bool has_picture = result->image.planes[0] != NULL;
    expect(
        sisp_session_release(camera->session, result) == 0 || !has_picture, "a release is taken");
    if (base_prng_below(&camera->prng, 50) == 0 && has_picture) {
        expect(sisp_session_release(camera->session, &again) == -ESTALE, "a second release is not");
        double_releases++;
    }
}

static void consume_some(struct camera *camera)
{
    struct sisp_result held[HELD_MAX];
    uint32_t count = 0, limit = 1 + base_prng_below(&camera->prng, HELD_MAX);
    while (count < limit && sisp_session_next(camera->session, &held[count], 5 * MS) == 0)
        take(camera, &held[count++]);
    uint32_t hold_ms = atomic_exchange(&camera->hold_ms, 0);
    if (hold_ms)
        sleep_ms(hold_ms);
    while (count > 0)
        release(camera, &held[--count]);
}

static void drain(struct camera *camera)
{
    struct sisp_result result;
    int r;
    sisp_session_stop(camera->session);
    while ((r = sisp_session_next(camera->session, &result, 3000 * MS)) == 0) {
        take(camera, &result);
        release(camera, &result);
    }
    expect(r == -ESHUTDOWN, "a stopped session says that it has ended");
    expect(camera->ended == camera->accepted + camera->presses, "every accepted frame ended once");
}

static void *consume(void *argument)
{
    struct camera *camera = argument;
    while (!is_over) {
        pthread_rwlock_rdlock(&camera->lock);
        consume_some(camera);
        pthread_rwlock_unlock(&camera->lock);
    }
    return NULL;
}

/* ---- what goes wrong ----------------------------------------------------------------------------
 */

static uint32_t find_children(pid_t *children)
{
    uint32_t count = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *task; tasks && (task = readdir(tasks));) {
        char path[320];
        snprintf(path, sizeof(path), "/proc/self/task/%s/children", task->d_name);
        FILE *file = fopen(path, "r");
        int child;
        while (file && count < CHILDREN && fscanf(file, "%d", &child) == 1)
            children[count++] = child;
        if (file)
            fclose(file);
    }
    if (tasks)
        closedir(tasks);
    return count;
}

static void hurt_a_worker(struct base_prng *prng)
{
    pid_t children[CHILDREN];
    uint32_t count = find_children(children);
    if (count == 0)
        return;
    pid_t child = children[base_prng_below(prng, count)];
    if (base_prng_below(prng, 2)) {
        kill(child, SIGKILL);
        kills++;
    } else {
        kill(child, SIGSTOP);
        sleep_ms(base_prng_below(prng, 5) ? base_prng_below(prng, 60) : 800);
        kill(child, SIGCONT);
        stops++;
    }
}

static void reopen(struct camera *camera, struct sisp_session *share)
{
    pthread_rwlock_wrlock(&camera->lock);
    drain(camera);
    sisp_session_destroy(&camera->session);
    if (open_session(camera, share)) {
        problems++;
        exit(1);
    }
    reopened++;
    pthread_rwlock_unlock(&camera->lock);
}

static void trouble(struct base_prng *prng)
{
    struct camera *camera = &cameras[base_prng_below(prng, CAMERAS)];
    uint64_t token;
    switch (base_prng_below(prng, 8)) {
    case 0:
    case 1:
        hurt_a_worker(prng);
        break;
    case 2: {
        uint64_t start_ns = now_ns();
        expect(sisp_session_flush(camera->session) == 0, "a flush ends");
        expect(now_ns() - start_ns < 2000 * MS, "a flush ends in time");
        flushes++;
        break;
    }
    case 3:
        cancels +=
            sisp_session_cancel_frames(camera->session, 1 + base_prng_below(prng, COOKIES)) == 0;
        break;
    case 4:
        camera->hold_ms = base_prng_below(prng, 300);
        break;
    case 5:
        if (base_prng_below(prng, 4) == 0)
            reopen(&cameras[1], cameras[0].session);
        break;
    default:
        if (sisp_session_press(camera->session, &token) == 0)
            camera->presses++;
    }
}

/* ---- flatness
 * ------------------------------------------------------------------------------------
 */

struct footprint {
    long resident_kb;
    uint32_t descriptors, mappings;
};

static uint32_t count_lines(const char *path)
{
    FILE *file = fopen(path, "r");
    uint32_t lines = 0;
    for (int c; file && (c = fgetc(file)) != EOF;)
        lines += c == '\n';
    if (file)
        fclose(file);
    return lines;
}

static struct footprint measure(void)
{
    struct footprint now = {.mappings = count_lines("/proc/self/maps")};
    FILE *file = fopen("/proc/self/statm", "r");
    long total = 0, resident = 0;
    if (file && fscanf(file, "%ld %ld", &total, &resident) == 2)
        now.resident_kb = resident * (sysconf(_SC_PAGESIZE) / 1024);
    if (file)
        fclose(file);
    DIR *folder = opendir("/proc/self/fd");
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        now.descriptors += entry->d_name[0] != '.';
    if (folder)
        closedir(folder);
    return now;
}

static struct footprint soak(uint64_t seconds, uint64_t seed, struct footprint *warm)
{
    struct base_prng prng = {.state = seed};
    uint64_t start_ns = now_ns(), end_ns = start_ns + seconds * 1000 * MS;
    bool is_warm = false;
    while (now_ns() < end_ns && problems == 0) {
        sleep_ms(5 + base_prng_below(&prng, 60));
        trouble(&prng);
        if (!is_warm && now_ns() > start_ns + (end_ns - start_ns) / 5) {
            *warm = measure();
            is_warm = true;
        }
    }
    sleep_ms(1500); /* workers that were killed just now are back */
    return measure();
}

static int finish(const struct footprint *warm, const struct footprint *last, uint64_t seconds)
{
    uint64_t accepted = 0, ended = 0, delivered = 0, fallbacks = 0;
    for (uint32_t c = 0; c < CAMERAS; c++) {
        accepted += cameras[c].accepted + cameras[c].presses;
        ended += cameras[c].ended;
        delivered += cameras[c].delivered;
        fallbacks += cameras[c].fallbacks;
    }
    printf("%" PRIu64 " s: %" PRIu64 " accepted, %" PRIu64 " ended, %" PRIu64 " delivered, %" PRIu64
           " by the floor; %" PRIu64 " kills, %" PRIu64 " stops, %" PRIu64 " flushes, %" PRIu64
           " reopened, %" PRIu64 " cancels, %" PRIu64 " double releases\n",
        seconds, accepted, ended, delivered, fallbacks, (uint64_t)kills, (uint64_t)stops,
        (uint64_t)flushes, (uint64_t)reopened, (uint64_t)cancels, (uint64_t)double_releases);
    printf("after a fifth of the time and at the end: %ld and %ld KiB resident, %u and %u "
           "descriptors, %u and %u mappings\n",
        warm->resident_kb, last->resident_kb, warm->descriptors, last->descriptors, warm->mappings,
        last->mappings);
    expect(accepted == ended, "every accepted frame ended once");
    expect(delivered > 0 || IS_SANITIZED, "frames were delivered in time");
    if (IS_SANITIZED)
        printf("SKIPPED memory is flat, frames in time: a sanitizer's memory grows, its code is "
               "slow\n");
    else
        expect(last->resident_kb - warm->resident_kb < GROWTH_KB, "memory is flat");
    /* A worker may be between two lives at either moment. */
    expect(last->descriptors <= warm->descriptors + 4, "descriptors are flat");
    printf("%d passed, %d failed\n", problems == 0, problems != 0);
    return problems != 0;
}

static int start(const char *isolation)
{
    /* Workers die more often here than any budget allows. */
    if (sisp_knobs_set(&knobs, "isolation", isolation) ||
        sisp_knobs_set(&knobs, "restart_budget", "1000000")) {
        printf("there is no isolation '%s'\n", isolation);
        return 2;
    }
    for (uint32_t c = 0; c < CAMERAS; c++) {
        cameras[c].prng.state = c + 7;
        pthread_rwlock_init(&cameras[c].lock, NULL);
        if (open_session(&cameras[c], c ? cameras[0].session : NULL))
            return 1;
        pthread_create(&cameras[c].producer, NULL, produce, &cameras[c]);
        pthread_create(&cameras[c].consumer, NULL, consume, &cameras[c]);
    }
    return 0;
}

int main(int argc, char **argv)
{
    uint64_t seconds = 10, seed = 1;
    const char *isolation = "process";
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--seconds"))
            seconds = strtoull(argv[i + 1], NULL, 10);
        else if (!strcmp(argv[i], "--seed"))
            seed = strtoull(argv[i + 1], NULL, 10);
        else if (!strcmp(argv[i], "--isolation"))
            isolation = argv[i + 1];
    }
    int status = start(isolation);
    if (status)
        return status;
    struct footprint warm = {0}, last = soak(seconds, seed, &warm);
    is_over = 1;
    for (uint32_t c = 0; c < CAMERAS; c++) {
        pthread_join(cameras[c].producer, NULL);
        pthread_join(cameras[c].consumer, NULL);
    }
    for (uint32_t c = CAMERAS; c-- > 0;) {
        drain(&cameras[c]);
        sisp_session_destroy(&cameras[c].session);
    }
    return finish(&warm, &last, seconds);
}
