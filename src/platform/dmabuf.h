/* SPDX-License-Identifier: GPL-3.0-or-later */
/**
 * Memory that devices share: dmabufs of our own making and buffers of others, access to them by
 * the CPU, and fences that say when a device has done with one.
 */
#ifndef PLATFORM_DMABUF_H
#define PLATFORM_DMABUF_H

#include "platform/platform.h"

enum plat_memory_kind {
    PLAT_MEMORY_MEMFD,
    PLAT_MEMORY_UDMABUF,
    PLAT_MEMORY_DMA_HEAP,
};

/** Whether a page of that kind can be had. Returns: 0, errno (-ENOENT: no such device). */
int plat_memory_probe(enum plat_memory_kind kind);

/** How fast the CPU reads that kind beside ordinary memory: about 1, or a tenth and less where no
 * cache is in between. Takes some ms; as long again for each factor that it is slower. Returns: 0,
 * errno. */
int plat_memory_measure(enum plat_memory_kind kind, double *ratio);

/** A dmabuf of these pages of a memfd that is sealed against shrinking. Returns: fd, errno. */
int plat_udmabuf_create(int memfd, size_t offset_bytes, size_t size_bytes);

/** A dmabuf of the system heap, mapped to read and write, touched. Returns: 0, -ENOMEM, errno. */
int plat_dma_heap_create(struct plat_memory *memory, size_t size_bytes);

/** A buffer of somebody else's: which one it is, and, once mapped, its bytes. */
struct plat_import {
    uint64_t device, inode, offset_bytes;
    size_t size_bytes;
    bool is_dmabuf;
    int fd;      /* our own duplicate; -1: not mapped */
    void *bytes; /* to read; NULL: not mapped */
};

/** Tell which buffer it is. Only a dmabuf or a memfd of this size whose pages cannot be taken away
 * under a reader. Returns: 0, -EBADF, -EMEDIUMTYPE (it is neither), -EPERM (not sealed), -ERANGE
 * (too short). */
int plat_import_look(struct plat_import *import, int fd, uint64_t offset_bytes, size_t size_bytes);

/** Map what was looked at. May block. Returns: 0, errno. */
int plat_import_map(struct plat_import *import, int fd);
void plat_import_unmap(struct plat_import *import);

/** What the CPU is about to do with a dmabuf, or has done. */
enum plat_sync {
    PLAT_SYNC_BEGIN_READ,
    PLAT_SYNC_END_READ,
    PLAT_SYNC_BEGIN_WRITE,
    PLAT_SYNC_END_WRITE,
};

/** Signals by being readable. Only a sync_file or an eventfd. Returns: a duplicate, -EBADF, -EINVAL
 * (it is neither), errno. */
int plat_fence_duplicate(int fd);

/** Whether a sync_file has signalled an error: its device was lost or reset, and has not done what
 * it was to do. An eventfd knows none. */
bool plat_fence_has_failed(int fd);

/** Waits for devices that have not signalled; harmless with fd -1 and what is no dmabuf. */
void plat_dmabuf_sync(int fd, enum plat_sync sync);

#endif
