/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actions.h"

#include "output/folder.h"

#include <softisp/softisp.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WAIT_NS   UINT64_C(20000000000)
#define ROUNDS    10000
#define TINY_DNG  SOURCE_ROOT "/tests/camera/tiny.dng"
#define CONFIG    SOURCE_ROOT "/doc/softisp.yaml"
#define PGM       "frame.pgm"
#define RAW       "frame.raw"
#define TELEMETRY "kept.csv"

/* Every check counts here, since the harness's counts are each file's own. */
#define EXPECT(condition) expect(condition, __LINE__, #condition)

static unsigned problems;
static struct sisp_image picture;
static char remake_path[400], pgm_path[400], raw_path[400], remake_hash[33];

static void expect(bool holds, int line, const char *condition)
{
    if (!holds)
        printf("%s:%d: does not hold: %s\n", __FILE__, line, condition);
    problems += !holds;
}

/* ---- sessions ------------------------------------------------------------------------------- */

static struct sisp_session_params session_params(bool is_live)
{
    struct sisp_session_params params = sisp_session_params_default();
    const struct sisp_raw_format *format = sisp_raw_format_find("SRGGB10");
    params.info = (struct sisp_raw_info){
        .fourcc = format->fourcc,
        .width = 64,
        .height = 64,
        .stride_bytes = 128,
        .crop = {0, 0, 64, 64},
        .orientation = 1,
        .white_level = 1023,
    };
    params.still =
        (struct sisp_picture_params){.format = SISP_PIXEL_RGB24, .width = 64, .height = 64};
    params.threads = 2;
    if (is_live) {
        params.preview =
            (struct sisp_picture_params){.format = SISP_PIXEL_NV12, .width = 32, .height = 32};
        params.is_live = 1;
        params.frame_interval_ns = 33333333;
        params.burst_frames = 2;
    }
    return params;
}

static bool submit(struct sisp_session *session, bool is_live)
{
    struct sisp_input input;
    const struct sisp_submission submission = {
        .lane = is_live ? SISP_LANE_FAST : SISP_LANE_BACKGROUND};
    if (sisp_session_acquire(session, &input))
        return false;
    memset(input.samples, 1, input.size_bytes);
    if (sisp_session_submit(session, &input, &submission) == 0)
        return true;
    sisp_session_cancel(session, &input);
    return false;
}

static unsigned read_all(struct sisp_session *session, uint64_t timeout_ns)
{
    struct sisp_result result;
    unsigned count = 0;
    for (; sisp_session_next(session, &result, timeout_ns) == 0; count++)
        EXPECT(sisp_session_release(session, &result) == 0);
    return count;
}

/* Start, run, flush, stop. What has started works on, whatever is refused from then on. */
static int run_session(struct sisp_session_params *params, char *error, size_t error_size)
{
    struct sisp_session *session;
    int r = sisp_session_create(&session, params, error, error_size);
    EXPECT((r == 0) == (session != NULL));
    if (r)
        return r;
    unsigned accepted = submit(session, params->is_live), ended = 0;
    EXPECT(accepted == 1);
    EXPECT(sisp_session_drain(session, WAIT_NS) == 0);
    ended += read_all(session, 0);
    accepted += submit(session, params->is_live);
    EXPECT(sisp_session_flush(session) == 0);
    ended += read_all(session, 0);
    sisp_session_stop(session);
    ended += read_all(session, WAIT_NS);
    EXPECT(ended == accepted);
    sisp_session_destroy(&session);
    return r;
}

static int run_session_live(char *error, size_t error_size)
{
    struct sisp_session_params params = session_params(true);
    return run_session(&params, error, error_size);
}

static int run_session_file(char *error, size_t error_size)
{
    struct sisp_session_params params = session_params(false);
    return run_session(&params, error, error_size);
}

static int run_session_isolated(char *error, size_t error_size)
{
    struct sisp_session_params params = session_params(true);
    struct sisp_knobs knobs = {0};
    EXPECT(sisp_knobs_set(&knobs, "isolation", "process") == 0);
    params.knobs = &knobs;
    return run_session(&params, error, error_size);
}

static int run_session_shared(char *error, size_t error_size)
{
    struct sisp_session *first, *second = NULL;
    struct sisp_session_params params = session_params(true);
    params.sessions_max = 2;
    params.slots_min = 4;
    int r = sisp_session_create(&first, &params, error, error_size);
    params.share = first;
    if (r == 0)
        r = sisp_session_create(&second, &params, error, error_size);
    EXPECT((r == 0) == (second != NULL));
    sisp_session_destroy(&first);
    sisp_session_destroy(&second);
    return r;
}

static int run_configuration(char *error, size_t error_size)
{
    struct sisp_knobs knobs = {0};
    return sisp_knobs_load(&knobs, CONFIG, error, error_size);
}

/* ---- cameras and telemetry ------------------------------------------------------------------ */

