/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A session: raw frames of one kind in, pictures out, one completion for every accepted frame.
 *
 *     acquire an input -> fill it -> submit -> next (a result) -> release
 *
 * Two lanes: the fast lane makes previews and never waits; the background lane makes stills, from
 * one frame or from a burst of frames that the session kept.
 *
 * After a fork() a session stays the parent's: in the child its calls answer -ESHUTDOWN.
 */
#ifndef SOFTISP_SESSION_H
#define SOFTISP_SESSION_H

#include <softisp/buffer.h>
#include <softisp/camera.h>
#include <softisp/knobs.h>
#include <softisp/params.h>
#include <softisp/raw.h>
#include <softisp/telemetry.h>
#include <softisp/tuning.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sisp_session;

/**
 * Levels of instruction sets: "base", "v2", "v3", "v4" (x86-64), "neon" (AArch64), or "auto" for
 * the best one that build and CPU have. The level never changes a bit of a picture.
 * Returns: a number from 0 on, -EINVAL (no such name), -ENOTSUP (not in this build or CPU).
 */
SISP_API int sisp_isa_find(const char *name);

/** The name of a number that sisp_isa_find() returned; NULL past the last level. */
SISP_API const char *sisp_isa_name(unsigned isa);

/** What kind of picture a lane makes. width 0: the lane is not used. */
struct sisp_picture_params {
    enum sisp_pixel_format format;
    uint32_t width, height; /* as it is turned: at most the crop's; stills: exactly the crop's */
    enum sisp_orientation
        orientation; /* stills: as they are; struct sisp_write_params turns them */
};

/** Start from sisp_session_params_default(). */
struct sisp_session_params {
    struct sisp_raw_info info;          /* of every frame; exposure and gain come with each */
    struct sisp_params params;          /* the user's wishes, until sisp_session_set_params() */
    struct sisp_picture_params preview; /* fast lane and its fallback: any format */
    /* Of the same frames, from the same pass: such as the full picture beside a small preview. Any
     * format, the preview's orientation; width 0: none. */
    struct sisp_picture_params second;
    struct sisp_picture_params still; /* background lane: RGB24, XRGB8888 or RGBA64 */
    /* Each result has the frame's own input, too (struct sisp_result, raw), while so many are held,
     * by results that were not read or not released; there are so many inputs more for that, but no
     * more places for imports. 0: none; at most 32. */
    uint32_t raws_max;
    struct sisp_camera_limits limits; /* what exposure may ask of the camera; zero: nothing */
    int is_live;                      /* coefficients are smoothed from frame to frame */
    /* Of a live camera; 0: unknown. The fast lane has 7/8 of it for a frame, then the floor makes a
     * picture before the next frame comes. */
    uint64_t frame_interval_ns;
    uint32_t burst_frames;            /* fused at a press of the shutter; 0: none; at most 16 */
    int is_mosaic_wanted;             /* a burst's still brings the merged mosaic along, as `raw` */
    int is_mosaic_denoised;           /* as the picture is, by the parameter denoise */
    uint32_t threads;                 /* of each team; 0: one for each CPU */
    const char *isa;                  /* "auto" or NULL, "base", "v2", "v3", "v4", "neon" */
    struct sisp_telemetry *telemetry; /* may be NULL; must outlive the session */
    const struct sisp_coefficients *coefficients; /* not NULL: no automatic control, these hold */
    const struct sisp_knobs *knobs;               /* of the engine; NULL: defaults */
    const struct sisp_tuning *tuning;             /* of sensor and lens, copied; NULL: none */
    /* Called for each event, on the thread that writes telemetry; what it cannot take in time is
     * dropped and counted. NULL: not wanted. */
    void (*event)(void *user, const struct sisp_event *event);
    void *event_user;
    /* Sessions that will share this one's engine, this one included; 0: 1; at most 8. Buffers are
     * made for so many. */
    uint32_t sessions_max;
    /* Another session, whose engine this one joins: workers, buffers, knobs and telemetry are in
     * common; frames, results, flush and stop are its own. info, params, preview, second, still,
     * raws_max, is_live, burst_frames, memories and imports_max must be the other's, as it was
     * created. NULL: an engine of its own. */
    struct sisp_session *share;
    uint32_t slots_min, slots_max; /* attempts kept for it, and at most its; 0: none, all */
    /* What inputs and pictures lie in; who shares an engine has the same. Anything but
     * SISP_MEMORY_MEMFD needs workers that are threads. Large pictures that nobody else maps come
     * and go ten times as fast in SISP_MEMORY_PRIVATE. */
    enum sisp_memory input_memory, output_memory;
    uint32_t imports_max; /* buffers of others that it can read, at most 32; 0: none */
    /* A rehearsal of trouble: fast-lane frames with these sequence numbers find a worker that
     * sleeps past their deadline. count 0: none. */
    uint64_t overload_first;
    uint32_t overload_count;
};

