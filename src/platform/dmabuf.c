/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "platform/dmabuf.h"

#include "base/base.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/magic.h>
#include <linux/sync_file.h>
#include <linux/udmabuf.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static int call(int fd, unsigned long request, void *argument)
{
    int r;
    do {
        r = ioctl(fd, request, argument);
    } while (r < 0 && (errno == EINTR || errno == EAGAIN));
    return r < 0 ? -errno : r;
}

/* ---- of our own ------------------------------------------------------------------------------ */

int plat_udmabuf_create(int memfd, size_t offset_bytes, size_t size_bytes)
{
    int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
    if (device < 0)
        return -errno;
    struct udmabuf_create create = {
        .memfd = (uint32_t)memfd,
        .flags = UDMABUF_FLAGS_CLOEXEC,
        .offset = offset_bytes,
        .size = size_bytes,
    };
    int fd = call(device, UDMABUF_CREATE, &create);
    close(device);
    return fd;
}

static int allocate(size_t size_bytes)
{
    int device = open("/dev/dma_heap/system", O_RDONLY | O_CLOEXEC);
    if (device < 0)
        return -errno;
    struct dma_heap_allocation_data data = {.len = size_bytes, .fd_flags = O_RDWR | O_CLOEXEC};
    int r = call(device, DMA_HEAP_IOCTL_ALLOC, &data);
    close(device);
    return r < 0 ? r : (int)data.fd;
}

int plat_dma_heap_create(struct plat_memory *memory, size_t size_bytes)
{
    *memory = (struct plat_memory){.fd = -1};
    int fd = allocate(size_bytes);
    if (fd < 0)
        return fd;
    void *bytes = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED) {
        int error = -errno;
        close(fd);
        return error;
    }
    *memory = (struct plat_memory){.bytes = bytes, .size_bytes = size_bytes, .fd = fd};
    plat_dmabuf_sync(fd, PLAT_SYNC_BEGIN_WRITE);
    memset(bytes, 0, size_bytes);
    plat_dmabuf_sync(fd, PLAT_SYNC_END_WRITE);
    return 0;
}

static int probe_udmabuf(void)
{
    struct plat_memory memory;
    int error = plat_memory_create(&memory, "softisp-probe", plat_page_bytes());
    if (error)
        return error;
    int fd = plat_udmabuf_create(memory.fd, 0, memory.size_bytes);
    if (fd >= 0)
        close(fd);
    plat_memory_destroy(&memory);
    return fd < 0 ? fd : 0;
}

int plat_memory_probe(enum plat_memory_kind kind)
{
    if (kind == PLAT_MEMORY_UDMABUF)
        return probe_udmabuf();
    struct plat_memory memory;
    int error = kind == PLAT_MEMORY_DMA_HEAP
                    ? plat_dma_heap_create(&memory, plat_page_bytes())
                    : plat_memory_create(&memory, "softisp-probe", plat_page_bytes());
    if (!error)
        plat_memory_destroy(&memory);
    return error;
}

/* ---- of others ------------------------------------------------------------------------------- */

/* Files on huge pages are refused: their pages can be punched out, and then a read may find none.
 */
static int kind_of(int fd, bool *is_dmabuf)
{
    struct statfs statfs;
    if (fstatfs(fd, &statfs) < 0)
        return -errno;
    *is_dmabuf = (unsigned long)statfs.f_type == DMA_BUF_MAGIC;
    if (*is_dmabuf)
        return 0;
    int seals = fcntl(fd, F_GET_SEALS);
    if ((unsigned long)statfs.f_type != TMPFS_MAGIC || seals < 0)
        return -EMEDIUMTYPE;
    return seals & F_SEAL_SHRINK ? 0 : -EPERM;
}

int plat_import_look(struct plat_import *import, int fd, uint64_t offset_bytes, size_t size_bytes)
{
    struct stat stat;
    *import = (struct plat_import){.fd = -1};
    if (fstat(fd, &stat) < 0)
        return -errno;
    int error = kind_of(fd, &import->is_dmabuf);
    if (error)
        return error;
    /* A dmabuf tells its size only so; there is no position that this could move. */
    off_t end = import->is_dmabuf ? lseek(fd, 0, SEEK_END) : stat.st_size;
    if (end < 0 || offset_bytes > (uint64_t)end || size_bytes > (uint64_t)end - offset_bytes)
        return -ERANGE;
    import->device = stat.st_dev;
    import->inode = stat.st_ino;
    import->offset_bytes = offset_bytes;
    import->size_bytes = size_bytes;
    return 0;
}

int plat_import_map(struct plat_import *import, int fd)
{
    size_t lead_bytes = import->offset_bytes % plat_page_bytes();
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0)
        return -errno;
    void *bytes = mmap(NULL, lead_bytes + import->size_bytes, PROT_READ, MAP_SHARED | MAP_POPULATE,
        own, (off_t)(import->offset_bytes - lead_bytes));
    if (bytes == MAP_FAILED) {
        int error = -errno;
        close(own);
        return error;
    }
    import->fd = own;
    import->bytes = (uint8_t *)bytes + lead_bytes;
    return 0;
}

void plat_import_unmap(struct plat_import *import)
{
    size_t lead_bytes = import->offset_bytes % plat_page_bytes();
    if (!import->bytes)
        return;
    munmap((uint8_t *)import->bytes - lead_bytes, lead_bytes + import->size_bytes);
    close(import->fd);
    *import = (struct plat_import){.fd = -1};
}

/* ---- access by the CPU ------------------------------------------------------------------------
 */

void plat_dmabuf_sync(int fd, enum plat_sync sync)
{
    static const uint64_t flags[] = {
        [PLAT_SYNC_BEGIN_READ] = DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ,
        [PLAT_SYNC_END_READ] = DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ,
        [PLAT_SYNC_BEGIN_WRITE] = DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE,
        [PLAT_SYNC_END_WRITE] = DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE,
    };
    sisp_assert((unsigned)sync < BASE_COUNT(flags));
    struct dma_buf_sync argument = {.flags = flags[sync]};
    if (fd >= 0)
        call(fd, DMA_BUF_IOCTL_SYNC, &argument);
}

/* ---- fences -------------------------------------------------------------------------------------
 */

static bool is_eventfd(int fd)
{
    static const char expected[] = "anon_inode:[eventfd]";
    char path[40], target[sizeof(expected)];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    ssize_t length = readlink(path, target, sizeof(target));
    return length == (ssize_t)strlen(expected) && memcmp(target, expected, (size_t)length) == 0;
}

int plat_fence_duplicate(int fd)
{
    struct sync_file_info info = {.num_fences = 0};
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0)
        return -errno;
    if (call(own, SYNC_IOC_FILE_INFO, &info) == 0 || is_eventfd(own))
        return own;
    close(own);
    return -EINVAL;
}

bool plat_fence_has_failed(int fd)
{
    struct sync_file_info info = {.num_fences = 0};
    return call(fd, SYNC_IOC_FILE_INFO, &info) == 0 && info.status < 0;
}
