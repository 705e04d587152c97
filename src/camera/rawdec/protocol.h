/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * What passes between the library and its child softisp-rawdec.
 *
 * The child finds the file on descriptor RAWDEC_INPUT_FD and an empty memfd on RAWDEC_RESULT_FD,
 * and leaves in the latter a struct rawdec_result, then, from RAWDEC_SAMPLES_OFFSET on, the samples
 * that result.info describes. As soon as result.info will not change any more it may write the
 * result for the first time and say so by the eventfd RAWDEC_NOTE_FD; the samples come later. Both
 * programs are of one build: the layout is the compiler's.
 */
#ifndef CAMERA_RAWDEC_PROTOCOL_H
#define CAMERA_RAWDEC_PROTOCOL_H

#include "base/program.h"
#include <softisp/raw.h>

#define RAWDEC_INPUT_FD       BASE_PROGRAM_FD
#define RAWDEC_RESULT_FD      (BASE_PROGRAM_FD + 1)
#define RAWDEC_NOTE_FD        (BASE_PROGRAM_FD + 2)
#define RAWDEC_FILE_BYTES_MAX (1u << 30)
#define RAWDEC_SECONDS_MAX    10
#define RAWDEC_SAMPLES_OFFSET 65536
#define RAWDEC_MAGIC          0x52574431u

struct rawdec_result {
    uint32_t magic, size_bytes; /* RAWDEC_MAGIC and sizeof: a program of another build is refused */
    int32_t status;             /* 0 or a negative errno */
    uint32_t is_confined;       /* whether seccomp held */
    char sentence[256];         /* why it failed, or a warning; may be empty */
    struct sisp_raw_info info;
};

_Static_assert(sizeof(struct rawdec_result) <= RAWDEC_SAMPLES_OFFSET, "result before samples");

#endif
