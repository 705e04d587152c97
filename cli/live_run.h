/* SPDX-License-Identifier: GPL-3.0-or-later */
/** One live run, shared by what reads frames and what has buffers filled. */
#ifndef CLI_LIVE_RUN_H
#define CLI_LIVE_RUN_H

#include "live.h"

#include <signal.h>

#define NS_A_SECOND UINT64_C(1000000000)

extern volatile sig_atomic_t live_stop_requested;

struct run {
    struct live_options *options;
    struct live_summary *summary;
    struct sisp_camera *camera;
    struct sisp_session *session;
    struct cli_tuning_watch tuning;
    struct sisp_telemetry *telemetry;
    struct sisp_video_writer *video, *full;
    uint8_t *spare;             /* takes a frame for which no input was free */
    struct live_device *device; /* a camera that fills buffers; NULL: it is read from */
    bool is_slowed;             /* the camera does not keep time: this program does */
    uint64_t start_ns;
    pthread_t consumer;
    char error[512]; /* written by the still's thread */

    /* Written by the consumer. */
    atomic_int output_error;             /* negative errno */
    _Atomic(const char *) failed_output; /* which */
    atomic_bool is_still_due;            /* the shutter was pressed, the result has not come */
    struct sisp_result still;            /* one press a run, so one still */
    pthread_t still_thread;
    bool has_still;
    pthread_mutex_t request_mutex;
    struct sisp_camera_controls request; /* under request_mutex; 0: nothing new */
};

uint64_t live_now_ns(void);

/** The first output that fails ends the run and is named. */
void live_output_error(struct run *run, int error, const char *path);

/** Set the camera to what the session asked for last. */
void live_apply_request(struct run *run);

/** Hand the frame in that the camera gave last. Returns as sisp_session_submit(). */
int live_submit(struct run *run, const struct sisp_input *input, uint64_t sequence);

/* ---- a camera that fills buffers: all do nothing where there is none --------------------------
 */

/** Open it, and take over what it is set to. Returns enum cli_exit; errors are said. */
int live_device_open(struct run *run);

/** What the session must know of it. */
void live_device_params(const struct run *run, struct sisp_session_params *params);

/** Its buffers become the session's, or the session's its; then frames flow. Returns enum cli_exit;
 * errors are said. */
int live_device_start(struct run *run);

/** Hand in the next frame; *sequence becomes its own. 0, or a negative errno that ends the run. */
int live_device_capture(struct run *run, uint64_t *sequence);

/** The sentence of that errno. */
const char *live_device_error(const struct run *run, int error);

/** No more frames; all buffers are back. */
void live_device_stop(struct run *run);

void live_device_close(struct run *run);

#endif
