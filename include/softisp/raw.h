/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Raw frames: what is known of one, and how to read one from a file. */
#ifndef SOFTISP_RAW_H
#define SOFTISP_RAW_H

#include <softisp/buffer.h>
#include <softisp/coefficients.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Colour calibration of a camera, as DNG stores it (DNG 1.4, chapter 6). */
struct sisp_color_profile {
    uint32_t count;             /* illuminants known: 0, 1 or 2, warmest first */
    float cct_kelvin[2];        /* colour temperature of each illuminant; 0: unknown */
    float color_matrix[2][9];   /* XYZ to camera */
    uint32_t has_forward;       /* whether forward_matrix is set */
    float forward_matrix[2][9]; /* white-balanced camera to XYZ D50 */
};

/** What EXIF wants to know. Empty strings and zeros: unknown. */
struct sisp_exif {
    char make[64], model[64], lens[64], software[64];
    char date_time[20]; /* "YYYY:MM:DD HH:MM:SS" */
    double exposure_us, iso, f_number, focal_length_mm;
};

/** All that is known of a raw frame but its samples. Plain data. */
struct sisp_raw_info {
    uint32_t fourcc; /* of a format in sisp_raw_formats; its CFA is that of sample (0, 0) */
    uint32_t width, height;
    size_t stride_bytes;
    struct sisp_rect crop; /* what becomes the picture: ActiveArea and DefaultCrop */
    uint32_t orientation;  /* EXIF 1 to 8: how the finished picture is to be turned */
    float black_level[SISP_SITE_COUNT], white_level; /* raw codes */
    uint32_t black_source;                           /* enum sisp_source; 0: nobody stated it */
    uint32_t has_optical_black;
    float optical_black[SISP_SITE_COUNT]; /* mean of the samples that no light reaches */
    /* Of a live camera: samples that no light reaches in any frame, such as rows above the picture
     * or columns beside it, without those at their edge that some light does reach. At least 128,
     * in two rows and columns or more; width 0: none known. */
    struct sisp_rect dark;
    uint32_t has_as_shot;
    float as_shot_gains[3]; /* camera white balance, G = 1 */
    float baseline_exposure_ev;
    float exposure_us, analogue_gain; /* of a live camera; 0: unknown */
    float noise_shot, noise_read;     /* as in struct sisp_coefficients */
    struct sisp_color_profile profile;
    struct sisp_lsc_mesh lsc;
    struct sisp_exif exif;
};

/** A raw frame in memory: a view, it owns nothing. */
struct sisp_raw_image {
    uint32_t fourcc; /* as in struct sisp_raw_info */
    uint32_t width, height;
    const uint8_t *samples; /* stride_bytes * height; NULL: no frame */
    size_t stride_bytes;
};

/** The format entry of info->fourcc. */
SISP_API const struct sisp_raw_format *sisp_raw_info_format(const struct sisp_raw_info *info);

/** Bytes that the frame's samples take: stride_bytes * height. */
SISP_API size_t sisp_raw_info_size_bytes(const struct sisp_raw_info *info);

/** How to read a file that does not say everything itself; {0} is right for a DNG. */
struct sisp_raw_open_params {
    const char *raw_format; /* V4L2 name: the file is headerless; NULL: it is not */
    uint32_t width, height; /* headerless only */
    size_t stride_bytes;    /* headerless only; 0: no padding */
    int has_cfa;            /* PGM only: cfa is set (else RGGB, with a warning) */
    enum sisp_cfa cfa;
    unsigned black_count; /* 0: the file's own; 1 or 4 values override it */
    float black_level[SISP_SITE_COUNT];
    float white_level;     /* 0: the file's own */
    int use_optical_black; /* the level of the samples that no light reaches overrides the file's */
    int is_early; /* return when the info is known; for the samples, sisp_raw_file_wait() */
};

/** An open raw file: its info and its samples, in memory. */
struct sisp_raw_file;

/**
 * Read a raw file: a DNG or whatever LibRaw decodes (in a confined child process), a binary PGM
 * with a Bayer mosaic, or headerless frames (the first one).
 *
 * error:     on failure, one sentence without the path, if not NULL.
 * Threads:   any.   Real-time: may block, at most about ten seconds.
 * Returns:   0, -ENOENT and other errno of open, -EINVAL (params), -EBADMSG (not a raw file that
 *            can be read, or corrupt), -ENOTSUP (known but not supported), -EFBIG, -ENOMEM,
 *            -ETIMEDOUT.
 */
SISP_API SISP_MUST_CHECK int sisp_raw_file_open(struct sisp_raw_file **file, const char *path,
    const struct sisp_raw_open_params *params, char *error, size_t error_size);

/**
 * Of a file opened early: wait until its samples are there; at once where they are.
 * error: on failure, one sentence, if not NULL; the file can then only be destroyed.
 * Threads: one at a time. Real-time: may block, at most about ten seconds.
 * Returns: 0; -EBADMSG, -ENOTSUP, -EFBIG, -ENOMEM, -ETIMEDOUT, as from open.
 */
SISP_API SISP_MUST_CHECK int sisp_raw_file_wait(
    struct sisp_raw_file *file, char *error, size_t error_size);

SISP_API const struct sisp_raw_info *sisp_raw_file_info(const struct sisp_raw_file *file);

/** The samples, sisp_raw_info_size_bytes() of them, readable until destroy; NULL: opened early, and
 * not waited for. */
SISP_API const uint8_t *sisp_raw_file_samples(const struct sisp_raw_file *file);

/** Where they lie, for sisp_session_import() (its file is sealed and the raw file's own). Returns:
 * 0, -ENOENT (in memory of no file, or not there yet). */
SISP_API SISP_MUST_CHECK int sisp_raw_file_buffer(
    const struct sisp_raw_file *file, struct sisp_buffer *buffer);

enum sisp_cfa_verdict {
    SISP_CFA_UNKNOWN,   /* too dark, too bright, too grey or too small to tell */
    SISP_CFA_PLAUSIBLE, /* the greens are where the order says, or it is one colour as it says */
    SISP_CFA_OTHER,     /* the greens are on the other diagonal: the order is one of `likely` */
    SISP_CFA_MONO,      /* it should be a mosaic, but all four places of its cells agree */
    SISP_CFA_MOSAIC,    /* it should be monochrome, but is a mosaic: one of `likely` */
};

/** What a raw frame says of the CFA order given for it. */
struct sisp_cfa_check {
    enum sisp_cfa_verdict verdict;
    enum sisp_cfa likely[2]; /* they differ in red and blue, which no picture tells apart */
    float greens, others;    /* mean difference of each diagonal's sites, in stops */
};

/** Compare a frame with its CFA order, at 384 places of it. A driver that flips the picture along
 * one axis and keeps the order's name is found so.
 * samples: sisp_raw_info_size_bytes() of them. Threads: any. Real-time: safe. */
SISP_API void sisp_cfa_check(
    const struct sisp_raw_info *info, const uint8_t *samples, struct sisp_cfa_check *check);

/** One sentence for a user; NULL where nothing is wrong. */
SISP_API const char *sisp_cfa_check_text(
    const struct sisp_cfa_check *check, char *text, size_t text_size);

/** Destroy; *file may be NULL and is set to NULL. */
SISP_API void sisp_raw_file_destroy(struct sisp_raw_file **file);

#ifdef __cplusplus
}
#endif
#endif
