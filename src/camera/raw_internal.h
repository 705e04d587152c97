/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the readers of raw files share. */
#ifndef CAMERA_RAW_INTERNAL_H
#define CAMERA_RAW_INTERNAL_H

#include <softisp/raw.h>

#include <stdbool.h>
#include <sys/types.h>

#define RAW_PIXELS_MAX (256u << 20)

/** A decoder at work. */
struct raw_child {
    pid_t pid; /* 0: none runs */
    int pidfd, pidfd_error;
    int result_fd, note_fd;
    int64_t deadline_ms;
    bool has_info; /* said while samples were to come */
};

struct sisp_raw_file {
    struct sisp_raw_info info;
    uint8_t *samples; /* NULL: still to come */
    bool is_clipped;  /* to a container narrower than the file's */
    struct raw_child child;
    void *mapping; /* what the child delivered; NULL: samples are on the heap */
    size_t mapping_bytes;
};

/** Where a failure's sentence goes. */
struct raw_error {
    char *text; /* may be NULL */
    size_t size;
};

/** Write the sentence; returns `status`. */
__attribute__((format(printf, 3, 4))) int raw_fail(
    const struct raw_error *error, int status, const char *format, ...);

/** An open regular file. */
struct raw_input {
    int fd;
    uint64_t size_bytes;
};

int raw_read_headerless(struct sisp_raw_file *file, const struct raw_input *input,
    const struct sisp_raw_open_params *params, const struct raw_error *error);
int raw_read_pgm(struct sisp_raw_file *file, const struct raw_input *input,
    const struct sisp_raw_open_params *params, const struct raw_error *error);

/** Decode in a confined child process: to the end, or until the info is known (samples NULL). */
int raw_child_start(
    struct sisp_raw_file *file, const struct raw_input *input, const struct raw_error *error);

/** The rest of it. */
int raw_child_finish(struct sisp_raw_file *file, const struct raw_error *error);

/** Kill it if it runs, and close what it left. */
void raw_child_forget(struct raw_child *child);

/** Whether everything in `info` is finite, in range and fits together: it came from a child that a
 * hostile file may have taken over. `why` receives what is wrong. */
bool raw_info_check(const struct sisp_raw_info *info, const char **why);

#endif
