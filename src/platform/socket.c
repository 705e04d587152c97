/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "platform/process.h"

#include "base/base.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Room for descriptors, aligned as the kernel wants it. */
union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(PLAT_DESCRIPTORS_MAX * sizeof(int))];
};

int plat_socket_send(
    int socket, const void *bytes, size_t size_bytes, const int *fds, uint32_t fd_count)
{
    sisp_assert(fd_count <= PLAT_DESCRIPTORS_MAX);
    union control control;
    memset(&control, 0, sizeof(control));
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size_bytes};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd_count) {
        size_t fds_bytes = fd_count * sizeof(int);
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(fds_bytes);
        control.header = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(fds_bytes), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.header), fds, fds_bytes);
    }
    ssize_t sent;
    do
        sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

static uint32_t take_descriptors(const union control *control, size_t room, int *fds, uint32_t max)
{
    uint32_t taken = 0;
    if (room < sizeof(struct cmsghdr) || control->header.cmsg_level != SOL_SOCKET ||
        control->header.cmsg_type != SCM_RIGHTS)
        return 0;
    size_t count = (control->header.cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(&control->header) + i * sizeof(int), sizeof(fd));
        if (taken < max)
            fds[taken++] = fd;
        else
            close(fd);
    }
    return taken;
}

int plat_socket_receive(
    int socket, void *bytes, size_t size_bytes, int *fds, uint32_t fds_max, uint32_t *fd_count)
{
    union control control;
    memset(&control, 0, sizeof(control));
    struct iovec part = {.iov_base = bytes, .iov_len = size_bytes};
    struct msghdr message = {.msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof(control.bytes)};
    ssize_t got;
    do
        got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    *fd_count = 0;
    if (got < 0)
        return -errno;
    *fd_count = take_descriptors(&control, message.msg_controllen, fds, fds_max);
    return message.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ? -EMSGSIZE : (int)got;
}

int plat_memory_map(struct plat_memory *memory, int fd, size_t size_bytes, bool is_writable)
{
    struct stat facts;
    *memory = (struct plat_memory){.fd = -1};
    if (fstat(fd, &facts) < 0)
        return -errno;
    if (size_bytes == 0 || facts.st_size < 0 || (size_t)facts.st_size < size_bytes)
        return -EINVAL;
    void *bytes = mmap(NULL, size_bytes, is_writable ? PROT_READ | PROT_WRITE : PROT_READ,
        MAP_SHARED | MAP_POPULATE, fd, 0);
    if (bytes == MAP_FAILED)
        return -errno;
    *memory = (struct plat_memory){.bytes = bytes, .size_bytes = size_bytes, .fd = fd};
    return 0;
}

int plat_signal_create(void)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

void plat_signal_ring(int fd)
{
    uint64_t one = 1;
    /* Full means that it has been rung already. */
    while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
}

void plat_signal_silence(int fd)
{
    uint64_t count;
    while (read(fd, &count, sizeof(count)) < 0 && errno == EINTR)
        ;
}

static int milliseconds_until(uint64_t deadline_ns)
{
    if (deadline_ns == PLAT_FOREVER)
        return -1;
    uint64_t now_ns = deadline_ns ? plat_now_ns() : 0;
    uint64_t left_ms = deadline_ns > now_ns ? (deadline_ns - now_ns + 999999) / 1000000 : 0;
    return left_ms > INT32_MAX ? INT32_MAX : (int)left_ms;
}

void plat_poll(struct plat_poll *polls, uint32_t count, uint64_t deadline_ns)
{
    struct pollfd descriptors[PLAT_POLLS_MAX];
    sisp_assert(count <= PLAT_POLLS_MAX);
    for (uint32_t i = 0; i < count; i++)
        descriptors[i] =
            (struct pollfd){.fd = polls[i].fd, .events = polls[i].is_for_write ? POLLOUT : POLLIN};
    bool has_any = poll(descriptors, count, milliseconds_until(deadline_ns)) > 0;
    for (uint32_t i = 0; i < count; i++)
        polls[i].is_ready = has_any && descriptors[i].revents != 0;
}

void plat_close(int fd)
{
    if (fd >= 0)
        close(fd);
}
