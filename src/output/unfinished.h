/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The unfinished files of this process, so that a signal handler can unlink them. */
#ifndef OUTPUT_UNFINISHED_H
#define OUTPUT_UNFINISHED_H

struct out_unfinished;

/** Remember `name` in the folder `dir_fd`, which the entry then owns. NULL if there is no room. */
struct out_unfinished *out_unfinished_add(int dir_fd, const char *name);

int out_unfinished_dir_fd(const struct out_unfinished *entry);
const char *out_unfinished_name(const struct out_unfinished *entry);

/** Forget it, once the file is renamed, unlinked, or was never there; closes the folder. */
void out_unfinished_remove(struct out_unfinished *entry);

#endif
