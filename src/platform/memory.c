/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "platform/platform.h"

#include "base/base.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* of the kernel, later than some C libraries */
#endif
#define HUGE_PAGE_BYTES ((size_t)2 << 20)
#define ONE_WRITER      (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE)

size_t plat_page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static int open_sized(const char *name, size_t size_bytes)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    if (ftruncate(fd, (off_t)size_bytes) < 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

/* Unlike touching, this reports a lack of memory instead of a signal. Some kernels let any signal
 * end it and begin anew: under a timer that ticks, large memory would never come. */
static int take_pages(int fd, size_t size_bytes)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = -posix_fallocate(fd, 0, (off_t)size_bytes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

/* The pages are there and zero, they are only not mapped yet; to write them takes twice as long as
 * to ask for that, which Linux has been able to do since 5.14. */
static void touch(void *bytes, size_t size_bytes)
{
    if (madvise(bytes, size_bytes, MADV_POPULATE_WRITE) < 0)
        memset(bytes, 0, size_bytes);
}

/* fd -1: private. */
static void *map(int fd, size_t size_bytes, bool is_touched, int *error)
{
    const int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
    void *bytes = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
    if (bytes == MAP_FAILED) {
        *error = -ENOMEM;
        return NULL;
    }
    if (size_bytes >= HUGE_PAGE_BYTES)
        madvise(bytes, size_bytes, MADV_HUGEPAGE);
    *error = is_touched && fd >= 0 ? take_pages(fd, size_bytes) : 0;
    if (*error) {
        munmap(bytes, size_bytes);
        return NULL;
    }
    if (is_touched)
        touch(bytes, size_bytes);
    return bytes;
}

static int create(
    struct plat_memory *memory, const char *name, size_t size_bytes, int seals, bool is_touched)
{
    sisp_assert(size_bytes > 0);
    *memory = (struct plat_memory){.fd = -1};
    int error, fd = open_sized(name, size_bytes);
    if (fd < 0)
        return fd;
    void *bytes = map(fd, size_bytes, is_touched, &error);
    if (bytes && fcntl(fd, F_ADD_SEALS, seals | F_SEAL_SEAL) < 0) {
        error = -errno;
        munmap(bytes, size_bytes);
    }
    if (error) {
        close(fd);
        return error;
    }
    *memory = (struct plat_memory){.bytes = bytes, .size_bytes = size_bytes, .fd = fd};
    return 0;
}

/* Neither side can take pages away under the other. */
int plat_memory_create(struct plat_memory *memory, const char *name, size_t size_bytes)
{
    return create(memory, name, size_bytes, F_SEAL_SHRINK | F_SEAL_GROW, true);
}

/* The seal leaves the mapping that is there alone. */
int plat_memory_create_one_writer(struct plat_memory *memory, const char *name, size_t size_bytes)
{
    return create(memory, name, size_bytes, ONE_WRITER, true);
}

int plat_memory_reserve(struct plat_memory *memory, const char *name, size_t size_bytes)
{
    return create(memory, name, size_bytes, ONE_WRITER, false);
}

int plat_memory_create_private(struct plat_memory *memory, size_t size_bytes)
{
    int error;
    sisp_assert(size_bytes > 0);
    void *bytes = map(-1, size_bytes, true, &error);
    *memory = (struct plat_memory){.bytes = bytes, .size_bytes = size_bytes, .fd = -1};
    return error;
}

int plat_memory_inode(const struct plat_memory *memory, uint64_t *inode)
{
    struct stat stat;
    if (fstat(memory->fd, &stat) < 0)
        return -errno;
    *inode = stat.st_ino;
    return 0;
}

void plat_memory_destroy(struct plat_memory *memory)
{
    if (!memory->bytes)
        return;
    munmap(memory->bytes, memory->size_bytes);
    if (memory->fd >= 0)
        close(memory->fd);
    *memory = (struct plat_memory){.fd = -1};
}
