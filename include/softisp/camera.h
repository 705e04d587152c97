/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Cameras: sources of raw frames whose exposure and gain can be set. */
#ifndef SOFTISP_CAMERA_H
#define SOFTISP_CAMERA_H

#include <softisp/buffer.h>
#include <softisp/raw.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sisp_camera;

/** An edge of a frame, as the sensor gives it. */
enum sisp_edge {
    SISP_EDGE_TOP,
    SISP_EDGE_BOTTOM,
    SISP_EDGE_LEFT,
    SISP_EDGE_RIGHT,
};

/** Rows (at the top or bottom) or columns of each frame that no light reaches: an even number, at
 * most half of them. They become sisp_raw_info.dark and are left out of the picture. lines 0: none.
 */
struct sisp_dark_edge {
    enum sisp_edge edge;
    uint32_t lines;
};

/** {0}: 1920x1080, 30 fps, seed 0. */
struct sisp_camera_params {
    uint32_t width, height; /* even; 64 to 8192 */
    uint32_t fps_num, fps_den;
    uint64_t seed;          /* simulated camera: same seed and controls, same frames */
    const char *raw_format; /* V4L2 name; NULL: SRGGB10 */
    const char *options;    /* simulated camera: "KEY=VALUE,..."; NULL: defaults */
    /* Headerless frames on a descriptor only: */
    int fd;
    size_t stride_bytes; /* 0: no padding */
    unsigned black_count;
    float black_level[SISP_SITE_COUNT];
    float white_level; /* 0: 2^bits - 1 */
    struct sisp_dark_edge dark;
};

/** What a camera is asked for; it goes to the nearest line and gain that the sensor has, and holds
 * some frames after the call (see struct sisp_camera_limits). */
struct sisp_camera_controls {
    float exposure_us;
    float analogue_gain;
};

struct sisp_camera_limits {
    float exposure_us_min, exposure_us_max, analogue_gain_min, analogue_gain_max;
    /* From set_controls to the first frame that shows all of it; 1 is the next frame. */
    unsigned delay_frames;
    unsigned exposure_delay_frames, gain_delay_frames;
    uint32_t line_ns; /* from one row's readout to the next; exposures are multiples of it */
    uint64_t frame_interval_ns; /* that it keeps; 0: unknown, or what it was asked for */
};

/** One option of the simulated camera. */
struct sisp_camera_option {
    const char *key, *values, *help;
};

/** What params->options may hold. */
SISP_API const struct sisp_camera_option *sisp_camera_sim_options(uint32_t *count);

/** 0, or -EINVAL and one sentence of what is wrong with parameters of a simulated camera. */
SISP_API SISP_MUST_CHECK int sisp_camera_sim_check(
    const struct sisp_camera_params *params, char *error, size_t error_size);

/**
 * Open the simulated camera: a moving scene with known truth through a sensor model (CFA,
 * exposure in lines, gain codes and their delays, rolling shutter, lamps that flicker, shot and
 * read noise, vignetting, black level, hot pixels). Same seed, options and controls, same bytes.
 * Its info gives the noise at gain 1: shot noise grows with the gain, read noise with the square of
 * it.
 * Returns: 0, -EINVAL (what sisp_camera_sim_check() says), -ENOMEM.
 */
SISP_API SISP_MUST_CHECK int sisp_camera_open_sim(
    struct sisp_camera **camera, const struct sisp_camera_params *params);

/**
 * Read headerless frames from params->fd (such as stdin), which stays the caller's.
 * Returns: 0, -EINVAL (sizes, format, stride, levels), -EBADF, -ENOMEM.
 */
SISP_API SISP_MUST_CHECK int sisp_camera_open_fd(
    struct sisp_camera **camera, const struct sisp_camera_params *params);

/** A V4L2 capture device. {0} with a device: format, size and rate that it is set to. */
struct sisp_v4l2_params {
    const char *device;        /* such as "/dev/video0" */
    uint32_t width, height;    /* 0: as it is set */
    uint32_t fps_num, fps_den; /* 0: as it is set */
    const char *raw_format;    /* V4L2 name; NULL: as it is set, else the best raw one it has */
    unsigned black_count;      /* 1 or 4; 0: the sensor's, where it is known, else 0 */
    float black_level[SISP_SITE_COUNT];
    float white_level; /* 0: 2^bits - 1 */
    struct sisp_dark_edge dark;
};

/**
 * Open a V4L2 device, of one plane or of many, alone or at the end of a media graph, whose formats
 * are then set from the sensor on. It is one of the cameras that fill buffers:
 *
 *     attach -> queue each -> start -> dequeue, queue again, ... -> stop
 *
 * error: on failure, one sentence, if not NULL.
 * Threads: any. Real-time: may block.
 * Returns: 0, -EINVAL (params, or the driver's answers cannot be), -ENOTSUP (no capture device, no
 * raw format), -EBUSY (another program has it), -ENOMEM, errno of open and of the driver.
 */
SISP_API SISP_MUST_CHECK int sisp_camera_open_v4l2(struct sisp_camera **camera,
    const struct sisp_v4l2_params *params, char *error, size_t error_size);

/**
 * What a V4L2 device is, has and can, for a reader, in lines of text; cut where text_size ends.
 * Nothing is set, so that another program may stream from it. Returns: as opening it.
 */
