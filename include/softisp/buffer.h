/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Buffers: what memory frames and pictures lie in, so that devices and other programs share it. */
#ifndef SOFTISP_BUFFER_H
#define SOFTISP_BUFFER_H

#include <softisp/api.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum sisp_memory {
    SISP_MEMORY_MEMFD,    /* a sealed memfd: everywhere */
    SISP_MEMORY_UDMABUF,  /* a dmabuf made of a memfd's pages: /dev/udmabuf */
    SISP_MEMORY_DMA_HEAP, /* a dmabuf of the system heap: /dev/dma_heap/system */
    SISP_MEMORY_IMPORTED, /* a dmabuf or a sealed memfd of somebody else's */
    SISP_MEMORY_PRIVATE,  /* pages of this process alone, for pictures: no descriptor, but huge ones
                           */
    SISP_MEMORY_COUNT,
};

/**
 * Bytes of one buffer: a view, it owns nothing. Two of them are the same bytes where their files
 * (st_dev, st_ino) and offsets are. A dmabuf that the CPU fills needs DMA_BUF_IOCTL_SYNC around
 * that; a session that reads or writes one does so by itself.
 */
struct sisp_buffer {
    enum sisp_memory memory;
    int fd; /* a memfd or a dmabuf, its owner's; -1: none */
    size_t offset_bytes, size_bytes;
    uint8_t *bytes; /* NULL: not mapped */
};

/** Such as "udmabuf", and back (negative errno if unknown). */
SISP_API const char *sisp_memory_name(enum sisp_memory memory);
SISP_API int sisp_memory_find(const char *name);

/**
 * Whether this machine has that memory; asks the kernel for a page of it.
 * why: on failure, one sentence, if not NULL.
 * Returns: 0, -ENOTSUP, -EACCES (there, but not for this user), -EINVAL.
 */
SISP_API SISP_MUST_CHECK int sisp_memory_probe(enum sisp_memory memory, char *why, size_t why_size);

/**
 * How fast the CPU reads that memory, measured, beside ordinary memory: about 1 where the cache is
 * used, a fraction where it is not; then a session still reads each frame once only, but slowly.
 * Takes some milliseconds. Returns: 0, -EINVAL (imported: it depends), errno.
 */
SISP_API SISP_MUST_CHECK int sisp_memory_measure(enum sisp_memory memory, double *ratio);

#ifdef __cplusplus
}
#endif
#endif