SISP_API struct sisp_session_params sisp_session_params_default(void);

/**
 * Create: allocates and touches all memory, starts all threads; nothing is allocated later. Where
 * it is not live, inputs and what it works in are touched by the first frame.
 * error: on failure, one sentence, if not NULL.
 * Returns: 0, -EINVAL (sizes, formats, parameters), -ENOTSUP (isa, memory), -ENOMEM, -EAGAIN
 * (threads; or the shared engine cannot promise what was asked), -ENOSPC (sessions_max),
 * -ESHUTDOWN; with the knob isolation=process what keeps softisp-worker from starting: -ENOENT,
 * -EACCES, -ECHILD, -ETIMEDOUT, errno.
 */
SISP_API SISP_MUST_CHECK int sisp_session_create(struct sisp_session **session,
    const struct sisp_session_params *params, char *error, size_t error_size);

/** A buffer to fill with one raw frame. */
struct sisp_input {
    uint8_t *samples;
    size_t size_bytes; /* sisp_raw_info_size_bytes() */
    uint64_t handle;   /* the session's */
    uint32_t index;    /* of the buffer, always the same: sisp_session_input_buffer() */
};

/** Which of the sessions of one engine this is, in records and events. */
SISP_API uint32_t sisp_session_number(const struct sisp_session *session);

/** Take a free input. Threads: any. Real-time: safe. Returns: 0, -EAGAIN (none free now: frames and
 * results that were not released have them), -ESHUTDOWN. */
SISP_API SISP_MUST_CHECK int sisp_session_acquire(
    struct sisp_session *session, struct sisp_input *input);

/** Give an input back unused. Threads: any. Real-time: safe. Returns: 0, -ESTALE (it is not the
 * caller's). */
SISP_API int sisp_session_cancel(struct sisp_session *session, struct sisp_input *input);

/** Inputs of the session's own (with all that share its engine): indices 0 to that - 1; imports
 * follow behind. */
SISP_API uint32_t sisp_session_input_count(const struct sisp_session *session);

/** Where an input lies, for a device that is given all of them beforehand (DMABUF, USERPTR).
 * Threads: any. Returns: 0, -EINVAL (index), -ENOENT (a place with no import). */
SISP_API SISP_MUST_CHECK int sisp_session_input_buffer(
    struct sisp_session *session, uint32_t index, struct sisp_buffer *buffer);

/* ---- buffers of others ------------------------------------------------------------------------
 */

/**
 * Read a buffer of somebody else's where it is: its frame is in it. It takes one of imports_max
 * places and is mapped read-only; the same one (inode and offset) again gets the place that it has.
 * `memory` and `bytes` are not looked at. A memfd must be sealed against shrinking, and
 * offset_bytes be a multiple of 64. Ownership: the descriptor stays the caller's; the input is the
 * caller's as from sisp_session_acquire(), to submit or to cancel. After its frame,
 * sisp_session_acquire_imported() tells when its owner may have it filled again. error: on failure,
 * one sentence, if not NULL. Threads: any, one at a time. Real-time: maps a buffer that is new.
 * Returns: 0, -EINVAL (neither a dmabuf nor a sealed memfd, too short, offset), -EBADF, -EBUSY (the
 * session still reads it, or another thread is inside), -ENOSPC (no place), -ENOTSUP (imports_max
 * is 0), -ENOMEM, errno of mmap, -ESHUTDOWN.
 */
SISP_API SISP_MUST_CHECK int sisp_session_import(struct sisp_session *session,
    const struct sisp_buffer *buffer, struct sisp_input *input, char *error, size_t error_size);

