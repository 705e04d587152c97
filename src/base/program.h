/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_PROGRAM_H
#define BASE_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

/**
 * Where a child program is: the folder that SOFTISP_LIBEXECDIR names (and no other, if set), the
 * folder of the running program, `build_folder` of a build tree seen from <build>/cli and from
 * <build>/tests/<x>, and at last where it was installed. Returns: false if it is nowhere.
 */
bool base_program_find(
    char *path, size_t size, const char *name, const char *build_folder, const char *installed);

#endif
