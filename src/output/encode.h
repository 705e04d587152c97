/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What an encoder gets, and the encoders. Only those whose library this build has are there. */
#ifndef OUTPUT_ENCODE_H
#define OUTPUT_ENCODE_H

#include "output/file.h"
#include "output/rows.h"
#include <softisp/writer.h>

/** One picture to be written; all of it is checked before an encoder sees it. */
struct out_job {
    struct out_rows rows;
    struct out_file *file;
    struct sisp_write_params params; /* defaults filled in */
    char *error;                     /* may be NULL */
    size_t error_size;
};

/** Say why in one sentence (printf; %m is the errno) and return `error`. */
__attribute__((format(printf, 3, 4))) int out_fail(
    struct out_job *job, int error, const char *format, ...);

/** Whether it is a picture that can be written: -EINVAL, said, if not. */
int out_check_image(struct out_job *job, const struct sisp_image *image);

typedef int (*out_encode_fn)(struct out_job *job);

int out_encode_jpeg(struct out_job *job);
int out_encode_png(struct out_job *job);
int out_encode_tiff(struct out_job *job);
int out_encode_ppm(struct out_job *job);

/** Bytes on the heap; bytes NULL: there are none. */
struct out_blob {
    void *bytes;
    size_t size_bytes;
};

/** The sRGB profile, the same bytes each time. Without lcms2 there is none. */
int out_profile_create(struct out_blob *profile);

/** EXIF as in APP1, "Exif\0\0" first; none without job->params.exif or without libexif. */
int out_exif_create(struct out_blob *exif, const struct out_job *job);

#endif