/** Take an import that neither the session nor a result (raw) has: have it filled and submit it, or
 * cancel it.
 * Threads: any. Real-time: safe. Returns: 0, -EAGAIN (none), -ESHUTDOWN. */
SISP_API SISP_MUST_CHECK int sisp_session_acquire_imported(
    struct sisp_session *session, struct sisp_input *input);

/** Forget an import; `index` is its input's. Threads: any, one at a time. Returns: 0, -ENOENT (no
 * import there), -EBUSY (the session still reads it, or its input or a result with it is the
 * caller's). */
SISP_API int sisp_session_unimport(struct sisp_session *session, uint32_t index);

struct sisp_submission {
    enum sisp_lane lane; /* FAST or BACKGROUND */
    uint64_t sequence;
    uint64_t capture_ns;   /* CLOCK_MONOTONIC; 0: now */
    uint64_t deadline_ns;  /* 0: two frame intervals from now; none without an interval */
    uint64_t cookie;       /* comes back in the result */
    uint64_t bytes_copied; /* that filling the input cost, for the records; 0: filled in place */
    float exposure_us, analogue_gain; /* of this frame; 0: unknown */
    /* Readout of its first row, by the sensor's clock: what flicker is measured by; 0: unknown. */
    uint64_t readout_ns;
    /* The input is not filled yet: its frame starts when fence_fd, a sync_file or an eventfd of the
     * caller's, signals. One that never does costs its frame (late at its deadline, or
     * flushed) and, until it does, its input. One that signals an error, as a sync_file does whose
     * device was lost, ends its frame as failed (fence_failed). */
    int has_fence;
    int fence_fd;
};

/**
 * Submit a filled input. Accepted means: exactly one result follows.
 * Ownership: on success the input is the session's; on error it stays the caller's.
 * Threads: any.   Real-time: safe.
 * Returns: 0, -EAGAIN (too many frames or fences in flight), -ESTALE, -EINVAL (lane, or the fence
 * is none), -EBADF (fence), -ESHUTDOWN.
 */
SISP_API SISP_MUST_CHECK int sisp_session_submit(struct sisp_session *session,
    const struct sisp_input *input, const struct sisp_submission *submission);

/**
 * Press the shutter: the newest burst_frames fast-lane inputs, by capture_ns, become one still on
 * the background lane; result.fusion says how. They are those of the moment of the press, however
 * long the still then waits for earlier ones, and nobody fills them before it has ended. Fewer are
 * fused while there are fewer: at the start, and when two bursts before this one have not ended
 * (previews go on; the third has two frames). With none at all it waits for the next one. Its one
 * result carries record.plan_token = *token, and where there is no picture why: dropped
 * (not_enough_frames, or plan_expired: no progress for as long as the knob plan_ttl says), failed
 * (worker_died), cancelled (flushed). A press after sisp_session_flush() has begun is none of
 * those that it ends.
 * Threads: any.   Real-time: safe.
 * Returns: 0, -EAGAIN (four presses have no result yet that was read), -EINVAL (no burst in this
 * session), -ESHUTDOWN.
 */
SISP_API SISP_MUST_CHECK int sisp_session_press(struct sisp_session *session, uint64_t *token);

#define SISP_BURST_MAX 16

/** How a burst became one frame. Frames are counted as they were submitted; the last is the
 * reference, of which the picture is. */
struct sisp_fusion {
    uint32_t count;
    uint32_t used;                                /* bit i: frame i took part */
    uint32_t copies;                              /* bit i: not, since another has its samples */
    float share[SISP_BURST_MAX];                  /* of its samples that were taken, 0 to 1 */
    float dx[SISP_BURST_MAX], dy[SISP_BURST_MAX]; /* mean motion since the reference, samples */
    /* Mean difference to the reference once the motion of the whole frame (shift, turn, scale) is
     * taken away, in sigmas of the noise: 0.8 is noise alone; FLT_MAX: nothing can be compared.
     * Frames that look like other scenes are left out, those that moved too far (by more than 960
     * samples, or with less than a quarter of the reference in sight), and copies. */
    float residual[SISP_BURST_MAX];
    /* Brightness of the reference over the frame's: what submissions say of their exposures, and
     * lamps that flicker. */
    float gain[SISP_BURST_MAX];
    float noise_shot, noise_read; /* of one frame, stated or estimated, as in raw.h */
    /* Of an estimate: one sigma of its variance, as a share of it, and [0,1] how sure it is that it
     * is not texture. Stated: 0 and 1. */
    float noise_error, noise_confidence;
    /* What frames exposed unlike say of black, in raw codes above the stated level, and frames that
     * lie apart of lens shading beyond what was known: the natural logarithm of the light between
     * middle and corners. Errors are one sigma, 0: they say nothing. What differs by three of them
     * (shading: four), and is known well enough, is in the coefficients, with the source 'auto'. */
    float black_offset, black_error, falloff, falloff_error;
    /* Mean variance of the mosaic's noise over that of one frame's; 0: unknown, since it has been
     * denoised. */
    float noise_left;
};

