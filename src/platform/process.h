/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Processes: children that do one job for this process and can be killed at any instruction. Each
 * has a socket of messages with descriptors, and is named by a pidfd, never by a number that
 * somebody else may have by then.
 */
#ifndef PLATFORM_PROCESS_H
#define PLATFORM_PROCESS_H

#include "base/program.h"
#include "platform/platform.h"

#define PLAT_CHILD_SOCKET    BASE_PROGRAM_FD /* where a child finds its end */
#define PLAT_DESCRIPTORS_MAX 32              /* with one message */

/** All -1: none. */
struct plat_process {
    int32_t pid;
    int pidfd, socket;
};

/**
 * Start a program that has an empty environment, /dev/null, its end of the socket, and nothing
 * else of this process.
 * Returns: 0, errno.
 */
int plat_process_spawn(struct plat_process *process, const char *program);

/** Let go of an ended process, or of one that need not be waited for. */
void plat_process_close(struct plat_process *process);

/** SIGKILL. Harmless where it has ended. */
void plat_process_kill(const struct plat_process *process);

/** Tell it by the end of its socket that there is no more to do. */
void plat_process_hang_up(const struct plat_process *process);

/** Take note of its end. Returns: whether it has ended, proven. Never waits. */
bool plat_process_has_ended(const struct plat_process *process);

/** One whole message. Never waits. Returns: 0, errno. */
int plat_socket_send(
    int socket, const void *bytes, size_t size_bytes, const int *fds, uint32_t fd_count);

/** A message and what came with it; descriptors that do not fit are closed. Waits for one.
 * Returns: its bytes, 0 at the end, -EMSGSIZE (cut), errno. */
int plat_socket_receive(
    int socket, void *bytes, size_t size_bytes, int *fds, uint32_t fds_max, uint32_t *fd_count);

/** Map what another process has created, with all pages there. Returns: 0, -EINVAL (it is smaller
 * than that), errno. Takes the descriptor over on success. */
int plat_memory_map(struct plat_memory *memory, int fd, size_t size_bytes, bool is_writable);

/** A descriptor that wakes plat_poll(). Returns: it, or errno. */
int plat_signal_create(void);
void plat_signal_ring(int fd); /* never waits */
void plat_signal_silence(int fd);

/** One descriptor to wait for: to be read, or ended. fd -1: passed over. */
struct plat_poll {
    int fd;
    bool is_ready;
    bool is_for_write; /* of a dmabuf: wait for those who read it, too */
};

#define PLAT_POLLS_MAX 65

/** Wait until any is ready, or for the deadline. */
void plat_poll(struct plat_poll *polls, uint32_t count, uint64_t deadline_ns);

void plat_close(int fd);

/** Child: be killed when the thread that started this process ends. */
void plat_die_with_parent(void);

/**
 * Child: give up, for good, all that a worker does not need: files, sockets, other processes,
 * memory that can be run; any other call than those of computing threads kills the process. Call it
 * when all memory is there and all threads are started. Sanitized builds keep their calls. Returns:
 * 0, errno.
 */
int plat_confine(void);

#endif