static int run_camera_sim(char *error, size_t error_size)
{
    struct sisp_camera *camera;
    struct sisp_camera_params params = {.width = 64, .height = 64};
    int r = sisp_camera_open_sim(&camera, &params);
    EXPECT((r == 0) == (camera != NULL));
    sisp_camera_destroy(&camera);
    return r;
}

static int run_camera_fd(char *error, size_t error_size)
{
    struct sisp_camera *camera;
    struct sisp_camera_params params = {.width = 64, .height = 64, .fd = STDIN_FILENO};
    int r = sisp_camera_open_fd(&camera, &params);
    EXPECT((r == 0) == (camera != NULL));
    sisp_camera_destroy(&camera);
    return r;
}

static int run_telemetry(char *error, size_t error_size)
{
    struct sisp_telemetry *telemetry;
    int r = sisp_telemetry_open(&telemetry, folder_path("t.csv"));
    EXPECT((r == 0) == (telemetry != NULL));
    int closed = sisp_telemetry_close(&telemetry);
    return r ? r : closed;
}

static int run_remake(char *error, size_t error_size)
{
    struct sisp_remake remake;
    int r = sisp_remake_load(&remake, remake_path, remake_hash);
    if (r == 0) {
        EXPECT((remake.width) == (64));
        EXPECT((remake.coefficients.lsc.cols) == (2));
    }
    return r;
}

/* ---- raw files ------------------------------------------------------------------------------ */

static int run_raw(
    const char *path, const struct sisp_raw_open_params *params, char *error, size_t error_size)
{
    struct sisp_raw_file *file;
    int r = sisp_raw_file_open(&file, path, params, error, error_size);
    EXPECT((r == 0) == (file != NULL));
    sisp_raw_file_destroy(&file);
    return r;
}

static int run_raw_pgm(char *error, size_t error_size)
{
    return run_raw(pgm_path, &(struct sisp_raw_open_params){.has_cfa = 1}, error, error_size);
}

static int run_raw_headerless(char *error, size_t error_size)
{
    const struct sisp_raw_open_params params = {.raw_format = "SRGGB10", .width = 64, .height = 64};
    return run_raw(raw_path, &params, error, error_size);
}

static int run_raw_dng(char *error, size_t error_size)
{
    return run_raw(TINY_DNG, &(struct sisp_raw_open_params){0}, error, error_size);
}

/* ---- writers --------------------------------------------------------------------------------- */

/* No TIFF and no ICC profile: libtiff 4.5 and lcms2 2.14 do not survive a failed allocation of
 * their own. What this library allocates around them is failed by tests/output/test_memory.c. */
static int run_write(const char *name, char *error, size_t error_size)
{
    static const struct sisp_exif exif = {.make = "Maker", .exposure_us = 100, .iso = 100};
    const struct sisp_write_params params = {.exif = &exif, .orientation = 6};
    const char *path = folder_path(name);
    int r = sisp_write_image(sisp_writer_find(name), path, &picture, &params, error, error_size);
    EXPECT((access(path, F_OK) == 0) == (r == 0));
    unlink(path);
    return r;
}

static int run_write_jpeg(char *error, size_t error_size)
{
    return run_write("a.jpg", error, error_size);
}

static int run_write_png(char *error, size_t error_size)
{
    return run_write("a.png", error, error_size);
}

static int run_write_ppm(char *error, size_t error_size)
{
    return run_write("a.ppm", error, error_size);
}

static int run_video(char *error, size_t error_size)
{
    struct sisp_video_writer *writer;
    const char *path = folder_path("a.y4m");
    int r = sisp_video_writer_open(&writer, path,
        &(struct sisp_video_params){SISP_PIXEL_NV12, 8, 8, 30, 1}, error, error_size);
    EXPECT((r == 0) == (writer != NULL));
    int closed = sisp_video_writer_close(&writer);
    EXPECT((access(path, F_OK) == 0) == (r == 0));
    unlink(path);
    return r ? r : closed;
}

const struct action actions[] = {
    {"session, live", run_session_live, true, -EAGAIN},
    {"session, file", run_session_file, true, -EAGAIN},
    {"session, isolated", run_session_isolated, true, -EAGAIN},
    {"session, shared", run_session_shared, true, -EAGAIN},
    {"configuration", run_configuration, true, 0},
    {"camera, sim", run_camera_sim, false, 0},
    {"camera, fd", run_camera_fd, false, 0},
    {"telemetry", run_telemetry, false, 0},
    /* jansson 2.14 takes a text that lost a character for a whole one. */
    {"remake", run_remake, false, -EBADMSG},
    {"raw, PGM", run_raw_pgm, true, 0},
    {"raw, headerless", run_raw_headerless, true, 0},
    {"raw, DNG", run_raw_dng, true, 0},
    {"JPEG", run_write_jpeg, true, 0},
    {"PNG", run_write_png, true, 0},
    {"PPM", run_write_ppm, true, 0},
    {"Y4M", run_video, true, 0},
    {0},
};