SISP_API SISP_MUST_CHECK int sisp_v4l2_describe(
    const char *device, char *text, size_t text_size, char *error, size_t error_size);

/** What every frame has in common: format, sizes, black, profile. Constant after open. */
SISP_API const struct sisp_raw_info *sisp_camera_info(const struct sisp_camera *camera);

/** The sensor's name in small letters, such as "imx219", for sisp_tuning_candidate(); "": unknown.
 */
SISP_API const char *sisp_camera_sensor(const struct sisp_camera *camera);

/** Ranges of the controls; all zero if the camera cannot be controlled. */
SISP_API struct sisp_camera_limits sisp_camera_limits(const struct sisp_camera *camera);

/** Ask for exposure and gain; values are clamped to the limits. Threads: one at a time. */
SISP_API void sisp_camera_set_controls(
    struct sisp_camera *camera, const struct sisp_camera_controls *controls);

/** What is known of the frame that sisp_camera_read() delivered last. */
struct sisp_camera_frame {
    uint64_t sequence; /* the sensor's count of frames from 0 on */
    uint64_t start_ns; /* readout of the first row, by the sensor's clock; 0: unknown */
    /* CLOCK_MONOTONIC: the driver's stamp, of the frame's end or, where it says so, its beginning;
     * for sisp_submission.capture_ns. 0: there is none, or it cannot be. */
    uint64_t capture_ns;
};

SISP_API struct sisp_camera_frame sisp_camera_frame(const struct sisp_camera *camera);

/** Applied to that frame. */
SISP_API struct sisp_camera_controls sisp_camera_applied(const struct sisp_camera *camera);

/**
 * Fill `samples` (size_bytes must be sisp_raw_info_size_bytes()) with the next frame. Does not
 * pace: the simulated camera delivers at once.
 *
 * Threads:  one at a time.   Real-time: no heap.
 * Returns:  0, -ENODATA (clean end of the stream), -EBADMSG (it ended inside a frame), -EINTR (a
 *           signal came before the frame's first byte: call again), -EINVAL (size_bytes), -ENOTSUP
 *           (it fills buffers instead), errno of read.
 */
SISP_API SISP_MUST_CHECK int sisp_camera_read(
    struct sisp_camera *camera, uint8_t *samples, size_t size_bytes);

/* ---- cameras that fill buffers: V4L2; the others answer -ENOTSUP
 * --------------------------------- Threads: one at a time, and not one that must not wait: a
 * driver takes its time.
 */

/**
 * Give the camera the buffers that it is to fill: whole dmabufs as such, others by their address
 * (USERPTR; then all must be mapped); they stay the caller's and must live until
 * sisp_camera_destroy(). NULL: `count` of the camera's own (MMAP), which sisp_camera_export() hands
 * out. Returns: how many it has (of its own, the driver may make more or fewer), -EINVAL (they are
 * too small, count), -ENOTSUP (the device does not take such), -EBUSY (it has some), -ENOMEM, errno
 * of the driver.
 */
SISP_API SISP_MUST_CHECK int sisp_camera_attach(
    struct sisp_camera *camera, const struct sisp_buffer *buffers, uint32_t count);

/** A dmabuf of one of the camera's own buffers, such as for sisp_session_import(). Its descriptor
 * becomes the caller's. Returns: 0, -EINVAL, -ENOTSUP (the driver does not export), -EPROTO (it
 * made buffers that are too small), errno of the driver. */
SISP_API SISP_MUST_CHECK int sisp_camera_export(
    struct sisp_camera *camera, uint32_t index, struct sisp_buffer *buffer);

/** Have a buffer filled: it is the camera's until dequeue or stop. Returns: 0, -EINVAL, -ENODEV
 * (the device is gone), errno of the driver. */
SISP_API SISP_MUST_CHECK int sisp_camera_queue(struct sisp_camera *camera, uint32_t index);

/** Start the stream. Returns: 0, -ENODEV, -EPIPE (formats in the media graph), errno of the driver.
 */
SISP_API SISP_MUST_CHECK int sisp_camera_start(struct sisp_camera *camera);

/** Stop it: all buffers are the caller's again. Also after an error, and twice. */
SISP_API void sisp_camera_stop(struct sisp_camera *camera);

/**
 * Wait for the next filled buffer, with UINT64_MAX for ever; sisp_camera_frame() and
 * sisp_camera_applied() tell of it. Returns: 0, -EBADMSG (buffer *index is the caller's again, but
 * holds no whole frame), -EAGAIN (none in time), -EINTR, -ENODEV (the device is gone), -EIO (the
 * driver gave up), -EPROTO (it says what cannot be). After the last three the stream is over: stop,
 * destroy, open again.
 */
SISP_API SISP_MUST_CHECK int sisp_camera_dequeue(
    struct sisp_camera *camera, uint32_t *index, uint64_t timeout_ns);

/** One sentence on the last error of these calls; "": none. */
SISP_API const char *sisp_camera_error(const struct sisp_camera *camera);

/** Destroy; *camera may be NULL and is set to NULL. */
SISP_API void sisp_camera_destroy(struct sisp_camera **camera);

#ifdef __cplusplus
}
#endif
#endif
