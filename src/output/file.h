/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * A file that appears whole or not at all: written beside its target under another name, synced,
 * renamed. "-" is stdout; a device, pipe or socket that exists is written straight into.
 */
#ifndef OUTPUT_FILE_H
#define OUTPUT_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct out_file;

/** Returns: 0, -ENOMEM, -EISDIR, -EAGAIN (too many unfinished files), errno of stat and open. */
int out_file_open(struct out_file **file, const char *path);

/** Append, through a buffer. Returns: 0 or errno of write; an error stays. */
int out_file_write(struct out_file *file, const void *bytes, size_t size_bytes);

/** Hand what is buffered to the kernel. */
int out_file_flush(struct out_file *file);

/** The descriptor, at its start, if what is written may be in any order; else -1. */
int out_file_seekable_fd(const struct out_file *file);

/** Flush, sync, put in place, free. What cannot be put in place is unlinked. */
int out_file_commit(struct out_file **file);

/** Unlink what was written and free. *file may be NULL. */
void out_file_discard(struct out_file **file);

/** Write all of it, over interruptions and short writes. Returns: 0 or errno of write. */
int out_write_all(int fd, const void *bytes, size_t size_bytes);

#endif