/* ---- files that are read --------------------------------------------------------------------- */

static bool write_file(char path[400], const char *name, const char *header)
{
    static const uint8_t samples[64 * 64 * 2];
    snprintf(path, 400, "%s", folder_path(name));
    FILE *file = fopen(path, "we");
    if (!file)
        return false;
    fputs(header, file);
    fwrite(samples, sizeof(samples), 1, file);
    return fclose(file) == 0;
}

/* One picture with a mesh of its own: its line of parameters is what a remake reads. */
static bool develop_one(struct sisp_telemetry *telemetry)
{
    struct sisp_session *session;
    struct sisp_session_params params = session_params(false);
    params.telemetry = telemetry;
    struct sisp_lsc_mesh *mesh = &params.info.lsc;
    mesh->cols = mesh->rows = 2;
    mesh->step_x = mesh->step_y = 1;
    for (unsigned s = 0; s < SISP_SITE_COUNT; s++)
        for (unsigned i = 0; i < 4; i++)
            mesh->gain[s][i] = 1.25f;
    struct sisp_input input;
    struct sisp_result result;
    struct sisp_submission submission = {.lane = SISP_LANE_BACKGROUND};
    if (sisp_session_create(&session, &params, NULL, 0) < 0)
        return false;
    bool ok = sisp_session_acquire(session, &input) == 0;
    if (ok) {
        memset(input.samples, 1, input.size_bytes);
        ok = sisp_session_submit(session, &input, &submission) == 0 &&
             sisp_session_next(session, &result, WAIT_NS) == 0;
    }
    if (ok) {
        sisp_hash_text(result.record.param, remake_hash);
        sisp_session_release(session, &result);
    }
    sisp_session_destroy(&session);
    return ok && remake_hash[0];
}

bool actions_init(void)
{
    struct sisp_telemetry *telemetry;
    const char *path = folder_path(TELEMETRY);
    snprintf(remake_path, sizeof(remake_path), "%s.params.jsonl", path);
    picture = image_make(SISP_PIXEL_RGB24, 30, 20, 1);
    if (!write_file(pgm_path, PGM, "P5 64 64 1023\n") || !write_file(raw_path, RAW, "") ||
        sisp_telemetry_open(&telemetry, path) < 0)
        return false;
    bool ok = develop_one(telemetry);
    /* The C library keeps stacks and tables of the most threads that there were. */
    char error[200];
    ok &= run_session_live(error, sizeof(error)) == 0;
    return sisp_telemetry_close(&telemetry) == 0 && ok;
}

/* ---- running --------------------------------------------------------------------------------- */

static bool is_same(const struct fault_census *a, const struct fault_census *b)
{
    return a->live == b->live && a->descriptors == b->descriptors && a->threads == b->threads;
}

/* A joined thread stays in /proc for a moment. */
static void check_census(const struct action *action, const struct fault_census *before, int status)
{
    const struct timespec pause = {0, 1000000};
    struct fault_census after = fault_census();
    for (unsigned tries = 0; tries < 500 && !is_same(before, &after); tries++) {
        nanosleep(&pause, NULL);
        after = fault_census();
    }
    if (is_same(before, &after))
        return;
    printf("%s ended with %d: allocations %ld, descriptors %u, threads %u; before %ld, %u, %u\n",
        action->name, status, after.live, after.descriptors, after.threads, before->live,
        before->descriptors, before->threads);
    EXPECT(is_same(before, &after));
}

static int run_once(const struct action *action, enum fault_kind kind, long nth, bool *has_failed)
{
    char error[200] = "";
    struct fault_census before = fault_census();
    fault_arm(kind, nth);
    int status = action->run(error, sizeof(error));
    *has_failed = fault_disarm(kind) || (kind == FAULT_DESCRIPTOR && status < 0);
    if ((error[0] != 0) != (status < 0 && action->has_sentence)) {
        printf("%s ended with %d: \"%s\"\n", action->name, status, error);
        EXPECT(!"a sentence with each failure, and only then");
    }
    check_census(action, &before, status);
    return status;
}

unsigned action_fail_each(const struct action *action, enum fault_kind kind, int expected)
{
    bool has_failed;
    /* What libraries set up once stays. */
    if (run_once(action, kind, FAULT_NEVER, &has_failed) != 0) {
        printf("%s fails by itself\n", action->name);
        EXPECT(!"a call that works");
        return 0;
    }
    for (long nth = 0; nth < ROUNDS; nth++) {
        int status = run_once(action, kind, nth, &has_failed);
        if (!has_failed) {
            EXPECT(status == 0);
            return (unsigned)nth;
        }
        if (status != 0 && status != expected &&
            (kind != FAULT_ALLOCATION || status != action->other_error)) {
            printf("%s, call %ld: %s\n", action->name, nth, strerror(-status));
            EXPECT(!"another errno");
        }
    }
    EXPECT(!"an end");
    return ROUNDS;
}

unsigned action_problems(void)
{
    return problems;
}
