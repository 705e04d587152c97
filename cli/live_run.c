/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One live run: this thread is the camera, a second one is the consumer of results. */
#include "live_run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STILL_WAIT_NS                                                                              \
    (10 * NS_A_SECOND) /* for a still whose burst is fused when the frames end                     \
                        */

volatile sig_atomic_t live_stop_requested;

static void interrupted(int signal)
{
    if (live_stop_requested) {
        sisp_writer_abandon_all();
        _exit(CLI_INTERRUPTED);
    }
    live_stop_requested = 1;
}

uint64_t live_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_A_SECOND + (uint64_t)now.tv_nsec;
}

static void sleep_until(uint64_t until_ns)
{
    struct timespec until = {(time_t)(until_ns / NS_A_SECOND), (long)(until_ns % NS_A_SECOND)};
    while (!live_stop_requested &&
           clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
}

/* ---- the consumer's thread --------------------------------------------------------------- */

static int write_preview(struct run *run, const struct sisp_result *result)
{
    char path[4096];
    switch (run->options->preview_kind) {
    case PREVIEW_NONE:
        return 0;
    case PREVIEW_Y4M:
        return sisp_video_writer_write(run->video, &result->image);
    case PREVIEW_PNGS:
        snprintf(path, sizeof(path), "%s/preview-%06" PRIu64 ".png", run->options->preview,
            result->record.sequence);
        return sisp_write_image(sisp_writer_find(path), path, &result->image,
            &(struct sisp_write_params){.is_srgb = 1}, NULL, 0);
    }
    return 0;
}

/* Each in its file, as it was submitted. */
static int write_raw(struct run *run, const struct sisp_result *result)
{
    char path[4096];
    const struct sisp_raw_image *raw = &result->raw;
    snprintf(path, sizeof(path), "%s/%06" PRIu64 ".raw", run->options->raw_folder,
        result->record.sequence);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return -errno;
    int r = 0;
    const size_t size_bytes = raw->stride_bytes * raw->height;
    for (size_t done = 0; done < size_bytes && r == 0;) {
        /* By way of a copy: some file systems cannot write from memory that is a device's. */
        uint8_t block[65536];
        size_t left = size_bytes - done;
        size_t size = left < sizeof(block) ? left : sizeof(block);
        memcpy(block, raw->samples + done, size);
        ssize_t n = write(fd, block, size);
        if (n > 0)
            done += (size_t)n;
        else if (errno != EINTR)
            r = -errno;
    }
    close(fd);
    if (r)
        unlink(path);
    else
        run->summary->raws++;
    return r;
}

static int write_still(struct run *run, const struct sisp_result *result)
{
    char *path = run->summary->still_path, number[32];
    const char *pattern = run->options->still, *hole = strstr(pattern, "%s");
    snprintf(number, sizeof(number), "%06" PRIu64, run->options->shutter);
    snprintf(path, sizeof(run->summary->still_path), "%.*s%s%s",
        hole ? (int)(hole - pattern) : (int)strlen(pattern), pattern, hole ? number : "",
        hole ? hole + 2 : "");
    struct sisp_exif exif = sisp_camera_info(run->camera)->exif;
    int r = sisp_write_image(sisp_writer_find(path), path, &result->image,
        &(struct sisp_write_params){.exif = &exif,
            .is_srgb = 1,
            .orientation = sisp_orientation_exif(run->options->orientation, 1)},
        run->error, sizeof(run->error));
    if (r == 0)
        run->summary->stills++;
    return r;
}

/* The first output that fails ends the run and is named. */
void live_output_error(struct run *run, int error, const char *path)
{
    const char *none = NULL;
    if (error && atomic_compare_exchange_strong(&run->failed_output, &none, path))
        atomic_store(&run->output_error, error);
}

/* A still takes a JPEG's time to write: on a thread of its own, so that previews go on. */
static void *still_main(void *user)
{
    struct run *run = user;
    live_output_error(run, write_still(run, &run->still), run->summary->still_path);
    sisp_session_release(run->session, &run->still);
    return NULL;
}

static bool start_still(struct run *run, const struct sisp_result *result)
{
    run->still = *result;
    run->has_still = pthread_create(&run->still_thread, NULL, still_main, run) == 0;
    return run->has_still;
}

static void consume(struct run *run, struct sisp_result *result)
{
    bool is_still = result->record.lane == SISP_LANE_BACKGROUND;
    if (is_still && result->fusion) {
        run->summary->fusion = *result->fusion;
        run->summary->press_ns = result->record.published_ns - result->record.accepted_ns;
    }
    if (is_still)
        atomic_store(&run->is_still_due, false);
    if (is_still && result->image.planes[0] && !run->has_still && start_still(run, result))
        return; /* that thread releases it */
    if (!is_still && result->image.planes[0])
        live_output_error(run, write_preview(run, result), run->options->preview);
    if (result->raw.samples)
        live_output_error(run, write_raw(run, result), run->options->raw_folder);
    if (run->full && result->second.planes[0])
        live_output_error(
            run, sisp_video_writer_write(run->full, &result->second), run->options->full);
    if (is_still && !result->image.planes[0])
        cli_error("live", "the still was %s (%s)", sisp_outcome_name(result->record.outcome),
            sisp_reason_name(result->record.reason));
    if (result->request.exposure_us > 0) {
        pthread_mutex_lock(&run->request_mutex);
        run->request = result->request;
        pthread_mutex_unlock(&run->request_mutex);
    }
    sisp_session_release(run->session, result);
}

static void *consumer_main(void *user)
{
    struct run *run = user;
    for (;;) {
        struct sisp_result result;
        int r = sisp_session_next(run->session, &result, NS_A_SECOND / 10);
        if (r == -EAGAIN)
            continue;
        if (r)
            return NULL; /* stopped, and all results were read */
        consume(run, &result);
    }
}

/* ---- the camera's thread ------------------------------------------------------------------- */

void live_apply_request(struct run *run)
{
    pthread_mutex_lock(&run->request_mutex);
    struct sisp_camera_controls request = run->request;
    run->request = (struct sisp_camera_controls){0};
    pthread_mutex_unlock(&run->request_mutex);
    if (request.exposure_us > 0)
        sisp_camera_set_controls(run->camera, &request);
}

/* When frame n is due after the first; n * 1e9 * den runs out of 64 bits within days. */
static uint64_t frame_time_ns(const struct live_options *o, uint64_t n)
{
    return (uint64_t)((unsigned __int128)n * NS_A_SECOND * o->fps_den / o->fps_num);
}

/* Read the next frame; where the camera lost some, it is not here before its time. */
static int read_camera(struct run *run, uint8_t *samples, uint64_t *sequence)
{
    size_t size_bytes = sisp_raw_info_size_bytes(sisp_camera_info(run->camera));
    int r = sisp_camera_read(run->camera, samples, size_bytes);
    uint64_t expected = *sequence;
    if (r == 0)
        *sequence = sisp_camera_frame(run->camera).sequence;
    if (run->is_slowed && *sequence > expected)
        sleep_until(run->start_ns + frame_time_ns(run->options, *sequence));
    return r;
}

int live_submit(struct run *run, const struct sisp_input *input, uint64_t sequence)
{
    struct sisp_camera_controls applied = sisp_camera_applied(run->camera);
    struct sisp_camera_frame frame = sisp_camera_frame(run->camera);
    struct sisp_submission submission = {
        .lane = SISP_LANE_FAST,
        .sequence = sequence,
        .capture_ns = frame.capture_ns,
        .exposure_us = applied.exposure_us,
        .analogue_gain = applied.analogue_gain,
        .readout_ns = frame.start_ns,
    };
    return sisp_session_submit(run->session, input, &submission);
}

/* Take the next frame off the camera and hand it in; *sequence is the one expected, then the one
 * that came. 0, or a negative errno that ends the run. */
static int capture(struct run *run, uint64_t *sequence)
{
    struct sisp_input input;
    live_apply_request(run);
    bool has_input = sisp_session_acquire(run->session, &input) == 0;
    int r = read_camera(run, has_input ? input.samples : run->spare, sequence);
    if (r || !has_input) {
        if (has_input)
            sisp_session_cancel(run->session, &input);
        run->summary->missed += r == 0;
        return r;
    }
    r = live_submit(run, &input, *sequence);
    if (r == -EAGAIN) {
        sisp_session_cancel(run->session, &input);
        run->summary->missed++;
        r = 0;
    }
    return r;
}

/* A pipe brings frames when the camera has them, a recording as fast as it can be read. */
static bool is_unpaced(const struct live_options *options)
{
    struct stat status;
    if (options->device)
        return false;
    return !options->is_stdin || (fstat(STDIN_FILENO, &status) == 0 && S_ISREG(status.st_mode));
}

static int capture_all(struct run *run)
{
    const struct live_options *o = run->options;
    uint64_t token;
    bool is_pressed = !o->has_shutter;
    int r = 0;
    run->is_slowed = is_unpaced(o);
    run->start_ns = live_now_ns();
    for (uint64_t n = 0; r == 0 && !live_stop_requested && (!o->frames || n < o->frames); n++) {
        if (run->is_slowed)
            sleep_until(run->start_ns + frame_time_ns(o, n));
        r = run->device ? live_device_capture(run, &n) : capture(run, &n);
        run->summary->captured += r == 0;
        if (r == 0 && !is_pressed && n >= o->shutter) {
            is_pressed = true;
            atomic_store(&run->is_still_due, true);
            r = sisp_session_press(run->session, &token);
        }
        if (r == 0)
            r = atomic_load(&run->output_error);
    }
    run->summary->seconds_ns = live_now_ns() - run->start_ns;
    /* A burst that has no frame gets none any more. */
    bool has_frames = run->summary->captured > run->summary->missed;
    uint64_t patience_ns = live_now_ns() + (has_frames ? STILL_WAIT_NS : 0);
    while (!live_stop_requested && atomic_load(&run->is_still_due) && live_now_ns() < patience_ns)
        sleep_until(live_now_ns() + NS_A_SECOND / 100);
    /* A recording keeps its last frames on a busy machine, too; what takes longer, stop ends. */
    if (!live_stop_requested && !atomic_load(&run->is_still_due))
        (void)!sisp_session_drain(run->session, NS_A_SECOND);
    return r == -ENODATA || (r == -EINTR && live_stop_requested) ? 0 : r;
}

/* ---- start and end --------------------------------------------------------------------------- */

static struct sisp_camera_params camera_params(const struct live_options *options)
{
    const struct sisp_raw_open_params *open = &options->raw.open;
    struct sisp_camera_params params = {
        .width = open->width,
        .height = open->height,
        .fps_num = options->fps_num,
        .fps_den = options->fps_den,
        .seed = options->seed,
        .raw_format = open->raw_format,
        .options = options->sim_options,
        .fd = STDIN_FILENO,
        .stride_bytes = open->stride_bytes,
        .black_count = open->black_count,
        .white_level = open->white_level,
        .dark = options->dark,
    };
    memcpy(params.black_level, open->black_level, sizeof(params.black_level));
    return params;
}

static int open_camera(struct run *run)
{
    if (run->options->device)
        return live_device_open(run);
    struct sisp_camera_params params = camera_params(run->options);
    bool is_stdin = run->options->is_stdin;
    if (!is_stdin && sisp_camera_sim_check(&params, run->error, sizeof(run->error))) {
        cli_error("live", "the camera: %s", run->error);
        return CLI_WRONG_USE;
    }
    int r = is_stdin ? sisp_camera_open_fd(&run->camera, &params)
                     : sisp_camera_open_sim(&run->camera, &params);
    if (r) {
        cli_error("live", "the camera: %s",
            r == -EINVAL ? "sides are even, 64 to 8192, and stride and levels fit the format"
                         : strerror(-r));
        return r == -EINVAL ? CLI_WRONG_USE : CLI_INTERNAL;
    }
    run->spare = malloc(sisp_raw_info_size_bytes(sisp_camera_info(run->camera)));
    if (!run->spare)
        cli_error("live", "not enough memory for a frame");
    return run->spare ? CLI_DONE : CLI_INTERNAL;
}

static int open_session(struct run *run)
{
    const struct live_options *o = run->options;
    struct sisp_session_params params = sisp_session_params_default();
    params.info = *sisp_camera_info(run->camera);
    params.params = o->params;
    if (o->params.value[SISP_PARAM_BLACK_MODE] == SISP_BLACK_OPTICAL && !params.info.dark.width) {
        cli_error("live", "'--black optical' needs samples that no light reaches: %s says where",
            o->is_stdin || o->device ? "--dark" : "sim:dark-rows=N");
        return CLI_WRONG_USE;
    }
    params.limits = sisp_camera_limits(run->camera);
    params.is_live = 1;
    params.frame_interval_ns = NS_A_SECOND * o->fps_den / o->fps_num;
    params.preview = live_preview(o);
    params.second = live_full(o, &params.info.crop);
    params.raws_max = live_raws_max(o);
    if (o->has_shutter) {
        params.still = (struct sisp_picture_params){
            .format = SISP_PIXEL_RGB24,
            .width = params.info.crop.width,
            .height = params.info.crop.height,
        };
        params.burst_frames = o->burst_frames;
    }
    live_device_params(run, &params);
    params.threads = o->threads;
    params.isa = o->isa;
    params.telemetry = run->telemetry;
    struct sisp_knobs knobs = cli_knobs(&o->knobs);
    params.knobs = &knobs;
    params.tuning = o->tuning.path ? &o->tuning.tuning : NULL;
    params.overload_first = o->overload_first;
    params.overload_count = o->overload_count;
    int r = sisp_session_create(&run->session, &params, run->error, sizeof(run->error));
    if (r)
        cli_error("live", "%s", run->error);
    if (r == 0)
        return live_device_start(run);
    return r == -EINVAL ? CLI_WRONG_USE : CLI_INTERNAL;
}

static int open_outputs(struct run *run)
{
    const struct live_options *o = run->options;
    int r = o->telemetry_path ? sisp_telemetry_open(&run->telemetry, o->telemetry_path) : 0;
    if (r) {
        cli_error("live", "%s: %s", o->telemetry_path, strerror(-r));
        return CLI_OUTPUT_FAILED;
    }
    const struct sisp_raw_info *info = sisp_camera_info(run->camera);
    int code = CLI_DONE;
    if (o->preview_kind == PREVIEW_Y4M)
        code = live_video_open(&run->video, o, o->preview, live_preview(o));
    if (code == CLI_DONE && o->full)
        code = live_video_open(&run->full, o, o->full, live_full(o, &info->crop));
    return code;
}

static int run_frames(struct run *run)
{
    if (pthread_create(&run->consumer, NULL, consumer_main, run) != 0) {
        cli_error("live", "no thread could be started");
        return CLI_INTERNAL;
    }
    cli_tuning_watch(&run->tuning, "live", &run->options->tuning, run->session);
    int r = capture_all(run);
    live_device_stop(run);
    cli_tuning_unwatch(&run->tuning);
    sisp_session_stop(run->session);
    pthread_join(run->consumer, NULL);
    if (run->has_still)
        pthread_join(run->still_thread, NULL);
    sisp_session_figures(run->session, &run->summary->figures);
    struct sisp_cfa_check check;
    if (sisp_session_cfa_check(run->session, &check) == 0)
        sisp_cfa_check_text(&check, run->summary->cfa_warning, sizeof(run->summary->cfa_warning));
    int output = atomic_load(&run->output_error);
    if (output) {
        cli_error("live", "%s: %s", atomic_load(&run->failed_output),
            run->error[0] ? run->error : strerror(-output));
        return CLI_OUTPUT_FAILED;
    }
    if (r) {
        cli_error("live", "%s",
            run->device     ? live_device_error(run, r)
            : r == -EBADMSG ? "the input ended inside a frame"
                            : strerror(-r));
        return CLI_INPUT_FAILED;
    }
    if (run->options->has_shutter && !run->summary->stills && !live_stop_requested) {
        if (run->summary->captured <= run->options->shutter)
            cli_error("live", "the frames ended before the shutter's frame %" PRIu64,
                run->options->shutter);
        return CLI_INPUT_FAILED; /* else the still's end was said when it came */
    }
    return CLI_DONE;
}

static int close_outputs(struct run *run, int code)
{
    code = live_video_close(&run->video, run->options->preview, code);
    code = live_video_close(&run->full, run->options->full, code);
    int r = sisp_telemetry_close(&run->telemetry);
    if (r && code == CLI_DONE) {
        cli_error("live", "%s: %s", run->options->telemetry_path, strerror(-r));
        code = CLI_OUTPUT_FAILED;
    }
    return code;
}

int live_run(struct live_options *options, struct live_summary *summary)
{
    struct run run = {
        .options = options, .summary = summary, .request_mutex = PTHREAD_MUTEX_INITIALIZER};
    struct sigaction action = {.sa_handler = interrupted}; /* no SA_RESTART: reads must end */
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    int code = open_camera(&run);
    if (code == CLI_DONE)
        code = open_outputs(&run);
    if (code == CLI_DONE)
        code = open_session(&run);
    if (code == CLI_DONE)
        code = run_frames(&run);
    live_device_stop(&run);
    sisp_camera_destroy(&run.camera); /* what it was lent is the session's */
    sisp_session_destroy(&run.session);
    code = close_outputs(&run, code);
    live_device_close(&run);
    free(run.spare);
    summary->is_interrupted = live_stop_requested != 0;
    return code == CLI_DONE && live_stop_requested ? CLI_INTERRUPTED : code;
}