#define SISP_MOTION_UNIT  16 /* of a vector, to a sample */
#define SISP_MOTION_BLOCK 8  /* samples along a side */

/** Motion of a burst: what lies in block (bx, by) of the reference lies in frame i
 * vectors[((i * rows + by) * columns + bx) * 2 + (0: x, 1: y)] / SISP_MOTION_UNIT samples on; zero
 * for the reference and for frames left out. */
struct sisp_motion {
    const int16_t *vectors; /* NULL: no burst */
    uint32_t columns, rows;
};

/** The one result of an accepted frame. */
struct sisp_result {
    struct sisp_record record;
    uint64_t cookie;
    struct sisp_image image;  /* readable until release; planes[0] NULL: no picture */
    struct sisp_image second; /* likewise; the record's output hash is of `image` alone */
    /* With raws_max: the frame as it was submitted, in its input, which is not free before release;
     * to read only, since the session may still read it, too. Frames that were late, dropped or
     * failed have it as well. Not there (samples NULL): with what was cancelled or flushed, whose
     * fence had not signalled or failed, or while raws_max were held already. With a burst, whose
     * frames had it one by one, and is_mosaic_wanted: the merged mosaic of the crop, 16 bits, black
     * 4096, white 65535, CFA of the crop's corner. */
    struct sisp_raw_image raw;
    const struct sisp_fusion *fusion; /* with the still of a burst; readable until release */
    struct sisp_motion motion;        /* likewise */
    const struct sisp_coefficients *coefficients; /* that made it; NULL with no picture */
    struct sisp_camera_controls request;          /* what the camera should be set to; 0: nothing */
    struct sisp_camera_controls applied; /* in force for this frame, as submitted; 0: unknown */
    uint32_t params_generation;          /* how often parameters had been set when it was made */
    uint64_t buffers[8];                 /* the session's */
    /* Where `image` and `second` lie, from their first byte to their last; fd -1: no picture. */
    struct sisp_buffer image_buffer, second_buffer;
    struct sisp_buffer raw_buffer; /* likewise: that of the input, of its own or imported */
};

/**
 * What is known of result->raw, for sisp_write_dng(): of a merged mosaic, with its scale, place and
 * noise, or of a frame as it was submitted, with the levels that its picture was made with.
 * Colour is that of `tuning` (as given to the session; may be NULL), else the frame's own, else
 * that of a mean camera; white balance the frame's, else the picture's; lens shading, still to be
 * applied, likewise. frame: the session's params.info. `info` may not be `frame`.
 * Threads: any. Returns: 0, -ENOENT (no raw, or no picture).
 */
SISP_API SISP_MUST_CHECK int sisp_result_raw_info(const struct sisp_result *result,
    const struct sisp_raw_info *frame, const struct sisp_tuning *tuning,
    struct sisp_raw_info *info);

/**
 * The next result, in order of acceptance within a lane.
 * Threads: one at a time. Real-time: waits at most timeout_ns.
 * Returns: 0, -EAGAIN (none in time), -EBUSY (another thread is inside), -ESHUTDOWN (stopped, and
 * all have been read).
 */
SISP_API SISP_MUST_CHECK int sisp_session_next(
    struct sisp_session *session, struct sisp_result *result, uint64_t timeout_ns);

/** Give back what a result holds. Threads: any. Real-time: safe. Returns: 0, -ESTALE (given back
 * before, or never handed out: nothing happens), -EAGAIN (dmabufs: too many are with devices; call
 * again). */
