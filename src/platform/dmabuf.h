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

/** A dmabuf of these pages of a memfd that is sealed against shrinking. Returns: fd, errno. */
int plat_udmabuf_create(int memfd, size_t offset_bytes, size_t size_bytes);

/** A dmabuf of the system heap, mapped to read and write, touched. Returns: 0, -ENOMEM, errno. */
int plat_dma_heap_create(struct plat_memory *memory, size_t size_bytes);

/** What the CPU is about to do with a dmabuf, or has done. */
enum plat_sync {
    PLAT_SYNC_BEGIN_READ,
    PLAT_SYNC_END_READ,
    PLAT_SYNC_BEGIN_WRITE,
    PLAT_SYNC_END_WRITE,
};

/** Waits for devices that have not signalled; harmless with fd -1 and what is no dmabuf. */
void plat_dmabuf_sync(int fd, enum plat_sync sync);

#endif
