/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A session's life in one program, for a tracer that makes its system calls fail: start, run, press
 * the shutter, flush, run, stop. usage: start_run_stop FILE.csv [thread|process]. Ends with 0 (all
 * frames ended once), 1 (refused, with one sentence) or 3 (something was lost or left behind, and
 * what).
 */
#include <softisp/softisp.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FRAMES  6u
#define WAIT_NS UINT64_C(3000000000)

static int refused(const char *what, int error, const char *sentence)
{
    fprintf(stderr, "start_run_stop: %s: %s%s%s\n", what, strerror(-error), *sentence ? ": " : "",
        sentence);
    return 1;
}

static int broken(const char *what)
{
    fprintf(stderr, "start_run_stop: BROKEN: %s\n", what);
    return 3;
}

/* Entries of a folder of /proc; 0 where it could not be read, which then says nothing. */
static unsigned count_entries(const char *path)
{
    unsigned count = 0;
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    if (folder)
        closedir(folder);
    return count;
}

static struct sisp_session_params describe(
    struct sisp_telemetry *telemetry, const struct sisp_knobs *knobs)
{
    struct sisp_session_params params = sisp_session_params_default();
    params.info = (struct sisp_raw_info){
        .fourcc = sisp_raw_format_find("SRGGB10")->fourcc,
        .width = 64,
        .height = 64,
        .stride_bytes = 128,
        .crop = {0, 0, 64, 64},
        .orientation = 1,
        .white_level = 1023,
    };
    params.preview =
        (struct sisp_picture_params){.format = SISP_PIXEL_NV12, .width = 32, .height = 32};
    params.still =
        (struct sisp_picture_params){.format = SISP_PIXEL_RGB24, .width = 64, .height = 64};
    params.threads = 2;
    params.is_live = 1;
    params.frame_interval_ns = 33333333;
    params.burst_frames = 2;
    params.telemetry = telemetry;
    params.knobs = knobs;
    return params;
}

/* Returns: frames and plans that were accepted. */
static unsigned submit(struct sisp_session *session)
{
    unsigned accepted = 0;
    for (unsigned i = 0; i < FRAMES; i++) {
        struct sisp_input input;
        struct sisp_submission submission = {.lane = SISP_LANE_FAST, .sequence = i};
        if (sisp_session_acquire(session, &input))
            continue;
        memset(input.samples, (int)i, input.size_bytes);
        if (sisp_session_submit(session, &input, &submission) == 0)
            accepted++;
        else
            sisp_session_cancel(session, &input);
    }
    uint64_t token;
    return accepted + (sisp_session_press(session, &token) == 0);
}

static int run(struct sisp_session *session)
{
    unsigned accepted = submit(session), ended = 0;
    struct sisp_result result;
    int r;
    for (unsigned i = 0; i < 2 && sisp_session_next(session, &result, WAIT_NS) == 0; i++) {
        ended++;
        sisp_session_release(session, &result);
    }
    r = sisp_session_flush(session);
    if (r)
        return broken("a flush that failed");
    accepted += submit(session);
    sisp_session_stop(session);
    while ((r = sisp_session_next(session, &result, WAIT_NS)) == 0) {
        ended++;
        sisp_session_release(session, &result);
    }
    struct sisp_figures figures;
    sisp_session_figures(session, &figures);
    if (r != -ESHUTDOWN)
        return broken("the session did not say that it has ended");
    if (ended != accepted)
        return broken("not every accepted frame ended once");
    return figures.quarantined ? broken("a slot is in quarantine") : 0;
}

static int live(const char *path, const char *isolation)
{
    char sentence[256] = "";
    struct sisp_telemetry *telemetry;
    struct sisp_session *session;
    int r = sisp_telemetry_open(&telemetry, path);
    if (r)
        return refused("telemetry", r, "");
    struct sisp_knobs knobs = {0};
    r = sisp_knobs_set(&knobs, "isolation", isolation);
    if (r)
        return refused("isolation", r, "");
    struct sisp_session_params params = describe(telemetry, &knobs);
    r = sisp_session_create(&session, &params, sentence, sizeof(sentence));
    int status = r ? refused("create", r, sentence) : run(session);
    if (r && (session || !*sentence))
        status = broken("a refusal without a sentence, or with a session");
    sisp_session_destroy(&session);
    r = sisp_telemetry_close(&telemetry);
    if (r && status == 0)
        status = refused("telemetry", r, "");
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3)
        return 2;
    if (!strcmp(argv[1], "--nothing"))
        return 0;
    unsigned descriptors = count_entries("/proc/self/fd"), left = 0;
    int status = live(argv[1], argc > 2 ? argv[2] : "thread");
    unsigned now = count_entries("/proc/self/fd");
    unsigned threads = count_entries("/proc/self/task");
    left = descriptors && now > descriptors;
    if (left)
        return broken("a descriptor was left open");
    if (threads > 1)
        return broken("a thread was left behind");
    return status;
}
