/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "platform/process.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int plat_process_spawn(struct plat_process *process, const char *program)
{
    *process = (struct plat_process){-1, -1, -1};
    const char *const environment[] = {NULL};
    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
        return -errno;
    int32_t pid;
    int error = base_program_start(&pid, program, environment, &sockets[1], 1);
    close(sockets[1]);
    if (error) {
        close(sockets[0]);
        return error;
    }
    *process = (struct plat_process){.pid = pid, .pidfd = -1, .socket = sockets[0]};
    process->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (process->pidfd >= 0)
        return 0;
    /* Nobody could tell when it ends. */
    error = -errno;
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
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
