/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Finished pictures to files. A file appears whole or not at all. */
#ifndef SOFTISP_WRITER_H
#define SOFTISP_WRITER_H

#include <softisp/raw.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Kinds of picture file, as a public table ended by a NULL name. */
struct sisp_writer {
    const char *name;       /* "jpeg" */
    const char *extensions; /* ".jpg .jpeg" */
    int has_16_bit;
    int available; /* whether this build has the library */
};

SISP_API extern const struct sisp_writer sisp_writers[];

/** The writer for a path's extension or for a bare extension such as ".png", or NULL. */
SISP_API const struct sisp_writer *sisp_writer_find(const char *path);

/** {0}: no EXIF, orientation as is, JPEG quality 92, one thread. */
struct sisp_write_params {
    const struct sisp_exif *exif; /* may be NULL; TIFF takes make and model of it, PPM nothing */
    uint32_t orientation; /* EXIF 1 to 8 (0 is 1): rows are turned while written, tag is 1 */
    int is_srgb;          /* put the sRGB profile inside */
    int jpeg_quality;     /* 1 to 100; 0: 92 */
    uint32_t threads;     /* that encode a JPEG, the caller's among them; 0: that one alone */
};

/**
 * Write a picture. RGB24 and XRGB8888 give 8 bits, RGBA64 gives 16 bits a channel (alpha is
 * dropped). The same picture gives the same bytes, whatever the threads. The file is written beside
 * `path`, synced and renamed; "-" writes to stdout, and an existing pipe or device is written
 * straight into. What is unfinished is unlinked on any error, and by sisp_writer_abandon_all() in a
 * signal handler. Writing to a closed pipe gives -EPIPE only where the program ignores SIGPIPE.
 *
 * error:     on failure, one sentence without the path, if not NULL.
 * Threads:   any.   Real-time: may block.
 * Returns:   0, -EINVAL (format or depth that this writer has not, size, stride, params), -ENOTSUP
 *            (not in this build), -ENOMEM, -EAGAIN (64 files unfinished at once), -ENOSPC, -EACCES
 *            and other errno of open, write, fsync, rename; -EPIPE.
 */
SISP_API SISP_MUST_CHECK int sisp_write_image(const struct sisp_writer *writer, const char *path,
    const struct sisp_image *image, const struct sisp_write_params *params, char *error,
    size_t error_size);

/** Codes of black and white in a file of raw samples; 0 <= black < white <= 65535. */
struct sisp_mosaic_scale {
    float black_level, white_level;
};

/**
 * Write the merged mosaic of a burst (struct sisp_result) as a binary PGM of 16 bits, its samples
 * in that scale: what noise takes below code 0 is lost. As sisp_write_image() otherwise.
 */
SISP_API SISP_MUST_CHECK int sisp_write_mosaic(const char *path,
    const struct sisp_raw_image *mosaic, const struct sisp_mosaic_scale *scale, char *error,
    size_t error_size);

/**
 * Write a raw frame as DNG 1.4: the samples of info->crop, uncompressed, with what `info` knows of
 * levels, noise, colour, white balance, lens shading (to be applied) and exposure. `preview`, a
 * picture as for sisp_write_image(), goes in front as a thumbnail; NULL: none. Without colour
 * (info->profile.count 0) there is no ColorMatrix, which some readers ask for:
 * sisp_result_raw_info() knows a default.
 * samples: sisp_raw_info_size_bytes() of them.
 * As sisp_write_image() otherwise; -ENOTSUP also for a monochrome frame and for IPU3's packing.
 */
SISP_API SISP_MUST_CHECK int sisp_write_dng(const char *path, const struct sisp_raw_info *info,
    const uint8_t *samples, const struct sisp_image *preview, char *error, size_t error_size);

/** Unlink every unfinished file. Async-signal-safe. */
SISP_API void sisp_writer_abandon_all(void);

/** A sequence of previews: one Y4M file, or "-" for stdout. */
struct sisp_video_writer;

/** What every picture of a video is. */
struct sisp_video_params {
    enum sisp_pixel_format format; /* NV12 (4:2:0), YUYV (4:2:2) or P010 (4:2:0 of 10 bits) */
    uint32_t width, height;
    uint32_t fps_num, fps_den;
};

/**
 * Open a .y4m file ("-": Y4M on stdout); it is renamed into place by close. BT.709 limited range
 * is said in the stream header (XCOLORRANGE=LIMITED).
 *
 * Returns: 0, or a negative errno as for sisp_write_image().
 */
SISP_API SISP_MUST_CHECK int sisp_video_writer_open(struct sisp_video_writer **writer,
    const char *path, const struct sisp_video_params *params, char *error, size_t error_size);

/** Append one picture. Threads: one at a time. Returns: 0, -EINVAL (size, format), errno of
 * write, -EPIPE; after such an error the stream is cut, and every later call returns it too. */
SISP_API SISP_MUST_CHECK int sisp_video_writer_write(
    struct sisp_video_writer *writer, const struct sisp_image *image);

/** Finish: sync and rename. *writer becomes NULL in any case. Returns: 0 or errno. */
SISP_API int sisp_video_writer_close(struct sisp_video_writer **writer);

#ifdef __cplusplus
}
#endif
#endif
