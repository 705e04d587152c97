/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "devices.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Not in any header: sw_sync's are the kernel's own, vgem's would need libdrm. */
struct sw_sync_fence {
    uint32_t value;
    char name[32];
    int32_t fence;
};
#define SW_SYNC_CREATE_FENCE _IOWR('W', 0, struct sw_sync_fence)
#define SW_SYNC_ADVANCE      _IOW('W', 1, uint32_t)

struct drm_dumb {
    uint32_t height, width, bits, flags, handle, pitch;
    uint64_t size_bytes;
};
struct drm_prime {
    uint32_t handle, flags;
    int32_t fd;
};
struct vgem_fence {
    uint32_t handle, flags, fence, padding;
};
struct vgem_done {
    uint32_t fence, flags;
};
#define DRM_CREATE_DUMB _IOWR('d', 0xB2, struct drm_dumb)
#define DRM_TO_DMABUF   _IOWR('d', 0x2d, struct drm_prime)
#define VGEM_ATTACH     _IOWR('d', 0x41, struct vgem_fence)
#define VGEM_SIGNAL     _IOW('d', 0x42, struct vgem_done)
#define VGEM_WRITE      1u

struct export_sync_file {
    uint32_t flags;
    int32_t fd;
};
#define EXPORT_SYNC_FILE _IOWR(DMA_BUF_BASE, 2, struct export_sync_file)

static int call(int fd, unsigned long request, void *argument)
{
    int r;
    do
        r = ioctl(fd, request, argument);
    while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : r;
}

static int open_device(const char *path)
{
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int timeline_open(void)
{
    return open_device("/sys/kernel/debug/sync/sw_sync");
}

int timeline_fence(int timeline, uint32_t value)
{
    struct sw_sync_fence fence = {.value = value, .name = "test"};
    const int r = call(timeline, SW_SYNC_CREATE_FENCE, &fence);
    return r < 0 ? r : fence.fence;
}

int timeline_advance(int timeline, uint32_t steps)
{
    return call(timeline, SW_SYNC_ADVANCE, &steps);
}

int vgem_open(void)
{
    return open_device("/dev/dri/card0");
}

int vgem_dmabuf(int card, size_t size_bytes, uint32_t *handle)
{
    struct drm_dumb dumb = {.height = 1, .width = (uint32_t)size_bytes, .bits = 8};
    int r = call(card, DRM_CREATE_DUMB, &dumb);
    struct drm_prime prime = {.handle = dumb.handle, .flags = O_RDWR | O_CLOEXEC};
    if (r >= 0)
        r = call(card, DRM_TO_DMABUF, &prime);
    *handle = dumb.handle;
    return r < 0 ? r : prime.fd;
}

int vgem_attach(int card, uint32_t handle, uint32_t *fence)
{
    struct vgem_fence attach = {.handle = handle, .flags = VGEM_WRITE};
    const int r = call(card, VGEM_ATTACH, &attach);
    *fence = attach.fence;
    return r;
}

int vgem_signal(int card, uint32_t fence)
{
    struct vgem_done done = {.fence = fence};
    return call(card, VGEM_SIGNAL, &done);
}

static size_t whole_pages(size_t size_bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (size_bytes + page - 1) / page * page;
}

int udmabuf_make(size_t size_bytes)
{
    const int device = open_device("/dev/udmabuf");
    if (device < 0)
        return device;
    const int memfd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    struct udmabuf_create create = {
        .memfd = (uint32_t)memfd, .flags = UDMABUF_FLAGS_CLOEXEC, .size = whole_pages(size_bytes)};
    int r = -errno;
    if (memfd >= 0 && ftruncate(memfd, (off_t)create.size) == 0 &&
        fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK) == 0)
        r = call(device, UDMABUF_CREATE, &create);
    if (memfd >= 0)
        close(memfd);
    close(device);
    return r;
}

int dma_heap_make(size_t size_bytes)
{
    const int device = open_device("/dev/dma_heap/system");
    if (device < 0)
        return device;
    struct dma_heap_allocation_data data = {
        .len = whole_pages(size_bytes), .fd_flags = O_RDWR | O_CLOEXEC};
    const int r = call(device, DMA_HEAP_IOCTL_ALLOC, &data);
    close(device);
    return r < 0 ? r : (int)data.fd;
}

int dmabuf_write_fence(int dmabuf)
{
    struct export_sync_file wanted = {.flags = DMA_BUF_SYNC_READ, .fd = -1};
    const int r = call(dmabuf, EXPORT_SYNC_FILE, &wanted);
    return r < 0 ? r : wanted.fd;
}

void fill(uint8_t *bytes, size_t size_bytes, unsigned seed)
{
    for (size_t i = 0; i < size_bytes; i++)
        bytes[i] = (uint8_t)(i * i / 7 + i / 64 + seed * 37);
}

uint8_t *dmabuf_map(int dmabuf, size_t size_bytes)
{
    void *bytes = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf, 0);
    return bytes == MAP_FAILED ? NULL : bytes;
}

void dmabuf_unmap(uint8_t *bytes, size_t size_bytes)
{
    munmap(bytes, size_bytes);
}

int dmabuf_fill(int dmabuf, size_t size_bytes, unsigned seed)
{
    uint8_t *bytes = dmabuf_map(dmabuf, size_bytes);
    if (!bytes)
        return -errno;
    struct dma_buf_sync start = {DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE};
    struct dma_buf_sync end = {DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE};
    int r = call(dmabuf, DMA_BUF_IOCTL_SYNC, &start);
    fill(bytes, size_bytes, seed);
    if (r >= 0)
        r = call(dmabuf, DMA_BUF_IOCTL_SYNC, &end);
    dmabuf_unmap(bytes, size_bytes);
    return r;
}
