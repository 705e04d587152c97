/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "platform/process.h"

#include "base/base.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ENVIRONMENT_MAX 4

/* A sanitizer's report must be seen, and its options decide what ends a process. */
static void fill_environment(char *environment[ENVIRONMENT_MAX])
{
    unsigned count = 0;
#ifdef PLAT_SANITIZED
    for (char **e = environ; *e && count + 1 < ENVIRONMENT_MAX; e++)
        if (strncmp(*e, "ASAN_OPTIONS=", 13) == 0 || strncmp(*e, "UBSAN_OPTIONS=", 14) == 0 ||
            strncmp(*e, "TSAN_OPTIONS=", 13) == 0)
            environment[count++] = *e;
#endif
    environment[count] = NULL;
}

static int fill_actions(posix_spawn_file_actions_t *actions, int socket)
{
    int status = 0;
#ifdef PLAT_SANITIZED
    const int null_count = 2;
#else
    const int null_count = 3;
#endif
    for (int fd = 0; fd < null_count && status == 0; fd++)
        status = posix_spawn_file_actions_addopen(
            actions, fd, "/dev/null", fd == 0 ? O_RDONLY : O_WRONLY, 0);
    if (status == 0)
        status = posix_spawn_file_actions_adddup2(actions, socket, PLAT_CHILD_SOCKET);
    if (status == 0)
        status = posix_spawn_file_actions_addclosefrom_np(actions, PLAT_CHILD_SOCKET + 1);
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

static int spawn(pid_t *pid, const char *program, int socket)
{
    char *environment[ENVIRONMENT_MAX];
    char name[] = "softisp-worker", *arguments[] = {name, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    fill_environment(environment);
    int status = posix_spawn_file_actions_init(&actions);
    if (status != 0)
        return -status;
    status = posix_spawnattr_init(&attributes);
    if (status == 0) {
        status = fill_actions(&actions, socket);
        if (status == 0)
            status = fill_attributes(&attributes);
        if (status == 0)
            status = posix_spawn(pid, program, &actions, &attributes, arguments, environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return -status;
}

/* The child's end lies above the number it gets, so that dup2 clears close-on-exec. */
static int make_sockets(int sockets[2])
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
        return -errno;
    int above = fcntl(sockets[1], F_DUPFD_CLOEXEC, PLAT_CHILD_SOCKET + 1);
    int error = above >= 0 ? 0 : errno == EINVAL ? -EMFILE : -errno; /* EINVAL: limit below */
    close(sockets[1]);
    sockets[1] = above;
    if (error)
        close(sockets[0]);
    return error;
}

int plat_process_spawn(struct plat_process *process, const char *program)
{
    *process = (struct plat_process){-1, -1, -1};
    int sockets[2];
    int error = make_sockets(sockets);
    if (error)
        return error;
    pid_t pid;
    error = spawn(&pid, program, sockets[1]);
    close(sockets[1]);
    if (error) {
        close(sockets[0]);
        return error;
    }
    *process = (struct plat_process){.pid = (int32_t)pid, .pidfd = -1, .socket = sockets[0]};
    process->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (process->pidfd >= 0)
        return 0;
    /* Not even watched: it ends by itself at the end of its socket. */
    error = -errno;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    plat_process_close(process);
    return error;
}

void plat_process_close(struct plat_process *process)
{
    plat_close(process->pidfd);
    plat_close(process->socket);
    *process = (struct plat_process){-1, -1, -1};
}

void plat_process_kill(const struct plat_process *process)
{
    syscall(SYS_pidfd_send_signal, process->pidfd, SIGKILL, NULL, 0);
}

void plat_process_hang_up(const struct plat_process *process)
{
    shutdown(process->socket, SHUT_RDWR);
}

bool plat_process_has_ended(const struct plat_process *process)
{
    struct plat_poll poll = {.fd = process->pidfd};
    plat_poll(&poll, 1, 0);
    if (!poll.is_ready)
        return false;
    /* An application that ignores or collects every child has taken it already. */
    siginfo_t info;
    while (waitid(P_PIDFD, (id_t)process->pidfd, &info, WEXITED | WNOHANG) < 0 && errno == EINTR)
        ;
    return true;
}

void plat_die_with_parent(void)
{
    /* Where the parent has gone before this line, its end of the socket has, too. */
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}
