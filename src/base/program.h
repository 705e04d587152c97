/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Base: programs of this project that the library runs as children. */
#ifndef BASE_PROGRAM_H
#define BASE_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BASE_PROGRAM_FD      3 /* where a child finds the first descriptor that it was given */
#define BASE_PROGRAM_FDS_MAX 3

/**
 * Where a child program is: the folder that SOFTISP_LIBEXECDIR names (and no other, if set), the
 * folder of the running program, `build_folder` of a build tree seen from <build>/cli and from
 * <build>/tests/<x>, and at last where it was installed. Returns: false if it is nowhere.
 */
bool base_program_find(
    char *path, size_t size, const char *name, const char *build_folder, const char *installed);

/**
 * Start a program that has nothing of this process but the first `fd_count` of `fds`, from
 * BASE_PROGRAM_FD on: its input and output are /dev/null, no signal is blocked or handled, and its
 * environment is `environment`, which ends with NULL. Sanitized builds keep the sanitizers' options
 * and stderr, since their reports must be seen. Returns: 0, errno; -EMFILE where the process may
 * have no descriptors above those of the child.
 */
int base_program_start(int32_t *pid, const char *path, const char *const *environment,
    const int *fds, unsigned fd_count);

#endif
