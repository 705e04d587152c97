/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A text file that grows by whole lines: each is one write, and where a disk takes a part of one,
 * that part is cut off again. The first failure ends the file: what is there stays as it is.
 */
#ifndef SESSION_LINES_H
#define SESSION_LINES_H

#include <stddef.h>
#include <sys/types.h>

struct lines {
    int fd;
    int error; /* the first one, which stays */
    size_t fill_bytes;
    off_t whole_bytes;
    char *buffer; /* NULL: not open */
};

/** Create or replace. Returns: 0, -ENOMEM, errno of open. */
int lines_open(struct lines *lines, const char *path);

/** Add to the line. Allocates nothing. */
__attribute__((format(printf, 2, 3))) void lines_add(struct lines *lines, const char *format, ...);

/** The line is complete, its '\n' included. May block. */
void lines_end(struct lines *lines);

/** Returns: 0, or the first error. A file that was not opened is left alone. */
int lines_close(struct lines *lines);

#endif
