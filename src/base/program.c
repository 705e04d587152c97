/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/program.h"

#include "base/base.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENVIRONMENT_MAX 8

/* ---- where it is --------------------------------------------------------------------------- */

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

/* ---- how it starts ------------------------------------------------------------------------- */

static void fill_environment(char *to[ENVIRONMENT_MAX], const char *const *from)
{
    unsigned count = 0;
    while (*from && count + 1 < ENVIRONMENT_MAX)
        to[count++] = (char *)*from++;
#ifdef BASE_SANITIZED
    for (char **e = environ; *e && count + 1 < ENVIRONMENT_MAX; e++)
        if (strncmp(*e, "ASAN_OPTIONS=", 13) == 0 || strncmp(*e, "UBSAN_OPTIONS=", 14) == 0 ||
            strncmp(*e, "TSAN_OPTIONS=", 13) == 0)
            to[count++] = *e;
#endif
    to[count] = NULL;
}

static int fill_actions(
    posix_spawn_file_actions_t *actions, const int fds[BASE_PROGRAM_FDS_MAX], unsigned fd_count)
{
    int status = 0;
#ifdef BASE_SANITIZED
    const int null_count = 2;
#else
    const int null_count = 3;
#endif
    for (int fd = 0; fd < null_count && status == 0; fd++)
        status = posix_spawn_file_actions_addopen(
            actions, fd, "/dev/null", fd == 0 ? O_RDONLY : O_WRONLY, 0);
    for (unsigned i = 0; i < fd_count && status == 0; i++)
        status = posix_spawn_file_actions_adddup2(actions, fds[i], BASE_PROGRAM_FD + (int)i);
    if (status == 0)
        status = posix_spawn_file_actions_addclosefrom_np(actions, BASE_PROGRAM_FD + (int)fd_count);
    return status;
}

static int fill_attributes(posix_spawnattr_t *attributes)
{
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    int status = posix_spawnattr_setsigdefault(attributes, &all);
    if (status == 0)
        status = posix_spawnattr_setsigmask(attributes, &none);
    if (status == 0)
        status =
            posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    return status;
}

static int spawn(pid_t *pid, const char *path, char *const *environment,
    const int fds[BASE_PROGRAM_FDS_MAX], unsigned fd_count)
{
    const char *slash = strrchr(path, '/');
    char *arguments[] = {(char *)(slash ? slash + 1 : path), NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int status = posix_spawn_file_actions_init(&actions);
    if (status != 0)
        return -status;
    status = posix_spawnattr_init(&attributes);
    if (status == 0) {
        status = fill_actions(&actions, fds, fd_count);
        if (status == 0)
            status = fill_attributes(&attributes);
        if (status == 0)
            status = posix_spawn(pid, path, &actions, &attributes, arguments, environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return -status;
}

int base_program_start(int32_t *pid, const char *path, const char *const *environment,
    const int *fds, unsigned fd_count)
{
    int copies[BASE_PROGRAM_FDS_MAX], error = 0;
    char *entries[ENVIRONMENT_MAX];
    pid_t started;
    unsigned copied = 0;
    sisp_assert(fd_count <= BASE_PROGRAM_FDS_MAX);
    fill_environment(entries, environment);
    /* Above the child's numbers: no dup2 hits another one, and each clears close-on-exec. */
    for (; copied < fd_count && !error; copied++) {
        copies[copied] =
            fcntl(fds[copied], F_DUPFD_CLOEXEC, BASE_PROGRAM_FD + BASE_PROGRAM_FDS_MAX);
        if (copies[copied] < 0)
            error = errno == EINVAL ? -EMFILE : -errno; /* EINVAL: the limit lies below */
    }
    if (!error)
        error = spawn(&started, path, entries, copies, fd_count);
    for (unsigned i = 0; i < copied; i++)
        if (copies[i] >= 0)
            close(copies[i]);
    if (!error)
        *pid = (int32_t)started;
    return error;
}
