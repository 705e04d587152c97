/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/program.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct place {
    const char *folder, *way, *below; /* way: from the folder to the one below */
};

static bool is_program(char *path, size_t size, const char *name, const struct place *place)
{
    int length = snprintf(path, size, "%s%s%s/%s", place->folder, place->way, place->below, name);
    return length > 0 && (size_t)length < size && access(path, X_OK) == 0;
}

static bool find_beside(char *path, size_t size, const char *name, const char *build_folder)
{
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (length <= 0)
        return false;
    self[length] = '\0';
    char *slash = strrchr(self, '/');
    if (slash)
        *slash = '\0';
    const struct place here = {self, "", ""};
    const struct place from_cli = {self, "/../", build_folder};
    const struct place from_test = {self, "/../../", build_folder};
    return is_program(path, size, name, &here) || is_program(path, size, name, &from_cli) ||
           is_program(path, size, name, &from_test);
}

bool base_program_find(
    char *path, size_t size, const char *name, const char *build_folder, const char *installed)
{
    const char *libexecdir = secure_getenv("SOFTISP_LIBEXECDIR");
    const struct place place = {libexecdir ? libexecdir : installed, "", ""};
    if (!libexecdir && find_beside(path, size, name, build_folder))
        return true;
    return is_program(path, size, name, &place);
}