SISP_API int sisp_session_release(struct sisp_session *session, struct sisp_result *result);

/** The same, but a device still reads pictures or raw: they come back when fence_fd (a sync_file or
 * an eventfd; it stays the caller's) signals. Threads: any. Real-time: safe. Returns: as
 * sisp_session_release(); -EAGAIN (too many fences), -EINVAL, -EBADF: nothing was given back. */
SISP_API int sisp_session_release_fenced(
    struct sisp_session *session, struct sisp_result *result, int fence_fd);

/**
 * End every frame accepted before as cancelled and wait until nothing writes to its buffers, or
 * what does is set apart for good. Results can be read. The session goes on.
 * Threads: any. Real-time: blocks up to drain_grace_period + escalation_timeout.
 * Returns: 0, -EAGAIN (too many such calls at once), -ETIMEDOUT.
 */
SISP_API SISP_MUST_CHECK int sisp_session_flush(struct sisp_session *session);

/**
 * Another tuning, or none (NULL), from one of the next frames on; of all sessions that share the
 * engine. Threads: any. Real-time: safe, copies about 80 KiB.
 * Returns: 0, -EINVAL (it holds what cannot be), -EBUSY (another thread is inside), -ESHUTDOWN.
 */
SISP_API SISP_MUST_CHECK int sisp_session_set_tuning(
    struct sisp_session *session, const struct sisp_tuning *tuning);

/**
 * Other parameters, all of them at once, from one of the next frames on; of all sessions that share
 * the engine. A frame is made by the old ones or the new ones, never by a mixture. One submitted
 * after the call has the new ones, unless they are set again while it looks; on the floor, or as a
 * still of a live session, it has the last preview's. result.params_generation tells.
 * Automatic control goes on from where it is: what concerns the look alone (tone, colour, noise,
 * detail) leaves exposure and white balance as they are; auto_exposure 0 holds the exposure of the
 * moment; wb_mode 0, 1 and 3 and wb_kelvin are reached in steps of at most a quarter of a stop.
 * None changes sizes, formats or memory; those are a new session's. Ownership: copied. Threads:
 * any, one at a time. Real-time: safe, unless refused, which is logged. Returns: 0, -EINVAL (a
 * parameter outside its range, not whole, or not of stills: the log names it; all stay as they
 * were), -ENOTSUP (the session's coefficients are fixed), -EBUSY (another thread is inside),
 * -ESHUTDOWN.
 */
SISP_API SISP_MUST_CHECK int sisp_session_set_params(
    struct sisp_session *session, const struct sisp_params *params);

/** What a live session's first frames say against their CFA order; the log has it too.
 * Threads: any. Real-time: safe. Returns: 0, -ENOENT (nothing). */
SISP_API int sisp_session_cfa_check(
    const struct sisp_session *session, struct sisp_cfa_check *check);

/** Wait until every frame accepted before has its result. Threads: any. Real-time: blocks.
 * Returns: 0, -EAGAIN (too many such calls at once), -ETIMEDOUT. */
SISP_API SISP_MUST_CHECK int sisp_session_drain(struct sisp_session *session, uint64_t timeout_ns);

/** Ask that the frames with this cookie which have no result yet end as cancelled. Threads: any.
 * Real-time: safe. Returns: 0, -EAGAIN (too many such calls at once). */
SISP_API SISP_MUST_CHECK int sisp_session_cancel_frames(
    struct sisp_session *session, uint64_t cookie);

/** Finish or cancel what is in flight, within about a second. Results can still be read. Of those
 * that share an engine, this session's only. */
SISP_API void sisp_session_stop(struct sisp_session *session);

/** Of the engine, with all sessions that share it. */
SISP_API void sisp_session_figures(struct sisp_session *session, struct sisp_figures *figures);

/** Stop, join, free. *session may be NULL and becomes NULL. Results that were not released may be,
 * by another session of the engine; with its last session their pictures are gone. A worker, or an
 * event callback or a telemetry file, that never comes back is left behind with its memory, and
 * that is said in the log. */
SISP_API void sisp_session_destroy(struct sisp_session **session);

#ifdef __cplusplus
}
#endif
#endif
